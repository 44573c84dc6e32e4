"""Which tests ``make check`` takes for a change."""

from __future__ import annotations

import pytest
from near import HOUSE, near


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ("market/debt/service.py", "tests/market/debt/test_kernels_service.py"),  # its room
        ("agents/miner.py", "tests/agents/test_rules_agents.py"),
        ("agents/lender.py", "tests/market/lenders/test_provisions.py"),  # imports the rule
        ("market/data/2025/loans.csv", "tests/market/opening/test_tables.py"),  # who opens it
        ("tests/by_hand.py", "tests/market/debt/test_kernels_service.py"),
        ("tests/market/test_run_calm.py", "tests/market/test_run_calm.py"),  # long, but changed
    ],
)
def test_a_change_takes_the_tests_of_its_room_and_those_that_import_it(
    changed: str, taken: str
) -> None:
    found = near([changed])
    assert taken in found and HOUSE in found


def test_one_rule_takes_no_run_of_a_whole_market_and_a_page_takes_nothing() -> None:
    found = near(["agents/lender.py", "market/debt/service.py"])
    assert not [name for name in found if "test_run_" in name or "test_cli" in name]
    assert near(["docs/limits.md"]) == []
