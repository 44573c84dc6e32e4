"""How long may a loan on machines run? Tenor, fall of rents and contract cover, by class.

firesale experiment duration-mismatch --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.adaptive import Rounds, undecided
from ..answers.finding import Finding, Number, Table
from ..answers.measure import drawn_tables, settled, told
from ..answers.question import Question
from .probe import Probe, fates, with_probes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

RENTS = "compute.rent_change_per_year"
FALLS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
QUICK_FALLS = (0.0, 0.3)
CLAIMED = (0.2, 0.4)  # falls a year of the claim
MIDDLE = 0.3
TENORS = (1.5, 3.0, 5.0, 7.0, 10.0, 15.0)
LONG = 10.0  # years: the mortgage of the claim
COVERS = (0.0, 0.5, 1.0)
CLASSES = ("H100", "B200", "GB300")
YEARS, QUICK_YEARS = 12, 10
MOST_LOSS = 5.0  # % of what was lent
GPUS, ADVANCE = 64, 0.80


def name_of(hardware: str, tenor: float, cover: float) -> str:
    """Of a probe, and of its columns."""
    return f"{hardware}-{tenor:g}y-{cover:.0%}".replace(".", "_").replace("%", "")


def probes() -> tuple[Probe, ...]:
    """A small operator for each class, tenor and cover: too small to move anything."""
    return tuple(
        Probe(name_of(h, t, c), h, GPUS, ADVANCE, round(365.25 * t), cover=c)
        for h in CLASSES for t in TENORS for c in COVERS
    )  # fmt: skip


def lend(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run with all probes in it: loss on each, in per cent of what was lent."""
    scenario, tables = drawn_tables(scenario, seed, scores, books)
    simulation = settled(scenario, seed, {}, with_probes(tables, probes()))
    found: dict[str, Any] = {}
    for name, fate in fates(simulation, probes()).items():
        found[name] = {"loss": 100.0 * fate.loss_share, "default": float(fate.defaults)}
    return told(simulation, found)


def study(study: Study) -> Finding:
    """The whole design."""
    import numpy as np

    from ..answers.estimates import percent, values

    rounds = Rounds(4, 4, 8) if study.quick else Rounds(8, 8, 48)
    falls = QUICK_FALLS if study.quick else FALLS
    cells = {f"{fall:.0%}": {RENTS: -fall} for fall in falls}
    years = QUICK_YEARS if study.quick else YEARS
    plan = {
        "scenario": "rental-deflation",
        "settings": {"days": 365 * years, "entry.on": True},
        "resolve": False,
    }
    columns = [name_of(h, t, c) for h in CLASSES for t in TENORS for c in COVERS]

    def open_falls(frame: pd.DataFrame) -> list[str]:
        """Falls under which some loan is not decided; a run makes all loans of a fall at once."""
        found = []
        for fall, rows in frame.groupby("cell"):
            of = {name: values(rows, f"{name}.loss") for name in columns}
            if undecided(of, MOST_LOSS, rounds):
                found.append(str(fall))
        return found

    made = study.adaptive("falls", plan, cells, rounds, open_falls, lend)
    rows: list[tuple[Any, ...]] = []
    for fall in falls:
        mine = made[made["cell"] == f"{fall:.0%}"]
        for hardware in CLASSES:
            for cover in COVERS:
                for tenor in TENORS:
                    name = name_of(hardware, tenor, cover)
                    rows.append(
                        (100.0 * fall, hardware, 100.0 * cover, tenor,
                         percent(values(mine, f"{name}.loss")),
                         percent(100.0 * values(mine, f"{name}.default")), float(len(mine)))
                    )  # fmt: skip
    middle = made[made["cell"] == f"{MIDDLE:.0%}"]

    def across(tenor: float, rows: pd.DataFrame, cover: float = 0.5) -> Number:
        of = [values(rows, f"{name_of(h, tenor, cover)}.loss") for h in CLASSES]
        return percent(np.mean(of, axis=0))

    stands = middle[middle["largest_fails"] == 0.0]
    numbers = {
        "long": across(LONG, middle),
        "long_largest_stands": across(LONG, stands),
        "short": across(TENORS[0], middle),
        "long_covered": across(LONG, middle, 1.0),
        "long_flat": across(LONG, made[made["cell"] == "0%"]),
    }
    safe = []
    for fall in falls:
        for hardware in CLASSES:
            safe.append(
                (100.0 * fall, hardware, *(longest_safe(rows, 100.0 * fall, hardware, 100.0 * c)
                                           for c in COVERS))
            )  # fmt: skip
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "safe": Table(
                f"Longest tenor of those tried at which the loss is surely below {MOST_LOSS:.0f} "
                "%, years, by share of machines under a four-year contract",
                ("rents fall a year, %", "class", "no contract", "half", "all"),
                (".0f", "", "g", "g", "g"),
                tuple(safe),
            ),
            "loans": Table(
                "",
                ("fall", "class", "cover", "tenor", "loss", "default", "draws"),
                (".0f", "", ".0f", "g", ".1f", ".0f", ".0f"),
                tuple(rows),
            ),
        },
        rounds.most,
    )


def longest_safe(
    rows: list[tuple[Any, ...]], fall: float, hardware: str, cover: float
) -> float | None:
    """The longest tenor up to which all loans surely lose less than the most, if there is one."""
    longest = None
    for row in sorted((r for r in rows if r[:3] == (fall, hardware, cover)), key=lambda r: r[3]):
        if Number(*row[4]).high >= MOST_LOSS:
            break
        longest = row[3]
    return longest


def verdict(found: Finding) -> str:
    """Over loans of ten years in the claimed range of falls, all classes and covers."""
    return verdicts.over(
        verdicts.above(Number(*row[4]), MOST_LOSS)
        for row in found.tables["loans"].rows
        if row[3] == LONG and 100 * CLAIMED[0] <= row[0] <= 100 * CLAIMED[1]
    )


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    rows = found.tables["safe"].rows
    at = [row for row in rows if row[0] == 100 * MIDDLE]

    def years(place: int) -> str:
        known = [0.0 if row[place] is None else row[place] for row in at]
        low, high = min(known), max(known)
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    return (
        "With rents falling 30 % a year and half of the machines under a four-year contract, a "
        f"loan of ten years loses {n['long'].text('.0f')} of what was lent and one of eighteen "
        f"months {n['short'].text('.1f')}; with all of them under contract ten years cost "
        f"{n['long_covered'].text('.1f')}, and with flat rents {n['long_flat'].text('.1f')}. Safe "
        f"tenors are {years(2)} years without contracts, {years(3)} half covered, {years(4)} "
        "covered, by class (0: not even eighteen months)."
    )


def draw(found: Finding) -> Figure:
    """A phase diagram for each cover: fall by tenor, the mean over classes."""
    from ..answers.draw import Phase, Text, phase

    panels = {}
    rows = found.tables["loans"].rows
    for cover in COVERS:
        mine = [row for row in rows if row[2] == 100 * cover]
        cells = {}
        for fall in dict.fromkeys(row[0] for row in mine):
            for tenor in TENORS:
                of = [Number(*row[4]) for row in mine if (row[0], row[3]) == (fall, tenor)]
                cells[f"{tenor:g}", f"{fall:.0f}"] = _mean(of)
        falls = tuple(dict.fromkeys(f"{row[0]:.0f}" for row in mine))
        title = {0.0: "no contract", 0.5: "half under contract", 1.0: "all under contract"}[cover]
        panels[title] = Phase([f"{t:g}" for t in TENORS], falls, cells, MOST_LOSS, ".0f")
    n = found.numbers
    title = (
        f"A ten-year loan loses {n['long'].value:.0f} % half under contract where "
        f"rents fall 30 % a year, and {n['long_covered'].value:.0f} % wholly under contract"
    )
    return phase(
        Text(title, f"Loss in % of what was lent, mean of {', '.join(CLASSES)}; red: surely above "
             f"{MOST_LOSS:.0f} %, blue: surely below, in all classes", "tenor, years",
             "rents fall a year, %"),
        panels,
    )  # fmt: skip


def _mean(numbers: list[Number]) -> Number:
    """Mean over classes; as sure as the least sure of them."""
    value = sum(n.value for n in numbers) / len(numbers)
    return Number(value, min(n.low for n in numbers), max(n.high for n in numbers), "%")


QUESTION = Question(
    name="duration-mismatch",
    claim="Loans of five to ten years finance a product of eighteen months: tenors outlive the "
    "rent that should repay them.",
    design=f"Small test operators of {GPUS} GPUs, each with one annuity at 9 % of {ADVANCE:.0%} "
    "of what its machines fetch, DSCR covenant 1.15; part of them let for four years to a rated "
    f"tenant, the rest at spot. Rents at planned supply fall 0 to 50 % a year for {YEARS} years "
    f"({QUICK_YEARS} in the quick version); new classes come on their dates, firms enter.",
    rule=f"Holds for a loan if the interval of its mean loss lies above {MOST_LOSS:.0f} % of what "
    "was lent (about what 200 bp a year pay on an annuity of five years), fails below; over "
    "loans of ten years, falls of 20 to 40 %, all classes and covers.",
    headline="long",
    boundary=MOST_LOSS,
    without="long_largest_stands",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "rents and second-hand prices of September 2025, at which an H100 earns its price in less "
        "than two years; an operator that keeps half of what is left over",
        "announced classes to 2027; after that work gets cheaper at a believed rate",
        "a rated tenant that pays to the end of its contract",
    ),
    would_change=(
        "contract rents that are renegotiated when spot halves, also by rated tenants",
        "machines that fail before they are obsolete: none wear out here",
    ),
    objections=(
        "Loans that perform on the last day count as no loss; of those of 15 years that flatters.",
        "All tenors are in one run, so that a fall with one open loan gets another round for all.",
        "Loans are 80 % of the price whatever the tenor: at 18 months a GB300 owes more a year "
        "than it earns with flat rents. There a loss is one of underwriting, not of mismatch.",
        "The boundary is a share of what was lent: 5 % are some 620 bp a year over 18 months and "
        "80 over ten years.",
    ),
    minutes=12,
)
