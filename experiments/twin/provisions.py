"""Provisions on loans that are not marked: 12 months, or the life of a weak loan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.lender import COIN_HAIRCUT, MACHINE_HAIRCUT, SITE_HAIRCUT
from ...agents.party import Status
from ...market.debt.underwriting import WEEK_DAYS
from ...market.state.events import Cause
from ...market.state.loans import Collateral, LoanStatus
from .notes import is_marked
from .rules import default_chance, loss_given_default_usd
from .sites import leased_site_usd

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket


def provide(market: TwinMarket) -> None:
    """Once a week each performing loan's provision follows what is expected to be lost."""
    if market.day % WEEK_DAYS != 0:
        return
    before = {lender: lender.provision_usd for lender in market.lenders}
    for loan in market.loans:
        lender = loan.lender
        if lender.status is not Status.ACTIVE or is_marked(loan):
            continue
        if lender.redeemable and not market.terms.channels.fund_marks:
            continue
        if loan.status is LoanStatus.DEFAULTED:
            continue
        change = _expected_loss_usd(loan) - loan.provision_usd
        loan.provision_usd += change
        lender.provision_usd += change
    for lender in market.lenders:
        change = lender.provision_usd - before[lender]
        if change != 0.0:
            lender.charge_capital(change, lender.worst_event)


def _expected_loss_usd(loan: Loan) -> float:
    """What its lender expects to lose on it; nothing on what is repaid [USD]."""
    if loan.status is not LoanStatus.PERFORMING or loan.principal_usd <= 0.0:
        return 0.0
    market, collateral, haircut = loan.market, 0.0, MACHINE_HAIRCUT
    if loan.collateral is Collateral.HARDWARE:
        assert loan.hardware is not None
        collateral = loan.collateral_units * loan.hardware.mark_usd
    elif loan.collateral is Collateral.SITE:
        collateral = leased_site_usd(loan)
        haircut = SITE_HAIRCUT
    elif loan.collateral is Collateral.BTC:
        collateral = loan.collateral_btc * market.prices.btc_usd
        haircut = COIN_HAIRCUT
    raised = loan.breach is not Cause.NONE or loan.lock_up or loan.waivers > 0
    missed = loan.arrears_interest_usd + loan.arrears_principal_usd > 0.0
    years = (loan.maturity_day - market.day) / 365.0
    lost = loss_given_default_usd(loan.principal_usd, collateral, haircut)
    loss: float = default_chance(raised, missed, years) * lost
    return loss
