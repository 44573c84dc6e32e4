"""The figures of a run, in order; here shock and defaults. Titles state the finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ..look import plots, words
from ..results.facts import number, text, value, who_fails
from ..results.results import rows
from .cascade import cascade
from .lender_failure import lender_failure
from .lenders import lender_losses, lenders
from .marks_and_sales import collateral_illusion, liquidation, marks
from .network import network
from .order_book import order_book

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results

KINDS = ("miner", "neocloud")
PRICES = (
    ("btc_usd", "bitcoin", plots.ORANGE),
    ("hashprice_usd_ph_day", "hashprice", plots.BLUE),
    ("rent_h100_usd_h", "H100 rent", plots.GREEN),
)
MOST_NAMES, MOST_CAUSES = 5, 5
CAUSE_COLORS = (plots.BLUE, plots.RED, plots.GREEN, plots.ORANGE, plots.PURPLE, plots.GREY)


@plots.styled
def shock(results: Results) -> Figure:
    """Bitcoin, hashprice and, if there is one, the rent of an H100: 100 at the opening."""
    series = results.series
    btc = series["btc_usd"]
    date, usd = results.lowest_btc
    key, what = ("rent", "the rent of an H100") if results.has_rents else ("hashprice", "hashprice")
    ends = f"{what} ends {words.against(value(results, f'{key}_change'))} its opening"
    random = results.scenario.crypto.path == "random"
    who = "No scripted crash: bitcoin" if random else "Bitcoin"
    last, lowest = (words.against(value(results, fact)) for fact in ("btc_change", "btc_lowest"))
    title = (
        f"{who} ends {last} its opening, at its lowest{'' if last == lowest else f' {lowest}'} "
        f"(${usd:,.0f}, {date:%B %Y}); {ends}"
    )
    if number(results, "btc_lowest") > -0.1:
        deepest = words.percent(max(-number(results, "btc_lowest"), 0.0))
        title = f"No crash: bitcoin is at its lowest {deepest} below its opening; {ends}"
    opening = (
        f"Opening = 100: bitcoin ${btc.iloc[0]:,.0f}, hashprice "
        f"${series['hashprice_usd_ph_day'].iloc[0]:.1f} per PH/s a day"
    )
    if results.has_rents:
        opening += f", H100 ${series['rent_h100_usd_h'].iloc[0]:.2f} an hour"
    opening += "."
    figure, (axes,) = plots.new_figure(title, opening, plots.Layout(height_in=3.6, right_in=1.55))
    draw_prices(axes, results)
    return figure


@plots.styled
def draw_prices(axes: Axes, results: Results) -> None:
    """Prices that the market is hit by, as an index."""
    series = results.series
    x = results.x(series["day"])
    ends = []
    for column, name, color in PRICES if results.has_rents else PRICES[:-1]:
        index = 100 * series[column] / series[column].iloc[0]
        axes.plot(x, index, color=color)
        ends.append((float(index.iloc[-1]), f"{name} {index.iloc[-1]:.0f}", color))
    axes.axhline(100, color=plots.GREY, lw=0.8, ls=(0, (2, 3)), zorder=0)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("index, opening = 100")
    plots.date_axis(axes, x[0], x[-1])
    plots.label_ends(axes, x[-1], ends)


@plots.styled
def defaults(results: Results) -> Figure:
    """Cumulative defaults by cause, miners beside neoclouds, the largest named."""
    failed = results.defaults
    failed = failed[failed["type"].isin(KINDS)]
    if failed.empty:
        population = results.summary["population"]
        who = [words.times(population[kind], kind) for kind in results.borrower_kinds]
        return plots.empty_figure(
            "Nobody defaults",
            f"{words.listed(who)} pay their debts for {words.times(results.last_day, 'day')}.",
        )
    causes = failed.groupby("cause").size().sort_values(ascending=False, kind="stable")
    reasons = [
        f"{words.cause(cause)} ({size})" for cause, size in zip(causes.index, causes, strict=True)
    ]
    few = reasons if len(reasons) <= 3 else [*reasons[:2], f"{len(reasons) - 2} other reasons"]
    verb = "defaults" if len(failed) == 1 else "default"
    title = f"{words.capital(who_fails(results))} {verb}: {words.listed(few)}"
    main = list(causes.index[:MOST_CAUSES])
    failed = failed.assign(why=failed["cause"].where(failed["cause"].isin(main), "other reasons"))
    shown = [*main, *["other reasons"] * (len(causes) > MOST_CAUSES)]
    colors = dict(zip(shown, CAUSE_COLORS, strict=False))
    kinds = [kind for kind in KINDS if (failed["type"] == kind).any()]
    figure, panels = plots.new_figure(
        title,
        "Cumulative number of defaults by the first obligation not met; the largest by debt are "
        "named.",
        plots.Layout(columns=len(kinds), height_in=3.9, right_in=1.75, gap_in=2.1),
    )
    for axes, kind in zip(panels, kinds, strict=True):
        own = failed[failed["type"] == kind]
        whole = own.loc[own["kind"] == "default", "party"]
        again, vehicles = int(whole.duplicated().sum()), len(own) - len(whole)
        title = f"{words.capital(kind)}s: {text(results, f'{kind}s_in_default')} of "
        title += text(results, f"{kind}s")
        if again:
            title += f", {again:,} again later"
        if vehicles:
            title += f", and {words.times(vehicles, 'project vehicle')}"
        plots.panel_title(axes, title)
        _stack_defaults(results, axes, own, [c for c in shown if (own["why"] == c).any()], colors)
    panels[0].set_ylabel("defaults, cumulative")
    return figure


def _stack_defaults(
    results: Results, axes: Axes, failed: pd.DataFrame, causes: list[str], colors: dict[str, str]
) -> None:
    """Steps of cumulative defaults, one band per cause, and the largest numbered and named."""
    days = results.series["day"].to_numpy()
    x = results.x(days)
    counts = np.array(
        [
            np.searchsorted(np.sort(failed.loc[failed["why"] == cause, "day"]), days, side="right")
            for cause in causes
        ]
    )
    axes.stackplot(x, counts, colors=[colors[c] for c in causes], step="post", alpha=0.85, lw=0)
    tops = np.cumsum(counts[:, -1])
    axes.set_ylim(0, 1.6 * tops[-1] + 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    plots.date_axis(axes, x[0], x[-1], 4)
    ends = [
        (top - size / 2, f"{words.cause(cause)} ({size})", colors[cause])
        for cause, top, size in zip(causes, tops, counts[:, -1], strict=True)
    ]
    plots.label_ends(axes, x[-1], ends, size=8)
    largest = failed.nlargest(MOST_NAMES, "debt_usd")
    wide, high = 0.05 * (x[-1] - x[0]), 0.045 * axes.get_ylim()[1]
    taken: list[tuple[float, float]] = []
    columns = ("name", "kind", "day", "debt_usd")
    for place, (name, kind, day, debt) in enumerate(rows(largest, *columns), start=1):
        at = top = (float(results.x(day)), float((failed["day"] <= day).sum()))
        while any(abs(at[0] - x0) < wide and abs(at[1] - y0) < high for x0, y0 in taken):
            at = (at[0], at[1] + high)
        taken.append(at)
        axes.plot(*zip(top, at, strict=True), color=plots.BLACK, lw=0.8, zorder=1.9)
        axes.plot(*at, "o", color="white", mec=plots.BLACK, ms=9, clip_on=False)
        axes.annotate(str(place), at, ha="center", va="center_baseline", fontsize=6.5)
        axes.annotate(
            f"{place}  {words.short(name, 24)} {words.owing(debt)}"
            + ", vehicle" * (kind != "default"),
            (0.03, 1.0 - 0.058 * place),
            xycoords="axes fraction",
            fontsize=8,
        )


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "1-shock": shock,
    "2-defaults": defaults,
    "3-cascade": cascade,
    "4-liquidation": liquidation,
    "5-marks": marks,
    "6-order-book": order_book,
    "7-collateral-illusion": collateral_illusion,
    "8-lender-losses": lender_losses,
    "9-lender-failure": lender_failure,
    "10-lenders": lenders,
    "11-network": network,
}
"""Name of the file, without ``.png``, and who draws it: in the order of the story."""
