"""Causes of a run: labels of who failed, and first-round and further rounds of failures and losses.

Totals stand under ``contagion`` in a run's summary, who failed how and because of whom in
``causes.json``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from ...agents.compiling import process
from .companions import companions_of, outcome_of, run_again
from .families import FAMILIES, NAMES, TOGETHER, still
from .labels import Label, Split, labels, split_failures, split_losses
from .shares import NOBODY, find_shares

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ...market.state.market import Market
    from .companions import Companions, Outcome

NOBODYS = "nobody in particular"
MOST_BORROWER_DAYS = 500_000
"""Of a small market: its companions are run by default. Books of 2025 have 116,000 in two years."""


class Causes(NamedTuple):
    """How failures and losses of a run came about."""

    by_party: dict[str, Label]  # who failed, by id, in order of their days
    shares: dict[str, dict[str, float]]  # of each failure in a further round, by whom
    borrowers: Split
    lenders: Split
    losses: Split  # USD


def is_small(simulation: Simulation) -> bool:
    """Whether companions of a run take seconds only."""
    borrower_days = simulation.market.borrower_count * simulation.scenario.days
    return borrower_days <= MOST_BORROWER_DAYS


def causes_of(companions: Companions, market: Market) -> Causes:
    """What the companions of a run say, and among whom its log divides what came of others."""
    found, names = labels(companions), market.names.parties
    return Causes(
        by_party={names[party]: one for party, one in found.items()},
        shares={
            names[party]: {
                NOBODYS if who == NOBODY else names[who]: part for who, part in of.items()
            }
            for party, of in find_shares(market, found).items()
        },
        borrowers=split_failures(companions),
        lenders=split_failures(companions, lenders=True),
        losses=split_losses(companions),
    )


def find_causes(
    simulation: Simulation, books: Books | None = None, *, one_by_one: bool = False
) -> Causes:
    """Run the companions of a finished run, several at a time or one by one, and compare.

    ``books``: those that it was opened with, if they are not the packaged ones.
    """
    scenario, run = simulation.scenario, outcome_of(simulation.market)
    again = run_again(simulation.seed, simulation.without, books)
    if not one_by_one:
        again = at_once(scenario, again)
    return causes_of(companions_of(scenario, run, again), simulation.market)


def at_once(
    scenario: Scenario, again: Callable[[Scenario], Outcome]
) -> Callable[[Scenario], Outcome]:
    """``again`` for the companions of a scenario, of which all are run ahead on all cores."""
    worlds = [still(scenario, (family,)) for family in FAMILIES] + [still(scenario, FAMILIES)]
    wanted = [world for world in worlds if world != scenario]
    with ThreadPoolExecutor(process.cores()) as pool:
        made = list(pool.map(again, wanted))

    def found(changed: Scenario) -> Outcome:
        return made[wanted.index(changed)]

    return found


def by_whom(causes: Causes) -> dict[str, float]:
    """What each party has handed on, in failures of others; who handed on most first."""
    total: dict[str, float] = {}
    for of in causes.shares.values():
        for who, part in of.items():
            total[who] = total.get(who, 0.0) + part
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def handed_on(causes: Causes) -> float:
    """Failures of others that those who failed have handed on, in shares."""
    failed = causes.by_party.keys()
    return sum(part for who, part in by_whom(causes).items() if who in failed)


def reproduction_number(causes: Causes) -> float:
    """Failures that a failure hands on, on average: shares of those who failed themselves."""
    failed = len(causes.by_party)
    return handed_on(causes) / failed if failed else 0.0


def family_name(key: str) -> str:
    """A family after "through"."""
    return "several together" if key == TOGETHER else NAMES[key]


def in_summary(causes: Causes) -> dict[str, Any]:
    """What a run's summary says of it; numbers at 12 digits, unknown ones null."""
    return {
        "borrowers": _of(causes.borrowers),
        "lenders": _of(causes.lenders),
        "loss_usd": _of(causes.losses),
        "handed_on": _number(handed_on(causes)),
        "reproduction_number": _number(reproduction_number(causes)),
    }


def as_json(causes: Causes) -> dict[str, Any]:
    """What ``causes.json`` holds: failures with labels and shares, and what each handed on."""
    return {
        "failures": {
            party: {
                "round": "first" if one.first_round else "further",
                "through": list(one.through),
                "later_without": list(one.later_without),
                "days_later": one.days,
                "shares": {
                    who: _number(part) for who, part in causes.shares.get(party, {}).items()
                },
            }
            for party, one in causes.by_party.items()
        },
        "handed_on": {who: _number(part) for who, part in by_whom(causes).items()},
    }


def _of(split: Split) -> dict[str, Any]:
    through = {key: _number(amount) for key, amount in split.through.items()}
    return {
        "first_round": _number(split.first),
        "later": _number(split.later),
        "further": _number(split.further),
        "through": through,
        "spared": _number(split.spared),
        "multiplier": _number(split.multiplier),
    }


def _number(amount: float) -> float | None:
    return float(f"{amount:.12g}") if math.isfinite(amount) else None
