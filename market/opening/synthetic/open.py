"""Synthetic populations: the market of 2025 as if it had any number of parties.

The books of 2025 are opened with every aggregate whole, and then divided: each borrower of a
synthetic market is a piece of one of 2025, of a size drawn from a heavy-tailed law, with its loans,
machines and contracts. What a piece owes, owns and earns is proportional to its size but for noise,
so parties alike differ in leverage, cash and the price of power; sums by class of machine, by
instrument and by kind of lender are those of 2025.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....agents.borrower import Borrowers
from ....agents.columns import empty
from ....agents.lender import LenderKind
from ....agents.miner import Miners
from ....agents.neocloud import Neoclouds
from ....agents.party import Kind, Parties
from ...scenario.scenario import Scenario
from ...state.contracts import Contracts
from ...state.loans import ANY_GROWTH, Collateral, Loans
from ...state.lots import Lots
from ...state.market import Market, Names, Today
from ...state.names import NumberedNames
from ...state.orders import Orders
from ..books import Books
from ..open_market import LISTINGS, open_market
from .borrowers import (
    borrow,
    building_shares,
    contracts_of,
    divide_fleet,
    growers,
    growth_shares,
    holdings_of,
    let_halls,
    let_machines,
    loans_of,
    order_rows,
    sign_orders,
)
from .dividing import Floats, Ints, apportion
from .lenders import choose_lenders, draw_pool, open_lines, open_pool
from .population import Numbers, Population, draw_population, numbers_of

LENDER_TITLES = {
    LenderKind.BANK: "Bank",
    LenderKind.INSURER: "Insurer",
    LenderKind.PRIVATE_CREDIT_LOCKED: "Private credit",
    LenderKind.PRIVATE_CREDIT_SEMI_LIQUID: "Semi-liquid fund",
    LenderKind.BOND_FUNDS: "Bond fund",
    LenderKind.CONVERT_FUNDS: "Convertible fund",
    LenderKind.CRYPTO_LENDER: "Crypto lender",
    LenderKind.VENDOR: "Vendor",
    LenderKind.SECURITISATION: "Vehicle",
}


def synthetic(parties: int, scenario: Scenario | str = "crypto-crash") -> Scenario:
    """A scenario that opens with a synthetic population of so many parties.

    Raises:
        InputError: an unknown scenario, or too few or too many parties.

    Example:
        ``CreditMarket(synthetic(10_000, "joint-crash"), rng=7)``
    """
    if isinstance(scenario, str):
        scenario = Scenario.load(scenario)
    return scenario.with_settings(["opening.start=synthetic", f"synthetic.parties={parties}"])


def synthetic_books(books: Books, scenario: Scenario) -> Books:
    """The books of 2025 with every aggregate whole, and as many buyers as the population has."""
    counts = np.array([row.count for row in books.buyers], float)
    buyers = apportion(numbers_of(scenario, len(counts)).buyers, counts, least=1)
    return replace(
        books,
        miners=tuple(row.model_copy(update={"split_into": 1}) for row in books.miners),
        neoclouds=tuple(row.model_copy(update={"split_into": 1}) for row in books.neoclouds),
        buyers=tuple(
            row.model_copy(update={"count": int(count)})
            for row, count in zip(books.buyers, buyers, strict=True)
        ),
    )


def open_synthetic(books: Books, scenario: Scenario, seed: int) -> Market:
    """The state of day 0 of a synthetic market; ``books`` are those of :func:`synthetic_books`.

    The same books, scenario and seed give the same bits.
    """
    whole = open_market(books, scenario, seed)
    numbers = numbers_of(scenario, len(books.buyers))
    people = draw_population(whole, scenario, seed, numbers.borrowers)
    first_buyer = numbers.borrowers + numbers.lenders
    first_outside = first_buyer + numbers.buyers
    shift = first_outside - whole.first_outside
    count = first_outside + len(whole.names.parties) - whole.first_outside

    growth = growth_shares(people)
    debts, orders, ordering = borrow(people), sign_orders(people, growth), growers(people)
    fleet = divide_fleet(people, debts, orders, ordering)
    building = building_shares(people, debts, growth)
    halls = let_halls(people, building, growth)
    contracts = contracts_of(people, fleet, orders, let_machines(people, fleet), halls, shift)
    loans, perimeters, lender_kind = loans_of(people, fleet, debts, orders, ordering, building)
    pool = draw_pool(people, numbers.lenders)
    limit = loans.principal_usd + loans.undrawn_usd
    lender = choose_lenders(people, pool, lender_kind, limit)
    loans = loans._replace(lender=lender.astype(np.int32))
    book = np.bincount(lender, loans.principal_usd, numbers.lenders)
    lenders, cash = open_pool(people, pool, book)
    parties = _parties(people, numbers, count, cash)
    return replace(
        whole,
        names=_names(whole, people, numbers, pool.kind, len(lender), len(contracts.kind)),
        parties=parties,
        borrowers=_borrowers(people, contracts, building),
        miners=empty(Miners, numbers.borrowers)._replace(
            power_usd_mwh=people.power_usd_mwh(),
            hold_policy=whole.miners.hold_policy[people.lead[people.group]],
            hold_share=whole.miners.hold_share[people.lead[people.group]],
        ),
        neoclouds=empty(Neoclouds, numbers.borrowers)._replace(
            spot_realisation=whole.neoclouds.spot_realisation[people.lead[people.group]]
        ),
        lenders=lenders,
        holdings=holdings_of(people, fleet, count, first_buyer),
        loans=loans,
        perimeters=perimeters,
        contracts=contracts,
        orders=_orders(people, fleet.key, ordering, loans),
        lots=empty(
            Lots,
            len(lender)
            + int(np.sum(loans.collateral == Collateral.SITE))
            + LISTINGS * len(fleet.units),
        ),
        interlender=open_lines(people, pool, lenders),
        today=Today(
            seed=seed,
            valued_day=-1,
            shock_event=-1,
            first_lender=numbers.borrowers,
            first_buyer=first_buyer,
            first_outside=first_outside,
        ),
    )


def _parties(people: Population, numbers: Numbers, count: int, lender_cash: Floats) -> Parties:
    """Cash and coins of everybody; outside parties start with nothing."""
    whole, borrowers = people.whole, numbers.borrowers
    parties = empty(Parties, count)
    parties.kind[:borrowers] = whole.parties.kind[people.lead[people.group]]
    parties.kind[borrowers : borrowers + numbers.lenders] = Kind.LENDER
    parties.kind[borrowers + numbers.lenders :][: numbers.buyers] = Kind.BUYER
    share = people.cash_shares()
    for name in ("cash_usd", "btc", "btc_lent", "eth"):
        column = getattr(whole.parties, name)[: whole.borrower_count]
        getattr(parties, name)[:borrowers] = people.totals(column)[people.group] * share
    parties.cash_usd[borrowers : borrowers + numbers.lenders] = lender_cash
    return parties


def _borrowers(people: Population, contracts: Contracts, building: Floats) -> Borrowers:
    """Overhead and other business by size, building work by site, deposits by order."""
    old, group, count = people.whole.borrowers, people.group, len(people.group)
    table = empty(Borrowers, count)
    for names, share in (
        (
            (
                "fixed_cost_usd_day",
                "other_revenue_usd_day",
                "other_cost_usd_day",
                "market_cap_open_usd",
                "shares",
            ),
            people.size,
        ),
        (("capex_usd_day", "committed_equity_usd"), building),
    ):
        for name in names:
            getattr(table, name)[:] = people.totals(getattr(old, name))[group] * share
    on_order = np.flatnonzero(contracts.ordered > 0.0)
    paid = people.scenario.credit.order_deposit_share * contracts.ordered[on_order]
    paid *= people.whole.hardware.new_usd[contracts.hardware[on_order]]
    table.deposits_usd[:] = np.bincount(contracts.landlord[on_order], paid, count)
    return table


def _orders(people: Population, fleet_key: Ints, ordering: Ints, loans: Loans) -> Orders:
    """Nothing ordered yet; who has a facility for later orders, and where its machines will be."""
    orders, whole = empty(Orders, len(ordering), borrower=ordering), people.whole
    orders.facility[:] = np.flatnonzero(loans.growth == ANY_GROWTH)
    row = whole.orders.holding[order_rows(people, ordering)]
    key = ordering * len(whole.hardware.family) + whole.holdings.hardware[row]
    orders.holding[:] = np.searchsorted(fleet_key, key)
    return orders


def _names(
    market: Market,
    people: Population,
    numbers: Numbers,
    lender_kind: Ints,
    loans: int,
    contracts: int,
) -> Names:
    """Numbered names: nobody here is anybody of 2025."""
    kind = market.parties.kind[people.lead[people.group]]
    miners = int(np.sum(kind == Kind.MINER))
    kinds = np.bincount(lender_kind, minlength=len(LenderKind)).tolist()
    buyers = slice(market.first_buyer, market.first_outside)
    outside = slice(market.first_outside, None)
    ids: list[tuple[str, int] | list[str]] = [
        ("MINER_", miners), ("NEOCLOUD_", numbers.borrowers - miners)
    ]  # fmt: skip
    titles: list[tuple[str, int] | list[str]] = [
        ("Miner ", miners), ("Neocloud ", numbers.borrowers - miners)
    ]  # fmt: skip
    for member, number in zip(LenderKind, kinds, strict=True):
        ids.append((f"{member.name}_", number))
        titles.append((f"{LENDER_TITLES[member]} ", number))
    ids += [list(market.names.parties[buyers]), list(market.names.parties[outside])]
    titles += [list(market.names.titles[buyers]), list(market.names.titles[outside])]
    return replace(
        market.names,
        parties=NumberedNames(ids),
        titles=NumberedNames(titles),
        loans=NumberedNames([("LOAN_", loans)]),
        contracts=NumberedNames([("CONTRACT_", contracts)]),
    )
