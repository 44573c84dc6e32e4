"""The driver of a sweep: open the folder, hand out what is missing, and survive what happens.

Nothing between the plan and Dask but this loop: a bounded number of batches is under way, each
writes its own part, and the driver keeps nothing of it but counts.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from ...agents.compiling import process
from ...market.scenario.errors import InputError
from ..look.memory import check_memory
from . import clusters, execute, own, store
from .batches import Batch, Batches
from .design import check_design, count_runs, largest_of, run_points
from .execute import Report, Simulate, Work
from .folders import accept
from .limits import size_of
from .progress import Progress

if TYPE_CHECKING:
    from .plan import Plan

QUEUED = 2  # batches per worker: one at work, one ready
MERGE_EVERY = 200  # batches
WARM_DAYS = 30
BYTES_PER_NUMBER = 9.0  # of a row in a merged part, measured
BYTES_PER_PATH_NUMBER = 7.0
JOB_LOGS = "slurm"
KILLED_TEXT = "the worker process died each time this run was tried, alone"


@dataclass(frozen=True)
class Result:
    """What a call did: runs in all, done now, failed in all; its time, and that of workers."""

    folder: Path
    runs: int
    done_now: int
    failed: int
    seconds: float
    busy_s: float


class Driver:
    """One sweep in one folder, from what is stored to the last run.

    Args:
        plan: what to run.
        folder: where to; a new one, or one that holds this sweep.
        simulate: what a run is; of the market unless a test says otherwise.
        batch_runs: always so many runs to a task; 0 for as many as time suggests.
        retry_failures: run failed runs again too.
        salvage: move damaged parts away and make their runs again.
        quiet: no progress on stderr.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        simulate: Simulate = execute.simulate,
        batch_runs: int = 0,
        retry_failures: bool = False,
        salvage: bool = False,
        quiet: bool = False,
    ) -> None:
        self.plan, self.folder, self.simulate = plan, folder, simulate
        self.batch_runs, self.retry_failures = batch_runs, retry_failures
        self.salvage, self.quiet = salvage, quiet
        self._batches_done = 0
        self._slowest_s = 0.0  # per day and party: what a run may take follows from it

    def run(
        self,
        cluster: str = "local",
        workers: int | None = None,
        opened: clusters.Cluster | None = None,
    ) -> Result:
        """Run what is missing; ``opened`` are workers that several sweeps share.

        Raises:
            InputError: the folder, the cluster or its workers cannot be used; what is done is kept.
        """
        clusters.check_name(cluster, workers)
        accept(self.folder)
        many = workers or process.cores() if cluster == "local" else 1
        check_memory(largest_of(self.plan), many)
        check_design(self.plan)
        with store.locked(self.folder):
            self.design = store.open_folder(self.plan, self.folder, self.salvage)
            runs = count_runs(self.plan)
            stored = store.stored_ids(self.folder, finished_only=self.retry_failures)
            missing = np.setdiff1d(np.arange(runs, dtype=np.int64), stored, assume_unique=True)
            own.copy_into(self.plan.books, self.folder)
            self.work = Work.of(self.plan, self.folder, store.source_hash())
            self.batches = Batches(missing, fixed=self.batch_runs)
            self.progress = Progress(runs, runs - len(missing), self.quiet)
            try:
                with self.progress:
                    self._failed = store.write_failures(self.folder)
                    self.progress.failed = self._failed
                    if len(missing):
                        self._run_missing(cluster, workers, opened)
                store.merge_parts(self.folder)
                failed = store.write_failures(self.folder)
            except OSError as error:
                raise store.unwritable(self.folder, error) from None
        done = self.progress
        return Result(self.folder, runs, done.done_now, failed, done.seconds, done.busy_s)

    def _run_missing(
        self, cluster: str, workers: int | None, opened: clusters.Cluster | None
    ) -> None:
        if self.simulate is execute.simulate:
            self._warm()
            self._try()
        if cluster == "serial":
            while (batch := self.batches.next(1)) is not None:
                points = run_points(self.plan, self.design, batch)
                done = execute.run_batch(self.work, points, self.simulate, self._slowest_s)
                self._finished(batch, done)
            return
        if opened is not None:
            self._hand_out(opened, cluster)
            return
        with clusters.open_cluster(
            cluster, workers, self.plan.slurm, self.folder / JOB_LOGS
        ) as opened:
            self.progress.say(f"Workers: {opened.about}")
            if link := clusters.dashboard(cluster, opened.client):
                self.progress.say(f"Dask dashboard: {link}")
            self._hand_out(opened, cluster)

    def _warm(self) -> None:
        """Compile the kernels here, once, so that workers find them in the cache; time a run."""
        base = self.plan.base
        short = base.changed({"days": min(base.days, WARM_DAYS)}, "days")
        try:
            self.simulate(short, 0, {})  # compiles, or loads what is compiled
            start = time.perf_counter()
            self.simulate(short, 0, {})
            self._slowest_s = (time.perf_counter() - start) / size_of(short)
        except InputError:
            raise
        except Exception as error:  # the runs will say so themselves, each in its row
            self.progress.say(f"The base scenario fails: {type(error).__name__}: {error}")

    def _try(self) -> None:
        """Make a short run at both ends of what is missing; if all of them fail, say why and stop.

        Raises:
            InputError: no run of this plan works.
        """
        ends = np.unique(self.batches.waiting[[0, -1]])
        errors = []
        for most in (WARM_DAYS, self.plan.base.days):  # a short run may fail for being short
            days = {"days": min(most, self.plan.base.days)}
            work = replace(self.work, base=self.work.base | days, resolve=False)
            done = [
                execute.run_point(work, point, self.simulate, self._slowest_s)
                for point in run_points(self.plan, self.design, ends)
            ]
            errors = [str(one.row["error"]) for one in done if one.row["status"] != execute.OK]
            if len(errors) < len(ends):
                return
        raise InputError(
            f"{self.plan.name}: runs of this plan fail ({errors[0].splitlines()[0]}); tried alone, "
            "before any other."
        )

    def _hand_out(self, cluster: clusters.Cluster, name: str) -> None:
        """Keep workers busy until every run is stored."""
        from distributed import KilledWorker, as_completed

        client = cluster.client
        under_way: dict[str, Batch] = {}
        completed = as_completed(with_results=True, raise_errors=False)

        def feed() -> None:
            workers = max(cluster.workers, len(client.nthreads()) if name != "local" else 1)
            while len(under_way) < QUEUED * workers:
                batch = self.batches.next(workers)
                if batch is None:
                    return
                points = run_points(self.plan, self.design, batch)
                future = client.submit(
                    execute.run_batch,
                    self.work,
                    points,
                    self.simulate,
                    self._slowest_s,
                    pure=False,
                    retries=1,
                )
                under_way[str(future.key)] = batch
                completed.add(future)

        feed()
        for future, result in completed:
            batch = under_way.pop(str(future.key))
            status = future.status
            del future
            if status == "finished":
                self._finished(batch, result)
            elif isinstance(_cause(result), KilledWorker):
                self._killed(batch)
            else:
                raise self._stopped(_cause(result))
            feed()

    def _finished(self, batch: Batch, report: Report) -> None:
        self.batches.finished(batch, report.seconds)
        self._slowest_s = max(self._slowest_s, report.slowest_s)
        self.progress.advance(len(batch), len(report.failures), report.seconds)
        self._note(report.failures)
        self._batches_done += 1
        if self._batches_done % MERGE_EVERY == 0:
            store.merge_parts(self.folder)

    def _killed(self, batch: Batch) -> None:
        """Halve a batch that took its workers down; record the run that did so alone."""
        guilty = self.batches.killed(batch)
        if guilty is None:
            return
        (point,) = run_points(self.plan, self.design, batch)
        row = execute.row_of(point, execute.KILLED, KILLED_TEXT, {})
        store.write_part(self.folder, [row])
        self.progress.advance(1, 1, 0.0)
        self._note((store.failure_of(row),))

    def _note(self, failures: tuple[dict[str, Any], ...]) -> None:
        if failures:
            with (self.folder / store.FAILURES).open("a", encoding="utf-8") as file:
                for failure in failures:
                    file.write(json.dumps(failure, ensure_ascii=False) + "\n")

    def _stopped(self, error: BaseException) -> Exception:
        """Why the sweep cannot go on, for the user; a bug stays what it is."""
        again = "what is done is kept; give the same command again to go on"
        match error:
            case OSError():
                return store.unwritable(self.folder, error)
            case execute.StaleSourceError():
                return InputError(
                    f"A worker on {error} runs another source than this driver; restart the "
                    f"workers from this version; {again}."
                )
            case execute.NoFolderError():
                return InputError(
                    f"A worker on {error} does not see {self.folder.resolve()}; name a folder that "
                    "all workers share with --out."
                )
            case ModuleNotFoundError():
                return InputError(
                    f"A worker lacks the package '{error.name}'; start the workers in this "
                    f"project's environment; {again}."
                )
            case MemoryError():
                return InputError(f"A worker is out of memory; {again} with fewer workers.")
        if type(error).__module__.split(".")[0] in ("distributed", "asyncio", "concurrent"):
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            return InputError(f"The cluster is gone ({reason}); {again}.")
        return error if isinstance(error, Exception) else RuntimeError(str(error))


def _cause(result: Any) -> BaseException:
    """The exception of a failed task; results of failures come as (type, error, traceback)."""
    if isinstance(result, tuple) and len(result) == 3 and isinstance(result[1], BaseException):
        return result[1]
    return result if isinstance(result, BaseException) else RuntimeError(str(result))


def default_folder(plan: Plan) -> Path:
    """Where a sweep goes without ``--out``: always the same place, so that it resumes."""
    return Path("out") / f"sweep-{plan.name}"


def estimate(plan: Plan, workers: int) -> dict[str, float]:
    """What a plan costs: ``runs, run_s, hours, gigabytes``, from a few runs tried here.

    Nothing is written, and the design is not laid out: runs are tried at a few of its points.
    """
    from .design import design_table, sample_of

    runs, few = count_runs(plan), sample_of(plan)
    design = design_table(few)
    work = Work.of(plan, Path(), store.source_hash())
    tried = np.unique(np.linspace(0, count_runs(few) - 1, 4).astype(np.int64))
    points = run_points(few, design, np.concatenate([tried[:1], tried]))
    seconds, numbers, days = [], 0, 0
    for point in points:
        start = time.perf_counter()
        done = execute.run_point(work, point)
        seconds.append(time.perf_counter() - start)
        numbers = max(numbers, len(done.row))
        if done.path is not None:
            days = max(days, len(done.path) * len(done.path.column_names))
    run_s = float(np.mean(seconds[1:]))  # the first one loads, or compiles
    buffer = io.BytesIO()
    pq.write_table(design, buffer, compression="zstd")
    size = runs * (
        BYTES_PER_NUMBER * numbers + BYTES_PER_PATH_NUMBER * days
    ) + buffer.tell() * runs / count_runs(few)
    return {
        "runs": runs,
        "run_s": run_s,
        "hours": runs * run_s / workers / 3600.0,
        "gigabytes": size / 1e9,
    }
