"""Failures that came through others, with those to whom shares of their causes fall, as trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..causes.causes import NOBODYS, by_whom, family_name
from ..look import words
from .cascades import MOST_ROWS, Node
from .results import rows

if TYPE_CHECKING:
    from ..causes.labels import Label
    from .results import Results

FAILS = ("default", "reorganised", "lender_failed", "loan_default")
MOST_NAMED = 4  # of a failure's causes
NONE = "\N{EN DASH}"


def in_words(label: Label | None) -> str:
    """How somebody came to fail, in a cell of a table."""
    if label is None:
        return NONE
    if label.through:
        return "through " + " and ".join(map(family_name, label.through))
    if label.later_without:
        names = " or ".join(map(family_name, label.later_without))
        return f"first round; {words.times(label.days, 'day')} later without {names}"
    return "first round"


def who(results: Results, party: str, longest: int = 34) -> str:
    """A party to whom a share falls, or that it falls to nobody in particular."""
    return party if party == NOBODYS else words.short(results.name(party), longest)


def contagious(results: Results) -> list[Node]:
    """Failures that came through others, the largest debt first; below each its largest shares."""
    causes = results.causes
    if causes is None:
        return []
    failed = results.events_of(*FAILS).drop_duplicates("party")
    columns = ("party", "kind", "cause", "day", "amount_usd")
    first = {row[0]: row for row in rows(failed, *columns)}
    trees = []
    for party, shares in causes.shares.items():
        if party not in first:
            continue
        _, kind, cause, day, amount = first[party]
        label = in_words(causes.by_party[party])
        told = f"{who(results, party)} fails {label}"
        node = Node(kind, party, cause, day, day, amount, told=told)
        ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        for other, part in ranked[:MOST_NAMED]:
            then = first[other][3] if other in first else day
            said = f"{part:.2f} due to {who(results, other)}"
            node.children.append(Node("share", other, "", then, then, 0.0, told=said))
        if rest := ranked[MOST_NAMED:]:
            said = f"{sum(part for _, part in rest):.2f} due to {words.times(len(rest), 'other')}"
            node.children.append(Node("share", "", "", day, day, 0.0, told=said))
        trees.append(node)
    return sorted(trees, key=lambda node: (-node.amount_usd, node.day))


def lines_of_shares(
    results: Results, most: int = MOST_ROWS
) -> tuple[list[tuple[int, Node]], int, str]:
    """As many of them as there is room for, how many are left out, and the finding."""
    trees = contagious(results)
    lines: list[tuple[int, Node]] = []
    shown = 0
    for tree in trees:
        own = list(tree.walk())
        if lines and len(lines) + len(own) > most:
            break
        lines += own
        shown += 1
    assert results.causes is not None
    total = len(results.causes.by_party)
    party, part = next(iter(by_whom(results.causes).items()))
    came = words.times(total, "failure came", "failures came")
    title = f"{len(trees):,} of {came} through others; most is due to {who(results, party)}, "
    return lines, len(trees) - shown, f"{title}{part:.2f} of a failure"
