"""Tenants that stop paying: unrated ones by a hazard, borrowers when they fail.

The hazard rises with what the contract costs over the spot rent and with tight money: wrong-way
risk. A tenant that can still pay something asks for the spot rent; one that cannot leaves. Then a
guarantor pays the difference up to its cap, and halls stand empty until they are let again.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.neocloud import HOURS_PER_DAY, tenant_hazard_per_day
from ...agents.party import Parties, Status
from ..state.context import Terms, Today
from ..state.contracts import ContractKind, Contracts
from ..state.events import Cause, Event, Log, log_event
from ..state.hardware import Hardware
from ..state.randomness import Stream, uniform


@compiled
def rent_over_spot(today: Today, c: int, contracts: Contracts, hardware: Hardware) -> float:
    """What a compute contract pays over the spot rent of its class; one for halls."""
    if contracts.kind[c] != ContractKind.COMPUTE or contracts.gpus[c] <= 0.0:
        return 1.0
    spot = today.rent_h100_usd_h * hardware.quality[contracts.hardware[c]] * HOURS_PER_DAY
    return contracts.rent_share[c] * contracts.usd_day[c] / contracts.gpus[c] / max(spot, 1e-9)


@compiled
def break_contracts(
    today: Today,
    terms: Terms,
    borrowers: int,
    contracts: Contracts,
    hardware: Hardware,
    parties: Parties,
    log: Log,
) -> None:
    """Tenants renegotiate or leave (in place)."""
    if not terms.counterparty:
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
                _leave(
                    today,
                    c,
                    Cause.TENANT_FAILED,
                    parties.default_event[tenant],
                    contracts,
                    parties,
                    log,
                )
            continue
        if not contracts.unrated[c]:
            continue
        ratio = rent_over_spot(today, c, contracts, hardware)
        hazard = tenant_hazard_per_day(
            terms.tenant_hazard_per_year, ratio, terms.tenant_sensitivity, today.stress
        )
        if uniform(today.seed, Stream.TENANT, today.day, c) >= hazard:
            continue
        parent = today.shock_event
        talks = uniform(today.seed, Stream.TENANT_TALKS, today.day, c) < terms.renegotiated_share
        if talks and ratio > 1.0:
            lost = contracts.usd_day[c] * contracts.rent_share[c] * (1.0 - 1.0 / ratio)
            contracts.rent_share[c] /= ratio
            event = log_event(
                log,
                today.day,
                Event.RENEGOTIATED,
                Cause.SPOT_RENT,
                b,
                tenant,
                -1,
                365.0 * lost,
                parent,
            )
            parties.trail_event[b] = event
        else:
            _leave(today, c, Cause.SPOT_RENT, parent, contracts, parties, log)


@compiled
def _leave(
    today: Today,
    c: int,
    cause: int,
    parent: int,
    contracts: Contracts,
    parties: Parties,
    log: Log,
) -> None:
    """A tenant is gone; the amount is a year's rent."""
    b = contracts.landlord[c]
    contracts.broken_day[c] = today.day
    rent = contracts.usd_day[c] * contracts.rent_share[c]
    event = log_event(
        log, today.day, Event.TENANT_LEFT, cause, b, contracts.tenant[c], -1, 365.0 * rent, parent
    )
    parties.trail_event[b] = event
