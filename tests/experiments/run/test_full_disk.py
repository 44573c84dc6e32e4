"""A disk without room: one sentence, nothing that looks whole, and the same command goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest
from paths import PROJECT

SLOW, LONG = ("run", "sweep"), ("analyse", "price", "book run", "backtest")
COMMANDS = [pytest.param(name, marks=pytest.mark.slow) for name in SLOW]
COMMANDS += [pytest.param(name, marks=pytest.mark.long) for name in LONG]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_room_says_so_and_goes_on_once_there_is_some(command: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tests/disturbed.py"), "--full-disk", "--only", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {command} | 4 |" in done.stdout and "| 4 | 0 | 0 |" not in done.stdout
