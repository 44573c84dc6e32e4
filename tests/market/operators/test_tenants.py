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
from firesale.agents.party import Outside, Status
from firesale.agents.tenant import (
    asking_per_year,
    chance_per_day,
    common_factor,
    empty_hall_damages_usd,
    failing_per_year,
    hall_demand,
    hall_rent_index,
    lease_claim_usd,
)
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
    """Borrower 0 has ten GPUs and lets; tenants are outside if not told. A GPU earns 24 at spot.

    Tenants have no factor in common, leave without notice and owe nothing, unless a test says so.
    """
    quiet = dict(common_factor=False, rejection_claims=False, notice_days=0)
    terms = {f"tenants__{name}": value for name, value in quiet.items()} | terms
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
    assert chance_per_day(0.1) == pytest.approx(1.0 - math.exp(-0.1 / 365.0))
    assert asking_per_year(0.1, 1.0, 3.0, 0.0) == 0.0  # nothing to gain
    assert asking_per_year(0.1, 0.5, 3.0, 2.0) == 0.0
    assert asking_per_year(0.1, 2.0, 3.0, 1.0) == pytest.approx(0.1 * 7.0 * math.e)
    assert asking_per_year(0.1, 2.0, 3.0, -1.0) == pytest.approx(0.7)  # easy money helps nobody
    assert asking_per_year(0.0, 9.0, 3.0, 3.0) == 0.0


def test_the_common_factor_by_hand() -> None:
    # Demand a third lower than planned, a deviation of 0.25, a unit of stress.
    assert common_factor(math.log(2 / 3), 0.25, 1.0) == pytest.approx(1.0 + 0.405465 / 0.25)
    assert common_factor(0.25, 0.25, 0.0) == pytest.approx(-1.0)
    # Two deviations of bad times: e^(0.7 * 2 - 0.245) = 3.174 times the mean rate.
    assert failing_per_year(0.01, 0.7, 2.0) == pytest.approx(0.01 * 3.1739, rel=1e-4)
    assert failing_per_year(0.01, 0.0, 9.0) == 0.01  # who does not load on it does not feel it


def test_the_mean_rate_over_good_and_bad_times_is_the_one_told() -> None:
    x = np.linspace(-9.0, 9.0, 20_001)
    density = np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
    rates = np.array([failing_per_year(0.03, 0.7, one) for one in x])
    assert np.sum(rates * density) * (x[1] - x[0]) == pytest.approx(0.03, rel=1e-6)


@given(
    st.floats(0, 5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 5), st.floats(-3, 3),
    st.floats(0, 3),
)  # fmt: skip
def test_rates_rise_with_rent_tight_money_and_less_demand(
    per_year: float, ratio: float, dearer: float, power: float, stress: float, worse: float
) -> None:
    rate = asking_per_year(per_year, ratio, power, stress)
    assert 0.0 <= chance_per_day(rate) <= 1.0
    assert asking_per_year(per_year, ratio + dearer, power, stress) >= rate
    assert asking_per_year(per_year, ratio, power, stress + worse) >= rate
    assert asking_per_year(per_year + 1.0, ratio, power, stress) >= rate
    fails = failing_per_year(per_year, 0.7, stress)
    assert failing_per_year(per_year, 0.7, stress + worse) >= fails
    assert common_factor(-worse, 0.25, stress) >= common_factor(0.0, 0.25, stress)


def test_halls_follow_what_runs_in_them() -> None:
    assert hall_demand(0.64, 1.25) == 0.64
    assert hall_demand(3.0, 1.25) == 1.25  # more is built
    assert hall_demand(-0.1, 1.25) == 0.0
    assert hall_rent_index(0.64, 0.5) == pytest.approx(0.8)
    assert hall_rent_index(0.64, 0.0) == 1.0


def test_what_law_leaves_of_a_lease_by_hand() -> None:
    # 15 years at $100 a day: 15 % of the term is 2.25 years; of 40 years at most three.
    assert lease_claim_usd(100.0, 15 * 365.0, 1e9) == pytest.approx(2.25 * 36_500.0)
    assert lease_claim_usd(100.0, 40 * 365.0, 1e9) == pytest.approx(3 * 36_500.0)
    assert lease_claim_usd(100.0, 2 * 365.0, 1e9) == pytest.approx(36_500.0)  # a year at least
    assert lease_claim_usd(100.0, 15 * 365.0, 700.0) == 700.0  # no more than was lost
    assert lease_claim_usd(100.0, 15 * 365.0, -1.0) == 0.0


def test_damages_of_an_empty_hall_by_hand() -> None:
    # 1,000 days left, empty for 270, then $85 instead of $100.
    assert empty_hall_damages_usd(100.0, 1000.0, 270.0, 85.0) == pytest.approx(27_000.0 + 10_950.0)
    assert empty_hall_damages_usd(100.0, 100.0, 270.0, 85.0) == pytest.approx(10_000.0)
    assert empty_hall_damages_usd(100.0, 1000.0, 0.0, 120.0) == 0.0  # let for more


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


def test_rent_inside_a_failed_borrowers_cost_ends_with_it() -> None:
    bench, _ = failed_tenant(paid_in_tenant_cost=True)
    assert let(bench, 2, 3, 4, 5) == pytest.approx([0.0, 0.0, 0.0, 85.0])
    assert len(bench.events(Event.TENANT_LEFT)) == 1


# --- the common factor ----------------------------------------------------------------------------


def demand_of(bench: Bench, rent: float) -> None:
    """Planned rents from now on, over the opening."""
    bench.s.compute.planned_rent[:] = rent


def broken_share(demand: float, **row: Any) -> float:
    """Share of 400 contracts that are broken after 100 days of a planned rent."""
    bench = market(*[dict(usd_day=0.024, gpus=0.001) | row] * 400, counterparty=True,
                   tenants__common_factor=True, tenants__hazard_per_year=0.1,
                   rated_hazard_per_year=0.005)  # fmt: skip
    demand_of(bench, demand)
    for day in range(1, 101):
        bench.day(day, "operate")
    return float(np.mean(bench.s.contracts.broken_day >= 0))


def test_unrated_tenants_fail_with_demand_and_rated_ones_survive_the_shock() -> None:
    # Rents halve: log demand -0.485, 1.94 deviations; e^(0.7 * 1.94 - 0.245) = 3.05 times 10 %.
    calm, shock = broken_share(1.0), broken_share(0.5)
    rate = 0.1 * math.exp(0.7 * 0.7 * math.log(2.0) / 0.25 - 0.5 * 0.7**2)
    expected = 1.0 - math.exp(-rate * 100.0 / 365.0)
    assert shock == pytest.approx(expected, abs=4.0 * math.sqrt(expected / 400.0))
    assert calm < 0.5 * shock
    assert broken_share(0.5, unrated=False) < 0.1 * shock


def test_contracts_at_spot_break_together_and_not_by_rent() -> None:
    """The factor is the same for all; who fails by it need not pay more than spot."""
    bench = market(dict(usd_day=24.0), counterparty=True, tenants__common_factor=True,
                   tenants__hazard_per_year=1e9)  # fmt: skip
    bench.day(1, "operate")
    (left,) = bench.events(Event.TENANT_LEFT)
    assert left["cause"] == Cause.DEMAND


def test_halls_of_miners_follow_hashprice_and_no_others() -> None:
    bench = market(HALL | dict(usd_day=100.0, for_rigs=True), HALL | dict(usd_day=100.0))
    bench.s.prices.hashprice_usd_ph_day = 25.0  # half of the opening's 50
    deviation = bench.terms.liquidation.hashprice_volatility
    found = [tenants.tenants_factor(bench.market, rigs) for rigs in (True, False)]
    assert found == pytest.approx([math.log(2.0) / deviation, 0.0])
    bench.s.prices.rig_hall_rent = 0.5
    assert [tenants.rent_over_spot(bench.market, c) for c in (0, 1)] == pytest.approx([2.0, 1.0])


# --- notice, claims, halls built for one ----------------------------------------------------------


def notice(*rows: dict[str, Any], **terms: Any) -> Bench:
    """Tenants of all contracts give notice on day 1; their contracts break on day 4."""
    told = CERTAIN | dict(
        tenants__rejection_claims=True, tenants__notice_days=3, bankruptcy_days=10
    )
    return market(*rows, **told | dict(claim_recovery_share=0.25) | terms)


def test_a_tenant_with_a_name_pays_until_its_notice_is_over() -> None:
    bench = notice(NAMED | HALL | dict(usd_day=100.0), NAMED | dict(landlord=1), relet_days=100)
    assert let(bench, 1, 2, 3, 4, 5) == pytest.approx([100.0, 100.0, 100.0, 0.0, 0.0])
    assert list(bench.s.contracts.broken_day) == [4, 4]  # all on one day
    (failed,) = bench.events(Event.TENANT_FAILED)
    assert failed["day"] == 1


def test_a_landlord_of_a_failed_tenant_has_a_capped_claim_that_is_paid_in_part() -> None:
    # 996 days left at $100: empty for 270, then 85: 27,000 + 726 * 15 = 37,890; the cap is a year.
    bench = notice(NAMED | HALL | dict(usd_day=100.0), relet_days=270, relet_share=0.85)
    for day in range(1, 5):
        bench.day(day, "operate")
    assert bench.s.contracts.claim_usd[0] == pytest.approx(36_500.0)
    tenant = bench.outside(Outside.OWNERS)
    assert spent(bench, tenant) == pytest.approx(300.0)
    bench.day(13, "operate")
    assert spent(bench, tenant) == pytest.approx(300.0)
    bench.day(14, "operate")  # the court is done
    assert spent(bench, tenant) == pytest.approx(300.0 + 0.25 * 36_500.0)
    bench.day(15, "operate")
    assert spent(bench, tenant) == pytest.approx(300.0 + 0.25 * 36_500.0)


def test_a_lender_that_rents_pays_claims_from_outside_its_books() -> None:
    """What it lends with is counted by the check of conservation; what it rents with is not."""
    row = NAMED | HALL | dict(usd_day=100.0, tenant=2, paid_in_tenant_cost=True)
    bench = notice(row, tenants__common_factor=True, relet_days=10_000)
    assert bench.s.today.first_lender == 2
    before = bench.cash(2)
    bench.day(1, "operate")
    claim = bench.s.contracts.claim_usd[0]
    assert claim > 0.0
    assert sum(let(bench, *range(2, 15))) == pytest.approx(0.25 * claim)
    assert bench.cash(2) == before


def test_a_claim_for_machines_is_rent_over_spot_and_uncapped() -> None:
    # 480 a day where spot is 240, 996 days left.
    bench = notice(NAMED | dict(usd_day=480.0))
    for day in range(1, 5):
        bench.day(day, "operate")
    assert bench.s.contracts.claim_usd[0] == pytest.approx(240.0 * 996)


def test_who_goes_for_a_lower_rent_owes_nothing_and_a_guarantor_covers_a_claim() -> None:
    bench = market(dict(usd_day=480.0), tenants__rejection_claims=True, **CERTAIN)
    bench.day(1, "operate")  # one of a pool, because its contract is dear
    assert bench.s.contracts.broken_day[0] == 1 and bench.s.contracts.claim_usd[0] == 0.0
    bench = notice(NAMED | HALL | dict(usd_day=100.0, guarantee_left_usd=36_000.0))
    bench.s.contracts.guarantor[0] = bench.outside(Outside.BTC_BORROWERS)
    for day in range(1, 5):
        bench.day(day, "operate")
    assert bench.s.contracts.claim_usd[0] == pytest.approx(500.0)


def test_no_claims_if_switched_off() -> None:
    bench = notice(NAMED | HALL | dict(usd_day=100.0), tenants__rejection_claims=False)
    for day in range(1, 20):
        bench.day(day, "operate")
    assert bench.s.contracts.claim_usd[0] == 0.0
    assert spent(bench, bench.outside(Outside.OWNERS)) == pytest.approx(300.0)


def test_a_failed_borrowers_landlords_rank_with_its_unsecured_creditors() -> None:
    """It has 36,500 and owes a landlord and a lender as much: each gets half."""
    hall = HALL | dict(usd_day=100.0, tenant=1, unrated=False, end_day=10_000)
    owed = [dict(borrower=1, principal_usd=36_500.0)]
    bench = Bench(owed, borrowers=2, cash=[0.0, 36_500.0], counterparty=True, relet_days=10_000,
                  bankruptcy_days=5, bankruptcy_cost_share=0.0)  # fmt: skip
    outside = bench.outside(Outside.OWNERS)
    row = DEFAULTS | {"tenant": outside, "gpus": 0.0} | hall | {"end_day": 366}
    bench.s.contracts = empty(Contracts, 1, **{name: [value] for name, value in row.items()})
    bench.s.loans.breach[0], bench.s.loans.breach_day[0] = Cause.MATURITY, 0
    bench.day(1, "default")
    assert bench.s.parties.status[1] == Status.DEFAULTED
    bench.day(2, "operate", "lenders")
    # 364 days are left, all of them empty; the cap is a year.
    assert bench.s.parties.lease_claims_usd[1] == pytest.approx(36_400.0)
    share = 36_500.0 / (36_500.0 + 36_400.0)
    assert bench.s.lenders.loss_usd[0] == pytest.approx((1.0 - share) * 36_500.0)
    for day in range(3, 7):
        bench.day(day, "operate", "lenders")
    assert bench.cash(0) == pytest.approx(share * 36_400.0)
    assert bench.s.parties.lease_claims_usd[1] == bench.s.contracts.claim_usd[0] == 0.0
    assert bench.s.lenders.loss_usd[0] == pytest.approx((1.0 - share) * 36_500.0)
    assert bench.s.parties.status[1] == Status.WOUND_UP


def test_with_less_demand_for_power_halls_are_empty_longer_and_let_for_less() -> None:
    def first_rent(demand: float, rent: float) -> tuple[int, float]:
        bench = market(HALL | dict(usd_day=100.0), relet_days=4, relet_share=0.85, **CERTAIN)
        bench.s.prices.hall_demand, bench.s.prices.hall_rent = demand, rent
        paid = let(bench, *range(1, 13))
        day = next(day for day, usd in enumerate(paid, 1) if usd > 0.0)
        return day, paid[-1]

    assert first_rent(1.0, 1.0) == (5, pytest.approx(85.0))
    assert first_rent(0.5, 0.8) == (9, pytest.approx(68.0))
    assert first_rent(1.25, 1.1) == (5, pytest.approx(93.5))


def test_a_new_tenants_rent_is_fixed_when_it_signs() -> None:
    bench = market(HALL | dict(usd_day=100.0), relet_days=1, relet_share=0.85, **CERTAIN)
    assert let(bench, 1, 2) == pytest.approx([0.0, 85.0])
    bench.s.prices.hall_rent = 0.5
    assert let(bench, 3) == pytest.approx([85.0])


def test_a_guarantor_that_has_failed_pays_nothing() -> None:
    bench = market(HALL | dict(usd_day=100.0, guarantee_left_usd=250.0), relet_days=100, **CERTAIN)
    guarantor = bench.outside(Outside.BTC_BORROWERS)
    bench.s.contracts.guarantor[0] = guarantor
    assert let(bench, 1) == pytest.approx([100.0])
    bench.s.parties.status[guarantor] = Status.DEFAULTED
    assert let(bench, 2) == pytest.approx([0.0])


# --- what lenders make of it ----------------------------------------------------------------------


def test_underwriting_counts_no_rent_of_tenants_that_left() -> None:
    bench = market(*[dict(usd_day=100.0)] * 3, income_collateral_share=0.6)
    contracts = bench.s.contracts
    contracts.broken_day[1] = 0
    contracts.rent_share[2] = 0.5
    values = underwriting.contract_values_usd(bench.market, 2)
    margin = 0.6 * underwriting.CONTRACT_MARGIN
    assert values == pytest.approx([margin * 1000 * 150.0, 0.0])
