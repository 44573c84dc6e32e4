"""Figures of a forecast that nothing is known of yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import plots, words
from .picture import Picture, middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .findings import Band

SHOWN_FROM = 0.05  # probability
LARGEST = "CRWV"
PANELS = (
    ("hashprice_usd_ph_day", "Hashprice", "USD per PH/s and day"),
    ("network_eh_s", "Network", "EH/s"),
    ("lt18_used_usd_per_th", "Rigs below 18 J/TH", "USD per TH/s"),
    ("h100_used_usd", "H100, second hand", "USD"),
    ("b200_used_usd", "B200, second hand", "USD"),
    ("btc_held", "Held by listed miners", "BTC"),
)
READING = {
    "who-fails": "Share of runs in which a borrower or lender fails; stroke: its 95 % interval "
    "from the number of runs alone.",
    "months": "Median and 10 to 90 % of runs. Machines: last clearing price of the model's own "
    "auctions.",
    "spreads": "Spread over the reference rate at which notes in funds are marked, end of month.",
}


@plots.styled
def who_fails(picture: Picture) -> Figure:
    """Named borrowers and lenders by probability."""
    found = picture.found
    rows = [
        f
        for f in (*found.borrowers.values(), *found.lenders.values())
        if f.id not in found.small and f.probability.value >= SHOWN_FROM
    ]
    if not rows:
        return plots.empty_figure("Nobody fails in one run of twenty", "There is nothing to draw.")
    rows.sort(key=lambda f: f.probability.value)
    figure, (axes,) = plots.new_figure(
        f"{len(rows)} names fail in one run of twenty or more",
        f"Share of {words.times(found.runs, 'run')}; grey: rows that stand for many",
        plots.Layout(height_in=0.6 + 0.22 * len(rows), left_in=1.6),
    )
    for y, f in enumerate(rows):
        color = plots.GREY if f.stands_for > 1 else plots.BLUE
        axes.barh(y, f.probability.value, color=color, height=0.6)
        axes.plot([f.probability.low, f.probability.high], [y, y], color=plots.BLACK, linewidth=1)
    axes.set_yticks(range(len(rows)), [f.id for f in rows], fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    return figure


@plots.styled
def months(picture: Picture) -> Figure:
    """Six figures by month with their bands."""
    found = picture.found
    shown = [panel for panel in PANELS if panel[0] in found.monthly]
    price = found.monthly["hashprice_usd_ph_day"].median
    figure, axes = plots.new_figure(
        f"Hashprice goes from ${price[0]:.0f} to ${price[-1]:.0f} per PH/s and day",
        f"Median and 10 to 90 % of {words.times(found.runs, 'run')}, by month",
        plots.Layout(rows=2, columns=3, height_in=5.0, gap_in=0.55, notes=True),
    )
    x = [middle(month) for month in found.months]
    for panel, (name, title, unit) in zip(axes, shown, strict=False):
        _draw(panel, x, found.monthly[name])
        plots.panel_title(panel, title, unit)
        plots.date_axis(panel, x[0] - 15, x[-1] + 15, ticks=4)
        panel.set_ylim(0, 1.1 * max(found.monthly[name].high))
    return figure


@plots.styled
def spreads(picture: Picture) -> Figure:
    """Spreads of issuers by month; that of the largest borrower with its band."""
    found = picture.found
    if LARGEST not in found.spreads:
        return plots.empty_figure("No notes of the largest borrower", "There is nothing to draw.")
    mine = found.spreads[LARGEST]
    scaled = type(mine)(*([1e4 * value for value in row] for row in vars(mine).values()))
    figure, (axes,) = plots.new_figure(
        f"CoreWeave's notes: {scaled.median[0]:,.0f} basis points at the opening, "
        f"{scaled.median[-1]:,.0f} at the end",
        "Basis points over the reference rate, end of month; grey: medians of other issuers",
        plots.Layout(height_in=3.8),
    )
    x = [middle(month) for month in found.months]
    for name, of in found.spreads.items():
        if name != LARGEST:
            axes.plot(x, [1e4 * value for value in of.median], color=plots.LIGHT, linewidth=1)
    _draw(axes, x, scaled)
    axes.set_ylim(0, 2.0 * max(value for value in scaled.high if value == value))
    plots.date_axis(axes, x[0] - 15, x[-1] + 15)
    return figure


def _draw(axes: Axes, x: list[float], of: Band) -> None:
    axes.fill_between(x, of.low, of.high, color=plots.BLUE, alpha=0.2, linewidth=0)
    axes.plot(x, of.median, color=plots.BLUE)


FIGURES = {"who-fails": who_fails, "months": months, "spreads": spreads}
