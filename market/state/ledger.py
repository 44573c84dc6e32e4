"""Double entry: every transfer names payer, payee and amount, and every stock is checked daily.

Transfers are the only functions that move cash, coins, machines or claims. Each also writes a
journal: the flow by asset and by direction, counted independently of the stocks. At the end of the
day stocks are summed afresh; what they changed by must equal what the journal says.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import Lenders
from ...agents.party import Parties

DUST_USD = 1e-6  # rounding: nobody is owed so little


class Flow(IntEnum):
    """Entries of the journal: claims are created and extinguished, all else only moves."""

    CLAIM_DRAWN = 0
    CLAIM_REPAID = 1
    CLAIM_WRITTEN_OFF = 2
    PAYABLE_RAISED = 3
    PAYABLE_SETTLED = 4


class Ledger(NamedTuple):
    """The journal: cumulative flows in USD by :class:`Flow`, and outside stocks by class."""

    flows: NDArray[np.float64]  # [Flow]
    outside_units: NDArray[np.float64]  # [class] net units delivered by (-) or sold to (+) outside
    outside_btc: NDArray[np.float64]  # [1] net BTC held by the exchange and the network's issuance


def empty_ledger(classes: int) -> Ledger:
    """A journal without entries."""
    return Ledger(np.zeros(len(Flow)), np.zeros(classes), np.zeros(1))


@inlined
def pay(parties: Parties, payer: int, payee: int, amount_usd: float) -> None:
    """Move cash."""
    parties.cash_usd[payer] -= amount_usd
    parties.cash_usd[payee] += amount_usd


@inlined
def fund(
    parties: Parties,
    lenders: Lenders,
    lender_row: int,
    lender_party: int,
    investors: int,
    amount_usd: float,
) -> None:
    """Let a lender have at least ``amount_usd`` of cash.

    What is short comes from performing outside loans, sold to investors at par, and when these are
    gone from new funding: its leverage rises.
    """
    short = amount_usd - parties.cash_usd[lender_party]
    if short <= 0.0:
        return
    pay(parties, investors, lender_party, short)
    sold = min(short, max(lenders.other_loans_usd[lender_row], 0.0))
    lenders.other_loans_usd[lender_row] -= sold
    lenders.funding_usd[lender_row] += short - sold


@inlined
def draw(
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    principal: np.ndarray,
    loan: int,
    borrower: int,
    lender_row: int,
    lender_party: int,
    investors: int,
    amount_usd: float,
) -> None:
    """Lend: cash to the borrower, a claim to the lender, who finds the cash first."""
    fund(parties, lenders, lender_row, lender_party, investors, amount_usd)
    pay(parties, lender_party, borrower, amount_usd)
    principal[loan] += amount_usd
    lenders.book_usd[lender_row] += amount_usd
    ledger.flows[Flow.CLAIM_DRAWN] += amount_usd


@inlined
def repay(
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    principal: np.ndarray,
    loan: int,
    payer: int,
    lender_row: int,
    lender_party: int,
    amount_usd: float,
) -> None:
    """Repay principal: cash to the lender, the claim shrinks."""
    pay(parties, payer, lender_party, amount_usd)
    principal[loan] -= amount_usd
    lenders.book_usd[lender_row] -= amount_usd
    ledger.flows[Flow.CLAIM_REPAID] += amount_usd


@inlined
def write_off(
    lenders: Lenders, ledger: Ledger, principal: np.ndarray, loan: int, lender_row: int
) -> float:
    """Extinguish what is left of a claim; returns the amount [USD].

    The loss has been taken by write-downs; this only removes the claim from both books.
    """
    amount = principal[loan]
    principal[loan] = 0.0
    lenders.book_usd[lender_row] -= amount
    lenders.written_down_usd[lender_row] -= amount
    ledger.flows[Flow.CLAIM_WRITTEN_OFF] += amount
    return amount


@inlined
def pay_interest(
    parties: Parties, payer: int, lender_party: int, investors: int, amount_usd: float
) -> None:
    """Interest reaches the lender, which passes it on to its owners and funders."""
    pay(parties, payer, lender_party, amount_usd)
    pay(parties, lender_party, investors, amount_usd)


class Stocks(NamedTuple):
    """Total stocks of a day, each summed over all its holders, outside parties included."""

    cash_usd: float
    cash_gross_usd: float
    btc: float
    btc_gross: float
    units: NDArray[np.float64]  # [class]
    units_gross: NDArray[np.float64]
    claims_usd: float
    books_usd: float
    lender_gap_usd: float  # worst |cash + book + other loans - funding - capital|
    lender_assets_usd: float
    payables_usd: float


@compiled
def sum_stocks(
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    first_lender: int,
    principal: np.ndarray,
    collateral_btc: np.ndarray,
    holding_class: np.ndarray,
    holding_units: np.ndarray,
    lot_class: np.ndarray,
    lot_units: np.ndarray,
    lots: int,
) -> Stocks:
    """Add up every stock from the tables, in one fixed order."""
    classes = len(ledger.outside_units)
    cash = gross = btc = payables = 0.0
    for p in range(len(parties.cash_usd)):
        cash += parties.cash_usd[p]
        gross += abs(parties.cash_usd[p])
        btc += parties.btc[p] + parties.btc_lent[p]
        payables += parties.payables_usd[p]
    for loan in range(len(collateral_btc)):
        btc += collateral_btc[loan]
    btc_gross = btc + abs(ledger.outside_btc[0])
    btc += ledger.outside_btc[0]
    units = ledger.outside_units.copy()
    units_gross = np.abs(ledger.outside_units)
    for h in range(len(holding_class)):
        if holding_units[h] != 0.0:  # most rows are room for what a buyer may buy
            units[holding_class[h]] += holding_units[h]
            units_gross[holding_class[h]] += holding_units[h]
    for i in range(lots):
        units[lot_class[i]] += lot_units[i]
        units_gross[lot_class[i]] += lot_units[i]
    assert classes == len(units)
    claims = books = gap = assets = 0.0
    for loan in range(len(principal)):
        claims += principal[loan]
    for row in range(len(lenders.book_usd)):
        books += lenders.book_usd[row]
        total = (
            parties.cash_usd[first_lender + row]
            + lenders.book_usd[row]
            - lenders.written_down_usd[row]
            + lenders.other_loans_usd[row]
        )
        claim = lenders.funding_usd[row] + lenders.capital_usd[row]
        gap = max(gap, abs(total - claim))
        assets += abs(total)
    return Stocks(
        cash, gross, btc, btc_gross, units, units_gross, claims, books, gap, assets, payables
    )


@compiled
def conservation_error(before: Stocks, after: Stocks, flows: np.ndarray) -> float:
    """Worst |change - flows| over gross stock of all assets; ``flows`` are the day's journal."""
    claims_flow = flows[Flow.CLAIM_DRAWN] - flows[Flow.CLAIM_REPAID] - flows[Flow.CLAIM_WRITTEN_OFF]
    payables_flow = flows[Flow.PAYABLE_RAISED] - flows[Flow.PAYABLE_SETTLED]
    gross_claims = max(before.claims_usd, 1.0)
    error = max(
        abs(after.cash_usd - before.cash_usd) / max(after.cash_gross_usd, 1.0),
        abs(after.btc - before.btc) / max(after.btc_gross, 1.0),
        abs(after.claims_usd - before.claims_usd - claims_flow) / gross_claims,
        abs(after.claims_usd - after.books_usd) / gross_claims,
        after.lender_gap_usd / max(after.lender_assets_usd, 1.0),
        abs(after.payables_usd - before.payables_usd - payables_flow)
        / max(after.payables_usd, before.payables_usd, 1.0),
    )
    for k in range(len(after.units)):
        moved = abs(after.units[k] - before.units[k])
        error = max(error, moved / max(after.units_gross[k], 1.0))
    return error
