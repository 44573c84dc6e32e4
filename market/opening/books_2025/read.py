"""Reads and checks the files of 2025."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

from ..books import (
    Books,
    check_buyers,
    check_hardware,
    check_interlender,
    check_known,
    check_lenders,
    check_margins,
    distinct_parties,
    read_quotes,
)
from ..csv_files import Sheet, read_sheet
from ..rows import (
    Buyer,
    Depreciation,
    GroupSplit,
    Hardware,
    InterlenderShare,
    Lender,
    LenderMargin,
    Outside,
    Quote,
)
from .rows import Lease, Loan, Miner, Neocloud, SecondaryMarket, Site, Treasury

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data" / "2025"


def load_books_2025(folder: Path | None = None) -> Books:
    """Read and check the opening tables.

    Args:
        folder: where the CSV files are; the packaged ones of 2025-09-30 by default.

    Returns:
        The rows of all tables, in the order of the files.

    Raises:
        InputError: for the first thing that is wrong, in one sentence.
    """
    at = Path(folder or DATA_FOLDER)
    quotes = read_sheet(at, "quotes", Quote)
    outside = read_sheet(at, "outside", Outside)
    miners = read_sheet(at, "miners", Miner)
    treasuries = read_sheet(at, "treasuries", Treasury)
    neoclouds = read_sheet(at, "neoclouds", Neocloud)
    lenders = read_sheet(at, "lenders", Lender)
    margins = read_sheet(at, "lender_margins", LenderMargin)
    claims = read_sheet(at, "interlender", InterlenderShare)
    buyers = read_sheet(at, "buyers", Buyer)
    hardware = read_sheet(at, "hardware", Hardware)
    split = read_sheet(at, "group_split", GroupSplit)
    loans = read_sheet(at, "loans", Loan)
    leases = read_sheet(at, "leases", Lease)
    depreciation = read_sheet(at, "depreciation", Depreciation)
    secondary = read_sheet(at, "secondary_market", SecondaryMarket)
    sites = read_sheet(at, "sites", Site)

    opening_date, numbers = read_quotes(quotes)
    parties = distinct_parties((outside, miners, neoclouds, lenders, buyers))
    operators = {row.id: row.fleet() for row in (*miners.rows, *neoclouds.rows)}
    check_hardware(hardware, split)
    groups = {row.fleet_group: row.family for row in hardware.rows}
    check_margins(lenders, margins)
    check_interlender(claims, lenders)
    check_buyers(buyers, groups)
    lender_ids = {row.id for row in lenders.rows}
    _check_leases(leases, parties, groups)
    _check_loans(loans, operators, lender_ids, groups, opening_date)
    _check_sites(loans, sites)
    _check_notes(loans, {row.id for row in (*miners.rows, *neoclouds.rows) if row.share_price_usd})
    drawn: defaultdict[str, float] = defaultdict(float)
    undrawn: defaultdict[str, float] = defaultdict(float)
    for loan in loans.rows:
        drawn[loan.lender_id] += loan.drawn_usd_m
        undrawn[loan.lender_id] += loan.committed_usd_m - loan.drawn_usd_m
    for number in range(len(treasuries.rows)):
        known = {row.id for row in miners.rows}
        check_known(treasuries, number, "id", known, "an id in miners.csv")
        check_known(treasuries, number, "line_lender_id", lender_ids, "an id in lenders.csv")
    check_lenders(lenders, drawn, undrawn, parties)
    return Books(
        opening_date=opening_date,
        quotes=numbers,
        miners=miners.rows,
        treasuries=treasuries.rows,
        neoclouds=neoclouds.rows,
        loans=loans.rows,
        lenders=lenders.rows,
        margins=margins.rows,
        interlender=claims.rows,
        leases=leases.rows,
        buyers=buyers.rows,
        hardware=hardware.rows,
        group_split=split.rows,
        depreciation=depreciation.rows,
        outside=outside.rows,
        secondary_market=secondary.rows,
        quote_rows=quotes.rows,
        sites=sites.rows,
    )


def _check_leases(leases: Sheet[Lease], parties: Collection[str], groups: Collection[str]) -> None:
    """Both ends of a lease, its guarantor and its hardware are known."""
    for row in range(len(leases.rows)):
        for column in ("landlord_id", "tenant_id", "guarantor_id"):
            check_known(leases, row, column, parties, "the id of a party")
        check_known(leases, row, "gpu_class", groups, "a group in hardware.csv")


def _check_loans(
    loans: Sheet[Loan],
    operators: dict[str, dict[str, float]],
    lender_ids: Collection[str],
    groups: Mapping[str, str],
    opening_date: date,
) -> None:
    """Both ends are known, the loan runs, and nothing is pledged twice."""
    kinds = {"BTC": "btc", "SITE": "site", **groups}
    pledged: defaultdict[tuple[str, str], float] = defaultdict(float)
    for row, loan in enumerate(loans.rows):
        check_known(loans, row, "borrower_id", operators, "an id in miners.csv or neoclouds.csv")
        check_known(loans, row, "lender_id", lender_ids, "an id in lenders.csv")
        if loan.origination > opening_date:
            raise loans.refuse(
                row, "origination", f"a date not after the opening date, {opening_date}"
            )
        if loan.maturity <= opening_date:
            raise loans.refuse(row, "maturity", f"a date after the opening date, {opening_date}")
        kind, group = loan.collateral_kind, loan.collateral_class
        if group is None:
            continue
        if kinds.get(group) != kind.partition("_")[0]:
            raise loans.refuse(
                row, "collateral_class", f"a class for collateral of the kind {kind}"
            )
        if group in groups:
            fleet = operators[loan.borrower_id].get(group, 0.0)
            pledged[loan.borrower_id, group] += loan.collateral_units
            if pledged[loan.borrower_id, group] > fleet * (1 + 1e-9):
                allowed = f"within the {fleet:.10g} units of {group} that {loan.borrower_id} owns"
                raise loans.refuse(row, "collateral_units", f"{allowed}, all its loans together")


def _check_sites(loans: Sheet[Loan], sites: Sheet[Site]) -> None:
    """What secures project finance is a site that is known, and no more than all of it."""
    known = {site.perimeter for site in sites.rows}
    pledged: defaultdict[str, float] = defaultdict(float)
    for row, loan in enumerate(loans.rows):
        if not loan.collateral_kind.startswith("site"):
            continue
        if loan.perimeter not in known:
            raise loans.refuse(row, "perimeter", f"a perimeter in {sites.file}")
        pledged[loan.perimeter] += loan.collateral_units
        if pledged[loan.perimeter] > 1 + 1e-9:
            allowed = f"at most 1 over all loans on the site of {loan.perimeter}"
            raise loans.refuse(row, "collateral_units", allowed)


def _check_notes(loans: Sheet[Loan], priced: Collection[str]) -> None:
    """Only shares with a price can be converted into."""
    for row, loan in enumerate(loans.rows):
        if loan.conversion_price_usd is not None and loan.borrower_id not in priced:
            allowed = "empty for a borrower without share_price_usd"
            raise loans.refuse(row, "conversion_price_usd", allowed)
