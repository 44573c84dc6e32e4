"""Waive, extend or enforce; and borrowers that hand over machines worth less than their debt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...agents.lender import SITE_HAIRCUT
from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Status
from ...market.debt.surrender import LONGEST_YEARS
from ...market.lenders.forbearance import EXTENSION_DAYS, SURRENDER_EVERY_DAYS
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.ledger import Account
from ...market.state.loans import Collateral, LoanStatus
from . import sites
from .bids import hold_value_usd, income_usd_day, option_usd, set_strips
from .borrower import PAYMENT_CAUSES, Borrower
from .contract import Contract
from .one_sale import proceeds_usd_unit
from .pledged_income import pledged_income_usd_day
from .rules import annuity_factor, continuing_value_usd, estate_shares, waives

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket
    from .things import HardwareClass


def decide(market: TwinMarket) -> None:
    """Lenders whose patience is asked for decide; once a week borrowers may surrender."""
    if stands_still(market):
        _stop_clocks(market)
        return
    credit = market.settings.credit
    asked = [
        loan
        for loan in market.loans
        if loan.breach is not Cause.NONE
        and loan.status is LoanStatus.PERFORMING
        and loan.collateral is not Collateral.BTC
        and loan.cure_is_over()
        and loan.waivers < credit.max_waivers
        and loan.borrower.status is Status.ACTIVE
        and loan.lender.supply > 0.0
        and loan.lender.patience_days() >= credit.waiver_days
    ]
    if asked:
        set_strips(market)  # today's bids, not those of the last window
    proceeds: dict[Borrower, Proceeds] = {}
    for loan in asked:
        if loan.borrower not in proceeds:
            proceeds[loan.borrower] = proceeds_of(loan.borrower)
        _ask_lender(loan, proceeds[loan.borrower])
    ratio = market.settings.credit.surrender_ratio
    if ratio > 0.0 and market.day % SURRENDER_EVERY_DAYS == 0:
        for loan in market.loans:
            _surrender_if_worthless(loan, ratio)


def stands_still(market: TwinMarket) -> bool:
    """Whether a policy standstill is in force: from the scripted shock for some days."""
    days = market.settings.policy.standstill_days
    shock = market.shock_event
    return days > 0 and shock is not None and market.day < shock.day + days


def _stop_clocks(market: TwinMarket) -> None:
    """A day that does not count: cure periods and suppliers' patience are a day longer."""
    suspended = 0.0
    for loan in market.loans:
        if (
            loan.breach is not Cause.NONE
            and loan.status is LoanStatus.PERFORMING
            and loan.collateral is not Collateral.BTC
        ):
            loan.breach_day += 1
            suspended += loan.principal_usd
    most = max(market.accounts[Account.SUSPENDED], suspended)
    market.accounts[Account.SUSPENDED] = most
    for borrower in market.borrowers:
        if borrower.payables_day >= 0:
            borrower.payables_day += 1


# ---------------------------------------------------------------- the lender's side


def _ask_lender(loan: Loan, proceeds: Proceeds) -> None:
    """The lender waits if that brings more than enforcing; who cannot wait enforces."""
    goes_on, brings = continuing_usd(loan), enforcement_usd(loan, proceeds)
    if waives(goes_on, brings, loan.market.settings.credit.waiver_margin):
        _give_time(loan, goes_on - brings)


def continuing_usd(loan: Loan) -> float:
    """What a loan brings if it goes on [USD]: its share of cash flow, then what secures it."""
    market, borrower = loan.market, loan.borrower
    years = min(LONGEST_YEARS, max(1.0, (loan.maturity_day - market.day) / 365.0 + 1.0))
    if loan.recourse:
        share = loan.principal_usd / max(borrower.debt_usd(), 1e-9)
        flow = share * 365.0 * borrower.trailing_cash_flow_usd
    else:
        flow = 365.0 * pledged_income_usd_day(loan)
    left = 0.0
    if loan.collateral is Collateral.HARDWARE:
        assert loan.hardware is not None
        left = loan.collateral_units * loan.hardware.mark_usd
        left *= math.exp(-loan.hardware.annual_depreciation * years)
    elif loan.collateral is Collateral.SITE:
        left = sites.leased_site_usd(loan) - max(flow, 0.0) * annuity_factor(loan.rate(), years)
        left = (1.0 - SITE_HAIRCUT) * max(left, sites.pledged_usd(loan))
    value: float = continuing_value_usd(loan.principal_usd, flow, left, loan.rate(), years)
    return value


def enforcement_usd(loan: Loan, proceeds: Proceeds) -> float:
    """What enforcing would bring [USD, present value]: collateral first, then the estate."""
    terms, rate = loan.market.terms, loan.rate()
    secured = 0.0
    if loan.collateral is Collateral.HARDWARE:
        assert loan.hardware is not None
        wait = terms.liquidation.legal_days + loan.hardware.relocation_days
        per_unit = proceeds.seized.get(loan.hardware, 0.0)
        secured = loan.collateral_units * per_unit * math.exp(-rate * wait / 365.0)
    elif loan.collateral is Collateral.SITE:
        value = site_sale_usd(loan, proceeds)
        secured = value * math.exp(-rate * terms.liquidation.site_days / 365.0)
    secured = min(secured, loan.principal_usd)
    if not loan.recourse:
        return secured
    lien, other = shares_of_estate(loan.borrower, proceeds)
    dividend = lien if loan.has_general_lien() else other
    dividend *= math.exp(-rate * terms.credit.bankruptcy_days / 365.0)
    return secured + dividend * (loan.principal_usd - secured)


@dataclass(slots=True)
class Proceeds:
    """What a unit of a borrower's machines brings [USD]: in one sale, and to its lender."""

    sold: dict[HardwareClass, float]
    seized: dict[HardwareClass, float]


def proceeds_of(borrower: Borrower) -> Proceeds:
    """All of it comes to market; a lender that keeps machines has them hosted."""
    market, sold = borrower.model, proceeds_usd_unit(borrower)
    if not market.terms.lenders.hold_seized:
        return Proceeds(sold, sold)
    return Proceeds(sold, {kind: hold_value_usd(market, kind) for kind in sold})


def site_sale_usd(loan: Loan, proceeds: Proceeds) -> float:
    """What selling a pledged site brings, power and halls apart, and its leases [USD]."""
    market = loan.market
    brings = 0.0
    for kind, mw in ((sites.powered(market), loan.site_mw), (sites.halls(market), loan.hall_mw)):
        brings += mw * proceeds.sold.get(kind, 0.0)
    kept: float = 1.0 - market.terms.liquidation.legal_cost_share
    return brings + kept * sites.leases_beyond_usd(loan)


def shares_of_estate(borrower: Borrower, proceeds: Proceeds) -> tuple[float, float]:
    """What an estate would pay on a dollar of general liens, and of claims that rank after them.

    All is sold at once.
    """
    terms, btc_usd = borrower.model.terms, borrower.model.prices.btc_usd
    assets = 0.0
    for kind, holding in borrower.holdings.items():
        usd = proceeds.sold.get(kind, 0.0)
        assets += max(holding.units - holding.pledged, 0.0) * usd
    coins = (borrower.btc + borrower.btc_lent) * btc_usd
    assets += max(borrower.cash_usd, 0.0) + coins
    liens, others = 0.0, borrower.payables_usd
    for loan in borrower.loans:
        if loan.status is not LoanStatus.PERFORMING or not loan.recourse:
            continue
        if loan.has_general_lien():
            liens += loan.principal_usd
            continue
        secured = loan.collateral_btc * btc_usd
        if loan.collateral is Collateral.HARDWARE:
            assert loan.hardware is not None
            secured = loan.collateral_units * proceeds.seized.get(loan.hardware, 0.0)
        elif loan.collateral is Collateral.SITE:
            secured = site_sale_usd(loan, proceeds)
        others += max(loan.principal_usd - secured, 0.0)
    assets *= 1.0 - terms.credit.bankruptcy_cost_share
    shares: tuple[float, float] = estate_shares(assets, liens, others)
    return shares


def _give_time(loan: Loan, gain_usd: float) -> None:
    """A covenant is waived for a while; missed payments are rescheduled, interest added to debt."""
    market, borrower = loan.market, loan.borrower
    loan.waivers += 1
    extends = loan.breach in PAYMENT_CAUSES
    borrower.trail_event = market.note(
        Event.EXTENDED if extends else Event.WAIVED,
        loan.breach,
        borrower,
        loan.lender,
        loan,
        gain_usd,
        loan.breach_event,
    )
    if not extends:
        loan.breach_day = market.day + market.settings.credit.waiver_days - loan.cure_days
        return
    interest = loan.arrears_interest_usd
    if interest > 0.0:
        loan.draw(interest)
        loan.pay_interest(interest)
    loan.settle_arrears()
    loan.breach = Cause.NONE
    loan.maturity_day = max(loan.maturity_day, market.day) + EXTENSION_DAYS


# ---------------------------------------------------------------- the borrower's side


def _surrender_if_worthless(loan: Loan, ratio: float) -> None:
    """Hand over what secures a non-recourse loan and is worth less to the borrower than debt."""
    market, borrower = loan.market, loan.borrower
    facts = market.dated_facts
    if (
        loan.recourse
        or loan.status is not LoanStatus.PERFORMING
        or loan.collateral not in (Collateral.HARDWARE, Collateral.SITE)
        or loan.principal_usd <= 0.0
        or loan.breach is not Cause.NONE
        or borrower.status is not Status.ACTIVE
        or borrower.made_whole
        or (facts is not None and facts.rigs_due_th.get(loan, 0.0) > 0.0)
    ):
        return
    keeps = keeping_usd(loan) if loan.holding is not None else keeping_site_usd(loan)
    if keeps >= ratio * loan.principal_usd:
        return
    assert loan.hardware is not None
    loan.breach_event = market.note(
        Event.SURRENDERED,
        Cause.SURRENDER,
        borrower,
        loan.lender,
        loan,
        loan.principal_usd - keeps,
        loan.hardware.clearing_event or market.shock_event,
    )
    loan.breach = Cause.SURRENDER
    loan.breach_day = market.day - loan.cure_days
    loan.waivers = market.settings.credit.max_waivers  # nobody is asked to wait


def keeping_site_usd(loan: Loan) -> float:
    """What a pledged site is worth to its owner: leased, let to others, or as it earns [USD]."""
    required = loan.market.settings.liquidation.seller_required_return
    left = max(0.25, (loan.maturity_day - loan.market.day) / 365.0)
    factor = annuity_factor(required, min(left, LONGEST_YEARS))
    return float(max(sites.worth_usd(loan), 365.0 * pledged_income_usd_day(loan) * factor))


def keeping_usd(loan: Loan) -> float:
    """What pledged machines are worth to the borrower that runs them [USD].

    The largest of the option to run them, of what they earn for as long as the loan runs, and of
    what selling them leaves.
    """
    market, kind, holding = loan.market, loan.hardware, loan.holding
    assert kind is not None
    assert holding is not None
    required = market.settings.liquidation.seller_required_return
    cost = holding.cost_usd_unit_day
    if isinstance(loan.growth, Contract):
        cost = loan.growth.cost_usd_unit_day()
    if kind.family is not Family.GPU:
        cost = kind.kw * MWH_PER_KW_DAY * loan.borrower.power_usd_mwh
    income = income_usd_day(market, kind) * kind.buyer_view
    strip = option_usd(market, kind, income, cost, required, LONGEST_YEARS)
    years = max(0.25, (loan.maturity_day - market.day) / 365.0)
    earned = 365.0 * pledged_income_usd_day(loan)
    earned *= annuity_factor(required, min(years, LONGEST_YEARS))
    sold = market.settings.liquidation.resale_share * kind.mark_usd
    return max(loan.collateral_units * max(strip, sold), earned)
