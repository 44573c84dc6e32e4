"""Prices of groups of loans: one loan, an instrument, who pays the rent behind it, a vintage."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .estimators import (
    Estimate,
    Reals,
    break_even,
    capital_charge,
    default_probabilities,
    expected_shortfall,
    fair_interval,
    loss_given_default,
)
from .panel import Panel

YEARS = 5
DAYS_PER_YEAR = 365.0
QUARTERS = 4
CANNOT_TELL = "cannot tell"


class Price(NamedTuple):
    """What a group of loans should have cost beside what it does; spreads are decimals a year."""

    name: str
    loans: int
    balance_usd: float  # drawn at the opening
    undrawn_usd: float
    contract: float  # at the opening, by balance-years
    earned: float  # what was paid above the reference rate, roll-overs and moving rates included
    break_even: Estimate
    charged: float  # with capital against unexpected loss
    pd: tuple[float, ...]  # by the end of each year
    lgd: float
    expected_loss: float  # share of the balance at the opening, or of the commitment
    fair: Estimate  # probability of a joint crash at which contract and break-even are the same
    without_crash: float  # break-even if there is no joint crash
    in_crash: float

    @property
    def mispricing(self) -> float:
        """What the contract pays beyond break-even; negative: too cheap for the lender."""
        return self.contract - self.break_even.value

    @property
    def verdict(self) -> str:
        """Over- or underpriced as seen by the lender, or that nobody can tell."""
        if self.contract > self.break_even.high:
            return "pays more than it loses"
        if self.contract < self.break_even.low:
            return "pays less than it loses"
        return CANNOT_TELL


def price(
    panel: Panel, columns: NDArray[np.int64], name: str, joint: tuple[str, ...] = ()
) -> Price:
    """The price of some loans, given as columns of a panel."""
    book = panel.loans.iloc[columns]
    total = {key: table[:, columns].sum(axis=1) for key, table in panel.scalars.items()}
    loss, years = total["loss_usd"], total["balance_years_usd"]
    balance = float(book["balance_usd"].sum())
    undrawn = float(book["undrawn_usd"].sum())
    size = balance if balance > 0.0 else undrawn
    expected = float(panel.weight @ loss)
    spread = panel.ratio(loss, years)
    shortfall = expected_shortfall(loss, panel.weight)
    by_loan = panel.weight @ panel.scalars["balance_years_usd"][:, columns]
    contract = float(by_loan @ book["contract"].to_numpy()) / max(float(by_loan.sum()), 1e-9)
    crash = np.isin(panel.cell, joint)
    return Price(
        name=name,
        loans=len(columns),
        balance_usd=balance,
        undrawn_usd=undrawn,
        contract=contract,
        earned=break_even(panel.weighed(total["earned_usd"]), panel.weighed(years)),
        break_even=spread,
        charged=spread.value + capital_charge(shortfall, expected, max(size, 1.0)),
        pd=tuple(default_probabilities(*at_risk(panel, columns))),
        lgd=loss_given_default(panel.weight * loss, panel.weight * total["claim_usd"]),
        expected_loss=expected / max(size, 1.0),
        fair=_fair(panel, crash, loss, years, contract),
        without_crash=break_even((panel.weight * loss)[~crash], (panel.weight * years)[~crash]),
        in_crash=break_even((panel.weight * loss)[crash], (panel.weight * years)[crash]),
    )


def at_risk(panel: Panel, columns: NDArray[np.int64]) -> tuple[Reals, Reals]:
    """Balance that performs at the start of each year, and what of it defaults in the year."""
    balances = panel.quarters["balance_musd"][:, columns, :]
    days = panel.scalars["default_day"][:, columns]
    standing, failing = np.zeros(YEARS), np.zeros(YEARS)
    for year in range(YEARS):
        if year * QUARTERS >= balances.shape[2]:
            break
        balance = balances[:, :, year * QUARTERS].astype(float)
        start, end = year * DAYS_PER_YEAR, (year + 1) * DAYS_PER_YEAR
        fails = (days > start) & (days <= end)
        standing[year] = panel.weight @ balance.sum(axis=1)
        failing[year] = panel.weight @ np.where(fails, balance, 0.0).sum(axis=1)
    return standing, failing


def _fair(
    panel: Panel, crash: NDArray[np.bool_], loss: Reals, years: Reals, contract: float
) -> Estimate:
    """The fair probability of a joint crash with its interval."""
    if not panel.weight[crash].any() or not panel.weight[~crash].any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    without, within = (
        np.where(mask, panel.weight, 0.0) / float(panel.weight[mask].sum())
        for mask in (~crash, crash)
    )
    otherwise, joint = ((part * loss, part * years) for part in (without, within))
    return fair_interval(contract, otherwise, joint, panel.strata)


def cohorts(panel: Panel, largest: str) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Groups that the page shows: their kind, their name and their columns."""
    book = panel.loans
    groups: list[tuple[str, str, Any]] = []
    for name, part in book.groupby("instrument"):
        groups.append(("instrument", str(name), part.index))
        other = part[part["borrower"] != largest]
        if 0 < len(other) < len(part):
            groups.append(("without the largest", f"{name} but for {largest}", other.index))
    machines = book[book["instrument"].isin(["gpu_loan", "vendor", "project_finance"])]
    for (instrument, tenants), part in machines.groupby(["instrument", "tenants"]):
        groups.append(("tenants", f"{instrument}, tenants {tenants}", part.index))
    own = book[(book["borrower"] == largest) & (book["instrument"] == "gpu_loan")]
    for name, part in own.groupby("facility"):
        groups.append(("named", str(name), part.index))
    for (instrument, year), part in book.groupby(["instrument", "vintage"]):
        groups.append(("vintage", f"{instrument}, {year}", part.index))
    for name, part in book.groupby("borrower"):
        groups.append(("borrower", str(name), part.index))
    return [(kind, name, np.asarray(index, np.int64)) for kind, name, index in groups]


def as_row(kind: str, one: Price) -> dict[str, Any]:
    """A price as a row of the table of results."""
    row: dict[str, Any] = {"kind": kind, "name": one.name, "loans": one.loans}
    row |= {"balance_usd": one.balance_usd, "undrawn_usd": one.undrawn_usd}
    bp = {
        "contract": one.contract,
        "earned": one.earned,
        "break_even": one.break_even.value,
        "low": one.break_even.low,
        "high": one.break_even.high,
        "charged": one.charged,
        "mispricing": one.mispricing,
        "without_crash": one.without_crash,
        "in_crash": one.in_crash,
    }
    row |= {f"{key}_bp": 1e4 * value for key, value in bp.items()}
    row |= {f"pd_{year + 1}y": value for year, value in enumerate(one.pd)}
    row |= {"lgd": one.lgd, "expected_loss": one.expected_loss}
    row |= {
        "fair_joint_crash_probability": one.fair.value,
        "fair_low": one.fair.low,
        "fair_high": one.fair.high,
        "verdict": one.verdict,
        "vague": one.break_even.is_vague,
    }
    return row
