"""Scores of forecasts for few names: AUC, Brier, dates and prices, each with its interval.

Labels are few, so intervals are wide; where a score stands at its limit the bootstrap knows no
error at all, and the score interval and the exact test speak instead.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..look.intervals import NOTHING, RESAMPLES, SEED, Estimate, bootstrap, mean_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
MOST_ORDERINGS = 2_000_000
EDGE = 1e-9


@dataclass(frozen=True)
class Discrimination:
    """How well a score ranks defaulters above the others.

    Attributes:
        score_interval: AUC with Newcombe's interval.
        bootstrap: AUC with the interval of a bootstrap within each group.
        p_value: share of all ways to label the names that rank at least as well.
    """

    score_interval: Estimate
    bootstrap: Estimate
    p_value: float


def auc(score: ArrayLike, defaulted: ArrayLike) -> float:
    """Probability that a defaulter scores above another name; ties count half (Mann-Whitney).

    NaN if one of the groups is empty.
    """
    values, labels = np.asarray(score, np.float64), np.asarray(defaulted, bool)
    bad, good = values[labels], values[~labels]
    if len(bad) == 0 or len(good) == 0:
        return math.nan
    difference = bad[:, None] - good[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def auc_interval(
    value: float, bad: int, good: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Score interval of an AUC (Newcombe 2006, Statistics in Medicine 25, method 5).

    The ends are where the value is z deviations away, with the variance of Hanley and McNeil (1982)
    at that end: never of zero width, also where all names are ranked right.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + confidence / 2.0))
    half = 0.5 * (bad + good) - 1.0

    def beyond(theta: float) -> float:
        spread = 1.0 + half * (1.0 - theta) / (2.0 - theta) + half * theta / (1.0 + theta)
        return (value - theta) ** 2 - z * z * theta * (1.0 - theta) * spread / (bad * good)

    inner = min(max(value, EDGE), 1.0 - EDGE)  # at 0 and 1 themselves the variance vanishes
    low = 0.0 if value <= 0.0 else float(brentq(beyond, 0.0, inner))
    high = 1.0 if value >= 1.0 else float(brentq(beyond, inner, 1.0))
    return low, high


def discrimination(score: ArrayLike, defaulted: ArrayLike) -> Discrimination:
    """AUC of a score, with two intervals and the exact test that it ranks at random."""
    values, labels = np.asarray(score, np.float64), np.asarray(defaulted, bool)
    value = auc(values, labels)
    if math.isnan(value):
        return Discrimination(NOTHING, NOTHING, math.nan)
    low, high = auc_interval(value, int(labels.sum()), int((~labels).sum()))
    drawn = [auc(values[d], labels[d]) for d in _within_groups(labels)]
    tails = np.quantile(drawn, [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0])
    return Discrimination(
        Estimate(value, low, high, "score"),
        Estimate(value, float(tails[0]), float(tails[1]), "bootstrap"),
        orderings_at_least(values, labels),
    )


def orderings_at_least(score: ArrayLike, defaulted: ArrayLike) -> float:
    """Exact one-sided test: share of all choices of as many defaulters with at least that AUC.

    Raises:
        ValueError: too many names to go through all choices.
    """
    values, labels = np.asarray(score, np.float64), np.asarray(defaulted, bool)
    count, bad = len(values), int(labels.sum())
    if math.comb(count, bad) > MOST_ORDERINGS:
        raise ValueError(f"{count} names with {bad} defaults have too many orderings to go through")
    ranks = _ranks(values)
    least = float(ranks[labels].sum())
    sums = [sum(chosen) for chosen in itertools.combinations(ranks.tolist(), bad)]
    return sum(total >= least - 1e-9 for total in sums) / len(sums)


def auc_difference(first: ArrayLike, second: ArrayLike, defaulted: ArrayLike) -> Estimate:
    """AUC of the first score less that of the second, names drawn together within each group."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    labels = np.asarray(defaulted, bool)
    value = auc(a, labels) - auc(b, labels)
    if math.isnan(value):
        return NOTHING
    drawn = [auc(a[d], labels[d]) - auc(b[d], labels[d]) for d in _within_groups(labels)]
    tails = np.quantile(drawn, [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0])
    return Estimate(value, float(tails[0]), float(tails[1]), "paired bootstrap")


def said_of_runs(happened: float, runs: int) -> float:
    """What runs say of an event that happened in some of them: (k + 1/2) / (n + 1).

    Jeffreys' estimate of a probability. Of no run, or all of them, it is no certainty: with another
    run the event may come, or fail to. NaN without a run.
    """
    return (happened + 0.5) / (runs + 1) if runs else math.nan


def brier(probability: ArrayLike, defaulted: ArrayLike) -> Estimate:
    """Mean squared error of probabilities, with the interval of a bootstrap over names."""
    labels = np.asarray(defaulted, np.float64)
    return bootstrap((np.asarray(probability, np.float64) - labels) ** 2, _mean, CONFIDENCE)


def brier_difference(first: ArrayLike, second: ArrayLike, defaulted: ArrayLike) -> Estimate:
    """Brier score of the first less that of the second, name by name; negative: the first wins."""
    labels = np.asarray(defaulted, np.float64)
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return bootstrap((a - labels) ** 2 - (b - labels) ** 2, _mean, CONFIDENCE)


def log_score(probability: ArrayLike, defaulted: ArrayLike, room: float) -> Estimate:
    """Mean of minus the log of what was said of what happened, a bootstrap over names; low is good.

    Args:
        probability: said of each name.
        defaulted: whether it did.
        room: the nearest to 0 and 1 that anything may be said: certainty is more than a number of
            runs can know, and would cost without limit.
    """
    labels = np.asarray(defaulted, bool)
    said = np.clip(np.asarray(probability, np.float64), room, 1.0 - room)
    return bootstrap(-np.log(np.where(labels, said, 1.0 - said)), _mean, CONFIDENCE)


def crps(sample: ArrayLike, known: float) -> float:
    """Continuous ranked probability score of an ensemble, in its unit (Gneiting & Raftery 2007).

    E|X - y| - E|X - X'| / 2: of a single number its error; NaN of nothing.
    """
    values = np.asarray(sample, np.float64)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return math.nan
    apart = np.abs(values[:, None] - values[None, :]).mean()
    return float(np.abs(values - known).mean() - 0.5 * apart)


def odds_share(debt_usd: ArrayLike, liquid_usd: ArrayLike) -> NDArray[np.float64]:
    """Debt over debt and liquid assets: the ratio debt / liquid assets on the scale 0 to 1.

    It ranks as the ratio does and is fitted to nothing. No debt is 0, nothing liquid is 1.
    """
    debt, liquid = np.asarray(debt_usd, np.float64), np.asarray(liquid_usd, np.float64)
    total = debt + liquid
    return np.where(debt > 0.0, debt / np.where(total > 0.0, total, 1.0), 0.0)


def log_errors(expected: Sequence[float], known: Sequence[float]) -> NDArray[np.float64]:
    """log(expected / known), name by name."""
    return np.log(np.asarray(expected, np.float64) / np.asarray(known, np.float64))


def root_mean_square(errors: ArrayLike) -> float:
    """The root of the mean square; NaN of nothing."""
    values = np.asarray(errors, np.float64)
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.nan


def timing(errors_days: ArrayLike) -> tuple[Estimate, Estimate]:
    """Mean error and mean absolute error of dates [days], each with Student's interval over names.

    Positive errors are late.
    """
    values = np.asarray(errors_days, np.float64)
    if len(values) == 0:
        return NOTHING, NOTHING
    size = mean_interval(np.abs(values), CONFIDENCE)
    return mean_interval(values, CONFIDENCE), Estimate(
        size.value, max(size.low, 0.0), size.high, size.method
    )


def concordance(expected: Sequence[float], actual: Sequence[float]) -> tuple[int, int]:
    """Pairs of events in the right order, and pairs that have an order.

    An event never expected (NaN) comes after all others; pairs on the same actual day, or both
    never expected, have no order.
    """
    right = pairs = 0
    ahead = [math.inf if math.isnan(value) else value for value in expected]
    for i, j in itertools.combinations(range(len(ahead)), 2):
        if actual[i] == actual[j] or (math.isinf(ahead[i]) and math.isinf(ahead[j])):
            continue
        pairs += 1
        right += (ahead[i] < ahead[j]) == (actual[i] < actual[j]) and ahead[i] != ahead[j]
    return right, pairs


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing their mean."""
    from scipy.stats import rankdata

    ranks: NDArray[np.float64] = rankdata(values)
    return ranks


def _within_groups(labels: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Places drawn with replacement, as many defaulters and others as there are."""
    bad, good = np.flatnonzero(labels), np.flatnonzero(~labels)
    rng = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        yield np.concatenate([rng.choice(bad, len(bad)), rng.choice(good, len(good))])
