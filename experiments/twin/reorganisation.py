"""Reorganisation: who is worth more in operation than in parts owes less and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.buyer import Outlook
from ...agents.party import Status
from ...market.debt.surrender import LONGEST_YEARS
from ...market.lenders.reorganisation import LIQUIDITY_DAYS, TEST_AFTER_DAYS
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.loans import NO_GROWTH, Amortisation, Collateral, LoanStatus
from . import coins
from .bids import life_years, set_strips
from .clauses import takes_the_firm
from .forbearance import enforcement_usd, proceeds_of
from .rules import estate_shares, going_concern_usd, income_paths, plan_usd, sized_debt_usd
from .sites import leased_site_usd
from .things import Order

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan
    from .model import TwinMarket
    from .things import Entry

Failure = tuple[Cause, "Entry | None"]


def reorganise(market: TwinMarket) -> None:
    """Borrowers that would fail today and whose creditors get more from a plan go on."""
    if not market.terms.credit.reorganise:
        return
    valued = False
    for borrower in market.borrowers:
        stands = borrower.status is Status.ACTIVE and borrower.reorganised_day < 0
        if borrower.made_whole or not stands or borrower.trailing_cash_flow_usd <= 0.0:
            continue
        failure = _failure_today(borrower)
        if failure is None:
            continue
        if not valued:
            set_strips(market)
            valued = True
        _vote(borrower, *failure)


def _failure_today(borrower: Borrower) -> Failure | None:
    """Why it would fail as a whole today for want of money, and what that reacts to."""
    if borrower.suppliers_file():
        return Cause.OPERATING_COSTS, borrower.blame()
    for loan in borrower.loans:
        performs = loan.status is LoanStatus.PERFORMING and loan.breach is not Cause.NONE
        if performs and loan.cure_is_over() and takes_the_firm(loan):
            return loan.breach, loan.breach_event
    return None


def _vote(borrower: Borrower, cause: Cause, parent: Entry | None) -> None:
    """Compare the plan with enforcement; carry it out if creditors get more."""
    market = borrower.model
    credit, prices = market.terms.credit, market.prices
    cash = max(borrower.cash_usd, 0.0)
    treasury = borrower.btc * prices.btc_usd + borrower.eth * prices.eth_usd
    overhead = borrower.fixed_cost_usd_day + borrower.other_cost_usd_day
    cost = credit.bankruptcy_cost_share * cash
    bills = borrower.payables_usd + LIQUIDITY_DAYS * overhead
    need = max(0.0, bills - (cash - cost) - treasury)
    lends = _exit_lender(borrower, need) if need > 0.0 else None
    if need > 0.0 and lends is None:
        return
    worth = _operating_value_usd(borrower) + cash - cost + treasury - borrower.payables_usd
    taking_part = [loan for loan in borrower.loans if _takes_part(loan)]
    owed = enforced = 0.0
    proceeds = proceeds_of(borrower)
    for loan in taking_part:
        owed += loan.principal_usd
        enforced += enforcement_usd(loan, proceeds)
    term = market.terms.derived.growth_years
    carried = sized_debt_usd(
        borrower.trailing_cash_flow_usd,
        0.0,
        income_paths(Outlook(-_fleet_outlook(borrower)[0], 0.0, 0.0), term).growth,
        credit.growth_min_dscr,
        prices.reference_rate + credit.growth_spread + _spread_change(market),
        term,
    )
    carried = min(carried, credit.max_ltv * worth)
    plan = plan_usd(worth - need, carried - need, owed, credit.new_shares_discount)
    debt, shares = plan
    if debt + shares <= enforced:
        return
    _carry_out(borrower, debt, shares, (cause, parent))
    borrower.pay(market.courts, cost)
    if lends is not None:
        lends.lender.growth_room_usd -= need
        lends.draw_line(need)
    borrower.pay(market.utility, borrower.payables_usd)
    market.journal.payables_settled_usd += borrower.payables_usd
    borrower.payables_usd = 0.0
    borrower.payables_day = -1


def _spread_change(market: TwinMarket) -> float:
    return float(market.macro.spread_change[market.day])


def _takes_part(loan: Loan) -> bool:
    performs = loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0
    return performs and loan.collateral is not Collateral.BTC


def _exit_lender(borrower: Borrower, need_usd: float) -> Loan | None:
    """The loan of the lender with most room, if it reaches."""
    willing = [
        loan
        for loan in borrower.loans
        if _takes_part(loan) and loan.lender.supply > 0.0 and loan.lender.growth_room_usd > need_usd
    ]
    return max(willing, key=lambda loan: loan.lender.growth_room_usd, default=None)


def _fleet_outlook(borrower: Borrower) -> tuple[float, float]:
    """Decline of income that is expected of its machines, a year; how long they last."""
    market = borrower.model
    settings = market.terms.liquidation
    kw = years = decline = 0.0
    for kind, holding in borrower.holdings.items():
        gpu = kind.family is Family.GPU
        power = holding.units * kind.kw
        kw += power
        years += power * life_years(market, kind)
        decline -= power * (settings.gpu_rent_drift if gpu else settings.hashprice_drift)
    if kw <= 0.0:
        return 0.0, LONGEST_YEARS
    return decline / kw, min(years / kw, LONGEST_YEARS)


def _operating_value_usd(borrower: Borrower) -> float:
    """Its cash flow, declining as the market expects of its machines, for what they last."""
    decline, years = _fleet_outlook(borrower)
    flow = 365.0 * borrower.trailing_cash_flow_usd
    required = borrower.model.terms.investment.owners_required_return
    value: float = going_concern_usd(flow, decline, required, years)
    return value


def _shared_usd(borrower: Borrower, whole_usd: float) -> dict[Loan, float]:
    """What each loan gets of a plan, by rank."""
    owing = [
        loan
        for loan in borrower.loans
        if loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0
    ]
    gets = {loan: min(loan.principal_usd, _secured_usd(loan)) for loan in owing}
    secured = sum(gets.values())
    if secured > whole_usd:
        return {loan: value * (whole_usd / secured) for loan, value in gets.items()}
    liens = others = 0.0
    for loan in owing:
        if loan.collateral is Collateral.GENERAL_LIEN:
            liens += loan.principal_usd
        elif loan.recourse:
            others += loan.principal_usd - gets[loan]
    lien, other = estate_shares(whole_usd - secured, liens, others)
    for loan in owing:
        if loan.recourse:
            share = lien if loan.collateral is Collateral.GENERAL_LIEN else other
            gets[loan] += share * (loan.principal_usd - gets[loan])
    return gets


def _secured_usd(loan: Loan) -> float:
    """Machines and sites, at lenders' marks."""
    if loan.collateral is Collateral.HARDWARE:
        assert loan.hardware is not None
        return loan.collateral_units * loan.hardware.mark_usd
    if loan.collateral is Collateral.SITE:
        return leased_site_usd(loan)
    return 0.0


def _carry_out(borrower: Borrower, debt_usd: float, shares_usd: float, failure: Failure) -> None:
    """The default, pledged coins sold, every loan exchanged for less debt and shares."""
    market, (cause, parent) = borrower.model, failure
    before = sum(
        (loan.principal_usd for loan in borrower.loans if loan.status is LoanStatus.PERFORMING),
        0.0,
    )
    claimed = borrower.claims_usd()
    event = market.note(Event.DEFAULT, cause, borrower, None, None, claimed, parent)
    borrower.reorganised_day = market.day
    borrower.trail_event = borrower.default_event = event
    for loan in borrower.loans:
        performs = loan.status is LoanStatus.PERFORMING and loan.principal_usd > 0.0
        if performs and loan.collateral is Collateral.BTC:
            coins.sell_coins(loan, loan.principal_usd, Cause.COLLATERAL_SALE, event)
            coins.release_coins(loan)
    gets = _shared_usd(borrower, debt_usd + shares_usd)
    paper = shares_usd / max(debt_usd + shares_usd, 1e-9)
    kept = 0.0
    for loan in borrower.loans:
        if loan.status is not LoanStatus.PERFORMING:
            continue
        if loan in gets:
            _exchange(loan, gets[loan], paper, event)
        loan.accrued_usd = 0.0
        loan.settle_arrears()
        loan.breach = Cause.NONE
        kept += loan.principal_usd
        if not isinstance(loan.growth, Order) and _was_there(loan):
            loan.undrawn_usd = 0.0
    market.note(Event.REORGANISED, cause, borrower, None, None, before - kept, event)


def _was_there(loan: Loan) -> bool:
    return loan.growth is None or loan.growth.number == NO_GROWTH


def _exchange(loan: Loan, gets_usd: float, paper: float, parent: Entry) -> None:
    """New debt, and a share in paper that is sold to investors."""
    market, credit = loan.market, loan.market.terms.credit
    loan.begin_claim()
    event = market.note(
        Event.LOAN_DEFAULT,
        Cause.INSOLVENCY,
        loan.borrower,
        loan.lender,
        loan,
        loan.claim_usd,
        parent,
    )
    loan.default_event = event
    gets = min(gets_usd, loan.principal_usd)
    loan.carry_at(gets, event)
    loan.count_recovery(gets)
    loan.repay(market.investors, paper * gets)
    loan.forgive(loan.principal_usd - (1.0 - paper) * gets)
    loan.lock_up = False
    loan.conversion_usd = None
    loan.put_day = -1
    loan.amortisation = int(Amortisation.LINEAR)
    loan.principal_per_payment_usd = 0.0
    loan.next_payment_day = market.day + credit.bankruptcy_days
    term = round(365.0 * market.terms.derived.growth_years)
    loan.maturity_day = max(loan.maturity_day, market.day + credit.bankruptcy_days + term)
    loan.dscr_test_day = loan.next_payment_day + TEST_AFTER_DAYS
