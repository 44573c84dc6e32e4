"""A run that is killed leaves a whole folder or none, at whatever touch of the disk it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from paths import PROJECT

from firesale.experiments.cli import INTERRUPTED
from firesale.experiments.run import folder

WHOLE = {
    "summary.json",
    "manifest.json",
    "report.html",
    "causes.json",
    *(f"{name}.parquet" for name in folder.FRAMES),
}
PLACES = {"fresh": "here", "empty": "here", "none": "out/crypto-crash-1"}


@pytest.mark.parametrize(
    ("number", "step", "out"),
    [
        pytest.param("SIGKILL", 1, "fresh", marks=pytest.mark.slow),
        ("SIGKILL", 2, "empty"),
        ("SIGTERM", 3, "none"),
        ("SIGINT", 3, "empty"),
    ],
)
def test_a_killed_run_leaves_a_whole_folder_or_none(
    tmp_path: Path, number: str, step: int, out: str
) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "killed_runs.py"), number, str(step), out],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    endings = [json.loads(line) for line in done.stdout.splitlines()]
    place = PLACES[out]
    around = {"here"} if out == "empty" else {"out"} if out == "none" else set()
    whole = {place, *(f"{place}/{name}" for name in WHOLE)}
    wholes = 0
    for touch, status, left in endings[:-1]:
        expected = -signal.SIGKILL if number == "SIGKILL" else INTERRUPTED
        assert status == expected, (touch, status)
        seen = set(left) - {"hidden"}
        assert seen <= around or seen == around | whole, (touch, left)
        wholes += seen > around
    assert len(endings) - 1 > wholes + 15 // step  # most die while the files are being written
    assert endings[-1][1] == 0 and set(endings[-1][2]) == around | whole
    if (
        number != "SIGKILL"
    ):  # there is time to tidy up, but for the touches by which a hidden folder
        # is made and held, and those by which it goes; the next run removes what they leave
        assert sum("hidden" in left for _, _, left in endings) <= 1 + 8 // step


MEMOS = {
    "book": {"memo.html", "memo.xlsx", "memo.json"},
    "backtest": {"backtest.json", "report.html", "manifest.json"},
}


@pytest.mark.parametrize("command", MEMOS)
@pytest.mark.parametrize(
    ("number", "step"), [pytest.param("SIGKILL", 1, marks=pytest.mark.slow), ("SIGTERM", 4)]
)
def test_a_killed_memo_or_back_test_leaves_a_whole_folder_or_none(
    tmp_path: Path, command: str, number: str, step: int
) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "killed_runs.py"), number, str(step), "fresh",
         command],
        cwd=tmp_path,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    endings = [json.loads(line) for line in done.stdout.splitlines()]
    needed = {f"here/{name}" for name in MEMOS[command]}
    for touch, status, left in endings[:-1]:
        assert status == (-signal.SIGKILL if number == "SIGKILL" else INTERRUPTED), (touch, status)
        seen = set(left) - {"hidden"}
        assert not seen or seen > needed, (touch, left)
    assert len(endings) > 5
    assert endings[-1][1] == 0 and set(endings[-1][2]) > needed
    print(command, number, len(endings) - 1, "killed")
