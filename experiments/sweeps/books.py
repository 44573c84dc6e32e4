"""Uncertain cells of the opening books as factors of a sweep.

``books.lenders.capital_usd_m`` is the common error of that column, and
``books.miners.MARA.cash_usd_m`` the error of one cell: a score in standard deviations of the
confidence that each row is given with. A figure is multiplied by
:func:`market.opening.sampling.error_factor`, so rows that were seen do not move and estimates move
most. A lender's funding takes up what its capital gives. ``books.leverage`` multiplies all debt,
lines and instalments on the same assets, and with them lenders' books and funding on the same
capital.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ...market.opening.books import CONFIDENCE_SD, Books
from ...market.opening.books_2025.read import load_books_2025
from ...market.opening.books_2025.sample import OPERATOR_CELLS
from ...market.opening.csv_files import Row
from ...market.opening.sampling import BUYER_CELLS, balanced, error_factor, scaled
from ...market.scenario.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .factors import Factor

PREFIX = "books."
CELLS = {
    "miners": (*OPERATOR_CELLS, "revenue_other_usd_m_yr"),
    "neoclouds": OPERATOR_CELLS,
    "buyers": BUYER_CELLS,
    "hardware": ("used_price_usd",),
    "lenders": ("capital_usd_m",),
}
"""Columns of each table that may err; those that ``opening.sample`` draws."""
MOST_SCORE = 4.0
LEVERAGE = "books.leverage"
LEAST_LEVERAGE, MOST_LEVERAGE = 0.1, 3.0


def is_cell(key: str) -> bool:
    """Whether a factor's key names a part of the books."""
    return key.startswith(PREFIX)


def with_default(key: str, value: Any) -> Any:
    """An error whose distribution is not given is a standard normal score within ± 4."""
    empty = isinstance(value, dict) and not value.keys() - {"also"}
    if is_cell(key) and key != LEVERAGE and empty:
        normal = {"distribution": "normal", "mean": 0.0, "deviation": 1.0}
        return value | normal | {"low": -MOST_SCORE, "high": MOST_SCORE}
    return value


def check_cell(key: str, factor: Factor, where: str) -> None:
    """Refuse a key that names no uncertain cell, or scores that are not plausible.

    Raises:
        InputError: unknown table, row or column; or a score beyond ± 4.
    """
    if factor.unit is not None:
        raise InputError(f"{where}: it is a plain number without a unit; leave 'unit' out.")
    if key == LEVERAGE:
        _check_ends(factor, LEAST_LEVERAGE, MOST_LEVERAGE, "times the debt of the books", where)
        return
    table, row, column = _parts(key)
    if table not in CELLS:
        raise InputError(
            f"{where}: there is no such table; allowed: {', '.join(CELLS)}, or {LEVERAGE}."
        )
    if column not in CELLS[table]:
        raise InputError(f"{where}: not an uncertain column; allowed: {', '.join(CELLS[table])}.")
    rows = [_name(r) for r in getattr(_tables(), table)]
    if row and row not in rows:
        raise InputError(f"{where}: there is no row '{row}'; allowed: {', '.join(rows)}.")
    if not row and all(CONFIDENCE_SD[r.confidence] == 0.0 for r in getattr(_tables(), table)):
        raise InputError(f"{where}: every cell of that column was seen; none is uncertain.")
    _check_ends(factor, -MOST_SCORE, MOST_SCORE, "standard deviations", where)


def _check_ends(factor: Factor, low: float, high: float, what: str, where: str) -> None:
    for end in factor.values if factor.values is not None else factor.support():
        if isinstance(end, bool | str) or not low <= end <= high:
            raise InputError(
                f"{where}: {end} is not allowed; it must be from {low:g} to {high:g} {what}."
            )


def perturbed_tables(scores: Mapping[str, float]) -> Books:
    """The packaged opening tables with errors of some cells, and debt multiplied.

    Args:
        scores: by factor key, in standard deviations; of ``books.leverage`` a factor.
    """
    tables = _levered(_tables(), scores.get(LEVERAGE, 1.0))
    changed: dict[str, list[Any]] = {}
    for key, score in scores.items():
        if key == LEVERAGE:
            continue
        table, wanted, column = _parts(key)
        rows = changed.setdefault(table, list(getattr(tables, table)))
        for place, row in enumerate(rows):
            if not wanted or _name(row) == wanted:
                rows[place] = _perturbed(row, column, score)
    columns: dict[str, Any] = {table: tuple(rows) for table, rows in changed.items()}
    return replace(tables, **columns)


def _perturbed(row: Any, column: str, score: float) -> Any:
    value = getattr(row, column)
    if value is None:
        return row
    new = scaled(value, error_factor(row.confidence, score))
    if column != "capital_usd_m":
        return row.model_copy(update={column: new})
    return balanced(row, capital_usd_m=new)


def _levered(tables: Books, times: float) -> Books:
    """All debt multiplied; who borrows owns what it did, and who lends has the same capital."""
    if times == 1.0:
        return tables
    loans = tuple(
        loan.model_copy(
            update={
                name: times * getattr(loan, name)
                for name in ("drawn_usd_m", "committed_usd_m", "principal_per_quarter_usd_m")
                if getattr(loan, name) is not None
            }
        )
        for loan in tables.loans
    )
    lenders = tuple(
        balanced(
            lender,
            book_usd_m=times * lender.book_usd_m,
            undrawn_commitments_usd_m=times * lender.undrawn_commitments_usd_m,
        )
        for lender in tables.lenders
    )
    return replace(tables, loans=loans, lenders=lenders)


@cache
def _tables() -> Books:
    return load_books_2025()


def _parts(key: str) -> tuple[str, str, str]:
    """Table, row (empty: all of them) and column of a key."""
    table, _, rest = key.removeprefix(PREFIX).partition(".")
    row, _, column = rest.rpartition(".")
    return table, row, column


def _name(row: Row) -> str:
    return "/".join(str(getattr(row, column)) for column in row.row_key)
