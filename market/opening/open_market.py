"""Opening books: the state of a market on its first day, from books, scenario and seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...agents.borrower import Borrowers
from ...agents.columns import Reals, empty
from ...agents.miner import Miners
from ...agents.neocloud import Neoclouds
from ...agents.party import OUTSIDE_NAMES, Kind, Parties, Status
from ..scenario.scenario import Scenario
from ..state.events import Log
from ..state.facts import DAYS_PER_YEAR
from ..state.hardware import holding_rows
from ..state.ledger import Account, Ledger
from ..state.loans import ANY_GROWTH, Collateral, Loans
from ..state.lots import Lots
from ..state.market import Market, Names, Prices, Today
from ..state.orders import Orders
from ..state.site_classes import HALL, SITE
from ..state.terms import terms_of
from ..state.units import BLOCKS_PER_DAY
from .books import Books
from .buyers import open_buyers
from .drafts import MILLION, ContractDraft, Drafts
from .hardware import build_hardware, class_names, h100_rent_usd_h
from .loans_and_lenders import open_lenders, open_loans, pledge
from .machines import compute_business, open_contracts, open_holdings, spot_ratio
from .starting_points import STARTING_POINTS

LISTINGS = 5  # room for lots of a holding: one seizure, and sales by its owner


def open_market(books: Books, scenario: Scenario, seed: int) -> Market:
    """Build the state of day 0.

    The same books, scenario and seed give the same bits. Of the tables the seed changes nothing:
    runs of one scenario on the same books get copies of the same market.
    """
    if scenario.opening.sample:  # these books are this run's own
        market = _build(books, scenario)
    else:
        market = _built_once(books, scenario).copy()
    market.today.seed = seed
    return market


@lru_cache(maxsize=2)
def _built_once(books: Books, scenario: Scenario) -> Market:
    return _build(books, scenario)


def _build(books: Books, scenario: Scenario) -> Market:
    start = STARTING_POINTS[books.start]
    hardware_names = class_names(books)
    hardware = build_hardware(books, scenario.launches.dated)
    _set_salvage(hardware.scrap_usd, hardware_names, books, scenario)
    drafts = start.draft(books, scenario, hardware_names, hardware)

    ids = [draft.id for draft in drafts.borrowers]
    titles = [draft.name for draft in drafts.borrowers]
    first_lender = len(ids)
    ids += [row.id for row in books.lenders]
    titles += [row.name for row in books.lenders]
    first_buyer = len(ids)
    for segment in books.buyers:
        ids += [f"{segment.segment}_{i + 1:04d}" for i in range(segment.count)]
        titles += [f"{segment.name}, buyer {i + 1}" for i in range(segment.count)]
    first_outside = len(ids)
    ids += OUTSIDE_NAMES
    titles += [name.replace("_", " ").capitalize() for name in OUTSIDE_NAMES]
    ids += [row.id for row in books.outside]
    titles += [row.name for row in books.outside]
    party = {name: p for p, name in enumerate(ids)}

    parties = empty(Parties, len(ids))
    parties.kind[:first_lender] = [draft.kind for draft in drafts.borrowers]
    parties.kind[first_lender:first_buyer] = Kind.LENDER
    parties.kind[first_buyer:first_outside] = Kind.BUYER
    _fill_parties(parties, drafts, books, first_lender)

    holdings = open_holdings(drafts, books, hardware, hardware_names, first_buyer, len(ids))
    contracts = open_contracts(
        drafts.contracts, party, hardware_names, scenario.miners.hosting_cost_share
    )
    borrowers = empty(Borrowers, first_lender)
    miners = empty(Miners, first_lender)
    neoclouds = empty(Neoclouds, first_lender)
    rent = h100_rent_usd_h(books)
    contracts_of: dict[str, list[ContractDraft]] = {}
    for contract in drafts.contracts:
        contracts_of.setdefault(contract.landlord, []).append(contract)
    for b, draft in enumerate(drafts.borrowers):
        borrowers.fixed_cost_usd_day[b] = draft.fixed_cost_usd_yr / DAYS_PER_YEAR
        borrowers.capex_usd_day[b] = draft.capex_usd_yr / DAYS_PER_YEAR
        borrowers.committed_equity_usd[b] = draft.committed_equity_usd
        borrowers.market_cap_open_usd[b] = draft.market_cap_usd
        known = draft.share_usd if np.isfinite(draft.share_usd) else 1.0
        borrowers.shares[b] = draft.market_cap_usd / known
        miners.power_usd_mwh[b] = draft.power_usd_mwh
        holds = draft.market_cap_usd > 0 or not scenario.miners.only_listed_hold
        if draft.kind == Kind.MINER and draft.btc > 0 and holds:
            kept = draft.hold_share if scenario.miners.announced_policies else None
            kept = scenario.miners.hold_share if kept is None else kept
            miners.hold_policy[b] = miners.hold_share[b] = kept
        revenue, cost, realisation = compute_business(
            b, draft, contracts_of.get(draft.id, []), hardware, holdings, rent
        )
        borrowers.other_revenue_usd_day[b] = revenue
        borrowers.other_cost_usd_day[b] = cost
        neoclouds.spot_realisation[b] = realisation
    for b, draft in enumerate(drafts.borrowers):
        if draft.plan is not None:  # behind the firms of the books
            parties.status[b] = Status.PROSPECT
            borrowers.plan_kw[b] = draft.plan.kw
            borrowers.cushion_usd[b] = draft.plan.cushion_usd
            neoclouds.spot_realisation[b] = neoclouds.spot_realisation[party[draft.plan.like]]
    for c, contract in enumerate(drafts.contracts):
        landlord = party[contract.landlord]
        if contract.compute and landlord < first_lender:
            contracts.spot_ratio[c] = (
                spot_ratio(contract, hardware, hardware_names, rent)
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
        on_estate = (Collateral.NONE, Collateral.GENERAL_LIEN)
        loans.recourse[~np.isin(loans.collateral, on_estate)] = False
    for b, draft in enumerate(drafts.borrowers):
        if draft.parent_id and loans.recourse[loans.first[b] : loans.first[b + 1]].any():
            parties.parent[b] = party[draft.parent_id]  # the others are ring-fenced
    lenders = open_lenders(
        books,
        scenario.policy.capital_buffer,
        scenario.lenders.locked_funding,
        scenario.lenders.least_patience_days,
    )
    ledger = empty(Ledger, count)
    held = MILLION * sum(row.capital_usd_m for row in books.lenders)
    ledger.policy_usd[Account.CAPITAL] = lenders.capital_usd.sum() - held
    market = Market(
        scenario=scenario,
        names=Names(
            parties=ids,
            titles=titles,
            loans=loan_names,
            contracts=[draft.id for draft in drafts.contracts],
            hardware=hardware_names,
            segments=[row.segment for row in books.buyers],
        ),
        parties=parties,
        borrowers=borrowers,
        miners=miners,
        neoclouds=neoclouds,
        lenders=lenders,
        buyers=open_buyers(
            books,
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
        orders=_orders(loans, row_of),
        lots=empty(
            Lots,
            len(loan_names)
            + int(np.sum(loans.collateral == Collateral.SITE))  # power and halls apart
            + LISTINGS * int(holdings.first[first_lender]),
        ),
        interlender=start.interlender(books, scenario, lenders),
        ledger=ledger,
        prices=_opening_prices(books, scenario, rent),
        today=Today(
            valued_day=-1,
            shock_event=-1,
            prospects=sum(draft.plan is not None for draft in drafts.borrowers),
            first_lender=first_lender,
            first_buyer=first_buyer,
            first_outside=first_outside,
        ),
        terms=terms_of(scenario),
        log=empty(Log, 1024),
        schedule_usd=np.zeros(count),
        marks_usd=hardware.used_open_usd.copy(),
        clearing_usd=np.full(count, np.nan),
        clearing_day=np.zeros(count, np.int32),
        clearing_event=np.full(count, -1, np.int64),
        buyer_view=np.ones(count),
        outside_online=np.zeros(count),
    )
    start.finish(books, market)
    return market


def _set_salvage(
    scrap_usd: Reals, names: tuple[str, ...], books: Books, scenario: Scenario
) -> None:
    """Salvage of sites and, where the books know any, of halls [class, USD a MW] (in place)."""
    sites, rig_site_usd_kw = scenario.sites, scenario.investment.rig_site_usd_per_kw
    scrap_usd[names.index(SITE)] = sites.salvage_share * 1e3 * rig_site_usd_kw
    if books.leases:
        scrap_usd[names.index(HALL)] = sites.salvage_share * sites.hall_usd_mw


def _opening_prices(books: Books, scenario: Scenario, rent: float) -> Prices:
    quotes = books.quotes
    hashrate = books.network_eh_s
    height = quotes["block_height"]
    retarget = quotes["blocks_per_retarget"]
    return Prices(
        btc_usd=quotes["btc_usd"],
        btc_exogenous_usd=quotes["btc_usd"],
        eth_usd=quotes["eth_usd"],
        hashprice_usd_ph_day=quotes["hashprice_usd_ph_day"],
        network_hashrate_eh_s=hashrate,
        difficulty_eh_s=hashrate,
        blocks_to_retarget=retarget - height % retarget,
        retarget_days=(height % retarget) / BLOCKS_PER_DAY,
        block_height=height,
        subsidy_btc=quotes["block_subsidy_btc"],
        reference_rate=scenario.credit.reference_rate,
        rent_h100_usd_h=rent,
        rent_planned_usd_h=rent,
        hall_demand=1.0,
        hall_rent=1.0,
        rig_hall_demand=1.0,
        rig_hall_rent=1.0,
        growth_online=1.0,
        rig_q=1.0,
        appetite=1.0,
        loan_price=1.0,
        perceived_loss_rate=scenario.lenders.priced_loss_rate,
        q=1.0,
    )


def _orders(loans: Loans, row_of: dict[tuple[int, int], int]) -> Orders:
    """Nothing ordered yet; who has a facility for later orders, and where its machines will be."""
    facilities = np.flatnonzero(loans.growth == ANY_GROWTH)
    orders = empty(Orders, len(facilities), borrower=loans.borrower[facilities])
    orders.facility[:] = facilities
    machines = zip(orders.borrower.tolist(), loans.hardware[facilities].tolist(), strict=True)
    orders.holding[:] = [row_of.get(held, -1) for held in machines]
    return orders


def _fill_parties(parties: Parties, drafts: Drafts, books: Books, first_lender: int) -> None:
    for b, draft in enumerate(drafts.borrowers):
        parties.cash_usd[b] = draft.cash_usd
        parties.btc[b] = draft.btc
        parties.btc_lent[b] = draft.btc_lent
        parties.eth[b] = draft.eth
    for row, lender in enumerate(books.lenders):
        parties.cash_usd[first_lender + row] = lender.cash_usd_m * MILLION
