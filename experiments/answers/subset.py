"""Subset simulation: the probability of a rare event as a product of ones that are not rare.

Au and Beck (2001, Probabilistic Engineering Mechanics 16). Standard normal coordinates move by
conditional sampling (Papaioannou et al. 2015), ``u' = r u + sqrt(1 - r^2) z``, which keeps their
distribution; all other luck of a run is drawn anew with each move, as a coordinate of its own.
A move is taken if it stays above the level. What it is applied to is no concern of this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Points = NDArray[np.float64]
type Evaluate = Callable[[Points, int], NDArray[np.float64]]
"""Points [point, coordinate] and the number of the step, to outputs [point, output]."""


class Level(NamedTuple):
    """Samples of what lies above a level, and how likely that is."""

    above: float
    probability: float
    points: Points  # [sample, coordinate]
    outputs: NDArray[np.float64]  # [sample, output]; the first decides the level


class Settings(NamedTuple):
    """How many samples a level has, how many levels at most, the share that goes on, and moves."""

    samples: int
    levels: int = 7  # beside the first; 0.2 to the seventh is one in 78,000
    share: float = 0.2
    keep: float = 0.8  # r: what a move keeps of a coordinate

    @property
    def seeds(self) -> int:
        """Chains of a level."""
        return max(1, round(self.samples * self.share))

    @property
    def steps(self) -> int:
        """Moves of each chain."""
        return math.ceil(self.samples / self.seeds) - 1


def subsets(
    evaluate: Evaluate, coordinates: int, last: float, settings: Settings, seed: int
) -> list[Level]:
    """Levels up to the one in which enough samples lie above ``last``, at most as many as set.

    Args:
        evaluate: what a point comes to; many at once.
        coordinates: of a point.
        last: the level that is asked for.
        settings: of the method.
        seed: of moves; the same gives the same points.
    """
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((settings.samples, coordinates))
    outputs = evaluate(points, 0)
    levels = [Level(-math.inf, 1.0, points, outputs)]
    step = 1
    while len(levels) <= settings.levels:
        now = levels[-1]
        reached = float(np.mean(now.outputs[:, 0] > last))
        if reached >= settings.share:
            return levels
        order = np.argsort(-now.outputs[:, 0], kind="stable")[: settings.seeds]
        above = min(float(now.outputs[order[-1], 0]), last)
        if above <= now.above:  # nothing lies higher: the level cannot rise
            return levels
        share = float(np.mean(now.outputs[:, 0] >= above))
        at, told = now.points[order], now.outputs[order]
        all_points, all_outputs = [at], [told]
        for _ in range(settings.steps):
            moved = settings.keep * at + math.sqrt(1.0 - settings.keep**2) * rng.standard_normal(
                at.shape
            )
            found = evaluate(moved, step)
            step += 1
            taken = found[:, 0] >= above
            at = np.where(taken[:, None], moved, at)
            told = np.where(taken[:, None], found, told)
            all_points.append(at)
            all_outputs.append(told)
        levels.append(
            Level(
                above, now.probability * share, np.concatenate(all_points),
                np.concatenate(all_outputs),
            )
        )  # fmt: skip
    return levels


def probability_above(levels: list[Level], threshold: float, output: int = 0) -> float:
    """How likely an output lies above a threshold.

    Another output than the first must never be above it: then what is above in it is above in the
    first, and the highest level below the threshold holds all of that.
    """
    level = level_of(levels, threshold)
    return level.probability * float(np.mean(level.outputs[:, output] > threshold))


def bound_above(levels: list[Level], threshold: float, samples: int) -> float:
    """The 97.5 % bound of a chance of which none of so many samples was a case."""
    from ..look.intervals import exact_interval

    return level_of(levels, threshold).probability * float(exact_interval(0, samples)[1])


def level_of(levels: list[Level], threshold: float) -> Level:
    """The highest level that a threshold is not below."""
    return [level for level in levels if level.above <= threshold][-1]


def breaches(levels: list[Level], threshold: float) -> tuple[Points, NDArray[np.float64]]:
    """Points and outputs above a threshold, from the highest level that holds all of those."""
    level = level_of(levels, threshold)
    hit = level.outputs[:, 0] > threshold
    return level.points[hit], level.outputs[hit]
