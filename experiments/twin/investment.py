"""Investment beyond what was signed at the opening: who orders machines, on whose money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.party import Status
from ...market.operators.investment import (
    DSCR_TEST_AFTER_DAYS,
    OWN_MONEY_SHARE,
    WEEK_DAYS,
    WEEKS_PER_QUARTER,
)
from ...market.operators.purchases import CANCEL_AFTER_DAYS
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.ledger import Account
from ...market.state.loans import LoanStatus
from ...market.state.orders import SMALLEST_ORDER_USD
from . import coins, cycle, frontier
from .bids import paths_ahead
from .borrower import Borrower, Miner
from .growth import spare_cash_usd
from .rules import (
    affordable_machines,
    desired_investment_share,
    payout_usd,
    sized_debt_usd,
)

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket
    from .things import HardwareClass, Order


def invest(market: TwinMarket) -> None:
    """Order new machines where they pay and money is found; take delivery of what is due."""
    if market.settings.investment.sensitivity <= 0.0 or market.opening.machine_class < 0:
        return
    for lender in market.lenders:
        lender.grow_room()
    if market.day % WEEK_DAYS == 0:
        machine = frontier.choose(market)
        week = market.day // WEEK_DAYS  # each decides once a quarter, in its own week
        turn = [b for b in market.borrowers if (week + b.number) % WEEKS_PER_QUARTER == 0]
        if not market.past_horizon:
            for borrower in turn:
                _consider_order(borrower, machine)
            frontier.order_outside(market, machine)
        for borrower in turn:
            _pay_owners(borrower)
    for borrower in market.borrowers:
        for order in borrower.orders.values():
            if order.units > 0.0 and market.day >= order.due_day:
                _take_delivery(borrower, order)


# ---------------------------------------------------------------- orders


def capital_kw(borrower: Borrower) -> float:
    """Power of its GPUs, and of rigs it has switched off [kW]."""
    power = 0.0
    for kind, holding in borrower.holdings.items():
        if kind.family is Family.GPU:
            power += holding.units * kind.kw
        elif kind.family is Family.ASIC:
            power += holding.units * kind.kw * (1.0 - holding.online)
    return power


def _consider_order(borrower: Borrower, machine: HardwareClass) -> None:
    """Order what it wants at today's q, as far as a lender's advance and own money go."""
    market, order = borrower.model, borrower.orders.get(machine)
    wanted = desired_investment_share(market.prices.q, market.terms.investment.sensitivity) / 4.0
    wanted *= frontier.made(market, machine, market.day)
    if wanted <= 0.0 or order is None or borrower.has_ordered() or not borrower.in_good_standing():
        return
    price = frontier.price_usd(market, machine)
    refit = 0.0
    if isinstance(borrower, Miner):  # a shed for rigs is no data hall
        refit = market.terms.investment.refit_usd_per_kw * machine.kw
    facility, debt, free, room = order.facility, 0.0, 0.0, 0.0
    if facility is not None and facility.status is LoanStatus.PERFORMING:
        debt = advance_usd(borrower, order, price, cycle.advance_rate(market))
        free = advance_usd(borrower, order, price, cycle.advance_without_floor(market))
        room = facility.lender.growth_room_usd
    else:
        facility = None
    spare = spare_cash_usd(borrower)
    outside = borrower.equity_room_usd + coins.room_usd(borrower)
    own = OWN_MONEY_SHARE * (spare + outside)
    at_once = market.terms.credit.order_deposit_share * price + refit  # a unit, before any loan
    units = min(
        wanted * capital_kw(borrower) / machine.kw,
        affordable_machines(price + refit, debt, own, room),
        own / max(at_once, 1e-9),
    )
    if units * price < SMALLEST_ORDER_USD:
        return
    _pay_deposit(borrower, units, price, refit, spare)
    agreed = min(debt * units, room)
    if facility is not None:
        market.accounts[Account.WITHHELD] += min(free * units, room) - agreed
    sign(borrower, order, units, price, agreed)


def sign(borrower: Borrower, order: Order, units: float, price_usd: float, debt_usd: float) -> None:
    """Note an order whose deposit has been paid, and what its lender has agreed to."""
    market, facility = borrower.model, order.facility
    order.units, order.unit_usd, order.debt_usd = units, price_usd, debt_usd
    order.due_day, order.unfunded_days = market.day + market.terms.investment.order_days, 0
    lends = facility is not None and facility.status is LoanStatus.PERFORMING
    if facility is not None and lends:
        facility.lender.growth_room_usd -= debt_usd
    market.prices.ordered_usd += units * price_usd
    market.note(
        Event.ORDERED,
        Cause.RETURNS,
        borrower,
        facility.lender if facility is not None and lends else market.supplier,
        facility if debt_usd > 0.0 else None,
        units * price_usd,
        None,
    )


def advance_usd(borrower: Borrower, order: Order, price_usd: float, advance: float) -> float:
    """What a lender advances on a machine [USD], as its own expected rent carries."""
    market, terms, holding = borrower.model, borrower.model.terms, order.holding
    assert holding is not None
    years = terms.derived.growth_years
    carried: float = sized_debt_usd(
        borrower.spot_realisation * frontier.rent_usd_day(market, holding.hardware),
        holding.cost_usd_unit_day,
        paths_ahead(market, holding.hardware, years).growth,
        terms.credit.growth_min_dscr,
        cycle.growth_rate(market),
        years,
    )
    return min(carried, price_usd * market.appetite() * advance)


def _pay_deposit(
    borrower: Borrower, units: float, price_usd: float, refit_usd: float, spare_usd: float
) -> None:
    """Deposit and refit are due with the order: spare cash, then new shares."""
    market = borrower.model
    deposit = market.terms.credit.order_deposit_share * units * price_usd
    now = deposit + refit_usd * units
    coins.fund_growth(borrower, now - spare_usd)
    borrower.pay(market.supplier, now)
    borrower.deposits_usd += deposit
    borrower.site_usd += refit_usd * units


# ---------------------------------------------------------------- owners


def _pay_owners(borrower: Borrower) -> None:
    """Owners of a sound borrower with nothing on order take money out."""
    market = borrower.model
    if borrower.has_ordered() or not borrower.in_good_standing():
        return
    flow = borrower.trailing_cash_flow_usd - borrower.yearly_service_usd() / 365.0
    amount = payout_usd(
        QUARTER_DAYS * flow, spare_cash_usd(borrower), market.terms.investment.payout_share
    )
    borrower.pay(market.investors, amount)
    market.prices.paid_out_usd += amount


# ---------------------------------------------------------------- deliveries


def _take_delivery(borrower: Borrower, order: Order) -> None:
    """Pay for what is due and take it.

    The lender pays what it agreed to; spare cash and new shares the rest. What finds no money for
    three months is cancelled.
    """
    market, holding, units = borrower.model, order.holding, order.units
    assert holding is not None
    if borrower.status is not Status.ACTIVE:
        order.units = 0.0
        return
    deposit = market.terms.credit.order_deposit_share * units * order.unit_usd
    if order.unfunded_days >= CANCEL_AFTER_DAYS:
        _cancel(borrower, order, deposit)
        return
    need = units * order.unit_usd - deposit
    facility = order.facility
    debt = min(order.debt_usd, need) if facility is not None and _lends(borrower, order) else 0.0
    short = need - debt - spare_cash_usd(borrower)
    if short > borrower.equity_room_usd + coins.room_usd(borrower):
        order.unfunded_days += 1
        return
    coins.fund_growth(borrower, short)
    if facility is not None and debt > 0.0:
        _renew_facility(facility)
        facility.draw_line(debt)
        if market.terms.derived.growth_years < market.terms.credit.growth_years:
            market.accounts[Account.SHORTENED] += debt
        facility.pledge(holding, units, for_contract=False)
    borrower.pay(market.supplier, need)
    borrower.deposits_usd -= deposit
    holding.units += units
    holding.spot_units += units
    holding.hardware.outside_units -= units
    order.units = 0.0


def _lends(borrower: Borrower, order: Order) -> bool:
    """Whether the lender keeps its word: it has credit to give, and nothing is in breach."""
    facility = order.facility
    return (
        facility is not None
        and order.debt_usd > 0.0
        and facility.status is LoanStatus.PERFORMING
        and facility.lender.supply > 0.0
        and borrower.model.prices.appetite > 0.0
        and borrower.in_good_standing()
    )


def _cancel(borrower: Borrower, order: Order, deposit_usd: float) -> None:
    """The order ends and its deposit is lost."""
    market = borrower.model
    market.note(
        Event.ORDER_CANCELLED,
        Cause.FUNDING,
        borrower,
        market.supplier,
        None,
        deposit_usd,
        borrower.trail_event,
    )
    borrower.deposits_usd -= deposit_usd
    order.units = 0.0


def _renew_facility(facility: Loan) -> None:
    """A draw starts the facility's term afresh, at today's spread on all of it."""
    market = facility.market
    if facility.principal_usd <= 0.0:
        facility.next_payment_day = market.day + facility.interval_days
        facility.dscr_test_day = market.day + DSCR_TEST_AFTER_DAYS
    facility.maturity_day = market.day + round(365.0 * market.terms.derived.growth_years)
    facility.rate_or_spread = cycle.growth_spread(market)
