"""Debt service: what falls due, what is paid, what is missed.

Service makes interest and principal due; liquidity pays what is due, out of whatever the waterfall
(:mod:`market.debt.waterfall`) brings. What cannot be paid is a missed payment: its cure clock
starts.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import DUST_USD, Flow
from ..state.loans import (
    NO_GROWTH,
    Amortisation,
    Collateral,
    LoanStatus,
    annual_rate,
    payments_left,
    scheduled_principal_usd,
    service_usd_day,
)
from ..state.market import Market
from ..state.money import pay, pay_interest, repay
from .breaches import open_breach
from .covenants import release_machines
from .pledged_income import perimeter_income_usd_day
from .waterfall import raise_cash

EXTENSION_DAYS = 365  # of a last instalment that is rolled


@compiled
def make_due(market: Market) -> None:
    """Accrue a day's interest; on payment dates and at maturity make it and principal due.

    For loans in a tested perimeter, add the day to its cash flow and its scheduled service.
    """
    today, prices = market.today, market.prices
    loans, perimeters = market.loans, market.perimeters
    for loan in range(len(loans.status)):
        if loans.status[loan] != LoanStatus.PERFORMING:
            continue
        principal = loans.principal_usd[loan] - loans.arrears_principal_usd[loan]
        rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], prices.reference_rate)
        loans.accrued_usd[loan] += loans.principal_usd[loan] * rate / 365.0
        perimeter = loans.perimeter[loan]
        if perimeter >= 0:
            left = payments_left(
                loans.next_payment_day[loan], loans.maturity_day[loan], loans.interval_days[loan]
            )
            perimeters.cash_flow_usd[perimeter] += perimeter_income_usd_day(market, loan)
            perimeters.service_usd[perimeter] += service_usd_day(
                principal,
                loans.amortisation[loan],
                loans.principal_per_payment_usd[loan],
                rate,
                loans.interval_days[loan],
                left,
            )
        matures = today.day >= loans.maturity_day[loan]
        if today.day < loans.next_payment_day[loan] and not matures:
            continue
        loans.next_payment_day[loan] = today.day + loans.interval_days[loan]
        if loans.principal_usd[loan] <= 0.0:
            pledged = loans.collateral_btc[loan] > 0.0  # the margin test gives these back first
            if loans.undrawn_usd[loan] <= 0.0 and not pledged:
                release_machines(market, loan)
                if loans.growth[loan] == NO_GROWTH:  # else it may be drawn again
                    loans.status[loan] = LoanStatus.CLOSED
            continue
        loans.arrears_interest_usd[loan] += loans.accrued_usd[loan]
        loans.accrued_usd[loan] = 0.0
        cause = Cause.INTEREST
        due = 0.0
        if matures:
            due = principal
            cause = Cause.MATURITY
        elif loans.amortisation[loan] != Amortisation.BULLET:
            left = payments_left(today.day, loans.maturity_day[loan], loans.interval_days[loan])
            due = scheduled_principal_usd(
                principal,
                loans.amortisation[loan],
                loans.principal_per_payment_usd[loan],
                rate,
                loans.interval_days[loan],
                left,
            )
            cause = Cause.AMORTISATION
        loans.arrears_principal_usd[loan] += due
        if due > 0.0 or loans.due_cause[loan] == Cause.NONE:
            loans.due_cause[loan] = cause


@compiled
def pay_what_is_due(market: Market) -> None:
    """Cover operating shortfalls, then arrears, loan by loan; open or close payment breaches.

    A borrower that passed underwriting rolls an instalment rather than run down the cash it needs
    for a quarter's interest, as far as lenders' appetite goes; interest is always paid in cash.
    """
    today, parties, borrowers = market.today, market.parties, market.borrowers
    lenders, loans, ledger = market.lenders, market.loans, market.ledger
    utility = today.first_outside + Outside.UTILITY
    for b in range(len(loans.first) - 1):
        if parties.status[b] != Status.ACTIVE:
            continue
        if parties.cash_usd[b] < parties.payables_usd[b] - DUST_USD:
            unpaid = parties.payables_usd[b]
            raise_cash(market, b, unpaid)
        if parties.cash_usd[b] < -DUST_USD:  # suppliers wait
            short = -parties.cash_usd[b]
            pay(market, utility, b, short)
            parties.payables_usd[b] += short
            ledger.flows[Flow.PAYABLE_RAISED] += short
            if parties.payables_day[b] < 0:
                parties.payables_day[b] = today.day
        elif parties.payables_usd[b] > 0.0:
            paid = min(parties.cash_usd[b], parties.payables_usd[b])
            pay(market, b, utility, paid)
            ledger.flows[Flow.PAYABLE_SETTLED] += paid
            parties.payables_usd[b] -= paid
            if parties.payables_usd[b] <= DUST_USD:
                ledger.flows[Flow.PAYABLE_SETTLED] += parties.payables_usd[b]
                parties.payables_usd[b] = 0.0
                parties.payables_day[b] = -1
        for loan in range(loans.first[b], loans.first[b + 1]):
            interest = loans.arrears_interest_usd[loan]
            principal = loans.arrears_principal_usd[loan]
            due = interest + principal
            if loans.status[loan] != LoanStatus.PERFORMING or due <= 0.0:
                continue
            row = loans.lender[loan]
            lender = today.first_lender + row
            scarce = parties.cash_usd[b] < due + borrowers.interest_reserve_usd[b]
            if scarce and borrowers.creditworthy[b] and _extend_matured(market, loan):
                continue
            if parties.cash_usd[b] < due:
                raise_cash(market, b, due)
                principal = loans.arrears_principal_usd[loan]  # own coins may have repaid part
                due = interest + principal
            if parties.cash_usd[b] >= due * (1.0 - 1e-12):
                pay_interest(market, loan, interest)
                repay(market, loan, b, principal)
                loans.arrears_interest_usd[loan] = 0.0
                loans.arrears_principal_usd[loan] = 0.0
                loans.due_cause[loan] = Cause.NONE
                breach = loans.breach[loan]
                if (
                    breach == Cause.INTEREST
                    or breach == Cause.AMORTISATION
                    or breach == Cause.MATURITY
                    or breach == Cause.DEFICIENCY
                ):
                    log_event(
                        market,
                        Event.CURED,
                        breach,
                        (b, lender, loan),
                        due,
                        loans.breach_event[loan],
                    )
                    loans.breach[loan] = Cause.NONE
            elif loans.breach[loan] == Cause.NONE:
                parent = (
                    parties.trail_event[b] if parties.trail_event[b] >= 0 else today.shock_event
                )
                if principal > 0.0 and borrowers.refusal_event[b] >= 0:
                    parent = borrowers.refusal_event[b]  # but for that sale it would have rolled
                elif principal > 0.0 and borrowers.creditworthy[b] and lenders.supply[row] < 1.0:
                    parent = lenders.supply_event[row]  # its lender had no capital to roll it
                cause = loans.due_cause[loan]
                open_breach(market, loan, Event.MISSED_PAYMENT, cause, due, parent)


@compiled
def _extend_matured(market: Market, loan: int) -> bool:
    """Extend principal due at maturity that cash cannot cover; true if that settles what was due.

    Instalments before that are owed by contract and are not rolled: who cannot pay one asks its
    lender to wait (:mod:`market.lenders.forbearance`).
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, lenders, loans = market.borrowers, market.lenders, market.loans
    b = loans.borrower[loan]
    principal = loans.arrears_principal_usd[loan]
    interest = loans.arrears_interest_usd[loan]
    row = loans.lender[loan]
    appetite = prices.appetite * terms.credit.refinancing_appetite * lenders.supply[row]
    in_cash = (1.0 - appetite) * principal
    if (
        not borrowers.creditworthy[b]
        or today.day < loans.maturity_day[loan]
        or loans.collateral[loan] == Collateral.BTC
        or loans.breach[loan] != Cause.NONE
        or principal <= 0.0
        or appetite <= 0.0
        or parties.cash_usd[b] < interest + in_cash
    ):
        return False
    lender = today.first_lender + row
    pay_interest(market, loan, interest)
    repay(market, loan, b, in_cash)
    loans.arrears_interest_usd[loan] = 0.0
    loans.arrears_principal_usd[loan] = 0.0
    loans.maturity_day[loan] = today.day + EXTENSION_DAYS
    log_event(
        market, Event.ROLLED_OVER, loans.due_cause[loan], (b, lender, loan), principal - in_cash, -1
    )
    loans.due_cause[loan] = Cause.NONE
    return True


@inlined
def yearly_service_usd(market: Market, b: int) -> float:
    """Scheduled interest and principal of the next year, bullets excluded [USD]."""
    prices, loans = market.prices, market.loans
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] != LoanStatus.PERFORMING or loans.principal_usd[loan] <= 0.0:
            continue
        rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], prices.reference_rate)
        left = payments_left(
            loans.next_payment_day[loan], loans.maturity_day[loan], loans.interval_days[loan]
        )
        daily = service_usd_day(
            loans.principal_usd[loan],
            loans.amortisation[loan],
            loans.principal_per_payment_usd[loan],
            rate,
            loans.interval_days[loan],
            left,
        )
        total += daily * min(365.0, float(left * loans.interval_days[loan]))
    return total


@inlined
def yearly_interest_usd(market: Market, b: int) -> float:
    """Interest of a year on what a borrower owes [USD]."""
    prices, loans = market.prices, market.loans
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            total += loans.principal_usd[loan] * annual_rate(
                loans.rate_or_spread[loan], loans.floating[loan], prices.reference_rate
            )
    return total


@inlined
def borrower_debt_usd(market: Market, b: int) -> float:
    """Principal owed in this market [USD]."""
    loans = market.loans
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        total += loans.principal_usd[loan]
    return total
