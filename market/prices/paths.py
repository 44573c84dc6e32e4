"""All paths of a run, and the same paths longer: what prices do after the horizon."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..scenario.errors import InputError
from ..scenario.scenario import Scenario
from ..state.paths import ComputePaths, CryptoPaths, MacroPaths
from .bitcoin import crypto_paths
from .history import OpeningQuotes
from .imposed_rents import imposed_rents
from .money import macro_paths
from .noise import DRAWN, Shocks
from .rents import compute_paths


class PricePaths(NamedTuple):
    """The exogenous paths of a run, by day; the opening day first."""

    macro: MacroPaths
    crypto: CryptoPaths
    compute: ComputePaths


def price_paths(
    scenario: Scenario, days: int, seed: int, opening: OpeningQuotes, given: Shocks = DRAWN
) -> PricePaths:
    """Paths of so many days after the opening; daily shocks that are not given the seed draws.

    Raises:
        InputError: a history file that cannot be used, or ends before the run.
    """
    macro = macro_paths(scenario.macro, days, seed, opening.date, given)
    crypto = crypto_paths(scenario.crypto, days, seed, opening, macro.btc_log, given)
    if scenario.compute.path == "history":
        return PricePaths(macro, crypto, imposed_rents(days, opening))
    rents = compute_paths(scenario.compute, days, seed, macro.demand_log, given)
    return PricePaths(macro, crypto, rents)


def longer_paths(
    paths: PricePaths,
    scenario: Scenario,
    more: int,
    seed: int,
    opening: OpeningQuotes,
    given: Shocks = DRAWN,
) -> PricePaths:
    """The same paths, to the last bit, and ``more`` days after them.

    They go on with the draws and shocks that a longer run has, from where they are. Where a history
    ends, its last day stays.
    """
    days = len(paths.macro.stress) - 1
    longer = days + more
    try:
        macro = macro_paths(scenario.macro, longer, seed, opening.date, given)
    except InputError:
        macro = MacroPaths(*(_stay(column, more) for column in paths.macro))
    macro = MacroPaths(*map(_then, paths.macro, macro))
    old = paths.crypto
    try:
        new = crypto_paths(scenario.crypto, longer, seed, opening, macro.btc_log, given)
        crypto = CryptoPaths(
            btc_usd=_from_there(old.btc_usd, new.btc_usd),
            eth_usd=_from_there(old.eth_usd, new.eth_usd),
            hashrate_growth=_from_there(old.hashrate_growth, new.hashrate_growth),
            fee_share=_then(old.fee_share, new.fee_share),
            start=old.start,
            note=old.note,
        )
    except InputError:
        prices = (old.btc_usd, old.eth_usd, old.hashrate_growth, old.fee_share)
        btc, eth, hashrate, fees = (_stay(column, more) for column in prices)
        crypto = CryptoPaths(btc, eth, hashrate, fees, old.start, old.note)
    was = paths.compute
    if scenario.compute.path == "history":
        last = np.repeat(was.class_rent[-1:], more, axis=0)
        rents = ComputePaths(_stay(was.planned_rent, more), np.vstack((was.class_rent, last)))
    else:
        new_rents = compute_paths(scenario.compute, longer, seed, macro.demand_log, given)
        rents = ComputePaths(_from_there(was.planned_rent, new_rents.planned_rent))
    return PricePaths(macro, crypto, rents)


def _then(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """A path, and what a longer one has after it."""
    return np.concatenate((old, new[len(old) :]))


def _from_there(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """A path of prices, and the changes that a longer one has after it."""
    last = len(old) - 1
    return np.concatenate((old, new[last + 1 :] * (old[last] / new[last])))


def _stay(old: NDArray[np.float64], more: int) -> NDArray[np.float64]:
    """A path that stays where it is."""
    return np.concatenate((old, np.full(more, old[-1])))
