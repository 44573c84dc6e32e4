"""Reorganisation: a debtor worth more in operation than in parts files, owes less, and goes on.

When a borrower is about to fail as a whole, its creditors compare a plan with enforcement. In the
plan the firm stays at work. It owes what its cash flow carries, over new years; what it is worth
beyond that goes to creditors as new shares, which investors buy from them at a discount. Own
collateral comes first, then general liens, then all others alike. Suppliers are paid; where cash
does not reach for that and a quarter's overhead one of its lenders has to lend (exit money), or
there is no plan. Payments stop until the court is done, and nobody calls margin on a plan's notes.

A firm reorganises once; its second failure is a liquidation. Public cases: Core Scientific (filed
December 2022, out in January 2024: creditors took shares and new notes, contracts went on) and Argo
Blockchain (2025: noteholders took the shares).
"""

from __future__ import annotations

import math

import numpy as np

from ...agents.borrower import Plan, going_concern_usd, plan_usd, sized_debt_usd
from ...agents.buyer import Outlook, income_paths
from ...agents.columns import Reals
from ...agents.compiling.arrays import total
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import estate_shares
from ...agents.party import Outside, Status
from ..debt.claims import carry_at
from ..debt.covenants import release_pledged_btc, sell_pledged_btc
from ..debt.default import Failure, claims_usd, failure_today
from ..debt.losses import note_recovery
from ..debt.sites import leased_site_usd
from ..debt.surrender import LONGEST_YEARS
from ..debt.waterfall import draw_loan
from ..liquidation.bids import value_machines
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import Flow
from ..state.loans import NO_GROWTH, Amortisation, Collateral, Loans, LoanStatus, open_claim
from ..state.machines import income_outlook, life_left_years
from ..state.market import Market
from ..state.money import forgive, pay, repay
from .forbearance import enforcement_usd, proceeds_of

LIQUIDITY_DAYS = 90.0  # of overhead that a firm needs in cash to go on
TEST_AFTER_DAYS = 182  # of the first payment: coverage is tested again


@compiled
def reorganise(market: Market) -> None:
    """Borrowers that would fail today and whose creditors get more from a plan go on (in place)."""
    if not market.terms.credit.reorganise:
        return
    parties = market.parties
    for b in range(len(market.loans.first) - 1):
        if parties.status[b] != Status.ACTIVE or parties.reorganised_day[b] >= 0:
            continue
        if parties.made_whole[b]:
            continue
        if market.borrowers.trailing_cash_flow_usd[b] <= 0.0:
            continue
        failure = failure_today(market, b)
        if failure.cause != Cause.NONE:
            value_machines(market)
            _vote(market, b, failure)


@compiled
def fleet_outlook(market: Market, b: int) -> tuple[float, float]:
    """Decline of income that the market expects of a borrower's machines [log a year]; their life.

    Weighted by power; of a borrower without machines nothing declines.
    """
    hardware, holdings = market.hardware, market.holdings
    kw, years, decline = 0.0, 0.0, 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        power = holdings.units[row] * hardware.kw[k]
        kw += power
        years += power * life_left_years(market, k)
        decline -= power * income_outlook(market, k).drift
    if kw <= 0.0:
        return 0.0, LONGEST_YEARS
    return decline / kw, min(years / kw, LONGEST_YEARS)


@compiled
def operating_value_usd(market: Market, b: int) -> float:
    """A borrower as a going concern [USD]: its cash flow, declining as the market expects."""
    decline, years = fleet_outlook(market, b)
    flow = 365.0 * market.borrowers.trailing_cash_flow_usd[b]
    required = market.terms.investment.owners_required_return
    return going_concern_usd(flow, decline, required, years)


@compiled
def carried_usd(market: Market, b: int, worth_usd: float) -> float:
    """New debt that a borrower's cash flow carries [USD], sized as new facilities are."""
    credit, years = market.terms.credit, market.terms.derived.growth_years
    decline, _ = fleet_outlook(market, b)
    carried: float = sized_debt_usd(
        market.borrowers.trailing_cash_flow_usd[b],
        0.0,
        income_paths(Outlook(-decline, 0.0, 0.0), years).growth,
        credit.growth_min_dscr,
        market.prices.reference_rate + credit.growth_spread + market.prices.spread_change,
        years,
    )
    return min(carried, credit.max_ltv * worth_usd)


@inlined
def _takes_part(market: Market, loan: int) -> bool:
    """Whether a loan is part of a plan: pledged coins are sold outside it."""
    loans = market.loans
    return (
        loans.status[loan] == LoanStatus.PERFORMING
        and loans.principal_usd[loan] > 0.0
        and loans.collateral[loan] != Collateral.BTC
    )


@compiled
def _owed_usd(market: Market, b: int) -> float:
    """Principal of what a borrower owes and has not defaulted on [USD]."""
    loans = market.loans
    owed = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            owed += loans.principal_usd[loan]
    return owed


@compiled
def exit_lender(market: Market, b: int, need_usd: float) -> int:
    """The loan whose lender lends what a plan needs, -1: nobody does. The one with most room."""
    loans, lenders = market.loans, market.lenders
    found, most = -1, need_usd
    for loan in range(loans.first[b], loans.first[b + 1]):
        row = loans.lender[loan]
        if (
            _takes_part(market, loan)
            and lenders.supply[row] > 0.0
            and lenders.growth_room_usd[row] > most
        ):
            found, most = loan, lenders.growth_room_usd[row]
    return found


@compiled
def _vote(market: Market, b: int, failure: Failure) -> None:
    """Compare the plan with enforcement; carry it out if creditors get more."""
    parties, borrowers, loans, prices = (
        market.parties,
        market.borrowers,
        market.loans,
        market.prices,
    )
    cash = max(parties.cash_usd[b], 0.0)
    coins = parties.btc[b] * prices.btc_usd + parties.eth[b] * prices.eth_usd
    overhead = borrowers.fixed_cost_usd_day[b] + borrowers.other_cost_usd_day[b]
    cost = market.terms.credit.bankruptcy_cost_share * cash
    need = max(0.0, parties.payables_usd[b] + LIQUIDITY_DAYS * overhead - (cash - cost) - coins)
    lender = -1
    if need > 0.0:
        lender = exit_lender(market, b, need)
        if lender < 0:
            return
    worth = operating_value_usd(market, b) + cash - cost + coins - parties.payables_usd[b]
    proceeds = proceeds_of(market, b)
    owed = enforced = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if _takes_part(market, loan):
            owed += loans.principal_usd[loan]
            enforced += enforcement_usd(market, proceeds, loan)
    carried = carried_usd(market, b, worth) - need
    plan = plan_usd(worth - need, carried, owed, market.terms.credit.new_shares_discount)
    if plan.debt_usd + plan.shares_usd <= enforced:
        return
    _carry_out(market, b, plan, failure)
    pay(market, b, market.today.first_outside + Outside.COURTS, cost)
    if lender >= 0:
        market.lenders.growth_room_usd[loans.lender[lender]] -= need
        draw_loan(market, lender, need)
    _pay_suppliers(market, b)


@compiled
def _pay_suppliers(market: Market, b: int) -> None:
    """Unpaid bills are paid in full: without power and staff there is no going concern."""
    parties = market.parties
    unpaid = parties.payables_usd[b]
    pay(market, b, market.today.first_outside + Outside.UTILITY, unpaid)
    market.ledger.flows[Flow.PAYABLE_SETTLED] += unpaid
    parties.payables_usd[b] = 0.0
    parties.payables_day[b] = -1


@compiled
def shared_usd(market: Market, b: int, plan_total_usd: float) -> Reals:
    """What each loan of a borrower gets of a plan [USD], by rank; one entry per loan."""
    loans, first = market.loans, market.loans.first[b]
    count = loans.first[b + 1] - first
    gets = np.zeros(count)
    liens, others = 0.0, 0.0
    for i in range(count):
        loan = first + i
        if loans.status[loan] != LoanStatus.PERFORMING or loans.principal_usd[loan] <= 0.0:
            continue
        gets[i] = min(loans.principal_usd[loan], _secured_usd(market, loan))
        if loans.collateral[loan] == Collateral.GENERAL_LIEN:
            liens += loans.principal_usd[loan]
        elif loans.recourse[loan]:
            others += loans.principal_usd[loan] - gets[i]
    secured = total(gets)
    if secured > plan_total_usd:
        for i in range(count):
            gets[i] *= plan_total_usd / secured
        return gets
    lien, other = estate_shares(plan_total_usd - secured, liens, others)
    for i in range(count):
        loan = first + i
        if loans.status[loan] == LoanStatus.PERFORMING and loans.recourse[loan]:
            share = lien if loans.collateral[loan] == Collateral.GENERAL_LIEN else other
            gets[i] += share * (loans.principal_usd[loan] - gets[i])
    return gets


@compiled
def _secured_usd(market: Market, loan: int) -> float:
    """What secures a loan [USD]: machines at work and sites, at lenders' marks."""
    loans = market.loans
    if loans.collateral[loan] == Collateral.HARDWARE:
        return loans.collateral_units[loan] * market.marks_usd[loans.hardware[loan]]
    if loans.collateral[loan] == Collateral.SITE:
        return leased_site_usd(market, loan)
    return 0.0


@compiled
def _carry_out(market: Market, b: int, plan: Plan, failure: Failure) -> None:
    """Log the default, sell pledged coins, exchange every loan for less debt and shares."""
    today, parties, loans = market.today, market.parties, market.loans
    debt = _owed_usd(market, b)
    claimed = claims_usd(market, b)
    event = log_event(market, Event.DEFAULT, failure.cause, (b, -1, -1), claimed, failure.parent)
    parties.reorganised_day[b] = today.day
    parties.trail_event[b] = event
    parties.default_event[b] = event
    for loan in range(loans.first[b], loans.first[b + 1]):
        if (
            loans.status[loan] == LoanStatus.PERFORMING
            and loans.collateral[loan] == Collateral.BTC
            and loans.principal_usd[loan] > 0.0
        ):
            exchange = today.first_outside + Outside.EXCHANGE
            owed = loans.principal_usd[loan]
            sell_pledged_btc(market, loan, owed, exchange, Cause.COLLATERAL_SALE, event)
            release_pledged_btc(market, loan)
    gets = shared_usd(market, b, plan.debt_usd + plan.shares_usd)
    paper = plan.shares_usd / max(plan.debt_usd + plan.shares_usd, 1e-9)
    kept = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            if loans.principal_usd[loan] > 0.0:
                _exchange(market, loan, gets[loan - loans.first[b]], paper, event)
            _end_breach(loans, loan)
            kept += loans.principal_usd[loan]
            if loans.growth[loan] == NO_GROWTH:
                loans.undrawn_usd[loan] = 0.0
    log_event(market, Event.REORGANISED, failure.cause, (b, -1, -1), debt - kept, event)


@inlined
def _end_breach(loans: Loans, loan: int) -> None:
    """Nothing is overdue any more, on a loan that coins have repaid either."""
    loans.accrued_usd[loan] = 0.0
    loans.arrears_interest_usd[loan] = 0.0
    loans.arrears_principal_usd[loan] = 0.0
    loans.due_cause[loan] = Cause.NONE
    loans.breach[loan] = Cause.NONE


@compiled
def _exchange(market: Market, loan: int, gets_usd: float, paper: float, parent: int) -> None:
    """A loan becomes new debt and ``paper``, a share of what it gets in shares that are sold."""
    today, loans, credit = market.today, market.loans, market.terms.credit
    b, lender = loans.borrower[loan], today.first_lender + loans.lender[loan]
    owed = loans.principal_usd[loan] + loans.accrued_usd[loan] + loans.arrears_interest_usd[loan]
    event = log_event(
        market, Event.LOAN_DEFAULT, Cause.INSOLVENCY.value, (b, lender, loan), owed, parent
    )
    open_claim(loan, today.day, owed, event, loans)
    gets = min(gets_usd, loans.principal_usd[loan])
    carry_at(market, loan, gets, event)
    note_recovery(market, loan, gets)
    repay(market, loan, today.first_outside + Outside.INVESTORS, paper * gets)
    forgive(market, loan, loans.principal_usd[loan] - (1.0 - paper) * gets)
    loans.lock_up[loan] = False
    loans.conversion_usd[loan] = math.nan
    loans.put_day[loan] = -1
    loans.amortisation[loan] = Amortisation.LINEAR
    loans.principal_per_payment_usd[loan] = 0.0
    loans.next_payment_day[loan] = today.day + credit.bankruptcy_days
    years = market.terms.derived.growth_years
    loans.maturity_day[loan] = max(
        loans.maturity_day[loan], today.day + credit.bankruptcy_days + round(365.0 * years)
    )
    loans.dscr_test_day[loan] = loans.next_payment_day[loan] + TEST_AFTER_DAYS
