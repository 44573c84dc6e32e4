"""A question: a claim, the design that tests it, the rule of its verdict, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from . import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from .finding import Finding, Number, Table
    from .study import Study


class Told(NamedTuple):
    """What a stored sweep says: a sentence, tables under it, and all of it for machines."""

    sentence: str
    tables: tuple[Table, ...]
    as_json: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What one module of questions says; all else is the same for all.

    Args:
        name: on the command line.
        claim: as the thesis puts it.
        design: what is run, in a sentence or two.
        rule: of the verdict, in words; ``verdict`` does what it says.
        headline: name of the number of the answer; ``boundary`` is what it is held against.
        without: name of the same number without the largest borrower.
        study: makes the runs and measures.
        verdict: holds, holds where, fails, cannot tell.
        sentence: the answer, with the number and its interval.
        draw: the figure of a finding; its title states the finding.
        rests_on: data and judgements without which the answer would be another.
        would_change: what one would have to see to think otherwise.
        objections: of somebody who does not believe it, and what became of them.
        of_sweep: the same asked of a finished sweep's folder, without new runs.
    """

    name: str
    claim: str
    design: str
    rule: str
    headline: str
    boundary: float
    without: str
    study: Callable[[Study], Finding]
    verdict: Callable[[Finding], str]
    sentence: Callable[[Finding], str]
    draw: Callable[[Finding], Figure]
    rests_on: tuple[str, ...]
    would_change: tuple[str, ...]
    objections: tuple[str, ...] = ()
    minutes: int = 10  # of the full version, on two cores
    of_sweep: Callable[[Path], Told] | None = None

    def number(self, finding: Finding) -> Number:
        """The number of the answer."""
        return finding.numbers[self.headline]

    def confidence(self, finding: Finding) -> str:
        """How far that number is from its boundary."""
        return verdicts.confidence(self.number(finding), self.boundary)

    def as_json(self, finding: Finding) -> dict[str, Any]:
        """What ``firesale experiment --json`` prints."""
        number = self.number(finding)
        ends = {"low": number.low, "high": number.high} if number.has_interval else {}
        return {
            "question": self.name,
            "claim": self.claim,
            "verdict": self.verdict(finding),
            "sentence": self.sentence(finding),
            "value": None if math.isnan(number.value) else number.value,
            **({"low": None, "high": None} | ends),
            "unit": number.unit,
            "runs": finding.runs,
            "quick": finding.quick,
        }
