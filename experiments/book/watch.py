"""What becomes of the loans of a book in one run: an observer that looks between two days.

Loss is the claim with interest at default less what it brought, each discounted at the run's
reference rate on its day; balance-years are the integral of discount factor times performing
balance. Both are what a spread above the reference rate is measured by.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.state.events import Event
from ...market.state.loans import LoanStatus
from ...market.state.market import Market

Reals = NDArray[np.float64]
DAYS_PER_YEAR = 365.0
YEAR = 365


class Seen(NamedTuple):
    """One run, by loan of the book."""

    default_day: NDArray[np.int64]  # first default, -1 if none
    claim_usd: Reals  # with interest at default, as it was
    loss_usd: Reals  # claim less what it brought, discounted to the opening
    loss_year_usd: Reals  # the same of defaults within a year
    plain_loss_usd: Reals  # not discounted: for loss given default
    balance_years_usd: Reals
    settle_days: Reals  # from the first default to the last money, NaN if none came
    cause: NDArray[np.int64]  # of the first default, -1 if none
    breach_day: NDArray[np.int64]  # [loan, cause 1 to 3: coins, machines, DSCR], -1 if none
    rolled: NDArray[np.bool_]


class Watch:
    """Adds up what happens to some loans of a market; call it after each day."""

    def __init__(self, market: Market, rows: NDArray[np.int64]) -> None:
        count = len(rows)
        self.rows, self.settling, self.discount = rows, False, 1.0
        self._place = np.full(len(market.loans.status), -1)
        self._place[rows] = np.arange(count)
        self._claims = self._events = 0
        self._brought = np.zeros(0)
        self._of_year = np.zeros(0, np.bool_)
        zeros = np.zeros(count)
        self.claim, self.loss, self.loss_year = zeros.copy(), zeros.copy(), zeros.copy()
        self.plain, self.years = zeros.copy(), zeros.copy()
        self.default_day, self.last_day = np.full(count, -1), np.full(count, -1)
        self.cause = np.full(count, -1)
        self.breach = np.full((count, 3), -1)
        self.rolled = np.zeros(count, np.bool_)

    def __call__(self, market: Market) -> None:
        """Look at the market at the end of a day."""
        day = market.today.day
        self.discount *= math.exp(-market.prices.reference_rate / DAYS_PER_YEAR)
        self._look_at_claims(market, day)
        if self.settling:
            return
        loans, rows = market.loans, self.rows
        performing = loans.status[rows] == LoanStatus.PERFORMING
        balance = np.where(performing, loans.principal_usd[rows], 0.0)
        self.years += self.discount * balance / DAYS_PER_YEAR
        self._look_at_events(market, day)

    def _look_at_claims(self, market: Market, day: int) -> None:
        """New claims, and money that came for old ones since yesterday."""
        claims, before = market.loans.claims, self._claims
        count = before if self.settling else int(claims.count[0])
        for claim in range(before, count):
            place = self._place[claims.loan[claim]]
            if place < 0:
                continue
            owed = claims.claim_usd[claim]
            self.claim[place] += owed
            self.plain[place] += owed
            self.loss[place] += self.discount * owed
            if day <= YEAR:
                self.loss_year[place] += self.discount * owed
            if self.default_day[place] < 0:
                self.default_day[place] = day
                event = int(claims.default_event[claim])
                self.cause[place] = int(market.events["cause"][event]) if event >= 0 else 0
        if count > before:
            self._brought = np.concatenate((self._brought, np.zeros(count - before)))
            new = np.full(count - before, day <= YEAR)
            self._of_year = np.concatenate((self._of_year, new))
            self._claims = count
        brought = claims.recovered_usd[:count] - self._brought
        for claim in np.flatnonzero(brought).tolist():
            place = self._place[claims.loan[claim]]
            if place < 0:
                continue
            self.plain[place] -= brought[claim]
            self.loss[place] -= self.discount * brought[claim]
            if self._of_year[claim]:
                self.loss_year[place] -= self.discount * brought[claim]
            self.last_day[place] = day
        self._brought = claims.recovered_usd[:count].copy()

    def _look_at_events(self, market: Market, day: int) -> None:
        """Calls, breaches and roll-overs of the book's loans."""
        log = market.events[self._events :]
        self._events = len(market.events)
        wanted = np.isin(
            log["kind"], (Event.MARGIN_CALL, Event.COVENANT_BREACH, Event.ROLLED_OVER)
        ) & (log["loan"] >= 0)  # fmt: skip
        for event in log[wanted]:
            place = self._place[event["loan"]]
            if place < 0:
                continue
            if event["kind"] == Event.ROLLED_OVER:
                self.rolled[place] = True
            elif 1 <= event["cause"] <= 3 and self.breach[place, event["cause"] - 1] < 0:
                self.breach[place, event["cause"] - 1] = day

    def seen(self) -> Seen:
        """What was seen of each loan."""
        came = (self.default_day >= 0) & (self.last_day >= 0)
        settle = np.where(came, self.last_day - self.default_day, np.nan)
        return Seen(
            self.default_day, self.claim, self.loss, self.loss_year, self.plain, self.years,
            settle, self.cause, self.breach, self.rolled,
        )  # fmt: skip
