"""Do things that should be apart fall together when money gets tight? Measured, not loaded.

uv run python -m firesale.experiments.questions.convergence --page PATH

Two correlations, in the baseline and in crashes:

- *Of defaults*: the mean correlation of two borrowers' failure within two years, over draws, among
  neoclouds, among miners, and of one with the other. It is found in the variance of their number:
  were failures independent, it would be the sum of each one's own variance; what is beyond that
  are the covariances of all pairs, over the sum of the products of their deviations (Lucas 1995,
  J. Fixed Income 4). Unlike an intraclass correlation (Gordy 2000, J. Banking & Finance 24) it does
  not take borrowers for alike: each has its own frequency. Every price path is drawn once and lived
  through twice with other accidents, so the covariance divides in two: what comes with the path of
  bitcoin, demand and money, and what is left on the same path: what accidents of some hand on to
  others. Sales that follow a path's own failures belong to the path; cutting a link shows them.
- *Of miners' two incomes*, hashing and compute (GPUs and halls): monthly changes of what each
  earns, and of the two prices behind them, over a year of the run; and over draws, of the whole
  year's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..look.pages import PAGE, give, resampled, shown, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...market.scenario.scenario import Scenario

MONTH, WEEK = 30, 7
DAYS = 730
FIRST, LAST = 30, 395  # the year in which the crashes fall
OTHER_DRAW = 100_000  # seeds of the second life of a path
WORLDS = {
    "calm window: `baseline`": ("baseline", "nothing is scripted"),
    "`crypto-crash`": ("crypto-crash", "bitcoin is scripted, rents are not"),
    "`credit-crunch`": ("credit-crunch", "money is scripted, neither bitcoin nor rents"),
    "`tightening`": ("tightening", "bitcoin and demand load on money"),
    "`joint-crash`": ("joint-crash", "bitcoin and rents are both scripted"),
}
LINKS = (
    "crypto_margin",
    "treasury_funding",
    "hashprice",
    "rent_feedback",
    "mark_to_market",
    "fire_sale",
    "buyer_finance",
    "lender_capital",
    "funding_run",
    "fund_marks",
    "warehouse_margin",
    "securitisation",
    "material_change",
    "counterparty",
    "cross_default",
)


class Life(NamedTuple):
    """What is asked of one run."""

    failed: NDArray[Any]  # by borrower, whether it failed
    incomes: NDArray[Any]  # [week, 2] of all miners: hashing and compute, USD a day
    prices: NDArray[Any]  # [week, 2] hashprice and the rent of an H100


class Draws(NamedTuple):
    """Runs of a world: each path is lived through twice."""

    failed: NDArray[Any]  # [path, 2, borrower]
    miner: NDArray[Any]  # by borrower
    lives: list[tuple[Life, Life]]


# ---------------------------------------------------------------- arithmetic


def covariances(failed: NDArray[Any], groups: Sequence[NDArray[Any]]) -> tuple[float, float, float]:
    """Sums over pairs of different borrowers: covariance, that on one path, and deviations.

    Args:
        failed: [path, 2, borrower], 1 where it failed.
        groups: one mask of borrowers, or two of which pairs are made across.
    """
    import numpy as np

    first, last = groups[0], groups[-1]
    same = len(groups) == 1
    flat = failed.reshape(-1, failed.shape[-1]).astype(float)
    deviation = flat.std(axis=0, ddof=1)
    one, other = flat[:, first].sum(axis=1), flat[:, last].sum(axis=1)
    whole = float(np.cov(one, other, ddof=1)[0, 1])
    products = float(deviation[first].sum() * deviation[last].sum())
    # Of two lives of a path half the product of differences is an unbiased covariance.
    apart = (failed[:, 0, :].astype(float) - failed[:, 1, :]) / math.sqrt(2.0)
    on_path = float((apart[:, first].sum(axis=1) * apart[:, last].sum(axis=1)).mean())
    if same:
        whole -= float((deviation[first] ** 2).sum())
        products -= float((deviation[first] ** 2).sum())
        on_path -= float((apart[:, first] ** 2).mean(axis=0).sum())
    return whole, on_path, products


def default_correlation(failed: NDArray[Any], *groups: NDArray[Any]) -> tuple[float, float]:
    """Mean default correlation of pairs, and the part of it that is left on one and the same path.

    NaN where nobody or everybody fails in all draws.
    """
    whole, on_path, products = covariances(failed, groups)
    if products <= 1e-12:
        return math.nan, math.nan
    return whole / products, on_path / products


def correlation(first: Any, second: Any) -> float:
    """Correlation of monthly log changes of two weekly series."""
    import numpy as np

    steps = round(MONTH / WEEK)
    changes = [np.log(series[steps:] / series[:-steps]) for series in (first, second)]
    if min(change.std() for change in changes) <= 0.0:
        return math.nan
    return float(np.corrcoef(*changes)[0, 1])


def mean_on_fishers_scale(values: Sequence[float]) -> float:
    """Mean of correlations."""
    scores = [math.atanh(max(-0.999, min(0.999, value))) for value in values if value == value]
    return math.tanh(sum(scores) / len(scores)) if scores else math.nan


# ---------------------------------------------------------------- runs


def live(scenario: Scenario, path: int, seed: int) -> Life:
    """One run: prices of one seed, all other chance of another."""
    import numpy as np

    from ...agents.party import Kind
    from ...market.simulation import Simulation

    simulation = Simulation(scenario, seed, keeps_book=False)
    market = simulation.market
    simulation.take_paths(path)
    count = market.borrower_count
    miner = market.parties.kind[:count] == Kind.MINER
    incomes, prices = [], []
    while not simulation.finished:
        simulation.step()
        if FIRST <= market.day <= LAST and market.day % WEEK == 0:
            hashprice = market.prices.hashprice_usd_ph_day
            hashing = float(market.miners.hashrate_online_th[miner].sum()) / 1000.0 * hashprice
            business = market.neoclouds
            compute = business.income_usd_day[miner].sum() + business.hosting_usd_day[miner].sum()
            incomes.append((max(hashing, 1.0), max(float(compute), 1.0)))
            prices.append((hashprice, market.prices.rent_h100_usd_h))
    return Life(market.has_defaulted.copy(), np.array(incomes), np.array(prices))


def draw(scenario: Scenario, paths: int) -> Draws:
    """Runs of a world."""
    import numpy as np

    from ...agents.party import Kind
    from ...market.simulation import Simulation

    market = Simulation(scenario, 1, keeps_book=False).market
    miner = market.parties.kind[: market.borrower_count] == Kind.MINER
    lives = [
        (live(scenario, path, path), live(scenario, path, path + OTHER_DRAW))
        for path in range(1, paths + 1)
    ]
    return Draws(np.array([[one.failed for one in pair] for pair in lives]), miner, lives)


# ---------------------------------------------------------------- the page


def default_cells(draws: Draws) -> list[str]:
    """Default correlations of a world as cells, each with the part on one path."""
    groups = {
        "neoclouds": (~draws.miner,),
        "miners": (draws.miner,),
        "across": (~draws.miner, draws.miner),
    }
    cells = [f"{draws.failed.sum(axis=2).mean():.1f}"]
    for masks in groups.values():
        whole, on_path = default_correlation(draws.failed, *masks)

        def correlated(rows: NDArray[Any], masks: Any = masks) -> float:
            return default_correlation(draws.failed[rows], *masks)[0]

        ends = resampled(correlated, len(draws.failed))
        cells.append(f"{shown(whole, *ends)}; {on_path:+.2f}")
    return cells


def income_cells(draws: Draws) -> list[str]:
    """Correlations of miners' two incomes as cells."""
    import numpy as np

    cells = []
    for name in ("prices", "incomes"):
        both = [np.array(getattr(pair[0], name)) for pair in draws.lives]
        found = [correlation(series[:, 0], series[:, 1]) for series in both]

        def mean(rows: NDArray[Any], found: list[float] = found) -> float:
            return mean_on_fishers_scale([found[row] for row in rows])

        cells.append(shown(mean_on_fishers_scale(found), *resampled(mean, len(found))))
    year = np.array([np.log(pair[0].incomes[-1] / pair[0].incomes[0]) for pair in draws.lives])

    def over_draws(rows: NDArray[Any]) -> float:
        if year[rows].std(axis=0).min() <= 0.0:
            return math.nan
        return float(np.corrcoef(year[rows].T)[0, 1])

    cells.append(shown(over_draws(np.arange(len(year))), *resampled(over_draws, len(year))))
    cells.append(" and ".join(f"{math.expm1(change):+.0%}" for change in np.median(year, axis=0)))
    return cells


def answer(paths: int, link_paths: int, link_worlds: Sequence[str]) -> list[str]:
    """The answer in markdown."""
    from ...market.scenario.scenario import Scenario

    def world(name: str, *more: str) -> Scenario:
        return Scenario.load(name).with_settings([f"days={DAYS}", *more])

    found = {title: draw(world(name), paths) for title, (name, _) in WORLDS.items()}
    lines = [
        f"{paths} price paths, each with two draws of all else; {DAYS} days; one book. Intervals "
        "are of 95 %, by resampling paths. After the semicolon: the part of the correlation that "
        "is left where two runs share one path.",
        "",
        "Default correlation, mean over pairs:",
        "",
        *table(
            ("world", "what is scripted", "failures a run", "neoclouds", "miners", "across"),
            [(title, WORLDS[title][1], *default_cells(draws)) for title, draws in found.items()],
        ),
        "",
        f"Miners' income from hashing and from compute, days {FIRST} to {LAST}:",
        "",
        *table(
            (
                "world",
                "hashprice and rent, monthly",
                "the two incomes, monthly",
                "over draws, the year",
                "median change of the two",
            ),
            [(title, *income_cells(draws)) for title, draws in found.items()],
        ),
    ]
    for name in link_worlds:
        links = [link for link in LINKS if not world(name).missing(f"channels.{link}")]
        whole = draw(world(name), link_paths)
        rows = [("all on", *default_cells(whole), *income_cells(whole)[1:2])]
        for link in links:
            without = draw(world(name, f"channels.{link}=false"), link_paths)
            rows.append((f"without `{link}`", *default_cells(without), *income_cells(without)[1:2]))
        lines += [
            "",
            f"`{name}`, one link of the chain off at a time, {link_paths} paths:",
            "",
            *table(
                ("", "failures a run", "neoclouds", "miners", "across", "the two incomes"), rows
            ),
        ]
    return lines


def main(
    paths: Annotated[int, typer.Option(min=3, help="Price paths, each lived twice.")] = 24,
    link_paths: Annotated[int, typer.Option(min=3, help="The same, with a link off.")] = 10,
    links: Annotated[list[str] | None, typer.Option(help="Scenarios to cut links in.")] = None,
    page: PAGE = None,
) -> None:
    """Measure how far failures, and miners' two incomes, go together."""
    lines = answer(paths, link_paths, links or ["crypto-crash"])
    give(lines, HEAD, page)


HEAD = [
    "# Do they fall together?",
    "",
    "`uv run python -m firesale.experiments.questions.convergence --page PATH` makes this page.",
    "",
]


if __name__ == "__main__":
    from ..run.border import script

    script(main)
