"""What policy costs in a run, in a sentence and a table: a row for each lever in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..look import words
from .chapter import Chapter, heads

if TYPE_CHECKING:
    from ..results.results import Results

TITLE = "What policy costs"
COLUMNS = (
    "Lever",
    "Purse>",
    "Spent or lent>",
    "Got back>",
    "Holds or is owed>",
    "Net cost>",
    "Else",
)
NONE = "\N{EN DASH}"
ASKED = {
    "withheld_credit_usd": "credit withheld on machines bought",
    "shortened_credit_usd": "credit given for a shorter term",
    "suspended_claims_usd": "of loans in breach had to wait, at the most",
    "required_capital_usd": "more capital at the opening",
    "raises_marks_usd": "on marks of pledged machines, at the end",
}
"""What a lever that spends no money asks of others."""


def levers(results: Results) -> dict[str, dict[str, Any]]:
    """The levers in force, and their figures."""
    policy = results.summary["policy"]
    return {name: figures for name, figures in policy.items() if isinstance(figures, dict)}


def chapters(results: Results) -> list[Chapter]:
    """One chapter where a lever is in force, else none."""
    in_force = levers(results)
    if not in_force:
        return []
    table = tuple(_row(name, figures) for name, figures in in_force.items())
    weights = tuple(
        max(abs(usd) for usd in figures.values() if isinstance(usd, float))
        for figures in in_force.values()
    )
    return [
        Chapter(TITLE, in_a_sentence(results), heads(*COLUMNS), table, weights, "dollars", "lever")
    ]


def in_a_sentence(results: Results) -> str:
    """What the public purse spent and has; what no single run can say. Empty without a lever."""
    in_force = levers(results)
    if not in_force:
        return ""
    said = [_said(name, figures) for name, figures in in_force.items()]
    cost = results.summary["policy"]["net_cost_usd"]
    paid = [figures for figures in in_force.values() if "net_cost_usd" in figures]
    total = [f"In all, policy costs {words.money(cost)} net."] * (len(paid) > 1)
    return " ".join(
        [
            *said,
            *total,
            "What that is worth shows beside the same run without it: firesale sweep policies.",
        ]
    )


def _said(name: str, figures: dict[str, Any]) -> str:
    who = f"The {_spoken(name)}"
    out, back, held = _flows(figures)
    if out is None:
        key = next(key for key in ASKED if key in figures)
        usd, what = words.money(figures[key], key == "raises_marks_usd"), ASKED[key]
        if figures[key] == 0.0:
            return f"{who} changes nothing that is counted: {usd} {what}."
        return f"{who} costs no public money: {usd} {what}."
    if out == 0.0:
        return f"{who} has {words.money(figures['available_usd'])}, none of it used."
    net = words.money(figures["net_cost_usd"])
    if "lent_usd" in figures:
        return (
            f"{who} lends {words.money(out)}, gets {words.money(back)} back with interest and is "
            f"owed {words.money(held)}: net cost {net}."
        )
    return (
        f"{who} spends {words.money(out)} ({words.money(figures['storage_usd'])} of it on storage) "
        f"and sells nothing; one sale of what it holds would bring {words.money(held)} today, "
        f"{words.money(figures['held_90_days_usd'])} within 90 days: net cost {net}."
    )


def _flows(figures: dict[str, Any]) -> tuple[float | None, float, float]:
    """Money out, money back, and what is held or owed [USD]; out is None where none is spent."""
    out = figures.get("spent_usd", figures.get("lent_usd"))
    held = figures.get("held_usd", figures.get("owed_usd", 0.0))
    return out, figures.get("got_back_usd", 0.0), held


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    out, back, held = _flows(figures)
    asked = [
        f"{words.money(figures[key], key == 'raises_marks_usd')} {what}"
        for key, what in ASKED.items()
        if key in figures
    ]
    if out is None:
        return (words.capital(_spoken(name)), NONE, NONE, NONE, NONE, NONE, asked[0])
    unused = "not used" if out == 0.0 else ""
    money = (figures["available_usd"], out, back, held, figures["net_cost_usd"])
    return (words.capital(_spoken(name)), *map(words.money, money), unused)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
