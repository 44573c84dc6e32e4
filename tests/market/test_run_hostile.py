"""Settings and opening books at random: refused in one sentence, or run with books that balance.

Seeded: the same cases every time. The long sets are marked long; ``attacks.py`` counts more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import RAN, REFUSED, many


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("kind", "count", "least"), [("settings", 120, 30), ("books", 150, 20), ("histories", 40, 1)]
)
def test_what_is_given_at_random_runs_or_is_refused(
    kind: str, count: int, least: int, tmp_path: Path
) -> None:
    told = many(kind, 1, count, tmp_path)
    assert set(told) == {RAN, REFUSED} and told[RAN] >= least, told


@pytest.mark.long
@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["settings", "books"])
def test_ten_thousand_at_random(kind: str, tmp_path: Path) -> None:
    assert set(many(kind, 2, 10_000, tmp_path)) == {RAN, REFUSED}
