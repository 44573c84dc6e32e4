"""``memo.xlsx``: a sheet for each table, numbers as numbers, filled cells marked."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .table import FORMATS, Table

if TYPE_CHECKING:
    from openpyxl import Workbook

    from .memo import Memo

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
FILLED, HEAD = "FFF2CC", "DCE9F5"
WIDEST, NARROWEST = 60, 10
NO_BIDS = "no bids"


def write_workbook(memo: Memo, path: Path) -> None:
    """Write the memo's tables, with what they rest on in front."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook()
    front = book.active
    assert front is not None
    front.title = "Memo"
    lines: list[tuple[Any, ...]] = [
        (memo.title,), (memo.meta,), (memo.caveat,), (memo.lead,), (), *memo.numbers
    ]  # fmt: skip
    for number, line in enumerate(lines, 1):
        for place, value in enumerate(line, 1):
            _put(front.cell(number, place), value, "text")
    front["A1"].font = Font(bold=True, size=14)
    for row in (3, 4):
        front.cell(row, 1).alignment = Alignment(wrap_text=True, vertical="top")
        front.merge_cells(start_row=row, end_row=row, start_column=1, end_column=6)
        front.row_dimensions[row].height = 75
    front.column_dimensions["A"].width = 44
    front.column_dimensions["B"].width = 40
    for table in memo.tables:
        if table.rows:
            _sheet(book, table, marked=table.key == "filled")
    book.save(path)


def _sheet(book: Workbook, table: Table, marked: bool) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(table.title[:31].replace(":", ""))
    _put(sheet.cell(1, 1), table.text, "text")
    sheet.cell(1, 1).font = Font(italic=True, color="6F6F6F")
    head, filled = PatternFill("solid", fgColor=HEAD), PatternFill("solid", fgColor=FILLED)
    for place, column in enumerate(table.columns, 1):
        cell = sheet.cell(3, place)
        _put(cell, column.heading, "text")
        cell.font, cell.fill = Font(bold=True), head
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for number, row in enumerate(table.rows, 4):
        for place, (value, column) in enumerate(zip(row, table.columns, strict=True), 1):
            cell = sheet.cell(number, place)
            _put(cell, value, column.kind)
            if marked:
                cell.fill = filled
    for note, text in enumerate(table.notes):
        _put(sheet.cell(5 + len(table.rows) + note, 1), text, "text")
    for place, column in enumerate(table.columns, 1):
        longest = max([len(str(row[place - 1])) for row in table.rows if column.kind == "text"]
                      or [NARROWEST])  # fmt: skip
        width = min(WIDEST, max(NARROWEST, longest + 2, min(len(column.heading) + 2, 18)))
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "B4"
    sheet.auto_filter.ref = f"A3:{get_column_letter(len(table.columns))}{3 + len(table.rows)}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _put(cell: Any, value: Any, kind: str) -> None:
    """A value as what it is; a text stays a text, whatever it begins with."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return
    if isinstance(value, float) and math.isinf(value):
        value, kind = NO_BIDS, "text"
    if isinstance(value, str):
        cell.value = value
        cell.data_type = "s"  # never a formula
        if value.startswith(DANGEROUS):
            cell.quotePrefix = True
            cell.number_format = "@"
        return
    if isinstance(value, bool | dt.date):
        cell.value = value
    else:
        cell.value = float(value) if not isinstance(value, int) else value
    whole = kind == "number" and float(value).is_integer()
    cell.number_format = "#,##0" if whole else FORMATS.get(kind, "General")
