"""Tests: margin calls on BTC and rigs, quarterly DSCR; lock-up, sweep, cure clocks.

A breach opens a cure clock on the loan; :mod:`market.debt.default` enforces when it runs out. What
it reacted to is asked of prices: a margin call that the exogenous price alone would have brought
has the shock as its parent, one that only came with the price after forced sales the last of these.
"""

from __future__ import annotations

import numpy as np

from ...agents.borrower import QUARTER_DAYS, cash_sweep_usd, debt_service_coverage, equity_cure_usd
from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import liquidation_debt_usd
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.ledger import DUST_USD
from ..state.loans import Collateral, LoanStatus, cure_end, loan_to_value
from ..state.market import Market
from ..state.money import repay
from .breaches import meet_call, open_breach


@compiled
def sell_pledged_btc(
    market: Market, loan: int, debt_usd: float, exchange: int, cause: int, parent: int
) -> float:
    """Sell pledged coins worth (1 + bonus) x to repay debt x; returns x [USD].

    The claim shrinks by what the lender receives; the bonus is the liquidator's.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    loans, ledger, log = market.loans, market.ledger, market.log
    available = loans.collateral_btc[loan] * prices.btc_usd
    repaid = min(
        debt_usd, min(available / (1.0 + terms.credit.liquidation_bonus), loans.principal_usd[loan])
    )
    if repaid <= 0.0:
        return 0.0
    coins = min(
        loans.collateral_btc[loan], repaid * (1.0 + terms.credit.liquidation_bonus) / prices.btc_usd
    )
    loans.collateral_btc[loan] -= coins
    ledger.outside_btc[0] += coins
    row = loans.lender[loan]
    repay(market, loan, exchange, repaid)
    loans.arrears_principal_usd[loan] = min(
        loans.arrears_principal_usd[loan], loans.principal_usd[loan]
    )
    log.forced_usd[0] += coins * prices.btc_usd
    event = log_event(
        market,
        Event.BTC_LIQUIDATION,
        cause,
        (loans.borrower[loan], today.first_lender + row, loan),
        coins * prices.btc_usd,
        parent,
    )
    log.forced_event[0] = event
    parties.trail_event[loans.borrower[loan]] = event
    return repaid


@inlined
def release_pledged_btc(market: Market, loan: int) -> None:
    """Coins left on a repaid loan go back to the borrower."""
    parties, loans = market.parties, market.loans
    parties.btc[loans.borrower[loan]] += loans.collateral_btc[loan]
    loans.collateral_btc[loan] = 0.0


@inlined
def release_machines(market: Market, loan: int) -> None:
    """Machines that secured a repaid loan are free again."""
    holdings, loans = market.holdings, market.loans
    if loans.holding[loan] >= 0:
        holdings.pledged[loans.holding[loan]] -= loans.collateral_units[loan]
        loans.collateral_units[loan] = loans.contract_units[loan] = 0.0


@compiled
def test_btc_loans(market: Market) -> None:
    """Margin calls: top up with coins, then cash; at the liquidation LTV, or uncured, sell.

    Liquidation brings LTV back to its initial level, or sells everything; a debt left without
    collateral is due at once. With ``channels.crypto_margin`` off nothing is called.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    loans, log = market.loans, market.log
    exchange = today.first_outside + Outside.EXCHANGE
    for loan in range(len(loans.status)):
        if loans.collateral[loan] != Collateral.BTC or loans.status[loan] != LoanStatus.PERFORMING:
            continue
        debt = loans.principal_usd[loan]
        if debt <= 0.0:
            if loans.collateral_btc[loan] > 0.0:
                release_pledged_btc(market, loan)
            continue
        b = loans.borrower[loan]
        if (
            not terms.channels.crypto_margin
            or parties.status[b] != Status.ACTIVE
            or loans.collateral_btc[loan] <= 0.0
        ):
            continue
        value = loans.collateral_btc[loan] * prices.btc_usd
        ltv = loan_to_value(debt, value)
        sheet = loans.sheet[loan]
        initial = loans.sheets.initial_ltv[sheet]
        margin_call = loans.sheets.margin_call_ltv[sheet]
        called = loans.breach[loan] == Cause.BTC_PRICE
        if ltv <= margin_call:
            if called:
                meet_call(market, loan)
            continue
        other_breach = loans.breach[loan] != Cause.NONE and not called
        if not called and not other_breach:
            without_impact = loan_to_value(debt, value * np.exp(-prices.btc_impact_log))
            own = without_impact > margin_call
            parent = today.shock_event if own or log.forced_event[0] < 0 else log.forced_event[0]
            open_breach(
                market, loan, Event.MARGIN_CALL, Cause.BTC_PRICE, debt - initial * value, parent
            )
        if not other_breach:
            value = top_up(market, loan)
            ltv = loan_to_value(loans.principal_usd[loan], value)
            if ltv <= margin_call:
                meet_call(market, loan)
                continue
        late = not other_breach and today.day >= cure_end(loan, loans)
        if ltv <= loans.sheets.liquidation_ltv[sheet] and not late:
            continue
        sold = liquidation_debt_usd(
            loans.principal_usd[loan], value, initial, terms.credit.liquidation_bonus
        )
        sell_pledged_btc(market, loan, sold, exchange, Cause.BTC_PRICE, loans.breach_event[loan])
        if not other_breach:
            loans.breach[loan] = Cause.NONE
        if loans.collateral_btc[loan] * prices.btc_usd < 1.0 and loans.principal_usd[loan] > 0.0:
            loans.arrears_principal_usd[loan] = loans.principal_usd[loan]
            loans.due_cause[loan] = Cause.DEFICIENCY


@compiled
def top_up(market: Market, loan: int) -> float:
    """Answer a margin call up to the initial LTV: free coins, then cash if it covers the rest.

    Returns the value of the collateral [USD].
    """
    prices, parties, loans = market.prices, market.parties, market.loans
    b = loans.borrower[loan]
    target = loans.sheets.initial_ltv[loans.sheet[loan]]
    debt = loans.principal_usd[loan]
    missing = max(0.0, debt / target / prices.btc_usd - loans.collateral_btc[loan])
    coins = min(missing, parties.btc[b])
    parties.btc[b] -= coins
    loans.collateral_btc[loan] += coins
    value = loans.collateral_btc[loan] * prices.btc_usd
    call = max(0.0, debt - target * value)
    if 0.0 < call <= parties.cash_usd[b]:
        prepay(market, loan, call)
    return value


@compiled
def prepay(market: Market, loan: int, amount_usd: float) -> None:
    """Repay principal ahead of schedule; never leaves more due than is owed."""
    loans = market.loans
    repay(market, loan, loans.borrower[loan], amount_usd)
    loans.arrears_principal_usd[loan] = min(
        loans.arrears_principal_usd[loan], loans.principal_usd[loan]
    )


@compiled
def test_hardware_loans(market: Market) -> None:
    """LTV of hardware loans that have a trigger (rigs): call, pay down, or run out of time."""
    today, parties, loans = market.today, market.parties, market.loans
    clearing_event, marks_usd = market.clearing_event, market.marks_usd
    schedule_usd = market.schedule_usd
    for loan in range(len(loans.status)):
        if (
            loans.collateral[loan] != Collateral.HARDWARE
            or loans.status[loan] != LoanStatus.PERFORMING
        ):
            continue
        margin_call = loans.sheets.margin_call_ltv[loans.sheet[loan]]
        if not (margin_call > 0.0) or loans.principal_usd[loan] <= 0.0:
            continue
        if loans.claim[loan] >= 0:
            continue  # a plan's notes: nobody is called on them
        b = loans.borrower[loan]
        if parties.status[b] != Status.ACTIVE:
            continue
        k = loans.hardware[loan]
        value = loans.collateral_units[loan] * marks_usd[k]
        ltv = loan_to_value(loans.principal_usd[loan], value)
        called = loans.breach[loan] == Cause.HARDWARE_MARK
        if ltv <= margin_call:
            if called:
                meet_call(market, loan)
            continue
        call = loans.principal_usd[loan] - loans.sheets.initial_ltv[loans.sheet[loan]] * value
        if not called:
            if loans.breach[loan] != Cause.NONE:
                continue
            scheduled = loans.collateral_units[loan] * schedule_usd[k]
            own = loan_to_value(loans.principal_usd[loan], scheduled) > margin_call
            parent = today.shock_event if own or clearing_event[k] < 0 else clearing_event[k]
            open_breach(market, loan, Event.MARGIN_CALL, Cause.HARDWARE_MARK, call, parent)
        if parties.cash_usd[b] >= call:
            prepay(market, loan, call)
            meet_call(market, loan)


@compiled
def measure_coverage(market: Market) -> None:
    """Count the quarter's days; at its end turn cash flow and service into a DSCR and a surplus."""
    perimeters = market.perimeters
    for p in range(len(perimeters.days)):
        perimeters.days[p] += 1
        if perimeters.days[p] < QUARTER_DAYS:
            continue
        perimeters.dscr[p] = debt_service_coverage(
            perimeters.cash_flow_usd[p], perimeters.service_usd[p]
        )
        perimeters.surplus_usd[p] = max(
            0.0, perimeters.cash_flow_usd[p] - perimeters.service_usd[p]
        )
        perimeters.cash_flow_usd[p] = 0.0
        perimeters.service_usd[p] = 0.0
        perimeters.days[p] = 0


@compiled
def test_coverage(market: Market) -> None:
    """Quarterly DSCR: lock-up and sweep below the lock-up level, breach below the minimum.

    A breach is cured by prepaying as much as lifts the DSCR, while the clock runs.
    """
    today, terms, parties, loans = market.today, market.terms, market.parties, market.loans
    perimeters = market.perimeters
    before = np.empty(len(loans.status))  # principal: lenders of a perimeter share its surplus
    known = -1  # borrower whose loans are in there
    for loan in range(len(loans.status)):
        p = loans.perimeter[loan]
        minimum = loans.sheets.min_dscr[loans.sheet[loan]]
        if (
            p < 0
            or loans.status[loan] != LoanStatus.PERFORMING
            or not (minimum > 0.0)
            or loans.principal_usd[loan] <= 0.0
            or today.day < loans.dscr_test_day[loan]
            or np.isnan(perimeters.dscr[p])
        ):
            continue
        b = loans.borrower[loan]
        if parties.status[b] != Status.ACTIVE:
            continue
        if b != known:
            for own in range(loans.first[b], loans.first[b + 1]):
                before[own] = loans.principal_usd[own]
            known = b
        dscr = perimeters.dscr[p]
        row = loans.lender[loan]
        lender = today.first_lender + row
        tested_today = perimeters.days[p] == 0
        breached = loans.breach[loan] == Cause.DSCR
        if tested_today:
            locked = dscr < minimum + terms.credit.lockup_margin
            locked = locked or market.lenders.amortising_event[row] >= 0
            if locked and not loans.lock_up[loan]:
                parent = (
                    parties.trail_event[b] if parties.trail_event[b] >= 0 else today.shock_event
                )
                log_event(
                    market,
                    Event.LOCK_UP,
                    Cause.DSCR,
                    (b, lender, loan),
                    loans.principal_usd[loan],
                    parent,
                )
            loans.lock_up[loan] = locked
            if locked and dscr > 0.0:
                share = before[loan] / _perimeter_principal(market, before, b, p)
                sweep = cash_sweep_usd(
                    share * perimeters.surplus_usd[p],
                    parties.cash_usd[b],
                    loans.principal_usd[loan] - loans.arrears_principal_usd[loan],
                )
                if sweep > DUST_USD:
                    prepay(market, loan, sweep)
                    log_event(
                        market,
                        Event.CASH_SWEEP,
                        Cause.DSCR,
                        (b, lender, loan),
                        sweep,
                        parties.trail_event[b],
                    )
            if dscr >= minimum:
                if breached:
                    log_event(
                        market,
                        Event.CURED,
                        Cause.DSCR,
                        (b, lender, loan),
                        0.0,
                        loans.breach_event[loan],
                    )
                    loans.breach[loan] = Cause.NONE
                continue
            if loans.breach[loan] == Cause.NONE:
                parent = (
                    parties.trail_event[b] if parties.trail_event[b] >= 0 else today.shock_event
                )
                need = equity_cure_usd(loans.principal_usd[loan], dscr, minimum)
                open_breach(market, loan, Event.COVENANT_BREACH, Cause.DSCR, need, parent)
                breached = True
        if breached:
            need = equity_cure_usd(loans.principal_usd[loan], dscr, minimum)
            if parties.cash_usd[b] >= need:
                prepay(market, loan, need)
                log_event(
                    market,
                    Event.CURED,
                    Cause.DSCR,
                    (b, lender, loan),
                    need,
                    loans.breach_event[loan],
                )
                loans.breach[loan] = Cause.NONE


@compiled
def _perimeter_principal(market: Market, principal_usd: Reals, b: int, perimeter: int) -> float:
    loans = market.loans
    total = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.perimeter[loan] == perimeter and loans.status[loan] == LoanStatus.PERFORMING:
            total += principal_usd[loan]
    return max(total, 1e-9)
