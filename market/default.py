"""Default: cure clocks run out, parties fail, collateral is seized, claims are written down.

A full-recourse default takes the whole borrower (cross-default): every lender seizes its collateral,
what is unpledged becomes the estate. A non-recourse default takes the perimeter only.
"""

from __future__ import annotations

import math

import numpy as np

from agents.compiled import compiled
from agents.lender import Lenders, capital_ratio, expected_recovery_usd
from agents.party import Outside, Parties, Status
from market.covenants import sell_pledged_btc
from market.events import Cause, Event, log_event
from market.hardware import Holdings
from market.ledger import Ledger, pay, write_off
from market.loans import Collateral, Loans, LoanStatus
from market.lots import Lots, LotState
from market.randomness import Stream, uniform


@compiled
def collateral_value_usd(loan: int, loans: Loans, lots: Lots, marks_usd: np.ndarray) -> float:
    """Mark of the seized lots of a loan that are still unsold [USD]."""
    value = 0.0
    if loans.open_lots[loan] > 0:
        for i in range(lots.count[0]):
            if lots.loan[i] == loan and lots.state[i] != LotState.SOLD:
                price = marks_usd[lots.hardware[i]]
                if loans.collateral[loan] == Collateral.SITE:
                    price = lots.mark_usd[i]
                value += lots.units[i] * price
    return value


@compiled
def carry_at(
    day: int,
    loan: int,
    expected_usd: float,
    parent: int,
    first_lender: int,
    lenders: Lenders,
    loans: Loans,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Carry a defaulted claim at its expected recovery; the change is the lender's loss or gain."""
    target = loans.principal_usd[loan] - min(loans.principal_usd[loan], expected_usd)
    change = target - loans.written_down_usd[loan]
    if change == 0.0:
        return
    row = loans.lender[loan]
    loans.written_down_usd[loan] = target
    lenders.written_down_usd[row] += change
    charge_lender(day, row, change, parent, first_lender, lenders, events, count)
    if change > 0.0:
        log_event(
            events,
            count,
            day,
            Event.WRITE_DOWN,
            Cause.LOSSES,
            first_lender + row,
            loans.borrower[loan],
            loan,
            change,
            parent,
        )


@compiled
def charge_lender(
    day: int,
    row: int,
    loss_usd: float,
    parent: int,
    first_lender: int,
    lenders: Lenders,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Take a loss (or a gain) to capital; note the first time capital is below its minimum."""
    lenders.capital_usd[row] -= loss_usd
    lenders.loss_usd[row] += loss_usd
    ratio = capital_ratio(lenders.capital_usd[row], lenders.funding_usd[row])
    if ratio < lenders.min_capital_ratio[row] and lenders.impaired_event[row] < 0:
        lenders.impaired_event[row] = log_event(
            events,
            count,
            day,
            Event.LENDER_IMPAIRED,
            Cause.LOSSES,
            first_lender + row,
            -1,
            -1,
            lenders.loss_usd[row],
            parent,
        )


@compiled
def add_lot(
    day: int,
    owner: int,
    loan: int,
    borrower: int,
    hardware: int,
    units: float,
    mark_usd: float,
    parent: int,
    lots: Lots,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Put seized machines on their way to sale."""
    i = lots.count[0]
    lots.count[0] = i + 1
    lots.owner[i] = owner
    lots.loan[i] = loan
    lots.borrower[i] = borrower
    lots.hardware[i] = hardware
    lots.state[i] = LotState.LEGAL
    lots.units[i] = units
    lots.seized_units[i] = units
    lots.seized_day[i] = day
    lots.state_day[i] = day
    lots.offered_day[i] = -1
    lots.mark_usd[i] = mark_usd
    event = log_event(
        events,
        count,
        day,
        Event.SEIZURE,
        Cause.NONE,
        borrower,
        owner,
        loan,
        units * mark_usd,
        parent,
    )
    lots.event[i] = event
    lots.last_event[i] = event


@compiled
def default_loan(
    day: int,
    loan: int,
    cause: int,
    parent: int,
    round_: int,
    btc_usd: float,
    bonus: float,
    prior: float,
    site_recovery: float,
    marks_usd: np.ndarray,
    first_lender: int,
    first_outside: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    holdings: Holdings,
    lots: Lots,
    forced_usd: np.ndarray,
    forced_event: np.ndarray,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Accelerate a loan and seize what secures it; coins are sold the same day."""
    b = loans.borrower[loan]
    row = loans.lender[loan]
    loans.undrawn_usd[loan] = 0.0
    if loans.principal_usd[loan] <= 0.0:
        loans.status[loan] = LoanStatus.CLOSED
        return
    loans.status[loan] = LoanStatus.DEFAULTED
    loans.default_day[loan] = day
    loans.claim_usd[loan] = (
        loans.principal_usd[loan] + loans.accrued_usd[loan] + loans.arrears_interest_usd[loan]
    )
    event = log_event(
        events,
        count,
        day,
        Event.LOAN_DEFAULT,
        cause,
        b,
        first_lender + row,
        loan,
        loans.claim_usd[loan],
        parent,
        round_,
    )
    loans.default_event[loan] = event
    if loans.collateral[loan] == Collateral.BTC and loans.collateral_btc[loan] > 0.0:
        repaid = sell_pledged_btc(
            day,
            loan,
            loans.principal_usd[loan],
            bonus,
            btc_usd,
            first_lender,
            first_outside + Outside.EXCHANGE,
            Cause.COLLATERAL_SALE,
            event,
            parties,
            lenders,
            ledger,
            loans,
            forced_usd,
            forced_event,
            events,
            count,
        )
        loans.recovered_usd[loan] += repaid
        loans.recovered_value_usd[loan] += repaid
        parties.btc[b] += loans.collateral_btc[loan]
        loans.collateral_btc[loan] = 0.0
    elif loans.collateral[loan] == Collateral.HARDWARE and loans.collateral_units[loan] > 0.0:
        holding = loans.holding[loan]
        units = min(loans.collateral_units[loan], holdings.units[holding])
        holdings.units[holding] -= units
        holdings.pledged[holding] -= loans.collateral_units[loan]
        loans.open_lots[loan] += 1
        k = loans.hardware[loan]
        owner = first_lender + row
        add_lot(day, owner, loan, b, k, units, marks_usd[k], event, lots, events, count)
    elif loans.collateral[loan] == Collateral.SITE and loans.site_value_usd[loan] > 0.0:
        # A site is one unit taken from outside the modelled fleets, priced at cost x recovery.
        k = loans.hardware[loan]
        ledger.outside_units[k] -= loans.collateral_units[loan]
        price = site_recovery * loans.site_value_usd[loan] / loans.collateral_units[loan]
        loans.open_lots[loan] += 1
        owner = first_lender + row
        add_lot(
            day, owner, loan, b, k, loans.collateral_units[loan], price, event, lots, events, count
        )
    value = collateral_value_usd(loan, loans, lots, marks_usd)
    expected = expected_recovery_usd(loans.principal_usd[loan], value, prior)
    carry_at(day, loan, expected, event, first_lender, lenders, loans, events, count)


@compiled
def default_party(
    day: int,
    b: int,
    cause: int,
    parent: int,
    round_: int,
    first_lender: int,
    parties: Parties,
    loans: Loans,
    events: np.ndarray,
    count: np.ndarray,
) -> int:
    """Declare a borrower's failure; the amount is its debt in this market. Returns the event."""
    debt = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            debt += loans.principal_usd[loan]
    event = log_event(events, count, day, Event.DEFAULT, cause, b, -1, -1, debt, parent, round_)
    parties.status[b] = Status.DEFAULTED
    parties.default_day[b] = day
    parties.default_event[b] = event
    parties.trail_event[b] = event
    return event


@compiled
def form_estate(
    day: int,
    b: int,
    parent: int,
    btc_usd: float,
    eth_usd: float,
    marks_usd: np.ndarray,
    first_outside: int,
    parties: Parties,
    ledger: Ledger,
    holdings: Holdings,
    lots: Lots,
    forced_usd: np.ndarray,
    forced_event: np.ndarray,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Sell a failed borrower's coins; its unpledged machines become lots of the estate."""
    exchange = first_outside + Outside.EXCHANGE
    coins = parties.btc[b] + parties.btc_lent[b]
    parties.btc[b] = 0.0
    parties.btc_lent[b] = 0.0
    ledger.outside_btc[0] += coins
    amount = coins * btc_usd + parties.eth[b] * eth_usd
    parties.eth[b] = 0.0
    if amount > 0.0:
        pay(parties, exchange, b, amount)
        forced_usd[0] += coins * btc_usd
        event = log_event(
            events,
            count,
            day,
            Event.FORCED_SALE,
            Cause.COLLATERAL_SALE,
            b,
            exchange,
            -1,
            amount,
            parent,
        )
        if coins > 0.0:
            forced_event[0] = event
    for row in range(holdings.first[b], holdings.first[b + 1]):
        units = holdings.units[row]
        if units > 1e-9:
            holdings.units[row] = 0.0
            k = holdings.hardware[row]
            add_lot(day, b, -1, b, k, units, marks_usd[k], parent, lots, events, count)


@compiled
def declare_defaults(
    day: int,
    seed: int,
    hazard_per_day: float,
    payables_days: int,
    cross_default: bool,
    btc_usd: float,
    eth_usd: float,
    bonus: float,
    prior: float,
    site_recovery: float,
    marks_usd: np.ndarray,
    first_lender: int,
    first_outside: int,
    shock_event: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    holdings: Holdings,
    lots: Lots,
    forced_usd: np.ndarray,
    forced_event: np.ndarray,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Enforce every breach whose clock ran out, borrower by borrower.

    Round 0 is a loan's own default, round 1 what cross-default adds.
    """
    for b in range(len(loans.first) - 1):
        if parties.status[b] != Status.ACTIVE:
            continue
        cause = Cause.NONE.value
        parent = -1
        trigger = -1
        if uniform(seed, Stream.HAZARD, day, b) < hazard_per_day:
            cause = Cause.HAZARD.value
            parent = log_event(
                events, count, day, Event.HAZARD, Cause.HAZARD, b, -1, -1, 0.0, -1
            )
        elif parties.payables_day[b] >= 0 and day >= parties.payables_day[b] + payables_days:
            cause = Cause.OPERATING_COSTS.value
            parent = parties.trail_event[b] if parties.trail_event[b] >= 0 else shock_event
        else:
            for loan in range(loans.first[b], loans.first[b + 1]):
                if (
                    loans.status[loan] != LoanStatus.PERFORMING
                    or loans.breach[loan] == Cause.NONE
                    or day < loans.breach_day[loan] + loans.cure_days[loan]
                ):
                    continue
                if loans.recourse[loan] and cross_default:
                    cause = loans.breach[loan]
                    parent = loans.breach_event[loan]
                    trigger = loan
                    break
                if not loans.recourse[loan]:
                    parent = log_event(
                        events,
                        count,
                        day,
                        Event.PERIMETER_DEFAULT,
                        loans.breach[loan],
                        b,
                        first_lender + loans.lender[loan],
                        loan,
                        loans.principal_usd[loan],
                        loans.breach_event[loan],
                    )
                else:
                    parent = loans.breach_event[loan]
                default_loan(
                    day,
                    loan,
                    loans.breach[loan],
                    parent,
                    0,
                    btc_usd,
                    bonus,
                    prior,
                    site_recovery,
                    marks_usd,
                    first_lender,
                    first_outside,
                    parties,
                    lenders,
                    ledger,
                    loans,
                    holdings,
                    lots,
                    forced_usd,
                    forced_event,
                    events,
                    count,
                )
        if cause == Cause.NONE:
            continue
        event = default_party(
            day, b, cause, parent, 0, first_lender, parties, loans, events, count
        )
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] != LoanStatus.PERFORMING:
                continue
            default_loan(
                day,
                loan,
                cause if loan == trigger else Cause.CROSS_DEFAULT.value,
                event,
                0 if loan == trigger else 1,
                btc_usd,
                bonus,
                prior,
                site_recovery,
                marks_usd,
                first_lender,
                first_outside,
                parties,
                lenders,
                ledger,
                loans,
                holdings,
                lots,
                forced_usd,
                forced_event,
                events,
                count,
            )
        form_estate(
            day,
            b,
            event,
            btc_usd,
            eth_usd,
            marks_usd,
            first_outside,
            parties,
            ledger,
            holdings,
            lots,
            forced_usd,
            forced_event,
            events,
            count,
        )


@compiled
def close_claim(
    day: int,
    loan: int,
    parent: int,
    first_lender: int,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Resolve a defaulted claim: what is left of it is lost."""
    carry_at(day, loan, 0.0, parent, first_lender, lenders, loans, events, count)
    write_off(lenders, ledger, loans.principal_usd, loan, loans.lender[loan])
    loans.status[loan] = LoanStatus.CLOSED


@compiled
def present_value_factor(day: int, default_day: int, rate: float) -> float:
    """Discount from ``day`` back to the default day at the loan's rate."""
    return math.exp(-rate * (day - default_day) / 365.0)
