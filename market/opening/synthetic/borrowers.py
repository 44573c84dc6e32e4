"""What the borrowers of a synthetic market owe, own and have signed: pieces of 2025's books."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....agents.columns import empty
from ...state.contracts import ContractKind, Contracts
from ...state.hardware import Family, Holdings
from ...state.loans import NO_GROWTH, Claims, Collateral, Loans, Perimeters
from ...state.orders import SMALLEST_ORDER_USD
from .dividing import Floats, Ints, Pieces, couple, couple_in_groups, cut, expand
from .population import Draw, Population

LARGE_SHARE = 0.1  # of the borrowers of a group, the largest, have signed its growth
MATURITY_SPREAD_DAYS = 180
QUARTER_DAYS = 91
ORDERING_Q = 2.0  # who would order too little even then has no facility for it


class Fleet(NamedTuple):
    """Machines of borrowers: rows of their holdings by party and class."""

    party: Ints
    key: Ints  # party times classes, plus class; ascending
    row: Ints  # of the holdings of 2025 it is a piece of
    units: Floats
    pledged: Floats


def borrow(people: Population) -> Pieces:
    """Who owes what: pieces of the loans of 2025, the large ones cut into a club's parts."""
    whole, settings = people.whole, people.scenario.synthetic
    limit = np.where(
        whole.loans.growth == NO_GROWTH, whole.loans.principal_usd + whole.loans.undrawn_usd, 0.0
    )
    pieces = couple_in_groups(
        people.noisy(Draw.DEBT, settings.leverage_deviation),
        people.group,
        limit,
        people.group_of[whole.loans.borrower],
        people.by_chance(Draw.BOOKS),
    )
    pieces = cut(pieces, limit, round(settings.loans_per_borrower * len(people.group)))
    by_party = np.argsort(pieces.party, kind="stable")
    return Pieces(pieces.party[by_party], pieces.row[by_party], pieces.share[by_party])


def growth_shares(people: Population) -> Floats:
    """Shares of what a group has signed for later [party]: the largest tenth's, by size."""
    by_size = np.lexsort((-people.size, people.group))
    group = people.group[by_size]
    place = np.arange(len(group)) - np.searchsorted(group, group)
    large = by_size[place < np.maximum(1, LARGE_SHARE * np.bincount(group))[group]]
    shares = np.zeros(len(group))
    shares[large] = people.size[large]
    return shares / np.bincount(people.group, shares)[people.group]


def sign_orders(people: Population, growth: Floats) -> Pieces:
    """Who has signed contracts whose machines are still to come: pieces of those of 2025."""
    contracts, count = people.whole.contracts, people.whole.borrower_count
    rows = np.flatnonzero((contracts.kind == ContractKind.COMPUTE) & (contracts.ordered > 0.0))
    rows = rows[contracts.landlord[rows] < count]
    pieces = couple_in_groups(
        growth,
        people.group,
        contracts.gpus[rows],
        people.group_of[contracts.landlord[rows]],
    )
    return pieces._replace(row=rows[pieces.row])


def growers(people: Population) -> Ints:
    """Parties whose fleet is large enough that they would ever order machines of their own.

    Each as often as there are classes to order.
    """
    whole = people.whole
    sensitivity = people.scenario.investment.sensitivity
    if sensitivity <= 0.0:
        return np.zeros(0, np.int64)
    rows = int(whole.holdings.first[whole.borrower_count])
    owner = np.repeat(
        np.arange(whole.borrower_count), np.diff(whole.holdings.first[: whole.borrower_count + 1])
    )
    kw = whole.holdings.units[:rows] * whole.hardware.kw[whole.holdings.hardware[:rows]]
    machine = whole.loans.hardware[whole.orders.facility[0]]
    per_kw = whole.hardware.new_usd[machine] / whole.hardware.kw[machine]
    capital = people.totals(np.bincount(owner, kw, whole.borrower_count)) * per_kw
    order = sensitivity * (ORDERING_Q - 1.0) / 4.0 * capital[people.group] * people.size
    able = np.isin(people.lead, whole.orders.borrower)
    parties = np.flatnonzero((order >= SMALLEST_ORDER_USD) & able[people.group])
    return np.repeat(parties, _classes_to_order(people))


def _classes_to_order(people: Population) -> int:
    """Rows of the orders of 2025 for each borrower that has any."""
    return int(np.bincount(people.whole.orders.borrower).max(initial=1))


def order_rows(people: Population, ordering: Ints) -> Ints:
    """Rows of the orders of 2025 whose facility and machines these parties' are pieces of."""
    lead, classes = people.lead[people.group[ordering]], _classes_to_order(people)
    first = np.searchsorted(people.whole.orders.borrower, lead).astype(np.int64)
    return first + np.arange(len(ordering)) % classes


def divide_fleet(people: Population, debts: Pieces, orders: Pieces, ordering: Ints) -> Fleet:
    """Machines by party: pledged ones go with their loans, free ones fill up what is missing.

    Cheap power runs old rigs: free machines are dealt out from the oldest class to the newest to
    parties in the order of their price of power, but for noise.
    """
    whole, classes = people.whole, len(people.whole.hardware.family)
    held, loans, count = whole.holdings, whole.loans, whole.borrower_count
    rows = int(held.first[count])
    owner = np.repeat(np.arange(count), np.diff(held.first[: count + 1]))
    price = whole.hardware.used_open_usd[held.hardware[:rows]]

    secured = debts.party[(loans.holding[debts.row] >= 0)], debts.row[loans.holding[debts.row] >= 0]
    share = debts.share[loans.holding[debts.row] >= 0]
    units = share * loans.collateral_units[secured[1]]
    row = loans.holding[secured[1]].astype(np.int64)
    value = np.bincount(secured[0], units * price[row], len(people.group))

    worth = people.totals(np.bincount(owner, held.units[:rows] * price, count))[people.group]
    missing = np.maximum(people.size * worth - value, 1e-9 * people.size * worth)
    free = np.maximum(held.units[:rows] - held.pledged[:rows], 0.0)
    order = np.argsort(people.normals(Draw.POWER) + people.normals(Draw.RIGS), kind="stable")
    rest = couple_in_groups(missing, people.group, free * price, people.group_of[owner], order)

    ordered = whole.contracts.holding[orders.row].astype(np.int64)
    wanted = whole.orders.holding[order_rows(people, ordering)].astype(np.int64)
    party = np.concatenate([secured[0], rest.party, orders.party, ordering])
    source = np.concatenate([row, rest.row, ordered, wanted])
    none = np.zeros(len(ordered) + len(wanted))
    every = np.concatenate([units, rest.share * free[rest.row], none])
    pledged = np.concatenate([units, np.zeros(len(rest.row)), none])
    key, first, inverse = np.unique(
        party * classes + held.hardware[source], return_index=True, return_inverse=True
    )
    return Fleet(
        party=key // classes,
        key=key,
        row=source[first],
        units=np.bincount(inverse, every, len(key)),
        pledged=np.bincount(inverse, pledged, len(key)),
    )


def holdings_of(people: Population, fleet: Fleet, parties: int, first_buyer: int) -> Holdings:
    """The table of holdings: borrowers' machines, and buyers' empty rows as in 2025."""
    whole = people.whole
    old = whole.holdings
    buyers = slice(int(old.first[whole.first_buyer]), int(old.first[-1]))
    rows = np.concatenate([fleet.row, np.arange(buyers.start, buyers.stop)])
    table = expand(old._replace(first=old.hardware.astype(np.int64)), rows, np.ones(len(rows)), ())
    first = np.full(parties + 1, len(rows), np.int64)
    first[: first_buyer + 1] = len(fleet.row)
    first[: len(people.group)] = np.searchsorted(fleet.party, np.arange(len(people.group)))
    of_buyers = old.first[whole.first_buyer : whole.first_outside + 1] - buyers.start
    first[first_buyer : first_buyer + len(of_buyers)] = len(fleet.row) + of_buyers
    table.units[: len(fleet.units)] = fleet.units
    table.pledged[: len(fleet.pledged)] = fleet.pledged
    return table._replace(first=first)


def let_machines(people: Population, fleet: Fleet) -> Pieces:
    """Live contracts for compute: each covers the same share of a group's fleet, class by class."""
    whole, contracts = people.whole, people.whole.contracts
    lines = np.flatnonzero((contracts.kind == ContractKind.COMPUTE) & (contracts.ordered <= 0.0))
    lines = lines[contracts.landlord[lines] < whole.borrower_count]
    lines = lines[np.argsort(contracts.hardware[lines], kind="stable")]
    family = whole.hardware.family[whole.holdings.hardware[fleet.row]]
    gpus = np.flatnonzero((family == Family.GPU) & (fleet.units > 0.0))
    pieces = couple_in_groups(
        fleet.units[gpus],
        people.group[fleet.party[gpus]],
        contracts.gpus[lines],
        people.group_of[contracts.landlord[lines]],
        np.argsort(whole.holdings.hardware[fleet.row[gpus]], kind="stable"),
    )
    return Pieces(fleet.party[gpus[pieces.party]], lines[pieces.row], pieces.share)


class Halls(NamedTuple):
    """Site leases: ``landlord`` and ``tenant`` are borrowers, or -1 - id of an outside party."""

    landlord: Ints
    tenant: Ints
    row: Ints
    share: Floats


def let_halls(people: Population, building: Floats, growth: Floats) -> Halls:
    """Each site lease between the landlords of a group, by what they build, and its tenants.

    Halls to come are let to tenants who grow, and so are those whose rent is in their tenants'
    operating cost already (nothing is paid for them); others to all tenants, by size.
    """
    contracts = people.whole.contracts
    halls = []
    for row in np.flatnonzero(contracts.kind == ContractKind.HOSTING).tolist():
        few = contracts.start_day[row] > 0 or contracts.paid_in_tenant_cost[row]
        weights = growth if few else people.size
        landlord, landlord_share = _members(people, int(contracts.landlord[row]), building)
        tenant, tenant_share = _members(people, int(contracts.tenant[row]), weights)
        pairs = couple(tenant_share, landlord_share)
        halls.append(
            Halls(
                landlord=landlord[pairs.row],
                tenant=tenant[pairs.party],
                row=np.full(len(pairs.row), row, np.int64),
                share=pairs.share * landlord_share[pairs.row],
            )
        )
    return Halls(*(np.concatenate(column) for column in zip(*halls, strict=True)))


def _members(people: Population, party: int, weights: Floats) -> tuple[Ints, Floats]:
    """Who stands for a party of 2025, with what share: members of its group, or itself outside."""
    if party >= people.whole.borrower_count:
        return np.array([-1 - party], np.int64), np.ones(1)
    members = np.flatnonzero((people.group == people.group_of[party]) & (weights > 0.0))
    return members, weights[members] / weights[members].sum()


def building_shares(people: Population, debts: Pieces, growth: Floats) -> Floats:
    """Shares of a group's sites and building work [party].

    By MW of pledged sites; of a group without those, the growing members' where halls are to come,
    else by size.
    """
    contracts, count = people.whole.contracts, people.whole.borrower_count
    coming = (contracts.kind == ContractKind.HOSTING) & (contracts.start_day > 0)
    coming &= contracts.landlord < count
    builds = np.zeros(len(people.lead), np.bool_)
    builds[people.group_of[contracts.landlord[coming]]] = True
    others = np.where(builds[people.group], growth, people.size)
    whole = people.whole.loans
    site = debts.share * (whole.site_mw + whole.hall_mw)[debts.row]
    value = np.bincount(debts.party, site, len(people.group))
    total = np.bincount(people.group, value)[people.group]
    return np.where(total > 0.0, value / np.maximum(total, 1e-300), others)


def contracts_of(
    people: Population, fleet: Fleet, orders: Pieces, live: Pieces, halls: Halls, shift: int
) -> Contracts:
    """The table of contracts, orders first; ids of outside parties are ``shift`` higher now."""
    old, classes = people.whole.contracts, len(people.whole.hardware.family)
    row = np.concatenate([orders.row, live.row, halls.row])
    share = np.concatenate([orders.share, live.share, halls.share])
    table = expand(old, row, share, ("gpus", "usd_day", "ordered", "delivered"))
    tenant = old.tenant[row].astype(np.int64) + shift
    landlord = np.concatenate([orders.party, live.party, halls.landlord])
    tenant[len(row) - len(halls.row) :] = halls.tenant
    holding = np.full(len(row), -1, np.int32)
    key = orders.party * classes + old.hardware[orders.row]
    holding[: len(key)] = np.searchsorted(fleet.key, key)

    def ids(party: Ints) -> np.ndarray:
        return np.where(party < 0, -1 - party + shift, party).astype(np.int32)

    cap_usd, cap_row = _shared_caps(old, row, landlord, table.usd_day)
    return table._replace(
        guarantee_left_usd=cap_usd,
        guaranteed_with=cap_row.astype(np.int32),
        landlord=ids(landlord),
        tenant=ids(tenant),
        guarantor=np.where(table.guarantor >= 0, table.guarantor + shift, -1).astype(np.int32),
        holding=holding,
    )


def _shared_caps(old: Contracts, row: Ints, landlord: Ints, usd_day: Floats) -> tuple[Floats, Ints]:
    """Caps of guarantees [USD] and where they stand; each landlord has its part of one, by rent."""
    holder = np.where(old.guaranteed_with >= 0, old.guaranteed_with, np.arange(len(old.kind)))
    key = np.stack([holder[row], landlord])
    _, first, member = np.unique(key, axis=1, return_index=True, return_inverse=True)
    member = member.reshape(-1)
    rent = np.bincount(member, usd_day)
    all_rent = np.bincount(holder[row], usd_day, len(old.kind))[holder[row[first]]]
    cap = np.zeros(len(row))
    cap[first] = old.guarantee_left_usd[holder[row[first]]] * rent / np.maximum(all_rent, 1e-300)
    stands = first[member]
    return cap, np.where(stands == np.arange(len(row)), -1, stands)


def loans_of(
    people: Population,
    fleet: Fleet,
    debts: Pieces,
    orders: Pieces,
    ordering: Ints,
    building: Floats,
) -> tuple[Loans, Perimeters, Ints]:
    """The tables of loans and tested perimeters, and each loan's kind of lender.

    Days of payment, maturity and test are spread: what was one loan's in 2025 is many parties' now.
    """
    whole, old = people.whole, people.whole.loans
    count, classes = len(people.group), len(whole.hardware.family)
    paid, line_of = _facilities(people, orders)
    facility = whole.orders.facility[order_rows(people, ordering)].astype(np.int64)
    party = np.concatenate([debts.party, orders.party[paid], ordering])
    line = np.concatenate([debts.row, line_of, facility])
    share = np.concatenate([debts.share, np.zeros(len(line_of) + len(facility))])
    growth = old.growth[line].copy()
    growth[len(debts.party) : len(debts.party) + len(paid)] = paid
    apart = np.concatenate([np.zeros(len(debts.party), np.int64), 1 + paid, 0 * facility])

    by_party = np.argsort(party, kind="stable")
    party, line, share = party[by_party], line[by_party], share[by_party]
    growth, apart = growth[by_party], apart[by_party]
    table = expand(
        old._replace(first=old.borrower.astype(np.int64)),
        line,
        share,
        (
            "principal_usd",
            "undrawn_usd",
            "principal_per_payment_usd",
            "collateral_units",
            "collateral_btc",
            "site_mw",
            "hall_mw",
            "base_cash_flow_usd_day",
        ),
    )
    sites = np.flatnonzero(table.collateral == Collateral.SITE)  # units are of its owner's sites
    table.collateral_units[sites] /= building[party[sites]]
    there = growth == NO_GROWTH
    size = len(line)
    moved = np.round((people.uniforms(Draw.MATURITY, size) - 0.5) * MATURITY_SPREAD_DAYS)
    maturity = np.where(there, np.maximum(1, table.maturity_day + moved), table.maturity_day)
    payment = 1 + np.floor(people.uniforms(Draw.PAYMENT, size) * table.interval_days)
    payment = np.where(there, np.minimum(payment, maturity), table.next_payment_day)
    test = table.dscr_test_day + np.floor(QUARTER_DAYS * people.uniforms(Draw.TEST))[party]
    pledged = np.searchsorted(fleet.key, party * classes + table.hardware)
    perimeter, owner = _numbered(old.perimeter[line], apart, party)
    number = len(owner)
    return (
        table._replace(
            first=np.searchsorted(party, np.arange(count + 1)).astype(np.int64),
            borrower=party.astype(np.int32),
            perimeter=perimeter,
            vehicle=_numbered(old.vehicle[line], apart, party)[0],
            next_payment_day=payment.astype(np.int32),
            maturity_day=maturity.astype(np.int32),
            dscr_test_day=np.where(there, test, table.dscr_test_day).astype(np.int32),
            growth=growth.astype(np.int32),
            holding=np.where(table.collateral == Collateral.HARDWARE, pledged, -1).astype(np.int32),
            claims=empty(Claims, size),
        ),
        Perimeters(
            borrower=owner.astype(np.int32),
            cash_flow_usd=np.zeros(number),
            service_usd=np.zeros(number),
            dscr=np.full(number, np.nan),
            surplus_usd=np.zeros(number),
            days=np.zeros(number, np.int32),
        ),
        whole.lenders.kind[old.lender[line]].astype(np.int64),
    )


def _facilities(people: Population, orders: Pieces) -> tuple[Ints, Ints]:
    """Contracts on order that a facility may pay, and its line among the loans of 2025.

    In 2025 two kinds of lender share each facility; here every other one is of the other kind.
    """
    old = people.whole.loans
    lines = np.flatnonzero(old.growth >= 0)
    lines = lines[np.argsort(old.growth[lines], kind="stable")]
    start = np.searchsorted(old.growth[lines], orders.row)
    number = np.searchsorted(old.growth[lines], orders.row, side="right") - start
    paid = np.flatnonzero(number > 0)
    return paid, lines[(start + np.arange(len(orders.row)) % np.maximum(number, 1))[paid]]


def _numbered(old: np.ndarray, apart: Ints, party: Ints) -> tuple[np.ndarray, Ints]:
    """New numbers of perimeters by party, old number and facility; -1 stays. And their owners."""
    result = np.full(len(old), -1, np.int32)
    some = np.flatnonzero(old >= 0)
    key = party[some] * (int(old.max(initial=0)) + 1) + old[some]
    key = key * (int(apart.max(initial=0)) + 1) + apart[some]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    result[some] = inverse
    return result, party[some][first]
