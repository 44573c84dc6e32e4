"""Who holds which machines at the opening, and under which contracts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...agents.party import Kind
from ..state.contracts import ContractKind, Contracts
from ..state.facts import DAYS_PER_YEAR
from ..state.hardware import Family, Hardware, Holdings, newest_rigs
from ..state.loans import ANY_GROWTH
from .books import Books
from .books_2025.draft import MAX_VARIABLE_COST_USD_KW_YR
from .buyers import accepted_classes
from .drafts import BorrowerDraft, ContractDraft, Drafts


def open_holdings(
    drafts: Drafts,
    books: Books,
    hardware: Hardware,
    names: tuple[str, ...],
    first_buyer: int,
    party_count: int,
) -> Holdings:
    """Machines of borrowers (with rows for signed orders) and empty rows for what buyers accept."""
    index = {name: k for k, name in enumerate(names)}
    ordered: dict[str, set[str]] = {}
    for contract in drafts.contracts:
        if contract.compute and contract.hardware:
            ordered.setdefault(contract.landlord, set()).add(contract.hardware)
    for loan in drafts.loans:
        if loan.growth == ANY_GROWTH and loan.hardware:
            ordered.setdefault(loan.borrower, set()).add(loan.hardware)
    newest = newest_rigs(hardware)
    for draft in drafts.borrowers if newest >= 0 else ():
        if draft.kind == Kind.MINER and any(
            hardware.family[index[name]] == Family.ASIC for name in draft.fleet
        ):
            ordered.setdefault(draft.id, set()).add(names[newest])
    first = np.zeros(party_count + 1, np.int64)
    classes: list[int] = []
    units: list[float] = []
    cost: list[float] = []
    for b, draft in enumerate(drafts.borrowers):
        first[b] = len(units)
        variable = running_cost_usd_kw_day(draft, hardware, index)
        held = dict(draft.fleet)
        for name in sorted(ordered.get(draft.id, set()) - set(held)):
            held[name] = 0.0
        for name, number in held.items():
            classes.append(index[name])
            units.append(number)
            gpu = hardware.family[index[name]] == Family.GPU
            cost.append(variable * hardware.kw[index[name]] if gpu else 0.0)
    first[len(drafts.borrowers) : first_buyer] = size = len(units)
    rows = [np.array(classes, np.int32)]
    p = first_buyer
    for segment in books.buyers:
        accepted = [index[name] for name in accepted_classes(segment, books.hardware, hardware)]
        first[p : p + segment.count] = size + len(accepted) * np.arange(segment.count)
        rows.append(np.tile(np.array(accepted, np.int32), segment.count))
        size += len(rows[-1])
        p += segment.count
    first[p:] = size
    empty = np.zeros(size - len(units))
    return Holdings(
        first=first,
        hardware=np.concatenate(rows),
        units=np.concatenate((units, empty)),
        pledged=np.zeros(size),
        cost_usd_unit_day=np.concatenate((cost, empty)),
        online=np.ones(size),
        waiting_units=np.zeros(size),
        spot_units=np.zeros(size),
        contract_units=np.zeros(size),
        contract_usd_day=np.zeros(size),
        contract_cost_usd_day=np.zeros(size),
        income_usd_unit_day=np.zeros(size),
        premium_usd_unit_day=np.zeros(size),
    )


def running_cost_usd_kw_day(
    draft: BorrowerDraft, hardware: Hardware, index: dict[str, int]
) -> float:
    """Running cost of GPUs per kW and day: neoclouds' variable cost; miners' own power."""
    if draft.plan is not None:
        return draft.plan.running_usd_kw_day
    if draft.kind == Kind.MINER:
        return draft.power_usd_mwh * 0.024
    kw = sum(units * hardware.kw[index[name]] for name, units in draft.fleet.items())
    if kw <= 0:
        return 0.0
    return min(draft.variable_cost_usd_yr / kw, MAX_VARIABLE_COST_USD_KW_YR) / DAYS_PER_YEAR


def compute_business(
    b: int,
    draft: BorrowerDraft,
    contracts: Sequence[ContractDraft],
    hardware: Hardware,
    holdings: Holdings,
    rent_h100: float,
) -> tuple[float, float, float]:
    """Other revenue and cost [USD/day] and spot realisation, so that opening revenue is met.

    Revenue beyond live contracts is spot income of uncovered GPUs at no more than the listed rent;
    what is beyond that is other business. Cost beyond what GPUs explain likewise.
    """
    live = [c for c in contracts if c.start_day <= 0]
    contracted = sum(c.usd_yr for c in live)
    covered_gpus = sum(c.gpus for c in live if c.compute)
    gpu_rows = [
        row
        for row in range(holdings.first[b], holdings.first[b + 1])
        if hardware.family[holdings.hardware[row]] == Family.GPU
    ]
    gpus = sum(holdings.units[row] for row in gpu_rows)
    free = max(0.0, 1.0 - covered_gpus / gpus) if gpus > 0 else 0.0
    listed = sum(
        holdings.units[row] * free * hardware.quality[holdings.hardware[row]] * rent_h100 * 8760.0
        for row in gpu_rows
    )
    rest = max(0.0, draft.revenue_usd_yr - contracted)
    realisation = min(1.0, rest / listed) if listed > 0 else 0.5
    gpu_cost = (
        sum(holdings.units[row] * holdings.cost_usd_unit_day[row] for row in gpu_rows)
        * DAYS_PER_YEAR
    )
    other_cost = max(0.0, draft.variable_cost_usd_yr - gpu_cost)
    return (rest - realisation * listed) / DAYS_PER_YEAR, other_cost / DAYS_PER_YEAR, realisation


def spot_ratio(
    contract: ContractDraft, hardware: Hardware, names: tuple[str, ...], rent_h100: float
) -> float:
    """Contract rent over spot at the opening, at most one: what it reprices to when it expires."""
    if contract.gpus <= 0:
        return 0.0
    spot = hardware.quality[names.index(contract.hardware or "")] * rent_h100 * 8760.0
    return min(1.0, contract.usd_yr / contract.gpus / spot)


def open_contracts(
    drafts: Sequence[ContractDraft],
    party: dict[str, int],
    names: tuple[str, ...],
    hosting_cost_share: float,
) -> Contracts:
    """Every contract as signed; what was signed to come later is ordered, not delivered."""
    lessees = {d.tenant for d in drafts if not d.compute and not d.paid_in_tenant_cost}
    gpus = np.array([d.gpus for d in drafts])
    live = np.array(
        [d.start_day <= 0 or d.from_installed or not d.compute for d in drafts], np.bool_
    )
    caps: dict[tuple[str, str], int] = {}  # the first contract under a guarantee holds its cap
    cap_row = [
        caps.setdefault((d.landlord, d.guarantee or d.id), row) for row, d in enumerate(drafts)
    ]
    cap_usd = np.zeros(len(drafts))
    np.add.at(cap_usd, np.array(cap_row, np.int64), [d.guarantee_usd for d in drafts])
    return Contracts(
        kind=np.array(
            [ContractKind.COMPUTE if d.compute else ContractKind.HOSTING for d in drafts], np.int8
        ),
        landlord=np.array([party[d.landlord] for d in drafts], np.int32),
        tenant=np.array([party.get(d.tenant, party["UTILITY"]) for d in drafts], np.int32),
        hardware=np.array(
            [names.index(d.hardware) if d.hardware else -1 for d in drafts], np.int32
        ),
        gpus=gpus,
        usd_day=np.array([d.usd_yr / DAYS_PER_YEAR for d in drafts]),
        start_day=np.array([d.start_day for d in drafts], np.int32),
        end_day=np.array([d.end_day for d in drafts], np.int32),
        rolled=np.zeros(len(drafts), np.bool_),
        spot_ratio=np.ones(len(drafts)),
        paid_in_tenant_cost=np.array([d.paid_in_tenant_cost for d in drafts], np.bool_),
        cost_share=np.array(  # who passes a lease on has no site of its own to run
            [
                hosting_cost_share if d.start_day > 0 and d.landlord not in lessees else 0.0
                for d in drafts
            ]
        ),
        take_or_pay=np.array([d.take_or_pay for d in drafts], np.bool_),
        signed_later=np.array([d.start_day > 0 for d in drafts], np.bool_),
        ordered=np.where(live, 0.0, gpus),
        delivered=np.where(live, gpus, 0.0),
        holding=np.full(len(drafts), -1, np.int32),
        rent_usd_day=np.zeros(len(drafts)),
        repaid_usd_day=np.zeros(len(drafts)),
        unfunded_days=np.zeros(len(drafts), np.int32),
        unit_cost_usd_day=np.array([d.unit_cost_usd_day for d in drafts]),
        unrated=np.array([d.unrated for d in drafts], np.bool_),
        pooled=np.array([d.pooled for d in drafts], np.bool_),
        guarantor=np.array([party.get(d.guarantor or "", -1) for d in drafts], np.int32),
        guarantee_left_usd=cap_usd,
        guaranteed_with=np.array(
            [-1 if row == c else row for c, row in enumerate(cap_row)], np.int32
        ),
        rent_share=np.ones(len(drafts)),
        broken_day=np.full(len(drafts), -1, np.int32),
        for_rigs=np.array([d.for_rigs for d in drafts], np.bool_),
        empty_days=np.zeros(len(drafts)),
        relet_usd_day=np.zeros(len(drafts)),
        claim_usd=np.zeros(len(drafts)),
    )
