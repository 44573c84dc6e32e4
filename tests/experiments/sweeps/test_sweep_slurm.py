"""The same plan on a real SLURM of one node, its jobs cancelled on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from paths import PROJECT
from slurm_node import UnavailableError, slurm_node

from firesale.experiments.sweeps import store
from firesale.experiments.sweeps.plan import Plan
from firesale.experiments.sweeps.runner import JOB_LOGS, Driver

PLAN = """
scenario = "crypto-crash"
replicates = 100

[settings]
days = 20
crypto.crash_start_day = 1
crypto.crash_days = 10

[factors]
crypto.crash_depth = { values = [0.2, 0.8] }

[slurm]
queue = "debug"
walltime = "00:10:00"
memory = "1GB"
interface = "lo"
"""
LIMIT_S = 240


@pytest.mark.slow
@pytest.mark.slurm
def test_a_plan_runs_on_slurm_though_its_jobs_are_cancelled(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    plan = Plan.load(tmp_path / "plan.toml")
    Driver(plan, tmp_path / "serial", quiet=True).run("serial")
    try:
        with slurm_node(tmp_path_factory.mktemp("slurm")) as environment:
            cancelled = sweep_and_cancel(tmp_path, environment)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    one, two = (rows(tmp_path / name) for name in ("serial", "slurm"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert one["run_id"].tolist() == list(range(200))
    assert len(list((tmp_path / "slurm" / JOB_LOGS).iterdir())) > cancelled, "they are replaced"


def sweep_and_cancel(folder: Path, environment: dict[str, str]) -> int:
    """Run the plan by the command line; cancel jobs that run, twice.

    First as soon as there is one, before its worker can have come; then once some runs are stored.
    Returns how many were cancelled.
    """
    command = [sys.executable, "-m", "firesale.experiments.cli", "sweep", str(folder / "plan.toml")]
    options = ["--cluster", "slurm", "--workers", "2", "--out", str(folder / "slurm")]
    process = subprocess.Popen(
        command + options,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + LIMIT_S
    try:
        cancelled = 0
        for ready in (lambda: True, lambda: any((folder / "slurm").glob("parts/*.parquet"))):
            jobs: list[str] = []
            while not (jobs and ready()):
                assert process.poll() is None and time.monotonic() < deadline, told(process, folder)
                time.sleep(0.1)
                jobs = running_jobs(environment)
            subprocess.run(["scancel", *jobs], env=environment, check=True)
            cancelled += len(jobs)
        said, _ = process.communicate(timeout=max(deadline - time.monotonic(), 1.0))
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "200 runs in" in said and "0 failed" in said
    return cancelled


def running_jobs(environment: dict[str, str]) -> list[str]:
    """Ids of the jobs that run."""
    queue = ["squeue", "-h", "-t", "R", "-o", "%i"]
    found = subprocess.run(queue, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


def told(process: subprocess.Popen[str], folder: Path) -> str:
    """What the command and its jobs said, for a failure's message."""
    process.kill()
    said = process.communicate()[0]
    for log in sorted((folder / "slurm" / JOB_LOGS).glob("*")):
        said += f"\n--- {log.name}\n" + log.read_text()[-2000:]
    return said


def rows(folder: Path) -> pd.DataFrame:
    """All rows of a sweep by run id, columns in order of their names."""
    with store.connect(folder) as connection:
        frame = connection.execute("SELECT * FROM runs ORDER BY run_id").df()
    return frame[sorted(frame)]
