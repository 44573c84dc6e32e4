"""A copy of a market is another market: what happens to one leaves the other alone."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from runs import fresh, tables, tables_2021

from firesale.market.opening.open_market import _built_once
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.handle import Numbers
from firesale.market.state.market import Market

OPENINGS = {
    "2025": ("joint-crash", ()),
    "2021": ("backtest-2022", ()),
    "synthetic": ("joint-crash", ("opening.start=synthetic", "synthetic.parties=100")),
}


def parts(held: Any, name: str = "market") -> Iterator[tuple[str, Any]]:
    """All arrays and numbers that a market or a table holds, by dotted name."""
    if isinstance(held, np.ndarray | Numbers):
        yield name, held
    elif isinstance(held, Market):
        for member, value in held.__getstate__().items():
            yield from parts(value, f"{name}.{member}")
    elif isinstance(held, tuple) and hasattr(held, "_fields"):
        for member, value in zip(held._fields, held, strict=True):
            yield from parts(value, f"{name}.{member}")


def content(market: Market) -> dict[str, bytes]:
    return {name: bytes(part) for name, part in parts(market)}


def span(part: Any) -> tuple[int, int]:
    """First byte in memory, and the one after the last."""
    if isinstance(part, Numbers):
        return ctypes.addressof(part), ctypes.addressof(part) + ctypes.sizeof(part)
    return part.ctypes.data, part.ctypes.data + part.nbytes


def opened(start: str, seed: int) -> Simulation:
    name, settings = OPENINGS[start]
    crash = ("days=40", "crypto.crash_start_day=1", "crypto.crash_days=20")
    crash = crash[:1] if start == "2021" else crash  # which replays a crash
    books = tables_2021() if start == "2021" else tables()
    return Simulation(Scenario.load(name).with_settings([*crash, *settings]), seed, books)


@pytest.mark.parametrize("start", OPENINGS)
def test_a_copy_shares_no_memory(start: str) -> None:
    first = opened(start, 3).market
    second = first.copy()
    ours, theirs = dict(parts(first)), dict(parts(second))
    assert ours.keys() == theirs.keys() and len(ours) > 300
    assert content(first) == content(second)
    taken = sorted(span(part) for part in (*ours.values(), *theirs.values()))
    taken = [(begin, end) for begin, end in taken if end > begin]
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(taken))
    assert first.scenario == second.scenario and first.names == second.names


def test_what_happens_to_a_copy_leaves_the_first_alone() -> None:
    first, other = opened("2025", 3), opened("2025", 3)
    before = content(first.market)
    names = repr(first.market.names)
    other.market = first.market.copy()
    other.run()
    assert content(first.market) == before and repr(first.market.names) == names
    assert other.day == 40 and first.day == 0
    after = content(other.market)
    assert after["market.parties.cash_usd"] != before["market.parties.cash_usd"]
    first.run()  # and the other way round: the same days again
    assert content(other.market) == after == content(first.market)


def test_a_copy_of_a_day_in_the_middle_goes_on_as_the_first_does() -> None:
    first, other = opened("2025", 3), opened("2025", 3)
    while first.day < 20:
        first.step()
    other.market = first.market.copy()
    assert content(other.run().market) == content(first.run().market)


@pytest.mark.parametrize("start", OPENINGS)
def test_what_is_built_once_serves_every_seed(start: str) -> None:
    """A run before, of another seed or of the same, changes no opening and no day."""
    alone = {}
    for seed in (1, 2):
        _built_once.cache_clear()
        sim = opened(start, seed)
        alone[seed] = content(sim.market), content(sim.run().market)
    _built_once.cache_clear()
    for seed in (1, 2, 1):
        sim = opened(start, seed)
        assert content(sim.market) == alone[seed][0]
        assert content(sim.run().market) == alone[seed][1]
    assert alone[1][1] != alone[2][1]
    assert _built_once.cache_info().misses == 1 and _built_once.cache_info().hits == 2


def test_other_settings_are_another_opening() -> None:
    _built_once.cache_clear()
    calm = fresh("calm", ("days=10",))
    small = fresh("calm", ("days=10", "liquidation.budget_scale=0.5"))
    again = fresh("calm", ("days=10",))
    assert content(calm.market) == content(again.market) != content(small.market)
    assert _built_once.cache_info().misses == 2
