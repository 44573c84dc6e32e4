"""Sampling uncertain cells of the tables of 2021 within the confidence of each.

The rule is that of the books of 2025 (:mod:`market.opening.sampling`): what carries the debt errs
by the confidence of its figure, and whole columns by a common error where there is a belief. Debt
and what is pledged for it are left alone, so that books add up and opening LTVs hold. A miner's
hashrate is never drawn below the rigs it has pledged, and what named miners gain or lose there goes
to or comes from the private ones: the network's hashrate closes. Private miners are one row of the
sources that was split: beside errors of their own they share that of the row. Lenders' capital is
normal around the table's figure with the deviation given there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ...state.facts import NEW_RIGS
from ..books import CONFIDENCE_SD
from ..sampling import BUYER_CELLS, Errors
from .draft import rigs_pledged_th
from .read import REST, Books2021
from .rows import (
    Lender2021,
    MinerConfidence,
    NamedMiner,
    OutsideShock,
    PrivateMiner,
    RigOrder,
)

CELLS = {  # column of a named miner -> column of its confidence
    "cash_usd_m": "cash",
    "btc_free": "btc",
    "eth": "eth",
    "hashrate_eh_s": "hashrate",
    "power_usd_mwh": "power",
    "fixed_cost_usd_m_yr": "fixed_cost",
    "market_cap_usd_m": "market_cap",
}
INCOME_CELLS = (  # err by the confidence of the miner's row
    "hosts_mw",
    "eth_revenue_usd_m_yr",
    "eth_power_mw",
)
LEAST_USD_MWH = 1e-4
COMMON_POWER = "books.miners.power_usd_mwh"
PRIVATE_CELLS = ("cash_usd_m", "btc_free", "power_usd_mwh", "fixed_cost_usd_m_yr")
LEAST_CAPITAL_SHARE = 0.002  # of assets: who has none at the opening is not lending


def sample_books_2021(
    tables: Books2021, seed: int | None, scores: Mapping[str, float] = MappingProxyType({})
) -> Books2021:
    """A draw of the opening tables; the same seed gives the same draw.

    ``scores`` are errors given by name of cell, as standard normal numbers.
    """
    errors = Errors(tables.start, seed, scores)
    certainty = {row.id: row for row in tables.certainty}
    pledged = _pledged_th(tables)
    named = tuple(
        _named(row, certainty[row.id], pledged.get(row.id, 0.0), errors) for row in tables.named
    )
    before = sum(row.hashrate_eh_s * row.energised_share for row in tables.named)
    after = sum(row.hashrate_eh_s * row.energised_share for row in named)
    private = tuple(_private(row, certainty[REST], errors) for row in tables.private)
    deposit = {
        row.id: errors.factor(f"books.miners.{row.id}.deposits", row.deposits)
        for row in tables.certainty
    }
    orders = tuple(_order(row, deposit[row.miner_id], errors) for row in tables.rig_orders)
    return replace(
        tables,
        named=named,
        private=_scaled(private, before - after, pledged),
        rig_orders=orders,
        lenders=tuple(
            _lender(row, errors) for row in tables.lenders if isinstance(row, Lender2021)
        ),
        buyers=tuple(errors.row(row, "buyers", BUYER_CELLS) for row in tables.buyers),
        hardware=tuple(errors.row(row, "hardware", ("used_price_usd",)) for row in tables.hardware),
        margins=tuple(errors.row(row, "margins", ("other_margin",)) for row in tables.margins),
        claims=tuple(errors.row(row, "claims", ("amount_usd_m",)) for row in tables.claims),
        shocks=tuple(_shock(row, errors) for row in tables.shocks),
        quotes={
            row.key: errors.cell(row, "quotes", "value", sure=True)
            for row in tables.quote_rows
            if row.key in tables.quotes
        },
    )


def _pledged_th(tables: Books2021) -> dict[str, float]:
    """Installed rigs of the new class that each miner has pledged [TH/s]."""
    wanted: dict[str, float] = defaultdict(float)
    for borrower, terms, principal, _ in tables.debts():
        wanted[borrower] += rigs_pledged_th(terms, principal)
    fleets = {row.id: row.fleet().get(NEW_RIGS, 0.0) for row in (*tables.named, *tables.private)}
    return {borrower: min(th, fleets[borrower]) for borrower, th in wanted.items()}


def _named(
    row: NamedMiner, confidence: MinerConfidence, pledged_th: float, errors: Errors
) -> NamedMiner:
    """A miner with its errors; hosting contracts pass power on, so a host's margin errs."""
    update = {
        column: getattr(row, column)
        * errors.factor(f"books.miners.{row.id}.{column}", getattr(confidence, name))
        for column, name in CELLS.items()
        if getattr(row, column) is not None
    }
    if row.power_usd_mwh is not None and CONFIDENCE_SD[confidence.power] > 0.0:
        update["power_usd_mwh"] *= errors.common_factor(COMMON_POWER, confidence.power)
    update |= {
        column: getattr(row, column)
        * errors.factor(f"books.miners.{row.id}.{column}", row.confidence)
        for column in INCOME_CELLS
    }
    if row.hosting_usd_mwh is not None and row.power_usd_mwh is not None:
        margin = row.hosting_usd_mwh - row.power_usd_mwh
        margin *= errors.factor(f"books.miners.{row.id}.hosting_usd_mwh", row.confidence)
        update["hosting_usd_mwh"] = max(update["power_usd_mwh"] + margin, LEAST_USD_MWH)
    if row.share_25_38 > 0.0:
        update["hashrate_eh_s"] = max(update["hashrate_eh_s"], _least_eh_s(row, pledged_th))
    return row.model_copy(update=update)


def _private(row: PrivateMiner, rest: MinerConfidence, errors: Errors) -> PrivateMiner:
    """A private miner with errors of its own and, but for power, that of the row it was split from.

    What power costs them all has a belief.
    """
    drawn = errors.row(row, "private_miners", PRIVATE_CELLS)
    update = {
        column: getattr(drawn, column)
        * errors.factor(f"books.miners.{REST}.{column}", getattr(rest, CELLS[column]))
        for column in PRIVATE_CELLS
        if column != "power_usd_mwh"
    }
    return drawn.model_copy(update=update)


def _order(row: RigOrder, deposit_factor: float, errors: Errors) -> RigOrder:
    """A tranche whose deposit, size and rest to be paid err as those of all its owner's tranches.

    Their quarters are a split of one figure.
    """
    update = {
        column: getattr(row, column)
        * errors.factor(f"books.orders.{row.miner_id}.{column}", row.confidence)
        for column in ("hashrate_eh_s", "payment_usd_m")
    }
    return row.model_copy(update=update | {"deposit_usd_m": row.deposit_usd_m * deposit_factor})


def _shock(row: OutsideShock, errors: Errors) -> OutsideShock:
    """An event from outside with an error of its size; its date and a failure are certain.

    A factor on the price of power errs in what it is above one.
    """
    if row.kind == "power_price":
        factor = errors.factor(f"books.shocks.{row.row_name}.amount", row.confidence)
        return row.model_copy(update={"amount": 1.0 + (row.amount - 1.0) * factor})
    drawn = errors.row(row, "shocks", ("amount",))
    share = row.kind in ("capacity_loss", "outflow")
    return drawn.model_copy(update={"amount": min(1.0, drawn.amount)}) if share else drawn


def _least_eh_s(row: NamedMiner | PrivateMiner, pledged_th: float) -> float:
    """Hashrate at which all rigs of the new class are pledged, no more than it is now."""
    new = row.fleet().get(NEW_RIGS, 0.0)
    return row.hashrate_eh_s * min(1.0, pledged_th / new) if new > 0.0 else 0.0


def _scaled(
    rows: tuple[PrivateMiner, ...], add_eh_s: float, pledged: dict[str, float]
) -> tuple[PrivateMiner, ...]:
    """Private miners that have ``add_eh_s`` more hashrate together; none loses pledged rigs."""
    least = [_least_eh_s(row, pledged.get(row.id, 0.0)) for row in rows]
    if add_eh_s < 0.0:
        weights = [row.hashrate_eh_s - low for row, low in zip(rows, least, strict=True)]
    else:
        weights = [row.hashrate_eh_s for row in rows]
    total = sum(weights)
    share = max(add_eh_s / total, -1.0)
    return tuple(
        row.model_copy(update={"hashrate_eh_s": row.hashrate_eh_s + share * weight})
        for row, weight in zip(rows, weights, strict=True)
    )


def _lender(row: Lender2021, errors: Errors) -> Lender2021:
    """Capital moves against funding; assets stay."""
    assets = row.cash_usd_m + row.book_usd_m + row.other_loans_usd_m
    draw = errors.score(f"books.lenders.{row.id}.capital_usd_m")
    capital = row.capital_usd_m + row.capital_deviation_usd_m * draw
    capital = min(assets, max(capital, LEAST_CAPITAL_SHARE * assets))
    return row.model_copy(update={"capital_usd_m": capital, "funding_usd_m": assets - capital})
