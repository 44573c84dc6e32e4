"""Tenants: those with a name fail as one firm after a notice, pools contract by contract."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.state.contracts import ContractKind
from ...market.state.events import Cause, Event
from ...market.state.randomness import Stream
from .borrower import Borrower
from .lender import Lender
from .party import Outsider, Party
from .rules import (
    asking_per_year,
    chance_per_day,
    common_factor,
    empty_hall_damages_usd,
    failing_per_year,
    lease_claim_usd,
    uniform,
)

if TYPE_CHECKING:
    from .contract import Contract
    from .model import TwinMarket

TENANT, TENANT_TALKS = int(Stream.TENANT), int(Stream.TENANT_TALKS)
NAMED, NAMED_TALKS = int(Stream.NAMED_TENANT), int(Stream.NAMED_TENANT_TALKS)


def break_contracts(market: TwinMarket) -> None:
    """Named tenants ask or fail; then who has failed leaves, pools' contracts ask or break."""
    paying: dict[Outsider, list[Contract]] = {}
    for contract in market.contracts:
        if _is_open(contract, market) and _has_a_name(contract) and _pays(contract, market):
            paying.setdefault(contract.tenant, []).append(contract)
    for tenant in sorted(paying, key=lambda one: one.number):
        if tenant.status is Status.ACTIVE:
            _ask_named(tenant, paying[tenant], market)
    for contract in market.contracts:
        tenant = contract.tenant
        if isinstance(tenant, Borrower) or _has_a_name(contract):
            if tenant.status is not Status.ACTIVE and contract.broken_day < 0:
                _follow(contract, tenant, market)
        elif _is_open(contract, market) and _pays(contract, market):
            _ask_for_one(contract, market)
        if contract.claim_usd > 0.0 and not isinstance(tenant, Borrower):
            _collect(contract, market)


def _follow(contract: Contract, tenant: Party, market: TwinMarket) -> None:
    """It breaks with its tenant: a borrower's at once, others' when notice is over."""
    in_books = isinstance(tenant, Borrower)
    if in_books and not market.terms.channels.tenants_in_books:
        return
    notice = 0 if in_books else market.terms.tenants.notice_days
    if market.day < tenant.default_day + notice:
        return
    if _is_open(contract, market):
        contract.leave(market, Cause.TENANT_FAILED, tenant.default_event)
        claim(contract, market)
    elif isinstance(contract.landlord, Borrower) or not in_books:
        return
    elif market.day < contract.end_day:
        contract.broken_day = market.day
        claim(contract, market)


def claim(contract: Contract, market: TwinMarket) -> None:
    """The landlord's unsecured claim, for what no guarantor covers."""
    prices, settings = market.prices, market.terms.tenants
    if not settings.rejection_claims:
        return
    rent = contract.usd_day * contract.rent_share
    left = float(contract.end_day - max(market.day, contract.start_day))
    if contract.kind is ContractKind.HOSTING:
        demand = prices.rig_hall_demand if contract.for_rigs else prices.hall_demand
        index = prices.rig_hall_rent if contract.for_rigs else prices.hall_rent
        relet = settings.relet_share * index * contract.usd_day
        empty = settings.relet_days / max(demand, 1e-6)
        damages = empty_hall_damages_usd(rent, left, empty, relet)
        amount = lease_claim_usd(rent, left, damages)
    else:
        rent *= contract.delivered / max(contract.gpus, 1e-9)
        over = contract.rent_over_spot(market)
        amount = max(0.0, rent * (1.0 - 1.0 / max(over, 1e-9))) * left
    if contract.guarantor is not None:
        cap = contract.guaranteed_with or contract
        amount = max(0.0, amount - cap.guarantee_left_usd)
    contract.claim_usd = amount
    if isinstance(contract.tenant, Borrower):
        contract.tenant.lease_claims_usd += amount


def _collect(contract: Contract, market: TwinMarket) -> None:
    """A failed tenant outside the books pays its share, once its court is done."""
    if market.day < contract.broken_day + market.terms.credit.bankruptcy_days:
        return
    landlord = contract.landlord
    if landlord.status is Status.WOUND_UP:
        landlord = market.investors
    payer = market.utility if isinstance(contract.tenant, Lender) else contract.tenant
    payer.pay(landlord, market.terms.tenants.claim_recovery_share * contract.claim_usd)
    contract.claim_usd = 0.0


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


def _pays(contract: Contract, market: TwinMarket) -> bool:
    may_stop = contract.unrated or market.terms.tenants.common_factor
    return may_stop and market.day >= contract.start_day


def _factor(market: TwinMarket, for_rigs: bool) -> float:
    """The common factor of who rents for GPUs, or of miners."""
    prices, terms = market.prices, market.terms
    if for_rigs:
        demand = math.log(prices.hashprice_usd_ph_day / market.opening.hashprice_usd_ph_day)
        deviation = terms.liquidation.hashprice_volatility
    else:
        planned = float(market.compute.planned_rent[market.day])
        demand = terms.compute.elasticity * math.log(planned)
        deviation = terms.tenants.demand_deviation
    factor: float = common_factor(demand, deviation, prices.stress)
    return factor


def _chances(
    market: TwinMarket, ratio: float, unrated: bool, for_rigs: bool
) -> tuple[float, float]:
    """Probability to fail today, and to fail, ask or leave."""
    settings, stress = market.terms.tenants, market.prices.stress
    asks = 0.0
    if unrated:
        asks = asking_per_year(settings.hazard_per_year, ratio, settings.sensitivity, stress)
    if not settings.common_factor:
        rest = settings.hazard_per_year * math.exp(max(0.0, stress)) if unrated else 0.0
        return 0.0, chance_per_day(asks + rest)
    per_year, loading = settings.rated_hazard_per_year, settings.rated_factor_loading
    if unrated:
        per_year, loading = settings.hazard_per_year, settings.factor_loading
    fails = failing_per_year(per_year, loading, _factor(market, for_rigs))
    return chance_per_day(fails), chance_per_day(fails + asks)


def _ask_named(tenant: Outsider, contracts: list[Contract], market: TwinMarket) -> None:
    """One draw for all that a tenant rents, as dear as all of it is over spot."""
    rent = at_spot = 0.0
    unrated = False
    for contract in contracts:
        paid = contract.usd_day * contract.rent_share
        if paid > 0.0:
            rent += paid
            at_spot += paid / contract.rent_over_spot(market)
            unrated = unrated or contract.unrated
    if rent <= 0.0:
        return
    ratio = rent / at_spot
    fails, breaks = _chances(market, ratio, unrated, False)
    drawn_as = tenant.number - sum(one.plan_kw > 0.0 for one in market.borrowers)
    draw = uniform(market.seed, NAMED, market.day, drawn_as)
    if draw >= breaks:
        return
    talks = uniform(market.seed, NAMED_TALKS, market.day, drawn_as)
    if draw >= fails and talks < market.terms.tenants.renegotiated_share and ratio > 1.0:
        for contract in contracts:
            over = contract.rent_over_spot(market)
            if over > 1.0:
                contract.renegotiate(market, over)
        return
    cause = Cause.DEMAND if draw < fails else Cause.SPOT_RENT
    tenant.status, tenant.default_day = Status.DEFAULTED, market.day
    tenant.default_event = market.note(
        Event.TENANT_FAILED, cause, tenant, None, None, 365.0 * rent, market.shock_event
    )


def _ask_for_one(contract: Contract, market: TwinMarket) -> None:
    """One of a pool's contracts."""
    ratio = contract.rent_over_spot(market)
    fails, breaks = _chances(market, ratio, contract.unrated, contract.for_rigs)
    draw = uniform(market.seed, TENANT, market.day, contract.number)
    if draw >= breaks:
        return
    if draw < fails:
        contract.leave(market, Cause.DEMAND, market.shock_event)
        claim(contract, market)
        return
    talks = uniform(market.seed, TENANT_TALKS, market.day, contract.number)
    if talks < market.terms.tenants.renegotiated_share and ratio > 1.0:
        contract.renegotiate(market, ratio)
    else:
        contract.leave(market, Cause.SPOT_RENT, market.shock_event)
