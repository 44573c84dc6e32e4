"""The template of a tape: headings, two example loans, and what each column means."""

from __future__ import annotations

import csv
from pathlib import Path

from ...scenario.extras import insist_on
from .columns import COLUMNS

EXAMPLES = (
    {
        "borrower": "Example Compute",
        "instrument": "gpu loan",
        "principal": "$24m",
        "rate": "SOFR+575",
        "maturity": "31-Dec-2028",
        "amortisation": "linear",
        "collateral class": "H100",
        "units": "1,000",
        "LTV or value": "60 %",
        "covenants": "DSCR 1.15; cure 30 days",
        "loan id": "EX-1",
        "lender": "Example Fund",
        "tenant": "Microsoft",
        "contract rent": "$17.5m",
        "contract end": "2027-12-31",
    },
    {
        "borrower": "Example Mining",
        "instrument": "rig loan",
        "principal": "8000000",
        "rate": "11.5 %",
        "maturity": "2027-06-30",
        "amortisation": "annuity",
        "collateral class": "S21",
        "units": "4000",
        "LTV or value": "$12.5m",
        "covenants": "margin call 85 %; liquidation 95 %; cure 10 days",
        "loan id": "EX-2",
        "lender": "Example Fund",
        "recourse": "no",
        "cash": "$1.5m",
        "power price": "48",
    },
)
HEADINGS = tuple(column.heading for column in COLUMNS)


def write_template(path: Path, market: bool = False) -> None:
    """Write a template; of ``market``, the packaged one of 2025 as a workbook."""
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADINGS)
            writer.writerows([row.get(heading, "") for heading in HEADINGS] for row in EXAMPLES)
        return
    insist_on("excel", str(path))
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    from .market_tape import add_market

    book = Workbook()
    del book["Sheet"]
    bold, main = Font(bold=True), PatternFill("solid", fgColor="DCE9F5")
    if market:
        add_market(book)
    else:
        sheet = book.create_sheet("Loans")
        sheet.append(list(HEADINGS))
        for row in EXAMPLES:
            sheet.append([row.get(heading) for heading in HEADINGS])
        for place, column in enumerate(COLUMNS, 1):
            cell = sheet.cell(1, place)
            cell.font = bold
            if column.main:
                cell.fill = main
            sheet.column_dimensions[get_column_letter(place)].width = 18
        sheet.freeze_panes = "B2"
    meanings = book.create_sheet("Meanings")
    meanings.append(["column", "needed", "what it means", "other headings"])
    for column in COLUMNS:
        needed = "always" if column.required else "one of the ten" if column.main else "if known"
        meanings.append([column.heading, needed, column.meaning, ", ".join(column.also)])
    for cell in meanings[1]:
        cell.font = bold
    for letter, width in zip("ABCD", (20, 14, 80, 50), strict=True):
        meanings.column_dimensions[letter].width = width
    for cell in meanings["C"]:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    book.save(path)
