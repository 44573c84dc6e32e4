"""What is compiled before the first day, and the cache that several processes write."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harsh import HARSH
from numba import typeof, types
from numpy.typing import NDArray

from agents import compiled
from market import compilation
from market.scenario import Scenario
from market.simulation import Simulation

pytestmark = pytest.mark.compiled

ROOT = Path(__file__).resolve().parent.parent
# The first market of a new machine; of three functions to compile ahead one does not exist.
FIRST_MARKET = """
from agents.miner import online_share
from market import compilation, failure
from market.run import Run
from market.scenario import Scenario
from market.simulation import Simulation
import market.simulation

compilation.CALLED = {"market.failure": ("failing", "closing", "no_such_function")}
market.simulation._open_books = lambda run, tables: run.shared
for _ in range(2):
    run = Simulation(Scenario.load("calm")).run_state
    failure.failing(run.shared)
    print(failure.failing.entrance.stats.cache_hits and "found")
"""


@pytest.fixture(scope="module")
def crashed() -> Simulation:
    """Markets in which everything happens; the last of them."""
    crash = Scenario.load("joint-crash")
    Simulation(crash.with_settings(list(HARSH))).run()
    return Simulation(crash).run()


@pytest.mark.parametrize(
    ("module", "name"), [(m, name) for m, names in compilation.CALLED.items() for name in names]
)
def test_what_is_compiled_ahead_is_what_is_called(
    crashed: Simulation, module: str, name: str
) -> None:
    run = crashed.run_state
    kinds = compilation.kinds_of(run.tables(), run.terms, run.today())
    kernel = getattr(import_module(module), name)
    assert kernel.is_called
    assert compilation.signature_of(kernel, kinds) in kernel.entrance.signatures


def test_a_new_machine_is_told_once_and_finds_what_was_compiled(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_MARKET],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == f"{compilation.COMPILING}\n"
    assert done.stdout == "found\nfound\n"


def test_an_annotation_that_says_too_little_is_refused() -> None:
    def vague(values: np.ndarray) -> None: ...

    def clear(values: NDArray[np.bool_], k: int, share: float, sure: bool) -> None: ...

    class Kernel:
        def __init__(self, py_func: Any) -> None:
            self.py_func = py_func

    plain = {float: types.float64, int: types.int64, bool: types.boolean}
    with pytest.raises(KeyError, match="does not say what it holds"):
        compilation.signature_of(Kernel(vague), plain)
    values = np.zeros(3, np.bool_)
    assert compilation.signature_of(Kernel(clear), plain) == tuple(
        map(typeof, (values, 1, 0.5, True))
    )


def test_two_processes_do_not_write_a_cache_at_once(tmp_path: Path) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with compiled.alone(tmp_path):
            order.append("second")

    with compiled.alone(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_kernel_is_stored_when_nobody_else_stores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from agents.miner import online_share

    alone: list[Path] = []
    real = compiled.alone

    def noted(folder: Path) -> Any:
        assert not list(folder.glob("*.nbi"))
        alone.append(folder)
        return real(folder)

    monkeypatch.setattr(compiled, "_cache_folder", lambda module, kind: tmp_path / kind)
    monkeypatch.setattr(compiled, "alone", noted)
    compiled.compiled(online_share.py_func).entrance.compile((types.float64,) * 4)
    assert len(alone) == 1
    assert list(alone[0].glob("*.nbi"))
