"""Strategic surrender: what pledged machines are worth to the borrower that runs them.

A borrower of a non-recourse loan compares that with the debt, and hands over the keys when it is
less.
"""

from __future__ import annotations

from ...agents.borrower import surrenders
from ...agents.buyer import machine_value_usd
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import annuity_factor
from ...agents.party import Status
from ..state.events import Cause, Event
from ..state.hardware import Family
from ..state.history import log_event
from ..state.loans import Collateral, LoanStatus
from ..state.machines import life_paths, listed_income_usd_day
from ..state.market import Market
from ..state.sites import pledged_site_usd
from .pledged_income import machine_cost_usd_day, perimeter_income_usd_day

LONGEST_YEARS = 5.0  # nobody looks further
KWH_PER_KW_DAY_USD_MWH = 0.024  # dollars a day for a kW at one dollar per MWh


@inlined
def contracted_usd(market: Market, loan: int, required_return: float) -> float:
    """What pledged machines earn as long as the loan runs, if all stays as it is today [USD]."""
    today, loans = market.today, market.loans
    years = max(0.25, (loans.maturity_day[loan] - today.day) / 365.0)
    earned = 365.0 * perimeter_income_usd_day(market, loan)
    return earned * annuity_factor(required_return, min(years, LONGEST_YEARS))


@compiled
def keeping_usd(market: Market, loan: int) -> float:
    """What pledged machines are worth to the borrower that runs them [USD].

    The largest of the option to run them at its own cost, of what they earn today for as long as
    the loan runs (contracts), and of what selling them leaves: nobody hands over what the market
    pays more for than is owed.
    """
    settings, loans = market.terms.liquidation, market.loans
    k = loans.hardware[loan]
    if market.hardware.family[k] == Family.GPU:
        cost = machine_cost_usd_day(market, loan)
    else:
        price = market.miners.power_usd_mwh[loans.borrower[loan]]
        cost = market.hardware.kw[k] * KWH_PER_KW_DAY_USD_MWH * price
    strip = machine_value_usd(
        listed_income_usd_day(market, k) * market.buyer_view[k],
        cost,
        life_paths(market, k),
        settings.seller_required_return,
        LONGEST_YEARS,
        settings.resale_share,
    )
    earned = contracted_usd(market, loan, settings.seller_required_return)
    sold = settings.resale_share * market.marks_usd[k]
    return max(loans.collateral_units[loan] * max(strip, sold), earned)


@compiled
def keeping_site_usd(market: Market, loan: int) -> float:
    """What a pledged site is worth to its owner [USD]: leased, let to others, or as it earns."""
    neoclouds, b = market.neoclouds, market.loans.borrower[loan]
    leased = neoclouds.leases_usd[b] + neoclouds.signed_leases_usd[b]
    worth = max(market.loans.collateral_units[loan] * leased, pledged_site_usd(market, loan))
    required_return = market.terms.liquidation.seller_required_return
    return max(worth, contracted_usd(market, loan, required_return))


@inlined
def _can_be_handed_over(collateral: int) -> bool:
    """Machines and sites can."""
    return collateral == Collateral.HARDWARE or collateral == Collateral.SITE


@compiled
def hand_over(market: Market) -> None:
    """What is worth less than ``credit.surrender_ratio`` of a non-recourse debt goes to the lender.

    Worth to the borrower that runs them. Nobody gives up a loan whose rigs are still to come.
    """
    today, loans, credit = market.today, market.loans, market.terms.credit
    required_return = market.terms.liquidation.seller_required_return
    to_come = market.dated.rigs_due_th  # empty where none are
    for loan in range(len(loans.status)):
        if (
            loans.status[loan] != LoanStatus.PERFORMING
            or loans.recourse[loan]
            or not _can_be_handed_over(loans.collateral[loan])
            or loans.principal_usd[loan] <= 0.0
            or loans.breach[loan] != Cause.NONE
            or market.parties.status[loans.borrower[loan]] != Status.ACTIVE
            or market.parties.made_whole[loans.borrower[loan]]
        ):
            continue
        debt, ratio = loans.principal_usd[loan], credit.surrender_ratio
        if not surrenders(contracted_usd(market, loan, required_return), debt, ratio):
            continue  # whatever the option to run is worth
        if loans.collateral[loan] == Collateral.SITE:
            worth = keeping_site_usd(market, loan)
        else:
            worth = keeping_usd(market, loan)
        waits = len(to_come) > 0 and to_come[loan] > 0.0
        if waits or not surrenders(worth, debt, ratio):
            continue
        k = loans.hardware[loan]
        event = log_event(
            market,
            Event.SURRENDERED,
            Cause.SURRENDER,
            (loans.borrower[loan], today.first_lender + loans.lender[loan], loan),
            loans.principal_usd[loan] - worth,
            market.clearing_event[k] if market.clearing_event[k] >= 0 else today.shock_event,
        )
        loans.breach[loan] = Cause.SURRENDER
        loans.breach_event[loan] = event
        loans.breach_day[loan] = today.day - loans.sheets.cure_days[loans.sheet[loan]]
        loans.waivers[loan] = credit.max_waivers  # nobody is asked to wait
