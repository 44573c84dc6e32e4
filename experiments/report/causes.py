"""What would not have happened: first-round and further rounds, in a sentence and a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..causes.causes import by_whom, family_name
from ..look import words
from ..results.facts import number, text
from ..results.handed_on import NONE, who
from .chapter import Chapter, heads

if TYPE_CHECKING:
    from ..results.results import Results

TITLE = "What would not have happened"
COLUMNS = ("How it came about", "Borrowers>", "Lenders>", "Loss>")
MOST_NAMES = 3


def chapters(results: Results) -> list[Chapter]:
    """The chapter, if companions of the run were made."""
    if results.causes is None:
        return []
    causes = results.causes
    parts = (causes.borrowers, causes.lenders, causes.losses)
    if causes.borrowers.total + causes.lenders.total + causes.losses.total <= 0.0:
        return [Chapter(TITLE, "Nothing fails, so nothing came through others.")]
    table = [
        _row("First round: in any case", [split.first for split in parts]),
        *(
            _row(f"Through {family_name(key)}", [split.through[key] for split in parts])
            for key in causes.borrowers.through
            if any(split.through[key] > 0.0 for split in parts)
        ),
        _row("All", [split.total for split in parts]),
        (
            "All over first round",
            text(results, "multiplier"),
            f"{causes.lenders.multiplier:.2f}"
            if math.isfinite(causes.lenders.multiplier)
            else NONE,
            text(results, "loss_multiplier"),
        ),
    ]
    if any(split.spared > 0.0 for split in parts):
        table.append(_row("Only without interactions", [split.spared for split in parts]))
    order = tuple(float(len(table) - place) for place in range(len(table)))
    return [Chapter(TITLE, _told(results), heads(*COLUMNS), tuple(table), order, "round")]


def _told(results: Results) -> str:
    """What the companions say, in sentences."""
    assert results.causes is not None
    failures = int(number(results, "borrowers_in_default"))
    told = (
        "The run is repeated with the same shocks and each way held still in which one failure "
        "reaches others, without a subsidy to anybody. "
    )
    if failures:
        would = text(results, "first_round")
        told += f"Of {words.times(failures, 'borrower')} in default {would} would be in any case"
        later = results.causes.borrowers.later
        if later:
            told += f", {int(later):,} of them more than a month later"
        told += ". "
    told += _by_whom(results)
    share = results.causes.losses.further / max(results.causes.losses.total, 1.0)
    return told + (
        f"Of what lenders lose on loans {words.percent(share)} would not be lost; of that through "
        f"sales of machines {words.money(results.causes.losses.through['hardware'])}."
    )


def _by_whom(results: Results) -> str:
    """Who handed on what came through others."""
    assert results.causes is not None
    handed = by_whom(results.causes)
    if not handed:
        return ""
    most = [
        f"{who(results, party, 99)} ({part:.2f})"
        for party, part in list(handed.items())[:MOST_NAMES]
    ]
    count = len(results.causes.shares)
    many = (
        f"{words.times(count, 'failure')} that came through others {'is' if count == 1 else 'are'}"
    )
    more = " and others" if len(handed) > MOST_NAMES else ""
    return (
        f"The {many} due to {', '.join(most)}{more}, in shares: a "
        f"failure hands on {text(results, 'reproduction')} of another, on average. "
    )


def _row(name: str, numbers: list[float]) -> tuple[str, ...]:
    borrowers, lenders, usd = numbers
    return name, _count(borrowers), _count(lenders), words.money(usd) if usd else NONE


def _count(number: float) -> str:
    if not number:
        return NONE
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
