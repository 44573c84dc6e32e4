"""Underwriting, roll-over, and purchases signed at the opening, counted by hand."""

import math

import numpy as np
import pytest
from by_hand import GPU, NAN, RIG, SITE, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.columns import empty
from firesale.agents.party import Outside, Status
from firesale.market.debt import roll_over, service, underwriting
from firesale.market.operators import purchases
from firesale.market.operators.leases import run_contracts
from firesale.market.operators.production import run_gpus
from firesale.market.state.contracts import ContractKind, Contracts
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Amortisation, Collateral, Instrument
from firesale.market.state.money import conservation_error

TERMS = dict(
    order_deposit_share=0.10,
    tenant_prepayment_share=0.20,
    growth_advance_rate=0.80,
    delivery_days=180,
    growth_min_dscr=1.15,
    refinancing_appetite=1.0,
)


def do(bench: Bench, day: int, kernel: object) -> None:
    """Run one kernel on a day, and check that nothing was lost."""
    bench.market.today.day = day
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    bench.kernel(kernel)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-9


# --- roll-over ------------------------------------------------------------------------------------


def bullet(**changes: object) -> dict[str, object]:
    return dict(principal_usd=1000.0, maturity_day=100, term_days=700) | changes


def ask(bench: Bench, first: int, last: int) -> None:
    for day in range(first, last + 1):
        do(bench, day, roll_over.roll_over)


def test_a_bullet_is_extended_by_its_term_in_its_last_month() -> None:
    bench = Bench([bullet()])
    bench.s.borrowers.creditworthy[0] = True
    ask(bench, 1, 69)
    assert bench.s.loans.maturity_day[0] == 100
    ask(bench, 70, 70)
    assert bench.s.loans.maturity_day[0] == 800
    assert bench.s.loans.principal_usd[0] == 1000.0
    ask(bench, 71, 110)
    assert bench.kinds() == ["ROLLED_OVER"]


def test_a_refused_borrower_asks_every_week_and_is_refused_once_in_the_log() -> None:
    bench = Bench([bullet()])
    ask(bench, 1, 76)
    assert bench.kinds() == ["NOT_REFINANCED"]
    assert bench.events(Event.NOT_REFINANCED)[0]["day"] == 70
    bench.s.borrowers.creditworthy[0] = True
    ask(bench, 77, 77)  # a week after it first asked
    assert bench.kinds() == ["NOT_REFINANCED", "ROLLED_OVER"]
    never = Bench([bullet()])
    ask(never, 1, 99)
    assert never.kinds() == ["NOT_REFINANCED"]


def test_what_is_not_rolled_falls_due() -> None:
    bench = Bench([bullet(cure_days=5)])
    for day in range(60, 106):
        bench.day(day, "service", "pay", "test", "default")
        ask(bench, day, day)
    assert bench.s.parties.status[0] == Status.DEFAULTED
    default = bench.events(Event.DEFAULT)[0]
    assert default["day"] == 105 and default["cause"] == Cause.MATURITY
    # ... because it was not refinanced.
    chain, event = [], int(default["parent"])
    while event >= 0:
        chain.append(Event(int(bench.s.events["kind"][event])).name)
        event = int(bench.s.events["parent"][event])
    assert chain == ["MISSED_PAYMENT", "NOT_REFINANCED"]


@pytest.mark.parametrize(("cash", "rolled"), [(600.0, True), (599.0, False)])
def test_lenders_roll_their_appetites_share(cash: float, rolled: bool) -> None:
    bench = Bench([bullet()], cash=[cash], refinancing_appetite=0.4)
    bench.s.borrowers.creditworthy[0] = True
    ask(bench, 70, 70)
    if rolled:
        assert bench.s.loans.principal_usd[0] == pytest.approx(400.0)
        assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
        assert bench.s.loans.maturity_day[0] == 800
    else:
        assert bench.s.loans.principal_usd[0] == 1000.0
        assert bench.s.loans.maturity_day[0] == 100
        assert bench.events(Event.NOT_REFINANCED)[0]["cause"] == Cause.APPETITE


@pytest.mark.parametrize(("price", "rolled"), [(13.5, True), (13.0, False)])
def test_coins_are_rolled_by_their_own_value(price: float, rolled: bool) -> None:
    # 1000 on 100 coins: LTV 74.1 % at 13.50, 76.9 % at 13.00; underwriting does not matter.
    loan = bullet(collateral=Collateral.BTC, collateral_btc=100.0, margin_call_ltv=0.75)
    bench = Bench([loan], btc_usd=price)
    ask(bench, 70, 70)
    assert (bench.s.loans.maturity_day[0] == 800) == rolled


@pytest.mark.parametrize(
    "change",
    [dict(breach=Cause.DSCR), dict(amortisation=Amortisation.LINEAR), dict(principal_usd=0.0)],
)
def test_other_loans_are_not_extended(change: dict[str, object]) -> None:
    bench = Bench([bullet(**change)])
    bench.s.borrowers.creditworthy[0] = True
    ask(bench, 60, 99)
    assert bench.s.loans.maturity_day[0] == 100


# --- underwriting ---------------------------------------------------------------------------------


def test_what_underwriting_counts() -> None:
    # Cash 50, coins 3 free and 1 lent at 100, 2 ETH at 10, sites 30, deposits 20, pledged coins 5,
    # a pledged site of 60, ten machines at 100, and of a contract 60 % x half of 4 a day, 100 days.
    loans = [
        dict(principal_usd=100.0, collateral=Collateral.BTC, collateral_btc=5.0),
        dict(principal_usd=10.0, collateral=Collateral.SITE, site_mw=1.0, hall_mw=2.0),
    ]
    bench = Bench(
        loans, cash=[50.0], btc=[3.0], fleets=[(0, GPU, 10.0)], income_collateral_share=0.6
    )
    s = bench.s
    s.parties.btc_lent[0] = 1.0
    s.parties.eth[0] = 2.0
    s.borrowers.site_usd[0] = 30.0
    s.marks_usd[SITE] = 20.0  # a MW, with a hall or without: the bench has one class for both
    s.borrowers.deposits_usd[0] = 20.0
    s.contracts = empty(
        Contracts, 1, landlord=[0], gpus=[8.0], delivered=[4.0], usd_day=[8.0],
        start_day=[-10], end_day=[100], holding=[-1], rent_share=[1.0], broken_day=[-1],
    )  # fmt: skip
    other = bench.kernel(underwriting.other_assets_usd, b=0)
    assert other == pytest.approx(50 + 400 + 20 + 30 + 20 + 500 + 60)
    assert bench.kernel(underwriting.machines_usd, b=0, prices_usd=s.marks_usd) == pytest.approx(
        1000
    )
    rents = bench.kernel(underwriting.contract_values_usd, count=1)
    assert rents == pytest.approx([0.6 * 0.5 * 4.0 * 100])


@pytest.mark.parametrize(("principal", "passes"), [(849.0, True), (852.0, False)])
def test_underwriting_of_a_borrower(principal: float, passes: bool) -> None:
    # Assets: ten machines at 100. LTV at most 85 %; interest of 10 % is covered by cash flow.
    bench = Bench(
        [dict(principal_usd=principal, rate_or_spread=0.10)],
        fleets=[(0, GPU, 10.0)],
        max_ltv=0.85,
        max_leverage=0.0,
        min_interest_coverage=1.5,
    )
    bench.s.borrowers.trailing_cash_flow_usd[0] = 1.0
    do(bench, 7, underwriting.underwrite)
    assert bool(bench.s.borrowers.creditworthy[0]) == passes
    assert bench.s.borrowers.interest_reserve_usd[0] == pytest.approx(0.25 * 0.10 * principal)
    # Unpaid suppliers close every door.
    bench.s.parties.payables_usd[0] = 1.0
    do(bench, 14, underwriting.underwrite)
    assert not bench.s.borrowers.creditworthy[0]


def test_everybody_is_underwritten_on_its_own_books() -> None:
    # The first owes 900 on 1000 of machines, the second 100 on as many.
    bench = Bench(
        [dict(principal_usd=900.0), dict(borrower=1, principal_usd=100.0, rate_or_spread=0.1)],
        borrowers=2,
        fleets=[(0, GPU, 10.0), (1, GPU, 10.0)],
        max_ltv=0.85,
        max_leverage=0.0,
        min_interest_coverage=0.0,
    )
    do(bench, 7, underwriting.underwrite)
    assert list(bench.s.borrowers.creditworthy) == [False, True]
    assert bench.s.borrowers.interest_reserve_usd == pytest.approx([0.0, 2.5])


def test_service_of_the_next_year() -> None:
    # Linear over four quarters of a year and a bullet: 1000 + interest of the first balance.
    loans = [
        dict(
            principal_usd=1000.0, rate_or_spread=0.10, amortisation=Amortisation.LINEAR,
            interval_days=91, next_payment_day=91, maturity_day=364,
        ),
        dict(principal_usd=500.0, rate_or_spread=0.08, next_payment_day=30),
    ]  # fmt: skip
    bench = Bench(loans)
    value = bench.kernel(service.yearly_service_usd, b=0)
    assert value == pytest.approx(1000.0 + 100.0 * 364 / 365 + 40.0, rel=1e-6)


# --- but for the sale -----------------------------------------------------------------------------


def underwritten(debt: float, **marks: float) -> Bench:
    """Ten GPUs at 100 and fifty TH/s at 10 by schedule; LTV at most 80 %: 1200 would pass."""
    bench = Bench(
        [dict(principal_usd=debt, maturity_day=100, cure_days=5)],
        fleets=[(0, GPU, 10.0), (0, RIG, 50.0)],
        max_ltv=0.80,
        max_leverage=0.0,
        min_interest_coverage=0.0,
    )
    bench.s.clearing_event[:2] = [71, 72]
    bench.s.marks_usd[:2] = [marks.get("gpu", 100.0), marks.get("rig", 10.0)]
    do(bench, 7, underwriting.underwrite)
    return bench


@pytest.mark.parametrize(
    ("debt", "gpu", "rig", "passes", "blamed"),
    [
        (1200.0, 100.0, 10.0, True, -1),
        (1200.0, 99.0, 10.0, False, 71),  # would have passed but for the sale of GPUs
        (1200.0, 100.0, 9.0, False, 72),
        (1200.0, 90.0, 9.0, False, 71),  # 100 lost on GPUs, 50 on rigs
        (1200.0, 98.0, 9.0, False, 72),  # 20 and 50
        (1200.0, 99.0, 10.5, True, -1),  # what rigs gained made up for it
        (1201.0, 90.0, 9.0, False, -1),  # the schedule alone would not have done
        (1000.0, 90.0, 9.0, True, -1),
    ],
)
def test_a_refusal_is_blamed_on_a_sale_only_but_for_it(
    debt: float, gpu: float, rig: float, passes: bool, blamed: int
) -> None:
    borrowers = underwritten(debt, gpu=gpu, rig=rig).s.borrowers
    assert bool(borrowers.creditworthy[0]) == passes
    assert borrowers.refusal_event[0] == blamed


def test_marks_that_fell_without_a_forced_sale_have_nobody_to_blame() -> None:
    bench = underwritten(1200.0, gpu=90.0, rig=9.0)
    bench.s.clearing_event[GPU] = -1
    do(bench, 14, underwriting.underwrite)
    assert bench.s.borrowers.refusal_event[0] == 72  # of the rest
    bench.s.clearing_event[RIG] = -1
    do(bench, 21, underwriting.underwrite)
    assert bench.s.borrowers.refusal_event[0] == -1
    assert not bench.s.borrowers.creditworthy[0]


def test_a_refusal_is_forgotten_when_it_no_longer_holds() -> None:
    bench = underwritten(1200.0, gpu=90.0)
    assert bench.s.borrowers.refusal_event[0] == 71
    bench.s.marks_usd[GPU] = 100.0
    do(bench, 14, underwriting.underwrite)
    assert bench.s.borrowers.creditworthy[0] and bench.s.borrowers.refusal_event[0] == -1


@pytest.mark.parametrize(("sale", "root"), [(True, 71), (False, 5)])
def test_who_was_refused_for_a_sale_fails_because_of_it(sale: bool, root: int) -> None:
    bench = underwritten(1200.0 if sale else 1201.0, gpu=90.0)
    bench.s.today.shock_event = 5
    for day in range(60, 106):
        bench.day(day, "service", "pay", "test", "default")
        do(bench, day, roll_over.roll_over)
    kinds = [kind for kind in bench.kinds() if kind != "LISTED"]
    assert kinds[:4] == ["NOT_REFINANCED", "MISSED_PAYMENT", "DEFAULT", "LOAN_DEFAULT"]
    assert bench.events(Event.NOT_REFINANCED)[0]["parent"] == root
    # The bullet is missed for the sale as well; interest alone never is.
    assert bench.events(Event.MISSED_PAYMENT)[0]["parent"] == (root if sale else 0)


def test_missed_interest_is_not_blamed_on_a_refusal() -> None:
    bench = underwritten(1200.0, gpu=90.0)
    bench.s.loans.accrued_usd[0] = 12.0
    bench.s.loans.next_payment_day[0] = 8
    bench.s.today.shock_event = 5
    bench.day(8, "service", "pay")
    assert bench.kinds() == ["MISSED_PAYMENT", "LISTED"]
    assert bench.events(Event.MISSED_PAYMENT)[0]["parent"] == 5


# --- building -------------------------------------------------------------------------------------


def test_building_takes_equity_then_lines_then_spare_cash() -> None:
    line = dict(instrument=Instrument.PROJECT_FINANCE, undrawn_usd=12.0, initial_ltv=0.75)
    line |= dict(collateral=Collateral.SITE, site_mw=10.0)
    bench = Bench([line], cash=[100.0], hall_usd_mw=2.0)
    s = bench.s
    s.borrowers.capex_usd_day[0] = 10.0
    s.borrowers.committed_equity_usd[0] = 15.0
    s.borrowers.fixed_cost_usd_day[0] = 1.0  # ninety days of it stay in the till
    cash, drawn, unpaid = [], [], []
    for day in range(1, 6):
        do(bench, day, purchases.build)
        cash.append(bench.cash(0))
        drawn.append(float(s.loans.principal_usd[0]))
        unpaid.append(float(s.borrowers.capex_unpaid_days[0]))
    # Day 1: 10 of equity. Day 2: 5 of equity, 5 drawn. Day 3: 7 drawn, 3 of 10 spare. Day 4: 7
    # spare, 3 unpaid. Day 5: nothing.
    assert drawn == pytest.approx([0.0, 5.0, 12.0, 12.0, 12.0])
    assert cash == pytest.approx([100.0, 100.0, 97.0, 90.0, 90.0])
    assert unpaid == pytest.approx([0.0, 0.0, 0.0, 0.3, 1.3])
    assert s.borrowers.site_usd[0] == pytest.approx(37.0)
    assert bench.cash(bench.outside(Outside.SUPPLIER)) == pytest.approx(37.0)
    # The line pays three quarters of what is built with it: 16, which is 8 MW of halls at 2.
    assert (s.loans.hall_mw[0], s.loans.site_mw[0]) == (pytest.approx(8.0), pytest.approx(2.0))


def test_no_more_halls_are_built_than_a_site_has_power_for() -> None:
    line = dict(instrument=Instrument.PROJECT_FINANCE, undrawn_usd=12.0, initial_ltv=0.75)
    line |= dict(collateral=Collateral.SITE, site_mw=3.0)
    bench = Bench([line], hall_usd_mw=2.0)
    bench.s.borrowers.capex_usd_day[0] = 12.0
    do(bench, 1, purchases.build)
    assert (bench.s.loans.hall_mw[0], bench.s.loans.site_mw[0]) == (3.0, 0.0)


def test_building_ends_after_its_year() -> None:
    bench = Bench(cash=[1e6])
    bench.s.borrowers.capex_usd_day[0] = 10.0
    do(bench, 365, purchases.build)
    do(bench, 366, purchases.build)
    assert bench.cash(0) == pytest.approx(1e6 - 10.0)


# --- deliveries -----------------------------------------------------------------------------------


def ordering(bench: Bench, **changes: object) -> None:
    """180 machines at 200 each, one a day from day 1; rent of 3 a machine and day."""
    columns: dict[str, object] = dict(
        kind=ContractKind.COMPUTE,
        landlord=0,
        tenant=0,
        hardware=GPU,
        gpus=180.0,
        ordered=180.0,
        delivered=0.0,
        usd_day=540.0,
        start_day=1,
        end_day=1001,
        take_or_pay=True,
        signed_later=True,
        holding=0,
        unit_cost_usd_day=NAN,
        broken_day=-1,
    )
    bench.s.contracts = empty(
        Contracts, 1, **{name: [value] for name, value in (columns | changes).items()}
    )
    bench.s.borrowers.deposits_usd[0] = 0.10 * 180 * 200.0


def test_a_machine_paid_by_deposit_tenant_and_own_cash() -> None:
    bench = Bench(fleets=[(0, GPU, 0.0)], cash=[1000.0], **TERMS)
    ordering(bench)
    do(bench, 1, purchases.deliver)
    s = bench.s
    # 200: 20 deposited, 40 by the tenant, 140 own.
    assert bench.cash(0) == pytest.approx(860.0)
    assert bench.cash(bench.outside(Outside.SUPPLIER)) == pytest.approx(180.0)
    assert bench.cash(bench.outside(Outside.CUSTOMERS)) == pytest.approx(-40.0)
    assert s.holdings.units[0] == pytest.approx(1.0)
    assert s.ledger.outside_units[GPU] == pytest.approx(-1.0)
    assert s.contracts.delivered[0] == pytest.approx(1.0)
    assert s.contracts.ordered[0] == pytest.approx(179.0)
    assert s.borrowers.deposits_usd[0] == pytest.approx(3600.0 - 20.0)
    # The tenant gets its 40 back out of rent, by the end of the contract.
    assert s.contracts.repaid_usd_day[0] * 1000 == pytest.approx(40.0)


def test_delivered_machines_keep_a_running_cost_of_their_own() -> None:
    # One machine a day; it costs 2 a day to run where the contract says so, else as the fleet's 6.
    for own, cost in ((2.0, 2.0), (math.nan, 6.0)):
        bench = Bench(fleets=[(0, GPU, 3.0)], cash=[1000.0], **TERMS)
        ordering(bench, unit_cost_usd_day=own)
        bench.s.holdings.cost_usd_unit_day[0] = 6.0
        do(bench, 1, purchases.deliver)
        assert bench.s.holdings.cost_usd_unit_day[0] == 6.0
        bench.kernel(run_contracts)
        assert bench.s.holdings.contract_cost_usd_day[0] == pytest.approx(cost)
        bench.kernel(run_gpus)
        paid = bench.cash(bench.outside(Outside.UTILITY))
        assert paid == pytest.approx(cost)  # spot rents do not cover the others


def test_a_committed_line_pays_and_takes_the_machine_as_collateral() -> None:
    line = dict(
        instrument=Instrument.GPU_LOAN,
        undrawn_usd=1e5,
        principal_usd=100.0,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
    )
    bench = Bench([line], fleets=[(0, GPU, 0.0)], **TERMS)
    ordering(bench)
    do(bench, 1, purchases.deliver)
    s = bench.s
    assert s.loans.principal_usd[0] == pytest.approx(240.0)
    assert s.loans.undrawn_usd[0] == pytest.approx(1e5 - 140.0)
    assert s.loans.collateral_units[0] == pytest.approx(1.0)
    assert s.holdings.pledged[0] == pytest.approx(1.0)
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)


def test_lines_take_in_pledge_what_each_has_paid_for() -> None:
    # 140 is missing on a machine: the first line has 35 left, the second pays 105. What either has
    # lent before, on other machines, does not matter.
    line = dict(instrument=Instrument.GPU_LOAN, collateral=Collateral.HARDWARE, hardware=GPU)
    lines = [
        line | dict(undrawn_usd=35.0, principal_usd=900.0),
        line | dict(undrawn_usd=1e5, principal_usd=100.0, lender=1),
        line | dict(undrawn_usd=0.0, principal_usd=1000.0, collateral_units=2.0),
    ]
    bench = Bench(lines, lenders=2, fleets=[(0, GPU, 2.0)], **TERMS)
    ordering(bench)
    do(bench, 1, purchases.deliver)
    loans = bench.s.loans
    assert loans.principal_usd == pytest.approx([935.0, 205.0, 1000.0])
    assert loans.collateral_units == pytest.approx([0.25, 0.75, 2.0])
    assert loans.contract_units == pytest.approx([0.25, 0.75, 0.0])
    assert bench.s.holdings.pledged[0] == pytest.approx(3.0)


def test_a_remainder_of_a_line_takes_nothing_in_pledge() -> None:
    rest = dict(
        instrument=Instrument.GPU_LOAN,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        undrawn_usd=1e-9,
        principal_usd=100.0,
    )
    bench = Bench([rest], fleets=[(0, GPU, 0.0)], cash=[1000.0], **TERMS)
    ordering(bench)
    do(bench, 1, purchases.deliver)
    assert bench.s.holdings.units[0] == pytest.approx(1.0)
    assert bench.cash(0) == pytest.approx(860.0)  # its owner pays the 140
    assert bench.s.loans.collateral_units[0] == bench.s.holdings.pledged[0] == 0.0


FACILITY = dict(
    instrument=Instrument.GPU_LOAN,
    amortisation=Amortisation.LINEAR,
    rate_or_spread=0.10,
    interval_days=91,
    next_payment_day=91,
    maturity_day=1826,
    collateral=Collateral.HARDWARE,
    hardware=GPU,
    growth=0,
)


@pytest.mark.parametrize(("rent", "funded"), [(3.0, True), (0.05, False)])
def test_a_facility_is_drawn_only_if_its_contract_covers_it(rent: float, funded: bool) -> None:
    # 140 over five years at 10 %: 0.077 of principal and 0.038 of interest a day. A rent of 3.00 a
    # day covers that 1.15 times, less 0.04 of prepaid rent; 0.05 does not.
    bench = Bench([FACILITY, FACILITY | dict(lender=1)], lenders=2, fleets=[(0, GPU, 0.0)], **TERMS)
    ordering(bench, usd_day=180 * rent)
    do(bench, 1, purchases.deliver)
    s = bench.s
    if funded:
        assert s.loans.principal_usd == pytest.approx([70.0, 70.0])
        assert s.loans.collateral_units == pytest.approx([0.5, 0.5])
        assert s.holdings.units[0] == pytest.approx(1.0)
    else:
        assert s.loans.principal_usd == pytest.approx([0.0, 0.0])
        assert s.holdings.units[0] == 0.0
        assert s.contracts.unfunded_days[0] == 1


@pytest.mark.parametrize("why", ["no capital", "breach", "lock-up"])
def test_a_lender_that_does_not_lend_pays_nothing_through_a_facility(why: str) -> None:
    loans = [FACILITY, FACILITY | dict(lender=1)]
    bench = Bench(loans, lenders=2, fleets=[(0, GPU, 0.0)], cash=[1e6], **TERMS)
    s = bench.s
    if why == "no capital":
        s.lenders.supply[0] = 0.0
    if why == "breach":
        s.loans.breach[0] = Cause.DSCR
    if why == "lock-up":
        s.loans.lock_up[0] = True
    ordering(bench, usd_day=180 * 3.0)
    do(bench, 1, purchases.deliver)
    # The other lender pays its half of what would have been lent, and takes the machines; it lends
    # nothing either to a borrower in breach.
    sound = why != "breach"
    assert s.loans.principal_usd == pytest.approx([0.0, 70.0 * sound])
    assert s.loans.collateral_units == pytest.approx([0.0, 1.0 * sound])


def test_an_order_without_money_is_cancelled_and_its_deposit_lost() -> None:
    bench = Bench(fleets=[(0, GPU, 0.0)], **TERMS)
    ordering(bench)
    for day in range(1, 91):
        do(bench, day, purchases.deliver)
    assert bench.s.contracts.ordered[0] == 180.0 and bench.kinds() == []
    do(bench, 91, purchases.deliver)
    assert bench.s.contracts.ordered[0] == 0.0
    assert bench.events(Event.ORDER_CANCELLED)[0]["amount_usd"] == pytest.approx(3600.0)
    assert bench.s.borrowers.deposits_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.cash(0) == 0.0 and bench.s.holdings.units[0] == 0.0


def test_money_that_comes_in_time_saves_the_order() -> None:
    bench = Bench(fleets=[(0, GPU, 0.0)], **TERMS)
    ordering(bench)
    for day in range(1, 90):
        do(bench, day, purchases.deliver)
    bench.s.parties.cash_usd[0] = 140.0
    do(bench, 90, purchases.deliver)
    assert bench.s.holdings.units[0] == pytest.approx(1.0)
    assert bench.s.contracts.unfunded_days[0] == 0


@settings(max_examples=60)
@given(
    st.floats(0.0, 400.0),
    st.floats(0.0, 400.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
    st.booleans(),
)
def test_a_machine_comes_if_and_only_if_it_is_paid(
    cash: float, line: float, advance: float, prepaid: float, deposit: float, take: bool
) -> None:
    loan = dict(
        instrument=Instrument.GPU_LOAN,
        undrawn_usd=line,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
    )
    terms = TERMS | dict(
        growth_advance_rate=advance, tenant_prepayment_share=prepaid, order_deposit_share=deposit
    )
    bench = Bench([loan], fleets=[(0, GPU, 0.0)], cash=[cash], **terms)
    ordering(bench, take_or_pay=take)
    do(bench, 1, purchases.deliver)
    need = 200.0 * (1 - deposit)
    tenant = min(need, 200.0 * prepaid) if take else 0.0
    lent = min(need - tenant, 200.0 * advance, line)
    came = bool(bench.s.holdings.units[0] > 0.5)
    if abs(tenant + lent + cash - need) > 1e-6:
        assert came == (tenant + lent + cash > need)
    assert bench.cash(0) >= -1e-6
    if came:
        assert bench.s.loans.principal_usd[0] == pytest.approx(lent, abs=1e-6)
        assert cash - bench.cash(0) == pytest.approx(need - tenant - lent, abs=1e-6)
    else:
        assert bench.cash(0) == cash
        assert np.all(bench.s.loans.principal_usd == 0.0)
