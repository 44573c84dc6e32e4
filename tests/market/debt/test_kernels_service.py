"""Debt service day by day: interest, instalments, arrears, suppliers, rolling."""

import math

import numpy as np
import pytest
from by_hand import GPU, SITE, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.agents.party import Outside, Status
from firesale.market.state.contracts import Contracts
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import (
    ANY_GROWTH,
    Amortisation,
    Collateral,
    Instrument,
    LoanStatus,
    of_claims,
)

PHASES = ("service", "pay", "test", "default", "lenders")


def live(bench: Bench, first: int, last: int) -> None:
    for day in range(first, last + 1):
        bench.day(day, *PHASES)


# --- interest -------------------------------------------------------------------------------------


def test_interest_accrues_by_the_day_and_is_paid_on_the_date() -> None:
    # 36,500 at 10 %: 10 a day; thirty days make 300.
    loan = dict(principal_usd=36_500.0, rate_or_spread=0.10, next_payment_day=30)
    bench = Bench([loan], cash=[1000.0])
    live(bench, 1, 29)
    assert bench.s.loans.accrued_usd[0] == pytest.approx(290.0)
    assert bench.cash(0) == 1000.0
    live(bench, 30, 30)
    assert bench.cash(0) == pytest.approx(700.0)
    assert bench.s.loans.accrued_usd[0] == 0.0
    # The lender passes interest on to its owners; principal is untouched.
    assert bench.cash(bench.lender()) == 1e6
    assert bench.cash(bench.outside(Outside.INVESTORS)) == pytest.approx(300.0)
    assert bench.s.loans.principal_usd[0] == 36_500.0
    live(bench, 31, 90)
    assert bench.cash(0) == pytest.approx(100.0)
    assert bench.kinds() == []


def test_floating_interest_follows_the_reference_rate() -> None:
    loan = dict(principal_usd=36_500.0, rate_or_spread=0.06, floating=True)
    bench = Bench([loan])
    bench.s.prices.reference_rate = 0.04
    live(bench, 1, 10)
    bench.s.prices.reference_rate = 0.07
    live(bench, 11, 20)
    assert bench.s.loans.accrued_usd[0] == pytest.approx(10 * 10.0 + 10 * 13.0)


def test_a_missed_payment_is_cured_when_cash_arrives() -> None:
    loan = dict(principal_usd=36_500.0, rate_or_spread=0.10, next_payment_day=30, cure_days=10)
    bench = Bench([loan], cash=[299.0])
    live(bench, 1, 29)
    assert bench.kinds() == []
    live(bench, 30, 30)
    assert bench.kinds() == ["MISSED_PAYMENT"]
    missed = bench.events(Event.MISSED_PAYMENT)[0]
    assert missed["day"] == 30 and missed["cause"] == Cause.INTEREST
    assert missed["amount_usd"] == pytest.approx(300.0)
    assert bench.cash(0) == 299.0  # nothing is paid in part
    live(bench, 31, 38)
    bench.s.parties.cash_usd[0] += 1.0
    live(bench, 39, 39)
    assert bench.kinds() == ["MISSED_PAYMENT", "CURED"]
    assert bench.events(Event.CURED)[0]["parent"] == 0
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    live(bench, 40, 59)
    assert bench.s.loans.status[0] == LoanStatus.PERFORMING
    # Interest went on meanwhile: the second date asks for the days since the first.
    live(bench, 60, 60)
    assert bench.events(Event.MISSED_PAYMENT)[1]["amount_usd"] == pytest.approx(300.0)


@pytest.mark.parametrize("cure", [0, 1, 10])
def test_the_cure_clock_runs_exactly_its_days(cure: int) -> None:
    loan = dict(principal_usd=36_500.0, rate_or_spread=0.10, next_payment_day=5, cure_days=cure)
    bench = Bench([loan])
    live(bench, 1, 4 + cure)
    assert bench.s.parties.status[0] == Status.ACTIVE
    live(bench, 5 + cure, 5 + cure)
    assert bench.s.parties.status[0] == Status.DEFAULTED
    default = bench.events(Event.DEFAULT)[0]
    assert default["day"] == 5 + cure and default["cause"] == Cause.INTEREST
    # The claim: principal and the interest of every day since.
    assert of_claims("claim_usd", bench.s.loans)[0] == pytest.approx(36_500.0 + 10.0 * (5 + cure))


def test_events_form_a_chain_to_the_missed_payment() -> None:
    loan = dict(principal_usd=36_500.0, rate_or_spread=0.10, next_payment_day=5, cure_days=3)
    bench = Bench([loan])
    live(bench, 1, 8)
    log = bench.s.events
    chain = []
    event = int(of_claims("default_event", bench.s.loans)[0])
    while event >= 0:
        chain.append(Event(int(log["kind"][event])).name)
        assert log["parent"][event] < event
        event = int(log["parent"][event])
    assert chain == ["LOAN_DEFAULT", "DEFAULT", "MISSED_PAYMENT"]


# --- principal ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Amortisation.LINEAR, Amortisation.ANNUITY])
def test_a_loan_amortises_to_nothing_and_closes(kind: Amortisation) -> None:
    loan = dict(
        principal_usd=1200.0,
        rate_or_spread=0.12,
        amortisation=kind,
        interval_days=30,
        next_payment_day=30,
        maturity_day=120,
    )
    bench = Bench([loan], cash=[2000.0])
    live(bench, 1, 121)
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.s.loans.status[0] == LoanStatus.CLOSED
    r = 0.12 * 30 / 365
    if kind == Amortisation.LINEAR:  # interest on 1200, 900, 600, 300
        paid = 1200.0 + r * 3000.0
    else:
        paid = 4 * 1200.0 * r / (1 - (1 + r) ** -4)
    assert 2000.0 - bench.cash(0) == pytest.approx(paid, rel=1e-9)
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + 1200.0)


def test_principal_is_spread_up_to_a_maturity_between_two_dates() -> None:
    # Payment dates 30, 60 and the maturity on day 75: three payments of 400.
    loan = dict(
        principal_usd=1200.0,
        amortisation=Amortisation.LINEAR,
        interval_days=30,
        next_payment_day=30,
        maturity_day=75,
    )
    bench = Bench([loan], cash=[2000.0])
    owed = []
    for day in range(1, 77):
        live(bench, day, day)
        owed.append(float(bench.s.loans.principal_usd[0]))
    assert [owed[29], owed[59], owed[74]] == pytest.approx([800.0, 400.0, 0.0])


def test_a_bullet_falls_due_at_maturity_and_only_then() -> None:
    loan = dict(principal_usd=1000.0, maturity_day=50, next_payment_day=30, cure_days=5)
    bench = Bench([loan], cash=[999.0])
    live(bench, 1, 49)
    assert bench.kinds() == []
    live(bench, 50, 50)
    missed = bench.events(Event.MISSED_PAYMENT)
    assert len(missed) == 1 and missed[0]["cause"] == Cause.MATURITY
    assert missed[0]["amount_usd"] == pytest.approx(1000.0)
    live(bench, 51, 54)
    assert bench.s.parties.status[0] == Status.ACTIVE
    live(bench, 55, 55)
    assert bench.s.parties.status[0] == Status.DEFAULTED


def test_paying_at_maturity_closes_the_loan() -> None:
    loan = dict(principal_usd=1000.0, rate_or_spread=0.073, maturity_day=50)
    bench = Bench([loan], cash=[1010.0])
    live(bench, 1, 51)
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)  # 50 days at 0.20 a day
    assert bench.s.loans.status[0] == LoanStatus.CLOSED
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)


# --- suppliers ------------------------------------------------------------------------------------


def test_suppliers_wait_and_are_paid_first() -> None:
    bench = Bench(cash=[-70.0])
    live(bench, 1, 1)
    s = bench.s
    assert bench.cash(0) == pytest.approx(0.0)
    assert s.parties.payables_usd[0] == pytest.approx(70.0)
    assert s.parties.payables_day[0] == 1
    s.parties.cash_usd[0] += 30.0
    live(bench, 2, 2)
    assert bench.cash(0) == pytest.approx(0.0)
    assert s.parties.payables_usd[0] == pytest.approx(40.0)
    assert s.parties.payables_day[0] == 1  # the clock runs from the first day
    s.parties.cash_usd[0] += 50.0
    live(bench, 3, 3)
    assert bench.cash(0) == pytest.approx(10.0)
    assert s.parties.payables_usd[0] == 0.0
    assert s.parties.payables_day[0] == -1


def test_the_last_cent_owed_to_suppliers_is_forgiven_and_booked() -> None:
    bench = Bench(cash=[-10.0000005])
    live(bench, 1, 1)
    bench.s.parties.cash_usd[0] = 10.0
    live(bench, 2, 2)
    assert bench.s.parties.payables_usd[0] == 0.0
    assert bench.s.parties.payables_day[0] == -1


def test_suppliers_do_not_wait_for_a_rounding() -> None:
    """Cash a hair below zero sells no coin, draws no line, starts no clock."""
    revolver = dict(instrument=Instrument.REVOLVER, undrawn_usd=500.0, maturity_day=900)
    bench = Bench([revolver], cash=[-1e-11], btc=[1.0])
    live(bench, 1, 1)
    assert bench.s.parties.payables_usd[0] == 0.0
    assert bench.s.parties.payables_day[0] == -1
    assert bench.kinds() == []


def test_suppliers_file_after_their_days() -> None:
    bench = Bench(cash=[-70.0], payables_days=30)
    live(bench, 1, 30)
    assert bench.s.parties.status[0] == Status.ACTIVE
    live(bench, 31, 31)
    assert bench.s.parties.status[0] == Status.DEFAULTED
    assert bench.events(Event.DEFAULT)[0]["cause"] == Cause.OPERATING_COSTS


# --- the waterfall --------------------------------------------------------------------------------


def test_the_waterfall_takes_cash_then_coins_then_the_revolver() -> None:
    revolver = dict(lender=1, instrument=Instrument.REVOLVER, undrawn_usd=500.0, maturity_day=900)
    due = dict(principal_usd=1000.0, maturity_day=10)
    bench = Bench([due, revolver], lenders=2, cash=[100.0], btc=[6.0], btc_usd=100.0)
    bench.s.parties.eth[0] = 5.0  # 10 USD each
    live(bench, 1, 10)
    s = bench.s
    # 1000 = 100 cash + 600 of BTC + 50 of ETH + 250 drawn.
    assert s.loans.status[0] == LoanStatus.PERFORMING and s.loans.principal_usd[0] == 0.0
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    assert s.parties.btc[0] == pytest.approx(0.0, abs=1e-12)
    assert s.parties.eth[0] == pytest.approx(0.0, abs=1e-12)
    assert s.loans.principal_usd[1] == pytest.approx(250.0)
    assert s.loans.undrawn_usd[1] == pytest.approx(250.0)
    assert bench.cash(bench.lender(1)) == pytest.approx(1e6 - 250.0)
    assert bench.cash(bench.lender(0)) == pytest.approx(1e6 + 1000.0)
    assert bench.kinds() == ["FORCED_SALE", "DRAW"]
    assert bench.events(Event.FORCED_SALE)[0]["amount_usd"] == pytest.approx(650.0)
    assert s.log.forced_usd[0] == pytest.approx(600.0)  # ETH does not press on BTC


def test_no_more_coins_are_sold_than_needed() -> None:
    bench = Bench([dict(principal_usd=1000.0, maturity_day=10)], cash=[100.0], btc=[20.0])
    live(bench, 1, 10)
    assert bench.s.parties.btc[0] == pytest.approx(20.0 - 9.0)
    assert bench.s.ledger.outside_btc[0] == pytest.approx(9.0)


@pytest.mark.parametrize("flaw", ["breach", "matured", "defaulted"])
def test_a_revolver_in_trouble_lends_nothing(flaw: str) -> None:
    revolver = dict(
        instrument=Instrument.REVOLVER, principal_usd=0.0, undrawn_usd=5000.0, maturity_day=900
    )
    if flaw == "breach":
        revolver |= dict(breach=Cause.DSCR, cure_days=50, principal_usd=1.0)
    elif flaw == "matured":
        revolver |= dict(maturity_day=5)
    else:
        revolver |= dict(status=LoanStatus.DEFAULTED, principal_usd=1.0, open_lots=1)
    bench = Bench([dict(principal_usd=1000.0, maturity_day=10, cure_days=9), revolver])
    live(bench, 1, 10)
    assert bench.s.loans.undrawn_usd[1] == 5000.0
    assert len(bench.events(Event.MISSED_PAYMENT)) == 1


@settings(deadline=None, max_examples=60)
@given(st.floats(0.0, 500.0), st.floats(0.0, 10.0), st.floats(0.0, 20.0), st.floats(0.0, 400.0))
def test_what_is_due_is_paid_if_and_only_if_means_suffice(
    cash: float, btc: float, eth: float, undrawn: float
) -> None:
    revolver = dict(instrument=Instrument.REVOLVER, undrawn_usd=undrawn, maturity_day=900)
    bench = Bench(
        [dict(principal_usd=1000.0, maturity_day=1, cure_days=9), revolver],
        cash=[cash],
        btc=[btc],
        btc_usd=50.0,
    )
    bench.s.parties.eth[0] = eth
    means = cash + 50.0 * btc + 10.0 * eth + undrawn
    live(bench, 1, 1)
    paid = bench.s.loans.principal_usd[0] <= 1e-6
    if abs(means - 1000.0) > 1e-6:
        assert paid == (means > 1000.0)
    assert (len(bench.events(Event.MISSED_PAYMENT)) == 0) == paid
    assert bench.s.parties.btc[0] >= 0.0 and bench.s.parties.eth[0] >= 0.0
    assert bench.cash(0) >= -1e-6


# --- rolling --------------------------------------------------------------------------------------


def instalment(**changes: object) -> dict[str, object]:
    loan: dict[str, object] = dict(
        principal_usd=1200.0,
        rate_or_spread=0.073,
        amortisation=Amortisation.LINEAR,
        interval_days=30,
        next_payment_day=30,
        maturity_day=120,
        cure_days=10,
    )
    return loan | changes


def last_instalment(**changes: object) -> dict[str, object]:
    return instalment(principal_usd=300.0, rate_or_spread=0.292, maturity_day=30, **changes)


@pytest.mark.parametrize("appetite", [1.0, 0.6])
def test_a_creditworthy_borrower_extends_the_last_instalment_but_pays_interest(
    appetite: float,
) -> None:
    # 300 falls due and 7.20 of interest. Cash 150 pays interest and 40 % of the instalment.
    bench = Bench([last_instalment()], cash=[150.0], refinancing_appetite=appetite)
    bench.s.borrowers.creditworthy[0] = True
    live(bench, 1, 30)
    repaid = (1.0 - appetite) * 300.0
    assert bench.s.loans.principal_usd[0] == pytest.approx(300.0 - repaid)
    assert bench.cash(0) == pytest.approx(150.0 - 7.20 - repaid)
    assert bench.kinds() == ["ROLLED_OVER"]
    assert bench.events(Event.ROLLED_OVER)[0]["amount_usd"] == pytest.approx(300.0 - repaid)


@pytest.mark.parametrize(
    "obstacle",
    ["not mature", "not creditworthy", "no appetite", "no cash for interest", "coins", "breach"],
)
def test_an_instalment_is_not_rolled_otherwise(obstacle: str) -> None:
    """By contract it is due: before maturity whoever passes underwriting owes it too."""
    appetite = 0.0 if obstacle == "no appetite" else 1.0
    loan = instalment() if obstacle == "not mature" else last_instalment()
    if obstacle == "coins":
        loan |= dict(collateral=Collateral.BTC, collateral_btc=2.0, initial_ltv=0.6)
        loan |= dict(margin_call_ltv=0.75, liquidation_ltv=0.85)  # worth less than the debt
    if obstacle == "breach":
        loan |= dict(breach=Cause.HARDWARE_MARK, breach_day=0, cure_days=1000)
    cash = 7.0 if obstacle == "no cash for interest" else 150.0
    bench = Bench([loan], cash=[cash], refinancing_appetite=appetite, crypto_margin=False)
    bench.s.borrowers.creditworthy[0] = obstacle != "not creditworthy"
    live(bench, 1, 30)
    assert len(bench.events(Event.ROLLED_OVER)) == 0
    assert bench.s.loans.principal_usd[0] == loan["principal_usd"]
    assert bench.s.loans.arrears_principal_usd[0] == pytest.approx(300.0)


def test_a_borrower_with_cash_to_spare_pays_its_instalment() -> None:
    bench = Bench([instalment()], cash=[1000.0])
    bench.s.borrowers.creditworthy[0] = True
    live(bench, 1, 30)
    assert bench.s.loans.principal_usd[0] == pytest.approx(900.0)
    assert bench.kinds() == []


def test_the_interest_reserve_is_kept_where_lenders_roll() -> None:
    # 310 would pay all, but 20 of it is the reserve of a quarter's interest.
    bench = Bench([last_instalment()], cash=[310.0])
    bench.s.borrowers.creditworthy[0] = True
    bench.s.borrowers.interest_reserve_usd[0] = 20.0
    live(bench, 1, 30)
    assert bench.kinds() == ["ROLLED_OVER"]
    assert bench.cash(0) == pytest.approx(310.0 - 7.20)


def test_a_rolled_maturity_is_extended_by_a_year() -> None:
    bench = Bench([dict(principal_usd=1000.0, maturity_day=50)], cash=[0.0])
    bench.s.borrowers.creditworthy[0] = True
    live(bench, 1, 50)
    assert bench.kinds() == ["ROLLED_OVER"]
    assert bench.s.loans.maturity_day[0] == 415
    assert bench.s.loans.principal_usd[0] == 1000.0
    live(bench, 51, 60)
    assert bench.s.loans.arrears_principal_usd[0] == 0.0


def test_a_parent_does_not_pay_for_a_perimeter_it_has_let_go() -> None:
    loan = dict(
        principal_usd=36_500.0,
        rate_or_spread=0.10,
        next_payment_day=5,
        recourse=False,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=10.0,  # still to be sold
    )
    bench = Bench([loan], fleets=[(0, GPU, 10.0)])
    live(bench, 1, 5)
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
    bench.s.parties.cash_usd[0] = 1e6
    live(bench, 6, 60)
    assert bench.cash(0) == 1e6


def test_each_borrower_serves_its_own_debt() -> None:
    # Both owe 1000 on day 10; the first can pay, the second has nothing.
    due = dict(principal_usd=1000.0, maturity_day=10, cure_days=3)
    loans = [due, due | dict(borrower=1, lender=1)]
    bench = Bench(loans, borrowers=2, lenders=2, cash=[5000.0, 0.0])
    live(bench, 1, 13)
    assert bench.cash(0) == pytest.approx(4000.0)
    assert list(bench.s.parties.status[:2]) == [Status.ACTIVE, Status.DEFAULTED]
    assert bench.cash(bench.lender(0)) == pytest.approx(1e6 + 1000.0)
    assert bench.cash(bench.lender(1)) == 1e6
    assert set(bench.events(Event.MISSED_PAYMENT)["counterparty"]) == {bench.lender(1)}


# --- coverage is fed ------------------------------------------------------------------------------


def test_a_pledged_site_brings_its_share_of_hosting() -> None:
    loan = dict(
        principal_usd=3650.0,
        rate_or_spread=0.10,
        perimeter=0,
        min_dscr=0.001,
        collateral=Collateral.SITE,
        hardware=SITE,
        collateral_units=0.25,
        base_cash_flow_usd_day=1.0,
    )
    bench = Bench([loan])
    bench.s.neoclouds.hosting_usd_day[0] = 12.0
    live(bench, 1, 10)
    assert bench.s.perimeters.cash_flow_usd[0] == pytest.approx(10 * (1.0 + 3.0))


def test_a_perimeter_counts_pledged_income_and_scheduled_service() -> None:
    secured = dict(
        principal_usd=3650.0,
        rate_or_spread=0.10,
        amortisation=Amortisation.LINEAR,
        interval_days=73,
        next_payment_day=73,
        maturity_day=365,
        perimeter=0,
        min_dscr=0.001,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=4.0,
        base_cash_flow_usd_day=5.0,
    )
    bench = Bench([secured], fleets=[(0, GPU, 10.0)], cash=[1e5])
    bench.s.holdings.income_usd_unit_day[0] = 2.5
    live(bench, 1, 40)
    perimeters = bench.s.perimeters
    assert perimeters.cash_flow_usd[0] == pytest.approx(40 * (5.0 + 4 * 2.5))
    # A day's service: 730 of principal over 73 days, and 1.00 of interest.
    assert perimeters.service_usd[0] == pytest.approx(40 * (10.0 + 1.0))
    assert np.isnan(perimeters.dscr[0])
    live(bench, 41, 91)
    # After the first instalment on day 73 interest is 0.80 a day; principal stays 10 a day.
    service = 72 * 11.0 + 11.0 + 18 * 10.8
    assert perimeters.dscr[0] == pytest.approx(91 * 15.0 / service, rel=1e-9)
    assert perimeters.cash_flow_usd[0] == 0.0 and perimeters.days[0] == 0


def test_contracts_belong_to_the_perimeter_that_paid_for_their_machines() -> None:
    # Of thirty machines ten are pooled and earn 3 each. Contract 0 pays 9 for each of ten that cost
    # 1 to run, contract 1 pays 5 for each of ten that cost the fleet's 2.
    secured = dict(
        principal_usd=3650.0, min_dscr=0.001, collateral=Collateral.HARDWARE, hardware=GPU
    )
    loans = [
        secured | dict(perimeter=0, collateral_units=10.0, base_cash_flow_usd_day=4.0),
        secured | dict(perimeter=1, collateral_units=10.0, contract_units=10.0, growth=0),
        secured | dict(perimeter=2, collateral_units=5.0, contract_units=5.0, growth=1),
        secured | dict(perimeter=3, collateral_units=4.0, contract_units=3.0),  # a line, for both
        secured | dict(perimeter=4, collateral_units=2.0, growth=ANY_GROWTH),
    ]
    bench = Bench(loans, fleets=[(0, GPU, 30.0)], cash=[1e6])
    held = bench.s.holdings
    held.income_usd_unit_day[0], held.cost_usd_unit_day[0] = 3.0, 2.0
    held.contract_units[0], held.contract_usd_day[0], held.contract_cost_usd_day[0] = 20, 140, 30
    bench.s.contracts = empty(
        Contracts, 2, delivered=[10.0, 10.0], rent_usd_day=[90.0, 50.0],
        unit_cost_usd_day=[1.0, math.nan], hardware=[GPU, GPU],
    )  # fmt: skip
    bench.s.prices.rent_h100_usd_h = 0.5
    bench.s.hardware.quality[GPU] = bench.s.neoclouds.spot_realisation[0] = 1.0
    live(bench, 1, 1)
    spot = 24 * 0.5 - 2.0
    line = 1 * 3.0 + 3 * (140.0 - 30.0) / 20
    assert bench.s.perimeters.cash_flow_usd == pytest.approx(
        [4.0 + 10 * 3.0, 10 * (9.0 - 1.0), 5 * (5.0 - 2.0), line, 2 * spot]
    )
