"""Tenants that stop paying: unrated ones by a hazard, borrowers when they fail.

The hazard rises with what the contract costs over the spot rent and with tight money: wrong-way
risk. A tenant that can still pay something asks for the spot rent; one that cannot leaves. Then a
guarantor pays the difference up to its cap, and halls stand empty until they are let again.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
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
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    contracts, borrowers = market.contracts, today.first_lender
    if not terms.channels.counterparty:
        return
    for c in range(len(contracts.kind)):
        b = contracts.landlord[c]
        tenant = contracts.tenant[c]
        if (
            b >= borrowers
            or parties.status[b] != Status.ACTIVE
            or contracts.broken_day[c] >= 0
            or today.day < contracts.start_day[c]
            or today.day >= contracts.end_day[c]
        ):
            continue
        if tenant < borrowers:
            if parties.status[tenant] != Status.ACTIVE and not contracts.paid_in_tenant_cost[c]:
                _leave(market, c, Cause.TENANT_FAILED, parties.default_event[tenant])
            continue
        if not contracts.unrated[c]:
            continue
        ratio = rent_over_spot(market, c)
        hazard = tenant_hazard_per_day(
            terms.tenants.hazard_per_year, ratio, terms.tenants.sensitivity, prices.stress
        )
        if uniform(today.seed, Stream.TENANT, today.day, c) >= hazard:
            continue
        parent = today.shock_event
        talks = (
            uniform(today.seed, Stream.TENANT_TALKS, today.day, c)
            < terms.tenants.renegotiated_share
        )
        if talks and ratio > 1.0:
            lost = contracts.usd_day[c] * contracts.rent_share[c] * (1.0 - 1.0 / ratio)
            contracts.rent_share[c] /= ratio
            event = log_event(
                market, Event.RENEGOTIATED, Cause.SPOT_RENT, (b, tenant, -1), 365.0 * lost, parent
            )
            parties.trail_event[b] = event
        else:
            _leave(market, c, Cause.SPOT_RENT, parent)


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
