"""What a finished run leaves behind: its frames, and the questions every reader asks of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ...agents.party import Status
from ..causes.causes import in_summary
from ..look import words
from .printed import Printed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ..causes.causes import Causes
    from .network import Network


NO_MONEY = 1e-3  # of the paper value: bids of less are none
LEAST_UNITS = 0.5  # of a machine or TH/s: what is less is dust


class Stock(NamedTuple):
    """A kind of hardware, and the series of what is seized, sold, ended unsold and on offer."""

    unit: str
    seized: str
    sold: str
    ended: str
    waiting: str


FAMILIES = (
    Stock("GPUs", "gpus_seized", "gpus_sold", "gpus_ended", "gpus_for_sale"),
    Stock("TH/s of rigs", "asic_th_seized", "asic_th_sold", "asic_th_ended", "asic_th_for_sale"),
)
ON_LOANS = "on loans"
LOSSES = {
    "loss_usd": ON_LOANS,
    "interlender_loss_usd": "on failed lenders",
    "market_loss_usd": "on other assets",
}
"""Columns of losses in the frame of lenders, and where each is made."""


def rows(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns as plain Python values."""
    return zip(*(frame[column].tolist() for column in columns), strict=True)


@dataclass(frozen=True, eq=False, repr=False)  # a run is looked up, never compared with another
class Results(Printed):
    """The frames of one run (see ``firesale.market.simulation`` for their columns).

    ``schedules`` are a class's opening price [USD], depreciation a year [log] and scrap value.
    """

    scenario: Scenario
    seed: int
    summary: dict[str, Any]
    series: pd.DataFrame
    events: pd.DataFrame
    book: pd.DataFrame
    sales: pd.DataFrame
    loans: pd.DataFrame
    lenders: pd.DataFrame
    illusion: pd.DataFrame
    absorption: pd.DataFrame
    names: Mapping[str, str]
    note: str = ""
    network: Network | None = None  # as it stands on the last day
    own_debt: Mapping[str, float] = field(default_factory=dict)  # of a user's books, by confidence
    changes: tuple[str, ...] = ()  # of the scenario's file for this run, as ``key = value``
    schedules: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    without: tuple[str, ...] = ()  # who does not fail: what they lack comes from outside
    causes: Causes | None = None  # of failures and losses, if companions of the run were made

    @classmethod
    def of(
        cls, simulation: Simulation, scenario: Scenario, seed: int, *, loans: bool = True
    ) -> Results:
        """Collect the frames of a simulation that has run, or is under way.

        Without ``loans`` their frame stays empty, and of a very long log only the latest events and
        the largest trees are kept: a page that follows a large market has no use for the rest.
        """
        from .network import network_of
        from .shown_events import rows_to_show

        return cls(
            scenario=scenario,
            seed=seed,
            summary=simulation.summary(),
            series=simulation.series(),
            events=simulation.events(None if loans else rows_to_show(simulation.market.events)),
            book=simulation.book(),
            sales=simulation.sales(),
            loans=simulation.loans() if loans else _no_loans(),
            lenders=_lenders(simulation),
            illusion=simulation.illusion(),
            absorption=simulation.absorption(),
            names=simulation.names(),
            note=simulation.note,
            network=network_of(simulation),
            schedules={
                name: (float(price), float(rate), float(scrap))
                for name, price, rate, scrap in zip(
                    simulation.market.names.hardware,
                    simulation.market.hardware.used_open_usd,
                    simulation.market.hardware.annual_depreciation,
                    simulation.market.hardware.scrap_usd,
                    strict=True,
                )
            },
        )

    def with_causes(self, causes: Causes) -> Self:
        """The same, with what the companions of the run say, in its summary too."""
        told = self.summary | {"contagion": in_summary(causes)}
        return replace(self, causes=causes, summary=told)

    @cached_property
    def opening(self) -> dt.date:
        """The date of day 0."""
        import pandas as pd

        return pd.Timestamp(self.series["date"].iloc[0]).date()

    @property
    def last_day(self) -> int:
        """The last simulated day."""
        return int(self.series["day"].iloc[-1])

    @property
    def lowest_btc(self) -> tuple[dt.date, float]:
        """When bitcoin was lowest so far, and its price then [USD]."""
        btc = self.series["btc_usd"]
        low = int(btc.to_numpy().argmin())
        return self.date(self.series["day"].iloc[low]), float(btc.iloc[low])

    def date(self, day: float) -> dt.date:
        """The calendar date of a day of the run."""
        return self.opening + dt.timedelta(days=int(day))

    def x(self, days: ArrayLike) -> NDArray[np.float64]:
        """Days of the run as places on matplotlib's date axis (days since 1970)."""
        return np.asarray(days, dtype=np.float64) + (self.opening - dt.date(1970, 1, 1)).days

    def name(self, party: str) -> str:
        """A party's display name, or its id."""
        return words.party(self.names.get(party) or party)

    @property
    def settled(self) -> str:
        """How final the loss on loans is: claims unresolved, and what it comes to once they are."""
        lost = self.summary["loss_usd"]
        left = words.unresolved(lost.get("unresolved_share"))
        if left and "resolved_total" in lost:
            final, day = words.money(lost["resolved_total"]), lost["resolved_day"]
            left += f", {final} once all are settled, on day {day:,}"
        return left

    def final(self, column: str) -> float:
        """The last value of a series, 0 if the run has no such series."""
        return float(self.series[column].iloc[-1]) if column in self.series else 0.0

    def mark(self, hardware: str, day: int) -> float:
        """The mark of a class on a day [USD per GPU or per TH/s]."""
        return float(self._marks[hardware][day])

    @cached_property
    def _marks(self) -> dict[str, NDArray[np.float64]]:
        """The marks of each class by day: they are asked for row by row."""
        return {c: self.series[f"mark_{c}_usd"].to_numpy(np.float64) for c in self.classes}

    def schedule(self, hardware: str) -> NDArray[np.float64] | None:
        """Scheduled value of a class by day [USD per unit], ``None`` if unknown."""
        if hardware not in self.schedules:
            return None
        price, rate, scrap = self.schedules[hardware]
        days = self.series["day"].to_numpy(np.float64)
        return np.maximum(scrap, price * np.exp(-rate * days / 365.0))

    def events_of(self, *kinds: str) -> pd.DataFrame:
        """The events of some kinds, in order."""
        return self.events[self.events["kind"].isin(kinds)]

    @cached_property
    def classes(self) -> list[str]:
        """The hardware classes of the run, GPUs before rigs."""
        marks = (re.fullmatch("mark_(.+)_usd", str(column)) for column in self.series)
        return sorted((mark[1] for mark in marks if mark), key=words.is_asic)

    @property
    def has_gpus(self) -> bool:
        """Whether there are GPUs in the books."""
        return not all(map(words.is_asic, self.classes))

    @property
    def families(self) -> list[Stock]:
        """Those of :data:`FAMILIES` that are in the books."""
        rigs = any(map(words.is_asic, self.classes))
        return [f for f, there in zip(FAMILIES, (self.has_gpus, rigs), strict=True) if there]

    @property
    def has_rents(self) -> bool:
        """Whether compute is rented in the books."""
        return float(self.series["rent_h100_usd_h"].iloc[0]) > 0.0

    @property
    def borrower_kinds(self) -> list[str]:
        """The kinds of borrowers in the books."""
        return [kind for kind in ("miner", "neocloud") if self.summary["population"][kind]]

    @cached_property
    def lost_usd(self) -> dict[str, float]:
        """What all lenders lose, by where: on loans, then what else is not zero [USD]."""
        lost = {where: float(self.lenders[column].sum()) for column, where in LOSSES.items()}
        return {where: usd for where, usd in lost.items() if where == ON_LOANS or usd > 0.5}

    def lenders_of(self, fate: str) -> list[str]:
        """Names of the lenders that ``failed``, or whose lending arm was ``closed``."""
        kind = {"failed": "lender_failed", "closed": "sleeve_closed"}[fate]
        return [self.name(party) for party in dict.fromkeys(self.events_of(kind)["party"])]

    @cached_property
    def defaults(self) -> pd.DataFrame:
        """Defaults of borrowers and of their project vehicles, with ``name, type, debt_usd``.

        Only a ``kind`` of ``default`` is a borrower's: one that stands can lose a vehicle.

        ``type`` is miner or neocloud; ``debt_usd`` is what lenders claim on the day: principal and
        interest of the loans that fall due.
        """
        defaults = self.events_of("default", "perimeter_default").copy()
        kinds = dict(rows(self.loans, "borrower", "borrower_kind"))
        for kind in ("miner", "neocloud"):
            kinds |= dict.fromkeys(self.summary["defaulted"][kind], kind)
        defaults["debt_usd"] = defaults["amount_usd"]
        defaults["type"] = defaults["party"].map(kinds).fillna("lender")
        defaults["name"] = [
            self.name(party) + ("" if kind == "default" else " (project vehicle)")
            for party, kind in rows(defaults, "party", "kind")
        ]
        return defaults

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Auctions that cleared: those of ``sales`` with the mark, price over mark, forced or not.

        The mark is that of the day before: what lenders believed when the hammer fell. ``forced``
        tells auctions in which seized or listed lots were sold from ordinary second-hand trade.
        """
        trades = self.sales[self.sales["hardware"].isin(self.classes)].reset_index(drop=True)
        marks = [self.mark(h, max(d - 1, 0)) for d, h in rows(trades, "day", "hardware")]
        trades["mark_usd"] = np.array(marks, dtype=np.float64)
        trades["ratio"] = trades["price_usd"] / trades["mark_usd"]
        trades["forced"] = (trades["forced_units"] >= LEAST_UNITS).astype(bool)
        return trades

    @cached_property
    def forced_trades(self) -> pd.DataFrame:
        """The trades in which seized or listed lots were sold."""
        return self.trades[self.trades["forced"]]

    @cached_property
    def machine_book(self) -> pd.DataFrame:
        """Ladders of machines; sites are sold by the MW and have no second-hand price."""
        book = self.book
        return book[(book["units"] >= LEAST_UNITS) & book["hardware"].isin(self.classes)]

    @cached_property
    def offers(self) -> pd.DataFrame:
        """What is offered by day and class of machine, and what is bid for it.

        ``offered`` counts units of seized lots; ``wanted`` counts bids at or above the lowest
        reserve price of the same place; ``best_usd`` is the best bid, 0 if there is none;
        ``asked_usd`` is the lowest reserve.
        """
        keys = ["day", "hardware"]
        book = self.machine_book
        asks, bids = book[book["side"] == "ask"], book[book["side"] == "bid"]
        reserve = asks.groupby([*keys, "place"])["price_usd"].min().rename("reserve_usd")
        bids = bids.merge(reserve.reset_index(), on=[*keys, "place"])
        serious = bids[bids["price_usd"] >= bids["reserve_usd"]]
        offers = asks.groupby(keys).agg(offered=("units", "sum"), asked_usd=("price_usd", "min"))
        offers["wanted"] = serious.groupby(keys)["units"].sum()
        offers["best_usd"] = bids.groupby(keys)["price_usd"].max()
        return offers.fillna(0.0).reset_index()

    @cached_property
    def auctions(self) -> pd.DataFrame:
        """Auctions at which seized or listed lots were on offer: a class in a place on a day.

        ``is_sold``: some of them were sold; ``is_bid``: somebody bid what a seller asked.
        """
        keys = ["day", "hardware", "place"]
        book = self.machine_book
        asks, bids = book[book["side"] == "ask"], book[book["side"] == "bid"]
        auctions = asks.groupby(keys).agg(asked_usd=("price_usd", "min"))
        best = bids.groupby(keys)["price_usd"].max().reindex(auctions.index).fillna(0.0)
        auctions["is_bid"] = best >= auctions["asked_usd"]
        sold = self.forced_trades.set_index(keys).index
        auctions = auctions.reindex(auctions.index.union(sold).drop_duplicates())
        auctions["is_sold"] = auctions.index.isin(sold)
        auctions["is_bid"] = auctions["is_bid"].fillna(False).astype(bool) | auctions["is_sold"]
        return auctions.reset_index()

    @cached_property
    def impaired(self) -> list[str]:
        """Names of the lenders that fell below their minimum capital and stand, first one first."""
        gone = set(self.events_of("lender_failed", "sleeve_closed")["party"])
        weak = self.summary.get("impaired_lenders") or []
        return [self.name(lender) for lender in weak if lender not in gone]

    def ltv_by_class(self, day: int) -> pd.DataFrame:
        """Loan to value by collateral on the last measured day up to ``day``, largest loans first.

        Columns ``reported``, ``second_hand``, ``together`` (one sale of everything), ``patient``
        (that sale within 90 days), ``alone`` (each lender sells while the others wait) and
        ``value_to_bids`` (second-hand value over the money that bids) are ratios; NaN is unknown.
        """
        values = {
            "reported": "reported_value_usd",
            "second_hand": "second_hand_value_usd",
            "together": "realisable_value_usd",
            "patient": "realisable_90_days_value_usd",
        }
        columns = ["balance_usd", *values.values()]
        alone = self.illusion.groupby(["day", "hardware"], as_index=False)[columns].sum()
        measured = sorted({*alone["day"].tolist(), *self.absorption["day"].tolist()})
        known = [d for d in measured if d <= day] or measured[:1]
        alone = alone[alone["day"].isin(known[-1:])].set_index("hardware")
        together = self.absorption[self.absorption["day"].isin(known[-1:])].set_index("hardware")
        table = together.reindex(together.index.union(alone.index))
        table = table.fillna(alone[columns])
        floor = 1e-9 * table["balance_usd"].clip(lower=1.0)
        for ratio, column in values.items():
            table[ratio] = table["balance_usd"] / table[column].clip(lower=floor)
        value = alone["realisable_value_usd"].reindex(table.index)
        balance = alone["balance_usd"].reindex(table.index)
        table["alone"] = balance / value.clip(lower=floor)
        bids = table["bids_usd"]
        worth = table["second_hand_value_usd"]
        few = bids < NO_MONEY * worth
        table["value_to_bids"] = (worth / bids.where(~few)).mask(few, np.inf)
        table["day"] = known[-1] if known else day
        table = table[(table["balance_usd"] > 0) & (worth > 0)]
        return table.sort_values("balance_usd", ascending=False, kind="stable").rename_axis(
            "hardware"
        )


def _no_loans() -> pd.DataFrame:
    """The columns of a loan frame that questions are asked of, without rows."""
    import pandas as pd

    return pd.DataFrame({"borrower": [], "borrower_kind": []})


def _lenders(simulation: Simulation) -> pd.DataFrame:
    """The engine's table of lenders, with ``supply``, ``inventory_usd``, further losses and fate.

    Supply is the share of its usual credit that a lender gives; inventory is its seized and unsold
    hardware at marks. ``loss_usd`` is lost on loans to borrowers, ``interlender_loss_usd`` on
    claims on failed lenders, ``market_loss_usd`` on other assets: when they are sold in haste, or
    by an event from outside. ``lost_usd`` is all of it; ``fate`` is "failed", "closed" or empty.
    """
    s = simulation.market
    lots = slice(0, int(s.lots.count[0]))
    value = s.lots.units[lots] * s.marks_usd[s.lots.hardware[lots]]
    count = s.first_buyer - s.first_lender
    row = s.lots.owner[lots] - s.first_lender
    seized = (row >= 0) & (row < count)
    inventory = np.bincount(row[seized], value[seized], count)
    failed = s.parties.status[s.first_lender : s.first_buyer] != Status.ACTIVE
    closed = s.lenders.closed_event >= 0
    return simulation.lenders().assign(
        supply=s.lenders.supply,
        inventory_usd=inventory,
        capital_ratio=lambda table: table["capital_ratio"].fillna(0.0),  # nothing left: no capital
        interlender_loss_usd=s.lenders.interlender_loss_usd,
        market_loss_usd=s.lenders.market_loss_usd,
        lost_usd=lambda table: table[list(LOSSES)].sum(axis=1),
        fate=np.where(failed, "failed", np.where(closed, "closed", "")),
    )
