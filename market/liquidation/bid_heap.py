"""Bids from the highest down: taken one by one without putting all in order, or all in order.

An auction serves a few of thousands of bids. A binary heap (Williams 1964) finds the next highest
in a few steps; equal bids come in the order of their buyers.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Longs, Reals
from ...agents.compiling.kernels import compiled, inlined

DIGIT_BITS = 8
DIGITS = 1 << DIGIT_BITS


@inlined
def _before(bids: Reals, one: int, other: int) -> bool:
    """Whether one buyer's bid is served before another's."""
    return bids[one] > bids[other] or (bids[one] == bids[other] and one < other)


@compiled
def _sink(bids: Reals, heap: Longs, size: int, place: int) -> None:
    """Move what stands at a place of the heap down to where it belongs."""
    buyer = heap[place]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _before(bids, heap[child + 1], heap[child]):
            child += 1
        if not _before(bids, heap[child], buyer):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = buyer


@compiled
def make_heap(bids: Reals, heap: Longs) -> None:
    """Arrange buyers, rows of ``bids`` [USD/unit], so that the highest bidder comes first."""
    for place in range(len(heap) // 2 - 1, -1, -1):
        _sink(bids, heap, len(heap), place)


@compiled
def take_highest(bids: Reals, heap: Longs, taken: int) -> int:
    """The next highest bidder, after so many have been taken; they stand at the heap's end.

    Returns:
        A row of ``bids``; the one taken as number t stands at ``heap[len(heap) - 1 - t]``.
    """
    size = len(heap) - taken
    highest = heap[0]
    heap[0] = heap[size - 1]
    _sink(bids, heap, size - 1, 0)
    heap[size - 1] = highest
    return highest


@compiled
def _by_digits(values: Reals, rows: Longs, flip: int) -> Longs:
    """A radix sort, digit by digit from the last; ``flip`` turns digits round.

    No value is negative, so their bits, read as whole numbers, are in the order of values. Numba's
    own sort takes seconds to compile.
    """
    bits = values.view(np.int64)
    before, after = rows.copy(), np.empty(len(rows), np.int64)
    for shift in range(0, 64, DIGIT_BITS):
        place = np.zeros(DIGITS + 1, np.int64)
        for row in before:
            place[1 + (flip ^ ((bits[row] >> shift) & (DIGITS - 1)))] += 1
        for digit in range(1, DIGITS):
            place[digit] += place[digit - 1]
        for row in before:
            digit = flip ^ ((bits[row] >> shift) & (DIGITS - 1))
            after[place[digit]] = row
            place[digit] += 1
        before, after = after, before
    return before


@compiled
def in_order(bids: Reals, buyers: Longs) -> Longs:
    """Buyers, rows of ``bids``, from the highest bid down; equal ones as they stand."""
    return _by_digits(bids, buyers, DIGITS - 1)


@compiled
def rising(asks: Reals) -> Longs:
    """Rows of ``asks`` from the lowest up; equal ones as they stand."""
    return _by_digits(asks, np.arange(len(asks)), 0)
