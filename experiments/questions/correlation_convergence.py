"""Do income from coins and from rents, values and failures go together when it matters?

firesale experiment correlation-convergence --quick
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

CALM, ASKED = "baseline", "crypto-crash"
WORLDS = {
    CALM: "calm: nothing is scripted",
    ASKED: "bitcoin −77 %, rents not scripted",
    "tightening": "money tightens; bitcoin and demand load on it",
    "joint-crash": "bitcoin −77 % and rents −50 %, both scripted",
}
QUICK_WORLDS = (CALM, ASKED, "tightening")
PAIRS = {"prices": "hashprice and rent", "incomes": "miners' two incomes"}
LINKS = ("fire_sale", "mark_to_market", "cross_default", "lender_capital", "hashprice")


def lives(
    scenario: Scenario,
    seed: int,
    scores: dict[str, float],
    *,
    places: int,
    books: Books | None = None,
) -> Outcome:
    """A price path lived through twice with other accidents: who fails, and two correlations."""
    from ..sweeps.execute import Outcome
    from .convergence import OTHER_DRAW, correlation, live

    pair = live(scenario, seed, seed), live(scenario, seed, seed + OTHER_DRAW)
    found: dict[str, Any] = {name: correlation(*getattr(pair[0], name).T) for name in PAIRS}
    assert len(pair[0].failed) == places, "one book has as many borrowers in all runs"
    for k, one in enumerate(pair):
        found |= {f"failed_{k}.{b}": float(fails) for b, fails in enumerate(one.failed)}
    return Outcome(found, dict)


def study(study: Study) -> Finding:
    """The whole design."""
    from ...agents.party import Kind
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    draws = study.draws(12, 48)
    worlds = QUICK_WORLDS if study.quick else tuple(WORLDS)
    market = Simulation(Scenario.load(CALM), 1, keeps_book=False).market
    miner = market.parties.kind[: market.borrower_count] == Kind.MINER

    def made(name: str, *off: str) -> pd.DataFrame:
        settings = {"days": 730, "opening.beliefs": False}
        settings |= {f"channels.{link}": False for link in off}
        plan = {"scenario": name, "settings": settings, "replicates": draws, "resolve": False}
        found = study.runs(
            "-".join((name, *off)).replace("_", "-"), plan, partial(lives, places=len(miner))
        )
        study.count(len(found), 0, 0.0)  # the second life of each path
        return found

    frames = {name: made(name) for name in worlds}
    rows = [(WORLDS[name], *_cells(frame, miner)) for name, frame in frames.items()]
    numbers = {
        "calm": _across(frames[CALM], miner),
        "crash": _across(frames[ASKED], miner),
        "prices_calm": _pair(frames[CALM], "prices"),
        "prices_crash": _pair(frames[ASKED], "prices"),
        "change": _change(frames[CALM], frames[ASKED], miner),
        "change_without": _change(
            frames[CALM], frames[ASKED], miner, market.opening.largest_borrower
        ),
        "prices_change": _prices_change(frames[CALM], frames[ASKED]),
    }
    links = []
    for link in () if study.quick else LINKS:
        frame = made(ASKED, link)
        links.append((link, *_cells(frame, miner)))
    tables = {
        "worlds": Table(
            "Correlations in two years, one book",
            ("world", "hashprice and rent, monthly", "miners' two incomes, monthly",
             "failures: miners with neoclouds", "failures: neoclouds", "failures a run"),
            ("", "+.2f", "+.2f", "+.2f", "+.2f", ".1f"),
            tuple(rows),
        )
    }  # fmt: skip
    if links:
        whole = tables["worlds"]
        title = "The crash of bitcoin with one link cut"
        tables["links"] = Table(title, ("without", *whole.columns[1:]), whole.forms, tuple(links))
    return study.finding(QUESTION.name, numbers, tables, draws)


def _failed(frame: pd.DataFrame) -> NDArray[Any]:
    """Who fails, [path, life, borrower]."""
    import numpy as np

    count = sum(column.startswith("failed_0.") for column in frame.columns)
    lives = [[f"failed_{life}.{b}" for b in range(count)] for life in (0, 1)]
    return np.stack([frame[columns].to_numpy(float) for columns in lives], axis=1)


def _resampled(statistic: Any, count: int) -> Number:
    import numpy as np

    from ..look.pages import resampled

    return Number(statistic(np.arange(count)), *resampled(statistic, count, 500))


def _across(frame: pd.DataFrame, miner: NDArray[Any]) -> Number:
    """Default correlation of miners with neoclouds, by resampling paths."""
    from .convergence import default_correlation

    failed = _failed(frame)
    return _resampled(lambda rows: default_correlation(failed[rows], ~miner, miner)[0], len(failed))


def _pair(frame: pd.DataFrame, name: str) -> Number:
    from .convergence import mean_on_fishers_scale

    found = frame[name].to_numpy(float)
    return _resampled(lambda rows: mean_on_fishers_scale(found[rows].tolist()), len(found))


def _change(
    calm: pd.DataFrame, crash: pd.DataFrame, miner: NDArray[Any], but: int | None = None
) -> Number:
    """Default correlation across in a crash less that in calm, on the same paths of all else."""
    import numpy as np

    from .convergence import default_correlation

    kept = np.ones(len(miner), bool)
    if but is not None:
        kept[but] = False
    one, other = _failed(calm), _failed(crash)
    sides = (~miner & kept, miner & kept)
    return _resampled(
        lambda rows: (
            default_correlation(other[rows], *sides)[0] - default_correlation(one[rows], *sides)[0]
        ),
        min(len(one), len(other)),
    )


def _prices_change(calm: pd.DataFrame, crash: pd.DataFrame) -> Number:
    from .convergence import mean_on_fishers_scale

    one, other = (frame["prices"].to_numpy(float) for frame in (calm, crash))
    return _resampled(
        lambda rows: (
            mean_on_fishers_scale(other[rows].tolist()) - mean_on_fishers_scale(one[rows].tolist())
        ),
        min(len(one), len(other)),
    )


def _cells(frame: pd.DataFrame, miner: NDArray[Any]) -> tuple[Any, ...]:
    from .convergence import default_correlation

    failed = _failed(frame)
    neoclouds = _resampled(lambda rows: default_correlation(failed[rows], ~miner)[0], len(failed))
    return (
        _pair(frame, "prices"), _pair(frame, "incomes"), _across(frame, miner), neoclouds,
        float(failed.sum(axis=2).mean()),
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Failures of the two sides are surely more, or surely not more, correlated in the crash."""
    return verdicts.above(found.numbers["change"])


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        f"Failures of miners and of neoclouds are correlated by {n['calm'].text('+.2f')} in calm "
        f"and by {n['crash'].text('+.2f')} in a crash of bitcoin that rents have no part in: a "
        f"change of {n['change'].text('+.2f')} ({n['change_without'].text('+.2f')} without the "
        "largest borrower); monthly changes of hashprice and rent go from "
        f"{n['prices_calm'].text('+.2f')} to {n['prices_crash'].text('+.2f')}."
    )


def draw(found: Finding) -> Figure:
    """Each correlation in each world."""
    from ..answers.draw import Text, intervals

    table = found.tables["worlds"]
    rows = {row[0]: [Number(*cell) for cell in row[1:4]] for row in table.rows}
    n = found.numbers
    title = (
        f"Failures of miners and neoclouds: correlation {n['calm'].value:+.2f} in calm, "
        f"{n['crash'].value:+.2f} when bitcoin crashes"
    )
    return intervals(
        Text(title, "Correlations over two years, one book, 95 % by resampling price paths",
             "correlation"),
        rows, table.columns[1:4],
    )  # fmt: skip


QUESTION = Question(
    name="correlation-convergence",
    claim="What diversifies in calm falls together in a crash: coins, rents, collateral and "
    "defaults.",
    design="Price paths, each lived through twice with other accidents, in calm and in crashes; "
    "one book and no beliefs drawn, since what differs between books would look like correlation. "
    "`experiments/CONVERGENCE.md` has the arithmetic.",
    rule="Holds if the default correlation of miners with neoclouds is surely higher in a crash of "
    "bitcoin alone than in calm, fails if it is surely lower.",
    headline="change",
    boundary=0.0,
    without="change_without",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "central books and judgements: over books the correlation is higher, see `firesale price`",
        "no factor of bitcoin and rents is assumed in this scenario; in `tightening` one is",
    ),
    would_change=("months in which rents and hashprice both fell: there are three years of rents",),
    objections=(
        "A scripted crash takes bitcoin's own variation out of the path: part of the fall of a "
        "correlation is that there is less left to be common.",
    ),
    minutes=5,
)
