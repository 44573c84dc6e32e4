"""A tape's file: CSV or XLSX, of a bounded size; formulas are not run and macros are refused."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...scenario.extras import insist_on
from ...scenario.text_files import read_bytes
from .cells import COMMA, POINT, Cell, text
from .mistakes import refuse_file

MOST_BYTES = 10_000_000
MOST_UNPACKED = 100_000_000
MOST_ROWS = 5_000
MOST_COLUMNS = 200
DELIMITERS = ",;\t|"
DECIMAL_COMMA = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})*,(?:\d{1,2}|\d{4,})(?!\d)")
DECIMAL_POINT = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})*\.(?:\d{1,2}|\d{4,})(?![\d.])")
DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}")
FORMULA_ROW = "#formula#"  # of a cell that holds a formula without a value


@dataclass(frozen=True)
class RawSheet:
    """Cells as they stand in a file: headings, and the rows below them that are not empty."""

    name: str
    heading_row: int
    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class RawTape:
    """A file with its sheets; ``mark`` is how its numbers are written."""

    file: str
    mark: str
    loans: RawSheet
    tables: dict[str, RawSheet]  # of a market that the workbook brings along, by name
    formulas: int = 0  # whose last value was taken


TABLE_PREFIX = "market "


def read_file(path: Path) -> RawTape:
    """Read a tape.

    Raises:
        InputError: a file that is missing, too large, of another kind, or broken (`TapeError`).
    """
    name, suffix = path.name, path.suffix.lower()
    if path.is_dir():
        raise refuse_file(name, "a folder", "a CSV or XLSX file")
    if suffix in (".xlsm", ".xltm", ".xlsb", ".xls", ".ods", ".numbers"):
        what = "a workbook with macros" if suffix in (".xlsm", ".xltm") else f"a {suffix} file"
        raise refuse_file(name, what, "a CSV file or a workbook saved as .xlsx, without macros")
    data = read_bytes(path, str(path), MOST_BYTES)
    if data[:4] == b"PK\x03\x04":
        return _workbook(name, data)
    if suffix == ".xlsx":
        raise refuse_file(name, "a file that is no workbook", "an .xlsx or a CSV file")
    return _text_file(name, data)


def _text_file(name: str, data: bytes) -> RawTape:
    if b"\x00" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse_file(name, "binary content", "a CSV file in UTF-8, or an .xlsx workbook")
    try:
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        written = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        written = data.decode("cp1252", errors="replace")
    if not written.strip():
        raise refuse_file(name, "an empty file", "a tape with a line of headings")
    lines = written.splitlines()
    if lines[0].lower().startswith("sep="):
        delimiter, written = lines[0][4:5], "\n".join(lines[1:])
    else:
        from .columns import heading_of

        def known(mark: str) -> int:
            cells = next(csv.reader([lines[0]], delimiter=mark), [])
            return sum(heading_of(cell) is not None for cell in cells)

        delimiter = max(DELIMITERS, key=lambda mark: (known(mark), lines[0].count(mark)))
    try:
        reader = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter, strict=True)
        rows: list[tuple[int, tuple[Cell, ...]]] = []
        for cells in reader:
            if len(rows) > MOST_ROWS or len(cells) > MOST_COLUMNS:
                raise refuse_file(
                    name, "too large a table", f"{MOST_ROWS:,} rows of {MOST_COLUMNS} columns"
                )
            rows.append((reader.line_num, tuple(cell.strip() or None for cell in cells)))
    except csv.Error as error:
        raise refuse_file(name, str(error), "a CSV file with matching quotation marks") from None
    sheet = _sheet("", rows, name)
    return RawTape(name, _mark_of(sheet), sheet, {})


def _workbook(name: str, data: bytes) -> RawTape:
    insist_on("excel", name)
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
            if any("vbaproject" in member.filename.lower() for member in members):
                allowed = "a workbook saved as .xlsx, without macros"
                raise refuse_file(name, "a workbook with macros", allowed)
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                allowed = f"at most {MOST_UNPACKED:,} bytes unpacked"
                raise refuse_file(name, "a workbook that unpacks to more", allowed)
            for member in members:
                if member.filename.endswith(".xml") and b"<!DOCTYPE" in packed.read(member)[:4096]:
                    raise refuse_file(name, "a workbook with a DOCTYPE", "a plain workbook")
        books = [
            openpyxl.load_workbook(io.BytesIO(data), True, data_only=values, keep_links=False)
            for values in (True, False)
        ]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        if isinstance(error, ValueError) and hasattr(error, "mistakes"):
            raise
        raise refuse_file(name, "a workbook that cannot be opened", "an .xlsx file") from None
    sheets: dict[str, RawSheet] = {}
    formulas = 0
    for title in books[0].sheetnames:
        rows: list[tuple[int, tuple[Cell, ...]]] = []
        pairs = zip(
            books[0][title].iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS + 2),
            books[1][title].iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS + 2),
            strict=False,
        )
        for number, (values, written) in enumerate(pairs, 1):
            cells: list[Cell] = []
            for value, source in zip(values, written, strict=False):
                cell: Any = value.value
                if source.data_type == "f":
                    formulas += 1
                    cell = FORMULA_ROW if cell is None else cell
                cells.append(cell.strip() or None if isinstance(cell, str) else cell)
            rows.append((number, tuple(cells)))
        if len(rows) > MOST_ROWS + 1:
            raise refuse_file(name, f"more than {MOST_ROWS:,} rows", f"at most {MOST_ROWS:,} rows")
        if any(any(cell is not None for cell in row) for _, row in rows):
            sheets[title] = _sheet(title, rows, name)
    for book in books:
        book.close()
    if not sheets:
        raise refuse_file(name, "an empty workbook", "a sheet with a line of headings")
    tables = {
        title.lower().removeprefix(TABLE_PREFIX).strip().replace(" ", "_"): sheet
        for title, sheet in sheets.items()
        if title.lower().startswith(TABLE_PREFIX)
    }
    rest = {title: sheet for title, sheet in sheets.items() if sheet not in tables.values()}
    chosen = next(
        (sheet for title, sheet in rest.items() if title.lower() in ("loans", "tape", "loan tape")),
        next(iter(rest.values())),
    )
    return RawTape(name, _mark_of(chosen), chosen, tables, formulas)


def _sheet(title: str, rows: list[tuple[int, tuple[Cell, ...]]], file: str) -> RawSheet:
    """Find the line of headings: the first with at least three that we know, else the first."""
    from .columns import heading_of

    full = [(number, cells) for number, cells in rows if any(cell is not None for cell in cells)]
    place = next(
        (
            place
            for place, (_, cells) in enumerate(full[:20])
            if sum(heading_of(text(cell)) is not None for cell in cells if cell is not None) >= 3
        ),
        0,
    )
    number, cells = full[place]
    headings = [text(cell) for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    return RawSheet(title, number, tuple(headings), tuple(full[place + 1 :]))


def _mark_of(sheet: RawSheet) -> str:
    """How numbers are written here: with a decimal point, unless commas are plainly meant."""
    commas = points = 0
    for _, cells in sheet.rows:
        for cell in cells:
            if isinstance(cell, str) and not DATE.search(cell):
                commas += bool(DECIMAL_COMMA.search(cell))
                points += bool(DECIMAL_POINT.search(cell))
    return COMMA if commas > points else POINT
