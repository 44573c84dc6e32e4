"""Whole runs of the 2025 market: one alone, and as many as this machine's cores do in a sweep."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ...agents.compiling import process

SCENARIO = "crypto-crash"
RUNS_PER_CORE = 8


def whole_run(seed: int) -> float:
    """Seconds for the 730 days of a run on the books of 2025, after its opening."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    simulation = Simulation(Scenario.load(SCENARIO), seed)
    start = time.perf_counter()
    simulation.run()
    return time.perf_counter() - start


def run_s(trials: int = 3) -> float:
    """The best of some such runs [s]."""
    return min(whole_run(1 + trial) for trial in range(trials))


def runs_per_second(cores: int | None = None) -> tuple[float, int]:
    """Whole runs a second, opening and summary included, and the processes that did them."""
    cores = cores or process.cores()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        list(pool.map(_one, range(cores)))  # everybody has loaded the engine
        start = time.perf_counter()
        list(pool.map(_one, range(cores, cores + cores * RUNS_PER_CORE)))
        seconds = time.perf_counter() - start
    return cores * RUNS_PER_CORE / seconds, cores


def _one(seed: int) -> int:
    from ...market.scenario.scenario import Scenario
    from ..sweeps.execute import simulate

    return len(simulate(Scenario.load(SCENARIO), seed + 1, {}).summary)
