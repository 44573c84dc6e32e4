"""Figures of the second-hand market: marks, liquidation, collateral illusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..look import plots, words
from ..results.facts import text, value
from ..results.results import Stock, rows
from .order_book import WORTH_NAMING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results

SHOWN_CLASSES = ("H100", "H200", "A100", "LT18", "J18_25", "J25_38", "J38_60", "GT60")
LINEAR_LTV = 3.0  # of the whole market; beyond it the axis is logarithmic
MOST_LTV = 1e4  # nobody bids: a ratio beyond it is none
SAME = 0.02  # two ratios so near each other need one label
MOST_CLASSES = 11
IN_A_ROW = 3  # panels of marks


@plots.styled
def marks(results: Results) -> Figure:
    """What lenders' books say a machine is worth, against what auctions cleared at."""
    forced = results.forced_trades
    offered = set(results.offers["hardware"])
    if len(forced):
        title = _marks_title(results)
    elif offered:
        names = [words.hardware(c) for c in results.classes if c in offered]
        title = f"No forced sale clears: {words.listed(names)} are offered in vain"
    else:
        title = "Nothing is auctioned in distress: marks are not put to the test"
    shown = _shown_classes(results)
    unit = "USD per GPU; per TH/s for rigs." if results.has_gpus else "USD per TH/s."
    lines = -(-len(shown) // IN_A_ROW)
    figure, panels = plots.new_figure(
        title,
        "Line: mark in lenders' books. Dotted: depreciation schedule. Red diamonds: auctions in "
        f"which seized or listed lots were sold. Grey dots: ordinary trade. {unit}",
        plots.Layout(
            rows=lines, columns=IN_A_ROW, height_in=2.7 * lines - 0.5, left_in=0.7, notes=True
        ),
        gridspec_kw={"hspace": 0.55, "wspace": 0.3},
        sharex=True,
    )
    for axes, hardware in zip(panels, shown, strict=False):
        plots.panel_title(axes, words.class_title(hardware), mark_note(results, hardware))
        draw_mark(axes, results, hardware)
    for axes in panels[max(0, len(shown) - IN_A_ROW) : len(shown)]:  # nothing stands below
        axes.tick_params(labelbottom=True)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    return figure


def mark_note(results: Results, hardware: str) -> str:
    """What became of a class in forced sales, in a few words."""
    own = results.forced_trades
    own = own[own["hardware"] == hardware]
    if len(own):
        last = words.percent(own["ratio"].iloc[-1])
        return f"last forced sale: {last} of mark"
    offered = (results.offers["hardware"] == hardware).any()
    return "offered, not sold" if offered else "never offered in distress"


@plots.styled
def draw_mark(axes: Axes, results: Results, hardware: str) -> None:
    """One class: the mark in lenders' books, its schedule, and what was paid."""
    series = results.series
    x = results.x(series["day"])
    schedule = results.schedule(hardware)
    if schedule is not None:
        axes.plot(x, schedule, color=plots.GREY, lw=1.2, ls=(0, (1.5, 1.5)))
    axes.plot(x, series[f"mark_{hardware}_usd"], color=plots.BLUE)
    own = results.trades[results.trades["hardware"] == hardware]
    for is_forced, color, shape, size in (
        (False, plots.GREY, "o", 2.6),
        (True, plots.RED, "D", 3.8),
    ):
        dots = own[own["forced"] == is_forced]
        x_of = results.x(dots["day"])
        axes.plot(x_of, dots["price_usd"], shape, color=color, ms=size, mew=0, clip_on=False)
    paid = float(own["price_usd"].max()) if len(own) else 0.0
    top = max(float(series[f"mark_{hardware}_usd"].max()), paid)
    axes.set_ylim(0, 1.08 * top if top > 0 else None)
    plots.thousands(axes)
    plots.date_axis(axes, x[0], x[-1], 4)


def _marks_title(results: Results) -> str:
    """What forced auctions bring over the mark, all units of a family, and what is never sold."""
    parts = [
        f"{name} at {text(results, key)}"
        for name, key in (("GPUs", "gpus_at_auction"), ("rigs", "rigs_at_auction"))
        if value(results, key) is not None
    ]
    most = _most_offered_usd(results)
    sold = set(results.forced_trades["hardware"])
    unsold = [c for c in most if c not in sold and most[c] >= WORTH_NAMING * sum(most.values())]
    title = f"Forced auctions clear {' and '.join(parts)} of the mark of the day before"
    if unsold:
        title += f"; no buyer for {words.listed([words.hardware(c) for c in unsold], 3)}"
    return title


def _most_offered_usd(results: Results) -> dict[str, float]:
    """By class, the most ever on offer at once [units], at the opening mark [USD]."""
    most = results.offers.groupby("hardware")["offered"].max()
    return {c: float(most[c]) * results.mark(c, 0) for c in results.classes if c in most}


def _shown_classes(results: Results) -> list[str]:
    """The usual five classes, and the one other of which most value is offered."""
    usual = [c for c in SHOWN_CLASSES if c in results.classes]
    other = [c for c in results.classes if c not in usual]
    value = _most_offered_usd(results)
    extra = max(other, key=lambda c: (value.get(c, 0.0), c == "GB200"), default=None)
    shown = usual if extra is None else [*usual, extra]
    return sorted(shown, key=results.classes.index)


@plots.styled
def collateral_illusion(results: Results) -> Figure:
    """Loan to value as reported, at second-hand prices, and if all had to be sold at once."""
    series = results.series
    real = series["realisable_ltv"]
    known = real.notna()
    if not known.any():
        return plots.empty_figure(
            "No collateral to value", "No secured loan was outstanding on any day."
        )
    worst = int(results.summary["ltv"]["day"])
    figure, (over_time, by_class) = plots.new_figure(
        f"{ltv_title(results, LTVS)} (worst day)",
        "Secured loans over the value of their collateral. Blue: as lenders report it. Orange: at "
        "second-hand prices. Red: one sale of everything at once; purple: within 90 days. Hollow: "
        "each lender sells alone. Last column: second-hand value over money that bids.",
        plots.Layout(columns=2, height_in=3.9, right_in=1.75, gap_in=2.3),
        gridspec_kw={"width_ratios": (1.15, 1)},
    )
    draw_ltv(over_time, results)
    plots.panel_title(over_time, "All secured loans")
    draw_ltv_by_class(by_class, results, worst)
    return figure


LTVS = ("ltv_reported", "ltv_second_hand", "ltv_at_once")
LTVS_TODAY = ("ltv_reported_last", "ltv_second_hand_last", "ltv_at_once_last")


def ltv_title(results: Results, facts: tuple[str, str, str]) -> str:
    """Three loan-to-value ratios of all secured loans, on the day these facts are of."""
    said, traded, sold = (text(results, fact) for fact in facts)
    return (
        f"Loans stand at {said} of collateral as lenders report it, at {traded} second-hand, "
        f"at {sold} if all is sold at once"
    )


LTV_LINES = (
    ("reported_ltv", "reported", plots.BLUE),
    ("second_hand_ltv", "second-hand", plots.ORANGE),
    ("realisable_90_days_ltv", "in 90 days", plots.PURPLE),
    ("realisable_ltv", "all at once", plots.RED),
)


@plots.styled
def draw_ltv(axes: Axes, results: Results) -> None:
    """Loan to value of all secured loans over time: reported, second-hand, in one sale."""
    series = results.series
    known = series["realisable_ltv"].notna()
    worst = int(series["realisable_ltv"].where(known, -1.0).to_numpy().argmax())
    x = results.x(series["day"])
    shown = np.concatenate([series.loc[known, column] for column, *_ in LTV_LINES])
    cap = float(shown[shown < MOST_LTV].max(initial=1.0))
    if cap > LINEAR_LTV:
        low = float(np.clip(shown.min(), 0.01, 1.0))
        axes.set_yscale("log")
        axes.set_yticks(*plots.ratio_ticks(0.8 * low, 1.4 * cap))
        axes.minorticks_off()
        axes.set_ylim(0.8 * low, 1.4 * cap)
    else:
        axes.set_ylim(0, 1.18 * max(cap, 1.0))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:,.0f}")
    for column, _, color in LTV_LINES:
        ltv = series[column]
        axes.plot(x, ltv.clip(upper=cap), color=color)
        if column not in ("reported_ltv", "realisable_ltv"):
            continue
        at = x[worst], min(float(ltv.iloc[worst]), cap)
        axes.plot(*at, "o", color=color, ms=5, clip_on=False)
        if abs(ltv.iloc[worst] / ltv[known].iloc[-1] - 1) < SAME:  # the label at the end says it
            continue
        axes.annotate(
            _written(float(ltv.iloc[worst])),
            at,
            (0, 6),
            textcoords="offset points",
            ha="center",
            color=color,
            fontsize=8.5,
        )
    axes.axhline(1.0, color=plots.GREY, ls=(0, (2, 3)), lw=0.8)
    axes.set_ylabel("loan to value, %")
    plots.date_axis(axes, x[0], x[-1], 5)
    last = int(np.flatnonzero(known)[-1])
    plots.label_ends(
        axes,
        x[-1],
        [
            (
                min(float(series[column].iloc[last]), cap),
                f"{name} {_written(float(series[column].iloc[last]))}",
                color,
            )
            for column, name, color in LTV_LINES
        ],
        size=8.5,
    )


def _written(ltv: float) -> str:
    return words.ltv(ltv) if ltv < MOST_LTV else "no bids"


@plots.styled
def draw_ltv_by_class(axes: Axes, results: Results, worst: int) -> None:
    """Loan to value by collateral on the worst day, and its value over the money bidding."""
    table = results.ltv_by_class(worst).head(MOST_CLASSES)
    if table.empty:
        axes.set_axis_off()
        return
    ratios = ("reported", "second_hand", "together", "alone", "value_to_bids")
    known = table[list(ratios[:4])].to_numpy(float)
    low = 0.8 * float(np.clip(np.nanmin(known), 0.01, 0.5))
    cap = float(known[known < MOST_LTV].max(initial=2.0))
    axes.set_xscale("log")
    for row, (reported, traded, together, alone, bids) in enumerate(rows(table, *ratios)):
        said, used, sold, apart = (
            min(max(ltv, low), cap) for ltv in (reported, traded, together, alone)
        )
        axes.plot([said, sold], [row, row], color=plots.LIGHT, lw=2.5, zorder=1)
        axes.plot([sold], [row], "o" if together <= cap else ">", color=plots.RED, ms=6)
        axes.plot([used], [row], "o", color=plots.ORANGE, ms=6)
        axes.plot([said], [row], "o", color=plots.BLUE, ms=6)
        if alone <= cap:
            axes.plot([apart], [row], "o", mfc="white", mec=plots.RED, mew=1.3, ms=4.2)
        for label, place in (
            (_written(together), 1.04),
            (words.multiple(bids), 1.36),
        ):
            axes.text(
                place, row, label, transform=axes.get_yaxis_transform(), va="center", size=8.5
            )
    for label, place in (("all at\nonce", 1.04), ("value ÷\nbids", 1.36)):
        axes.text(
            place, 1.02, label, transform=axes.transAxes, va="bottom", size=8, color=plots.GREY
        )
    names = [words.class_title(hardware) for hardware in table.index]
    axes.set_yticks(range(len(table)), names)
    axes.tick_params(axis="y", labelcolor=plots.BLACK)
    axes.set_ylim(max(len(table), 4) - 0.5, -0.5)
    axes.set_xticks(*plots.ratio_ticks(low, 1.15 * cap))
    axes.minorticks_off()
    axes.set_xlim(low, 1.15 * cap)
    axes.axvline(1.0, color=plots.GREY, ls=(0, (2, 3)), lw=0.8)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel("loan to value, %")
    plots.panel_title(axes, f"By class, {words.date(results.date(table['day'].iloc[0]))}")


@plots.styled
def liquidation(results: Results) -> Figure:
    """Hardware seized, sold and still waiting for a buyer, week by week."""
    series, families = results.series, results.families
    if not any(series[column].max() > 0 for family in families for column in family[1:]):
        return plots.empty_figure(
            "Nothing is seized, nothing has to be sold", "No lender enforced on hardware."
        )
    phrases = []
    for family in families:
        if results.final(family.seized) > 0:
            share = results.final(family.sold) / results.final(family.seized)
            seized = words.count(results.final(family.seized))
            phrases.append(f"{words.percent(share)} of {seized} {family.unit}")
    title = (
        f"Of what was seized, {' and '.join(phrases)} found a buyer"
        if phrases
        else "Distressed owners sell hardware before any is seized"
    )
    figure, panels = plots.new_figure(
        title,
        "By week. Grey: seized by lenders or taken into estates so far. Green: sold so far. Blue: "
        "no buyer in time, taken in kind by the lender or scrapped. Orange: on offer and unsold; "
        "the rest is held, not on the market.",
        plots.Layout(columns=len(families), height_in=3.4, right_in=1.4),
        gridspec_kw={"wspace": 0.62},
    )
    for axes, family in zip(panels, families, strict=True):
        plots.panel_title(axes, words.capital(family.unit))
        draw_liquidation(axes, results, family)
    return figure


@plots.styled
def draw_liquidation(axes: Axes, results: Results, family: Stock) -> None:
    """One family, by week: units seized, sold, without a buyer and on offer."""
    weekly = results.series.iloc[::7]
    if weekly.index[-1] != results.series.index[-1]:
        weekly = pd.concat([weekly, results.series.iloc[-1:]])
    x = results.x(weekly["day"])
    plots.date_axis(axes, x[0], x[-1], 4)
    if weekly[list(family[1:])].to_numpy().max() <= 0:
        axes.text(0.5, 0.5, "none seized", transform=axes.transAxes, ha="center", color=plots.GREY)
        axes.set_yticks([])
        return
    lines = [
        (family.seized, "seized", plots.GREY),
        (family.sold, "sold", plots.GREEN),
        (family.waiting, "on offer", plots.ORANGE),
    ]
    if results.final(family.ended) > 0:
        lines.append((family.ended, "no buyer", plots.BLUE))
    axes.fill_between(x, weekly[family.seized], step="post", color=plots.LIGHT, alpha=0.7, lw=0)
    for column, _, color in lines:
        axes.step(x, weekly[column], where="post", color=color)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: words.count(value))
    ends = [
        (float(weekly[column].iloc[-1]), f"{name} {words.count(weekly[column].iloc[-1])}", color)
        for column, name, color in lines
    ]
    plots.label_ends(axes, x[-1], ends, size=8.5)
