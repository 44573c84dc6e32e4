"""From the opening tables of 2021 to drafts of borrowers and loans.

The result has the same form as that of :mod:`market.opening.books_2025.draft`, so that the rest of
the opening does not know which year it is. Draws dated after the opening are drafted as loans
without principal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ....agents.party import Kind
from ...scenario.sections import Facts
from ...state.facts import NEW_RIGS
from ...state.loans import PAYMENT_INTERVAL_DAYS, Amortisation, Collateral, Instrument
from ...state.units import TH_PER_EH
from ..drafts import MILLION, BorrowerDraft, Drafts, LoanDraft
from .read import REST, Books2021
from .rows import DatedLoan, Draw, Fleet, Loan2021, NamedMiner, OutsideShock

DAYS_PER_MONTH = 365.0 / 12.0
GOLDEN_RATIO = 0.6180339887  # its multiples fill an interval evenly
SPREAD_DAYS = 7  # payment dates of one loan and the next lie so many days apart

INSTRUMENTS = {
    "asic_loan": Instrument.ASIC_LOAN,
    "btc_loan": Instrument.BTC_LOAN,
    "convertible": Instrument.CONVERTIBLE,
    "unsecured": Instrument.HIGH_YIELD,
    "infrastructure": Instrument.PROJECT_FINANCE,
    "other": Instrument.OTHER,
}
PLEDGES = {
    "rigs": Collateral.HARDWARE,
    "btc": Collateral.BTC,
    "site": Collateral.SITE,
    "none": Collateral.NONE,
}
HARDWARE = {"rigs": NEW_RIGS, "site": "SITE"}


def draft_2021(tables: Books2021, facts: Facts) -> Drafts:
    """Drafts of all miners and their loans at the opening of 2021."""
    drafts = Drafts()
    loans = _opening_loans(tables)
    loans += [_drawn_later(row, tables.opening_date) for row in borrowings(tables, facts)]
    with_rigs = {row.miner_id for row in tables.rig_orders}
    with_rigs |= {loan.borrower for loan in loans if loan.hardware == NEW_RIGS}
    for row in (*tables.named, *tables.private):
        drafts.borrowers.append(_miner(row, row.id in with_rigs or not isinstance(row, NamedMiner)))
    drafts.loans = loans
    return drafts


def chosen_draws(tables: Books2021, facts: Facts) -> list[Draw]:
    """Draws that the scenario lets happen: signed by the opening, all of them, or none."""
    if facts.draws == "none":
        return []
    return [row for row in tables.draws if row.signed or facts.draws == "all"]


def borrowings(tables: Books2021, facts: Facts) -> list[Draw]:
    """Those of them that are loans."""
    return [row for row in chosen_draws(tables, facts) if row.kind == "borrowing"]


def _miner(row: Fleet, with_rigs: bool) -> BorrowerDraft:
    fleet = row.fleet()
    if with_rigs:  # a place for what is delivered
        fleet.setdefault(NEW_RIGS, 0.0)
    named = row if isinstance(row, NamedMiner) else None
    listed = named is not None and named.listed
    cap = (named.market_cap_usd_m or 0.0) if named and listed else 0.0
    return BorrowerDraft(
        id=row.id,
        name=named.name if named else f"Private miner {row.id.rpartition('_')[2]}",
        kind=Kind.MINER,
        confidence=row.confidence,
        cash_usd=row.cash_usd_m * MILLION,
        fixed_cost_usd_yr=row.fixed_cost_usd_m_yr * MILLION,
        capex_usd_yr=0.0,
        committed_equity_usd=0.0,
        market_cap_usd=cap * MILLION,
        share_usd=float("nan"),
        power_usd_mwh=row.power_usd_mwh or 0.0,
        fleet=fleet,
        revenue_usd_yr=0.0,
        variable_cost_usd_yr=0.0,
        btc=row.btc_free,
        btc_lent=named.btc_lent if named else 0.0,
        parent_id=named.parent_id if named else None,
        eth=named.eth if named else 0.0,
    )


def _opening_loans(tables: Books2021) -> list[LoanDraft]:
    """Opening loans; rigs that a miner does not have yet are pledged when they are delivered."""
    free = {row.id: row.fleet().get(NEW_RIGS, 0.0) for row in (*tables.named, *tables.private)}
    debts = tables.debts()
    wanted: dict[str, float] = defaultdict(float)
    for borrower, terms, principal, _ in debts:
        wanted[borrower] += rigs_pledged_th(terms, principal)
    drafts = []
    for number, (borrower, terms, principal, btc) in enumerate(debts):
        loan = _draft(terms, INSTRUMENTS[terms.instrument], borrower, 0, number, principal)
        private = terms.borrower_id == REST
        if private:
            _spread_term(loan, number)
        loan.id = f"{terms.loan_id}-{borrower.rpartition('_')[2]}" if private else terms.loan_id
        loan.perimeter = borrower if private else terms.perimeter
        loan.lender = terms.lender_id
        loan.recourse = terms.recourse
        loan.undrawn_usd = terms.undrawn_usd_m * MILLION
        loan.rate_or_spread = terms.cash_rate
        loan.cure_days = terms.cure_days
        if loan.collateral == Collateral.BTC:
            loan.collateral_units = btc
        elif loan.collateral == Collateral.HARDWARE:
            share = min(1.0, free[borrower] / max(wanted[borrower], 1e-9))
            loan.collateral_units = share * rigs_pledged_th(terms, principal)
        drafts.append(loan)
    return drafts


def _spread_term(loan: LoanDraft, number: int) -> None:
    """The table knows the mean remaining term of private miners' parts; theirs lie around it.

    Evenly between half and one and a half times the mean, part by part.
    """
    share = 0.5 + number * GOLDEN_RATIO % 1.0
    loan.maturity_day = max(1, round(share * loan.maturity_day))
    loan.next_payment_day = min(loan.next_payment_day, loan.maturity_day)


def rigs_pledged_th(terms: Loan2021, principal_usd_m: float) -> float:
    """TH/s that secure a loan, or a private miner's part of one, those on order included."""
    if terms.collateral_kind != "rigs" or terms.principal_usd_m <= 0.0:
        return 0.0
    return terms.collateral_eh_s * TH_PER_EH * principal_usd_m / terms.principal_usd_m


def _drawn_later(row: Draw, opening: date) -> LoanDraft:
    """A draw after the opening: a line until its date."""
    assert row.lender_id and row.instrument and row.recourse is not None
    assert row.cure_days is not None
    start = (row.date - opening).days
    loan = _draft(row, INSTRUMENTS[row.instrument], row.borrower_id, start, 0, 0.0)
    loan.id = row.draw_id
    loan.perimeter = row.perimeter
    loan.lender = row.lender_id
    loan.recourse = row.recourse
    loan.undrawn_usd = row.amount_usd_m * MILLION
    loan.cure_days = row.cure_days
    return loan


def _draft(
    terms: DatedLoan,
    instrument: Instrument,
    borrower: str,
    start_day: int,
    number: int,
    principal_usd_m: float,
) -> LoanDraft:
    """What loans at the opening and after it have in common."""
    nan = float("nan")
    interval = PAYMENT_INTERVAL_DAYS[instrument]
    term = round(terms.maturity_months * DAYS_PER_MONTH)
    first = round(terms.grace_months * DAYS_PER_MONTH) + interval
    first -= SPREAD_DAYS * number % interval if start_day == 0 else 0
    kind = PLEDGES[terms.collateral_kind]
    return LoanDraft(
        id="",
        borrower=borrower,
        lender="",
        perimeter="",
        instrument=instrument,
        recourse=True,
        principal_usd=principal_usd_m * MILLION,
        undrawn_usd=0.0,
        floating=False,
        rate_or_spread=terms.rate,
        amortisation=Amortisation[terms.amortisation.upper()],
        principal_per_payment_usd=0.0,
        next_payment_day=start_day + min(first, max(term, 1)),
        maturity_day=start_day + term,
        term_days=max(term, interval),
        collateral=kind,
        hardware=HARDWARE.get(terms.collateral_kind),
        collateral_units=1.0 if kind == Collateral.SITE else 0.0,
        initial_ltv=terms.initial_ltv or nan,
        margin_call_ltv=terms.margin_call_ltv or nan,
        liquidation_ltv=terms.liquidation_ltv or nan,
        min_dscr=nan,
        dscr_test_day=0,
        pledged_cash_flow_usd_yr=0.0,
        cure_days=0,
    )


def claims_owed(tables: Books2021, facts: Facts) -> NDArray[np.float64]:
    """Claims between lenders beyond their collateral [debtor, creditor], in USD.

    They sit inside the creditor's other loans and the debtor's funding. An exposure that arises
    later has its place here, with a dollar in it.
    """
    rows = {row.id: i for i, row in enumerate(tables.lenders)}
    owed = np.zeros((len(rows), len(rows)))
    for claim in tables.claims:
        if claim.kind == "loan":
            amount = claim.amount_usd_m * MILLION * (1.0 - claim.collateralised_share)
            owed[rows[claim.debtor_id], rows[claim.creditor_id]] += amount
    for shock in chosen_shocks(tables, facts):
        if shock.kind == "new_exposure" and shock.counterparty_id:
            owed[rows[shock.counterparty_id], rows[shock.party_id]] += 1.0
    return owed


def chosen_shocks(tables: Books2021, facts: Facts) -> list[OutsideShock]:
    """Shocks that the scenario lets happen."""
    if facts.shocks == "none":
        return []
    return [row for row in tables.shocks if row.default_on or facts.shocks == "all"]


def day_of(when: date, tables: Books2021) -> int:
    """Days from the opening to a date."""
    return (when - tables.opening_date).days


def shares_of_rest(tables: Books2021, miner_id: str) -> Iterable[tuple[str, float]]:
    """Who stands behind an order: the miner, or all private miners by their share."""
    if miner_id != REST:
        return [(miner_id, 1.0)]
    total = sum(row.order_share for row in tables.private)
    return [(row.id, row.order_share / total) for row in tables.private]
