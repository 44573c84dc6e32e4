"""Which assumption moves the loss of a book most: pulled one at a time, or read off the draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..look.intervals import mean_interval
from .table import Col, Table, range_of

if TYPE_CHECKING:
    from .runs import Outcome
    from .swings import Swing

MOST_ROWS = 12
SHUFFLES = 400


def swings_table(
    found: Sequence[tuple[Swing, Sequence[Outcome], Sequence[Outcome]]], base_usd: float
) -> Table:
    """Loss of the book at the low and the high side of each assumption, on the same draws."""
    rows = []
    for swing, low, high in found:
        below = np.array([one.seen.loss_usd.sum() for one in low])
        above = np.array([one.seen.loss_usd.sum() for one in high])
        change = mean_interval(above - below)
        sides = (
            f"× {swing.low:g} to × {swing.high:g}"
            if swing.times
            else f"{swing.low:+g} to {swing.high:+g}"
        )
        rows.append(
            (swing.name, sides, float(below.mean()), float(above.mean()), change.value,
             range_of(change.low, change.high, "money"),
             change.value / base_usd if base_usd else None)
        )  # fmt: skip
    rows.sort(key=lambda row: -abs(float(row[4] or 0.0)))
    columns = (
        Col("assumption"), Col("from low to high"), Col("loss at low", "money"),
        Col("loss at high", "money"), Col("change", "money"), Col("change, 95 %"),
        Col("of expected loss", "share"),
    )  # fmt: skip
    text = (
        "Each assumption at its low and its high side, all else as drawn, on the same seeds: what "
        "that does to the expected loss of the book. The largest first. Where the interval spans "
        "zero the runs cannot tell."
    )
    return Table("assumptions", "Which assumption moves it most", text, columns, tuple(rows))


def draws_table(outcomes: Sequence[Outcome]) -> Table:
    """Judgements whose draws go with the loss of the book, by rank correlation.

    A correlation counts if it is beyond the largest of all that chance alone would bring in
    nineteen of twenty shuffles.
    """
    from scipy.stats import rankdata

    loss = rankdata([one.seen.loss_usd.sum() for one in outcomes])
    names = list(outcomes[0].drawn)
    drawn = np.array([[one.drawn[name] for name in names] for one in outcomes], float)
    drawn = np.column_stack(
        (drawn, [one.btc_end for one in outcomes], [one.rent_end for one in outcomes])
    )
    names += ["bitcoin at the end (path)", "rent of an H100 at the end (path)"]
    ranks = np.apply_along_axis(rankdata, 0, drawn)
    found = _correlations(ranks, loss)
    generator = np.random.default_rng(1)
    chance = [
        np.nanmax(np.abs(_correlations(ranks, generator.permutation(loss))))
        for _ in range(SHUFFLES)
    ]
    least = float(np.quantile(chance, 0.95))
    order = np.argsort(-np.abs(np.nan_to_num(found)))[:MOST_ROWS]
    rows = tuple(
        (
            names[k],
            float(found[k]),
            "more loss" if found[k] > 0 else "less loss",
            "yes" if abs(found[k]) > least else "cannot tell",
        )
        for k in order
    )
    columns = (
        Col("judgement"), Col("rank correlation", "number"), Col("a higher value goes with"),
        Col("beyond chance"),
    )  # fmt: skip
    text = (
        f"Rank correlation of what each of {len(outcomes)} runs drew with the loss of the book. "
        f"Among {len(names)} of them the largest is up to {least:.2f} by chance alone; only what "
        "is beyond is more than luck. firesale scenarios show says what each is; without --quick "
        "assumptions are pulled one at a time instead."
    )
    return Table("draws", "What goes with the loss", text, columns, rows)


def _correlations(ranks: np.ndarray, loss: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean(axis=0)
    other = loss - loss.mean()
    below = np.sqrt((centred**2).sum(axis=0) * (other**2).sum())
    top = centred.T @ other
    return np.divide(top, below, out=np.full(len(top), np.nan), where=below > 0.0)
