"""One run of a back-test, and what is kept of it: who failed when and why, prices, coins, claims.

Functions of frames are pure; :func:`observe` is what workers do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .calendar import by_month
from .crises import CRISES
from .monthly import SpreadWatch, figures_by_month, filled

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

DEFAULTS = ("default", "perimeter_default", "loan_default", "surrendered", "exchanged")
"""Bankruptcy, surrender, a payment missed after its cure period, an exchange with a loss."""
EXTENDED = "extended"  # a missed payment is rescheduled at full value: no default
FAILED = "lender_failed"
SLEEVE_CLOSED = "sleeve_closed"
TROUBLES = ("margin_call", "covenant_breach", "reorganised")
"""What a borrower may live through before, or without, a default."""
ALL, LISTED = "all", "listed"
BLOCKS_PER_DAY = 144.0
TH_PER_EH = 1e6


@dataclass(frozen=True)
class Job:
    """One run to make: a scenario in full, its seed, and the arm it belongs to."""

    scenario: dict[str, Any]
    seed: int
    arm: str = ""
    crisis: str = "2022"


@dataclass(frozen=True)
class Observation:
    """What is kept of a run; days count from the opening, lists go by month.

    Attributes:
        borrowers: id to its first default's day and cause.
        extended: ids of borrowers whose missed payments were rescheduled.
        lenders: id to the day of failure.
        sleeves: id to the day on which a lending arm was closed.
        price_usd: last clearing price of new-generation rigs [USD per TH/s], mean of the month.
        traded: share of the month's days after the first trade.
        sold_btc: coins sold by group of miners.
        mined_btc: coins mined by the same.
        recoveries: loan id to present value recovered over claim, and the claim [USD].
        loss_usd: of all lenders.
        lender_causes: id to why a lender failed.
        lender_loss_usd: id to loss.
        troubles: kind of event to id and day of the first one.
        monthly: figures by month (:mod:`.monthly`).
        spreads: of issuers' notes at the ends of months, a year.
    """

    seed: int
    arm: str
    borrowers: dict[str, tuple[int, str]]
    extended: tuple[str, ...]
    lenders: dict[str, int]
    sleeves: dict[str, int]
    price_usd: list[float]
    traded: list[float]
    sold_btc: dict[str, list[float]]
    mined_btc: dict[str, list[float]]
    recoveries: dict[str, tuple[float, float]]
    loss_usd: float
    lender_causes: dict[str, str] = field(default_factory=dict)
    lender_loss_usd: dict[str, float] = field(default_factory=dict)
    troubles: dict[str, dict[str, int]] = field(default_factory=dict)
    monthly: dict[str, list[float]] = field(default_factory=dict)
    spreads: dict[str, list[float]] = field(default_factory=dict)


def first_defaults(events: pd.DataFrame, parents: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """First default of each borrower in the log: its day and its cause.

    A ring-fenced part counts for its parent. Consequences carry the cause of what they follow from:
    of several defaults on one day the first in the log counts.

    Args:
        events: the event log (``event, day, kind, party, cause``), in order.
        parents: part to parent.
    """
    found: dict[str, tuple[int, str]] = {}
    chosen = events[events["kind"].isin(DEFAULTS)].sort_values(["day", "event"], kind="stable")
    for party, day, cause in zip(chosen["party"], chosen["day"], chosen["cause"], strict=True):
        found.setdefault(parents.get(str(party), str(party)), (int(day), str(cause)))
    return found


def first_days(events: pd.DataFrame, kind: str) -> dict[str, int]:
    """First day of an event of a kind by party."""
    chosen = events[events["kind"] == kind]
    first = chosen.groupby("party", sort=False)["day"].min()
    return {str(party): int(day) for party, day in first.items()}


def recoveries(loans: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Recovery and claim [USD] of every resolved claim, by loan."""
    known = loans[loans["recovery"].notna() & (loans["claim_at_default_usd"] > 0)]
    return {
        str(name): (float(share), float(claim))
        for name, share, claim in zip(
            known["loan"], known["recovery"], known["claim_at_default_usd"], strict=True
        )
    }


def _causes(events: pd.DataFrame, kind: str) -> dict[str, str]:
    """Cause of the first event of a kind by party."""
    chosen = events[events["kind"] == kind].drop_duplicates("party")
    return dict(zip(chosen["party"], chosen["cause"], strict=True))


class CoinWatch:
    """Counts the coins each miner mines and sells, from its treasury and what it has pledged.

    Sold is mined less what its own coins, free and pledged, have grown by, whoever sells them:
    itself, a lender that liquidates its pledge, or its estate. Coins lent out stay out of it.
    """

    def __init__(self, simulation: Simulation, listed: NDArray[np.bool_]) -> None:
        self.simulation, self.listed = simulation, listed
        self._before = self._coins()
        self.mined_today = self.sold_today = np.zeros(len(listed))  # by borrower [BTC]
        nothing = {ALL: [0.0], LISTED: [0.0]}  # the opening day itself
        self.mined: dict[str, list[float]] = {name: list(row) for name, row in nothing.items()}
        self.sold: dict[str, list[float]] = {name: list(row) for name, row in nothing.items()}

    def _coins(self) -> NDArray[np.float64]:
        s = self.simulation.market
        n = s.borrower_count
        coins = s.parties.btc[:n].copy()
        np.add.at(coins, s.loans.borrower, s.loans.collateral_btc)
        return coins

    def day(self) -> None:
        """Count a day that has just been simulated."""
        s, p = self.simulation.market, self.simulation.market.prices
        reward = BLOCKS_PER_DAY * p.subsidy_btc / (1.0 - float(s.crypto.fee_share[s.day]))
        share = s.miners.hashrate_online_th / (p.difficulty_eh_s * TH_PER_EH)
        mined = reward * share[: s.borrower_count]
        after = self._coins()
        sold = mined + self._before - after
        self._before = after
        self.mined_today, self.sold_today = mined, sold
        for name, which in ((ALL, slice(None)), (LISTED, self.listed)):
            self.mined[name].append(float(mined[which].sum()))
            self.sold[name].append(float(sold[which].sum()))


def rig_class(simulation: Simulation, within_j_th: tuple[float, float]) -> int:
    """The row of the rig class whose efficiency lies within bounds.

    Raises:
        LookupError: none or several do.
    """
    from ...market.state.hardware import Family

    h = simulation.market.hardware
    low, high = within_j_th
    rows = np.flatnonzero((h.family == Family.ASIC) & (h.lo_j_th >= low) & (h.hi_j_th <= high))
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} rig classes within {low:g} to {high:g} J/TH")
    return int(rows[0])


def listed_miners(simulation: Simulation, but: Collection[str] = ()) -> NDArray[np.bool_]:
    """Which borrowers are miners whose shares are listed, without those named in ``but``.

    Public figures speak of those that report by month.
    """
    from ...market.opening.books_2021.read import Books2021
    from ...market.opening.starting_points import starting_point

    tables = starting_point(simulation.scenario).read()
    rows = tables.named if isinstance(tables, Books2021) else tables.miners
    listed = {row.id for row in rows if row.listed} - {*but}
    state = simulation.market
    return np.array([name in listed for name in state.names.parties[: state.borrower_count]])


def observe(job: Job) -> Observation:
    """Make a run and keep what the back-test asks of it."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    scenario: Scenario = Scenario.recorded(job.scenario, "back-test")
    simulation = Simulation(scenario, job.seed)
    public = listed_miners(simulation, CRISES[job.crisis].scope().not_monthly)
    watch, spreads = CoinWatch(simulation, public), SpreadWatch(simulation)
    spreads.day()
    while not simulation.finished:
        simulation.step()
        watch.day()
        spreads.day()
    return observation(simulation, watch, spreads, job)


def observation(
    simulation: Simulation, watch: CoinWatch, spreads: SpreadWatch, job: Job
) -> Observation:
    """What is kept of a finished run."""
    from ...agents.party import Kind

    state = simulation.market
    events, series = simulation.events(), simulation.series()
    opening = simulation.market.crypto.start
    crisis = CRISES[job.crisis]
    k = rig_class(simulation, crisis.rigs_j_th)
    clearing = series[f"clearing_{state.names.hardware[k]}_usd"].to_numpy(np.float64)
    price = filled(clearing, float(state.hardware.used_open_usd[k]))
    parts = crisis.scope().parents
    borrowers = set(state.names.parties[: state.borrower_count])
    kinds = dict(zip(state.names.parties, state.parties.kind.tolist(), strict=True))
    lenders = {name for name, kind in kinds.items() if kind == Kind.LENDER}

    def among(days: dict[str, Any], names: set[str]) -> dict[str, Any]:
        return {name: found for name, found in days.items() if name in names}

    return Observation(
        seed=job.seed,
        arm=job.arm,
        borrowers=among(first_defaults(events, parts), borrowers),
        extended=tuple(among(first_days(events, EXTENDED), borrowers)),
        lenders=among(first_days(events, FAILED), lenders),
        sleeves=among(first_days(events, SLEEVE_CLOSED), lenders),
        price_usd=by_month(price, opening, mean=True),
        traded=by_month(np.isfinite(clearing).astype(float), opening, mean=True),
        sold_btc={name: by_month(np.array(row), opening) for name, row in watch.sold.items()},
        mined_btc={name: by_month(np.array(row), opening) for name, row in watch.mined.items()},
        recoveries=recoveries(simulation.loans()),
        loss_usd=float(state.lenders.loss_usd.sum()),
        lender_causes=_causes(events, FAILED),
        lender_loss_usd=dict(
            zip(
                state.names.parties[state.borrower_count : state.first_buyer],
                state.lenders.loss_usd.tolist(),
                strict=True,
            )
        ),
        troubles={kind: among(first_days(events, kind), borrowers) for kind in TROUBLES},
        monthly=figures_by_month(simulation, series),
        spreads=spreads.spreads(simulation.day),
    )
