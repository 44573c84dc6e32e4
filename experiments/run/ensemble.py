"""Many runs in one call: scenarios, how to run them, and who runs them, as Mesa 4 parts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...market.scenario.errors import InputError
from ...market.scenario.numbers import MOST_SEED
from ...market.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from ...market.opening.books import Books


@dataclass(frozen=True)
class RunConfiguration:
    """How scenarios are run.

    Attributes:
        seeds: of the runs of each scenario; the same in all, so that they meet the same shocks.
        days: of each run; a scenario's own if none are given.
        resolve: whether open claims are settled after the last day.
        books: a user's own tables of 2025, read; the packaged ones else.
        without: parties that do not fail.

    Raises:
        ValueError: no seed, or one out of range.
    """

    seeds: Iterable[int]
    days: int | None = None
    resolve: bool = False
    books: Books | None = None
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seeds = tuple(int(seed) for seed in self.seeds)
        if not seeds or min(seeds) < 0 or max(seeds) > MOST_SEED:
            raise ValueError("seeds must be whole numbers from 0 to 2^63 − 1, at least one")
        object.__setattr__(self, "seeds", seeds)


def run_ensemble(
    scenarios: Scenario | str | Mapping[str, Scenario | str],
    configuration: RunConfiguration,
    executor: Executor | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> pd.DataFrame:
    """Run scenarios over seeds; a row for each run, failures among them.

    Args:
        scenarios: one, or several by name.
        configuration: seeds, days, and whether claims are settled.
        executor: any of ``concurrent.futures``, or a Dask client's ``get_executor()``; without one
            the runs are made here, one after another. Rows do not depend on it.
        tell: called with how many runs have been made.

    Returns:
        ``scenario``, ``seed``, ``error`` (empty if all went well) and the summary of a run with
        dotted names, as ``loss_usd.total`` [USD].

    Raises:
        InputError: no such scenario, or days that are not allowed.

    Example:
        ``run_ensemble("calm", RunConfiguration(seeds=range(1, 9), days=90))``
    """
    import pandas as pd

    from ...market.compile_ahead import compile_ahead

    named = scenarios if isinstance(scenarios, Mapping) else {"": scenarios}
    jobs = []
    for name, given in named.items():
        scenario = Scenario.load(given) if isinstance(given, str) else given
        if configuration.days is not None:
            scenario = scenario.changed({"days": configuration.days}, "run_ensemble")
        jobs += [
            (name or scenario.name, scenario, seed, configuration) for seed in configuration.seeds
        ]
    compile_ahead()  # once here, so that workers find it
    rows = []
    for row in map(one_run, jobs) if executor is None else executor.map(one_run, jobs):
        rows.append(row)
        tell(len(rows))
    return pd.json_normalize(rows)


def one_run(job: tuple[str, Scenario, int, RunConfiguration]) -> dict[str, Any]:
    """One row: a run that fails says why, and costs no other."""
    from ...market.simulation import Simulation

    name, scenario, seed, asked = job
    row: dict[str, Any] = {"scenario": name, "seed": seed, "error": ""}
    try:
        simulation = Simulation(
            scenario, seed, asked.books, keeps_book=False, without=asked.without
        ).run()
        return row | (simulation.resolve() if asked.resolve else simulation).summary() | row
    except InputError as refusal:
        return row | {"error": str(refusal)}
    except Exception as error:  # kept as data
        return row | {"error": f"{type(error).__name__}: {error}"}
