"""A market on its way: what the phases of a day hand around."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..compile_ahead import compile_ahead
from ..prices.impact import impact_log
from ..scenario.scenario import Scenario
from ..scenario.sections import IMPACT_LAWS
from .context import Terms, Today
from .ledger import Stocks
from .market import State
from .paths import ComputePaths, CryptoPaths, MacroPaths
from .sharing import Shared, Tables, set_today, share

if TYPE_CHECKING:
    from ..record.recorder import Recorder


@dataclass
class Quotes:
    """Constants of the opening day that phases need."""

    halving_blocks: float
    retarget_blocks: float
    routine_units_year: NDArray[np.float64]  # [class] ordinary second-hand trade
    network_open_eh_s: float
    rent_open_usd_h: float
    planned_supply: NDArray[np.float64]  # by day, effective GPUs
    first_of_segment: NDArray[np.int64]
    has_removed_buyers: NDArray[np.bool_]
    has_in_place_buyers: NDArray[np.bool_]
    smallest_cluster: float
    growth_class: int  # newest rigs: growth of the network outside the modelled fleets
    other_loans_open_usd: float  # of all lenders: the market their sales move
    machine_class: int  # class that new investment buys, -1: none is sold
    value_to_price_open: float  # of such machines: what q is measured against


@dataclass
class Run:
    """A market on its way: scenario, paths, state, day, and what was recorded."""

    scenario: Scenario
    seed: int
    state: State
    crypto: CryptoPaths
    compute: ComputePaths
    macro: MacroPaths
    quotes: Quotes
    recorder: Recorder
    terms: Terms
    day: int = 0
    stocks: Stocks | None = None
    schedule_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    hold_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # [class]
    strips: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    _shared: Any = None
    _shared_of: tuple[Any, ...] = ()

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.crypto.start + timedelta(days=self.day)

    def btc_impact_of(self, sold_usd: float) -> float:
        """Change of the log BTC price if so much were sold in a day."""
        if not self.scenario.channels.btc_impact:
            return 0.0
        crypto = self.scenario.crypto
        impact: float = impact_log(
            sold_usd,
            crypto.depth_adv_usd,
            crypto.impact_coefficient,
            crypto.volatility / math.sqrt(365.0),
            IMPACT_LAWS.index(crypto.impact_law),
        )
        return impact

    @property
    def shared(self) -> Shared:
        """What compiled phases read, as of the last :meth:`share`."""
        if self._shared is None:
            self.share()
        shared: Shared = self._shared
        return shared

    def tell(self) -> None:
        """Let compiled phases see the numbers of the day, after some have changed."""
        set_today(self.shared, self.today())

    def tables(self) -> Tables:
        """Everything that compiled phases read but the terms and the numbers of the day."""
        s = self.state
        return Tables(
            s.parties,
            s.borrowers,
            s.miners,
            s.neoclouds,
            s.lenders,
            s.buyers,
            s.hardware,
            s.holdings,
            s.loans,
            s.perimeters,
            s.contracts,
            s.orders,
            s.lots,
            s.ledger,
            s.log,
            s.marks_usd,
            self.schedule_usd,
            s.clearing_usd,
            s.clearing_day,
            s.clearing_event,
            s.outside_online,
        )

    def share(self) -> None:
        """Let them see all: the numbers of the day, and tables or terms that were replaced."""
        tables = self.tables()
        now = (*tables, self.terms)
        if self._shared is None or any(map(operator.is_not, now, self._shared_of)):
            if self._shared is None:
                compile_ahead(tables, self.terms, self.today())
            self._shared = share(tables, self.terms, self.today())
            self._shared_of = now
        else:
            self.tell()

    def today(self) -> Today:
        """The day's numbers for kernels."""
        s, p = self.state, self.state.prices
        return Today(
            day=self.day,
            seed=self.seed,
            btc_usd=p.btc_usd,
            btc_impact_log=p.btc_impact_log,
            eth_usd=p.eth_usd,
            rent_h100_usd_h=p.rent_h100_usd_h,
            hashprice_usd_ph_day=p.hashprice_usd_ph_day,
            reference_rate=p.reference_rate,
            stress=p.stress,
            appetite=p.appetite,
            rate_change=float(self.macro.rate_change[self.day]),
            spread_change=float(self.macro.spread_change[self.day]),
            ease=p.ease,
            shock_event=s.shock_event,
            first_lender=s.first_lender,
            first_buyer=s.first_buyer,
            first_outside=s.first_outside,
        )
