"""Provisions: expected losses reach capital before a default, and are used up by it."""

from __future__ import annotations

from typing import Any

import pytest
import runs
from by_hand import GPU, Bench

from firesale.agents.lender import default_chance, loss_given_default_usd
from firesale.agents.party import Status
from firesale.market.lenders.provisions import open_provisions
from firesale.market.state.events import Cause
from firesale.market.state.loans import Collateral, LoanStatus

YEAR = 365


def lender(**columns: Any) -> Bench:
    """A loan of 1,000,000 for two years, without collateral unless a test says so."""
    loan = dict(principal_usd=1e6, maturity_day=2 * YEAR, next_payment_day=2 * YEAR) | columns
    fleet = [(0, GPU, 4000.0)] if loan.get("hardware") == GPU else []
    bench = Bench([loan], fleets=fleet)
    bench.balance(0, cash=1e6, other=2e6, owes=3e6)
    return bench


def charged(bench: Bench) -> float:
    """Capital gone since the lender opened with 1,000,000 [USD]."""
    return 1e6 - float(bench.s.lenders.capital_usd[0])


def test_a_sound_loan_counts_twelve_months_and_a_weak_one_its_life() -> None:
    # Of B borrowers 3.5 % default within a year, of B minus 9 %, of CCC 27 %.
    assert default_chance(False, False, 3.0) == pytest.approx(0.035)
    assert default_chance(False, False, 0.5) == pytest.approx(1.0 - 0.965**0.5)
    assert default_chance(True, False, 2.0) == pytest.approx(1.0 - 0.91**2)
    assert default_chance(True, True, 2.0) == pytest.approx(1.0 - 0.73**2)
    assert default_chance(False, True, -1.0) == 0.0
    assert default_chance(True, False, 30.0) == default_chance(True, False, 5.0)


def test_what_collateral_does_not_cover_is_lost_in_part() -> None:
    # 100 owed on 80 less a quarter: 63 % of 40.
    assert loss_given_default_usd(100.0, 80.0, 0.25) == pytest.approx(25.2)
    assert loss_given_default_usd(100.0, 200.0, 0.25) == 0.0
    assert loss_given_default_usd(100.0, -5.0, 0.25) == pytest.approx(63.0)


@pytest.mark.parametrize(
    ("columns", "chance"),
    [
        ({}, 0.035),
        ({"lock_up": True}, 1.0 - 0.91 ** ((730 - 7) / 365)),
        ({"waivers": 1}, 1.0 - 0.91 ** ((730 - 7) / 365)),
        ({"breach": Cause.DSCR, "breach_day": 1, "cure_days": 99}, 1.0 - 0.91 ** (723 / 365)),
        ({"arrears_interest_usd": 5.0}, 1.0 - 0.73 ** (723 / 365)),
    ],
)
def test_once_a_week_what_is_expected_is_taken_to_capital(
    columns: dict[str, Any], chance: float
) -> None:
    bench = lender(**columns)
    bench.day(6, "lenders")
    assert charged(bench) == 0.0
    bench.day(7, "lenders")
    assert bench.s.loans.provision_usd[0] == pytest.approx(chance * 0.63 * 1e6)
    assert charged(bench) == pytest.approx(chance * 0.63 * 1e6)
    assert bench.s.lenders.loss_usd[0] == 0.0  # nothing is lost yet
    assert bench.s.lenders.news[0] > 0.0


def test_machines_and_coins_lower_the_loss() -> None:
    bench = lender(collateral=Collateral.HARDWARE, hardware=GPU, collateral_units=4000.0)
    bench.day(7, "lenders")  # 4,000 at 100, less a quarter: 300,000
    assert charged(bench) == pytest.approx(0.035 * 0.63 * 7e5)
    bench = lender(collateral=Collateral.BTC, collateral_btc=8_000.0)
    bench.day(7, "lenders")  # 8,000 at 100, less a tenth: 720,000
    assert charged(bench) == pytest.approx(0.035 * 0.63 * 2.8e5)


def test_a_default_uses_the_provision_up_and_nothing_is_counted_twice() -> None:
    bench = lender()
    s = bench.s
    bench.day(7, "lenders")
    s.loans.breach[0] = Cause.MATURITY
    bench.day(8, "default", "lenders")
    assert s.loans.status[0] == LoanStatus.DEFAULTED
    assert s.loans.provision_usd[0] == s.lenders.provision_usd[0] == 0.0
    assert s.lenders.loss_usd[0] == pytest.approx(1e6)  # its estate has nothing
    assert charged(bench) == pytest.approx(1e6)
    bench.day(14, "lenders")
    assert charged(bench) == pytest.approx(1e6)


def test_a_repaid_loan_gives_its_provision_back() -> None:
    bench = lender()
    bench.day(7, "lenders")
    assert charged(bench) > 0.0
    s = bench.s
    bench.s.parties.cash_usd[0] = 1e6
    s.loans.arrears_principal_usd[0] = 1e6
    bench.opened = bench.stocks()
    bench.day(13, "pay")
    bench.day(14, "lenders")
    assert s.loans.principal_usd[0] == 0.0
    assert s.lenders.provision_usd[0] == pytest.approx(0.0, abs=1e-6)
    assert charged(bench) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("why", ["a fund that does not mark", "failed"])
def test_who_makes_none(why: str) -> None:
    bench = lender()
    if why == "failed":
        bench.s.parties.status[bench.lender()] = Status.DEFAULTED
    else:
        bench.s.lenders.redeemable[0] = True
        bench.set("channels__fund_marks", False)
    bench.day(7, "lenders")
    assert bench.s.lenders.provision_usd[0] == 0.0


def test_funds_value_loans_that_do_not_trade_alike() -> None:
    bench = lender()
    bench.s.lenders.redeemable[0] = True
    bench.day(7, "lenders")
    assert bench.s.lenders.provision_usd[0] == pytest.approx(0.035 * 0.63 * 1e6)


def test_a_provision_lowers_the_supply_of_credit_before_anybody_defaults() -> None:
    """13 % of assets against a minimum of 8: half of the headroom is lost to a missed payment."""
    bench = lender(arrears_interest_usd=5.0)
    s = bench.s
    bench.set("channels__lender_capital", True)
    bench.balance(0, cash=1e6, other=2e6, owes=3.48e6, min_capital_ratio=0.05)  # 13 %
    s.lenders.target_leverage[0] = 4e6 / 0.52e6
    bench.day(7, "lenders")
    provided = s.lenders.provision_usd[0]
    ratio = (0.52e6 - provided) / (4e6 - provided)
    assert 0.05 < ratio < 0.09
    assert s.lenders.supply[0] == pytest.approx((ratio - 0.05) / 0.04)
    assert s.loans.status[0] == LoanStatus.PERFORMING


def test_the_first_provision_is_part_of_the_opening_books() -> None:
    """Less funding than was reckoned, or where there is none, less capital."""
    bench = lender()
    bench.kernel(open_provisions)
    s, provision = bench.s, 0.035 * 0.63 * 1e6
    assert s.lenders.funding_usd[0] == pytest.approx(3e6 - provision)
    assert charged(bench) == 0.0
    bench.day(7, "lenders")  # nothing has changed; this also checks that the books balance
    assert charged(bench) == pytest.approx(0.0, abs=1e-6)
    bench = lender()
    bench.balance(0, cash=1e6, other=2e6, owes=0.0)
    bench.kernel(open_provisions)
    assert bench.s.lenders.funding_usd[0] == 0.0
    assert bench.s.lenders.capital_usd[0] == pytest.approx(4e6 - provision)
    assert bench.s.lenders.capital_open_usd[0] == pytest.approx(4e6 - provision)


def test_in_a_crash_provisions_come_before_losses() -> None:
    """Of what a lender loses in the end, part was taken to capital in the weeks before."""
    sim = runs.fresh("joint-crash", ("days=420",), 2)
    s = sim.market
    opened = s.lenders.provision_usd.copy()
    peak = opened.copy()
    while not sim.finished:
        sim.step()
        peak = peak.clip(min=s.lenders.provision_usd)
    assert (s.lenders.provision_usd >= -1.0).all()
    assert (peak[s.lenders.loss_usd > 1e7] >= opened[s.lenders.loss_usd > 1e7]).all()
    assert peak.sum() > 1.5 * opened.sum() > 0.0
