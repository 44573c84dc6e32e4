"""Rules nobody has published are drawn too: each run has its own, within ranges set beforehand.

The table ``ranges.csv`` says which and why. A seed draws the same rules under every arm.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent / "ranges.csv"
STREAM = 2022  # apart from every stream of the market


@cache
def ranges() -> dict[str, tuple[float, float]]:
    """Lowest and highest value by scenario key; whole numbers where the key asks for them."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["parameter"]: (float(row["low"]), float(row["high"]))
            for row in csv.DictReader(file)
        }


def drawn_rules(seed: int) -> tuple[str, ...]:
    """Settings of a run: every rule uniform within its range; the same seed gives the same ones."""
    found = ranges()
    places = np.random.default_rng([STREAM, seed]).random(len(found))
    return tuple(
        f"{key}={_value(key, low + place * (high - low))}"
        for place, (key, (low, high)) in zip(places.tolist(), found.items(), strict=True)
    )


def _value(key: str, value: float) -> str:
    return str(round(value)) if _is_whole(key) else f"{value:.6g}"


def _is_whole(key: str) -> bool:
    """Whether a scenario's key takes whole numbers only."""
    from market.scenario import Scenario

    section, _, leaf = key.partition(".")
    kind = Scenario.model_fields[section].annotation
    return kind is not None and kind.model_fields[leaf].annotation is int
