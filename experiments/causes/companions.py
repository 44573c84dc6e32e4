"""Companions of a run: the same seed and shocks with families of interactions held still.

A run's companions are one for each family that can act in its scenario, and one in which all are
still. Everything a run draws hangs on its seed, a stream, the day and a party, so all of them have
the same prices from outside, accidents and buyers' views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.state.loans import of_claims
from .families import FAMILIES, Family, still

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.state.market import Market

NEVER = 2**30  # the day of what does not happen


class Outcome(NamedTuple):
    """What a run comes to."""

    failed_day: NDArray[np.int64]  # [borrower, then lender]; NEVER: it stands
    loss_usd: NDArray[np.float64]  # [loan], then cost of enforcement [lender]
    of_borrower: NDArray[np.int64]  # [loan, lender] whose debt a loss is on, -1: cost
    borrowers: int

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Who fails, borrowers first."""
        return self.failed_day < NEVER


class Companions(NamedTuple):
    """A run, its companions by family, and the one in which all families are still."""

    run: Outcome
    by_family: dict[str, Outcome]
    still: Outcome


def outcome_of(market: Market) -> Outcome:
    """Who has failed in a market so far and when, and what is lost on whom.

    A borrower fails when it defaults or reorganises for the first time, or when a lender with
    recourse enforces alone: without cross-default the firm may stand after that, and has defaulted
    all the same. Losses are those on loans to borrowers, at carrying values where claims are open.
    """
    count, lenders = market.borrower_count, len(market.lenders.kind)
    parties, loans, claims = market.parties, market.loans, market.claims
    day = np.full(count + lenders, NEVER, np.int64)
    failed = parties.default_day[: count + lenders] >= 0  # who reorganises has an event and no day
    day[failed] = parties.default_day[: count + lenders][failed]
    reorganised = parties.reorganised_day[:count].astype(np.int64)
    day[:count] = np.minimum(day[:count], np.where(reorganised >= 0, reorganised, NEVER))
    used = slice(0, int(claims.count[0]))
    personal = loans.recourse[claims.loan[used]]
    debtors = loans.borrower[claims.loan[used]][personal]
    np.minimum.at(day, debtors, claims.default_day[used][personal].astype(np.int64))
    lost = of_claims("written_down_usd", loans)
    on_loans = np.bincount(loans.lender, lost, lenders)
    return Outcome(
        failed_day=day,
        loss_usd=np.concatenate([lost, market.lenders.loss_usd - on_loans]),
        of_borrower=np.concatenate([loans.borrower, np.full(lenders, -1)]).astype(np.int64),
        borrowers=count,
    )


def companions_of(
    scenario: Scenario, run: Outcome, again: Callable[[Scenario], Outcome]
) -> Companions:
    """The companions of a run.

    Args:
        scenario: that of the run, as it was drawn.
        run: what the run came to.
        again: runs another scenario with the same seed and books.
    """

    def without(families: tuple[Family, ...]) -> Outcome:
        changed = still(scenario, families)
        return run if changed == scenario else again(changed)

    by_family = {family.key: without((family,)) for family in FAMILIES}
    return Companions(run, by_family, without(FAMILIES))


def run_again(
    seed: int, without: tuple[str, ...] = (), books: Books | None = None
) -> Callable[[Scenario], Outcome]:
    """Runs scenarios with a seed, on the packaged books or others; some parties do not fail."""
    from ...market.simulation import Simulation

    def again(scenario: Scenario) -> Outcome:
        simulation = Simulation(scenario, seed, books, keeps_book=False, without=without)
        return outcome_of(simulation.run().market)

    return again
