"""Noise that reverts to nothing: an Ornstein-Uhlenbeck path by day."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..state.randomness import Stream, normals


def reverting_noise(
    seed: int, stream: Stream, days: int, reversion_per_year: float, volatility: float
) -> NDArray[np.float64]:
    """A path from zero, [day]; ``volatility`` is a year's, without reversion."""
    draws = normals(seed, stream, days)
    keep = math.exp(-reversion_per_year / 365.0)
    step = volatility / math.sqrt(365.0)
    noise = np.zeros(days + 1)
    for day in range(days):
        noise[day + 1] = keep * noise[day] + step * draws[day]
    return noise
