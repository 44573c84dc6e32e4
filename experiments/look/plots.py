"""One look for all figures: colours, titles that state the finding, direct labels.

Example:
    ``figure, axes = new_figure("H100s clear at 43 % of their mark", "USD per GPU")``
"""

from __future__ import annotations

import datetime as dt
import functools
import textwrap
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart with any kind of colour vision.
BLACK, GREY, LIGHT = "#1a1a1a", "#6f6f6f", "#d9d9d9"
ORANGE, SKY, GREEN, YELLOW = "#e69f00", "#56b4e9", "#009e73", "#f0e442"
BLUE, RED, PURPLE = "#0072b2", "#d55e00", "#cc79a7"
CYCLE = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, GREY, YELLOW)

WIDTH_IN, DPI = 9.0, 120
PACKING = 3  # of 9
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": BLACK,
    "text.parse_math": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
}

_IS_STYLED: ContextVar[bool] = ContextVar("_IS_STYLED", default=False)  # in this thread


def styled[**P, R](draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under :data:`STYLE`, whatever the reader's own matplotlib settings."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if _IS_STYLED.get():  # by who calls: matplotlib copies all its settings each time
            return draw(*args, **kwargs)
        token = _IS_STYLED.set(True)
        try:
            with matplotlib.rc_context(STYLE):
                return draw(*args, **kwargs)
        finally:
            _IS_STYLED.reset(token)

    return wrapper


class Layout(NamedTuple):
    """Panels of a figure with a head, and the room they need, in inches.

    ``height_in`` is what lies below the head; ``right_in``, ``left_in`` and ``gap_in`` (between
    columns) leave room for labels, ``notes`` for remarks under panel titles.
    """

    rows: int = 1
    columns: int = 1
    height_in: float = 4.6
    gap_in: float = 0.0
    notes: bool = False
    right_in: float = 0.3
    left_in: float = 0.75


class Frame(NamedTuple):
    """Size of a figure without a head, and the room around its panels, in inches."""

    width_in: float = 4.9
    height_in: float = 3.1
    columns: int = 1
    left_in: float = 0.7
    right_in: float = 0.3
    top_in: float = 0.26
    bottom_in: float = 0.52


ONE_PANEL, ONE_FRAME = Layout(), Frame()


@styled
def new_figure(
    title: str, subtitle: str = "", layout: Layout = ONE_PANEL, **grid: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with its finding as title, what is drawn as subtitle, and its panels row by row.

    ``grid`` goes to ``Figure.subplots``.
    """
    rows, columns, height_in, gap_in, notes, right_in, left_in = layout
    title_lines = _balanced(title.replace(" %", "\N{NO-BREAK SPACE}%"), 80)
    subtitle_lines = textwrap.wrap(subtitle, 134)
    head = 0.14 + 0.27 * len(title_lines) + 0.19 * len(subtitle_lines) + (0.45 if notes else 0.28)
    height = height_in + head
    figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI)
    figure.set_label(title)
    spacing = {"wspace": 0.28, "hspace": 0.5} | grid.pop("gridspec_kw", {})
    if gap_in:
        panel = (WIDTH_IN - left_in - right_in - gap_in * (columns - 1)) / columns
        spacing["wspace"] = gap_in / panel
    panels = figure.subplots(
        rows,
        columns,
        squeeze=False,
        gridspec_kw=spacing
        | {
            "left": left_in / WIDTH_IN,
            "right": 1 - right_in / WIDTH_IN,
            "bottom": 0.5 / height,
            "top": 1 - head / height,
        },
        **grid,
    )
    y = 1 - 0.12 / height
    for line in title_lines:
        figure.text(0.006, y, line, va="top", fontsize=13, fontweight="bold")
        y -= 0.27 / height
    for line in subtitle_lines:
        figure.text(0.006, y, line, va="top", fontsize=9.5, color=GREY)
        y -= 0.19 / height
    return figure, list(panels.flat)


@styled
def panel_figure(frame: Frame = ONE_FRAME, **grid: Any) -> tuple[Figure, list[Axes]]:
    """A figure without a head, for a page that writes its title itself."""
    width_in, height_in, columns, left_in, right_in, top_in, bottom_in = frame
    figure = Figure(figsize=(width_in, height_in), dpi=110)
    spacing = {"wspace": 0.28} | grid.pop("gridspec_kw", {})
    panels = figure.subplots(
        1,
        columns,
        squeeze=False,
        gridspec_kw=spacing
        | {
            "left": left_in / width_in,
            "right": 1 - right_in / width_in,
            "bottom": bottom_in / height_in,
            "top": 1 - top_in / height_in,
        },
        **grid,
    )
    return figure, list(panels.flat)


def _balanced(text: str, width: int) -> list[str]:
    """Lines of about the same length, none longer than ``width``."""
    lines = textwrap.wrap(text, width) or [""]
    narrow = min(width, len(text) // len(lines) + 8)
    balanced = textwrap.wrap(text, narrow)
    return balanced if len(balanced) == len(lines) else lines


@styled
def save(figure: Figure, path: Path | IO[bytes]) -> None:
    """Write a figure as PNG, packed quickly: with more effort it gets hardly smaller."""
    figure.savefig(
        path,
        format="png",
        metadata={"Software": "firesale"},
        pil_kwargs={"compress_level": PACKING},
    )


def title_of(figure: Figure) -> str:
    """The title given to :func:`new_figure`."""
    return str(figure.get_label())


def empty_figure(title: str, subtitle: str) -> Figure:
    """A figure for a run in which there is nothing to draw: the title says so."""
    figure, (axes,) = new_figure(title, subtitle, Layout(height_in=0.55))
    axes.set_axis_off()
    return figure


def panel_title(axes: Axes, text: str, note: str = "") -> None:
    """A heading over one panel, and a remark below it."""
    axes.set_title(text, fontsize=9.5, fontweight="bold", pad=19 if note else 7)
    if note:
        axes.annotate(
            note,
            (0, 1),
            (0, 6),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8.5,
            color=GREY,
        )


def date_axis(axes: Axes, first: float, last: float, ticks: int = 8) -> None:
    """Dates below a panel from ``first`` to ``last`` (days since 1970), about ``ticks`` of them."""
    axes.set_xlim(first, max(last, first + 1.0))
    start, end = (dt.date(1970, 1, 1) + dt.timedelta(days=int(x)) for x in (first, last))
    months = 12 * (end.year - start.year) + end.month - start.month
    if months < 3:
        step = max(1, round((last - first) / (ticks - 1)))
        dates = [start + dt.timedelta(days=k) for k in range(0, int(last - first) + 1, step)]
        labels = [f"{date.day} {date:%b}" for date in dates]
    else:
        step = next((s for s in (1, 2, 3, 6, 12, 24, 60, 120) if months / s <= ticks), 240)
        count = range(start.year * 12 + start.month, end.year * 12 + end.month)
        dates = [dt.date(m // 12, m % 12 + 1, 1) for m in count if m % min(step, 12) == 0]
        dates = dates[:: max(1, step // 12)]
        labels = [f"{date:%b}" if step < 12 else f"{date.year}" for date in dates]
        if step < 12:  # the year under the first label, and under each January
            years = [date.year for date in dates]
            labels = [
                label if k and years[k] == years[k - 1] else f"{label}\n{years[k]}"
                for k, label in enumerate(labels)
            ]
    axes.set_xticks([(date - dt.date(1970, 1, 1)).days for date in dates], labels)


MOST_TICKS = 5  # of an axis of ratios


def ratio_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Round ticks for a logarithmic axis of ratios from ``low`` to ``high``, and per cents."""
    steps = [step * 10.0**power for power in range(-2, 3) for step in (1.0, 2.0, 5.0)]
    ticks = [tick for tick in steps if low <= tick <= high]
    for fewer in ((1.0, 3.0), (1.0,)):  # 1 and 10 without 2 and 5: labels must not touch
        if len(ticks) > MOST_TICKS:
            steps = [step * 10.0**power for power in range(-2, 3) for step in fewer]
            ticks = [tick for tick in steps if low <= tick <= high]
    return ticks, [f"{100 * tick:,.0f}" for tick in ticks]


def thousands(axes: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Write an axis as 12,000 rather than 12000 or 1.2e4."""
    side = axes.xaxis if axis == "x" else axes.yaxis
    side.set_major_formatter(lambda value, _: f"{value:,.10g}")


@styled
def label_ends(
    axes: Axes, x: Any, labels: Sequence[tuple[float, str, str]], size: float = 9.0
) -> None:
    """Write ``(y, text, colour)`` labels right of ``x``, pushed apart so that none overlap."""
    panel_in = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    order = sorted(labels, key=lambda label: label[0])
    pixels = axes.transData.transform([(x, y) for y, _, _ in order])
    heights = axes.transAxes.inverted().transform(pixels)[:, 1].clip(0.0, 1.0)
    places = spread(heights.tolist(), size * 1.3 / 72 / panel_in)
    for (_, text, color), y in zip(order, places, strict=True):
        axes.annotate(
            text,
            (x, y),
            xycoords=("data", "axes fraction"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=size,
            annotation_clip=False,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places moved as little as possible so that neighbours keep ``gap`` apart.

    Example:
        ``spread([1.0, 1.0], 2.0)`` gives ``[0.0, 2.0]``.
    """
    groups: list[tuple[float, int]] = []  # (centre, size) of runs of touching labels
    for place in places:
        centre, size = place, 1
        while groups:
            before, many = groups[-1]
            if centre - before >= gap * (size + many) / 2:
                break
            groups.pop()
            centre = (before * many + centre * size) / (many + size)
            size += many
        groups.append((centre, size))
    return [centre + gap * (k - (size - 1) / 2) for centre, size in groups for k in range(size)]
