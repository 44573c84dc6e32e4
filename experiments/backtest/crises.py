"""The crises that are replayed, and all in which they differ."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ...market.scenario.errors import InputError
from .scope import Scope, scope, scope_of_books


@dataclass(frozen=True)
class Crisis:
    """One past, and what is asked of it.

    Attributes:
        year: by which the command knows it.
        scenario: the packaged scenario that replays it.
        title: of its page.
        peak: of bitcoin before the fall.
        rigs_j_th: efficiency of the class of rigs whose price is published as ``asic_price``.
        scored: whether what happened is in the tables of labels; if not, the forecast stands alone.
    """

    year: str
    scenario: str
    title: str
    peak: dt.date
    rigs_j_th: tuple[float, float]
    scored: bool

    @property
    def rigs(self) -> str:
        """That class in words."""
        return "{:g} to {:g} J/TH".format(*self.rigs_j_th)

    def scope(self) -> Scope:
        """Whom it reports on."""
        return scope() if self.scored else scope_of_books(self.scenario)


CRISES = {
    crisis.year: crisis
    for crisis in (
        Crisis(
            year="2022",
            scenario="backtest-2022",
            title="Back-test: the miner credit crisis of 2022",
            peak=dt.date(2021, 11, 10),
            rigs_j_th=(25.0, 38.0),
            scored=True,
        ),
        Crisis(
            year="2026",
            scenario="backtest-2026",
            title="Forecast: the fall of bitcoin from October 2025",
            peak=dt.date(2025, 10, 5),
            rigs_j_th=(11.0, 18.0),
            scored=False,
        ),
    )
}


def crisis_of(year: str) -> Crisis:
    """The crisis of a year.

    Raises:
        InputError: none is known.
    """
    if year not in CRISES:
        raise InputError(f"There is no back-test of '{year}'; allowed: {', '.join(CRISES)}.")
    return CRISES[year]
