"""A table of the memo: raw values with a kind, so that a page and a workbook each format them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from ..look import words

MOST_SHARE = 10.0  # a loan at ten times its collateral is not covered; no more is said
UNITS = {
    "money": "USD",
    "share": "%",
    "bp": "bp",
    "days": "days",
    "number": "",
    "date": "",
    "text": "",
}
FORMATS = {
    "money": "#,##0",
    "share": "0.0%",
    "bp": "#,##0",
    "days": "#,##0",
    "number": "#,##0.0",  # of whole numbers without the point
    "date": "yyyy-mm-dd",
}
"""Number formats of a workbook, by kind."""


@dataclass(frozen=True)
class Col:
    """A column: its name, the kind of its values, and what it means."""

    name: str
    kind: str = "text"
    meaning: str = ""

    @property
    def right(self) -> bool:
        """Whether it stands right."""
        return self.kind != "text"

    @property
    def heading(self) -> str:
        """Its name with the unit."""
        return f"{self.name} [{UNITS[self.kind]}]" if UNITS[self.kind] else self.name


@dataclass(frozen=True)
class Table:
    """One table with its heading, a sentence or two on how to read it, and footnotes."""

    key: str
    title: str
    text: str
    columns: tuple[Col, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    notes: tuple[str, ...] = ()
    figure: str = ""  # key of a figure


def shown(value: Any, kind: str) -> str:
    """A value as a reader sees it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, dt.date):
        return words.date(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isinf(value):
        return "no bids"
    if kind == "money":
        return words.money(float(value))
    if kind == "share":
        if value > MOST_SHARE:
            return f"over {words.percent(MOST_SHARE)}"
        return words.percent(float(value), 1 if 0 < abs(value) < 0.0995 else 0)
    if kind == "bp":
        return f"{value:,.0f}".replace("-", "−")
    if kind == "days":
        return f"{value:,.0f}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.1f}".replace("-", "−")
    return f"{value:,.0f}".replace("-", "−")


def range_of(low: float, high: float, kind: str) -> str:
    """An interval in words."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "cannot tell"
    return f"{shown(low, kind)} to {shown(high, kind)}"
