"""A chapter of the story: a sentence, and a table of which the largest rows can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..look import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..results.results import Results


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand right."""

    name: str
    right: bool = False


@dataclass(frozen=True)
class Chapter:
    """One step of the story.

    ``weights`` are the rows' amounts in USD, ``by`` says of what; the table is in order of
    ``order``. ``figures`` name the pictures that belong here.
    """

    title: str
    text: str
    columns: tuple[Column, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    weights: tuple[float, ...] = ()
    by: str = ""
    order: str = "date"
    figures: tuple[str, ...] = ()

    def heaviest(self, most: int) -> list[tuple[str, ...]]:
        """The rows of the largest amounts, at most ``most``, the largest first."""
        order = sorted(range(len(self.table)), key=lambda row: -self.weights[row])
        return [self.table[row] for row in order[:most]]

    def largest(self, most: int) -> str:
        """What :meth:`heaviest` shows, in words."""
        return f"The {min(most, len(self.table)):,} largest of {len(self.table):,}, by {self.by}"


def heads(*names: str) -> tuple[Column, ...]:
    """Columns by name; ``>`` at the end marks numbers."""
    return tuple(Column(name.rstrip(">"), name.endswith(">")) for name in names)


def first(table: Sequence[tuple[str, ...]]) -> str:
    """Who comes first in a table that begins with day, date and name: all of that day."""
    names = [row[2] for row in table if row[0] == table[0][0]]
    verb = "the first is" if len(names) == 1 else "the first are"
    return f"{verb} {words.listed(names, 3)} on {table[0][1]}"


def when(results: Results, day: float) -> tuple[str, str]:
    """A day of the run and its date."""
    return f"{int(day):,}", words.date(results.date(day))


def by_party(events: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Events by party, in the order of each party's first."""
    return [(str(party), own) for party, own in events.groupby("party", sort=False)]


def amount(units: float, hardware: str) -> str:
    """So many of a class, with their unit."""
    return f"{words.count(units)} {words.unit(hardware, units)}"


def price(usd: float, hardware: str) -> str:
    """A price of one GPU, or of another unit, which is named: ``$2.20/TH/s``."""
    unit = words.unit(hardware)
    per = "" if unit == "GPUs" else f"/{unit}"
    return f"${usd:,.0f}{per}" if usd >= 100 else f"${usd:,.2f}{per}"


def range_of(ratio: pd.Series[float]) -> str:
    """The lowest and the highest of some ratios."""
    low, high = words.percent(ratio.min()), words.percent(ratio.max())
    return low if low == high else f"{low}–{high}"
