"""All answers of a grid in one object: prices, pools, variance, and what decides them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sweeps.own import of
from . import points, trials
from .attributes import attributes, largest_of
from .cohorts import CANNOT_TELL, Price, as_row, cohorts, price
from .deciding import Deciding, Sensitivity, places_of
from .grid import Grid
from .panel import Panel, panel_of
from .pools import Pool, cut_pool, load_terms
from .pools import as_row as tranche_row
from .savings import Saving, savings
from .trials import Trial

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

QUOTES = Path(__file__).resolve().parent / "quotes.csv"
INSTRUMENT = "instrument"


class Answer(NamedTuple):
    """What there is to show."""

    grid: Grid
    panel: Panel
    largest: str
    prices: dict[str, list[Price]]  # by kind of group
    loans: list[Price]  # one by one, as in the panel
    pools: list[Pool]
    savings: list[Saving]
    trials: list[Trial]
    points: points.Made
    sensitivities: list[Sensitivity]  # of the two largest mispricings
    deciding: list[Sensitivity]  # of groups of which it cannot tell
    quotes: list[dict[str, str]]


def answer(
    grid: Grid,
    runs: pd.DataFrame,
    observed: pa.Table,
    own_pools: dict[str, str] | None = None,
    calm: tuple[Grid, pd.DataFrame, pa.Table] | None = None,
) -> Answer:
    """Work out everything from the runs of a grid.

    ``calm`` are runs that correlations are fitted to, instead of the grid's own calm cells.
    """
    plan = grid.plan()
    loans = attributes(plan.base, of(plan.books))
    panel = panel_of(runs, observed, loans, grid)
    largest = largest_of(panel.loans)
    prices: dict[str, list[Price]] = {}
    columns: dict[str, NDArray[np.int64]] = {}
    for kind, name, chosen in cohorts(panel, largest):
        prices.setdefault(kind, []).append(price(panel, chosen, name, grid.joint))
        columns.setdefault(name, chosen)
    drawn = places_of(plan.base, runs)
    mine = panel.chosen(f"borrower == '{largest}'")
    decided = Deciding(panel, drawn, largest, mine)
    open_ = [one for one in shown_prices(prices) if one.verdict == CANNOT_TELL]
    terms = load_terms(largest, own_pools)
    ordinary = grid.ordinary or (grid.cells[0].name,)
    kinds = {"calm": grid.calm or ordinary, "baseline": ordinary, "crash": grid.joint}
    kinds["mixture"] = tuple(name for name, weight in grid.weights().items() if weight > 0.0)
    quiet = panel_of(calm[1], calm[2], loans, calm[0]) if calm else None
    pools = [cut_pool(panel, name, terms, kinds, quiet) for name in terms.pools]
    return Answer(
        grid,
        panel,
        largest,
        prices,
        [
            price(panel, np.array([column]), str(name), grid.joint)
            for column, name in enumerate(panel.loans["loan"])
        ],
        [pool for pool in pools if pool is not None],
        savings(panel, largest, [int(seed) for seed in runs["seed"]], plan.base.days),
        trials.read(),
        points.read(),
        [
            found
            for one in largest_mispricings(prices[INSTRUMENT])
            for found in decided.strongest(one.name, columns[one.name])
        ],
        [
            found
            for one in open_
            for found in decided.facts(one.name, columns[one.name], one.contract)
        ],
        quotes(),
    )


def quotes() -> list[dict[str, str]]:
    """What loans and bonds of this market were priced at: to compare with, never an input."""
    with QUOTES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shown_prices(prices: dict[str, list[Price]]) -> list[Price]:
    """Groups that the page speaks of in words."""
    return [one for kind in (INSTRUMENT, "tenants", "named") for one in prices.get(kind, [])]


def largest_mispricings(prices: list[Price], count: int = 2) -> list[Price]:
    """Those with most dollars a year at stake among which the model can tell; notes apart."""
    told = [one for one in prices if one.verdict != CANNOT_TELL and one.name != "convertible"]
    return sorted(told, key=lambda one: -abs(one.mispricing) * one.balance_usd)[:count]


def as_json(found: Answer) -> dict[str, Any]:
    """Instruments, loans and tranches as ``price --json`` gives them."""
    import pandas as pd

    def short(kind: str, one: Price, key: str) -> dict[str, Any]:
        row = as_row(kind, one)
        kept = ("balance_usd", "contract_bp", "break_even_bp", "low_bp", "high_bp", "charged_bp",
                "pd_1y", "pd_5y", "lgd", "fair_joint_crash_probability")  # fmt: skip
        numbers = {name: None if pd.isna(row[name]) else row[name] for name in kept}
        return {key: one.name} | numbers

    cuts = [tranche_row(cut) for pool in found.pools for cut in pool.cuts]
    names = ("pool", "attach", "detach", "expected_loss", "low", "high", "copula_expected_loss")
    return {
        "instruments": [short("instrument", one, "instrument") for one in found.prices[INSTRUMENT]],
        "loans": [short("loan", one, "id") for one in found.loans],
        "tranches": [{name: row[name] for name in names} for row in cuts],
    }
