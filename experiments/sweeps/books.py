"""Uncertain cells of the opening books as factors of a sweep.

``books.lenders.capital_usd_m`` is the common error of that column, and
``books.miners.MARA.cash_usd_m`` the error of one cell: a score in standard deviations. A belief
about the column or cell (``beliefs.csv``) is taken at the probability of the score. Any other
figure is multiplied by :func:`market.opening.sampling.error_factor`, so rows that were seen do not
move and estimates move most. A lender's funding takes up what its capital gives.
``books.leverage`` multiplies all debt, lines and instalments on the same assets, and with them
lenders' books and funding on the same capital. ``books.times.*`` multiplies single columns and
cells: :mod:`experiments.sweeps.terms`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ...market.opening.beliefs import cells_believed
from ...market.opening.books import CONFIDENCE_SD, Books
from ...market.opening.books_2025.read import load_books_2025
from ...market.opening.books_2025.sample import CELLS, sample_books
from ...market.opening.sampling import balanced, believed_columns
from ...market.scenario.errors import InputError
from . import terms
from .terms import is_term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .factors import Factor

PREFIX = "books."
TABLES = (*CELLS, "quotes")
MOST_SCORE = 4.0
LEVERAGE = "books.leverage"
LEAST_LEVERAGE, MOST_LEVERAGE = 0.1, 3.0


def is_cell(key: str) -> bool:
    """Whether a factor's key names a part of the books."""
    return key.startswith(PREFIX)


def with_default(key: str, value: Any) -> Any:
    """A factor whose distribution is not given: what is believed of it.

    A cell's error is a standard normal score within ± 4.
    """
    if (
        key == LEVERAGE
        or is_term(key)
        or not isinstance(value, dict)
        or value.keys() - {"also", "unit"}
    ):
        return value
    if not is_cell(key):
        return value | {"distribution": "belief"}
    normal = {"distribution": "normal", "mean": 0.0, "deviation": 1.0}
    return value | normal | {"low": -MOST_SCORE, "high": MOST_SCORE}


def set_to(value: Any, where: str) -> Factor:
    """A cell that an arm sets, as a factor of that one value.

    Raises:
        InputError: not a number.
    """
    from .factors import Factor

    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {value!r} is not allowed; it must be a number.")
    return Factor(distribution="values", values=(float(value),))


def untouched(key: str) -> float:
    """The number at which a cell is as the books have it: no error, or once what they say."""
    return 1.0 if key == LEVERAGE or is_term(key) else 0.0


def check_cell(key: str, factor: Factor, where: str, tables: Books | None = None) -> None:
    """Refuse a key that names no uncertain cell, or scores that are not plausible.

    ``tables``: a user's own; the packaged ones else.

    Raises:
        InputError: unknown table, row or column; or a score beyond ± 4.
    """
    if factor.unit is not None:
        raise InputError(f"{where}: it is a plain number without a unit; leave 'unit' out.")
    if key == LEVERAGE:
        _check_ends(factor, LEAST_LEVERAGE, MOST_LEVERAGE, "times the debt of the books", where)
        return
    tables = tables or _tables()
    if is_term(key):
        terms.check(key, tables, where)
        _check_ends(factor, terms.LEAST, terms.MOST, "times what the books say", where)
        return
    table, row, column = _parts(key)
    if table not in TABLES:
        raise InputError(
            f"{where}: there is no such table; allowed: {', '.join(TABLES)}, or {LEVERAGE}, or "
            f"{terms.PREFIX}TABLE to multiply cells ({', '.join(terms.TABLES)})."
        )
    start = tables.start
    columns = dict.fromkeys((*CELLS.get(table, ()), *believed_columns(start, table)))
    if column not in columns:
        raise InputError(f"{where}: not an uncertain column; allowed: {', '.join(columns)}.")
    lines = _rows(tables, table)
    names = [line.row_name for line in lines]
    if row and row not in names:
        raise InputError(f"{where}: there is no row '{row}'; allowed: {', '.join(names)}.")
    hit = [line for line in lines if line.row_name == row] if row else lines
    sure = column not in CELLS.get(table, ()) or all(
        CONFIDENCE_SD[line.confidence] == 0.0 for line in hit
    )
    if key not in cells_believed(start) and sure:
        what = "that cell was seen" if row else "every cell of that column was seen"
        raise InputError(f"{where}: {what}; nothing there is uncertain.")
    _check_ends(factor, -MOST_SCORE, MOST_SCORE, "standard deviations", where)


def _check_ends(factor: Factor, low: float, high: float, what: str, where: str) -> None:
    for end in factor.values if factor.values is not None else factor.support():
        if isinstance(end, bool | str) or not low <= end <= high:
            raise InputError(
                f"{where}: {end} is not allowed; it must be from {low:g} to {high:g} {what}."
            )


def perturbed_tables(
    scores: Mapping[str, float], seed: int | None = None, tables: Books | None = None
) -> Books:
    """Opening tables with errors of some cells, and debt multiplied.

    Args:
        scores: by factor key, in standard deviations; of ``books.leverage`` and ``books.times.*``
            a factor.
        seed: of a draw of all other cells; None: they stay.
        tables: a user's own; the packaged ones else.
    """
    times = {key: factor for key, factor in scores.items() if is_term(key)}
    errors = {key: score for key, score in scores.items() if key != LEVERAGE and key not in times}
    levered = _levered(tables or _tables(), scores.get(LEVERAGE, 1.0))
    return terms.with_terms(sample_books(levered, seed, errors), times)


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


def _rows(tables: Books, table: str) -> tuple[Any, ...]:
    return tables.quote_rows if table == "quotes" else getattr(tables, table)
