"""The page's panels: each a title that states the finding, and a picture of it.

They are drawn by the functions that draw the report, on figures of a panel's size.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...agents.party import Kind
from ..figures import cascade
from ..figures.all import draw_prices
from ..figures.lenders import draw_credit, draw_lenders, lenders_title
from ..figures.marks_and_sales import (
    LTVS_TODAY,
    draw_liquidation,
    draw_ltv,
    draw_ltv_by_class,
    draw_mark,
    ltv_title,
    mark_note,
)
from ..figures.network import draw_network, network_title, places
from ..figures.order_book import book_title, busiest_place, draw_book, last_book
from ..look import plots, words
from ..results.facts import number, text, value
from ..results.network import Standing
from ..results.results import FAMILIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results.network import Network
    from ..results.results import Results

DRAWING = threading.Lock()  # matplotlib's settings are global: one drawing at a time
DPI = 110
WIDE_IN = 9.0
USUAL_CLASS = "H100"
MOST_LINES = 14  # of the cascade


@dataclass(frozen=True)
class Spot:
    """Where a party stands on a picture, in per cent from the upper left corner."""

    party: str
    label: str
    told: str  # the label with numbers
    left: float
    top: float


@dataclass(frozen=True)
class Picture:
    """A drawn panel."""

    title: str
    png: bytes
    spots: tuple[Spot, ...] = ()

    @property
    def url(self) -> str:
        """The picture itself, as an address that needs no request."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True)
class Panel:
    """What a panel is called, how to read it, who draws it, and how much room it needs.

    ``wide``: the whole width of a laptop; ``long``: two thirds of a large screen.
    """

    name: str
    reading: str
    draw: Callable[[Results, str], tuple[str, Figure, tuple[Spot, ...]]] = field(repr=False)
    wide: bool = False
    long: bool = False


def busiest_class(results: Results) -> str:
    """The class of which most value is on offer now; the usual one if there is none."""
    offers = results.offers
    now = offers[offers["day"] > results.last_day - 14]
    usd = now["offered"] * [
        results.mark(h, d) for d, h in zip(now["day"], now["hardware"], strict=True)
    ]
    if len(now):
        return str(now["hardware"].iloc[int(np.argmax(usd.to_numpy()))])
    return USUAL_CLASS if USUAL_CLASS in results.classes else results.classes[0]


def draw_all(results: Results, hardware: str) -> Iterator[tuple[str, Picture]]:
    """Every panel in turn, by name; ``hardware`` is the class of order book and marks."""
    for panel in PANELS:
        with DRAWING:
            title, figure, spots = panel.draw(results, hardware)
            data = io.BytesIO()
            with plots.matplotlib.rc_context(plots.STYLE):
                figure.savefig(data, format="png", pil_kwargs={"compress_level": 1})
        yield panel.name, Picture(title, data.getvalue(), spots)


def _network(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    figure, (axes,) = plots.panel_figure(
        plots.Frame(
            width_in=WIDE_IN, height_in=6.1, left_in=0.05, right_in=0.05, top_in=0.05, bottom_in=0.3
        )
    )
    network = results.network
    assert network is not None
    draw_network(axes, network)
    pixels = axes.transData.transform(places(network))
    wide, high = figure.get_figwidth() * figure.dpi, figure.get_figheight() * figure.dpi
    spots = tuple(
        Spot(
            party,
            label,
            f"{label}: {told}",
            round(100 * float(x) / wide, 2),
            round(100 - 100 * float(y) / high, 2),
        )
        for party, label, told, (x, y) in zip(
            network.ids, network.labels, _told(network), pixels, strict=True
        )
        if party
    )
    return network_title(results), figure, spots


STANDINGS = {
    Standing.CALLED: "called for margin, or short of capital",
    Standing.CURE: "in cure",
    Standing.DEFAULTED: "in default",
    Standing.FAILED: "failed or closed",
}


def _told(network: Network) -> Iterator[str]:
    """What each node owes or lends, and how it stands if that is not well."""
    count = len(network.labels)
    owes, lends = (
        np.bincount(side, network.owed_usd, count) for side in (network.borrower, network.lender)
    )
    for node in range(count):
        lender = network.kinds[node] == Kind.LENDER
        money = f"lends {words.money(lends[node])}" if lender else f"owes {words.money(owes[node])}"
        standing = STANDINGS.get(network.standing(node))
        yield f"{money}, {standing}" if standing else money


def _prices(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    figure, (axes,) = plots.panel_figure(plots.Frame(right_in=1.2))
    draw_prices(axes, results)
    btc = f"Bitcoin {words.against(value(results, 'btc_change'))} its opening"
    if not results.has_rents:
        return btc, figure, ()
    return f"{btc}, H100 rent {words.against(value(results, 'rent_change'))} it", figure, ()


def _marks(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    figure, (axes,) = plots.panel_figure()
    draw_mark(axes, results, hardware)
    axes.set_ylabel("USD per TH/s" if words.is_asic(hardware) else "USD per GPU")
    name = words.capital(words.hardware(hardware))
    return f"{name}: {mark_note(results, hardware)}", figure, ()


def _liquidation(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    figure, (axes,) = plots.panel_figure(plots.Frame(right_in=1.2))
    rig = words.is_asic(hardware)
    family, lots = (FAMILIES[1], "rigs") if rig else (FAMILIES[0], "gpus")
    draw_liquidation(axes, results, family)
    taken = number(results, f"{lots}_seized")
    if taken <= 0:
        return f"No {'rigs' if rig else 'GPUs'} seized", figure, ()
    sold = words.percent(number(results, f"{lots}_sold") / taken)
    title = f"{text(results, f'{lots}_seized')} {family.unit} seized, {sold} of them sold"
    ended = number(results, f"{lots}_ended") / taken
    return title + f", {words.percent(ended)} without a buyer in time" * (ended > 0.0), figure, ()


def _book(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    day = last_book(results, hardware)
    if day is None:
        figure, (axes,) = plots.panel_figure()
        axes.set_axis_off()
        return f"Nobody offers or bids for {words.hardware(hardware)} yet", figure, ()
    figure, panels = plots.panel_figure(plots.Frame(right_in=1.95))
    draw_book(panels, results, day, hardware, busiest_place(results, day, hardware))
    return f"Day {day}: {book_title(results, day, hardware)}", figure, ()


def _lenders(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    figure, panels = plots.panel_figure(
        plots.Frame(width_in=WIDE_IN, height_in=3.2, columns=2, left_in=1.75, right_in=1.0),
        gridspec_kw={"width_ratios": (1.5, 1), "wspace": 0.25},
    )
    draw_lenders(panels[0], results)
    draw_credit(panels[1], results)
    return lenders_title(results), figure, ()


def _ltv(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    real = float(results.series["realisable_ltv"].iloc[-1])
    figure, (over_time, by_class) = plots.panel_figure(
        plots.Frame(width_in=WIDE_IN, height_in=3.3, columns=2, right_in=1.75, top_in=0.5),
        gridspec_kw={"width_ratios": (1.15, 1), "wspace": 1.15},
    )
    if not words.is_number(real):
        over_time.set_axis_off()
        by_class.set_axis_off()
        return "No secured loan is outstanding", figure, ()
    draw_ltv(over_time, results)
    plots.panel_title(over_time, "All secured loans")
    draw_ltv_by_class(by_class, results, results.last_day)
    return ltv_title(results, LTVS_TODAY), figure, ()


def _cascade(results: Results, hardware: str) -> tuple[str, Figure, tuple[Spot, ...]]:
    lines, _, title = cascade.chosen_lines(results, MOST_LINES)
    figure, (outline, timeline) = plots.panel_figure(
        plots.Frame(width_in=WIDE_IN, height_in=3.6, columns=2, left_in=0.15, top_in=0.1),
        gridspec_kw={"width_ratios": (1.75, 1), "wspace": 0.02},
    )
    cascade.draw_outline(outline, timeline, results, lines, MOST_LINES)
    return title, figure, ()


PANELS = (
    Panel(
        "Lending network",
        "Lines run from lenders to borrowers, the wider the more is owed; circles grow with the "
        "balance sheet. Choose a party by clicking on its circle.",
        _network,
        wide=True,
    ),
    Panel("Prices that hit the market", "Opening = 100.", _prices),
    Panel(
        "Order book",
        "Blocks are bids, best first; the black line is what sellers ask. Where no block reaches "
        "the line, nothing is sold.",
        _book,
    ),
    Panel(
        "Prices against marks",
        "Line: what lenders' books say; dotted: depreciation schedule; diamonds: forced sales; "
        "grey dots: ordinary trade.",
        _marks,
    ),
    Panel(
        "Seized hardware",
        "Grey: seized so far; green: sold; blue: no buyer in time, taken in kind or scrapped; "
        "orange: on offer and unsold.",
        _liquidation,
    ),
    Panel(
        "Who fell after whom",
        "Each line reacts to the line it hangs from: it was touched by it. What would not have "
        "happened without it, the log does not say.",
        _cascade,
        wide=True,
        long=True,
    ),
    Panel(
        "Reported, second-hand and realisable loan to value",
        "Blue: as lenders report it. Orange: at second-hand prices. Red: if all lenders sold at "
        "once; purple: within 90 days; hollow: each alone. Above 100 % a sale does not repay the "
        "loans. Measured every four weeks.",
        _ltv,
        wide=True,
    ),
    Panel(
        "Lenders",
        "Left: losses, seized machines held, share of usual credit. Right: all lenders.",
        _lenders,
        wide=True,
    ),
)
