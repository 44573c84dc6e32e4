"""The folder of compiled code: what is in there will be run, so nobody else may put it there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firesale.agents.compiling import cache


def entry(root: Path, module: str, number: int, age_days: float) -> Path:
    """A folder of a module's compiled code, last used some days ago."""
    path = root / f"{module}-{number:016x}"
    path.mkdir()
    used = time.time() - 86_400 * age_days
    os.utime(path, (used, used))
    return path


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o722])
def test_a_folder_that_others_can_write_is_not_used(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)
    assert not cache.is_trusted(root)
    monkeypatch.setattr(cache, "_usual_roots", lambda: iter([root, tmp_path / "mine"]))
    assert cache.cache_root.__wrapped__() == tmp_path / "mine"
    assert "others could write there" in capsys.readouterr().err
    assert list(root.iterdir()) == []


def test_so_is_one_below_such_a_folder_unless_it_is_sticky(tmp_path: Path) -> None:
    root = tmp_path / "shared" / "cache"
    root.mkdir(parents=True)
    root.parent.chmod(0o777)
    assert not cache.is_trusted(root)
    root.parent.chmod(0o1777)
    assert cache.is_trusted(root)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir(mode=0o700)
    os.chown(root, 12345, 12345)
    assert not cache.is_trusted(root)


def test_a_planted_link_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (tmp_path / f"firesale-{os.getuid()}").symlink_to(planted)
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert planted not in list(cache._usual_roots())
    assert cache.cache_root.__wrapped__() != tmp_path / f"firesale-{os.getuid()}"
    assert list(planted.iterdir()) == []


def test_a_lock_is_not_opened_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    root = tmp_path / "cache"
    root.mkdir()
    (root / "lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"), cache.alone(root):
        pass
    assert precious.read_text() == "keep"


HOLD = """
import os, signal, sys
from pathlib import Path
from firesale.agents.compiling import cache
with cache.alone(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_who_holds_a_lock_for_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "PATIENCE_S", 0.2)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)]) as stopped:
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
        go_on = threading.Timer(1.0, stopped.send_signal, [signal.SIGCONT])
        go_on.start()
        with cache.alone(tmp_path, "Waiting ..."):
            said = capsys.readouterr().err
        stopped.wait(60)
    assert said.startswith("Waiting ...\nStill waiting for process ")
    assert f"process {stopped.pid} on " in said and f"{tmp_path / 'lock'}; if it has been" in said


def test_who_holds_a_lock_for_a_moment_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entered = threading.Event()

    def hold() -> None:
        with cache.alone(tmp_path):
            entered.set()
            time.sleep(0.2)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        entered.wait(60)
        with cache.alone(tmp_path):
            assert held.result(60) is None
    assert capsys.readouterr().err == ""


def test_what_nobody_used_for_long_goes_but_for_the_latest_few(tmp_path: Path) -> None:
    new = entry(tmp_path, "firesale.market.day", 0, age_days=0)
    old = [entry(tmp_path, "firesale.market.day", k, age_days=20 + k) for k in range(1, 6)]
    alone = entry(tmp_path, "firesale.market.model", 1, age_days=400)
    cache._forget_old(tmp_path)
    assert [path.exists() for path in (new, alone, *old)] == [True, True, True, True, *[False] * 3]


@pytest.mark.parametrize("years", [-50, 12])
def test_a_clock_that_jumped_costs_nothing(
    tmp_path: Path, years: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [entry(tmp_path, "firesale.market.day", k, age_days=k) for k in range(6)]
    kept += [entry(tmp_path, f"firesale.market.m{k}", k, age_days=1) for k in range(6)]
    now = time.time() + years * 365 * 86_400
    monkeypatch.setattr(cache.time, "time", lambda: now)
    cache._forget_old(tmp_path)
    assert all(path.exists() for path in kept)
    os.utime(kept[0], (now, now))  # used under that clock
    cache._forget_old(tmp_path)
    latest = [path for path in kept if path.name.startswith("firesale.market.day")][:3]
    assert all(path.exists() for path in latest) and all(path.exists() for path in kept[6:])
