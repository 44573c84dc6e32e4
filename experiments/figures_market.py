"""Figures of the second-hand market: marks, order book, liquidation, collateral illusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from experiments import style, words
from experiments.results import rows

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.results import Results

SHOWN_CLASSES = ("H100", "H200", "A100", "LT18", "J18_25")
HIGHEST_LTV = 2.5  # of a class; beyond it an arrow
MOST_LTV = 5.0  # of the whole market
MOST_CLASSES = 11
WORTH_NAMING = 0.05  # of all that was on offer, by value
NO_BID = 0.01  # of the mark: below that a bid is none
SEGMENT_COLORS = (
    style.BLUE,
    style.ORANGE,
    style.GREEN,
    style.PURPLE,
    style.SKY,
    style.RED,
    style.GREY,
    style.YELLOW,
)


@style.styled
def marks(results: Results) -> Figure:
    """What lenders' books say a machine is worth, against what auctions cleared at."""
    forced, series = results.forced_trades, results.series
    offered = set(results.offers["hardware"])
    if len(forced):
        title = _marks_title(results)
    elif offered:
        names = [words.hardware(c) for c in results.classes if c in offered]
        title = f"No forced sale clears: {words.listed(names)} are offered in vain"
    else:
        title = "Nothing is sold in distress: marks are not put to the test"
    shown = _shown_classes(results)
    figure, panels = style.new_figure(
        title,
        "Line: mark in lenders' books. Red diamonds: auctions in which seized lots were sold. Grey "
        "dots: ordinary second-hand trade. USD per GPU; USD per TH/s for rigs.",
        rows=2,
        columns=3,
        height_in=4.9,
        left_in=0.7,
        gridspec_kw={"hspace": 0.55, "wspace": 0.3},
        sharex=True,
        notes=True,
    )
    x = results.x(series["day"])
    for axes, hardware in zip(panels, shown, strict=False):
        own = results.trades[results.trades["hardware"] == hardware]
        axes.plot(x, series[f"mark_{hardware}_usd"], color=style.BLUE)
        for is_forced, color, shape, size in (
            (False, style.GREY, "o", 2.6),
            (True, style.RED, "D", 3.8),
        ):
            dots = own[own["forced"] == is_forced]
            x_of = results.x(dots["day"])
            axes.plot(x_of, dots["price_usd"], shape, color=color, ms=size, mew=0, clip_on=False)
        top = max(float(series[f"mark_{hardware}_usd"].max()), float(own["price_usd"].max() or 0.0))
        own = own[own["forced"]]
        note = "never offered in distress"
        if len(own):
            note = f"last forced sale at {words.percent(own['ratio'].iloc[-1])} of mark"
        elif hardware in offered:
            note = "offered, not sold"
        style.panel_title(axes, words.CLASS_TITLES.get(hardware, hardware), note)
        axes.set_ylim(0, 1.08 * top if np.isfinite(top) else None)
        style.thousands(axes)
        style.date_axis(axes, x[0], x[-1], 4)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    return figure


def _marks_title(results: Results) -> str:
    """The usual price of forced auctions over the mark, by family, and what is never sold."""
    forced = results.forced_trades
    rig = forced["hardware"].map(words.is_asic).astype(bool)
    parts = [
        f"{name} at {words.percent(float(own['ratio'].median()))}"
        for name, own in (("GPUs", forced[~rig]), ("rigs", forced[rig]))
        if len(own)
    ]
    usd = _most_offered_usd(results)
    sold = set(forced["hardware"])
    unsold = [c for c in usd if c not in sold and usd[c] >= WORTH_NAMING * sum(usd.values())]
    title = f"Forced auctions clear {' and '.join(parts)} of the mark (median)"
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


def worst_book(results: Results) -> tuple[int, str] | None:
    """Day and class in which most offered value was not wanted; ``None`` if nothing was offered.

    Auctions in which somebody bids go before those without any bid.
    """
    offers = results.offers
    if offers.empty:
        return None
    prices = np.array([results.mark(h, d) for d, h in rows(offers, "day", "hardware")])
    missing = (offers["offered"] - offers["wanted"]).clip(lower=0.0).to_numpy() * prices
    bid = offers["best_usd"].to_numpy() >= NO_BID * prices
    if (missing * bid).max() > 0:  # a book with bids in it tells more
        missing = missing * bid
    offered = offers["offered"].to_numpy() * prices
    if missing.max() < WORTH_NAMING * offered.max():  # about all is wanted: the largest offer then
        missing = offered
    worst = offers.iloc[int(missing.argmax())]
    return int(worst["day"]), str(worst["hardware"])


@style.styled
def order_book(results: Results) -> Figure:
    """The order book of the auction with the largest gap between what is offered and wanted."""
    worst = worst_book(results)
    if worst is None:
        return style.empty_figure(
            "No hardware comes to market", "No order book: nothing was seized or offered for sale."
        )
    day, hardware = worst
    book, offers = results.book, results.offers
    book = book[(book["day"] == day) & (book["hardware"] == hardware) & (book["units"] > 0)]
    offer = offers[(offers["day"] == day) & (offers["hardware"] == hardware)].iloc[0]
    mark = results.mark(hardware, day)
    book = book[(book["side"] == "ask") | (book["price_usd"] >= NO_BID * mark)]
    bids = book[book["side"] == "bid"]
    figure, panels = style.new_figure(
        _book_title(hardware, offer, mark),
        f"Order book of week {words.week(day)}, {words.date(results.date(day))}. Blocks: bids, "
        "best first, as wide as the quantity.",
        columns=max(1, book["place"].nunique()),
        height_in=3.8,
        right_in=2.1,
        sharey=True,
    )
    segments = list(
        bids.groupby("segment")["units"].sum().sort_values(ascending=False, kind="stable").index
    )
    colors = dict(zip(segments, SEGMENT_COLORS * 3, strict=False))
    high = max(mark, float(offer["best_usd"]))
    top = 1.08 * max(high, min(float(book["price_usd"].max()), 2.5 * high))
    for axes, (place, own) in zip(panels, book.groupby("place"), strict=True):
        where = "Sold where it stands" if place == "in place" else "Sold removed"
        where = "Sold from the site" if words.is_asic(hardware) else where
        some = (own["side"] == "ask").any()
        style.panel_title(axes, where if some else f"{where}: nothing on offer")
        _ladder(axes, own, colors)
        axes.axhline(mark, color=style.GREY, ls=(0, (4, 3)), lw=1.2)
        axes.set_xlabel(f"cumulative quantity, {words.unit(hardware)}")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: words.count(value))
        axes.set_ylim(0, top)
        asked = own.loc[own["side"] == "ask", "price_usd"]
        if len(asked) and asked.min() > top:
            note = f"sellers ask {_usd(asked.min())} or more: off the scale"
            axes.text(0.02, 0.94, note, transform=axes.transAxes, fontsize=9)
    panels[0].set_ylabel("USD per TH/s" if words.is_asic(hardware) else "USD per GPU")
    style.thousands(panels[0])
    handles: list[Artist] = [
        Line2D([], [], color=style.GREY, ls=(0, (4, 3)), lw=1.2, label=f"mark {_usd(mark)}"),
        Line2D([], [], color=style.BLACK, lw=2, label="sellers ask at least"),
    ]
    handles += [
        Patch(color=colors[segment], alpha=0.8, label=words.short(words.segment(segment), 24))
        for segment in segments[: len(SEGMENT_COLORS)]
    ]
    panels[-1].legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=8.5,
        handlelength=1.4,
        borderaxespad=0.0,
    )
    return figure


def _usd(value: float) -> str:
    """A price of one unit."""
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def _book_title(hardware: str, offer: pd.Series, mark: float) -> str:
    """Who wants what is on offer, and at which share of the mark."""
    offered, wanted, best = offer["offered"], offer["wanted"], offer["best_usd"] / mark
    name = words.hardware(hardware)
    amount = f"{words.count(offered)} {'TH/s of ' if words.is_asic(hardware) else ''}{name}"
    if best < NO_BID:
        return f"Nobody bids for {amount}"
    if wanted <= 0:
        asked = words.percent(offer["asked_usd"] / mark)
        return f"No deal for {amount}: best bid {words.percent(best)} of the mark, asked {asked}"
    if wanted >= offered:
        return f"There are bids for all {amount}, the best at {words.percent(best)} of the mark"
    in_units = wanted >= 0.01 * offered and not words.is_asic(hardware)
    some = words.count(wanted) if in_units else words.percent(wanted / offered)
    return (
        f"Bids for {some} of {amount} meet the price, the best at {words.percent(best)} of the mark"
    )


def _ladder(axes: Axes, book: pd.DataFrame, colors: dict[str, str]) -> None:
    """Bids as blocks from the best down, asks as a line from the cheapest up."""
    bids = book[book["side"] == "bid"].sort_values("price_usd", ascending=False, kind="stable")
    asks = book[book["side"] == "ask"].sort_values("price_usd", kind="stable")
    edge = 0.0
    if len(bids):
        right = bids["units"].cumsum().to_numpy()
        axes.bar(
            right - bids["units"].to_numpy(),
            bids["price_usd"],
            width=bids["units"],
            align="edge",
            color=[colors[segment] for segment in bids["segment"]],
            alpha=0.8,
            lw=0,
        )
        edge = float(right[-1])
    else:
        axes.text(
            0.5,
            0.25,
            "no bids",
            transform=axes.transAxes,
            ha="center",
            color=style.RED,
            fontsize=14,
        )
    if len(asks):
        right = np.concatenate([[0.0], asks["units"].cumsum().to_numpy()])
        price = asks["price_usd"].to_numpy()
        axes.step(right, np.concatenate([price[:1], price]), where="pre", color=style.BLACK, lw=2)
        edge = max(min(edge, 3 * float(right[-1])), float(right[-1]))
    axes.set_xlim(0, 1.02 * max(edge, 1.0))


@style.styled
def collateral_illusion(results: Results) -> Figure:
    """Loan to value on paper, and if all had to be sold into the book of the day."""
    series = results.series
    paper, real = series["paper_ltv"], series["realisable_ltv"]
    known = paper.notna() & real.notna()
    if not known.any():
        return style.empty_figure(
            "No collateral to value", "No secured loan was outstanding on any day."
        )
    worst = int(real.where(known, -1.0).to_numpy().argmax())
    said, true = words.percent(paper.iloc[worst]), words.percent(real.iloc[worst])
    figure, (over_time, by_class) = style.new_figure(
        f"Loans stand at {said} of collateral on paper, at {true} if all lenders sold at once",
        "Secured loans over the value of their collateral. Blue: at lenders' marks (paper). Red: "
        "all lenders sell all of it at once into the bids of the day. Hollow: each sells alone.",
        columns=2,
        height_in=3.9,
        right_in=1.75,
        gridspec_kw={"width_ratios": (1.15, 1), "wspace": 0.85},
    )
    x = results.x(series["day"])
    highest = max(float(paper[known].max()), float(real[known].max()))
    cap = max(1.05, min(MOST_LTV, 1.1 * highest))
    over_time.plot(x, 100 * paper.clip(upper=cap), color=style.BLUE)
    over_time.plot(x, 100 * real.clip(upper=cap), color=style.RED)
    for ltv, color in ((paper, style.BLUE), (real, style.RED)):
        at = x[worst], 100 * min(float(ltv.iloc[worst]), cap)
        over_time.plot(*at, "o", color=color, ms=5)
        text = words.percent(ltv.iloc[worst])
        if worst > 0.9 * results.last_day:  # the label at the end says it
            continue
        over_time.annotate(
            text, at, (0, 6), textcoords="offset points", ha="center", color=color, fontsize=8.5
        )
    over_time.axhline(100, color=style.GREY, ls=(0, (2, 3)), lw=0.8)
    over_time.set_ylim(0, 100 * cap * 1.08)
    over_time.set_ylabel("loan to value, %")
    style.date_axis(over_time, x[0], x[-1], 5)
    last = int(np.flatnonzero(known)[-1])
    style.label_ends(
        over_time,
        x[-1],
        [
            (
                100 * min(float(ltv.iloc[last]), cap),
                f"{name} {words.percent(ltv.iloc[last])}",
                color,
            )
            for ltv, name, color in (
                (paper, "paper", style.BLUE),
                (real, "all at once", style.RED),
            )
        ],
    )
    style.panel_title(over_time, "All secured loans")
    _ltv_by_class(results, by_class, worst)
    return figure


def _ltv_by_class(results: Results, axes: Axes, worst: int) -> None:
    """Loan to value by collateral on the worst day, and paper collateral over the money bidding."""
    table = results.ltv_by_class(worst).head(MOST_CLASSES)
    if table.empty:
        axes.set_axis_off()
        return
    cap = 100 * HIGHEST_LTV
    ratios = ("paper", "together", "alone", "paper_to_bids")
    for row, (paper, together, alone, bids) in enumerate(rows(table, *ratios)):
        said, sold, apart = (min(100 * ltv, cap) for ltv in (paper, together, alone))
        axes.plot([said, sold], [row, row], color=style.LIGHT, lw=2.5, zorder=1)
        axes.plot([said], [row], "o", color=style.BLUE, ms=6)
        axes.plot([sold], [row], "o" if 100 * together <= cap else ">", color=style.RED, ms=6)
        if 100 * alone <= cap:
            axes.plot([apart], [row], "o", mfc="white", mec=style.RED, mew=1.3, ms=4.2)
        for text, place in (
            (words.percent(together) if together < 100 else "no bids", 1.04),
            (words.multiple(bids), 1.31),
        ):
            axes.text(place, row, text, transform=axes.get_yaxis_transform(), va="center", size=8.5)
    for text, place in (("all at\nonce", 1.04), ("paper ÷\nbids", 1.31)):
        axes.text(
            place, 1.02, text, transform=axes.transAxes, va="bottom", size=8, color=style.GREY
        )
    names = [words.CLASS_TITLES.get(hardware, hardware) for hardware in table.index]
    axes.set_yticks(range(len(table)), names)
    axes.tick_params(axis="y", labelcolor=style.BLACK)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, cap * 1.04)
    axes.axvline(100, color=style.GREY, ls=(0, (2, 3)), lw=0.8)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel("loan to value, %")
    style.panel_title(axes, f"By collateral, {words.date(results.date(table['day'].iloc[0]))}")


@style.styled
def liquidation(results: Results) -> Figure:
    """Hardware seized, sold and still waiting for a buyer, week by week."""
    families = (
        ("GPUs", "gpus_seized", "gpus_sold", "gpus_for_sale"),
        ("TH/s of rigs", "asic_th_seized", "asic_th_sold", "asic_th_for_sale"),
    )
    series = results.series
    if not any(series[column].max() > 0 for family in families for column in family[1:]):
        return style.empty_figure(
            "Nothing is seized, nothing has to be sold", "No lender enforced on hardware."
        )
    phrases = []
    for unit, seized, sold, _ in families:
        if results.final(seized) > 0:
            share = results.final(sold) / results.final(seized)
            phrases.append(f"{words.percent(share)} of {words.count(results.final(seized))} {unit}")
    title = (
        f"Of what was seized, {' and '.join(phrases)} find a buyer"
        if phrases
        else "Distressed owners sell hardware before any is seized"
    )
    figure, panels = style.new_figure(
        title,
        "By week. Grey: seized by lenders or taken into estates so far. Green: sold so far. "
        "Orange: on offer and unsold; the rest is in possession, not yet on the market.",
        columns=2,
        height_in=3.4,
        right_in=1.4,
        gridspec_kw={"wspace": 0.62},
    )
    weekly = series.iloc[::7]
    if weekly.index[-1] != series.index[-1]:
        weekly = pd.concat([weekly, series.iloc[-1:]])
    x = results.x(weekly["day"])
    for axes, (unit, seized, sold, waiting) in zip(panels, families, strict=True):
        style.panel_title(axes, words.capital(unit))
        style.date_axis(axes, x[0], x[-1], 4)
        if weekly[[seized, sold, waiting]].to_numpy().max() <= 0:
            axes.text(
                0.5, 0.5, "none seized", transform=axes.transAxes, ha="center", color=style.GREY
            )
            axes.set_yticks([])
            continue
        axes.fill_between(x, weekly[seized], step="post", color=style.LIGHT, alpha=0.7, lw=0)
        axes.step(x, weekly[seized], where="post", color=style.GREY)
        axes.step(x, weekly[sold], where="post", color=style.GREEN)
        axes.step(x, weekly[waiting], where="post", color=style.ORANGE)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: words.count(value))
        style.label_ends(
            axes,
            x[-1],
            [
                (
                    float(weekly[column].iloc[-1]),
                    f"{name} {words.count(weekly[column].iloc[-1])}",
                    color,
                )
                for column, name, color in (
                    (seized, "seized", style.GREY),
                    (sold, "sold", style.GREEN),
                    (waiting, "on offer", style.ORANGE),
                )
            ],
            size=8.5,
        )
    return figure
