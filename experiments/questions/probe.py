"""Test borrowers: small operators with one loan each, put into the books to see what becomes of it.

A probe is a neocloud with machines of one class, a share of them let under a contract to a rated
tenant, the running cost a kilowatt of the market's, and one loan. It gets no credit that it does
not have. Its lender's other loans shrink by as much as it lends, so no dollar is added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.opening.books_2025.rows import Lease, Loan, Machines, Neocloud
    from ...market.opening.rows import Lender
    from ...market.simulation import Simulation

LENDER = "OTHER_PC"
PATTERN, LOAN_PATTERN, LEASE_PATTERN = "VOLTAGE", "NEXGEN-GPU_LOAN-01-REGIONAL_BANKS", "LS023"
HOURS_A_YEAR, DAYS_A_MONTH = 8760.0, 365.25 / 12.0
CONTRACT_RENT = 0.85
"""Of the listed rent: what contracts of 2025 pay an hour ($1.88 of $2.20 for an H100)."""
SPOT_USE = 0.7
"""Of the listed rent: what machines without a contract earn, empty hours included."""
MILLION = 1e6


@dataclass(frozen=True)
class Probe:
    """A test borrower: a year's debt is due as its loan says."""

    name: str
    hardware: str
    gpus: int
    advance: float  # loan over what its machines fetch second-hand
    tenor_days: int
    amortisation: str = "annuity"
    rate: float = 0.09
    cover: float = 0.0  # share of machines under contract
    contract_days: int = 1461
    min_dscr: float | None = 1.15
    works: bool = True  # off: no income, no cash: it fails on the day its loan is due


class Fate(NamedTuple):
    """What became of a probe's loan."""

    defaults: bool
    loss_share: float  # of what was lent, once claims are settled
    day: int  # of default; -1: none


def loan_id(probe: Probe) -> str:
    """Of its one loan."""
    return f"{probe.name}-GPU_LOAN"


def with_probes(books: Books, probes: tuple[Probe, ...]) -> Books:
    """Opening tables with test borrowers added."""
    loans = tuple(_loan(books, probe) for probe in probes)
    lent = sum(loan.drawn_usd_m for loan in loans)
    names = frozenset(probe.name for probe in probes)
    return replace(
        books,
        neoclouds=(*books.neoclouds, *(_neocloud(books, probe) for probe in probes)),
        machines=(*books.machines, *(_machines(probe) for probe in probes)),
        loans=(*books.loans, *loans),
        leases=(*books.leases, *(_lease(books, probe) for probe in probes if probe.cover > 0.0)),
        lenders=tuple(_lending(row, lent) for row in books.lenders),
        granted_only=books.granted_only | names,
    )


def covered_debt_usd(
    books: Books, probe: Probe, rent_change_per_year: float, coverage: float
) -> float:
    """Debt that a probe's expected cash flow covers so many times over the loan's life [USD].

    The cash flow of each month of the tenor, at least nothing, discounted at the loan's rate: rent
    of contracts stands to their end, spot rent changes as expected, costs stay. So an annuity has
    this DSCR on average over its life, in present values; early on more, late less.
    """
    row = _neocloud(books, probe)
    hardware = next(row for row in books.hardware if row.id == probe.hardware)
    listed = probe.gpus * (hardware.rent_usd_gpu_h or 0.0) * HOURS_A_YEAR
    worth = 0.0
    for month in range(round(probe.tenor_days / DAYS_A_MONTH)):
        years = (month + 0.5) / 12.0
        spot = SPOT_USE * (1.0 + rent_change_per_year) ** years
        fixed = probe.cover if 365.25 * years < probe.contract_days else 0.0
        income = listed * (fixed * CONTRACT_RENT + (1.0 - fixed) * spot)
        left = max(0.0, income - row.opex_ex_da_usd_m_yr * MILLION)
        worth += left / 12.0 / (1.0 + probe.rate) ** years
    return worth / coverage


def fates(simulation: Simulation, probes: tuple[Probe, ...]) -> dict[str, Fate]:
    """What became of probes in a finished run whose claims are settled."""
    from ...market.state.loans import of_claims

    market, resolved = simulation.market, simulation.resolution
    assert resolved is not None, "claims must be settled first"
    lost = of_claims("written_down_usd", market.loans) + resolved.further_usd
    names = list(market.names.loans)
    found = {}
    for probe in probes:
        loan = names.index(loan_id(probe))
        claim = int(market.loans.claim[loan])
        day = int(market.claims.default_day[claim]) if claim >= 0 else -1
        share = float(lost[loan] / simulation.principal_open_usd[loan])
        found[probe.name] = Fate(claim >= 0, share, day)
    return found


def second_hand_usd(books: Books, hardware: str) -> float:
    """What one machine of a class fetches at the opening."""
    row = next(row for row in books.hardware if row.id == hardware)
    return float(row.used_price_usd or row.new_price_usd)


def _neocloud(books: Books, probe: Probe) -> Neocloud:
    """Costs a kilowatt are those of an operator that has nothing else than machines."""
    model = next(row for row in books.neoclouds if row.id == PATTERN)
    row = next(row for row in books.hardware if row.id == probe.hardware)
    pattern = next(row for row in books.hardware if row.id == "H100")
    kilowatts = probe.gpus * row.kw_per_unit
    share = kilowatts / (model.gpus_h100 * pattern.kw_per_unit) if probe.works else 0.0
    fixed = share * model.fixed_cost_usd_m_yr
    listed = probe.gpus * (row.rent_usd_gpu_h or 0.0) * HOURS_A_YEAR / MILLION
    let = probe.cover * CONTRACT_RENT + (1.0 - probe.cover) * SPOT_USE
    none = {name: 0 for name in type(model).model_fields if name.startswith("gpus_")}
    return model.model_copy(
        update={
            "id": probe.name,
            "name": probe.name,
            "cash_usd_m": 0.0 if not probe.works else 0.25 * fixed,
            "fixed_cost_usd_m_yr": fixed,
            "revenue_usd_m_yr": listed * let if probe.works else 0.0,
            "opex_ex_da_usd_m_yr": share * model.opex_ex_da_usd_m_yr,
            "capex_committed_12m_usd_m": 0.0,
            "mw_operating": kilowatts / 1000.0,
            "confidence": "seen",
            **none,
        }
    )


def _cash_flow_usd_m_yr(books: Books, probe: Probe) -> float:
    """What is left of its income after all running costs: what covenants count."""
    row = _neocloud(books, probe)
    return max(0.0, row.revenue_usd_m_yr - row.opex_ex_da_usd_m_yr)


def _machines(probe: Probe) -> Machines:
    from ...market.opening.books_2025.rows import Machines

    return Machines(
        owner_id=probe.name,
        class_id=probe.hardware,
        units=float(probe.gpus),
        confidence="seen",
        source="a test borrower",
    )


def _loan(books: Books, probe: Probe) -> Loan:
    pattern = next(row for row in books.loans if row.loan_id == LOAN_PATTERN)
    debt = probe.advance * second_hand_usd(books, probe.hardware) * probe.gpus / MILLION
    opening = books.opening_date
    return pattern.model_copy(
        update={
            "loan_id": loan_id(probe),
            "borrower_id": probe.name,
            "perimeter": probe.name,
            "lender_id": LENDER,
            "syndicate_id": loan_id(probe),
            "drawn_usd_m": debt,
            "committed_usd_m": debt,
            "rate_type": "fixed",
            "rate_or_spread": probe.rate,
            "amortisation": probe.amortisation,
            "collateral_class": probe.hardware,
            "collateral_units": float(probe.gpus),
            "origination": opening,
            "maturity": opening + timedelta(days=probe.tenor_days),
            "cure_days": 30 if probe.works else 0,
            "min_dscr": probe.min_dscr,
            "dscr_test_start": opening + timedelta(days=180) if probe.min_dscr else None,
            "pledged_cash_flow_usd_m_yr": _cash_flow_usd_m_yr(books, probe),
            "opening_dscr": None,
            "opening_ltv": None,
            "confidence": "seen",
        }
    )


def _lease(books: Books, probe: Probe) -> Lease:
    pattern = next(row for row in books.leases if row.lease_id == LEASE_PATTERN)
    row = next(row for row in books.hardware if row.id == probe.hardware)
    gpus = max(1, round(probe.cover * probe.gpus))
    rent = gpus * (row.rent_usd_gpu_h or 0.0) * HOURS_A_YEAR * CONTRACT_RENT / MILLION
    opening = books.opening_date
    return pattern.model_copy(
        update={
            "lease_id": f"{probe.name}-CONTRACT",
            "landlord_id": probe.name,
            "gpus": gpus,
            "gpu_class": probe.hardware,
            "usd_m_yr": rent,
            "start": opening - timedelta(days=1),
            "end": opening + timedelta(days=probe.contract_days),
            "confidence": "seen",
        }
    )


def _lending(row: Lender, usd_m: float) -> Lender:
    if row.id != LENDER:
        return row
    return row.model_copy(
        update={
            "book_usd_m": row.book_usd_m + usd_m,
            "other_loans_usd_m": row.other_loans_usd_m - usd_m,
        }
    )
