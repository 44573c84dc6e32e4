"""The end of a claim: deficiencies, estates, pari passu pay-outs."""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled
from ...agents.lender import Lenders
from ...agents.party import Outside, Parties, Status
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.ledger import Flow, Ledger, pay, repay
from ..state.loans import Loans, LoanStatus, annual_rate, present_value_factor
from ..state.lots import Lots, LotState
from .claims import close_claim


@compiled
def settle_claims(
    today: Today,
    terms: Terms,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    log: Log,
) -> None:
    """Claims on borrowers that still stand: non-recourse ones end with their collateral.

    A recourse claim (cross-default switched off) collects from cash until time is up.
    """
    for loan in range(len(loans.status)):
        if loans.status[loan] != LoanStatus.DEFAULTED:
            continue
        claims, claim = loans.claims, loans.claim[loan]
        if claims.open_lots[claim] > 0:
            continue
        b = loans.borrower[loan]
        parent = claims.default_event[claim]
        if not loans.recourse[loan]:
            close_claim(today, loan, parent, lenders, ledger, loans, log)
        elif parties.status[b] == Status.ACTIVE:
            paid = min(max(parties.cash_usd[b], 0.0), loans.principal_usd[loan])
            row = loans.lender[loan]
            collect(today, loan, b, paid, today.first_lender + row, parties, lenders, ledger, loans)
            if (
                loans.principal_usd[loan] <= 1e-6
                or today.day >= claims.default_day[claim] + terms.bankruptcy_days
            ):
                close_claim(today, loan, parent, lenders, ledger, loans, log)


@compiled
def collect(
    today: Today,
    loan: int,
    payer: int,
    amount_usd: float,
    lender_party: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
) -> None:
    """Apply cash to a defaulted claim and to its recovery."""
    row = loans.lender[loan]
    repay(parties, lenders, ledger, loans.principal_usd, loan, payer, row, lender_party, amount_usd)
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate)
    claims, claim = loans.claims, loans.claim[loan]
    claims.recovered_usd[claim] += amount_usd
    claims.recovered_value_usd[claim] += amount_usd * present_value_factor(
        today.day, claims.default_day[claim], rate
    )


@compiled
def pay_out_estates(
    today: Today,
    terms: Terms,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    lots: Lots,
    log: Log,
) -> None:
    """When everything is sold and the court is done: cost, then all claims pari passu.

    Deficiencies of secured lenders, unsecured loans and suppliers rank alike. While collateral is
    unsold the estate stays open and recovery unknown. For hardware of its own that nobody buys an
    estate waits no longer than ``estate_max_days``; what it brings later goes to the owners.
    """
    unsold = np.zeros(len(loans.first) - 1, np.bool_)
    for i in range(lots.count[0]):
        b = lots.borrower[i]
        if lots.state[i] != LotState.SOLD and (
            lots.loan[i] >= 0 or today.day < parties.default_day[b] + terms.estate_max_days
        ):
            unsold[b] = True
    _pay_out(today, terms, unsold, parties, lenders, ledger, loans, log)


@compiled
def _pay_out(
    today: Today,
    terms: Terms,
    unsold: np.ndarray,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    log: Log,
) -> None:
    """Pay out estates that wait for nothing more; ``unsold`` [borrower] are those that do."""
    courts = today.first_outside + Outside.COURTS
    utility = today.first_outside + Outside.UTILITY
    investors = today.first_outside + Outside.INVESTORS
    for b in range(len(unsold)):
        if (
            parties.status[b] != Status.DEFAULTED
            or unsold[b]
            or today.day < parties.default_day[b] + terms.bankruptcy_days
        ):
            continue
        cost = terms.bankruptcy_cost_share * max(parties.cash_usd[b], 0.0)
        pay(parties, b, courts, cost)
        claims = parties.payables_usd[b]
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED and loans.recourse[loan]:
                claims += loans.principal_usd[loan]
        cash = max(parties.cash_usd[b], 0.0)
        share = min(1.0, cash / claims) if claims > 0.0 else 0.0
        event = log_event(
            log,
            today.day,
            Event.ESTATE_PAID,
            Cause.NONE,
            b,
            -1,
            -1,
            share * claims,
            parties.default_event[b],
        )
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] != LoanStatus.DEFAULTED:
                continue
            if loans.recourse[loan]:
                collect(
                    today,
                    loan,
                    b,
                    share * loans.principal_usd[loan],
                    today.first_lender + loans.lender[loan],
                    parties,
                    lenders,
                    ledger,
                    loans,
                )
            close_claim(today, loan, event, lenders, ledger, loans, log)
        pay(parties, b, utility, share * parties.payables_usd[b])
        ledger.flows[Flow.PAYABLE_SETTLED] += parties.payables_usd[b]
        parties.payables_usd[b] = 0.0
        pay(parties, b, investors, parties.cash_usd[b])  # what is left belongs to the owners
        parties.status[b] = Status.WOUND_UP
