"""Arrays in kernels: sums in NumPy's order, and copies.

NumPy adds pairwise, so that rounding does not grow with the number of terms; a compiled figure then
has the bits of one that NumPy adds up. Copies are loops: what numba makes of ``target[:] = source``
spells out in words where shapes differ, and that takes seconds to compile.
"""

from __future__ import annotations

import numpy as np

from ..columns import Matrix, Reals
from .kernels import compiled

LANES = 8
BLOCK = 128  # terms that are added in lanes; more are halved first
DEPTH = 64


@compiled
def put(target: Reals, source: Reals) -> None:
    """Copy a vector into the beginning of another."""
    for i in range(len(source)):
        target[i] = source[i]


@compiled
def put_matrix(target: Matrix, source: Matrix) -> None:
    """Copy a matrix into another of its shape."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled
def total(values: Reals) -> float:
    """The sum of all values, as ``values.sum()`` has it."""
    first, count = 0, len(values)
    if count <= BLOCK:
        return _in_lanes(values, first, count)
    place, waiting = np.zeros(DEPTH, np.int64), np.zeros(DEPTH, np.int64)  # second halves
    before = np.zeros(DEPTH)  # sums of their first halves
    level = 0
    while True:
        while count > BLOCK:
            half = count // 2
            half -= half % LANES
            place[level], waiting[level] = first + half, count - half
            level += 1
            count = half
        part = _in_lanes(values, first, count)
        while level > 0 and waiting[level - 1] == 0:
            level -= 1
            part = before[level] + part
        if level == 0:
            return part
        before[level - 1] = part
        first, count = place[level - 1], waiting[level - 1]
        waiting[level - 1] = 0


@compiled
def _in_lanes(values: Reals, first: int, count: int) -> float:
    """The sum of at most ``BLOCK`` values from ``first`` on."""
    if count < LANES:
        small = 0.0
        for i in range(first, first + count):
            small += values[i]
        return small
    a, b, c, d = values[first], values[first + 1], values[first + 2], values[first + 3]
    e, f, g, h = values[first + 4], values[first + 5], values[first + 6], values[first + 7]
    whole = count - count % LANES
    for i in range(first + LANES, first + whole, LANES):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        e += values[i + 4]
        f += values[i + 5]
        g += values[i + 6]
        h += values[i + 7]
    lanes = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(first + whole, first + count):
        lanes += values[i]
    return lanes
