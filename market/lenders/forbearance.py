"""Waive, extend or enforce; and strategic surrender.

When a cure period has run out, the lender compares what the borrower would still pay with what
enforcement would really bring: today's order book walked with everything that would come to market,
less cost, later. So an empty market breeds forbearance. Whether a borrower hands over the keys of
its own will is decided by :mod:`market.debt.surrender`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import entrance
from ...agents.lender import continuing_value_usd, patience_days, waives
from ...agents.party import Status
from ..debt.service import borrower_debt_usd
from ..debt.surrender import LONGEST_YEARS, hand_over, perimeter_income_usd_day
from ..liquidation import bids
from ..liquidation.order_book import Ladder, class_ladder, realisable_usd
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.loans import Collateral, LoanStatus, annual_rate, cure_end
from ..state.market import Market
from ..state.money import draw, pay_interest

EXTENSION_DAYS = 365
PRINCIPAL = (Cause.AMORTISATION, Cause.MATURITY, Cause.DEFICIENCY)
PAYMENT = (Cause.INTEREST, *PRINCIPAL)


def decide(market: Market) -> None:
    """Phase 7: lenders whose patience is asked for decide; once a week borrowers may surrender."""
    loans = market.loans
    if stands_still(market):
        _stop_clocks(market)
        return
    due = decisions_due(market)
    if len(due) > 0:
        market.strips = bids.strips_today(market)  # not those of the last auctions
    book = DaysBook(market)
    for loan in due.tolist():
        if market.parties.status[loans.borrower[loan]] == Status.ACTIVE:
            _decide_one(book, loan)
    if market.day % 7 == 0 and market.scenario.credit.surrender_ratio > 0.0:
        _surrender(market)


class DaysBook:
    """Today's order books, each put in order once: nothing is sold while lenders decide."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._hold_usd: NDArray[np.float64] | None = None
        self._ladders: dict[tuple[int, bool], Ladder] = {}

    def seized_usd_unit(self, k: int, position: float) -> float:
        """What a seized unit brings a lender [USD]: its sale, or hosting where all is kept."""
        if not self.market.terms.lenders.hold_seized:
            return self.realisable_usd_unit(k, position)
        if self._hold_usd is None:
            self._hold_usd = bids.hold_values_usd(self.market)
        return float(self._hold_usd[k])

    def realisable_usd_unit(self, k: int, position: float) -> float:
        """Net proceeds a unit [USD] of walking the book of a class with a whole position."""
        if position <= 0.0:
            return 0.0
        key = (k, position >= self.market.opening.smallest_cluster)
        if key not in self._ladders:
            self._ladders[key] = class_ladder(self.market, *key)
        net = realisable_usd(self.market, self._ladders[key], k, np.array([position]))
        return float(net[0]) / position


def stands_still(market: Market) -> bool:
    """Whether a policy standstill is in force: from the scripted shock for some days."""
    days = market.scenario.policy.standstill_days
    if days <= 0 or market.today.shock_event < 0:
        return False
    return bool(market.day < int(market.events["day"][market.today.shock_event]) + days)


def _stop_clocks(market: Market) -> None:
    """A day that does not count: cure periods and suppliers' patience are a day longer."""
    loans = market.loans
    open_ = (
        (loans.breach != Cause.NONE)
        & (loans.status == LoanStatus.PERFORMING)
        & (loans.collateral != Collateral.BTC)
    )
    loans.breach_day[open_] += 1
    waiting = market.parties.payables_day >= 0
    market.parties.payables_day[waiting] += 1


def _decide_one(book: DaysBook, loan: int) -> None:
    market = book.market
    loans, lenders = market.loans, market.lenders
    row = int(loans.lender[loan])
    patience = patience_days(
        float(lenders.runnable_share[row]), float(lenders.funding_maturity_days[row])
    )
    if lenders.supply[row] <= 0.0 or patience < market.scenario.credit.waiver_days:
        return  # who cannot wait enforces
    goes_on = continuing_usd(market, loan)
    brings = enforcement_usd(book, loan)
    if not waives(goes_on, brings, market.scenario.credit.waiver_margin):
        return
    _waive(market, loan, goes_on - brings)


def loan_rate(market: Market, loan: int) -> float:
    """Interest of a loan today, a year."""
    loans = market.loans
    return float(
        annual_rate(loans.rate_or_spread[loan], loans.floating[loan], market.prices.reference_rate)
    )


def continuing_usd(market: Market, loan: int) -> float:
    """What a loan brings if it goes on [USD]: its share of cash flow, then what secures it."""
    loans = market.loans
    b = int(loans.borrower[loan])
    principal = float(loans.principal_usd[loan])
    years = min(LONGEST_YEARS, max(1.0, (loans.maturity_day[loan] - market.day) / 365.0 + 1.0))
    if loans.recourse[loan]:
        share = principal / max(float(borrower_debt_usd(market, b)), 1e-9)
        flow = share * 365.0 * float(market.borrowers.trailing_cash_flow_usd[b])
    else:
        flow = 365.0 * float(perimeter_income_usd_day(market, loan))
    left = 0.0
    k = int(loans.hardware[loan])
    if loans.collateral[loan] == Collateral.HARDWARE:
        left = float(loans.collateral_units[loan] * market.marks_usd[k])
        left *= math.exp(-float(market.hardware.annual_depreciation[k]) * years)
    elif loans.collateral[loan] == Collateral.SITE:
        left = market.terms.liquidation.site_recovery_share * float(loans.site_value_usd[loan])
    return float(continuing_value_usd(principal, flow, left, loan_rate(market, loan), years))


def enforcement_usd(book: DaysBook, loan: int) -> float:
    """What enforcing a loan would bring [USD, present value], collateral first, then the estate."""
    market = book.market
    loans, terms = market.loans, market.terms
    b = int(loans.borrower[loan])
    principal = float(loans.principal_usd[loan])
    rate = loan_rate(market, loan)
    secured = 0.0
    k = int(loans.hardware[loan])
    if loans.collateral[loan] == Collateral.HARDWARE:
        wait = terms.liquidation.legal_days + int(market.hardware.relocation_days[k])
        row = int(loans.holding[loan])
        per_unit = book.seized_usd_unit(k, float(market.holdings.units[row]))
        secured = float(loans.collateral_units[loan]) * per_unit * math.exp(-rate * wait / 365.0)
    elif loans.collateral[loan] == Collateral.SITE:
        value = terms.liquidation.site_recovery_share * float(loans.site_value_usd[loan])
        secured = value * math.exp(-rate * terms.liquidation.site_days / 365.0)
    secured = min(secured, principal)
    if not loans.recourse[loan]:
        return secured
    dividend = estate_share(book, b) * math.exp(-rate * terms.credit.bankruptcy_days / 365.0)
    return secured + dividend * (principal - secured)


def estate_share(book: DaysBook, b: int) -> float:
    """What an estate would pay on a dollar of unsecured claims, selling all into today's book."""
    market = book.market
    loans, terms = market.loans, market.terms
    own = range(int(loans.first[b]), int(loans.first[b + 1]))
    rows = slice(int(market.holdings.first[b]), int(market.holdings.first[b + 1]))
    assets = 0.0
    position = dict[int, float]()
    for row in range(rows.start, rows.stop):
        k, units = int(market.holdings.hardware[row]), float(market.holdings.units[row])
        if units > 0.0:
            position[k] = units
            free = max(units - float(market.holdings.pledged[row]), 0.0)
            assets += free * book.realisable_usd_unit(k, units)
    coins = float(market.parties.btc[b] + market.parties.btc_lent[b]) * market.prices.btc_usd
    assets += max(float(market.parties.cash_usd[b]), 0.0) + coins
    claims = float(market.parties.payables_usd[b])
    for loan in own:
        if loans.status[loan] != LoanStatus.PERFORMING or not loans.recourse[loan]:
            continue
        secured = float(loans.collateral_btc[loan]) * market.prices.btc_usd
        if loans.collateral[loan] == Collateral.HARDWARE:
            k = int(loans.hardware[loan])
            per_unit = book.seized_usd_unit(k, position[k]) if k in position else 0.0
            secured = float(loans.collateral_units[loan]) * per_unit
        elif loans.collateral[loan] == Collateral.SITE:
            secured = terms.liquidation.site_recovery_share * float(loans.site_value_usd[loan])
        claims += max(float(loans.principal_usd[loan]) - secured, 0.0)
    return (
        min(1.0, assets * (1.0 - terms.credit.bankruptcy_cost_share) / claims)
        if claims > 0
        else 1.0
    )


def _waive(market: Market, loan: int, gain_usd: float) -> None:
    """Give time: a covenant is waived for a while, missed payments are rescheduled."""
    loans = market.loans
    b, row = int(loans.borrower[loan]), int(loans.lender[loan])
    lender = market.first_lender + row
    cause = int(loans.breach[loan])
    loans.waivers[loan] += 1
    extends = cause in PAYMENT
    event = log_event(
        market,
        Event.EXTENDED if extends else Event.WAIVED,
        cause,
        (b, lender, loan),
        gain_usd,
        int(loans.breach_event[loan]),
    )
    market.parties.trail_event[b] = event
    if not extends:
        cure_days = loans.sheets.cure_days[loans.sheet[loan]]
        loans.breach_day[loan] = market.day + market.scenario.credit.waiver_days - cure_days
        return
    interest = float(loans.arrears_interest_usd[loan])
    if interest > 0.0:  # it is added to the debt
        draw(market, loan, interest)
        pay_interest(market, b, lender, interest)
    loans.arrears_interest_usd[loan] = 0.0
    loans.arrears_principal_usd[loan] = 0.0
    loans.due_cause[loan] = Cause.NONE
    loans.breach[loan] = Cause.NONE
    loans.maturity_day[loan] = max(int(loans.maturity_day[loan]), market.day) + EXTENSION_DAYS


def _surrender(market: Market) -> None:
    """Borrowers of non-recourse loans hand over machines that are worth less to them than debt."""
    hand_over(
        market, market.dated_facts.rigs_due_th if market.dated_facts is not None else np.zeros(0)
    )


@entrance
def decisions_due(market: Market) -> np.ndarray:
    """Loans whose cure period has run out and whose lender may still be asked to wait: rows."""
    loans = market.loans
    rows = np.empty(len(loans.status), np.int64)
    found = 0
    for loan in range(len(loans.status)):
        if (
            loans.breach[loan] != Cause.NONE
            and loans.status[loan] == LoanStatus.PERFORMING
            and loans.collateral[loan] != Collateral.BTC
            and market.today.day >= cure_end(loan, loans)
            and loans.waivers[loan] < market.terms.credit.max_waivers
        ):
            rows[found] = loan
            found += 1
    return rows[:found]
