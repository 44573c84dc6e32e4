"""One sale of everything: each dollar and each rack is spent once."""

from __future__ import annotations

import numpy as np
import pytest
import runs
from by_hand import GPU, RIG, Bench

from firesale.market.liquidation.bids import bids_today
from firesale.market.liquidation.budget_auctions import clearing_price, serve, units_at
from firesale.market.liquidation.one_sale import Offer, no_limits, sold_usd
from firesale.market.state.hardware import Family
from firesale.market.state.loans import Collateral

MONEY_USD = 100.0


def one_buyer(**buyer: object) -> Bench:
    """Who thinks each machine worth 50 and has a hundred dollars; ten GPUs and ten rigs stand."""
    bench = Bench(
        fleets=[(0, GPU, 10.0), (0, RIG, 10.0)],
        buyers=[dict(budget=MONEY_USD, slots=1e9) | buyer],
        scrap=[1.0, 1.0, 0.0],
        legal_cost_share=0.0,
        removal_usd_per_gpu=0.0,
        removal_usd_per_th=0.0,
    )
    bench.s.hardware.replacement_usd[:] = 1e9
    bench.s.buyers.private_view[:] = 1.0
    bench.market.strips = np.array([[50.0, 50.0, np.nan]])
    return bench


def brought(bench: Bench, *classes: int, days: float = 0.0) -> np.ndarray:
    holdings = bench.s.holdings
    units = np.where(np.isin(holdings.hardware, classes), holdings.units, 0.0)
    return sale(bench, units, np.zeros(len(bench.s.hardware.family)), days)


def sale(bench: Bench, units: np.ndarray, removed: np.ndarray, days: float) -> np.ndarray:
    limits = bench.kernel(no_limits)
    return bench.kernel(sold_usd, limits=limits, offer=offer(units, removed), days=days)


def offer(units: np.ndarray, removed: np.ndarray) -> Offer:
    rows = np.flatnonzero(units)
    return Offer(rows, units[rows].astype(float), removed)


def test_a_hundred_dollars_are_spent_once() -> None:
    bench = one_buyer()
    assert brought(bench, GPU)[GPU] == pytest.approx(MONEY_USD)
    assert brought(bench, RIG)[RIG] == pytest.approx(MONEY_USD)
    both = brought(bench, GPU, RIG)
    assert both[GPU] == pytest.approx(MONEY_USD)
    assert both[RIG] == pytest.approx(10.0)  # scrap: the money is gone
    assert bench.s.buyers.budget_usd[0] == MONEY_USD  # nothing was sold
    assert (bench.s.buyers.slots == one_buyer().s.buyers.slots).all()


def test_ninety_days_of_income_more() -> None:
    bench = one_buyer()
    bench.s.buyers.budget_usd_day[0] = 2.0
    assert brought(bench, GPU, days=90.0)[GPU] == pytest.approx(MONEY_USD + 180.0)


def test_racks_bind_and_the_rest_is_scrap() -> None:
    bench = one_buyer(slots=4.0)
    # Four find a rack, at the reserve: nobody else bids for them. Six are scrap.
    assert brought(bench, GPU)[GPU] == pytest.approx(10.0)


def test_legal_and_removal_cost_come_off() -> None:
    bench = one_buyer()
    bench.terms.liquidation.legal_cost_share = 0.1
    bench.terms.liquidation.removal_usd_per_gpu = 2.0
    assert brought(bench, GPU)[GPU] == pytest.approx(0.9 * MONEY_USD - 10 * 2.0)


def test_all_that_gpus_bring_is_no_more_than_their_buyers_have() -> None:
    """At the opening of 2025; sums over classes once counted each budget in each class."""
    sim = runs.fresh("calm", ("days=1",))
    buyers, hardware = sim.market.buyers, sim.market.hardware
    opening = sim.absorption().query("day == 0").set_index("hardware")
    gpus = [k for k, name in enumerate(sim.market.names.hardware) if name in opening.index]
    gpus = [k for k in gpus if hardware.family[k] == Family.GPU]
    money = buyers.budget_usd[buyers.accepts[:, gpus].any(axis=1)].sum()
    loans = sim.market.loans
    pledged = loans.collateral == Collateral.HARDWARE
    scrap = sum(
        loans.collateral_units[pledged & (loans.hardware == k)].sum() * hardware.scrap_usd[k]
        for k in gpus
    )
    names = [sim.market.names.hardware[k] for k in gpus]
    assert 0.0 < opening.loc[names, "realisable_value_usd"].sum() <= money + scrap


def test_reported_values_are_those_of_the_books() -> None:
    """Loan-to-value ratios of the opening books stand on system cost; so does what is reported."""
    sim = runs.fresh("calm", ("days=1",))
    table = sim.absorption().query("day == 0").set_index("hardware")
    hardware, names = sim.market.hardware, sim.market.names.hardware
    loans = sim.market.loans
    k = names.index("A100")
    rows = (loans.hardware == k) & (loans.principal_usd > 0)
    cost = (loans.collateral_units[rows] * hardware.new_usd[k]).sum()
    assert table.loc["A100", "reported_value_usd"] == pytest.approx(cost)


def test_machines_taken_out_before_meet_the_same_money() -> None:
    """Ten GPUs and ten rigs that stand nowhere bring what those that stand do."""
    bench = one_buyer()
    stored, standing = np.array([10.0, 10.0, 0.0]), np.zeros(len(bench.s.holdings.units))
    both = sale(bench, standing, stored, 0.0)
    assert both == pytest.approx(brought(bench, GPU, RIG))


def test_limits_asked_for_once_serve_every_sale() -> None:
    """What a buyer bids a machine depends on the day, not on what it has spent."""
    bench = one_buyer()
    limits = bench.kernel(no_limits)
    nothing = np.zeros(len(bench.s.hardware.family))
    for units in (bench.s.holdings.units, bench.s.holdings.units * 0.5):
        again = bench.kernel(sold_usd, limits=limits, offer=offer(units, nothing), days=0.0)
        assert (again == sale(bench, units, nothing, 0.0)).all()


@pytest.mark.parametrize("seed", range(8))
def test_one_seller_gets_what_an_auction_with_one_reserve_gives(seed: int) -> None:
    """The short search among the highest bidders finds the price of the search among all."""
    draw = np.random.default_rng(seed)
    buyers = [
        dict(budget=float(draw.uniform(0.0, 300.0)), slots=float(draw.integers(0, 6)))
        for _ in range(12)
    ]
    bench = Bench(
        fleets=[(0, GPU, 10.0)],
        buyers=buyers,
        scrap=[1.0, 1.0, 0.0],
        legal_cost_share=0.0,
        removal_usd_per_gpu=0.0,
    )
    bench.s.hardware.replacement_usd[:] = 1e9
    bench.s.buyers.private_view[:] = draw.choice([0.2, 0.5, 0.8, 1.0, 1.3], (12, 3))
    bench.market.strips = np.full((len(bench.market.first_of_segment), 3), 50.0)
    for units in (0.5, 4.0, 25.0, 400.0):
        bids = bench.kernel(bids_today, k=GPU, in_place=False)
        s = bench.s
        asks, offered = np.array([1.0]), np.array([units])
        price = clearing_price(GPU, bids, asks, offered, s.buyers, s.hardware)
        taken = units_at(price, GPU, bids, s.buyers, s.hardware)
        serve(taken, bids, units)
        sold = taken.sum()
        got = sale(bench, np.array([units]), np.zeros(len(s.hardware.family)), 0.0)[GPU]
        assert got == pytest.approx(sold * price + (units - sold) * 1.0, rel=1e-9)
