"""Auctions among budgets: the price at which money and racks meet what is for sale, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import runs
from by_hand import GPU, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from market.budgets import clearing_price, units_at, units_in_ladder
from market.rows_2021 import NEW_RIGS


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


@pytest.mark.parametrize("seed", [1, 7])
def test_the_recorded_book_is_the_one_that_cleared(seed: int) -> None:
    """Bids at the clearing price or more buy just what is sold: lots that ask no more, and a little
    ordinary trade.
    """
    sim = runs.finished("backtest-2022", (), seed, "2021")
    book, series = sim.book(), sim.series().set_index("day")
    routine = sim.run_state.quotes.routine_units_year[sim.state.names.hardware.index(NEW_RIGS)]
    routine *= sim.scenario.liquidation.window_days / 365.0
    checked = 0
    for day, one in book[book["hardware"] == NEW_RIGS].groupby("day"):
        asks, bids = (one[one["side"] == side] for side in ("ask", "bid"))
        price = series.loc[day, f"clearing_{NEW_RIGS}_usd"]
        sold = asks.loc[asks["price_usd"] < price, "units"].sum()
        if len(asks) == 0 or sold < 10.0 * routine:
            continue
        some = asks.loc[asks["price_usd"] <= price * (1 + 1e-9), "units"].sum()
        wanted = bids.loc[bids["price_usd"] >= price, "units"].sum()
        assert wanted >= 0.8 * sold and wanted <= 1.2 * (some + routine)
        checked += 1
    assert checked > 3


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
