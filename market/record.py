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
from market.bids import walk_book
from market.events import Event
from market.hardware import Family
from market.liquidation import lot_reserve_usd
from market.loans import Collateral, LoanStatus
from market.lots import LotState

if TYPE_CHECKING:
    import pandas as pd

    from market.run import Run

ILLUSION_DAYS = 28
BOOK_LEVELS = 12


class Recorder:
    """Collects rows while a run goes on; frames are built when asked for."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._book: list[tuple[int, str, str, str, str, float, float]] = []
        self._illusion: list[tuple[int, str, str, float, float, float]] = []
        self._absorbed: list[tuple[int, str, float, float, float, float]] = []
        self._margin_calls = 0
        self._events_read = 0
        self._ltv = (float("nan"), float("nan"))
        self._held: NDArray[np.float64] = np.zeros(0)

    def day(self, run: Run, conservation_error: float) -> None:
        """Append the day's row; every four weeks measure the collateral illusion."""
        from market.windows import strips_today

        s = run.state
        if run.day % ILLUSION_DAYS == 0:
            at_window, run.strips = run.strips, strips_today(run)
            self._ltv = self._measure_illusion(run)
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
    ) -> None:
        """Keep the ladder of a class when something of it is for sale, and once a quarter."""
        s = run.state
        lots = slice(0, int(s.lots.count[0]))
        from_site = in_place or s.hardware.family[k] == Family.ASIC
        state = LotState.IN_PLACE if from_site else LotState.REMOVED
        offered = np.flatnonzero((s.lots.hardware[lots] == k) & (s.lots.state[lots] == state))
        quarterly = run.day % 91 < run.scenario.liquidation.window_days
        if len(offered) == 0 and not quarterly:
            return
        place = "in place" if in_place else "removed"
        name = s.names.hardware[k]
        live = np.flatnonzero((bids > 0) & (units > 0))
        for segment in np.unique(s.buyers.segment[live]):
            mine = live[s.buyers.segment[live] == segment]
            mine = mine[np.argsort(-bids[mine], kind="stable")]
            for part in np.array_split(mine, min(BOOK_LEVELS, len(mine))):
                amount = float(units[part].sum())
                price = float((bids[part] * units[part]).sum() / amount)
                label = s.names.segments[segment]
                self._book.append((run.day, name, place, "bid", label, price, amount))
        for lot in offered:
            reserve = lot_reserve_usd(
                run.today(), lot, hold_usd, s.hardware.scrap_usd[k], s.lenders, s.lots
            )
            seller = s.names.parties[s.lots.owner[lot]]
            self._book.append(
                (run.day, name, place, "ask", seller, float(reserve), float(s.lots.units[lot]))
            )

    def _measure_illusion(self, run: Run) -> tuple[float, float]:
        """Paper and realisable value of pledged BTC and hardware by lender and class.

        Realisable: the lender walks today's bids with its whole position, alone; after legal and
        removal cost; what finds no bid counts as scrap. Buyers' saved budgets are worth up to
        ``liquidation.budget_days`` (90) of spending. The two ratios returned are of the whole
        market: all pledged units of a class walk its book at once.
        """
        from market.windows import bids_today

        s, terms = run.state, run.scenario.liquidation

        def realisable_usd(
            books: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
            position: float,
            k: int,
            removal_usd: float,
        ) -> float:
            bids = np.concatenate([book[0] for book in books])
            units = np.concatenate([book[1] for book in books])
            gross, sold = walk_book(bids, units, position)
            net = gross * (1.0 - terms.legal_cost_share) - removal_usd * sold
            return max(net, 0.0) + (position - sold) * float(s.hardware.scrap_usd[k])

        performing = s.loans.status == LoanStatus.PERFORMING
        balance_sum = paper_sum = real_sum = 0.0
        is_btc = performing & (s.loans.collateral_btc > 0) & (s.loans.principal_usd > 0)
        for row in np.unique(s.loans.lender[is_btc]):
            mine = is_btc & (s.loans.lender == row)
            balance = float(s.loans.principal_usd[mine].sum())
            paper = float(s.loans.collateral_btc[mine].sum()) * s.prices.btc_usd
            real = paper * np.exp(run.btc_impact_of(paper))
            self._add_illusion(run, int(row), "BTC", balance, paper, float(real))
            balance_sum, paper_sum = balance_sum + balance, paper_sum + paper
            real_sum += float(real)
        pledged = (
            performing & (s.loans.collateral == Collateral.HARDWARE) & (s.loans.principal_usd > 0)
        )
        for k in np.unique(s.loans.hardware[pledged]):
            books = [
                bids_today(run, int(k), place, 0.0)
                for place, there in (
                    (False, run.quotes.has_removed_buyers[k]),
                    (True, run.quotes.has_in_place_buyers[k]),
                )
                if there
            ]
            gpu = s.hardware.family[k] == Family.GPU
            removal = terms.removal_usd_per_gpu if gpu else terms.removal_usd_per_th
            of_class = pledged & (s.loans.hardware == k)
            absorbed = sum(walk_book(bids, units, np.inf)[0] for bids, units in books)
            pledged_units = float(s.loans.collateral_units[of_class].sum())
            total = pledged_units * float(s.marks_usd[k])
            owed = float(s.loans.principal_usd[of_class].sum())
            together = realisable_usd(books, pledged_units, k, removal)
            self._absorbed.append(
                (run.day, s.names.hardware[k], owed, total, together, float(absorbed))
            )
            balance_sum += owed
            paper_sum += total
            real_sum += together
            for row in np.unique(s.loans.lender[of_class]):
                mine = of_class & (s.loans.lender == row)
                units_held = float(s.loans.collateral_units[mine].sum())
                if units_held <= 0:
                    continue
                balance = float(s.loans.principal_usd[mine].sum())
                paper = units_held * float(s.marks_usd[k])
                usable = books if units_held >= run.quotes.smallest_cluster else books[:1]
                real = realisable_usd(usable, units_held, k, removal)
                self._add_illusion(run, int(row), s.names.hardware[k], balance, paper, real)
        if balance_sum <= 0:
            return float("nan"), float("nan")
        return balance_sum / max(paper_sum, 1e-9), balance_sum / max(real_sum, 1e-9)

    def _add_illusion(
        self, run: Run, row: int, hardware: str, balance: float, paper: float, real: float
    ) -> None:
        lender = run.state.names.parties[run.state.first_lender + row]
        self._illusion.append((run.day, lender, hardware, balance, paper, real))

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
        return pd.DataFrame(self._book, columns=columns)

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
