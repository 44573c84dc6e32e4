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

from ..compiled_sales import asks_for
from ..liquidation.order_book import bid_levels
from ..liquidation.values import strips_today
from ..prices.network import BLOCKS_PER_DAY
from ..state.hardware import Family
from ..state.lots import LotState
from .collateral_illusion import measure_illusion
from .daily_figures import measure_day

if TYPE_CHECKING:
    import pandas as pd

    from ..state.market import Names
    from ..state.run import Run

ILLUSION_DAYS = 28
MANY_SELLERS = "many"  # offers too many to list are kept as steps of a ladder

Levels = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]  # whose, USD, units


class Recorder:
    """Collects rows while a run goes on; frames are built when asked for.

    Args:
        keeps_book: whether ladders of the order book and prices of auctions are kept; to look at,
            nothing is decided on them.
    """

    def __init__(self, keeps_book: bool = True) -> None:
        self._keeps_book = keeps_book
        self._rows: list[dict[str, Any]] = []
        self._book: list[tuple[int, int, bool, Levels, Levels]] = []
        self._sales: list[tuple[int, str, bool, float, float]] = []
        self._names: Names | None = None
        self._illusion: list[tuple[int, str, str, float, float, float]] = []
        self._absorbed: list[tuple[int, str, float, float, float, float]] = []
        self._margin_calls = 0
        self._events_read = 0
        self._ltv = (float("nan"), float("nan"))
        self._held: NDArray[np.float64] = np.zeros(0)  # [borrower] coins, the day before
        self._traded: list[tuple[int, str, str]] = []  # class, columns of its mark and price

    def day(self, run: Run, conservation_error: float) -> None:
        """Append the day's row; every four weeks measure the collateral illusion."""
        s, p = run.state, run.state.prices
        if run.day % ILLUSION_DAYS == 0:
            at_window, run.strips = run.strips, strips_today(run)
            found = measure_illusion(run)
            self._illusion += found.by_lender
            self._absorbed += found.by_class
            self._ltv = (found.paper_ltv, found.realisable_ltv)
            run.strips = at_window  # lenders decide on the book of the last window
        if not self._rows:
            self._open(run)
        mined_btc_per_th = 0.0
        if run.day > 0:
            fees = float(run.crypto.fee_share[run.day])
            mined_btc_per_th = BLOCKS_PER_DAY * p.subsidy_btc / (1.0 - fees)
        sums = measure_day(
            run.shared, self._events_read, mined_btc_per_th, p.difficulty_eh_s * 1e6, self._held
        )
        self._margin_calls += sums.margin_calls
        self._events_read = len(s.events)
        row: dict[str, Any] = {
            "day": run.day,
            "date": run.date,
            "btc_usd": p.btc_usd,
            "btc_impact_log": p.btc_impact_log,
            "eth_usd": p.eth_usd,
            "hashprice_usd_ph_day": p.hashprice_usd_ph_day,
            "network_hashrate_eh_s": p.network_hashrate_eh_s,
            "difficulty_eh_s": p.difficulty_eh_s,
            "rent_h100_usd_h": p.rent_h100_usd_h,
            "rent_planned_usd_h": p.rent_planned_usd_h,
            "effective_gpus": p.effective_gpus,
            "gpus_online": sums.gpus_online,
            "defaults_miner": sums.defaults_miner,
            "defaults_neocloud": sums.defaults_neocloud,
            "margin_calls": self._margin_calls,
            "loss_usd": sums.loss_usd,
            "lender_capital_usd": sums.lender_capital_usd,
            "macro_stress": p.stress,
            "reference_rate": p.reference_rate,
            "credit_supply": sums.credit_supply,
            "loan_price": p.loan_price,
            "lending_ease": p.ease,
            "machine_q": p.q,
            "ordered_usd": p.ordered_usd,
            "paid_out_usd": p.paid_out_usd,
            "withdrawn_usd": sums.withdrawn_usd,
            "failures_lender": sums.failures_lender,
            "loans_outstanding_usd": sums.loans_outstanding_usd,
            "btc_forced_sale_usd": float(s.log.forced_usd[0]),
            "btc_mined": sums.btc_mined,
            "btc_sold": sums.btc_sold,
            "btc_mined_listed": sums.btc_mined_listed,
            "btc_sold_listed": sums.btc_sold_listed,
            "btc_held_listed": sums.btc_held_listed,
            "rigs_delivered_th": s.diary.delivered_th if s.diary else 0.0,
            "borrower_cash_usd": sums.borrower_cash_usd,
            "paper_ltv": self._ltv[0],
            "realisable_ltv": self._ltv[1],
            "conservation_error": conservation_error,
            "gpus_seized": sums.gpus_seized,
            "gpus_sold": sums.gpus_sold,
            "gpus_for_sale": sums.gpus_for_sale,
            "asic_th_seized": sums.asic_th_seized,
            "asic_th_sold": sums.asic_th_sold,
            "asic_th_for_sale": sums.asic_th_for_sale,
        }
        marks, clearing = s.marks_usd.tolist(), s.clearing_usd.tolist()
        for k, mark_column, clearing_column in self._traded:
            row[mark_column] = marks[k]
            row[clearing_column] = clearing[k]
        self._rows.append(row)

    def _open(self, run: Run) -> None:
        """Name the columns of prices: of classes that have one second-hand."""
        s = run.state
        self._held = np.full(s.borrower_count, np.nan)
        self._traded = [
            (k, f"mark_{name}_usd", f"clearing_{name}_usd")
            for k, name in enumerate(s.names.hardware)
            if s.hardware.used_open_usd[k] > 0
        ]

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
        if not self._keeps_book or (on_offer <= 0.0 and not quarterly):
            return
        s = run.state
        from_site = in_place or s.hardware.family[k] == Family.ASIC
        state = LotState.IN_PLACE if from_site else LotState.REMOVED
        asks = asks_for(run.shared, k, int(state), hold_usd)  # numba is slow to look at an enum
        if len(asks[0]) == 0 and not quarterly:
            return
        steps = bid_levels(bids, units, s.buyers.segment, len(s.names.segments))
        self._book.append((run.day, k, in_place, steps, asks))
        self._names = s.names

    def sale(self, run: Run, k: int, in_place: bool, price_usd: float, forced_units: float) -> None:
        """Keep what an auction of a class cleared at [USD/unit], and units of lots sold in it."""
        if self._keeps_book:
            name = run.state.names.hardware[k]
            self._sales.append((run.day, name, in_place, price_usd, forced_units))

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

    def sales(self) -> pd.DataFrame:
        """Auctions that cleared: day, hardware, place, price, units of seized or listed lots sold.

        Clusters are sold in place one by one: theirs is the mean price of the day.
        """
        import pandas as pd

        columns = ["day", "hardware", "place", "price_usd", "forced_units"]
        sales = pd.DataFrame(self._sales, columns=columns)
        sales["place"] = sales["place"].map({True: "in place", False: "removed"}).astype(str)
        return sales

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
