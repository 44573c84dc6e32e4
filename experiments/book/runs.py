"""Runs of a book: each draws its own books, judgements and luck; on all cores, by seed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .watch import Seen

if TYPE_CHECKING:
    import pandas as pd

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

MOST_WORKERS = 8


@dataclass(frozen=True)
class Job:
    """One run: a scenario, a seed, and what is changed about the book for a swing."""

    scenario: Scenario
    seed: int
    swing: str = ""  # name of a change in ``swings.SWINGS``, with its side
    side: int = 0
    held: frozenset[str] = frozenset()  # settings that are not drawn
    off: str = ""  # a kind of covenant that the book does without, in ``covenants.KINDS``


class Values(NamedTuple):
    """Balance and values of a class pledged to the book's lenders, or to all, at the opening."""

    balance: float
    reported: float
    second_hand: float
    realisable: float
    realisable_90_days: float


class Opening(NamedTuple):
    """What collateral is worth on the first day: by class, the book's lenders alone, and all."""

    alone: dict[str, Values]
    everybody: dict[str, Values]


class Outcome(NamedTuple):
    """One run of a book."""

    seen: Seen
    opening: Opening
    drawn: dict[str, float]  # settings and cells of the books of this run, by name
    borrowers_in_default: int
    btc_end: float  # over the opening
    rent_end: float


_SHARED: dict[str, Any] = {}


def _share(books: Books, loans: tuple[str, ...], lenders: tuple[str, ...]) -> None:
    _SHARED.update(books=books, loans=loans, lenders=lenders)


def run_one(job: Job) -> Outcome:
    """Run a job on the books that this process was given."""
    from ...market.opening.beliefs import believe
    from ...market.opening.books_2025.sample import sample_books
    from ...market.simulation import Simulation
    from .covenants import without
    from .swings import changed_books, changed_scenario
    from .watch import Watch

    books = changed_books(job.swing, job.side, _SHARED["books"])
    books = without(job.off, books, _SHARED["loans"])
    scenario = changed_scenario(job.swing, job.side, job.scenario)
    scenario = believe(scenario, job.seed, job.held)
    if scenario.opening.sample:
        books = sample_books(books, job.seed)
        scenario = scenario.changed({"opening.sample": False}, "a memo")
    simulation = Simulation(scenario, job.seed, books)
    opening = opening_values(simulation, _SHARED["lenders"])
    market = simulation.market
    market.today.keeps_book = False
    number = {name: row for row, name in enumerate(market.names.loans)}
    watch = Watch(market, np.array([number[name] for name in _SHARED["loans"]], np.int64))
    start = market.prices.btc_usd, market.prices.rent_h100_usd_h
    while not simulation.finished:
        simulation.step()
        watch(market)
    end = market.prices.btc_usd, market.prices.rent_h100_usd_h
    watch.settling = True
    simulation.resolve(watch)
    return Outcome(
        watch.seen(),
        opening,
        drawn_of(simulation.scenario, job.scenario),
        int(market.has_defaulted.sum()),
        end[0] / start[0],
        end[1] / start[1],
    )


def drawn_of(scenario: Scenario, asked: Scenario) -> dict[str, float]:
    """Settings that beliefs moved in a run, by name."""
    from ...market.opening.beliefs import beliefs_in

    found = {}
    for belief in beliefs_in(asked):
        if not belief.is_cell:
            found[belief.parameter] = float(scenario.value_of(belief.parameter))
    return found


def opening_values(simulation: Simulation, lenders: Sequence[str]) -> Opening:
    """The collateral illusion of the first day."""
    alone = simulation.illusion()
    mine = alone[(alone.day == 0) & alone.lender.isin(list(lenders))]
    every = simulation.absorption()
    return Opening(_by_class(mine), _by_class(every[every.day == 0]))


def _by_class(frame: pd.DataFrame) -> dict[str, Values]:
    columns = (
        "balance_usd", "reported_value_usd", "second_hand_value_usd", "realisable_value_usd",
        "realisable_90_days_value_usd",
    )  # fmt: skip
    sums = frame.groupby("hardware", sort=False)[list(columns)].sum()
    return {str(name): Values(*map(float, row)) for name, *row in sums.itertuples()}


def run_all(
    jobs: Sequence[Job],
    books: Books,
    loans: tuple[str, ...],
    lenders: tuple[str, ...],
    show: Callable[[int], None],
) -> list[Outcome]:
    """All jobs in order; ``show`` is told how many are done."""
    _share(books, loans, lenders)
    workers = min(os.cpu_count() or 1, MOST_WORKERS, len(jobs))
    return list(_counted(_outcomes(jobs, workers), show))


def _outcomes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    if workers == 1:
        yield from map(run_one, jobs)
        return
    shared = _SHARED["books"], _SHARED["loans"], _SHARED["lenders"]
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_share, initargs=shared
    ) as pool:
        yield from pool.map(run_one, jobs)


def _counted(outcomes: Iterator[Outcome], show: Callable[[int], None]) -> Iterator[Outcome]:
    for done, outcome in enumerate(outcomes, 1):
        show(done)
        yield outcome


def horizon_days(books: Books, loans: Sequence[str], most: int) -> int:
    """Days until the last loan of a book has matured, at least a year and at most ``most``."""
    own = set(loans)
    last = max(
        (loan.maturity - books.opening_date).days for loan in books.loans if loan.loan_id in own
    )
    return min(max(last + 30, 365), most)
