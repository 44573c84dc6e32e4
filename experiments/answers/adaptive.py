"""Adaptive designs: cells of a phase diagram that are not decided get more draws, others none.

A cell is looked at after every round. That an interval is looked at several times is paid for by
its width: at ``n`` looks it is one of 1 − 0.05 / n (Bonferroni), so that a cell is decided wrongly
in one of twenty, whichever look decides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ..look.intervals import Estimate

ERROR = 0.05  # of deciding a cell wrongly


class Rounds(NamedTuple):
    """How many draws a cell gets: first, then more at a time, never beyond most."""

    first: int
    more: int
    most: int

    @property
    def looks(self) -> int:
        """How often a cell may be looked at."""
        return 1 + max(0, -(-(self.most - self.first) // self.more))

    @property
    def confidence(self) -> float:
        """Of the interval at each look."""
        return 1.0 - ERROR / self.looks

    def sizes(self) -> list[int]:
        """Draws of each round; they add up to most."""
        sizes, left = [self.first], self.most - self.first
        while left > 0:
            sizes.append(min(self.more, left))
            left -= sizes[-1]
        return sizes


def interval(values: NDArray[np.float64], rounds: Rounds) -> Estimate:
    """Mean of a cell's draws, with the interval at which it is decided."""
    from ..look.intervals import mean_interval

    return mean_interval(values, rounds.confidence)


def undecided(
    cells: Mapping[str, NDArray[np.float64]], boundary: float, rounds: Rounds
) -> list[str]:
    """Cells whose interval contains the boundary; one without any spread is decided."""
    found = []
    for name, values in cells.items():
        one = interval(values, rounds)
        if one.low <= boundary <= one.high and one.width > 0.0:
            found.append(name)
    return found


def saved(made: Mapping[str, int], rounds: Rounds) -> int:
    """Draws that a plain grid of as many in each cell would have made besides."""
    return sum(rounds.most - count for count in made.values())
