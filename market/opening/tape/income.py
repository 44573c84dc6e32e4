"""What a borrower of a tape earns and spends: as given, else by its machines and by its debt.

Machines earn their contracts, or spot, less running and fixed cost. A borrower that pays its loans
must be able to: where machines alone do not cover what it owes a year, other income is taken that
does (``least_cover``), unless its revenue was given or a payment is late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .filled import Filling, default

if TYPE_CHECKING:
    from ..books import Books
    from ..rows import Hardware
    from .read import TapeLoan

HOURS_PER_YEAR = 8760.0
LATE_DAYS = 30


class Business(NamedTuple):
    """A borrower's income beside mining, and its cost beside mining's power, a year [USD]."""

    revenue: float
    fixed: float
    variable: float


class Machines(NamedTuple):
    """What a borrower owns, by class, and what its contracts take of it and pay a year [USD]."""

    kind: str  # of borrower
    units: Mapping[str, float]
    rows: Mapping[str, Hardware]
    contracts: Mapping[str, tuple[float, float]]
    power_usd_mwh: float


def business_of(
    name: str,
    given: Mapping[str, Any],
    loans: Sequence[TapeLoan],
    machines: Machines,
    filling: Filling,
    books: Books,
) -> Business:
    """Income and cost of one borrower."""
    kind = machines.kind
    gpus = any(row.family == "gpu" for row in machines.rows.values())
    rigs = sum(v for k, v in machines.units.items() if machines.rows[k].family == "asic")
    known = "revenue_usd_yr" in given
    revenue = float(given["revenue_usd_yr"]) if known else _of_gpus(name, machines, filling)
    fixed, variable = given.get("fixed_cost_usd_yr"), given.get("variable_cost_usd_yr")
    if fixed is None and rigs > 0.0:
        fixed = filling.times(rigs / 1e6, name, "fixed cost", "fixed_cost_usd_eh_yr", "miner")
    elif fixed is None and revenue > 0.0:
        fixed = filling.times(revenue, name, "fixed cost", "fixed_cost_share", kind)
    if variable is None and gpus:
        what = "variable_cost_share"
        variable = filling.times(revenue, name, "variable cost", what, "neocloud")
    fixed, variable = float(fixed or 0.0), float(variable or 0.0)
    late = max((int(loan["days_past_due"] or 0) for loan in loans), default=0)
    if known or late > LATE_DAYS:
        return Business(revenue, fixed, variable)
    cover = default("least_cover", "borrower")
    reference = books.quotes["reference_rate"]
    service = sum(service_usd_yr(loan, books.opening_date, reference) for loan in loans)
    earned = revenue + _of_rigs(machines, books) - fixed - variable
    missing = cover.value * service - earned
    if missing > 0.0:
        filling.note(
            name,
            "other income",
            f"${missing:,.0f} a year: {cover.value:g} times service of ${service:,.0f}, less "
            f"${earned:,.0f} that machines leave",
            cover.source,
            cover.confidence,
        )
    return Business(revenue + max(0.0, missing), fixed, variable)


def _of_gpus(name: str, machines: Machines, filling: Filling) -> float:
    """Contracts, and spot of what they leave, a year [USD]."""
    free = {k: v for k, v in machines.units.items() if machines.rows[k].family == "gpu"}
    for class_id, (units, _) in machines.contracts.items():
        free[class_id] -= units
    listed = sum(
        max(0.0, v) * float(machines.rows[k].rent_usd_gpu_h or 0.0) * HOURS_PER_YEAR
        for k, v in free.items()
    )
    revenue = sum(usd for _, usd in machines.contracts.values())
    if listed > 0.0:
        revenue += filling.times(listed, name, "spot income", "spot_share", "neocloud")
    return revenue


def _of_rigs(machines: Machines, books: Books) -> float:
    """Hashprice less power of rigs a year [USD]; those that do not pay stand still."""
    gross = books.quotes["hashprice_usd_ph_day"] * 365.0 / 1000.0
    total = 0.0
    for name, units in machines.units.items():
        row = machines.rows[name]
        if row.family == "asic":
            power = row.kw_per_unit * HOURS_PER_YEAR / 1000.0 * machines.power_usd_mwh
            total += units * max(0.0, gross - power)
    return total


def service_usd_yr(loan: TapeLoan, opening: dt.date, reference: float) -> float:
    """Interest and scheduled principal of the coming year, a bullet's last payment aside [USD].

    Linear: the balance over the years left; annuity: the level payment; a loan that ends within
    the year is paid down by its end.
    """
    rate = float(loan.rate.value) + (reference if loan.rate.floating else 0.0)
    balance = float(loan.principal_usd)
    years = max((loan["maturity"] - opening).days / 365.0, 1.0)
    style = loan["amortisation"] or USUAL_AMORTISATION[loan["instrument"]]
    if style == "bullet":
        return balance * rate
    if style == "linear" or rate <= 0.0:
        return balance * rate + balance / years
    return float(balance * rate / (1.0 - (1.0 + rate) ** -years))


USUAL_AMORTISATION = {
    "btc_loan": "bullet",
    "asic_loan": "annuity",
    "gpu_loan": "linear",
    "project_finance": "linear",
    "high_yield": "bullet",
    "convertible": "bullet",
    "vendor": "annuity",
    "revolver": "bullet",
    "other": "linear",
}
"""How a loan is repaid whose tape does not say."""
