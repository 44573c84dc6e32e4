"""Splitting an aggregate row into heavy-tailed parties without losing a dollar or a machine.

The split is the same in every run (its draws have a seed of their own): the small parties have
names one can follow from run to run. Sums are exact per lender, instrument and class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..state.randomness import Stream, party_normals, party_uniforms

SPLIT_SEED = 2025
NOISE, LOANS = int(Stream.SPLIT_NOISE), int(Stream.SPLIT_LOANS)  # numba looks long at enums
PARETO_TAIL = 1.2
NOISE_DEVIATION = 0.5
POWER_DEVIATION = 0.25
DUST_SHARE = 1e-6  # of a loan: smaller parts are nobody's
LOAN_REACH = 0.5  # a lender of an aggregate loan reaches so many of the parties


def heavy_tailed_shares(count: int) -> NDArray[np.float64]:
    """Shares of a total, largest first, at the mid-quantiles of a Pareto law of tail 1.2."""
    upper = (np.arange(count) + 0.5) / count
    sizes = upper ** (-1.0 / PARETO_TAIL)
    return sizes / sizes.sum()


def noisy_shares(shares: NDArray[np.float64], column: int) -> NDArray[np.float64]:
    """Shares times lognormal noise (deviation 0.5), a draw per party and ``column``, re-summed."""
    noise = party_normals(SPLIT_SEED, NOISE, column, len(shares))
    result = shares * np.exp(NOISE_DEVIATION * noise)
    return result / result.sum()


def power_prices(mean_usd_mwh: float, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power prices [USD/MWh] around the aggregate's mean, weighted by size (deviation 25 %).

    One price for the whole rest of the network would switch off half of it in a day.
    """
    noise = party_normals(SPLIT_SEED, NOISE, 2, len(shares))
    prices = np.exp(POWER_DEVIATION * noise)
    return mean_usd_mwh * prices / float((prices * shares).sum())


def proportional_fit(
    rows: NDArray[np.float64], columns: NDArray[np.float64], stream_column: int
) -> NDArray[np.float64]:
    """A noisy matrix with the given row and column sums (iterative proportional fitting).

    Shapes (parties,), (classes,) -> (parties, classes); the last pass is over columns, whose sums
    are exact.
    """
    matrix = np.outer(rows, columns) / max(columns.sum(), 1e-300)
    for k in range(len(columns)):
        noise = party_normals(SPLIT_SEED, NOISE, 100 + stream_column + k, len(rows))
        matrix[:, k] *= np.exp(noise)
    for _ in range(50):
        matrix *= (rows / np.maximum(matrix.sum(axis=1), 1e-300))[:, None]
        matrix *= columns / np.maximum(matrix.sum(axis=0), 1e-300)
    return matrix


def capped_shares(weights: NDArray[np.float64], caps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares summing to one, proportional to ``weights`` where ``caps`` do not bind.

    Raises:
        ValueError: the caps sum to less than one.
    """
    if caps[weights > 0.0].sum() < 1.0 - 1e-9:
        raise ValueError("caps leave no room for the whole")
    shares = np.zeros(len(weights))
    open_ = weights > 0.0
    left = 1.0
    while left > 1e-15 and open_.any():
        trial = left * weights * open_ / (weights * open_).sum()
        binding = open_ & (shares + trial > caps)
        if not binding.any():
            shares += trial
            break
        shares[binding] = caps[binding]
        open_ &= ~binding
        left = 1.0 - shares.sum()
        shares[open_] = 0.0
        left = 1.0 - shares[~open_].sum()
    return shares / shares.sum()


def loan_shares(
    loan: int, debt_shares: NDArray[np.float64], caps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How one aggregate loan is spread: over about half of the parties, by debt, within ``caps``.

    ``caps`` are the parties' free collateral over the loan's; where the chosen half cannot pledge
    it all, everybody takes part.
    """
    draws = party_uniforms(SPLIT_SEED, LOANS, loan, len(debt_shares))
    chosen = draws < LOAN_REACH
    if not chosen.any() or caps[chosen].sum() < 1.2:
        chosen[:] = True
    shares = capped_shares(np.where(chosen, debt_shares, 0.0), np.where(chosen, caps, 0.0))
    chosen &= shares >= DUST_SHARE
    if caps[chosen].sum() < 1.0:
        return shares
    return capped_shares(np.where(chosen, debt_shares, 0.0), np.where(chosen, caps, 0.0))
