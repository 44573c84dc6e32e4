"""The Mesa shell: a market as a ``mesa.Model``, for scripts, data collectors, the browser.

``model.agents`` are thin views on rows (:mod:`market.mesa_agents`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa

from .mesa_agents import add_agents
from .opening.books import Books
from .opening.own_books import own_books
from .record.lending_network import lending_network
from .scenario.scenario import Scenario
from .simulation import Simulation
from .state.market import Market

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd


class CreditMarket(mesa.Model):
    """One market; a step is a day.

    Args:
        scenario: a scenario, or the name of one; ``crypto-crash`` by default.
        books: opening books, or the path of a folder of tables or of a loan tape; the packaged ones
            of the scenario's starting point by default.
        rng: a non-negative integer seed. Mesa's own generator is seeded with it too, but the market
            draws from counter-based streams of its own.

    Raises:
        InputError: an unknown scenario, or a history file or books that cannot be used.
        TypeError: ``rng`` is not an integer.

    Example:
        ``CreditMarket(Scenario.load("crypto-crash"), rng=7).run().summary()``
    """

    def __init__(
        self,
        scenario: Scenario | str = "crypto-crash",
        rng: int = 1,
        books: Books | Path | str | None = None,
    ) -> None:
        if type(rng) is not int or rng < 0:
            raise TypeError(f"rng must be a non-negative integer seed, not {rng!r}")
        super().__init__(rng=rng)
        if isinstance(scenario, str):
            scenario = Scenario.load(scenario)
        self.scenario_settings = scenario
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

    @property
    def series(self) -> pd.DataFrame:
        """One row per day."""
        return self.simulation.series()

    @property
    def events(self) -> pd.DataFrame:
        """The event log."""
        return self.simulation.events()

    def lending_network(self) -> nx.DiGraph:
        """Who owes whom, as a directed graph lender -> borrower."""
        return lending_network(self.market)
