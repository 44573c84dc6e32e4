"""Fixtures that several files of tests share."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from harsh import HARSH
from hypothesis import Phase, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from firesale.agents.compiling.cache import is_warm
from firesale.market.opening.books import Books
from firesale.market.opening.books_2025.read import load_books_2025

STATUS = pytest.StashKey[int]()  # exit code of the session
MOST_WORKERS = 4  # each keeps its own finished runs in memory
LONGEST = (  # begun first, so that workers end together
    "test_run_invariants",
    "test_pages",
    "test_run_signs",
    "test_view_browser",
    "test_view_components",
    "test_run_equity",
    "test_sweep_runner",
    "test_clearing",
    "test_run_determinism",
)
# Files of long runs, which take hours on uncompiled kernels (NUMBA_DISABLE_JIT=1).
WHOLE_MARKETS = (
    "test_cli",
    "test_figures",
    "test_pages",
    "test_published",
    "test_run_",
    "test_start_2021_replay",
    "test_sweep_",
    "test_view_",
)
COMPILE = f"""
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
Simulation(Scenario.load("joint-crash").with_settings({list(HARSH)})).run().summary()
"""

# The same examples in every run; new ones with --hypothesis-profile=new.
settings.register_profile("new", deadline=None)
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, *(() if numba.config.DISABLE_JIT else (Phase.shrink,))),
)
settings.load_profile("same")
# Examples hold numbers of the modules that are loaded, and so would depend on the tests before.
NO_CONSTANTS = Constants()
providers._get_local_constants = lambda: NO_CONSTANTS


@pytest.fixture(scope="session")
def tables() -> Books:
    """The packaged opening tables of 2025-09-30; frozen, so one copy serves all tests."""
    return load_books_2025()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """A worker per core for the whole suite; none where files or a name are asked for."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist's own answer
    whole = all(Path(argument).is_dir() for argument in config.args)
    mine = getattr(os, "sched_getaffinity", None)  # of this process, where the system tells
    cores = min(len(mine(0)) if mine else os.cpu_count() or 1, MOST_WORKERS)
    return cores if whole and not config.option.keyword and cores > 1 else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take longest come first; without compilation some have to stay behind."""
    rank = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    if numba.config.DISABLE_JIT:
        needs = [
            item
            for item in items
            if item.get_closest_marker("compiled")
            or (
                item.path.stem.startswith(WHOLE_MARKETS)
                and not item.get_closest_marker("uncompiled")
            )
        ]
        config.hook.pytest_deselected(items=needs)
        items[:] = [item for item in items if item not in set(needs)]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile once, before several workers would do it side by side."""
    if session.config.option.numprocesses and not is_warm():
        subprocess.run([sys.executable, "-c", COMPILE], cwd=session.config.rootpath, check=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the tests went, for the last hook below."""
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once where a browser was driven from this process.

    Its driver's greenlets outlive their loop, and taking them apart while the interpreter shuts
    down can end a process whose tests have all been counted with a segmentation fault.
    """
    if "playwright" in sys.modules and not hasattr(config, "workerinput"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(STATUS, 0))
