"""The Mesa shell: a market as a ``mesa.Model``, for scripts, data collectors, the browser.

``model.agents`` are thin views on rows (:mod:`market.mesa_agents`); ``model.loans`` and the other
frames are those of the engine with names beside ids and dates beside days; units are in ``attrs``.
"""

from __future__ import annotations

import html
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa

from .mesa_agents import add_agents
from .opening.books import Books
from .opening.own_books import own_books
from .record.dictionary import for_reading
from .record.lending_network import lending_network
from .scenario.scenario import Scenario
from .simulation import Simulation, seed_of
from .state.market import Market

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

SHOWN = (
    "btc_usd",
    "rent_h100_usd_h",
    "defaults_miner",
    "defaults_neocloud",
    "failures_lender",
    "loss_usd",
    "loans_outstanding_usd",
    "reported_ltv",
    "realisable_ltv",
)  # of the series, where a notebook shows a model


class CreditMarket(mesa.Model):
    """One market; a step is a day.

    Args:
        scenario: a scenario, or the name of one; ``crypto-crash`` by default.
        books: opening books, or the path of a folder of tables or of a loan tape; the packaged ones
            of the scenario's starting point by default.
        rng: a non-negative integer seed. Mesa's own generator is seeded with it too, but the market
            draws from counter-based streams of its own.
        settings: changes of the scenario, as of :meth:`Scenario.with_settings`: what
            ``mesa.batch_run`` varies.

    Raises:
        InputError: an unknown scenario or setting, or a history file or books that cannot be used.
        TypeError, ValueError: ``rng`` is no whole number from 0 on.

    Example:
        ``CreditMarket("crypto-crash", rng=7, days=60).run().summary()``
    """

    def __init__(
        self,
        scenario: Scenario | str = "crypto-crash",
        rng: int = 1,
        books: Books | Path | str | None = None,
        **settings: Any,
    ) -> None:
        rng = seed_of(rng)
        super().__init__(rng=rng)
        if isinstance(scenario, str):
            scenario = Scenario.load(scenario)
        scenario = scenario.with_settings(settings)
        if isinstance(books, str | Path):
            books = own_books(books, scenario)
        self.simulation = Simulation(scenario, rng, books)
        add_agents(self)
        self.running = True
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "day": "day",
                "btc_usd": lambda model: model.market.prices.btc_usd,
                "rent_h100_usd_h": lambda model: model.market.prices.rent_h100_usd_h,
                "loss_usd": lambda model: float(model.market.lenders.loss_usd.sum()),
                "defaults": lambda model: model.defaults,
            }
        )
        self.datacollector.collect(self)

    @property
    def scenario(self) -> Scenario:
        """What is assumed, judgements as drawn; Mesa's own notion of a scenario is not used."""
        return self.simulation.scenario

    @scenario.setter
    def scenario(self, _: object) -> None:
        """Mesa sets one of its own while it starts."""

    @property
    def day(self) -> int:
        """Days since the opening."""
        return self.simulation.day

    @property
    def date(self) -> date:
        """Calendar date."""
        return self.simulation.date

    @property
    def market(self) -> Market:
        """All tables of the market; read, do not write."""
        return self.simulation.market

    @property
    def defaults(self) -> int:
        """Borrowers that have failed or reorganised so far."""
        return int(self.market.has_defaulted.sum())

    def step(self) -> None:
        """Simulate a day; after the scenario's last day the model stops running."""
        if self.simulation.finished:
            self.running = False
            return
        self.simulation.step()
        self.datacollector.collect(self)
        self.running = not self.simulation.finished

    def run(self) -> CreditMarket:
        """Simulate to the last day; returns itself."""
        while self.running:
            self.step()
        return self

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        return self.simulation.summary()

    def _frame(self, kind: str, frame: pd.DataFrame) -> pd.DataFrame:
        return for_reading(frame, kind, self.market.crypto.start, self.simulation.names())

    @property
    def series(self) -> pd.DataFrame:
        """One row per day, by date."""
        return self._frame("series", self.simulation.series())

    @property
    def events(self) -> pd.DataFrame:
        """The event log."""
        return self._frame("events", self.simulation.events())

    @property
    def loans(self) -> pd.DataFrame:
        """Every loan as it stands."""
        return self._frame("loans", self.simulation.loans())

    @property
    def lenders(self) -> pd.DataFrame:
        """Every lender as it stands."""
        return self._frame("lenders", self.simulation.lenders())

    @property
    def book(self) -> pd.DataFrame:
        """Order-book ladders of auctions."""
        return self._frame("book", self.simulation.book())

    @property
    def sales(self) -> pd.DataFrame:
        """What each auction cleared at."""
        return self._frame("sales", self.simulation.sales())

    @property
    def illusion(self) -> pd.DataFrame:
        """What collateral is reported at, trades at and would bring, by day, lender and class."""
        return self._frame("illusion", self.simulation.illusion())

    @property
    def absorption(self) -> pd.DataFrame:
        """The same for all lenders together, and the money that bids."""
        return self._frame("absorption", self.simulation.absorption())

    def __repr__(self) -> str:
        run, lost = self.simulation, float(self.market.lenders.loss_usd.sum())
        return (
            f"<CreditMarket {run.scenario.name}, seed {run.seed}: day {self.day:,} of "
            f"{run.scenario.days:,} ({self.date}), {self.defaults} "
            f"borrower{'s' * (self.defaults != 1)} in default, ${lost / 1e6:,.0f}m lost by lenders>"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        last = self.series.tail(1).T
        means = self.series.attrs
        rows = "".join(
            f"<tr><td>{column}</td><td>{value:,.4g}</td><td>{means['units'][column]}</td></tr>"
            for column, value in last.iloc[:, 0].items()
            if column in SHOWN
        )
        return f"{html.escape(repr(self))}<table>{rows}</table>"

    def lending_network(self) -> nx.DiGraph:
        """Who owes whom, as a directed graph lender -> borrower."""
        return lending_network(self.market)
