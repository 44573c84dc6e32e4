"""What a one-factor Gaussian copula promises: default correlation, loss distributions, quantiles.

Firms default together as far as one common normal factor moves them (Vasicek 1987; Li 2000). Given
the factor they are independent, and the distribution of the loss of a pool of unlike firms is built
up firm by firm (Andersen, Sidenius & Basu 2003): nothing is said of a large homogeneous pool, which
would hide that one name is most of it.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

FACTOR_ENDS = 8.0  # deviations of the factor
FACTOR_POINTS = 401
UNITS = 400  # of loss, in a pool
MOST_CORRELATION = 0.999


@cache
def _factor() -> tuple[Reals, Reals]:
    """Values of the factor and their weights, by the trapezium rule."""
    z = np.linspace(-FACTOR_ENDS, FACTOR_ENDS, FACTOR_POINTS)
    weight = np.exp(-0.5 * z * z)
    return z, weight / weight.sum()


def conditional_default(chance: Reals, correlation: float, factor: Reals) -> Reals:
    """Chance of default given the factor, shape (factor, firms); low factors are bad times."""
    from scipy.stats import norm

    chance = np.clip(np.asarray(chance, float), 0.0, 1.0)
    if correlation <= 0.0:
        return np.broadcast_to(chance, (len(factor), len(chance)))
    rho = min(correlation, MOST_CORRELATION)
    threshold = norm.ppf(chance)
    pulled = (threshold[None, :] - math.sqrt(rho) * factor[:, None]) / math.sqrt(1.0 - rho)
    return np.asarray(norm.cdf(pulled))


def vasicek_quantile(chance: float, correlation: float, level: float) -> float:
    """Share of a large pool of like firms that defaults at most, at a level (Vasicek 1987)."""
    from scipy.stats import norm

    factor = np.array([-float(norm.ppf(level))])
    return float(conditional_default(np.array([chance]), correlation, factor)[0, 0])


def loss_distribution(
    chance: Reals, loss: Reals, correlation: float, units: int = UNITS
) -> tuple[Reals, Reals]:
    """Losses of a pool of unlike firms and their probabilities.

    Args:
        chance: of default of each firm.
        loss: of each firm if it defaults, any unit.
        correlation: of their assets.
        units: the largest possible loss is divided into so many. A loss between two units is
            shared between them, so that its mean stays exact.

    Returns:
        losses ``0 .. sum(loss)`` and probabilities, shape (units + 2,).
    """
    chance, loss = np.asarray(chance, float), np.asarray(loss, float)
    whole = float(loss.sum())
    if whole <= 0.0:
        return np.zeros(1), np.ones(1)
    unit = whole / units
    # Room for the rounding: each firm may come to lie a unit higher.
    size = units + len(loss) + 2
    factor, weights = _factor()
    given = conditional_default(chance, correlation, factor)
    mass = np.zeros((len(factor), size))
    mass[:, 0] = 1.0
    for firm, amount in enumerate(loss / unit):
        p = given[:, firm : firm + 1]
        low = int(amount)
        part = amount - low
        moved = (1.0 - part) * _shifted(mass, low) + part * _shifted(mass, low + 1)
        mass = (1.0 - p) * mass + p * moved
    chances: Reals = np.asarray(weights @ mass, np.float64)
    losses: Reals = np.arange(size, dtype=np.float64) * unit
    return losses, chances


def _shifted(mass: Reals, by: int) -> Reals:
    result = np.zeros_like(mass)
    result[:, by:] = mass[:, : mass.shape[1] - by] if by else mass
    return result


def tranche_share(loss: Reals, attach: float, detach: float) -> Reals:
    """Share of a tranche that a loss of the pool takes; all as shares of the pool."""
    return np.asarray(np.clip(np.asarray(loss) - attach, 0.0, detach - attach) / (detach - attach))


def joint_default(first: float, second: float, correlation: float) -> float:
    """Chance that two firms both default, by the copula."""
    factor, weights = _factor()
    both = conditional_default(np.array([first, second]), correlation, factor)
    return float(weights @ (both[:, 0] * both[:, 1]))


def default_correlation(chance: float, correlation: float) -> float:
    """Correlation of the defaults of two like firms whose assets have one."""
    variance = chance * (1.0 - chance)
    return (joint_default(chance, chance, correlation) - chance * chance) / variance


def asset_correlation(chances: Reals, pairs: float) -> float:
    """Correlation of assets at which so many pairs of firms are expected to default together.

    Args:
        chances: of default of each firm.
        pairs: mean number of pairs that default together, ``E[N (N - 1) / 2]``.

    Returns:
        0 where defaults come together no more often than independent ones.
    """
    chances = np.asarray(chances, float)
    factor, weights = _factor()

    def expected(correlation: float) -> float:
        given = conditional_default(chances, correlation, factor)
        total = given.sum(axis=1)
        return float(weights @ (0.5 * (total * total - (given * given).sum(axis=1))))

    low, high = 0.0, MOST_CORRELATION
    if pairs <= expected(low):
        return 0.0
    if pairs >= expected(high):
        return high
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if expected(middle) < pairs else (low, middle)
    return 0.5 * (low + high)


def observed_correlation(defaulted: NDArray[np.bool_], weights: Reals) -> float:
    """Mean correlation of defaults over pairs of firms, weighed by how often they can move.

    Args:
        defaulted: whether each firm defaults, shape (draws, firms).
        weights: of the draws.
    """
    weights = np.asarray(weights, float) / float(np.sum(weights))
    chance = weights @ defaulted
    deviation = np.sqrt(np.clip(chance * (1.0 - chance), 0.0, None))
    centred = (defaulted - chance).sum(axis=1)
    shared = float(weights @ (centred * centred)) - float((deviation * deviation).sum())
    pairs = float(deviation.sum() ** 2 - (deviation * deviation).sum())
    return shared / pairs if pairs > 0.0 else float("nan")
