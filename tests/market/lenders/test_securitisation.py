"""Securitisations: triggers, trapped cash, notes that take everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import GPU, Bench

from firesale.agents.lender import LenderKind
from firesale.market.lenders.earnings import set_margins
from firesale.market.lenders.securitisation import open_pools
from firesale.market.state.events import Event
from firesale.market.state.loans import Collateral


def vehicle(**terms: Any) -> Bench:
    """A vehicle with a loan of 300,000 on 4,000 machines at 100, and a tested perimeter."""
    loan = dict(
        principal_usd=3e5,
        maturity_day=4000,
        next_payment_day=4000,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=4000.0,
        perimeter=0,
        min_dscr=1.1,
    )
    bench = Bench([loan], fleets=[(0, GPU, 4000.0)], securitisation=True, cash=[5e4], **terms)
    bench.balance(0, cash=1e5, other=0.0, owes=3e5, kind=LenderKind.SECURITISATION)
    bench.kernel(open_pools)
    return bench


def test_sound_pools_are_left_alone() -> None:
    bench = vehicle()
    bench.s.perimeters.dscr[0] = 1.3
    bench.day(7, "lenders")
    assert bench.kinds() == [] and not bench.s.lenders.traps_cash[0]
    assert bench.s.lenders.supply[0] == 1.0


def test_low_coverage_traps_excess_spread_until_it_is_back() -> None:
    bench = vehicle()
    s = bench.s
    s.perimeters.dscr[0] = 1.15
    bench.day(7, "lenders")
    assert s.lenders.traps_cash[0] and bench.kinds() == []
    bench.kernel(set_margins)
    assert s.lenders.owners_share[0] == 0.0  # its payout share is one
    s.perimeters.dscr[0] = 1.25
    bench.day(14, "lenders")
    bench.kernel(set_margins)
    assert not s.lenders.traps_cash[0] and s.lenders.owners_share[0] == 1.0


@pytest.mark.parametrize("trigger", ["coverage", "marks", "default"])
def test_a_trigger_turns_lending_off_and_cash_to_principal(trigger: str) -> None:
    bench = vehicle()
    s = bench.s
    if trigger == "coverage":
        s.perimeters.dscr[0] = 1.04
    elif trigger == "marks":
        s.marks_usd[GPU] = 76.0  # 75 % at the closing, 98.7 % now: 31.6 % more
    else:
        s.loans.claim[0] = 0  # it defaulted once, for all of the pool
        s.loans.claims.claim_usd[0] = 3e5
    bench.day(6, "lenders")
    assert bench.kinds() == []
    bench.day(7, "lenders")
    assert bench.kinds() == ["AMORTISES_EARLY"]
    assert s.lenders.supply[0] == 0.0 and s.lenders.supply_event[0] == 0
    assert bench.cash(bench.lender()) == 0.0
    assert s.lenders.funding_usd[0] == pytest.approx(2e5)  # notes outstanding
    s.perimeters.dscr[0], s.marks_usd[GPU] = 2.0, 100.0
    bench.day(14, "lenders")
    assert s.lenders.supply[0] == 0.0 and len(bench.events(Event.AMORTISES_EARLY)) == 1  # for good


def test_then_its_loans_sweep_what_is_left_after_debt_service() -> None:
    bench = vehicle()
    s = bench.s
    s.lenders.amortising_event[0] = 0
    s.perimeters.dscr[0], s.perimeters.surplus_usd[0], s.perimeters.days[0] = 2.0, 2e4, 0
    bench.day(92, "test")
    assert s.loans.lock_up[0] and s.loans.principal_usd[0] == pytest.approx(2.8e5)
    assert [*bench.kinds()] == ["LOCK_UP", "CASH_SWEEP"]
    other = vehicle()
    other.s.perimeters.dscr[0], other.s.perimeters.surplus_usd[0] = 2.0, 2e4
    other.day(92, "test")
    assert other.s.loans.principal_usd[0] == 3e5 and other.kinds() == []


@pytest.mark.parametrize("off", ["channel", "kind"])
def test_without_the_channel_or_in_another_lender_nothing_is_tested(off: str) -> None:
    bench = vehicle()
    if off == "channel":
        bench.set("channels__securitisation", False)
    else:
        bench.s.lenders.kind[0] = LenderKind.BANK
    bench.s.perimeters.dscr[0] = 0.5
    bench.day(7, "lenders")
    assert bench.kinds() == [] and bench.cash(bench.lender()) == 1e5


def test_a_pool_without_machines_has_no_loan_to_value() -> None:
    bench = vehicle()
    bench.s.loans.collateral[0] = Collateral.NONE
    bench.kernel(open_pools)
    assert np.isnan(bench.s.lenders.pool_ltv[0])
    bench.day(7, "lenders")
    assert bench.kinds() == []
