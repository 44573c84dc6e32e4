"""The copula: textbook cases and limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, multivariate_normal, norm

from firesale.experiments.pricing.copula import (
    asset_correlation,
    default_correlation,
    joint_default,
    loss_distribution,
    observed_correlation,
    tranche_share,
    vasicek_quantile,
)


def test_without_correlation_like_firms_are_binomial() -> None:
    losses, chances = loss_distribution(np.full(10, 0.2), np.ones(10), 0.0, units=10)
    assert losses[:11] == pytest.approx(np.arange(11))
    assert chances[:11] == pytest.approx(binom.pmf(np.arange(11), 10, 0.2))


def test_two_unlike_firms_by_hand() -> None:
    # losses 1 and 3; independent chances 0.1 and 0.2
    losses, chances = loss_distribution(np.array([0.1, 0.2]), np.array([1.0, 3.0]), 0.0, units=4)
    assert dict(zip(losses[:5], chances[:5], strict=True)) == pytest.approx(
        {0.0: 0.72, 1.0: 0.08, 2.0: 0.0, 3.0: 0.18, 4.0: 0.02}
    )


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.7])
def test_the_mean_does_not_depend_on_correlation_or_units(correlation: float) -> None:
    chance, loss = np.array([0.03, 0.1, 0.4]), np.array([10.0, 3.3, 0.7])
    for units in (13, 100):
        losses, chances = loss_distribution(chance, loss, correlation, units)
        assert losses @ chances == pytest.approx(chance @ loss, rel=1e-4)
        assert chances.sum() == pytest.approx(1.0)


def test_both_default_as_in_the_bivariate_normal() -> None:
    a, b = norm.ppf(0.05), norm.ppf(0.2)
    normal = multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]]).cdf([a, b])
    assert joint_default(0.05, 0.2, 0.3) == pytest.approx(normal, rel=1e-4)


def test_a_large_pool_of_like_firms_comes_to_the_formula() -> None:
    losses, chances = loss_distribution(np.full(250, 0.02), np.full(250, 1 / 250), 0.2, 250)
    at = float(losses[np.searchsorted(np.cumsum(chances), 0.99)])
    assert at == pytest.approx(vasicek_quantile(0.02, 0.2, 0.99), abs=0.012)


def test_at_full_correlation_one_fails_with_all() -> None:
    losses, chances = loss_distribution(np.full(5, 0.1), np.ones(5), 0.999, units=5)
    assert chances[np.argmin(abs(losses - 5.0))] == pytest.approx(0.1, abs=0.02)


def test_correlation_of_assets_is_found_again() -> None:
    chances = np.full(20, 0.05)
    pairs = 0.5 * 20 * 19 * joint_default(0.05, 0.05, 0.25)
    assert asset_correlation(chances, pairs) == pytest.approx(0.25, abs=1e-3)
    assert asset_correlation(chances, 0.0) == 0.0


def test_correlation_of_defaults_is_below_that_of_assets() -> None:
    assert 0.0 < default_correlation(0.05, 0.3) < 0.3
    assert default_correlation(0.05, 0.0) == pytest.approx(0.0, abs=1e-9)


def test_observed_correlation_of_two_firms() -> None:
    # both fail in 1 of 4 draws, one alone in another: cov = 1/4 - 1/2 * 1/4
    fails = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], bool)
    by_hand = (0.25 - 0.5 * 0.25) / math.sqrt(0.25 * 0.1875)
    assert observed_correlation(fails, np.ones(4)) == pytest.approx(by_hand)


def test_tranches_share_a_loss() -> None:
    cuts = [0.0, 0.05, 0.15, 0.3, 1.0]
    parts = [
        float(tranche_share(np.array(0.2), a, b)) * (b - a) for a, b in itertools.pairwise(cuts)
    ]
    assert parts == pytest.approx([0.05, 0.10, 0.05, 0.0])
