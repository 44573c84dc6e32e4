"""Entry: new miners and neoclouds, with loans at the terms of the day on which they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Status
from ...market.operators.investment import WEEK_DAYS
from ...market.state.events import Cause, Event
from ...market.state.ledger import Account
from ...market.state.loans import Instrument
from ...market.state.orders import SMALLEST_ORDER_USD
from ...market.state.randomness import Stream
from ...market.state.units import TH_PER_PH
from . import cycle, frontier, investment, rigs
from .bids import paths_ahead
from .borrower import Borrower, Miner, Neocloud
from .rules import (
    annual_rate,
    chance_of_entry,
    entries_per_year,
    opening_equity_usd,
    sized_debt_usd,
    uniform,
    vintage_rate,
)

if TYPE_CHECKING:
    from .lender import Lender
    from .loan import Loan
    from .model import TwinMarket

ENTRY = int(Stream.ENTRY)


def grow(market: TwinMarket) -> None:
    """Beyond what was signed: machines, rigs, new firms."""
    investment.invest(market)
    rigs.buy_rigs(market)
    let_in(market)


def let_in(market: TwinMarket) -> None:
    """Once a week prospects of each kind enter by chance."""
    if not market.settings.entry.on or market.day % WEEK_DAYS != 0 or market.past_horizon:
        return
    chances = {kind: _weekly_chance(market, kind) for kind in (Miner, Neocloud)}
    for one in market.borrowers:
        if one.status is not Status.PROSPECT:
            continue
        if uniform(market.seed, ENTRY, market.day, one.number) < chances[type(one)]:
            (_enter_miner if isinstance(one, Miner) else _enter_neocloud)(market, one)


def _weekly_chance(market: TwinMarket, kind: type[Borrower]) -> float:
    """Probability that one of the prospects of a kind enters this week."""
    entry, q, made = market.settings.entry, 0.0, 1.0
    planned = [one for one in market.borrowers if isinstance(one, kind) and one.plan_kw > 0.0]
    waiting = [one for one in planned if one.status is Status.PROSPECT]
    if kind is Miner:
        if market.opening.growth_class >= 0 and market.settings.crypto.network != "history":
            q = market.prices.rig_q
    elif market.opening.machine_class >= 0:
        q = market.prices.q
        made = frontier.made(market, market.hardware[market.prices.frontier], market.day)
    credit = cycle.credit_supply_share(market) * market.appetite()
    firms = len(planned) / entry.prospects_per_firm
    a_year = made * entries_per_year(q, credit, firms, entry.sensitivity)
    chance: float = chance_of_entry(a_year, len(waiting), WEEK_DAYS)
    return chance


def _lender_with_room(market: TwinMarket, instrument: Instrument) -> Lender | None:
    """Who has most room for new loans of a kind that it has made; then who has lent less here."""
    known = {
        loan.lender
        for loan in market.loans
        if loan.instrument is instrument and loan.borrower.plan_kw <= 0.0
    }
    able = [one for one in known if one.supply > 0.0 and one.growth_room_usd > 0.0]
    return max(able, key=lambda one: (one.growth_room_usd, -one.book_usd), default=None)


def _found(firm: Borrower, lender: Lender, loan: Loan, equity_usd: float) -> None:
    """It comes into being: owners pay in, and a lender has looked at it."""
    market = firm.model
    firm.status, firm.entered_day, firm.creditworthy = Status.ACTIVE, market.day, True
    market.investors.pay(firm, equity_usd)
    market.note(Event.ENTERED, Cause.RETURNS, firm, lender, loan, equity_usd, None)


def _borrow_from(loan: Loan, lender: Lender) -> None:
    loan.lender.loans.remove(loan)
    loan.lender = lender
    lender.loans.append(loan)


def _enter_neocloud(market: TwinMarket, firm: Borrower) -> None:
    """Machines on the frontier are ordered with a facility that their rent carries."""
    machine = market.hardware[market.prices.frontier]
    order, lender = firm.orders.get(machine), _lender_with_room(market, Instrument.GPU_LOAN)
    if order is None or lender is None:
        return
    assert order.facility is not None
    price, units = frontier.price_usd(market, machine), firm.plan_kw / machine.kw
    rest = (1.0 - market.terms.credit.order_deposit_share) * price
    debt, free = (
        units * min(rest, investment.advance_usd(firm, order, price, share))
        for share in (cycle.advance_rate(market), cycle.advance_without_floor(market))
    )
    room, cost = lender.growth_room_usd, units * price
    if debt <= 0.0 or debt > room or cost < SMALLEST_ORDER_USD:
        return
    _found(firm, lender, order.facility, opening_equity_usd(cost, debt, firm.cushion_usd))
    for loan in firm.loans:
        _borrow_from(loan, lender)
    market.accounts[Account.WITHHELD] += min(free, room) - debt
    deposit = market.terms.credit.order_deposit_share * cost
    firm.pay(market.supplier, deposit)
    firm.deposits_usd += deposit
    investment.sign(firm, order, units, price, debt)
    if machine.launch_day > 0:
        market.prices.entered_h100 += units * machine.quality


def _enter_miner(market: TwinMarket, firm: Borrower) -> None:
    """Rigs of the newest class are bought with a loan on them; they run at once."""
    terms, prices = market.terms, market.prices
    newest = market.hardware[market.opening.growth_class]
    rig, site = rigs.price_usd(market, newest), terms.investment.rig_site_usd_per_kw * newest.kw
    lender = _lender_with_room(market, Instrument.ASIC_LOAN)
    loan = next((one for one in firm.loans if one.instrument is Instrument.ASIC_LOAN), None)
    worth = rigs.worth_usd(market, newest, firm.power_usd_mwh)
    if loan is None or lender is None or worth < rig + site:
        return
    units, cost = firm.plan_kw / newest.kw, firm.plan_kw / newest.kw * (rig + site)
    days = min(loan.term_days, terms.derived.tenor_cap_days)
    dearer = cycle.growth_spread(market) - terms.credit.growth_spread
    moved = float(market.macro.rate_change[market.day])
    rate = vintage_rate(loan.rate_open, dearer, moved, loan.floating)
    assert loan.initial_ltv is not None
    carried = sized_debt_usd(
        prices.hashprice_usd_ph_day / TH_PER_PH,
        newest.kw * MWH_PER_KW_DAY * firm.power_usd_mwh,
        paths_ahead(market, newest, days / 365.0).growth,
        terms.credit.growth_min_dscr,
        annual_rate(rate, loan.floating, prices.reference_rate),
        days / 365.0,
    )
    most = loan.initial_ltv * min(newest.mark_usd, rig) * market.appetite()
    debt = units * min(carried, most)
    if debt <= 0.0 or debt > lender.growth_room_usd or cost < SMALLEST_ORDER_USD:
        return
    _found(firm, lender, loan, opening_equity_usd(cost, debt, firm.cushion_usd))
    _borrow_from(loan, lender)
    loan.rate_or_spread, loan.maturity_day = rate, market.day + days
    loan.next_payment_day = market.day + loan.interval_days
    loan.draw_line(debt)
    lender.growth_room_usd -= debt
    loan.pledge(firm.holdings[newest], units, for_contract=False)
    rigs.take(firm, newest, units, (rig + site, site))
