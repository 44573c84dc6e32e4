"""Daily shocks, and noise of them that reverts to nothing: an Ornstein-Uhlenbeck path by day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..state.randomness import Stream, normals

type Shocks = Mapping[Stream, NDArray[np.float64]]
"""Standard normal numbers of the first days of a stream, [day], that are given and not drawn."""
DRAWN: Shocks = MappingProxyType({})


def shocks(seed: int, stream: Stream, days: int, given: Shocks = DRAWN) -> NDArray[np.float64]:
    """A standard normal number for each day: given ones first, then as the seed draws them."""
    found = normals(seed, stream, days)
    if stream in given:
        first = given[stream][:days]
        found[: len(first)] = first
    return found


def reverting_noise(
    draws: NDArray[np.float64], reversion_per_year: float, volatility: float
) -> NDArray[np.float64]:
    """A path from zero of daily shocks, [day]; ``volatility`` is a year's, without reversion."""
    days = len(draws)
    keep = math.exp(-reversion_per_year / 365.0)
    step = volatility / math.sqrt(365.0)
    noise = np.zeros(days + 1)
    for day in range(days):
        noise[day + 1] = keep * noise[day] + step * draws[day]
    return noise
