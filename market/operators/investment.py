"""Investment beyond what was signed at the opening: who orders machines, on whose money.

Once a quarter each borrower looks at Tobin's q of new machines: what one earns over its life, at
the cost of the money that would pay for it, over what it costs, relative to the same ratio on the
opening day (when orders were what they were). Above one, it wants a share of its capital a year for
each unit of q beyond one; a miner's capital includes the power of rigs it has switched off: that is
the pivot. An order needs money: a lender's advance, sized by the rent the machines would earn, and
own cash or new shares for the rest. Its deposit is lost if the rest cannot be found on delivery.
"""

from __future__ import annotations

import math

from ...agents.borrower import (
    QUARTER_DAYS,
    Borrowers,
    affordable_machines,
    desired_investment_share,
    payout_usd,
    sized_debt_usd,
)
from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import Lenders, advance_rate
from ...agents.neocloud import HOURS_PER_DAY, Neoclouds
from ...agents.party import Kind, Outside, Parties, Status
from .. import compiled_phases
from ..debt.service import yearly_service_usd
from ..debt.waterfall import draw_loan, issue_shares
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.hardware import Family, Hardware, Holdings
from ..state.ledger import Ledger, pay
from ..state.loans import Loans, LoanStatus
from ..state.orders import SMALLEST_ORDER_USD, Orders
from ..state.run import Run
from .purchases import CANCEL_AFTER_DAYS, spare_cash_usd

WEEK_DAYS = 7
WEEKS_PER_QUARTER = QUARTER_DAYS // WEEK_DAYS
OWN_MONEY_SHARE = 0.5  # of spare cash and new shares goes into one order at most
TYPICAL_USD_KWH = 0.12  # power and site, of the machine whose q the market looks at
DSCR_TEST_AFTER_DAYS = 182  # of the first delivery


@compiled
def value_to_price(
    today: Today,
    terms: Terms,
    k: int,
    view: float,
    unit_usd: float,
    drift: float,
    volatility: float,
    reversion: float,
    hardware: Hardware,
) -> float:
    """What a new machine earns over its life, over its price.

    Discounted at the weighted cost of money: lenders' advance at their rate, the rest at the
    owners' required return.
    """
    advance = advance_rate(
        terms.growth_advance_rate, today.ease, terms.cycle_swing, terms.most_advance
    )
    advance *= min(1.0, today.appetite)
    debt_rate = today.reference_rate + growth_spread(today, terms)
    money = advance * debt_rate + (1.0 - advance) * terms.owners_required_return
    value = strip_value_usd(
        view * today.rent_h100_usd_h * hardware.quality[k] * HOURS_PER_DAY,
        hardware.kw[k] * HOURS_PER_DAY * TYPICAL_USD_KWH,
        drift,
        volatility,
        reversion,
        money,
        terms.machine_life_years,
    )
    return value / unit_usd


@compiled
def growth_spread(today: Today, terms: Terms) -> float:
    """Spread of a new facility: less where lenders have not lost for long."""
    spread = terms.growth_spread + today.spread_change - terms.spread_swing * today.ease
    return max(0.0, spread)


@inlined
def capital_kw(b: int, hardware: Hardware, holdings: Holdings) -> float:
    """Power of a borrower's GPUs, and of rigs it has switched off [kW]."""
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
def in_good_standing(b: int, parties: Parties, borrowers: Borrowers, loans: Loans) -> bool:
    """Whether a borrower passed underwriting and nothing of it is breached, locked or unpaid."""
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
def place_orders(
    today: Today,
    terms: Terms,
    k: int,
    q: float,
    unit_usd: float,
    parties: Parties,
    borrowers: Borrowers,
    neoclouds: Neoclouds,
    lenders: Lenders,
    loans: Loans,
    hardware: Hardware,
    holdings: Holdings,
    orders: Orders,
    log: Log,
) -> float:
    """Orders of the week [USD]; each borrower decides once a quarter, in its own week."""
    supplier = today.first_outside + Outside.SUPPLIER
    week = today.day // WEEK_DAYS
    wanted_share = desired_investment_share(q, terms.investment_sensitivity) / 4.0
    total = 0.0
    for place in range(len(orders.units)):
        b = orders.borrower[place]
        if (
            wanted_share <= 0.0
            or (week + b) % WEEKS_PER_QUARTER != 0
            or orders.units[place] > 0.0
            or not in_good_standing(b, parties, borrowers, loans)
        ):
            continue
        units = wanted_share * capital_kw(b, hardware, holdings) / hardware.kw[k]
        refit_usd = 0.0
        if parties.kind[b] == Kind.MINER:  # a shed for rigs is no data hall
            refit_usd = terms.refit_usd_per_kw * hardware.kw[k]
        cost = holdings.cost_usd_unit_day[orders.holding[place]]
        rent = today.rent_h100_usd_h * hardware.quality[k] * HOURS_PER_DAY
        income = neoclouds.spot_realisation[b] * rent - cost
        facility = orders.facility[place]
        debt = 0.0
        room = 0.0
        row = -1
        if facility >= 0 and loans.status[facility] == LoanStatus.PERFORMING:
            row = loans.lender[facility]
            most = unit_usd * today.appetite * terms.refinancing_appetite
            most *= advance_rate(
                terms.growth_advance_rate, today.ease, terms.cycle_swing, terms.most_advance
            )
            rate = today.reference_rate + growth_spread(today, terms)
            debt = sized_debt_usd(
                365.0 * income, terms.growth_min_dscr, rate, terms.growth_years, most
            )
            room = lenders.growth_room_usd[row]
        spare = spare_cash_usd(today, b, parties, borrowers, loans)
        money = OWN_MONEY_SHARE * (spare + borrowers.equity_room_usd[b])
        units = min(units, affordable_machines(unit_usd + refit_usd, debt, money, room))
        at_once = terms.order_deposit_share * unit_usd + refit_usd  # a unit, before any loan
        units = min(units, money / max(at_once, 1e-9))
        borrowed = min(debt * units, room)
        if units * unit_usd < SMALLEST_ORDER_USD:
            continue
        deposit = terms.order_deposit_share * units * unit_usd
        now = at_once * units
        issue_shares(today, b, now - spare, parties, borrowers, log)
        pay(parties, b, supplier, now)
        borrowers.deposits_usd[b] += deposit
        borrowers.site_usd[b] += refit_usd * units
        orders.units[place] = units
        orders.unit_usd[place] = unit_usd
        orders.debt_usd[place] = borrowed
        orders.due_day[place] = today.day + terms.order_days
        orders.unfunded_days[place] = 0
        if row >= 0:
            lenders.growth_room_usd[row] -= borrowed
        total += units * unit_usd
        log_event(
            log,
            today.day,
            Event.ORDERED,
            Cause.RETURNS,
            b,
            supplier if row < 0 else today.first_lender + row,
            facility if borrowed > 0.0 else -1,
            units * unit_usd,
            -1,
        )
    return total


@compiled
def pay_out(
    today: Today,
    terms: Terms,
    parties: Parties,
    borrowers: Borrowers,
    loans: Loans,
    orders: Orders,
) -> float:
    """Once a quarter, owners of a sound borrower with nothing on order take money out [USD]."""
    investors = today.first_outside + Outside.INVESTORS
    week = today.day // WEEK_DAYS
    total = 0.0
    place = 0
    for b in range(len(borrowers.creditworthy)):
        ordered = 0.0
        if place < len(orders.units) and orders.borrower[place] == b:
            ordered = orders.units[place]
            place += 1
        if (
            (week + b) % WEEKS_PER_QUARTER != 0
            or ordered > 0.0
            or not in_good_standing(b, parties, borrowers, loans)
        ):
            continue
        service = yearly_service_usd(today, b, loans)
        free = QUARTER_DAYS * (borrowers.trailing_cash_flow_usd[b] - service / 365.0)
        spare = spare_cash_usd(today, b, parties, borrowers, loans)
        amount = payout_usd(free, spare, terms.payout_share)
        pay(parties, b, investors, amount)
        total += amount
    return total


@compiled
def deliver_orders(
    today: Today,
    terms: Terms,
    k: int,
    parties: Parties,
    borrowers: Borrowers,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    hardware: Hardware,
    holdings: Holdings,
    orders: Orders,
    log: Log,
) -> float:
    """Take delivery of what is due and paid for; returns units delivered today.

    The lender pays what it agreed to unless it has no credit to give or the borrower is in breach;
    own cash above the buffer and new shares pay the rest. An order that finds no money for three
    months is cancelled and its deposit is lost.
    """
    supplier = today.first_outside + Outside.SUPPLIER
    delivered = 0.0
    for place in range(len(orders.units)):
        units = orders.units[place]
        if units <= 0.0 or today.day < orders.due_day[place]:
            continue
        b = orders.borrower[place]
        deposit = terms.order_deposit_share * units * orders.unit_usd[place]
        if parties.status[b] != Status.ACTIVE:
            orders.units[place] = 0.0
            continue
        if orders.unfunded_days[place] >= CANCEL_AFTER_DAYS:
            log_event(
                log,
                today.day,
                Event.ORDER_CANCELLED,
                Cause.FUNDING,
                b,
                supplier,
                -1,
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
            and today.appetite > 0.0
            and in_good_standing(b, parties, borrowers, loans)
        ):
            debt = min(orders.debt_usd[place], need)
        spare = spare_cash_usd(today, b, parties, borrowers, loans)
        short = need - debt - spare
        if short > borrowers.equity_room_usd[b]:
            orders.unfunded_days[place] += 1
            continue
        issue_shares(today, b, short, parties, borrowers, log)
        row_held = orders.holding[place]
        if debt > 0.0:
            _renew_facility(today, terms, loan, loans)
            draw_loan(today, loan, debt, parties, lenders, ledger, loans, log)
            loans.collateral_units[loan] += units
            loans.holding[loan] = row_held
            holdings.pledged[row_held] += units
        pay(parties, b, supplier, need)
        borrowers.deposits_usd[b] -= deposit
        holdings.units[row_held] += units
        ledger.outside_units[k] -= units
        orders.units[place] = 0.0
        delivered += units
    return delivered


@compiled
def _renew_facility(today: Today, terms: Terms, loan: int, loans: Loans) -> None:
    """A draw starts the facility's term afresh, at today's spread on all of it."""
    if loans.principal_usd[loan] <= 0.0:
        loans.next_payment_day[loan] = today.day + loans.interval_days[loan]
        loans.dscr_test_day[loan] = today.day + DSCR_TEST_AFTER_DAYS
    loans.maturity_day[loan] = today.day + round(365.0 * terms.growth_years)
    loans.rate_or_spread[loan] = growth_spread(today, terms)


@compiled
def renew_class(k: int, day: int, delivered: float, holdings: Holdings, hardware: Hardware) -> None:
    """New machines make their class younger, in proportion."""
    if delivered <= 0.0:
        return
    standing = 0.0
    for row in range(len(holdings.units)):
        if holdings.hardware[row] == k:
            standing += holdings.units[row]
    age = max(0.0, hardware.age_years[k] + day / 365.0 - hardware.renewed_years[k])
    hardware.renewed_years[k] += age * delivered / max(standing, delivered)


@compiled
def grow_room(today: Today, terms: Terms, lenders: Lenders) -> None:
    """A day's addition to what each lender will newly lend: a share of its assets a year.

    More where credit is easy; unused room is kept for a quarter.
    """
    for row in range(len(lenders.supply)):
        assets = max(0.0, lenders.capital_usd[row] + lenders.funding_usd[row])
        year = terms.lender_growth_per_year * assets * lenders.supply[row] * today.appetite
        year *= 1.0 + today.ease
        room = lenders.growth_room_usd[row] + year / 365.0
        lenders.growth_room_usd[row] = min(room, year / 4.0)


def price_today_usd(new_usd: float, decline_per_year: float, day: int) -> float:
    """What a new machine of the same performance costs on a day [USD]: it gets cheaper."""
    return new_usd * math.exp(-decline_per_year * day / 365.0)


def invest(run: Run) -> None:
    """Order new machines where they pay and money is found; take delivery of what is due."""
    s, k = run.state, run.quotes.machine_class
    if run.scenario.investment.sensitivity <= 0.0 or k < 0:
        return
    if run.day % WEEK_DAYS == 0:
        s.prices.q = machine_value_to_price(run) / run.quotes.value_to_price_open
    ordered, paid_out = compiled_phases.invest(run.shared, k, s.prices.q, machine_price_usd(run))
    s.prices.ordered_usd += ordered
    s.prices.paid_out_usd += paid_out


def machine_price_usd(run: Run) -> float:
    """Price of a new machine today [USD]."""
    new = float(run.state.hardware.new_usd[run.quotes.machine_class])
    return price_today_usd(new, run.scenario.liquidation.new_price_decline, run.day)


def machine_value_to_price(run: Run) -> float:
    """What a new machine is expected to earn, over its price; the market's view of rents."""
    settings, k = run.scenario.liquidation, run.quotes.machine_class
    return float(
        value_to_price(
            run.today(),
            run.terms,
            k,
            float(run.state.buyer_view[k]),
            machine_price_usd(run),
            settings.gpu_rent_drift,
            settings.gpu_rent_volatility,
            settings.reversion_per_year,
            run.state.hardware,
        )
    )
