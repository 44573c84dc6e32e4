"""The columns of a tape: ten that people have, and others that say more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import cells
from .covenants import covenants
from .mistakes import CellError

INSTRUMENTS = {
    "btc_loan": ("btc loan", "bitcoin loan", "btc-backed loan", "coin loan"),
    "asic_loan": ("asic loan", "rig loan", "miner loan", "rig-backed loan"),
    "gpu_loan": ("gpu loan", "ddtl", "gpu abl", "delayed-draw term loan", "gpu term loan", "abl"),
    "project_finance": ("project finance", "site loan"),
    "high_yield": ("high yield", "high-yield bond", "bond", "senior notes", "notes"),
    "convertible": ("convertible note", "convertible bond"),
    "vendor": ("vendor finance", "equipment lease", "lease"),
    "revolver": ("rcf", "revolving credit facility", "credit line"),
    "other": ("term loan", "loan"),
}
AMORTISATIONS = {
    "bullet": ("interest only", "balloon", "at maturity", "io"),
    "linear": ("straight line", "straight-line", "equal principal"),
    "annuity": ("level", "mortgage style", "equal payments", "amortising"),
}
KINDS = {"miner": ("bitcoin miner",), "neocloud": ("gpu cloud", "cloud", "operator", "ai cloud")}
LENDER_KINDS = {
    "private_credit_locked": ("fund", "private credit", "private credit fund", "locked fund"),
    "private_credit_semi_liquid": ("semi-liquid fund", "interval fund", "bdc"),
    "bond_funds": ("bond fund", "high-yield fund"),
    "convert_funds": ("convertible fund",),
    "insurer": ("insurance",),
    "bank": ("banks",),
    "crypto_lender": ("crypto lender",),
    "vendor": ("captive", "oem"),
    "securitisation": ("abs", "spv"),
}
REGIONS = {
    "us": ("usa", "united states", "texas", "north america"),
    "canada": ("quebec",),
    "nordics": ("norway", "sweden", "finland", "iceland"),
    "europe": ("eu", "uk", "germany", "france", "united kingdom"),
    "gulf": ("uae", "saudi arabia", "middle east"),
    "asia": ("japan", "singapore", "malaysia", "india"),
    "other": ("rest of the world", "latin america"),
}
RATINGS = {"IG": ("investment grade",), "HY": ("high yield",), "unrated": ("none", "nr")}


def one_of(known: dict[str, tuple[str, ...]]) -> Callable[[cells.Cell, str], str]:
    """A reader of a cell that names one of some things, by any of their names."""
    names = {also: name for name, others in known.items() for also in (name, *others)}

    def read(cell: cells.Cell, mark: str = cells.POINT) -> str:
        from difflib import get_close_matches

        said = " ".join(cells.text(cell).lower().replace("_", " ").split())
        plain = {also.lower().replace("_", " "): name for also, name in names.items()}
        if said in plain:
            return plain[said]
        near = get_close_matches(said, plain, 1, 0.6)
        allowed = f"one of {', '.join(known)}"
        raise CellError(allowed, plain[near[0]] if near else "")

    return read


@dataclass(frozen=True)
class Column:
    """A column: its key in our tables, its heading, what a cell means and how it is read."""

    key: str
    heading: str
    meaning: str
    read: Callable[[Any, str], Any]
    also: tuple[str, ...] = ()
    required: bool = False
    of_borrower: bool = False  # must be the same on all rows of a borrower
    main: bool = False


_money = cells.money
COLUMNS = (
    Column("borrower", "borrower", "who owes", cells.words,
           ("obligor", "name", "company", "debtor"), required=True, main=True),
    Column("instrument", "instrument", f"one of {', '.join(INSTRUMENTS)}, or as people say: "
           "rig loan, DDTL, RCF, notes", one_of(INSTRUMENTS), ("type", "product"),
           required=True, main=True),
    Column("principal_usd", "principal", "drawn today [USD]: 12500000, $12.5m", _money,
           ("balance", "outstanding", "drawn", "principal usd"), required=True, main=True),
    Column("rate", "rate", "8.5 % if fixed, SOFR+450 (basis points) if floating", cells.rate,
           ("coupon", "spread", "rate or spread", "interest", "margin"), required=True, main=True),
    Column("maturity", "maturity", "date of the last payment: 2028-12-31, 31-Dec-2028", cells.day,
           ("maturity date", "due", "end"), required=True, main=True),
    Column("amortisation", "amortisation", "bullet, linear or annuity", one_of(AMORTISATIONS),
           ("amortization", "repayment"), main=True),
    Column("collateral", "collateral class", "a GPU (H100, B200, GB200, ...), a rig (S21, or the "
           "class LT18, J18_25, J25_35, GT35), BTC, site, general lien, or none", cells.words,
           ("collateral", "asset", "security", "hardware"), main=True),
    Column("units", "units", "machines, coins, or a hashrate: 2,000 or 350 BTC or 1.2 EH/s; "
           "of a site the share of it", cells.units, ("quantity", "number", "collateral units"),
           main=True),
    Column("ltv_or_value", "LTV or value", "what you report: 65 % or $12.5m of collateral",
           cells.ltv_or_value, ("ltv", "value", "collateral value", "appraisal"), main=True),
    Column("covenants", "covenants", "DSCR 1.15; margin call 80 %; liquidation 90 %; cure 30 days",
           covenants, ("covenant", "tests"), main=True),
    Column("loan", "loan id", "your name of the loan; every loan comes back under it", cells.words,
           ("id", "loan", "deal", "facility", "reference")),
    Column("lender", "lender", "who holds it", cells.words, ("holder", "fund", "investor")),
    Column("lender_kind", "lender kind", "fund, bank, insurer, crypto lender, vendor, ...",
           one_of(LENDER_KINDS)),
    Column("origination", "origination", "date of the first draw", cells.day,
           ("start", "closing date", "origination date", "vintage date")),
    Column("undrawn_usd", "undrawn", "committed and not drawn [USD]", _money,
           ("unfunded", "available")),
    Column("recourse", "recourse", "yes: to the whole borrower; no: to the collateral only",
           cells.truth),
    Column("tenant", "tenant", "who rents the machines under contract", cells.words,
           ("customer", "offtaker", "lessee")),
    Column("tenant_rating", "tenant rating", "IG, HY or unrated", one_of(RATINGS)),
    Column("rent_usd_yr", "contract rent", "what the contract on this collateral pays a year [USD]",
           _money, ("rent", "contract revenue", "annual rent")),
    Column("rent_end", "contract end", "date on which the contract ends", cells.day,
           ("rent end", "lease end", "contract expiry")),
    Column("guarantor", "guarantor", "who pays if the tenant does not", cells.words),
    Column("guarantee_usd", "guarantee cap", "most that the guarantor pays [USD]", _money),
    Column("borrower_kind", "borrower kind", "miner or neocloud", one_of(KINDS), of_borrower=True),
    Column("region", "region", "of its sites: us, canada, nordics, europe, gulf, asia or other",
           one_of(REGIONS), of_borrower=True),
    Column("cash_usd", "cash", "the borrower's cash today [USD]", _money, of_borrower=True),
    Column("coins_btc", "free coins", "bitcoin of the borrower beyond what is pledged [BTC]",
           cells.amount, ("coins", "btc"), of_borrower=True),
    Column("power_usd_mwh", "power price", "what the borrower pays [USD per MWh]", cells.positive,
           ("power",), of_borrower=True),
    Column("revenue_usd_yr", "revenue", "the borrower's income beside mining a year [USD]", _money,
           of_borrower=True),
    Column("fixed_cost_usd_yr", "fixed cost", "the borrower's fixed cost a year [USD]", _money,
           of_borrower=True),
    Column("variable_cost_usd_yr", "variable cost",
           "the borrower's running cost beside mining's power a year [USD]", _money,
           of_borrower=True),
    Column("days_past_due", "days past due", "of the oldest payment that was missed", cells.whole,
           ("dpd",)),
    Column("site_mw", "site MW", "power of a pledged site [MW]", cells.positive),
    Column("hall_mw", "hall MW", "of it, halls that stand [MW]", cells.amount),
    Column("conversion_price_usd", "conversion price", "of a convertible [USD a share]",
           cells.positive),
)  # fmt: skip
"""The ten main columns first."""
BY_KEY = {column.key: column for column in COLUMNS}


def heading_of(said: str) -> Column | None:
    """The column that a heading names, by any of its names; None if none does."""
    return _HEADINGS.get(plain(said))


def plain(said: str) -> str:
    """A heading without case, units in brackets and strokes."""
    import re

    bare = re.sub(r"[\[(].*?[\])]", "", said.lower())
    return " ".join(bare.replace("_", " ").replace("-", " ").split())


_HEADINGS = {
    plain(name): column
    for column in reversed(COLUMNS)
    for name in (*column.also, column.key, column.heading)
}
