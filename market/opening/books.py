"""Opening tables: who stands where on the first day, read from CSV files and checked together.

The rows are in :mod:`market.opening.rows`. Whatever is wrong with a file, or between two files, is
refused with one sentence that says where (:class:`market.scenario.errors.InputError`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isclose
from typing import Any, ClassVar

from ..scenario.errors import InputError
from ..state.site_classes import HALL, SITE
from ..state.units import TH_PER_EH
from .books_2025.rows import Lease, Loan, Machines, Miner, Neocloud, SecondaryMarket, Site, Treasury
from .csv_files import Row, Sheet
from .rows import (
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

CONFIDENCE_SD = {"seen": 0.0, "computed": 0.10, "memory": 0.20, "estimated": 0.35}
"""Standard deviation of the logarithm of a sampled figure, by the confidence of its row."""

QUOTES = {
    "btc_usd": (1.0, 1e9),
    "eth_usd": (0.01, 1e8),
    "hashprice_usd_ph_day": (1e-4, 1e6),
    "network_hashrate_eh_s": (1e-3, 1e7),
    "block_height": (0.0, 1e8),
    "block_subsidy_btc": (1e-6, 50.0),
    "fee_share": (0.0, 0.99),
    "blocks_per_retarget": (1.0, 1e6),
    "halving_interval_blocks": (1.0, 1e9),
    "reference_rate": (0.0, 1.0),
    "btc_volatility": (0.0, 5.0),
    "eth_volatility": (0.0, 5.0),
    "btc_depth_adv_usd_m": (1.0, 1e9),
    "routine_gpu_units_yr": (0.0, 1e9),
    "routine_asic_th_yr": (0.0, 1e12),
}
"""The numbers that ``quotes.csv`` must give, beside the opening date: from where to where."""


@dataclass(frozen=True)
class Books:
    """The state of the market on the opening day; one tuple of rows for each file."""

    start: ClassVar[str] = "2025"  # its starting point

    opening_date: date
    quotes: dict[str, float]
    miners: tuple[Miner, ...]
    treasuries: tuple[Treasury, ...]
    neoclouds: tuple[Neocloud, ...]
    loans: tuple[Loan, ...]
    lenders: tuple[Lender, ...]
    margins: tuple[LenderMargin, ...]
    leases: tuple[Lease, ...]
    buyers: tuple[Buyer, ...]
    hardware: tuple[Hardware, ...]
    group_split: tuple[GroupSplit, ...]
    depreciation: tuple[Depreciation, ...]
    outside: tuple[Outside, ...]
    secondary_market: tuple[SecondaryMarket, ...]
    quote_rows: tuple[Quote, ...]
    sites: tuple[Site, ...] = ()
    interlender: tuple[InterlenderShare, ...] = ()  # where claims themselves are not known
    machines: tuple[Machines, ...] = ()  # of a user's own book, by class
    granted_only: frozenset[str] = frozenset()  # borrowers that get no loan they do not have

    def __hash__(self) -> int:
        """Tables are looked up by their date first; equality decides."""
        return hash(self.opening_date)

    @property
    def network_eh_s(self) -> float:
        """Hashrate of the whole network at the opening: here it is all somebody's fleet."""
        rigs = {row.id for row in self.hardware if row.family == "asic"}
        own = sum(row.units for row in self.machines if row.class_id in rigs)
        return sum(row.hashrate_eh_s for row in self.miners) + own / TH_PER_EH


def read_quotes(quotes: Sheet[Quote]) -> tuple[date, dict[str, float]]:
    """The opening date and the numbers; every expected key once and no other."""
    days: dict[str, date] = {}
    numbers: dict[str, float] = {}
    for row, quote in enumerate(quotes.rows):
        if quote.key == "opening_date":
            if not isinstance(quote.value, date):
                raise quotes.refuse(row, "value", "a date such as 2025-09-30")
            days[quote.key] = quote.value
        elif quote.key not in QUOTES:
            raise quotes.refuse(row, "key", f"opening_date or one of {', '.join(QUOTES)}")
        elif isinstance(quote.value, date) or not _within(quote.value, QUOTES[quote.key]):
            low, high = QUOTES[quote.key]
            raise quotes.refuse(row, "value", f"a number from {low:g} to {high:g}")
        else:
            numbers[quote.key] = quote.value
    for key in ("opening_date", *QUOTES):
        if key not in days and key not in numbers:
            raise InputError(f"{quotes.file}: the key {key} is missing; it must have a line.")
    return days["opening_date"], numbers


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def distinct_parties(sheets: Iterable[Sheet[Any]]) -> set[str]:
    """All ids that may stand at the end of a flow; no two tables may share one."""
    parties: dict[str, str] = {}
    for sheet in sheets:
        (column,) = sheet.model.row_key
        for row, party in enumerate(sheet.rows):
            name = getattr(party, column)
            if name in parties:
                raise sheet.refuse(row, column, f"an id that {parties[name]} does not have")
            parties[name] = sheet.file
    return set(parties)


def check_known[R: Row](
    sheet: Sheet[R], row: int, column: str, known: Collection[str], allowed: str
) -> None:
    """Refuse a cell that is given and names nothing known."""
    name = sheet.cells[row][column]
    if name is not None and name not in known:
        raise sheet.refuse(row, column, allowed)


def check_hardware(hardware: Sheet[Hardware], split: Sheet[GroupSplit]) -> None:
    """Each group is split into its own classes, and the shares of a group add up to 1."""
    group_of = {row.id: row.fleet_group for row in hardware.rows}
    total: defaultdict[str, float] = defaultdict(float)
    for row, part in enumerate(split.rows):
        if group_of.get(part.class_id) != part.fleet_group:
            allowed = f"a class of the group {part.fleet_group} in {hardware.file}"
            raise split.refuse(row, "class", allowed)
        total[part.fleet_group] += part.share
    for row, part in enumerate(split.rows):
        if not isclose(total[part.fleet_group], 1):
            raise split.refuse(row, "share", "such that the shares of its group add up to 1")
    for row in range(len(hardware.rows)):
        check_known(hardware, row, "fleet_group", total, f"split in {split.file}")


def check_buyers(buyers: Sheet[Buyer], groups: Collection[str]) -> None:
    """Buyers accept fleet groups, ASIC for rigs of any class, and sites without or with halls."""
    for row, buyer in enumerate(buyers.rows):
        if not {"ASIC", SITE, HALL, *groups}.issuperset(buyer.classes_accepted):
            allowed = f"ASIC, SITE, HALL or groups joined by |, out of {', '.join(groups)}"
            raise buyers.refuse(row, "classes_accepted", allowed)


def check_margins[R: Lender](lenders: Sheet[R], margins: Sheet[LenderMargin]) -> None:
    """Each kind of lender has its margin."""
    kinds = {row.kind for row in margins.rows}
    for row in range(len(lenders.rows)):
        check_known(lenders, row, "kind", kinds, f"a kind in {margins.file}")


def check_interlender(claims: Sheet[InterlenderShare], lenders: Sheet[Lender]) -> None:
    """Creditors are lenders; debtors are too, or kinds of them; nobody owes itself by name."""
    ids = {row.id for row in lenders.rows}
    debtors = ids | {row.kind for row in lenders.rows}
    for row, claim in enumerate(claims.rows):
        check_known(claims, row, "debtor", debtors, f"an id or a kind in {lenders.file}")
        check_known(claims, row, "creditor_id", ids, f"an id in {lenders.file}")
        if claim.debtor == claim.creditor_id:
            raise claims.refuse(row, "creditor_id", "another lender than the debtor")


def check_lenders[R: Lender](
    lenders: Sheet[R],
    drawn: Mapping[str, float],
    undrawn: Mapping[str, float],
    parties: Collection[str],
) -> None:
    """A lender's book and lines are those of its loans, and its balance sheet balances.

    ``drawn`` and ``undrawn`` are the sums of its loans, in USD millions by lender.
    """
    for row, lender in enumerate(lenders.rows):
        check_known(lenders, row, "parent_id", parties, "the id of a party")
        book, lines = drawn.get(lender.id, 0.0), undrawn.get(lender.id, 0.0)
        if not isclose(lender.book_usd_m, book, rel_tol=1e-6, abs_tol=1e-6):
            allowed = f"{book:.10g}, what its loans in loans.csv have drawn"
            raise lenders.refuse(row, "book_usd_m", allowed)
        if abs(lender.undrawn_commitments_usd_m - lines) > 0.5:
            allowed = f"{lines:.10g}, what its loans in loans.csv have left to draw"
            raise lenders.refuse(row, "undrawn_commitments_usd_m", allowed)
        assets = lender.cash_usd_m + lender.book_usd_m + lender.other_loans_usd_m
        if abs(assets - lender.funding_usd_m - lender.capital_usd_m) > 0.5:
            allowed = f"{assets - lender.capital_usd_m:.10g}, its cash and loans less its capital"
            raise lenders.refuse(row, "funding_usd_m", allowed)
