"""Notes in the hands of funds: marked down and up, without a dollar moving."""

from __future__ import annotations

import math
from typing import Any

import pytest
import runs
from by_hand import Bench

from firesale.market.lenders.funding import mark_other_loans
from firesale.market.lenders.notes import open_notes
from firesale.market.state.events import Cause
from firesale.market.state.loans import Instrument, LoanStatus

YEARS = 5 * 365
BOND = dict(
    principal_usd=1e6, instrument=Instrument.HIGH_YIELD, rate_or_spread=0.09, maturity_day=YEARS
)


def fund(*notes: dict[str, Any], listed: float = 0.0, **terms: Any) -> Bench:
    """A fund that holds notes of one issuer, whose shares are worth ``listed`` [USD]."""
    still = dict(fund_marks=True, news_half_life_days=math.inf)
    bench = Bench([BOND | note for note in notes or ({},)], **(still | terms))
    s = bench.s
    bench.balance(0, cash=1e6, other=2e6, owes=0.0, redeemable=True, marked=True)
    s.prices.reference_rate = 0.04
    s.borrowers.market_cap_open_usd[:] = s.borrowers.equity_usd[:] = listed
    s.borrowers.shares[:] = 1e4
    bench.kernel(open_notes)
    return bench


def unrealised(bench: Bench, day: int = 0) -> float:
    """Marks of a day, below par [USD]."""
    cash = bench.s.parties.cash_usd.copy()
    bench.day(day, "lenders")
    assert (bench.s.parties.cash_usd == cash).all()  # a mark is not a payment
    return float(bench.s.lenders.provision_usd[0])


def test_books_open_at_par() -> None:
    assert unrealised(fund(listed=1e6)) == pytest.approx(0.0, abs=1e-6)
    note = dict(instrument=Instrument.CONVERTIBLE, rate_or_spread=0.0, conversion_usd=150.0)
    assert unrealised(fund(note, listed=1e6)) == pytest.approx(0.0, abs=1e-6)


def test_a_wider_spread_costs_capital_and_comes_back() -> None:
    bench = fund()
    bench.s.prices.spread_change = 0.02
    # 9 cents a year and a dollar in five years, at 11 %: 92.3 cents.
    assert unrealised(bench) == pytest.approx(76_918.0, abs=1.0)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(4e6 - 76_918.0, abs=1.0)
    assert bench.s.lenders.loss_usd[0] == 0.0  # nothing is lost yet
    assert bench.s.lenders.news[0] == pytest.approx(76_918.0 / 4e6, rel=1e-4)
    bench.s.prices.spread_change = 0.0
    assert unrealised(bench) == pytest.approx(0.0, abs=1e-6)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(4e6)


def test_marks_follow_the_issuers_shares() -> None:
    """A firm of twice its debt loses nine tenths of its shares: 50 becomes 76 % of default."""
    bench = fund(listed=1e6)
    before = unrealised(bench)
    bench.s.borrowers.equity_usd[0] = 1e5
    after = unrealised(bench)
    # Spreads of -ln(1 - 0.63 x 0.502038) / 5 = 7.60 % and -ln(1 - 0.63 x 0.674) / 5 = 11.06 %.
    assert before == pytest.approx(0.0, abs=1e-6)
    assert after == pytest.approx(1e6 * (1.0 - _bond(0.09 + 0.110599 - 0.076044)), rel=2e-3)
    bench.s.borrowers.equity_usd[0] = 1e6
    assert unrealised(bench) == pytest.approx(0.0, abs=1e-6)


def _bond(yield_: float) -> float:
    left = math.exp(-5.0 * yield_)
    return 0.09 * (1.0 - left) / yield_ + left


def test_a_missed_payment_counts_where_shares_are_not_listed() -> None:
    """CCC: of the years left 1 - 0.73^5, instead of 3.5 % in all."""
    bench = fund()
    bench.s.loans.arrears_interest_usd[0] = 1.0
    assert unrealised(bench) > 1e5


def test_hedged_holders_lose_less_of_the_right_to_convert() -> None:
    note = dict(instrument=Instrument.CONVERTIBLE, rate_or_spread=0.0, conversion_usd=150.0)
    lost = []
    for hedged in (0.0, 0.5, 1.0):
        bench = fund(note, listed=1e6)
        bench.s.lenders.hedged_share[0] = hedged
        bench.kernel(open_notes)
        bench.s.borrowers.shares[0] = 1e5  # ten times the shares: each at a tenth
        lost.append(unrealised(bench))
    assert lost[0] > lost[1] > lost[2] == pytest.approx(0.0, abs=1e-6)


def test_a_default_uses_the_mark_up() -> None:
    bench = fund()
    s = bench.s
    s.prices.spread_change = 0.02
    marked = unrealised(bench)
    s.loans.breach[0] = Cause.MATURITY
    bench.day(1, "default", "lenders")
    assert s.loans.status[0] == LoanStatus.DEFAULTED
    assert s.lenders.provision_usd[0] == s.loans.provision_usd[0] == 0.0
    assert s.lenders.loss_usd[0] == pytest.approx(1e6) and marked > 0.0
    assert s.lenders.capital_usd[0] == pytest.approx(3e6)


@pytest.mark.parametrize("why", ["off", "locked", "failed"])
def test_who_does_not_mark(why: str) -> None:
    bench = fund()
    if why == "off":
        bench.set("channels__fund_marks", False)
    elif why == "locked":
        bench.s.lenders.redeemable[0] = False
    else:
        bench.s.parties.status[bench.lender()] = 1
    bench.s.prices.spread_change = 0.02
    assert unrealised(bench, day=1) == 0.0  # no day of provisions


def test_other_loans_of_funds_follow_spreads_by_their_duration() -> None:
    bench = fund(loan_impact=0.0, lender_capital=False)
    s = bench.s
    s.lenders.spread_duration_years[0] = 2.0
    s.prices.spread_change = 0.03
    bench.kernel(mark_other_loans, sold_usd=0.0)
    assert s.lenders.other_loans_usd[0] == pytest.approx(2e6 * 0.941765, rel=1e-6)  # e^-0.06
    bench.kernel(mark_other_loans, sold_usd=0.0)  # it has happened
    assert s.lenders.other_loans_usd[0] == pytest.approx(2e6 * 0.941765, rel=1e-6)
    s.prices.spread_change = 0.0
    bench.kernel(mark_other_loans, sold_usd=0.0)
    assert s.lenders.other_loans_usd[0] == pytest.approx(2e6)
    assert s.lenders.market_loss_usd[0] == pytest.approx(0.0, abs=1e-6)


def test_in_a_tightening_funds_lose_investors_and_give_less_credit() -> None:
    on, off = (
        runs.finished("tightening", ("days=200", f"channels.fund_marks={marks}"), 1)
        for marks in ("true", "false")
    )
    funds = on.market.lenders.redeemable
    left = [float(one.market.lenders.redeemed_usd[funds].sum()) for one in (on, off)]
    assert left[0] > 5e8 > left[1]
    supply = [float(one.series()["credit_supply"].min()) for one in (on, off)]
    assert supply[0] < supply[1] - 0.05
