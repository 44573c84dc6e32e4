"""Which shock that costs lenders $1bn, 5bn or 20bn is the most likely one?

firesale experiment reverse-stress --quick
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import LOSS, LOSS_WITHOUT, SCENARIO, Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..answers.study import Study
    from ..answers.subset import Level

DAYS = 730
BILLION = 1e9
THRESHOLDS = (1.0, 5.0, 20.0)  # $bn
ASKED = 5.0
RARE = 5.0  # %: below it a loss of that size is a tail
RENT_DAYS = 365
DRIVERS = {
    "crypto.crash_depth": "bitcoin over a year, log",
    "compute.rent_change_per_year": "rents over a year, log",
    "macro.shock": "stress of money",
    "launches.vr200.price_factor": "price of new classes, log",
    "launches.vr200.shift_days": "new classes late, days",
}
MEANS = (0.0, -0.15, 0.0, 0.0, 60.0)
DEVIATIONS = (0.62, 0.35, 1.0, 0.20, 120.0)
CORRELATIONS = (
    (1.0, 0.2, -0.4, 0.0, 0.0),
    (0.2, 1.0, -0.3, 0.2, 0.2),
    (-0.4, -0.3, 1.0, 0.0, 0.0),
    (0.0, 0.2, 0.0, 1.0, 0.0),
    (0.0, 0.2, 0.0, 0.0, 1.0),
)
"""Of the drivers. Estimated is bitcoin's deviation (daily closes since 2020), all else believed."""
ALSO = {
    "launches.vr200.price_factor": ("launches.vr300.price_factor",),
    "launches.vr200.shift_days": ("launches.vr300.shift_days",),
}


def drivers_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal coordinates [point, driver] as correlated drivers in their units."""
    import numpy as np

    root = np.linalg.cholesky(np.array(CORRELATIONS))
    found: NDArray[np.float64] = np.array(MEANS) + points @ root.T * np.array(DEVIATIONS)
    return found


def settings_of(drivers: NDArray[np.float64]) -> dict[str, float | int]:
    """One point of drivers as settings of a scenario: a rise of bitcoin, or ease, is no shock."""
    bitcoin, rents, money, price, late = (float(x) for x in drivers)
    return {
        "crypto.crash_depth": min(0.999, -math.expm1(min(0.0, bitcoin))),
        "compute.rent_change_per_year": min(4.9, max(-0.99, math.expm1(rents))),
        "macro.shock": min(10.0, max(0.0, money)),
        "launches.vr200.price_factor": min(20.0, max(0.05, math.exp(price))),
        "launches.vr200.shift_days": round(min(1500.0, max(-330.0, late))),
    }


def lasting(stress: float) -> dict[str, int]:
    """How long shocks last [days]; stress of money that never comes has no plateau."""
    return {"compute.shock_days": RENT_DAYS} | ({"macro.plateau_days": 365} if stress else {})


def study(study: Study) -> Finding:
    """The whole design."""
    import numpy as np

    from ..answers.subset import Settings, bound_above, breaches, probability_above, subsets

    settings = Settings(20, levels=3) if study.quick else Settings(100, levels=5)
    repeats = study.draws(2, 4)
    evaluations = {"count": 0}

    def evaluate(points: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """One run for each point, with luck, books and beliefs of its own."""
        rows = [settings_of(one) for one in drivers_of(points)]
        factors: dict[str, Any] = {key: {"values": [row[key] for row in rows]} for key in DRIVERS}
        for key, others in ALSO.items():
            factors[key]["also"] = list(others)
        made = study.runs(
            f"repeat-{evaluations['repeat']}-{step:02d}",
            {
                "scenario": "joint-crash",
                "settings": {"days": DAYS} | lasting(max(row["macro.shock"] for row in rows)),
                "design": {"method": "list"},
                "factors": factors,
                "seed": 1 + 1000 * evaluations["repeat"] + step,
                "shared_seeds": False,
            },
        )  # fmt: skip
        if len(made) < len(points):  # one that failed is worth no loss, and is counted as failed
            made = made.set_index("design_id").reindex(range(len(points)))
        out = made[[LOSS, LOSS_WITHOUT]].to_numpy(float) / BILLION
        seeds = made["seed"].to_numpy(float)
        return np.column_stack([np.nan_to_num(out), seeds])

    runs: list[list[Level]] = []
    for repeat in range(repeats):
        evaluations["repeat"] = repeat
        runs.append(subsets(evaluate, len(DRIVERS), max(THRESHOLDS), settings, 100 + repeat))
    numbers: dict[str, Number] = {}
    rows = []
    for threshold in THRESHOLDS:
        chance = np.array([probability_above(levels, threshold) for levels in runs])
        less = np.array([probability_above(levels, threshold, 1) for levels in runs])
        bound = float(np.mean(
            [bound_above(levels, threshold, settings.samples * repeats) for levels in runs]
        ))  # fmt: skip
        numbers[f"chance_{threshold:g}"] = one = _chance(chance, bound)
        numbers[f"chance_without_{threshold:g}"] = other = _chance(less, bound)
        rows.append((threshold, one, other, _error(chance)))
    points, outputs = (
        np.concatenate(part)
        for part in zip(*(breaches(levels, ASKED) for levels in runs), strict=True)
    )
    facts, tables = _design_point(points, outputs, numbers)
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "chances": Table(
                "Chance that lenders lose more within two years, by subset simulation",
                ("more than, $bn", "chance, %", "without the largest borrower",
                 "coefficient of variation"),
                (".0f", ".2g", ".2g", ".2f"),
                tuple(rows),
            ),
            **tables,
        },
        settings.samples * repeats,
        facts,
    )  # fmt: skip


def _chance(values: NDArray[np.float64], bound: float) -> Number:
    """Mean over independent repeats, in per cent; of what was never seen, from 0 to its bound."""
    from ..answers.estimates import percent

    if not values.any():
        return Number(0.0, 0.0, 100.0 * bound, "%")
    return percent(100.0 * values)


def _error(values: NDArray[np.float64]) -> float:
    """Standard error over mean, from independent repeats."""
    import numpy as np

    mean = float(np.mean(values))
    if mean <= 0.0 or len(values) < 2:
        return math.nan
    return float(np.std(values, ddof=1) / math.sqrt(len(values)) / mean)


def _design_point(
    points: NDArray[np.float64], outputs: NDArray[np.float64], numbers: dict[str, Number]
) -> tuple[dict[str, str], dict[str, Table]]:
    """The likeliest point of those that breach, what they have in common, and one as a scenario."""
    import numpy as np

    from ..answers.estimates import mean

    if len(points) == 0:
        return {}, {}
    drivers = drivers_of(points)
    scores = (drivers - np.array(MEANS)) / np.array(DEVIATIONS)
    nearest = int(np.argmin((points**2).sum(axis=1)))
    names = tuple(DRIVERS.values())
    for place, key in enumerate(DRIVERS):
        numbers[f"shift_{key}"] = mean(scores[:, place], "deviations")
    numbers["fails"] = Number.known(
        100.0 * float(np.mean(outputs[:, 0] - outputs[:, 1] > 0.5)), "%"
    )
    chosen = settings_of(drivers[nearest])
    lines = [f'title = "A shock that costs lenders ${outputs[nearest, 0]:.1f}bn"',
             f"days = {DAYS}", "opening.beliefs = true"]  # fmt: skip
    everything = chosen | {
        other: chosen[key] for key, others in ALSO.items() for other in others
    } | FIXED | lasting(float(chosen["macro.shock"]))  # fmt: skip
    lines += [f"{key} = {_toml(value)}" for key, value in everything.items()]
    table = Table(
        f"Shocks that cost more than ${ASKED:.0f}bn: the likeliest, and all of them, in deviations "
        "from what is expected",
        ("driver", "likeliest", "mean of all", "spread of all"),
        ("", "+.2f", "+.2f", ".2f"),
        tuple(
            (name, float(scores[nearest, k]), mean(scores[:, k], ""), float(scores[:, k].std()))
            for k, name in enumerate(names)
        ),
    )
    facts = {
        "seed": f"{outputs[nearest, 2]:.0f}",
        SCENARIO: "\n".join(lines) + "\n",
        "loss": f"{outputs[nearest, 0]:.2f}",
        "depth": f"{100 * chosen['crypto.crash_depth']:.0f}",
        "rents": f"{100 * chosen['compute.rent_change_per_year']:+.0f}",
        "stress": f"{chosen['macro.shock']:.1f}",
    }
    return facts, {"design_point": table}


FIXED: dict[str, Any] = {
    "crypto.path": "crash",
    "crypto.crash_start_day": 30,
    "crypto.crash_days": 365,
    "crypto.hashrate_growth": 0.59,
    "crypto.hashrate_answer": 0.0,
    "crypto.hashrate_growth_start_day": 30,
    "crypto.hashrate_growth_days": 365,
    "compute.path": "scripted",
    "compute.elasticity": 0.7,
    "compute.shock_start_day": 30,
    "compute.volatility": 0.20,
}
"""What `joint-crash` says beside its shocks."""


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value!r}"


def verdict(found: Finding) -> str:
    """Whether a loss of 5bn is surely rarer than one in twenty."""
    return verdicts.below(found.numbers[f"chance_{ASKED:g}"], RARE)


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    text = (
        "Lenders lose more than $1bn within two years with a chance of "
        f"{n['chance_1'].text('.0f')}, $5bn with {n['chance_5'].text('.1f')} "
        f"({n['chance_without_5'].text('.1f')} without the largest borrower), $20bn with "
        f"{n['chance_20'].text('.2g')}"
    )
    if "depth" not in found.facts:
        return f"{text}; no shock that was tried costs $5bn."
    facts = found.facts
    return (
        f"{text}; the likeliest shock that costs $5bn has bitcoin down "
        f"{facts['depth']}\N{NO-BREAK SPACE}%, rents {facts['rents']}\N{NO-BREAK SPACE}% and "
        f"{facts['stress']} units of stress of money."
    )


def draw(found: Finding) -> Figure:
    """What shocks that breach have in common."""
    from ..answers.draw import Text, intervals
    from ..look.plots import empty_figure

    n = found.numbers
    if "design_point" not in found.tables:
        return empty_figure(f"No shock that was tried costs ${ASKED:.0f}bn", "")
    rows = {
        row[0]: [Number(*row[2]), Number.known(row[1])] for row in found.tables["design_point"].rows
    }
    title = (
        f"A loss of $5bn within two years has a chance of {n['chance_5'].value:.1f} %; rents and "
        "money tell such years apart"
        if _leads_rents(found)
        else f"A loss of $5bn within two years has a chance of {n['chance_5'].value:.1f} %"
    )
    return intervals(
        Text(title, "Drivers of shocks that cost lenders more than $5bn, deviations from what is "
             "expected; 95 % of the mean", "deviations"),
        rows, ("mean of all that do", "the likeliest"),
    )  # fmt: skip


def _leads_rents(found: Finding) -> bool:
    """Whether rents and money are further from what is expected than bitcoin is."""
    shift = {key: abs(found.numbers[f"shift_{key}"].value) for key in DRIVERS}
    bitcoin = shift["crypto.crash_depth"]
    return shift["compute.rent_change_per_year"] > bitcoin and shift["macro.shock"] > bitcoin


QUESTION = Question(
    name="reverse-stress",
    claim="A loss of $5bn to lenders within two years is a tail event.",
    design="Bitcoin, rents, stress of money, and price and date of new classes, jointly normal "
    "over a year (bitcoin's deviation estimated on daily closes, all else believed; change them "
    "in `experiments/questions/reverse_stress.py`); books, beliefs and luck drawn anew in each "
    "run. Subset simulation with independent repeats, from which its error.",
    rule=f"Holds if the chance is surely below {RARE:.0f} %, fails if surely above.",
    headline="chance_5",
    boundary=RARE,
    without="chance_without_5",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "the joint distribution: −15 % a year of rents expected with a deviation of 35 %, "
        "correlated by 0.2 with bitcoin and −0.3 with stress",
        "the network grows by 59 % in the year whatever bitcoin does, as in `joint-crash`",
    ),
    would_change=(
        "another correlation of rents and money",
        "five years instead of two: see `spreads`",
    ),
    objections=(
        "All luck of a run is one more coordinate that moves freely: the likeliest shock is that "
        "of the five drivers, given the luck it met.",
        "The likeliest of those tried is a mild year that met bad luck in books and beliefs: what "
        "all have in common, bitcoin, rents and money one deviation off, tells more.",
    ),
    minutes=20,
)
