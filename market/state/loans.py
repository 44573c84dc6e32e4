"""Loans: one row per lender's share, its terms, and the arithmetic of debt service."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.columns import (
    Codes,
    Flags,
    Ints,
    IntsOrNone,
    Longs,
    OneCount,
    Ratios,
    Reals,
    RealsOrNone,
)
from ...agents.compiling.kernels import compiled, inlined

DAYS_PER_YEAR = 365.0

NO_GROWTH = -1  # a loan that was there at the opening
ANY_GROWTH = -2  # a facility for machines ordered later


class Instrument(IntEnum):
    """Instruments as in the opening tables."""

    BTC_LOAN = 0
    ASIC_LOAN = 1
    GPU_LOAN = 2
    PROJECT_FINANCE = 3
    HIGH_YIELD = 4
    CONVERTIBLE = 5
    VENDOR = 6
    REVOLVER = 7
    OTHER = 8


# Interest is paid so often; principal with it where the loan amortises.
PAYMENT_INTERVAL_DAYS = {
    Instrument.BTC_LOAN: 30,
    Instrument.ASIC_LOAN: 30,
    Instrument.GPU_LOAN: 91,
    Instrument.PROJECT_FINANCE: 91,
    Instrument.HIGH_YIELD: 182,
    Instrument.CONVERTIBLE: 182,
    Instrument.VENDOR: 30,
    Instrument.REVOLVER: 91,
    Instrument.OTHER: 91,
}


class Amortisation(IntEnum):
    """How principal is repaid."""

    BULLET = 0
    LINEAR = 1
    ANNUITY = 2


class Collateral(IntEnum):
    """What secures the loan."""

    NONE = 0
    BTC = 1
    HARDWARE = 2
    SITE = 3
    GENERAL_LIEN = 4  # all that nobody has a pledge on, once the borrower has failed


class LoanStatus(IntEnum):
    """Where a loan stands."""

    PERFORMING = 0
    DEFAULTED = 1  # claim open: collateral or estate still to be sold
    CLOSED = 2  # repaid, or resolved with a loss


class TermSheets(NamedTuple):
    """Terms that do not change, one row per sheet; the pieces of a divided loan share theirs."""

    initial_ltv: RealsOrNone  # NaN where not tested, as the next three
    margin_call_ltv: RealsOrNone
    liquidation_ltv: RealsOrNone
    min_dscr: RealsOrNone
    cure_days: Ints
    rate_open: Reals  # rate or spread at the opening
    term_days: Ints  # of a roll-over


class Claims(NamedTuple):
    """One row per default of a loan; rows ``0 .. count[0]`` are in use.

    A loan defaults twice at most: reorganised once, then for good.
    """

    count: OneCount  # type: ignore[assignment]  # [1]; hides tuple.count
    loan: Ints
    default_day: Ints
    default_event: Ints
    claim_usd: Reals  # principal and interest at default
    recovered_usd: Reals
    recovered_value_usd: Reals  # present value at the default day
    written_down_usd: Reals
    noted_usd: Reals  # of that, what the event log names
    open_lots: Ints


class Loans(NamedTuple):
    """One row per loan, by borrower: ``first[b] .. first[b + 1]``; USD, days from the opening."""

    first: Longs  # [borrower + 1]
    borrower: Ints
    lender: Ints  # row in the lenders' table
    perimeter: Ints  # row in the perimeters' table, -1 if no DSCR is tested
    instrument: Codes
    status: Codes
    principal_usd: Reals
    undrawn_usd: Reals
    accrued_usd: Reals
    rate_or_spread: Reals
    floating: Flags
    amortisation: Codes
    principal_per_payment_usd: Reals  # fixed by contract, else 0
    interval_days: Ints
    next_payment_day: Ints
    maturity_day: Ints
    collateral: Codes
    hardware: Ints  # class of the collateral, -1 if none
    collateral_units: Reals  # machines, TH/s or share of the site
    contract_units: Reals  # of these, machines bought for contracts signed at the opening
    collateral_btc: Reals
    site_mw: Reals  # of pledged sites, where no hall stands yet
    hall_mw: Reals  # of pledged halls, finished or paid for
    dscr_test_day: Ints
    base_cash_flow_usd_day: Reals  # pledged, beyond what machines and sites earned at the opening
    recourse: Flags
    vehicle: Ints  # number of its perimeter: what stands and falls together
    growth: Ints  # contract whose hardware it pays for, or NO_GROWTH, ANY_GROWTH
    conversion_usd: RealsOrNone  # share price at which a note converts, NaN if it does not
    put_day: Ints  # holders may ask for their money, -1 if they may not
    holding: IntsOrNone  # row of the pledged machines in the borrower's holdings, or -1
    note_spread: Reals  # of a fund's note at the opening, beyond what its issuer explains
    note_value: Reals  # of a dollar of that note at the opening
    provision_usd: Reals  # its lender carries it below principal while it performs
    # what happened
    arrears_interest_usd: Reals  # due and not yet paid
    arrears_principal_usd: Reals
    due_cause: Codes  # Cause a missed payment would have
    breach: Codes  # Cause of the open breach, 0 if none
    breach_day: IntsOrNone
    breach_event: IntsOrNone
    lock_up: Flags
    waivers: Ints  # granted so far
    roll_day: IntsOrNone  # last day a roll-over was asked for, -1
    draw_event: IntsOrNone  # its last draw, -1 if none
    stop_event: IntsOrNone  # its lender stopped it since, -1 if not
    claim: IntsOrNone  # row of its claim once it has defaulted, -1 before
    sheet: Ints  # row of its terms
    claims: Claims
    sheets: TermSheets


class Perimeters(NamedTuple):
    """One row per group of loans whose DSCR is tested together (an SPV or the parent)."""

    borrower: Ints
    cash_flow_usd: Reals  # since the last test
    service_usd: Reals  # scheduled interest and principal since the last test
    dscr: Ratios  # of the last test, NaN before
    surplus_usd: Reals  # of the last test
    days: Ints  # since the last test


@compiled
def open_claim(loan: int, day: int, claim_usd: float, event: int, loans: Loans) -> int:
    """Use the next row for a loan that defaults; returns it."""
    claims = loans.claims
    claim = claims.count[0]
    claims.count[0] = claim + 1
    claims.loan[claim] = loan
    loans.claim[loan] = claim
    claims.default_day[claim] = day
    claims.default_event[claim] = event
    claims.claim_usd[claim] = claim_usd
    return claim


@inlined
def owed_usd(loan: int, loans: Loans) -> float:
    """What a lender may claim if a loan falls due today: principal, interest accrued and missed."""
    return loans.principal_usd[loan] + loans.accrued_usd[loan] + loans.arrears_interest_usd[loan]


@inlined
def cure_end(loan: int, loans: Loans) -> int:
    """Day on which the cure period of an open breach ends."""
    return loans.breach_day[loan] + loans.sheets.cure_days[loans.sheet[loan]]


def of_sheets(column: str, loans: Loans) -> NDArray[Any]:
    """A column of the term sheets by loan."""
    values: NDArray[Any] = getattr(loans.sheets, column)[loans.sheet]
    return values


def of_claims(column: str, loans: Loans, missing: int = 0) -> NDArray[Any]:
    """A column of the claims by loan; ``missing`` where a loan has not defaulted.

    Of a loan with two claims: money is added up, else it is the later claim's.
    """
    values = getattr(loans.claims, column)
    if values.dtype == np.float64:
        used = loans.claims.count[0]
        return np.bincount(loans.claims.loan[:used], values[:used], len(loans.claim))
    return np.where(loans.claim >= 0, values[loans.claim], missing)


@compiled
def rows_with_status(status: int, loans: Loans) -> np.ndarray:
    """Loans that stand somewhere, in order."""
    found = 0
    for loan in range(len(loans.status)):
        found += loans.status[loan] == status
    rows = np.empty(found, np.int64)
    found = 0
    for loan in range(len(loans.status)):
        if loans.status[loan] == status:
            rows[found] = loan
            found += 1
    return rows


@compiled
def annual_rate(rate_or_spread: float, floating: bool, reference_rate: float) -> float:
    """Interest a year: fixed, or reference plus spread, and never less than nothing."""
    rate = rate_or_spread + reference_rate if floating else rate_or_spread
    return max(0.0, rate)


@compiled
def payments_left(day: int, maturity_day: int, interval_days: int) -> int:
    """Payments from the payment date ``day`` on, the one at maturity included; at least one."""
    return max(1, 1 - (day - maturity_day) // interval_days)


@compiled
def scheduled_principal_usd(
    principal_usd: float,
    amortisation: int,
    principal_per_payment_usd: float,
    rate: float,
    interval_days: int,
    payments: int,
) -> float:
    """Principal due at a payment date, bullets excluded [USD]; ``payments`` counts this one."""
    if amortisation == Amortisation.BULLET:
        return 0.0
    if payments <= 1:
        return principal_usd
    if principal_per_payment_usd > 0.0:
        return min(principal_usd, principal_per_payment_usd)
    if amortisation == Amortisation.LINEAR:
        return principal_usd / payments
    r = rate * interval_days / DAYS_PER_YEAR
    if r <= 1e-12:
        return principal_usd / payments
    level = principal_usd * r / (1.0 - (1.0 + r) ** (-payments))
    return min(principal_usd, max(0.0, level - principal_usd * r))


@compiled
def service_usd_day(
    principal_usd: float,
    amortisation: int,
    principal_per_payment_usd: float,
    rate: float,
    interval_days: int,
    payments: int,
) -> float:
    """Scheduled interest and principal a day [USD], bullets excluded."""
    principal = scheduled_principal_usd(
        principal_usd, amortisation, principal_per_payment_usd, rate, interval_days, payments
    )
    return principal / interval_days + principal_usd * rate / DAYS_PER_YEAR


@compiled
def loan_to_value(debt_usd: float, collateral_usd: float) -> float:
    """LTV; infinite on worthless collateral, zero without debt."""
    if debt_usd <= 0.0:
        return 0.0
    if collateral_usd <= 0.0:
        return np.inf
    return debt_usd / collateral_usd


@compiled
def present_value_factor(day: int, default_day: int, rate: float) -> float:
    """Discount from ``day`` back to the default day at the loan's rate."""
    return math.exp(-rate * (day - default_day) / 365.0)
