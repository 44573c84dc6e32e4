"""All answers of a grid in one object: prices, pools, variance, and what decides them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..sweeps.own import of
from .attributes import attributes
from .cohorts import Price, as_row, cohorts, price
from .estimators import Reals, break_even, controlled
from .grid import Grid
from .panel import Panel, panel_of
from .pools import Pool, cut_pool, load_terms
from .pools import as_row as tranche_row

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

QUOTES = Path(__file__).resolve().parent / "quotes.csv"
INSTRUMENT = "instrument"
MOST_BELIEFS = 4


class Saving(NamedTuple):
    """What a way to reduce variance pays on one quantity."""

    way: str
    what: str
    before: float  # variance of the mean, of as many runs
    after: float
    seconds: float  # time of a run, over that without it
    mean_before: float
    mean_after: float

    @property
    def gain(self) -> float:
        """Variance times time before, over the same after: above one it pays."""
        after = self.after * self.seconds
        return self.before / after if after > 0.0 else float("nan")


class Sensitivity(NamedTuple):
    """How a break-even spread moves with one belief."""

    cohort: str
    belief: str
    correlation: float  # of ranks over seeds
    low_bp: float  # break-even where the belief lies in its lowest third
    high_bp: float


class Answer(NamedTuple):
    """What there is to show."""

    grid: Grid
    panel: Panel
    largest: str
    prices: dict[str, list[Price]]  # by kind of group
    loans: list[Price]  # one by one, as in the panel
    pools: list[Pool]
    savings: list[Saving]
    sensitivities: list[Sensitivity]
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
    drawn = panel.loans.groupby("borrower")["balance_usd"].sum()
    largest = str(drawn.drop(labels=_rests(drawn)).idxmax())
    prices: dict[str, list[Price]] = {}
    for kind, name, columns in cohorts(panel, largest):
        prices.setdefault(kind, []).append(price(panel, columns, name, grid.joint))
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
        savings(panel, grid),
        sensitivities(panel, prices[INSTRUMENT], plan.base, runs),
        quotes(),
    )


def _rests(drawn: pd.Series[float]) -> list[str]:
    """Aggregates of the tables stand for many."""
    return [name for name in drawn.index if str(name).startswith("REST_")]


def quotes() -> list[dict[str, str]]:
    """What loans and bonds of this market were priced at: to compare with, never an input."""
    with QUOTES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def savings(panel: Panel, grid: Grid) -> list[Saving]:
    """What each way to reduce variance pays, on losses on all loans and on the largest name's."""
    found = []
    book = panel.loans
    drawn = book.groupby("borrower")["balance_usd"].sum()
    largest = str(drawn.drop(labels=_rests(drawn)).idxmax())
    named = (book["firm"] == book["borrower"]).to_numpy()
    for what, mask in (
        ("all loans", np.ones(len(book), bool)),
        (f"loans to {largest}", (book["borrower"] == largest).to_numpy()),
        ("loans to named miners", named & (book["kind"] == "miner").to_numpy()),
    ):
        loss = panel.scalars["loss_usd"][:, mask].sum(axis=1)
        hazard = panel.scalars["hazard_usd"][:, mask].sum(axis=1)
        lost = panel.by_seed(loss)
        cleaned, _ = controlled(lost, panel.by_seed(hazard))
        found.append(
            Saving("operating hazard taken out", what, _var(lost), _var(cleaned), 1.0,
                   float(lost.mean()), float(cleaned.mean()))
        )  # fmt: skip
        if len(grid.cells) > 1:
            whole = float(panel.weight @ loss)
            spread = float(panel.weight @ (loss - whole) ** 2)
            runs = int((panel.weight > 0.0).sum())
            found.append(
                Saving("cells weighted, not drawn", what, spread / runs, _var(lost), 1.0,
                       whole, float(lost.mean()))
            )  # fmt: skip
            ends = ((grid.joint or grid.ordinary)[0], (grid.ordinary or grid.joint)[0])
            a, b = (
                loss[panel.cell == cell][np.argsort(panel.seed[panel.cell == cell])]
                for cell in ends
            )
            found.append(
                Saving("same seeds in all cells", f"{what}: crash less ordinary",
                       _var(a) + _var(b), _var(a - b), 1.0, float((a - b).mean()),
                       float((a - b).mean()))
            )  # fmt: skip
    return found


def _var(values: Reals) -> float:
    """Variance of a mean."""
    return float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else float("nan")


def largest_mispricings(prices: list[Price], count: int = 2) -> list[Price]:
    """Those with most dollars a year at stake among which the model can tell; notes apart."""
    told = [one for one in prices if one.verdict != "cannot tell" and one.name != "convertible"]
    return sorted(told, key=lambda one: -abs(one.mispricing) * one.balance_usd)[:count]


def sensitivities(
    panel: Panel, prices: list[Price], scenario: Any, runs: pd.DataFrame
) -> list[Sensitivity]:
    """Which beliefs move the largest mispricings, by ranks over seeds: no further runs."""
    from scipy.stats import rankdata

    from ...market.opening.beliefs import beliefs_in, place_of

    if not scenario.opening.beliefs or panel.seeds < 3 * MOST_BELIEFS:
        return []
    first = runs.drop_duplicates("replicate").sort_values("replicate")
    seeds = [int(seed) for seed in first["seed"]]
    names = sorted({belief.parameter for belief in beliefs_in(scenario)})
    places = np.array([[place_of(seed, name) for name in names] for seed in seeds])
    found = []
    for one in largest_mispricings(prices):
        columns = panel.chosen(f"instrument == '{one.name}'")
        loss = panel.by_seed(panel.scalars["loss_usd"][:, columns].sum(axis=1))
        years = panel.by_seed(panel.scalars["balance_years_usd"][:, columns].sum(axis=1))
        ranks = rankdata(loss / years)
        strength = [float(np.corrcoef(ranks, rankdata(column))[0, 1]) for column in places.T]
        for place in np.argsort(-np.abs(strength))[:MOST_BELIEFS]:
            low, high = places[:, place] < 1 / 3, places[:, place] > 2 / 3
            thirds = [1e4 * break_even(loss[part], years[part]) for part in (low, high)]
            found.append(Sensitivity(one.name, names[place], strength[place], *thirds))
    return found


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
