"""Who there is in a synthetic market: how many, how large, and which of 2025 each is a piece of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ....agents.lender import LenderKind
from ...scenario.scenario import Scenario
from ...state.market import Market
from ...state.randomness import Stream, party_normals, party_uniforms
from ..splitting import NOISE_DEVIATION, POWER_DEVIATION
from .dividing import Floats, Ints, assign_groups, heavy_tailed_sizes

GREEDY_PER_GROUP = 50  # so many of the largest are placed where they fit


class Draw(IntEnum):
    """What is drawn for a population, each apart."""

    SIZE = 0
    GROUP = 1
    CASH = 2
    DEBT = 3
    POWER = 4
    RIGS = 5
    BOOKS = 6
    PAYMENT = 7
    MATURITY = 8
    TEST = 9
    LENDER_SIZE = 10
    LENDER = 11
    CAPITAL = 12
    CREDITOR = 13


class Numbers(NamedTuple):
    """How many of each there are."""

    borrowers: int
    lenders: int
    buyers: int


def numbers_of(scenario: Scenario, segments: int) -> Numbers:
    """The population by what they are; lenders and buyers grow with its square root."""
    settings = scenario.synthetic
    total = round(settings.parties * scenario.opening.scale)
    root = total**0.5
    lenders = min(max(len(LenderKind), round(settings.lenders_per_root * root)), total // 3)
    buyers = max(segments, min(round(settings.buyers_per_root * root), total // 3))
    return Numbers(total - lenders - buyers, lenders, buyers)


@dataclass(frozen=True)
class Population:
    """Borrowers of a synthetic market, in the order of their groups, miners first.

    A group is a borrower of 2025 that was large enough to be divided, with those of its kind that
    were not: its pieces share what all of these own and owe.
    """

    whole: Market  # the market of 2025 with every aggregate in one piece
    scenario: Scenario
    seed: int
    group_of: Ints  # [borrower of 2025]
    lead: Ints  # [group] the borrower of 2025 whose prices and habits its pieces have
    group: Ints  # [party]
    size: Floats  # [party] share of its group

    def uniforms(self, draw: Draw, count: int | None = None) -> Floats:
        """Numbers in (0, 1), one per borrower or per row."""
        size = len(self.group) if count is None else count
        return np.asarray(party_uniforms(self.seed, Stream.SYNTHETIC, int(draw), size))

    def normals(self, draw: Draw, count: int | None = None) -> Floats:
        """Standard normal numbers, one per borrower or per row."""
        size = len(self.group) if count is None else count
        return np.asarray(party_normals(self.seed, Stream.SYNTHETIC, int(draw), size))

    def by_chance(self, draw: Draw, count: int | None = None) -> Ints:
        """A permutation of borrowers or of rows."""
        return np.argsort(self.uniforms(draw, count), kind="stable")

    def noisy(self, draw: Draw, deviation: float) -> Floats:
        """Shares of each group's total by size, with lognormal noise [party]."""
        weights = self.size * np.exp(deviation * self.normals(draw))
        return weights / np.bincount(self.group, weights)[self.group]

    def cash_shares(self) -> Floats:
        """Shares of their group's cash and coins [party]."""
        return self.noisy(Draw.CASH, NOISE_DEVIATION)

    def power_usd_mwh(self) -> Floats:
        """Prices of power around the group's, weighted by size [party]."""
        price = np.exp(POWER_DEVIATION * self.normals(Draw.POWER))
        mean = np.bincount(self.group, self.size * price)
        return self.whole.miners.power_usd_mwh[self.lead[self.group]] * price / mean[self.group]

    def totals(self, column: Floats) -> Floats:
        """Sums over groups of a column of the borrowers of 2025 [group]."""
        return np.bincount(self.group_of, column, len(self.lead))


def sizes(population_seed: int, scenario: Scenario, draw: Draw, count: int) -> Floats:
    """Sizes by the scenario's law, largest first."""
    settings = scenario.synthetic
    return heavy_tailed_sizes(
        np.asarray(party_uniforms(population_seed, Stream.SYNTHETIC, int(draw), count)),
        np.asarray(party_normals(population_seed, Stream.SYNTHETIC, int(draw), count)),
        settings.pareto_tail if settings.sizes == "pareto" else np.inf,
        settings.lognormal_deviation,
    )


def draw_population(market: Market, scenario: Scenario, seed: int, count: int) -> Population:
    """Sizes of ``count`` borrowers, and the borrower of 2025 each is a piece of."""
    size = sizes(seed, scenario, Draw.SIZE, count)
    worth = _worth_usd(market)
    rest = max(0, count - min(count, GREEDY_PER_GROUP * len(worth)))
    order = np.argsort(
        np.asarray(party_uniforms(seed, Stream.SYNTHETIC, int(Draw.GROUP), rest)), kind="stable"
    )
    piece_of = assign_groups(size, worth, order, count - rest)
    found = np.unique(piece_of)
    kind = market.parties.kind[: len(worth)]
    group_of = np.searchsorted(found, np.arange(len(worth)))
    for borrower in np.setdiff1d(np.arange(len(worth)), found).tolist():
        alike = np.flatnonzero(kind[found] == kind[borrower])
        group_of[borrower] = alike[np.argmax(worth[found[alike]])]
    place = np.argsort(piece_of, kind="stable")
    group = np.searchsorted(found, piece_of[place])
    share = size[place] / np.bincount(group, size[place])[group]
    return Population(market, scenario, seed, group_of, found, group, share)


def _worth_usd(market: Market) -> Floats:
    """What each borrower of 2025 has: machines at second-hand prices, cash, coins, sites [USD]."""
    count = market.borrower_count
    parties, held, loans = market.parties, market.holdings, market.loans
    worth = parties.cash_usd[:count] + parties.btc[:count] * market.prices.btc_usd
    rows = int(held.first[count])
    owner = np.repeat(np.arange(count), np.diff(held.first[: count + 1]))
    value = held.units[:rows] * market.hardware.used_open_usd[held.hardware[:rows]]
    worth = worth + np.bincount(owner, value, count)
    pledged = loans.hall_mw * market.scenario.sites.hall_usd_mw
    pledged += 1e3 * loans.site_mw * market.scenario.investment.rig_site_usd_per_kw
    pledged += loans.collateral_btc * market.prices.btc_usd
    return worth + np.bincount(loans.borrower, pledged, count)
