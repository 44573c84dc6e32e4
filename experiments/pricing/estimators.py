"""What a loan should have cost: estimators over runs, pure functions of arrays.

Of a loan in one run three numbers count: its *balance-years*, the integral of discount factor times
performing balance [USD years]; its *loss* at final resolution, the claim with interest at default
less what it brought, each discounted on its day [USD]; and when it defaulted. Discounts are at the
reference rate of the run, so that a spread is what a lender needs above its funding.

Draws are rows, with what they weigh already in the numbers, so that sums are means. They come in
*strata*: cells of a grid, of each of which a fixed number was drawn, independently. Errors are
those within strata. Spreads are decimals a year; ``10_000`` of them are basis points.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..look.intervals import tail_of

Reals = NDArray[np.float64]
Whole = NDArray[np.int64]

BP = 10_000.0
RESAMPLES = 1000
FEW_DEGREES = 9.0  # of freedom, of a variance: below it a bootstrap is too narrow
ODDS = 200  # steps from 0 to 1 in which fair probabilities are looked for
SEED = 2025  # of the bootstrap: the same runs give the same interval
TAIL = 0.99
CAPITAL_CHARGE = (
    0.10  # a year, on a dollar of capital beyond its funding: a lender's cost of equity
)


class Estimate(NamedTuple):
    """A number with its 95 % interval over seeds."""

    value: float
    low: float
    high: float

    @property
    def is_vague(self) -> bool:
        """Whether the interval is wider than the number itself."""
        return not self.high - self.low <= abs(self.value)


def hazards(at_risk: Reals, defaulted: Reals) -> Reals:
    """Default rate of each year among those that stood at its start; NaN where nobody did.

    Args:
        at_risk: balance (or number) that performs at the start of the year, shape (years,).
        defaulted: of that, what defaults within the year, shape (years,).
    """
    at_risk, defaulted = np.asarray(at_risk, float), np.asarray(defaulted, float)
    return np.divide(defaulted, at_risk, out=np.full(defaulted.shape, np.nan), where=at_risk > 0.0)


def default_probabilities(at_risk: Reals, defaulted: Reals) -> Reals:
    """Probability of default by the end of each year, from hazards over survivors.

    A loan that is repaid leaves those at risk, it does not count as safe. Years in which nobody is
    at risk add nothing.
    """
    survived = np.cumprod(1.0 - np.nan_to_num(hazards(at_risk, defaulted)))
    return np.asarray(1.0 - survived)


def loss_given_default(loss_usd: Reals, claim_usd: Reals) -> float:
    """Loss over the claim with interest, in dollars over all defaults; NaN without any."""
    claims = float(np.sum(claim_usd))
    return float(np.sum(loss_usd)) / claims if claims > 0.0 else float("nan")


def break_even(loss_usd: Reals, balance_years: Reals) -> float:
    """The spread at which interest above funding pays for losses: a ratio of means over draws."""
    years = float(np.sum(balance_years))
    return float(np.sum(loss_usd)) / years if years > 0.0 else float("nan")


def ratio_interval(above: Reals, below: Reals, strata: Whole | None = None) -> Estimate:
    """A ratio of means and its 95 % interval, by resampling draws (both sums of the same ones).

    Resamples of a few draws hardly differ: where the error has less than ``FEW_DEGREES`` of
    freedom the interval is Student's of what each draw is off the ratio; open for a single draw.

    Args:
        above: of each draw, shape (draws,).
        below: the same of the denominator.
        strata: number of the stratum of each draw; without it there is one.
    """
    above, below = np.asarray(above, float), np.asarray(below, float)
    total = float(below.sum())
    if total <= 0.0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float(above.sum()) / total
    groups = grouped(len(above), strata)
    off = (above - value * below) / total
    error = sum_error(off[None, :], groups)
    if error.degrees[0] < FEW_DEGREES:
        low = 0.0 if (above >= 0.0).all() else -float("inf")  # nothing is lost at least
        half = float(error.half[0])
        return Estimate(value, max(value - half, low), value + half)
    times = resampled(groups.sizes)
    under = times @ below[groups.order]
    found = np.divide(
        times @ above[groups.order], under, out=np.full(len(times), np.nan), where=under > 0.0
    )
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


class Groups(NamedTuple):
    """Draws in the order of their strata, and how many each stratum has."""

    order: Whole
    sizes: tuple[int, ...]


def grouped(draws: int, strata: Whole | None = None) -> Groups:
    """Draws by stratum. Strata of a single draw are put together: alone they show no error."""
    if strata is None:
        return Groups(np.arange(draws), (draws,))
    numbers, place, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    place = np.where(sizes[place] == 1, -1, place)
    if (place == -1).sum() == 1 and len(numbers) > 1:  # a last one joins the smallest
        others = np.flatnonzero(sizes > 1)
        place = np.where(place == -1, others[np.argmin(sizes[others])], place)
    sizes = np.unique(place, return_counts=True)[1]
    return Groups(np.argsort(place, kind="stable"), tuple(int(size) for size in sizes))


class Error(NamedTuple):
    """Of sums over draws, one for each row: variance, degrees of freedom, half of the interval."""

    variance: Reals
    degrees: Reals
    half: Reals


def sum_error(draws: Reals, groups: Groups) -> Error:
    """The error of sums over stratified draws, shape (rows, draws), with Student's interval.

    Degrees of freedom as Satterthwaite 1946 has them. Nothing is known of a single draw.
    """
    from scipy.stats import t

    ordered = draws[:, groups.order]
    ends = np.cumsum(groups.sizes)
    variance, loose = np.zeros(len(draws)), np.zeros(len(draws))
    for end, size in zip(ends, groups.sizes, strict=True):
        if size == 1:
            return Error(*(np.full(len(draws), end) for end in (np.inf, 0.0, np.inf)))
        part = size * ordered[:, end - size : end].var(axis=1, ddof=1)
        variance += part
        loose += part**2 / (size - 1)
    most = float(sum(groups.sizes) - len(groups.sizes))
    degrees = np.divide(variance**2, loose, out=np.full(len(draws), most), where=loose > 0.0)
    return Error(variance, degrees, t.ppf(0.975, degrees) * np.sqrt(variance))


@cache
def resampled(sizes: tuple[int, ...], resamples: int = RESAMPLES, seed: int = SEED) -> Reals:
    """How often each draw comes in each resample, shape (resamples, draws); strata keep their sum.

    One draw less is taken of each stratum, and scaled up: resamples then vary as much as means of
    new draws do, also where a stratum has few (Rao and Wu 1988).
    """
    generator = np.random.default_rng(seed)
    parts = [
        generator.multinomial(size - 1, np.full(size, 1.0 / size), size=resamples)
        * (size / (size - 1))
        for size in sizes
    ]
    return np.concatenate(parts, axis=1)


def expected_shortfall(loss: Reals, weights: Reals, level: float = TAIL) -> float:
    """Mean loss in the worst ``1 - level`` of all outcomes; weights need not sum to one."""
    return tail_of(np.asarray(loss, float), np.asarray(weights, float), level)[1]


def capital_charge(
    shortfall_usd: float, expected_usd: float, balance_usd: float, charge: float = CAPITAL_CHARGE
) -> float:
    """What capital against unexpected loss adds to a spread.

    Capital is the expected shortfall beyond the expected loss; it is held as long as the loan, so
    that a year of it costs ``charge`` times its share of the balance lent.
    """
    return charge * max(0.0, shortfall_usd - expected_usd) / balance_usd


def fair_probability(
    contract: float, otherwise: tuple[float, float], crash: tuple[float, float]
) -> float:
    """Probability of a crash at which the break-even spread equals the contract.

    Args:
        contract: spread charged.
        otherwise: mean loss and mean balance-years without the crash.
        crash: the same with it.

    Returns:
        0 where losses without a crash cost more than the contract pays, 1 where it pays for the
        crash for sure; NaN if a crash makes no difference.
    """
    short_without = otherwise[0] - contract * otherwise[1]
    short_with = crash[0] - contract * crash[1]
    if short_without >= 0.0:
        return 0.0
    if short_with <= 0.0:
        return 1.0
    return short_without / (short_without - short_with)


def fair_interval(
    contract: float,
    otherwise: tuple[Reals, Reals],
    crash: tuple[Reals, Reals],
    strata: Whole | None = None,
) -> Estimate:
    """The fair probability with its interval (Fieller 1954): no resampling, honest for a few draws.

    In it lie the probabilities around the value at which mean losses beyond what the contract pays
    are not distinguishable from zero by Student's test; all, if one draw is all there is.

    Args:
        contract: spread charged.
        otherwise: losses and balance-years without a crash by draw, sums of which are means; zero
            for draws of a crash.
        crash: the same with one, of the same draws.
        strata: number of the stratum of each draw; without it there is one.

    Example:
        ``fair_interval(0.05, (loss, years), (loss_in_crash, years_in_crash)).value``
    """
    sums = [(float(loss.sum()), float(years.sum())) for loss, years in (otherwise, crash)]
    value = fair_probability(contract, sums[0], sums[1])
    odds = np.linspace(0.0, 1.0, ODDS + 1)[:, None]
    without, within = (loss - contract * years for loss, years in (otherwise, crash))
    short = (1.0 - odds) * without + odds * within
    error = sum_error(short, grouped(len(without), strata))
    ruled_out = odds[np.abs(short.sum(axis=1)) > error.half, 0]
    low = np.max(ruled_out[ruled_out < value], initial=-1.0) + 1.0 / ODDS
    high = np.min(ruled_out[ruled_out > value], initial=2.0) - 1.0 / ODDS
    if value in ruled_out:  # it pays at no probability, or at any
        return Estimate(value, value, value)
    return Estimate(value, min(value, max(0.0, float(low))), max(value, min(1.0, float(high))))


def controlled(loss_usd: Reals, control_usd: Reals) -> tuple[Reals, float]:
    """Losses less what a control of mean zero explains of them, and its coefficient.

    The coefficient is that of least squares; its own error biases the mean by an order of 1 over
    the number of draws.
    """
    loss, control = np.asarray(loss_usd, float), np.asarray(control_usd, float)
    spread = float(control @ control)
    if spread <= 0.0:
        return loss, 0.0
    slope = float((loss - loss.mean()) @ control) / spread
    return loss - slope * control, slope


def annuity_years(rate: float, years: float) -> float:
    """Present value of a dollar a year, paid continuously."""
    return float(-np.expm1(-rate * years) / rate) if rate else years


def bond_floor(coupon: float, rate: float, spread: float, years: float) -> float:
    """What a dollar of a bullet note is worth without its option, at a rate and a fair spread."""
    discount = rate + spread
    return coupon * annuity_years(discount, years) + float(np.exp(-discount * years))
