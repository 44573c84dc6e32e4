"""Tenants that break contracts, guarantors, halls that stand empty, machines that earn spot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.agents.neocloud import tenant_hazard_per_day
from firesale.agents.party import Outside, Status
from firesale.market.debt import underwriting
from firesale.market.operators import tenants
from firesale.market.state.contracts import ContractKind, Contracts
from firesale.market.state.events import Cause, Event
from firesale.market.state.history import log_event

CERTAIN = dict(counterparty=True, tenants__hazard_per_year=1e9, renegotiated_share=0.0)
DEFAULTS: dict[str, Any] = {
    "kind": ContractKind.COMPUTE,
    "hardware": GPU,
    "spot_ratio": 1.0,
    "end_day": 1000,
    "holding": -1,
    "unit_cost_usd_day": math.nan,
    "unrated": True,
    "pooled": True,
    "guarantor": -1,
    "rent_share": 1.0,
    "broken_day": -1,
}
NAMED = dict(pooled=False, usd_day=240.0)  # ten GPUs at the spot rent
HALL = dict(kind=ContractKind.HOSTING, hardware=-1, gpus=0.0)


def market(*rows: dict[str, Any], rent: float = 1.0, borrowers: int = 2, **terms: Any) -> Bench:
    """Borrower 0 has ten GPUs and lets; tenants are outside if not told. A GPU earns 24 at spot."""
    bench = Bench(borrowers=borrowers, fleets=[(0, GPU, 10.0)], cash=[1e3] * borrowers, **terms)
    outside = bench.outside(Outside.OWNERS)
    full = [DEFAULTS | {"tenant": outside, "gpus": 10.0} | row for row in rows]
    for row in full:
        row.setdefault("delivered", row["gpus"])
    names = set().union(*full)
    bench.s.contracts = empty(
        Contracts, len(full), **{name: [row.get(name, 0) for row in full] for name in names}
    )
    bench.s.prices.rent_h100_usd_h = rent
    return bench


def let(bench: Bench, *days: int) -> list[float]:
    """Operate; returns what the landlord received each day."""
    received = []
    for day in days:
        before = bench.cash(0)
        bench.day(day, "operate")
        received.append(bench.cash(0) - before)
    return received


def spent(bench: Bench, party: int) -> float:
    return -bench.cash(party)


# --- the hazard -----------------------------------------------------------------------------------


def test_hazards_by_hand() -> None:
    base = 1.0 - math.exp(-0.1 / 365.0)
    assert tenant_hazard_per_day(0.1, 1.0, 3.0, 0.0) == pytest.approx(base)
    assert tenant_hazard_per_day(0.1, 0.5, 3.0, -2.0) == pytest.approx(base)  # never below
    expected = 1.0 - math.exp(-0.1 / 365.0 * 8.0 * math.e)
    assert tenant_hazard_per_day(0.1, 2.0, 3.0, 1.0) == pytest.approx(expected)
    assert tenant_hazard_per_day(0.0, 9.0, 3.0, 3.0) == 0.0


@given(
    st.floats(0, 5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 5), st.floats(-3, 3),
    st.floats(0, 3),
)  # fmt: skip
def test_hazards_rise_with_rent_and_tight_money(
    per_year: float, ratio: float, dearer: float, power: float, stress: float, tighter: float
) -> None:
    hazard = tenant_hazard_per_day(per_year, ratio, power, stress)
    assert 0.0 <= hazard <= 1.0
    assert tenant_hazard_per_day(per_year, ratio + dearer, power, stress) >= hazard
    assert tenant_hazard_per_day(per_year, ratio, power, stress + tighter) >= hazard
    assert tenant_hazard_per_day(per_year + 1.0, ratio, power, stress) >= hazard


def test_rent_over_spot_is_of_its_class() -> None:
    bench = market(dict(usd_day=480.0), dict(usd_day=480.0, rent_share=0.5), HALL | {"usd_day": 9})
    found = [tenants.rent_over_spot(bench.market, c) for c in range(3)]
    assert found == pytest.approx([2.0, 1.0, 1.0])
    bench.s.hardware.quality[GPU] = 4.0
    again = tenants.rent_over_spot(bench.market, 0)
    assert again == pytest.approx(0.5)


def test_tenants_leave_about_as_often_as_told() -> None:
    count, days, per_year = 400, 100, 0.8
    bench = market(*[dict(usd_day=1.0, gpus=0.001)] * count, counterparty=True,
                   tenants__hazard_per_year=per_year, tenants__sensitivity=3.0)  # fmt: skip
    bench.s.contracts.usd_day[: count // 2] = 24.0 * 0.001  # at spot
    bench.s.contracts.usd_day[count // 2 :] = 48.0 * 0.001  # twice that: eight times as likely
    for day in range(1, days + 1):
        bench.day(day, "operate")
    dear = bench.events(Event.RENEGOTIATED)
    gone = bench.s.contracts.broken_day >= 0
    hit = np.array([gone[: count // 2].sum(), len(dear) + gone[count // 2 :].sum()], float)
    half = count // 2
    expected = half * (1.0 - math.exp(-per_year * days / 365.0))
    assert hit[0] == pytest.approx(expected, abs=4.0 * math.sqrt(expected))
    # Who talked pays the spot rent and is again as likely as anybody to leave; few are.
    least = half * (1.0 - math.exp(-8.0 * per_year * days / 365.0))
    assert hit[1] > least - 4.0 * math.sqrt(least * math.exp(-8.0 * per_year * days / 365.0))
    talked = len(dear) / (0.5 * count * (1.0 - math.exp(-8.0 * per_year * days / 365.0)))
    assert talked == pytest.approx(0.6, abs=0.15)


# --- who leaves -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stays",
    [
        {"unrated": False},
        {"start_day": 5},
        {"end_day": 1},
        {"counterparty": False},
        {"landlord": 2},  # not a borrower
    ],
)
def test_who_stays(stays: dict[str, Any]) -> None:
    terms = CERTAIN | {"counterparty": stays.pop("counterparty", True)}
    bench = market(dict(usd_day=240.0) | stays, **terms)
    bench.day(1, "operate")
    assert bench.s.contracts.broken_day[0] == -1 and not len(bench.s.events)


def test_nobody_leaves_a_landlord_that_has_failed() -> None:
    bench = market(dict(usd_day=240.0), **CERTAIN)
    bench.s.parties.status[0] = Status.DEFAULTED
    bench.day(1, "operate")
    assert bench.s.contracts.broken_day[0] == -1


def test_machines_earn_spot_and_no_more_than_the_contract() -> None:
    # 480 a day under contract, 240 at spot; then spot rises to 720.
    bench = market(dict(usd_day=480.0), **CERTAIN)
    shock = log_event(bench.s, Event.SHOCK, Cause.SCENARIO, (-1, -1, -1), 0.0, -1)
    bench.s.today.shock_event = shock
    bench.terms.channels.counterparty = False
    assert let(bench, 1) == pytest.approx([480.0])
    bench.terms.channels.counterparty = True
    assert let(bench, 2) == pytest.approx([240.0])
    bench.s.prices.rent_h100_usd_h = 3.0
    assert let(bench, 3, 1001) == pytest.approx([480.0, 480.0])
    (left,) = bench.events(Event.TENANT_LEFT)
    assert (left["cause"], left["party"], left["parent"]) == (Cause.SPOT_RENT, 0, shock)
    assert left["counterparty"] == bench.outside(Outside.OWNERS)
    assert left["amount_usd"] == pytest.approx(365.0 * 480.0)
    assert bench.s.parties.trail_event[0] == 1


def test_who_can_pay_something_asks_for_the_spot_rent() -> None:
    bench = market(dict(usd_day=480.0), **(CERTAIN | {"renegotiated_share": 1.0}))
    assert let(bench, 1) == pytest.approx([240.0])
    (talks,) = bench.events(Event.RENEGOTIATED)
    assert talks["amount_usd"] == pytest.approx(365.0 * 240.0)
    assert bench.s.contracts.rent_share[0] == pytest.approx(0.5)
    assert bench.s.contracts.broken_day[0] == -1
    # A contract at spot has nothing to talk about.
    bench.day(2, "operate")
    assert bench.s.contracts.broken_day[0] == 2
    assert len(bench.events(Event.RENEGOTIATED)) == 1


def test_halls_stand_empty_until_they_are_let_again_for_less() -> None:
    bench = market(HALL | dict(usd_day=100.0), relet_days=3, relet_share=0.85, **CERTAIN)
    assert let(bench, 1, 2, 3, 4, 5) == pytest.approx([0.0, 0.0, 0.0, 85.0, 85.0])
    assert spent(bench, bench.outside(Outside.CUSTOMERS)) == pytest.approx(170.0)
    assert spent(bench, bench.outside(Outside.OWNERS)) == 0.0  # who has left pays nothing


def test_a_guarantor_pays_the_gap_up_to_its_cap_and_not_a_dollar_more() -> None:
    bench = market(HALL | dict(usd_day=100.0, guarantee_left_usd=250.0), relet_days=100, **CERTAIN)
    guarantor = bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.guarantor[0] = guarantor
    assert let(bench, 1, 2, 3, 4) == pytest.approx([100.0, 100.0, 50.0, 0.0])
    assert spent(bench, guarantor) == pytest.approx(250.0)
    assert bench.s.contracts.guarantee_left_usd[0] == 0.0
    # Nobody else has paid.
    assert spent(bench, bench.outside(Outside.OWNERS)) == 0.0
    assert spent(bench, bench.outside(Outside.CUSTOMERS)) == pytest.approx(0.0, abs=1e-9)


def test_a_guarantor_adds_to_the_spot_rent_until_the_contract_ends() -> None:
    bench = market(dict(usd_day=480.0, guarantee_left_usd=1e6, end_day=3), **CERTAIN)
    guarantor = bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.guarantor[0] = guarantor
    assert let(bench, 1, 2, 3, 4) == pytest.approx([480.0, 480.0, 240.0, 240.0])
    assert spent(bench, guarantor) == pytest.approx(480.0)
    assert bench.s.contracts.guarantee_left_usd[0] == pytest.approx(1e6 - 480.0)


@given(
    st.floats(0, 1e4), st.floats(0, 5), st.floats(0, 1e5), st.floats(0, 1), st.integers(1, 8),
    st.booleans(),
)  # fmt: skip
def test_with_its_guarantor_a_landlord_never_gets_more_than_was_signed(
    signed: float, rent: float, cap: float, relet: float, days: int, hall: bool
) -> None:
    row = (HALL if hall else {}) | dict(usd_day=signed, guarantee_left_usd=cap)
    bench = market(row, rent=rent, relet_days=3, relet_share=relet, **CERTAIN)
    guarantor = bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.guarantor[0] = guarantor
    received = let(bench, *range(1, days + 1))
    alone = [
        (relet * signed if day >= 4 else 0.0) if hall else min(signed, 240.0 * rent)
        for day in range(1, days + 1)
    ]
    gap = sum(signed - x for x in alone)
    assert spent(bench, guarantor) == pytest.approx(min(gap, cap), abs=1e-6)
    assert sum(received) == pytest.approx(sum(alone) + min(gap, cap), abs=1e-6)
    assert all(x <= signed + 1e-6 for x in received)


def test_contracts_under_one_guarantee_spend_its_cap_once() -> None:
    # Two contracts at twice the spot rent, 240 a day short each: a cap of 1,000 lasts two days.
    dear = dict(usd_day=480.0, gpus=5.0, spot_ratio=1.0)
    bench = market(
        dear | dict(guarantee_left_usd=1000.0), dear | dict(guaranteed_with=0), **CERTAIN
    )
    guarantor = bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.guarantor[:] = guarantor
    # 960 is signed, ten GPUs earn 240 at spot: 720 is missing on the first day, 280 is left then.
    assert let(bench, 1, 2, 3) == pytest.approx([960.0, 240.0 + 280.0, 240.0])
    assert spent(bench, guarantor) == pytest.approx(1000.0)
    assert list(bench.s.contracts.guarantee_left_usd) == [0.0, 0.0]


# --- tenants with a name --------------------------------------------------------------------------


def test_a_tenant_with_a_name_fails_with_all_its_landlords_at_once() -> None:
    outside = dict(pooled=False, tenant=-1)
    bench = market(
        NAMED,
        HALL | NAMED | dict(landlord=1, usd_day=100.0),
        NAMED | dict(landlord=1, start_day=50, usd_day=60.0),  # still to come
        NAMED | dict(landlord=1, end_day=1),  # over
        NAMED | dict(unrated=False) | outside,
        NAMED | dict(landlord=2),  # a landlord outside
        **CERTAIN,
    )
    tenant, other = bench.outside(Outside.OWNERS), bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.tenant[4] = other
    bench.day(1, "operate")
    assert list(bench.s.contracts.broken_day) == [1, 1, 1, -1, -1, -1]
    (failed,) = bench.events(Event.TENANT_FAILED)
    assert (failed["party"], failed["parent"]) == (tenant, -1)
    assert failed["amount_usd"] == pytest.approx(365.0 * 340.0)  # what it paid
    left = bench.events(Event.TENANT_LEFT)
    assert set(left["parent"]) == {0} and set(left["cause"]) == {Cause.TENANT_FAILED}
    assert list(left["party"]) == [0, 1, 1] and set(left["counterparty"]) == {tenant}
    assert bench.s.parties.status[tenant] == Status.DEFAULTED
    assert bench.s.parties.status[other] == Status.ACTIVE
    bench.day(2, "operate")
    assert len(bench.s.events) == 4  # once and for all


def test_a_tenants_contracts_share_one_fate() -> None:
    per_year, count = 0.5, 60
    broken = []
    for seed in range(count):
        bench = market(*[NAMED | dict(gpus=1.0, usd_day=24.0)] * 4, counterparty=True,
                       tenants__hazard_per_year=365.0 * per_year)  # fmt: skip
        bench.s.today.seed = seed
        bench.day(1, "operate")
        broken.append(int(np.sum(bench.s.contracts.broken_day == 1)))
    assert set(broken) == {0, 4}
    expected = count * (1.0 - math.exp(-per_year))  # one draw, not four
    assert broken.count(4) == pytest.approx(expected, abs=4.0 * math.sqrt(expected))


def test_a_tenant_with_a_name_asks_where_it_pays_more_than_spot() -> None:
    # It pays 480 and 120 where spot rents are 240 and 240: dear on the whole, but one is cheap.
    rows = [NAMED | dict(usd_day=480.0), NAMED | dict(landlord=1, usd_day=120.0)]
    bench = market(*rows, **(CERTAIN | {"renegotiated_share": 1.0}))
    bench.day(1, "operate")
    (talks,) = bench.events(Event.RENEGOTIATED)
    assert (talks["party"], talks["amount_usd"]) == (0, pytest.approx(365.0 * 240.0))
    assert bench.s.contracts.rent_share == pytest.approx([0.5, 1.0])
    # Now it pays 360 for what costs 480: there is nothing to ask for.
    bench.day(2, "operate")
    assert list(bench.s.contracts.broken_day) == [2, 2]
    assert len(bench.events(Event.TENANT_FAILED)) == 1


# --- tenants among borrowers ----------------------------------------------------------------------


def failed_tenant(**row: Any) -> tuple[Bench, int]:
    """Borrower 1 rents a hall of borrower 0 and has failed."""
    told = HALL | dict(usd_day=100.0, tenant=1, unrated=False) | row
    bench = market(told, counterparty=True, relet_days=3, relet_share=0.85)
    assert let(bench, 1) == pytest.approx([100.0])
    event = log_event(bench.s, Event.DEFAULT, Cause.MATURITY, (1, -1, -1), 0.0, -1)
    bench.s.parties.status[1] = Status.DEFAULTED
    bench.s.parties.default_event[1] = event
    return bench, int(event)


def test_a_borrower_that_fails_leaves_its_hosts() -> None:
    bench, event = failed_tenant()
    assert let(bench, 2, 3, 4, 5) == pytest.approx([0.0, 0.0, 0.0, 85.0])
    (left,) = bench.events(Event.TENANT_LEFT)
    assert (left["cause"], left["parent"]) == (Cause.TENANT_FAILED, event)
    assert (left["party"], left["counterparty"]) == (0, 1)
    assert bench.cash(1) == pytest.approx(900.0)  # a day's rent


def test_with_the_channel_off_somebody_takes_over_at_once() -> None:
    bench, _ = failed_tenant()
    bench.terms.channels.counterparty = False
    assert let(bench, 2, 3) == pytest.approx([100.0, 100.0])
    assert not len(bench.events(Event.TENANT_LEFT))
    assert bench.cash(1) == pytest.approx(900.0)


def test_rent_inside_a_tenants_cost_goes_on_with_its_site() -> None:
    bench, _ = failed_tenant(paid_in_tenant_cost=True)
    assert let(bench, 2) == pytest.approx([100.0])
    assert not len(bench.events(Event.TENANT_LEFT))


# --- what lenders make of it ----------------------------------------------------------------------


def test_underwriting_counts_no_rent_of_tenants_that_left() -> None:
    bench = market(*[dict(usd_day=100.0)] * 3, income_collateral_share=0.6)
    contracts = bench.s.contracts
    contracts.broken_day[1] = 0
    contracts.rent_share[2] = 0.5
    values = underwriting.contract_values_usd(bench.market, 2)
    margin = 0.6 * underwriting.CONTRACT_MARGIN
    assert values == pytest.approx([margin * 1000 * 150.0, 0.0])
