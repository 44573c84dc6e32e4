"""Provisions: losses that lenders expect on performing loans reach capital before a default.

Once a week, in the manner of IFRS 9 and CECL: the loss of 12 months on sound loans; that of a
loan's life once its risk has risen (a breach or missed payment is open, cash is locked up, a
covenant has been waived). A default first uses the provision (:func:`market.debt.claims.carry_at`),
so nothing is counted twice. Funds value loans that do not trade alike, and mark the notes that do
(:mod:`market.lenders.notes`); investors who own the loans of a failed lender change none.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import (
    COIN_HAIRCUT,
    MACHINE_HAIRCUT,
    SITE_HAIRCUT,
    default_chance,
    loss_given_default_usd,
)
from ...agents.party import Status
from ..debt.losses import charge_capital
from ..debt.sites import leased_site_usd
from ..debt.underwriting import WEEK_DAYS
from ..state.events import Cause
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from .notes import is_marked


@compiled
def expected_loss_usd(market: Market, loan: int) -> float:
    """What a lender expects to lose on a performing loan [USD]."""
    loans = market.loans
    collateral, haircut = 0.0, MACHINE_HAIRCUT
    if loans.collateral[loan] == Collateral.HARDWARE:
        collateral = loans.collateral_units[loan] * market.marks_usd[loans.hardware[loan]]
    elif loans.collateral[loan] == Collateral.SITE:
        collateral = leased_site_usd(market, loan)
        haircut = SITE_HAIRCUT
    elif loans.collateral[loan] == Collateral.BTC:
        collateral = loans.collateral_btc[loan] * market.prices.btc_usd
        haircut = COIN_HAIRCUT
    raised = loans.breach[loan] != Cause.NONE or loans.lock_up[loan] or loans.waivers[loan] > 0
    missed = loans.arrears_interest_usd[loan] + loans.arrears_principal_usd[loan] > 0.0
    years = (loans.maturity_day[loan] - market.today.day) / 365.0
    lost = loss_given_default_usd(loans.principal_usd[loan], collateral, haircut)
    return default_chance(raised, missed, years) * lost


@inlined
def provides(market: Market, row: int) -> bool:
    """Whether a lender stands and counts what it expects to lose."""
    standing = market.parties.status[market.today.first_lender + row] == Status.ACTIVE
    return standing and (market.terms.channels.fund_marks or not market.lenders.redeemable[row])


@compiled
def set_provision(market: Market, loan: int) -> float:
    """Bring a loan's provision to what is expected to be lost; returns the change [USD].

    A repaid loan needs none; that of a loan in default was used up.
    """
    loans, lenders = market.loans, market.lenders
    wanted = 0.0
    if loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0.0:
        wanted = expected_loss_usd(market, loan)
    change = wanted - loans.provision_usd[loan]
    loans.provision_usd[loan] = wanted
    lenders.provision_usd[loans.lender[loan]] += change
    return change


@compiled
def provide(market: Market) -> None:
    """Once a week: changes of provisions are a loss, or a gain, of capital."""
    loans, lenders = market.loans, market.lenders
    if market.today.day % WEEK_DAYS != 0:
        return
    before = lenders.provision_usd.copy()
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        if loans.status[loan] == LoanStatus.DEFAULTED or not provides(market, row):
            continue
        if is_marked(market, loan):
            continue
        if loans.principal_usd[loan] <= 0.0 and loans.provision_usd[loan] == 0.0:
            continue
        set_provision(market, loan)
    for row in range(len(before)):
        change = lenders.provision_usd[row] - before[row]
        if change != 0.0:
            charge_capital(market, row, change, lenders.worst_event[row])


@compiled
def open_provisions(market: Market) -> None:
    """Provisions of the opening day: funding is what assets net of them leave after capital.

    A lender with less funding has so much less capital.
    """
    lenders, loans = market.lenders, market.loans
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        if not provides(market, row) or is_marked(market, loan):
            continue
        lenders.funding_usd[row] -= set_provision(market, loan)
    for row in range(len(lenders.kind)):
        missing = max(0.0, -lenders.funding_usd[row])
        lenders.funding_usd[row] += missing
        lenders.capital_usd[row] -= missing
        lenders.capital_open_usd[row] -= missing
