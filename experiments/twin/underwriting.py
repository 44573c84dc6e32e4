"""Underwriting once a week, the value of shares, and the roll-over of what matures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.borrower import Limits
from ...agents.party import Status
from ...market.debt.roll_over import ASK_DAYS
from ...market.debt.underwriting import CONTRACT_MARGIN, WEEK_DAYS
from ...market.state.contracts import ContractKind
from ...market.state.events import Cause, Event
from ...market.state.ledger import Account
from ...market.state.loans import Collateral, Instrument, LoanStatus
from . import convertibles
from .rules import can_refinance, equity_room_usd, equity_value_usd, loan_to_value
from .sites import leased_site_usd

if TYPE_CHECKING:
    from .borrower import Borrower
    from .contract import Contract
    from .loan import Loan
    from .things import Entry


def underwrite(borrower: Borrower) -> None:
    """Whether it could refinance this week, and what its shares are worth.

    One that fails at lenders' marks but would pass at scheduled values was refused because of the
    sale that set those marks.
    """
    market, terms = borrower.model, borrower.model.terms
    borrower.refusal_event = None
    if borrower.status is not Status.ACTIVE:
        borrower.creditworthy = False
        borrower.equity_room_usd = 0.0
        return
    debt = borrower.debt_usd()
    interest = yearly_interest_usd(borrower)
    liquidity = borrower.cash_usd + borrower.btc * market.prices.btc_usd
    other = _other_assets_usd(borrower) + _contracts_usd(borrower)
    assets = other + borrower.machines_usd()
    flow = 365.0 * borrower.trailing_cash_flow_usd
    borrower.interest_reserve_usd = 0.25 * interest
    easy = 1.0 + terms.lenders.cycle_swing * market.prices.ease
    limits = Limits(
        easy * terms.credit.max_ltv,
        easy * terms.credit.max_leverage,
        terms.credit.min_interest_coverage,
    )
    passes = can_refinance(debt, assets, flow, liquidity, interest, limits)
    if not passes:
        scheduled = other + borrower.machines_usd(scheduled=True)
        if can_refinance(debt, scheduled, flow, liquidity, interest, limits):
            borrower.refusal_event = _worst_sale(borrower)
    borrower.creditworthy = passes and borrower.payables_usd <= 0.0
    if borrower.market_cap_open_usd <= 0.0:
        return
    borrower.equity_usd = equity_value_usd(
        assets,
        debt,
        borrower.goodwill_open_usd,
        borrower.assets_open_usd,
        terms.credit.equity_floor_share * borrower.market_cap_open_usd,
    )
    borrower.equity_room_usd = equity_room_usd(
        borrower.equity_room_usd,
        borrower.equity_usd,
        borrower.market_cap_open_usd,
        terms.credit.equity_share_per_quarter,
        terms.credit.equity_window_share,
        float(WEEK_DAYS),
    )


def yearly_interest_usd(borrower: Borrower) -> float:
    """Interest of a year on what a borrower owes [USD]."""
    total = 0.0
    for loan in borrower.loans:
        if loan.status is LoanStatus.PERFORMING:
            total += loan.principal_usd * loan.rate()
    return total


def _other_assets_usd(borrower: Borrower) -> float:
    """Cash, coins and sites [USD]: what counts beside machines and contracts."""
    prices = borrower.model.prices
    value = borrower.cash_usd + (borrower.btc + borrower.btc_lent) * prices.btc_usd
    value += borrower.eth * prices.eth_usd + borrower.site_usd + borrower.deposits_usd
    for loan in borrower.loans:
        value += loan.collateral_btc * prices.btc_usd
        if loan.status is LoanStatus.PERFORMING:
            if loan.collateral is Collateral.SITE:
                value += leased_site_usd(loan)
    return value


def _contracts_usd(borrower: Borrower) -> float:
    """The part of contracted net rents that underwriting counts [USD]."""
    market = borrower.model
    counted = market.terms.credit.income_collateral_share * CONTRACT_MARGIN
    value = 0.0
    for contract in borrower.contracts:
        days = contract.end_day - max(market.day, contract.start_day)
        if days > 0 and contract.broken_day < 0:
            free = _free_share(borrower) if _has_begun(contract, borrower) else 1.0
            value += counted * contract.usd_day * _live_share(contract) * free * days
    return value


def _has_begun(contract: Contract, landlord: Borrower) -> bool:
    """Whether it is a lease of halls that pays rent."""
    slips = landlord.capex_unpaid_days if contract.signed_later else 0.0
    begun: bool = landlord.model.day >= contract.start_day + slips
    return begun and contract.kind is ContractKind.HOSTING


def _free_share(landlord: Borrower) -> float:
    """Of its halls: leases of those that are pledged are in the value of these."""
    free = 1.0
    for loan in landlord.loans:
        if loan.status is LoanStatus.PERFORMING and loan.collateral is Collateral.SITE:
            free = max(0.0, free - loan.collateral_units)
    return free


def _live_share(contract: Contract) -> float:
    live = contract.rent_share
    if contract.kind is ContractKind.COMPUTE:
        live *= contract.delivered / max(contract.gpus, 1e-9)
    return live


def _worst_sale(borrower: Borrower) -> Entry | None:
    """The forced sale that took most off the marks of its machines."""
    worst, event = 0.0, None
    for kind, holding in borrower.holdings.items():
        lost = holding.units * (kind.schedule_usd - kind.mark_usd)
        if lost > worst and kind.clearing_event is not None:
            worst, event = lost, kind.clearing_event
    return event


# ---------------------------------------------------------------- roll-over


def ask_to_roll_over(loan: Loan) -> None:
    """In its last month a bullet asks to be extended; lenders roll their appetite's share.

    A BTC loan rolls while its LTV is below the margin call, others if the borrower passed
    underwriting. What is not rolled falls due at maturity. A note that is worth more as shares is
    not refinanced.
    """
    market, borrower, lender = loan.market, loan.borrower, loan.lender
    maturity, day = loan.maturity_day, market.day
    if (
        not maturity - ASK_DAYS <= day < maturity
        or loan.status is not LoanStatus.PERFORMING
        or loan.principal_usd <= 0.0
        or 0 <= loan.roll_day > day - WEEK_DAYS
        or borrower.status is not Status.ACTIVE
        or loan.breach is not Cause.NONE
        or convertibles.worth_more_as_shares(loan)
    ):
        return
    first_time = loan.roll_day < max(maturity - ASK_DAYS, 0)
    loan.roll_day = day
    if not _passes(loan):
        if first_time:
            blame = market.shock_event
            if loan.collateral is not Collateral.BTC and borrower.refusal_event is not None:
                blame = borrower.refusal_event
            _note_refusal(loan, Cause.UNDERWRITING, loan.principal_usd, blame)
        return
    appetite = market.appetite()
    rolled = appetite * lender.supply
    unrolled = (1.0 - rolled) * loan.principal_usd
    if unrolled > 0.0:
        if borrower.cash_usd < unrolled or rolled <= 0.0:
            if first_time:
                own = (1.0 - appetite) * loan.principal_usd
                if lender.supply < 1.0 and borrower.cash_usd >= own:
                    _note_refusal(loan, Cause.CREDIT_SUPPLY, unrolled, lender.supply_event)
                else:
                    _note_refusal(loan, Cause.APPETITE, unrolled, market.shock_event)
            return
        loan.repay(borrower, unrolled)
    cap = market.terms.derived.tenor_cap_days
    if cap < loan.term_days:
        market.accounts[Account.SHORTENED] += loan.principal_usd
    loan.maturity_day = maturity + min(loan.term_days, cap)
    _reprice(loan)
    market.note(
        Event.ROLLED_OVER,
        Cause.UNDERWRITING,
        borrower,
        lender,
        loan,
        loan.principal_usd,
        None,
    )


def _passes(loan: Loan) -> bool:
    if loan.collateral is not Collateral.BTC:
        return loan.borrower.creditworthy
    assert loan.margin_call_ltv is not None
    value = loan.collateral_btc * loan.market.prices.btc_usd
    passes: bool = loan_to_value(loan.principal_usd, value) < loan.margin_call_ltv
    return passes


def _note_refusal(loan: Loan, cause: Cause, amount_usd: float, parent: Entry | None) -> None:
    loan.borrower.trail_event = loan.market.note(
        Event.NOT_REFINANCED, cause, loan.borrower, loan.lender, loan, amount_usd, parent
    )


def _reprice(loan: Loan) -> None:
    """The opening spread, plus what credit costs more today and at this lender.

    Less where lenders have not lost for long; a convertible comes back as straight debt.
    """
    market = loan.market
    loan.rate_or_spread = loan.rate_open + float(market.macro.spread_change[market.day])
    loan.rate_or_spread += market.terms.lenders.stress_spread * (1.0 - loan.lender.supply)
    cheaper = market.terms.lenders.spread_swing * market.prices.ease
    loan.rate_or_spread -= min(cheaper, loan.rate_or_spread)
    if not loan.floating:
        loan.rate_or_spread += float(market.macro.rate_change[market.day])
    if loan.instrument is Instrument.CONVERTIBLE:
        convertibles.refinance_straight(loan)
