"""Linked failures: the log as trees of what reacted to what; who failed after whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .results import rows

if TYPE_CHECKING:
    import pandas as pd


FAILURES = ("default", "lender_failed")  # a borrower or lender falls; trees count these
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
    "line_stopped",
    "order_cancelled",
    "hazard",
    "tenant_failed",
    "tenant_left",
    "renegotiated",
    "surrendered",
    "listed",
    "funding_run",
    "line_called",
    "amortises_early",
)
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
    told: str = ""  # in place of what party and kind say

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
    """The pruned and merged trees of a log, in order of their roots."""
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
    """Trees in which one failure touched another, cut at their first; the largest first."""
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


def _total(tree: Node) -> float:
    return sum(node.amount_usd for _, node in tree.walk())
