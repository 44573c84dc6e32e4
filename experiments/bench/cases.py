"""Day-steps of synthetic markets of any size, in calm and inside a crash."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from ...market.state.market import Market

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
WEEKS = 4  # every job that is not daily comes round within four weeks
WEEK_DAYS = 7
SMALLEST_FOR_SLOPE = 10_000  # below, a day costs what its calls cost
CRASH_WEEKS = 8
CRASH = (  # in haste: within eight weeks as many fail a week as at the height of the joint crash
    "crypto.crash_start_day=1",
    "crypto.crash_days=28",
    "crypto.crash_depth=0.9",
    "credit.payables_days=7",
    "compute.shock_start_day=1",
    "compute.shock_days=28",
    "compute.rent_change_per_year=-0.99999",
    "liquidation.legal_days=7",
    "liquidation.in_place_days=14",
    "days=60",
)
STARTUP = "import firesale; firesale.Simulation(firesale.Scenario.load('crypto-crash'), 1).step()"
TABLES = (
    "parties",
    "borrowers",
    "miners",
    "neoclouds",
    "lenders",
    "buyers",
    "holdings",
    "loans",
    "perimeters",
    "contracts",
    "orders",
    "interlender",
)


@dataclass(frozen=True)
class Case:
    """One population under one scenario; ``stream_ratio`` is of reading and writing its state."""

    parties: int
    loans: int
    scenario: str
    seconds_per_day: float
    party_days_per_s: float
    state_bytes: int
    bytes_per_borrower: float
    stream_ratio: float

    def as_json(self) -> dict[str, Any]:
        """Names and numbers."""
        return asdict(self)


@dataclass(frozen=True)
class Timing:
    """What was measured of one case: building, a day, and the state at its largest."""

    parties: int
    borrowers: int
    loans: int
    scenario: str
    building_s: float
    seconds_per_day: float
    state_bytes: int

    def against(self, stream_gb_s: float) -> Case:
        """The case, compared with a memory of that speed."""
        return Case(
            parties=self.parties,
            loans=self.loans,
            scenario=self.scenario,
            seconds_per_day=self.seconds_per_day,
            party_days_per_s=self.parties / self.seconds_per_day,
            state_bytes=self.state_bytes,
            bytes_per_borrower=self.state_bytes / self.borrowers,
            stream_ratio=self.seconds_per_day / (2.0 * self.state_bytes / (stream_gb_s * 1e9)),
        )


def state_bytes(state: Market) -> int:
    """Bytes of all tables a day reads or writes, as far as they are in use.

    Lots and claims count up to the last one. The event log is left out: a day only adds to it.
    """
    columns = [column for name in TABLES for column in getattr(state, name)]
    total = sum(column.nbytes for column in columns if isinstance(column, np.ndarray))
    for table in (state.lots, state.loans.claims):
        total += int(table.count[0]) * sum(column.itemsize for column in table)
    return int(total)


def bench_scenario(name: str, parties: int) -> Scenario:
    """The scenario of a case: ``calm``, or ``crash``, the joint crash in haste."""
    from ...market.opening.synthetic.open import synthetic

    if name == "calm":
        return synthetic(parties, "calm")
    return synthetic(parties, "joint-crash").with_settings(list(CRASH))


def warm_up() -> None:
    """A small market's whole crash, so that nothing is compiled while a large one is timed."""
    from ...market.simulation import Simulation

    Simulation(bench_scenario("crash", SIZES[0]), 1).run()


def measure(parties: int, scenario: str, tick: Callable[[str], None]) -> Timing:
    """Build a market and time its days: four calm weeks, or the slowest of eight in the crash."""
    from ...market.simulation import Simulation

    start = time.perf_counter()
    simulation = Simulation(bench_scenario(scenario, parties), 1)
    building = time.perf_counter() - start
    tick(f"{parties:,} parties, {scenario}")
    simulation.step()
    tick(f"{parties:,} parties, {scenario}")
    weeks, size = [], 0
    for _ in range(WEEKS if scenario == "calm" else CRASH_WEEKS):
        start = time.perf_counter()
        for _ in range(WEEK_DAYS):
            simulation.step()
        weeks.append((time.perf_counter() - start) / WEEK_DAYS)
        size = max(size, state_bytes(simulation.market))
        tick(f"{parties:,} parties, {scenario}")
    return Timing(
        parties=parties,
        borrowers=simulation.market.borrower_count,
        loans=len(simulation.market.loans.status),
        scenario=scenario,
        building_s=building,
        seconds_per_day=float(np.mean(weeks) if scenario == "calm" else np.max(weeks)),
        state_bytes=size,
    )


def ticks(sizes: list[int]) -> int:
    """Calls of ``tick`` that all cases together make."""
    return len(sizes) * (2 + WEEKS + CRASH_WEEKS)


def scaling_exponent(cases: list[Case]) -> float | None:
    """Slope of log time on log parties in calm, from 10^4 parties on; null for a single size."""
    calm = [case for case in cases if case.scenario == "calm"]
    large = [case for case in calm if case.parties >= SMALLEST_FOR_SLOPE]
    used = large if len({case.parties for case in large}) > 1 else calm
    if len({case.parties for case in used}) < 2:
        return None
    x = np.log([case.parties for case in used])
    y = np.log([case.seconds_per_day for case in used])
    return float(np.polyfit(x, y, 1)[0])


def run_startup_s(trials: int = 3) -> float:
    """Seconds from the start of a process to the end of its first simulated day; the best of some.

    The books of 2025, with everything compiled before.
    """
    best = np.inf
    for _ in range(trials):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", STARTUP], check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return float(best)
