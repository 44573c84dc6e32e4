"""Auctions among budgets: the price at which money and racks meet what is for sale, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import runs
from by_hand import GPU, RIG, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market import day
from firesale.market.liquidation import steps
from firesale.market.liquidation.auctions import auction_removed, lot_reserve_usd
from firesale.market.liquidation.budget_auctions import (
    at_clearing_price,
    clearing_price,
    units_at,
    units_in_ladder,
)
from firesale.market.state.events import Cause
from firesale.market.state.journal import make_room
from firesale.market.state.loans import Collateral
from firesale.market.state.lots import LotState, rows_in_state
from firesale.market.state.market import Market


def buyers(*budgets: float, slots: float = 1e9) -> Bench:
    return Bench(buyers=[dict(budget=budget, slots=slots) for budget in budgets])


@pytest.mark.parametrize(
    ("asks", "offered", "price"),
    [
        ([1.0], [20.0], 5.0),  # the second buyer comes in at five and takes up to twenty more
        ([1.0], [50.0], 4.0),  # both spend all they have
        ([1.0], [15.0], 100.0 / 15.0),  # the first alone
        ([7.0], [15.0], 7.0),  # nobody sells below seven
        ([1.0, 4.5], [30.0, 40.0], 4.5),  # the second lot comes in at its reserve
    ],
)
def test_two_buyers_with_a_hundred_each(
    asks: list[float], offered: list[float], price: float
) -> None:
    bench = buyers(100.0, 100.0)
    found = bench.kernel(
        clearing_price,
        k=GPU,
        bids=np.array([10.0, 5.0]),
        asks=np.array(asks),
        offered=np.array(offered),
    )
    assert found == pytest.approx(price, rel=1e-9)


def test_a_lot_whose_reserve_stops_the_price_is_sold_in_part() -> None:
    """Two hundred dollars at 4.5: the thirty of the first lot, and part of the second."""
    bench = Bench(
        [
            dict(
                borrower=b,
                principal_usd=1e6,
                collateral=Collateral.HARDWARE,
                hardware=RIG,
                collateral_units=units,
            )
            for b, units in enumerate((30.0, 40.0))
        ],
        borrowers=2,
        lenders=2,
        fleets=[(0, RIG, 30.0), (1, RIG, 40.0)],
        buyers=[dict(budget=100.0), dict(budget=100.0)],
        legal_days=0,
    )
    s = bench.s
    s.loans.lender[1] = 1
    s.loans.breach[:] = Cause.MATURITY
    s.loans.sheets.cure_days[:] = 0
    bench.day(1, "default", "liquidate")
    assert list(s.lots.state[:2]) == [LotState.IN_PLACE, LotState.IN_PLACE]
    s.lenders.least_patience_days[:] = [0.0, 1e9]  # one must sell, one asks the value of holding
    s.hold_usd[RIG] = 4.5
    bids, units, _ = at_clearing_price(bench.market, RIG, np.array([10.0, 5.0]), 0.0)
    assert bids == pytest.approx([4.5, 4.5])
    price, total, forced, _ = bench.kernel(
        auction_removed,
        k=RIG,
        bids=bids,
        bid_units=units,
        routine_units=0.0,
    )
    assert price == pytest.approx(4.5) and total == forced == pytest.approx(200.0 / 4.5)
    assert s.lots.units[:2] == pytest.approx([0.0, 70.0 - 200.0 / 4.5])


def test_racks_bind_before_money() -> None:
    bench = buyers(100.0, 100.0, slots=3.0)
    bids = np.array([10.0, 5.0])
    assert bench.kernel(units_at, price=4.0, k=GPU, bids=bids).tolist() == [3.0, 3.0]
    price = bench.kernel(
        clearing_price, k=GPU, bids=bids, asks=np.array([1.0]), offered=np.array([10.0])
    )
    assert price == pytest.approx(1.0)  # six is all they have room for: down to the reserve


def test_the_ladder_meets_what_is_offered_where_the_price_clears() -> None:
    """Three budgets of a hundred at limits of ten, five and two; thirty machines are for sale."""
    bench = buyers(100.0, 100.0, 100.0)
    bids = np.array([10.0, 5.0, 2.0])
    price = bench.kernel(
        clearing_price, k=GPU, bids=bids, asks=np.array([1.0]), offered=np.array([30.0])
    )
    assert price == pytest.approx(5.0)
    ladder = bench.kernel(units_in_ladder, price=price, k=GPU, bids=bids)
    # At five each of the first two has money for twenty; the third takes fifty at its own limit.
    assert ladder == pytest.approx([20.0, 20.0, 50.0])
    nothing = bench.kernel(units_in_ladder, price=0.0, k=GPU, bids=bids)
    assert nothing == pytest.approx([10.0, 20.0, 50.0])  # no auction: each at its own limit


def plain(kernel: Any) -> Any:
    """A kernel as the Python function that it was."""
    return getattr(kernel, "py_func", kernel)


@pytest.mark.parametrize("seed", [1, 7])
def test_the_recorded_book_is_the_one_that_cleared(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits above the price take no more than is asked at most it; with those at it they reach it.

    Where a reserve stops the price, what it asks just there is sold in part.
    """
    market = runs.fresh("backtest-2022", ("days=320",), seed, "2021").market
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    checked = []

    def keep(market: Market, k: int, place: bool, limits: np.ndarray, units: np.ndarray) -> None:
        kept.append((limits.copy(), units.copy()))

    def watch(market: Market, k: int, limits: np.ndarray, routine: float) -> tuple[np.ndarray, ...]:
        bids, units, cleared = at_clearing_price(market, k, limits, routine)
        price, lots = float(bids.max()), market.lots
        offers = rows_in_state(k, LotState.IN_PLACE, lots)
        asks = [lot_reserve_usd(market, i) for i in offers]
        below, upto = (
            routine + sum(lots.units[i] for i, ask in zip(offers, asks) if ask <= most)
            for most in (price * (1 - 1e-9), price)
        )
        if price > 0.0 and below > 5.0 * routine:
            checked.append((len(kept), price, below, upto))
        return bids, units, cleared

    monkeypatch.setattr(steps, "at_clearing_price", watch)
    monkeypatch.setattr(steps, "keep_ladder", keep)
    # From the day down to these two everything is plain Python.
    monkeypatch.setattr(steps, "sell_removed", plain(steps.sell_removed))
    monkeypatch.setattr(steps, "hold_auctions", plain(steps.hold_auctions))
    monkeypatch.setattr(day, "liquidate", plain(steps.liquidate))
    while market.day < market.scenario.days:
        make_room(market)
        plain(day.run_day)(market)
    assert len(checked) > 3
    for place, price, below, upto in checked:
        limits, units = kept[place]
        assert units[limits > price * (1 + 1e-9)].sum() <= upto * (1 + 1e-6)
        assert units[limits >= price * (1 - 1e-9)].sum() >= below * (1 - 1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 50.0), st.floats(1.0, 1e4)), min_size=1, max_size=6),
    st.floats(0.1, 1e4),
    st.floats(1.01, 5.0),
)
def test_more_for_sale_never_raises_the_price_and_more_money_never_lowers_it(
    crowd: list[tuple[float, float]], supply: float, more: float
) -> None:
    bids = np.array([bid for bid, _ in crowd])

    def price(money: float, offered: float) -> float:
        bench = buyers(*(money * budget for _, budget in crowd))
        asks = np.array([0.1])
        found = bench.kernel(
            clearing_price, k=GPU, bids=bids, asks=asks, offered=np.array([offered])
        )
        return float(found)

    assert price(1.0, more * supply) <= price(1.0, supply) * (1 + 1e-9)
    assert price(more, supply) >= price(1.0, supply) * (1 - 1e-9)
