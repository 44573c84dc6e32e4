"""What lenders keep of interest and margins, and what claims that pay nothing cost them."""

from __future__ import annotations

import pytest
import runs
from by_hand import Bench

from firesale.agents.lender import funded_share, kept_interest_usd, paid_out_share
from firesale.agents.party import Outside, Status
from firesale.market.lenders.earnings import set_margins
from firesale.market.opening.books_2021.read import load_books_2021
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.state.events import Cause
from firesale.market.state.loans import LoanStatus


def lender(**columns: float) -> Bench:
    """A loan of 1,000,000 at 10 %; three quarters of its lender's assets are others' money."""
    loan = dict(
        principal_usd=1e6, rate_or_spread=0.10, interval_days=365, next_payment_day=365,
        maturity_day=3650, term_days=365,
    )  # fmt: skip
    bench = Bench([loan], cash=[1e6])
    given = dict(cost_share=0.4, payout_share=0.5, funding_spread=0.01) | columns
    bench.balance(0, cash=1e6, other=2e6, owes=3e6, **given)
    bench.s.prices.reference_rate = 0.04
    bench.kernel(set_margins)
    return bench


def test_a_margin_is_what_funding_cost_and_owners_leave() -> None:
    # 100 of interest at 10 %: 5 % on three quarters is 37.5; of 62.5 40 % is cost, half paid out.
    assert kept_interest_usd(100.0, 0.10, 0.75 * 0.05, 0.4, 0.5) == pytest.approx(18.75)
    assert kept_interest_usd(100.0, 0.02, 0.04, 0.4, 0.5) == 0.0  # funding costs more than it pays
    assert kept_interest_usd(0.0, 0.0, 0.04, 0.4, 0.5) == 0.0
    assert funded_share(1.0, 3.0) == pytest.approx(0.75)
    assert funded_share(-1.0, 3.0) == 1.0 and funded_share(2.0, 0.0) == 0.0


def test_owners_wait_while_losses_exceed_earnings_but_a_funds_investors_do_not() -> None:
    assert paid_out_share(0.7, 100.0, 100.0) == 0.7
    assert paid_out_share(0.7, 99.0, 100.0) == 0.0
    assert paid_out_share(1.0, 99.0, 100.0) == 1.0


@pytest.mark.parametrize(("payout", "kept"), [(0.5, 18_750.0), (1.0, 0.0)])
def test_interest_that_is_paid_builds_capital(payout: float, kept: float) -> None:
    bench = lender(payout_share=payout)
    s = bench.s
    s.loans.accrued_usd[0] = 1e5  # a year of it
    held, owned = bench.cash(bench.lender()), float(s.lenders.capital_usd[0])
    investors = bench.cash(bench.outside(Outside.INVESTORS))
    s.loans.next_payment_day[0] = 1
    s.loans.rate_or_spread[0] = 0.10
    bench.day(1, "service", "pay")
    day = 1e6 * 0.10 / 365.0  # the last day accrues as well
    kept *= 1.0 + day / 1e5
    assert bench.cash(bench.lender()) - held == pytest.approx(kept)
    assert s.lenders.capital_usd[0] - owned == pytest.approx(kept)
    assert s.lenders.earned_usd[0] == pytest.approx(kept)
    passed = bench.cash(bench.outside(Outside.INVESTORS)) - investors
    assert passed == pytest.approx(1e5 + day - kept)
    assert s.lenders.loss_usd[0] == 0.0


def test_investors_get_all_interest_on_the_loans_of_a_failed_lender() -> None:
    bench = lender()
    bench.s.parties.status[bench.lender()] = Status.DEFAULTED
    bench.s.loans.accrued_usd[0] = 1e5
    bench.s.loans.next_payment_day[0] = 1
    bench.day(1, "service", "pay")
    assert bench.s.lenders.earned_usd[0] == 0.0


def test_other_loans_earn_their_margin_day_by_day() -> None:
    bench = lender(other_margin=0.0365)
    owned = float(bench.s.lenders.capital_usd[0])
    for day in range(1, 6):  # before the first provision
        bench.day(day, "lenders")
    # 200 a day on 2,000,000 for five days, half of it for the owners.
    assert bench.s.lenders.capital_usd[0] - owned == pytest.approx(500.0, rel=1e-3)


def test_a_claim_that_pays_nothing_still_costs_its_funding() -> None:
    bench = lender(payout_share=1.0)
    s = bench.s
    s.loans.breach[0] = Cause.MATURITY
    bench.day(1, "default", "lenders")
    assert s.loans.status[0] == LoanStatus.DEFAULTED
    carried = 1e6 - s.claims.written_down_usd[0]  # cash of its estate, less cost
    assert carried == pytest.approx(0.95e6)
    share = s.lenders.funding_usd[0] / (s.lenders.funding_usd[0] + s.lenders.capital_usd[0])
    assert s.lenders.earned_usd[0] == pytest.approx(-carried * 0.05 * share / 365.0, rel=1e-4)


@pytest.mark.parametrize("load", [load_books_2025, load_books_2021])
def test_every_kind_of_lender_has_its_margin(load: object) -> None:
    books = load()  # type: ignore[operator]
    kinds = {row.kind: row for row in books.margins}
    assert len(kinds) == len(books.margins)
    for row in books.lenders:
        assert kinds[row.kind].source and kinds[row.kind].confidence


def test_who_pays_nothing_out_grows_in_calm_and_a_bond_fund_does_not() -> None:
    sim = runs.finished("calm", ("days=365", "credit.hazard_per_year=0"), 1)
    s, kinds = sim.market, sim.lenders()["kind"]
    earned = s.lenders.earned_usd / s.lenders.capital_open_usd
    assert (earned[(kinds == "crypto_lender").to_numpy()] > 0.0).all()
    assert (abs(earned[(kinds == "bond_funds").to_numpy()]) < 1e-9).all()
    banks = earned[(kinds == "bank").to_numpy()]
    assert (banks > 0.005).all() and (banks < 0.15).all()  # a return on equity after dividends
