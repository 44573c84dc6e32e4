"""Counter-based randomness: a draw is a hash of (seed, stream, day, party).

Nothing is stored and nothing is consumed, so a draw does not depend on the order of work, on the
number of threads or on which channels are on: two runs with one seed share every shock (common
random numbers). The hash is SplitMix64's finaliser (Steele, Lea & Flood 2014), applied in a chain.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from ...agents.compiling.kernels import compiled


class Stream(IntEnum):
    """One named stream per kind of decision, so that changing one leaves the others alone."""

    BTC_NOISE = 1
    BTC_JUMP_TIME = 2
    BTC_JUMP_SIZE = 3
    ETH_NOISE = 4
    DEMAND_NOISE = 5
    HAZARD = 6
    BUYER_VIEW = 7
    SPLIT_SIZE = 8
    SPLIT_NOISE = 9
    SPLIT_LOANS = 10
    SAMPLING = 11
    BUYER_SIZE = 12
    HISTORY_BRIDGE = 13
    TENANT = 14
    TENANT_TALKS = 15
    MACRO = 16
    SYNTHETIC = 17
    NAMED_TENANT = 18
    NAMED_TENANT_TALKS = 19
    BELIEF = 20
    ENTRY = 21


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@compiled
def _mix(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@compiled
def uniform(seed: int, stream: int, day: int, party: int) -> float:
    """A number in (0, 1), the same for the same arguments, always."""
    x = _mix(np.uint64(seed) + _GOLDEN)
    x = _mix(x ^ (np.uint64(stream) * _GOLDEN))
    x = _mix(x ^ (np.uint64(day) * _MIX_1))
    x = _mix(x ^ (np.uint64(party) * _MIX_2))
    return (float(x >> np.uint64(11)) + 0.5) / 9007199254740992.0


@compiled
def normal(seed: int, stream: int, day: int, party: int) -> float:
    """A standard normal number (Box and Muller 1958) from two hashes."""
    u = uniform(seed, stream, day, 2 * party)
    v = uniform(seed, stream, day, 2 * party + 1)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)


@compiled
def normals(seed: int, stream: int, count: int) -> np.ndarray:
    """Standard normal numbers for days 0..count-1 of one stream, shape (count,)."""
    result = np.empty(count)
    for day in range(count):
        result[day] = normal(seed, stream, day, 0)
    return result


@compiled
def party_normals(seed: int, stream: int, day: int, count: int) -> np.ndarray:
    """Standard normal numbers of one day for parties 0..count-1, shape (count,)."""
    result = np.empty(count)
    for party in range(count):
        result[party] = normal(seed, stream, day, party)
    return result


@compiled
def party_uniforms(seed: int, stream: int, day: int, count: int) -> np.ndarray:
    """Uniform numbers of one day for parties 0..count-1, shape (count,)."""
    result = np.empty(count)
    for party in range(count):
        result[party] = uniform(seed, stream, day, party)
    return result
