"""Figures drawn by two processes: the same pictures, whatever becomes of the second one."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from test_figures import CALM, CRASH

from firesale.agents.compiling import process
from firesale.experiments.figures import draw
from firesale.experiments.figures.all import FIGURES
from firesale.experiments.figures.draw import LONGEST_FIRST, Drawing, drawing


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process draws."""
    folder = tmp_path_factory.mktemp("alone") / "figures"
    Drawing(None).write(CRASH, folder)
    return pictures(folder)


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Helpers that are started, even on one core."""
    started: list[subprocess.Popen[bytes]] = []
    start = draw._start

    def noted() -> subprocess.Popen[bytes]:
        child = start()
        assert child is not None
        started.append(child)
        return child

    monkeypatch.setattr(process, "cores", lambda: 2)
    monkeypatch.setattr(draw, "_start", noted)
    return started


def test_all_figures_are_shared() -> None:
    assert sorted(LONGEST_FIRST) == sorted(FIGURES)


def test_a_helper_draws_the_same_pictures(
    tmp_path: Path, alone: dict[str, bytes], helper: list[subprocess.Popen[bytes]]
) -> None:
    with drawing(with_helper=True) as figures:
        figures.begin(CRASH)
        assert figures._thread is not None
        figures._thread.join()  # it draws them all
        assert sorted(figures._drawn) == sorted(FIGURES)
        titles = figures.write(CRASH, tmp_path / "figures")
    assert list(titles) == list(FIGURES) and all(titles.values())
    assert pictures(tmp_path / "figures") == alone
    assert helper[0].returncode is not None


def test_two_processes_share_the_figures(
    tmp_path: Path, alone: dict[str, bytes], helper: list[subprocess.Popen[bytes]]
) -> None:
    with drawing(with_helper=True) as figures:
        figures.write(CRASH, tmp_path / "figures")
    assert pictures(tmp_path / "figures") == alone
    assert helper[0].returncode is not None


@pytest.mark.parametrize("at", ["start", "work"])
def test_what_a_dead_helper_took_is_drawn_here(
    at: str, tmp_path: Path, alone: dict[str, bytes], helper: list[subprocess.Popen[bytes]]
) -> None:
    with drawing(with_helper=True) as figures:
        if at == "start":
            helper[0].kill()
        figures.begin(CRASH)
        while at == "work" and not figures._drawn:
            assert figures._thread is not None
            figures._thread.join(0.01)
        helper[0].kill()
        figures.write(CRASH, tmp_path / "figures")
    assert pictures(tmp_path / "figures") == alone


@pytest.mark.parametrize("begun", [False, True])
def test_an_interrupt_leaves_no_helper(begun: bool, helper: list[subprocess.Popen[bytes]]) -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), drawing(with_helper=True) as figures:
        if begun:
            figures.begin(CALM)
        raise KeyboardInterrupt
    assert helper[0].returncode is not None
    assert threading.active_count() == before


def test_a_figure_that_cannot_be_drawn_is_told_here(
    tmp_path: Path, helper: list[subprocess.Popen[bytes]]
) -> None:
    """What fails in the helper is tried again, and fails in sight."""
    broken = replace(CRASH, lenders=CRASH.lenders.drop(columns="lost_usd"))
    with pytest.raises(KeyError, match="lost_usd"), drawing(with_helper=True) as figures:
        figures.write(broken, tmp_path / "figures")


def test_no_helper_where_it_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError

    monkeypatch.setattr(draw, "_start", never)
    for wanted, cores in ((False, 4), (True, 1)):
        monkeypatch.setattr(process, "cores", lambda cores=cores: cores)
        with drawing(with_helper=wanted) as figures:
            assert figures._child is None
