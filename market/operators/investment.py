"""Investment beyond what was signed at the opening: who orders machines, on whose money.

Once a quarter each borrower looks at Tobin's q of new machines: what one earns over its life, at
the cost of the money that would pay for it, over what it costs, relative to the same ratio on the
opening day (when orders were what they were). Above one, it wants a share of its capital a year for
each unit of q beyond one, in machines of the class on the frontier (:mod:`market.state.frontier`);
a miner's capital includes the power of rigs it has switched off: that is the pivot. What was signed
at the opening stays as signed. An order needs money: a lender's advance, sized by the rent that the
machines are expected to earn over its term, and own cash or new shares for the rest. Its deposit is
lost if the rest cannot be found on delivery.
"""

from __future__ import annotations

from ...agents.borrower import (
    QUARTER_DAYS,
    affordable_machines,
    desired_investment_share,
    payout_usd,
    sized_debt_usd,
)
from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Kind, Outside, Status
from ..debt.coin_lines import coin_room_usd, fund_growth
from ..debt.service import yearly_service_usd
from ..debt.waterfall import draw_loan
from ..state.advances import advance_today, advance_without_floor
from ..state.events import Cause, Event
from ..state.frontier import (
    growth_spread,
    machine_price_usd,
    made_today,
    outside_orders,
    set_frontier,
)
from ..state.hardware import Family
from ..state.history import log_event
from ..state.ledger import Account
from ..state.loans import LoanStatus
from ..state.machines import paths_ahead
from ..state.market import Market
from ..state.money import enter, pay
from ..state.orders import SMALLEST_ORDER_USD
from .purchases import CANCEL_AFTER_DAYS, spare_cash_usd

WEEK_DAYS = 7
WEEKS_PER_QUARTER = QUARTER_DAYS // WEEK_DAYS
OWN_MONEY_SHARE = 0.5  # of spare cash and new shares goes into one order at most
DSCR_TEST_AFTER_DAYS = 182  # of the first delivery


@inlined
def on_order(market: Market, place: int) -> float:
    """Machines of any class that the borrower of a row of orders has on order."""
    borrower, units = market.orders.borrower, market.orders.units
    first = place
    while first > 0 and borrower[first - 1] == borrower[place]:
        first -= 1
    ordered = 0.0
    while first < len(units) and borrower[first] == borrower[place]:
        ordered += units[first]
        first += 1
    return ordered


@inlined
def capital_kw(market: Market, b: int) -> float:
    """Power of a borrower's GPUs, and of rigs it has switched off [kW]."""
    hardware, holdings = market.hardware, market.holdings
    kw = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        units = holdings.units[row] * hardware.kw[k]
        if hardware.family[k] == Family.GPU:
            kw += units
        elif hardware.family[k] == Family.ASIC:
            kw += units * (1.0 - holdings.online[row])
    return kw


@inlined
def in_good_standing(market: Market, b: int) -> bool:
    """Whether a borrower passed underwriting and nothing of it is breached, locked or unpaid."""
    parties, borrowers, loans = market.parties, market.borrowers, market.loans
    if (
        parties.status[b] != Status.ACTIVE
        or not borrowers.creditworthy[b]
        or parties.payables_usd[b] > 0.0
    ):
        return False
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.DEFAULTED:
            return False
        if loans.status[loan] == LoanStatus.PERFORMING:
            if loans.breach[loan] != Cause.NONE or loans.lock_up[loan]:
                return False
    return True


@compiled
def place_orders(market: Market) -> float:
    """Orders of the week [USD]; each borrower decides once a quarter, in its own week.

    Of a new class it gets as much as is made.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, neoclouds, lenders = market.borrowers, market.neoclouds, market.lenders
    hardware, holdings, loans = market.hardware, market.holdings, market.loans
    orders = market.orders
    k = prices.frontier
    unit_usd = machine_price_usd(market, k)
    supplier = today.first_outside + Outside.SUPPLIER
    week = today.day // WEEK_DAYS
    wanted_share = desired_investment_share(prices.q, terms.investment.sensitivity) / 4.0
    wanted_share *= made_today(market, k)
    ahead = rent_ahead(market, k)
    total = 0.0
    for place in range(len(orders.units)):
        b = orders.borrower[place]
        if (
            wanted_share <= 0.0
            or (week + b) % WEEKS_PER_QUARTER != 0
            or holdings.hardware[orders.holding[place]] != k
            or on_order(market, place) > 0.0
            or not in_good_standing(market, b)
        ):
            continue
        units = wanted_share * capital_kw(market, b) / hardware.kw[k]
        refit_usd = 0.0
        if parties.kind[b] == Kind.MINER:  # a shed for rigs is no data hall
            refit_usd = terms.investment.refit_usd_per_kw * hardware.kw[k]
        cost = holdings.cost_usd_unit_day[orders.holding[place]]
        rent = prices.rent_h100_usd_h * hardware.quality[k] * HOURS_PER_DAY
        income = neoclouds.spot_realisation[b] * rent
        facility = orders.facility[place]
        debt = free = 0.0
        room = 0.0
        row = -1
        if facility >= 0 and loans.status[facility] == LoanStatus.PERFORMING:
            row = loans.lender[facility]
            most = unit_usd * prices.appetite * terms.credit.refinancing_appetite
            carried = facility_usd(market, income, cost, ahead)
            debt = min(carried, most * advance_today(market))
            free = min(carried, most * advance_without_floor(market))
            room = lenders.growth_room_usd[row]
        spare = spare_cash_usd(market, b)
        outside = borrowers.equity_room_usd[b] + coin_room_usd(market, b)
        money = OWN_MONEY_SHARE * (spare + outside)
        units = min(units, affordable_machines(unit_usd + refit_usd, debt, money, room))
        at_once = terms.credit.order_deposit_share * unit_usd + refit_usd  # a unit, before any loan
        units = min(units, money / max(at_once, 1e-9))
        borrowed = min(debt * units, room)
        if units * unit_usd < SMALLEST_ORDER_USD:
            continue
        now = at_once * units
        fund_growth(market, b, now - spare)
        pay(market, b, supplier, now)
        borrowers.site_usd[b] += refit_usd * units
        if row >= 0:
            enter(market, Account.WITHHELD, min(free * units, room) - borrowed)
        sign_order(market, place, row, (units, unit_usd, borrowed))
        total += units * unit_usd
    return total


@inlined
def sign_order(
    market: Market, place: int, row: int, terms_of_it: tuple[float, float, float]
) -> None:
    """Note an order whose deposit has been paid: units, price of one, and what a lender agreed to.

    ``row``: the lender of its facility, -1 if nobody lends.
    """
    orders, today = market.orders, market.today
    units, unit_usd, borrowed = terms_of_it
    b = orders.borrower[place]
    market.borrowers.deposits_usd[b] += market.terms.credit.order_deposit_share * units * unit_usd
    orders.units[place] = units
    orders.unit_usd[place] = unit_usd
    orders.debt_usd[place] = borrowed
    orders.due_day[place] = today.day + market.terms.investment.order_days
    orders.unfunded_days[place] = 0
    lender = today.first_outside + Outside.SUPPLIER
    if row >= 0:
        market.lenders.growth_room_usd[row] -= borrowed
        lender = today.first_lender + row
    facility = orders.facility[place] if borrowed > 0.0 else -1
    log_event(market, Event.ORDERED, Cause.RETURNS, (b, lender, facility), units * unit_usd, -1)


@compiled
def rent_ahead(market: Market, k: int) -> Reals:
    """Expected rent of a class over today's, by month of the term of a facility signed today."""
    return paths_ahead(market, k, market.terms.derived.growth_years).growth


@inlined
def facility_usd(market: Market, rent_usd_day: float, cost_usd_day: float, ahead: Reals) -> float:
    """What a facility could lend on a machine by what it is expected to earn [USD]."""
    terms = market.terms
    debt: float = sized_debt_usd(
        rent_usd_day,
        cost_usd_day,
        ahead,
        terms.credit.growth_min_dscr,
        market.prices.reference_rate + growth_spread(market),
        terms.derived.growth_years,
    )
    return debt


@compiled
def pay_out(market: Market) -> float:
    """Once a quarter, owners of a sound borrower with nothing on order take money out [USD]."""
    today, terms, borrowers = market.today, market.terms, market.borrowers
    orders = market.orders
    investors = today.first_outside + Outside.INVESTORS
    week = today.day // WEEK_DAYS
    total = 0.0
    place = 0
    for b in range(len(borrowers.creditworthy)):
        ordered = 0.0
        while place < len(orders.units) and orders.borrower[place] == b:
            ordered += orders.units[place]
            place += 1
        if (week + b) % WEEKS_PER_QUARTER != 0 or ordered > 0.0 or not in_good_standing(market, b):
            continue
        service = yearly_service_usd(market, b)
        free = QUARTER_DAYS * (borrowers.trailing_cash_flow_usd[b] - service / 365.0)
        spare = spare_cash_usd(market, b)
        amount = payout_usd(free, spare, terms.investment.payout_share)
        pay(market, b, investors, amount)
        total += amount
    return total


@compiled
def deliver_orders(market: Market) -> float:
    """Take delivery of what is due and paid for; returns units delivered today.

    The lender pays what it agreed to unless it has no credit to give or the borrower is in breach;
    own cash above the buffer, loans on coins and new shares pay the rest. An order that finds no
    money for three months is cancelled and its deposit is lost.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, lenders, holdings = market.borrowers, market.lenders, market.holdings
    loans, orders, ledger = market.loans, market.orders, market.ledger
    supplier = today.first_outside + Outside.SUPPLIER
    delivered = 0.0
    for place in range(len(orders.units)):
        units = orders.units[place]
        if units <= 0.0 or today.day < orders.due_day[place]:
            continue
        b = orders.borrower[place]
        deposit = terms.credit.order_deposit_share * units * orders.unit_usd[place]
        if parties.status[b] != Status.ACTIVE:
            orders.units[place] = 0.0
            continue
        if orders.unfunded_days[place] >= CANCEL_AFTER_DAYS:
            log_event(
                market,
                Event.ORDER_CANCELLED,
                Cause.FUNDING,
                (b, supplier, -1),
                deposit,
                parties.trail_event[b],
            )
            borrowers.deposits_usd[b] -= deposit
            orders.units[place] = 0.0
            continue
        need = units * orders.unit_usd[place] - deposit
        loan = orders.facility[place]
        debt = 0.0
        if (
            orders.debt_usd[place] > 0.0
            and loans.status[loan] == LoanStatus.PERFORMING
            and lenders.supply[loans.lender[loan]] > 0.0
            and prices.appetite > 0.0
            and in_good_standing(market, b)
        ):
            debt = min(orders.debt_usd[place], need)
        spare = spare_cash_usd(market, b)
        short = need - debt - spare
        if short > borrowers.equity_room_usd[b] + coin_room_usd(market, b):
            orders.unfunded_days[place] += 1
            continue
        fund_growth(market, b, short)
        row_held = orders.holding[place]
        if debt > 0.0:
            _renew_facility(market, loan)
            draw_loan(market, loan, debt)
            if terms.derived.growth_years < terms.credit.growth_years:
                enter(market, Account.SHORTENED, debt)
            loans.collateral_units[loan] += units
            loans.holding[loan] = row_held
            holdings.pledged[row_held] += units
        pay(market, b, supplier, need)
        borrowers.deposits_usd[b] -= deposit
        holdings.units[row_held] += units
        holdings.spot_units[row_held] += units
        ledger.outside_units[holdings.hardware[row_held]] -= units
        orders.units[place] = 0.0
        delivered += units
    return delivered


@compiled
def _renew_facility(market: Market, loan: int) -> None:
    """A draw starts the facility's term afresh, at today's spread on all of it."""
    today, terms, loans = market.today, market.terms, market.loans
    if loans.principal_usd[loan] <= 0.0:
        loans.next_payment_day[loan] = today.day + loans.interval_days[loan]
        loans.dscr_test_day[loan] = today.day + DSCR_TEST_AFTER_DAYS
    loans.maturity_day[loan] = today.day + round(365.0 * terms.derived.growth_years)
    loans.rate_or_spread[loan] = growth_spread(market)


@compiled
def grow_room(market: Market) -> None:
    """A day's addition to what each lender will newly lend: a share of its assets a year.

    More where credit is easy; unused room is kept for a quarter.
    """
    prices, terms, lenders = market.prices, market.terms, market.lenders
    for row in range(len(lenders.supply)):
        assets = max(0.0, lenders.capital_usd[row] + lenders.funding_usd[row])
        year = (
            terms.investment.lender_growth_per_year * assets * lenders.supply[row] * prices.appetite
        )
        year *= 1.0 + prices.ease
        room = lenders.growth_room_usd[row] + year / 365.0
        lenders.growth_room_usd[row] = min(room, year / 4.0)


@compiled
def invest(market: Market) -> None:
    """Order new machines where they pay and money is found; take delivery of what is due.

    Past the horizon nobody orders any more.
    """
    today, prices = market.today, market.prices
    if market.terms.investment.sensitivity <= 0.0 or market.opening.machine_class < 0:
        return
    if today.day % WEEK_DAYS == 0:
        set_frontier(market)
    grow_room(market)
    if today.day % WEEK_DAYS == 0:
        if not today.past_horizon:
            prices.ordered_usd += place_orders(market)
            outside_orders(market)
        prices.paid_out_usd += pay_out(market)
    deliver_orders(market)
