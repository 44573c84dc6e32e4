"""Causal trees: who fell because of whom, read from the parents in the event log, and drawn.

The log is pruned to what a reader needs: defaults and failures, seizures, sales, liquidations and
weak lenders, with the triggers that led to a default. Siblings of one kind become one line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from experiments import style, words
from experiments.results import rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.results import Results

FAILURES = ("default", "lender_failed")  # a borrower or lender falls; cascades count these
DEFAULTS = (*FAILURES, "perimeter_default")
CONSEQUENCES = (
    "seizure",
    "hardware_sale",
    "btc_liquidation",
    "forced_sale",
    "lender_impaired",
    "sleeve_closed",
    "interlender_loss",
)
TRIGGERS = (
    "margin_call",
    "covenant_breach",
    "missed_payment",
    "not_refinanced",
    "order_cancelled",
    "hazard",
    "tenant_left",
    "renegotiated",
    "surrendered",
    "listed",
    "funding_run",
)
COLORS = {
    "default": style.RED,
    "perimeter_default": style.RED,
    "seizure": style.BLUE,
    "hardware_sale": style.GREEN,
    "btc_liquidation": style.ORANGE,
    "forced_sale": style.ORANGE,
    "lender_impaired": style.PURPLE,
    "sleeve_closed": style.PURPLE,
    "lender_failed": style.RED,
    "interlender_loss": style.PURPLE,
}
MOST_ROWS = 28


@dataclass
class Node:
    """One event, or several of one kind with one parent."""

    kind: str
    party: str
    cause: str
    day: int
    last_day: int
    amount_usd: float
    events: int = 1
    children: list[Node] = field(default_factory=list)

    @property
    def is_default(self) -> bool:
        """Whether a party, or a project vehicle, fails here."""
        return self.kind in DEFAULTS

    @property
    def is_failure(self) -> bool:
        """Whether a borrower or a lender fails here."""
        return self.kind in FAILURES

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """This node and all below it, with their depth, in the order they are drawn."""
        pending = [(depth, self)]
        while pending:
            depth, node = pending.pop()
            yield depth, node
            pending += [(depth + 1, child) for child in reversed(node.children)]

    def absorb(self, kind: str, party: str, day: int, amount_usd: float) -> bool:
        """Count one more event of this kind and party here, unless it is a default."""
        if self.is_default or (kind, party) != (self.kind, self.party):
            return False
        self.events += 1
        self.amount_usd += amount_usd
        self.last_day = max(self.last_day, day)
        return True

    @property
    def failed(self) -> list[str]:
        """The parties that fail in this tree, in order, each once."""
        return list(dict.fromkeys(node.party for _, node in self.walk() if node.is_failure))


def forest(events: pd.DataFrame) -> list[Node]:
    """The pruned and merged causal trees of a log, in order of their roots."""
    kept: dict[int, Node] = {}
    nearest: dict[int, int] = {-1: -1}  # event -> itself or its nearest kept ancestor
    children: dict[int, list[int]] = defaultdict(list)
    leads = _leads_to_default(events)
    columns = ("event", "kind", "party", "cause", "day", "amount_usd", "parent")
    for event, kind, party, cause, day, amount, parent in rows(events, *columns):
        above = nearest.get(parent, -1)
        if above in kept and kept[above].absorb(kind, party, day, amount):
            nearest[event] = above
        elif kind in DEFAULTS or kind in CONSEQUENCES or (kind in TRIGGERS and event in leads):
            kept[event] = Node(kind, party, cause, day, day, amount)
            children[above].append(event)
            nearest[event] = event
        else:
            nearest[event] = above
    for event in sorted(kept, reverse=True):  # children come after their parents
        kept[event].children = _merged([kept[child] for child in children[event]])
    return [kept[event] for event in children[-1]]


def cascades(trees: list[Node]) -> list[Node]:
    """Trees in which one failure led to another, cut at their first; the largest first."""
    firsts: list[Node] = []
    pending = list(trees)
    while pending:
        node = pending.pop()
        if node.is_failure:
            firsts.append(node)
        else:
            pending.extend(node.children)
    return sorted(
        (node for node in firsts if len(node.failed) > 1),
        key=lambda node: (-len(node.failed), -node.amount_usd, node.day),
    )


def _leads_to_default(events: pd.DataFrame) -> set[int]:
    """The events that have a default among their descendants."""
    parents = dict(rows(events, "event", "parent"))
    leads: set[int] = set()
    for event in events.loc[events["kind"].isin(DEFAULTS), "parent"].tolist():
        while event >= 0 and event not in leads:
            leads.add(event)
            event = parents.get(event, -1)
    return leads


def _merged(siblings: list[Node]) -> list[Node]:
    """Siblings with those of one kind and party in one node; defaults stay apart."""
    groups: dict[tuple[str, str], Node] = {}
    result: list[Node] = []
    for node in siblings:
        key = (node.kind, node.party)
        first = groups.get(key)
        if node.is_default or first is None:
            groups[key] = node
            result.append(node)
        else:
            first.events += node.events
            first.amount_usd += node.amount_usd
            first.day = min(first.day, node.day)
            first.last_day = max(first.last_day, node.last_day)
            first.children = _merged([*first.children, *node.children])
    return result


def pick(trees: list[Node], most: int = MOST_ROWS) -> tuple[list[tuple[int, Node]], int]:
    """At most ``most`` lines ``(depth, node)`` of some trees, and how many were left out.

    Defaults of the first tree come first, then other defaults, then the largest amounts; whatever
    leads to a line kept is kept too.
    """
    above: dict[int, Node] = {}
    lines = [line for tree in trees for line in tree.walk()]
    first = {id(node) for tree in trees[:1] for _, node in tree.walk()}
    for _, node in lines:
        for child in node.children:
            above[id(child)] = node
    chosen: set[int] = set()

    def rank(node: Node) -> tuple[bool, bool, float]:
        return not node.is_default, id(node) not in first, -node.amount_usd

    for _, node in sorted(lines, key=lambda line: rank(line[1])):
        path = [node]
        while id(path[-1]) in above:
            path.append(above[id(path[-1])])
        new = {id(step) for step in path} - chosen
        if len(chosen) + len(new) <= most:
            chosen |= new
    return [line for line in lines if id(line[1]) in chosen], len(lines) - len(chosen)


@style.styled
def cascade(results: Results) -> Figure:
    """Draw the largest cascades as an outline: each line is caused by the one it hangs from."""
    lines, hidden, title = chosen_lines(results)
    if not lines:
        return style.empty_figure(
            title, "No call, default, seizure or sale was forced in this run."
        )
    many = f" {words.times(hidden, 'smaller line')} left out." if hidden else ""
    return draw_lines(
        results,
        lines,
        title,
        "Each line is caused by the line it hangs from. Shown: defaults, seizures, sales, "
        "liquidations, and the triggers of defaults; × counts merged events. The largest failure "
        f"comes last if it stands alone and there is room.{many}",
    )


def chosen_lines(
    results: Results, most: int = MOST_ROWS
) -> tuple[list[tuple[int, Node]], int, str]:
    """The lines to draw of the largest cascades, how many are left out, and the finding."""
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
    lines, hidden = pick(drawn, most)
    return lines, hidden, title


def _total(tree: Node) -> float:
    return sum(node.amount_usd for _, node in tree.walk())


def _contagion_title(results: Results, trees: list[Node]) -> str:
    size = len(trees[0].failed)
    name = words.short(results.name(trees[0].party), 34)
    among = "the only cascade" if len(trees) == 1 else f"the largest of {len(trees)} cascades"
    return f"{name} takes {words.times(size - 1, 'other')} down, {among}"


def _chain_title(results: Results, trees: list[Node]) -> str:
    if not trees:
        return "Nothing was forced: no default, no seizure, no liquidation"
    if not trees[0].failed:
        return "Nobody defaults; the largest causal chain stops short of a failure"
    name = words.short(results.name(trees[0].failed[0]), 34)
    return f"No default leads to another; the largest causal chain: {name}"


def draw_lines(
    results: Results, lines: list[tuple[int, Node]], title: str, subtitle: str
) -> Figure:
    """An outline of ``(depth, node)`` lines beside a time line."""
    height = len(lines)
    figure, (outline, timeline) = style.new_figure(
        title,
        subtitle,
        columns=2,
        height_in=0.23 * height + 0.75,
        left_in=0.2,
        gridspec_kw={"width_ratios": (1.75, 1), "wspace": 0.02},
    )
    draw_outline(outline, timeline, results, lines, height)
    return figure


@style.styled
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
        color = COLORS.get(node.kind, style.GREY)
        x = 0.015 + indent * depth
        if depth:
            elbow = x - indent
            outline.plot(
                [elbow, elbow, x],
                [last_row[depth - 1], row, row],
                color=style.LIGHT,
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
    style.date_axis(timeline, first, last, 5)


def _label(results: Results, node: Node, depth: int) -> str:
    name = words.short(results.name(node.party), max(14, 34 - 2 * depth))
    what = {"default": "defaults", "perimeter_default": "project vehicle defaults"}.get(
        node.kind, words.kind(node.kind)
    )
    many = f" ×{node.events}" if node.events > 1 else ""
    why = f" ({words.cause(node.cause)})" if node.is_default and node.cause else ""
    return f"{name}: {what}{many}{why}"
