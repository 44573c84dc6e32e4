"""Rules that turn numbers into verdicts: of one number against a boundary, and over a region."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .adaptive import ABOVE, BELOW
from .finding import Number

HOLDS, WHERE, FAILS, UNKNOWN = "holds", "holds where", "fails", "cannot tell"
FIRM, FAIR, OPEN = "firm", "fair", "open"


def above(number: Number, boundary: float = 0.0) -> str:
    """Holds if the whole interval lies above the boundary, fails if it lies below."""
    if number.low > boundary:
        return HOLDS
    return FAILS if number.high < boundary else UNKNOWN


def below(number: Number, boundary: float = 0.0) -> str:
    """Holds if the whole interval lies below the boundary, fails if it lies above."""
    return opposite(above(number, boundary))


def decided(side: str) -> str:
    """Of a cell of an adaptive design: holds if it was decided to lie above its boundary."""
    return {ABOVE: HOLDS, BELOW: FAILS}.get(side, UNKNOWN)


def opposite(verdict: str) -> str:
    """The verdict on the contrary."""
    return {HOLDS: FAILS, FAILS: HOLDS}.get(verdict, verdict)


def over(verdicts: Iterable[str]) -> str:
    """The verdict over a region: that of all cells, or *holds where* some hold and some do not.

    Cells that cannot tell do not make a region fail, but none is left out for the verdict to hold.
    """
    found = set(verdicts)
    if HOLDS in found:
        return HOLDS if found == {HOLDS} else WHERE
    return FAILS if found == {FAILS} else UNKNOWN


def both(*verdicts: str) -> str:
    """The verdict on a claim of several parts, each of which it needs."""
    found = set(verdicts)
    if FAILS in found:
        return FAILS
    if UNKNOWN in found:
        return UNKNOWN
    return WHERE if WHERE in found else HOLDS


def confidence(number: Number, boundary: float) -> str:
    """How far an interval is from its boundary: firm by its own width or more, fair, or open."""
    if not (math.isfinite(number.low) and math.isfinite(number.high)):
        return OPEN
    apart = max(number.low - boundary, boundary - number.high)
    if apart <= 0.0:
        return OPEN
    return FIRM if apart >= number.high - number.low else FAIR
