"""Owners in distress sell machines: which, how many, and whether it cures what was missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.party import Outside, Status
from firesale.market.debt import listing
from firesale.market.liquidation.auctions import (
    OWNER_PATIENCE_DAYS,
    auction_removed,
    lot_reserve_usd,
)
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral
from firesale.market.state.lots import LotState, new_lot

ASK = 1.25  # of what is missing
AT_MARK = {"channels": {"fire_sale": False, "funding_run": False, "lender_capital": False}}
FREE = dict(
    legal_cost_share=0.0, removal_usd_per_gpu=0.0, removal_usd_per_th=0.0,
    storage_usd_per_gpu_day=0.0, idle_cost_share=0.0, receiver_share=0.0,
)  # fmt: skip


def owner(
    missing: float = 1000.0, *, gpus: float = 30.0, rigs: float = 500.0, **more: Any
) -> Bench:
    """GPUs at 100 and rigs at 10; so much is due and unpaid."""
    loans = [dict(principal_usd=5000.0)] + more.pop("loans", [])
    bench = Bench(loans, fleets=[(0, GPU, gpus), (0, RIG, rigs)], **(FREE | more))
    bench.s.loans.arrears_principal_usd[0] = missing
    return bench


def listed(bench: Bench) -> list[tuple[int, float]]:
    """Class and units of every lot."""
    lots = bench.s.lots
    return [(int(lots.hardware[i]), float(lots.units[i])) for i in range(int(lots.count[0]))]


def units(bench: Bench, k: int) -> float:
    return float(bench.s.holdings.units[bench.s.holdings.hardware == k][0])


# --- what is listed -------------------------------------------------------------------------------


def test_the_cheapest_class_goes_first_and_no_more_than_is_needed() -> None:
    bench = owner(1000.0)
    bench.kernel(listing.list_machines)
    # A quarter more than 1,000 is asked for: 125 rigs at 10.
    assert listed(bench) == [(RIG, pytest.approx(125.0))]
    assert (units(bench, RIG), units(bench, GPU)) == pytest.approx((375.0, 30.0))
    lots = bench.s.lots
    assert (lots.owner[0], lots.loan[0], lots.borrower[0]) == (0, -1, 0)
    assert lots.listed[0] and lots.state[0] == LotState.IN_PLACE
    (event,) = bench.events(Event.LISTED)
    assert (event["party"], event["cause"]) == (0, Cause.FUNDING)
    assert event["amount_usd"] == pytest.approx(1250.0)


def test_then_the_next_class() -> None:
    bench = owner(5000.0)
    bench.kernel(listing.list_machines)
    # 6,250: all 500 rigs bring 5,000, the rest are 12.5 GPUs, which are de-installed first.
    assert listed(bench) == [(RIG, pytest.approx(500.0)), (GPU, pytest.approx(12.5))]
    assert bench.s.lots.state[1] == LotState.MOVING
    assert units(bench, RIG) == 0.0


def test_nobody_lists_a_rig_a_day() -> None:
    bench = owner(10.0)
    bench.kernel(listing.list_machines)
    assert listed(bench) == [(RIG, pytest.approx(50.0))]  # a tenth of the class
    bench.kernel(listing.list_machines)
    assert len(listed(bench)) == 1  # what is coming is enough


def test_what_is_on_its_way_counts() -> None:
    bench = owner(1000.0)
    bench.kernel(listing.list_machines)
    bench.s.loans.arrears_principal_usd[0] = 3000.0
    bench.kernel(listing.list_machines)
    assert listed(bench)[1] == (RIG, pytest.approx(250.0))
    bench.s.marks_usd[RIG] = 5.0  # what is coming is worth half: 1,875 more are needed
    bench.kernel(listing.list_machines)
    assert listed(bench)[2:] == [(RIG, pytest.approx(125.0)), (GPU, pytest.approx(12.5))]


def test_suppliers_and_cash_count() -> None:
    bench = owner(1000.0, cash=[900.0])
    bench.s.parties.payables_usd[0] = 700.0
    bench.kernel(listing.list_machines)
    assert listed(bench) == [(RIG, pytest.approx(ASK * 800.0 / 10.0))]


@pytest.mark.parametrize(
    "calm", [{"missing": 0.0}, {"cash": [1000.0]}, {"failed": True}, {"elsewhere": True}]
)
def test_nothing_is_listed_without_distress(calm: dict[str, Any]) -> None:
    bench = owner(calm.get("missing", 1000.0), cash=calm.get("cash", ()))
    if calm.get("failed"):
        bench.s.parties.status[0] = Status.DEFAULTED
    if calm.get("elsewhere"):  # a loan that has failed alone is the lender's to collect
        bench.s.loans.status[0] = 1
    bench.kernel(listing.list_machines)
    assert listed(bench) == [] and not len(bench.s.events)


def test_only_free_machines_are_listed() -> None:
    # Of 500 rigs 480 are pledged, of 30 GPUs 10; 12 are needed for contracts of the whole fleet,
    # and 15 were bought for a contract of their own.
    loans = [
        dict(principal_usd=1.0, collateral=Collateral.HARDWARE, hardware=RIG,
             collateral_units=480.0),
        dict(principal_usd=1.0, collateral=Collateral.HARDWARE, hardware=GPU,
             collateral_units=10.0),
    ]  # fmt: skip
    bench = owner(1e6, loans=loans)
    s = bench.s
    s.holdings.contract_units[s.holdings.hardware == GPU] = 15.0
    s.neoclouds.contracted_gpus[0] = 12.0
    bench.kernel(listing.list_machines)
    assert listed(bench) == [(RIG, pytest.approx(20.0)), (GPU, pytest.approx(3.0))]
    bench.kernel(listing.list_machines)
    assert len(listed(bench)) == 2
    assert units(bench, RIG) == pytest.approx(480.0)
    assert units(bench, GPU) >= 15.0 + 12.0 - 1e-6


def test_scrap_is_not_worth_a_listing() -> None:
    bench = owner(1000.0, scrap=(5.0, 10.0, 0.0))
    bench.kernel(listing.list_machines)
    assert listed(bench) == [(GPU, pytest.approx(12.5))]


@given(
    st.floats(0, 1e5), st.floats(0, 100), st.floats(0, 1), st.floats(0, 100), st.floats(0, 5000),
    st.floats(1.1, 100), st.integers(1, 4),
)  # fmt: skip
def test_no_lien_and_no_contract_is_touched(
    missing: float, gpus: float, share: float, contracted: float, rigs: float, mark: float,
    rounds: int,
) -> None:  # fmt: skip
    lien = dict(principal_usd=1.0, collateral=Collateral.HARDWARE, hardware=GPU,
                collateral_units=share * gpus)  # fmt: skip
    bench = owner(missing, gpus=gpus, rigs=rigs, loans=[lien], marks=(100.0, mark, 0.0))
    bench.s.neoclouds.contracted_gpus[0] = contracted
    for _ in range(rounds):
        bench.kernel(listing.list_machines)
    offered = {k: sum(x for j, x in listed(bench) if j == k) for k in (GPU, RIG)}
    assert units(bench, GPU) + offered[GPU] == pytest.approx(gpus)
    assert units(bench, RIG) + offered[RIG] == pytest.approx(rigs)
    assert offered[GPU] <= max(0.0, gpus - max(share * gpus, contracted)) + 1e-6
    worth = 100.0 * offered[GPU] + mark * offered[RIG]
    assert worth <= max(ASK * missing, 10.0 * gpus + 0.1 * mark * rigs) * (1 + 1e-9) + 200.0
    if missing == 0.0:
        assert not listed(bench)


# --- what becomes of it ---------------------------------------------------------------------------


def test_proceeds_cure_what_was_missed_before_the_default() -> None:
    loan = dict(principal_usd=1000.0, next_payment_day=1, maturity_day=1, cure_days=10)
    bench = Bench([loan], fleets=[(0, RIG, 500.0)], cash=[200.0], scenario=AT_MARK, **FREE)
    phases = ("service", "pay", "decide", "default", "liquidate")
    bench.day(1, *phases)
    # 800 are missing; 1,000 worth of rigs are sold at the mark, and pay the day after.
    assert bench.kinds() == ["MISSED_PAYMENT", "LISTED", "HARDWARE_SALE"]
    assert bench.events(Event.LISTED)["parent"][0] == 0
    assert bench.events(Event.HARDWARE_SALE)["parent"][0] == 1
    for day in range(2, 13):
        bench.day(day, *phases)
    assert bench.kinds()[3:] == ["CURED"]
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert bench.cash(0) == pytest.approx(200.0) and units(bench, RIG) == pytest.approx(400.0)
    assert bench.s.loans.principal_usd[0] == 0.0
    assert bench.cash(bench.outside(Outside.INVESTORS)) == pytest.approx(-1000.0)


def test_without_machines_the_same_miss_is_a_default() -> None:
    loan = dict(principal_usd=1000.0, next_payment_day=1, maturity_day=1, cure_days=10)
    bench = Bench([loan], fleets=[(0, RIG, 50.0)], cash=[200.0], scenario=AT_MARK, **FREE)
    for day in range(1, 12):
        bench.day(day, "service", "pay", "decide", "default", "liquidate")
    assert bench.s.parties.status[0] == Status.DEFAULTED
    assert len(bench.events(Event.LISTED)) == 1


def test_owners_patience_is_its_cure_period() -> None:
    bench = owner(1000.0)
    bench.market.today.day = 5
    bench.kernel(listing.list_machines)
    bench.market.hold_usd[RIG] = 8.0
    for waited, reserve in ((0, 8.0), (14, 4.0), (28, 1.0), (99, 1.0)):
        bench.market.today.day = 5 + waited
        assert lot_reserve_usd(bench.market, 0) == pytest.approx(reserve)
    assert OWNER_PATIENCE_DAYS == 28.0


def test_what_is_not_sold_belongs_to_the_estate() -> None:
    loan = dict(principal_usd=1000.0, next_payment_day=1, maturity_day=1, cure_days=3)
    bench = Bench([loan], fleets=[(0, GPU, 40.0)], **FREE)
    for day in range(1, 5):
        bench.day(day, "service", "pay", "decide", "default", "lenders", "liquidate")
    assert bench.s.parties.status[0] == Status.DEFAULTED
    # 12.5 GPUs were on their way to market, the rest is seized; all of it covers the claim.
    assert listed(bench) == [(GPU, pytest.approx(12.5)), (GPU, pytest.approx(27.5))]
    assert list(bench.s.lots.owner[:2]) == [0, 0]
    assert bench.s.lenders.loss_usd[0] == 0.0


@pytest.mark.parametrize("listed_by_owner", [True, False])
def test_owners_pay_for_the_removal_of_what_they_sell(listed_by_owner: bool) -> None:
    """Ten GPUs at 50: seized ones were taken out at the seizure, at their lender's cost."""
    bench = Bench(
        fleets=[(0, GPU, 0.0)],
        buyers=[{"budget": 500.0, "slots": 10.0}],
        **FREE | dict(removal_usd_per_gpu=3.0),
    )
    s = bench.s
    new_lot(s.lots, 0, (0, -1, 0), GPU, 10.0, -1)
    s.lots.state[0], s.lots.mark_usd[0] = LotState.REMOVED, 100.0
    s.lots.listed[0], s.lots.offered_day[0] = listed_by_owner, 0
    bench.market.today.day = 1
    bids = {"bids": np.array([50.0]), "bid_units": np.array([10.0])}
    price, *_ = bench.kernel(auction_removed, k=GPU, routine_units=0.0, **bids)
    removal = 30.0 if listed_by_owner else 0.0
    assert bench.cash(0) == pytest.approx(10.0 * price - removal)
    assert bench.cash(bench.outside(Outside.COURTS)) == pytest.approx(removal)
