"""Parts of the page of prices that say how sure it is: numbers, what would tell, what pays."""

from __future__ import annotations

import math

from ..look import words
from ..look.pages import table
from . import points
from .answer import INSTRUMENT, Answer, largest_mispricings
from .cohorts import Price
from .deciding import CHANCE, Sensitivity
from .estimators import Estimate
from .savings import mean_over, share_of
from .trials import CELLS, SHARE, WAYS, Trial

BP = 1e4
WAYS_HEAD = (
    "way", "of losses on", "mean before, $m", "after", "variance of the mean before, $m²", "after",
    "variance × time, before over after",
)  # fmt: skip
NAMES = {
    "asic_loan": "loans on rigs",
    "btc_loan": "loans on bitcoin",
    "convertible": "convertibles",
    "gpu_loan": "GPU loans, DDTLs",
    "high_yield": "high-yield bonds",
    "other": "other unsecured debt",
    "project_finance": "project finance",
    "revolver": "revolvers",
    "vendor": "vendor loans",
}


def grey(text: str, vague: bool) -> str:
    """A number that its interval drowns is greyed: in italics and brackets."""
    return f"<span style='color:grey'>({text})</span>" if vague else text


def bp(value: float) -> str:
    """A spread."""
    return "–" if math.isnan(value) else f"{BP * value:,.0f}"


def with_interval(one: Estimate) -> str:
    """A spread and its interval, greyed where that is wider than the number."""
    if math.isnan(one.value):
        return "–"
    text = f"{bp(one.value)} ({bp(one.low)} to {bp(one.high)})"
    return grey(text, one.is_vague)


def would_tell(found: Answer, one: Price) -> str:
    """How many runs would tell over- from underpriced, and which facts would."""
    estimate = one.break_even
    half = 0.5 * (estimate.high - estimate.low)
    off = abs(one.mispricing)
    said = f"{bp(one.contract)} against {with_interval(estimate)}. "
    if math.isfinite(half) and off > 0.0:
        runs = len(found.panel.weight) * (half / off) ** 2
        said += (
            f"About {words.times(max(10, 10 * round(runs / 10)), 'run')} would, if the mean stays"
        )
    else:
        said += "More runs would"
    facts = [fact for fact in found.deciding if fact.cohort == one.name]
    telling = [fact for fact in facts if fact.tells]
    if telling:
        return f"{said}; so would knowing {'; or '.join(map(_fact, telling))}."
    if facts:
        return f"{said}; no one fact would, it moves most with {_fact(facts[0])}."
    return f"{said}; no one fact is seen to move it."


def _fact(one: Sensitivity) -> str:
    name = f"`{one.fact}`" if "." in one.fact else one.fact
    low, high = one.states
    return f"{name} ({bp(one.low.value)} bp {low}, {bp(one.high.value)} {high})"


def savings_lines(found: Answer) -> list[str]:
    """What ways to reduce variance pay: on these runs, and where they were tried."""
    rows = [
        [one.way, one.what, f"{one.mean_before / 1e6:,.0f}", f"{one.mean_after / 1e6:,.0f}",
         f"{one.before / 1e12:,.0f}", f"{one.after / 1e12:,.0f}", f"{one.gain:.2f}"]
        for one in found.savings
    ]  # fmt: skip
    lines = [
        "## Variance", "",
        "A way pays where the last column is above one. On the runs of this page, at no cost of "
        "time. They have the first. The second would need a mean of its own for one accident in "
        "many runs. The third says what Sobol points with a Brownian bridge for bitcoin, demand "
        "and money could take out, as far as losses are linear in the first four coordinates of "
        "each path.", "",
        *table(WAYS_HEAD, rows), "",
    ]  # fmt: skip
    ways = [one for one in found.trials if not one.way.startswith(SHARE)]
    if not ways:
        return lines
    runs = max(one.runs for one in ways)
    lines += [
        f"Tried on an ensemble of its own (`trials.csv`, {runs} runs), against as many runs with "
        "seeds of their own in each cell, as many in all cells. The same seeds in all cells are "
        "kept for differences between two runs of one world (memos, policies), and nowhere here. "
        "Splitting is not built: it would pay where luck after half-way is most of the variance.",
        "",
        *table(WAYS_HEAD, trial_rows(ways)), "",
    ]  # fmt: skip
    lines += [*same_mean(found), *points_lines(found)]
    shares = [one for one in found.trials if one.way.startswith(SHARE)]
    rows = [
        [one.way.removeprefix(SHARE), one.what,
         f"{one.before:.2f} ({one.low:.2f} to {one.high:.2f})"]
        for one in shares
    ]  # fmt: skip
    return [
        *lines,
        "Where the variance comes from, in the ordinary cell: what is lost if one source alone is "
        "drawn anew. Sources act together, so that shares may add up to more than one.", "",
        *table(("source", "of losses on", "total share of the variance"), rows), "",
    ]  # fmt: skip


def same_mean(found: Answer) -> list[str]:
    """Whether seeds of their own give the mean that the same seeds in all cells gave."""
    tried = next((one for one in found.trials if one.way == WAYS["same"]), None)
    if tried is None or not set(CELLS) <= {cell.name for cell in found.grid.cells}:
        return []
    mean, error = mean_over(found.panel, CELLS)
    if math.isnan(mean):
        return []
    then = math.sqrt(tried.after)
    off = abs(1e-6 * mean - tried.mean_after_musd) / math.hypot(1e-6 * error, then)
    return [
        f"The mean is left: over the cells tried losses on all loans are "
        f"${tried.mean_after_musd:,.0f}m with the same seeds (standard error {then:,.0f}) and "
        f"${1e-6 * mean:,.0f}m on the runs of this page ({1e-6 * error:,.0f}), {off:.1f} standard "
        "errors apart.", "",
    ]  # fmt: skip


def trial_rows(trials: list[Trial]) -> list[list[str]]:
    """What ways pay where they were tried, with intervals."""
    return [
        [one.way, one.what, f"{one.mean_before_musd:,.0f}", f"{one.mean_after_musd:,.0f}",
         f"{one.before:,.0f}", f"{one.after:,.0f}",
         f"{one.gain:.2f} ({one.low:.2f} to {one.high:.2f})"]
        for one in trials
    ]  # fmt: skip


def points_lines(found: Answer) -> list[str]:
    """What even points pay in the ordinary cell, and would pay over a grid that has it."""
    made = found.points
    if not made.rows:
        return []
    trials, alone = points.trials_of(made), len(made.losses(points.ALONE))
    sets = trials[0].runs // points.RUNS
    off = max(points.off_by(one, alone) for one in trials)
    return [
        f"Even points, tried in the ordinary cell (`points.csv`): {sets} sets of {points.RUNS} "
        "runs each way, as many as a block of the grid has of that cell, every set scrambled "
        f"anew; against {alone} runs with seeds of their own. A Sobol point says how far "
        "bitcoin, demand and money have come at the end, half-way and at both quarters (a Brownian "
        "bridge), and a seed draws the rest; by a Latin hypercube each belief and each uncertain "
        "cell of the books lies once in each sixteenth. Both cost no time. Every run keeps its "
        f"law; of these {len(trials)} means none is more than {off:.1f} standard errors off.", "",
        *table(WAYS_HEAD, trial_rows(trials)), "",
        *_over_the_grid(found, trials[0]),
    ]  # fmt: skip


def _over_the_grid(found: Answer, tried: Trial) -> list[str]:
    """A cell is a part of the variance; the other ones have too few runs for points."""
    part = share_of(found.panel, CELLS[0])
    if math.isnan(part) or not set(CELLS) <= found.grid.weights().keys():
        return []
    value, low, high = (
        1.0 / (1.0 - part + part / one) for one in (tried.gain, tried.low, tried.high)
    )
    return [
        f"That cell has {100 * part:.0f} % of the variance of the mean loss on {tried.what} over "
        f"this grid. Points for its paths would be worth {value:.2f} ({low:.2f} to {high:.2f}) "
        "there.", "",
    ]  # fmt: skip


def sensitive_lines(found: Answer) -> list[str]:
    """Which beliefs the two largest mispricings follow."""
    largest = largest_mispricings(found.prices[INSTRUMENT])
    if not largest:
        return []
    names = [NAMES.get(one.name, one.name) for one in largest]
    runs = int((found.panel.weight > 0.0).sum())
    lines = [
        "## What the two largest mispricings depend on", "",
        f"By dollars a year: {' and '.join(names)}. Rank correlation of the spread with where a "
        f"belief lies, within cells, over {runs} runs; of some 150 beliefs one may come near "
        f"{CHANCE / math.sqrt(runs):.2f} by chance, and weaker ones are left out.", "",
    ]  # fmt: skip
    if not found.sensitivities:
        return [*lines, "None is stronger: more runs would show one, if there is one.", ""]
    rows = [
        [NAMES.get(one.cohort, one.cohort), f"`{one.fact}`", f"{one.correlation:+.2f}",
         with_interval(one.low), with_interval(one.high)]
        for one in found.sensitivities
    ]  # fmt: skip
    head = ("loans", "belief", "rank correlation", "break-even in its lowest third, bp", "highest")
    return [*lines, *table(head, rows), ""]
