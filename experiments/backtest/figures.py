"""Figures of a back-test: each title states what the figure shows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..look import plots, words
from ..look.intervals import Estimate, exact_interval
from .counterfactuals import AS_IT_WAS, OUTCOMES
from .evaluate import MODEL
from .figures_markets import btc_sold, rig_price
from .findings import Failure
from .picture import Picture, middle, place, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
BINS = 3


@plots.styled
def timeline(picture: Picture) -> Figure:
    """Probability and date of failure of each name, and when it did fail."""
    found, outcomes = picture.found, picture.known.outcomes
    groups = shown(picture)
    rows = [failure for group in groups for failure in group]
    scored = [*groups[0], *groups[1]]
    happened = [f for f in scored if outcomes[f.id].defaulted]
    caught = sum(f.probability.value >= 0.5 for f in happened)
    spared = [f for f in scored if not outcomes[f.id].defaulted]
    alarms = sum(f.probability.value >= 0.5 for f in spared)
    figure, (left, right) = plots.new_figure(
        f"Of {len(happened)} public failures {caught} fail in most runs; so "
        f"{'does' if alarms == 1 else 'do'} {alarms} of {len(spared)} names that did not",
        f"Left: share of {words.times(found.runs, 'run')}; stroke: if later draws are known. "
        "Right: median date, "
        "10 to 90 %; diamond: what happened. Red: failed; blue: did not; grey: not in the tables.",
        plots.Layout(columns=2, height_in=0.5 + 0.235 * len(rows), left_in=1.45, gap_in=0.15),
        sharey=True,
        gridspec_kw={"width_ratios": [1, 3.2]},
    )
    for y, failure in enumerate(rows):
        actual = outcomes.get(failure.id)
        bad = actual is not None and actual.defaulted
        color = plots.GREY if actual is None else plots.RED if bad else plots.BLUE
        value = failure.probability.value
        left.barh(y, value, color=color, height=0.6, alpha=0.85)
        end = value
        if later := picture.later.borrowers.get(failure.id):
            left.plot(later.probability.value, y, "|", color=plots.BLACK, markersize=9)
            end = max(end, later.probability.value)
        left.text(end + 0.06, y, f"{value:.0%}", va="center", fontsize=7.5, color=plots.GREY)
        if failure.days:
            days = [failure.day(level) for level in (0.1, 0.5, 0.9)]
            low, mid, high = (place(found.opening) + day for day in days)
            right.plot([low, high], [y, y], color=color, linewidth=3, alpha=0.35)
            right.plot(mid, y, "o", color=color, markersize=4.5)
        if actual is not None and actual.date is not None and bad:
            right.plot(place(actual.date), y, "D", color=plots.BLACK, markersize=5, zorder=5)
    left.set_yticks(range(len(rows)), [_label(f, picture) for f in rows], fontsize=8)
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlim(0, 1.3)
    left.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    last = found.opening + dt.timedelta(days=found.days)
    plots.date_axis(right, place(found.opening), place(last))
    splits = np.cumsum([len(group) for group in groups])[:-1] - 0.5
    for axes in (left, right):
        axes.grid(False)
        for split in splits:
            axes.axhline(split, color=plots.LIGHT, linewidth=0.8)
    right.grid(True, axis="x")
    return figure


def _label(failure: Failure, picture: Picture) -> str:
    outcome = picture.known.outcomes.get(failure.id)
    mark = "*" if outcome is not None and outcome.borderline else ""
    return f"{failure.id}{mark}" + (" (lender)" if failure.id in picture.found.lenders else "")


@plots.styled
def calibration(picture: Picture) -> Figure:
    """Probabilities against what happened: every scored name, and three groups of them."""
    found, outcomes = picture.found, picture.known.outcomes
    names = [name for name in outcomes if name in found.borrowers]
    said = np.array([found.borrowers[name].probability.value for name in names])
    happened = np.array([outcomes[name].defaulted for name in names])
    brier = picture.score["borrowers"]["with_borderline"]
    model, ratio = brier[MODEL]["brier"], brier["debt_to_liquid_assets"]["brier"]
    figure, (axes,) = plots.new_figure(
        f"Brier score {model['value']:.2f}, that of debt over liquid assets {ratio['value']:.2f}: "
        f"{len(names)} names cannot show calibration",
        "Crosses: share of names that defaulted, by third of the probability, with exact 95 % "
        "interval; dots: the names. On the dashed line forecasts are right on average.",
        plots.Layout(height_in=4.4, left_in=1.6),
    )
    axes.plot([0, 1], [0, 1], "--", color=plots.GREY, linewidth=1)
    group = np.minimum((said * BINS).astype(int), BINS - 1)
    for g in range(BINS):
        mine = group == g
        if not mine.any():
            continue
        hits = int(happened[mine].sum())
        low, high = exact_interval(hits, int(mine.sum()))
        x, y = float(said[mine].mean()), hits / int(mine.sum())
        axes.plot([x, x], [float(low), float(high)], color=plots.BLACK, linewidth=1.2)
        axes.plot(x, y, "x", color=plots.BLACK, markersize=9, markeredgewidth=2, zorder=4)
    deepest = {True: 0, False: 0}
    for outcome, y, color, way in (
        (True, 1.08, plots.RED, 1.0),
        (False, -0.08, plots.BLUE, -1.0),
    ):
        mine = [k for k in np.argsort(said, kind="stable") if happened[k] == outcome]
        heights = _stacked([float(said[k]) for k in mine], 0.085)
        deepest[outcome] = max([0, *heights])
        for k, level in zip(mine, heights, strict=True):
            spot = y + way * 0.085 * level
            axes.plot(said[k], spot, "o", color=color, markersize=5, clip_on=False)
            axes.annotate(
                names[k] + ("*" if outcomes[names[k]].borderline else ""),
                (said[k], spot),
                (5, 0),
                textcoords="offset points",
                fontsize=7.5,
                color=color,
                va="center",
                annotation_clip=False,
            )
    axes.set_xlim(-0.02, 1.1)
    axes.set_ylim(-0.2 - 0.085 * deepest[False], 1.2 + 0.085 * deepest[True])
    axes.set_yticks(
        [-0.08, 0, 0.5, 1, 1.08], ["did not default", "0", "50 %", "100 %", "defaulted"]
    )
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("Probability of default in the model")
    axes.set_ylabel("Share that defaulted")
    return figure


def _stacked(places: list[float], width: float) -> list[int]:
    """For ascending places the level at which a label of that width is free."""
    ends: list[float] = []
    levels = []
    for x in places:
        level = next((i for i, end in enumerate(ends) if x > end), len(ends))
        if level == len(ends):
            ends.append(0.0)
        ends[level] = x + width
        levels.append(level)
    return levels


@plots.styled
def wave(picture: Picture) -> Figure:
    """Defaults of all borrowers by month, the window after the peak, and what happened."""
    found, said = picture.found, picture.score["wave"]
    rows = said["by_month"]
    if not rows:
        return plots.empty_figure("Nobody defaults in any run", "There is no wave to draw.")
    share = said["share_in_window"]
    figure, (axes,) = plots.new_figure(
        f"{100 * share:.0f} % of defaults come 6 to 14 months after the peak of bitcoin; no month "
        f"holds more than {100 * said['largest_month_share']:.0f} %",
        f"Defaults a month, mean of {words.times(found.runs, 'run')}; shaded: 6 to 14 months after "
        "the peak; "
        "diamonds: public defaults of borrowers",
        plots.Layout(height_in=3.6),
    )
    x = [middle(row["month"]) for row in rows]
    everyone = [row["defaults_per_run"] for row in rows]
    named = [row["of_named_borrowers"] for row in rows]
    first, last = (place(dt.date.fromisoformat(day)) for day in said["window"])
    axes.axvspan(first, last, color=plots.LIGHT, alpha=0.6, linewidth=0)
    axes.bar(x, everyone, width=24, color=plots.SKY, label="all borrowers")
    axes.bar(x, named, width=24, color=plots.BLUE, label="of which named")
    top = max(everyone) * 1.12
    for name, outcome in picture.known.outcomes.items():
        if outcome.defaulted and outcome.date and name in found.borrowers:
            axes.plot(place(outcome.date), top, "D", color=plots.BLACK, markersize=5, clip_on=False)
            axes.annotate(
                name,
                (place(outcome.date), top),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
            )
    axes.set_ylim(0, top * 1.12)
    axes.set_ylabel("Defaults a month")
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    plots.date_axis(axes, x[0] - 15, x[-1] + 15, ticks=10)
    return figure


SHOWN_OUTCOMES = ("named", "all", "lenders", "loss_usd_m", "rig_price", "sold_share")
SHORT = {
    "named": "Named",
    "all": "All borrowers",
    "lenders": "Lenders",
    "loss_usd_m": "Loss, $m",
    "rig_price": "Rigs, $/TH",
    "sold_share": "Sold ÷ mined",
}


@plots.styled
def counterfactuals(picture: Picture) -> Figure:
    """Paired differences of each arm to the base, one panel per outcome."""
    compared = picture.compared
    arms = [arm for arm in compared if arm != AS_IT_WAS]
    base = compared[AS_IT_WAS]
    most = max(arms, key=lambda arm: abs(_value(compared[arm]["all"])))
    change = _value(compared[most]["all"])
    figure, axes = plots.new_figure(
        f"Defaults change most with '{most}': {change:+.1f} of {_value(base['all']):.1f} a run",
        "Change against the base, mean over seeds with 95 % interval; the same shocks and draws",
        plots.Layout(
            columns=len(SHOWN_OUTCOMES),
            height_in=0.75 + 0.34 * len(arms),
            left_in=2.05,
            gap_in=0.18,
            notes=True,
        ),
        sharey=True,
    )
    for panel, key in zip(axes, SHOWN_OUTCOMES, strict=True):
        panel.axvline(0.0, color=plots.GREY, linewidth=0.8)
        for y, arm in enumerate(arms):
            estimate = compared[arm][key]
            if not math.isfinite(estimate.value):
                continue
            sure = estimate.low > 0 or estimate.high < 0
            color = plots.RED if sure else plots.GREY
            panel.plot([estimate.low, estimate.high], [y, y], color=color, linewidth=2)
            panel.plot(estimate.value, y, "o", color=color, markersize=4.5)
        mean = _value(base[key])
        plots.panel_title(
            panel, SHORT[key], f"base {mean:,.0f}" if mean >= 100 else f"base {mean:.3g}"
        )
        panel.grid(False)
        panel.grid(True, axis="x")
        panel.locator_params(axis="x", nbins=3)
        panel.tick_params(axis="x", labelsize=7.5)
        panel.set_title(panel.get_title(loc="left"), fontsize=8.5, fontweight="bold", pad=19)
    axes[0].set_yticks(range(len(arms)), arms, fontsize=8.5)
    axes[0].invert_yaxis()
    return figure


def _value(estimate: Estimate) -> float:
    return estimate.value


FIGURES: dict[str, Callable[[Picture], Figure]] = {
    "timeline": timeline,
    "wave": wave,
    "calibration": calibration,
    "rig-price": rig_price,
    "btc-sold": btc_sold,
    "counterfactuals": counterfactuals,
}
READING = {
    "timeline": "A star marks a case on the border. Names whose outcome is not public here are "
    "forecasts like any other; they are not scored.",
    "wave": "A default is the first one of a borrower in a run.",
    "calibration": "Few names make wide intervals.",
    "rig-price": "Last clearing price of the model's own call auctions; before the first trade the "
    "price at which the books open. The known levels are not inputs.",
    "btc-sold": "Sold are own coins, pledged coins that lenders liquidate, and coins of estates.",
    "counterfactuals": "Red: the interval leaves out zero. Outcomes: "
    + "; ".join(OUTCOMES.values())
    + ".",
}


def figures_of(picture: Picture) -> dict[str, Callable[[Picture], Figure]]:
    """What to draw, by name; counterfactuals only where they were run."""
    return {
        name: draw
        for name, draw in FIGURES.items()
        if name != "counterfactuals" or len(picture.compared) > 1
    }
