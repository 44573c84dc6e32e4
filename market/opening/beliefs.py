"""What we believe of numbers that nobody publishes: a range, a distribution, and why.

``beliefs.csv`` of a starting point has a row for each setting that is a judgement
(``marks.evidence_weight``), for cells of the books (``books.neoclouds.CRWV.opex_ex_da_usd_m_yr``)
and for the common error of whole columns (``books.leases.usd_m_yr``: a factor around one). What is
drawn for a name depends on the seed and the name alone: neither the order of the table nor other
beliefs, other channels or workers move it.

A setting is drawn where a scenario has its central value. Whoever sets another means it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from ..scenario.scenario import Scenario
from ..state.randomness import Stream, uniform
from .csv_files import Line, read_sheet, require
from .rows import Text

DATA_FOLDER = Path(__file__).resolve().parents[1] / "data"
BOOKS = "books."
"""Prefix of names of cells; all others are settings of a scenario."""
MIDDLE_WITHIN = 0.02  # of the range: so near to its middle must the centre of an even one be


class Belief(Line):
    """A range and a distribution: ``uniform`` and ``log-uniform`` are even from low to high.

    A ``triangular`` one is likeliest at the centre. ``kind`` is what the range rests on.
    """

    row_key: ClassVar[tuple[str, ...]] = ("parameter", "central")

    parameter: Text
    low: float
    central: float
    high: float
    distribution: Literal["uniform", "log-uniform", "triangular"]
    kind: Literal["filings", "market data", "contract", "literature", "judgement"]
    reason: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        log = self.distribution == "log-uniform"
        require("high", self.low < self.high, f"above low, {self.low:g}")
        require("low", not log or self.low > 0.0, "above 0 where the distribution is log-uniform")
        within = f"from low to high, {self.low:g} to {self.high:g}"
        require("central", self.low <= self.central <= self.high, within)
        if self.distribution != "triangular":
            middle = self.at(0.5)
            near = abs(self.place(self.central) - 0.5) <= MIDDLE_WITHIN
            require("central", near, f"near {middle:.4g}, the middle of an even distribution")
        return self

    @property
    def is_cell(self) -> bool:
        """Whether it is of the books, not of a scenario's settings."""
        return self.parameter.startswith(BOOKS)

    @property
    def is_factor(self) -> bool:
        """Whether it is the common error of a column, which multiplies what stands there."""
        return self.is_cell and self.parameter.count(".") == 2

    def at(self, place: float) -> float:
        """The value below which it lies with probability ``place``."""
        low, high, span = self.low, self.high, self.high - self.low
        if self.distribution == "uniform":
            return low + place * span
        if self.distribution == "log-uniform":
            return low * (high / low) ** place
        below = (self.central - low) / span
        if place < below:
            return low + span * math.sqrt(place * below)
        return high - span * math.sqrt((1.0 - place) * (1.0 - below))

    def place(self, value: float) -> float:
        """The probability that it lies below a value of its range."""
        low, span = self.low, self.high - self.low
        if self.distribution == "uniform":
            return (value - low) / span
        if self.distribution == "log-uniform":
            return math.log(value / low) / math.log(self.high / low)
        below, part = (self.central - low) / span, (value - low) / span
        if part < below:
            return part**2 / below
        return 1.0 - (1.0 - part) ** 2 / (1.0 - below) if below < 1.0 else 1.0

    def drawn(self, seed: int) -> float:
        """The value of a run."""
        return self.at(place_of(seed, self.parameter))


def place_of(seed: int, name: str) -> float:
    """Where in its distribution a number lies that is drawn by its name, in (0, 1)."""
    place: float = uniform(seed, Stream.BELIEF, code_of(name), 0)
    return place


@cache
def code_of(name: str) -> int:
    """A whole number for a name, the same always."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest())


@cache
def beliefs_of(start: str) -> tuple[Belief, ...]:
    """The beliefs about a starting point; a synthetic market has those of 2025.

    Raises:
        InputError: for whatever is wrong with the table, in one sentence.
    """
    folder = start if start == "2021" else "2025"
    return read_sheet(DATA_FOLDER / folder, "beliefs", Belief).rows


@cache
def cells_believed(start: str) -> dict[str, Belief]:
    """Beliefs about the books, by name."""
    return {row.parameter: row for row in beliefs_of(start) if row.is_cell}


def beliefs_in(scenario: Scenario) -> tuple[Belief, ...]:
    """Beliefs that a run of a scenario would draw, in the order of the table."""
    return tuple(
        row
        for row in beliefs_of(scenario.opening.start)
        if row.is_cell or scenario.value_of(row.parameter) == row.central
    )


def belief_about(scenario: Scenario, key: str) -> Belief | None:
    """The belief about a setting or cell that holds in a scenario; None if there is none."""
    return next((row for row in beliefs_in(scenario) if row.parameter == key), None)


def believe(scenario: Scenario, seed: int, but: Collection[str] = ()) -> Scenario:
    """The scenario of a run: settings drawn within beliefs, and its books to be sampled.

    Settings named in ``but`` stay. A scenario that does not ask for beliefs stays as it is.
    """
    if not scenario.opening.beliefs:
        return scenario
    values: dict[str, float | bool] = {"opening.beliefs": False, "opening.sample": True}
    for row in beliefs_in(scenario):
        if not row.is_cell and row.parameter not in but:
            value = row.drawn(seed)
            whole = isinstance(scenario.value_of(row.parameter), int)
            values[row.parameter] = round(value) if whole else value
    return scenario.changed(values, "beliefs")
