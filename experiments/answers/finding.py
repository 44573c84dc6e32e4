"""What a question found: numbers with intervals and tables, as they are stored and read again.

A finding holds no words about its numbers. Verdict and sentence are worked out from it by rules of
its question, so that text and numbers cannot part.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...market.scenario.errors import InputError
from ..run.writing import write_text

if TYPE_CHECKING:
    from ..look.intervals import Estimate

FOLDER = Path(__file__).resolve().parents[1] / "findings"
FILE = "finding.json"
SCENARIO = "scenario"  # of facts: one path as a scenario file, with its seed under "seed"
DIGITS = 6
LOSS = "loss_usd.resolved_total"
LOSS_WITHOUT = "largest_borrower.resolved_loss_without_usd"
"""Losses once claims are settled, and the same but for those on loans to the largest borrower."""


class Number(NamedTuple):
    """A number with its 95 % interval and unit; ends are NaN where it is no estimate."""

    value: float
    low: float
    high: float
    unit: str = ""

    @classmethod
    def of(cls, estimate: Estimate, unit: str = "", scale: float = 1.0) -> Number:
        """An estimate in another unit: ``scale`` of its own units are one of these."""
        return cls(estimate.value / scale, estimate.low / scale, estimate.high / scale, unit)

    @classmethod
    def known(cls, value: float, unit: str = "") -> Number:
        """A number without an interval: counted, or read in a table."""
        return cls(value, math.nan, math.nan, unit)

    @property
    def has_interval(self) -> bool:
        """Whether it is an estimate."""
        return not math.isnan(self.low)

    def text(self, form: str = ",.1f") -> str:
        """``$1.2bn (0.8 to 1.6)``: value and interval, with the unit where it stands.

        What came out the same in all draws has no interval.
        """
        if math.isnan(self.value):
            return "unknown"
        if self.unit.startswith("$"):  # the sign stands before the dollar
            value = f"{self.value:{form}}"
            sign = (
                value[0] if value[0] in "+-" and plain_text(self.value, form)[0] == value[0] else ""
            )
            value = f"{sign}${plain_text(abs(self.value), form).lstrip('+')}{self.unit[1:]}"
        else:
            gap = "\N{NO-BREAK SPACE}" if self.unit else ""
            value = f"{plain_text(self.value, form)}{gap}{self.unit}"
        if not self.has_interval or self.low == self.value == self.high:
            return value
        return f"{value} ({plain_text(self.low, form)} to {plain_text(self.high, form)})"


def plain_text(value: float, form: str) -> str:
    """A number as text; no minus before what rounds to zero."""
    if math.isinf(value):
        return "open"
    text = f"{value:{form}}"
    return text.replace("-", "") if not any(c in "123456789" for c in text) else text


class Table(NamedTuple):
    """Rows under columns; a cell is text, a number, a :class:`Number`'s triple, or nothing."""

    title: str
    columns: tuple[str, ...]
    forms: tuple[str, ...]  # format of each column's numbers
    rows: tuple[tuple[Any, ...], ...]

    def cells(self) -> list[list[str]]:
        """All cells as text."""
        return [
            [_cell(value, form) for value, form in zip(row, self.forms, strict=True)]
            for row in self.rows
        ]

    def column(self, name: str) -> list[Any]:
        """The cells of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def _cell(value: Any, form: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return Number(*value[:3]).text(form)
    return plain_text(float(value), form)


@dataclass(frozen=True)
class Finding:
    """What one question found, and what that took."""

    question: str
    quick: bool
    numbers: dict[str, Number]
    tables: dict[str, Table]
    runs: int
    core_minutes: float  # of workers, by the clock
    draws: int  # of books, beliefs and luck, at the most of a cell
    saved_runs: int = 0  # against a plain grid of as many runs in each cell
    source: str = ""  # hash of the engine that made the runs
    facts: dict[str, str] = field(default_factory=dict)  # names, such as that of the largest

    def number(self, name: str) -> Number:
        """One of its numbers."""
        return self.numbers[name]


def save(finding: Finding, path: Path) -> None:
    """Write a finding; at a few digits, so that the last bits of a mean do not show as changes."""
    write_text(path, json.dumps(_rounded(asdict(finding)), indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Finding:
    """A stored finding.

    Raises:
        InputError: there is none, or it is of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        numbers = {name: _number(one) for name, one in data["numbers"].items()}
        tables = {
            name: Table(one[0], tuple(one[1]), tuple(one[2]), tuple(_row(row) for row in one[3]))
            for name, one in data["tables"].items()
        }
        return Finding(**data | {"numbers": numbers, "tables": tables})
    except OSError:
        raise InputError(f"{path}: there is no finding; run its question first.") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise InputError(
            f"{path}: is not a finding of this version; run its question again."
        ) from None


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)
    return value


def _number(cell: list[Any]) -> Number:
    value, low, high = map(_open, cell[:3])
    return Number(value, low, high, cell[3])


def _open(value: Any) -> float:
    """A number of JSON: none is NaN, and an open end a word."""
    return math.nan if value is None else float(value)


def _row(row: list[Any]) -> tuple[Any, ...]:
    return tuple(_number(cell) if isinstance(cell, list) else cell for cell in row)
