"""Three kinds of figure that questions share: intervals side by side, phase diagrams, lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..look import plots
from .finding import Number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.34


class Text(NamedTuple):
    """What stands around a figure."""

    title: str
    subtitle: str
    x: str = ""
    y: str = ""


@plots.styled
def intervals(
    text: Text, rows: Mapping[str, Sequence[Number]], names: Sequence[str], boundary: float = 0.0
) -> Figure:
    """A row for each label with a dot and its interval, one colour for each of ``names``."""
    layout = plots.Layout(height_in=1.0 + ROW_IN * len(rows) * (1 + 0.4 * (len(names) - 1)))
    aside = 0.5 + 0.075 * max(map(len, names)) if len(names) > 1 else 0.3
    layout = layout._replace(left_in=0.3 + 0.075 * max(map(len, rows)), right_in=aside)
    figure, (axes,) = plots.new_figure(text.title, text.subtitle, layout)
    step = 0.8 / max(1, len(names))
    for place, label in enumerate(rows):
        for k, number in enumerate(rows[label]):
            y = -place - step * (k - (len(names) - 1) / 2)
            colour = plots.CYCLE[k]
            if number.has_interval and math.isfinite(number.low + number.high):
                axes.plot((number.low, number.high), (y, y), color=colour, linewidth=3, alpha=0.5)
            name = names[k] if place == 0 else None
            axes.plot(number.value, y, "o", color=colour, markersize=5, label=name)
    axes.axvline(boundary, color=plots.GREY, linewidth=1)
    axes.set_yticks([-k for k in range(len(rows))], list(rows), color=plots.BLACK)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(text.x)
    if len(names) > 1:
        axes.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


class Phase(NamedTuple):
    """A phase diagram: a number for each pair, ``None`` where there is none."""

    xs: Sequence[str]
    ys: Sequence[str]  # from below
    cells: Mapping[tuple[str, str], Number]
    boundary: float
    form: str = ",.1f"


@plots.styled
def phase(text: Text, panels: Mapping[str, Phase]) -> Figure:
    """Panels side by side; red is above the boundary, blue below, grey cannot be told."""
    first = next(iter(panels.values()))
    height = 1.0 + 0.42 * len(first.ys)
    layout = plots.Layout(columns=len(panels), height_in=height, notes=True, left_in=1.0)
    figure, axes = plots.new_figure(text.title, text.subtitle, layout, sharey=True)
    for axis, (name, one) in zip(axes, panels.items(), strict=True):
        plots.panel_title(axis, name)
        _phase_panel(axis, one, size=8.0 if len(one.xs) * len(panels) <= 14 else 6.5)
        axis.set_xlabel(text.x)
    axes[0].set_ylabel(text.y)
    return figure


def _phase_panel(axis: Axes, one: Phase, size: float) -> None:
    from matplotlib.patches import Rectangle

    for i, x in enumerate(one.xs):
        for j, y in enumerate(one.ys):
            number = one.cells.get((x, y))
            if number is None:
                continue
            bad = number.low > one.boundary
            fine = number.high < one.boundary
            colour = plots.RED if bad else plots.BLUE if fine else plots.LIGHT
            shade = 0.75 if bad or fine else 0.9
            axis.add_patch(
                Rectangle((i, j), 1, 1, facecolor=colour, alpha=shade, edgecolor="white")
            )
            dark = bad or fine
            axis.text(
                i + 0.5, j + 0.5, f"{number.value:{one.form}}", ha="center", va="center",
                fontsize=size, color="white" if dark else plots.BLACK,
            )  # fmt: skip
    axis.set_xlim(0, len(one.xs))
    axis.set_ylim(0, len(one.ys))
    axis.set_xticks([k + 0.5 for k in range(len(one.xs))], list(one.xs), fontsize=7.5)
    axis.set_yticks([k + 0.5 for k in range(len(one.ys))], list(one.ys))
    axis.grid(visible=False)


class Line(NamedTuple):
    """Numbers over x."""

    x: Sequence[float]
    numbers: Sequence[Number]


@plots.styled
def lines(
    text: Text, series: Mapping[str, Line], *, log_x: bool = False, log_y: bool = False
) -> Figure:
    """Lines with their intervals as bands, labelled at their ends."""
    aside = max(2.0, 0.4 + 0.08 * max(map(len, series)))
    figure, (axes,) = plots.new_figure(text.title, text.subtitle, plots.Layout(right_in=aside))
    ends = []
    for k, (name, line) in enumerate(series.items()):
        colour = plots.CYCLE[k % len(plots.CYCLE)]
        y = [number.value for number in line.numbers]
        axes.plot(line.x, y, marker="o", markersize=4, color=colour)
        if all(math.isfinite(number.low + number.high) for number in line.numbers):
            low, high = ([number[place] for number in line.numbers] for place in (1, 2))
            axes.fill_between(line.x, low, high, color=colour, alpha=0.15, linewidth=0)
        ends.append((y[-1], name, colour))
    if log_x:
        axes.set_xscale("log")
        plots.thousands(axes, "x")
    if log_y:
        axes.set_yscale("log")
        plots.thousands(axes, "y")
    axes.set_xlabel(text.x)
    axes.set_ylabel(text.y)
    last = max(line.x[-1] for line in series.values())
    plots.label_ends(axes, last, ends)
    return figure
