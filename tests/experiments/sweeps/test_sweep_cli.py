"""``firesale sweep`` and ``firesale analyse`` as they are typed, and the plans that come along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from firesale.experiments import cli
from firesale.experiments.sweeps import execute, store
from firesale.experiments.sweeps.design import count_runs, design_table, run_points
from firesale.experiments.sweeps.plan import Plan, plan_names
from firesale.experiments.sweeps.progress import Progress

LIMIT_S = 300  # patience with a busy machine
TINY = """
scenario = "crypto-crash"
replicates = 3
[settings]
days = 5
[factors]
crypto.crash_depth = { values = [0.3, 0.7] }
crypto.drift = { values = [0.0, 0.1] }
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def firesale(*arguments: str) -> int:
    """The exit code of the command line, run in this process."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sweep"], "missing argument"),
        (["sweep", "nothing-like-it"], "there is no plan 'nothing-like-it'; allowed: "),
        (["sweep", "gone.toml"], "gone.toml: cannot be read"),
        (["sweep", "quick", "--cluster", "cloud"], "--cluster cloud: is not allowed; serial, "),
        (["sweep", "quick", "--workers", "0"], "--workers 0: is not allowed; at least 1"),
        (["sweep", "quick", "--out", "file/below"], "file/below: cannot be written"),
        (["analyse", "nowhere"], "there is no such folder"),
        (["analyse", "."], "holds no sweep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_refused_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("x")
    assert firesale(*arguments) == 2
    printed = capsys.readouterr()
    assert says in printed.err.lower() and printed.err.count("\n") == 1 and printed.out == ""
    assert [path.name for path in Path().iterdir()] == ["file"]


@pytest.mark.parametrize("command", ["sweep", "analyse"])
def test_help_ends_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert firesale(command, "--help") == 0
    assert "Example: firesale" in capsys.readouterr().out.strip().rpartition("\n\n")[2]


def test_a_sweep_is_run_resumed_and_analysed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.toml").write_text(TINY)
    assert firesale("sweep", "tiny.toml", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "12 runs = 4 points × 1 arm × 3 replicates" in said
    assert "hours" in said and "gigabytes" in said and not Path("out").exists()
    assert firesale("sweep", "tiny.toml", "--cluster", "serial") == 0
    assert "12 runs in out/sweep-tiny; 12 of them now" in capsys.readouterr().out
    parts = {path.name for path in Path("out/sweep-tiny/parts").iterdir()}
    Path("out/sweep-tiny/parts", max(parts)).unlink()
    assert firesale("sweep", "tiny.toml", "--cluster", "serial") == 0
    assert "12 runs in out/sweep-tiny; " in capsys.readouterr().out
    assert store.stored_ids(Path("out/sweep-tiny")).tolist() == list(range(12))
    assert firesale("analyse", "out/sweep-tiny", "--event", "defaults.miner >= 1") == 0
    assert "defaults.miner >= 1: " in capsys.readouterr().out
    assert Path("out/sweep-tiny/analysis/report.html").exists()
    Path("tiny.toml").write_text(TINY.replace("0.7", "0.8"))
    assert firesale("sweep", "tiny.toml", "--cluster", "serial") == 2
    assert "another plan (changed: factors.crypto.crash_depth.values)" in capsys.readouterr().err


def test_a_folder_begun_and_killed_before_its_manifest_is_begun_again() -> None:
    Path("tiny.toml").write_text(TINY)
    folder = Path("half")
    (folder / store.PARTS).mkdir(parents=True)
    (folder / f".{store.DESIGN}-x.tmp").write_bytes(b"half")
    assert firesale("sweep", "tiny.toml", "--cluster", "serial", "--out", "half") == 0
    assert len(store.stored_ids(folder)) == 12


@pytest.mark.parametrize("name", plan_names())
def test_plans_that_come_along_can_run(name: str) -> None:
    plan = Plan.load(name)
    design = design_table(plan)
    assert count_runs(plan) == len(design) * plan.replicates
    work = execute.Work.of(
        plan.model_copy(update={"base": plan.base.changed({"days": 2}, name)}), Path(), ""
    )
    for point in run_points(plan, design, np.array([0, count_runs(plan) - 1])):
        done = execute.run_point(work, point)
        assert done.row["status"] == execute.OK, done.row["error"]
        assert (done.path is None) == (plan.trajectories is None)


def test_a_plan_may_have_every_run_settle_its_claims() -> None:
    settings = {"days": 60, "credit.hazard_per_year": 0.5}
    plans = [
        Plan.from_dict(
            {"scenario": "calm", "settings": settings, "resolve": resolve}, "test.toml", Path()
        )
        for resolve in (False, True)
    ]
    assert plans[0].identity() != plans[1].identity()
    rows = []
    for plan in plans:
        (point,) = run_points(plan, design_table(plan), np.array([0]))
        done = execute.run_point(execute.Work.of(plan, Path(), ""), point)
        assert done.row["status"] == execute.OK, done.row["error"]
        rows.append(done.row)
    assert 0.0 < rows[0]["loss_usd.unresolved_share"] <= 1.0
    assert "loss_usd.resolved_total" not in rows[0] and rows[1]["loss_usd.resolved_day"] > 60
    assert rows[1]["loss_usd.resolved_total"] != rows[1]["loss_usd.total"]
    assert {k: v for k, v in rows[1].items() if k in rows[0]} == rows[0]


def test_an_interrupt_keeps_what_is_done() -> None:
    Path("tiny.toml").write_text(TINY.replace("replicates = 3", "replicates = 500"))
    process = subprocess.Popen(
        [sys.executable, "-m", "firesale.experiments.cli", "sweep", "tiny.toml", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # not as a job in the back
    )
    deadline = time.monotonic() + LIMIT_S
    while len(list(Path("out/sweep-tiny/parts").glob("*.parquet"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err.splitlines()[-1] == (
        "Interrupted; finished runs are kept in out/sweep-tiny, the same command goes on."
    )
    assert "Traceback" not in out + err
    assert 0 < len(store.stored_ids(Path("out/sweep-tiny"))) < 2000


def test_progress_off_a_terminal_is_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firesale.experiments.sweeps.progress.EVERY_S", 0.0)
    with Progress(runs=10, done=2) as progress:
        progress.advance(1, 0, 0.2)
        progress.advance(2, 1, 0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "2 of 10 runs are there already."
    assert lines[1] == "3 of 10 runs, starting"  # one run says nothing of the time left
    assert lines[2].startswith("5 of 10 runs, ") and lines[2].endswith(" left, 1 failed")
    assert "\r" not in "".join(lines)


def test_a_plan_may_ask_for_companions() -> None:
    """Every run then says what came through others; all else is as without."""
    data = {"scenario": "joint-crash", "settings": {"days": 200, "crypto.crash_days": 60}}
    plans = [
        Plan.from_dict(data | {"companions": companions}, "test.toml", Path())
        for companions in (False, True)
    ]
    assert plans[0].identity() != plans[1].identity()
    rows = []
    for plan in plans:
        (point,) = run_points(plan, design_table(plan), np.array([0]))
        done = execute.run_point(execute.Work.of(plan, Path(), ""), point)
        assert done.row["status"] == execute.OK, done.row["error"]
        rows.append(done.row)
    told = {name: rows[1].pop(name) for name in list(rows[1]) if name.startswith("contagion.")}
    assert rows[0] == rows[1]
    for what, total in (
        ("borrowers", rows[0]["defaults.miner"] + rows[0]["defaults.neocloud"]),
        ("lenders", rows[0]["defaults.lender"]),
        ("loss_usd", rows[0]["loss_usd.total"]),
    ):
        first, further = told[f"contagion.{what}.first_round"], told[f"contagion.{what}.further"]
        assert first + further == pytest.approx(total)
    assert rows[0]["defaults.miner"] > 0 and told["contagion.borrowers.multiplier"] >= 1.0
