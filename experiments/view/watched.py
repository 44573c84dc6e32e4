"""A market that is watched while it runs: stepped by one thread, read by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import solara

from ...market.model import CreditMarket
from ...market.opening.books import Books
from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario, read_settings, scenario_names
from ...market.state.events import Event
from ..look.memory import parties_of
from ..results.party_sheet import Sheet, party_sheet
from ..results.results import Results
from .turns import TURNS

if TYPE_CHECKING:
    import pandas as pd

PATIENCE_S, PAUSE_S = 2.0, 0.002
BLANK_PATIENCE_S, BLANK_PAUSE_S = 15.0, 0.05  # the same, while a page has no pictures yet
MOST_PARTIES = 300_000  # that a visitor may ask for
FROM_FILES = ("history",)  # keys that name files: for the command line only
NO_PAUSE = "never"


class Pause(NamedTuple):
    """What a market stops at: the first of such events, or each day that has one."""

    kinds: tuple[Event, ...]
    first: bool = True


PAUSES = {
    "at the first default": Pause((Event.DEFAULT, Event.REORGANISED)),
    "at each default": Pause((Event.DEFAULT, Event.REORGANISED), first=False),
    "at the first seizure": Pause((Event.SEIZURE,)),
    "when a lender fails or closes": Pause((Event.LENDER_FAILED, Event.SLEEVE_CLOSED), first=False),
}


class Choices:
    """What the next reset will open: a scenario that has passed every check.

    Only :meth:`change` and :meth:`load` alter it, and both refuse what the scenario's own rules
    refuse, so that no bad value ever reaches a market.
    """

    def __init__(self, scenario: Scenario, books: Books | None = None, beside: str = "") -> None:
        self.scenario = solara.reactive(scenario)
        self.books = books  # a user's own; the packaged ones else
        self.beside = solara.reactive(beside)  # name of a scenario to watch with it, or nothing
        self._started = parties_of(scenario)

    def load(self, name: str) -> None:
        """Choose another scenario, with all its own values.

        Raises:
            InputError: no such scenario, or a broken file.
        """
        self._take(Scenario.load(name))

    def change(self, key: str, value: Any) -> None:
        """Choose one value, ``key`` as in ``crypto.crash_depth``.

        Raises:
            InputError: unknown key, wrong type, out of range, or without effect; the choice stays
                as it was.
        """
        self._refuse_files(key)
        self._take(self.scenario.value.with_values({key: value}, "Here"))

    def change_all(self, settings: Sequence[str]) -> None:
        """Choose several values at once, each ``key=value``.

        Raises:
            InputError: as :meth:`change` does.
        """
        for setting in settings:
            if "=" not in setting:
                raise InputError(f"This address: '{setting[:40]}' is not of the form key=value.")
            self._refuse_files(setting.partition("=")[0].strip())
        if settings:
            self._take(self.scenario.value.with_values(read_settings(settings), "This address"))

    def set_beside(self, name: str) -> None:
        """Choose a scenario to be watched beside this one, on the same seed; none if empty.

        Raises:
            InputError: no such scenario.
        """
        if name and name not in scenario_names():
            raise InputError(f"There is no scenario '{name[:40]}' to watch beside this one.")
        self.beside.value = name

    @staticmethod
    def _refuse_files(key: str) -> None:
        if key.rpartition(".")[2] in FROM_FILES:
            raise InputError(f"{key} names a file; start the page with a scenario that has it.")

    def _take(self, scenario: Scenario) -> None:
        """A visitor's population is no larger than the page was started with, or than is usual."""
        most = max(MOST_PARTIES, self._started)
        if parties_of(scenario) > most:
            raise InputError(
                f"Here: {parties_of(scenario):,.0f} parties are too many for one visitor of this "
                f"page; at most {most:,.0f}."
            )
        self.scenario.value = scenario


class WatchedMarket(CreditMarket):
    """One visitor's market.

    Args:
        choices: what the visitor has chosen; its scenario is taken now and kept.
        seed: random seed, or a reactive one.
    """

    def __init__(self, choices: Choices, seed: int | solara.Reactive[int] = 1) -> None:
        self._books = threading.Lock()  # a day is either not begun or over when somebody reads
        number = seed if isinstance(seed, int) else seed.value
        own = choices.books if choices.scenario.value.opening.start == "2025" else None
        super().__init__(choices.scenario.value, rng=number, books=own)
        self._own_books = own
        self._left = False
        self.pause_at = NO_PAUSE  # a key of PAUSES, or that
        self.paused = ""  # why it stands, until it is resumed
        self.page: threading.Lock | None = None  # held while the page is being put together
        other = choices.beside.value
        self.beside = WatchedMarket(Choices(Scenario.load(other)), number) if other else None

    @property
    def scenario(self) -> Any:
        """Nothing: Mesa's page takes only scenarios of its own class. Ours is the simulation's."""
        return None

    @scenario.setter
    def scenario(self, _: object) -> None:
        """Mesa sets one of its own while it starts."""

    def leave(self) -> None:
        """The page shows another market, or nobody looks any more."""
        self._left = True

    def again(self) -> WatchedMarket:
        """The same market on its first day."""
        beside = self.beside.simulation.scenario.name if self.beside else ""
        return WatchedMarket(
            Choices(self.simulation.scenario, self._own_books, beside), self.simulation.seed
        )

    def resume(self) -> None:
        """Let days go on after a pause."""
        self.paused = ""
        self.running = not self.simulation.finished

    def step(self) -> None:
        """Simulate a day, once the page is not putting itself together and nobody's page is blank.

        A page whose state changes during every one of its passes never gets done, and one whose
        first pictures wait for days of others stays empty. Neither is waited for without end. Once
        the page is left, nothing runs any more.
        """
        if self._left or self.paused:
            self.running = False
            return
        if self.page is not None:
            latest = time.monotonic() + BLANK_PATIENCE_S
            while TURNS.somebody_is_blank and time.monotonic() < latest:
                time.sleep(BLANK_PAUSE_S)
        latest = time.monotonic() + PATIENCE_S
        while self.page is not None and self.page.locked() and time.monotonic() < latest:
            time.sleep(PAUSE_S)
        with self._books:
            before = self._happened()
            super().step()
            after = self._happened()
        if self.beside is not None and self.beside.running:
            self.beside.step()
        if after > before and (before == 0 or not PAUSES[self.pause_at].first):
            self.paused = f"Paused {self.pause_at}"
            self.running = False

    def _happened(self) -> int:
        """How many events there have been at which it is to pause."""
        rule = PAUSES.get(self.pause_at)
        if rule is None:
            return 0
        return int(np.isin(self.simulation.market.events["kind"], rule.kinds).sum())

    def results(self) -> Results:
        """What the report's figures draw from, as of today."""
        simulation = self.simulation
        with self._books:
            return Results.of(simulation, simulation.scenario, simulation.seed, loans=False)

    def log(self) -> pd.DataFrame:
        """Events so far."""
        with self._books:
            return self.simulation.events()

    def sheet(self, party: str) -> Sheet | None:
        """One party as of today."""
        with self._books:
            return party_sheet(self.simulation, party)
