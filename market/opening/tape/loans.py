"""The loans and lenders of a tape as rows of the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from ..books import Books
from ..books_2025.rows import Loan, Site
from ..rows import Lender
from .borrowers import hardware_of, reported_price_usd, usd_m
from .filled import Filling, default
from .headroom import LTVS
from .income import USUAL_AMORTISATION, service_usd_yr
from .read import TapeLoan
from .source import SOURCE

FIRST_TEST_DAYS = 92
CALL_TO_LIQUIDATION = Decimal("0.10")
IN_COMPLIANCE = 1.1  # times the covenant: coverage of 1.27 under one of 1.15 in the books
INITIAL_TO_CALL = 0.8  # in the lines of the books: 60 to 75 %, 65 to 85 %


def loan_row(
    loan: TapeLoan, borrower: str, lender: str, units: float, books: Books, filling: Filling
) -> Loan:
    """A loan of the tape as one row of the books."""
    machine, terms, opening = loan.machine, loan.covenants, books.opening_date
    instrument = loan["instrument"]
    amortisation = loan["amortisation"]
    if amortisation is None:
        amortisation = USUAL_AMORTISATION[instrument]
        filling.note(loan.id, "amortisation", amortisation, "usual for this instrument", "memory")
    recourse = loan["recourse"]
    if recourse is None:
        recourse = True
        filling.note(loan.id, "recourse", "yes", "no limit of recourse was given", "estimated")
    start = loan["origination"] or _origination(loan, opening, filling)
    cure = terms.cure_days
    if cure is None:
        cure = int(filling.take(loan.id, "cure period", "cure_days", instrument))
    liquidation = terms.liquidation_ltv
    if terms.margin_call_ltv is not None and liquidation is None:
        liquidation = terms.margin_call_ltv + CALL_TO_LIQUIDATION
        filling.note(
            loan.id, "liquidation LTV", f"{liquidation * 100:.3g} %", "ten points above the call",
            "estimated",
        )  # fmt: skip
    basis = _basis(loan, units, books, filling)
    tested = terms.min_dscr is not None
    first_test = opening + timedelta(FIRST_TEST_DAYS) if tested else None
    if tested:
        filling.note(loan.id, "first DSCR test", str(first_test), "the next quarter's", "estimated")
    kinds = {"asic": "asic", "btc": "btc", "site": "site", "lien": "general_lien"}
    kind = "unsecured" if machine is None else kinds.get(machine.kind, "gpu")
    if kind == "gpu" and loan["tenant"]:
        kind = "gpu_and_contract"
    secured = machine is not None and machine.kind != "lien"
    own = not recourse or tested or kind == "site"
    row = Loan(
        loan_id=loan.id,
        borrower_id=borrower,
        perimeter=f"{loan.id}-PERIMETER" if own else borrower,
        recourse=recourse,
        lender_id=lender,
        syndicate_id=loan.id,
        instrument=instrument,
        drawn_usd_m=usd_m(loan.principal_usd),
        committed_usd_m=usd_m(loan.principal_usd + (loan["undrawn_usd"] or Decimal(0))),
        rate_type="float" if loan.rate.floating else "fixed",
        rate_or_spread=float(loan.rate.value),
        origination=start,
        maturity=loan["maturity"],
        amortisation=amortisation,
        principal_per_quarter_usd_m=None,
        collateral_kind=_kind(kind),
        collateral_class=machine.id if machine is not None and secured else None,
        collateral_units=units if secured else 0.0,
        initial_ltv=_initial_ltv(loan, units, books, filling) if secured else None,
        margin_call_ltv=float(terms.margin_call_ltv) if terms.margin_call_ltv else None,
        liquidation_ltv=float(liquidation) if liquidation else None,
        min_dscr=float(terms.min_dscr) if terms.min_dscr else None,
        cure_days=cure,
        conversion_price_usd=float(loan["conversion_price_usd"])
        if loan["conversion_price_usd"] is not None
        else None,
        put_date=None,
        dscr_test_start=first_test,
        pledged_cash_flow_usd_m_yr=_pledged_usd_m_yr(loan, units, books, filling)
        if tested
        else None,
        opening_dscr=None,
        opening_ltv=None,
        confidence="seen",
        source=SOURCE,
    )
    if basis == 1.0:
        return row
    update = {name: basis * value for name in LTVS if (value := getattr(row, name)) is not None}
    return row.model_copy(update=update)


def _basis(loan: TapeLoan, units: float, books: Books, filling: Filling) -> float:
    """By what an LTV of the tape is multiplied to be tested at the market's marks.

    A lender tests by the values that it reports. The market's marks open at second-hand prices: a
    test keeps its headroom, as a share of value, if its level moves as today's LTV does. Coins have
    one price.
    """
    machine, reported = loan.machine, loan.reported
    if machine is None or machine.kind not in ("gpu", "asic") or units <= 0.0:
        return 1.0
    ltv = reported.ltv
    if ltv is None and reported.value_usd:
        ltv = loan.principal_usd / reported.value_usd
    price = float(hardware_of(machine.id, books).used_price_usd or 0.0)
    if not ltv or loan.covenants.margin_call_ltv is None or price <= 0.0:
        return 1.0
    marked = float(loan.principal_usd) / (units * price)
    filling.note(
        loan.id,
        "LTV tested",
        f"× {marked / float(ltv):.2f}",
        f"you report {float(ltv) * 100:.3g} %, at second-hand prices it is {marked * 100:.3g} %: "
        "tests keep their headroom",
    )
    return marked / float(ltv)


def _kind(name: str) -> Any:
    return name


def _origination(loan: TapeLoan, opening: date, filling: Filling) -> date:
    row = default("past_years", loan["instrument"])
    start = opening - timedelta(round(365 * row.value))
    filling.note(loan.id, "origination", str(start), row.source, row.confidence)
    return start


def _initial_ltv(loan: TapeLoan, units: float, books: Books, filling: Filling) -> float:
    """To what a margin call restores; without one, what is reported today."""
    call, reported, machine = loan.covenants.margin_call_ltv, loan.reported, loan.machine
    assert machine is not None
    if call is not None:
        initial = INITIAL_TO_CALL * float(call)
        filling.note(
            loan.id, "LTV after a call", f"{initial * 100:.3g} %", "four fifths of the call's",
            "estimated",
        )  # fmt: skip
        return initial
    if reported.ltv is not None:
        return min(2.0, max(0.01, float(reported.ltv)))
    if reported.value_usd:
        value = float(reported.value_usd)
    elif machine.kind == "site":
        value = float(loan.principal_usd) / 0.65
        filling.note(loan.id, "LTV", "65 %", "as site loans of the books", "estimated")
    else:
        value = units * reported_price_usd(machine.id, books)
        ltv = float(loan.principal_usd) / max(value, 1.0)
        filling.note(loan.id, "LTV", f"{ltv * 100:.3g} %", "units at what lenders report them at")
    return min(2.0, max(0.01, float(loan.principal_usd) / max(value, 1.0)))


def _pledged_usd_m_yr(loan: TapeLoan, units: float, books: Books, filling: Filling) -> float:
    """What the pledged machines bring after running cost, by which coverage is tested."""
    machine = loan.machine
    if machine is None or machine.kind != "gpu":
        return 0.0
    if loan["rent_usd_yr"] is not None:
        gross = float(loan["rent_usd_yr"])
    else:
        share = 1.0 if loan["tenant"] else default("spot_share", "neocloud").value
        listed = float(hardware_of(machine.id, books).rent_usd_gpu_h or 0.0)
        gross = share * units * listed * 8760.0
    net = gross * (1.0 - default("variable_cost_share", "neocloud").value)
    why = "rent of the pledged machines, less running cost"
    service = service_usd_yr(loan, books.opening_date, books.quotes["reference_rate"])
    least = IN_COMPLIANCE * float(loan.covenants.min_dscr or 0.0) * service
    if net < least and int(loan["days_past_due"] or 0) == 0:
        net, why = least, "more than the machines bring: a loan that is not late kept its covenant"
    filling.note(loan.id, "pledged cash flow", f"${net:,.0f} a year", why, "estimated")
    return net / 1e6


def site_row(loan: TapeLoan) -> Site:
    """The site that secures a loan."""
    power = float(loan["site_mw"])
    return Site(
        perimeter=f"{loan.id}-PERIMETER",
        power_mw=power,
        hall_mw=float(loan["hall_mw"] or 0),
        confidence="seen",
        source=SOURCE,
    )


def lender_row(party: str, name: str, kind: str, loans: Sequence[Loan], filling: Filling) -> Lender:
    """A lender of the tape: this book, other loans, cash, and what funds them."""
    book = sum(loan.drawn_usd_m for loan in loans)
    lines = sum(loan.committed_usd_m - loan.drawn_usd_m for loan in loans)
    book_or_lines = max(book, lines, 1e-6)
    other = filling.times(1e6 * book_or_lines, name, "other loans", "other_loans_times", kind) / 1e6
    cash_share = filling.take(name, "cash", "cash_share", kind)
    cash = (book + other) * cash_share / (1.0 - cash_share)
    assets = cash + book + other
    capital = filling.times(1e6 * assets, name, "capital", "capital_share", kind) / 1e6
    capital = min(max(capital, 1e-6), assets)
    return Lender(
        id=party,
        name=name,
        kind=_kind(kind),
        capital_usd_m=capital,
        cash_usd_m=cash,
        runnable_share=filling.take(name, "callable funding", "runnable_share", kind),
        funding_maturity_days=int(filling.take(name, "funding maturity", "funding_days", kind)),
        book_usd_m=book,
        other_loans_usd_m=other,
        funding_usd_m=assets - capital,
        undrawn_commitments_usd_m=lines,
        min_capital_ratio=filling.take(name, "least capital", "min_capital_ratio", kind),
        can_fail=kind not in ("bank", "insurer", "bond_funds", "vendor"),
        parent_id=None,
        confidence="seen",
        source=SOURCE,
    )


def kind_of_lender(name: str, filling: Filling) -> str:
    """By a word in its name; else a fund with locked money."""
    said = name.lower()
    kinds: tuple[tuple[str, Literal["bank", "insurer", "crypto_lender"]], ...] = (
        ("bank", "bank"), ("insur", "insurer"), ("crypto", "crypto_lender"),
    )  # fmt: skip
    kind = next((kind for word, kind in kinds if word in said), "private_credit_locked")
    why = "by its name" if kind != "private_credit_locked" else "a fund with locked money"
    filling.note(name, "lender kind", kind, why, "estimated")
    return kind
