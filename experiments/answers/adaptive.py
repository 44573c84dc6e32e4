"""Adaptive designs: cells of a phase diagram that are not decided get more draws, others none.

What decides a cell is not what is shown of it. Draws that were added until a mean stood clear of
its boundary leave it too far from there (Whitehead 1986), and a mean over other draws cannot be
held against its neighbours'. So every cell has the first draws, the same in all; tables, figures
and sentences show these alone, and draws beyond them decide cells and nothing else.

A cell is decided by the interval of :func:`look.intervals.skewed_mean_interval` at 1 − 0.05 / n at
each of n looks (Bonferroni). That holds of means of skewed draws only roughly, so nobody looks
before ``FEWEST`` draws, nor early at a cell in which almost all draws are alike: what moves its
mean may not have been seen yet. What bounded draws allow exactly (betting: Waudby-Smith and Ramdas
2024) needs more than seventy without a loss to say of a mean loss that it is below 5 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ..look.intervals import Estimate

ERROR = 0.05  # of deciding a cell wrongly
FEWEST = 24  # draws at the first of several looks
FEWEST_UNLIKE = 5  # draws other than the most frequent one, for a cell to be decided early
ABOVE, BELOW, OPEN = "above", "below", "open"


class Rounds(NamedTuple):
    """How many draws a cell gets: first, then more at a time, never beyond most."""

    first: int
    more: int
    most: int

    @property
    def looks(self) -> int:
        """How often a cell may be looked at."""
        return len(self.sizes())

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
    from ..look.intervals import skewed_mean_interval

    return skewed_mean_interval(values, rounds.confidence)


def side(values: NDArray[np.float64], boundary: float, rounds: Rounds) -> str:
    """Where the mean of a cell lies for sure, by all draws that it has: above, below, or open."""
    one = interval(values, rounds)
    if one.low > boundary:
        return ABOVE
    return BELOW if one.high < boundary else OPEN


def undecided(
    cells: Mapping[str, NDArray[np.float64]], boundary: float, rounds: Rounds
) -> list[str]:
    """Cells that need more draws: those still open, and those in which almost all are alike."""
    return [
        name
        for name, values in cells.items()
        if side(values, boundary, rounds) == OPEN or unlike(values) < FEWEST_UNLIKE
    ]


def unlike(values: NDArray[np.float64]) -> int:
    """How many draws are not the most frequent one."""
    import numpy as np

    return len(values) - int(np.unique(values, return_counts=True)[1].max(initial=0))


def saved(made: Mapping[str, int], rounds: Rounds) -> int:
    """Draws that a plain grid of as many in each cell would have made besides."""
    return sum(rounds.most - count for count in made.values())
