"""Events from outside on their day, and what they set going."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Outside, Status
from ..debt.losses import charge_capital
from ..state.events import Cause, Event
from ..state.facts import ShockKind
from ..state.history import log_event
from ..state.market import Market
from ..state.money import pay
from .rig_deliveries import shrink

OUTFLOW_DAYS = 28  # over which an outflow takes place


@compiled
def strike(market: Market) -> None:
    """Shocks of the day happen and enter the event log, if those they strike still stand."""
    today, parties, shocks = market.today, market.parties, market.dated.shocks
    for i in range(len(shocks.day)):
        p = shocks.party[i]
        if shocks.day[i] != today.day or parties.status[p] != Status.ACTIVE:
            continue
        who = (p, shocks.counterparty[i], -1)
        event = log_event(market, Event.SHOCK, Cause.SCENARIO, who, shocks.amount[i], -1)
        if p < today.first_lender:
            parties.trail_event[p] = event
            _strike_miner(market, i)
        else:
            _strike_lender(market, i, event)


@compiled
def _strike_miner(market: Market, i: int) -> None:
    dated, b = market.dated, market.dated.shocks.party[i]
    kind, amount = dated.shocks.kind[i], dated.shocks.amount[i]
    if kind == ShockKind.CAPACITY_LOSS:
        dated.capacity[b] *= 1.0 - amount
    elif kind == ShockKind.POWER_PRICE:
        dated.power_factor[b] = amount
    elif kind == ShockKind.ETH_ENDS:
        dated.eth_revenue_usd_day[b] *= 1.0 - amount
        dated.eth_cost_usd_day[b] *= 1.0 - amount
    elif kind == ShockKind.NON_DELIVERY:
        _never_delivered(market, b, amount)


@compiled
def _strike_lender(market: Market, i: int, event: int) -> None:
    lenders, claims, shocks = market.lenders, market.interlender, market.dated.shocks
    row = shocks.party[i] - market.today.first_lender
    kind, amount = shocks.kind[i], shocks.amount[i]
    if kind == ShockKind.ASSET_LOSS:
        _lose_assets(market, row, amount, event)
    elif kind == ShockKind.OUTFLOW:
        callable_usd = lenders.runnable_share[row] * lenders.funding_usd[row]
        shocks.outflow_usd_day[i] = amount * callable_usd / OUTFLOW_DAYS
    elif kind == ShockKind.KNOCK_OUT:
        _lose_assets(market, row, max(lenders.capital_usd[row], 0.0), event)
    elif kind == ShockKind.FAILURE:
        assets = lenders.capital_usd[row] + lenders.funding_usd[row]
        left = market.terms.facts.imposed_recovery_share * lenders.funding_usd[row]
        _lose_assets(market, row, max(assets - left, 0.0), event)
    elif kind == ShockKind.NEW_EXPOSURE:  # other assets become a claim
        debtor = shocks.counterparty[i] - market.today.first_lender
        for entry in range(claims.first[debtor], claims.first[debtor + 1]):
            if claims.creditor[entry] == row:
                claims.amount_usd[entry] += amount


@compiled
def _lose_assets(market: Market, row: int, amount_usd: float, event: int) -> None:
    """Assets outside this market lose value; capital bears it and funders hear of it."""
    lenders = market.lenders
    lenders.other_loans_usd[row] -= amount_usd
    lenders.market_loss_usd[row] += amount_usd
    if amount_usd > lenders.worst_usd[row]:
        lenders.worst_usd[row] = amount_usd
        lenders.worst_event[row] = event
    charge_capital(market, row, amount_usd, event)


@compiled
def _never_delivered(market: Market, b: int, th: float) -> None:
    """A supplier fails: the next rigs due never come and the deposit on them is lost."""
    orders = market.dated.orders
    while th > 0.0:
        i = -1  # the first that is due of those still open
        for other in range(len(orders.th)):
            if orders.borrower[other] == b and orders.th[other] > 0.0:
                if i < 0 or orders.due_day[other] < orders.due_day[i]:
                    i = other
        if i < 0:
            return
        share = min(1.0, th / orders.th[i])
        th -= share * orders.th[i]
        shrink(market, i, share)
        if share < 1.0:
            return


@compiled
def lose_lent_coins(market: Market) -> None:
    """Coins lent to a lender that has failed are gone."""
    parties, lent = market.parties, market.dated.coins_lent
    for i in range(len(lent.btc)):
        if lent.btc[i] > 0.0 and parties.status[lent.lender[i]] != Status.ACTIVE:
            lost = min(lent.btc[i], parties.btc_lent[lent.borrower[i]])
            parties.btc_lent[lent.borrower[i]] -= lost
            market.ledger.outside_btc[0] += lost
            lent.btc[i] = 0.0


@compiled
def pay_outflows(market: Market) -> None:
    """Money that a dated outflow takes: from cash, then from other assets at par."""
    today, parties, lenders = market.today, market.parties, market.lenders
    shocks, investors = market.dated.shocks, today.first_outside + Outside.INVESTORS
    for i in range(len(shocks.day)):
        p = shocks.party[i]
        over = shocks.outflow_usd_day[i] <= 0.0 or today.day > shocks.day[i] + OUTFLOW_DAYS
        if over or parties.status[p] != Status.ACTIVE:
            continue
        row = p - today.first_lender
        cash = max(0.0, parties.cash_usd[p])
        other = max(0.0, lenders.other_loans_usd[row])
        paid = min(shocks.outflow_usd_day[i], cash + other, lenders.funding_usd[row])
        sold = max(0.0, paid - cash)
        lenders.other_loans_usd[row] -= sold
        pay(market, investors, p, sold)
        pay(market, p, investors, paid)
        lenders.funding_usd[row] -= paid
        lenders.run_usd[row] += paid
