"""Twin against engine: every column of every table beside the attribute of the same name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.state.ledger import Account
from ...market.state.loans import Claims, TermSheets, of_claims, of_sheets
from .loan import CLAIM_USD

if TYPE_CHECKING:
    from ...market.state.market import Market
    from .model import TwinMarket

SMALL = 1e-6  # of a coin, a machine: rounding of what is nearly nothing
SMALL_USD = 1e-4  # what rounding leaves of a difference of hundreds of millions
LEFT_OUT = {  # how tables find rows; what the class of an object or the paths of a run say
    ("parties", "kind"),
    ("borrowers", "coins_btc"),  # for the series, which a twin does not keep
    ("buyers", "accepts"),
    ("buyers", "private_view"),
    ("holdings", "first"),
    ("loans", "first"),
    ("loans", "claim"),
    ("loans", "sheet"),
    ("loans", "claims"),
    ("loans", "sheets"),
    ("orders", "borrower"),
    ("lots", "count"),
    ("prices", "rate_change"),
    ("prices", "spread_change"),
}
OF_BORROWERS = {("parties", name) for name in ("payables_day", "sale_event", "trail_event")}


def differences(twin: TwinMarket, state: Market, relative: float = 1e-9) -> list[str]:
    """Where the twin's books are not the engine's: table, column, row and both values."""
    found = []
    for table, column, ours, theirs in _columns(twin, state):
        small = SMALL_USD if column.endswith("_usd") else SMALL
        wrong = ~np.isclose(ours, theirs, rtol=relative, atol=small, equal_nan=True)
        for place in np.argwhere(wrong):
            i = tuple(place)
            found.append(f"{table}.{column}[{', '.join(map(str, i))}]: {ours[i]} / {theirs[i]}")
    return found


def _columns(
    twin: TwinMarket, state: Market
) -> Iterator[tuple[str, str, NDArray[Any], NDArray[Any]]]:
    """Table, column, the twin's values, the engine's values."""
    borrowers, lots = twin.borrowers, slice(0, int(state.lots.count[0]))
    parties = [*borrowers, *twin.lenders, *twin.buyers, *twin.outsiders]
    holdings = sorted((h for p in parties for h in p.holdings.values()), key=lambda h: h.number)
    tables: list[tuple[str, NamedTuple, Sequence[Any]]] = [
        ("parties", state.parties, parties),
        ("borrowers", state.borrowers, borrowers),
        ("miners", state.miners, borrowers),
        ("neoclouds", state.neoclouds, borrowers),
        ("lenders", state.lenders, twin.lenders),
        ("buyers", state.buyers, twin.buyers),
        ("holdings", state.holdings, holdings),
        ("loans", state.loans, twin.loans),
        ("perimeters", state.perimeters, twin.perimeters),
        ("contracts", state.contracts, twin.contracts),
        ("lots", state.lots, twin.lots),
        ("orders", state.orders, [order for one in borrowers for order in one.orders.values()]),
        ("hardware", state.hardware, twin.hardware),
    ]
    for column in Claims._fields[2:]:
        missing = -1 if column.startswith("default") else 0
        theirs = of_claims(column, state.loans, missing)
        ours = _array(twin.loans, column, theirs)
        if column in CLAIM_USD:
            ours = ours + [loan.earlier.get(column, 0.0) for loan in twin.loans]
        yield "claims", column, ours, theirs
    for column in TermSheets._fields:
        theirs = of_sheets(column, state.loans)
        yield "sheets", column, _array(twin.loans, column, theirs), theirs
    for name, table, objects in tables:
        for column in table._fields:
            theirs = getattr(table, column)
            if (name, column) in LEFT_OUT:
                continue
            if name == "lots":
                theirs = theirs[lots]
            if (name, column) == ("loans", "lender"):  # rows of another table
                theirs = theirs + state.first_lender
            if (name, column) in OF_BORROWERS:
                yield name, column, _array(borrowers, column, theirs), theirs[: len(borrowers)]
            else:
                yield name, column, _array(objects, column, theirs), theirs
    yield from _market_columns(twin, state)


def _market_columns(
    twin: TwinMarket, state: Market
) -> Iterator[tuple[str, str, NDArray[Any], NDArray[Any]]]:
    for column in ("clearing_usd", "clearing_day", "clearing_event", "outside_online"):
        theirs = getattr(state, column)
        yield "classes", column, _array(twin.hardware, column, theirs), theirs
    yield "classes", "mark_usd", _array(twin.hardware, "mark_usd", state.marks_usd), state.marks_usd
    for column in ("outside_units", "authority_units"):
        units = getattr(state.ledger, column)
        yield "classes", column, _array(twin.hardware, column, units), units
    accounts = np.array([twin.accounts[account] for account in Account])
    yield "market", "accounts_usd", accounts, state.ledger.policy_usd
    ahead = np.array(twin.work_price_ahead)
    yield "market", "work_price_ahead", ahead, state.work_price_ahead
    yield "market", "hosted_slots", np.array(twin.hosted_slots), state.hosted_slots
    amounts = state.interlender.amount_usd
    debts = [debt for lender in twin.lenders for debt in lender.debts]
    yield "interlender", "amount_usd", _array(debts, "amount_usd", amounts), amounts
    names = [name for name, _ in state.prices.items() if ("prices", name) not in LEFT_OUT]
    ours, theirs = ([getattr(p, name) for name in names] for p in (twin.prices, state.prices))
    yield "market", "prices", np.array(ours, float), np.array(theirs, float)
    mine = (twin.outside_btc, twin.forced_usd)
    ledger = (state.ledger.outside_btc[0], state.log.forced_usd[0])
    yield "market", "coins", np.array(mine), np.array(ledger)


def _array(objects: Sequence[Any], column: str, like: NDArray[Any]) -> NDArray[Any]:
    """An attribute of all objects as a column of the engine's type."""
    missing = np.nan if like.dtype.kind == "f" else -1
    values = [_number(getattr(thing, column), missing) for thing in objects]
    return np.array(values, dtype=like.dtype).reshape((len(objects), *like.shape[1:]))


def _number(value: Any, missing: float) -> Any:
    """What a table holds instead of an object."""
    if value is None:
        return missing
    return getattr(value, "number", value)
