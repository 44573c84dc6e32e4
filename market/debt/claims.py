"""Claims on the failed: what they are carried at, what that costs capital, how they end.

A defaulted claim is carried at what its own seized collateral is marked at, plus its share of what
the estate has left for everybody. Both are recomputed each day; the change is the lender's loss.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import Lenders, expected_recovery_usd
from ...agents.party import Parties, Status
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.ledger import Ledger, write_off
from ..state.loans import Collateral, Loans, LoanStatus, rows_with_status
from ..state.lots import Lots, LotState
from .losses import charge_lender

NOTED_SHARE = 0.005  # smaller changes of a write-down are booked, and named with the next


@compiled
def value_claims(
    today: Today,
    terms: Terms,
    marks_usd: np.ndarray,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    lots: Lots,
    log: Log,
) -> None:
    """Carry every defaulted claim at what the books say it will bring, after legal cost.

    Seized lots count at marks towards their claim. What estates hold (cash, own lots, surplus of
    over-secured lots) counts towards all deficiencies and unpaid bills alike.
    """
    claimed = rows_with_status(LoanStatus.DEFAULTED, loans)
    # By loan and by borrower, but only those of claims and lots are set or looked at.
    secured = np.empty(len(loans.status))
    parent = np.empty(len(loans.status), np.int64)
    estate = np.empty(len(loans.first) - 1)
    for i in range(lots.count[0]):
        estate[lots.borrower[i]] = 0.0
    for loan in claimed:
        secured[loan] = 0.0
        parent[loan] = loans.claims.default_event[loans.claim[loan]]
        estate[loans.borrower[loan]] = 0.0
    for i in range(lots.count[0]):
        loan = lots.loan[i]
        if loan >= 0:
            if loans.status[loan] != LoanStatus.DEFAULTED:
                continue
            parent[loan] = max(parent[loan], lots.last_event[i])
        if lots.state[i] == LotState.SOLD:
            continue
        site = loan >= 0 and loans.collateral[loan] == Collateral.SITE
        price = lots.mark_usd[i] if site else marks_usd[lots.hardware[i]]
        value = (1.0 - terms.legal_cost_share) * lots.units[i] * price
        if loan >= 0:
            secured[loan] += value
        else:
            estate[lots.borrower[i]] += value
    b = -1
    for claim in claimed:
        if loans.borrower[claim] == b:
            continue  # all claims on a borrower are valued together
        b = loans.borrower[claim]
        claims = parties.payables_usd[b]
        assets = estate[b] + max(parties.cash_usd[b], 0.0)
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED:
                gap = loans.principal_usd[loan] - secured[loan]
                claims += max(gap, 0.0) if loans.recourse[loan] else 0.0
                assets += max(-gap, 0.0)
        if parties.status[b] == Status.DEFAULTED:
            assets *= 1.0 - terms.bankruptcy_cost_share
        share = min(1.0, assets / claims) if claims > 0.0 else 0.0
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED:
                dividend = share if loans.recourse[loan] else 0.0
                expected = expected_recovery_usd(loans.principal_usd[loan], secured[loan], dividend)
                carry_at(today, loan, expected, parent[loan], lenders, loans, log)


@inlined
def carry_at(
    today: Today,
    loan: int,
    expected_usd: float,
    parent: int,
    lenders: Lenders,
    loans: Loans,
    log: Log,
) -> None:
    """Carry a defaulted claim at its expected recovery; the change is the lender's loss or gain."""
    target = loans.principal_usd[loan] - min(loans.principal_usd[loan], expected_usd)
    claims, claim = loans.claims, loans.claim[loan]
    change = target - claims.written_down_usd[claim]
    row = loans.lender[loan]
    unnoted = target - claims.noted_usd[claim]
    if abs(unnoted) > NOTED_SHARE * claims.claim_usd[claim]:
        note_write_down(today, loan, unnoted, parent, lenders, loans, log)
    if change != 0.0:
        claims.written_down_usd[claim] = target
        lenders.written_down_usd[row] += change
        charge_lender(today, row, change, parent, lenders, log)


@compiled
def note_write_down(
    today: Today,
    loan: int,
    amount_usd: float,
    parent: int,
    lenders: Lenders,
    loans: Loans,
    log: Log,
) -> None:
    """Name a write-down (or, negative, a write-up) in the causal log."""
    row = loans.lender[loan]
    loans.claims.noted_usd[loans.claim[loan]] += amount_usd
    event = log_event(
        log,
        today.day,
        Event.WRITE_DOWN,
        Cause.LOSSES,
        today.first_lender + row,
        loans.borrower[loan],
        loan,
        amount_usd,
        parent,
    )
    if amount_usd > lenders.worst_usd[row]:
        lenders.worst_usd[row] = amount_usd
        lenders.worst_event[row] = event


@compiled
def close_claim(
    today: Today, loan: int, parent: int, lenders: Lenders, ledger: Ledger, loans: Loans, log: Log
) -> None:
    """Resolve a defaulted claim: what is left of it is lost."""
    carry_at(today, loan, 0.0, parent, lenders, loans, log)
    claims, claim = loans.claims, loans.claim[loan]
    unnoted = claims.written_down_usd[claim] - claims.noted_usd[claim]
    if unnoted != 0.0:
        note_write_down(today, loan, unnoted, parent, lenders, loans, log)
    write_off(lenders, ledger, loans.principal_usd, loan, loans.lender[loan])
    loans.status[loan] = LoanStatus.CLOSED
