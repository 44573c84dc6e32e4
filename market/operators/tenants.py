"""Tenants that stop paying: unrated ones by a hazard, borrowers when they fail.

The hazard rises with what rents cost over the spot rent and with tight money: wrong-way risk. Who
can still pay something asks for the spot rent; who cannot is gone, and a guarantor pays the
difference up to its cap, while halls stand empty until they are let again.

A tenant with a name decides and fails as one firm, with all its contracts, on one draw a day. A
pool of customers (``pooled`` in ``outside.csv``), and a lender that rents, do so contract by
contract.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.neocloud import HOURS_PER_DAY, tenant_hazard_per_day
from ...agents.party import Status
from ..state.contracts import ContractKind
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.market import Market
from ..state.randomness import Stream, uniform


@compiled
def rent_over_spot(market: Market, c: int) -> float:
    """What a compute contract pays over the spot rent of its class; one for halls."""
    contracts, hardware = market.contracts, market.hardware
    if contracts.kind[c] != ContractKind.COMPUTE or contracts.gpus[c] <= 0.0:
        return 1.0
    spot = market.prices.rent_h100_usd_h * hardware.quality[contracts.hardware[c]] * HOURS_PER_DAY
    return contracts.rent_share[c] * contracts.usd_day[c] / contracts.gpus[c] / max(spot, 1e-9)


@compiled
def break_contracts(market: Market) -> None:
    """Tenants renegotiate or leave (in place)."""
    today, terms, parties, contracts = market.today, market.terms, market.parties, market.contracts
    if not terms.channels.counterparty:
        return
    _ask_named_tenants(market)
    for c in range(len(contracts.kind)):
        if not _is_open(market, c):
            continue
        tenant = contracts.tenant[c]
        if tenant < today.first_lender or _has_a_name(market, c):
            if parties.status[tenant] != Status.ACTIVE and not contracts.paid_in_tenant_cost[c]:
                _leave(market, c, Cause.TENANT_FAILED, parties.default_event[tenant])
            continue
        if not contracts.unrated[c] or today.day < contracts.start_day[c]:
            continue
        ratio = rent_over_spot(market, c)
        if uniform(today.seed, Stream.TENANT, today.day, c) >= _hazard(market, ratio):
            continue
        talks = uniform(today.seed, Stream.TENANT_TALKS, today.day, c)
        if talks < terms.tenants.renegotiated_share and ratio > 1.0:
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
def _may_break(market: Market, c: int) -> bool:
    """Whether a contract is one that an unrated tenant with a name pays for today."""
    contracts = market.contracts
    return (
        _has_a_name(market, c)
        and contracts.unrated[c]
        and market.today.day >= contracts.start_day[c]
        and _is_open(market, c)
    )


@inlined
def _hazard(market: Market, ratio: float) -> float:
    """Probability that a tenant asks or leaves today."""
    tenants = market.terms.tenants
    return tenant_hazard_per_day(
        tenants.hazard_per_year, ratio, tenants.sensitivity, market.prices.stress
    )


@compiled
def _ask_named_tenants(market: Market) -> None:
    """One draw a day and tenant: it asks for the spot rent where it pays more, or fails.

    How dear its contracts are is what all of them cost over what they would at spot.
    """
    today, contracts = market.today, market.contracts
    outside = len(market.parties.status) - today.first_outside
    rent, at_spot = np.zeros(outside), np.zeros(outside)
    for c in range(len(contracts.kind)):
        paid = contracts.usd_day[c] * contracts.rent_share[c]
        if paid > 0.0 and _may_break(market, c):
            place = contracts.tenant[c] - today.first_outside
            rent[place] += paid
            at_spot[place] += paid / rent_over_spot(market, c)
    for place in range(outside):
        tenant = today.first_outside + place
        if rent[place] <= 0.0 or market.parties.status[tenant] != Status.ACTIVE:
            continue
        ratio = rent[place] / at_spot[place]
        if uniform(today.seed, Stream.NAMED_TENANT, today.day, tenant) >= _hazard(market, ratio):
            continue
        talks = uniform(today.seed, Stream.NAMED_TENANT_TALKS, today.day, tenant)
        if talks >= market.terms.tenants.renegotiated_share or ratio <= 1.0:
            _fail(market, tenant, rent[place])
            continue
        for c in range(len(contracts.kind)):
            if contracts.tenant[c] == tenant and _may_break(market, c):
                over = rent_over_spot(market, c)
                if over > 1.0:
                    _renegotiate(market, c, over)


@compiled
def _fail(market: Market, tenant: int, usd_day: float) -> None:
    """A tenant outside the books stops paying for ever; the amount is a year's rent."""
    today, parties = market.today, market.parties
    event = log_event(
        market,
        Event.TENANT_FAILED,
        Cause.SPOT_RENT,
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
