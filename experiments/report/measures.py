"""How a sweep's metrics are named and written: as the report of a run does, dollars as dollars."""

from __future__ import annotations

import math
from functools import cache

from ...market.record.meanings import meaning_of
from ..look import words
from ..look.intervals import amount
from .explain import name_of_entry


@cache
def named(metric: str) -> str:
    """A metric by the name that reports of runs give it; its key where they have none.

    Example:
        ``named("loss_usd.total")`` is ``"lenders' loss on loans"``.
    """
    name = name_of_entry(metric)
    if not name:
        return metric
    return name if name[1:2].isupper() else name[0].lower() + name[1:]


@cache
def in_usd(metric: str) -> bool:
    """Whether a metric is counted in dollars."""
    try:
        return meaning_of(metric).unit == "USD"
    except KeyError:
        return False


def written(metric: str, value: float) -> str:
    """A value of a metric: ``$1.23bn`` of dollars, else a bare number; ``unknown`` without one."""
    return words.money(value) if in_usd(metric) and math.isfinite(value) else amount(value)


def interval(low: str, high: str) -> str:
    """The ends of an interval as :func:`written` gives them; ``open`` is an end without bound."""
    if low == high == "open":
        return "without bounds"
    if high == "open":
        return f"{low} or more"
    return f"{high} or less" if low == "open" else f"{low} to {high}"


def percent(share: float) -> str:
    """A share of runs, with one decimal."""
    return words.percent(share, 1)


def points(share: float) -> str:
    """A change of a share, in points of a per cent with their sign."""
    return f"{100 * share + 0.0:+.1f}".replace("-", "−")
