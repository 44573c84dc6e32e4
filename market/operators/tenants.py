"""Tenants that stop paying, by the demand for what they sell, and what landlords are left with.

All tenants feel one common factor: demand for compute (of miners that rent halls: hashprice) and
money. The unrated fail by it, the rated hardly ever. Whoever is unrated and pays more than spot may
also ask for the spot rent, or leave: wrong-way risk.

A tenant with a name fails as one firm: it gives notice, pays meanwhile as the law asks of who stays
(11 U.S.C. 365(d)(3)), and then all its contracts break on one day. A borrower that fails leaves at
once. A pool of customers (``pooled`` in ``outside.csv``), and a lender that rents, do so contract
by contract. Landlords let again, call on guarantors, and have an unsecured claim for the rest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Outside, Status
from ...agents.tenant import (
    asking_per_year,
    chance_per_day,
    common_factor,
    empty_hall_damages_usd,
    failing_per_year,
    lease_claim_usd,
)
from ..state.contracts import ContractKind
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.market import Market
from ..state.money import pay
from ..state.randomness import Stream, uniform


@compiled
def rent_over_spot(market: Market, c: int) -> float:
    """What a contract pays over the spot rent of its class, or of empty halls of its kind."""
    contracts, hardware, prices = market.contracts, market.hardware, market.prices
    if contracts.kind[c] == ContractKind.HOSTING:
        index = prices.rig_hall_rent if contracts.for_rigs[c] else prices.hall_rent
        return contracts.rent_share[c] / max(index, 1e-9)
    if contracts.gpus[c] <= 0.0:
        return 1.0
    spot = prices.rent_h100_usd_h * hardware.quality[contracts.hardware[c]] * HOURS_PER_DAY
    return contracts.rent_share[c] * contracts.usd_day[c] / contracts.gpus[c] / max(spot, 1e-9)


@compiled
def break_contracts(market: Market) -> None:
    """Tenants renegotiate or leave; claims on those that failed are paid (in place)."""
    today, terms, parties, contracts = market.today, market.terms, market.parties, market.contracts
    if not terms.channels.counterparty:
        return
    failing = _failing(market)
    _ask_named_tenants(market, failing)
    for c in range(len(contracts.kind)):
        tenant = contracts.tenant[c]
        if tenant < today.first_lender or _has_a_name(market, c):
            if parties.status[tenant] != Status.ACTIVE and contracts.broken_day[c] < 0:
                _follow(market, c, tenant)
        elif _is_open(market, c) and _pays(market, c):
            _ask_one_of_a_pool(market, failing, c)
        if contracts.claim_usd[c] > 0.0 and tenant >= today.first_lender:
            _collect(market, c)


@compiled
def _follow(market: Market, c: int, tenant: int) -> None:
    """A contract breaks with its tenant: of a borrower at once, of others when notice is over."""
    today, contracts = market.today, market.contracts
    in_books = tenant < today.first_lender
    if in_books and not market.terms.channels.tenants_in_books:
        return  # who took over its machines pays
    notice = 0 if in_books else market.terms.tenants.notice_days
    if today.day < market.parties.default_day[tenant] + notice:
        return
    if _is_open(market, c):
        _leave(market, c, Cause.TENANT_FAILED, market.parties.default_event[tenant])
    elif in_books and contracts.landlord[c] >= today.first_lender:
        if today.day >= contracts.end_day[c]:
            return
        contracts.broken_day[c] = today.day  # a landlord outside claims too
        _claim(market, c)


@compiled
def _ask_one_of_a_pool(market: Market, failing: Failing, c: int) -> None:
    """One firm of a pool, or a lender that rents: it fails, leaves, or pays less."""
    today, contracts = market.today, market.contracts
    ratio = rent_over_spot(market, c)
    unrated, for_rigs = contracts.unrated[c], contracts.for_rigs[c]
    fails, breaks = _chances(market, failing, ratio, unrated, for_rigs)
    draw = uniform(today.seed, Stream.TENANT, today.day, c)
    if draw >= breaks:
        return
    if draw < fails:
        _leave(market, c, Cause.DEMAND, today.shock_event)
        return
    talks = uniform(today.seed, Stream.TENANT_TALKS, today.day, c)
    if talks < market.terms.tenants.renegotiated_share and ratio > 1.0:
        _renegotiate(market, c, ratio)
    else:
        _leave(market, c, Cause.SPOT_RENT, today.shock_event)


@inlined
def _is_open(market: Market, c: int) -> bool:
    """Whether a contract of a borrower that stands could still break."""
    today, contracts = market.today, market.contracts
    landlord = contracts.landlord[c]
    return (
        landlord < today.first_lender
        and market.parties.status[landlord] == Status.ACTIVE
        and contracts.broken_day[c] < 0
        and today.day < contracts.end_day[c]
    )


@inlined
def _has_a_name(market: Market, c: int) -> bool:
    """Whether the tenant is one firm outside the books."""
    contracts = market.contracts
    return contracts.tenant[c] >= market.today.first_outside and not contracts.pooled[c]


@inlined
def _pays(market: Market, c: int) -> bool:
    """Whether a contract is paid for today by somebody who may stop."""
    contracts = market.contracts
    may_stop = contracts.unrated[c] or market.terms.tenants.common_factor
    return may_stop and market.today.day >= contracts.start_day[c]


@compiled
def tenants_factor(market: Market, for_rigs: bool) -> float:
    """The common factor today: of who rents machines or halls for them, or of miners."""
    prices, terms = market.prices, market.terms
    if for_rigs:
        demand = math.log(prices.hashprice_usd_ph_day / market.opening.hashprice_usd_ph_day)
        return common_factor(demand, terms.liquidation.hashprice_volatility, prices.stress)
    planned = market.compute.planned_rent[market.today.day]
    demand = terms.compute.elasticity * math.log(planned)  # for work, at the supply signed
    return common_factor(demand, terms.tenants.demand_deviation, prices.stress)


class Failing(NamedTuple):
    """Rates a year at which tenants fail today, by what they rent and whether they are rated."""

    unrated: float
    rated: float
    unrated_of_rigs: float
    rated_of_rigs: float


@compiled
def _failing(market: Market) -> Failing:
    """The day's rates: one common factor for who rents compute, one for who mines."""
    tenants = market.terms.tenants
    if not tenants.common_factor:
        return Failing(0.0, 0.0, 0.0, 0.0)
    compute, rigs = tenants_factor(market, False), tenants_factor(market, True)
    rated, loading = tenants.rated_hazard_per_year, tenants.rated_factor_loading
    return Failing(
        failing_per_year(tenants.hazard_per_year, tenants.factor_loading, compute),
        failing_per_year(rated, loading, compute),
        failing_per_year(tenants.hazard_per_year, tenants.factor_loading, rigs),
        failing_per_year(rated, loading, rigs),
    )


@inlined
def _chances(
    market: Market, failing: Failing, ratio: float, unrated: bool, for_rigs: bool
) -> tuple[float, float]:
    """Probability that a tenant fails today, and that it fails, asks or leaves."""
    tenants, stress = market.terms.tenants, market.prices.stress
    asks = 0.0
    if unrated:
        asks = asking_per_year(tenants.hazard_per_year, ratio, tenants.sensitivity, stress)
    if not tenants.common_factor:  # who does not pay more than spot leaves by the same rate
        rest = tenants.hazard_per_year * math.exp(max(0.0, stress)) if unrated else 0.0
        return 0.0, chance_per_day(asks + rest)
    if for_rigs:
        fails = failing.unrated_of_rigs if unrated else failing.rated_of_rigs
    else:
        fails = failing.unrated if unrated else failing.rated
    return chance_per_day(fails), chance_per_day(fails + asks)


@compiled
def _ask_named_tenants(market: Market, failing: Failing) -> None:
    """One draw a day and tenant: it fails, or asks for the spot rent where it pays more.

    How dear its contracts are is what all of them cost over what they would at spot.
    """
    today, contracts = market.today, market.contracts
    outside = len(market.parties.status) - today.first_outside
    rent, at_spot = np.zeros(outside), np.zeros(outside)
    unrated = np.zeros(outside, np.bool_)
    for c in range(len(contracts.kind)):
        paid = contracts.usd_day[c] * contracts.rent_share[c]
        if paid > 0.0 and _has_a_name(market, c) and _pays(market, c) and _is_open(market, c):
            place = contracts.tenant[c] - today.first_outside
            rent[place] += paid
            at_spot[place] += paid / rent_over_spot(market, c)
            unrated[place] = unrated[place] or contracts.unrated[c]
    for place in range(outside):
        tenant = today.first_outside + place
        if rent[place] <= 0.0 or market.parties.status[tenant] != Status.ACTIVE:
            continue
        drawn_as = tenant - today.prospects  # its luck does not hang on who may enter
        ratio = rent[place] / at_spot[place]
        fails, breaks = _chances(market, failing, ratio, unrated[place], False)
        draw = uniform(today.seed, Stream.NAMED_TENANT, today.day, drawn_as)
        if draw >= breaks:
            continue
        if draw < fails:
            _fail(market, tenant, rent[place], Cause.DEMAND)
            continue
        talks = uniform(today.seed, Stream.NAMED_TENANT_TALKS, today.day, drawn_as)
        if talks >= market.terms.tenants.renegotiated_share or ratio <= 1.0:
            _fail(market, tenant, rent[place], Cause.SPOT_RENT)
            continue
        for c in range(len(contracts.kind)):
            if contracts.tenant[c] != tenant or not _pays(market, c) or not _is_open(market, c):
                continue
            over = rent_over_spot(market, c)
            if over > 1.0:
                _renegotiate(market, c, over)


@compiled
def _fail(market: Market, tenant: int, usd_day: float, cause: int) -> None:
    """A tenant outside the books gives notice; the amount is a year's rent."""
    today, parties = market.today, market.parties
    event = log_event(
        market,
        Event.TENANT_FAILED,
        cause,
        (tenant, -1, -1),
        365.0 * usd_day,
        today.shock_event,
    )
    parties.status[tenant] = Status.DEFAULTED
    parties.default_day[tenant] = today.day
    parties.default_event[tenant] = event


@compiled
def _renegotiate(market: Market, c: int, ratio: float) -> None:
    """A contract pays the spot rent from now on; the amount is what a year loses by it."""
    today, contracts = market.today, market.contracts
    b = contracts.landlord[c]
    lost = contracts.usd_day[c] * contracts.rent_share[c] * (1.0 - 1.0 / ratio)
    contracts.rent_share[c] /= ratio
    who = (b, contracts.tenant[c], -1)
    event = log_event(
        market, Event.RENEGOTIATED, Cause.SPOT_RENT, who, 365.0 * lost, today.shock_event
    )
    market.parties.trail_event[b] = event


@compiled
def _leave(market: Market, c: int, cause: int, parent: int) -> None:
    """A tenant is gone; the amount is a year's rent."""
    today, parties, contracts = market.today, market.parties, market.contracts
    b = contracts.landlord[c]
    contracts.broken_day[c] = today.day
    rent = contracts.usd_day[c] * contracts.rent_share[c]
    event = log_event(
        market, Event.TENANT_LEFT, cause, (b, contracts.tenant[c], -1), 365.0 * rent, parent
    )
    parties.trail_event[b] = event
    if cause != Cause.SPOT_RENT:  # who leaves for elsewhere has come to terms
        _claim(market, c)


@compiled
def _claim(market: Market, c: int) -> None:
    """The landlord's unsecured claim on a tenant that failed, for what no guarantor covers.

    Machines: rent over spot for the rest of the term, which nothing caps. Halls: what their being
    empty and let for less costs, up to the cap of bankruptcy law.
    """
    contracts, prices, tenants = market.contracts, market.prices, market.terms.tenants
    if not tenants.rejection_claims:
        return
    day = market.today.day
    rent = contracts.usd_day[c] * contracts.rent_share[c]
    left = float(contracts.end_day[c] - max(day, contracts.start_day[c]))
    if contracts.kind[c] == ContractKind.HOSTING:
        rigs = contracts.for_rigs[c]
        demand = prices.rig_hall_demand if rigs else prices.hall_demand
        index = prices.rig_hall_rent if rigs else prices.hall_rent
        empty_days = tenants.relet_days / max(demand, 1e-6)
        relet = tenants.relet_share * index * contracts.usd_day[c]
        damages = empty_hall_damages_usd(rent, left, empty_days, relet)
        claim = lease_claim_usd(rent, left, damages)
    else:
        rent *= contracts.delivered[c] / max(contracts.gpus[c], 1e-9)
        over = rent_over_spot(market, c)
        claim = max(0.0, rent * (1.0 - 1.0 / max(over, 1e-9))) * left
    if contracts.guarantor[c] >= 0:
        cap = contracts.guaranteed_with[c] if contracts.guaranteed_with[c] >= 0 else c
        claim = max(0.0, claim - contracts.guarantee_left_usd[cap])
    contracts.claim_usd[c] = claim
    if contracts.tenant[c] < market.today.first_lender:  # its estate pays
        market.parties.lease_claims_usd[contracts.tenant[c]] += claim


@compiled
def _collect(market: Market, c: int) -> None:
    """When the court is done, a failed tenant outside the books pays its share of a claim."""
    today, contracts, terms = market.today, market.contracts, market.terms
    if today.day < contracts.broken_day[c] + terms.credit.bankruptcy_days:
        return
    landlord = contracts.landlord[c]
    if market.parties.status[landlord] == Status.WOUND_UP:
        landlord = today.first_outside + Outside.INVESTORS
    amount = terms.tenants.claim_recovery_share * contracts.claim_usd[c]
    payer = contracts.tenant[c]
    if today.first_lender <= payer < today.first_outside:
        payer = today.first_outside + Outside.UTILITY  # as its rents: no lender's books have them
    pay(market, payer, landlord, amount)
    contracts.claim_usd[c] = 0.0
