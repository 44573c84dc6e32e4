"""Columns of tables: a table is declared once, as annotations; its empty form follows from them.

A table is a ``NamedTuple`` of arrays with one row per party, loan, lot, ... Its annotations say
what a column holds, comments behind them what it means; units are in the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Column:
    """How a column is laid out: dimensions, length if that is fixed, start, dtype if special.

    ``none``: what a cell holds that says there is no number (NaN), or no end to it (infinity).
    """

    dimensions: int = 1
    rows: int | None = None
    start: float = 0
    dtype: np.dtype[Any] | None = None
    none: tuple[float, ...] = ()


Reals = Annotated[NDArray[np.float64], Column()]
RealsOrNone = Annotated[NDArray[np.float64], Column(none=(np.nan,))]
RealsOrEndless = Annotated[NDArray[np.float64], Column(none=(np.inf,))]
Ratios = Annotated[NDArray[np.float64], Column(none=(np.nan, np.inf))]  # to nothing: infinite
Matrix = Annotated[NDArray[np.float64], Column(dimensions=2)]
MatrixOrNone = Annotated[NDArray[np.float64], Column(dimensions=2, none=(np.nan,))]
Flags = Annotated[NDArray[np.bool_], Column()]
FlagMatrix = Annotated[NDArray[np.bool_], Column(dimensions=2)]
Codes = Annotated[NDArray[np.int8], Column()]  # members of an IntEnum
Ints = Annotated[NDArray[np.int32], Column()]  # rows, days
IntsOrNone = Annotated[NDArray[np.int32], Column(start=-1)]  # rows, days, events; -1: none
Longs = Annotated[NDArray[np.int64], Column()]
LongMatrix = Annotated[NDArray[np.int64], Column(dimensions=2)]
OneReal = Annotated[NDArray[np.float64], Column(rows=1)]  # a number that kernels change
OneCount = Annotated[NDArray[np.int64], Column(rows=1)]
OneOrNone = Annotated[NDArray[np.int64], Column(rows=1, start=-1)]


@cache
def columns_of(kind: type) -> Mapping[str, tuple[np.dtype[Any], Column] | type]:
    """Each column of a table: its dtype and layout, or the class of a table inside the table."""
    found: dict[str, tuple[np.dtype[Any], Column] | type] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        column = column_of(hint)
        if column is not None:
            found[name] = column
        elif hasattr(hint, "_fields"):
            found[name] = hint
    return found


def column_of(hint: Any) -> tuple[np.dtype[Any], Column] | None:
    """Dtype and layout that an annotation declares, if it is one of a column."""
    layout = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Column)]
    if not layout:
        return None
    if layout[0].dtype is not None:
        return layout[0].dtype, layout[0]
    item: Any = get_args(hint)[0]
    while parts := get_args(item):  # NDArray[item], however this version of numpy spells it
        item = parts[-1]
    return np.dtype(item), layout[0]


def none_in(kind: type, name: str) -> tuple[float, ...]:
    """What cells of a column hold where there is no number."""
    column = column_of(get_type_hints(kind, include_extras=True)[name])
    return () if column is None else column[1].none


def with_room[T: tuple[Any, ...]](table: T, needed: int) -> T:
    """The table, or a larger copy with ``needed`` free rows after the ``count[0]`` in use."""
    rows: dict[str, Any] = {
        name: getattr(table, name)
        for name, column in columns_of(type(table)).items()
        if not isinstance(column, type) and column[1].rows is None
    }
    used = int(table.count[0])  # type: ignore[index]
    room = len(next(iter(rows.values())))
    if used + needed <= room:
        return table
    for name, column in rows.items():
        rows[name] = np.zeros(max(2 * room, used + needed), column.dtype)
        rows[name][:used] = column[:used]
    larger: T = table._replace(**rows)  # type: ignore[attr-defined]
    return larger


def empty[T: tuple[Any, ...]](kind: type[T], rows: int, /, **given: Any) -> T:
    """A table of ``rows`` rows with the columns that are given; the others are where they start.

    Columns of zeros are given out by the system page by page: room that is never used takes no
    memory.

    Raises:
        TypeError: a column that the table does not have, or a matrix or table that is not given.
    """
    values: dict[str, Any] = {}
    for name, column in columns_of(kind).items():
        if isinstance(column, type) or (column[1].dimensions > 1 and name not in given):
            if name not in given and name in kind._field_defaults:  # type: ignore[attr-defined]
                continue
            if name not in given:
                raise TypeError(f"{kind.__name__} needs its {name}")
            values[name] = given.pop(name)
            continue
        dtype, layout = column
        if name in given:
            values[name] = np.ascontiguousarray(given.pop(name), dtype)
            continue
        count = rows if layout.rows is None else layout.rows
        start = layout.start
        values[name] = np.full(count, start, dtype) if start else np.zeros(count, dtype)
    if given:
        raise TypeError(f"{kind.__name__} has no column {', '.join(given)}")
    return kind(**values)
