"""When does a falling cost of compute hurt lenders, and when is it good for them?

firesale experiment rental-deflation --quick
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.adaptive import BELOW, FEWEST, Rounds, side, undecided
from ..answers.finding import Finding, Number, Table
from ..answers.measure import settled, told
from ..answers.question import Question

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

EFFICIENCY, ELASTICITY = "compute.efficiency_growth", "compute.elasticity"
FALLS, QUICK_FALLS = (0.0, 0.2, 0.3, 0.4, 0.6), (0.0, 0.3)
ELASTICITIES, QUICK_ELASTICITIES = (0.5, 0.7, 1.1, 2.0), (0.7, 1.1, 2.0)
CLAIMED = (0.2, 0.4)
MIDDLE, INELASTIC, ELASTIC = 0.3, 0.7, 2.0
YEARS = 5
BILLION = 1e9


def name_of(fall: float, elasticity: float) -> str:
    """Of a cell."""
    return f"{fall:.0%} at {elasticity:g}"


def breaches(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run, and in which year how many neoclouds first break a coverage covenant."""
    import numpy as np

    from ...agents.party import Kind

    simulation = settled(scenario, seed, scores, books)
    market, log = simulation.market, simulation.events()
    ids = np.array(market.names.parties[: market.borrower_count])
    neoclouds = set(ids[market.parties.kind[: market.borrower_count] == Kind.NEOCLOUD])
    mine = log[(log["kind"] == "covenant_breach") & (log["cause"] == "dscr")]
    first = mine[mine["party"].isin(neoclouds)].groupby("party")["day"].min().to_numpy()
    found: dict[str, Any] = {
        f"breach_{year + 1}": float(((first > 365 * year) & (first <= 365 * (year + 1))).sum())
        for year in range(YEARS)
    }
    rent = simulation.series()["rent_h100_usd_h"].to_numpy()
    return told(simulation, found | {"rent": 100.0 * (rent[-1] / rent[0] - 1.0)})


def study(study: Study) -> Finding:
    """The whole design."""
    import pandas as pd

    from ..answers.estimates import change, mean, values

    rounds = Rounds(6, 6, 6) if study.quick else Rounds(FEWEST, 16, 40)
    falls = QUICK_FALLS if study.quick else FALLS
    elasticities = QUICK_ELASTICITIES if study.quick else ELASTICITIES
    plan = {
        "scenario": "baseline",
        "settings": {"days": 365 * YEARS, "entry.on": True},
        "resolve": False,
    }

    def paired(frame: pd.DataFrame, e: float, fall: float, column: str) -> tuple[Any, Any]:
        """A column without a fall and with it, in the draws that both have."""
        flat = frame[frame["cell"] == name_of(0.0, e)].set_index("draw")
        mine = frame[frame["cell"] == name_of(fall, e)].set_index("draw")
        both = mine.index.intersection(flat.index)
        return values(flat.loc[both], column), values(mine.loc[both], column)

    def extra_usd(frame: pd.DataFrame, e: float, fall: float) -> Any:
        """What a fall adds to losses, by draw."""
        before, after = paired(frame, e, fall, "loss")
        return after - before

    def open_cells(e: float, frame: pd.DataFrame) -> list[str]:
        """Cells whose change is not decided, and the flat one that they are compared with."""
        of = {name_of(fall, e): extra_usd(frame, e, fall) for fall in falls[1:]}
        found = undecided(of, 0.0, rounds)
        return [name_of(0.0, e), *found] if found else []

    frames = []
    for e in elasticities:
        cells = {
            name_of(fall, e): {EFFICIENCY: -math.log1p(-fall), ELASTICITY: e} for fall in falls
        }
        frames.append(
            study.adaptive(
                f"elasticity-{100 * e:.0f}", plan, cells, rounds, partial(open_cells, e), breaches
            )
        )
    made = pd.concat(frames, ignore_index=True)
    shown = made[made["shown"]]
    rows, years = [], []
    for e in elasticities:
        for fall in falls:
            mine = shown[shown["cell"] == name_of(fall, e)]
            extra = less = where = None
            if fall:
                where = side(extra_usd(made, e, fall), 0.0, rounds)
                extra = change(*paired(shown, e, fall, "loss"), "$bn", BILLION)
                less = change(*paired(shown, e, fall, "loss_without"), "$bn", BILLION)
            rows.append(
                (100.0 * fall, e, mean(values(mine, "loss"), "$bn", BILLION), extra, less, where,
                 mean(values(mine, "neoclouds")), float(values(mine, "rent").mean()),
                 float((made["cell"] == name_of(fall, e)).sum()))
            )  # fmt: skip
            if fall in (0.0, MIDDLE):
                of = [mean(values(mine, f"breach_{year + 1}")) for year in range(YEARS)]
                years.append((100.0 * fall, e, *of))
    numbers = {
        "extra": change(*paired(shown, INELASTIC, MIDDLE, "loss"), "$bn", BILLION),
        "extra_without": change(*paired(shown, INELASTIC, MIDDLE, "loss_without"), "$bn", BILLION),
        "elastic": change(*paired(shown, ELASTIC, MIDDLE, "loss"), "$bn", BILLION),
        "level": mean(
            values(shown[shown["cell"] == name_of(0.0, INELASTIC)], "loss"), "$bn", BILLION
        ),
    }
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "cells": Table(
                "Lenders' losses by fall of the unit cost of compute and price elasticity of "
                f"demand, by the first {rounds.first} draws, the same in all rows; and on which "
                "side of no change they are, by all draws of the row",
                ("fall a year, %", "elasticity", "lost, $bn", "more than without a fall",
                 "but for the largest borrower", "no change", "neoclouds fail", "H100 rent, %",
                 "draws"),
                (".0f", "g", ".1f", "+.1f", "+.1f", "", ".0f", "+.0f", ".0f"),
                tuple(rows),
            ),
            "years": Table(
                "Neoclouds that break a coverage covenant for the first time, by year",
                ("fall a year, %", "elasticity", *(f"year {year + 1}" for year in range(YEARS))),
                (".0f", "g", *[".1f"] * YEARS),
                tuple(years),
            ),
        },
        rounds.most,
    )  # fmt: skip


def verdict(found: Finding) -> str:
    """Over falls of 20 to 40 % at all elasticities."""
    return verdicts.over(
        verdicts.decided(row[5])
        for row in found.tables["cells"].rows
        if 100 * CLAIMED[0] <= row[0] <= 100 * CLAIMED[1]
    )


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    rows = found.tables["cells"].rows
    good = sorted({row[1] for row in rows if row[5] == BELOW})
    where = "at " + " and ".join(f"{e:g}" for e in good) if good else "surely at none"
    peak = _peak(found)
    return (
        f"A fall of 30 % a year costs lenders {n['extra'].text('+.1f')} more in five years where "
        f"demand is inelastic (0.7), {n['extra_without'].text('+.1f')} without the largest "
        f"borrower, and {n['elastic'].text('+.1f')} where it is elastic (2); of these elasticities "
        f"falls are good for them {where}. Most coverage covenants first break in year {peak}."
    )


def _peak(found: Finding) -> int:
    """The year in which most break, at a fall of 30 % and elasticity of 0.7."""
    row = next(r for r in found.tables["years"].rows if r[:2] == (100 * MIDDLE, INELASTIC))
    counts = [cell[0] for cell in row[2:]]
    return counts.index(max(counts)) + 1


def draw(found: Finding) -> Figure:
    """Extra losses by elasticity, with all loans and without the largest borrower's."""
    from ..answers.draw import Text, intervals

    rows = {
        f"elasticity {row[1]:g}": [Number(*row[3]), Number(*row[4])]
        for row in found.tables["cells"].rows if row[0] == 100 * MIDDLE
    }  # fmt: skip
    n = found.numbers
    title = (
        f"Software that makes work 30 % cheaper a year: lenders lose {_signed(n['extra'])} where "
        f"demand is inelastic, {_signed(n['elastic'])} where it is elastic"
    )
    return intervals(
        Text(title, "Lenders' losses in five years less those without a fall", "$bn"),
        rows, ("all loans", "without the largest borrower"),
    )  # fmt: skip


def _signed(number: Number) -> str:
    """A change of losses in words."""
    return f"${abs(number.value):.1f}bn {'more' if number.value > 0.0 else 'less'}"


QUESTION = Question(
    name="rental-deflation",
    claim="The unit cost of compute falls 20 to 40 % a year, so that the rent behind the debt "
    "shrinks while the debt amortises over years.",
    design="Five years from the books of 2025 with entry; software makes a GPU-hour yield more "
    "work, so that a unit of work costs 20 to 60 % less each year, at price elasticities of demand "
    "on either side of one; new classes come on their dates in all of them. "
    "Each cell is compared with no fall at the same elasticity and under the same draws.",
    rule="Holds in a cell if lenders surely lose more than without a fall, fails if they surely "
    "lose less; over falls of 20 to 40 % at all elasticities.",
    headline="extra",
    boundary=0.0,
    without="extra_without",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "one elasticity of demand for work, which nobody has measured, the same for training and "
        "inference",
        "contracts of the books and when they end; rents of contracts do not move before",
    ),
    would_change=(
        "a measured elasticity: work bought before and after a cut of its price",
        "investment that stops as rents fall: supply answers value over cost with one speed here",
    ),
    objections=(
        "Hardware gets better too, in all cells: a fall of 0 % is that of software alone.",
        "That the sign turns at an elasticity of one is how demand is written; sizes are what is "
        "found. Covenants break without a fall too: it brings them forward.",
    ),
    minutes=8,
)
