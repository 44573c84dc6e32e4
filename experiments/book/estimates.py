"""What runs say of the loans of a book: pure functions of arrays with one row per run.

Break-even spreads, loss given default and fair odds are those of ``experiments.pricing``; intervals
are those of ``experiments.sweeps.intervals``; only names and shapes of a book are added. PD is the
share of runs in which a loan of the tape defaults; there, of groups of loans, it is by hazards over
survivors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..look.intervals import (
    Estimate,
    bootstrap,
    exact_interval,
    expected_shortfall,
    mean_interval,
)
from ..pricing import estimators as pure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .runs import Outcome

Reals = NDArray[np.float64]
TAIL, BP = pure.TAIL, pure.BP
loss_given_default = pure.loss_given_default
YEAR = 365


@dataclass(frozen=True)
class Draws:
    """All runs of one scenario: arrays [run, loan]."""

    default_day: NDArray[np.int64]
    claim: Reals
    loss: Reals
    loss_year: Reals
    plain_loss: Reals
    years: Reals
    settle_days: Reals
    cause: NDArray[np.int64]
    breach_day: NDArray[np.int64]  # [run, loan, coins · machines · DSCR]

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.loss)

    @property
    def total_loss(self) -> Reals:
        """Of the whole book, by run [USD]."""
        return np.asarray(self.loss.sum(axis=1))


def draws_of(outcomes: Sequence[Outcome]) -> Draws:
    """Runs as arrays."""
    seen = [outcome.seen for outcome in outcomes]
    return Draws(
        np.stack([one.default_day for one in seen]),
        np.stack([one.claim_usd for one in seen]),
        np.stack([one.loss_usd for one in seen]),
        np.stack([one.loss_year_usd for one in seen]),
        np.stack([one.plain_loss_usd for one in seen]),
        np.stack([one.balance_years_usd for one in seen]),
        np.stack([one.settle_days for one in seen]),
        np.stack([one.cause for one in seen]),
        np.stack([one.breach_day for one in seen]),
    )


def default_probability(default_day: NDArray[np.int64], by_day: int) -> Estimate:
    """Share of runs in which a loan has defaulted by a day, with the exact interval."""
    hits, runs = int(((default_day >= 0) & (default_day <= by_day)).sum()), len(default_day)
    low, high = exact_interval(np.array([hits]), np.array([runs]), 0.95)
    return Estimate(hits / runs, float(low[0]), float(high[0]), "exact")


def expected(loss: Reals) -> Estimate:
    """Mean with its interval; nothing is lost at least."""
    found = mean_interval(loss)
    return Estimate(found.value, max(found.low, min(0.0, found.value)), found.high, found.method)


def break_even(loss: Reals, years: Reals) -> Estimate:
    """Spread at which interest above funding pays for the losses; decimals a year."""
    value = pure.break_even(loss, years)
    if math.isnan(value):
        return Estimate(math.nan, math.nan, math.nan, "no balance")
    found = pure.ratio_interval(loss, years)
    return Estimate(value, found.low, found.high, "as in prices")


def shortfall(loss: Reals) -> Estimate:
    """Mean loss in the worst hundredth of runs, by bootstrap."""
    value = expected_shortfall(loss, TAIL)
    if len(loss) < 2:
        return Estimate(value, -math.inf, math.inf, "one value")
    found = bootstrap(loss, lambda v: expected_shortfall(v, TAIL), 0.95)
    return Estimate(value, found.low, found.high, found.method)


def fair_probability(contract: float, calm: Draws, crash: Draws) -> float:
    """Probability of a crash at which the break-even spread is the contract's."""
    sides = (
        (float(draws.total_loss.mean()), float(draws.years.sum(axis=1).mean()))
        for draws in (calm, crash)
    )
    return pure.fair_probability(contract, *sides)
