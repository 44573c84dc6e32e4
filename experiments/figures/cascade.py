"""Who failed after whom: failures that came through others, with shares of their causes.

Companions of the run say which those are. Where there are none, or none came through others, trees
of what touched what are drawn, from the parents in the event log. A parent is the event whose
outcome the next one reacted to; what would not have happened without it no log can tell.

The log is pruned to what a reader needs: defaults and failures, seizures, sales, liquidations and
weak lenders, with the events just before a default. Siblings of one kind become one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import plots, words
from ..results.cascades import MOST_ROWS, Node, _total, cascades, forest, pick
from ..results.handed_on import lines_of_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results.results import Results
COLORS = {
    "default": plots.RED,
    "perimeter_default": plots.RED,
    "seizure": plots.BLUE,
    "hardware_sale": plots.GREEN,
    "btc_liquidation": plots.ORANGE,
    "forced_sale": plots.ORANGE,
    "lender_impaired": plots.PURPLE,
    "sleeve_closed": plots.PURPLE,
    "lender_failed": plots.RED,
    "interlender_loss": plots.PURPLE,
}


@plots.styled
def cascade(results: Results) -> Figure:
    """Draw failures that came through others, or the largest trees of linked failures."""
    if results.causes is not None and results.causes.shares:
        lines, hidden, title = lines_of_shares(results)
        many = f" {words.times(hidden, 'more failure')} left out." if hidden else ""
        return draw_lines(
            results,
            lines,
            title,
            "Failures that do not happen where some interaction is held still. Below each, those "
            "whose sales, refusals or claims it reacted to: shares of its causes, one in all; the "
            f"dot is when they failed themselves, or when it did.{many}",
        )
    lines, hidden, title = chosen_lines(results)
    if not lines:
        return plots.empty_figure(
            title, "No call, default, seizure or sale was forced in this run."
        )
    many = f" {words.times(hidden, 'smaller line')} left out." if hidden else ""
    return draw_lines(
        results,
        lines,
        title,
        "Each line reacts to the line it hangs from: it was touched by it. Shown: defaults, "
        "seizures, sales, liquidations, and what came just before a default; × counts merged "
        f"events. The largest failure comes last if it stands alone and there is room.{many}",
    )


def chosen_lines(
    results: Results, most: int = MOST_ROWS
) -> tuple[list[tuple[int, Node]], int, str]:
    """Lines of the largest trees of linked failures, how many are left out, and the finding."""
    trees = forest(results.events)
    contagious = cascades(trees)
    if contagious:
        drawn, title = contagious[:2], _contagion_title(results, contagious)
        shown = {party for tree in drawn for party in tree.failed}
        other = [tree for tree in trees if tree.failed and not shown & set(tree.failed)]
        drawn += sorted(other, key=lambda tree: -_total(tree))[:1]
    else:
        drawn = sorted(trees, key=lambda tree: (not tree.failed, -_total(tree)))[:1]
        title = _chain_title(results, drawn)
    if results.causes is not None and results.causes.by_party:
        many = words.times(len(results.causes.by_party), "failure")
        title = f"No failure came through others: {many}, all in any case"
    lines, hidden = pick(drawn, most)
    return lines, hidden, title


def _contagion_title(results: Results, trees: list[Node]) -> str:
    size = len(trees[0].failed)
    name = words.short(results.name(trees[0].party), 34)
    among = "the only tree" if len(trees) == 1 else f"the largest of {len(trees)} trees"
    fail = words.times(size - 1, "other fails", "others fail")
    return f"{words.capital(fail)} after {name}, each touched by one before: {among}"


def _chain_title(results: Results, trees: list[Node]) -> str:
    if not trees:
        return "Nothing was forced: no default, no seizure, no liquidation"
    if not trees[0].failed:
        return "Nobody defaults; the largest chain of events stops short of a failure"
    name = words.short(results.name(trees[0].failed[0]), 34)
    return f"No failure touches another one that fails; the largest chain of events: {name}"


def draw_lines(
    results: Results, lines: list[tuple[int, Node]], title: str, subtitle: str
) -> Figure:
    """An outline of ``(depth, node)`` lines beside a time line."""
    height = len(lines)
    figure, (outline, timeline) = plots.new_figure(
        title,
        subtitle,
        plots.Layout(columns=2, height_in=0.23 * height + 0.75, left_in=0.2),
        gridspec_kw={"width_ratios": (1.75, 1), "wspace": 0.02},
    )
    draw_outline(outline, timeline, results, lines, height)
    return figure


@plots.styled
def draw_outline(
    outline: Axes,
    timeline: Axes,
    results: Results,
    lines: list[tuple[int, Node]],
    height: int,
) -> None:
    """An outline of ``(depth, node)`` lines on ``height`` rows, and when each happened."""
    outline.set_axis_off()
    outline.set(xlim=(0, 1), ylim=(height - 0.4, -0.6))
    indent = min(0.035, 0.3 / (1 + max((depth for depth, _ in lines), default=0)))
    last_row: dict[int, int] = {}
    largest = max((node.amount_usd for _, node in lines), default=0.0) or 1.0
    for row, (depth, node) in enumerate(lines):
        color = COLORS.get(node.kind, plots.GREY)
        x = 0.015 + indent * depth
        if depth:
            elbow = x - indent
            outline.plot(
                [elbow, elbow, x],
                [last_row[depth - 1], row, row],
                color=plots.LIGHT,
                lw=1,
                zorder=0,
            )
        last_row[depth] = row
        outline.plot([x], [row], "o", color=color, markersize=5)
        outline.text(
            x + 0.018,
            row,
            _label(results, node, depth),
            va="center",
            fontsize=8.5,
            fontweight="bold" if node.is_default else "normal",
        )
        outline.text(
            0.985,
            row,
            words.money(node.amount_usd) if node.amount_usd > 0 else "",
            va="center",
            ha="right",
            fontsize=8.5,
        )
        days = results.x([node.day, node.last_day])
        timeline.plot(days, [row, row], color=color, lw=1.2, alpha=0.6)
        timeline.scatter(
            days[:1],
            [row],
            s=14 + 190 * max(node.amount_usd, 0.0) / largest,
            color=color,
            alpha=0.8,
            clip_on=False,
        )
    timeline.set(ylim=(height - 0.4, -0.6), yticks=[])
    timeline.spines["left"].set_visible(False)
    timeline.grid(True, axis="both")
    first, last = results.x([0, results.last_day])
    plots.date_axis(timeline, first, last, 5)


def _label(results: Results, node: Node, depth: int) -> str:
    if node.told:
        return node.told
    name = words.short(results.name(node.party), max(14, 34 - 2 * depth))
    what = {"default": "defaults", "perimeter_default": "project vehicle defaults"}.get(
        node.kind, words.kind(node.kind)
    )
    many = f" ×{node.events}" if node.events > 1 else ""
    why = f" ({words.cause(node.cause)})" if node.is_default and node.cause else ""
    return f"{name}: {what}{many}{why}"
