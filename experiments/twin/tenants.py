"""Tenants: those with a name decide and fail as one firm, pools contract by contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.state.events import Cause, Event
from ...market.state.randomness import Stream
from .borrower import Borrower
from .party import Outsider
from .rules import tenant_hazard_per_day, uniform

if TYPE_CHECKING:
    from .contract import Contract
    from .model import TwinMarket

TENANT, TENANT_TALKS = int(Stream.TENANT), int(Stream.TENANT_TALKS)
NAMED, NAMED_TALKS = int(Stream.NAMED_TENANT), int(Stream.NAMED_TENANT_TALKS)


def break_contracts(market: TwinMarket) -> None:
    """Named tenants ask or fail; then who has failed leaves, and pools' contracts ask or break."""
    paying: dict[Outsider, list[Contract]] = {}
    for contract in market.contracts:
        if _is_open(contract, market) and _has_a_name(contract) and _may_break(contract, market):
            paying.setdefault(contract.tenant, []).append(contract)
    for tenant in sorted(paying, key=lambda one: one.number):
        if tenant.status is Status.ACTIVE:
            _ask_named(tenant, paying[tenant], market)
    for contract in market.contracts:
        if not _is_open(contract, market):
            continue
        tenant = contract.tenant
        if isinstance(tenant, Borrower) or _has_a_name(contract):
            if tenant.status is not Status.ACTIVE and not contract.paid_in_tenant_cost:
                contract.leave(market, Cause.TENANT_FAILED, tenant.default_event)
        elif _may_break(contract, market):
            _ask_for_one(contract, market)


def _is_open(contract: Contract, market: TwinMarket) -> bool:
    landlord = contract.landlord
    return (
        isinstance(landlord, Borrower)
        and landlord.status is Status.ACTIVE
        and contract.broken_day < 0
        and market.day < contract.end_day
    )


def _has_a_name(contract: Contract) -> bool:
    """Whether the tenant is one firm outside the books."""
    return isinstance(contract.tenant, Outsider) and not contract.pooled


def _may_break(contract: Contract, market: TwinMarket) -> bool:
    return contract.unrated and market.day >= contract.start_day


def _hazard(market: TwinMarket, ratio: float) -> float:
    tenants = market.terms.tenants
    hazard: float = tenant_hazard_per_day(
        tenants.hazard_per_year, ratio, tenants.sensitivity, market.prices.stress
    )
    return hazard


def _ask_named(tenant: Outsider, contracts: list[Contract], market: TwinMarket) -> None:
    """One draw for all that a tenant rents, as dear as all of it is over spot."""
    rent = at_spot = 0.0
    for contract in contracts:
        paid = contract.usd_day * contract.rent_share
        if paid > 0.0:
            rent += paid
            at_spot += paid / contract.rent_over_spot(market)
    if rent <= 0.0:
        return
    ratio = rent / at_spot
    if uniform(market.seed, NAMED, market.day, tenant.number) >= _hazard(market, ratio):
        return
    talks = uniform(market.seed, NAMED_TALKS, market.day, tenant.number)
    if talks < market.terms.tenants.renegotiated_share and ratio > 1.0:
        for contract in contracts:
            over = contract.rent_over_spot(market)
            if over > 1.0:
                contract.renegotiate(market, over)
        return
    tenant.status, tenant.default_day = Status.DEFAULTED, market.day
    tenant.default_event = market.note(
        Event.TENANT_FAILED, Cause.SPOT_RENT, tenant, None, None, 365.0 * rent, market.shock_event
    )


def _ask_for_one(contract: Contract, market: TwinMarket) -> None:
    """One of a pool's contracts."""
    ratio = contract.rent_over_spot(market)
    if uniform(market.seed, TENANT, market.day, contract.number) >= _hazard(market, ratio):
        return
    talks = uniform(market.seed, TENANT_TALKS, market.day, contract.number)
    if talks < market.terms.tenants.renegotiated_share and ratio > 1.0:
        contract.renegotiate(market, ratio)
    else:
        contract.leave(market, Cause.SPOT_RENT, market.shock_event)
