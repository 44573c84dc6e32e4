"""Rules nobody has published are drawn too: each run has its own, within ranges set beforehand.

The table ``ranges.csv`` says which and why. A seed draws the same rules under every arm.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent / "ranges.csv"
STREAM = 2022  # apart from every stream of the market


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of a rule, and whether it is drawn on the scale of its logarithm.

    Its middle is the value of the scenario, so that the ensemble stays centred on it.
    """

    low: float
    high: float
    log: bool

    def at(self, place: float) -> float:
        """The value at a place from 0 to 1."""
        if self.log:
            return self.low * (self.high / self.low) ** place
        return self.low + place * (self.high - self.low)


@cache
def ranges() -> dict[str, Range]:
    """Ranges by scenario key."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["parameter"]: Range(float(row["low"]), float(row["high"]), row["scale"] == "log")
            for row in csv.DictReader(file)
        }


def drawn_rules(seed: int) -> tuple[str, ...]:
    """Settings of a run: every rule evenly within its range; the same seed gives the same ones."""
    found = ranges()
    places = np.random.default_rng([STREAM, seed]).random(len(found))
    return tuple(
        f"{key}={_value(key, range_.at(place))}"
        for place, (key, range_) in zip(places.tolist(), found.items(), strict=True)
    )


def _value(key: str, value: float) -> str:
    return str(round(value)) if _is_whole(key) else f"{value:.6g}"


def _is_whole(key: str) -> bool:
    """Whether a scenario's key takes whole numbers only."""
    from ...market.scenario.scenario import Scenario

    section, _, leaf = key.partition(".")
    kind = Scenario.model_fields[section].annotation
    return kind is not None and kind.model_fields[leaf].annotation is int
