"""Stocks of a day, summed over all agents, and whether the journal explains their change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import Journal


class Stocks(NamedTuple):
    """Total stocks, outside parties included; gross ones are sums of sizes."""

    cash_usd: float
    cash_gross_usd: float
    btc: float
    btc_gross: float
    units: list[float]  # by class
    units_gross: list[float]
    claims_usd: float
    books_usd: float
    lender_gap_usd: float  # worst |assets - funding - capital|
    lender_assets_usd: float
    payables_usd: float


def take_stock(market: TwinMarket) -> Stocks:
    """Sum every stock from the agents."""
    parties = (*market.borrowers, *market.lenders, *market.buyers, *market.outsiders)
    units, gross = [], []
    for kind in market.hardware:
        held = 0.0
        for holding in kind.holdings:
            held += holding.units
        for lot in kind.lots:
            held += lot.units
        held += kind.authority_units
        units.append(held + kind.outside_units)
        gross.append(held + abs(kind.outside_units))
    cash = cash_gross = btc = payables = 0.0
    for party in parties:
        cash += party.cash_usd
        cash_gross += abs(party.cash_usd)
        btc += party.btc + party.btc_lent
        payables += party.payables_usd
    claims = 0.0
    for loan in market.loans:
        btc += loan.collateral_btc
        claims += loan.principal_usd
    books = gap = assets = 0.0
    for lender in market.lenders:
        books += lender.book_usd
        net_book = lender.book_usd - lender.written_down_usd - lender.provision_usd
        total = lender.cash_usd + net_book + lender.other_loans_usd
        gap = max(gap, abs(total - lender.funding_usd - lender.capital_usd))
        assets += abs(total)
    outside = market.outside_btc
    return Stocks(
        cash,
        cash_gross,
        btc + outside,
        btc + abs(outside),
        units,
        gross,
        claims,
        books,
        gap,
        assets,
        payables,
    )


def conservation_error(before: Stocks, after: Stocks, journal: Journal) -> float:
    """Worst |change - flows| over gross stock of all assets."""
    claims = journal.drawn_usd - journal.repaid_usd - journal.written_off_usd
    payables = journal.payables_raised_usd - journal.payables_settled_usd
    gross_claims = max(before.claims_usd, 1.0)
    payables_size = max(after.payables_usd, before.payables_usd, 1.0)
    return max(
        abs(after.cash_usd - before.cash_usd) / max(after.cash_gross_usd, 1.0),
        abs(after.btc - before.btc) / max(after.btc_gross, 1.0),
        *(
            abs(now - then) / max(gross, 1.0)
            for now, then, gross in zip(after.units, before.units, after.units_gross)
        ),
        abs(after.claims_usd - before.claims_usd - claims) / gross_claims,
        abs(after.claims_usd - after.books_usd) / gross_claims,
        after.lender_gap_usd / max(after.lender_assets_usd, 1.0),
        abs(after.payables_usd - before.payables_usd - payables) / payables_size,
    )
