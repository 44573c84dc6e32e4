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

from ..liquidation.bids import strips_today
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY
from .collateral_illusion import measure_illusion
from .daily_figures import measure_day

if TYPE_CHECKING:
    import pandas as pd

ILLUSION_DAYS = 28
MANY_SELLERS = "many"  # offers too many to list are kept as steps of a ladder


class Recorder:
    """Collects rows while a run goes on; frames are built when asked for."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._illusion: list[tuple[int, str, str, float, float, float]] = []
        self._absorbed: list[tuple[int, str, float, float, float, float]] = []
        self._margin_calls = 0
        self._events_read = 0
        self._ltv = (float("nan"), float("nan"))
        self._held: NDArray[np.float64] = np.zeros(0)  # [borrower] coins, the day before
        self._traded: list[tuple[int, str, str]] = []  # class, columns of its mark and price

    def day(self, market: Market, conservation_error: float) -> None:
        """Append the day's row; every four weeks measure the collateral illusion."""
        p = market.prices
        if market.day % ILLUSION_DAYS == 0:
            at_auctions, market.strips = market.strips, strips_today(market)
            found = measure_illusion(market)
            self._illusion += found.by_lender
            self._absorbed += found.by_class
            self._ltv = (found.paper_ltv, found.realisable_ltv)
            market.strips = at_auctions  # lenders decide on the book of the last auctions
        if not self._rows:
            self._open(market)
        mined_btc_per_th = 0.0
        if market.day > 0:
            fees = float(market.crypto.fee_share[market.day])
            mined_btc_per_th = BLOCKS_PER_DAY * p.subsidy_btc / (1.0 - fees)
        sums = measure_day(
            market, self._events_read, mined_btc_per_th, p.difficulty_eh_s * 1e6, self._held
        )
        self._margin_calls += sums.margin_calls
        self._events_read = len(market.events)
        row: dict[str, Any] = {
            "day": market.day,
            "date": market.date,
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
            "btc_forced_sale_usd": float(market.log.forced_usd[0]),
            "btc_mined": sums.btc_mined,
            "btc_sold": sums.btc_sold,
            "btc_mined_listed": sums.btc_mined_listed,
            "btc_sold_listed": sums.btc_sold_listed,
            "btc_held_listed": sums.btc_held_listed,
            "rigs_delivered_th": market.dated_facts.delivered_th if market.dated_facts else 0.0,
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
        marks, clearing = market.marks_usd.tolist(), market.clearing_usd.tolist()
        for k, mark_column, clearing_column in self._traded:
            row[mark_column] = marks[k]
            row[clearing_column] = clearing[k]
        self._rows.append(row)

    def _open(self, market: Market) -> None:
        """Name the columns of prices: of classes that have one second-hand."""
        self._held = np.full(market.borrower_count, np.nan)
        self._traded = [
            (k, f"mark_{name}_usd", f"clearing_{name}_usd")
            for k, name in enumerate(market.names.hardware)
            if market.hardware.used_open_usd[k] > 0
        ]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The daily rows so far."""
        return self._rows

    def series(self) -> pd.DataFrame:
        """One row per day, the opening day first."""
        import pandas as pd

        return pd.DataFrame(self._rows)

    def book_frame(self, market: Market) -> pd.DataFrame:
        """Ladders: day, hardware, place, side, segment (of an ask: the seller), price, units."""
        import pandas as pd

        columns = ["day", "hardware", "place", "side", "segment", "price_usd", "units"]
        rows: list[tuple[int, str, str, str, str, float, float]] = []
        for day, k, in_place, bids, asks in market.ladders:
            where = (day, market.names.hardware[k], "in place" if in_place else "removed")
            for segment, price, units in zip(*bids, strict=True):
                name = market.names.segments[segment]
                rows.append((*where, "bid", name, float(price), float(units)))
            for seller, price, units in zip(*asks, strict=True):
                name = market.names.parties[seller] if seller >= 0 else MANY_SELLERS
                rows.append((*where, "ask", name, float(price), float(units)))
        return pd.DataFrame(rows, columns=columns)

    def sales(self, market: Market) -> pd.DataFrame:
        """Auctions that cleared: day, hardware, place, price, units of seized or listed lots sold.

        Clusters are sold in place one by one: theirs is the mean price of the day.
        """
        import pandas as pd

        columns = ["day", "hardware", "place", "price_usd", "forced_units"]
        sales = pd.DataFrame(market.sales, columns=columns)
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
