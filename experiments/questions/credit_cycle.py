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
BILLION = 1e9
LEAST_LAG = 1.0  # years
BREAK = 0.2  # share of credit lost since its peak: it has broken
ORDINARY, BOOM, FREE = "ordinary", "boom", "boom-free"
ROOM: dict[str, Any] = {
    "investment.lender_growth_per_year": 10.0, "credit.growth_advance_rate": 0.95,
}  # fmt: skip
NO_TEST: dict[str, Any] = ROOM | {"credit.growth_min_dscr": 0.0}
GROWS: dict[str, Any] = {"compute.adoption_growth": 0.4}
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    ORDINARY: ("ordinary times", {"macro.shock": 0.0}),
    "room": ("lenders have room for all that is asked", ROOM),
    "no-test": ("and ask for no coverage", NO_TEST),
    BOOM: ("demand grows 40 % a year", GROWS),
    FREE: ("demand grows 40 %, room and no coverage asked", GROWS | NO_TEST),
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
    summary = simulation.summary()
    found["highest"] = 100.0 * float(credit.max() / credit[0])
    found["lost"] = 100.0 * summary["loss_usd"]["total"] / float(credit.max())
    found["ordered"] = summary["investment"]["ordered_usd"]
    found["on_credit"] = summary["investment"]["on_credit_usd"]
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
    from ..answers.estimates import by_arm, change, mean, share

    draws = study.draws(4, 32)
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
          ("credit_peak", "work_peak", "lag", "lag_without", "open", "grows_meanwhile", "highest",
           "lost", "ordered", "on_credit")}  # fmt: skip
    numbers: dict[str, Number] = {}
    for name in names:
        numbers[f"lag_{name}"] = mean(of["lag"][name], "years")
        numbers[f"lag_without_{name}"] = mean(of["lag_without"][name], "years")
        numbers[f"peak_{name}"] = mean(of["credit_peak"][name], "years")
        numbers[f"highest_{name}"] = mean(of["highest"][name], "%")
        numbers[f"lost_{name}"] = mean(of["lost"][name], "%")
        numbers[f"on_credit_{name}"] = mean(of["on_credit"][name], "$bn", BILLION)
        numbers[f"breaks_{name}"] = share(of["grows_meanwhile"][name])
    last = by_arm(made, f"credit_{YEARS}")
    numbers["higher"] = change(last[BOOM], last[FREE], "points")
    numbers["peaks_higher"] = change(of["highest"][BOOM], of["highest"][FREE], "points")
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
                 "without the largest borrower", "work peaks on the last day, % of draws",
                 "credit loses a fifth while work grows, % of draws"),
                ("", ".1f", ".1f", "+.1f", "+.1f", ".0f", ".0f"),
                tuple(
                    (title, numbers[f"peak_{name}"], mean(of["work_peak"][name], "years"),
                     numbers[f"lag_{name}"], numbers[f"lag_without_{name}"],
                     share(of["open"][name]), numbers[f"breaks_{name}"])
                    for name, (title, _) in WORLDS.items()
                ),
            ),
            "taken": Table(
                "What credit is taken, and what becomes of it",
                ("world", "machines ordered, $bn", "drawn for them, $bn",
                 "credit at its peak, % of the opening's", "in the last year",
                 "lenders lose, % of the peak"),
                ("", ".1f", ".1f", ".0f", ".0f", ".0f"),
                tuple(
                    (title, mean(of["ordered"][name], "", BILLION),
                     mean(of["on_credit"][name], "", BILLION), mean(of["highest"][name]),
                     mean(last[name]), mean(of["lost"][name]))
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


def control_acts(found: Finding) -> bool:
    """Whether credit that is given freely is taken: in a boom it surely ends higher.

    If it does not, a book in run-off cannot be told from credit that breaks.
    """
    return found.numbers["higher"].low > 0.0


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    control = (
        f"it peaks {n['peak_boom-free'].text('.1f')} from the opening at "
        f"{n['highest_boom-free'].text('.0f')} of it ({n['peaks_higher'].text('+.0f')} more than "
        f"in a boom on usual terms, and ends {n['higher'].text('+.0f')} higher), "
        f"{n['lag_boom-free'].text('.1f')} before work done, and lenders lose "
        f"{n['lost_boom-free'].text('.0f')} of that peak"
        if control_acts(found)
        else "no more credit is taken for sure, so that a book in run-off cannot be told from "
        "credit that breaks"
    )
    return (
        f"In ordinary times credit peaks {n['peak_ordinary'].text('.1f')} from the opening, "
        f"{n['lag_ordinary'].text('.1f')} before work done at the earliest "
        f"({n['lag_without_ordinary'].text('.1f')} without the largest borrower), and in "
        f"{n['breaks_ordinary'].text('.0f')} of draws loses a fifth while work grows on; that is "
        f"a book repaid, of whose peak lenders lose {n['lost_ordinary'].text('.0f')}: room for "
        f"more is hardly taken ({n['on_credit_room'].text('.1f')} drawn in eight years, "
        f"{n['on_credit_ordinary'].text('.1f')} without). Where demand booms and lenders ask for "
        f"no coverage, {control}."
    )


def draw(found: Finding) -> Figure:
    """Credit and work over the years, in ordinary times and where a boom is lent for freely."""
    from ..answers.draw import Line, Text, lines

    series = {}
    for name, short in ((ORDINARY, "ordinary times"), (FREE, "boom, free credit")):
        mine = [row for row in found.tables["paths"].rows if row[0] == WORLDS[name][0]]
        for place, what in ((2, "credit"), (3, "work done")):
            series[f"{what}, {short}"] = Line(
                [0.0, *(row[1] for row in mine)],
                [Number(100.0, 100.0, 100.0), *(Number(*row[place]) for row in mine)],
            )
    n = found.numbers
    title = (
        f"Credit peaks {n['lag_boom-free'].value:.0f} years before work done even where it is "
        "given freely"
    )
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
    "technology is work done: GPUs online in H100s times what software makes of them. The control "
    "is a boom in which lenders have room for all that is asked, advance 95 % and size no loan by "
    "the rent that should repay it.",
    rule=f"Holds in a world if work surely peaks more than {LEAST_LAG:g} year after credit, fails "
    "if surely less; over all worlds of the table. Work that is highest on the last day makes the "
    "lag a lower bound. Cannot tell unless credit surely ends higher in the control than in the "
    "same boom on usual terms, draw by draw.",
    headline="lag_ordinary",
    boundary=LEAST_LAG,
    without="lag_without_ordinary",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "lending after the opening: commitments of the books, growth of lenders' assets, entry",
        "loans on new machines are sized so that the rent expected in the last month of five years "
        "covers their service; that rent is a quarter to a half of today's, which leaves a loan of "
        "a quarter of the price or less: this binds, not lenders' money",
        "fleets outside the books, bought with own money: work grows without this credit",
    ),
    would_change=(
        "contracts of five years for new machines, against which lenders would size more: new "
        "machines are let at spot here",
    ),
    objections=(
        "Software alone makes work grow, so that work hardly ever peaks: the lag says when credit "
        "peaks, more than when technology does.",
        "Credit that is repaid is not broken, and a book that amortises peaks early if little is "
        "added to it: that is what ordinary times show. In the control credit is taken and stays "
        "near its peak for years, and still peaks long before work.",
        "Most of the fall is repayment in the control too: lenders lose about a tenth of the peak "
        "in all worlds. *Peaks first* holds; that financing *breaks* is too strong a word.",
        "An earlier control gave lenders room alone, which is the second row: it was hardly taken, "
        "and the verdict was *cannot tell*.",
        "The lag is the horizon less the date of credit's peak: another horizon, another lag.",
    ),
    minutes=5,
)
