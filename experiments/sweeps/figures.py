"""Figures of an analysis: phase diagrams, curves, what matters most, fans of paths.

A cell of a phase diagram whose interval reaches across the cliff is hatched: these runs cannot say
on which side it lies.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..look import plots, words
from ..look.intervals import amount
from ..report.measures import in_usd, named, written
from .books import LEVERAGE, is_cell
from .factors import field_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .findings import Findings
    from .sensitivity import Sensitivity

MOST_LABELLED = 14  # cells a side that still have room for their number


def write_figures(findings: Findings, folder: Path) -> dict[str, str]:
    """Draw everything; returns the figures' titles by file name, without its ending."""
    drawn: dict[str, Figure] = {}
    for number, ((x, y, arm), cells) in enumerate(findings.phases.items(), start=1):
        drawn[f"phase-{number}"] = phase(findings, x, y, arm, cells)
    if findings.curves:
        drawn["curves"] = curves(findings)
    if any(s.indices for s in findings.sensitivities):
        drawn["sensitivity"] = importance(findings)
    if len(findings.policies):
        drawn["policies"] = policies(findings)
    if findings.paths is not None:
        drawn["paths"] = paths(findings)
    for name, figure in drawn.items():
        plots.save(figure, folder / f"{name}.png")
    return {name: plots.title_of(figure) for name, figure in drawn.items()}


@plots.styled
def phase(findings: Findings, x: str, y: str, arm: str, cells: pd.DataFrame) -> Figure:
    """Probability of the event over two factors, with its exact interval deciding what is shown."""
    cliff, event = findings.asks.cliff, findings.event
    above = int((cells["low"] > cliff).sum())
    unsure = int(((cells["low"] <= cliff) & (cells["high"] >= cliff)).sum())
    many = len(cells)
    where = f" under {arm}" if arm else ""
    if above == 0 and unsure == 0:
        title = f"{event}{where}: less likely than {words.percent(cliff)} everywhere"
    else:
        title = f"{event}{where}: likelier than {words.percent(cliff)} in {above} of {many} cells"
        title += f", less likely in {many - above - unsure}, open in {unsure}" if unsure else ""
    figure, (axes,) = plots.new_figure(
        title,
        f"Share of runs in per cent, {_count(cells['runs'])} runs a cell. "
        f"Hatched: the {findings.asks.confidence:.0%} interval reaches across "
        f"{words.percent(cliff)}.",
        plots.Layout(height_in=5.2, left_in=1.2, right_in=1.2),
    )
    xs, ys = (sorted(cells[name].unique()) for name in (x, y))
    share = cells.pivot(index=y, columns=x, values="share").reindex(index=ys, columns=xs)
    low = cells.pivot(index=y, columns=x, values="low").reindex(index=ys, columns=xs).to_numpy()
    high = cells.pivot(index=y, columns=x, values="high").reindex(index=ys, columns=xs).to_numpy()
    values = share.to_numpy(float)
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", vmin=0.0, vmax=1.0)
    unknown = (low <= cliff) & (high >= cliff)
    for row, column in zip(*np.nonzero(unknown), strict=True):
        axes.add_patch(_hatched(column, row))
    if max(values.shape) <= MOST_LABELLED:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                masked = bool(unknown[row, column])
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=plots.BLACK if value > 0.55 or masked else "white",
                )
    axes.grid(False)
    _ticks(axes, xs, ys)
    axes.set(xlabel=label(x), ylabel=label(y))
    bar = figure.colorbar(mesh, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("probability", color=plots.GREY)
    bar.outline.set_visible(False)
    return figure


def _count(runs: pd.Series) -> str:
    """``16``, or ``3 to 16``."""
    low, high = int(runs.min()), int(runs.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _hatched(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (column, row), 1, 1, facecolor="#ffffffcc", edgecolor=plots.GREY, hatch="////", lw=0
    )


def _ticks(axes: Axes, xs: list[Any], ys: list[Any]) -> None:
    """Values in the middle of their cells; every second one where there are many."""
    for values, set_ticks in ((xs, axes.set_xticks), (ys, axes.set_yticks)):
        step = 1 + len(values) // MOST_LABELLED
        places = range(0, len(values), step)
        set_ticks([k + 0.5 for k in places], [number(values[k]) for k in places])


@plots.styled
def curves(findings: Findings) -> Figure:
    """Probability of the event by each factor alone, over all values of the others."""
    names = list(findings.curves)
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    spans = {n: c["share"].max() - c["share"].min() for n, c in findings.curves.items()}
    most = max(spans, key=lambda name: spans[name])
    cells = findings.curves[most]
    title = (
        f"{findings.event}: {most} moves it most, from {words.percent(cells['share'].min())} to "
        f"{words.percent(cells['share'].max())} of runs"
    )
    figure, panels = plots.new_figure(
        title,
        f"Share of runs{_under(findings)} with its {findings.asks.confidence:.0%} interval, by "
        "each factor over all values of the others.",
        plots.Layout(rows=rows, columns=columns, height_in=2.9 * rows),
        sharey=True,
    )
    for axes, name in zip(panels, names, strict=False):
        cells = findings.curves[name]
        numeric = cells[name].dtype.kind in "if"
        x = cells[name].to_numpy() if numeric else np.arange(len(cells))
        axes.vlines(x, 100 * cells["low"], 100 * cells["high"], color=plots.SKY, lw=2.5)
        axes.plot(x, 100 * cells["share"], "o-", color=plots.BLUE, markersize=4, lw=1)
        if not numeric:
            axes.set_xticks(x, [number(v) for v in cells[name]])
        axes.set_xlabel(label(name) if columns < 3 else name, fontsize=8)
        axes.set_ylim(bottom=0)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    panels[0].set_ylabel("share of runs [%]")
    return figure


@plots.styled
def importance(findings: Findings) -> Figure:
    """How much each factor matters, with intervals, for the loss and for the event."""
    drawn: list[Sensitivity] = [s for s in findings.sensitivities if s.indices]
    title = next((s for s in drawn if s.tells), drawn[0]).headline()
    many = max(len(s.indices) for s in drawn)
    figure, panels = plots.new_figure(
        title,
        " ".join(f"{s.output}: {s.warning}." for s in drawn if s.warning)
        or f"Bars: indices{_under(findings)}; lines: their intervals.",
        plots.Layout(columns=len(drawn), height_in=1.1 + 0.34 * many, left_in=2.3),
        sharey=True,
        gridspec_kw={"wspace": 0.12},
    )
    order = [index.factor for index in reversed(drawn[0].indices)]
    for axes, found in zip(panels, drawn, strict=True):
        by_name = {index.factor: index for index in found.indices}
        scale = 100.0 if found.indices[0].is_share else 1.0
        for place, name in enumerate(order):
            if name not in by_name:
                continue
            index = by_name[name]
            axes.barh(place, scale * max(index.value, 0.0), color=plots.SKY, height=0.6)
            axes.plot(
                [scale * index.low, scale * index.high], [place, place], color=plots.BLACK, lw=1.2
            )
        axes.set_yticks(range(len(order)), order)
        what = (
            "share of variance [%]" if scale == 100.0 else f"mean absolute effect [{found.output}]"
        )
        axes.set_xlabel(what)
        axes.set_xlim(left=0)
        plots.panel_title(axes, found.output)
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
    return figure


@plots.styled
def policies(findings: Findings) -> Figure:
    """What each policy arm changes against the first, pair by pair."""
    table = findings.policies
    surely = table[(table["loss_difference_high"] < 0) | (table["loss_difference_low"] > 0)]
    loss = findings.asks.loss
    name = named(loss)
    if len(surely):
        best = surely.sort_values("loss_difference").iloc[0]
        verb = "lowers" if best["loss_difference"] < 0 else "raises"
        size = written(loss, abs(best["loss_difference"]))
        title = f"{best['arm']} {verb} {name} by {size}, against {best['against']}"
        if np.isfinite(best["price_usd"]):
            title += f", for {words.money(best['price_usd'])} of {best['price_of']}"
    else:
        title = f"No arm measurably changes {name}"
    figure, panels = plots.new_figure(
        title,
        "Mean difference of pairs with the same draws, "
        f"{words.percent(findings.asks.confidence)} intervals.",
        plots.Layout(columns=2, height_in=1.1 + 0.4 * len(table), left_in=1.9),
        sharey=True,
        gridspec_kw={"wspace": 0.12},
    )
    largest = np.nanmax(np.abs(table["loss_difference"])) if len(table) else 0.0
    scale, unit = scaled(loss, largest)
    for axes, column, factor, what in (
        (panels[0], "loss_difference", 1.0 / scale, f"change of {name}{unit}"),
        (panels[1], "probability_difference", 100.0, f"change of {findings.event} [points]"),
    ):
        places = np.arange(len(table))
        low, high = (factor * table[f"{column}_{end}"] for end in ("low", "high"))
        axes.hlines(places, low, high, color=plots.SKY, lw=3)
        axes.plot(factor * table[column], places, "o", color=plots.BLUE, markersize=5)
        axes.axvline(0.0, color=plots.GREY, lw=0.8)
        axes.set_yticks(places, table["arm"])
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlabel(what)
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
    return figure


@plots.styled
def paths(findings: Findings) -> Figure:
    """The middle path and the band of 90 % of runs, for each series kept."""
    table = findings.paths
    assert table is not None
    names = list(table["column"].unique())
    last = table[table["column"] == names[0]].iloc[-1]
    title = (
        f"On day {last['day']:.0f} {names[0]} lies between {amount(last['low'])} and "
        f"{amount(last['high'])} in nine of ten runs"
    )
    figure, panels = plots.new_figure(
        title,
        f"Median of runs{_under(findings)}, and the band of 90 % of them.",
        plots.Layout(columns=1, rows=len(names), height_in=2.3 * len(names), left_in=1.0),
    )
    for axes, name in zip(panels, names, strict=True):
        band = table[table["column"] == name]
        scale, unit = scaled(name, band["high"].max())
        low, mid, high = (band[end] / scale for end in ("low", "mid", "high"))
        axes.fill_between(band["day"], low, high, color=plots.SKY, alpha=0.35, lw=0)
        axes.plot(band["day"], mid, color=plots.BLUE)
        axes.set_ylabel(name + unit)
    panels[-1].set_xlabel("day")
    return figure


def scaled(metric: str, largest: float) -> tuple[float, str]:
    """What an axis of a metric divides by, and its unit."""
    if in_usd(metric):
        return next(
            (size, f" [{unit}]")
            for size, unit in ((1e9, "$bn"), (1e6, "$m"), (1.0, "$"))
            if largest >= size or size == 1.0
        )
    return (1e6, " [million]") if largest >= 1e6 else (1.0, "")


def _under(findings: Findings) -> str:
    """Whose runs are shown, where a plan has policy arms."""
    return f" under {findings.first_arm}" if findings.first_arm else ""


def label(key: str, width: int = 70) -> str:
    """A factor for an axis: its key, and its unit or meaning as the scenario has it."""
    if key == LEVERAGE:
        return "leverage [times the debt of the books]"
    if is_cell(key):
        return f"{key.removeprefix('books.')} [standard deviations]"
    found = field_of(key)
    about = (found.description if found else None) or ""
    return "\n".join(textwrap.wrap(f"{key} [{about}]" if about else key, width))


def number(value: Any) -> str:
    """A factor's value on a tick."""
    if isinstance(value, bool | np.bool_ | str):
        return str(value).lower()
    return f"{value:,.3g}" if abs(value) < 1e5 else f"{value:.2g}"
