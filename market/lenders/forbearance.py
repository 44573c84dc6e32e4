"""Waive, extend or enforce; and strategic surrender.

When a cure period has run out, the lender compares what the borrower would still pay with what
enforcement would really bring: one sale of everything that would come to market, less cost, later
(:mod:`market.liquidation.one_sale`). So an empty market breeds forbearance. Whether a borrower
hands over the keys of its own will is decided by :mod:`market.debt.surrender`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import (
    SITE_HAIRCUT,
    annuity_factor,
    continuing_value_usd,
    estate_shares,
    patience_days,
    waives,
)
from ...agents.party import Status
from ..debt.pledged_income import perimeter_income_usd_day
from ..debt.service import borrower_debt_usd
from ..debt.sites import leased_site_usd, leases_beyond_usd
from ..debt.surrender import LONGEST_YEARS, hand_over
from ..liquidation.bids import hold_values_usd, value_machines
from ..liquidation.one_sale import PATIENT_DAYS, Offer, no_limits, sold_usd
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import Account
from ..state.loans import Collateral, LoanStatus, annual_rate, cure_end
from ..state.market import Market
from ..state.money import draw, pay_interest
from ..state.sites import pledged_site_usd

EXTENSION_DAYS = 365
SURRENDER_EVERY_DAYS = 7
PAYMENT = (Cause.INTEREST, Cause.AMORTISATION, Cause.MATURITY, Cause.DEFICIENCY)


class Proceeds(NamedTuple):
    """What a borrower's machines bring if all of them come to market [class, USD a unit]."""

    sold_usd: Reals  # in one sale, each buyer's money and racks spent once
    seized_usd: Reals  # to a lender that takes them: the same, or hosting where it keeps them


@compiled
def decide(market: Market) -> None:
    """Phase 7: lenders whose patience is asked for decide; once a week borrowers may surrender."""
    if _stands_still(market):
        _stop_clocks(market)
        return
    for loan in range(len(market.loans.status)):
        if _is_asked(market, loan):  # on most days nobody is
            _decide_from(market, loan)
            break
    weekly = market.today.day % SURRENDER_EVERY_DAYS == 0
    if weekly and market.terms.credit.surrender_ratio > 0.0:
        hand_over(market)


@inlined
def _stands_still(market: Market) -> bool:
    """Whether a policy standstill is in force: from the scripted shock for some days."""
    days, shock = market.terms.policy.standstill_days, market.today.shock_event
    return days > 0 and shock >= 0 and market.today.day < market.log.events[shock]["day"] + days


@compiled
def _stop_clocks(market: Market) -> None:
    """A day that does not count: cure periods and suppliers' patience are a day longer."""
    loans, payables_day = market.loans, market.parties.payables_day
    suspended = 0.0
    for loan in range(len(loans.status)):
        if (
            loans.breach[loan] != Cause.NONE
            and loans.status[loan] == LoanStatus.PERFORMING
            and loans.collateral[loan] != Collateral.BTC
        ):
            suspended += loans.principal_usd[loan]
            loans.breach_day[loan] += 1
    accounts = market.ledger.policy_usd
    accounts[Account.SUSPENDED] = max(accounts[Account.SUSPENDED], suspended)
    for party in range(len(payables_day)):
        if payables_day[party] >= 0:
            payables_day[party] += 1


@inlined
def _is_asked(market: Market, loan: int) -> bool:
    """Whether a loan's cure period has run out and its lender may be asked to wait, and can."""
    loans, lenders, row = market.loans, market.lenders, market.loans.lender[loan]
    patience = patience_days(lenders.runnable_share[row], lenders.funding_maturity_days[row])
    return (
        loans.breach[loan] != Cause.NONE
        and loans.status[loan] == LoanStatus.PERFORMING
        and loans.collateral[loan] != Collateral.BTC
        and market.today.day >= cure_end(loan, loans)
        and loans.waivers[loan] < market.terms.credit.max_waivers
        and market.parties.status[loans.borrower[loan]] == Status.ACTIVE
        and lenders.supply[row] > 0.0
        and patience >= market.terms.credit.waiver_days
    )


@compiled
def _decide_from(market: Market, first: int) -> None:
    """Lenders decide on every loan, from the first that asks on; loans stand by borrower."""
    loans = market.loans
    value_machines(market)
    b = loans.borrower[first]
    proceeds = proceeds_of(market, b)
    for loan in range(first, len(loans.status)):
        if _is_asked(market, loan):
            if loans.borrower[loan] != b:
                b = loans.borrower[loan]
                proceeds = proceeds_of(market, b)
            _decide_one(market, proceeds, loan)


@compiled
def _decide_one(market: Market, proceeds: Proceeds, loan: int) -> None:
    """A lender waits if that brings more than enforcing does."""
    goes_on = continuing_usd(market, loan)
    brings = enforcement_usd(market, proceeds, loan)
    if waives(goes_on, brings, market.terms.credit.waiver_margin):
        _waive(market, loan, goes_on - brings)


@compiled
def proceeds_of(market: Market, b: int) -> Proceeds:
    """Net proceeds of one sale of all that a borrower has, within the 90 days that a seizure takes.

    Nothing is sold while lenders decide.
    """
    holdings = market.holdings
    rows = np.arange(holdings.first[b], holdings.first[b + 1])
    units, mw = holdings.units[rows], _pledged_mw(market, b)
    sold = sold_usd(market, no_limits(market), Offer(rows, units, mw), PATIENT_DAYS)
    hosted = hold_values_usd(market) if market.terms.lenders.hold_seized else sold
    seized = np.zeros(len(sold))
    for n in range(len(rows)):
        k = holdings.hardware[rows[n]]
        if units[n] > 0.0:
            sold[k] /= units[n]
            seized[k] = hosted[k]
    for k in range(len(sold)):
        if mw[k] > 0.0:
            sold[k] /= mw[k]
            seized[k] = sold[k]
    return Proceeds(sold, seized)


@compiled
def _pledged_mw(market: Market, b: int) -> Reals:
    """MW of a borrower's sites and halls that are in pledge [class]."""
    loans, opening = market.loans, market.opening
    mw = np.zeros(len(market.hardware.family))
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            mw[opening.site_class] += loans.site_mw[loan]
            mw[opening.hall_class] += loans.hall_mw[loan]
    return mw


@inlined
def _loan_rate(market: Market, loan: int) -> float:
    """Interest of a loan today, a year."""
    loans = market.loans
    return annual_rate(
        loans.rate_or_spread[loan], loans.floating[loan], market.prices.reference_rate
    )


@compiled
def continuing_usd(market: Market, loan: int) -> float:
    """What a loan brings if it goes on [USD]: its share of cash flow, then what secures it."""
    loans = market.loans
    b, k = loans.borrower[loan], loans.hardware[loan]
    principal = loans.principal_usd[loan]
    left_years = (loans.maturity_day[loan] - market.today.day) / 365.0
    years = min(LONGEST_YEARS, max(1.0, left_years + 1.0))
    if loans.recourse[loan]:
        share = principal / max(borrower_debt_usd(market, b), 1e-9)
        flow = share * 365.0 * market.borrowers.trailing_cash_flow_usd[b]
    else:
        flow = 365.0 * perimeter_income_usd_day(market, loan)
    left = 0.0
    if loans.collateral[loan] == Collateral.HARDWARE:
        left = loans.collateral_units[loan] * market.marks_usd[k]
        left *= math.exp(-market.hardware.annual_depreciation[k] * years)
    elif loans.collateral[loan] == Collateral.SITE:
        earned = max(flow, 0.0) * annuity_factor(_loan_rate(market, loan), years)
        left = leased_site_usd(market, loan) - earned  # rents of these years are no longer ahead
        left = (1.0 - SITE_HAIRCUT) * max(left, pledged_site_usd(market, loan))
    return continuing_value_usd(principal, flow, left, _loan_rate(market, loan), years)


@compiled
def enforcement_usd(market: Market, proceeds: Proceeds, loan: int) -> float:
    """What enforcing a loan would bring [USD, present value], collateral first, then the estate."""
    loans, terms = market.loans, market.terms
    principal, rate = loans.principal_usd[loan], _loan_rate(market, loan)
    wait = terms.liquidation.site_days
    if loans.collateral[loan] == Collateral.HARDWARE:
        moving = market.hardware.relocation_days[loans.hardware[loan]]
        wait = terms.liquidation.legal_days + moving
    secured = _collateral_usd(market, proceeds, loan) * math.exp(-rate * wait / 365.0)
    secured = min(secured, principal)
    if not loans.recourse[loan]:
        return secured
    lien, other = shares_of_estate(market, proceeds, loans.borrower[loan])
    dividend = lien if loans.collateral[loan] == Collateral.GENERAL_LIEN else other
    dividend *= math.exp(-rate * terms.credit.bankruptcy_days / 365.0)
    return secured + dividend * (principal - secured)


@compiled
def _collateral_usd(market: Market, proceeds: Proceeds, loan: int) -> float:
    """What a lender gets for what secures a loan [USD], if all of its kind is sold at once.

    Where lenders keep what they seize, a machine brings what hosting does.
    """
    loans, terms = market.loans, market.terms
    if loans.collateral[loan] == Collateral.SITE:
        brings = loans.site_mw[loan] * proceeds.sold_usd[market.opening.site_class]
        brings += loans.hall_mw[loan] * proceeds.sold_usd[market.opening.hall_class]
        kept_share = 1.0 - terms.liquidation.legal_cost_share
        return brings + kept_share * leases_beyond_usd(market, loan)
    if loans.collateral[loan] != Collateral.HARDWARE:
        return loans.collateral_btc[loan] * market.prices.btc_usd
    return loans.collateral_units[loan] * proceeds.seized_usd[loans.hardware[loan]]


@compiled
def shares_of_estate(market: Market, proceeds: Proceeds, b: int) -> tuple[float, float]:
    """What an estate would pay on a dollar of general liens, and of claims that rank after them.

    All is sold at once.
    """
    parties, holdings, loans = market.parties, market.holdings, market.loans
    assets = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        units = holdings.units[row]
        free = max(units - holdings.pledged[row], 0.0)
        if free > 0.0:
            assets += free * proceeds.sold_usd[holdings.hardware[row]]
    coins = (parties.btc[b] + parties.btc_lent[b]) * market.prices.btc_usd
    assets += max(parties.cash_usd[b], 0.0) + coins
    liens, others = 0.0, parties.payables_usd[b]
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING and loans.recourse[loan]:
            if loans.collateral[loan] == Collateral.GENERAL_LIEN:
                liens += loans.principal_usd[loan]
                continue
            secured = _collateral_usd(market, proceeds, loan)
            others += max(loans.principal_usd[loan] - secured, 0.0)
    assets *= 1.0 - market.terms.credit.bankruptcy_cost_share
    return estate_shares(assets, liens, others)


@compiled
def _waive(market: Market, loan: int, gain_usd: float) -> None:
    """Give time: a covenant is waived for a while, missed payments are rescheduled."""
    today, loans = market.today, market.loans
    b, lender = loans.borrower[loan], today.first_lender + loans.lender[loan]
    cause = loans.breach[loan]
    loans.waivers[loan] += 1
    extends = cause in PAYMENT
    kind = Event.EXTENDED if extends else Event.WAIVED
    event = log_event(market, kind, cause, (b, lender, loan), gain_usd, loans.breach_event[loan])
    market.parties.trail_event[b] = event
    if not extends:
        cure_days = loans.sheets.cure_days[loans.sheet[loan]]
        loans.breach_day[loan] = today.day + market.terms.credit.waiver_days - cure_days
        return
    interest = loans.arrears_interest_usd[loan]
    if interest > 0.0:  # it is added to the debt
        draw(market, loan, interest)
        pay_interest(market, loan, interest)
    loans.arrears_interest_usd[loan] = 0.0
    loans.arrears_principal_usd[loan] = 0.0
    loans.due_cause[loan] = Cause.NONE
    loans.breach[loan] = Cause.NONE
    loans.maturity_day[loan] = max(loans.maturity_day[loan], today.day) + EXTENSION_DAYS
