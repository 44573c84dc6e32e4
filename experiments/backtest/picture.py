"""What the figures of a back-test are drawn from, and where dates stand on their axes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..look.intervals import Estimate
from .crises import Crisis
from .evaluate import Known
from .findings import Failure, Findings

EPOCH = dt.date(1970, 1, 1)


SHOWN_FROM = 0.25  # probability of an unscored name in the timeline


@dataclass(frozen=True)
class Picture:
    """All that figures and pages are drawn from; ``later`` is the arm that knows later draws."""

    crisis: Crisis
    found: Findings
    later: Findings
    known: Known
    score: Mapping[str, Any]
    compared: Mapping[str, Mapping[str, Estimate]]


def place(date: dt.date) -> float:
    """A date on matplotlib's axis."""
    return float((date - EPOCH).days)


def middle(month: str) -> float:
    """The middle of a month on matplotlib's axis."""
    return place(dt.date.fromisoformat(f"{month}-15"))


def shown(picture: Picture) -> list[list[Failure]]:
    """Three groups: scored borrowers and scored lenders by actual date, others that often fail.

    Survivors stand after those that failed, the likeliest first.
    """
    found, outcomes = picture.found, picture.known.outcomes
    never = found.opening + dt.timedelta(days=36500)

    def by_date(failure: Failure) -> tuple[dt.date, float]:
        outcome = outcomes[failure.id]
        date = outcome.date if outcome.defaulted else None
        return date or never, -failure.probability.value

    others = [
        failure
        for name, failure in (found.borrowers | found.lenders).items()
        if name not in {*outcomes, *found.small, *found.scope.imposed}
        and failure.probability.value >= SHOWN_FROM
    ]
    return [
        *(
            sorted((f for f in failures.values() if f.id in outcomes), key=by_date)
            for failures in (found.borrowers, found.lenders)
        ),
        sorted(others, key=lambda failure: -failure.probability.value),
    ]
