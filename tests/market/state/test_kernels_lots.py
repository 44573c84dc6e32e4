"""Lots of each borrower are found without looking through all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.market.state.lots import Lots, lots_by_borrower, new_lot


@given(st.lists(st.integers(0, 6), max_size=40))
def test_lots_by_borrower_are_those_of_each_in_order(borrowers: list[int]) -> None:
    lots = empty(Lots, 50)
    for b in borrowers:
        new_lot(lots, 0, (b, -1, b), 0, 1.0, -1)
    first, rows = lots_by_borrower(7, lots)
    for b in range(7):
        own = np.flatnonzero(np.array(borrowers) == b)
        np.testing.assert_array_equal(rows[first[b] : first[b + 1]], own)
    assert first[7] == len(borrowers)
