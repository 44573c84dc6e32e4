"""One run becomes one row: its factors, the numbers of its summary, or what went wrong.

This is what workers do. A row depends on the run alone, never on the batch or the worker.
"""

from __future__ import annotations

import contextlib
import fnmatch
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...market.opening.beliefs import believe
from ...market.scenario.scenario import Scenario
from . import own
from .books import is_cell, untouched
from .design import RunPoint
from .factors import Value

if TYPE_CHECKING:
    import pyarrow as pa

    from ...market.opening.books import Books
    from .plan import Plan

OK, ERROR, KILLED = "ok", "error", "killed"
NOT_METRICS = ("scenario", "seed", "days", "start", "caveat")  # the plan says them
ZERO_IF_ABSENT = (
    "loss_usd.by_instrument.",
    "lender_loss_share_of_capital.",
    "defaults_by_cause.",
    "policy.",
)
"""Summaries leave zeros out of these maps."""
LONGEST_ERROR = 500

type Simulate = Callable[[Scenario, int, dict[str, float]], Outcome]


@dataclass(frozen=True)
class Outcome:
    """What is kept of one run: its summary, and its series by column (empty unless asked for)."""

    summary: dict[str, Any]
    series: Callable[[], Any]


@dataclass(frozen=True)
class Work:
    """What every batch of a sweep needs to know; small, and sent with each."""

    folder: str
    source: str
    identity: str
    base: dict[str, Any]
    arms: dict[str, dict[str, Value]]
    also: dict[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    every_days: int
    run_limit_s: float | None = None
    resolve: bool = False
    companions: bool = False
    books: own.Kept | None = None

    @classmethod
    def of(cls, plan: Plan, folder: Path, source: str) -> Work:
        """The part of a plan that workers need."""
        from .factors import flatten

        kept = plan.trajectories
        return cls(
            folder=str(folder.resolve()),
            source=source,
            identity=plan.identity(),
            base=plan.base.model_dump(exclude_unset=True),
            arms={name: flatten(settings) for name, settings in plan.arms.items()},
            also={key: factor.also for key, factor in plan.factors.items() if factor.also},
            outputs=plan.outputs,
            columns=kept.columns if kept else (),
            every_days=kept.every_days if kept else 1,
            run_limit_s=plan.run_limit_s,
            resolve=plan.resolve,
            companions=plan.companions,
            books=own.for_workers(plan.books, folder),
        )


@dataclass(frozen=True)
class Report:
    """What a worker says of a finished batch.

    ``slowest_s`` is the time of its slowest run that came to its end, per day and party.
    """

    run_ids: tuple[int, ...]
    failures: tuple[dict[str, Any], ...]
    seconds: float
    slowest_s: float
    bytes_written: int


@dataclass(frozen=True)
class Done:
    """One run: its row, its series if the plan keeps them, and seconds per day and party.

    The last is 0 for a run that failed.
    """

    row: dict[str, Any]
    path: pa.Table | None
    pace_s: float


def simulate(
    scenario: Scenario,
    seed: int,
    scores: dict[str, float],
    *,
    resolve: bool = False,
    companions: bool = False,
    books: Books | None = None,
) -> Outcome:
    """Run the market to its last day; ``scores`` are errors of its opening books.

    ``resolve``: and on until claims that are open then are settled. ``companions``: run it again
    with interactions held still; what came through others is told under ``contagion``. ``books``:
    a user's own.
    """
    from ...market.simulation import Simulation
    from . import limits

    scenario, tables = own.opened(scenario, seed, scores, books)
    simulation = Simulation(scenario, seed, tables, keeps_book=False)
    while not simulation.finished:
        limits.check()
        simulation.step()
    told: dict[str, Any] = {}
    if companions:
        from ..causes.causes import find_causes, in_summary

        told["contagion"] = in_summary(find_causes(simulation, tables, one_by_one=True))
    if resolve:
        simulation.resolve()
    return Outcome(simulation.summary() | told, simulation.series)


_PLAIN = simulate


def run_batch(
    work: Work, points: list[RunPoint], simulate: Simulate = simulate, slowest_s: float = 0.0
) -> Report:
    """Run some points and write their rows as one part of the sweep's folder.

    ``slowest_s`` is the time of the sweep's slowest run so far, per day and party: what a run may
    take follows from it, see :mod:`experiments.sweeps.limits`.

    Raises:
        StaleSourceError: this worker runs another version of the program than the sweep.
        NoFolderError: the sweep's folder is not on this machine, or holds another sweep now.
        InputError: own books are not what they were.
        OSError: the part cannot be written.
    """
    from . import limits, store

    folder, start = Path(work.folder), time.perf_counter()
    if store.source_hash() != work.source:
        raise StaleSourceError(platform.node())
    if not (folder / store.MANIFEST).exists():
        raise NoFolderError(platform.node())
    own.books_of(work.books)  # the same for all: no row says that they were changed
    _compile(work, points[0])
    rows, paths, slowest = [], [], 0.0
    for point in points:
        done = run_point(work, point, simulate, slowest_s)
        rows.append(done.row)
        paths.append(done.path)
        slowest = max(slowest, done.pace_s)
    if store.read_manifest(folder)["identity"] != work.identity:
        raise NoFolderError(platform.node())  # begun afresh meanwhile: these runs are not its own
    written = store.write_trajectories(folder, points, paths) if work.columns else 0
    written += store.write_part(folder, rows)  # last: a run that has its row is not made again
    for point in points:  # the row says it now
        limits.mark_of(folder, point.run_id).unlink(missing_ok=True)
    failures = tuple(store.failure_of(row) for row in rows if row["status"] != OK)
    ids = tuple(point.run_id for point in points)
    return Report(ids, failures, time.perf_counter() - start, slowest, written)


def _compile(work: Work, point: RunPoint) -> None:
    """Let a machine that is new to the model compile it before the time of a run is counted."""
    from ...agents.compiling.cache import is_warm

    if not is_warm():
        from ...market.simulation import Simulation

        with contextlib.suppress(Exception):  # the run will say so itself, in its row
            Simulation(scenario_of(work, point), point.seed)


def run_point(
    work: Work, point: RunPoint, simulate: Simulate = simulate, slowest_s: float = 0.0
) -> Done:
    """Make one run; whatever it raises, and that it took too long, ends up in its row."""
    from . import limits

    metrics: dict[str, float | None] = {}
    path = None
    status, error, pace_s = OK, None, 0.0
    mark = limits.mark_of(Path(work.folder), point.run_id)
    try:
        if mark.exists():  # a worker ended itself over this run
            raise limits.OverTimeError(float(mark.read_text(encoding="utf-8")))
        scenario, scores = scenario_of(work, point), scores_of(work, point)
        size = limits.size_of(scenario)
        start = time.perf_counter()
        with limits.limited(limits.limit_s(work.run_limit_s, slowest_s, size), mark):
            asked: dict[str, Any] = {}
            if simulate is _PLAIN and (work.resolve or work.companions):
                asked |= {"resolve": work.resolve, "companions": work.companions}
            if work.books is not None:
                asked["books"] = own.books_of(work.books)
            simulate = partial(simulate, **asked) if asked else simulate
            outcome = simulate(scenario, point.seed, scores)
            metrics = kept_metrics(outcome.summary, work.outputs)
            if work.columns:
                path = _path(outcome, work)
        pace_s = (time.perf_counter() - start) / size
    except Exception as problem:
        status = ERROR
        error = f"{type(problem).__name__}: {problem}"[:LONGEST_ERROR]
        metrics, path = {}, None
    return Done(row_of(point, status, error, metrics), path, pace_s)


def row_of(
    point: RunPoint, status: str, error: str | None, metrics: dict[str, float | None]
) -> dict[str, Any]:
    """A row as it stands in a part."""
    return {
        "run_id": point.run_id,
        "design_id": point.design_id,
        "replicate": point.replicate,
        "arm": point.arm,
        "seed": point.seed,
        "log_weight": point.log_weight,
        "status": status,
        **point.factors,
        **metrics,
        "error": error,
    }


def scenario_of(work: Work, point: RunPoint) -> Scenario:
    """The scenario of a run: the base, what is drawn of its beliefs, its factors, and its arm's.

    What a plan varies is not drawn, nor what any of its arms sets: arms are compared in that alone.
    """
    settings = {k: v for k, v in _settings(work, point).items() if not is_cell(k)}
    first = {k: v for k, v in settings.items() if k.startswith("opening.")}  # whose beliefs
    base = Scenario.recorded(work.base, "base").changed(first, f"run {point.run_id}")
    set_by_arms = {key for arm in work.arms.values() for key in arm}
    return believe(base, point.seed, settings.keys() | set_by_arms).changed(
        {k: v for k, v in settings.items() if k not in first}, f"run {point.run_id}"
    )


def scores_of(work: Work, point: RunPoint) -> dict[str, float]:
    """Errors of the opening books in a run, by key; those that other arms set are none here."""
    others = {key: untouched(key) for arm in work.arms.values() for key in arm if is_cell(key)}
    return others | {k: float(v) for k, v in _settings(work, point).items() if is_cell(k)}


def _settings(work: Work, point: RunPoint) -> dict[str, Value]:
    settings = dict(point.factors)
    for key, others in work.also.items():
        settings |= dict.fromkeys(others, point.factors[key])
    return settings | work.arms.get(point.arm, {})


def kept_metrics(summary: dict[str, Any], outputs: tuple[str, ...]) -> dict[str, float | None]:
    """The numbers of a summary by dotted name, lists as their lengths; those some pattern matches.

    Example:
        ``kept_metrics({"ltv": {"paper": 0.5}, "seed": 1}, ("*",))`` gives ``{"ltv.paper": 0.5}``.
    """
    metrics: dict[str, float | None] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                add(f"{name}.{key}" if name else key, item)
        elif name not in NOT_METRICS and not isinstance(value, str):
            number = len(value) if isinstance(value, list) else value
            metrics[name] = None if number is None else float(number)

    add("", summary)
    return {
        name: value
        for name, value in metrics.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in outputs)
    }


def _path(outcome: Outcome, work: Work) -> pa.Table:
    """Every n-th day of the series the plan keeps."""
    import pyarrow as pa

    series = outcome.series()
    missing = [column for column in work.columns if column not in series]
    if missing:
        raise KeyError(f"the series has no column '{missing[0]}'")
    kept = series[series["day"] % work.every_days == 0]
    return pa.Table.from_pandas(kept[["day", *work.columns]], preserve_index=False)


class StaleSourceError(RuntimeError):
    """A worker runs another version of the program."""


class NoFolderError(RuntimeError):
    """A worker does not see the sweep's folder, or sees another sweep there."""
