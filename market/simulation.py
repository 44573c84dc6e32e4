"""A market one can run: open the books, step through days, read the results.

This is the engine without a shell. :class:`market.model.CreditMarket` wraps it for Mesa.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .compile_ahead import compile_ahead
from .day import run_day
from .first_day import open_books
from .lenders.notes import note_spreads
from .opening.beliefs import believe
from .opening.books import Books
from .opening.open_market import open_market
from .opening.starting_points import STARTING_POINTS, starting_point
from .opening.synthetic.open import open_synthetic, synthetic_books
from .prices.history import OpeningQuotes
from .prices.noise import DRAWN, Shocks
from .prices.paths import PricePaths, longer_paths, price_paths
from .record.kept_frames import (
    absorption_frame,
    book_frame,
    illusion_frame,
    sales_frame,
    series_frame,
)
from .record.largest_borrower import Resolved
from .record.summary import summarise
from .resolution import resolve
from .scenario.errors import InputError
from .scenario.nearest import did_you_mean
from .scenario.numbers import MOST_SEED
from .scenario.scenario import Scenario
from .state.finite import insist_on_numbers
from .state.journal import insist, make_room
from .state.names import NumberedNames, TitleById

if TYPE_CHECKING:
    import pandas as pd

    from .state.market import Market


def seed_of(given: object) -> int:
    """A seed as Python's own integer; NumPy's are taken too.

    Raises:
        TypeError: no whole number.
        ValueError: one below 0 or above 2^63 - 1.
    """
    if isinstance(given, bool) or not isinstance(given, numbers.Integral):
        raise TypeError(f"rng must be a whole number, the seed, not {given!r}")
    seed = int(given)
    if not 0 <= seed <= MOST_SEED:
        raise ValueError(f"rng must be from 0 to 2**63 - 1, not {seed}")
    return seed


def party_named(market: Market, name: str) -> int:
    """The borrower or lender of an id, or of a display name.

    Raises:
        InputError: there is none.
    """
    ids, titles = market.names.parties, market.names.titles
    for names in (ids, titles):
        try:
            party = names.index(name)
        except ValueError:
            continue
        if party < market.first_buyer:
            return party
    raise InputError(
        f"--without: no borrower or lender is called {name}"
        f"{did_you_mean(name, [*ids[: market.first_buyer], *titles[: market.first_buyer]])}."
    )


class Simulation:
    """One market under one scenario and seed.

    Args:
        scenario: what is assumed; with ``opening.beliefs`` its judgements are drawn, and
            :attr:`scenario` has what was.
        seed: a non-negative integer; the same scenario and seed give the same bits.
        books: opening books, before any draw; the packaged ones of the starting point by default.
        keeps_book: whether :meth:`book` will be asked for.
        without: ids of borrowers and lenders that do not fail: what they lack comes from outside.

    Raises:
        InputError: a history file that cannot be used, or nobody of a name in ``without``.
        TypeError, ValueError: a seed that is none.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        books: Books | None = None,
        keeps_book: bool = True,
        without: Collection[str] = (),
    ) -> None:
        seed = seed_of(seed)
        scenario = believe(scenario, seed)
        if books is None:
            books = starting_point(scenario).read()
        if scenario.opening.sample:  # first of all: views and supply are read off the drawn books
            books = STARTING_POINTS[books.start].sample(books, seed)
        opens = open_market
        if scenario.opening.start == "synthetic":
            books, opens = synthetic_books(books, scenario), open_synthetic
        compile_ahead()
        market = opens(books, scenario, seed)
        market.today.keeps_book = keeps_book
        self.quotes = OpeningQuotes(
            books.opening_date,
            market.prices.btc_usd,
            market.prices.eth_usd,
            books.quotes["fee_share"],
            dict(zip(market.names.hardware, market.hardware.quality.tolist(), strict=True)),
        )
        self.market = market
        self.take_paths(seed)
        self.resolution: Resolved | None = None
        open_books(market, books)
        self.without = tuple(without)
        for name in self.without:
            market.parties.made_whole[party_named(market, name)] = True
        self.principal_open_usd = market.loans.principal_usd.copy()

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.market.scenario

    @property
    def seed(self) -> int:
        """The seed."""
        return self.market.seed

    @property
    def day(self) -> int:
        """Days since the opening."""
        return self.market.day

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.market.date

    @property
    def note(self) -> str:
        """A remark on the input that the user should see; empty if none."""
        return self.market.crypto.note

    @property
    def finished(self) -> bool:
        """Whether the scenario's last day has been simulated."""
        return self.day >= self.scenario.days

    def take_paths(self, seed: int, given: Shocks = DRAWN) -> Simulation:
        """Before the first day: prices, demand and money as a seed draws them; returns itself.

        Daily shocks that are ``given`` by stream (:mod:`market.prices.noise`) stand instead.
        """
        self._paths_of = seed, given
        paths = price_paths(self.scenario, self.scenario.days, seed, self.quotes, given)
        self.market.macro, self.market.crypto, self.market.compute = paths
        return self

    def step(self) -> None:
        """Simulate one day.

        Raises:
            BooksError: it ended with books that do not balance; or, the last, with tables in which
                there is no number where there must be one.
        """
        make_room(self.market)
        run_day(self.market)
        insist(self.market)
        if self.finished:
            insist_on_numbers(self.market)

    def run(self) -> Simulation:
        """Simulate to the scenario's last day; returns itself."""
        while not self.finished:
            self.step()
        return self

    def longer_paths(self) -> PricePaths:
        """The run's paths, and what they do until the last claim must be settled."""
        market, scenario = self.market, self.scenario
        paths = PricePaths(market.macro, market.crypto, market.compute)
        seed, given = self._paths_of
        more = scenario.longest_claim_days
        return longer_paths(paths, scenario, more, seed, self.quotes, given)

    def resolve(self, watch: Callable[[Market], None] | None = None) -> Simulation:
        """Settle the claims that are open today (see :mod:`market.resolution`); returns itself.

        Figures stay those of today; the summary gets the loss of loans defaulted by now once they
        are settled. ``watch`` sees the market after each day until then.
        """
        self.resolution = resolve(self.market, self.longer_paths(), watch)
        return self

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        return summarise(self.market, self.resolution)

    def series(self) -> pd.DataFrame:
        """One row per day."""
        return series_frame(self.market)

    def book(self) -> pd.DataFrame:
        """Order-book ladders."""
        return book_frame(self.market)

    def sales(self) -> pd.DataFrame:
        """Auctions that cleared, with their price and what was sold by force."""
        return sales_frame(self.market)

    def illusion(self) -> pd.DataFrame:
        """Paper and realisable value of collateral by day, lender and class."""
        return illusion_frame(self.market)

    def absorption(self) -> pd.DataFrame:
        """Paper collateral of a class against what 90 days of bids absorb."""
        return absorption_frame(self.market)

    def events(self, rows: NDArray[np.int64] | None = None) -> pd.DataFrame:
        """The event log, or some rows of it."""
        from .record.frames import event_frame

        return event_frame(self.market, rows)

    def loans(self) -> pd.DataFrame:
        """Every loan as it stands."""
        from .record.frames import loan_frame

        return loan_frame(self.market, self.principal_open_usd)

    def issuer_spreads(self) -> dict[str, float]:
        """Spread over the reference rate of each issuer's notes in funds today, a year.

        Weighted by principal; as :mod:`market.lenders.notes` marks them. Issuers without a note
        that is paid are left out.
        """
        loans, names = self.market.loans, self.market.names.parties
        spreads = note_spreads(self.market)
        marked = np.isfinite(spreads)
        owed = np.where(marked, loans.principal_usd, 0.0)
        totals = np.bincount(loans.borrower, owed)
        paid = np.bincount(loans.borrower, owed * np.where(marked, spreads, 0.0))
        return {names[b]: float(paid[b] / totals[b]) for b in np.flatnonzero(totals > 0.0).tolist()}

    def lenders(self) -> pd.DataFrame:
        """Every lender as it stands."""
        from .record.frames import lender_frame

        return lender_frame(self.market)

    def names(self) -> Mapping[str, str]:
        """Display name of every party id."""
        ids, titles = self.market.names.parties, self.market.names.titles
        if isinstance(ids, NumberedNames):
            return TitleById(ids, titles)
        return dict(zip(ids, titles, strict=True))
