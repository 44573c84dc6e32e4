"""Bitcoin: price path, impact of forced sales, hashprice and difficulty.

The exogenous price is a random walk with jumps, a scripted crash or the replay of a file. On top
lies the impact of forced sales, which decays. Hashprice divides by the hashrate the *current
difficulty* implies, not by today's hashrate: dividing by today's makes it oscillate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..scenario.sections import Crypto
from ..state.paths import CryptoPaths
from ..state.randomness import Stream, normals, party_uniforms
from .history import OpeningQuotes, _eth_path, _planned_growth, _replay, _replay_from
from .noise import DRAWN, Shocks, shocks


def crypto_paths(
    settings: Crypto,
    days: int,
    seed: int,
    opening: OpeningQuotes,
    macro_log: NDArray[np.float64] | None = None,
    given: Shocks = DRAWN,
) -> CryptoPaths:
    """Build the exogenous paths of a run; ``macro_log`` is added to a random log price.

    Raises:
        InputError: the history file is missing, malformed or too short.
    """
    if settings.path == "history":
        if settings.history_from_opening:
            return _replay_from(settings, days, seed, opening)
        return _replay(settings, days, seed, opening)
    noise = shocks(seed, Stream.BTC_NOISE, days, given)
    returns = _log_returns(settings, noise, seed)
    if settings.path == "crash":
        log_price = _crash(settings, returns, days)
    else:
        log_price = np.concatenate(([0.0], np.cumsum(returns)))
        if macro_log is not None:
            log_price = log_price + macro_log
    eth = _eth_path(settings, log_price, days, seed)
    return CryptoPaths(
        btc_usd=opening.btc_usd * np.exp(log_price),
        eth_usd=opening.eth_usd * eth,
        hashrate_growth=_planned_growth(settings, days),
        fee_share=np.full(days + 1, opening.fee_share),
        start=opening.date,
    )


def _log_returns(settings: Crypto, noise: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Daily log returns: geometric Brownian motion with jumps; the mean price grows by drift.

    ``noise`` is that of the motion; the seed draws the jumps.
    """
    days, dt = len(noise), 1.0 / 365.0
    sigma = settings.volatility
    returns = (settings.drift - 0.5 * sigma**2) * dt + sigma * math.sqrt(dt) * noise
    if settings.jumps_per_year > 0:
        sizes = settings.jump_mean + settings.jump_deviation * normals(
            seed, Stream.BTC_JUMP_SIZE, days
        )
        probability = 1.0 - math.exp(-settings.jumps_per_year * dt)
        hit = party_uniforms(seed, Stream.BTC_JUMP_TIME, 0, days) < probability
        mean_jump = math.exp(settings.jump_mean + 0.5 * settings.jump_deviation**2) - 1.0
        returns += np.where(hit, sizes, 0.0) - math.log1p(probability * mean_jump)
    return returns


def _crash(settings: Crypto, returns: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """The scripted loss and recovery, with noise pinned at both ends of the crash (a bridge)."""
    day = np.arange(days + 1, dtype=float)
    depth = math.log(1.0 - settings.crash_depth)
    start, length = settings.crash_start_day, settings.crash_days
    fall = np.clip((day - start) / length, 0.0, 1.0) * depth
    back = np.clip((day - start - length) / settings.recovery_days, 0.0, 1.0)
    fall -= settings.recovery_share * back * depth
    noise = np.concatenate(([0.0], np.cumsum(returns)))
    first, last = min(start, days), min(start + length, days)
    if last > first:
        # The bridge takes out what the noise itself did between both ends of the crash.
        drift = noise[last] - noise[first]
        share = np.clip((day - first) / (last - first), 0.0, 1.0)
        noise = noise - share * drift
    return fall + noise
