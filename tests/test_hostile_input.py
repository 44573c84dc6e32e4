"""Whatever is typed or edited: a scenario, or one clear sentence; never a traceback.

Seeded: the same cases every time. The long set (10,000 cases) is marked long.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import RAN, REFUSED, many


@pytest.mark.parametrize(("kind", "count"), [("options", 600), ("scenarios", 600), ("plans", 150)])
def test_what_makes_no_sense_is_refused_in_a_sentence(
    kind: str, count: int, tmp_path: Path
) -> None:
    told = many(kind, 1, count, tmp_path)
    assert set(told) == {RAN, REFUSED}  # some are harmless, most are not


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "count"), [("options", 5000), ("scenarios", 3800), ("plans", 1200)]
)
def test_ten_thousand_of_them(kind: str, count: int, tmp_path: Path) -> None:
    assert set(many(kind, 2, count, tmp_path)) == {RAN, REFUSED}
