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

from ...agents.lender import continuing_value_usd, patience_days, waives
from ...agents.party import Outside, Status
from ..compiled_phases import decisions_due
from ..debt.service import borrower_debt_usd
from ..debt.surrender import LONGEST_YEARS, Outlook, hand_over, perimeter_income_usd_day
from ..liquidation import values
from ..liquidation.order_book import Ladder, class_ladder, realisable_usd
from ..state.events import Cause, Event, log_event
from ..state.ledger import draw, pay_interest
from ..state.loans import Collateral, LoanStatus, annual_rate
from ..state.run import Run

EXTENSION_DAYS = 365
PRINCIPAL = (Cause.AMORTISATION, Cause.MATURITY, Cause.DEFICIENCY)
PAYMENT = (Cause.INTEREST, *PRINCIPAL)


def decide(run: Run) -> None:
    """Phase 7: lenders whose patience is asked for decide; once a week borrowers may surrender."""
    loans = run.state.loans
    if stands_still(run):
        _stop_clocks(run)
        return
    due = decisions_due(run.shared, run.scenario.credit.max_waivers)
    if len(due) > 0:
        run.strips = values.strips_today(run)  # today's order book, not that of the last window
    book = DaysBook(run)
    for loan in due.tolist():
        if run.state.parties.status[loans.borrower[loan]] == Status.ACTIVE:
            _decide_one(book, loan)
    if run.day % 7 == 0 and run.scenario.credit.surrender_ratio > 0.0:
        _surrender(run)


class DaysBook:
    """Today's order books, each put in order once: nothing is sold while lenders decide."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._hold_usd: NDArray[np.float64] | None = None
        self._ladders: dict[tuple[int, bool], Ladder] = {}

    def seized_usd_unit(self, k: int, position: float) -> float:
        """What a seized unit brings a lender [USD]: its sale, or hosting where all is kept."""
        if not self.run.terms.hold_seized:
            return self.realisable_usd_unit(k, position)
        if self._hold_usd is None:
            self._hold_usd = values.hold_values_today(self.run)
        return float(self._hold_usd[k])

    def realisable_usd_unit(self, k: int, position: float) -> float:
        """Net proceeds a unit [USD] of walking the book of a class with a whole position."""
        if position <= 0.0:
            return 0.0
        key = (k, position >= self.run.quotes.smallest_cluster)
        if key not in self._ladders:
            self._ladders[key] = class_ladder(self.run, *key)
        net = realisable_usd(self.run, self._ladders[key], k, np.array([position]))
        return float(net[0]) / position


def stands_still(run: Run) -> bool:
    """Whether a policy standstill is in force: from the scripted shock for some days."""
    s, days = run.state, run.scenario.policy.standstill_days
    if days <= 0 or s.shock_event < 0:
        return False
    return bool(run.day < int(s.events["day"][s.shock_event]) + days)


def _stop_clocks(run: Run) -> None:
    """A day that does not count: cure periods and suppliers' patience are a day longer."""
    s, loans = run.state, run.state.loans
    open_ = (
        (loans.breach != Cause.NONE)
        & (loans.status == LoanStatus.PERFORMING)
        & (loans.collateral != Collateral.BTC)
    )
    loans.breach_day[open_] += 1
    waiting = s.parties.payables_day >= 0
    s.parties.payables_day[waiting] += 1


def _decide_one(book: DaysBook, loan: int) -> None:
    run = book.run
    loans, lenders = run.state.loans, run.state.lenders
    row = int(loans.lender[loan])
    patience = patience_days(
        float(lenders.runnable_share[row]), float(lenders.funding_maturity_days[row])
    )
    if lenders.supply[row] <= 0.0 or patience < run.scenario.credit.waiver_days:
        return  # who cannot wait enforces
    goes_on = continuing_usd(run, loan)
    brings = enforcement_usd(book, loan)
    if not waives(goes_on, brings, run.scenario.credit.waiver_margin):
        return
    _waive(run, loan, goes_on - brings)


def loan_rate(run: Run, loan: int) -> float:
    """Interest of a loan today, a year."""
    loans = run.state.loans
    return float(
        annual_rate(
            loans.rate_or_spread[loan], loans.floating[loan], run.state.prices.reference_rate
        )
    )


def continuing_usd(run: Run, loan: int) -> float:
    """What a loan brings if it goes on [USD]: its share of cash flow, then what secures it."""
    s, loans = run.state, run.state.loans
    b = int(loans.borrower[loan])
    principal = float(loans.principal_usd[loan])
    years = min(LONGEST_YEARS, max(1.0, (loans.maturity_day[loan] - run.day) / 365.0 + 1.0))
    if loans.recourse[loan]:
        share = principal / max(float(borrower_debt_usd(b, loans)), 1e-9)
        flow = share * 365.0 * float(s.borrowers.trailing_cash_flow_usd[b])
    else:
        flow = 365.0 * float(perimeter_income_usd_day(loan, loans, s.holdings, s.neoclouds))
    left = 0.0
    k = int(loans.hardware[loan])
    if loans.collateral[loan] == Collateral.HARDWARE:
        left = float(loans.collateral_units[loan] * s.marks_usd[k])
        left *= math.exp(-float(s.hardware.annual_depreciation[k]) * years)
    elif loans.collateral[loan] == Collateral.SITE:
        left = run.terms.site_recovery_share * float(loans.site_value_usd[loan])
    return float(continuing_value_usd(principal, flow, left, loan_rate(run, loan), years))


def enforcement_usd(book: DaysBook, loan: int) -> float:
    """What enforcing a loan would bring [USD, present value], collateral first, then the estate."""
    run = book.run
    s, loans, terms = run.state, run.state.loans, run.terms
    b = int(loans.borrower[loan])
    principal = float(loans.principal_usd[loan])
    rate = loan_rate(run, loan)
    secured = 0.0
    k = int(loans.hardware[loan])
    if loans.collateral[loan] == Collateral.HARDWARE:
        wait = terms.legal_days + int(s.hardware.relocation_days[k])
        row = int(loans.holding[loan])
        per_unit = book.seized_usd_unit(k, float(s.holdings.units[row]))
        secured = float(loans.collateral_units[loan]) * per_unit * math.exp(-rate * wait / 365.0)
    elif loans.collateral[loan] == Collateral.SITE:
        value = terms.site_recovery_share * float(loans.site_value_usd[loan])
        secured = value * math.exp(-rate * terms.site_days / 365.0)
    secured = min(secured, principal)
    if not loans.recourse[loan]:
        return secured
    dividend = estate_share(book, b) * math.exp(-rate * terms.bankruptcy_days / 365.0)
    return secured + dividend * (principal - secured)


def estate_share(book: DaysBook, b: int) -> float:
    """What an estate would pay on a dollar of unsecured claims, selling all into today's book."""
    run = book.run
    s, loans, terms = run.state, run.state.loans, run.terms
    own = range(int(loans.first[b]), int(loans.first[b + 1]))
    rows = slice(int(s.holdings.first[b]), int(s.holdings.first[b + 1]))
    assets = 0.0
    position = dict[int, float]()
    for row in range(rows.start, rows.stop):
        k, units = int(s.holdings.hardware[row]), float(s.holdings.units[row])
        if units > 0.0:
            position[k] = units
            free = max(units - float(s.holdings.pledged[row]), 0.0)
            assets += free * book.realisable_usd_unit(k, units)
    coins = float(s.parties.btc[b] + s.parties.btc_lent[b]) * s.prices.btc_usd
    assets += max(float(s.parties.cash_usd[b]), 0.0) + coins
    claims = float(s.parties.payables_usd[b])
    for loan in own:
        if loans.status[loan] != LoanStatus.PERFORMING or not loans.recourse[loan]:
            continue
        secured = float(loans.collateral_btc[loan]) * s.prices.btc_usd
        if loans.collateral[loan] == Collateral.HARDWARE:
            k = int(loans.hardware[loan])
            per_unit = book.seized_usd_unit(k, position[k]) if k in position else 0.0
            secured = float(loans.collateral_units[loan]) * per_unit
        elif loans.collateral[loan] == Collateral.SITE:
            secured = terms.site_recovery_share * float(loans.site_value_usd[loan])
        claims += max(float(loans.principal_usd[loan]) - secured, 0.0)
    return min(1.0, assets * (1.0 - terms.bankruptcy_cost_share) / claims) if claims > 0 else 1.0


def _waive(run: Run, loan: int, gain_usd: float) -> None:
    """Give time: a covenant is waived for a while, missed payments are rescheduled."""
    s, loans = run.state, run.state.loans
    b, row = int(loans.borrower[loan]), int(loans.lender[loan])
    lender = s.first_lender + row
    cause = int(loans.breach[loan])
    loans.waivers[loan] += 1
    extends = cause in PAYMENT
    event = log_event(
        s.log,
        run.day,
        Event.EXTENDED if extends else Event.WAIVED,
        cause,
        b,
        lender,
        loan,
        gain_usd,
        int(loans.breach_event[loan]),
    )
    s.parties.trail_event[b] = event
    if not extends:
        cure_days = loans.sheets.cure_days[loans.sheet[loan]]
        loans.breach_day[loan] = run.day + run.scenario.credit.waiver_days - cure_days
        return
    interest = float(loans.arrears_interest_usd[loan])
    investors = s.first_outside + Outside.INVESTORS
    if interest > 0.0:  # it is added to the debt
        draw(
            s.parties,
            s.lenders,
            s.ledger,
            loans.principal_usd,
            loan,
            b,
            row,
            lender,
            investors,
            interest,
        )
        pay_interest(s.parties, b, lender, investors, interest)
    loans.arrears_interest_usd[loan] = 0.0
    loans.arrears_principal_usd[loan] = 0.0
    loans.due_cause[loan] = Cause.NONE
    loans.breach[loan] = Cause.NONE
    loans.maturity_day[loan] = max(int(loans.maturity_day[loan]), run.day) + EXTENSION_DAYS


def _surrender(run: Run) -> None:
    """Borrowers of non-recourse loans hand over machines that are worth less to them than debt."""
    s, terms = run.state, run.scenario.credit
    hand_over(
        run.shared,
        terms.surrender_ratio,
        terms.max_waivers,
        outlook_of(run),
        s.buyer_view,
        values.lives_today(run),
        s.diary.rigs_due_th if s.diary is not None else np.zeros(0),
    )


def outlook_of(run: Run) -> Outlook:
    """What borrowers expect of rents and hashprice."""
    terms = run.scenario.liquidation
    return Outlook(
        gpu_drift=terms.gpu_rent_drift,
        gpu_volatility=terms.gpu_rent_volatility,
        asic_drift=terms.hashprice_drift,
        asic_volatility=terms.hashprice_volatility,
        reversion=terms.reversion_per_year,
        required_return=terms.seller_required_return,
    )
