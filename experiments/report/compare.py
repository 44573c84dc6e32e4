"""Two runs, or two memos of a book, side by side: what differs, and by how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...market.scenario.errors import InputError
from ...market.scenario.text_files import read_text
from ..look import words
from .measures import in_usd, named

FILES = ("summary.json", "memo.json")
WIDEST = 44
LEAST = 1e-12  # relative: what differs by less is the same
LABELS = ("seed",)  # numbers that stand for something, and are no more or less
MEMO = {
    "balance_usd": "balance",
    "pd": "PD, life",
    "pd_12_months": "PD, 12 months",
    "lgd": "LGD",
    "expected_loss_usd": "expected loss",
    "break_even_bp": "break-even spread, bp",
    "contract_bp": "contract spread, bp",
    "ltv_reported": "LTV as lenders report it",
    "ltv_second_hand": "LTV second-hand",
    "ltv_realisable": "LTV sold at once",
    "low_usd": "expected loss, lower end of 95 %",
    "high_usd": "expected loss, upper end of 95 %",
    "es99_usd": "expected shortfall, 99 %",
}
"""What the entries of ``memo.json`` are called; the stage of a loan is its own name."""
MEMO_SHARES = ("pd", "pd_12_months", "lgd", "ltv_reported", "ltv_second_hand", "ltv_realisable")
PARTIES = {"lenders": ("lender", "name"), "loans": ("borrower", "borrower_name")}
"""Tables of a run that have parties' ids, with the columns of id and name."""


def compare(first: Path, second: Path, everything: bool = False) -> str:
    """A table of what two folders say otherwise, in the order of their files.

    Raises:
        InputError: a folder without results, or two of different kinds.
    """
    (kind, left), (other, right) = _read(first), _read(second)
    if kind != other:
        raise InputError(f"{second}: has {other}, {first} has {kind}; compare two of a kind.")
    names = _parties(first) | _parties(second) if kind == FILES[0] else {}
    here, there = dict(_leaves(left, names)), dict(_leaves(right, names))
    lines = []
    for key in dict.fromkeys((*here, *there)):
        a, b = here.get(key), there.get(key)
        if not everything and _same(a, b):
            continue
        counts = key not in LABELS
        apart = _difference(key, a, b) * counts
        lines.append((key, a, b, apart, _change(a, b) if counts else None))
    head = f"{kind}: A is {first}, B is {second}"
    if not lines:
        return f"{head}\nThey say the same."
    rows = [("", "A", "B", "B − A", "change")]
    rows += [
        (_label(key, names), _shown(key, a), _shown(key, b), apart,
         "" if c is None else f"{100 * c:+,.1f} %".replace("-", "−"))
        for key, a, b, apart, c in lines
    ]  # fmt: skip
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


def _parties(folder: Path) -> dict[str, str]:
    """Names of a run's parties by id, as far as its tables are there."""
    import pandas as pd

    found: dict[str, str] = {}
    for table, (party, name) in PARTIES.items():
        path = folder / f"{table}.parquet"
        if path.is_file():
            frame = pd.read_parquet(path)
            if name not in frame:  # a run's loans have ids alone
                continue
            found |= {one: words.party(title) for one, title in zip(frame[party], frame[name])}
    return found


def _leaves(value: Any, names: dict[str, str], key: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, texts and what other lists hold, by dotted key; loans by their id."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "id":
                yield from _leaves(item, names, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
        for number, item in enumerate(value):
            yield from _leaves(item, names, f"{key}.{item.get('id', number)}")
    elif isinstance(value, list):
        yield key, [names.get(str(one), str(one)) for one in value]
    else:
        yield key, value


def _label(key: str, names: dict[str, str]) -> str:
    """An entry as reports call it: ``lenders' loss on loans``, ``L-1: PD, life``."""
    kind, dot, rest = key.partition(".")
    owner, _, entry = rest.rpartition(".")
    if kind == "loans" and owner:
        return f"{owner}: {MEMO.get(entry, entry)}"
    if kind == "total" and dot:
        return f"book: {MEMO.get(rest, rest)}"
    before, _, last = key.rpartition(".")
    return f"{before}: {names[last]}" if last in names else named(key)


def _is_share(key: str) -> bool:
    return key.startswith(("loans.", "total.")) and key.rpartition(".")[2] in MEMO_SHARES


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


def _shown(key: str, value: Any) -> str:
    if _number(value):
        if key.endswith("_usd") or in_usd(key):
            return words.money(value)
        if _is_share(key):
            return words.percent(value, 1)
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
        return text.replace("-", "−", 1) if value < 0 else text
    if isinstance(value, list):
        most = max((n for n in range(2, 5) if len(words.listed(value, n)) <= WIDEST), default=2)
        value = words.listed(value, most)
    text = "–" if value is None or value == "" else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _difference(key: str, a: Any, b: Any) -> str:
    if not (_number(a) and _number(b)):
        return ""
    if _is_share(key):
        return f"{100 * (b - a):+,.1f} points".replace("-", "−")
    return _shown(key, b - a)
