"""The end of a claim: deficiencies, estates, pay-outs by rank."""

from __future__ import annotations

import numpy as np

from ...agents.columns import Flags
from ...agents.compiling.kernels import compiled
from ...agents.lender import estate_shares
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import DUST_USD, Flow
from ..state.loans import Collateral, LoanStatus
from ..state.lots import LotState
from ..state.market import Market
from ..state.money import pay, repay
from .claims import close_claim
from .losses import note_recovery


@compiled
def settle_claims(market: Market) -> None:
    """Claims on borrowers that still stand: non-recourse ones end with their collateral.

    A recourse claim (cross-default switched off) collects from cash; when time is up its lender
    files (:func:`market.debt.default.claim_ran_out`).
    """
    today, terms, parties, loans = market.today, market.terms, market.parties, market.loans
    for loan in range(len(loans.status)):
        if loans.status[loan] != LoanStatus.DEFAULTED:
            continue
        claims, claim = loans.claims, loans.claim[loan]
        if claims.open_lots[claim] > 0:
            continue
        b = loans.borrower[loan]
        parent = claims.default_event[claim]
        if not loans.recourse[loan]:
            close_claim(market, loan, parent)
        elif parties.status[b] == Status.ACTIVE:
            paid = min(max(parties.cash_usd[b], 0.0), loans.principal_usd[loan])
            collect(market, loan, b, paid)
            late = today.day >= claims.default_day[claim] + terms.credit.bankruptcy_days
            if loans.principal_usd[loan] <= DUST_USD or (late and terms.channels.cross_default):
                close_claim(market, loan, parent)


@compiled
def collect(market: Market, loan: int, payer: int, amount_usd: float) -> None:
    """Apply cash to a defaulted claim and to its recovery."""
    repay(market, loan, payer, amount_usd)
    note_recovery(market, loan, amount_usd)


@compiled
def pay_out_estates(market: Market) -> None:
    """When everything is sold and the court is done: cost, general liens, all others pari passu.

    Deficiencies of secured lenders, unsecured loans, landlords and suppliers rank alike. While
    machines are unsold the estate stays open and recovery unknown: they end in time by
    :mod:`market.liquidation.in_kind`.
    """
    lots = market.lots
    unsold = np.zeros(len(market.loans.first) - 1, np.bool_)
    for i in range(lots.count[0]):
        if lots.state[i] != LotState.SOLD:
            unsold[lots.borrower[i]] = True
    _pay_out(market, unsold)


@compiled
def _pay_landlords(market: Market, b: int, share: float) -> None:
    """Landlords whose contracts a failed tenant broke rank with its other unsecured creditors."""
    parties, contracts = market.parties, market.contracts
    if parties.lease_claims_usd[b] <= 0.0:
        return
    for c in range(len(contracts.kind)):
        if contracts.tenant[c] == b and contracts.claim_usd[c] > 0.0:
            landlord = contracts.landlord[c]
            if parties.status[landlord] == Status.WOUND_UP:
                landlord = market.today.first_outside + Outside.INVESTORS
            pay(market, b, landlord, share * contracts.claim_usd[c])
            contracts.claim_usd[c] = 0.0
    parties.lease_claims_usd[b] = 0.0


@compiled
def _pay_out(market: Market, unsold: Flags) -> None:
    """Pay out estates that wait for nothing more; ``unsold`` [borrower] are those that do."""
    today, terms, parties, loans = market.today, market.terms, market.parties, market.loans
    ledger = market.ledger
    courts = today.first_outside + Outside.COURTS
    utility = today.first_outside + Outside.UTILITY
    investors = today.first_outside + Outside.INVESTORS
    for b in range(len(unsold)):
        if (
            parties.status[b] != Status.DEFAULTED
            or unsold[b]
            or today.day < parties.default_day[b] + terms.credit.bankruptcy_days
        ):
            continue
        cost = terms.credit.bankruptcy_cost_share * max(parties.cash_usd[b], 0.0)
        pay(market, b, courts, cost)
        liens, others = 0.0, parties.payables_usd[b] + parties.lease_claims_usd[b]
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.DEFAULTED and loans.recourse[loan]:
                if loans.collateral[loan] == Collateral.GENERAL_LIEN:
                    liens += loans.principal_usd[loan]
                else:
                    others += loans.principal_usd[loan]
        first, then = estate_shares(parties.cash_usd[b], liens, others)
        event = log_event(
            market,
            Event.ESTATE_PAID,
            Cause.NONE,
            (b, -1, -1),
            first * liens + then * others,
            parties.default_event[b],
        )
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] != LoanStatus.DEFAULTED:
                continue
            if loans.recourse[loan]:
                lien = loans.collateral[loan] == Collateral.GENERAL_LIEN
                share = first if lien else then
                collect(market, loan, b, share * loans.principal_usd[loan])
            close_claim(market, loan, event)
        _pay_landlords(market, b, then)
        pay(market, b, utility, then * parties.payables_usd[b])
        ledger.flows[Flow.PAYABLE_SETTLED] += parties.payables_usd[b]
        parties.payables_usd[b] = 0.0
        pay(market, b, investors, parties.cash_usd[b])  # what is left belongs to the owners
        parties.status[b] = Status.WOUND_UP
