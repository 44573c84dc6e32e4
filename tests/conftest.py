"""Fixtures that several files of tests share."""

import os
import sys

import pytest
from hypothesis import Phase, settings

from market.tables import OpeningTables, load_opening_tables

STATUS = pytest.StashKey[int]()  # exit code of the session

# The same examples in every run; new ones with --hypothesis-profile=default.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def tables() -> OpeningTables:
    """The packaged opening tables of 2025-09-30; frozen, so one copy serves all tests."""
    return load_opening_tables()


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
