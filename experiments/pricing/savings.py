"""What ways to reduce variance pay on the runs of a grid themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from ...market.state.randomness import Stream, normals
from .estimators import Reals, controlled, grouped, sum_error
from .panel import Panel

STREAMS = (Stream.BTC_NOISE, Stream.DEMAND_NOISE, Stream.MACRO)
COORDINATES = 4
LEAST_RUNS = 2  # that show a deviation


class Saving(NamedTuple):
    """What a way pays on one quantity; none takes time."""

    way: str
    what: str
    mean_before: float
    mean_after: float
    before: float  # variance of the mean, of as many runs
    after: float

    @property
    def gain(self) -> float:
        """Variance times time before, over the same after: above one it pays."""
        return self.before / self.after if self.after > 0.0 else float("nan")


def savings(panel: Panel, largest: str, seeds: Sequence[int], days: int) -> list[Saving]:
    """Strata and controls: losses on all loans and on some.

    ``seeds`` of the runs of the panel, each of so many ``days``.
    """
    paths = path_controls(seeds, days)
    found = []
    book = panel.loans
    named = (book["firm"] == book["borrower"]).to_numpy()
    for what, mask in (
        ("all loans", np.ones(len(book), bool)),
        (f"loans to {largest}", (book["borrower"] == largest).to_numpy()),
        ("loans to named miners", named & (book["kind"] == "miner").to_numpy()),
    ):
        loss = panel.scalars["loss_usd"][:, mask].sum(axis=1)
        hazard = panel.scalars["hazard_usd"][:, mask].sum(axis=1)
        whole, by_cell = float(panel.weight @ loss), _variance(panel, loss)
        if len(np.unique(panel.strata)) > 1:
            spread = float(panel.weight @ (loss - whole) ** 2)
            drawn = spread / int((panel.weight > 0.0).sum())
            way = "runs of each cell by its weight, not cells drawn"
            found.append(Saving(way, what, whole, whole, drawn, by_cell))
        _, slope = controlled(loss - _cell_means(panel, loss), hazard)
        cleaned = loss - slope * hazard
        found.append(
            Saving("operating hazard taken out", what, whole, float(panel.weight @ cleaned),
                   by_cell, _variance(panel, cleaned))
        )  # fmt: skip
        if len(loss) > 2 * paths.shape[1]:
            found.append(_without(panel, what, loss, paths))
    return found


def mean_over(panel: Panel, cells: Sequence[str]) -> tuple[float, float]:
    """Mean loss on all loans over some cells by weight, and its standard error [USD].

    NaN if a cell has fewer than two runs.
    """
    loss = panel.scalars["loss_usd"].sum(axis=1)
    parts = [(panel.cell == cell) for cell in cells]
    if min(int(part.sum()) for part in parts) < LEAST_RUNS:
        return float("nan"), float("nan")
    weight = np.array([float(panel.weight[part].sum()) for part in parts])
    weight /= weight.sum()
    means = np.array([float(loss[part].mean()) for part in parts])
    errors = np.array([float(loss[part].var(ddof=1)) / int(part.sum()) for part in parts])
    return float(weight @ means), float(np.sqrt(weight**2 @ errors))


def path_controls(seeds: Sequence[int], days: int) -> Reals:
    """First coordinates of the paths of bitcoin, demand and money, shape (runs, streams · 4).

    Standard normal numbers, so that their means are known.
    """
    along = bridge(days).T
    return np.array(
        [np.concatenate([along @ normals(seed, one, days) for one in STREAMS]) for seed in seeds]
    )


def share_of(panel: Panel, cell: str) -> float:
    """Part of a cell in the variance of the mean loss on all loans; NaN where none can be seen."""
    loss = panel.scalars["loss_usd"].sum(axis=1)
    parts = {
        name: float((panel.weight[its] ** 2).sum() * loss[its].var(ddof=1))
        for name in np.unique(panel.cell.astype(str))
        if (its := panel.cell == name).sum() >= LEAST_RUNS
    }
    whole = sum(parts.values())
    return parts[cell] / whole if cell in parts and whole > 0.0 else float("nan")


@cache
def bridge(days: int) -> Reals:
    """Orthonormal directions of a path's daily shocks, shape (days, 4).

    Along the first lies where their sum ends; along the others, how far it is off the straight line
    half-way and at both quarters, as a Brownian bridge has it (Caflisch and Moskowitz 1995).
    """
    day = (np.arange(days) + 0.5) / days
    half, quarter = np.where(day < 0.5, 1.0, -1.0), np.where((4.0 * day) % 2.0 < 1.0, 1.0, -1.0)
    early = day < 0.5
    steps = [np.ones(days), half, np.where(early, quarter, 0.0), np.where(early, 0.0, quarter)]
    found, signs = np.linalg.qr(np.stack(steps, axis=1))
    return np.asarray(found * np.sign(np.diag(signs)))


def _without(panel: Panel, what: str, loss: Reals, controls: Reals) -> Saving:
    """Losses less what is linear in controls of mean zero; degrees spent on slopes are counted."""
    weight = panel.weight
    counted = weight > 0.0
    root = np.sqrt(weight[counted])
    off = (loss - _cell_means(panel, loss))[counted]
    slopes = np.linalg.lstsq(root[:, None] * controls[counted], root * off, rcond=None)[0]
    cleaned = loss - controls @ slopes
    spent = int(counted.sum()) / (int(counted.sum()) - len(slopes))
    return Saving(
        "first coordinates of the paths taken out",
        what,
        float(weight @ loss),
        float(weight @ cleaned),
        _variance(panel, loss),
        spent * _variance(panel, cleaned),
    )


def _cell_means(panel: Panel, values: Reals) -> Reals:
    strata = panel.strata
    return np.asarray((np.bincount(strata, values) / np.bincount(strata))[strata])


def _variance(panel: Panel, values: Reals) -> float:
    """Of the weighted mean."""
    groups = grouped(len(values), panel.strata)
    return float(sum_error(panel.weighed(values)[None, :], groups).variance[0])
