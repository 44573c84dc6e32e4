"""Does credit peak before technology: can demand for compute grow while its financing breaks?

firesale experiment credit-cycle --quick
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

YEARS, WEEK = 8, 7
LEAST_LAG = 1.0  # years
BREAK = 0.2  # share of credit lost since its peak: it has broken
ORDINARY = "ordinary"
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    ORDINARY: ("ordinary times", {"macro.shock": 0.0}),
    "boom": ("demand grows 40 % a year", {"compute.adoption_growth": 0.4}),
    "free": (
        "lenders add what is asked for",
        {"investment.lender_growth_per_year": 10.0, "credit.growth_advance_rate": 0.95},
    ),
    "stops": ("demand stops growing", {"compute.adoption_growth": 0.0}),
    "tightens": (
        "money tightens in year two",
        {
            "macro.shock": 2.0, "macro.start_day": 365, "macro.ramp_days": 180,
            "macro.plateau_days": 365, "macro.volatility": 0.4,
        },
    ),
}  # fmt: skip


def peaks(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run: when credit and work done were highest, and what became of either after that."""
    import numpy as np

    from ...market.simulation import Simulation
    from ..sweeps import limits
    from ..sweeps.execute import Outcome
    from ..sweeps.own import opened

    scenario, tables = opened(scenario, seed, scores, books)
    simulation = Simulation(scenario, seed, tables, keeps_book=False)
    market = simulation.market
    largest = market.opening.largest_borrower
    growth = simulation.scenario.compute.efficiency_growth
    rows = []
    while not simulation.finished:
        limits.check()
        simulation.step()
        if market.day % WEEK == 0:
            owed = market.loans.principal_usd
            others = float(owed[market.loans.borrower != largest].sum())
            work = market.prices.effective_gpus * math.exp(growth * market.day / 365.0)
            rows.append((market.day, float(owed.sum()), others, float(work)))
    day, credit, others, work = np.array(rows).T
    found = cycle(day, credit, work)
    found["lag_without"] = cycle(day, others, work)["lag"]
    found["defaults"] = float(market.has_defaulted.sum())
    for year in range(1, YEARS + 1):
        at = int(np.searchsorted(day, 365 * year - WEEK))
        found[f"credit_{year}"] = 100.0 * credit[at] / credit[0]
        found[f"work_{year}"] = 100.0 * work[at] / work[0]
    return Outcome(found, dict)


def cycle(day: NDArray[Any], credit: NDArray[Any], work: NDArray[Any]) -> dict[str, float]:
    """Dates of both peaks in years, their lag, and whether work grew while credit broke.

    A series that is highest on its last day peaks there at the earliest: its date is a lower bound.
    """
    first, last = int(credit.argmax()), int(work.argmax())
    after = credit[first:] / credit[first]
    broken = after <= 1.0 - BREAK
    found = {
        "credit_peak": float(day[first]) / 365.0,
        "work_peak": float(day[last]) / 365.0,
        "lag": float(day[last] - day[first]) / 365.0,
        "open": float(last == len(work) - 1),
        "breaks": float(broken.any()),
        "grows_meanwhile": 0.0,
    }
    if broken.any():
        there = first + int(broken.argmax())
        found["grows_meanwhile"] = float(work[there] > work[first])
    return found


def study(study: Study) -> Finding:
    """The whole design."""
    from ..answers.estimates import by_arm, mean, share

    draws = study.draws(5, 48)
    names = tuple(WORLDS)
    made = study.runs(
        "worlds",
        {
            "scenario": "baseline",
            "settings": {"days": 365 * YEARS, "entry.on": True},
            "replicates": draws,
            "arms": {name: WORLDS[name][1] for name in names},
            "resolve": False,
        },
        peaks,
    )
    of = {column: by_arm(made, column) for column in
          ("credit_peak", "work_peak", "lag", "lag_without", "open", "breaks", "grows_meanwhile",
           "defaults")}  # fmt: skip
    numbers: dict[str, Number] = {}
    for name in names:
        numbers[f"lag_{name}"] = mean(of["lag"][name], "years")
        numbers[f"lag_without_{name}"] = mean(of["lag_without"][name], "years")
        numbers[f"peak_{name}"] = mean(of["credit_peak"][name], "years")
        numbers[f"breaks_{name}"] = share(of["grows_meanwhile"][name])
    paths = [
        (title, float(year), mean(by_arm(made, f"credit_{year}")[name], "%"),
         mean(by_arm(made, f"work_{year}")[name], "%"))
        for name, (title, _) in WORLDS.items() for year in range(1, YEARS + 1)
    ]  # fmt: skip
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "worlds": Table(
                "Dates of both peaks, in years from the opening",
                ("world", "credit peaks", "work peaks, at the earliest", "lag",
                 "without the largest borrower", "work peaks on the last day",
                 "credit loses a fifth while work grows", "firms fail"),
                ("", ".1f", ".1f", "+.1f", "+.1f", ".0f", ".0f", ".0f"),
                tuple(
                    (title, numbers[f"peak_{name}"], mean(of["work_peak"][name], "years"),
                     numbers[f"lag_{name}"], numbers[f"lag_without_{name}"],
                     share(of["open"][name]), numbers[f"breaks_{name}"],
                     mean(of["defaults"][name]))
                    for name, (title, _) in WORLDS.items()
                ),
            ),
            "paths": Table("", ("world", "year", "credit", "work"), ("", ".0f", ".0f", ".0f"),
                           tuple(paths)),
        },
        draws,
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Over all worlds."""
    if not control_acts(found):
        return verdicts.UNKNOWN
    return verdicts.over(verdicts.above(found.numbers[f"lag_{name}"], LEAST_LAG) for name in WORLDS)


def last_credit(found: Finding, world: str) -> Number:
    """Credit in the last year of a world, opening = 100."""
    rows = [row for row in found.tables["paths"].rows if row[0] == WORLDS[world][0]]
    return Number(*rows[-1][2])


def control_acts(found: Finding) -> bool:
    """Whether credit goes another way where lenders add whatever is asked for.

    If it does not, a book in run-off cannot be told from credit that breaks.
    """
    usual, free = (last_credit(found, name) for name in (ORDINARY, "free"))
    return free.low > usual.high


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        f"In ordinary times credit peaks {n['peak_ordinary'].text('.1f')} from the opening, "
        f"{n['lag_ordinary'].text('.1f')} before work done at the earliest "
        f"({n['lag_without_ordinary'].text('.1f')} without the largest borrower), and in "
        f"{n['breaks_ordinary'].text('.0f')} of draws loses a fifth while work grows on; if "
        f"lenders add whatever is asked for it peaks {n['peak_free'].text('.1f')} from the "
        f"opening, a lag of {n['lag_free'].text('.1f')}, and if demand booms the lag is "
        f"{n['lag_boom'].text('.1f')}" + _about_control(found) + "."
    )


def _about_control(found: Finding) -> str:
    if control_acts(found):
        return ""
    usual, free = (last_credit(found, name) for name in (ORDINARY, "free"))
    return (
        f"; but there credit ends at {free.text('.0f')} % of the opening and in ordinary times at "
        f"{usual.text('.0f')} %, so that a book in run-off cannot be told from credit that breaks"
    )


def draw(found: Finding) -> Figure:
    """Credit and work over the years, in ordinary times and in a boom."""
    from ..answers.draw import Line, Text, lines

    series = {}
    for name in (ORDINARY, "boom"):
        title = WORLDS[name][0]
        mine = [row for row in found.tables["paths"].rows if row[0] == title]
        for place, what in ((2, "credit"), (3, "work done")):
            series[f"{what}, {title}"] = Line(
                [0.0, *(row[1] for row in mine)],
                [Number(100.0, 100.0, 100.0), *(Number(*row[place]) for row in mine)],
            )
    n = found.numbers
    title = f"Credit peaks at least {n['lag_ordinary'].value:.0f} years before work done does"
    return lines(
        Text(title, "Loans outstanding and work done by all GPUs, opening = 100; 95 % of the mean",
             "years", "opening = 100"),
        series,
        log_y=True,
    )  # fmt: skip


QUESTION = Question(
    name="credit-cycle",
    claim="The credit cycle peaks before the technology cycle: demand for compute can grow while "
    "its financing breaks.",
    design=f"{YEARS} years from the books of 2025 with entry of firms, lending that follows "
    "losses and investment that follows value over cost. Credit is all loans outstanding; "
    "technology is work done: GPUs online in H100s times what software makes of them.",
    rule=f"Holds in a world if work surely peaks more than {LEAST_LAG:g} year after credit, fails "
    "if surely less; over ordinary times, a boom, free credit, demand that stops, tight money. "
    "Work that is highest on the last day makes the lag a lower bound. Cannot tell unless credit "
    "surely ends higher where lenders add whatever is asked for.",
    headline="lag_ordinary",
    boundary=LEAST_LAG,
    without="lag_without_ordinary",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "lending after the opening: commitments of the books, growth of lenders' assets, entry",
        "fleets outside the books, bought with own money: work grows without this credit",
    ),
    would_change=(
        "new facilities as large as those of 2025 every year: lenders here add 5 % a year",
    ),
    objections=(
        "Software alone makes work grow, so that work hardly ever peaks: the lag says when credit "
        "peaks, more than when technology does.",
        "Credit that is repaid is not broken, and a book that amortises peaks early if little is "
        "added to it: the world in which lenders add whatever is asked for should tell that apart, "
        "and hardly does: firms ask for little.",
        "The lag is the horizon less the first year: another horizon, another lag.",
    ),
    minutes=5,
)
