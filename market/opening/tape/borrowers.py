"""The borrowers of a tape as rows of the books: machines, income, cost, cash and contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..books_2025.rows import ASIC_SHARES, GPU_GROUPS, Lease, Machines, Miner, Neocloud
from ..rows import Outside
from .filled import Filling
from .income import HOURS_PER_YEAR, business_of
from .income import Machines as Fleet
from .parties import Named, id_of, recognise
from .read import TapeLoan
from .source import SOURCE

if TYPE_CHECKING:
    from ..books import Books
    from ..rows import Hardware

MILLION = Decimal(1_000_000)
GIVEN_CELLS = {
    "cash_usd": "cash_usd_m",
    "fixed_cost_usd_yr": "fixed_cost_usd_m_yr",
    "revenue_usd_yr": "revenue_other_usd_m_yr",
    "variable_cost_usd_yr": "opex_ex_da_usd_m_yr",
}
"""Columns of a tape, and those of our tables that err in draws unless they were given."""


@dataclass
class Parties:
    """What the borrowers of a tape bring to the books."""

    miners: list[Miner] = field(default_factory=list)
    neoclouds: list[Neocloud] = field(default_factory=list)
    machines: list[Machines] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)


def usd_m(value: Decimal | float | None) -> float:
    """USD as millions."""
    return (
        float(Decimal(repr(value)) / MILLION if isinstance(value, float) else value / MILLION)
        if value is not None
        else 0.0
    )


def units_of(loan: TapeLoan, books: Books, filling: Filling) -> float:
    """Units pledged: as given (rigs of a model in TH/s), else what the reported value buys."""
    machine, found = loan.machine, loan["units"]
    if machine is None or machine.kind == "lien":
        return 0.0
    if found is not None:
        each = Decimal(1) if found.th else machine.units_each
        return float(found.number * each)
    if machine.kind == "site":
        filling.note(loan.id, "units", "1 (the whole site)", "a site loan has the site")
        return 1.0
    value, price = _value_usd(loan), reported_price_usd(machine.id, books)
    units = float(value) / price
    filling.note(
        loan.id,
        "units",
        f"{units:,.0f} {machine.id}",
        f"reported value of ${float(value):,.0f} at ${price:,.0f} each, as lenders report them",
    )
    return units


def _value_usd(loan: TapeLoan) -> Decimal:
    """The reported value of the collateral."""
    reported = loan.reported
    if reported.value_usd is not None:
        return reported.value_usd
    assert reported.ltv is not None
    return loan.principal_usd / max(reported.ltv, Decimal("0.01"))


def reported_price_usd(class_id: str, books: Books) -> float:
    """What lenders report a unit at on the opening day: GPUs at system cost, others at market."""
    if class_id == "BTC":
        return books.quotes["btc_usd"]
    row = hardware_of(class_id, books)
    return row.new_price_usd if row.family == "gpu" else float(row.used_price_usd or 0.0)


def hardware_of(class_id: str, books: Books) -> Hardware:
    """The row of a class."""
    return next(row for row in books.hardware if row.id == class_id)


def add_borrower(
    party: str,
    loans: Sequence[TapeLoan],
    units: dict[str, float],
    books: Books,
    found: Parties,
    filling: Filling,
) -> None:
    """One borrower of the tape, as a row of miners or neoclouds (in place).

    ``units`` are those pledged, by loan. What a borrower owns is what it pledged: nothing else is
    known of it.
    """
    given: dict[str, Any] = {}
    for loan in loans:
        for key, value in loan.given.items():
            given.setdefault(key, value)
    name = str(given["borrower"])
    kind = given.get("borrower_kind") or _kind_of(loans, name, filling)
    region = given.get("region")
    if region is None:
        region = "us"
        filling.note(name, "region", "us", "most sites of the books are there", "estimated")
    fleet: dict[str, float] = {}
    for loan in loans:
        if loan.machine is not None and loan.machine.kind in ("gpu", "asic"):
            fleet[loan.machine.id] = fleet.get(loan.machine.id, 0.0) + units[loan.id]
    found.machines += [
        Machines(owner_id=party, class_id=k, units=v, confidence="seen", source=SOURCE)
        for k, v in fleet.items()
        if v > 0.0
    ]
    rows = {k: hardware_of(k, books) for k in fleet}
    rents = _contracts(party, loans, units, books, found, filling)
    debt = float(sum(loan.principal_usd for loan in loans))
    power = given.get("power_usd_mwh")
    power_price = (
        float(power) if power else filling.take(name, "power price", "power_usd_mwh", kind, region)
    )
    machines = Fleet(kind, fleet, rows, rents, power_price)
    revenue, fixed, variable = business_of(name, given, loans, machines, filling, books)
    cash = given.get("cash_usd")
    if cash is None:
        cash = filling.times(debt, name, "cash", "cash_share_of_debt", kind)
    if "coins_btc" not in given and any(m.machine and m.machine.kind == "btc" for m in loans):
        filling.note(name, "free coins", "0 BTC", "none were reported", "estimated")
    kw = sum(rows[k].kw_per_unit * v for k, v in fleet.items())
    sure = [cell for key, cell in GIVEN_CELLS.items() if key in given]
    common: dict[str, Any] = {
        "id": party,
        "name": name,
        "listed": False,
        "split_into": 1,
        "market_cap_usd_m": None,
        "share_price_usd": float(given["conversion_price_usd"])
        if "conversion_price_usd" in given
        else None,
        "cash_usd_m": usd_m(cash),
        "committed_equity_usd_m": 0.0,
        "power_usd_mwh": power_price,
        "mw_operating": kw / 1000.0,
        "fixed_cost_usd_m_yr": usd_m(fixed),
        "capex_committed_12m_usd_m": 0.0,
        "confidence": "estimated",
        "source": SOURCE,
        **{f"gpus_{group.lower()}": 0 for group in GPU_GROUPS},
    }
    if kind == "neocloud":
        row = Neocloud(
            **common,
            seen_cells="|".join(sure),
            revenue_usd_m_yr=revenue / 1e6,
            opex_ex_da_usd_m_yr=usd_m(fixed) + usd_m(variable),
        )
        found.neoclouds.append(row)
        return
    found.miners.append(
        Miner(
            **common,
            seen_cells="|".join(sure),
            btc_free=float(given.get("coins_btc", 0)),
            btc_lent=0.0,
            eth=0.0,
            hashrate_eh_s=0.0,
            revenue_hpc_usd_m_yr=0.0,
            revenue_other_usd_m_yr=revenue / 1e6,
            opex_hpc_other_usd_m_yr=usd_m(variable),
            **dict.fromkeys(ASIC_SHARES.values(), 0.0),
        )
    )


def _kind_of(loans: Sequence[TapeLoan], name: str, filling: Filling) -> str:
    """Who has rigs or coins mines; all others rent machines out."""
    kinds = {loan.machine.kind for loan in loans if loan.machine is not None}
    instruments = {loan["instrument"] for loan in loans}
    mines = kinds & {"asic", "btc"} or (not kinds and instruments <= {"btc_loan", "asic_loan"})
    kind = "miner" if mines else "neocloud"
    filling.note(name, "borrower kind", kind, "by what it pledges")
    return kind


def _contracts(
    party: str,
    loans: Sequence[TapeLoan],
    units: dict[str, float],
    books: Books,
    found: Parties,
    filling: Filling,
) -> dict[str, tuple[float, float]]:
    """Contracts on pledged GPUs (in place); returns units and rent a year [USD] by class."""
    total: dict[str, tuple[float, float]] = {}
    for loan in loans:
        if loan["tenant"] is None or loan.machine is None:
            continue
        everyone: list[Named] = [*books.outside, *books.neoclouds, *books.miners]
        everyone += found.outside
        tenant = recognise(loan["tenant"], everyone)
        rating = loan["tenant_rating"] or (getattr(tenant, "rating", None) if tenant else None)
        if rating not in ("IG", "HY", "unrated", "none"):
            rating = "unrated"
            filling.note(loan.id, "tenant rating", rating, "no rating was given", "estimated")
        tenant_id = tenant.id if tenant else _outside(loan["tenant"], rating, books, found)
        guarantor_id = None
        if loan["guarantor"] is not None:
            backers: list[Named] = [*books.outside, *found.outside]
            known = recognise(loan["guarantor"], backers)
            guarantor_id = known.id if known else _outside(loan["guarantor"], "IG", books, found)
        k, gpus = loan.machine.id, round(units[loan.id])
        if gpus < 1:
            continue
        rent = loan["rent_usd_yr"]
        if rent is None:
            listed = gpus * float(hardware_of(k, books).rent_usd_gpu_h or 0.0) * HOURS_PER_YEAR
            what = "contract_to_listed"
            rent = filling.times(listed, loan.id, "contract rent", what, "neocloud")
        end = loan["rent_end"]
        if end is None:
            end = max(loan["maturity"], books.opening_date + timedelta(30))
            filling.note(loan.id, "contract end", str(end), "as the loan", "estimated")
        begins = loan["origination"] or books.opening_date - timedelta(180)
        sure = "usd_m_yr" if loan["rent_usd_yr"] is not None else ""
        found.leases.append(
            Lease(
                lease_id=f"{loan.id}-RENT",
                landlord_id=party,
                tenant_id=tenant_id,
                kind="compute",
                mw=0.0,
                gpus=gpus,
                gpu_class=k,
                usd_m_yr=usd_m(rent),
                start=min(begins, books.opening_date - timedelta(1)),
                end=end,
                take_or_pay=True,
                tenant_rating=rating,
                guarantor_id=guarantor_id,
                guarantee_cap_usd_m=usd_m(loan["guarantee_usd"]),
                cost_in_tenant_opex=False,
                confidence="estimated",
                source=SOURCE,
                seen_cells=f"{sure}|end" if loan["rent_end"] is not None else sure,
            )
        )
        have = total.get(k, (0.0, 0.0))
        total[k] = (have[0] + gpus, have[1] + float(rent))
    return total


def _outside(name: str, rating: str, books: Books, found: Parties) -> str:
    """A new party outside the market (in place)."""
    rows: list[Named] = [*books.outside, *books.miners, *books.neoclouds, *books.lenders]
    taken = [row.id for row in rows]
    party = id_of(f"{name} tenant", [*taken, *(row.id for row in found.outside)])
    found.outside.append(
        Outside(
            id=party, name=name, role="named in a tape", rating=rating, pooled=False,
            confidence="seen", source=SOURCE,
        )
    )  # fmt: skip
    return party
