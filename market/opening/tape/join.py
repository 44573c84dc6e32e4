"""A tape becomes books: its lenders, borrowers and loans beside those of a market, or instead.

Nothing is added that was not granted: a loan of the tape stays one loan on one class, and nobody
has a facility for machines ordered later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from ...scenario.errors import InputError
from ..books import Books
from ..books_2025.read import load_books_2025
from ..books_2025.rows import Loan, Machines
from ..rows import Lender
from ..sampling import balanced
from .borrowers import Parties, add_borrower, units_of
from .filled import Filled, Filling
from .loans import kind_of_lender, lender_row, loan_row, site_row
from .machines import known_machines
from .market_tape import market_of
from .mistakes import Mistake, TapeError
from .parties import Named, id_of, recognise
from .read import Tape, TapeLoan, read_tape
from .source import SOURCE

ADD_TO = ("2025", "nothing")
OWN_LENDER = "Own book"


class Recognised(NamedTuple):
    """A name of the tape that the market knows: its id there, and whether both were made one."""

    name: str
    id: str
    what: str
    merged: bool


@dataclass(frozen=True)
class JoinedBook:
    """A tape in a market."""

    tape: Tape
    books: Books
    loans: tuple[str, ...]  # ids of the tape's, in its order
    borrower_of: dict[str, str]  # party by loan
    lender_of: dict[str, str]
    filled: tuple[Filled, ...]
    recognised: tuple[Recognised, ...]
    added: dict[str, tuple[float, float]]  # units of the tape and of the market by class


def open_tape(path: Path, add_to: str = "2025", merge: bool = False) -> JoinedBook:
    """Read a tape and join it with a market.

    Args:
        path: a CSV or XLSX file.
        add_to: ``2025``: beside the packaged market; ``nothing``: its parties owe nobody else.
        merge: whether names that the market knows are the market's parties.

    Raises:
        TapeError: with every mistake of the tape.
    """
    if add_to not in ADD_TO:
        raise InputError(f"--add-to: '{add_to}' is not allowed; it must be 2025 or nothing.")
    market = load_books_2025()
    tape = read_tape(path, market.opening_date, known_machines(market))
    if tape.brings_market:
        return _whole(tape)
    filling = Filling([])
    base = market if add_to == "2025" else without_credit(market)
    taken = {loan.loan_id for loan in base.loans}
    clash = [loan for loan in tape.loans if loan.id in taken]
    if clash:
        allowed = "a name that no loan of the market has"
        raise TapeError([Mistake(tape.file, one.row, "loan id", one.id, allowed) for one in clash])
    known: list[Recognised] = []
    borrower_of = _ids(tape.loans, "borrower", base, merge, known)
    lender_of = _ids(tape.loans, "lender", base, merge, known, borrower_of.values())
    units = {loan.id: units_of(loan, base, filling) for loan in tape.loans}
    found = Parties()
    ids = {row.id for row in (*base.miners, *base.neoclouds)}
    for party in dict.fromkeys(borrower_of.values()):
        mine = [loan for loan in tape.loans if borrower_of[loan.id] == party]
        if party not in ids:
            try:
                add_borrower(party, mine, units, base, found, filling)
            except ValidationError as error:
                raise TapeError([_mistake(tape.file, mine[0], error)]) from None
    rows = _loan_rows(tape, borrower_of, lender_of, units, base, filling)
    others, lenders = _carve(base, rows, ids) if merge else (base.loans, base.lenders)
    lenders = _with_lenders(lenders, tape, rows, filling)
    new_borrowers = frozenset(row.id for row in (*found.miners, *found.neoclouds))
    everyone = frozenset(ids) if add_to == "nothing" else frozenset()
    books = replace(
        base,
        miners=(*base.miners, *found.miners),
        neoclouds=(*base.neoclouds, *found.neoclouds),
        loans=(*others, *rows),
        lenders=lenders,
        leases=(*base.leases, *found.leases),
        outside=(*base.outside, *found.outside),
        sites=(*base.sites, *(site_row(m) for m in tape.loans if m["site_mw"] is not None)),
        machines=(*found.machines, *_missing(base, [*others, *rows], ids)),
        granted_only=new_borrowers | everyone,
    )
    return JoinedBook(
        tape,
        books,
        tuple(loan.id for loan in tape.loans),
        borrower_of,
        lender_of,
        tuple(filling.cells),
        tuple(known),
        _added(books, base),
    )


def _loan_rows(
    tape: Tape,
    borrower_of: dict[str, str],
    lender_of: dict[str, str],
    units: dict[str, float],
    base: Books,
    filling: Filling,
) -> list[Loan]:
    """The loans as rows of the books, or all that is wrong with them as such."""
    rows, mistakes = [], []
    for one in tape.loans:
        try:
            ends = borrower_of[one.id], lender_of[one.id]
            rows.append(loan_row(one, *ends, units[one.id], base, filling))
        except ValidationError as error:
            mistakes.append(_mistake(tape.file, one, error))
    if mistakes:
        raise TapeError(mistakes)
    return rows


def _mistake(file: str, loan: TapeLoan, error: ValidationError) -> Mistake:
    """What a row of the books does not take, as a mistake of the loan that brought it."""
    first = error.errors(include_url=False)[0]
    context = first.get("ctx", {})
    column = str(context.get("column", first["loc"][0] if first["loc"] else ""))
    allowed = str(context.get("allowed", first["msg"].removeprefix("Input should be ")))
    value = str(first["input"]) if first["loc"] else column
    return Mistake(file, loan.row, column, value, allowed)


def _whole(tape: Tape) -> JoinedBook:
    """A workbook that brings a whole market along."""
    books = market_of(tape)
    return JoinedBook(
        tape,
        books,
        tuple(row.loan_id for row in books.loans),
        {row.loan_id: row.borrower_id for row in books.loans},
        {row.loan_id: row.lender_id for row in books.loans},
        (),
        (),
        {},
    )


def without_credit(books: Books) -> Books:
    """The market with its operators and buyers and without its loans and lenders."""
    lines = {
        "line_lender_id": None, "line_usd_m": 0.0, "rate": None, "initial_ltv": None,
        "margin_call_ltv": None, "liquidation_ltv": None,
    }  # fmt: skip
    return replace(
        books,
        loans=(),
        lenders=(),
        interlender=(),
        sites=(),
        treasuries=tuple(row.model_copy(update=lines) for row in books.treasuries),
    )


def _ids(
    loans: Sequence[TapeLoan],
    owner: str,
    base: Books,
    merge: bool,
    known: list[Recognised],
    others: Iterable[str] = (),
) -> dict[str, str]:
    """The party behind each loan: one of the market if it is known and merged, else a new one.

    A new one has no id that ``others`` of the tape have: a firm may be lender and borrower.
    """
    operators: list[Named] = [*base.miners, *base.neoclouds]
    rows: list[Named] = [*base.lenders] if owner == "lender" else operators
    taken = {row.id for row in [*operators, *base.lenders, *base.outside]} | set(others)
    taken |= {segment.segment for segment in base.buyers}
    party: dict[str, str] = {}
    result = {}
    for loan in loans:
        name = loan[owner] or OWN_LENDER
        if name not in party:
            found = recognise(name, rows)
            if found is not None:
                known.append(Recognised(name, found.id, owner, merge))
            if found is not None and merge:
                party[name] = found.id
            else:
                party[name] = id_of(name, {*taken, *party.values()})
        result[loan.id] = party[name]
    return result


def _carve(
    base: Books, rows: Sequence[Loan], ids: set[str]
) -> tuple[tuple[Loan, ...], tuple[Lender, ...]]:
    """The market's loans less what the tape has of them, so that debt is not counted twice.

    A loan of the tape to a borrower of the market is taken out of that borrower's loans of the
    same instrument, from all lenders alike, as far as there are any.
    """
    mine: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.borrower_id in ids:
            key = row.borrower_id, row.instrument
            mine[key] = mine.get(key, 0.0) + row.drawn_usd_m
    there: dict[tuple[str, str], float] = {}
    for row in base.loans:
        key = row.borrower_id, row.instrument
        there[key] = there.get(key, 0.0) + row.drawn_usd_m
    parts = (
        "drawn_usd_m", "committed_usd_m", "principal_per_quarter_usd_m", "collateral_units",
        "pledged_cash_flow_usd_m_yr",
    )  # fmt: skip
    loans: list[Loan] = []
    given_up: dict[str, tuple[float, float]] = {}
    for row in base.loans:
        key = row.borrower_id, row.instrument
        left = 1.0 - min(1.0, mine[key] / there[key]) if there[key] and key in mine else 1.0
        if left == 1.0:
            loans.append(row)
            continue
        drawn, lines = given_up.get(row.lender_id, (0.0, 0.0))
        undrawn = row.committed_usd_m - row.drawn_usd_m
        taken = 1.0 - left
        given_up[row.lender_id] = (drawn + taken * row.drawn_usd_m, lines + taken * undrawn)
        if left > 0.0:
            update = {n: left * v for n in parts if (v := getattr(row, n)) is not None}
            loans.append(row.model_copy(update=update))
    lenders = []
    for lender in base.lenders:
        drawn, lines = given_up.get(lender.id, (0.0, 0.0))
        lenders.append(
            lender.model_copy(
                update={
                    "book_usd_m": lender.book_usd_m - drawn,
                    "other_loans_usd_m": lender.other_loans_usd_m + drawn,
                    "undrawn_commitments_usd_m": lender.undrawn_commitments_usd_m - lines,
                }
            )
            if lender.id in given_up
            else lender
        )
    return tuple(loans), tuple(lenders)


def _with_lenders(
    lenders: Sequence[Lender],
    tape: Tape,
    rows: Sequence[Loan],
    filling: Filling,
) -> tuple[Lender, ...]:
    """Lenders of the market, with what the tape lends, and those of the tape."""
    result = {row.id: row for row in lenders}
    both = list(zip(tape.loans, rows, strict=True))
    names = {row.lender_id: loan["lender"] for loan, row in both}
    kinds = {row.lender_id: loan["lender_kind"] for loan, row in both
             if loan["lender_kind"] is not None}  # fmt: skip
    for party, said in names.items():
        mine = [row for row in rows if row.lender_id == party]
        if party not in result:
            name = said or OWN_LENDER
            kind = kinds.get(party) or kind_of_lender(name, filling)
            try:
                result[party] = lender_row(party, name, kind, mine, filling)
            except ValidationError:
                raise TapeError([_too_much(tape.file, name, party, both)]) from None
            continue
        lender, drawn = result[party], sum(row.drawn_usd_m for row in mine)
        lines = sum(row.committed_usd_m - row.drawn_usd_m for row in mine)
        result[party] = balanced(
            lender,
            book_usd_m=lender.book_usd_m + drawn,
            other_loans_usd_m=max(0.0, lender.other_loans_usd_m - drawn),
            undrawn_commitments_usd_m=lender.undrawn_commitments_usd_m + lines,
        )
    return tuple(result.values())


def _too_much(file: str, name: str, party: str, both: Sequence[tuple[TapeLoan, Loan]]) -> Mistake:
    """A lender whose loans, with what it is filled up with, are more than a row can hold."""
    loan, row = max(
        (one for one in both if one[1].lender_id == party), key=lambda one: one[1].committed_usd_m
    )
    owed = f"{1e6 * row.committed_usd_m:,.0f}"
    allowed = f"so much less that all that {name} has stays below 10^15 USD"
    return Mistake(file, loan.row, "principal", owed, allowed)


def _missing(base: Books, loans: Sequence[Loan], ids: set[str]) -> list[Machines]:
    """Machines that borrowers of the market need beyond their fleets for what they pledge."""
    group_of = {row.id: row.fleet_group for row in base.hardware}
    split: dict[str, list[tuple[str, float]]] = {}
    for row in base.group_split:
        split.setdefault(row.fleet_group, []).append((row.class_id, row.share))
    fleets: dict[tuple[str, str], float] = {}
    for owner in (*base.miners, *base.neoclouds):
        for group, units in owner.fleet().items():
            for name, share in split[group]:
                fleets[owner.id, name] = units * share
    pledged: dict[tuple[str, str], float] = {}
    for loan in loans:
        said = loan.collateral_class
        if loan.borrower_id not in ids or said is None or said in ("BTC", "SITE"):
            continue
        parts = split.get(said) or [(said, 1.0)]
        if said not in split and said not in group_of:
            continue
        for name, share in parts:
            key = loan.borrower_id, name
            pledged[key] = pledged.get(key, 0.0) + share * loan.collateral_units
    return [
        Machines(owner_id=party, class_id=name, units=short, confidence="seen", source=SOURCE)
        for (party, name), units in pledged.items()
        if (short := units - fleets.get((party, name), 0.0)) > 1e-6 * max(units, 1.0)
    ]


def _added(books: Books, base: Books) -> dict[str, tuple[float, float]]:
    """Units of the tape's new parties beside those of the market, by class."""
    split = [(row.fleet_group, row.class_id, row.share) for row in base.group_split]
    market: dict[str, float] = {}
    for row in (*base.miners, *base.neoclouds):
        fleet = row.fleet()
        for group, name, share in split:
            market[name] = market.get(name, 0.0) + share * fleet.get(group, 0.0)
    added: dict[str, float] = {}
    for machines in books.machines:
        added[machines.class_id] = added.get(machines.class_id, 0.0) + machines.units
    return {name: (units, market.get(name, 0.0)) for name, units in added.items()}
