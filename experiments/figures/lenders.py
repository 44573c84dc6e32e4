"""Figures of lenders: what they lose, what they are left with, and what they still lend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..look import plots, words
from ..results.facts import number, text
from ..results.results import LOSSES, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results

SOURCE_COLORS = dict(zip(LOSSES, (plots.RED, plots.PURPLE, plots.ORANGE), strict=True))
TELLING = 0.01  # of all losses: what is less is not drawn apart
MOST_BARS = 12
MOST_LENDERS = 9


@plots.styled
def lender_losses(results: Results) -> Figure:
    """Losses by lender and source, in dollars and as a share of its capital."""
    lenders = results.lenders.copy()
    capital = lenders["capital_open_usd"]
    lenders["share"] = lenders["lost_usd"] / capital.where(capital > 0)
    lost = lenders[lenders["lost_usd"] > 0].nlargest(MOST_BARS, "lost_usd")
    if lost.empty:
        return plots.empty_figure(
            "No lender loses anything",
            f"{len(lenders)} lenders hold loans of {words.money(lenders['book_usd'].sum())}.",
        )
    hardest = lenders.iloc[int(lenders["share"].fillna(0.0).to_numpy().argmax())]
    total = sum(results.lost_usd.values())
    telling = [where for where, usd in results.lost_usd.items() if usd >= TELLING * total]
    title = (
        f"Lenders lose {_lost_in_words(results, telling)}; hardest hit: "
        f"{words.short(hardest['name'], 30)}, {words.percent(hardest['share'], 1)} of its capital"
    )
    some = (
        "All" if len(lost) == int((lenders["lost_usd"] > 0).sum()) else f"The {len(lost)} largest"
    )
    sources = (
        {c: SOURCE_COLORS[c] for c, where in LOSSES.items() if where in results.lost_usd}
        if len(telling) > 1
        else {"lost_usd": plots.RED}
    )
    elsewhere = (
        " Other assets lose when they are sold in haste, or by an event from outside."
        if "market_loss_usd" in sources
        else ""
    )
    texts = [
        words.percent(share, 1) + words_of_fate(results, lender, fate)
        for lender, share, fate in rows(lost, "lender", "share", "fate")
    ]
    figure, (dollars, shares) = plots.new_figure(
        title,
        f"{some} losses, net of what has been recovered. Capital is what the lender has put into "
        f"this market.{elsewhere}{settled(results)}",
        plots.Layout(columns=2, height_in=0.29 * len(lost) + 1.0, left_in=2.3),
        sharey=True,
        gridspec_kw={"width_ratios": (1.25, 1), "wspace": 0.12},
    )
    places = np.arange(len(lost))
    for axes, unit, labels, room in (
        (dollars, pd.Series(1e6, lost.index), [words.money(v) for v in lost["lost_usd"]], 1.2),
        (shares, 0.01 * lost["capital_open_usd"], texts, 2.15 if max(map(len, texts)) > 8 else 1.3),
    ):
        left = np.zeros(len(lost))
        for column, color in sources.items():
            wide = (lost[column].clip(lower=0.0) / unit.where(unit > 0)).fillna(0.0).to_numpy()
            where = LOSSES.get(column, "")
            axes.barh(places, wide, left=left, color=color, height=0.66, label=where)
            left += wide
        for row, value, label in zip(places, left, labels, strict=True):
            axes.annotate(
                label, (value, row), (4, 0), textcoords="offset points", va="center", fontsize=8.5
            )
        axes.set_xlim(0, room * max(float(left.max()), 1e-9))
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
    if len(sources) > 1:
        dollars.legend(loc="lower right", frameon=False, fontsize=8.5, title="lost")
    dollars.set_yticks(places, [words.two_lines(name, 30) for name in lost["name"]])
    dollars.tick_params(axis="y", labelcolor=plots.BLACK)
    dollars.invert_yaxis()
    dollars.set_xlabel("loss, USD m")
    plots.thousands(dollars, "x")
    shares.set_xlabel("loss, % of opening capital")
    shares.tick_params(axis="y", labelleft=False)
    return figure


def _lost_in_words(results: Results, telling: list[str]) -> str:
    """All that lenders lose, the share of their capital, and where the ``telling`` parts arise."""
    lost = results.lost_usd
    in_all, of = text(results, "lost_in_all"), text(results, "loss_share_in_all")
    if len(lost) == 1:
        return f"{in_all} on loans ({of} of their capital)"
    in_all += f" ({of} of their capital)"
    parts = [f"{words.money(lost[where])} {where}" for where in telling]
    return f"{in_all}: {words.listed(parts + ['little elsewhere'] * (len(telling) < len(lost)))}"


def settled(results: Results) -> str:
    """A sentence of a subtitle: how final losses on loans are."""
    return f" On loans: {results.settled}." if results.settled else ""


def words_of_fate(results: Results, lender: str, fate: str) -> str:
    """What became of a lender, after its loss: failed, closed, below minimum, or nothing to say."""
    if not fate and lender in (results.summary.get("impaired_lenders") or []):
        fate = "below minimum"
    return f", {fate}" * bool(fate)


def lenders_title(results: Results) -> str:
    """How much credit is left, and how many lenders are hurt."""
    hurt, gone = int(number(results, "lenders_hurt")), int(number(results, "lenders_gone"))
    told = f"Lenders give {text(results, 'credit')} of their usual credit"
    if hurt:
        told += f"; {hurt:,} of {text(results, 'lenders')} {'has' if hurt == 1 else 'have'} lost "
        told += "over a tenth of capital"
    return f"{told}; {words.times(gone, 'lender')} failed or closed" if gone else told


def _has_supply(results: Results) -> bool:
    return "credit_supply" in results.series and "supply" in results.lenders


@plots.styled
def lenders(results: Results) -> Figure:
    """Capital lost, inventory and credit of the lenders hit hardest, and of all over time."""
    if not _has_supply(results):
        return plots.empty_figure("Lenders' credit is not known", "This run recorded none.")
    figure, panels = plots.new_figure(
        lenders_title(results),
        "Left: the lenders that lose most of their capital; bars are losses, black if it failed, "
        "was closed or is below its minimum; in words what it holds in seized hardware and the "
        f"share of its usual credit it gives. Right: all lenders.{settled(results)}",
        plots.Layout(columns=2, height_in=3.6, left_in=2.1, right_in=1.2),
        gridspec_kw={"width_ratios": (1.35, 1), "wspace": 0.25},
    )
    draw_lenders(panels[0], results)
    draw_credit(panels[1], results)
    plots.panel_title(panels[1], "All lenders together")
    return figure


@plots.styled
def draw_lenders(axes: Axes, results: Results, most: int = MOST_LENDERS) -> None:
    """Loss over opening capital of the lenders hit hardest, their inventory and their credit."""
    table = results.lenders.assign(
        share=lambda t: t["lost_usd"] / t["capital_open_usd"].clip(lower=1.0)
    )
    held = table["inventory_usd"] > 1e-4 * table["capital_open_usd"]
    gone = table["fate"] != ""
    table = table[(table["lost_usd"] > 0) | held | gone].nlargest(most, "share")
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel("loss, % of opening capital, up to all of it")
    if table.empty:
        axes.set_yticks([])
        axes.set_xlim(0, 100)
        axes.text(
            0.5, 0.5, "no losses yet", transform=axes.transAxes, ha="center", color=plots.GREY
        )
        return
    places = np.arange(len(table))
    shares = 100 * table["share"].clip(0.0, 1.0)
    broke = (table["fate"] != "") | (table["capital_ratio"] < table["min_capital_ratio"])
    colors = [plots.BLACK if gone else plots.RED for gone in broke]
    axes.barh(places, shares, color=colors, height=0.62)
    columns = ("share", "lost_usd", "inventory_usd", "supply", "fate")
    widest = max(float(shares.max()), 1.0)
    for row, (share, loss, inventory, supply, fate) in enumerate(rows(table, *columns)):
        label = words.money(loss) + f" · {fate}" * bool(fate)
        label += f" · holds {words.money(inventory)}" if inventory >= 5e5 else ""
        label += f" · credit {words.percent(supply)}" if supply < 0.995 and not fate else ""
        at = (100 * min(max(share, 0.0), 1.0), row)
        axes.annotate(label, at, (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, [words.two_lines(name, 24) for name in table["name"]])
    axes.tick_params(axis="y", labelcolor=plots.BLACK)
    axes.set_ylim(max(len(table), 5) - 0.4, -0.6)
    axes.set_xlim(0, 2.3 * widest)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 1.05 * widest])


@plots.styled
def draw_credit(axes: Axes, results: Results) -> None:
    """Credit supply and capital of all lenders, over those of the opening."""
    series = results.series
    x = results.x(series["day"])
    capital = 100 * series["lender_capital_usd"] / series["lender_capital_usd"].iloc[0]
    supply = 100 * series["credit_supply"]
    axes.plot(x, capital, color=plots.PURPLE)
    axes.plot(x, supply, color=plots.BLUE)
    axes.set_ylim(0, 112)
    axes.set_ylabel("% of the opening")
    plots.date_axis(axes, x[0], x[-1], 4)
    ends = [
        (float(capital.iloc[-1]), f"capital {capital.iloc[-1]:.0f}", plots.PURPLE),
        (float(supply.iloc[-1]), f"credit {supply.iloc[-1]:.0f}", plots.BLUE),
    ]
    plots.label_ends(axes, x[-1], ends)
