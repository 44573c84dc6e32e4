"""Counter-based randomness: distribution, independence, and that order does not matter."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market.state.randomness import Stream, normal, normals, uniform

N = 20_000


def draws(seed: int, stream: Stream, count: int = N) -> np.ndarray:
    """Uniform numbers over days and parties of one stream."""
    return np.array([uniform(seed, stream, i // 100, i % 100) for i in range(count)])


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 2**62),
    st.sampled_from(list(Stream)),
    st.integers(0, 10**6),
    st.integers(0, 10**8),
)
def test_a_uniform_number_is_strictly_inside_its_interval_and_always_the_same(
    seed: int, stream: Stream, day: int, party: int
) -> None:
    u = uniform(seed, stream, day, party)
    assert 0.0 < u < 1.0
    assert uniform(seed, stream, day, party) == u


@pytest.mark.compiled
def test_uniform_moments_and_distribution() -> None:
    u = draws(7, Stream.HAZARD)
    assert u.mean() == pytest.approx(0.5, abs=4 / math.sqrt(12 * N))
    assert u.var() == pytest.approx(1 / 12, abs=4 * math.sqrt(1 / 180 / N))
    # Kolmogorov-Smirnov: the 0.1 % point of the distance is 1.95 / sqrt(n).
    distance = np.max(np.abs(np.sort(u) - (np.arange(N) + 0.5) / N))
    assert distance < 1.95 / math.sqrt(N)
    assert len(np.unique(u)) == N


@pytest.mark.compiled
def test_normal_moments_and_distribution() -> None:
    z = np.array([normal(7, Stream.BUYER_VIEW, i // 100, i % 100) for i in range(N)])
    assert z.mean() == pytest.approx(0.0, abs=4 / math.sqrt(N))
    assert z.var() == pytest.approx(1.0, abs=4 * math.sqrt(2 / N))
    assert np.mean(z**3) == pytest.approx(0.0, abs=4 * math.sqrt(15 / N))
    assert np.mean(z**4) == pytest.approx(3.0, abs=4 * math.sqrt(96 / N))
    order = np.sort(z)
    cdf = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in order])
    assert np.max(np.abs(cdf - (np.arange(N) + 0.5) / N)) < 1.95 / math.sqrt(N)


@pytest.mark.compiled
def test_neighbours_are_uncorrelated() -> None:
    limit = 4 / math.sqrt(N)
    base = draws(3, Stream.HAZARD)
    assert abs(correlation(base[:-1], base[1:])) < limit  # next party
    assert abs(correlation(base[:-100], base[100:])) < limit  # next day
    assert abs(correlation(base, draws(4, Stream.HAZARD))) < limit  # next seed
    z = normals(3, Stream.BTC_NOISE, N)
    assert abs(correlation(z[:-1], z[1:])) < limit
    assert abs(correlation(z[:-1] ** 2, z[1:] ** 2)) < 2 * limit


@pytest.mark.compiled
def test_streams_are_uncorrelated() -> None:
    count = 4000
    table = np.array([draws(11, stream, count) for stream in Stream])
    matrix = np.corrcoef(table)
    np.fill_diagonal(matrix, 0.0)
    assert np.max(np.abs(matrix)) < 5 / math.sqrt(count)


def test_draws_do_not_depend_on_the_order_of_work() -> None:
    cells = [(day, party) for day in range(30) for party in range(30)]
    forward = {cell: normal(5, Stream.SAMPLING, *cell) for cell in cells}
    backward = {cell: normal(5, Stream.SAMPLING, *cell) for cell in reversed(cells)}
    assert forward == backward
    assert len(set(forward.values())) == len(cells)
    vector = normals(5, Stream.BTC_NOISE, 50)
    assert list(vector) == [normal(5, Stream.BTC_NOISE, day, 0) for day in range(50)]
    assert list(normals(5, Stream.BTC_NOISE, 20)) == list(vector[:20])  # a longer run agrees
