"""What is known of each loan at the opening: who, what, since when, on what terms, whose income.

Pools and cohorts are queries over this table, such as ``instrument == 'gpu_loan' and borrower !=
'CRWV'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...market.opening.books import Books
from ...market.state.loans import Collateral

if TYPE_CHECKING:
    import pandas as pd

    from ...market.scenario.scenario import Scenario

RATED_FROM, UNRATED_BELOW = 2 / 3, 1 / 3
"""Shares of contracted rent that rated or guaranteed tenants pay: above, *rated*; below, *unrated*;
between, *mixed*."""
ABOUT = {
    "loan": "id",
    "borrower": "id of the borrower of the tables, before the rest is split",
    "firm": "id of the borrower of the run",
    "kind": "miner or neocloud",
    "lender": "id",
    "instrument": "as in the tables",
    "facility": "the loan of which this is a lender's share",
    "balance_usd": "drawn at the opening",
    "undrawn_usd": "committed beyond",
    "contract": "spread a year: over the reference rate, or of a fixed rate over it at the opening",
    "rate": "fixed rate a year, NaN of a floating one",
    "floating": "whether the rate floats",
    "vintage": "year in which it was made",
    "maturity_years": "from the opening",
    "collateral": "none, btc, hardware, site or general_lien",
    "hardware": "class pledged",
    "recourse": "to the owner of a vehicle",
    "tenants": "rated, mixed, unrated or none: who pays the rent behind it",
    "opening_ltv": "as the lender reports it, NaN if not known",
}
"""Columns of the table, for those who write queries."""


def largest_of(loans: pd.DataFrame) -> str:
    """The borrower that owes most at the opening; aggregates of the tables stand for many."""
    drawn = loans.groupby("borrower")["balance_usd"].sum()
    return str(drawn[~drawn.index.str.startswith("REST_")].idxmax())


def attributes(scenario: Scenario, books: Books | None = None) -> pd.DataFrame:
    """The loans of a scenario's books at their central figures, one row each; see :data:`ABOUT`.

    ``books``: a user's own; the packaged ones else.
    """
    import pandas as pd

    from ...market.opening.starting_points import starting_point
    from ...market.simulation import Simulation

    central = scenario.changed({"opening.beliefs": False, "opening.sample": False}, "books")
    books = books or starting_point(central).read()
    simulation = Simulation(central, 1, books, keeps_book=False)
    market, loans = simulation.market, simulation.market.loans
    reference = market.prices.reference_rate
    found = simulation.loans()
    rate = loans.rate_or_spread
    table = pd.DataFrame(
        {
            "loan": found["loan"],
            "firm": found["borrower"],
            "kind": found["borrower_kind"],
            "lender": found["lender"],
            "instrument": found["instrument"],
            "balance_usd": loans.principal_usd,
            "undrawn_usd": loans.undrawn_usd,
            "contract": np.where(loans.floating, rate, rate - reference),
            "rate": np.where(loans.floating, np.nan, rate),
            "floating": loans.floating,
            "maturity_years": loans.maturity_day / 365.0,
            "collateral": [Collateral(int(one)).name.lower() for one in loans.collateral],
            "hardware": found["collateral_class"],
            "recourse": loans.recourse,
            "conversion_usd": loans.conversion_usd,
        }
    )
    return _with_books(table, books)


def _with_books(table: pd.DataFrame, books: Books) -> pd.DataFrame:
    """Add what only the files know: facility, vintage, borrower before the split, tenants."""
    rows = {row.loan_id: row for row in books.loans}
    group = {getattr(split, "class_id", ""): split.fleet_group for split in _splits(books)}
    origin = [_origin(name, rows) for name in table["loan"]]
    table = table.assign(
        borrower=[row.borrower_id if row else firm for row, firm in zip(origin, table["firm"])],
        facility=[row.syndicate_id if row else "later" for row in origin],
        vintage=[row.origination.year if row else 0 for row in origin],
        opening_ltv=[_or_nan(row.opening_ltv) if row else np.nan for row in origin],
    )
    shares = rated_shares(books)
    return table.assign(
        tenants=[
            tenants_of(borrower, group.get(hardware, hardware), shares)
            for borrower, hardware in zip(table["borrower"], table["hardware"], strict=True)
        ]
    )


def _splits(books: Books) -> Any:
    return getattr(books, "group_split", ())


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _origin(name: str, rows: dict[str, Any]) -> Any:
    """The row of the files that a loan comes from: the longest id that its name begins with."""
    while name and name not in rows:
        name = name.rpartition("-")[0]
    return rows.get(name)


def rated_shares(books: Books) -> dict[tuple[str, str], float]:
    """Share of contracted rent that is paid or guaranteed by somebody rated.

    By landlord and class of machine, and by landlord and ``""`` over all its contracts; signed ones
    that start later count.
    """
    rent: dict[tuple[str, str], float] = {}
    rated: dict[tuple[str, str], float] = {}
    for lease in getattr(books, "leases", ()):
        safe = lease.tenant_rating == "IG" or lease.guarantee_cap_usd_m > 0
        for key in {(lease.landlord_id, lease.gpu_class or ""), (lease.landlord_id, "")}:
            rent[key] = rent.get(key, 0.0) + lease.usd_m_yr
            rated[key] = rated.get(key, 0.0) + (lease.usd_m_yr if safe else 0.0)
    return {key: rated[key] / amount for key, amount in rent.items() if amount > 0.0}


def tenants_of(borrower: str, hardware: str, shares: dict[tuple[str, str], float]) -> str:
    """Who pays the rent behind a loan: by contracts on its class of machines, else by all."""
    share = shares.get((borrower, hardware), shares.get((borrower, "")))
    if share is None:
        return "none"
    if share >= RATED_FROM:
        return "rated"
    return "unrated" if share < UNRATED_BELOW else "mixed"
