"""What rigs and bitcoin did in the replays, beside what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..look import plots, words
from .observe import ALL, LISTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from .picture import Picture, middle

FACTOR = 1.5


@plots.styled
def rig_price(picture: Picture) -> Figure:
    """The path of the rig price with its band, and the level where it is known."""
    found, known = picture.found, picture.known.rig_prices
    path = found.price_usd
    lines = {line["month"]: line for line in picture.score["asic_price"]["months"]}
    end = lines.get("2022-12")
    title = "The price of new-generation rigs, out of the model's own auctions"
    if end:
        title = (
            f"Rigs end 2022 at ${end['median']:.0f} per TH; they were at ${end['known']:.0f}: "
            f"off by a factor {end['factor']:.1f}"
        )
    figure, (axes,) = plots.new_figure(
        title,
        f"Rigs of 25 to 38 J/TH, mean of the month: median and 10 to 90 % of "
        f"{words.times(found.runs, 'run')}; "
        f"diamonds: known, with a factor {FACTOR:g} either way",
        plots.Layout(right_in=0.6),
    )
    x = [middle(month) for month in found.months]
    axes.fill_between(x, path.low, path.high, color=plots.BLUE, alpha=0.2, linewidth=0)
    axes.plot(x, path.median, color=plots.BLUE)
    for month, level in known.items():
        spot = middle(month)
        axes.plot([spot, spot], [level / FACTOR, level * FACTOR], color=plots.BLACK, linewidth=1)
        axes.plot(spot, level, "D", color=plots.BLACK, markersize=6, zorder=5)
    axes.set_yscale("log")
    ticks = [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    bottom = min([*path.low, *(level / FACTOR for level in known.values())])
    axes.set_ylim(0.85 * bottom, 1.2 * max([*path.high, *known.values()]) * FACTOR**0.5)
    axes.set_ylabel("USD per TH/s (log scale)")
    plots.date_axis(axes, x[0] - 15, x[-1] + 15, ticks=10)
    return figure


@plots.styled
def btc_sold(picture: Picture) -> Figure:
    """Sales over production by month, of public miners and of all."""
    found, known = picture.found, picture.known.sales_over_production
    share = found.sold_share[LISTED]
    above = [m for m, value in zip(found.months, share.median, strict=True) if value > 1.0]
    title = (
        f"Public miners sell more than they mine in {len(above)} months of {len(found.months) - 1}"
        if above
        else "Public miners never sell more than they mine"
    )
    figure, axes = plots.new_figure(
        title,
        f"BTC sold over BTC mined, by month: median and 10 to 90 % of "
        f"{words.times(found.runs, 'run')}; diamonds: "
        "known",
        plots.Layout(columns=2, height_in=3.6),
    )
    x = np.array([middle(month) for month in found.months])
    for panel, group, name in ((axes[0], LISTED, "Public miners"), (axes[1], ALL, "All miners")):
        rows = found.sold_share[group]
        low, mid, high = (np.array(row) for row in (rows.low, rows.median, rows.high))
        kept = np.isfinite(mid)
        panel.fill_between(
            x[kept], low[kept], high[kept], color=plots.ORANGE, alpha=0.3, linewidth=0
        )
        panel.plot(x[kept], mid[kept], color=plots.ORANGE)
        panel.axhline(1.0, color=plots.GREY, linewidth=1, linestyle="--")
        plots.panel_title(panel, name)
        plots.date_axis(panel, x[0] - 15, x[-1] + 15, ticks=6)
        panel.set_ylim(bottom=0)
    spots = [middle(month) for month in known]
    axes[0].plot(spots, list(known.values()), "D", color=plots.BLACK, markersize=5)
    axes[0].set_ylabel("Sold over mined")
    return figure
