"""A whole market as a tape: its loans on the first sheet, its other tables behind.

The ten columns of a tape cannot hold all that a table of loans has: perimeters, instalments, groups
of classes. Those stand in columns of their own, ``own ...``, and the other tables of the books on
sheets ``market NAME``. Read again, they are the same books, to the last bit.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..books import Books
from ..books_2025.read import DATA_FOLDER, load_books_2025
from .cells import Cell, text
from .files import TABLE_PREFIX
from .market_columns import MARKET_COLUMNS

if TYPE_CHECKING:
    from openpyxl import Workbook

    from .read import Tape

MAIN = {
    "borrower": "borrower_id",
    "instrument": "instrument",
    "maturity": "maturity",
    "amortisation": "amortisation",
    "origination": "origination",
    "recourse": "recourse",
    "conversion price": "conversion_price_usd",
}
"""Columns of a tape that hold what a column of our table does, as it is."""


def add_market(book: Workbook, folder: Path | None = None) -> None:
    """Write a folder of opening tables into a workbook (in place): loans first, then the others."""
    at = Path(folder or DATA_FOLDER)
    sheet = book.create_sheet("Loans")
    rows = _read(at / "loans.csv")
    names = (*MAIN, "principal", "rate", "collateral class", "units", *MARKET_COLUMNS)
    sheet.append(list(names))
    for row in rows:
        cells = {heading: row[column] for heading, column in MAIN.items()}
        cells |= {heading: row[column] for heading, column in MARKET_COLUMNS.items()}
        cells["principal"] = f"{row['drawn_usd_m']}m"
        spread = f"{_percent(row['rate_or_spread'])} %"
        cells["rate"] = f"SOFR + {spread}" if row["rate_type"] == "float" else spread
        cells["collateral class"] = row["collateral_class"] or "none"
        cells["units"] = row["collateral_units"] if row["collateral_class"] else ""
        sheet.append([cells[name] or None for name in names])
    for path in sorted(at.glob("*.csv")):
        if path.stem in ("loans", "beliefs"):
            continue
        table = book.create_sheet(f"{TABLE_PREFIX}{path.stem.replace('_', ' ')}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.reader(file):
                table.append([cell or None for cell in line])


def _percent(share: str) -> str:
    from decimal import Decimal

    return f"{(Decimal(share) * 100).normalize():f}"


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def market_of(tape: Tape) -> Books:
    """The books that a workbook brings along; loans are those of the tape."""
    with tempfile.TemporaryDirectory() as hidden:
        folder = Path(hidden)
        for name, sheet in tape.raw.tables.items():
            path = folder / f"{Path(name).name}.csv"
            _write(path, sheet.headings, [row for _, row in sheet.rows])
        own = list(MARKET_COLUMNS.values())
        columns = [*MAIN.values(), "drawn_usd_m", *own]
        lines = []
        for loan in tape.loans:
            given = loan.given
            cells: list[Cell] = [
                given["borrower"],
                given["instrument"],
                given["maturity"],
                given["amortisation"],
                given["origination"],
                "yes" if given["recourse"] else "no",
                _plain(given.get("conversion_price_usd")),
                _plain(loan.principal_usd / 1_000_000),
                *(loan.market.get(name) for name in own),
            ]
            lines.append(tuple(cells))
        keep = [n for n, name in enumerate(columns) if name not in columns[:n]]
        _write(
            folder / "loans.csv",
            tuple(columns[n] for n in keep),
            [tuple(line[n] for n in keep) for line in lines],
        )
        return load_books_2025(folder)


def _plain(value: object) -> str:
    return "" if value is None else f"{value:f}"


def _write(path: Path, headings: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        for row in rows:
            cells = [*row, *[None] * len(headings)][: len(headings)]
            writer.writerow([text(cell) for cell in cells])
