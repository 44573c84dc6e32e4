"""What a run remembers: a row a day, the order book's ladders, and the collateral illusion.

A day's row has, for each class that trades, ``clearing_<class>_usd`` (last clearing price, NaN
before the first) and ``mark_<class>_usd`` (lenders' mark); ``btc_mined`` and ``btc_sold`` by all
miners and, with ``_listed``, by listed ones (sold by themselves, their lenders or estates), and
``btc_held_listed``; ``rigs_delivered_th`` so far, of orders at the opening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agents.lender import credit_supply_share
from agents.party import Kind, Status
from market.compiled_phases import asks_for
from market.events import Event
from market.hardware import Family
from market.illusion import measure_illusion
from market.lots import LotState
from market.order_book import bid_levels
from market.windows import strips_today

if TYPE_CHECKING:
    import pandas as pd

    from market.run import Run
    from market.state import Names

ILLUSION_DAYS = 28
MANY_SELLERS = "many"  # offers too many to list are kept as steps of a ladder

Levels = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]  # whose, USD, units


class Recorder:
    """Collects rows while a run goes on; frames are built when asked for."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._book: list[tuple[int, int, bool, Levels, Levels]] = []
        self._names: Names | None = None
        self._illusion: list[tuple[int, str, str, float, float, float]] = []
        self._absorbed: list[tuple[int, str, float, float, float, float]] = []
        self._margin_calls = 0
        self._events_read = 0
        self._ltv = (float("nan"), float("nan"))
        self._held: NDArray[np.float64] = np.zeros(0)

    def day(self, run: Run, conservation_error: float) -> None:
        """Append the day's row; every four weeks measure the collateral illusion."""
        s = run.state
        if run.day % ILLUSION_DAYS == 0:
            at_window, run.strips = run.strips, strips_today(run)
            found = measure_illusion(run)
            self._illusion += found.by_lender
            self._absorbed += found.by_class
            self._ltv = (found.paper_ltv, found.realisable_ltv)
            run.strips = at_window  # lenders decide on the book of the last window
        new = s.events[self._events_read :]
        self._margin_calls += int(np.sum(new["kind"] == Event.MARGIN_CALL))
        self._events_read = len(s.events)
        n = s.borrower_count
        coins = self._coins(run)
        failed = s.parties.status[:n] != Status.ACTIVE
        kind = s.parties.kind[:n]
        lots = slice(0, int(s.lots.count[0]))
        family = s.hardware.family[s.lots.hardware[lots]]
        for_sale = (s.lots.state[lots] == LotState.IN_PLACE) | (
            s.lots.state[lots] == LotState.REMOVED
        )
        row: dict[str, Any] = {
            "day": run.day,
            "date": run.date,
            "btc_usd": s.prices.btc_usd,
            "btc_impact_log": s.prices.btc_impact_log,
            "eth_usd": s.prices.eth_usd,
            "hashprice_usd_ph_day": s.prices.hashprice_usd_ph_day,
            "network_hashrate_eh_s": s.prices.network_hashrate_eh_s,
            "difficulty_eh_s": s.prices.difficulty_eh_s,
            "rent_h100_usd_h": s.prices.rent_h100_usd_h,
            "rent_planned_usd_h": s.prices.rent_planned_usd_h,
            "effective_gpus": s.prices.effective_gpus,
            "gpus_online": float(s.neoclouds.gpus_online.sum()),
            "defaults_miner": int(np.sum(failed & (kind == Kind.MINER))),
            "defaults_neocloud": int(np.sum(failed & (kind == Kind.NEOCLOUD))),
            "margin_calls": self._margin_calls,
            "loss_usd": float(s.lenders.loss_usd.sum()),
            "lender_capital_usd": float(s.lenders.capital_usd.sum()),
            "macro_stress": s.prices.stress,
            "reference_rate": s.prices.reference_rate,
            "credit_supply": credit_supply_share(s.lenders),
            "loan_price": s.prices.loan_price,
            "lending_ease": s.prices.ease,
            "machine_q": s.prices.q,
            "ordered_usd": s.prices.ordered_usd,
            "paid_out_usd": s.prices.paid_out_usd,
            "withdrawn_usd": float(s.lenders.run_usd.sum()),
            "failures_lender": int(
                np.sum(s.parties.status[s.first_lender : s.first_buyer] != Status.ACTIVE)
            ),
            "loans_outstanding_usd": float(s.loans.principal_usd.sum()),
            "btc_forced_sale_usd": float(s.log.forced_usd[0]),
            **coins,
            "rigs_delivered_th": s.diary.delivered_th if s.diary else 0.0,
            "borrower_cash_usd": float(s.parties.cash_usd[:n].sum()),
            "paper_ltv": self._ltv[0],
            "realisable_ltv": self._ltv[1],
            "conservation_error": conservation_error,
        }
        for name, of in (("gpus", Family.GPU), ("asic_th", Family.ASIC)):
            mine = (family == of) & ~s.lots.listed[lots]
            seized = float(s.lots.seized_units[lots][mine].sum())
            unsold = float(s.lots.units[lots][mine].sum())
            row[f"{name}_seized"] = seized
            row[f"{name}_sold"] = seized - unsold
            row[f"{name}_for_sale"] = float(s.lots.units[lots][mine & for_sale].sum())
        for k, name in enumerate(s.names.hardware):
            if s.hardware.used_open_usd[k] > 0:
                row[f"mark_{name}_usd"] = float(s.marks_usd[k])
                row[f"clearing_{name}_usd"] = float(s.clearing_usd[k])
        self._rows.append(row)

    def _coins(self, run: Run) -> dict[str, float]:
        """Coins mined and sold today by miners, and by the listed ones among them [BTC].

        Sold is what was mined and is not held, lent or pledged any more, whoever sold it.
        """
        s = run.state
        n = s.borrower_count
        held = s.parties.btc[:n] + s.parties.btc_lent[:n]
        np.add.at(held, s.loans.borrower, s.loans.collateral_btc)
        mined = np.zeros(n)
        if run.day > 0:
            per_th = 144.0 * s.prices.subsidy_btc / (1.0 - float(run.crypto.fee_share[run.day]))
            mined = s.miners.hashrate_online_th * per_th / (s.prices.difficulty_eh_s * 1e6)
        before = self._held if len(self._held) else held
        sold = mined - (held - before)
        self._held = held
        listed = s.borrowers.market_cap_open_usd > 0.0
        return {
            "btc_mined": float(mined.sum()),
            "btc_sold": float(sold.sum()),
            "btc_mined_listed": float(mined[listed].sum()),
            "btc_sold_listed": float(sold[listed].sum()),
            "btc_held_listed": float(held[listed].sum()),
        }

    def book(
        self,
        run: Run,
        k: int,
        in_place: bool,
        bids: NDArray[np.float64],
        units: NDArray[np.float64],
        hold_usd: float,
        on_offer: float,
    ) -> None:
        """Keep the ladder of a class when something of it is for sale, and once a quarter."""
        quarterly = run.day % 91 < run.scenario.liquidation.window_days
        if on_offer <= 0.0 and not quarterly:
            return
        s = run.state
        from_site = in_place or s.hardware.family[k] == Family.ASIC
        state = LotState.IN_PLACE if from_site else LotState.REMOVED
        asks = asks_for(run.today(), run.shared(), k, state, hold_usd)
        if len(asks[0]) == 0 and not quarterly:
            return
        steps = bid_levels(bids, units, s.buyers.segment, len(s.names.segments))
        self._book.append((run.day, k, in_place, steps, asks))
        self._names = s.names

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The daily rows so far."""
        return self._rows

    def series(self) -> pd.DataFrame:
        """One row per day, the opening day first."""
        import pandas as pd

        return pd.DataFrame(self._rows)

    def book_frame(self) -> pd.DataFrame:
        """Ladders: day, hardware, place, side, segment (of an ask: the seller), price, units."""
        import pandas as pd

        columns = ["day", "hardware", "place", "side", "segment", "price_usd", "units"]
        rows: list[tuple[int, str, str, str, str, float, float]] = []
        for day, k, in_place, bids, asks in self._book:
            assert self._names is not None
            where = (day, self._names.hardware[k], "in place" if in_place else "removed")
            for segment, price, units in zip(*bids, strict=True):
                name = self._names.segments[segment]
                rows.append((*where, "bid", name, float(price), float(units)))
            for seller, price, units in zip(*asks, strict=True):
                name = self._names.parties[seller] if seller >= 0 else MANY_SELLERS
                rows.append((*where, "ask", name, float(price), float(units)))
        return pd.DataFrame(rows, columns=columns)

    def illusion(self) -> pd.DataFrame:
        """Balance, paper value and realisable value [USD] by day, lender and collateral."""
        import pandas as pd

        columns = [
            "day",
            "lender",
            "hardware",
            "balance_usd",
            "paper_value_usd",
            "realisable_value_usd",
        ]
        return pd.DataFrame(self._illusion, columns=columns)

    def absorption(self) -> pd.DataFrame:
        """By day and class, all lenders together: balance, paper value, value if all sold at once.

        ``bids_usd`` is all the money that bids for the class today (90 days of budgets at most).
        """
        import pandas as pd

        columns = ["day", "hardware", "balance_usd", "paper_value_usd", "realisable_value_usd"]
        return pd.DataFrame(self._absorbed, columns=[*columns, "bids_usd"])
