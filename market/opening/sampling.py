"""Errors of uncertain cells of the opening books: within a belief, or within a row's confidence.

A cell with a belief of its own is drawn from that. Any other uncertain cell is multiplied by its
own error, lognormal with mean one and the deviation that its row's confidence stands for, and by
the common error of its column where there is a belief about that; rows that were seen stay. Columns
that only a belief is about err for all rows alike. Each error goes by the name of
its cell or column, ``books.TABLE.ROW.COLUMN`` or ``books.TABLE.COLUMN``. Capital of lenders and
claims between them have ranges of their own in their tables (:func:`within_range`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist

from ..state.randomness import Stream, normal
from .beliefs import Belief, cells_believed, code_of, place_of
from .books import CONFIDENCE_SD
from .csv_files import Row
from .rows import Lender

BUYER_CELLS = (
    "budget_usd_m_yr",
    "slots_air_lt15",
    "slots_air_15_40",
    "slots_liq_40_80",
    "slots_liq_gt80",
    "spare_mw_asic",
    "site_mw",
)
STANDARD = NormalDist()


NINE_TENTHS = 1.6448536269514722  # deviations from the mean that hold nine draws in ten


def error_factor(confidence: str, score: float) -> float:
    """What a figure of that confidence is multiplied with, ``score`` deviations from its mean."""
    deviation = CONFIDENCE_SD[confidence]
    return math.exp(deviation * score - 0.5 * deviation**2)


def within_range(value: float, low: float, high: float, score: float) -> float:
    """A figure ``score`` deviations from its middle; nine draws in ten are from low to high.

    Lognormal on either side of ``value``, half of all draws each.
    """
    end = high if score > 0.0 else low
    return value * (end / value) ** (abs(score) / NINE_TENTHS)


def scaled(value: float, factor: float) -> float:
    """A figure times a factor; counts stay whole."""
    return round(value * factor) if isinstance(value, int) else value * factor


def balanced(lender: Lender, **update: float | None) -> Lender:
    """A lender with some cells changed; funding takes it up, or other loans where that runs out."""
    changed = lender.model_copy(update=update)
    assets = changed.cash_usd_m + changed.book_usd_m + changed.other_loans_usd_m
    funding = assets - changed.capital_usd_m
    other = changed.other_loans_usd_m - min(funding, 0.0)
    return changed.model_copy(
        update={"funding_usd_m": max(funding, 0.0), "other_loans_usd_m": other}
    )


@dataclass(frozen=True)
class Errors:
    """How far off each uncertain cell of the books is: as given, as a seed draws it, or not at all.

    Scores are standard normal numbers by name; a belief is taken at the probability of its score.
    """

    start: str
    seed: int | None = None  # None: only what scores name errs
    scores: Mapping[str, float] = field(default_factory=dict)

    def score(self, name: str) -> float:
        """How many deviations a cell lies from its mean; 0 where it does not err."""
        if name in self.scores:
            return self.scores[name]
        if self.seed is None:
            return 0.0
        drawn: float = normal(self.seed, Stream.SAMPLING, code_of(name), 0)
        return drawn

    def factor(self, name: str, confidence: str) -> float:
        """What a cell of that confidence is multiplied with for its own error."""
        if self.seed is None and name not in self.scores:
            return 1.0
        return error_factor(confidence, self.score(name))

    def believed(self, belief: Belief) -> float:
        """The value of a belief about the books."""
        if belief.parameter in self.scores:
            return belief.at(STANDARD.cdf(self.scores[belief.parameter]))
        if self.seed is None:
            return belief.central
        return belief.at(place_of(self.seed, belief.parameter))

    def common_factor(self, name: str, confidence: str) -> float:
        """The common error of a column, as it hits a cell of that confidence."""
        belief = cells_believed(self.start).get(name)
        if belief is not None:
            return self.believed(belief)
        return error_factor(confidence, self.scores[name]) if name in self.scores else 1.0

    def both(self, row: Row, table: str, column: str) -> float:
        """What a cell is multiplied with for its own and its column's error; seen ones stay."""
        if CONFIDENCE_SD[row.confidence] == 0.0 or row.is_sure(column):
            return 1.0
        common = self.common_factor(f"books.{table}.{column}", row.confidence)
        return common * self.factor(f"books.{table}.{row.row_name}.{column}", row.confidence)

    def cell(self, row: Row, table: str, column: str, *, sure: bool = False) -> float:
        """A cell with its error; ``sure``: only beliefs move it, whatever its row's confidence."""
        value: float = getattr(row, column)
        own = cells_believed(self.start).get(f"books.{table}.{row.row_name}.{column}")
        if own is not None:
            drawn = self.believed(own)
            return round(drawn) if isinstance(value, int) else drawn
        if row.is_sure(column):
            return value
        if sure:
            common = self.common_factor(f"books.{table}.{column}", row.confidence)
            return scaled(value, common)
        return scaled(value, self.both(row, table, column))

    def row[R: Row](self, row: R, table: str, columns: Collection[str]) -> R:
        """A row with errors of the named columns, and of those that only beliefs move."""
        update = {
            column: self.cell(row, table, column)
            for column in columns
            if getattr(row, column) is not None
        }
        for column in believed_columns(self.start, table):
            if column not in columns and getattr(row, column) is not None:
                update[column] = self.cell(row, table, column, sure=True)
        return row.model_copy(update=update)


@cache
def believed_columns(start: str, table: str) -> tuple[str, ...]:
    """Columns of a table of the books that some belief is about."""
    names = [name.split(".") for name in cells_believed(start)]
    return tuple(dict.fromkeys(parts[-1] for parts in names if parts[1] == table))
