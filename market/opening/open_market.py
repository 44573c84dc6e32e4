"""Opening books: the state of a market on its first day, from tables, scenario and seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...agents.borrower import empty_borrowers
from ...agents.miner import empty_miners
from ...agents.neocloud import empty_neoclouds
from ...agents.party import OUTSIDE_NAMES, Kind, Parties, empty_parties
from ..scenario.scenario import Scenario
from ..state.contracts import ContractKind, Contracts
from ..state.events import EVENT_DTYPE, Log
from ..state.hardware import Family, Hardware, Holdings, holding_rows
from ..state.ledger import empty_ledger
from ..state.loans import ANY_GROWTH, Collateral, Loans
from ..state.lots import empty_lots
from ..state.market import Names, Prices, State
from ..state.orders import Orders, empty_orders
from .books import OpeningTables
from .books_2021.draft import claims_owed, draft_2021
from .books_2021.facts import open_diary
from .books_2021.read import Tables2021
from .books_2021.sample import sample_tables_2021
from .books_2025.draft import MAX_VARIABLE_COST_USD_KW_YR, draft_books
from .books_2025.sample import sample_tables
from .books_2025.signed_orders import add_growth, spot_order_class
from .buyers import accepted_classes, open_buyers
from .drafts import MILLION, BorrowerDraft, ContractDraft, Drafts
from .hardware import build_hardware, class_names, h100_rent_usd_h
from .interlender import interlender_of, open_interlender
from .loans_and_lenders import open_lenders, open_loans, pledge

DAYS = 365.0
LISTINGS = 5  # room for lots of a holding: one seizure, and sales by its owner


def open_market(tables: OpeningTables, scenario: Scenario, seed: int) -> State:
    """Build the state of day 0.

    The same tables, scenario and seed give the same bits.
    """
    if scenario.opening.sample:
        if isinstance(tables, Tables2021):
            tables = sample_tables_2021(tables, seed)
        else:
            tables = sample_tables(tables, seed)
    hardware_names = class_names(tables)
    hardware = build_hardware(tables)
    if isinstance(tables, Tables2021):
        drafts = draft_2021(tables, scenario.facts)
    else:
        drafts = draft_books(tables, scenario.opening.scale)
        add_growth(drafts, hardware_names, hardware, tables.lenders, scenario)

    ids = [draft.id for draft in drafts.borrowers]
    titles = [draft.name for draft in drafts.borrowers]
    first_lender = len(ids)
    ids += [row.id for row in tables.lenders]
    titles += [row.name for row in tables.lenders]
    first_buyer = len(ids)
    for segment in tables.buyers:
        ids += [f"{segment.segment}_{i + 1:04d}" for i in range(segment.count)]
        titles += [f"{segment.name}, buyer {i + 1}" for i in range(segment.count)]
    first_outside = len(ids)
    ids += OUTSIDE_NAMES
    titles += [name.replace("_", " ").capitalize() for name in OUTSIDE_NAMES]
    ids += [row.id for row in tables.outside]
    titles += [row.name for row in tables.outside]
    party = {name: p for p, name in enumerate(ids)}

    parties = empty_parties(len(ids))
    parties.kind[:first_lender] = [draft.kind for draft in drafts.borrowers]
    parties.kind[first_lender:first_buyer] = Kind.LENDER
    parties.kind[first_buyer:first_outside] = Kind.BUYER
    _fill_parties(parties, drafts, tables, first_lender)

    holdings = _holdings(drafts, tables, hardware, hardware_names, first_buyer, len(ids))
    contracts = _contracts(
        drafts.contracts, party, hardware_names, scenario.miners.hosting_cost_share
    )
    borrowers = empty_borrowers(first_lender)
    miners = empty_miners(first_lender)
    neoclouds = empty_neoclouds(first_lender)
    rent = h100_rent_usd_h(tables)
    contracts_of: dict[str, list[ContractDraft]] = {}
    for contract in drafts.contracts:
        contracts_of.setdefault(contract.landlord, []).append(contract)
    for b, draft in enumerate(drafts.borrowers):
        borrowers.fixed_cost_usd_day[b] = draft.fixed_cost_usd_yr / DAYS
        borrowers.capex_usd_day[b] = draft.capex_usd_yr / DAYS
        borrowers.committed_equity_usd[b] = draft.committed_equity_usd
        borrowers.market_cap_open_usd[b] = draft.market_cap_usd
        known = draft.share_usd if np.isfinite(draft.share_usd) else 1.0
        borrowers.shares[b] = draft.market_cap_usd / known
        miners.power_usd_mwh[b] = draft.power_usd_mwh
        holds = draft.market_cap_usd > 0 or not scenario.miners.only_listed_hold
        if draft.kind == Kind.MINER and draft.btc > 0 and holds:
            miners.hold_policy[b] = miners.hold_share[b] = scenario.miners.hold_share
        revenue, cost, realisation = _compute_business(
            b, draft, contracts_of.get(draft.id, []), hardware, holdings, rent
        )
        borrowers.other_revenue_usd_day[b] = revenue
        borrowers.other_cost_usd_day[b] = cost
        neoclouds.spot_realisation[b] = realisation
    for c, contract in enumerate(drafts.contracts):
        landlord = party[contract.landlord]
        if contract.compute and landlord < first_lender:
            contracts.spot_ratio[c] = (
                _spot_ratio(contract, hardware, hardware_names, rent)
                if contract.usd_yr > 0
                else neoclouds.spot_realisation[landlord]
            )
            borrowers.deposits_usd[landlord] += (
                scenario.credit.order_deposit_share
                * contracts.ordered[c]
                * hardware.new_usd[contracts.hardware[c]]
            )
    loans, loan_names, perimeters = open_loans(
        drafts, party, first_lender, hardware_names, scenario.policy.haircut_floor
    )
    row_of = holding_rows(holdings, first_lender)
    pledge(loans, holdings, row_of)
    for c in np.flatnonzero(contracts.ordered > 0).tolist():
        machines = int(contracts.landlord[c]), int(contracts.hardware[c])
        contracts.holding[c] = row_of.get(machines, -1)

    count = len(hardware_names)
    if scenario.credit.all_non_recourse:
        loans.recourse[loans.collateral != Collateral.NONE] = False
    for b, draft in enumerate(drafts.borrowers):
        if draft.parent_id and loans.recourse[loans.first[b] : loans.first[b + 1]].any():
            parties.parent[b] = party[draft.parent_id]  # the others are ring-fenced
    lenders = open_lenders(
        tables,
        scenario.policy.capital_buffer,
        scenario.lenders.locked_funding,
        scenario.lenders.least_patience_days,
    )
    diary = None
    if isinstance(tables, Tables2021):
        diary = open_diary(
            tables, scenario, party, first_lender, loan_names, loans, borrowers, miners
        )
        for b in range(first_lender):
            rows = slice(holdings.first[b], holdings.first[b + 1])
            holdings.online[rows] = miners.energised[b]
    return State(
        names=Names(
            parties=ids,
            titles=titles,
            loans=loan_names,
            contracts=[draft.id for draft in drafts.contracts],
            hardware=hardware_names,
            segments=[row.segment for row in tables.buyers],
        ),
        parties=parties,
        borrowers=borrowers,
        miners=miners,
        neoclouds=neoclouds,
        lenders=lenders,
        buyers=open_buyers(
            tables,
            hardware_names,
            hardware,
            scenario.liquidation.budget_days,
            scenario.liquidation.budget_scale,
            scenario.liquidation.slot_scale,
        ),
        hardware=hardware,
        holdings=holdings,
        loans=loans,
        perimeters=perimeters,
        contracts=contracts,
        orders=_orders(loans, row_of, spot_order_class(hardware_names)),
        lots=empty_lots(len(loan_names) + LISTINGS * int(holdings.first[first_lender])),
        interlender=(
            interlender_of(claims_owed(tables, scenario.facts))
            if isinstance(tables, Tables2021)
            else open_interlender(
                lenders, scenario.lenders.warehouse_share, scenario.lenders.crypto_interlender_share
            )
        ),
        ledger=empty_ledger(count),
        prices=_opening_prices(tables, scenario, rent),
        first_lender=first_lender,
        first_buyer=first_buyer,
        first_outside=first_outside,
        log=Log(
            events=np.zeros(1024, EVENT_DTYPE),
            count=np.zeros(1, np.int64),
            forced_usd=np.zeros(1),
            forced_event=np.full(1, -1, np.int64),
        ),
        marks_usd=hardware.used_open_usd.copy(),
        clearing_usd=np.full(count, np.nan),
        clearing_day=np.zeros(count, np.int32),
        clearing_event=np.full(count, -1, np.int64),
        buyer_view=np.ones(count),
        outside_online=np.zeros(count),
        diary=diary,
    )


def _opening_prices(tables: OpeningTables, scenario: Scenario, rent: float) -> Prices:
    quotes = tables.quotes
    hashrate = tables.network_eh_s
    height = quotes["block_height"]
    retarget = quotes["blocks_per_retarget"]
    return Prices(
        btc_usd=quotes["btc_usd"],
        btc_exogenous_usd=quotes["btc_usd"],
        btc_impact_log=0.0,
        eth_usd=quotes["eth_usd"],
        hashprice_usd_ph_day=quotes["hashprice_usd_ph_day"],
        network_hashrate_eh_s=hashrate,
        difficulty_eh_s=hashrate,
        blocks_to_retarget=retarget - height % retarget,
        retarget_days=(height % retarget) / 144.0,
        block_height=height,
        subsidy_btc=quotes["block_subsidy_btc"],
        reference_rate=scenario.credit.reference_rate,
        rent_h100_usd_h=rent,
        rent_planned_usd_h=rent,
        effective_gpus=0.0,
        receiver_gpus=0.0,
        receiver_th=0.0,
        growth_online=1.0,
        stress=0.0,
        appetite=1.0,
        policy_bought_usd=0.0,
        policy_lent_usd=0.0,
        loan_price=1.0,
        perceived_loss_rate=scenario.lenders.priced_loss_rate,
        lost_usd=0.0,
        ease=0.0,
        q=1.0,
        ordered_usd=0.0,
        paid_out_usd=0.0,
    )


def _orders(loans: Loans, row_of: dict[tuple[int, int], int], machine: int) -> Orders:
    """Nothing ordered yet; who has a facility for later orders, and where its machines will be."""
    facilities = np.flatnonzero(loans.growth == ANY_GROWTH)
    orders = empty_orders(loans.borrower[facilities])
    orders.facility[:] = facilities
    orders.holding[:] = [row_of.get((b, machine), -1) for b in orders.borrower.tolist()]
    return orders


def _fill_parties(
    parties: Parties, drafts: Drafts, tables: OpeningTables, first_lender: int
) -> None:
    for b, draft in enumerate(drafts.borrowers):
        parties.cash_usd[b] = draft.cash_usd
        parties.btc[b] = draft.btc
        parties.btc_lent[b] = draft.btc_lent
        parties.eth[b] = draft.eth
    for row, lender in enumerate(tables.lenders):
        parties.cash_usd[first_lender + row] = lender.cash_usd_m * MILLION


def _holdings(
    drafts: Drafts,
    tables: OpeningTables,
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
    first = np.zeros(party_count + 1, np.int64)
    classes: list[int] = []
    units: list[float] = []
    cost: list[float] = []
    for b, draft in enumerate(drafts.borrowers):
        first[b] = len(units)
        variable = _variable_cost_usd_kw_day(draft, hardware, index)
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
    for segment in tables.buyers:
        accepted = [index[name] for name in accepted_classes(segment, names, hardware)]
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
        contract_units=np.zeros(size),
        contract_usd_day=np.zeros(size),
        income_usd_unit_day=np.zeros(size),
        premium_usd_unit_day=np.zeros(size),
    )


def _variable_cost_usd_kw_day(
    draft: BorrowerDraft, hardware: Hardware, index: dict[str, int]
) -> float:
    """Running cost of GPUs per kW and day: neoclouds' variable cost; miners' own power."""
    if draft.kind == Kind.MINER:
        return draft.power_usd_mwh * 0.024
    kw = sum(units * hardware.kw[index[name]] for name, units in draft.fleet.items())
    if kw <= 0:
        return 0.0
    return min(draft.variable_cost_usd_yr / kw, MAX_VARIABLE_COST_USD_KW_YR) / DAYS


def _compute_business(
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
    gpu_cost = sum(holdings.units[row] * holdings.cost_usd_unit_day[row] for row in gpu_rows) * DAYS
    other_cost = max(0.0, draft.variable_cost_usd_yr - gpu_cost)
    return (rest - realisation * listed) / DAYS, other_cost / DAYS, realisation


def _spot_ratio(
    contract: ContractDraft, hardware: Hardware, names: tuple[str, ...], rent_h100: float
) -> float:
    """Contract rent over spot at the opening, at most one: what it reprices to when it expires."""
    if contract.gpus <= 0:
        return 0.0
    spot = hardware.quality[names.index(contract.hardware or "")] * rent_h100 * 8760.0
    return min(1.0, contract.usd_yr / contract.gpus / spot)


def _contracts(
    drafts: Sequence[ContractDraft],
    party: dict[str, int],
    names: tuple[str, ...],
    hosting_cost_share: float,
) -> Contracts:
    lessees = {d.tenant for d in drafts if not d.compute and not d.paid_in_tenant_cost}
    gpus = np.array([d.gpus for d in drafts])
    live = np.array(
        [d.start_day <= 0 or d.from_installed or not d.compute for d in drafts], np.bool_
    )
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
        usd_day=np.array([d.usd_yr / DAYS for d in drafts]),
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
        repaid_usd_day=np.zeros(len(drafts)),
        unfunded_days=np.zeros(len(drafts), np.int32),
        unit_cost_usd_day=np.array([d.unit_cost_usd_day for d in drafts]),
        unrated=np.array([d.unrated for d in drafts], np.bool_),
        guarantor=np.array([party.get(d.guarantor or "", -1) for d in drafts], np.int32),
        guarantee_left_usd=np.array([d.guarantee_usd for d in drafts]),
        rent_share=np.ones(len(drafts)),
        broken_day=np.full(len(drafts), -1, np.int32),
    )
