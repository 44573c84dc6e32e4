"""Every number that somebody may write has two bounds, and histories have them too."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import firesale.market.opening as rooms
from firesale.market.opening.beliefs import Belief
from firesale.market.opening.books import QUOTES
from firesale.market.opening.csv_files import Line
from firesale.market.prices.history import HISTORY_COLUMNS, PLAUSIBLE, read_history
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario, setting_keys

LEAST, MOST = ("ge", "gt"), ("le", "lt")


def bounds(annotation: Any, metadata: Any) -> set[str]:
    """Names of the bounds of a field, or of what it is if it is not empty."""
    found = {n for rule in metadata for n in (*LEAST, *MOST) if getattr(rule, n, None) is not None}
    for part in get_args(annotation):
        found |= bounds(part, getattr(part, "__metadata__", ()) or ())
        for rule in getattr(part, "__metadata__", ()):
            found |= bounds(None, getattr(rule, "metadata", ()))
    return found


def is_number(annotation: Any) -> bool:
    """Whether a field is a number, if it is not empty."""
    parts = get_args(annotation)
    return annotation in (int, float) or any(is_number(part) for part in parts if part is not None)


def has_both(annotation: Any, metadata: Any) -> bool:
    names = bounds(annotation, metadata)
    return bool(names & set(LEAST)) and bool(names & set(MOST))


def rows() -> Iterator[type[Line]]:
    """All rows of opening tables but beliefs, whose bounds are those of what they are about."""
    for module in pkgutil.walk_packages(rooms.__path__, f"{rooms.__name__}."):
        importlib.import_module(module.name)
    waiting = [Line]
    while waiting:
        row = waiting.pop()
        waiting += row.__subclasses__()
        if row is not Belief:
            yield row


def test_every_setting_has_two_bounds() -> None:
    missing = []
    for key in setting_keys():
        model: Any = Scenario
        *sections, leaf = key.split(".")
        for section in sections:
            model = model.model_fields[section].annotation
        field = model.model_fields[leaf]
        if is_number(field.annotation) and not has_both(field.annotation, field.metadata):
            missing.append(key)
    assert missing == []


def test_every_number_of_the_books_has_two_bounds() -> None:
    missing = [
        f"{row.__name__}.{name}"
        for row in rows()
        for name, field in row.model_fields.items()
        if is_number(field.annotation) and not has_both(field.annotation, field.metadata)
    ]
    assert missing == ["Quote.value"], "whose bounds are by key"
    assert all(low < high for low, high in QUOTES.values())


@pytest.mark.parametrize("name", HISTORY_COLUMNS[1:])
@pytest.mark.parametrize("value", ["1e308", "1e30", "-1", "nan", "inf", "1e-300"])
def test_a_history_that_nobody_can_mean_is_refused(tmp_path: Path, name: str, value: str) -> None:
    if value == "1e-300" and name == "fee_share_of_reward":
        return  # no fees at all
    path = tmp_path / "history.csv"
    columns = dict.fromkeys(("week_ending", "btc_usd_close", name))
    lines = [",".join(columns)]
    for week in ("2025-10-05", "2025-10-12"):
        cells = {"week_ending": week, "btc_usd_close": "100000", name: value}
        lines.append(",".join(cells[column] for column in columns))
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f"line 2, column {name}: '{value}' is not allowed"):
        read_history(path)
    assert set(PLAUSIBLE) == set(HISTORY_COLUMNS[1:])
