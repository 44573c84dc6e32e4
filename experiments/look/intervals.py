"""Estimates with intervals: shares, tails, differences of pairs. Plain statistics, no market here.

Runs at one point of a design are independent; runs that share a point sampled at random are not,
and come in groups. Every function says which it takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESAMPLES, FEWEST_RESAMPLES = 2000, 200
SEED = 20_25  # of the bootstrap: the same data give the same interval


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, and how that was found; NaN where there is none."""

    value: float
    low: float
    high: float
    method: str = ""

    @property
    def width(self) -> float:
        """From low to high."""
        return self.high - self.low

    def columns(self, name: str) -> dict[str, float | str]:
        """As columns of a table: value, ends and method."""
        ends = {f"{name}_low": self.low, f"{name}_high": self.high}
        return {name: self.value, **ends, f"{name}_method": self.method}


NOTHING = Estimate(math.nan, math.nan, math.nan, "no data")


def amount(value: float) -> str:
    """A number for sentences: 1.23bn, 45.6m, 0.123; open ends as a word."""
    if not np.isfinite(value):
        return "open" if np.isinf(value) else "unknown"
    for size, suffix in ((1e9, "bn"), (1e6, "m")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def exact_interval(
    hits: ArrayLike, runs: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact two-sided interval of a share (Clopper and Pearson 1934).

    For runs of unequal probabilities it covers their mean at least as often (Hoeffding 1956).

    Args:
        hits: how often it happened, any shape.
        runs: out of so many independent runs, the same shape; 0 gives the interval from 0 to 1.
        confidence: of the interval.
    """
    from scipy.stats import beta

    k, n = np.broadcast_arrays(np.asarray(hits, float), np.asarray(runs, float))
    tail = (1.0 - confidence) / 2.0
    low = np.where(k > 0, beta.ppf(tail, np.maximum(k, 1e-9), n - k + 1.0), 0.0)
    high = np.where(k < n, beta.ppf(1.0 - tail, k + 1.0, np.maximum(n - k, 1e-9)), 1.0)
    return low, high


def share(
    hit: NDArray[np.bool_],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
    log_weight: NDArray[np.float64] | None = None,
) -> Estimate:
    """Share of runs in which something happened.

    Without groups and weights the interval is exact. Groups of runs that belong together give a
    Student interval over the groups' means, or an exact one that counts groups where all agree.
    Weighted runs give the self-normalised estimate with its delta-method interval, or the exact
    one of as many runs as they are worth where all agree.
    """
    if len(hit) == 0:
        return NOTHING
    if log_weight is not None and np.ptp(log_weight) > 0.0:
        mean = weighted_mean(hit.astype(float), log_weight, confidence, groups)
        if np.all(hit == hit[0]):  # they vary by nothing, which says only how many they are worth
            worth = effective_size(log_weight, groups)
            low, high = exact_interval(worth * float(hit[0]), worth, confidence)
            return Estimate(float(hit[0]), float(low), float(high), f"exact, {mean.method}")
        return Estimate(mean.value, max(mean.low, 0.0), min(mean.high, 1.0), mean.method)
    if groups is None or len(np.unique(groups)) == len(groups):
        low, high = exact_interval(hit.sum(), len(hit), confidence)
        return Estimate(float(hit.mean()), float(low), float(high), "exact")
    means = _group_means(hit.astype(float), groups)
    if np.all(hit == hit[0]):
        low, high = exact_interval(len(means) * float(hit[0]), len(means), confidence)
        return Estimate(float(hit[0]), float(low), float(high), "exact, by groups")
    found = mean_interval(means, confidence)
    return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0), "Student, by groups")


def mean_interval(values: NDArray[np.float64], confidence: float = 0.95) -> Estimate:
    """Mean of independent numbers with Student's interval; open for a single one."""
    from scipy.stats import t

    n = len(values)
    if n == 0:
        return NOTHING
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(mean, -math.inf, math.inf, "one value")
    half = float(t.ppf(0.5 + confidence / 2.0, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return Estimate(mean, mean - half, mean + half, "Student")


def skewed_mean_interval(values: NDArray[np.float64], confidence: float = 0.95) -> Estimate:
    """Mean of independent numbers with Student's interval corrected for skewness (Hall 1992).

    With T = √n (mean − μ) / s and skewness γ of the sample,
    T + γ (T² / 3 + 1 / 6) / √n + γ² T³ / (27 n) has almost no skewness left; its inverse gives the
    ends. Few large losses among many draws without one make Student's interval end too soon above.
    """
    student = mean_interval(values, confidence)
    deviation = float(np.std(values)) if len(values) > 1 else 0.0
    if not deviation > 1e-12 * abs(student.value):
        return student
    skew = float(np.mean(((values - student.value) / deviation) ** 3))
    slope = skew / len(values) ** 0.5
    if abs(slope) < 1e-6:
        return student
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5

    def end(t: float) -> float:
        statistic = 3.0 * (np.cbrt(1.0 + slope * (t - slope / 6.0)) - 1.0) / slope
        return float(student.value - error * statistic)

    t = (student.high - student.value) / error
    return Estimate(student.value, end(t), end(-t), "Student, for skewness")


def weighted_mean(
    values: NDArray[np.float64],
    log_weight: NDArray[np.float64],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
) -> Estimate:
    """Self-normalised importance estimate of a mean; groups count as one run each."""
    from scipy.stats import norm

    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    mean = float(weight @ values)
    apart = _group_sums(weight * (values - mean), groups)
    half = float(norm.ppf(0.5 + confidence / 2.0)) * float(np.sqrt(np.sum(apart**2)))
    size = effective_size(log_weight, groups)
    return Estimate(mean, mean - half, mean + half, f"weighted, worth {size:,.0f} runs")


def mean_of(
    values: NDArray[np.float64],
    log_weight: NDArray[np.float64],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
) -> Estimate:
    """Mean of a sweep's runs: weighted where they have weights, by groups where they have them."""
    if len(values) and np.ptp(log_weight) > 0.0:
        return weighted_mean(values, log_weight, confidence, groups)
    if groups is None:
        return mean_interval(values, confidence)
    return bootstrap(values, lambda v: float(np.mean(v)), confidence, groups)


def effective_size(
    log_weight: NDArray[np.float64], groups: NDArray[np.int64] | None = None
) -> float:
    """How many equally weighted runs weighted ones are worth (Kish 1965); groups count as one."""
    weight = _group_sums(np.exp(log_weight - log_weight.max()), groups)
    return float(weight.sum() ** 2 / (weight @ weight))


def quantile(values: NDArray[np.float64], level: float, confidence: float = 0.95) -> Estimate:
    """Quantile of independent numbers (value at risk) with an interval from order statistics.

    The interval holds for any distribution; its end is open (infinite) where the sample is too
    small to have one.
    """
    from scipy.stats import binom

    n = len(values)
    if n == 0:
        return NOTHING
    ordered = np.sort(values)
    tail = (1.0 - confidence) / 2.0
    low, high = int(binom.ppf(tail, n, level)), int(binom.ppf(1.0 - tail, n, level)) + 1
    return Estimate(
        quantile_of(values, level),
        float(ordered[low - 1]) if low >= 1 else -math.inf,
        float(ordered[high - 1]) if high <= n else math.inf,
        "order statistics",
    )


def quantile_of(values: NDArray[np.float64], level: float) -> float:
    """The smallest number that at least a share ``level`` of the numbers does not exceed."""
    place = min(max(math.ceil(len(values) * level - 1e-9) - 1, 0), len(values) - 1)
    return float(np.partition(values, place)[place])


def expected_shortfall(values: NDArray[np.float64], level: float) -> float:
    """Mean of the worst ``1 − level`` share of numbers, largest worst (Acerbi and Tasche 2002).

    The number at the edge counts with the part of it that belongs to the tail.

    Example:
        ``expected_shortfall(np.arange(1.0, 11.0), 0.75)`` is (10 + 9 + 8 / 2) / 2.5.
    """
    ordered = np.sort(values)[::-1]
    tail = (1.0 - level) * len(ordered)
    whole = min(math.floor(tail + 1e-9), len(ordered))
    edge = (tail - whole) * ordered[whole] if whole < len(ordered) else 0.0
    return float((ordered[:whole].sum() + edge) / tail)


def bootstrap(
    values: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], float],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
) -> Estimate:
    """A statistic with the percentile interval of its bootstrap; groups are drawn as a whole."""
    if len(values) == 0:
        return NOTHING
    if len(values if groups is None else np.unique(groups)) == 1:
        return Estimate(statistic(values), -math.inf, math.inf, "one value")
    found = [statistic(values[drawn]) for drawn in resampled(len(values), groups)]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail])
    about = "bootstrap" if groups is None else "bootstrap, by groups"
    return Estimate(statistic(values), float(low), float(high), about)


def weighted_tail(
    values: NDArray[np.float64],
    log_weight: NDArray[np.float64],
    level: float,
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
) -> tuple[Estimate, Estimate]:
    """Value at risk and expected shortfall of weighted numbers, by bootstrap."""
    weight = np.exp(log_weight - log_weight.max())
    found = np.array([tail_of(values[d], weight[d], level) for d in resampled(len(values), groups)])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail], axis=0)
    at_risk, shortfall = tail_of(values, weight, level)
    return (
        Estimate(at_risk, float(low[0]), float(high[0]), "weighted bootstrap"),
        Estimate(shortfall, float(low[1]), float(high[1]), "weighted bootstrap"),
    )


def ratio_of_means(
    top: NDArray[np.float64],
    bottom: NDArray[np.float64],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
    log_weight: NDArray[np.float64] | None = None,
) -> Estimate:
    """Mean of ``top`` over mean of ``bottom``, pair by pair, by bootstrap; groups drawn as a whole.

    Unknown unless the bottom is surely above zero: a ratio to nothing says nothing.
    """
    if paired_difference(np.zeros(len(bottom)), bottom, confidence, groups, log_weight).low <= 0.0:
        return NOTHING
    weight = np.ones(len(top)) if log_weight is None else np.exp(log_weight - log_weight.max())
    both = np.column_stack((weight * top, weight * bottom))
    return bootstrap(both, lambda v: float(v[:, 0].sum() / v[:, 1].sum()), confidence, groups)


@dataclass(frozen=True)
class PairedShare:
    """How a share changes between paired runs: its difference and the exact sign test."""

    difference: Estimate
    only_first: int
    only_second: int
    p_value: float


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
    log_weight: NDArray[np.float64] | None = None,
) -> Estimate:
    """Mean of ``second − first`` over pairs with common random numbers, with Student's interval.

    Weighted pairs give the self-normalised estimate of it.
    """
    differences = second - first
    if log_weight is not None and len(log_weight) and np.ptp(log_weight) > 0.0:
        return weighted_mean(differences, log_weight, confidence, groups)
    if groups is not None and len(np.unique(groups)) > 1:
        differences = _group_means(differences, groups)
    return mean_interval(differences, confidence)


def paired_share(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
    log_weight: NDArray[np.float64] | None = None,
) -> PairedShare:
    """Difference of two shares over pairs, and McNemar's exact test that there is none.

    The test counts pairs as they were sampled, whatever their weights.
    """
    from scipy.stats import binomtest

    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    many = only_first + only_second
    p_value = float(binomtest(only_first, many).pvalue) if many else 1.0
    difference = paired_difference(
        first.astype(float), second.astype(float), confidence, groups, log_weight
    )
    if many == 0 and len(first):  # no pair differs: at most so many would
        pairs = len(first) if groups is None else len(np.unique(groups))
        most = float(exact_interval(0, pairs, confidence)[1])
        difference = Estimate(0.0, -most, most, "exact")
    return PairedShare(difference, only_first, only_second, p_value)


def resampled(
    count: int, groups: NDArray[np.int64] | None = None, most: int = RESAMPLES
) -> Iterator[NDArray[np.int64]]:
    """Places drawn with replacement, group by group; fewer draws where there are many numbers."""
    rng = np.random.default_rng(SEED)
    draws = int(np.clip(2e7 / count, FEWEST_RESAMPLES, most))
    if groups is None:
        for _ in range(draws):
            yield rng.integers(count, size=count)
        return
    _, inverse = np.unique(groups, return_inverse=True)
    sizes = np.bincount(inverse)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(sizes)[:-1])
    for _ in range(draws):
        drawn = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[d] for d in drawn])


def tail_of(
    values: NDArray[np.float64], weight: NDArray[np.float64], level: float
) -> tuple[float, float]:
    """Value at risk and expected shortfall of weighted numbers; weights need not sum to one.

    The number on the edge counts as far as it is needed.
    """
    order = np.argsort(-values, kind="stable")
    ordered, w = values[order], weight[order] / weight.sum()
    above = np.cumsum(w)
    tail = 1.0 - level
    place = min(int(np.searchsorted(above, tail + 1e-12, side="right")), len(ordered) - 1)
    inside = float(w[:place] @ ordered[:place])
    rest = tail - (float(above[place - 1]) if place else 0.0)
    return float(ordered[place]), (inside + rest * float(ordered[place])) / tail


def _group_sums(
    values: NDArray[np.float64], groups: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """Sum of each group, ascending; without groups the numbers themselves."""
    if groups is None:
        return values
    _, inverse = np.unique(groups, return_inverse=True)
    return np.bincount(inverse, weights=values)


def _group_means(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of each group, ascending."""
    return _group_sums(values, groups) / _group_sums(np.ones(len(values)), groups)
