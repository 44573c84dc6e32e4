"""Cells of the opening books that a plan multiplies: what was granted, on what terms, who buys.

``books.times.loans.margin_call_ltv`` multiplies that column of all loans,
``books.times.loans.CRWV_DDTL1.rate_or_spread`` one cell, and ``books.times.tape.drawn_usd_m`` those
of loans that came with a user's own tape. The number is a plain factor; it is put on after the
books are drawn within beliefs. Books stay balanced: a lender's book and lines follow its loans, its
funding what it lends and its capital.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...market.opening.books_2025.sample import CELLS
from ...market.opening.sampling import balanced, scaled
from ...market.opening.tape.headroom import LTVS
from ...market.opening.tape.source import SOURCE
from ...market.scenario.errors import InputError

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.opening.books_2025.rows import Loan

PREFIX = "books.times."
LEAST, MOST = 0.1, 10.0
TAPE = "tape"
TERM = "term"  # of a loan: days left until it is due
LOANS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "drawn_usd_m": ("drawn_usd_m", "committed_usd_m", "principal_per_quarter_usd_m"),
        "rate_or_spread": ("rate_or_spread",),
        "margin_call_ltv": LTVS,
        "min_dscr": ("min_dscr",),
        "cure_days": ("cure_days",),
        TERM: ("maturity", "put_date"),
    }
)
"""Terms of loans, and the columns that move with each."""
TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "loans": tuple(LOANS),
        TAPE: tuple(LOANS),
        "buyers": CELLS["buyers"],
        "miners": CELLS["miners"],
        "neoclouds": CELLS["neoclouds"],
        "leases": ("usd_m_yr",),
        "lenders": ("capital_usd_m",),
        "hardware": CELLS["hardware"],
    }
)
"""What may be multiplied, by table."""


def is_term(key: str) -> bool:
    """Whether a factor's key multiplies cells."""
    return key.startswith(PREFIX)


def check(key: str, books: Books, where: str) -> None:
    """Refuse a key that names nothing that may be multiplied.

    Raises:
        InputError: unknown table, row or column; or nothing there to multiply.
    """
    table, row, column = _parts(key)
    if table not in TABLES:
        raise InputError(f"{where}: there is no such table; allowed: {', '.join(TABLES)}.")
    if column not in TABLES[table]:
        raise InputError(
            f"{where}: may not be multiplied; allowed of {table}: {', '.join(TABLES[table])}."
        )
    rows = _rows(books, table)
    if not rows:
        raise InputError(
            f"{where}: no loan came with a tape; give one with --books, or use books.times.loans."
        )
    names = [one.row_name for one in rows]
    if row and row not in names:
        raise InputError(f"{where}: there is no row '{row}'; allowed: {', '.join(names)}.")
    columns = LOANS.get(column, (column,)) if table in ("loans", TAPE) else (column,)
    hit = [one for one in rows if not row or one.row_name == row]
    if not any(getattr(one, name) for one in hit for name in columns):
        raise InputError(f"{where}: nothing stands there that could be multiplied.")


def with_terms(books: Books, times: Mapping[str, float]) -> Books:
    """Books with the cells of some keys multiplied, those of single rows beside whole columns."""
    for key, factor in times.items():
        table, row, column = _parts(key)
        if table in ("loans", TAPE):
            books = _loans(books, {one.row_name for one in _hit(books, table, row)}, column, factor)
        elif table == "lenders":
            hit = {one.row_name for one in _hit(books, table, row)}
            lenders = tuple(
                balanced(
                    one,
                    capital_usd_m=factor * one.capital_usd_m,
                    capital_low_usd_m=None,
                    capital_high_usd_m=None,
                )
                if one.row_name in hit
                else one
                for one in books.lenders
            )
            books = replace(books, lenders=lenders)
        else:
            changed = tuple(
                _times(one, (column,), factor) if not row or one.row_name == row else one
                for one in _rows(books, table)
            )
            update: dict[str, Any] = {table: changed}
            books = replace(books, **update)
    return books


def _loans(books: Books, names: set[str], column: str, factor: float) -> Books:
    """Loans with a term multiplied, and lenders whose books follow."""
    opening = books.opening_date
    loans = tuple(
        _term(one, column, factor, opening) if one.row_name in names else one for one in books.loans
    )
    lent: dict[str, float] = {}
    lines: dict[str, float] = {}
    for old, new in zip(books.loans, loans, strict=True):
        more = new.drawn_usd_m - old.drawn_usd_m
        left = new.committed_usd_m - old.committed_usd_m - more
        lent[old.lender_id] = lent.get(old.lender_id, 0.0) + more
        lines[old.lender_id] = lines.get(old.lender_id, 0.0) + left
    lenders = tuple(
        balanced(
            lender,
            book_usd_m=lender.book_usd_m + lent[lender.id],
            undrawn_commitments_usd_m=lender.undrawn_commitments_usd_m + lines[lender.id],
        )
        if lent.get(lender.id) or lines.get(lender.id)
        else lender
        for lender in books.lenders
    )
    return replace(books, loans=loans, lenders=lenders)


def _term(loan: Loan, column: str, factor: float, opening: date) -> Loan:
    if column != TERM:
        return _times(loan, LOANS[column], factor)
    dates: dict[str, date] = {}
    for name in LOANS[TERM]:
        due = getattr(loan, name)
        if due is not None and due > opening:
            dates[name] = opening + timedelta(max(1, round(factor * (due - opening).days)))
    return loan.model_copy(update=dates)


def _times[R](row: R, columns: tuple[str, ...], factor: float) -> R:
    """A row with some cells multiplied; empty ones stay, counts stay whole."""
    update = {
        name: scaled(value, factor)
        for name in columns
        if (value := getattr(row, name)) is not None and not isinstance(value, date)
    }
    copied: R = row.model_copy(update=update)  # type: ignore[attr-defined]
    return copied


def _parts(key: str) -> tuple[str, str, str]:
    """Table, row (empty: all of them) and column of a key."""
    table, _, rest = key.removeprefix(PREFIX).partition(".")
    row, _, column = rest.rpartition(".")
    return table, row, column


def _rows(books: Books, table: str) -> tuple[Any, ...]:
    if table == TAPE:
        return tuple(loan for loan in books.loans if loan.source == SOURCE)
    found: tuple[Any, ...] = getattr(books, table)
    return found


def _hit(books: Books, table: str, row: str) -> list[Any]:
    return [one for one in _rows(books, table) if not row or one.row_name == row]
