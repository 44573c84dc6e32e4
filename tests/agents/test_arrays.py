"""Compiled sums have NumPy's order, and so its bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.compiling.arrays import BLOCK, LANES, total


@given(st.lists(st.floats(-1e12, 1e12), max_size=40))
def test_a_sum_has_the_bits_of_numpys(values: list[float]) -> None:
    array = np.array(values, float)
    assert total(array) == array.sum()


@pytest.mark.parametrize(
    "count",
    [LANES - 1, LANES, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3, 1_001, 5_000, 8_192],
)
def test_so_has_one_of_many_terms_where_order_matters(count: int) -> None:
    random = np.random.default_rng(count)
    array = random.normal(size=count) * 10.0 ** random.integers(-6, 12, count)
    assert total(array) == array.sum()
    if count > 1_000:
        one_by_one = 0.0
        for value in array.tolist():
            one_by_one += value
        assert one_by_one != array.sum()  # or this test could not fail
