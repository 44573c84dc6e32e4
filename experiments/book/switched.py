"""Covenants by counterfactual: the book's runs again without them, on the same seeds and draws.

A kind of covenant is taken out of all loans of the book at once. What differs between the two runs
of a seed is what the covenant did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..look.intervals import Estimate, paired_difference
from .table import Col, Table, range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .runs import Outcome

MOST_RUNS, SHARE_OF_RUNS = 40, 4  # of each kind: a quarter of the memo's runs, at most 40
SKIPPED = (
    "Not in a --quick memo: what each covenant does (the book's runs again without it) takes as "
    "many runs again; leave --quick out."
)


class Switched(NamedTuple):
    """Runs of the book with one kind of covenant and without it, seed by seed."""

    kind: str
    with_it: tuple[Outcome, ...]
    without_it: tuple[Outcome, ...]


def seeds_of(runs: int) -> int:
    """How many seeds each kind gets in a memo of so many runs."""
    return min(MOST_RUNS, max(2, runs // SHARE_OF_RUNS))


def effects(one: Switched) -> tuple[Estimate, Estimate]:
    """What a covenant adds to the book's loss [USD] and to its defaults, with intervals."""

    def of(side: Sequence[Outcome]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        loss = [float(run.seen.loss_usd.sum()) for run in side]
        fails = [float((run.seen.default_day >= 0).sum()) for run in side]
        return np.array(loss), np.array(fails)

    (bare, bare_fails), (loss, fails) = of(one.without_it), of(one.with_it)
    return paired_difference(bare, loss), paired_difference(bare_fails, fails)


def switched_table(found: Sequence[Switched], loans: dict[str, int], *, quick: bool) -> Table:
    """What each kind of covenant does to loss and default of the book.

    ``loans``: how many have it, by kind.
    """
    title = "What covenants do"
    if not found:
        return Table("switched", title, SKIPPED if quick else "No loan of the book has any.")
    rows = []
    for one in found:
        loss, fails = effects(one)
        without = float(np.mean([run.seen.loss_usd.sum() for run in one.without_it]))
        rows.append(
            (one.kind, loans[one.kind], without, loss.value,
             range_of(loss.low, loss.high, "money"), fails.value,
             range_of(fails.low, fails.high, "number"), _verdict(loss))
        )  # fmt: skip
    columns = (
        Col("covenant"), Col("loans that have it", "number"), Col("loss without it", "money"),
        Col("it adds to the loss", "money"), Col("added loss, 95 %"),
        Col("it adds to defaults", "number"), Col("added defaults, 95 %"), Col("so it"),
    )  # fmt: skip
    text = (
        f"The first {len(found[0].with_it)} runs of the book again without a kind of covenant, on "
        "the same seeds: what the covenant adds to loss and to loans in default, all loans that "
        "have it together. Less than zero: it saves. Covenants of other lenders stay. A test of "
        "coverage that is taken out takes its sweep of cash along."
    )
    return Table("switched", title, text, columns, tuple(rows))


def _verdict(loss: Estimate) -> str:
    if loss.low > 0.0:
        return "costs"
    if loss.high < 0.0:
        return "saves"
    return "does nothing" if loss.low == loss.high == 0.0 else "cannot tell"
