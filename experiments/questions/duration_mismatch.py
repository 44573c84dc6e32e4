"""How long may a loan on machines run? Tenor, fall of rents and contract cover, by class.

firesale experiment duration-mismatch --quick
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.measure import drawn_tables, settled, told
from ..answers.question import Question
from .probe import Fate, Probe, covered_debt_usd, fates, second_hand_usd, with_probes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..answers.study import Study
    from ..sweeps.execute import Outcome

RENTS = "compute.rent_change_per_year"
FALLS = (0.0, 0.2, 0.3, 0.4)
QUICK_FALLS = (0.0, 0.3)
CLAIMED = (0.2, 0.4)  # falls a year of the claim
MIDDLE = 0.3
TENORS = (1.5, 3.0, 5.0, 7.0, 10.0)
SHORT, LONG = 1.5, 10.0  # years: the product and the mortgage of the claim
COVERS = (0.0, 0.5, 1.0)
HALF = 0.5
CLASSES = ("H100", "B200", "GB300")
YEARS = 10
GPUS, ADVANCE, COVERAGE, RATE = 64, 0.80, 1.3, 0.09
PRICE, DSCR = f"{ADVANCE:.0%} of price", f"DSCR {COVERAGE:g}"
SIZES = (PRICE, DSCR)
MOST_LOSS_BP = 200.0  # a year of the balance
DRAWS, QUICK_DRAWS = 24, 8


def name_of(hardware: str, tenor: float, cover: float, size: str = PRICE) -> str:
    """Of a probe, and of its columns."""
    name = f"{hardware}-{tenor:g}y-{cover:.0%}{'' if size == PRICE else '-dscr'}"
    return name.replace(".", "_").replace("%", "")


def probes(books: Books, rent_change_per_year: float) -> tuple[Probe, ...]:
    """Small operators for each class, tenor and cover: too small to move anything.

    One borrows a share of what its machines fetch, one no more than its cash flow covers if rents
    change as its lender expects.
    """
    found = []
    for h, t, c in itertools.product(CLASSES, TENORS, COVERS):
        one = Probe(name_of(h, t, c), h, GPUS, ADVANCE, round(365.25 * t), rate=RATE, cover=c)
        covered = covered_debt_usd(books, one, rent_change_per_year, COVERAGE)
        advance = min(ADVANCE, covered / (second_hand_usd(books, h) * GPUS))
        found += [one, replace(one, name=name_of(h, t, c, DSCR), advance=advance)]
    return tuple(found)


def balance_years(tenor_years: float, until_years: float, rate: float = RATE) -> float:
    """Years of the amount lent that an annuity has outstanding until a day, on schedule.

    The integral of its balance over what was lent; to the end of its tenor, its average life.
    """
    until = min(until_years, tenor_years)
    left, whole = math.exp(-rate * (tenor_years - until)), math.exp(-rate * tenor_years)
    return (until - (left - whole) / rate) / (1.0 - whole)


def lend(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run with all probes in it: loss on each in % of what was lent, and years outstanding.

    Lenders that size by cash flow know by how much rents will fall at planned supply.
    """
    scenario, tables = drawn_tables(scenario, seed, scores, books)
    tested = probes(tables, scenario.compute.rent_change_per_year)
    simulation = settled(scenario, seed, {}, with_probes(tables, tested))
    found: dict[str, Any] = {}
    of = fates(simulation, tested)
    for probe in tested:
        fate: Fate = of[probe.name]
        until = fate.day if fate.defaults else scenario.days
        found[probe.name] = {
            "loss": 100.0 * fate.loss_share,
            "default": 100.0 * float(fate.defaults),
            "years": balance_years(probe.tenor_days / 365.25, until / 365.25),
            "advance": 100.0 * probe.advance,
        }
    return told(simulation, found)


def spread_bp(loss: NDArray[Any], years: NDArray[Any]) -> NDArray[Any]:
    """What a lender must ask a year to be paid for its losses, by draw [bp of the balance].

    Their mean is mean loss [% of what was lent] over mean years outstanding; they spread as that
    ratio does (delta method).
    """
    if len(loss) == 0:
        return loss
    ratio = loss.mean() / years.mean()
    found: NDArray[Any] = 100.0 * (ratio + (loss - ratio * years) / years.mean())
    return found


def study(study: Study) -> Finding:
    """The whole design."""
    import numpy as np

    from ..answers.estimates import mean, percent, values

    falls = QUICK_FALLS if study.quick else FALLS
    draws = study.draws(QUICK_DRAWS, DRAWS)
    plan = {
        "scenario": "rental-deflation",
        "settings": {"days": 365 * YEARS, "entry.on": True},
        "resolve": False,
        "replicates": draws,
        "design": {"method": "list"},
    }
    of_fall = {
        fall: study.runs(
            f"fall-{100 * fall:.0f}", plan | {"factors": {RENTS: {"values": [-fall]}}}, lend
        )
        for fall in falls
    }

    def spread(
        rows: pd.DataFrame, tenor: float, cover: float, size: str, of: tuple[str, ...] = CLASSES
    ) -> NDArray[Any]:
        """By draw, of the mean loan of some classes."""
        names = [name_of(h, tenor, cover, size) for h in of]
        loss = np.mean([values(rows, f"{name}.loss") for name in names], axis=0)
        return spread_bp(loss, np.mean([values(rows, f"{name}.years") for name in names], axis=0))

    rows: list[tuple[Any, ...]] = []
    for fall, mine in of_fall.items():
        for size, h, cover, tenor in itertools.product(SIZES, CLASSES, COVERS, TENORS):
            name = name_of(h, tenor, cover, size)
            rows.append(
                (100.0 * fall, size, h, 100.0 * cover, tenor,
                 _positive(mean(spread(mine, tenor, cover, size, (h,)), "bp")),
                 percent(values(mine, f"{name}.loss")), percent(values(mine, f"{name}.default")),
                 float(values(mine, f"{name}.advance").mean()))
            )  # fmt: skip
    middle, flat = of_fall[MIDDLE], of_fall[0.0]
    stands = middle[middle["largest_fails"] == 0.0]

    def more(rows: pd.DataFrame, cover: float, size: str) -> Number:
        """What ten years need beyond eighteen months."""
        return mean(spread(rows, LONG, cover, size) - spread(rows, SHORT, cover, size), "bp")

    numbers = {
        "more": more(middle, HALF, DSCR),
        "more_largest_stands": more(stands, HALF, DSCR),
        "more_covered": more(middle, 1.0, DSCR),
        "more_flat": more(flat, HALF, DSCR),
        "more_price": more(middle, HALF, PRICE),
        "long": _positive(mean(spread(middle, LONG, HALF, DSCR), "bp")),
        "long_price": _positive(mean(spread(middle, LONG, HALF, PRICE), "bp")),
        "short": _positive(mean(spread(middle, SHORT, HALF, DSCR), "bp")),
        "short_price": _positive(mean(spread(middle, SHORT, HALF, PRICE), "bp")),
    }
    excess = []
    for size, cover, fall in itertools.product(SIZES, COVERS, falls):
        cells = []
        for tenor in TENORS:
            lost = spread(of_fall[fall], tenor, cover, size)
            base = spread(flat, tenor, cover, size) if fall else 0.0
            one = mean(lost - base, "bp")
            cells.append(one if fall else _positive(one))
        excess.append((size, 100.0 * cover, 100.0 * fall, *cells))
    safe = [
        (100.0 * fall, h, *(longest_safe(rows, (100.0 * fall, size, h, 100.0 * c))
                            for size in SIZES for c in COVERS))
        for fall in falls for h in CLASSES
    ]  # fmt: skip
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "safe": Table(
                "Longest tenor of those tried at which the loss is surely below "
                f"{MOST_LOSS_BP:.0f} bp a year of the balance, years, by what sizes the loan and "
                "the share of machines under a four-year contract",
                ("rents fall a year, %", "class",
                 *(f"{size}, {100 * c:.0f} % let" for size in SIZES for c in COVERS)),
                (".0f", "", *["g"] * 6),
                tuple(safe),
            ),
            "spreads": Table(
                "Losses in bp a year of the balance, mean of three classes; with a fall, what it "
                "adds to them under the same draws",
                ("sized by", "under contract, %", "rents fall a year, %",
                 *(f"{t:g} years" for t in TENORS)),
                ("", ".0f", ".0f", *[".0f"] * len(TENORS)),
                tuple(excess),
            ),
            "loans": Table(
                "",
                ("fall", "sized by", "class", "cover", "tenor", "loss a year", "loss", "default",
                 "lent, % of price"),
                (".0f", "", "", ".0f", "g", ".0f", ".1f", ".0f", ".0f"),
                tuple(rows),
            ),
        },
        draws,
    )  # fmt: skip


def _positive(number: Number) -> Number:
    """A loss is none at least."""
    return number._replace(low=max(number.low, 0.0))


def longest_safe(rows: list[tuple[Any, ...]], at: tuple[float, str, str, float]) -> float | None:
    """The longest tenor up to which all loans surely lose less than the most, if there is one.

    Of a fall, a size, a class and a cover.
    """
    longest = None
    for row in sorted((r for r in rows if r[:4] == at), key=lambda r: r[4]):
        if Number(*row[5]).high >= MOST_LOSS_BP:
            break
        longest = row[4]
    return longest


def verdict(found: Finding) -> str:
    """Over loans of ten years sized by cash flow, in the claimed range of falls."""
    return verdicts.over(
        verdicts.above(Number(*row[5]), MOST_LOSS_BP)
        for row in found.tables["loans"].rows
        if row[1] == DSCR and row[4] == LONG and 100 * CLAIMED[0] <= row[0] <= 100 * CLAIMED[1]
    )


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    rows = [row for row in found.tables["safe"].rows if row[0] == 100 * MIDDLE]
    first = 2 + len(COVERS)

    def years(place: int) -> str:
        known = [row[place] or 0.0 for row in rows]
        low, high = min(known), max(known)
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    return (
        "With rents falling 30 % a year and half of the machines under a four-year contract, a "
        f"loan of ten years that cash flow covers {COVERAGE:g} times needs "
        f"{n['more'].text('+.0f')} a year beyond one of eighteen months to pay for its losses "
        f"({n['long'].text('.0f')} against {n['short'].text('.0f')}), "
        f"{n['more_covered'].text('+.0f')} with all of them under contract and "
        f"{n['more_flat'].text('+.0f')} with flat rents. Loans of {100 * ADVANCE:.0f} % of the "
        f"price lose {n['long_price'].text('.0f')} over ten years and "
        f"{n['short_price'].text('.0f')} over "
        f"eighteen months. Tenors safe at {MOST_LOSS_BP:.0f} bp, sized by cash flow: "
        f"{years(first)} years without contracts, {years(first + 1)} half covered, "
        f"{years(first + 2)} covered, by class (0: not even eighteen months)."
    )


def draw(found: Finding) -> Figure:
    """Phase diagrams, fall by tenor, the mean over classes, half and all under contract."""
    from ..answers.draw import Phase, Text, phase

    panels = {}
    rows = found.tables["loans"].rows
    falls = tuple(dict.fromkeys(row[0] for row in rows))
    shown = ((PRICE, HALF, "half let"), (DSCR, HALF, "half let"), (DSCR, 1.0, "all let"))
    for size, cover, let in shown:
        cells = {}
        for fall, tenor in itertools.product(falls, TENORS):
            of = [
                Number(*row[5]) for row in rows
                if (row[0], row[1], row[3], row[4]) == (fall, size, 100 * cover, tenor)
            ]  # fmt: skip
            cells[f"{tenor:g}", f"{fall:.0f}"] = _mean(of)
        panels[f"{size}, {let}"] = Phase(
            [f"{t:g}" for t in TENORS], [f"{f:.0f}" for f in falls], cells, MOST_LOSS_BP, ".0f"
        )
    n = found.numbers
    title = (
        f"Where rents fall 30 % a year a ten-year loan needs {n['more'].value:+.0f} bp a year "
        "beyond one of eighteen months"
    )
    return phase(
        Text(title, f"Losses, bp a year of the balance, mean of {', '.join(CLASSES)}; red: surely "
             f"above {MOST_LOSS_BP:.0f}, blue: surely below, in all classes", "tenor, years",
             "rents fall a year, %"),
        panels,
    )  # fmt: skip


def _mean(numbers: list[Number]) -> Number:
    """Mean over classes; as sure as the least sure of them."""
    value = sum(n.value for n in numbers) / len(numbers)
    return Number(value, min(n.low for n in numbers), max(n.high for n in numbers), "bp")


QUESTION = Question(
    name="duration-mismatch",
    claim="Loans of five to ten years finance a product of eighteen months: tenors outlive the "
    "rent that should repay them.",
    design=f"Small test operators of {GPUS} GPUs, each with one annuity at {100 * RATE:.0f} % and "
    f"a DSCR covenant of 1.15: {100 * ADVANCE:.0f} % of what its machines fetch, or no more than "
    f"cash flow covers {COVERAGE:g} times on average over the tenor, at contract rent, then at "
    "spot rent that falls as planned. Part of the machines are let for four years to a rated "
    f"tenant. Rents at planned supply fall 0 to 40 % a year for {YEARS} years; new classes come on "
    "their dates, firms enter. Losses are set against the balance outstanding year by year, so "
    "that tenors compare.",
    rule=f"Holds for a loan if the interval of its mean loss lies above {MOST_LOSS_BP:.0f} bp a "
    "year of the balance (5 % of what was lent over five years), fails below; over loans of ten "
    "years sized by cash flow, falls of 20 to 40 %, all classes and covers.",
    headline="more",
    boundary=0.0,
    without="more_largest_stands",
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
        "Loans of 80 % of the price are of one size whatever the tenor: at 18 months a GB300 owes "
        "more a year than it earns with flat rents. There a loss is one of underwriting, not of "
        "mismatch; loans sized by cash flow leave mismatch alone.",
        "Cash flow covers loans on average over their lives; those of ten years fail once "
        "contracts are over. A lender that asks for as much cover in each year lends next to "
        "nothing over ten years where rents fall.",
        "In all draws with a fall the largest borrower fails within ten years, so what it does to "
        "these loans cannot be told.",
        "A lender that sizes by cash flow knows here by how much rents fall at planned supply; it "
        "does not see new firms, new classes and luck.",
        "Where no draw loses, an interval has no width: 24 draws without a loss leave a chance of "
        "up to 14 % of one.",
    ),
    minutes=4,
)
