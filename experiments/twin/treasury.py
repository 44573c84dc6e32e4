"""Miners' treasurers: what is kept of production, and when coins are sold from stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.operators.treasury import BUILDING_DAYS
from ...market.state.ledger import DUST_USD
from ...market.state.loans import Amortisation, Collateral, LoanStatus
from ...market.state.units import TH_PER_PH
from . import commitments
from .rules import coins_sold_usd, held_share, loan_to_value

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan
    from .model import TwinMarket


def manage(market: TwinMarket, borrower: Borrower) -> None:
    """Sources of cash against uses: keep less of production, then sell coins."""
    settings, prices = market.settings.miners, market.prices
    if settings.hold_buffer_days <= 0 or borrower.status is not Status.ACTIVE:
        return
    btc_usd = borrower.btc * prices.btc_usd
    coins_usd = btc_usd + borrower.eth * prices.eth_usd
    if borrower.hold_policy <= 0.0 and coins_usd <= 0.0:
        return
    calls = [_call_usd(loan) for loan in _running(borrower)]
    missing = sum(coins for coins, _ in calls)
    tied = min(missing, btc_usd)
    uses = _uses_usd(market, borrower)
    if missing > 0.0:
        uses += (1.0 - tied / missing) * sum(cash for _, cash in calls)
    sources = max(0.0, borrower.cash_usd) + borrower.equity_room_usd
    for loan in borrower.loans:
        sources += commitments.drawable_usd(loan)
    if borrower.hold_policy > 0.0:
        borrower.hold_share = held_share(borrower.hold_policy, sources, uses)
    if settings.sale_days > 0:
        sold = coins_sold_usd(coins_usd - tied, sources, uses, settings.sale_days)
        if sold > DUST_USD:
            borrower.sell_treasury(sold)


def _running(borrower: Borrower) -> list[Loan]:
    return [loan for loan in borrower.loans if loan.status is LoanStatus.PERFORMING]


def _call_usd(loan: Loan) -> tuple[float, float]:
    """What the lender would ask for today: coins, or cash instead [USD, USD]."""
    market = loan.market
    on_coins = loan.collateral is Collateral.BTC and loan.principal_usd > 0.0
    if not on_coins or not market.settings.channels.crypto_margin:
        return 0.0, 0.0
    assert loan.initial_ltv is not None
    value = loan.collateral_btc * market.prices.btc_usd
    cash = max(0.0, loan.principal_usd - loan.initial_ltv * value)
    return cash / loan.initial_ltv, cash


def _uses_usd(market: TwinMarket, borrower: Borrower) -> float:
    days = market.settings.miners.hold_buffer_days
    mined = borrower.hashrate_online_th / TH_PER_PH * market.prices.hashprice_usd_ph_day
    power = max(mined - borrower.margin_usd_day, 0.0)
    burnt = (
        power
        + borrower.fixed_cost_usd_day
        + borrower.other_cost_usd_day
        + borrower.lease_cost_usd_day
        - (1.0 - borrower.hold_policy) * mined
        - borrower.other_revenue_usd_day
        - borrower.income_usd_day
        - borrower.hosting_usd_day
    )
    uses = days * max(0.0, burnt) + days / 365.0 * borrower.yearly_service_usd()
    for loan in _running(borrower):
        bullet = loan.amortisation == Amortisation.BULLET
        if bullet and loan.maturity_day <= market.day + days and not _rolls(loan):
            uses += loan.principal_usd
    building = min(days, max(0, BUILDING_DAYS - market.day)) * borrower.capex_usd_day
    uses += max(0.0, building - borrower.committed_equity_usd)
    return uses + _orders_usd(market, borrower, market.day + days)


def _rolls(loan: Loan) -> bool:
    if loan.collateral is not Collateral.BTC:
        return loan.borrower.creditworthy
    value = loan.collateral_btc * loan.market.prices.btc_usd
    assert loan.margin_call_ltv is not None
    return bool(loan_to_value(loan.principal_usd, value) < loan.margin_call_ltv)


def _orders_usd(market: TwinMarket, borrower: Borrower, last_day: int) -> float:
    """Own money for rigs on order, with their sites, and for machines ordered since."""
    owed = 0.0
    if market.dated_facts is not None:
        own_sites = 1.0 - market.dated_facts.standing[borrower].hosted_share
        kw_th = next(k.kw for k in market.hardware if k.number == market.opening.new_rigs)
        for tranche in market.dated_facts.tranches:
            soon = tranche.due_day <= last_day and tranche.th > 0.0
            if soon and tranche.borrower is borrower:
                site = tranche.th * kw_th * market.settings.facts.site_usd_per_kw
                owed += tranche.payment_usd + own_sites * site
    for order in borrower.orders.values():
        if order.units > 0.0 and order.due_day <= last_day:
            rest = (1.0 - market.terms.credit.order_deposit_share) * order.unit_usd
            owed += max(0.0, rest * order.units - order.debt_usd)
    return owed
