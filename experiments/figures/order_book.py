"""The order book of an auction: bids by segment as blocks, what sellers ask as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..look import plots, words
from ..results.results import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results

WORTH_NAMING = 0.05  # of all that was on offer, by value
NO_BID = 0.01  # of the mark: below that a bid is none
LOW_BIDS = 0.2  # of the mark: the panel then shows the bids, not the mark
MOST_SEGMENTS = 8
SEGMENT_COLORS = (
    plots.BLUE,
    plots.ORANGE,
    plots.GREEN,
    plots.PURPLE,
    plots.SKY,
    plots.RED,
    plots.GREY,
    plots.YELLOW,
)


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


@plots.styled
def order_book(results: Results) -> Figure:
    """The order book of the auction with the largest gap between what is offered and wanted."""
    worst = worst_book(results)
    if worst is None:
        return plots.empty_figure(
            "No hardware is auctioned", "No order book: nothing was offered at an auction."
        )
    day, hardware = worst
    figure, panels = plots.new_figure(
        book_title(results, day, hardware),
        f"Order book of week {words.week(day)}, {words.date(results.date(day))}. Blocks: bids, "
        "best first, as wide as the quantity.",
        plots.Layout(columns=book_places(results, day, hardware), height_in=3.8, right_in=2.1),
        sharey=True,
    )
    draw_book(panels, results, day, hardware)
    return figure


def last_book(results: Results, hardware: str) -> int | None:
    """The last day on which the order book of a class was kept; ``None`` if there is none."""
    days = results.book.loc[results.book["hardware"] == hardware, "day"]
    return int(days.iloc[-1]) if len(days) else None


def book_places(results: Results, day: int, hardware: str) -> int:
    """How many panels a book needs: one for machines in place, one for removed ones."""
    return max(1, _book(results, day, hardware)["place"].nunique())


def busiest_place(results: Results, day: int, hardware: str) -> str:
    """Where most is on offer, or else bid for: ``in place`` or ``removed``."""
    book = _book(results, day, hardware)
    units = book.assign(ask=book["side"] == "ask").groupby(["ask", "place"])["units"].sum()
    return str(units.loc[units.index[-1][0]].idxmax()) if len(units) else "removed"


def _book(results: Results, day: int, hardware: str, place: str = "") -> pd.DataFrame:
    """The rows of one book, of one place if it is named, that are worth drawing."""
    book = results.book
    if place:
        book = book[book["place"] == place]
    book = book[(book["day"] == day) & (book["hardware"] == hardware) & (book["units"] > 0)]
    serious = book["price_usd"] >= NO_BID * results.mark(hardware, day)
    return book[(book["side"] == "ask") | serious]


@plots.styled
def draw_book(
    panels: Sequence[Axes], results: Results, day: int, hardware: str, place: str = ""
) -> None:
    """One book, a panel for each place or for the named one, with mark and clearing price."""
    book, mark = _book(results, day, hardware, place), results.mark(hardware, day)
    bids = book[book["side"] == "bid"]
    segments = list(
        bids.groupby("segment")["units"].sum().sort_values(ascending=False, kind="stable").index
    )
    colors = dict(zip(segments, SEGMENT_COLORS * 3, strict=False))
    prices = book["price_usd"]
    best = float(bids["price_usd"].max()) if len(bids) else 0.0
    high = max(best, float(prices.min()) if len(prices) else 0.0)
    if high > LOW_BIDS * mark or high <= 0.0:  # otherwise the mark is far off the scale
        high = max(mark, high)
    top = 1.08 * max(high, min(float(prices.max()) if len(prices) else high, 2.5 * high))
    paid = _paid_usd(results, day, hardware)
    places = [str(at) for at, _ in book.groupby("place") if at in paid.index]
    for axes, (at, own) in zip(panels, book.groupby("place"), strict=False):
        where = "Sold where it stands" if at == "in place" else "Sold removed"
        where = "Sold from the site" if words.is_asic(hardware) else where
        some = (own["side"] == "ask").any()
        plots.panel_title(axes, where if some else f"{where}: nothing on offer")
        _ladder(axes, own, colors)
        axes.axhline(mark, color=plots.GREY, ls=(0, (4, 3)), lw=1.2)
        if at in places:
            axes.axhline(paid[at], color=plots.GREEN, lw=4, alpha=0.55, zorder=1.5)
        axes.set_xlabel(f"cumulative quantity, {words.unit(hardware)}")
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(lambda value, _: words.count(value))
        axes.set_ylim(0, top)
        asked = own.loc[own["side"] == "ask", "price_usd"]
        if len(asked) and asked.min() > top:
            note = f"sellers ask {_usd(asked.min())} or more: off the scale"
            axes.text(0.02, 0.94, note, transform=axes.transAxes, fontsize=9)
    panels[0].set_ylabel("USD per TH/s" if words.is_asic(hardware) else "USD per GPU")
    plots.thousands(panels[0])
    marked = f"mark {_usd(mark)}" + (", off the scale" if mark > top else "")
    handles: list[Artist] = [
        Line2D([], [], color=plots.GREY, ls=(0, (4, 3)), lw=1.2, label=marked),
        Line2D([], [], color=plots.BLACK, lw=2, label="sellers ask at least"),
    ]
    for at in places:
        price = f"clearing price {_usd(paid[at])}" + f" ({at})" * (len(places) > 1)
        handles.append(Line2D([], [], color=plots.GREEN, lw=4, alpha=0.55, label=price))
    handles += [
        Patch(color=colors[segment], alpha=0.8, label=words.short(words.segment(segment), 24))
        for segment in segments[:MOST_SEGMENTS]
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


def _usd(value: float) -> str:
    """A price of one unit."""
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def book_title(results: Results, day: int, hardware: str) -> str:
    """Who wants what is on offer, and at which share of the mark."""
    mark, offers = results.mark(hardware, day), results.offers
    own = offers[(offers["day"] == day) & (offers["hardware"] == hardware)]
    if own.empty:
        bids = _book(results, day, hardware)["price_usd"]
        best = words.percent(float(bids.max()) / mark) if len(bids) else "0 %"
        return f"No {words.hardware(hardware)} are on offer; the best bid is {best} of the mark"
    offer = own.iloc[0]
    offered, wanted, best = offer["offered"], offer["wanted"], offer["best_usd"] / mark
    amount = words.machines(offered, hardware)
    if best < NO_BID:
        return f"Nobody bids for {amount}"
    if wanted <= 0:
        asked = words.percent(offer["asked_usd"] / mark)
        return f"No deal for {amount}: best bid {words.percent(best)} of the mark, asked {asked}"
    paid = _paid_usd(results, day, hardware)  # first what most of the lots on offer were sold for
    if paid.empty:
        return (
            f"No deal for {amount}: bids reach what is asked, the best {words.percent(best)} of "
            "the mark, and nobody takes a lot"
        )
    price = f": sold at {words.percent(paid.iloc[0] / mark)} of the mark"
    if wanted >= offered:
        return f"There are bids for all {amount}{price}"
    in_units = wanted >= 0.01 * offered and not words.is_asic(hardware)
    some = words.count(wanted) if in_units else words.percent(wanted / offered)
    return f"Bids for {some} of {amount} meet the price{price}"


def _paid_usd(results: Results, day: int, hardware: str) -> pd.Series[float]:
    """What a unit cleared at on a day by place, where most lots were sold first."""
    trades = results.trades
    own = trades[(trades["day"] == day) & (trades["hardware"] == hardware)]
    own = own.sort_values("forced_units", ascending=False, kind="stable")
    return own.set_index("place")["price_usd"]


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
            color=plots.RED,
            fontsize=14,
        )
    if len(asks):
        right = np.concatenate([[0.0], asks["units"].cumsum().to_numpy()])
        price = asks["price_usd"].to_numpy()
        axes.step(right, np.concatenate([price[:1], price]), where="pre", color=plots.BLACK, lw=2)
        edge = max(min(edge, 3 * float(right[-1])), float(right[-1]))
    axes.set_xlim(0, 1.02 * max(edge, 1.0))
