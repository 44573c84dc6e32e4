"""Daily shocks that are given and not drawn: they stand, and all else stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.market.prices.noise import shocks
from firesale.market.simulation import Simulation
from firesale.market.state.randomness import Stream, normals

SETTINGS = ("days=60", "macro.volatility=0.4", "macro.reversion_per_year=2.0")
PATHS = ("macro", "crypto", "compute")


def test_given_shocks_come_first_and_drawn_ones_after() -> None:
    drawn = normals(7, Stream.MACRO, 5)
    given = {Stream.MACRO: np.array([1.0, 2.0, 3.0])}
    assert shocks(7, Stream.MACRO, 5, given).tolist() == [1.0, 2.0, 3.0, *drawn[3:]]
    assert shocks(7, Stream.MACRO, 2, given).tolist() == [1.0, 2.0]
    assert (
        shocks(7, Stream.BTC_NOISE, 5, given).tolist() == normals(7, Stream.BTC_NOISE, 5).tolist()
    )
    assert given[Stream.MACRO].tolist() == [1.0, 2.0, 3.0]


def logs(one: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    market = one.market
    return market.macro.stress, np.log(market.crypto.btc_usd), np.log(market.compute.planned_rent)


@pytest.mark.parametrize(("stream", "moves"), [
    (Stream.BTC_NOISE, (False, True, False)),
    (Stream.DEMAND_NOISE, (False, False, True)),
    (Stream.MACRO, (True, True, True)),  # the two others load on it
])  # fmt: skip
def test_a_shock_of_one_day_moves_its_path_from_then_on(
    stream: Stream, moves: tuple[bool, ...]
) -> None:
    one = runs.fresh("baseline", SETTINGS, 3)
    before = logs(one)
    given = normals(3, stream, 60)
    given[20] += 1.0
    after = logs(one.take_paths(3, {stream: given}))
    for old, new, moved in zip(before, after, moves, strict=True):
        np.testing.assert_array_equal(new[:21], old[:21])
        assert (new[21:] != old[21:]).all() == moved or not moved
        assert moved or (new == old).all()
    if stream == Stream.BTC_NOISE:
        step = one.scenario.crypto.volatility / np.sqrt(365.0)
        assert after[1][21:] - before[1][21:] == pytest.approx(np.full(40, step))


def test_paths_go_on_with_the_shocks_and_the_seed_they_have() -> None:
    given = {one: np.full(60, 0.1) for one in (Stream.BTC_NOISE, Stream.DEMAND_NOISE, Stream.MACRO)}
    short = runs.fresh("baseline", SETTINGS, 3).take_paths(8, given)
    longer = runs.fresh("baseline", ("days=100", *SETTINGS[1:]), 3).take_paths(8, given)
    paths = short.longer_paths()
    assert paths.macro.stress[:101].tobytes() == longer.market.macro.stress.tobytes()
    np.testing.assert_allclose(paths.crypto.btc_usd[:101], longer.market.crypto.btc_usd, rtol=1e-12)
    rents = longer.market.compute.planned_rent
    np.testing.assert_allclose(paths.compute.planned_rent[:101], rents, rtol=1e-12)
