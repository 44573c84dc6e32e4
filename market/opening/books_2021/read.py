"""Opening tables of 2021-12-31, read from CSV files and checked together.

They extend :class:`market.opening.books.Books`: lenders, buyers, hardware and quotes have
the same form in both years. What happened to anybody after the opening is not here, except facts
that the scenario may switch on by date (``draws``, ``shocks``). Wrong cells are refused with one
sentence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import ClassVar

from ...state.facts import NEW_RIGS
from ..books import (
    Books,
    check_buyers,
    check_hardware,
    check_known,
    check_lenders,
    check_margins,
    distinct_parties,
    read_quotes,
)
from ..csv_files import Sheet, read_sheet
from ..rows import Buyer, Depreciation, GroupSplit, Hardware, LenderMargin, Outside, Quote
from .rows import (
    Draw,
    InterlenderClaim,
    Lender2021,
    Loan2021,
    MinerConfidence,
    NamedMiner,
    OutsideShock,
    PrivateLoan,
    PrivateMiner,
    RigOrder,
)

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data" / "2021"

REST = "REST_2021"
"""Stands for all private miners in loans and orders that are spread over them."""

ROUNDED_EH_S, ROUNDED_BTC = 0.005, 0.5  # collateral is recorded to 0.01 EH/s and whole coins


@dataclass(frozen=True)
class Books2021(Books):
    """The state of the market on 2021-12-31, and dated facts after it."""

    start: ClassVar[str] = "2021"

    named: tuple[NamedMiner, ...] = ()
    certainty: tuple[MinerConfidence, ...] = ()
    private: tuple[PrivateMiner, ...] = ()
    terms: tuple[Loan2021, ...] = ()
    private_loans: tuple[PrivateLoan, ...] = ()
    draws: tuple[Draw, ...] = ()
    rig_orders: tuple[RigOrder, ...] = ()
    claims: tuple[InterlenderClaim, ...] = ()
    shocks: tuple[OutsideShock, ...] = ()

    __hash__ = Books.__hash__  # a dataclass would make one of all fields

    @property
    def network_eh_s(self) -> float:
        """Hashrate of the whole network at the opening."""
        return self.quotes["network_hashrate_eh_s"]

    def debts(self) -> tuple[tuple[str, Loan2021, float, float], ...]:
        """Every loan as (borrower, terms, principal in USD m, BTC pledged), private parts apart."""
        terms = {row.loan_id: row for row in self.terms}
        own = [
            (row.borrower_id, row, row.principal_usd_m, row.collateral_btc)
            for row in self.terms
            if row.borrower_id != REST
        ]
        parts = [
            (row.miner_id, terms[row.terms_of], row.principal_usd_m, row.collateral_btc)
            for row in self.private_loans
        ]
        return (*own, *parts)


def load_books_2021(folder: Path | None = None) -> Books2021:
    """Read and check the opening tables of 2021.

    Args:
        folder: where the CSV files are; the packaged ones by default.

    Raises:
        InputError: for the first thing that is wrong, in one sentence.
    """
    at = Path(folder or DATA_FOLDER)
    quotes = read_sheet(at, "quotes", Quote)
    outside = read_sheet(at, "outside", Outside)
    named = read_sheet(at, "miners", NamedMiner)
    certainty = read_sheet(at, "miners_confidence", MinerConfidence)
    private = read_sheet(at, "private_miners", PrivateMiner)
    lenders = read_sheet(at, "lenders", Lender2021)
    margins = read_sheet(at, "lender_margins", LenderMargin)
    buyers = read_sheet(at, "buyers", Buyer)
    hardware = read_sheet(at, "hardware", Hardware)
    split = read_sheet(at, "group_split", GroupSplit)
    terms = read_sheet(at, "loans", Loan2021)
    private_loans = read_sheet(at, "private_loans", PrivateLoan)
    draws = read_sheet(at, "draws", Draw)
    orders = read_sheet(at, "orders", RigOrder)
    claims = read_sheet(at, "claims", InterlenderClaim)
    shocks = read_sheet(at, "shocks", OutsideShock)
    depreciation = read_sheet(at, "depreciation", Depreciation)

    opening_date, numbers = read_quotes(quotes)
    parties = distinct_parties((outside, named, private, lenders, buyers))
    check_hardware(hardware, split)
    check_margins(lenders, margins)
    check_buyers(buyers, {row.fleet_group: row.family for row in hardware.rows})
    tables = Books2021(
        opening_date=opening_date,
        quotes=numbers,
        miners=(),
        treasuries=(),
        neoclouds=(),
        loans=(),
        lenders=lenders.rows,
        margins=margins.rows,
        leases=(),
        buyers=buyers.rows,
        hardware=hardware.rows,
        group_split=split.rows,
        depreciation=depreciation.rows,
        outside=outside.rows,
        secondary_market=(),
        quote_rows=quotes.rows,
        named=named.rows,
        certainty=certainty.rows,
        private=private.rows,
        terms=terms.rows,
        private_loans=private_loans.rows,
        draws=draws.rows,
        rig_orders=orders.rows,
        claims=claims.rows,
        shocks=shocks.rows,
    )
    miners = {row.id for row in (*named.rows, *private.rows)}
    lender_ids = {row.id for row in lenders.rows}
    _check_miners(named, certainty, parties)
    _check_debts(terms, private_loans, miners, {row.id for row in private.rows}, lender_ids, tables)
    _check_dated(draws, orders, claims, shocks, (miners, lender_ids), tables)
    _check_books(lenders, tables, parties)
    modelled = sum(row.hashrate_eh_s * row.energised_share for row in tables.named)
    modelled += sum(row.hashrate_eh_s for row in tables.private)
    if modelled > tables.network_eh_s:
        row = [quote.key for quote in quotes.rows].index("network_hashrate_eh_s")
        raise quotes.refuse(row, "value", f"at least {modelled:.6g}, what the fleets have online")
    return tables


def _check_miners(
    named: Sheet[NamedMiner], certainty: Sheet[MinerConfidence], parties: Collection[str]
) -> None:
    """Parents and hosts are known; each named miner and the rest have their confidences."""
    for row in range(len(named.rows)):
        check_known(named, row, "hosted_by", parties, "the id of a party")
        check_known(named, row, "parent_id", parties, "the id of a party")
    wanted = {row.id for row in named.rows} | {REST}
    for row in range(len(certainty.rows)):
        check_known(certainty, row, "id", wanted, f"an id in {named.file} or {REST}")
    given = {row.id for row in certainty.rows}
    for row, miner in enumerate(named.rows):
        if miner.id not in given:
            raise named.refuse(row, "id", f"an id in {certainty.file}")


def _check_debts(
    terms: Sheet[Loan2021],
    parts: Sheet[PrivateLoan],
    miners: Collection[str],
    private: Collection[str],
    lenders: Collection[str],
    tables: Books2021,
) -> None:
    """Both ends are known, private parts add up to their loan, opening LTV is within its limit."""
    spread: dict[str, float] = defaultdict(float)
    by_id = {row.loan_id: row for row in terms.rows if row.borrower_id == REST}
    for row, part in enumerate(parts.rows):
        check_known(parts, row, "miner_id", private, "an id in private_miners.csv")
        check_known(parts, row, "terms_of", by_id, f"a loan of {REST} in {terms.file}")
        spread[part.terms_of] += part.principal_usd_m
        loan = by_id[part.terms_of]
        if (part.collateral_btc > 0) != (loan.collateral_kind == "btc"):
            raise parts.refuse(row, "collateral_btc", "above 0 for a BTC loan and 0 otherwise")
    price = {row.id: row.used_price_usd or 0.0 for row in tables.hardware}
    for row, loan in enumerate(terms.rows):
        check_known(terms, row, "borrower_id", {*miners, REST}, "the id of a miner")
        check_known(terms, row, "lender_id", lenders, "an id in lenders.csv")
        if loan.borrower_id == REST and not isclose(
            spread[loan.loan_id], loan.principal_usd_m, rel_tol=1e-5
        ):
            allowed = f"{spread[loan.loan_id]:.10g}, the sum of its parts in {parts.file}"
            raise terms.refuse(row, "principal_usd_m", allowed)
        value = (loan.collateral_btc + ROUNDED_BTC) * tables.quotes["btc_usd"] / 1e6
        if loan.collateral_kind == "rigs":
            value = (loan.collateral_eh_s + ROUNDED_EH_S) * price[NEW_RIGS]
        inside = loan.recourse and loan.rate == 0  # between a lender and its own miner
        if loan.initial_ltv is not None and loan.principal_usd_m > 0 and not inside:
            limit = loan.initial_ltv * value
            if loan.principal_usd_m > limit:
                allowed = f"at most {limit:.6g}, its initial LTV on {value:.6g} of collateral"
                raise terms.refuse(row, "principal_usd_m", allowed)


def _check_dated(
    draws: Sheet[Draw],
    orders: Sheet[RigOrder],
    claims: Sheet[InterlenderClaim],
    shocks: Sheet[OutsideShock],
    known: tuple[Collection[str], Collection[str]],
    tables: Books2021,
) -> None:
    """Facts after the opening are dated after it and name ``known`` miners and lenders."""
    miners, lenders = known
    opening = tables.opening_date
    for row, draw in enumerate(draws.rows):
        check_known(draws, row, "borrower_id", miners, "the id of a miner")
        check_known(draws, row, "lender_id", lenders, "an id in lenders.csv")
        if draw.date <= opening:
            raise draws.refuse(row, "date", f"a date after the opening date, {opening}")
    for row, order in enumerate(orders.rows):
        check_known(orders, row, "miner_id", {*miners, REST}, "the id of a miner")
        if order.due <= opening:
            raise orders.refuse(row, "due", f"a date after the opening date, {opening}")
    for row, claim in enumerate(claims.rows):
        ends = lenders if claim.kind == "loan" else miners
        check_known(claims, row, "creditor_id", ends, "a lender, or for coins a miner")
        check_known(claims, row, "debtor_id", lenders, "an id in lenders.csv")
    for row, shock in enumerate(shocks.rows):
        of_lender = shock.kind in ("asset_loss", "outflow", "failure", "new_exposure")
        ends = lenders if of_lender else miners
        check_known(shocks, row, "party_id", ends, f"a {'lender' if of_lender else 'miner'}")
        check_known(shocks, row, "counterparty_id", lenders, "an id in lenders.csv")
        if shock.date <= opening:
            raise shocks.refuse(row, "date", f"a date after the opening date, {opening}")


def _check_books(lenders: Sheet[Lender2021], tables: Books2021, parties: Collection[str]) -> None:
    """Lenders' books are the loans."""
    drawn: dict[str, float] = defaultdict(float)
    undrawn: dict[str, float] = defaultdict(float)
    for _, terms, principal, _ in tables.debts():
        drawn[terms.lender_id] += principal
    for loan in tables.terms:
        undrawn[loan.lender_id] += loan.undrawn_usd_m
    check_lenders(lenders, drawn, undrawn, parties)
