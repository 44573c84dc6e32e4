"""Fixtures that several files of tests share."""

import pytest

from market.tables import OpeningTables, load_opening_tables


@pytest.fixture(scope="session")
def tables() -> OpeningTables:
    """The packaged opening tables of 2025-09-30; frozen, so one copy serves all tests."""
    return load_opening_tables()
