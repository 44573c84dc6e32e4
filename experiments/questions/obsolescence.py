"""A new class comes early, late, cheaper, never: what old machines are worth, and who is left.

firesale experiment obsolescence --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.measure import loss_by_loan_usd, settled, told
from ..answers.question import Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

YEARS = (1, 2, 3, 4)
DAYS, RECENT_DAYS = 1825, 182
CLASSES = ("A100", "H100", "H200", "B200", "GB300")
NEVER, ON_TIME, CHEAP = "never", "on time", "at 60 % of the price"
BILLION = 1e9


def _arm(shift: int = 0, price: float = 1.0, cancelled: bool = False) -> dict[str, Any]:
    return {
        f"launches.{name}.{key}": value
        for name in ("vr200", "vr300")
        for key, value in (
            ("shift_days", shift), ("price_factor", price), ("cancelled", cancelled)
        )
    }  # fmt: skip


ARMS = {
    NEVER: _arm(cancelled=True),
    "a year late": _arm(shift=365),
    ON_TIME: _arm(),
    "half a year early": _arm(shift=-180),
    CHEAP: _arm(price=0.6),
}
SLUGS = {name: name.replace(" ", "-").replace("-%", "").replace("%", "") for name in ARMS}


def values_of_machines(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run: marks and prices paid by class and year over the opening's, and who loses."""
    import numpy as np

    from ...agents.lender import LenderKind

    simulation = settled(scenario, seed, scores, books)
    market, series = simulation.market, simulation.series()
    found: dict[str, Any] = {}
    for name in CLASSES:
        mark = series[f"mark_{name}_usd"].to_numpy()
        paid = series[f"clearing_{name}_usd"].to_numpy()
        for year in YEARS:
            day = 365 * year
            found[f"mark_{name}_{year}"] = 100.0 * mark[day] / mark[0]
            found[f"paid_{name}_{year}"] = 100.0 * recently_paid(paid, day) / mark[0]
    lost = loss_by_loan_usd(simulation)
    by_kind = np.bincount(market.lenders.kind[market.loans.lender], lost, len(LenderKind))
    found |= {f"lost_{kind.name.lower()}": float(by_kind[kind]) for kind in LenderKind}
    return told(simulation, found)


def recently_paid(clearing: NDArray[Any], day: int) -> float:
    """Mean price of trades in the half year before a day; NaN if there was none.

    The series has the last price until the next trade, which hardly ever clears at the same.
    """
    import numpy as np

    window = clearing[max(0, day - RECENT_DAYS) : day + 1]
    trades = window[1:][np.diff(window) != 0.0]
    trades = trades[~np.isnan(trades)]
    return float(trades.mean()) if len(trades) else float("nan")


def study(study: Study) -> Finding:
    """The whole design."""
    from ...agents.lender import LenderKind
    from ..answers.estimates import by_arm, change, mean, ratio

    draws = study.draws(8, 64)
    plan = {
        "scenario": "baseline",
        "settings": {"days": DAYS, "entry.on": True},
        "replicates": draws,
        "arms": {SLUGS[name]: settings for name, settings in ARMS.items()},
        "resolve": False,
    }
    made = study.runs("arms", plan, values_of_machines)

    def of(column: str) -> dict[str, Any]:
        found = by_arm(made, column)
        return {name: found[slug] for name, slug in SLUGS.items()}

    loss, without = of("loss"), of("loss_without")
    numbers = {
        "on_time": change(loss[NEVER], loss[ON_TIME], "$bn", BILLION),
        "on_time_without": change(without[NEVER], without[ON_TIME], "$bn", BILLION),
        "cheap": change(loss[NEVER], loss[CHEAP], "$bn", BILLION),
        "late": change(loss[ON_TIME], loss["a year late"], "$bn", BILLION),
        "level": mean(loss[NEVER], "$bn", BILLION),
    }
    for name in ("H100", "GB300"):
        worth, never = of(f"paid_{name}_3"), of(f"paid_{name}_3")[NEVER]
        numbers[f"paid_{name}"] = change(never, worth[ON_TIME], "points")
        mark = of(f"mark_{name}_3")[ON_TIME]
        known = ~(_nan(worth[ON_TIME]) | _nan(mark))
        numbers[f"mark_over_paid_{name}"] = ratio(mark[known], worth[ON_TIME][known])
    rows: list[tuple[Any, ...]] = [
        (name, mean(loss[name], "$bn", BILLION),
         None if name == NEVER else change(loss[NEVER], loss[name], "$bn", BILLION),
         None if name == NEVER else change(without[NEVER], without[name], "$bn", BILLION),
         mean(of("neoclouds")[name]))
        for name in ARMS
    ]  # fmt: skip
    values_by_year: list[tuple[Any, ...]] = []
    for machine in CLASSES:
        for year in YEARS:
            paid, mark = of(f"paid_{machine}_{year}"), of(f"mark_{machine}_{year}")
            cells = [mean(paid[name], "%") for name in ARMS]
            values_by_year.append((machine, float(year), *cells, mean(mark[ON_TIME], "%")))
    holders: list[tuple[Any, ...]] = []
    for kind in LenderKind:
        suffered = of(f"lost_{kind.name.lower()}")
        if suffered[ON_TIME].mean() > 1e6:
            holders.append(
                (kind.name.lower().replace("_", " "), mean(suffered[NEVER], "$bn", BILLION),
                 change(suffered[NEVER], suffered[ON_TIME], "$bn", BILLION),
                 change(suffered[NEVER], suffered[CHEAP], "$bn", BILLION))
            )  # fmt: skip
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "arms": Table(
                "Lenders' losses in five years, by how the next two classes come",
                ("they come", "lost, $bn", "more than if never", "without the largest borrower",
                 "neoclouds fail"),
                ("", ".1f", "+.2f", "+.2f", ".0f"),
                tuple(rows),
            ),
            "worth": Table(
                "Paid for a machine in trades of the half year before, % of its opening value, and "
                "lenders' mark",
                ("class", "year", *ARMS, "mark, on time"),
                ("", ".0f", *[".0f"] * (len(ARMS) + 1)),
                tuple(values_by_year),
            ),
            "holders": Table(
                "Who is left holding",
                ("lenders", "lose if never, $bn", "more if on time", "more if cheap"),
                ("", ".2f", "+.2f", "+.2f"),
                tuple(holders),
            ),
        },
        draws,
    )  # fmt: skip


def _nan(values: Any) -> Any:
    import numpy as np

    return np.isnan(values)


def verdict(found: Finding) -> str:
    """Whether the launch costs lenders; holds where, unless marks lag behind trades as well."""
    n = found.numbers
    costs = verdicts.above(n["on_time"])
    lag = verdicts.over(
        verdicts.above(n[f"mark_over_paid_{name}"], 1.0) for name in ("H100", "GB300")
    )
    return verdicts.WHERE if costs == verdicts.HOLDS and lag != verdicts.HOLDS else costs


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    return (
        f"Two new classes on time cost lenders {n['on_time'].text('+.2f')} in five years against a "
        f"world in which none comes ({n['on_time_without'].text('+.2f')} without the largest "
        f"borrower), at 60 % of their price {n['cheap'].text('+.2f')}. After three years an H100 "
        f"fetches {n['paid_H100'].text('+.0f')} of its opening value for it, a GB300 "
        f"{n['paid_GB300'].text('+.0f')}; marks {_lag(found)}: they stand at "
        f"{n['mark_over_paid_H100'].text('.2f')} "
        f"times what is paid for H100s and {n['mark_over_paid_GB300'].text('.2f')} times for "
        "GB300s."
    )


def _lag(found: Finding) -> str:
    """Whether marks of old machines stay above what is paid for them."""
    told = verdicts.above(found.numbers["mark_over_paid_H100"], 1.0)
    return {verdicts.HOLDS: "lag", verdicts.FAILS: "do not lag"}.get(told, "may lag or not")


def draw(found: Finding) -> Figure:
    """Value of each class after three years, by how the new ones come."""
    from ..answers.draw import Text, intervals

    table = found.tables["worth"]
    rows = {row[0]: [Number(*cell) for cell in row[2:]] for row in table.rows if row[1] == 3.0}
    names = [*ARMS, "lenders' mark, on time"]
    n = found.numbers
    title = (
        f"Three years on, new classes take {-n['paid_GB300'].value:.0f} points off a GB300 and "
        f"{-n['paid_H100'].value:.0f} off an H100"
    )
    return intervals(
        Text(title, "Paid in trades of half a year, % of the opening value; 95 % of the mean",
             "% of the opening value"),
        rows, names, 0.0,
    )  # fmt: skip


QUESTION = Question(
    name="obsolescence",
    claim="New chips make old ones obsolete faster than debt is repaid; marks lag, and lenders "
    "are left holding.",
    design="Five years from the books of 2025 with entry: the next two classes never come, come a "
    "year late, on time, half a year early, or at 60 % of their price.",
    rule="Holds if lenders surely lose more with the classes on time than without and marks of "
    "H100s and GB300s after three years surely stand above what is paid; holds where, if only the "
    "first; fails if lenders surely lose less.",
    headline="on_time",
    boundary=0.0,
    without="on_time_without",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "cost and work of announced classes: a maker's roadmap and our guesses",
        "fleets outside the books, which buy new classes with own money",
    ),
    would_change=(
        "second-hand prices of Hopper machines after the launch of the next class",
        "users that go on paying for old classes: rents follow work done here",
    ),
    objections=(
        "Where nothing is announced work gets cheaper anyway: *never* has buyers who expect that.",
        "Of the claim one half is borne out, that launches cost lenders, and one refuted, that "
        "marks lag. GB300s change hands rarely: their prices are of few trades.",
        "Of what crypto lenders lose most is unsecured credit of a stablecoin issuer to neoclouds, "
        "not credit to miners.",
    ),
    minutes=5,
)
