"""Figures of prices: what contracts pay, what breaks even, what tranches lose and were promised."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..look import plots as style
from .answer import INSTRUMENT, Answer
from .cohorts import Price
from .page import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BP = 1e4
COLORS = {
    "calm": style.SKY,
    "baseline": style.GREEN,
    "crash": style.RED,
    "mixture": style.BLUE,
}
MOST_BP = 2500.0  # of the axis; what lies beyond is written


def shown(found: Answer) -> list[Price]:
    """Groups that a figure has room for."""
    kinds = (INSTRUMENT, "tenants", "named")
    return [
        one
        for kind in kinds
        for one in found.prices.get(kind, [])
        if one.name != "convertible" and one.balance_usd + one.undrawn_usd > 0.0
    ]


@style.styled
def mispricing(found: Answer) -> Figure:
    """Contract, break-even with its interval and the market's quote, by group of loans."""
    prices = shown(found)
    cheap = [one for one in prices if one.verdict == "pays less than it loses"]
    figure, (axes,) = style.new_figure(
        f"Who is paid too little: {len(cheap)} of {len(prices)} groups of loans",
        "Spread above the reference rate, bp: contract, break-even with its 95 % interval "
        "(grey: wider than the number), and what others were quoted.",
        style.Layout(height_in=0.3 * len(prices) + 0.6, left_in=2.6, right_in=0.6),
    )
    quotes: dict[str, list[float]] = {}
    for quote in found.quotes:
        if quote["spread_bp"]:
            quotes.setdefault(quote["compare"], []).append(float(quote["spread_bp"]))
    for place, one in enumerate(reversed(prices)):
        fair = one.break_even
        color = style.GREY if fair.is_vague else style.RED
        ends = [min(BP * x, MOST_BP) for x in (fair.low, fair.value, fair.high)]
        axes.plot([ends[0], ends[2]], [place, place], color=color, lw=2)
        axes.plot(ends[1], place, "o", color=color, ms=5)
        if BP * fair.value > MOST_BP:
            axes.annotate(f"{BP * fair.value:,.0f}", (MOST_BP, place), (4, -3),
                          textcoords="offset points", fontsize=8, color=color)  # fmt: skip
        axes.plot(BP * one.contract, place, "D", color=style.BLUE, ms=5)
        for value in quotes.get(one.name, []):
            axes.plot(value, place, "|", color=style.BLACK, ms=12, mew=1.6)
    axes.set_yticks(range(len(prices)), [NAMES.get(one.name, one.name) for one in reversed(prices)])
    axes.set(xlabel="bp a year", xlim=(-20, MOST_BP * 1.02))
    axes.grid(axis="x")
    _legend(axes, [("D", style.BLUE, "contract"), ("o", style.RED, "break-even"),
                   ("|", style.BLACK, "quoted 2025–26")])  # fmt: skip
    return figure


@style.styled
def tranches(found: Answer) -> Figure:
    """Expected loss of each tranche: outcome against the promise of the copula."""
    pools = found.pools
    senior = [pool.cuts[-1] for pool in pools]
    hit = sum(cut.loss.value > 2.0 * cut.promised_loss + 1e-4 for cut in senior)
    figure, panels = style.new_figure(
        f"Senior tranches of {hit} of {len(pools)} pools lose more than twice what calm "
        "correlation promised",
        "Expected loss, share of the tranche: outcome over all runs with 95 % interval, and the "
        "promise of a one-factor Gaussian copula with the same PDs and LGDs.",
        style.Layout(columns=len(pools), height_in=3.0, gap_in=0.25),
        sharey=True,
    )
    for axes, pool in zip(panels, pools, strict=True):
        for place, cut in enumerate(pool.cuts):
            low, high = cut.loss.value - cut.loss.low, cut.loss.high - cut.loss.value
            axes.bar(place - 0.2, 100 * cut.loss.value, 0.38, color=style.RED,
                     yerr=[[max(100 * low, 0.0)], [max(100 * high, 0.0)]],
                     error_kw={"lw": 1.0, "ecolor": style.BLACK})  # fmt: skip
            axes.bar(place + 0.2, 100 * cut.promised_loss, 0.38, color=style.SKY)
        axes.set_xticks(
            range(len(pool.cuts)),
            [f"{100 * cut.attach:.0f}–{100 * cut.detach:.0f}" for cut in pool.cuts],
            fontsize=7,
        )
        style.panel_title(axes, pool.name)
    panels[0].set_ylabel("% of the tranche")
    _legend(panels[-1], [("s", style.RED, "outcome"), ("s", style.SKY, "promise")])
    return figure


@style.styled
def correlation(found: Answer) -> Figure:
    """Default correlation by pool in calm runs, over all, and in a joint crash."""
    pools = found.pools
    kinds = [kind for kind in COLORS if kind in pools[0].correlations]
    figure, (axes,) = style.new_figure(
        "Defaults hang together more over all that may come than in calm runs",
        "Mean correlation of defaults over pairs of firms of a pool, with 95 % interval.",
        style.Layout(height_in=3.0),
    )
    for shift, kind in enumerate(kinds):
        color = COLORS[kind]
        for place, pool in enumerate(pools):
            one = pool.correlations[kind]
            if math.isnan(one.value):
                continue
            x = place + 0.16 * (shift - 1.5)
            axes.plot([x, x], [one.low, one.high], color=color)
            axes.plot(x, one.value, "o", color=color, ms=5)
    axes.set_xticks(range(len(pools)), [pool.name for pool in pools])
    _legend(axes, [("o", COLORS[kind], kind) for kind in kinds])
    return figure


@style.styled
def fair_odds(found: Answer) -> Figure:
    """The probability of a joint crash at which each contract breaks even."""
    prices = [one for one in shown(found) if not math.isnan(one.fair.value)]
    weight = sum(found.grid.weights()[name] for name in found.grid.joint)
    short = [one for one in prices if one.fair.value < weight]
    figure, (axes,) = style.new_figure(
        f"{len(short)} of {len(prices)} contracts are fair only if a joint crash is less likely "
        f"than {100 * weight:.0f} %",
        "Probability of a joint crash at which a contract breaks even, with 95 % interval: at the "
        "left end it does not even without one, at the right end even in one.",
        style.Layout(height_in=0.3 * len(prices) + 0.6, left_in=2.6),
    )
    for place, one in enumerate(reversed(prices)):
        axes.plot([100 * one.fair.low, 100 * one.fair.high], [place, place], color=style.BLUE)
        axes.plot(100 * one.fair.value, place, "o", color=style.BLUE, ms=5)
    axes.axvline(100 * weight, color=style.RED, ls=(0, (4, 2)), lw=1.2)
    axes.set_yticks(range(len(prices)), [NAMES.get(one.name, one.name) for one in reversed(prices)])
    axes.set(xlabel="%", xlim=(-2, 102))
    axes.grid(axis="x")
    return figure


def _legend(axes: Any, entries: list[tuple[str, str, str]]) -> None:
    for marker, color, label in entries:
        axes.plot([], [], marker, color=color, label=label, ms=6)
    axes.legend(frameon=False, fontsize=8.5, loc="best")


FIGURES = {
    "prices-mispricing.png": mispricing,
    "prices-tranches.png": tranches,
    "prices-correlation.png": correlation,
    "prices-odds.png": fair_odds,
}


def draw(found: Answer, folder: Path) -> None:
    """Write all figures that there is something to draw for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        if name == "prices-odds.png" and not found.grid.joint:
            continue
        if name in ("prices-tranches.png", "prices-correlation.png") and not found.pools:
            continue
        style.save(figure(found), folder / name)
