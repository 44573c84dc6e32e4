"""The machine: how fast memory streams, how much of it is free."""

from __future__ import annotations

import time

import numpy as np

from ...agents.compiling.kernels import compiled

TRIAD_ROWS = 2**24  # three arrays of 134 MB: far beyond any cache
TRIAD_BYTES = 24  # of a row: two numbers read, one written
TRIALS = 9


@compiled
def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, factor: float) -> None:
    for i in range(len(a)):
        a[i] = b[i] + factor * c[i]


def stream_gb_s(rows: int = TRIAD_ROWS) -> float:
    """Memory stream of one core [GB/s]: the best of nine triads (McCalpin 1995), compiled."""
    a, b, c = np.zeros(rows), np.full(rows, 1.0), np.full(rows, 2.0)
    best = np.inf
    for trial in range(TRIALS):
        start = time.perf_counter()
        _triad(a, b, c, 3.0)
        if trial > 0:  # the first compiles and touches the pages
            best = min(best, time.perf_counter() - start)
    return float(TRIAD_BYTES * rows / best / 1e9)
