"""The page of scenarios: each of them over many seeds, and default rates by year beside ratings.

uv run python -m firesale.experiments.questions.scenarios > experiments/SCENARIOS.md

Twice over: with one book and one set of judgements (only luck differs), and with both drawn within
what is believed of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..look import words
from ..look.pages import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

SCENARIOS = (  # and how many days, where not the scenario's own
    ("calm", None),
    ("baseline", None),
    ("crypto-crash", None),
    ("rental-deflation", 730),
    ("rental-deflation", None),
    ("tightening", None),
    ("credit-crunch", None),
    ("joint-crash", None),
)
KINDS = ("miner", "neocloud")
YEARS = (1, 2, 5)
PERCENTILES = (5, 50, 95)
HISTORY = "For comparison, rating history: 3.5 % a year for B, 27 % for CCC"

Row = tuple[str, ...]


def run_scenario(name: str, days: int | None, beliefs: bool, seed: int) -> dict[str, Any]:
    """Summary of one run, with its ``horizon_days``."""
    from ...market.simulation import Simulation

    scenario = _scenario(name, beliefs)
    if days:
        scenario = scenario.changed({"days": days}, "the page of scenarios")
    summary = Simulation(scenario, seed, keeps_book=False).run().summary()
    return summary | {"horizon_days": scenario.days}


def run_years(beliefs: bool, seed: int) -> dict[tuple[str, bool, int], float]:
    """Share of borrowers that failed or reorganised in the first 1, 2, 5 years of ``baseline``.

    By kind, by whether they have a name of their own in the books, and by years.
    """
    import numpy as np

    from ...market.simulation import Simulation

    days = {"days": 365 * max(YEARS)}
    scenario = _scenario("baseline", beliefs).changed(days, "the page of scenarios")
    simulation = Simulation(scenario, seed, keeps_book=False).run()
    kind, named, day = _borrowers(simulation)
    return {
        (name, of_name, years): float(np.mean(day[rows] <= 365 * years))
        for k, name in enumerate(KINDS)
        for of_name in (True, False)
        for years in YEARS
        if (rows := (kind == k) & (named == of_name)).any()
    }


def _scenario(name: str, beliefs: bool) -> Scenario:
    from ...market.scenario.scenario import Scenario
    from .ensemble import with_beliefs

    return with_beliefs(Scenario.load(name), beliefs)


def _borrowers(simulation: Simulation) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """By borrower: kind, whether it has a name, first day in default (infinite: none)."""
    import numpy as np

    market = simulation.market
    count = market.borrower_count
    names = np.array(market.names.parties[:count])
    log = simulation.events()
    first = log[log["kind"] == "default"].groupby("party")["day"].min()
    day = first.reindex(names).fillna(np.inf).to_numpy()
    named = np.array([not name.startswith("REST_") for name in names])
    return market.parties.kind[:count], named, day


def range_of(values: Sequence[float]) -> str:
    """Median, 5 to 95 % and mean in millions of dollars."""
    import numpy as np

    usd_m = np.array(values, float) / 1e6
    low, mid, high = np.percentile(usd_m, PERCENTILES)
    return f"{mid:,.0f} ({low:,.0f} to {high:,.0f}), {usd_m.mean():,.0f}"


def percent(values: Sequence[float | None], digits: int = 0) -> str:
    """The mean of what is known, in per cent."""
    known = [value for value in values if value is not None]
    return f"{100.0 * sum(known) / len(known):.{digits}f} %" if known else "none"


def gone(summaries: Sequence[dict[str, Any]]) -> str:
    """Which lenders fail or close, in how many runs."""
    many = Counter(
        name for s in summaries for name in {*s["defaulted"]["lender"], *s["sleeves_closed"]}
    )
    ordered = sorted(many.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def scenario_row(name: str, summaries: Sequence[dict[str, Any]]) -> Row:
    """A scenario in the page's table."""
    years = summaries[0]["horizon_days"] / 365.0
    rate = [
        percent([s["defaults"][kind] / s["population"][kind] / years for s in summaries], 1)
        for kind in KINDS
    ]
    largest = [s["largest_borrower"] for s in summaries]
    ltv = [
        percent([s["ltv"][key] for s in summaries]).removesuffix(" %")
        for key in ("reported", "second_hand", "realisable")
    ]
    return (
        f"`{name}`, {summaries[0]['horizon_days']}",
        *rate,
        range_of([s["loss_usd"]["total"] for s in summaries]),
        range_of([one["loss_without_usd"] for one in largest]),
        f"{sum(one['fails'] for one in largest)}",
        percent([s["loss_usd"]["unresolved_share"] for s in summaries]),
        " · ".join(percent([s["recovery"][kind] for s in summaries]) for kind in ("gpu", "asic")),
        f"{' · '.join(ltv)} %",
        gone(summaries),
    )


HEADS = (
    "scenario, days",
    "miners default a year",
    "neoclouds",
    "loss, $m: median (5 to 95 %), mean",
    "the same without loans to the largest borrower",
    "runs in which that one fails",
    "claims unresolved",
    "recovery, GPUs · rigs",
    "LTV, worst day: reported · second-hand · sold at once",
    "lenders that fail or close, and in how many runs",
)


def years_rows(runs: Sequence[dict[tuple[str, bool, int], float]]) -> Iterator[Row]:
    """Cumulative default rates of ``baseline``: mean, its 95 % interval, 5 to 95 % of runs."""
    import numpy as np

    for kind, named in sorted({(kind, named) for kind, named, _ in runs[0]}):
        cells = []
        for years in YEARS:
            share = 100.0 * np.array([run[kind, named, years] for run in runs])
            error = 1.96 * share.std(ddof=1) / np.sqrt(len(share)) if len(share) > 1 else np.nan
            low, _, high = np.percentile(share, PERCENTILES)
            cells.append(f"{share.mean():.1f} ± {error:.1f} % ({low:.0f} to {high:.0f})")
        yield f"{kind}s, {'named' if named else 'unnamed'}", *cells


def page(seeds: int) -> Iterator[str]:
    """The page, line by line."""
    yield "# Scenarios over many seeds"
    yield ""
    yield (
        "Made by `python -m firesale.experiments.questions.scenarios`: "
        f"{words.times(seeds, 'seed')} each. Loss is what lenders have written down by the last "
        "day. LTV is of all secured loans."
    )
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        for beliefs, title in (
            (False, "One book, one set of judgements"),
            (True, "Books and judgements drawn within what is believed of them"),
        ):
            yield from ("", f"## {title}", "")
            numbers = range(1, seeds + 1)
            rows = [
                scenario_row(
                    name, [*workers.map(partial(run_scenario, name, days, beliefs), numbers)]
                )
                for name, days in SCENARIOS
            ]
            yield from table(HEADS, rows)
            yield from ("", "`baseline` for five years: who has failed or reorganised by then.", "")
            runs = [*workers.map(partial(run_years, beliefs), numbers)]
            yield from table(
                ("borrowers", *(f"after {words.times(years, 'year')}" for years in YEARS)),
                [*years_rows(runs)],
            )
            yield from ("", f"{HISTORY} (`market/data/credit_anchors.csv`).")


def main(seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")] = 40) -> None:
    """Print the page of scenarios."""
    for line in page(seeds):
        typer.echo(line)


if __name__ == "__main__":
    from ..run.border import script

    script(main)
