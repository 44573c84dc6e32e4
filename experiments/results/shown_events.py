"""Which events of a very long log a page shows: the latest, and the trees that matter most.

A log of millions of rows takes minutes to turn into names and trees, and nobody could read it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...market.state.events import Event

MOST_EVENTS = 60_000
FAILURES = (Event.DEFAULT, Event.PERIMETER_DEFAULT, Event.LENDER_FAILED)

Rows = NDArray[np.int64]


def rows_to_show(log: np.ndarray, most: int = MOST_EVENTS) -> Rows:
    """Rows of a event log, ascending: all of a short one, about ``most`` of a long one.

    Half are whole days, the latest; half are whole trees, those in which most fail first.
    """
    if len(log) <= most:
        return np.arange(len(log))
    first = len(log) - most // 2
    latest = int(np.searchsorted(log["day"], log["day"][first], side="right"))
    latest = min(latest, int(np.searchsorted(log["day"], log["day"][-1])))
    shown = np.zeros(len(log), np.bool_)
    shown[latest:] = True
    shown[_in_largest_trees(log, most // 2)] = True
    shown[log["kind"] == Event.SHOCK] = True
    return np.flatnonzero(shown)


def roots(log: np.ndarray) -> Rows:
    """The first event of each event's tree; trees that hang from a scripted shock stand alone."""
    parent = log["parent"].astype(np.int64)
    shock = log["kind"] == Event.SHOCK
    parent[(parent >= 0) & shock[parent]] = -1
    root = np.where(parent >= 0, parent, np.arange(len(log)))
    while True:
        above = root[root]
        if np.array_equal(above, root):
            return root
        root = above


def _in_largest_trees(log: np.ndarray, most: int) -> NDArray[np.bool_]:
    """Events of the trees with most failures, then of largest amounts; about ``most`` of them."""
    root = roots(log)
    failed = np.bincount(root, np.isin(log["kind"], FAILURES), len(log))
    usd = np.bincount(root, log["amount_usd"], len(log))
    events = np.bincount(root, minlength=len(log))
    trees = np.flatnonzero(events)
    trees = trees[np.lexsort((-usd[trees], -failed[trees]))]
    before = np.cumsum(events[trees]) - events[trees]
    chosen = np.zeros(len(log), np.bool_)
    chosen[trees[before + events[trees] <= most]] = True
    chosen[trees[:1]] = True
    return np.asarray(chosen[root])
