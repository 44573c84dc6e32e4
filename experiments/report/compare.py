"""Two runs, or two memos of a book, side by side: what differs, and by how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...market.scenario.errors import InputError
from ...market.scenario.text_files import read_text

FILES = ("summary.json", "memo.json")
WIDEST = 44
LEAST = 1e-12  # relative: what differs by less is the same
LABELS = ("seed",)  # numbers that stand for something, and are no more or less


def compare(first: Path, second: Path, everything: bool = False) -> str:
    """A table of what two folders say otherwise, in the order of their files.

    Raises:
        InputError: a folder without results, or two of different kinds.
    """
    (kind, left), (other, right) = _read(first), _read(second)
    if kind != other:
        raise InputError(f"{second}: has {other}, {first} has {kind}; compare two of a kind.")
    here, there = dict(_leaves(left)), dict(_leaves(right))
    lines = []
    for key in dict.fromkeys((*here, *there)):
        a, b = here.get(key), there.get(key)
        if not everything and _same(a, b):
            continue
        counts = key not in LABELS
        lines.append((key, a, b, _difference(a, b) * counts, _change(a, b) if counts else None))
    head = f"{kind}: A is {first}, B is {second}"
    if not lines:
        return f"{head}\nThey say the same."
    rows = [("", "A", "B", "B − A", "change")]
    rows += [
        (key, _shown(a), _shown(b), apart, "" if c is None else f"{100 * c:+,.1f} %")
        for key, a, b, apart, c in lines
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    body = [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    return "\n".join([head, "", *(line.rstrip() for line in body)])


def _read(folder: Path) -> tuple[str, Any]:
    for name in FILES:
        path = folder / name
        if path.is_file():
            try:
                return name, json.loads(read_text(path, str(path)))
            except (ValueError, RecursionError):
                raise InputError(f"{path}: cannot be read; it must be JSON.") from None
    raise InputError(
        f"{folder}: has no {' or '.join(FILES)}; name the folder of a run, memo or sweep."
    )


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, texts and the length of other lists, by dotted key; loans by their id."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "id":
                yield from _leaves(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{key}.{item.get('id', number)}")
    elif isinstance(value, list):
        yield key, ", ".join(map(str, value))
    else:
        yield key, value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Any, b: Any) -> bool:
    if _number(a) and _number(b):
        return bool(abs(a - b) <= LEAST * max(abs(a), abs(b)))
    return bool(a == b)


def _change(a: Any, b: Any) -> float | None:
    if not (_number(a) and _number(b)) or a == 0:
        return None
    return float(b - a) / abs(float(a))


def _shown(value: Any) -> str:
    if _number(value):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    text = "–" if value is None else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _difference(a: Any, b: Any) -> str:
    return _shown(b - a) if _number(a) and _number(b) else ""
