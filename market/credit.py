"""Credit: underwriting, the value of shares, roll-over and refinancing of what matures."""

from __future__ import annotations

import numpy as np

from agents.borrower import (
    QUARTER_DAYS,
    Borrowers,
    can_refinance,
    equity_room_usd,
    equity_value_usd,
)
from agents.compiled import compiled, inlined
from agents.lender import Lenders
from agents.party import Parties, Status
from market.context import Log, Terms, Today
from market.contracts import ContractKind, Contracts
from market.convertibles import refinance_straight, worth_more_as_shares
from market.events import Cause, Event, log_event
from market.hardware import Holdings
from market.ledger import Ledger, repay
from market.loans import (
    Amortisation,
    Collateral,
    Instrument,
    Loans,
    LoanStatus,
    annual_rate,
    loan_to_value,
    payments_left,
    service_usd_day,
)

ASK_DAYS = 30  # before maturity a borrower asks for a roll-over, once a week
WEEK_DAYS = 7
CONTRACT_MARGIN = 0.5  # of contract rent, after running cost, leases and overhead


@inlined
def yearly_service_usd(today: Today, b: int, loans: Loans) -> float:
    """Scheduled interest and principal of the next year, bullets excluded [USD]."""
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] != LoanStatus.PERFORMING or loans.principal_usd[loan] <= 0.0:
            continue
        rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate)
        left = payments_left(
            loans.next_payment_day[loan], loans.maturity_day[loan], loans.interval_days[loan]
        )
        daily = service_usd_day(
            loans.principal_usd[loan],
            loans.amortisation[loan],
            loans.principal_per_payment_usd[loan],
            rate,
            loans.interval_days[loan],
            left,
        )
        total += daily * min(365.0, float(left * loans.interval_days[loan]))
    return total


@inlined
def yearly_interest_usd(today: Today, b: int, loans: Loans) -> float:
    """Interest of a year on what a borrower owes [USD]."""
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.PERFORMING:
            total += loans.principal_usd[loan] * annual_rate(
                loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate
            )
    return total


@inlined
def borrower_debt_usd(b: int, loans: Loans) -> float:
    """Principal owed in this market [USD]."""
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        total += loans.principal_usd[loan]
    return total


@compiled
def contract_values_usd(today: Today, terms: Terms, count: int, contracts: Contracts) -> np.ndarray:
    """Part of contracted net rents that underwriting counts [borrower, USD]."""
    values = np.zeros(count)
    for c in range(len(contracts.kind)):
        b = contracts.landlord[c]
        days = contracts.end_day[c] - max(today.day, contracts.start_day[c])
        if b < count and days > 0 and contracts.broken_day[c] < 0:
            live = contracts.rent_share[c]
            if contracts.kind[c] == ContractKind.COMPUTE:
                live *= contracts.delivered[c] / max(contracts.gpus[c], 1e-9)
            values[b] += (
                terms.income_collateral_share * CONTRACT_MARGIN * contracts.usd_day[c] * live * days
            )
    return values


@inlined
def other_assets_usd(
    today: Today, b: int, parties: Parties, borrowers: Borrowers, loans: Loans
) -> float:
    """Cash, coins and sites [USD]: what underwriting counts beside machines and contracts."""
    value = parties.cash_usd[b] + (parties.btc[b] + parties.btc_lent[b]) * today.btc_usd
    value += parties.eth[b] * today.eth_usd + borrowers.site_usd[b] + borrowers.deposits_usd[b]
    for loan in range(loans.first[b], loans.first[b + 1]):
        value += loans.collateral_btc[loan] * today.btc_usd
        if loans.status[loan] == LoanStatus.PERFORMING:
            value += loans.site_value_usd[loan]
    return value


@inlined
def machines_usd(b: int, prices_usd: np.ndarray, holdings: Holdings) -> float:
    """A borrower's machines at given prices [class]; in USD."""
    value = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        value += holdings.units[row] * prices_usd[holdings.hardware[row]]
    return value


@compiled
def worst_sale(
    b: int,
    marks_usd: np.ndarray,
    schedule_usd: np.ndarray,
    clearing_event: np.ndarray,
    holdings: Holdings,
) -> int:
    """The forced sale that took most off the marks of a borrower's machines, -1 if none did."""
    worst = 0.0
    event = -1
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        lost = holdings.units[row] * (schedule_usd[k] - marks_usd[k])
        if lost > worst and clearing_event[k] >= 0:
            worst = lost
            event = clearing_event[k]
    return event


@compiled
def underwrite(
    today: Today,
    terms: Terms,
    marks_usd: np.ndarray,
    schedule_usd: np.ndarray,
    clearing_event: np.ndarray,
    parties: Parties,
    borrowers: Borrowers,
    loans: Loans,
    holdings: Holdings,
    contracts: Contracts,
) -> None:
    """Who could refinance this week, and what the shares of listed borrowers are worth.

    Every borrower in good standing is underwritten as a whole. One that fails at lenders' marks but
    would pass at scheduled values was refused because of the sale that set those marks.
    """
    count = len(borrowers.creditworthy)
    easy = 1.0 + terms.cycle_swing * today.ease
    max_ltv, max_leverage = easy * terms.max_ltv, easy * terms.max_leverage
    rents = contract_values_usd(today, terms, count, contracts)
    for b in range(count):
        borrowers.refusal_event[b] = -1
        if parties.status[b] != Status.ACTIVE:
            borrowers.creditworthy[b] = False
            borrowers.equity_room_usd[b] = 0.0
            continue
        debt = borrower_debt_usd(b, loans)
        interest = yearly_interest_usd(today, b, loans)
        liquidity = parties.cash_usd[b] + parties.btc[b] * today.btc_usd
        other = other_assets_usd(today, b, parties, borrowers, loans) + rents[b]
        assets = other + machines_usd(b, marks_usd, holdings)
        cash_flow = 365.0 * borrowers.trailing_cash_flow_usd[b]
        borrowers.interest_reserve_usd[b] = 0.25 * interest
        passes = can_refinance(
            debt,
            assets,
            cash_flow,
            liquidity,
            interest,
            max_ltv,
            max_leverage,
            terms.min_interest_coverage,
        )
        if not passes:
            scheduled = other + machines_usd(b, schedule_usd, holdings)
            if can_refinance(
                debt,
                scheduled,
                cash_flow,
                liquidity,
                interest,
                max_ltv,
                max_leverage,
                terms.min_interest_coverage,
            ):
                borrowers.refusal_event[b] = worst_sale(
                    b, marks_usd, schedule_usd, clearing_event, holdings
                )
        borrowers.creditworthy[b] = passes and parties.payables_usd[b] <= 0.0
        if borrowers.market_cap_open_usd[b] <= 0.0:
            continue
        if today.day == 0:  # the quoted market cap tells what is paid beyond net assets
            borrowers.assets_open_usd[b] = assets
            borrowers.goodwill_open_usd[b] = borrowers.market_cap_open_usd[b] - (assets - debt)
        borrowers.equity_usd[b] = equity_value_usd(
            assets,
            debt,
            borrowers.goodwill_open_usd[b],
            borrowers.assets_open_usd[b],
            terms.equity_floor_share * borrowers.market_cap_open_usd[b],
        )
        borrowers.equity_room_usd[b] = equity_room_usd(
            borrowers.equity_room_usd[b],
            borrowers.equity_usd[b],
            borrowers.market_cap_open_usd[b],
            terms.equity_share_per_quarter,
            terms.equity_window_share,
            float(QUARTER_DAYS if today.day == 0 else WEEK_DAYS),
        )


@compiled
def roll_over(
    today: Today,
    terms: Terms,
    parties: Parties,
    borrowers: Borrowers,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    log: Log,
) -> None:
    """In its last month a bullet asks to be extended; lenders roll their appetite's share.

    A BTC loan rolls while its LTV is below the margin call, others if the borrower passed
    underwriting. What is not rolled falls due at maturity. A note that is worth more as shares is
    not refinanced.
    """
    for loan in range(len(loans.status)):
        maturity = loans.maturity_day[loan]
        if (
            today.day < maturity - ASK_DAYS
            or today.day >= maturity
            or loans.status[loan] != LoanStatus.PERFORMING
            or loans.amortisation[loan] != Amortisation.BULLET
            or loans.principal_usd[loan] <= 0.0
            or (loans.roll_day[loan] >= 0 and today.day < loans.roll_day[loan] + WEEK_DAYS)
        ):
            continue
        b = loans.borrower[loan]
        if parties.status[b] != Status.ACTIVE or loans.breach[loan] != Cause.NONE:
            continue
        if worth_more_as_shares(b, loan, borrowers, loans):
            continue  # its holder waits for the shares
        asked_before = loans.roll_day[loan] >= max(maturity - ASK_DAYS, 0)
        loans.roll_day[loan] = today.day
        passed = borrowers.creditworthy[b]
        if loans.collateral[loan] == Collateral.BTC:
            value = loans.collateral_btc[loan] * today.btc_usd
            margin_call = loans.sheets.margin_call_ltv[loans.sheet[loan]]
            passed = loan_to_value(loans.principal_usd[loan], value) < margin_call
        row = loans.lender[loan]
        lender = today.first_lender + row
        if not passed:
            if not asked_before:
                blame = today.shock_event
                if loans.collateral[loan] != Collateral.BTC and borrowers.refusal_event[b] >= 0:
                    blame = borrowers.refusal_event[b]
                event = log_event(
                    log,
                    today.day,
                    Event.NOT_REFINANCED,
                    Cause.UNDERWRITING,
                    b,
                    lender,
                    loan,
                    loans.principal_usd[loan],
                    blame,
                )
                parties.trail_event[b] = event
            continue
        supply = lenders.supply[row]
        appetite = today.appetite * terms.refinancing_appetite
        unrolled = (1.0 - appetite * supply) * loans.principal_usd[loan]
        if unrolled > 0.0:
            if parties.cash_usd[b] < unrolled or appetite * supply <= 0.0:
                if not asked_before:
                    own = (1.0 - appetite) * loans.principal_usd[loan]
                    short = supply < 1.0 and parties.cash_usd[b] >= own
                    event = log_event(
                        log,
                        today.day,
                        Event.NOT_REFINANCED,
                        Cause.CREDIT_SUPPLY if short else Cause.APPETITE,
                        b,
                        lender,
                        loan,
                        unrolled,
                        lenders.supply_event[row] if short else today.shock_event,
                    )
                    parties.trail_event[b] = event
                continue
            repay(parties, lenders, ledger, loans.principal_usd, loan, b, row, lender, unrolled)
        sheet = loans.sheet[loan]
        term_days = min(loans.sheets.term_days[sheet], terms.tenor_cap_days)
        loans.maturity_day[loan] = maturity + term_days
        loans.rate_or_spread[loan] = loans.sheets.rate_open[sheet] + today.spread_change
        loans.rate_or_spread[loan] += terms.stress_spread * (1.0 - supply)
        cheaper = terms.spread_swing * today.ease
        loans.rate_or_spread[loan] -= min(cheaper, loans.rate_or_spread[loan])
        if not loans.floating[loan]:
            loans.rate_or_spread[loan] += today.rate_change
        if loans.instrument[loan] == Instrument.CONVERTIBLE:
            refinance_straight(today, terms, loan, loans)
        log_event(
            log,
            today.day,
            Event.ROLLED_OVER,
            Cause.UNDERWRITING,
            b,
            lender,
            loan,
            loans.principal_usd[loan],
            -1,
        )
