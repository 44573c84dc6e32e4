"""The lending network drawn: miners left, lenders between, neoclouds right; trouble in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from ...agents.party import Kind
from ..look import plots, words
from ..results.facts import number
from ..results.network import Network, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results

CALM = "#a9c4d9"
COLORS = (CALM, plots.YELLOW, plots.ORANGE, plots.RED, plots.BLACK)
MEANINGS = ("calm", "called for margin", "in cure", "in default", "lender failed or closed")
MOST_NAMED = 20  # of a kind; what is smaller is a dot without a name
MOST_RIGHT = 40  # lenders whose names all stand on their right; of more, every other one
DOTS_A_ROW = 10
SIDE = {Kind.MINER: -1.0, Kind.LENDER: 0.0, Kind.NEOCLOUD: 1.0}
COLUMN = 0.56  # where named borrowers stand, out of 1 from the middle to the edge
TOP, BOTTOM, REST_TOP = 0.93, -0.97, -0.42
ZIGZAG = 0.03  # lenders stand left and right of the middle in turn
ALONE = 0.42  # how far the panel reaches on a side without borrowers
GROUP = 1.4  # times the radius that one party of its size would have
SMALLEST_PT = 4.4  # radius of a failed one: it must be seen
WIDEST_PT = 7.0  # an edge
SAMPLES = 14  # points of an edge


QUIET = "Nobody is called, in cure or in default today"


def radius_pt(assets_usd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius of a node [points]: grows with the balance sheet, ever more slowly."""
    return np.minimum(2.0 + 7.0 * (np.maximum(assets_usd, 0.0) / 1e10) ** 0.3, 12.0)


def places(network: Network) -> NDArray[np.float64]:
    """Where each node stands, [node, 2] within (−1, 1); it depends on the opening books only.

    Named borrowers stand in a column by size, smaller ones in a block below, lenders in the middle
    at the height of those they lend to.
    """
    at = np.zeros((len(network.labels), 2))
    for kind in (Kind.MINER, Kind.NEOCLOUD):
        mine = np.flatnonzero(network.kinds == kind)
        groups = np.array([not network.ids[node] for node in mine], np.bool_)
        named, rest = mine[~groups][:MOST_NAMED], mine[~groups][MOST_NAMED:]
        low = REST_TOP + 0.14 if len(mine) > len(named) else BOTTOM
        at[named, 0] = SIDE[kind] * COLUMN
        at[named, 1] = np.linspace(TOP, low, max(len(named), 2))[: len(named)]
        row, column = np.divmod(np.arange(len(rest)), DOTS_A_ROW)
        rows = max(int(row[-1]) + 1, 1) if len(rest) else 1
        at[rest, 0] = SIDE[kind] * (0.5 + 0.47 * column / (DOTS_A_ROW - 1))
        at[rest, 1] = REST_TOP - 0.1 - (BOTTOM - REST_TOP + 0.1) * -row / max(rows - 1, 1)
        pies = mine[groups]
        at[pies, 0] = SIDE[kind] * COLUMN
        at[pies, 1] = np.linspace(REST_TOP - 0.06, BOTTOM + 0.06, max(len(pies), 2))[: len(pies)]
    lenders = np.flatnonzero(network.kinds == Kind.LENDER)
    pools = lenders[np.array([not network.ids[node] for node in lenders], np.bool_)]
    lenders = np.setdiff1d(lenders, pools)
    count = len(network.labels)
    weight = np.bincount(network.lender, network.owed_open_usd, count)
    pull = np.bincount(network.lender, network.owed_open_usd * at[network.borrower, 1], count)
    height = (pull / np.maximum(weight, 1.0))[lenders]
    order = lenders[np.argsort(-height, kind="stable")]
    low = REST_TOP + 0.14 if len(pools) else BOTTOM
    at[order, 1] = np.linspace(TOP, low, max(len(order), 2))[: len(order)]
    at[pools, 1] = np.linspace(REST_TOP - 0.06, BOTTOM + 0.06, max(len(pools), 2))[: len(pools)]
    at[order, 0] = ZIGZAG * (1 - 2 * (np.arange(len(order)) % 2))
    return at


def network_title(results: Results) -> str:
    """Who is in trouble, in a sentence."""
    assert results.network is not None
    borrowers = results.network.of_kind(Kind.MINER, Kind.NEOCLOUD)
    lenders = results.network.of_kind(Kind.LENDER)
    failed = int(borrowers[Standing.DEFAULTED])
    pressed = int(borrowers[Standing.CALLED] + borrowers[Standing.CURE])
    gone, weak = int(lenders[Standing.FAILED]), int(lenders[Standing.CALLED])
    parts = []
    if failed:
        parts.append(f"{failed:,} in default")
    if going_on := int(number(results, "going_on")):
        parts.append(f"{going_on:,} reorganised")
    if pressed:
        parts.append(f"{pressed:,} called or in cure")
    who = f"Of {int(borrowers.sum()):,} borrowers, " if parts else QUIET
    text = who + (words.listed(parts) if parts else "")
    if gone:
        text += f"; {words.times(gone, 'lender')} failed or closed"
    if weak:
        text += f"; {words.times(weak, 'lender')} below minimum capital"
    return text


@plots.styled
def network(results: Results) -> Figure:
    """The lending network on the last day."""
    if results.network is None:
        return plots.empty_figure("No lending network", "This run kept none.")
    figure, (axes,) = plots.new_figure(
        network_title(results),
        f"Who owes whom on {words.date(results.date(results.last_day))}. Circles: the larger, the "
        "larger the balance sheet. Lines: the wider, the more is owed.",
        plots.Layout(height_in=6.4, left_in=0.1, right_in=0.1),
    )
    draw_network(axes, results.network)
    return figure


@plots.styled
def draw_network(axes: Axes, network: Network, *, scale: float = 1.0) -> None:
    """Nodes, edges, names and a legend on one panel.

    Below a ``scale`` of one nodes and edges are that much smaller, and there is no room for words.
    """
    at = places(network)
    left, right = (
        1.06 if (network.kinds == kind).any() else ALONE for kind in (Kind.MINER, Kind.NEOCLOUD)
    )
    axes.set(xlim=(-left, right), ylim=(-1.1, 1.06))
    axes.set_axis_off()
    _draw_edges(axes, network, at, scale)
    radius = radius_pt(network.assets_usd)
    standing = np.array([network.standing(node) for node in range(len(network.labels))])
    radius = scale * np.where(
        standing >= Standing.DEFAULTED, np.maximum(radius, SMALLEST_PT), radius
    )
    single = network.sizes == 1
    for level in Standing:
        mine = single & (standing == level)
        if mine.any():
            axes.scatter(
                at[mine, 0],
                at[mine, 1],
                s=np.pi * radius[mine] ** 2,
                color=COLORS[level],
                edgecolors=plots.BLACK if level else "#6d8fa8",
                linewidths=scale * (0.7 if level else 0.5),
                zorder=3,
            )
            if level >= Standing.DEFAULTED:  # told apart without colour too
                axes.scatter(
                    at[mine, 0],
                    at[mine, 1],
                    s=2.2 * radius[mine] ** 2,
                    marker="x",
                    color="white",
                    lw=scale,
                    zorder=4,
                )
    for node in np.flatnonzero(~single):
        _draw_pie(axes, at[node], GROUP * radius[node], network.counts[node])
    if scale >= 1.0:
        _write_names(axes, network, at, radius, standing)
        _write_heads(axes, network)
        _legend(axes)


def _draw_edges(axes: Axes, network: Network, at: NDArray[np.float64], scale: float) -> None:
    """Curves from lenders to borrowers; what troubled borrowers owe lies on top in their colour."""
    largest = max(float(network.owed_open_usd.max(initial=0.0)), 1.0)
    t = np.linspace(0.0, 1.0, SAMPLES)
    bend = (3 * t**2 - 2 * t**3)[None, :]
    start, end = at[network.lender], at[network.borrower]
    x = start[:, :1] + (end[:, :1] - start[:, :1]) * t[None, :]
    y = start[:, 1:] + (end[:, 1:] - start[:, 1:]) * bend
    curves = np.stack([x, y], axis=2)
    for level in Standing:
        owed = network.troubled_usd[:, level]
        drawn = np.flatnonzero(owed > 1e-5 * largest)
        if len(drawn):
            axes.add_collection(
                LineCollection(
                    list(curves[drawn]),
                    linewidths=0.35 + scale * WIDEST_PT * (owed[drawn] / largest) ** 0.5,
                    colors="#8f9aa3" if level == Standing.CALM else COLORS[level],
                    alpha=0.28 if level == Standing.CALM else 0.75,
                    capstyle="round",
                    zorder=1 + 0.2 * level,
                )
            )


def _draw_pie(
    axes: Axes, at: NDArray[np.float64], radius: float, counts: NDArray[np.int64]
) -> None:
    """A group of parties: slices by how they stand, clockwise from the top."""
    ends = np.concatenate([[0.0], 2 * np.pi * counts.cumsum() / counts.sum()])
    for level in np.flatnonzero(counts):
        turn = np.linspace(ends[level], ends[level + 1], 40)
        rim = np.column_stack([np.sin(turn), np.cos(turn)])
        slice_ = np.vstack([[0.0, 0.0], rim, [0.0, 0.0]])
        reach = float(np.abs(slice_).max())  # a marker is scaled to its largest coordinate
        axes.scatter(
            [at[0]],
            [at[1]],
            s=4 * (radius * reach) ** 2,
            marker=Path(slice_),
            color=COLORS[level],
            edgecolors="white",
            linewidths=0.5,
            zorder=3,
        )


def _write_names(
    axes: Axes,
    network: Network,
    at: NDArray[np.float64],
    radius: NDArray[np.float64],
    standing: NDArray[np.int64],
) -> None:
    """Names beside the nodes that have room for one."""
    halo = [withStroke(linewidth=2.2, foreground="white")]
    seen = dict.fromkeys(SIDE, 0)
    crowded = int((network.kinds == Kind.LENDER).sum()) > MOST_RIGHT
    for node in range(len(network.labels)):
        kind = Kind(int(network.kinds[node]))
        seen[kind] += 1
        group = not network.ids[node]
        if kind != Kind.LENDER and not group and seen[kind] > MOST_NAMED:
            continue
        left = kind == Kind.MINER or (kind == Kind.LENDER and crowded and at[node, 0] < 0)
        gap = (GROUP if group else 1.0) * radius[node] + 3
        axes.annotate(
            network.labels[node].replace(" owing", "\nowing").replace(" lending", "\nlending")
            if group
            else words.short(network.labels[node], 20 if kind == Kind.LENDER else 26),
            at[node],
            (-gap if left else gap, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=7.2 if kind == Kind.LENDER else 8.4,
            fontweight="bold" if standing[node] >= Standing.DEFAULTED else "normal",
            color=plots.BLACK,
            path_effects=halo if kind == Kind.LENDER else None,
            zorder=5,
        )


def _write_heads(axes: Axes, network: Network) -> None:
    """What stands in each column."""
    for kind, name in ((Kind.MINER, "miner"), (Kind.LENDER, "lender"), (Kind.NEOCLOUD, "neocloud")):
        many = int(network.of_kind(kind).sum())
        if many == 0:
            continue
        axes.text(
            SIDE[kind] * COLUMN,
            1.0,
            words.capital(words.times(many, name)),
            ha="center",
            va="bottom",
            fontsize=10,
            fontweight="bold",
        )
        mine = np.flatnonzero(network.kinds == kind)
        small = len(mine) - MOST_NAMED
        if kind != Kind.LENDER and small > 0 and all(network.ids[node] for node in mine):
            axes.text(
                SIDE[kind] * 0.97,
                REST_TOP,
                f"{small:,} smaller ones, without names",
                ha="right" if SIDE[kind] > 0 else "left",
                va="center",
                fontsize=8,
                color=plots.GREY,
            )


def _legend(axes: Axes) -> None:
    """What colours and sizes mean."""
    handles = [
        Line2D(
            [],
            [],
            ls="",
            marker="o",
            ms=8,
            mfc=color,
            mec=plots.BLACK,
            mew=0.6,
            label=meaning,
        )
        for color, meaning in zip(COLORS, MEANINGS, strict=True)
    ]
    for usd in (1e8, 1e9, 1e10):
        size = 2 * float(radius_pt(np.array([usd]))[0])
        handles.append(Line2D([], [], ls="", marker="o", ms=size, mfc="white", mec=plots.GREY))
        handles[-1].set_label(words.money(usd))
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.035),
        ncols=len(handles),
        frameon=False,
        fontsize=8.2,
        handletextpad=0.5,
        columnspacing=1.2,
    )
