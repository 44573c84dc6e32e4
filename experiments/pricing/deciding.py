"""What a price depends on: beliefs by rank over runs, and whether the largest borrower fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .estimators import Estimate, Reals, ratio_interval
from .panel import Panel

if TYPE_CHECKING:
    import pandas as pd

    from ...market.scenario.scenario import Scenario

MOST_BELIEFS, FEWEST_RUNS = 4, 24
CHANCE = 3.5  # standard errors of a correlation: of 150 beliefs one in fifteen pages has one beyond
THIRDS = ("in its lowest third", "in its highest third")


class Sensitivity(NamedTuple):
    """How a break-even spread differs between two states of a fact."""

    cohort: str
    fact: str  # a belief, or what happens
    correlation: float  # of ranks over runs, within cells; NaN of what happens
    low: Estimate  # break-even where the belief lies in its lowest third, or it does not happen
    high: Estimate
    states: tuple[str, str]
    tells: bool  # whether the contract lies between the two


class Drawn(NamedTuple):
    """Where each belief lies in its range in each run."""

    names: list[str]
    places: Reals  # [run, belief], from 0 to 1


def places_of(scenario: Scenario, runs: pd.DataFrame) -> Drawn:
    """What runs of a scenario drew, by their seeds; nothing if it draws no beliefs."""
    from ...market.opening.beliefs import beliefs_in, place_of

    if not scenario.opening.beliefs:
        return Drawn([], np.zeros((len(runs), 0)))
    names = sorted({belief.parameter for belief in beliefs_in(scenario)})
    places = [[place_of(int(seed), name) for name in names] for seed in runs["seed"]]
    return Drawn(names, np.array(places))


class Deciding:
    """Finds what decides the price of groups of loans, from the runs of a panel alone."""

    def __init__(self, panel: Panel, drawn: Drawn, largest: str, its: NDArray[np.int64]) -> None:
        self.panel, self.drawn, self.largest = panel, drawn, largest
        self.fails = (panel.scalars["default_day"][:, its] >= 0).any(axis=1)
        self.enough = int((panel.weight > 0.0).sum()) >= FEWEST_RUNS
        self.ranks = np.array([self._within(place) for place in drawn.places.T])

    def _within(self, values: Reals) -> Reals:
        """Ranks within each cell, from 0 to 1: cells differ for reasons of their own."""
        from scipy.stats import rankdata

        found = np.zeros(len(values))
        for cell in np.unique(self.panel.strata):
            mask = self.panel.strata == cell
            found[mask] = (rankdata(values[mask]) - 0.5) / mask.sum()
        return found

    def strongest(
        self, name: str, columns: NDArray[np.int64], count: int = MOST_BELIEFS
    ) -> list[Sensitivity]:
        """The beliefs that a break-even follows most, if more than by chance."""
        if not self.enough or not self.drawn.names:
            return []
        loss, years = self._sums(columns)
        counted = self.panel.weight > 0.0
        ranks = self._within(loss / np.maximum(years, 1.0))[counted]
        if np.ptp(ranks) <= 0.0 or np.ptp(loss) <= 0.0:
            return []
        strength = np.array([float(np.corrcoef(ranks, one[counted])[0, 1]) for one in self.ranks])
        least = CHANCE / float(np.sqrt(counted.sum()))
        found = []
        for place in np.argsort(-np.abs(strength))[:count]:
            if abs(strength[place]) < least:
                break
            where = self.drawn.places[:, place]
            low = self._price(loss, years, where < 1 / 3)
            high = self._price(loss, years, where > 2 / 3)
            belief = self.drawn.names[place]
            found.append(
                Sensitivity(name, belief, float(strength[place]), low, high, THIRDS, False)
            )
        return found

    def facts(self, name: str, columns: NDArray[np.int64], contract: float) -> list[Sensitivity]:
        """What would tell whether a contract pays: the largest borrower's failure, two beliefs."""
        loss, years = self._sums(columns)
        found = self.strongest(name, columns, 2)
        if self.fails.any() and not self.fails.all():
            stands = self._price(loss, years, ~self.fails)
            falls = self._price(loss, years, self.fails)
            states = (f"if {self.largest} stands", f"if {self.largest} fails")
            fact = f"whether {self.largest} fails"
            found.insert(0, Sensitivity(name, fact, float("nan"), stands, falls, states, False))
        return [
            one._replace(
                tells=min(one.low.value, one.high.value)
                < contract
                < max(one.low.value, one.high.value)
            )
            for one in found
        ]

    def _sums(self, columns: NDArray[np.int64]) -> tuple[Reals, Reals]:
        scalars = self.panel.scalars
        loss, years = (
            scalars[n][:, columns].sum(axis=1) for n in ("loss_usd", "balance_years_usd")
        )
        return loss, years

    def _price(self, loss: Reals, years: Reals, part: NDArray[np.bool_]) -> Estimate:
        """The break-even over some runs."""
        weight = self.panel.weight[part]
        return ratio_interval(weight * loss[part], weight * years[part], self.panel.strata[part])
