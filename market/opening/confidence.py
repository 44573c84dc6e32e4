"""What the debt of the opening books rests on: seen, computed, remembered or estimated."""

from __future__ import annotations

import csv

from .books_2025.read import DATA_FOLDER

LOANS = {
    "2025": (("2025/loans.csv", "drawn_usd_m"),),
    "2021": (
        ("2021/loans.csv", "principal_usd_m"),
        ("2021/private_loans.csv", "principal_usd_m"),
    ),
}
LOANS["synthetic"] = LOANS["2025"]
"""Tables of loans of the books, below the data's folder, and the column of what is owed."""


def debt_by_confidence(start: str) -> dict[str, float]:
    """Debt [USD m] of a starting point's books by the confidence of its rows."""
    debt: dict[str, float] = {}
    for path, column in LOANS[start]:
        with (DATA_FOLDER.parent / path).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                debt[row["confidence"]] = debt.get(row["confidence"], 0.0) + float(row[column])
    return debt
