"""Claims on the failed: what they are carried at, what that costs capital, how they end.

A defaulted claim is carried at what its own seized collateral is marked at, plus its share of what
the estate has left for everybody. Both are recomputed each day; the change is the lender's loss.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import estate_shares, expected_recovery_usd
from ...agents.party import Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import DUST_USD
from ..state.loans import Collateral, LoanStatus, rows_with_status
from ..state.lots import LotState
from ..state.market import Market
from ..state.money import write_off
from .losses import charge_capital
from .sites import lease_premium_usd_mw

NOTED_SHARE = 0.005  # smaller changes of a write-down are booked, and named with the next


@compiled
def value_claims(market: Market) -> None:
    """Carry every defaulted claim at what the books say it will bring, after legal cost.

    Seized lots count at marks towards their claim. What estates hold (cash, own lots, surplus of
    over-secured lots) counts towards general liens, then towards all deficiencies and unpaid bills
    alike.
    """
    terms, parties, loans, lots = market.terms, market.parties, market.loans, market.lots
    marks_usd = market.marks_usd
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
        price = marks_usd[lots.hardware[i]] + lease_premium_usd_mw(market, i)
        value = (1.0 - terms.liquidation.legal_cost_share) * lots.units[i] * price
        if loan >= 0:
            secured[loan] += value
        else:
            estate[lots.borrower[i]] += value
    b = -1
    for claim in claimed:
        if loans.borrower[claim] == b:
            continue  # all claims on a borrower are valued together
        b = loans.borrower[claim]
        liens, others = 0.0, parties.payables_usd[b] + parties.lease_claims_usd[b]
        assets = estate[b] + max(parties.cash_usd[b], 0.0)
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED:
                gap = loans.principal_usd[loan] - secured[loan]
                assets += max(-gap, 0.0)
                if not loans.recourse[loan]:
                    continue
                if loans.collateral[loan] == Collateral.GENERAL_LIEN:
                    liens += gap
                else:
                    others += max(gap, 0.0)
        if parties.status[b] == Status.DEFAULTED:
            assets *= 1.0 - terms.credit.bankruptcy_cost_share
        first, then = estate_shares(assets, liens, others)
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED:
                lien = loans.collateral[loan] == Collateral.GENERAL_LIEN
                dividend = first if lien else then
                dividend = dividend if loans.recourse[loan] else 0.0
                expected = expected_recovery_usd(loans.principal_usd[loan], secured[loan], dividend)
                carry_at(market, loan, expected, parent[loan])


@inlined
def carry_at(market: Market, loan: int, expected_usd: float, parent: int) -> None:
    """Carry a defaulted claim at its expected recovery; the change is the lender's loss or gain.

    What had been provided for it is used up: capital bears what goes beyond.
    """
    lenders, loans = market.lenders, market.loans
    target = loans.principal_usd[loan] - min(loans.principal_usd[loan], expected_usd)
    claims, claim = loans.claims, loans.claim[loan]
    change = target - claims.written_down_usd[claim]
    row = loans.lender[loan]
    unnoted = target - claims.noted_usd[claim]
    if abs(unnoted) > NOTED_SHARE * claims.claim_usd[claim]:
        note_write_down(market, loan, unnoted, parent)
    provided = loans.provision_usd[loan]
    if change != 0.0 or provided != 0.0:
        claims.written_down_usd[claim] = target
        lenders.written_down_usd[row] += change
        loans.provision_usd[loan] = 0.0
        lenders.provision_usd[row] -= provided
        lenders.loss_usd[row] += change
        charge_capital(market, row, change - provided, parent)


@compiled
def note_write_down(market: Market, loan: int, amount_usd: float, parent: int) -> None:
    """Name a write-down (or, negative, a write-up) in the event log."""
    today, lenders, loans = market.today, market.lenders, market.loans
    row = loans.lender[loan]
    loans.claims.noted_usd[loans.claim[loan]] += amount_usd
    event = log_event(
        market,
        Event.WRITE_DOWN,
        Cause.LOSSES,
        (today.first_lender + row, loans.borrower[loan], loan),
        amount_usd,
        parent,
    )
    if amount_usd > lenders.worst_usd[row]:
        lenders.worst_usd[row] = amount_usd
        lenders.worst_event[row] = event


@compiled
def close_claim(market: Market, loan: int, parent: int) -> None:
    """Resolve a defaulted claim: what is left of it is lost."""
    loans = market.loans
    carry_at(market, loan, 0.0, parent)
    claims, claim = loans.claims, loans.claim[loan]
    unnoted = claims.written_down_usd[claim] - claims.noted_usd[claim]
    if abs(unnoted) > DUST_USD:
        note_write_down(market, loan, unnoted, parent)
    write_off(market, loan)
    loans.status[loan] = LoanStatus.CLOSED
