"""What a run says of each loan: balance-years, default, loss in the end, and exit.

An observer looks at the tables between two days. It reads, and changes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...agents.party import Status
from ...market.state.events import Event
from ...market.state.loans import NO_GROWTH, LoanStatus
from ...market.state.names import names_of

if TYPE_CHECKING:
    import pandas as pd

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ...market.state.market import Market
    from ..sweeps.execute import Outcome

Reals = NDArray[np.float64]

QUARTER_DAYS = 91.25
DAYS_PER_YEAR = 365.0
DUST_USD = 1.0
EXITS = ("open", "repaid", "rolled", "converted", "reorganised", "defaulted")
"""How a loan stands at the horizon; who defaulted or reorganised is neither rolled nor repaid."""
COLUMNS = {
    "loan": "id",
    "from_books": "it was there at the opening; else a facility for machines ordered later",
    "balance_open_usd": "drawn at the opening",
    "undrawn_open_usd": "committed beyond",
    "balance_years_usd": "integral of discount factor times performing balance",
    "earned_usd": "discounted interest above the reference rate on that balance",
    "default_day": "first default, -1 if none",
    "claim_usd": "claims with interest at default, discounted",
    "loss_usd": "the same less what they brought, discounted, once all is settled",
    "hazard_usd": "control of mean zero: balance struck by the operating hazard, less its mean",
    "exit": "number in EXITS",
    "last_recovery_day": "on which money came last, -1 if none did",
    "balance_musd": "performing balance at the opening and at the end of each quarter",
    "claims_musd": "claims by quarter of default",
    "recovered_musd": "what claims brought, by quarter, those after the horizon included",
    "spread_musd": "interest above the reference rate, by quarter",
}
"""Columns of an observation, one row per loan and run."""


class Observer:
    """Adds up what happens to each loan of a market; call it after each day."""

    def __init__(self, market: Market) -> None:
        loans, count = market.loans, len(market.loans.status)
        self.opening_usd = loans.principal_usd.copy()
        self.undrawn_usd = loans.undrawn_usd.copy()
        self.balance = self._performing(market)
        self.discount = 1.0
        self.settling = False  # past the horizon: only claims of before count
        self._claims = self._events = 0
        self._recovered: Reals = np.zeros(0)
        sums = {"years", "earned", "claims", "brought", "hazard"}
        self.sums = {name: np.zeros(count) for name in sums}
        self.default_day = np.full(count, -1)
        self.last_recovery_day = np.full(count, -1)
        self.rolled = np.zeros(count, bool)
        self.converted = np.zeros(count, bool)
        self.quarters: dict[str, list[Reals]] = {
            "balance": [self.balance.copy()], "claims": [], "recovered": [], "spread": []
        }  # fmt: skip

    @staticmethod
    def _performing(market: Market) -> Reals:
        loans = market.loans
        return np.where(loans.status == LoanStatus.PERFORMING, loans.principal_usd, 0.0)

    def __call__(self, market: Market) -> None:
        """Look at the market at the end of a day."""
        reference, day = market.prices.reference_rate, market.today.day
        self.discount *= math.exp(-reference / DAYS_PER_YEAR)
        quarter = math.ceil(day / QUARTER_DAYS) - 1
        while len(self.quarters["recovered"]) <= quarter:
            for name in ("claims", "recovered", "spread"):
                self.quarters[name].append(np.zeros(len(self.balance)))
        self._look_at_claims(market, quarter)
        if self.settling:
            return
        self._look_at_events(market)
        loans = market.loans
        balance = self._performing(market)
        years = balance / DAYS_PER_YEAR
        floor = np.where(loans.floating, 0.0, reference)
        spread = (loans.rate_or_spread - floor) * years
        self.sums["years"] += self.discount * years
        self.sums["earned"] += self.discount * spread
        self.quarters["spread"][quarter] += spread
        self.balance = balance
        if math.ceil((day + 1) / QUARTER_DAYS) - 1 > quarter:
            self.quarters["balance"].append(balance)

    def _look_at_claims(self, market: Market, quarter: int) -> None:
        """New claims, and money that came for old ones since yesterday."""
        claims, before = market.claims, self._claims
        count = before if self.settling else int(claims.count[0])
        rows = claims.loan[:count]
        if count > before:
            new = rows[before:]
            owed = claims.claim_usd[before:count]
            np.add.at(self.sums["claims"], new, self.discount * owed)
            np.add.at(self.quarters["claims"][quarter], new, owed)
            first = new[self.default_day[new] < 0]
            self.default_day[first] = market.today.day
            self._recovered = np.concatenate((self._recovered, np.zeros(count - before)))
            self._claims = count
        brought = claims.recovered_usd[:count] - self._recovered
        if brought.any():
            np.add.at(self.sums["brought"], rows, self.discount * brought)
            np.add.at(self.quarters["recovered"][quarter], rows, brought)
            self.last_recovery_day[rows[brought != 0.0]] = market.today.day
            self._recovered = claims.recovered_usd[:count].copy()

    def _look_at_events(self, market: Market) -> None:
        """Roll-overs, conversions, and the operating hazard, of whose chance the mean is known.

        Each day a firm that stands fails by it with the same chance, whatever else happens. Balance
        struck less that chance times balance is zero on average: what losses owe to the luck of
        that draw can be taken out of them (:func:`estimators.controlled`).
        """
        log = market.events[self._events :]
        self._events = len(market.events)
        chance, loans = market.terms.derived.hazard_per_day, market.loans
        standing = market.parties.status[: market.borrower_count] == Status.ACTIVE
        hazard = self.sums["hazard"]
        hazard -= chance * self.discount * np.where(standing[loans.borrower], self.balance, 0.0)
        if not len(log):
            return
        kinds = log["kind"]
        self.rolled[log["loan"][(kinds == Event.ROLLED_OVER) & (log["loan"] >= 0)]] = True
        self.converted[log["loan"][(kinds == Event.CONVERTED) & (log["loan"] >= 0)]] = True
        for firm in log["party"][kinds == Event.HAZARD]:
            own = slice(int(loans.first[firm]), int(loans.first[firm + 1]))
            # it was left out above, as it no longer stands
            hazard[own] += (1.0 - chance) * self.discount * self.balance[own]

    def frame(self, market: Market) -> pd.DataFrame:
        """One row per loan that was ever drawn or could be; columns as in :data:`COLUMNS`.

        ``market`` as it stands at the horizon.
        """
        import pandas as pd

        sums, loans = self.sums, market.loans
        kept = np.flatnonzero((sums["years"] > 0.0) | (self.opening_usd > 0.0))
        failed = self.default_day >= 0
        again = failed & (loans.status == LoanStatus.PERFORMING)
        closed = self.balance <= DUST_USD
        codes = np.select(
            [again, failed, self.converted, self.rolled, closed], [4, 5, 3, 2, 1], default=0
        )
        found = pd.DataFrame(
            {
                "day": np.arange(len(kept)),
                "loan": names_of(market.names.loans, np.arange(len(codes)))[kept],
                "from_books": loans.growth[kept] == NO_GROWTH,
                "balance_open_usd": self.opening_usd[kept],
                "undrawn_open_usd": self.undrawn_usd[kept],
                "balance_years_usd": sums["years"][kept],
                "earned_usd": sums["earned"][kept],
                "default_day": self.default_day[kept],
                "claim_usd": sums["claims"][kept],
                "loss_usd": (sums["claims"] - sums["brought"])[kept],
                "hazard_usd": sums["hazard"][kept],
                "exit": codes[kept],
                "last_recovery_day": self.last_recovery_day[kept],
            }
        )
        for name, table in self.quarters.items():
            wide = np.stack(table)[:, kept].T.astype(np.float32) / np.float32(1e6)
            found[f"{name}_musd"] = [np.trim_zeros(row, "b") for row in wide]
        return found


def observe(simulation: Simulation, check: object = None) -> pd.DataFrame:
    """Run a market to its last day and on until its claims are settled; what became of each loan.

    ``check`` is called before each day, if given.
    """
    market = simulation.market
    observer = Observer(market)
    while not simulation.finished:
        if callable(check):
            check()
        simulation.step()
        observer(market)
    observer.settling = True
    simulation.resolve(observer)
    return observer.frame(market)


def simulate(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> Outcome:
    """A run of a sweep whose *series* is one row per loan instead of one per day."""
    from ...market.simulation import Simulation
    from ..sweeps import limits
    from ..sweeps.execute import Outcome
    from ..sweeps.own import opened

    scenario, tables = opened(scenario, seed, scores, books)
    simulation = Simulation(scenario, seed, tables, keeps_book=False)
    frame = observe(simulation, limits.check)
    return Outcome(simulation.summary(), lambda: frame)
