"""What miners and neoclouds have in common as borrowers: overhead, building work, coverage."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import Column, Flags, IntsOrNone, Reals
from .compiling.kernels import compiled
from .lender import annuity_factor

QUARTER_DAYS = 91


class Plan(NamedTuple):
    """What creditors of a reorganised firm get [USD]."""

    debt_usd: float
    shares_usd: float


class Borrowers(NamedTuple):
    """One row per borrower, indexed by party id."""

    fixed_cost_usd_day: Reals
    other_revenue_usd_day: Reals
    other_cost_usd_day: Reals
    plan_kw: Reals  # power of the machines that a prospect will start with; 0: it was there
    cushion_usd: Reals  # and the cash beyond their price
    capex_usd_day: Reals  # committed building work at the opening, over a year
    capex_unpaid_days: Reals  # days of that work that found no money: leases slip
    committed_equity_usd: Reals  # pays committed work only
    site_usd: Reals  # paid for sites since the opening, at cost
    halls_kept: Annotated[
        NDArray[np.float64], Column(start=1)
    ]  # share of its own nobody has seized
    deposits_usd: Reals  # paid on hardware orders before the opening
    creditworthy: Flags  # passed underwriting this week
    refusal_event: IntsOrNone  # the sale but for which it would have passed, -1 if none
    interest_reserve_usd: Reals  # a quarter's interest, kept by who can roll
    market_cap_open_usd: Reals  # of listed ones, else 0
    coins_btc: Reals  # held, lent or pledged the day before
    assets_open_usd: Reals  # as underwriting counts them
    goodwill_open_usd: Reals  # market cap beyond assets less debt, at the opening
    equity_usd: Reals  # market value this week
    shares: Reals  # outstanding; of a dollar each where no price is known
    equity_room_usd: Reals  # new shares the market takes now
    equity_event: IntsOrNone  # its last issue, -1 if none
    cash_flow_usd_day: Reals  # operating, of the last day
    trailing_cash_flow_usd: Reals  # exponentially weighted, per day, over a quarter


@compiled
def debt_service_coverage(cash_flow_usd: float, service_usd: float) -> float:
    """DSCR: cash flow of the perimeter over its scheduled interest and principal, same period."""
    if service_usd <= 0.0:
        return np.inf
    return cash_flow_usd / service_usd


@compiled
def equity_cure_usd(principal_usd: float, dscr: float, min_dscr: float) -> float:
    """Prepayment [USD] that lifts a DSCR to its minimum: service shrinks with principal."""
    if dscr >= min_dscr:
        return 0.0
    return principal_usd * (1.0 - max(dscr, 0.0) / min_dscr)


@compiled
def equity_value_usd(
    assets_usd: float,
    debt_usd: float,
    goodwill_open_usd: float,
    assets_open_usd: float,
    floor_usd: float,
) -> float:
    """Market value of a listed borrower's shares [USD].

    Assets less debt, plus what the market paid beyond that at the opening. Such goodwill shrinks
    with the assets that should earn it and does not grow with borrowed ones. Shares are an option:
    they keep a floor.
    """
    prospects = min(1.0, max(0.0, assets_usd) / max(assets_open_usd, 1e-9))
    return max(floor_usd, assets_usd - debt_usd + goodwill_open_usd * prospects)


@compiled
def equity_room_usd(
    room_usd: float,
    equity_usd: float,
    market_cap_open_usd: float,
    share_per_quarter: float,
    window_share: float,
    days: float,
) -> float:
    """New shares the market takes [USD], after ``days`` more.

    A share of market value a quarter; nothing once the shares have lost so much that the window is
    shut (below ``window_share`` of the opening market cap).
    """
    if equity_usd < window_share * market_cap_open_usd or market_cap_open_usd <= 0.0:
        return 0.0
    limit = share_per_quarter * equity_usd
    return min(limit, room_usd + limit * days / QUARTER_DAYS)


@compiled
def share_price_usd(equity_usd: float, shares: float) -> float:
    """Price of a share; nothing where none are listed."""
    if shares <= 0.0:
        return 0.0
    return equity_usd / shares


@compiled
def in_the_money(share_usd: float, conversion_usd: float) -> bool:
    """Whether a convertible note is worth more as shares than at par; never without a price."""
    return conversion_usd > 0.0 and share_usd >= conversion_usd


@compiled
def puts(share_usd: float, conversion_usd: float, coupon: float, market_rate: float) -> bool:
    """Whether holders ask for par: shares are worth less, and the coupon is below the market's."""
    return not in_the_money(share_usd, conversion_usd) and coupon < market_rate


@compiled
def desired_investment_share(q: float, sensitivity: float) -> float:
    """Share of its capital a borrower wants to add in a year, from q over its opening value.

    Tobin's q with linear adjustment cost (Hayashi 1982, Econometrica 50); nothing is sold where it
    is below one.
    """
    return sensitivity * max(0.0, q - 1.0)


@compiled
def sized_debt_usd(
    income_usd_day: float,
    cost_usd_day: float,
    ahead: Reals,
    min_dscr: float,
    rate: float,
    years: float,
) -> float:
    """Debt [USD] that expected income carries, as project lenders size it.

    ``ahead``: expected income over today's, by month of the term; costs stay. Debt is repaid in
    equal parts over ``years``, and income less cost must cover the service of each month
    ``min_dscr`` times. Service falls as interest does; rents of an ageing class fall faster, so the
    last month binds as a rule. That each period of the base case is tested: Yescombe 2014,
    Principles of Project Finance, chapter 12.
    """
    least = math.inf
    for month in range(len(ahead)):
        left = max(0.0, 1.0 - (month + 0.5) / (12.0 * years))
        service = 1.0 / years + rate * left
        income = 365.0 * (income_usd_day * ahead[month] - cost_usd_day)
        least = min(least, income / (max(min_dscr, 1e-9) * service))
    return max(0.0, least)


@compiled
def going_concern_usd(
    cash_flow_usd_year: float, decline: float, required_return: float, years: float
) -> float:
    """Value of a firm in operation [USD]: today's cash flow, declining, for what its fleet lasts.

    ``decline`` is in the logarithm, a year. Nothing for a firm that loses money.
    """
    return max(0.0, cash_flow_usd_year) * annuity_factor(required_return + decline, years)


@compiled
def plan_usd(worth_usd: float, carried_usd: float, owed_usd: float, discount: float) -> Plan:
    """What creditors get in a reorganisation [USD]: new debt, and what they sell new shares for.

    New debt is what cash flow carries; shares are worth the rest and sell at a discount. Nobody
    gets more than is owed.
    """
    debt = max(0.0, min(carried_usd, min(worth_usd, owed_usd)))
    shares = (1.0 - discount) * max(0.0, worth_usd - debt)
    return Plan(debt, min(shares, owed_usd - debt))


@compiled
def affordable_machines(cost_usd: float, debt_usd: float, own_usd: float, room_usd: float) -> float:
    """Machines of ``cost_usd`` that own money pays for with a loan of ``debt_usd`` on each.

    The lender has ``room_usd`` for all of them; beyond it the rest is paid in full from own money.
    """
    if debt_usd >= cost_usd:
        return room_usd / debt_usd
    units = own_usd / (cost_usd - debt_usd)
    if units * debt_usd <= room_usd:
        return units
    return (own_usd + room_usd) / cost_usd


@compiled
def payout_usd(free_cash_flow_usd: float, spare_usd: float, share: float) -> float:
    """What owners take out [USD]: a share of free cash flow after debt service, if cash allows."""
    return max(0.0, min(spare_usd, share * free_cash_flow_usd))


@compiled
def unwound_share(need_usd: float, collateral_usd: float, debt_usd: float) -> float:
    """Share of a secured loan to unwind so that selling its collateral frees ``need_usd``.

    Selling a share f of the collateral repays f of the debt and leaves f (collateral - debt): the
    LTV of the rest is unchanged. Nothing can be freed where debt exceeds collateral.
    """
    surplus = collateral_usd - debt_usd
    if surplus <= 0.0 or need_usd <= 0.0:
        return 0.0
    return min(1.0, need_usd / surplus)


@compiled
def cash_sweep_usd(surplus_usd: float, cash_usd: float, principal_usd: float) -> float:
    """In lock-up the perimeter's surplus over debt service prepays principal [USD]."""
    return max(0.0, min(surplus_usd, min(cash_usd, principal_usd)))


class Limits(NamedTuple):
    """What underwriting asks of a borrower."""

    max_ltv: float
    max_leverage: float  # debt over a year's operating cash flow
    min_interest_coverage: float


@compiled
def can_refinance(
    debt_usd: float,
    asset_value_usd: float,
    cash_flow_usd_year: float,
    liquidity_usd: float,
    interest_usd_year: float,
    limits: Limits,
) -> bool:
    """Underwriting of a borrower that wants to roll principal.

    Either loan to value or leverage (debt over a year's operating cash flow) must do, and interest
    must be covered.

    Coverage is of interest, not of scheduled principal (that is what is being refinanced: on a
    full DSCR the largest operator fails on the opening day, at 0.6). Liquidity counts, because
    operators in their ramp have little cash flow and much cash.
    """
    coverage = debt_service_coverage(cash_flow_usd_year + liquidity_usd, interest_usd_year)
    secured = debt_usd <= limits.max_ltv * asset_value_usd
    earning = debt_usd <= limits.max_leverage * cash_flow_usd_year
    return (secured or earning) and coverage >= limits.min_interest_coverage


@compiled
def rest_to_pay_usd(payment_usd: float, market_usd: float, repriced_share: float) -> float:
    """What is left to pay on a tranche whose rigs fetch ``market_usd`` second-hand today.

    The deposit is sunk, so a buyer walks away from a larger payment than that; the supplier, who
    would have the rigs to sell, gives in by ``repriced_share`` of the difference.
    """
    agreed = repriced_share * min(payment_usd, market_usd)
    return agreed + (1.0 - repriced_share) * payment_usd


@compiled
def surrenders(worth_usd: float, debt_usd: float, ratio: float) -> bool:
    """Whether a borrower hands machines over: they are worth less to it than so much of a debt."""
    return worth_usd < ratio * debt_usd
