"""What the books know by date: events from outside, power, hosts, ether, agreed money, rigs.

Books without such facts have no rows of them, and nothing happens here.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.miner import online_share
from ...agents.party import Outside, Status
from ..debt.waterfall import draw_loan
from ..state.events import Cause, Event
from ..state.facts import MWH_PER_MW_DAY, power_drift
from ..state.hardware import Family, find_holding
from ..state.history import log_event
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from ..state.money import draw, pay, pay_interest
from .outside_shocks import lose_lent_coins, pay_outflows, strike
from .rig_deliveries import pledge_new, rig_price_usd, take_deliveries

IN_KIND_DAYS = 30  # interest in kind is added to principal so often


@compiled
def open_day(market: Market) -> None:
    """Before prices: shocks of the day, power prices, and income that does not come from rigs."""
    strike(market)
    lose_lent_coins(market)
    pay_outflows(market)
    set_business(market)
    if market.terms.facts.shares_follow_rigs:
        _value_prospects(market)


@compiled
def give_credit(market: Market) -> None:
    """After roll-overs: interest in kind, agreed money comes, ordered rigs are delivered."""
    dated, today = market.dated, market.today
    if today.day % IN_KIND_DAYS == 0:
        _add_interest_in_kind(market)
    injections, investors = dated.injections, today.first_outside + Outside.INVESTORS
    for i in range(len(injections.day)):
        b = injections.borrower[i]
        if injections.day[i] == today.day and market.parties.status[b] == Status.ACTIVE:
            pay(market, investors, b, injections.amount_usd[i])
    for i in range(len(dated.draws.day)):
        if dated.draws.day[i] == today.day:
            _draw(market, i)
    dated.delivered_th[0] += take_deliveries(market)


@compiled
def set_business(market: Market) -> None:
    """Power prices, powered shares, hosting and ether income of the day."""
    dated, borrowers, miners = market.dated, market.borrowers, market.miners
    drift = power_drift(market.terms.miners.power_drift_per_year, market.today.day)
    ether = market.prices.eth_usd / market.opening.eth_usd
    for b in range(len(dated.capacity)):
        miners.power_usd_mwh[b] = dated.power_usd_mwh[b] * dated.power_factor[b] * drift
        miners.energised[b] = dated.capacity[b]
        borrowers.other_revenue_usd_day[b] = dated.eth_revenue_usd_day[b] * ether
        borrowers.other_cost_usd_day[b] = dated.eth_cost_usd_day[b] * drift
    for link in range(len(dated.links.host)):
        _host(market, link, drift)


@compiled
def _value_prospects(market: Market) -> None:
    """What shares are worth beyond net assets: as at the opening, times the price of rigs since.

    It is paid for hashing that miners will do; a second-hand rig is a price of just that.
    """
    goodwill_usd, k = market.dated.goodwill_usd, market.opening.new_rigs
    if len(goodwill_usd) == 0:
        return
    prospects = min(1.0, rig_price_usd(market) / market.hardware.used_open_usd[k])
    for b in range(len(goodwill_usd)):
        market.borrowers.goodwill_open_usd[b] = goodwill_usd[b] * prospects


@compiled
def _host(market: Market, link: int, drift: float) -> None:
    """A day of hosting: the host is paid for power used and pays for it itself.

    A tenant that has failed pays nothing; rigs of a failed host stand still until they are moved.
    """
    parties, borrowers, miners = market.parties, market.borrowers, market.miners
    links, hardware = market.dated.links, market.hardware
    host, tenant = links.host[link], links.tenant[link]
    if parties.status[host] != Status.ACTIVE:
        moved = parties.default_day[host] + market.terms.facts.move_days
        if tenant >= 0 and market.today.day < moved:
            miners.energised[tenant] *= 1.0 - links.share[link]
        return
    if tenant >= 0:
        if parties.status[tenant] != Status.ACTIVE:
            return
        mw = links.share[link] * rigs_kw(market, tenant) / 1000.0
        price = links.usd_mwh[link] * market.dated.power_factor[tenant] * drift
    else:
        k, hashprice = market.opening.new_rigs, market.prices.hashprice_usd_ph_day
        price = links.usd_mwh[link] * drift
        running = online_share(hashprice, price, hardware.lo_j_th[k], hardware.hi_j_th[k])
        mw = links.mw[link] * running
    borrowers.other_revenue_usd_day[host] += mw * MWH_PER_MW_DAY * price
    borrowers.other_cost_usd_day[host] += mw * MWH_PER_MW_DAY * miners.power_usd_mwh[host]


@compiled
def rigs_kw(market: Market, b: int) -> float:
    """Power that a miner's rigs draw [kW]; the most efficient of each class run first."""
    hardware, holdings = market.hardware, market.holdings
    kw = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        if hardware.family[k] == Family.ASIC:
            share = holdings.online[row]
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            kw += holdings.units[row] * share * (lo + 0.5 * share * (hi - lo)) / 1000.0
    return kw


@compiled
def _add_interest_in_kind(market: Market) -> None:
    """Interest that is not paid in cash becomes principal."""
    loans, in_kind_rate = market.loans, market.dated.in_kind_rate
    for loan in range(len(in_kind_rate)):
        if loans.status[loan] != LoanStatus.PERFORMING or in_kind_rate[loan] <= 0.0:
            continue
        amount = loans.principal_usd[loan] * in_kind_rate[loan] * IN_KIND_DAYS / 365
        draw(market, loan, amount)
        pay_interest(market, loan, amount)


@compiled
def _draw(market: Market, i: int) -> None:
    """A dated draw comes if both sides stand, nothing is overdue and the lender lends."""
    parties, loans, lenders, dated = market.parties, market.loans, market.lenders, market.dated
    loan = dated.draws.loan[i]
    b, row = loans.borrower[loan], loans.lender[loan]
    sound = parties.status[b] == Status.ACTIVE
    for own in range(loans.first[b], loans.first[b + 1]):
        sound = sound and loans.breach[own] == Cause.NONE
    amount = min(dated.draws.amount_usd[i], loans.undrawn_usd[loan])
    loans.undrawn_usd[loan] = 0.0
    coins = 0.0
    if loans.collateral[loan] == Collateral.BTC:
        lent_on_coin = loans.sheets.initial_ltv[loans.sheet[loan]] * market.prices.btc_usd
        coins = min(parties.btc[b], amount / lent_on_coin)
        amount = coins * lent_on_coin
    if not sound or lenders.supply[row] <= 0.0 or amount <= 0.0:
        log_event(
            market,
            Event.NOT_REFINANCED,
            Cause.CREDIT_SUPPLY if sound else Cause.UNDERWRITING,
            (b, market.today.first_lender + row, loan),
            dated.draws.amount_usd[i],
            lenders.supply_event[row] if sound else parties.trail_event[b],
        )
        return
    parties.btc[b] -= coins
    loans.collateral_btc[loan] += coins
    draw_loan(market, loan, amount)
    if loans.collateral[loan] == Collateral.SITE:
        cost_usd_mw = 1e3 * market.terms.investment.rig_site_usd_per_kw
        loans.site_mw[loan] = amount / max(cost_usd_mw, 1.0)
    if dated.draws.rigs_th[i] > 0.0:
        dated.rigs_due_th[loan] = dated.draws.rigs_th[i]
        pledge_new(market, b, find_holding(market.holdings, b, market.opening.new_rigs))
