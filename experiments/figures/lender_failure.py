"""How a lender came to fail: from the first event that touched it to its last creditor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import plots, words
from ..results.cascades import Node
from ..results.results import rows
from . import cascade

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..results.results import Results

FAILURES = ("lender_failed", "sleeve_closed")
LARGEST_LOSSES = 6
STEPS = (
    "shock",
    "margin_call",
    "covenant_breach",
    "missed_payment",
    "not_refinanced",
    "tenant_failed",
    "tenant_left",
    "hazard",
    "default",
    "hardware_sale",
    "write_down",
    "funding_run",
    "interlender_loss",
    *FAILURES,
)
"""What the tree shows; everything else between two of these is passed over."""


@plots.styled
def lender_failure(results: Results) -> Figure:
    """Draw the largest failure: its largest losses, what came before, and its creditors."""
    events = results.events
    failed = events[events["kind"].isin(FAILURES)]
    if failed.empty:
        weak = words.times(len(results.impaired), "lender")
        return plots.empty_figure(
            "No lender fails",
            f"{weak} fell below minimum capital." if results.impaired else "None came close.",
        )
    outright = failed[failed["kind"] == FAILURES[0]]
    worst = (outright if len(outright) else failed).nlargest(1, "amount_usd").iloc[0]
    lender, event = str(worst["party"]), int(worst["event"])
    own = events[(events["kind"] == "write_down") & (events["party"] == lender)]
    own = own[own["event"] <= event].nlargest(LARGEST_LOSSES, "amount_usd")
    creditors = events[(events["kind"] == "interlender_loss") & (events["counterparty"] == lender)]
    trees = tree_of(events, [*own["event"], event, *creditors["event"]])
    lines = [line for tree in trees for line in tree.walk()]
    outside = any(node.kind == "shock" for _, node in lines)
    lost = float(creditors["amount_usd"].sum())
    what = "failure" if worst["kind"] == FAILURES[0] else "closure"
    title = f"{words.short(results.name(lender), 34)}: {what} on day {int(worst['day'])}"
    title += f"; other lenders lose {words.money(lost)} on it" if lost > 0 else ""
    return cascade.draw_lines(
        results,
        lines,
        title,
        f"Each line reacts to the line it hangs from. {_shown(len(own), outside)}, and what its "
        "creditors among lenders lose.",
    )


def _shown(losses: int, outside: bool) -> str:
    """What came before a failure, as far as the tree shows it."""
    if losses:
        return f"Its {words.times(losses, 'largest loss', 'largest losses')}, what came before each"
    return "What struck it from outside" if outside else "What came before its failure"


def tree_of(events: pd.DataFrame, targets: list[int]) -> list[Node]:
    """Trees of the target events and of the steps before them, in order of their roots.

    A step that repeats the one above it (a covenant breached quarter after quarter) is merged. A
    shock is a step if it strikes a party; its amount is no money.
    """
    columns = ("event", "kind", "party", "cause", "day", "amount_usd", "parent")
    log = {row[0]: row for row in rows(events, *columns)}
    kept: set[int] = set()
    for target in targets:
        step = target
        while step >= 0 and step in log:
            if log[step][1] in STEPS and log[step][2]:
                kept.add(step)
            step = log[step][6]
    nodes: dict[int, Node] = {}
    roots: list[Node] = []
    for event in sorted(kept):
        _, kind, party, cause, day, amount, above = log[event]
        while above >= 0 and above not in kept:
            above = log[above][6]
        if above >= 0 and nodes[above].absorb(kind, party, day, amount):
            nodes[event] = nodes[above]  # the same again: one line
            continue
        usd = 0.0 if kind == "shock" else amount
        nodes[event] = Node(kind, party, cause, day, day, usd)
        (nodes[above].children if above >= 0 else roots).append(nodes[event])
    return roots
