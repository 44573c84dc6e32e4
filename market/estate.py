"""The end of a claim: deficiencies, estates, pari passu pay-outs."""

from __future__ import annotations

import numpy as np

from agents.compiled import compiled
from agents.lender import Lenders
from agents.party import Outside, Parties, Status
from market.default import close_claim, present_value_factor
from market.events import Cause, Event, log_event
from market.ledger import Flow, Ledger, pay, repay
from market.loans import Loans, LoanStatus, annual_rate
from market.lots import Lots, LotState


@compiled
def settle_claims(
    day: int,
    wait_days: int,
    reference_rate: float,
    first_lender: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Claims on borrowers that still stand: non-recourse ones end with their collateral.

    A recourse claim (cross-default switched off) collects from cash until time is up.
    """
    for loan in range(len(loans.status)):
        if loans.status[loan] != LoanStatus.DEFAULTED or loans.open_lots[loan] > 0:
            continue
        b = loans.borrower[loan]
        parent = loans.default_event[loan]
        if not loans.recourse[loan]:
            close_claim(day, loan, parent, first_lender, lenders, ledger, loans, events, count)
        elif parties.status[b] == Status.ACTIVE:
            paid = min(max(parties.cash_usd[b], 0.0), loans.principal_usd[loan])
            row = loans.lender[loan]
            collect(
                day,
                loan,
                b,
                paid,
                reference_rate,
                first_lender + row,
                parties,
                lenders,
                ledger,
                loans,
            )
            if (
                loans.principal_usd[loan] <= 1e-6
                or day >= loans.default_day[loan] + wait_days
            ):
                close_claim(day, loan, parent, first_lender, lenders, ledger, loans, events, count)


@compiled
def collect(
    day: int,
    loan: int,
    payer: int,
    amount_usd: float,
    reference_rate: float,
    lender_party: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
) -> None:
    """Apply cash to a defaulted claim and to its recovery."""
    row = loans.lender[loan]
    repay(
        parties, lenders, ledger, loans.principal_usd, loan, payer, row, lender_party, amount_usd
    )
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], reference_rate)
    loans.recovered_usd[loan] += amount_usd
    loans.recovered_value_usd[loan] += amount_usd * present_value_factor(
        day, loans.default_day[loan], rate
    )


@compiled
def pay_out_estates(
    day: int,
    wait_days: int,
    cost_share: float,
    reference_rate: float,
    first_lender: int,
    first_outside: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    lots: Lots,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """When everything is sold and the court is done: cost, then all claims pari passu.

    Deficiencies of secured lenders, unsecured loans and suppliers rank alike. While a lot of the
    borrower is unsold the estate stays open and recovery unknown.
    """
    courts = first_outside + Outside.COURTS
    utility = first_outside + Outside.UTILITY
    investors = first_outside + Outside.INVESTORS
    for b in range(len(loans.first) - 1):
        if parties.status[b] != Status.DEFAULTED or day < parties.default_day[b] + wait_days:
            continue
        unsold = False
        for i in range(lots.count[0]):
            if lots.borrower[i] == b and lots.state[i] != LotState.SOLD:
                unsold = True
        if unsold:
            continue
        cost = cost_share * max(parties.cash_usd[b], 0.0)
        pay(parties, b, courts, cost)
        claims = parties.payables_usd[b]
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED and loans.recourse[loan]:
                claims += loans.principal_usd[loan]
        cash = max(parties.cash_usd[b], 0.0)
        share = min(1.0, cash / claims) if claims > 0.0 else 0.0
        event = log_event(
            events,
            count,
            day,
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
                    day,
                    loan,
                    b,
                    share * loans.principal_usd[loan],
                    reference_rate,
                    first_lender + loans.lender[loan],
                    parties,
                    lenders,
                    ledger,
                    loans,
                )
            close_claim(day, loan, event, first_lender, lenders, ledger, loans, events, count)
        pay(parties, b, utility, share * parties.payables_usd[b])
        ledger.flows[Flow.PAYABLE_SETTLED] += parties.payables_usd[b]
        parties.payables_usd[b] = 0.0
        pay(parties, b, investors, parties.cash_usd[b])  # what is left belongs to the owners
        parties.status[b] = Status.WOUND_UP
