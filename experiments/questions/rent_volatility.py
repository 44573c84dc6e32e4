"""How much do rents of GPUs move in a year? What is known up to the opening says.

uv run python -m firesale.experiments.questions.rent_volatility

Points lie months apart, so the estimate weighs each change by its time: the mean of
(change - drift x time)^2 / time, over changes less one drift a class. The interval is that of a
normal variance (chi-squared). The setting ``compute.volatility`` is of demand: rents move by
1 / elasticity as much.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import typer

POINTS = Path(__file__).resolve().parent / "gpu_rents.csv"  # confidence as in market/data
AFTER_THE_SHORTAGE = "2024-03"  # before it rents first doubled and then fell by two thirds
SURE = 0.90


class Estimate(NamedTuple):
    """Volatility of log rents, per square root of a year, with its interval."""

    value: float
    low: float
    high: float
    changes: int  # that it rests on, drifts taken off


def years(month: str) -> float:
    """``2024-03`` as a number of years."""
    return int(month[:4]) + (int(month[5:]) - 1) / 12.0


def squared_changes(points: Sequence[tuple[float, float]]) -> list[float]:
    """Squared changes of log rent beyond the drift, a year [points: year, rent]."""
    (first, opened), (last, closed) = points[0], points[-1]
    drift = math.log(closed / opened) / (last - first)
    return [
        (math.log(b / a) - drift * (t - s)) ** 2 / (t - s) for (s, a), (t, b) in pairwise(points)
    ]


def volatility(classes: Sequence[Sequence[tuple[float, float]]]) -> Estimate:
    """The volatility that classes have in common."""
    from scipy.stats import chi2

    squares = [squared_changes(points) for points in classes]
    free = sum(len(one) - 1 for one in squares)
    total = sum(map(sum, squares))
    tail = (1.0 - SURE) / 2.0
    return Estimate(
        math.sqrt(total / free),
        math.sqrt(total / float(chi2.ppf(1.0 - tail, free))),
        math.sqrt(total / float(chi2.ppf(tail, free))),
        free,
    )


def points_of(name: str, since: str = "") -> list[tuple[float, float]]:
    """What is known of a class's rent from a month on."""
    with POINTS.open(newline="", encoding="utf-8") as stream:
        return [
            (years(row["month"]), float(row["rent_usd_gpu_h"]))
            for row in csv.DictReader(stream)
            if row["class"] == name and row["month"] >= since
        ]


def main() -> None:
    """Print the estimates, as volatility of rents and of the demand behind them."""
    from ...market.scenario.scenario import Scenario

    elasticity = Scenario().compute.elasticity
    cases = {
        "H100 since March 2024": [points_of("H100", AFTER_THE_SHORTAGE)],
        "A100 since March 2024": [points_of("A100", AFTER_THE_SHORTAGE)],
        "both since March 2024": [points_of(n, AFTER_THE_SHORTAGE) for n in ("H100", "A100")],
        "both since 2023": [points_of(n) for n in ("H100", "A100")],
    }
    for name, classes in cases.items():
        rent = volatility(classes)
        low, mid, high = (elasticity * x for x in (rent.low, rent.value, rent.high))
        typer.echo(
            f"{name:<22} rents {rent.value:.2f} ({rent.low:.2f} to {rent.high:.2f}), "
            f"demand {mid:.2f} ({low:.2f} to {high:.2f}); {rent.changes} free changes"
        )


if __name__ == "__main__":
    from ..run.border import script

    script(main)
