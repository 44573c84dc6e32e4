"""What the facts does on a day: events from outside, power, hosts, ether, agreed money, rigs."""

from __future__ import annotations

import numpy as np

from ...agents.miner import online_share
from ...agents.party import Outside, Status
from ..debt.losses import charge_capital
from ..debt.waterfall import draw_loan
from ..state.events import Cause, Event
from ..state.facts import (
    MWH_PER_MW_DAY,
    NEW_RIGS,
    DatedDraw,
    DatedShock,
    HostLink,
    Outflow,
    power_drift,
)
from ..state.hardware import Family, find_holding
from ..state.history import log_event
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from ..state.money import draw, pay, pay_interest
from .rig_deliveries import pledge_new, take_deliveries

OUTFLOW_DAYS = 28  # over which a dated outflow takes place
IN_KIND_DAYS = 30  # interest in kind is added to principal so often
HOSTED_CLASS = NEW_RIGS  # what tenants without a name run


def open_day(market: Market) -> None:
    """Before prices: shocks of the day, power prices, and income that does not come from rigs."""
    if market.dated_facts is None:
        return
    for shock in market.dated_facts.shocks:
        if shock.day == market.day:
            _strike(market, shock)
    _lose_lent_coins(market)
    _pay_outflows(market)
    set_business(market)
    if market.scenario.facts.shares_follow_rigs:
        _value_prospects(market)


def give_credit(market: Market) -> None:
    """After roll-overs: interest in kind, agreed money comes, ordered rigs are delivered."""
    facts = market.dated_facts
    if facts is None:
        return
    if market.day % IN_KIND_DAYS == 0:
        _add_interest_in_kind(market)
    for injection in facts.equity:
        if injection.day == market.day:
            investors = market.first_outside + Outside.INVESTORS
            if market.parties.status[injection.borrower] == Status.ACTIVE:
                pay(market, investors, injection.borrower, injection.amount_usd)
    for dated in facts.draws:
        if dated.day == market.day:
            _draw(market, dated)
    facts.delivered_th += take_deliveries(market)


def set_business(market: Market) -> None:
    """Power prices, powered shares, hosting and ether income of the day."""
    facts, scenario = market.dated_facts, market.scenario
    assert facts is not None
    drift = power_drift(scenario.miners.power_drift_per_year, market.day)
    market.miners.power_usd_mwh[:] = facts.power_usd_mwh * facts.power_factor * drift
    market.miners.energised[:] = facts.capacity
    ether = market.prices.eth_usd / facts.eth_open_usd
    market.borrowers.other_revenue_usd_day[:] = facts.eth_revenue_usd_day * ether
    market.borrowers.other_cost_usd_day[:] = facts.eth_cost_usd_day * drift
    for link in facts.links:
        _host(market, link, drift)


def _value_prospects(market: Market) -> None:
    """What shares are worth beyond net assets: as at the opening, times the price of rigs since.

    It is paid for hashing that miners will do; a second-hand rig is a price of just that.
    """
    facts = market.dated_facts
    assert facts is not None
    if len(facts.goodwill_usd) == 0:
        facts.goodwill_usd = market.borrowers.goodwill_open_usd.copy()
    market.borrowers.goodwill_open_usd[:] = facts.goodwill_usd * min(1.0, rig_price_ratio(market))


def _host(market: Market, link: HostLink, drift: float) -> None:
    """A day of hosting: the host is paid for power used and pays for it itself.

    A tenant that has failed pays nothing; rigs of a failed host stand still until they are moved.
    """
    facts = market.dated_facts
    assert facts is not None
    if market.parties.status[link.host] != Status.ACTIVE:
        moved = market.parties.default_day[link.host] + market.scenario.facts.move_days
        if link.tenant >= 0 and market.day < moved:
            market.miners.energised[link.tenant] *= 1.0 - link.share
        return
    if link.tenant >= 0:
        if market.parties.status[link.tenant] != Status.ACTIVE:
            return
        mw = link.share * rigs_kw(market, link.tenant) / 1000.0
        price = link.usd_mwh * facts.power_factor[link.tenant] * drift
    else:
        k = market.names.hardware.index(HOSTED_CLASS)
        price = link.usd_mwh * drift
        mw = link.mw * float(
            online_share(
                market.prices.hashprice_usd_ph_day,
                price,
                market.hardware.lo_j_th[k],
                market.hardware.hi_j_th[k],
            )
        )
    market.borrowers.other_revenue_usd_day[link.host] += mw * MWH_PER_MW_DAY * price
    own = market.miners.power_usd_mwh[link.host]
    market.borrowers.other_cost_usd_day[link.host] += mw * MWH_PER_MW_DAY * own


def rig_price_ratio(market: Market) -> float:
    """Last clearing price of the class on order, over its price at the opening; 1 before."""
    k = market.names.hardware.index(NEW_RIGS)
    if not np.isfinite(market.clearing_usd[k]):
        return 1.0
    return float(market.clearing_usd[k] / market.hardware.used_open_usd[k])


def rigs_kw(market: Market, b: int) -> float:
    """Power that a miner's rigs draw [kW]; the most efficient of each class run first."""
    total = 0.0
    for row in range(int(market.holdings.first[b]), int(market.holdings.first[b + 1])):
        k = int(market.holdings.hardware[row])
        if market.hardware.family[k] == Family.ASIC:
            share = float(market.holdings.online[row])
            lo, hi = float(market.hardware.lo_j_th[k]), float(market.hardware.hi_j_th[k])
            total += (
                float(market.holdings.units[row]) * share * (lo + 0.5 * share * (hi - lo)) / 1000.0
            )
    return total


def _strike(market: Market, shock: DatedShock) -> None:
    """A shock happens and enters the causal log, if who it strikes still stands."""
    facts = market.dated_facts
    assert facts is not None
    p = shock.party
    if market.parties.status[p] != Status.ACTIVE:
        return
    event = log_event(
        market, Event.SHOCK, Cause.SCENARIO, (p, shock.counterparty, -1), shock.amount, -1
    )
    row = p - market.first_lender
    if row < 0:
        market.parties.trail_event[p] = event
    if shock.kind == "capacity_loss":
        facts.capacity[p] *= 1.0 - shock.amount
    elif shock.kind == "power_price":
        facts.power_factor[p] = shock.amount
    elif shock.kind == "eth_ends":
        facts.eth_revenue_usd_day[p] *= 1.0 - shock.amount
        facts.eth_cost_usd_day[p] *= 1.0 - shock.amount
    elif shock.kind == "non_delivery":
        _never_delivered(market, p, shock.amount)
    elif shock.kind == "asset_loss":
        _lose_assets(market, row, shock.amount, event)
    elif shock.kind == "outflow":
        callable_usd = market.lenders.runnable_share[row] * market.lenders.funding_usd[row]
        pace = shock.amount * float(callable_usd) / OUTFLOW_DAYS
        facts.outflows.append(Outflow(row, pace, market.day + OUTFLOW_DAYS))
    elif shock.kind == "failure":
        assets = float(market.lenders.capital_usd[row] + market.lenders.funding_usd[row])
        left = market.scenario.facts.imposed_recovery_share * float(market.lenders.funding_usd[row])
        _lose_assets(market, row, max(assets - left, 0.0), event)
    elif shock.kind == "new_exposure":
        _expose(market, row, shock.counterparty - market.first_lender, shock.amount)


def _lose_assets(market: Market, row: int, amount_usd: float, event: int) -> None:
    """Assets outside this market lose value; capital bears it and funders hear of it."""
    lenders = market.lenders
    lenders.other_loans_usd[row] -= amount_usd
    lenders.market_loss_usd[row] += amount_usd
    if amount_usd > lenders.worst_usd[row]:
        lenders.worst_usd[row] = amount_usd
        lenders.worst_event[row] = event
    charge_capital(market, row, amount_usd, event)


def _expose(market: Market, row: int, debtor: int, amount_usd: float) -> None:
    """A lender turns other assets into a claim on another lender."""
    claims = market.interlender
    for entry in range(int(claims.first[debtor]), int(claims.first[debtor + 1])):
        if claims.creditor[entry] == row:
            claims.amount_usd[entry] += amount_usd


def _never_delivered(market: Market, b: int, th: float) -> None:
    """A supplier fails: the next rigs due never come and the deposit on them is lost."""
    facts = market.dated_facts
    assert facts is not None
    orders = facts.orders
    mine = np.flatnonzero((orders.borrower == b) & (orders.th > 0.0))
    for i in mine[np.argsort(orders.due_day[mine], kind="stable")].tolist():
        share = min(1.0, th / float(orders.th[i]))
        th -= share * float(orders.th[i])
        market.borrowers.deposits_usd[b] -= share * float(orders.deposit_usd[i])
        for column in (orders.th, orders.deposit_usd, orders.payment_usd):
            column[i] *= 1.0 - share


def _lose_lent_coins(market: Market) -> None:
    """Coins lent to a lender that has failed are gone."""
    facts = market.dated_facts
    assert facts is not None
    left = []
    for b, lender, btc in facts.coins_lent:
        if market.parties.status[lender] == Status.ACTIVE:
            left.append((b, lender, btc))
            continue
        lost = min(btc, float(market.parties.btc_lent[b]))
        market.parties.btc_lent[b] -= lost
        market.ledger.outside_btc[0] += lost
    facts.coins_lent = left


def _pay_outflows(market: Market) -> None:
    """Money that a dated outflow takes: from cash, then from other assets at par."""
    facts = market.dated_facts
    assert facts is not None
    investors = market.first_outside + Outside.INVESTORS
    for flow in facts.outflows:
        party = market.first_lender + flow.lender
        if market.day > flow.last_day or market.parties.status[party] != Status.ACTIVE:
            continue
        cash = max(0.0, float(market.parties.cash_usd[party]))
        other = max(0.0, float(market.lenders.other_loans_usd[flow.lender]))
        paid = min(flow.usd_day, cash + other, float(market.lenders.funding_usd[flow.lender]))
        sold = max(0.0, paid - cash)
        market.lenders.other_loans_usd[flow.lender] -= sold
        pay(market, investors, party, sold)
        pay(market, party, investors, paid)
        market.lenders.funding_usd[flow.lender] -= paid
        market.lenders.run_usd[flow.lender] += paid


def _add_interest_in_kind(market: Market) -> None:
    """Interest that is not paid in cash becomes principal."""
    facts, loans = market.dated_facts, market.loans
    assert facts is not None
    live = (loans.status == LoanStatus.PERFORMING) & (facts.in_kind_rate > 0.0)
    for loan in np.flatnonzero(live).tolist():
        lender = market.first_lender + int(loans.lender[loan])
        yearly = float(loans.principal_usd[loan] * facts.in_kind_rate[loan])
        amount = yearly * IN_KIND_DAYS / 365
        draw(market, loan, amount)
        pay_interest(market, int(loans.borrower[loan]), lender, amount)


def _draw(market: Market, dated: DatedDraw) -> None:
    """A dated draw comes if both sides stand, nothing is overdue and the lender lends."""
    facts = market.dated_facts
    assert facts is not None
    loan = dated.loan
    b, row = int(market.loans.borrower[loan]), int(market.loans.lender[loan])
    mine = slice(int(market.loans.first[b]), int(market.loans.first[b + 1]))
    sound = market.parties.status[b] == Status.ACTIVE and not bool(
        np.any(market.loans.breach[mine])
    )
    amount = min(dated.amount_usd, float(market.loans.undrawn_usd[loan]))
    coins = 0.0
    if market.loans.collateral[loan] == Collateral.BTC:
        lent_on_coin = (
            float(market.loans.sheets.initial_ltv[market.loans.sheet[loan]]) * market.prices.btc_usd
        )
        coins = min(float(market.parties.btc[b]), amount / lent_on_coin)
        amount = coins * lent_on_coin
    if not sound or market.lenders.supply[row] <= 0.0 or amount <= 0.0:
        log_event(
            market,
            Event.NOT_REFINANCED,
            Cause.CREDIT_SUPPLY if sound else Cause.UNDERWRITING,
            (b, market.first_lender + row, loan),
            dated.amount_usd,
            int(market.lenders.supply_event[row] if sound else market.parties.trail_event[b]),
        )
        market.loans.undrawn_usd[loan] = 0.0
        return
    market.parties.btc[b] -= coins
    market.loans.collateral_btc[loan] += coins
    market.loans.undrawn_usd[loan] = 0.0
    draw_loan(market, loan, amount)
    if market.loans.collateral[loan] == Collateral.SITE:
        market.loans.site_value_usd[loan] = amount
    if dated.rigs_th > 0.0:
        facts.rigs_due_th[loan] = dated.rigs_th
        k = market.names.hardware.index(NEW_RIGS)
        pledge_new(market, b, int(find_holding(market.holdings, b, k)))
