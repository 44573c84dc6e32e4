"""Small tapes for tests."""

from __future__ import annotations

import csv
from pathlib import Path

from firesale.experiments import book

EXAMPLES = Path(str(book.__file__)).parent / "examples"
MAIN = (
    "borrower", "instrument", "principal", "rate", "maturity", "amortisation", "collateral class",
    "units", "LTV or value", "covenants",
)  # fmt: skip
LOAN = dict(
    zip(
        MAIN,
        ("Firm", "gpu loan", "$12m", "SOFR+500", "2028-09-30", "bullet", "H100", "500", "60 %", ""),
        strict=True,
    )
) | {"loan id": "A", "lender": "Fund"}


def tape_of(folder: Path, *loans: dict[str, str]) -> Path:
    """A tape of loans that differ from a usual one as is said."""
    rows = [LOAN | loan for loan in loans]
    headings = list(dict.fromkeys(key for row in rows for key in row))
    path = folder / "tape.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([row.get(heading, "") for heading in headings] for row in rows)
    return path
