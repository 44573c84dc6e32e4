"""Which factor matters most: Sobol' and Morris indices, or main effects, with intervals.

Designs laid out for indices are analysed by SALib on the means of their points. Noise of replicates
is measured first: indices of means that are mostly noise say nothing, and a warning says so.
For all other designs the first-order index of a factor is estimated from the runs at hand: the
share of the variance of runs, luck included, between its values (or bins), corrected for what
chance alone would show (Kelley's epsilon squared).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..look import words
from ..look.intervals import SEED, amount, resampled
from .design import MORRIS_LEVELS, UNIT
from .plan import INDICES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEW_VALUES, FEWEST_BINS, MOST_BINS = 20, 5, 40
RESAMPLES = 1000
DROWNED = 0.5  # share of noise in the variance of points above which indices mean little
CONSTANT = 1e-12
FEW_POINTS = 100
TOTAL = "with its interactions it makes"
ALONE = "alone it explains"


@dataclass(frozen=True)
class Index:
    """How much a factor matters: share of variance, or mean absolute effect in units of output."""

    factor: str
    measure: str
    value: float
    low: float
    high: float
    direction: float

    @property
    def is_share(self) -> bool:
        """Whether the value is a share of the variance."""
        return not self.measure.startswith("mean absolute")


@dataclass(frozen=True)
class Sensitivity:
    """The indices of all factors for one output, largest first, and what to be wary of."""

    output: str
    indices: tuple[Index, ...]
    noise_share: float
    warning: str
    alone: tuple[Index, ...] = ()  # of Sobol': first-order indices beside the total ones
    drowned: bool = False  # replicate noise makes most of what the indices are made of

    @property
    def tells(self) -> bool:
        """Whether some factor surely matters."""
        return bool(self.indices) and self.indices[0].low > 0.0 and not self.drowned

    def headline(self) -> str:
        """The finding without its numbers."""
        if not self.indices:
            return f"{self.output}: {self.warning}"
        if self.drowned:
            return f"Noise drowns what factors do to {self.output}"
        if not self.tells:
            return f"No factor can be told to matter for {self.output}"
        return f"{self.indices[0].factor} matters most for {self.output}"

    def sentence(self) -> str:
        """The factor that matters most, in a sentence."""
        if not self.tells:
            return f"{self.headline()}."
        first = self.indices[0]
        sign = "more" if first.direction > 0 else "less"
        way = f"; the more of it, the {sign}" if abs(first.direction) > 0.1 else ""
        text = f"{self.headline()}: {self._amount(first)}{way}"
        if len(self.indices) > 1:
            second = self.indices[1]
            if second.high >= first.low:
                text += f". It cannot be told from {second.factor} ({self._amount(second)})"
            else:
                text += f". Next is {second.factor}, {self._amount(second)}"
        return text + "."

    @staticmethod
    def _amount(index: Index) -> str:
        if index.is_share:
            value, low, high = (
                words.percent(min(max(share, 0.0), 1.0))
                for share in (index.value, index.low, index.high)
            )
            return f"{index.measure} {value} ({low} to {high}) of the variance"
        ends = f"{amount(index.low)} to {amount(index.high)}"
        return f"{index.measure} {amount(index.value)} ({ends})"


def sensitivity(
    method: str,
    points: pd.DataFrame,
    factors: list[str],
    output: str,
    confidence: float,
    shared_seeds: bool = False,
) -> Sensitivity:
    """Indices of all factors for one output.

    Args:
        method: of the plan's design.
        points: the factors and an output ``mean``. For indices one row per point in the design's
            order, with ``variance`` of the output over ``runs`` replicates, NaN where runs failed;
            for other designs one row per run, with its ``point_id``.
        factors: columns of ``points``.
        output: its name in sentences.
        confidence: of the intervals.
        shared_seeds: every point saw the same draws, so that noise cancels between points.
    """
    if not factors or np.nanvar(points["mean"].to_numpy(float)) < CONSTANT:
        return Sensitivity(output, (), float("nan"), "it is the same in every run")
    if method not in INDICES:
        indices, noise = _main_effects(points, factors, confidence), _luck(points)
        warning = ""
        if noise > DROWNED and all(index.low <= 0.0 for index in indices):
            warning = f"luck drowns them: it makes {noise:.0%} of the variance of runs"
        ordered = tuple(sorted(indices, key=lambda index: -index.value))
        return Sensitivity(output, ordered, noise, warning)
    noise = noise_share(points)
    alone: list[Index] = []
    if method == "sobol-indices":
        indices, alone = _sobol(points, factors, confidence)
    else:
        indices = _morris(points, factors, confidence)
    warning = ""
    if shared_seeds:
        warning = "every point saw the same draws: the indices are those of these draws"
    elif noise > DROWNED:
        warning = (
            f"replicate noise drowns them: it makes {noise:.0%} of the variance between points; "
            "take more replicates"
        )
    elif bool((points["runs"] <= 1).all()):
        warning = "with one replicate a point, noise cannot be told from effects"
    ordered = tuple(sorted(indices, key=lambda index: -index.value))
    drowned = noise > DROWNED and not shared_seeds
    return Sensitivity(output, ordered, noise, warning, tuple(alone), drowned)


def noise_share(points: pd.DataFrame) -> float:
    """Share of replicate noise in the variance of the points' means; NaN without replicates."""
    known = points[(points["runs"] > 1) & points["mean"].notna()]
    total = float(known["mean"].var(ddof=1)) if len(known) > 1 else 0.0
    if total < CONSTANT:
        return float("nan")
    return min(float((known["variance"] / known["runs"]).mean()) / total, 1.0)


def _sobol(
    points: pd.DataFrame, factors: list[str], confidence: float
) -> tuple[list[Index], list[Index]]:
    """Total and first-order indices."""
    from SALib.analyze import sobol

    block = len(factors) + 2
    outputs = points["mean"].to_numpy(float).reshape(-1, block)
    whole = np.isfinite(outputs).all(axis=1)  # a failed point takes its block with it
    if whole.sum() < 2:
        return [], []
    result = _quietly(
        sobol.analyze,
        _problem(factors),
        outputs[whole].ravel(),
        calc_second_order=False,
        conf_level=confidence,
        num_resamples=RESAMPLES,
        seed=SEED,
    )
    total, first = (
        [
            _index(points, name, measure, value, half)
            for name, value, half in zip(factors, result[k], result[f"{k}_conf"], strict=True)
        ]
        for k, measure in (("ST", TOTAL), ("S1", ALONE))
    )
    return total, first


def _morris(points: pd.DataFrame, factors: list[str], confidence: float) -> list[Index]:
    from SALib.analyze import morris

    block = len(factors) + 1
    outputs = points["mean"].to_numpy(float).reshape(-1, block)
    whole = np.isfinite(outputs).all(axis=1)
    if whole.sum() < 2:
        return []
    unit = points[[UNIT + name for name in factors]].to_numpy(float)
    result = _quietly(
        morris.analyze,
        _problem(factors),
        unit[np.repeat(whole, block)],
        outputs[whole].ravel(),
        conf_level=confidence,
        num_levels=MORRIS_LEVELS,
        num_resamples=RESAMPLES,
        seed=SEED,
    )
    return [
        _index(points, name, "mean absolute effect over its range", star, half, float(mean))
        for name, star, half, mean in zip(
            factors, result["mu_star"], result["mu_star_conf"], result["mu"], strict=True
        )
    ]


def _main_effects(points: pd.DataFrame, factors: list[str], confidence: float) -> list[Index]:
    """First-order shares of the variance of runs, with bootstrap intervals over points.

    The intervals hold for all factors together (Bonferroni), so that the largest of many chances is
    not taken for an effect. A resample repeats runs, which looks like an effect: that bias is taken
    out.
    """
    outputs = points["mean"].to_numpy(float)
    groups = {name: _groups(points[name]) for name in factors}
    value = np.array([explained_share(outputs, groups[name]) for name in factors])
    found = np.array(
        [
            [explained_share(outputs[drawn], groups[name][drawn]) for name in factors]
            for drawn in resampled(len(outputs), _together(points), RESAMPLES)
        ]
    )
    tail = (1.0 - confidence) / 2.0 / len(factors)
    low, high = np.quantile(found - found.mean(axis=0) + value, [tail, 1.0 - tail], axis=0)
    return [
        Index(
            name,
            ALONE,
            float(value[k]),
            float(low[k]),
            float(high[k]),
            _direction(points, name),
        )
        for k, name in enumerate(factors)
    ]


def _together(points: pd.DataFrame) -> NDArray[np.int64] | None:
    """Runs of a point are drawn together where points are many, singly where a grid has few."""
    many = points["point_id"].nunique()
    return points["point_id"].to_numpy() if FEW_POINTS < many < len(points) else None


def _luck(points: pd.DataFrame) -> float:
    """Share of the variance of runs that lies within points; NaN without replicates."""
    within = points.groupby("point_id")["mean"].var(ddof=1).mean()
    return float(within / points["mean"].var(ddof=1))


def explained_share(values: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """Share of variance between groups, without what chance alone would show (epsilon squared)."""
    count = np.bincount(groups)
    used = count > 0
    sums = np.bincount(groups, weights=values)
    n, many = len(values), int(used.sum())
    total = float(np.sum((values - values.mean()) ** 2))
    if total <= 0.0 or n <= many:
        return 0.0
    within = total - float(np.sum(count[used] * (sums[used] / count[used] - values.mean()) ** 2))
    return 1.0 - (within / (n - many)) / (total / (n - 1))


def _groups(column: pd.Series) -> NDArray[np.int64]:
    """A factor's values as group numbers: its own, or bins of equally many runs.

    More runs give narrower bins, which hide less of what goes up and down.
    """
    import pandas as pd

    codes, values = pd.factorize(column, sort=True)
    if len(values) <= FEW_VALUES:
        return np.asarray(codes, np.int64)
    bins = int(np.clip(np.sqrt(len(values)) / 2.0, FEWEST_BINS, MOST_BINS))
    ranks = pd.Series(codes).rank(method="first").to_numpy() - 1.0
    return np.asarray(ranks * bins // len(column), np.int64)


def _index(
    points: pd.DataFrame, name: str, measure: str, value: Any, half: Any, sign: float | None = None
) -> Index:
    v, h = float(value), float(half)
    direction = _direction(points, name) if sign is None else float(np.sign(sign))
    return Index(name, measure, v, v - h, v + h, direction)


def _direction(points: pd.DataFrame, name: str) -> float:
    """Rank correlation of a factor with the output; 0 for words."""
    from scipy.stats import spearmanr

    known = points[points["mean"].notna()]
    if known[name].dtype.kind not in "ifb" or known[name].nunique() < 2:
        return 0.0
    found = spearmanr(known[name].to_numpy(float), known["mean"].to_numpy(float))
    return float(found.statistic) if np.isfinite(found.statistic) else 0.0


def _problem(factors: list[str]) -> dict[str, Any]:
    return {"num_vars": len(factors), "names": factors, "bounds": [[0.0, 1.0]] * len(factors)}


def _quietly(analyze: Any, *args: Any, **kwargs: Any) -> Any:
    """SALib divides by a variance that is zero in some resamples; the interval shows it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return analyze(*args, **kwargs)
