"""The figures of a memo, as SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..look import plots, words
from . import estimates as est
from .table import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .estimates import Draws
    from .loans import LoanView
    from .table import Table

MOST_LTV = 300.0  # per cent that a bar shows
MOST_LOANS = 30
BARS = 24


def pictures(
    views: Sequence[LoanView],
    draws: Draws,
    stress: Draws | None,
    tables: dict[str, Table],
    scenarios: Sequence[str],
) -> dict[str, tuple[bytes, str]]:
    """All figures as SVG with their titles, by key."""
    figures = {
        "loans": _loans(views),
        "losses": _losses(draws, stress, scenarios),
        "collateral": _collateral(tables["collateral"]),
        "maturities": _maturities(tables["maturities"]),
    }
    return {key: (_svg(figure), plots.title_of(figure)) for key, figure in figures.items()}


def _svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes always."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "firesale", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


@plots.styled
def _loans(views: Sequence[LoanView]) -> Figure:
    """Break-even against contract, the loans that lose most first."""
    order = sorted(views, key=lambda v: -v.loss.value)[:MOST_LOANS]
    short = sum(v.spread.value > v.contract for v in views)
    title = f"{short} of {len(views)} loans charge less than their losses cost"
    if not short:
        title = "No loan charges less than its losses cost"
    height = max(2.6, 0.23 * len(order) + 1.4)
    figure, (axes,) = plots.new_figure(
        title,
        "Spread over the reference rate. Red: break-even, with its 95 % interval; blue: contract.",
        plots.Layout(height_in=height, left_in=2.7),
    )
    place = np.arange(len(order))[::-1]
    most = 3.0 * max([est.BP * v.contract for v in order] + [300.0])
    for y, v in zip(place, order, strict=True):
        low, high = est.BP * v.spread.low, est.BP * v.spread.high
        value = est.BP * v.spread.value
        if math.isfinite(low) and math.isfinite(high) and low < most:
            axes.plot([low, min(high, most)], [y, y], color=plots.LIGHT, linewidth=4, zorder=1)
        if value <= most:
            axes.plot(value, y, "o", color=plots.RED, markersize=5)
        else:
            axes.text(most, y, f"{value:,.0f} ▶", ha="right", va="center", color=plots.RED)
    axes.plot([est.BP * v.contract for v in order], place, "|", color=plots.BLUE, markersize=11,
              markeredgewidth=2.4)  # fmt: skip
    axes.set_yticks(place, [f"{v.id}  {words.short(v.borrower, 22)}" for v in order])
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), min(most, axes.get_xlim()[1]))
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="x", color="#ececec")
    axes.set_xlabel("spread, bp")
    return figure


@plots.styled
def _losses(draws: Draws, stress: Draws | None, scenarios: Sequence[str]) -> Figure:
    """How losses of the whole book are spread over runs."""
    from matplotlib.ticker import MaxNLocator

    loss = draws.total_loss / 1e6
    worst = est.shortfall(draws.total_loss).value
    title = (
        f"Expected loss {words.money(1e6 * float(loss.mean()))}; "
        f"{words.money(worst)} in the worst hundredth of runs"
    )
    figure, (axes,) = plots.new_figure(title, "Runs by loss of the whole book; line: their mean.")
    others = stress.total_loss / 1e6 if stress is not None else loss[:0]
    edges = np.linspace(min(0.0, loss.min()), max([*loss, *others, 1.0]), BARS).tolist()
    axes.hist(loss, edges, color=plots.BLUE, alpha=0.85, label=scenarios[0])
    if len(others):
        axes.hist(others, edges, color=plots.ORANGE, alpha=0.6, label=scenarios[1])
        axes.legend(frameon=False)
    axes.axvline(loss.mean(), color=plots.BLACK, linewidth=1.2)
    axes.set_xlabel("loss, USD m")
    axes.set_ylabel("runs")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@plots.styled
def _collateral(table: Table) -> Figure:
    """Loan to value by class, four ways."""
    rows = [row for row in table.rows if isinstance(row[4], float) and math.isfinite(row[4])]
    if not rows:
        return plots.empty_figure("No collateral of this book has a price", "loan to value")
    most = max(rows, key=lambda row: row[1])
    title = (
        f"{words.capital(str(most[0]))}: {words.percent(most[3])} as lenders report it, "
        f"{words.percent(most[4])} second-hand"
    )
    title += f", {words.percent(most[5])} sold at once" if math.isfinite(most[5]) else ""
    figure, (axes,) = plots.new_figure(
        title, "Loan to value by class; bars above 300 % are cut, with their value."
    )
    kinds = (("lenders report", 3, plots.BLUE, True), ("second-hand", 4, plots.ORANGE, True),
             ("sold at once, alone", 5, plots.RED, False),
             ("all lenders at once", 8, plots.RED, True))  # fmt: skip
    width = 0.2
    for k, (name, column, colour, full) in enumerate(kinds):
        values = [row[column] for row in rows]
        heights = [min(MOST_LTV, 100.0 * v) if not math.isnan(v) else 0.0 for v in values]
        places = np.arange(len(rows)) + (k - 1.5) * width
        axes.bar(
            places, heights, 0.92 * width, color=colour if full else "none", edgecolor=colour,
            label=name,
        )  # fmt: skip
        for place, value in zip(places, values, strict=True):
            if 100.0 * value > MOST_LTV:
                axes.text(place, MOST_LTV + 4.0, shown(value, "share"), ha="center", fontsize=8)
    axes.set_ylabel("loan to value, %")
    axes.axhline(100.0, color=plots.BLACK, linewidth=0.9)
    axes.set_xticks(range(len(rows)), [str(row[0]) for row in rows])
    axes.legend(frameon=False, ncols=4, loc="upper right")
    axes.set_ylim(0, 1.12 * axes.get_ylim()[1])
    return figure


@plots.styled
def _maturities(table: Table) -> Figure:
    """What falls due by half-year."""
    halves = [str(row[0]) for row in table.rows]
    balance = np.array([float(row[2]) for row in table.rows]) / 1e6
    bullets = np.array([float(row[3]) for row in table.rows]) / 1e6
    top = int(np.argmax(balance))
    share = words.percent(balance[top] / balance.sum()) if balance.sum() else "–"
    half = "first" if halves[top].endswith("1") else "second"
    title = f"{share} of the balance matures in the {half} half of {halves[top][:4]}"
    figure, (axes,) = plots.new_figure(title, "balance today by half-year of maturity, USD m")
    axes.bar(halves, balance, color=plots.SKY, label="paid down before")
    axes.bar(halves, bullets, color=plots.RED, label="bullets")
    axes.legend(frameon=False)
    return figure
