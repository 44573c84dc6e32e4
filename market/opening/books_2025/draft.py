"""From opening tables to drafts of borrowers, loans and contracts, aggregates already split.

Drafts are plain Python objects in USD and days from the opening; :mod:`market.opening.open_market`
turns them into the state's arrays.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache

from ....agents.party import Kind
from ...state.loans import PAYMENT_INTERVAL_DAYS, Amortisation, Collateral, Instrument
from ..books import Books
from ..drafts import MILLION, BorrowerDraft, ContractDraft, Drafts, LoanDraft, like
from . import rows as t
from .pledged_sites import pledge_sites
from .split import share_of_loan, split

COIN_LINE_DAYS = 365  # usual term of a line on coins, from its first draw
COIN_CALL_DAYS = 2  # to answer a margin call, as in the lines of the table
MAX_VARIABLE_COST_USD_KW_YR = 3000.0  # beyond: cost of other business, not of GPUs


def draft_books(tables: Books, scale: float) -> Drafts:
    """Drafts of all borrowers; ``scale`` multiplies the number of parties aggregates split into.

    They are the caller's to change, but for loans, which runs on the same books share.
    """
    whole = _draft_books(tables, scale)
    return Drafts(
        [like(draft) for draft in whole.borrowers],
        list(whole.loans),
        [like(draft) for draft in whole.contracts],
    )


@lru_cache(maxsize=2)
def _draft_books(tables: Books, scale: float) -> Drafts:
    splits = _splits(tables)
    loans = [
        part for row in tables.loans for part in _loan_drafts(row, tables.opening_date, splits)
    ]
    pledge_sites(loans, tables.sites)
    aggregates = {row.id for row in (*tables.miners, *tables.neoclouds) if row.split_into > 1}
    pools = aggregates | {party.id for party in tables.outside if party.pooled}
    contracts = [
        part
        for lease in tables.leases
        for part in _contract_drafts(lease, tables.opening_date, splits, lease.tenant_id in pools)
    ]
    own_rigs = {row.id for row in tables.miners} | {row.id for row in tables.lenders}
    for contract in contracts:
        contract.for_rigs = not contract.compute and contract.tenant in own_rigs
    for lease in tables.leases:
        if lease.usd_m_yr == 0:
            _back_unsold(lease, tables.opening_date, contracts)
    drafts = Drafts()
    treasuries = {row.id: row for row in tables.treasuries}
    loans += [_coin_line(row) for row in tables.treasuries if row.line_usd_m > 0]
    operators: list[t.Miner | t.Neocloud] = [*tables.miners, *tables.neoclouds]
    for row in operators:
        borrower = _borrower(row, splits)
        borrower.granted_only = row.id in tables.granted_only
        for machines in tables.machines:
            if machines.owner_id == row.id:
                have = borrower.fleet.get(machines.class_id, 0.0)
                borrower.fleet[machines.class_id] = have + machines.units
        if row.id in treasuries:
            borrower.hold_share = treasuries[row.id].hold_share
        own_loans = [loan for loan in loans if loan.borrower == row.id]
        own_contracts = [contract for contract in contracts if contract.landlord == row.id]
        count = max(1, round(row.split_into * scale)) if row.split_into > 1 else 1
        if count == 1:
            drafts.borrowers.append(borrower)
            drafts.loans += own_loans
            drafts.contracts += own_contracts
        else:
            split(borrower, own_loans, own_contracts, count, tables, drafts)
    landlords = {borrower.id for borrower in drafts.borrowers}
    drafts.contracts += [
        contract
        for contract in contracts
        if contract.landlord not in landlords and contract.landlord not in aggregates
    ]
    return drafts


def _splits(tables: Books) -> dict[str, list[tuple[str, float]]]:
    splits: dict[str, list[tuple[str, float]]] = {}
    for row in tables.group_split:
        splits.setdefault(row.fleet_group, []).append((row.class_id, row.share))
    for row in tables.group_split:  # a class may be named instead of its group
        splits.setdefault(row.class_id, [(row.class_id, 1.0)])
    return splits


def _fleet(
    row: t.Miner | t.Neocloud, splits: dict[str, list[tuple[str, float]]]
) -> dict[str, float]:
    fleet: dict[str, float] = {}
    for group, owned in row.fleet().items():
        for name, share in splits[group]:
            if owned * share > 0:
                fleet[name] = fleet.get(name, 0.0) + owned * share
    return fleet


def _borrower(
    row: t.Miner | t.Neocloud, splits: dict[str, list[tuple[str, float]]]
) -> BorrowerDraft:
    """What all operators have in common; then what only miners or only neoclouds have."""
    draft = BorrowerDraft(
        id=row.id,
        name=row.name,
        kind=Kind.NEOCLOUD,
        confidence=row.confidence,
        cash_usd=row.cash_usd_m * MILLION,
        fixed_cost_usd_yr=row.fixed_cost_usd_m_yr * MILLION,
        capex_usd_yr=row.capex_committed_12m_usd_m * MILLION,
        committed_equity_usd=row.committed_equity_usd_m * MILLION,
        market_cap_usd=(row.market_cap_usd_m or 0.0) * MILLION if row.listed else 0.0,
        share_usd=row.share_price_usd or float("nan"),
        power_usd_mwh=row.power_usd_mwh,
        fleet=_fleet(row, splits),
        revenue_usd_yr=0.0,
        variable_cost_usd_yr=0.0,
    )
    if isinstance(row, t.Miner):
        return replace(
            draft,
            kind=Kind.MINER,
            revenue_usd_yr=(row.revenue_hpc_usd_m_yr + row.revenue_other_usd_m_yr) * MILLION,
            variable_cost_usd_yr=row.opex_hpc_other_usd_m_yr * MILLION,
            btc=row.btc_free,
            btc_lent=row.btc_lent,
            eth=row.eth,
        )
    cost_usd_m_yr = max(0.0, row.opex_ex_da_usd_m_yr - row.fixed_cost_usd_m_yr)
    return replace(
        draft,
        revenue_usd_yr=row.revenue_usd_m_yr * MILLION,
        variable_cost_usd_yr=cost_usd_m_yr * MILLION,
    )


def _loan_drafts(
    row: t.Loan, opening: date, splits: dict[str, list[tuple[str, float]]]
) -> list[LoanDraft]:
    instrument = Instrument[row.instrument.upper()]
    interval = PAYMENT_INTERVAL_DAYS[instrument]
    age = (opening - row.origination).days
    maturity = (row.maturity - opening).days
    nan = float("nan")
    kind = Collateral.NONE
    parts: list[tuple[str | None, float]] = [(None, 1.0)]
    if row.collateral_kind == "btc":
        kind = Collateral.BTC
    elif row.collateral_kind in ("gpu", "gpu_and_contract", "asic"):
        kind = Collateral.HARDWARE
        assert row.collateral_class is not None
        parts = [(name, share) for name, share in splits[row.collateral_class]]
    elif row.collateral_kind in ("site", "site_and_lease"):
        kind = Collateral.SITE
        parts = [("SITE", 1.0)]
    elif row.collateral_kind == "general_lien":
        kind = Collateral.GENERAL_LIEN
    tested = row.min_dscr is not None and row.dscr_test_start is not None
    whole = LoanDraft(
        id=row.loan_id,
        borrower=row.borrower_id,
        lender=row.lender_id,
        perimeter=row.perimeter,
        instrument=instrument,
        recourse=row.recourse or row.perimeter == row.borrower_id,
        principal_usd=row.drawn_usd_m * MILLION,
        undrawn_usd=max(0.0, row.committed_usd_m - row.drawn_usd_m) * MILLION,
        floating=row.rate_type == "float",
        rate_or_spread=row.rate_or_spread,
        amortisation=Amortisation[row.amortisation.upper()],
        principal_per_payment_usd=(row.principal_per_quarter_usd_m or 0.0) * MILLION,
        next_payment_day=min(interval - age % interval, max(maturity, 1)),
        maturity_day=maturity,
        term_days=max(365, (row.maturity - row.origination).days),
        collateral=kind,
        hardware=None,
        collateral_units=row.collateral_units,
        initial_ltv=row.initial_ltv or nan,
        margin_call_ltv=row.margin_call_ltv or nan,
        liquidation_ltv=row.liquidation_ltv or nan,
        min_dscr=row.min_dscr if tested and row.min_dscr else nan,
        dscr_test_day=(row.dscr_test_start - opening).days if row.dscr_test_start else 0,
        pledged_cash_flow_usd_yr=(row.pledged_cash_flow_usd_m_yr or 0.0) * MILLION,
        cure_days=row.cure_days,
        conversion_usd=row.conversion_price_usd or nan,
        put_day=(row.put_date - opening).days if row.put_date else -1,
    )
    return [
        whole if share == 1.0 and name is None else share_of_loan(whole, share, name, len(parts))
        for name, share in parts
    ]


def _coin_line(row: t.Treasury) -> LoanDraft:
    """A line that a miner could draw on coins it does not pledge yet."""
    nan = float("nan")
    interval = PAYMENT_INTERVAL_DAYS[Instrument.BTC_LOAN]
    return LoanDraft(
        id=f"{row.id}-TREASURY",
        borrower=row.id,
        lender=row.line_lender_id or "",
        perimeter=row.id,
        instrument=Instrument.BTC_LOAN,
        recourse=True,
        principal_usd=0.0,
        undrawn_usd=row.line_usd_m * MILLION,
        floating=False,
        rate_or_spread=row.rate or 0.0,
        amortisation=Amortisation.BULLET,
        principal_per_payment_usd=0.0,
        next_payment_day=interval,
        maturity_day=COIN_LINE_DAYS,
        term_days=COIN_LINE_DAYS,
        collateral=Collateral.BTC,
        hardware=None,
        collateral_units=0.0,
        initial_ltv=row.initial_ltv or nan,
        margin_call_ltv=row.margin_call_ltv or nan,
        liquidation_ltv=row.liquidation_ltv or nan,
        min_dscr=nan,
        dscr_test_day=0,
        pledged_cash_flow_usd_yr=0.0,
        cure_days=COIN_CALL_DAYS,
    )


def _back_unsold(row: t.Lease, opening: date, contracts: list[ContractDraft]) -> None:
    """A duty to buy what the landlord cannot sell backs the rents of its machines (in place).

    One cap for all of them; those that outlast the duty are left out.
    """
    backed = [
        contract
        for contract in contracts
        if contract.landlord == row.landlord_id
        and contract.compute
        and contract.guarantor is None
        and contract.end_day <= (row.end - opening).days
    ]
    rent = sum(contract.usd_yr for contract in backed)
    for contract in backed:
        contract.guarantor, contract.guarantee = row.guarantor_id, row.lease_id
        contract.guarantee_usd = row.guarantee_cap_usd_m * MILLION * contract.usd_yr / rent


def _contract_drafts(
    row: t.Lease, opening: date, splits: dict[str, list[tuple[str, float]]], pooled: bool
) -> list[ContractDraft]:
    if row.usd_m_yr == 0:
        return []  # a backstop of other contracts
    whole = ContractDraft(
        id=row.lease_id,
        landlord=row.landlord_id,
        tenant=row.tenant_id,
        compute=row.kind == "compute",
        hardware=None,
        gpus=float(row.gpus),
        usd_yr=row.usd_m_yr * MILLION,
        start_day=(row.start - opening).days,
        end_day=(row.end - opening).days,
        take_or_pay=row.take_or_pay,
        paid_in_tenant_cost=row.cost_in_tenant_opex,
        unrated=row.tenant_rating == "unrated",
        guarantor=row.guarantor_id,
        guarantee_usd=row.guarantee_cap_usd_m * MILLION,
        guarantee=row.lease_id,
        pooled=pooled,
    )
    if not whole.compute:
        return [whole]
    assert row.gpu_class is not None
    parts = splits[row.gpu_class]
    return [
        like(
            whole,
            id=row.lease_id if len(parts) == 1 else f"{row.lease_id}-{name}",
            hardware=name,
            gpus=row.gpus * share,
            usd_yr=whole.usd_yr * share,
            guarantee_usd=whole.guarantee_usd * share,
        )
        for name, share in parts
    ]
