"""Fixtures that several files of tests share."""

import pytest
from hypothesis import Phase, settings

from market.tables import OpeningTables, load_opening_tables

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
