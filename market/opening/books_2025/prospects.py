"""Firms that may come: each is like a small firm of the books, and smaller.

What the aggregates of the books split into are the small firms. For each of them there are some
prospects that would have its price of power, its running cost and its realisation at spot, with
overhead and machines of ``entry.size_share`` of its size (entrants into American manufacturing had
a third of the output of incumbents; Dunne, Roberts and Samuelson 1988, RAND Journal of Economics
19) and as much cash for its overhead as small firms hold together. They own and owe nothing until
they enter (:mod:`market.operators.entry`). Loans on machines of theirs have no lender yet: the one
in the table is replaced on the day of entry.
"""

from __future__ import annotations

from ....agents.party import Kind
from ...scenario.scenario import Scenario
from ...state.hardware import NEVER, Family, Hardware, newest_rigs
from ...state.loans import Amortisation, Instrument
from ..books import Books
from ..drafts import BorrowerDraft, Drafts, EntryPlan, LoanDraft, like
from ..machines import running_cost_usd_kw_day
from .signed_orders import FACILITY_LENDERS, growth_facility, ordered_later

TITLES = {Kind.MINER: "New miner", Kind.NEOCLOUD: "New neocloud"}
FAMILIES = {Kind.MINER: Family.ASIC, Kind.NEOCLOUD: Family.GPU}


def add_prospects(
    drafts: Drafts, names: tuple[str, ...], hardware: Hardware, books: Books, scenario: Scenario
) -> None:
    """Add prospects behind the borrowers of the books, and loans they may draw (in place)."""
    newest, rig_loans = newest_rigs(hardware), _rig_loans(drafts)
    prefixes = tuple(
        f"{row.id}_" for row in (*books.miners, *books.neoclouds) if row.split_into > 1
    )
    small = [draft for draft in drafts.borrowers if draft.id.startswith(prefixes)]
    for kind, family in FAMILIES.items():
        if kind == Kind.MINER and (newest < 0 or not rig_loans):
            continue  # nobody lends on rigs
        mine = [draft for draft in small if draft.kind == kind]
        prospects = _prospects(mine, family, names, hardware, scenario)
        for prospect in prospects:
            if kind == Kind.MINER:
                prospect.fleet = {names[newest]: 0.0}
                drafts.loans.append(_rig_loan(prospect.id, names[newest], rig_loans))
            drafts.loans += [
                growth_facility(prospect.id, FACILITY_LENDERS[0], scenario, name)
                for name in ordered_later(names, hardware)
            ]
        drafts.borrowers += prospects


def _prospects(
    small: list[BorrowerDraft],
    family: Family,
    names: tuple[str, ...],
    hardware: Hardware,
    scenario: Scenario,
) -> list[BorrowerDraft]:
    """So many for each small firm of a kind, those like the largest first."""
    kw = {name: float(hardware.kw[k]) for k, name in enumerate(names)}
    mine = {name for k, name in enumerate(names) if hardware.family[k] == family}
    index = {name: k for k, name in enumerate(names)}
    overhead = sum(draft.fixed_cost_usd_yr for draft in small)
    years = sum(draft.cash_usd for draft in small) / overhead if overhead > 0.0 else 0.0
    size, count = scenario.entry.size_share, scenario.entry.prospects_per_firm
    digits = len(str(count * len(small)))
    result = []
    for number, firm in enumerate(draft for _ in range(count) for draft in small):
        power = sum(units * kw[name] for name, units in firm.fleet.items() if name in mine)
        title = TITLES[firm.kind]
        result.append(
            like(
                firm,
                id=f"{title.upper().replace(' ', '_')}_{number + 1:0{digits}d}",
                name=f"{title} {number + 1}",
                cash_usd=0.0,
                fixed_cost_usd_yr=size * firm.fixed_cost_usd_yr,
                capex_usd_yr=0.0,
                committed_equity_usd=0.0,
                market_cap_usd=0.0,
                fleet={},
                revenue_usd_yr=0.0,
                variable_cost_usd_yr=0.0,
                btc=0.0,
                btc_lent=0.0,
                eth=0.0,
                plan=EntryPlan(
                    like=firm.id,
                    kw=size * power,
                    cushion_usd=size * years * firm.fixed_cost_usd_yr,
                    running_usd_kw_day=running_cost_usd_kw_day(firm, hardware, index),
                ),
            )
        )
    return result


def _rig_loans(drafts: Drafts) -> list[LoanDraft]:
    """Loans on rigs in the books: what their terms are, new ones have too."""
    return [
        loan
        for loan in drafts.loans
        if loan.instrument == Instrument.ASIC_LOAN and loan.principal_usd > 0.0
    ]


def _rig_loan(borrower: str, rigs: str, known: list[LoanDraft]) -> LoanDraft:
    """An undrawn loan on new rigs, at the terms of those in the books, mean by dollars."""
    total = sum(loan.principal_usd for loan in known)

    def mean(name: str) -> float:
        return sum(float(getattr(loan, name)) * loan.principal_usd for loan in known) / total

    return like(
        known[0],
        id=f"{borrower}-RIGS",
        borrower=borrower,
        perimeter=borrower,
        recourse=True,
        principal_usd=0.0,
        undrawn_usd=0.0,
        floating=False,
        rate_or_spread=mean("rate_or_spread"),
        amortisation=Amortisation.ANNUITY,
        principal_per_payment_usd=0.0,
        next_payment_day=NEVER,
        maturity_day=NEVER,
        term_days=round(mean("term_days")),
        hardware=rigs,
        collateral_units=0.0,
        initial_ltv=mean("initial_ltv"),
        margin_call_ltv=mean("margin_call_ltv"),
        liquidation_ltv=mean("liquidation_ltv"),
        pledged_cash_flow_usd_yr=0.0,
        cure_days=round(mean("cure_days")),
    )
