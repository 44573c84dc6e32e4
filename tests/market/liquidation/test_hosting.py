"""Hold and host: who waits for a better price has machines run, where there are racks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import GPU, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.lender import hosts
from firesale.agents.party import Outside
from firesale.market.liquidation.custody import carry_lots
from firesale.market.liquidation.hosting import give_racks_back, host_lots
from firesale.market.state.events import Event
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.lots import LotState, new_lot

RACK = 1  # where the bench's GPUs stand


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(0, 1000), st.floats(0, 1000))
def test_hosting_must_pay_its_installation(
    margin: float, storage: float, days: float, installation: float
) -> None:
    gain = (margin + storage) * days - installation
    assert hosts(margin, storage, days, installation) == (gain > 0.0) or gain == pytest.approx(0.0)


def seized(rent: float = 1.0, patience: tuple[float, float] = (0.0, 730.0), **terms: Any) -> Bench:
    """A lot of ten removed GPUs behind a defaulted claim; one buyer with 100 free racks."""
    free: dict[str, Any] = dict(
        removal_usd_per_gpu=0.0,
        storage_usd_per_gpu_day=1.0,
        hosting_discount=0.0,
        host_share=0.5,
        contract_kept_share=0.5,
        receiver_share=0.5,
    )
    bench = Bench(
        [
            dict(
                principal_usd=5000.0,
                collateral=Collateral.HARDWARE,
                hardware=GPU,
                collateral_units=0.0,
                status=LoanStatus.DEFAULTED,
                claim_usd=5000.0,
                default_day=0,
                open_lots=1,
            )
        ],
        fleets=[(0, GPU, 0.0)],
        buyers=[{"slots": 100.0}],
        patience=[patience],
        **(free | terms),
    )
    s = bench.s
    s.prices.rent_h100_usd_h = rent
    s.neoclouds.spot_realisation[0] = 1.0
    i = new_lot(s.lots, 0, (bench.lender(), 0, 0), GPU, 10.0, -1)
    s.lots.state[i], s.lots.mark_usd[i] = LotState.REMOVED, 100.0
    s.lots.premium_usd_unit_day[i] = 2.0
    s.lots.offered_day[i] = 0
    return bench


def host(bench: Bench) -> None:
    bench.kernel(host_lots)


def test_a_patient_lender_hosts_and_the_racks_are_taken() -> None:
    bench = seized()
    host(bench)
    assert bench.s.lots.hosted_units[0] == 10.0
    assert bench.s.buyers.slots[0, RACK] == pytest.approx(90.0)
    assert len(bench.events(Event.HOSTED)) == 1
    host(bench)  # from one auction to the next: still ten racks, and no new event
    assert bench.s.buyers.slots[0, RACK] == pytest.approx(90.0)
    assert len(bench.events(Event.HOSTED)) == 1
    give_racks_back(bench.s.hosted_slots, bench.s.buyers)
    assert bench.s.buyers.slots[0, RACK] == pytest.approx(100.0)


@pytest.mark.parametrize(
    "why",
    [
        dict(patience=(1.0, 730.0)),  # callable money cannot wait
        dict(host_share=0.0),  # nobody lets racks
        dict(rent=0.05, storage_usd_per_gpu_day=0.0),  # running costs more than it earns
        dict(removal_usd_per_gpu=1e6),  # installation costs more than it ever earns
    ],
)
def test_otherwise_machines_stay_in_storage(why: dict[str, Any]) -> None:
    bench = seized(**why)
    host(bench)
    assert bench.s.lots.hosted_units[0] == 0.0
    assert bench.s.buyers.slots[0, RACK] == 100.0


def test_no_more_than_there_are_racks() -> None:
    bench = seized(host_share=0.04)
    host(bench)
    assert bench.s.lots.hosted_units[0] == pytest.approx(4.0)
    assert bench.s.buyers.slots[0, RACK] == pytest.approx(96.0)


@pytest.mark.parametrize(("budget_usd", "sold"), [(0.0, False), (1e9, True)])
def test_only_what_the_auction_leaves_is_hosted(budget_usd: float, sold: bool) -> None:
    court = {"credit": {"estate_max_days": 730}}  # which waits as long as the lender can
    bench = seized(rent=0.2, scenario={"liquidation": {"window_days": 1}} | court)
    bench.s.buyers.budget_usd[0] = budget_usd
    bench.day(700, "liquidate")  # of 730 the lender can wait
    assert bench.s.lots.units[0] == (0.0 if sold else 10.0)
    assert len(bench.events(Event.HOSTED)) == (0 if sold else 1)
    assert bench.s.buyers.slots[0, RACK] == pytest.approx(90.0)  # the buyer's, or the lender's


def test_who_hosts_earns_and_who_stores_pays() -> None:
    earned = {}
    for share in (0.0, 0.5):
        bench = seized(host_share=share)
        host(bench)
        supply, _ = bench.kernel(carry_lots)
        earned[share] = 5000.0 - float(bench.s.loans.principal_usd[0])
        courts = bench.cash(bench.outside(Outside.COURTS))
        margin = 24.0 * (1.0 - 0.12)  # rent of 1 an hour, 1 kW at 12 cents
        assert supply == (10.0 if share else 0.0)
        assert earned[share] == pytest.approx(10.0 * margin if share else 0.0)
        assert courts == pytest.approx(0.0 if share else 10.0)


def test_a_host_that_runs_at_a_loss_is_a_cost_to_the_lender() -> None:
    bench = seized()
    host(bench)
    bench.s.prices.rent_h100_usd_h = 0.0
    bench.kernel(carry_lots)
    power = 10.0 * 24.0 * 0.12
    assert bench.s.loans.principal_usd[0] == 5000.0  # the claim does not grow
    assert of_claims("recovered_usd", bench.s.loans)[0] == pytest.approx(-power)
    assert bench.s.lenders.loss_usd[0] == pytest.approx(power)
    assert bench.cash(bench.outside(Outside.COURTS)) == pytest.approx(power)


def test_a_receiver_keeps_part_of_a_contract_in_place_only() -> None:
    margin = 24.0 * (1.0 - 0.12)
    income = {}
    for state in (LotState.IN_PLACE, LotState.MOVING):
        bench = seized(host_share=0.0, idle_cost_share=0.0, storage_usd_per_gpu_day=0.0)
        bench.s.lots.state[0] = state
        bench.kernel(carry_lots)
        income[state] = 5000.0 - float(bench.s.loans.principal_usd[0])
    # Half the machines stay rented; they earn spot and half of the 2 a day beyond it.
    assert income[LotState.IN_PLACE] == pytest.approx(0.5 * 10.0 * (margin + 0.5 * 2.0))
    assert income[LotState.MOVING] == 0.0


def test_what_is_hosted_does_not_lose_patience() -> None:
    from firesale.market.liquidation.auctions import lot_reserve_usd

    bench = seized()
    bench.market.today.day = 365  # half of two years
    s = bench.s
    s.hold_usd[GPU] = 80.0

    def reserve() -> float:
        return float(lot_reserve_usd(bench.market, 0))

    assert reserve() == pytest.approx(40.0)
    s.lots.hosted_units[0] = 10.0
    assert reserve() == pytest.approx(80.0)
    s.lots.hosted_units[0] = 5.0
    assert reserve() == pytest.approx(60.0)


def test_racks_are_conserved_whatever_is_hosted() -> None:
    bench = seized()
    racks = bench.s.buyers.slots.sum() + bench.s.hosted_slots.sum()
    for units in (10.0, 3.0, 7.0, 0.0):
        bench.s.lots.units[0] = units
        host(bench)
        total = bench.s.buyers.slots.sum() + bench.s.hosted_slots.sum()
        assert total == pytest.approx(racks)
        assert np.all(bench.s.buyers.slots >= 0.0)
