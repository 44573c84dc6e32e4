"""Entry: new miners and neoclouds, with loans at the terms of the day on which they come.

Once a week each prospect may enter (:mod:`agents.entrant`): the more the further Tobin's q of new
machines is above one, and the more of their usual credit lenders give. It enters if the lender that
has most room for new loans on such machines lends what it usually does on them; a miner only if
rigs pay at its price of power. Its owners pay in the rest and a cushion, from outside. It orders
and buys as others do, and from that day on all rules are those of everybody.

What entrants install is a part of the growth that fleets outside the books would otherwise have:
rigs count in what :func:`market.prices.network.grow_network` takes off, machines of new classes in
what :func:`market.state.frontier.outside_orders` does.
"""

from __future__ import annotations

from ...agents.borrower import sized_debt_usd
from ...agents.compiling.kernels import compiled, inlined
from ...agents.entrant import (
    DAYS_PER_YEAR,
    chance_of_entry,
    entries_per_year,
    opening_equity_usd,
    vintage_rate,
)
from ...agents.lender import credit_supply_share
from ...agents.miner import MWH_PER_KW_DAY
from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Kind, Outside, Status
from ..debt.waterfall import draw_loan
from ..state.advances import advance_today, advance_without_floor
from ..state.events import Cause, Event
from ..state.frontier import (
    growth_spread,
    machine_price_usd,
    made_today,
    replacement_usd,
    to_come,
)
from ..state.history import log_event
from ..state.ledger import Account
from ..state.loans import Instrument, annual_rate
from ..state.machines import paths_ahead
from ..state.market import Market
from ..state.money import enter, pay
from ..state.orders import SMALLEST_ORDER_USD
from ..state.randomness import Stream, uniform
from ..state.units import TH_PER_EH, TH_PER_PH
from .investment import WEEK_DAYS, facility_usd, rent_ahead, sign_order
from .rigs import new_rig_usd


@compiled
def let_in(market: Market) -> None:
    """Once a week: prospects of each kind enter by chance (in place)."""
    today, entry = market.today, market.terms.entry
    if not entry.on or today.day % WEEK_DAYS != 0 or today.past_horizon:
        return
    miner_chance = weekly_chance(market, Kind.MINER)
    neocloud_chance = weekly_chance(market, Kind.NEOCLOUD)
    for b in range(today.first_lender - today.prospects, today.first_lender):
        if market.parties.status[b] != Status.PROSPECT:
            continue
        mines = market.parties.kind[b] == Kind.MINER
        chance = miner_chance if mines else neocloud_chance
        if uniform(today.seed, Stream.ENTRY, today.day, b) >= chance:
            continue
        if mines:
            enter_miner(market, b)
        else:
            enter_neocloud(market, b)


@compiled
def weekly_chance(market: Market, kind: int) -> float:
    """Probability that one of the prospects of a kind enters this week."""
    today, prices, entry = market.today, market.prices, market.terms.entry
    planned = waiting = 0
    for b in range(today.first_lender - today.prospects, today.first_lender):
        if market.parties.kind[b] == kind:
            planned += 1
            waiting += market.parties.status[b] == Status.PROSPECT
    q = 0.0
    made = 1.0
    if kind == Kind.MINER:
        if market.opening.growth_class >= 0 and not market.terms.derived.network_replayed:
            q = prices.rig_q
    elif market.opening.machine_class >= 0:
        q = prices.q
        made = made_today(market, prices.frontier)
    credit = credit_supply_share(market.lenders) * _appetite(market)
    firms = planned / entry.prospects_per_firm
    return chance_of_entry(
        made * entries_per_year(q, credit, firms, entry.sensitivity), waiting, float(WEEK_DAYS)
    )


@inlined
def _appetite(market: Market) -> float:
    """Of lenders for new loans, over normal."""
    appetite: float = market.prices.appetite * market.terms.credit.refinancing_appetite
    return appetite


@compiled
def lender_with_room(market: Market, instrument: int) -> int:
    """Row of who has most room for new loans of a kind, of those that have made some; -1: nobody.

    Of two with the same room, who has lent less here. Facilities of prospects have no lender yet.
    """
    lenders, loans = market.lenders, market.loans
    first_prospect = market.today.first_lender - market.today.prospects
    best = -1
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        if (
            loans.instrument[loan] != instrument
            or loans.borrower[loan] >= first_prospect
            or lenders.supply[row] <= 0.0
            or lenders.growth_room_usd[row] <= 0.0
        ):
            continue
        more = lenders.growth_room_usd[row]
        more -= lenders.growth_room_usd[best] if best >= 0 else 0.0
        if (
            best < 0
            or more > 0.0
            or (more == 0.0 and lenders.book_usd[row] < lenders.book_usd[best])
        ):
            best = row + 0
    return best


@compiled
def found(market: Market, b: int, row: int, loan: int, equity_usd: float) -> None:
    """A firm comes into being: owners pay in, and a lender has looked at it."""
    today, parties = market.today, market.parties
    parties.status[b] = Status.ACTIVE
    parties.entered_day[b] = today.day
    market.borrowers.creditworthy[b] = True
    pay(market, today.first_outside + Outside.INVESTORS, b, equity_usd)
    log_event(
        market,
        Event.ENTERED,
        Cause.RETURNS,
        (b, today.first_lender + row, loan),
        equity_usd,
        -1,
    )


@compiled
def enter_neocloud(market: Market, b: int) -> None:
    """Machines on the frontier are ordered with a facility that their rent carries (in place)."""
    prices, terms, orders = market.prices, market.terms, market.orders
    k = prices.frontier
    place = 0
    while place < len(orders.units) and not (
        orders.borrower[place] == b and market.holdings.hardware[orders.holding[place]] == k
    ):
        place += 1
    row = lender_with_room(market, Instrument.GPU_LOAN)
    if place == len(orders.units) or row < 0:
        return
    unit_usd = machine_price_usd(market, k)
    units = market.borrowers.plan_kw[b] / market.hardware.kw[k]
    rent = prices.rent_h100_usd_h * market.hardware.quality[k] * HOURS_PER_DAY
    income = market.neoclouds.spot_realisation[b] * rent
    cost = market.holdings.cost_usd_unit_day[orders.holding[place]]
    most = unit_usd * _appetite(market)
    carried = facility_usd(market, income, cost, rent_ahead(market, k))
    carried = min(carried, (1.0 - terms.credit.order_deposit_share) * unit_usd)
    borrowed = units * min(carried, most * advance_today(market))
    room = market.lenders.growth_room_usd[row]
    if borrowed <= 0.0 or borrowed > room or units * unit_usd < SMALLEST_ORDER_USD:
        return
    equity = opening_equity_usd(units * unit_usd, borrowed, market.borrowers.cushion_usd[b])
    found(market, b, row, orders.facility[place], equity)
    for loan in range(market.loans.first[b], market.loans.first[b + 1]):
        market.loans.lender[loan] = row
    supplier = market.today.first_outside + Outside.SUPPLIER
    pay(market, b, supplier, terms.credit.order_deposit_share * units * unit_usd)
    free = units * min(carried, most * advance_without_floor(market))
    enter(market, Account.WITHHELD, min(free, room) - borrowed)
    sign_order(market, place, row, (units, unit_usd, borrowed))
    prices.ordered_usd += units * unit_usd
    if to_come(market, k):
        prices.entered_h100 += units * market.hardware.quality[k]


@compiled
def enter_miner(market: Market, b: int) -> None:
    """Rigs of the newest class are bought with a loan on them; they run at once (in place)."""
    today, prices, terms = market.today, market.prices, market.terms
    loans, k = market.loans, market.opening.growth_class
    power_usd_mwh = market.miners.power_usd_mwh[b]
    site_usd = terms.investment.rig_site_usd_per_kw * market.hardware.kw[k]
    rig_usd = replacement_usd(market, k)
    loan = loans.first[b] + 0
    while loan < loans.first[b + 1] and loans.instrument[loan] != Instrument.ASIC_LOAN:
        loan += 1
    row = lender_with_room(market, Instrument.ASIC_LOAN)
    pays = new_rig_usd(market, power_usd_mwh) >= rig_usd + site_usd
    if loan == loans.first[b + 1] or row < 0 or not pays:
        return
    units = market.borrowers.plan_kw[b] / market.hardware.kw[k]
    sheet = loans.sheet[loan]
    days = min(loans.sheets.term_days[sheet], terms.derived.tenor_cap_days)
    rate = vintage_rate(
        loans.sheets.rate_open[sheet],
        growth_spread(market) - terms.credit.growth_spread,
        prices.rate_change,
        loans.floating[loan],
    )
    value = min(market.marks_usd[k], rig_usd)
    carried = sized_debt_usd(
        prices.hashprice_usd_ph_day / TH_PER_PH,
        market.hardware.kw[k] * MWH_PER_KW_DAY * power_usd_mwh,
        paths_ahead(market, k, days / DAYS_PER_YEAR).growth,
        terms.credit.growth_min_dscr,
        annual_rate(rate, loans.floating[loan], prices.reference_rate),
        days / DAYS_PER_YEAR,
    )
    debt = min(carried, loans.sheets.initial_ltv[sheet] * value * _appetite(market))
    borrowed, cost = units * debt, units * (rig_usd + site_usd)
    room = market.lenders.growth_room_usd[row]
    if borrowed <= 0.0 or borrowed > room or cost < SMALLEST_ORDER_USD:
        return
    equity = opening_equity_usd(cost, borrowed, market.borrowers.cushion_usd[b])
    found(market, b, row, loan, equity)
    loans.lender[loan] = row
    loans.rate_or_spread[loan] = rate
    loans.next_payment_day[loan] = today.day + loans.interval_days[loan]
    loans.maturity_day[loan] = today.day + days
    draw_loan(market, loan, borrowed)
    market.lenders.growth_room_usd[row] -= borrowed
    supplier = today.first_outside + Outside.SUPPLIER
    pay(market, b, supplier, cost)
    market.borrowers.site_usd[b] += units * site_usd
    held = loans.holding[loan]
    market.holdings.units[held] += units
    market.holdings.pledged[held] += units
    loans.collateral_units[loan] += units
    market.ledger.outside_units[k] -= units
    prices.bought_eh_s += units / TH_PER_EH
    prices.rigs_bought_usd += cost
    log_event(market, Event.ORDERED, Cause.RETURNS, (b, supplier, -1), cost, -1)
