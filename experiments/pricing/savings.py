"""What ways to reduce variance pay on the runs of a grid themselves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .estimators import Reals, controlled, grouped, sum_error
from .panel import Panel


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


def savings(panel: Panel, largest: str) -> list[Saving]:
    """Strata and the control of the operating hazard: losses on all loans and on some."""
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
    return found


def _cell_means(panel: Panel, values: Reals) -> Reals:
    strata = panel.strata
    return np.asarray((np.bincount(strata, values) / np.bincount(strata))[strata])


def _variance(panel: Panel, values: Reals) -> float:
    """Of the weighted mean."""
    groups = grouped(len(values), panel.strata)
    return float(sum_error(panel.weighed(values)[None, :], groups).variance[0])
