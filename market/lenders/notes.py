"""Bonds and convertibles that funds hold are marked every day.

At the opening a bond is worth par at its coupon, a convertible what its bond and its right to
convert are worth: the spread that fits is kept, less what the issuer's distance to default
explains. From then on the yield follows that distance and the price of credit
(:mod:`agents.note`). Where a breach or a missed payment says more, the chance of default is that of
a provision. What a mark is below par stands beside provisions: a default uses it up, and it comes
back if the spread does. No cash moves.
"""

from __future__ import annotations

import numpy as np

from ...agents.borrower import share_price_usd
from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, entrance, inlined
from ...agents.lender import default_chance
from ...agents.note import (
    bond_value,
    conversion_value,
    default_spread,
    market_default_chance,
    note_mark,
)
from ...agents.party import Status
from ..debt.losses import charge_capital
from ..debt.service import borrower_debt_usd
from ..state.events import Cause
from ..state.loans import Instrument, LoanStatus, annual_rate
from ..state.market import Market


@inlined
def is_marked(market: Market, loan: int) -> bool:
    """Whether a loan is a note in the hands of a fund, and funds mark."""
    loans = market.loans
    instrument = loans.instrument[loan]
    traded = instrument == Instrument.HIGH_YIELD or instrument == Instrument.CONVERTIBLE
    return (
        traded
        and market.terms.channels.fund_marks
        and market.lenders.redeemable[loans.lender[loan]]
    )


@inlined
def years_left(market: Market, loan: int) -> float:
    """Until holders get their money: maturity, or a put before [years]."""
    today, loans = market.today, market.loans
    end = loans.maturity_day[loan]
    if today.day < loans.put_day[loan] < end:
        end = loans.put_day[loan]
    return max(0.0, (end - today.day) / 365.0)


@compiled
def explained_spread(market: Market, loan: int, debt_usd: float) -> float:
    """Spread that the state of a note's issuer asks for; ``debt_usd`` is all it owes.

    The firm of an issuer without listed shares is not priced: there a provision's chance counts.
    """
    borrowers, loans = market.borrowers, market.loans
    b, years = loans.borrower[loan], years_left(market, loan)
    raised = loans.breach[loan] != Cause.NONE or loans.lock_up[loan] or loans.waivers[loan] > 0
    missed = loans.arrears_interest_usd[loan] + loans.arrears_principal_usd[loan] > 0.0
    chance = default_chance(raised, missed, years)
    if borrowers.market_cap_open_usd[b] > 0.0:
        priced = market_default_chance(
            borrowers.equity_usd[b] + debt_usd,
            debt_usd,
            market.terms.lenders.issuer_volatility,
            market.prices.reference_rate,
            years,
        )
        chance = max(chance, priced)
    return default_spread(chance, years)


@inlined
def asked_spread(market: Market, loan: int, debt_usd: float) -> float:
    """Spread over the reference rate that holders of a note ask for today."""
    spread = market.loans.note_spread[loan] + explained_spread(market, loan, debt_usd)
    return spread + market.prices.spread_change


@entrance
def note_spreads(market: Market) -> Reals:
    """Spread over the reference rate that each note is marked at today [loan]; NaN of others."""
    loans = market.loans
    spreads = np.full(len(loans.status), np.nan)
    for loan in range(len(loans.status)):
        performs = loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0.0
        if performs and is_marked(market, loan):
            debt = borrower_debt_usd(market, loans.borrower[loan])
            spreads[loan] = asked_spread(market, loan, debt)
    return spreads


@compiled
def note_value(market: Market, loan: int, spread: float) -> float:
    """Worth of a dollar of a note to its holder, at a spread over the reference rate."""
    borrowers, loans = market.borrowers, market.loans
    b, years = loans.borrower[loan], years_left(market, loan)
    reference = market.prices.reference_rate
    coupon = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], reference)
    value = bond_value(coupon, max(0.0, reference + spread), years)
    share_usd = share_price_usd(borrowers.equity_usd[b], borrowers.shares[b])
    option = conversion_value(
        share_usd,
        loans.conversion_usd[loan],
        market.terms.lenders.issuer_volatility,
        reference,
        years,
    )
    return value + (1.0 - market.lenders.hedged_share[loans.lender[loan]]) * option


@compiled
def open_notes(market: Market) -> None:
    """Spreads and values of the opening day, when books hold notes at par."""
    loans, reference = market.loans, market.prices.reference_rate
    for loan in range(len(loans.status)):
        if not is_marked(market, loan):
            continue
        explained = explained_spread(market, loan, borrower_debt_usd(market, loans.borrower[loan]))
        whole = market.terms.credit.convertible_spread
        if loans.instrument[loan] != Instrument.CONVERTIBLE:
            coupon = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], reference)
            whole = coupon - reference
        loans.note_spread[loan] = whole - explained
        loans.note_value[loan] = note_value(market, loan, whole)


@compiled
def mark_notes(market: Market) -> None:
    """Marks of the day; what they change is a loss, or a gain, of their holders' capital."""
    if not market.terms.channels.fund_marks:
        return
    parties, lenders, loans = market.parties, market.lenders, market.loans
    before = lenders.provision_usd.copy()
    known = -1  # borrower whose debt is in there
    debt = 0.0
    for loan in range(len(loans.status)):
        if loans.status[loan] == LoanStatus.DEFAULTED or not is_marked(market, loan):
            continue
        row, b = loans.lender[loan], loans.borrower[loan]
        if parties.status[market.today.first_lender + row] != Status.ACTIVE:
            continue
        if loans.principal_usd[loan] <= 0.0 and loans.provision_usd[loan] == 0.0:
            continue
        wanted = 0.0
        if loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0.0:
            if b != known:
                debt = borrower_debt_usd(market, b)
                known = b
            value = note_value(market, loan, asked_spread(market, loan, debt))
            mark = note_mark(value, loans.note_value[loan], market.prices.loan_price)
            wanted = (1.0 - mark) * loans.principal_usd[loan]
        lenders.provision_usd[row] += wanted - loans.provision_usd[loan]
        loans.provision_usd[loan] = wanted
    for row in range(len(before)):
        change = lenders.provision_usd[row] - before[row]
        if change != 0.0:
            charge_capital(market, row, change, lenders.worst_event[row])
