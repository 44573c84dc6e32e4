"""Lenders of a synthetic market: which of them makes which loan, their books, their lines.

Two families of networks. *Core-periphery* (Craig & von Peter 2014, J. Financial Intermediation
23): the largest lenders of each kind make most loans and all the large ones, and the others borrow
from the core. *Configuration*: each lender has a number of loans drawn beforehand, which it gets
exactly, and pairs are matched at random (Newman, Strogatz & Watts 2001, Phys. Rev. E 64).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....agents.lender import FUNDS, MARKED, SLEEVES, LenderKind, Lenders
from ...state.interlender import Interlender
from ..splitting import capped_shares
from .dividing import Floats, Ints, apportion
from .population import Draw, Population, sizes

LARGEST_LOAN_SHARE = 0.25  # of a lender's assets; larger loans are the core's
LEAST_HEADROOM = 1.05  # capital over the minimum that every lender opens with
LARGEST_LINES_SHARE = 0.5  # of a creditor's other loans
KINDS = len(LenderKind)


class Pool(NamedTuple):
    """Lenders by kind, largest first: ``first[k] .. first[k + 1]`` are of kind ``k``."""

    first: Ints
    kind: Ints  # [lender]
    core: NDArray[np.bool_]  # [lender]
    reach: Floats  # [lender] its share of its kind, as drawn


def draw_pool(people: Population, count: int) -> Pool:
    """The lenders of a market: kinds in the numbers of 2025, sizes drawn, the core named."""
    settings = people.scenario.synthetic
    have = np.bincount(people.whole.lenders.kind, minlength=KINDS).astype(float)
    least = (have > 0).astype(np.int64)
    numbers = least + apportion(count - int(least.sum()), have)
    first = np.concatenate([[0], np.cumsum(numbers)])
    kind = np.repeat(np.arange(KINDS), numbers)
    place = np.arange(count) - first[kind]
    core = place < np.maximum(1, np.round(settings.core_share * numbers[kind]))
    if settings.network == "configuration":
        uniforms = people.uniforms(Draw.LENDER_SIZE, count)
        size = uniforms ** (-1.0 / settings.degree_tail)
    else:
        size = sizes(people.seed, people.scenario, Draw.LENDER_SIZE, count)
        part = np.where(core, settings.core_loans, 1.0 - settings.core_loans)
        whole_of_part = np.bincount(2 * kind + core, size, 2 * KINDS)[2 * kind + core]
        size = part * size / whole_of_part
    size = size[np.lexsort((-size, kind))]
    reach = size / np.bincount(kind, size, KINDS)[kind]
    return Pool(first, kind, core, reach)


def choose_lenders(people: Population, pool: Pool, loan_kind: Ints, amount_usd: Floats) -> Ints:
    """The lender of each loan, among those of its kind [loan]."""
    count = len(loan_kind)
    lender = np.zeros(count, np.int64)
    draw = people.uniforms(Draw.LENDER, count)
    assets = _by_kind(people, people.whole.lenders.capital_usd + people.whole.lenders.funding_usd)
    at_random = people.scenario.synthetic.network == "configuration"
    for k in range(KINDS):
        loans = np.flatnonzero(loan_kind == k)
        if len(loans) == 0:
            continue
        first, reach = pool.first[k], pool.reach[pool.first[k] : pool.first[k + 1]]
        if at_random:
            stubs = np.repeat(np.arange(len(reach)), apportion(len(loans), reach))
            lender[loans[np.argsort(draw[loans], kind="stable")]] = first + stubs
            continue
        ends = np.cumsum(reach)
        rows = np.minimum(np.searchsorted(ends, draw[loans] * ends[-1]), len(reach) - 1)
        core = int(pool.core[first : first + len(reach)].sum())
        large = amount_usd[loans] > LARGEST_LOAN_SHARE * assets[k] * reach[rows]
        large &= rows >= core
        # Of the draw only what it was not used for is left: a number in (0, 1) again.
        within = (ends[rows] - draw[loans] * ends[-1]) / reach[rows]
        again = np.searchsorted(ends[:core], np.clip(within, 0.0, 1.0) * ends[core - 1])
        lender[loans] = first + np.where(large, np.minimum(again, core - 1), rows)
    return lender


def _by_kind(people: Population, column: Floats) -> Floats:
    """Sums over lenders of 2025 by kind."""
    return np.bincount(people.whole.lenders.kind, column, KINDS)


def open_pool(people: Population, pool: Pool, book_usd: Floats) -> tuple[Lenders, Floats]:
    """Balance sheets of the lenders, and their cash [USD]; sums by kind are those of 2025."""
    old, kind, count = people.whole.lenders, pool.kind, len(pool.kind)
    first_old = people.whole.first_lender
    old_cash = people.whole.parties.cash_usd[first_old : first_old + len(old.kind)]
    old_assets = old.capital_usd + old.funding_usd
    cash = _by_kind(people, old_cash)[kind] * pool.reach
    wanted = _by_kind(people, old_assets)[kind] * pool.reach
    room = np.maximum(wanted - cash - book_usd, 1e-3 * wanted)
    other = _by_kind(people, old.other_loans_usd)[kind] * room / np.bincount(kind, room)[kind]
    assets = cash + book_usd + other
    means = {
        name: (_by_kind(people, getattr(old, name) * old_assets) / _safe(people, old_assets))[kind]
        for name in (
            "runnable_share",
            "funding_maturity_days",
            "min_capital_ratio",
            "funding_spread",
            "cost_share",
            "payout_share",
            "other_margin",
            "spread_duration_years",
            "hedged_share",
        )
    }
    capital = _capital_usd(people, pool, assets, means["min_capital_ratio"])
    funding = np.where(assets - capital > 1e-12 * assets, assets - capital, 0.0)
    zeros: dict[str, Any] = {}
    for name in old._fields:
        column = getattr(old, name)
        none = name.endswith("_event") or name == "line_open_day"
        zeros[name] = np.full(count, -1 if none else 0, column.dtype)
    lenders = Lenders(**{**zeros, **means})._replace(
        kind=kind.astype(np.int8),
        capital_open_usd=capital.copy(),
        capital_usd=capital,
        book_usd=book_usd,
        other_loans_usd=other,
        funding_usd=funding,
        sleeve=np.isin(kind, SLEEVES),
        redeemable=np.isin(kind, FUNDS),
        marked=np.isin(kind, MARKED),
        target_leverage=assets / capital,
        supply=np.ones(count),
    )
    return lenders, cash


def _safe(people: Population, column: Floats) -> Floats:
    return np.maximum(_by_kind(people, column), 1e-300)


def _capital_usd(people: Population, pool: Pool, assets: Floats, minimum: Floats) -> Floats:
    """Capital: in proportion to assets but for noise, above the minimum, sums by kind exact."""
    total = _by_kind(people, people.whole.lenders.capital_usd)
    noise = people.normals(Draw.CAPITAL, len(assets))
    noise = np.exp(people.scenario.synthetic.capital_deviation * noise)
    capital = np.zeros(len(assets))
    for k in np.unique(pool.kind).tolist():
        mine = slice(pool.first[k], pool.first[k + 1])
        least = np.minimum(LEAST_HEADROOM * minimum[mine], 1.0) * assets[mine]
        least *= min(1.0, total[k] / least.sum()) if least.sum() > 0.0 else 1.0
        spare = total[k] - least.sum()
        if spare <= 1e-9 * total[k]:
            capital[mine] = least
            continue
        caps = (assets[mine] - least) / spare
        weights = np.maximum(total[k] / assets[mine].sum() * assets[mine] - least, 0.0)
        capital[mine] = least + spare * capped_shares((weights + 1e-9) * noise[mine], caps)
    return capital


def open_lines(people: Population, pool: Pool, lenders: Lenders) -> Interlender:
    """What lenders owe each other, by kind the same shares of their funding as in 2025.

    Each owes a few creditors of a kind, who have lent at most half their other loans. In a
    core-periphery market creditors are of the core.
    """
    settings, kind, count = people.scenario, pool.kind, len(pool.kind)
    per = settings.synthetic.lines_per_lender
    core = settings.synthetic.network == "core_periphery"
    debtors, creditors, amounts, called = [], [], [], []
    relations = _relations(people)
    draws = people.uniforms(Draw.CREDITOR, len(relations) * per * count)
    for (who, whom, share, margined), draw in zip(
        relations, draws.reshape(-1, count, per), strict=True
    ):
        rows = np.flatnonzero((kind == who) & ~lenders.sleeve)
        able = np.flatnonzero((kind == whom) & (pool.core | (not core)))
        if len(rows) == 0 or len(able) == 0:
            continue
        weights = np.cumsum(lenders.other_loans_usd[able])
        picks = draw[rows]
        picked = np.searchsorted(weights, picks * weights[-1]) if core else picks * len(able)
        found = able[np.minimum(picked.astype(np.int64), len(able) - 1)].ravel()
        debtor = np.repeat(rows, per)
        apart = debtor != found
        debtors.append(debtor[apart])
        creditors.append(found[apart])
        amounts.append((share / per * lenders.funding_usd[debtor])[apart])
        called.append(np.full(int(apart.sum()), margined))
    if not debtors:
        nobody = np.zeros(count + 1, np.int64)
        return Interlender(nobody, np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))
    key = np.concatenate(debtors) * count + np.concatenate(creditors)
    pairs, at, place_of = np.unique(key, return_index=True, return_inverse=True)
    amount = np.bincount(place_of, np.concatenate(amounts), len(pairs)).astype(np.float64)
    owing, creditor = pairs // count, pairs % count
    owed = np.bincount(creditor, amount, count)
    most = LARGEST_LINES_SHARE * np.maximum(lenders.other_loans_usd, 0.0)
    fit = np.divide(most, owed, out=np.ones(count), where=owed > most)
    amount *= fit[creditor]
    first = np.searchsorted(owing, np.arange(count + 1)).astype(np.int64)
    return Interlender(first, creditor, amount, np.concatenate(called)[at])


def _relations(people: Population) -> list[tuple[int, int, float, bool]]:
    """Kinds of debtor and creditor of 2025, share of the debtors' funding, whether it is margined.

    Of debtors that are no sleeves, in the order of their kinds.
    """
    whole, claims = people.whole.lenders, people.whole.interlender
    debtor = np.repeat(np.arange(len(whole.kind)), np.diff(claims.first))
    pair = whole.kind[debtor].astype(np.int64) * KINDS + whole.kind[claims.creditor]
    funding = np.bincount(whole.kind, np.where(whole.sleeve, 0.0, whole.funding_usd), KINDS)
    owed = np.bincount(pair, claims.amount_usd, KINDS * KINDS)
    margined = np.bincount(pair, claims.amount_usd * claims.margined, KINDS * KINDS)
    return [
        (at // KINDS, at % KINDS, owed[at] / funding[at // KINDS], margined[at] > 0.5 * owed[at])
        for at in np.flatnonzero(owed > 0.0).tolist()
    ]
