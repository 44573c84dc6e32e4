"""Building work and deliveries signed at the opening, and the money that pays for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD, Account
from ...market.state.loans import Amortisation, Collateral, Instrument, LoanStatus
from . import coins, commitments, cycle
from .borrower import Borrower
from .rules import payments_left, scheduled_principal_usd

if TYPE_CHECKING:
    from .contract import Contract
    from .loan import Loan
    from .things import HardwareClass, Holding

LINEAR = int(Amortisation.LINEAR)
BUILDING_DAYS = 365  # what was committed at the opening is a year's work


def spare_cash_usd(borrower: Borrower) -> float:
    """Own cash that may pay for growth [USD]: beyond a quarter's overhead and a year's gap.

    The gap is scheduled debt service less operating cash flow, where that is positive.
    """
    buffer = BUFFER_DAYS * borrower.fixed_cost_usd_day
    if borrower.cash_usd <= buffer:
        return 0.0
    gap = max(0.0, borrower.yearly_service_usd() - 365.0 * borrower.trailing_cash_flow_usd)
    return max(0.0, borrower.cash_usd - (buffer + gap))


# ---------------------------------------------------------------- building work


def build(borrower: Borrower) -> None:
    """A day of building work: committed equity, lines, spare cash and new shares pay.

    Work that finds no money is not done, and leases that wait for it slip by a day.
    """
    market, cost = borrower.model, borrower.capex_usd_day
    if cost <= 0.0 or borrower.status is not Status.ACTIVE:
        return
    paid = min(cost, borrower.committed_equity_usd)
    borrower.committed_equity_usd -= paid
    market.investors.pay(borrower, paid)
    if paid < cost:
        _note_stopped(_building_lines(borrower))
        paid += sum(_draw_lines(_building_lines(borrower), cost - paid).values())
    if paid < cost:
        spare = spare_cash_usd(borrower) - paid
        paid = min(cost, paid + max(0.0, spare))
        paid += coins.fund_growth(borrower, cost - paid)
    borrower.pay(market.supplier, paid)
    borrower.site_usd += paid
    borrower.capex_unpaid_days += 1.0 - paid / cost


def _building_lines(borrower: Borrower) -> list[Loan]:
    """Site and term facilities."""
    facilities = (Instrument.PROJECT_FINANCE, Instrument.OTHER)
    return [loan for loan in borrower.loans if loan.instrument in facilities]


def _note_stopped(lines: list[Loan]) -> None:
    """Lines that would pay and are stopped enter the log."""
    for loan in lines:
        runs = loan.status is LoanStatus.PERFORMING and loan.market.day < loan.maturity_day
        if runs and loan.undrawn_usd > 0.0 and not commitments.opens_for_growth(loan):
            commitments.note_stop(loan)


def _draw_lines(lines: list[Loan], need_usd: float) -> dict[Loan, float]:
    """Draw lines in turn; returns what each pays [USD]."""
    paid = 0.0
    paid_by: dict[Loan, float] = {}
    for loan in lines:
        if need_usd - paid > 0.0 and loan.undrawn_usd > 0.0 and loan.may_draw_for_growth():
            amount = min(need_usd - paid, loan.undrawn_usd)
            loan.undrawn_usd -= amount
            loan.draw_line(amount)
            if loan.collateral is Collateral.SITE:
                assert loan.initial_ltv is not None
                built = amount / loan.initial_ltv / loan.market.terms.sites.hall_usd_mw
                mw = min(built, loan.site_mw)
                loan.site_mw -= mw
                loan.hall_mw += mw
            paid += amount
            paid_by[loan] = amount
    return paid_by


# ---------------------------------------------------------------- deliveries


def deliver(contract: Contract) -> None:
    """A day of deliveries on a signed order.

    They are paid by the deposit, the tenant's prepayment, committed lines, the facility, spare cash
    and new shares. An order that finds no money for three months is cancelled.
    """
    borrower, kind = contract.landlord, contract.hardware
    assert isinstance(borrower, Borrower)
    assert kind is not None
    market, terms = borrower.model, borrower.model.terms
    if market.day < contract.start_day:
        return
    if borrower.status is not Status.ACTIVE:
        contract.ordered = 0.0
        return
    if contract.unfunded_days >= CANCEL_AFTER_DAYS:
        _cancel(contract, borrower, kind)
        return
    units = min(contract.ordered, contract.gpus / terms.credit.delivery_days)
    cost = units * kind.new_usd
    need = (1.0 - terms.credit.order_deposit_share) * cost
    stays = contract.broken_day < 0
    prepaid = 0.0
    if contract.take_or_pay and stays:
        prepaid = min(need, terms.credit.tenant_prepayment_share * cost)
    limit = max(0.0, min(need - prepaid, cycle.advance_rate(market) * cost))
    _note_stopped(_hardware_lines(borrower, kind))
    lines = [loan for loan in _hardware_lines(borrower, kind) if loan.may_draw_for_growth()]
    in_lines = 0.0
    for loan in lines:
        in_lines += loan.undrawn_usd
    from_facility = _facility_usd(contract, units, limit, prepaid) if stays else 0.0
    borrowed = min(limit, in_lines + from_facility)
    short = need - prepaid - borrowed
    if short > 0.0 or borrower.equity_room_usd < 0.0:
        short -= spare_cash_usd(borrower)
    if short > borrower.equity_room_usd + coins.room_usd(borrower):
        contract.unfunded_days += 1
        return
    if from_facility > 0.0:
        free = max(0.0, min(need - prepaid, cycle.advance_without_floor(market) * cost))
        market.accounts[Account.WITHHELD] += from_facility / limit * (free - limit)
    coins.fund_growth(borrower, short)
    contract.unfunded_days = 0
    market.customers.pay(borrower, prepaid)
    from_lines = _draw_lines(lines, min(limit, in_lines))
    rest = borrowed - sum(from_lines.values())
    shares = _shares_of(contract.facility)
    if rest > 0.0:
        if terms.derived.growth_years < terms.credit.growth_years:
            market.accounts[Account.SHORTENED] += rest
        for loan, share in shares.items():
            loan.draw_line(share * rest)
    borrower.pay(market.supplier, need)
    borrower.deposits_usd -= cost - need
    holding = borrower.holdings[kind]
    _receive(holding, units)
    _pledge(shares, borrower, holding, units, from_lines, rest)
    contract.ordered -= units
    contract.delivered += units
    if prepaid > 0.0:
        contract.repaid_usd_day += prepaid / max(1, contract.end_day - market.day)


def _cancel(contract: Contract, borrower: Borrower, kind: HardwareClass) -> None:
    """The order ends and its deposit is lost."""
    market = borrower.model
    lost = market.terms.credit.order_deposit_share * kind.new_usd * contract.ordered
    market.note(
        Event.ORDER_CANCELLED,
        Cause.FUNDING,
        borrower,
        market.supplier,
        None,
        lost,
        borrower.trail_event,
    )
    borrower.deposits_usd -= lost
    contract.ordered = 0.0


def _hardware_lines(borrower: Borrower, kind: HardwareClass) -> list[Loan]:
    """Hardware lines for a class."""
    return [
        loan
        for loan in borrower.loans
        if loan.hardware is kind and loan.instrument is Instrument.GPU_LOAN
    ]


def _facility_usd(contract: Contract, units: float, limit_usd: float, prepaid_usd: float) -> float:
    """What the facility lends on a delivery [USD]: appetite and mean credit of its lenders."""
    facility = contract.facility
    leading = next((loan for loan in facility if commitments.opens_for_growth(loan)), None)
    appetite = contract.landlord.model.appetite()
    if leading is None or appetite <= 0.0:
        return 0.0
    if not _rent_covers(contract, leading, units, limit_usd, prepaid_usd):
        return 0.0
    credit = sum(loan.credit_given() for loan in facility)
    return appetite * (credit / len(facility)) * limit_usd


def _shares_of(facility: list[Loan]) -> dict[Loan, float]:
    """How lenders share a facility: in proportion to the credit they give on it."""
    given = {loan: loan.credit_given() for loan in facility}
    total = sum(given.values())
    return {loan: credit / total for loan, credit in given.items() if credit > 0.0}


def _rent_covers(
    contract: Contract, loan: Loan, units: float, debt_usd: float, prepaid_usd: float
) -> bool:
    """Whether the contract's own rent covers the service of the machines it needs."""
    market, kind = loan.market, contract.hardware
    assert kind is not None
    if units <= 0.0 or contract.gpus <= 0.0:
        return False
    left_days = max(1, contract.end_day - market.day)
    rent = contract.usd_day * units / contract.gpus - prepaid_usd / left_days
    cost = contract.cost_usd_unit_day()
    rate, interval = loan.rate(), loan.interval_days
    left = payments_left(loan.next_payment_day, loan.maturity_day, interval)
    principal = scheduled_principal_usd(debt_usd, LINEAR, 0.0, rate, interval, left)
    service = principal / interval + debt_usd * rate / 365.0
    covers: bool = rent - cost * units >= market.terms.credit.growth_min_dscr * service
    return covers


def _receive(holding: Holding, units: float) -> None:
    """Machines come from the supplier."""
    holding.units += units
    holding.hardware.outside_units -= units


def _pledge(
    shares: dict[Loan, float],
    borrower: Borrower,
    holding: Holding,
    units: float,
    from_lines: dict[Loan, float],
    from_facility: float,
) -> None:
    """Delivered machines secure the loans that paid for them, in proportion to what each paid."""
    paid = sum(from_lines.values()) + from_facility
    if paid <= DUST_USD:
        return
    for loan in borrower.loans:
        if loan.hardware is holding.hardware and loan.status is LoanStatus.PERFORMING:
            lent = from_lines.get(loan, 0.0) + from_facility * shares.get(loan, 0.0)
            loan.pledge(holding, units * lent / paid, for_contract=True)
