"""At the end of a run: no cell of a table is infinite, nor no number where there must be one.

A column in which there may be none declares what says so (``RealsOrNone`` of
:mod:`agents.columns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...agents.columns import none_in
from ..scenario.errors import BooksError
from .handle import Numbers, layout_of
from .market import Market

_none_in = cache(none_in)


class Cell(NamedTuple):
    """A number that is none: where it stands, and what it is."""

    table: str
    column: str
    row: int
    value: float


def no_numbers(market: Market) -> Iterator[Cell]:
    """The first bad cell of each column of the market's tables, paths and numbers."""
    yield from _within(market, Market, "market")


def _within(held: Any, kind: type, table: str) -> Iterator[Cell]:
    for name, member in layout_of(kind).items():
        value = getattr(held, name)
        if isinstance(value, Numbers):
            for number, content in value.items():
                endless = number in getattr(member.type.kind, "ENDLESS", ()) and content == np.inf
                if isinstance(content, float) and not np.isfinite(content) and not endless:
                    yield Cell(name, number, 0, content)
        elif member.dtype is None:
            yield from _within(value, member.type.kind, name)
        elif member.dtype.kind == "f" and (cell := _first_bad(value, _none_in(kind, name))):
            yield Cell(table, name, *cell)


def _first_bad(column: np.ndarray[Any, Any], none: tuple[float, ...]) -> tuple[int, float] | None:
    """Row and value of the first cell that is neither finite nor what says that there is none."""
    bad = ~np.isfinite(column)
    if none and bad.any():
        bad &= ~np.isnan(column) if np.isnan(none).any() else True
        bad &= column != np.inf if np.inf in none else True
    if not bad.any():
        return None
    where = tuple(np.argwhere(bad)[0])
    return int(where[0]), float(column[where])


def insist_on_numbers(market: Market) -> None:
    """After a run's last day: every table holds numbers.

    Raises:
        BooksError: one does not; the message names table, column and row.
    """
    for cell in no_numbers(market):
        raise BooksError(
            f"Day {market.day}: {cell.column} of {cell.table} holds {cell.value} in row "
            f"{cell.row}, so the run is refused and nothing is written; some number of the "
            "scenario or of the opening books is beyond what can be meant."
        )
