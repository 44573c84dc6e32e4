"""Reads a tape: every cell, every mistake."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .cells import Cell, LtvOrValue, Rate, Units, text
from .columns import BY_KEY, COLUMNS, Column, heading_of, plain
from .covenants import Covenants
from .files import FORMULA_ROW, RawTape, read_file
from .machines import Machine, machine_of
from .market_columns import MARKET_COLUMNS
from .mistakes import CellError, Mistake, TapeError, refuse_file

MOST_TIMES = Decimal(20)  # a value is at most so many times the loan


@dataclass
class TapeLoan:
    """A row of a tape: what was given, by key of the column."""

    row: int
    given: dict[str, Any]
    machine: Machine | None = None
    market: dict[str, str | None] = field(default_factory=dict)  # columns of our own tables

    def __getitem__(self, key: str) -> Any:
        return self.given.get(key)

    @property
    def id(self) -> str:
        """Its own name."""
        return str(self.given["loan"])

    @property
    def principal_usd(self) -> Decimal:
        """Drawn today."""
        principal: Decimal = self.given["principal_usd"]
        return principal

    @property
    def covenants(self) -> Covenants:
        """What was agreed; nothing where the cell is empty."""
        return self["covenants"] or Covenants()

    @property
    def rate(self) -> Rate:
        """Its interest."""
        found: Rate = self.given["rate"]
        return found

    @property
    def reported(self) -> LtvOrValue:
        """What its lender reports of the collateral."""
        return self["ltv_or_value"] or LtvOrValue(None, None)


@dataclass(frozen=True)
class Tape:
    """A tape as it was read, without mistakes."""

    file: str
    loans: tuple[TapeLoan, ...]
    raw: RawTape

    @property
    def brings_market(self) -> bool:
        """Whether the workbook has the tables of a whole market."""
        return bool(self.raw.tables)


def read_tape(path: Path, opening: dt.date, machines: dict[str, Machine]) -> Tape:
    """Read and check a tape; ``machines`` are the classes and models that it may name.

    Raises:
        TapeError: with all mistakes.
    """
    raw = read_file(path)
    mistakes: list[Mistake] = []
    columns = _columns(raw, mistakes)
    loans: list[TapeLoan] = []
    seen: dict[str, int] = {}
    for number, cells in raw.loans.rows:
        if len(loans) == 0 and number == raw.loans.heading_row:
            continue
        loan = _row(raw, number, cells, columns, mistakes)
        loan.given.setdefault("loan", f"L{len(loans) + 1:02d}")
        if loan.id in seen:
            allowed = f"different on every row, and row {seen[loan.id]} has it already"
            mistakes.append(Mistake(raw.file, number, "loan id", loan.id, allowed))
        seen[loan.id] = number
        loans.append(loan)
    if not loans and not mistakes:
        raise refuse_file(raw.file, "a tape without loans", "at least one row below the headings")
    for loan in loans:
        if not loan.market:
            _check(raw.file, loan, opening, machines, mistakes)
    _check_borrowers(raw.file, loans, mistakes)
    if mistakes:
        raise TapeError(sorted(mistakes, key=lambda one: one.row))
    return Tape(raw.file, tuple(loans), raw)


def _columns(raw: RawTape, mistakes: list[Mistake]) -> list[Column | str | None]:
    """The column of each heading; those of our own tables by name, None for what is refused."""
    file, row = raw.file, raw.loans.heading_row
    found: list[Column | str | None] = []
    headings = [plain(column.heading) for column in COLUMNS]
    for said in raw.loans.headings:
        column: Column | str | None = heading_of(said)
        if column is None and plain(said) in MARKET_COLUMNS:
            column = MARKET_COLUMNS[plain(said)]
        if column is None and said:
            near = get_close_matches(plain(said), headings, 1, 0.6)
            allowed = "a heading of the template (firesale book template lists them)"
            meant = f"'{near[0]}'" if near else ""
            mistakes.append(Mistake(file, row, said, said, allowed, meant))
        elif column is not None and column in found:
            mistakes.append(Mistake(file, row, said, said, "a column that is there only once"))
            column = None
        found.append(column)
    mistakes += [
        Mistake(file, row, column.heading, "", f"there: {column.meaning}")
        for column in COLUMNS
        if column.required and column not in found
    ]
    return found


def _row(
    raw: RawTape,
    number: int,
    cells: tuple[Cell, ...],
    columns: list[Column | str | None],
    mistakes: list[Mistake],
) -> TapeLoan:
    """One row: what can be read of it; the rest becomes mistakes."""
    loan = TapeLoan(number, {})
    if len(cells) > len(columns) and any(cell is not None for cell in cells[len(columns) :]):
        extra = text(next(cell for cell in cells[len(columns) :] if cell is not None))
        mistakes.append(Mistake(raw.file, number, "", extra, "below a heading"))
    for column, cell in zip(columns, (*cells, *[None] * len(columns)), strict=False):
        if isinstance(column, str):
            loan.market[column] = None if cell is None else text(cell)
            continue
        if column is None:
            continue
        if cell is None:
            if column.required:
                mistakes.append(
                    Mistake(raw.file, number, column.heading, "", f"given: {column.meaning}")
                )
            continue
        if cell == FORMULA_ROW:
            allowed = "a value: formulas are not run, and this one was never calculated"
            mistakes.append(Mistake(raw.file, number, column.heading, "a formula", allowed))
            continue
        try:
            loan.given[column.key] = column.read(cell, raw.mark)
        except CellError as error:
            mistakes.append(
                Mistake(raw.file, number, column.heading, text(cell), error.allowed, error.meant)
            )
        except (ArithmeticError, ValueError):
            mistakes.append(Mistake(raw.file, number, column.heading, text(cell), column.meaning))
    return loan


def _check(
    file: str,
    loan: TapeLoan,
    opening: dt.date,
    machines: dict[str, Machine],
    mistakes: list[Mistake],
) -> None:
    """What cells of a row say together."""

    def wrong(key: str, allowed: str, meant: str = "") -> None:
        value = loan[key]
        shown = "" if value is None else _shown(value)
        heading = BY_KEY[key].heading
        mistakes.append(Mistake(file, loan.row, heading, shown, allowed, meant))

    maturity, start = loan["maturity"], loan["origination"]
    if maturity is not None and maturity <= opening:
        wrong("maturity", f"a date after the day of the books, {opening}")
    if start is not None and start > opening:
        wrong("origination", f"a date not after the day of the books, {opening}")
    if "principal_usd" in loan.given and loan.principal_usd + (loan["undrawn_usd"] or 0) <= 0:
        wrong("principal_usd", "above 0, or with an amount undrawn")
    if maturity and start and maturity <= start:
        wrong("maturity", f"a date after origination, {start}")
    said = loan["collateral"]
    if said is not None:
        try:
            loan.machine = machine_of(said, machines)
        except CellError as error:
            wrong("collateral", error.allowed, error.meant)
            return
    machine, found = loan.machine, loan["units"]
    if machine is None:
        if found is not None and found.number > 0:
            wrong("units", "empty, or with a collateral class")
        if loan["ltv_or_value"] is not None:
            wrong("ltv_or_value", "empty, or with a collateral class")
        if loan.covenants.margin_call_ltv is not None:
            wrong("covenants", "without a margin call where nothing is pledged")
    else:
        if found is None and loan["ltv_or_value"] is None and machine.kind != "lien":
            wrong("units", "given, or LTV or value: one of them says how much is pledged")
        if found is not None and found.th and machine.kind != "asic":
            wrong("units", f"a number of units of {machine.id}, not a hashrate")
        if machine.kind == "site":
            if loan["site_mw"] is None:
                wrong("site_mw", "given for a loan on a site: its power in MW")
            if found is not None and found.number > 1:
                wrong("units", "the share of the site that is pledged, at most 1")
        if machine.kind == "asic" and loan["borrower_kind"] == "neocloud":
            wrong("borrower_kind", "miner for a borrower with rigs", "miner")
    value = loan.reported.value_usd
    if value is not None and loan["principal_usd"] and value > MOST_TIMES * loan.principal_usd:
        wrong("ltv_or_value", f"at most {MOST_TIMES} times the principal")
    if loan["rent_end"] is not None and loan["rent_end"] <= opening:
        wrong("rent_end", f"a date after the day of the books, {opening}")
    for key in ("rent_usd_yr", "rent_end", "tenant_rating", "guarantor"):
        if loan[key] is not None and loan["tenant"] is None:
            wrong(key, "empty, or with a tenant")
    if loan["guarantee_usd"] is not None and loan["guarantor"] is None:
        wrong("guarantee_usd", "empty, or with a guarantor")
    if loan["tenant"] is not None and (machine is None or machine.kind != "gpu"):
        wrong("tenant", "empty unless GPUs are pledged: it is who rents them")
    if loan["hall_mw"] is not None and loan["hall_mw"] > (loan["site_mw"] or 0):
        wrong("hall_mw", "at most the MW of the site")
    converts = loan["instrument"] == "convertible"
    if loan["instrument"] and (loan["conversion_price_usd"] is not None) != converts:
        wrong("conversion_price_usd", "given for a convertible and empty otherwise")
    if loan.covenants.margin_call_ltv is not None and loan.reported.ltv is not None:
        call, now = loan.covenants.margin_call_ltv, loan.reported.ltv
        if now >= Decimal("1.5") * call:
            wrong("covenants", f"a margin call not far below today's LTV of {now * 100:.4g} %")


def _shown(value: Any) -> str:
    if isinstance(value, LtvOrValue):
        return f"{value.ltv * 100:.4g} %" if value.ltv is not None else f"${value.value_usd:,.0f}"
    if isinstance(value, Units):
        return f"{value.number:,f}{' TH/s' if value.th else ''}"
    if isinstance(value, Covenants):
        parts = [f"{name} {item}" for name, item in value._asdict().items() if item is not None]
        return "; ".join(parts)
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def _check_borrowers(file: str, loans: list[TapeLoan], mistakes: list[Mistake]) -> None:
    """What rows say of one borrower, or of one lender, must agree."""
    for owner, keys in (
        ("borrower", [column.key for column in COLUMNS if column.of_borrower]),
        ("lender", ["lender_kind"]),
    ):
        first: dict[tuple[str, str], tuple[Any, int]] = {}
        for loan in loans:
            for key in keys:
                if loan[key] is None or loan[owner] is None:
                    continue
                value, row = first.setdefault((loan[owner], key), (loan[key], loan.row))
                if value != loan[key]:
                    allowed = f"{_shown(value)}, as row {row} says of {loan[owner]}, or empty"
                    heading = BY_KEY[key].heading
                    mistakes.append(Mistake(file, loan.row, heading, _shown(loan[key]), allowed))
