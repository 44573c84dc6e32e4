"""Growth: hardware on order at the opening, and the facilities that may pay for it and for more.

Contracts that start after the opening need machines. Where older classes stand uncovered they
serve the contract; otherwise the machines are ordered. Committed delayed-draw lines pay first;
beyond them lenders may add a facility per contract, which is assumed here (none was signed at the
opening), is drawn only if the contract passes underwriting, and can be switched off. For machines
ordered later every borrower with machines has a facility for each class that can be ordered, with
the lender that finances most of its own (:mod:`market.operators.investment`).
"""

from __future__ import annotations

import numpy as np

from ....agents.party import Kind
from ...scenario.scenario import Scenario
from ...state.hardware import NEVER, Family, Hardware
from ...state.loans import ANY_GROWTH, PAYMENT_INTERVAL_DAYS, Amortisation, Collateral, Instrument
from ..drafts import BorrowerDraft, ContractDraft, Drafts, LoanDraft, like
from ..rows import Lender

FACILITY_LENDERS = ("OTHER_PC", "PF_BANKS")  # private credit and project banks, half each
FACILITY_CURE_DAYS = 30
INSTALLED_CLASSES = ("A100", "H100", "H200")  # older classes, of which fleets have uncovered units
SPOT_ORDER_CLASS = "B200"  # bought without a contract, at the opening and until a better comes
MACHINE_LENDERS = (
    "bank",
    "insurer",
    "private_credit_locked",
    "private_credit_semi_liquid",
    "vendor",
)
MW_TO_KW_DAY = 0.024


def add_growth(
    drafts: Drafts,
    names: tuple[str, ...],
    hardware: Hardware,
    lenders: tuple[Lender, ...],
    scenario: Scenario,
) -> None:
    """Complete the drafts with orders, their running cost and their facilities (in place)."""
    landlords = {draft.id: draft for draft in drafts.borrowers}
    tenants = {
        contract.tenant
        for contract in drafts.contracts
        if not contract.compute and not contract.paid_in_tenant_cost
    }
    rigs = {name for k, name in enumerate(names) if hardware.family[k] == Family.ASIC}
    drafts.contracts = [
        part
        for contract in drafts.contracts
        for part in _installed_first(
            contract, landlords.get(contract.landlord), drafts.contracts, rigs
        )
    ]
    ordered_usd: dict[str, float] = {}
    for contract in drafts.contracts:
        if not _is_order(contract):
            continue
        landlord = landlords[contract.landlord]
        k = names.index(contract.hardware or "")
        cost = contract.gpus * float(hardware.new_usd[k])
        ordered_usd[landlord.id] = ordered_usd.get(landlord.id, 0.0) + cost
        if landlord.id in tenants:  # sites are leased apart: the machines add power only
            contract.unit_cost_usd_day = (
                float(hardware.kw[k]) * MW_TO_KW_DAY * landlord.power_usd_mwh
            )
    for draft in drafts.borrowers:
        spent = ordered_usd.get(draft.id, 0.0)
        draft.capex_usd_yr = max(0.0, draft.capex_usd_yr - spent)
        if draft.kind == Kind.NEOCLOUD and draft.fleet and draft.capex_usd_yr > 0:
            if spent == 0:
                drafts.contracts.append(_spot_order(draft, names, hardware))
            draft.capex_usd_yr = 0.0
    if scenario.credit.finance_signed_growth:
        for number, contract in enumerate(drafts.contracts):
            owner = landlords.get(contract.landlord)
            alone = owner is not None and owner.granted_only
            if _is_order(contract) and contract.usd_yr > 0 and not alone:
                drafts.loans += _facilities(number, contract, scenario)
    if scenario.investment.sensitivity > 0:
        kinds: dict[str, str] = {row.id: row.kind for row in lenders}
        house = _house_lenders(drafts.loans, kinds)
        drafts.loans += [
            growth_facility(draft.id, house.get(draft.id, FACILITY_LENDERS[0]), scenario, name)
            for draft in drafts.borrowers
            if draft.fleet and not draft.granted_only
            for name in ordered_later(names, hardware)
        ]


def ordered_later(names: tuple[str, ...], hardware: Hardware) -> list[str]:
    """The classes that new investment may buy: today's, and those that come."""
    come = np.flatnonzero((hardware.launch_day > 0) & (hardware.launch_day < NEVER))
    return [SPOT_ORDER_CLASS, *(names[k] for k in come)]


def spot_order_class(names: tuple[str, ...]) -> int:
    """The class that new investment buys, -1 in tables without GPUs."""
    return names.index(SPOT_ORDER_CLASS) if SPOT_ORDER_CLASS in names else -1


def _is_order(contract: ContractDraft) -> bool:
    return contract.compute and contract.start_day > 0 and not contract.from_installed


def _installed_first(
    contract: ContractDraft,
    landlord: BorrowerDraft | None,
    contracts: list[ContractDraft],
    rigs: set[str],
) -> list[ContractDraft]:
    """Serve a later contract on an older class from uncovered machines; order only the rest."""
    if landlord is None or not _is_order(contract) or contract.hardware not in INSTALLED_CLASSES:
        return [contract]
    live = sum(c.gpus for c in contracts if c.landlord == landlord.id and c.start_day <= 0)
    gpus = sum(units for name, units in landlord.fleet.items() if name not in rigs)
    free = min(contract.gpus, max(0.0, gpus - live))
    parts = []
    for units, installed, suffix in ((free, True, ""), (contract.gpus - free, False, "-new")):
        if units > 0:
            share = units / contract.gpus
            parts.append(
                like(
                    contract,
                    id=contract.id + suffix,
                    gpus=units,
                    usd_yr=contract.usd_yr * share,
                    guarantee_usd=contract.guarantee_usd * share,
                    from_installed=installed,
                )
            )
    return parts


def _spot_order(draft: BorrowerDraft, names: tuple[str, ...], hardware: Hardware) -> ContractDraft:
    """Committed spending without a contract buys machines that go to spot on arrival."""
    price = float(hardware.new_usd[names.index(SPOT_ORDER_CLASS)])
    return ContractDraft(
        id=f"{draft.id}-SPOT",
        landlord=draft.id,
        tenant="CUSTOMERS",
        compute=True,
        hardware=SPOT_ORDER_CLASS,
        gpus=draft.capex_usd_yr / price,
        usd_yr=0.0,
        start_day=1,
        end_day=1,
        take_or_pay=False,
        paid_in_tenant_cost=False,
    )


def _facilities(number: int, contract: ContractDraft, scenario: Scenario) -> list[LoanDraft]:
    credit = scenario.credit
    # Interest accrues while the line is drawn; service starts when the machines are in.
    first_payment = max(contract.start_day, 1) + credit.delivery_days
    first_payment += PAYMENT_INTERVAL_DAYS[Instrument.GPU_LOAN]
    term = round(365.0 * min(credit.growth_years, scenario.policy.tenor_cap_years))
    return [
        like(
            growth_facility(contract.landlord, lender, scenario, SPOT_ORDER_CLASS),
            id=f"{contract.id}-FACILITY-{lender}",
            perimeter=f"{contract.id}-FACILITY",
            next_payment_day=first_payment,
            maturity_day=contract.start_day + term,
            hardware=contract.hardware,
            dscr_test_day=contract.start_day + credit.delivery_days + 182,
            growth=number,
        )
        for lender in FACILITY_LENDERS
    ]


def _house_lenders(loans: list[LoanDraft], kinds: dict[str, str]) -> dict[str, str]:
    """By borrower, the lender of machines that it owes most."""
    owed: dict[str, dict[str, float]] = {}
    for loan in loans:
        if kinds[loan.lender] in MACHINE_LENDERS:
            to = owed.setdefault(loan.borrower, {})
            to[loan.lender] = to.get(loan.lender, 0.0) + loan.principal_usd
    return {borrower: max(to, key=lambda lender: to[lender]) for borrower, to in owed.items()}


def growth_facility(borrower: str, lender: str, scenario: Scenario, hardware: str) -> LoanDraft:
    """An undrawn facility for machines of a class ordered later."""
    credit = scenario.credit
    name = f"{borrower}-GROWTH" + (f"-{hardware}" if hardware != SPOT_ORDER_CLASS else "")
    return LoanDraft(
        id=name,
        borrower=borrower,
        lender=lender,
        perimeter=name,
        instrument=Instrument.GPU_LOAN,
        recourse=True,
        principal_usd=0.0,
        undrawn_usd=0.0,
        floating=True,
        rate_or_spread=credit.growth_spread,
        amortisation=Amortisation.LINEAR,
        principal_per_payment_usd=0.0,
        next_payment_day=PAYMENT_INTERVAL_DAYS[Instrument.GPU_LOAN],
        maturity_day=NEVER,
        term_days=round(365.0 * min(credit.growth_years, scenario.policy.tenor_cap_years)),
        collateral=Collateral.HARDWARE,
        hardware=hardware,
        collateral_units=0.0,
        initial_ltv=credit.growth_advance_rate,
        margin_call_ltv=float("nan"),
        liquidation_ltv=float("nan"),
        min_dscr=credit.growth_min_dscr,
        dscr_test_day=NEVER,
        pledged_cash_flow_usd_yr=0.0,
        cure_days=FACILITY_CURE_DAYS,
        growth=ANY_GROWTH,
    )
