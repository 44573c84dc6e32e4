"""Sweeps lose nothing and do nothing twice, wherever they run and whatever dies on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import sweep_runs
from paths import TESTS
from sweep_runs import MARK, POISON, cheap, dies_once, hanging, plan, poisoned, raising

from firesale.agents.party import Kind
from firesale.experiments.sweeps import clusters, execute, limits, store
from firesale.experiments.sweeps.batches import LONGEST_S, Batches
from firesale.experiments.sweeps.design import design_table, run_points
from firesale.experiments.sweeps.execute import (
    ERROR,
    KILLED,
    OK,
    NoFolderError,
    Outcome,
    Simulate,
    Work,
    run_batch,
    simulate,
)
from firesale.experiments.sweeps.plan import Plan
from firesale.experiments.sweeps.runner import Driver, estimate
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

LIMIT_S = 300  # patience with a busy machine


def drifts(count: int, replicates: int = 1, **data: Any) -> Plan:
    """A grid over the drift in thousandths, from 0."""
    values = [k / 1000 for k in range(count)]
    return plan(factors={"crypto": {"drift": {"values": values}}}, replicates=replicates, **data)


def sweep(
    p: Plan,
    folder: Path,
    simulate: Simulate,
    where: str = "serial",
    workers: int | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Run a plan and return its rows."""
    Driver(p, folder, simulate=simulate, quiet=True, **options).run(where, workers)
    return rows(folder)


def rows(folder: Path) -> pd.DataFrame:
    """All rows of a sweep by run id, columns in order of their names."""
    with store.connect(folder) as connection:
        frame = connection.execute("SELECT * FROM runs ORDER BY run_id").df()
    return frame[sorted(frame)]


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Bit for bit, whatever the order in which columns first came."""
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The 400 runs of ``drifts(200, 2)`` in this process."""
    return sweep(drifts(200, 2), tmp_path_factory.mktemp("serial"), cheap)


# ------------------------------------------------------------------ how it runs makes no difference


@pytest.mark.parametrize(("workers", "batch"), [(1, 7), (2, 0), (2, 64)])
def test_results_do_not_depend_on_workers_or_batches(
    tmp_path: Path, expected: pd.DataFrame, workers: int, batch: int
) -> None:
    found = sweep(drifts(200, 2), tmp_path, cheap, "local", workers, batch_runs=batch)
    same(found, expected)
    assert found["run_id"].tolist() == list(range(400))


def test_runs_of_the_market_are_the_same_bits_in_a_worker(tmp_path: Path) -> None:
    p = plan(
        scenario="crypto-crash",
        settings={"days": 10, "crypto": {"crash_start_day": 1, "crash_days": 5}},
        factors={
            "crypto": {"crash_depth": {"values": [0.1, 0.7]}},
            "books": {"lenders": {"capital_usd_m": {"values": [-1.0, 1.0]}}},
        },
        arms={"none": {}, "cap": {"policy": {"haircut_floor": 0.5}}},
        trajectories={"columns": ["btc_usd"], "every_days": 5},
    )
    folders = [tmp_path / name for name in ("serial", "local")]
    Driver(p, folders[0], quiet=True, batch_runs=3).run("serial")
    Driver(p, folders[1], quiet=True, batch_runs=2).run("local", 2)
    one, two = map(rows, folders)
    same(one, two)
    assert (one["status"] == OK).all() and len(one) == 8
    assert one["loss_usd.total"].nunique() > 1
    paths = []
    for folder in folders:
        with store.connect(folder) as connection:
            paths.append(connection.execute("SELECT * FROM paths ORDER BY run_id, day").df())
    same(*paths)
    assert paths[0]["day"].unique().tolist() == [0, 5, 10]


def test_a_sweep_keeps_no_ladders_and_changes_nothing_else() -> None:
    scenario = Scenario.load("joint-crash").with_settings(["days=98"])  # once a quarter at least
    whole = Simulation(scenario, 3).run()
    outcome = simulate(scenario, 3, {})
    assert outcome.summary == whole.summary()
    pd.testing.assert_frame_equal(outcome.series(), whole.series(), check_exact=True)
    assert len(whole.book()) > 0
    assert len(Simulation(scenario, 3, keeps_book=False).run().book()) == 0


# ------------------------------------------------------------------ failures


def test_a_run_that_raises_is_a_row_with_its_error(tmp_path: Path) -> None:
    p = plan(factors={"crypto": {"drift": {"values": [0.1, 0.9, 0.2]}}})
    found = sweep(p, tmp_path, raising)
    assert found["status"].tolist() == ["ok", "error", "ok"]
    assert found["error"][1] == "ZeroDivisionError: a bug in the market"
    assert np.isnan(found["linked.largest"][1]) and found["crypto.drift"][1] == 0.9
    (line,) = (tmp_path / store.FAILURES).read_text().splitlines()
    assert json.loads(line)["run_id"] == 1
    assert Driver(p, tmp_path, simulate=raising, quiet=True).run("serial").done_now == 0
    mended = Driver(p, tmp_path, simulate=cheap, quiet=True, retry_failures=True).run("serial")
    assert (mended.done_now, mended.failed) == (1, 0)
    assert rows(tmp_path)["status"].tolist() == ["ok"] * 3
    assert (tmp_path / store.FAILURES).read_text() == ""


@pytest.mark.long
def test_a_poison_run_among_2000_is_found_and_nothing_else_is_lost(tmp_path: Path) -> None:
    p = drifts(2000)
    expected = sweep(p, tmp_path / "serial", cheap)
    found = sweep(p, tmp_path / "local", poisoned, "local", 2, batch_runs=250)
    guilty = expected["crypto.drift"] == POISON
    assert found["run_id"].tolist() == list(range(2000))
    assert found.loc[guilty, "status"].tolist() == [KILLED]
    assert found.loc[~guilty, "error"].isna().all()
    same(found[~guilty].drop(columns="error"), expected[~guilty].drop(columns="error"))
    said = [json.loads(s) for s in (tmp_path / "local" / store.FAILURES).read_text().splitlines()]
    assert [line["run_id"] for line in said] == expected.loc[guilty, "run_id"].tolist()


def test_a_worker_killed_on_the_way_costs_nothing(
    tmp_path: Path, expected: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path / "killed"))
    found = sweep(drifts(200, 2), tmp_path / "sweep", dies_once, "local", 2, batch_runs=50)
    assert (tmp_path / "killed").exists()
    same(found, expected)


@pytest.mark.parametrize(("where", "workers"), [("serial", None), ("local", 2)])
def test_a_run_that_hangs_is_a_row_with_its_error_and_costs_no_other(
    tmp_path: Path, expected: pd.DataFrame, where: str, workers: int | None
) -> None:
    p, folder = drifts(200, 2, run_limit_s=2.0), tmp_path / "sweep"
    found = sweep(p, folder, hanging, where, workers, batch_runs=50)
    hung = expected["crypto.drift"] == POISON
    assert found.loc[hung, "status"].tolist() == [ERROR, ERROR]
    assert found.loc[hung, "error"].str.contains("took longer than its limit of 2 s").all()
    same(found[~hung].drop(columns="error"), expected[~hung].drop(columns="error"))
    said = [json.loads(line) for line in (folder / store.FAILURES).read_text().splitlines()]
    assert [line["run_id"] for line in said] == expected.loc[hung, "run_id"].tolist()
    assert not list(folder.rglob("*.tmp"))
    mended = Driver(p, folder, simulate=cheap, quiet=True, retry_failures=True).run("serial")
    assert (mended.done_now, mended.failed) == (2, 0)
    same(rows(folder), expected)


def test_a_run_may_take_twenty_times_the_slowest_and_a_minute_at_least() -> None:
    assert limits.limit_s(None, 0.001, size=30_000.0) == pytest.approx(600.0)
    assert limits.limit_s(None, 0.001, size=1_000.0) == limits.LEAST_S >= 60.0
    assert limits.limit_s(2.5, 0.001, size=30_000.0) == 2.5, "what the plan says comes first"
    assert 60.0 < limits.limit_s(None, 0.0, size=1.0) < float("inf"), "even before any run ended"
    year, century = (plan(settings={"days": days}).base for days in (365, 36_500))
    assert limits.size_of(century) == pytest.approx(100 * limits.size_of(year))
    crowd = {"opening": {"start": "synthetic"}, "synthetic": {"parties": 1_000_000}, "days": 365}
    assert limits.size_of(plan(settings=crowd).base) > 100 * limits.size_of(year)


def test_a_killed_driver_is_resumed(tmp_path: Path) -> None:
    p, folder = drifts(300, 2), tmp_path / "sweep"  # in its workers it would take 15 s
    code = (
        "from pathlib import Path\nfrom firesale.experiments.sweeps.runner import Driver\n"
        "import sweep_runs, sys\nfrom test_sweep_runner import drifts\n"
        "if __name__ == '__main__':\n"
        "    driver = Driver(drifts(300, 2), Path(sys.argv[1]), simulate=sweep_runs.slow, "
        "batch_runs=5)\n    driver.run('local', 2)\n"
    )
    script = tmp_path / "driver.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(Path(__file__).parent)))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LIMIT_S
    while len(list(folder.glob("parts/*.parquet"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = store.stored_ids(folder)
    assert 0 < len(before) < 600
    result = Driver(p, folder, simulate=cheap, quiet=True).run("serial")
    assert result.done_now <= 600 - len(before)  # its workers may have finished a batch meanwhile
    same(rows(folder), sweep(p, tmp_path / "other", cheap))
    assert not list(folder.rglob("*.tmp"))


def test_a_full_disk_stops_in_one_sentence_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = drifts(30)
    real, calls = store.pq.write_table, []

    def full(table: Any, where: Any, **options: Any) -> None:
        calls.append(where)
        if len(calls) > 4:
            Path(where).write_bytes(b"half a par")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(table, where, **options)

    monkeypatch.setattr(store.pq, "write_table", full)
    with pytest.raises(InputError, match=r"No space left on device.*same command again"):
        sweep(p, tmp_path / "sweep", cheap, batch_runs=4)
    monkeypatch.undo()
    assert len(store.stored_ids(tmp_path / "sweep")) == 12
    assert not list(tmp_path.rglob("*.tmp"))
    same(sweep(p, tmp_path / "sweep", cheap), sweep(p, tmp_path / "other", cheap))


def test_a_full_disk_under_a_worker_stops_the_sweep(tmp_path: Path) -> None:
    p = drifts(20)
    store.open_folder(p, tmp_path)
    (tmp_path / store.PARTS).rmdir()
    (tmp_path / store.PARTS).touch()  # no part can be written below a file
    with pytest.raises(InputError, match="same command again"):
        Driver(p, tmp_path, simulate=cheap, quiet=True).run("local", 1)


def test_a_run_whose_series_could_not_be_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def series(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
        days = pd.DataFrame({"day": [0, 1], "btc_usd": [1.0, seed]})
        return Outcome(cheap(scenario, seed, scores).summary, lambda: days)

    p = drifts(6, trajectories={"columns": ["btc_usd"], "every_days": 1})
    real = store.write_trajectories

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "write_trajectories", full)
    with pytest.raises(InputError, match="No space left"):
        sweep(p, tmp_path, series, batch_runs=2)
    monkeypatch.setattr(store, "write_trajectories", real)
    sweep(p, tmp_path, series, batch_runs=2)
    with store.connect(tmp_path) as connection:
        kept = connection.execute("SELECT DISTINCT run_id FROM paths ORDER BY 1").fetchall()
    assert kept == [(k,) for k in range(6)]


# ------------------------------------------------------------------ resuming


def test_a_worker_of_a_sweep_that_is_gone_writes_nothing_into_its_successor(
    tmp_path: Path,
) -> None:
    old, new = drifts(3), drifts(3, seed=2)
    work = Work.of(old, tmp_path, store.source_hash())
    points = run_points(old, design_table(old), np.arange(3))
    store.open_folder(new, tmp_path)  # the folder was removed and begun anew while it worked
    with pytest.raises(NoFolderError):
        run_batch(work, points, cheap)
    assert not store.has_parts(tmp_path)


def test_a_sweep_without_a_run_is_begun_afresh_and_runs_without_a_plan_are_not_adopted(
    tmp_path: Path,
) -> None:
    store.open_folder(drifts(5), tmp_path)
    found = sweep(drifts(3, seed=2), tmp_path, cheap)
    same(found, sweep(drifts(3, seed=2), tmp_path / "other", cheap))
    (tmp_path / "other" / store.MANIFEST).unlink()
    with pytest.raises(InputError, match=r"holds runs but no manifest\.json"):
        sweep(drifts(3, seed=3), tmp_path / "other", cheap)


def contents(folder: Path) -> dict[Path, bytes]:
    """Files but for the lock, in which stands who held it last."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != store.LOCK)
    return {path: path.read_bytes() for path in files}


def test_a_sweep_goes_on_only_with_its_own_plan_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(drifts(5), tmp_path, cheap)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"another plan \(changed: seed\).*--out"):
        sweep(drifts(5, seed=2), tmp_path, cheap)
    with pytest.raises(InputError, match=r"changed: factors\.crypto\.drift\.values"):
        sweep(drifts(6), tmp_path, cheap)
    monkeypatch.setattr(store, "source_hash", lambda: "other")
    with pytest.raises(InputError, match="another source of agents, market or sweeps"):
        sweep(drifts(5), tmp_path, cheap)
    monkeypatch.undo()
    monkeypatch.setattr(store.run_folder, "version", lambda name: "0.0")
    with pytest.raises(InputError, match="was begun with numpy"):
        sweep(drifts(5), tmp_path, cheap)
    assert before == contents(tmp_path)


def test_other_questions_do_not_need_other_runs(tmp_path: Path) -> None:
    sweep(drifts(5), tmp_path, cheap)
    p = drifts(5, analysis={"event": "linked.largest >= 1"})
    assert Driver(p, tmp_path, simulate=cheap, quiet=True).run("serial").done_now == 0
    assert store.read_manifest(tmp_path)["analysis"]["event"] == "linked.largest >= 1"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="is not empty and holds no sweep"):
        sweep(drifts(3), tmp_path, cheap)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_two_drivers_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        store.locked(tmp_path),
        pytest.raises(InputError, match="another sweep is at work there"),
    ):
        sweep(drifts(3), tmp_path, cheap)


def test_parts_are_merged_without_losing_or_doubling_a_run(
    tmp_path: Path, expected: pd.DataFrame
) -> None:
    sweep(drifts(200, 2), tmp_path, cheap, batch_runs=20)
    loose = sorted((tmp_path / store.PARTS).glob("runs-*.parquet"))
    assert len(loose) == 20
    copy = loose[3].read_bytes()
    store.merge_parts(tmp_path, most=10)
    assert [path.name[:7] for path in (tmp_path / store.PARTS).glob("*.parquet")] == [store.MERGED]
    loose[3].write_bytes(copy)  # a crash between merging and removing
    same(rows(tmp_path), expected)


def test_a_row_that_comes_twice_is_read_once_and_finished_wins(tmp_path: Path) -> None:
    sweep(drifts(4), tmp_path, cheap)
    row = {"run_id": 2, "design_id": 2, "replicate": 0, "arm": "", "seed": 1, "log_weight": 0.0}
    late = {**row, "status": KILLED, "crypto.drift": 0.002, "error": "died"}
    store.write_part(tmp_path, [late])
    assert rows(tmp_path)["status"].tolist() == [OK] * 4


# ------------------------------------------------------------------ batches


def test_batches_give_out_every_run_once_and_take_seconds_not_hours() -> None:
    queue, given, times = Batches(np.arange(5000)), [], []
    while (batch := queue.next(workers=2)) is not None:
        given += batch.tolist()
        times.append(0.3 * len(batch))
        queue.finished(batch, times[-1])
    assert given == list(range(5000))
    assert max(times) <= LONGEST_S
    assert min(times[5 : len(times) // 2]) > 5.0, "long enough to make the scheduler's 2 ms nothing"
    assert times[-1] < 5.0, "short at the end, so that workers end together"


def test_only_a_run_that_dies_alone_is_guilty() -> None:
    queue, found, tried = Batches(np.arange(64), fixed=16), [], 0
    poison = {5, 40}
    under_way: list[Any] = []
    while True:
        while len(under_way) < 3 and (batch := queue.next(2)) is not None:
            under_way.append(batch)
        if not under_way:
            break
        batch = under_way.pop(0)
        tried += 1
        innocent_beside = any(poison & set(other.tolist()) for other in under_way)
        if poison & set(batch.tolist()) or innocent_beside:  # neighbours die with it
            guilty = queue.killed(batch)
            found += [guilty] if guilty is not None else []
        else:
            queue.finished(batch, 1.0)
    assert sorted(found) == sorted(poison)


# ------------------------------------------------------------------ clusters and cost


@pytest.mark.parametrize(
    ("cluster", "workers", "says"),
    [
        ("cloud", None, "--cluster cloud: is not allowed; serial, local, slurm, or the HOST:PORT"),
        ("local", 0, "--workers 0: is not allowed"),
        ("serial", 2, "--workers: has no meaning with --cluster serial"),
        ("127.0.0.1:1", None, "no Dask scheduler answers there"),
    ],
)
def test_a_cluster_that_is_none_is_refused(
    tmp_path: Path, cluster: str, workers: int | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "CONNECT_S", 1)
    with pytest.raises(InputError, match=says):
        Driver(drifts(3), tmp_path, simulate=cheap, quiet=True).run(cluster, workers)


def test_a_running_scheduler_is_used(tmp_path: Path, expected: pd.DataFrame) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as running:
        address = running.scheduler_address.removeprefix("tcp://")
        found = sweep(drifts(200, 2), tmp_path, cheap, address)
    same(found, expected)


def test_workers_of_another_source_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "source_hash", lambda: "this driver's own")
    with pytest.raises(InputError, match="runs another source than this driver"):
        Driver(drifts(3), tmp_path, simulate=cheap, quiet=True).run("local", 1)


def test_a_dry_run_tells_runs_and_cost_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    p = plan(settings={"days": 3}, factors={"crypto": {"drift": {"values": [0, 1]}}}, replicates=50)
    cost = estimate(p, workers=4)
    assert cost["runs"] == 100 and cost["run_s"] > 0 and cost["gigabytes"] > 0
    assert cost["hours"] == pytest.approx(100 * cost["run_s"] / 4 / 3600)
    assert list(tmp_path.iterdir()) == []


def test_workers_use_one_thread(tmp_path: Path) -> None:
    p = plan(factors={"crypto": {"drift": {"values": [0.0]}}})
    found = sweep(p, tmp_path, sweep_runs.threads, "local", 1)
    assert found["numba_threads"].tolist() == [1.0]


def test_slurm_jobs_ask_for_what_the_plan_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    wanted = plan(
        slurm={
            "queue": "long",
            "account": "risk",
            "walltime": "1-02:00:00",
            "memory": "3GB",
            "prologue": ["module load python"],
            "directives": ["--qos=low"],
        }
    ).slurm
    with clusters.slurm_cluster(wanted, tmp_path) as cluster:
        script = cluster.job_script()
    for line in ("-p long", "-A risk", "-t 1-02:00:00", "--qos=low", "--mem=3G", "-n 1"):
        assert f"#SBATCH {line}" in script
    assert "module load python" in script and "export NUMBA_NUM_THREADS=1" in script
    assert f"--lifetime {26 * 3600 - clusters.GRACE_S}s" in script
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError, match="there is no sbatch here"):
        clusters.slurm_cluster(wanted, tmp_path)


def test_a_signal_knows_that_it_meets_the_market_by_the_names_its_modules_have() -> None:
    def frame(name: str) -> FrameType:
        return cast(FrameType, SimpleNamespace(f_globals={"__name__": name}, f_back=None))

    for module in (Simulation.__module__, Kind.__module__, "numba.core.dispatcher", "llvmlite"):
        assert limits._in_market(frame(module))
    for module in (limits.__name__, "market", "firesale.marketing", "numbat"):
        assert not limits._in_market(frame(module))


def test_a_serial_run_of_the_market_is_ended_between_two_days(tmp_path: Path) -> None:
    scenario = Scenario.load("calm").with_settings(["days=700"])
    execute.simulate(scenario.with_settings(["days=1"]), 1, {})
    with (
        pytest.raises(limits.OverTimeError),
        limits.limited(0.05, tmp_path / "mark"),
    ):
        execute.simulate(scenario, 1, {})
    limits.check()  # it has been told
