"""What buyers offer for a class today, and what it is worth to a lender that keeps it.

Bids are computed per segment (the strip of the option to run) and spread by each buyer's private
view. The level of the strip is *implied* by the opening second-hand price, as an implied volatility
is: the share of the listed rent a buyer expects to earn is set once, on the opening day, so that
ordinary trade clears at the quoted price; everything after that is the strip's own movement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import (
    Buyers,
    Paths,
    affordable_units,
    bid_usd,
    machine_value_usd,
    private_view,
)
from ...agents.columns import Matrix, Reals
from ...agents.compiling.arrays import put_matrix
from ...agents.compiling.kernels import compiled, inlined
from ..state.frontier import replacement_usd
from ..state.hardware import Family, Hardware
from ..state.machines import life_paths, listed_income_usd_day, unit_cost_usd_day
from ..state.market import Market
from ..state.randomness import Stream, normal
from ..state.sites import of_site_class, site_values
from .custody import CARRY_USD_KWH

DEALER_TURN_YEARS = 0.25  # dealers resell within a quarter
VIEWS = (0.01, 4.0)  # between which the view implied by a price is looked for
BISECTIONS = 40
HOST_USD_KWH_ASIC = 0.055  # power and site of a hosted rig
HOLD_YEARS_GPU = 3.0
HOLD_YEARS_ASIC = 1.5


@compiled
def segment_strips(market: Market, dearer: float) -> Matrix:
    """Strip value [segment, class] in USD a unit; NaN where a segment does not buy the class.

    ``dearer`` is added to each buyer's required return: what money costs more than at the opening.
    """
    hardware = market.hardware
    strips = np.full((len(market.first_of_segment), len(hardware.family)), np.nan)
    for k in range(len(hardware.family)):
        set_strips(market, k, dearer, strips)
    return strips


@compiled
def set_strips(market: Market, k: int, dearer: float, strips: Matrix) -> None:
    """Strip values of one class, or of sites, into ``strips`` [segment, class]."""
    if market.hardware.family[k] == Family.SITE:
        set_site_strips(market, k, strips)
    else:
        income = listed_income_usd_day(market, k) * market.buyer_view[k]
        set_class_strips(market, k, life_paths(market, k), income, dearer, strips)


@compiled
def set_class_strips(
    market: Market, k: int, paths: Paths, expected_usd_day: float, dearer: float, strips: Matrix
) -> None:
    """Strip values of one class for the segments that buy it, into ``strips`` [segment, class].

    A buyer runs a machine up to its horizon and resells it then, as long as the class lives: its
    income follows ``paths``.
    """
    buyers, first_of_segment = market.buyers, market.first_of_segment
    for segment in range(len(first_of_segment)):
        member = first_of_segment[segment]
        if buyers.accepts[member, k]:
            strips[segment, k] = machine_value_usd(
                expected_usd_day,
                unit_cost_usd_day(market, k, buyers.running_cost_usd_kwh[member]),
                paths,
                buyers.required_return[member] + dearer,
                buyers.horizon_years[member],
                market.terms.liquidation.resale_share,
            )


@compiled
def set_site_strips(market: Market, k: int, strips: Matrix) -> None:
    """What a MW of a class of sites is worth to the segments that buy it.

    Who does not buy halls is a miner, and builds none.
    """
    buyers = market.buyers
    for segment in range(len(market.first_of_segment)):
        member = market.first_of_segment[segment]
        if buyers.accepts[member, k]:
            builds = buyers.accepts[member, market.opening.hall_class]
            values = site_values(market, buyers.required_return[member], not builds, builds)
            strips[segment, k] = of_site_class(market, k, values)


@compiled
def set_private_views(market: Market) -> None:
    """Draw each buyer's view of each class it accepts; it keeps it all through a run."""
    buyers, seed, terms = market.buyers, market.today.seed, market.terms
    for i in range(len(buyers.segment)):
        for k in range(buyers.accepts.shape[1]):
            if buyers.accepts[i, k]:
                deviation = terms.liquidation.buyer_view_deviation
                if market.hardware.family[k] == Family.SITE:
                    deviation = terms.sites.view_deviation
                draw = normal(seed, Stream.BUYER_VIEW, 0, 64 * i + k)
                buyers.private_view[i, k] = private_view(draw, deviation, buyers.needs_slots[i])


@compiled
def class_bids(
    market: Market, k: int, in_place: bool, dealer_price_usd: float, strips: Matrix
) -> Reals:
    """Every buyer's bid for a class [USD/unit]; zero for those who do not bid.

    In-place buyers pay no relocation. Dealers bid what they expect to resell for, ``dealer_price``,
    less their return over a quarter.
    """
    buyers, hardware = market.buyers, market.hardware
    new_usd = replacement_usd(market, k)
    count = len(buyers.segment)
    bids = np.zeros(count)
    relocates = hardware.family[k] == Family.GPU and not in_place
    turned, turn = np.nan, 1.0  # what a dealer asks for a quarter, by the return of the last
    for segment in range(len(market.first_of_segment)):
        members = members_of(market, segment)
        if not buyers.accepts[members[0], k]:  # nor does any other member
            continue
        for i in range(members[0], members[1]):
            if not buyers.accepts[i, k] or buyers.in_place_only[i] != in_place:
                continue
            if buyers.needs_slots[i]:
                value = strips[segment, k]
            else:
                if buyers.required_return[i] != turned:
                    turned = buyers.required_return[i]
                    turn = (1.0 + turned) ** DEALER_TURN_YEARS
                value = dealer_price_usd / turn
            relocation = buyers.relocation_usd[i] if relocates else 0.0
            bids[i] = bid_usd(value, new_usd, relocation, buyers.private_view[i, k])
            if bids[i] < hardware.scrap_usd[k]:
                bids[i] = 0.0  # worth more as scrap
    return bids


@inlined
def units_taken(buyer: int, price: float, k: int, buyers: Buyers, hardware: Hardware) -> float:
    """Units of a class that a buyer can pay for, and place, at a price."""
    units: float = affordable_units(
        price,
        buyers.budget_usd[buyer],
        buyers.slots[buyer, hardware.rack[k]],
        hardware.slots_per_unit[k],
        buyers.needs_slots[buyer],
    )
    return units


@compiled
def units_bid(market: Market, k: int, bids: Reals) -> Reals:
    """Units of a class that every buyer takes at its own bid."""
    units = np.zeros(len(bids))
    for i in range(len(bids)):
        if bids[i] > 0.0:
            units[i] = units_taken(i, bids[i], k, market.buyers, market.hardware)
    return units


@inlined
def members_of(market: Market, segment: int) -> tuple[int, int]:
    """First row of a segment's buyers, and the row behind its last."""
    first = market.first_of_segment
    last = segment == len(first) - 1
    return first[segment], len(market.buyers.segment) if last else first[segment + 1]


@compiled
def implied_view(
    market: Market, k: int, price_usd: float, units_wanted: float, in_place: bool
) -> float:
    """Share of listed income buyers must expect for ``units_wanted`` to be bid for at the price.

    A buyer of removed machines takes what its money buys at the price. Bisection on the monotone
    demand at the opening price.
    """
    buyers, hardware = market.buyers, market.hardware
    listed = listed_income_usd_day(market, k)
    strips = np.full((len(market.first_of_segment), len(hardware.family)), np.nan)
    paths = life_paths(market, k)
    low, high = VIEWS
    for _ in range(BISECTIONS):
        view = 0.5 * (low + high)
        set_class_strips(market, k, paths, listed * view, 0.0, strips)
        bids = class_bids(market, k, in_place, price_usd, strips)
        wanted = 0.0
        for i in range(len(bids)):
            if bids[i] >= price_usd:
                pays = bids[i] if in_place else price_usd
                wanted += units_taken(i, pays, k, buyers, hardware)
        if wanted > units_wanted:
            high = view
        else:
            low = view
    return 0.5 * (low + high)


@compiled
def value_machines(market: Market) -> None:
    """Strip values [segment, class] at today's rent, hashprice and cost of money (in place).

    Worked out when first asked for on a day: what they rest on is set in the morning.
    """
    today, prices = market.today, market.prices
    if today.valued_day != today.day:
        dearer = prices.rate_change + prices.spread_change
        put_matrix(market.strips, segment_strips(market, dearer))
        today.valued_day = today.day


@compiled
def bids_today(market: Market, k: int, in_place: bool) -> Reals:
    """Every buyer's bid for a class today [USD/unit]."""
    last = market.clearing_usd[k]
    dealer = last if np.isfinite(last) else market.marks_usd[k]
    return class_bids(market, k, in_place, dealer, market.strips)


@compiled
def hold_values_usd(market: Market) -> NDArray[np.float64]:
    """What a unit of each class is worth to a lender that keeps it and has it hosted [USD, class].

    Hosting costs it ``liquidation.hosting_discount`` of the income; it sells after a few years. A
    site is worth its net rents at the return that a lender asks for what it never meant to own.
    """
    settings, hardware = market.terms.liquidation, market.hardware
    values = np.zeros(len(hardware.family))
    for k in range(len(values)):
        if hardware.family[k] == Family.SITE:
            values_of_it = site_values(market, settings.seller_required_return, True, True)
            values[k] = of_site_class(market, k, values_of_it)
            continue
        gpu = hardware.family[k] == Family.GPU
        income = listed_income_usd_day(market, k) * market.buyer_view[k]
        values[k] = machine_value_usd(
            income * (1.0 - settings.hosting_discount),
            unit_cost_usd_day(market, k, CARRY_USD_KWH if gpu else HOST_USD_KWH_ASIC),
            life_paths(market, k),
            settings.seller_required_return,
            HOLD_YEARS_GPU if gpu else HOLD_YEARS_ASIC,
            settings.resale_share,
        )
    return values
