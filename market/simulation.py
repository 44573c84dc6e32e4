"""A market one can run: open the books, step through days, read the results.

This is the engine without a shell. :class:`market.model.CreditMarket` wraps it for Mesa.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import compiled_phases, phases
from .dated import day as dated
from .day import run_day
from .liquidation.values import strips_today
from .opening.books import OpeningTables
from .opening.books_2021.read import load_tables_2021
from .opening.books_2025.read import load_opening_tables
from .opening.books_2025.signed_orders import spot_order_class
from .opening.implied_views import imply_views
from .opening.open_market import open_market
from .opening.synthetic.open import open_synthetic, synthetic_tables
from .operators import investment
from .prices.bitcoin import crypto_paths
from .prices.money import macro_paths
from .prices.rents import compute_paths
from .record.recorder import Recorder
from .record.summary import summarise
from .scenario.scenario import Scenario
from .state.contracts import ContractKind
from .state.hardware import Family, newest_rigs
from .state.loans import Collateral
from .state.market import State
from .state.names import NumberedNames, TitleById
from .state.run import Quotes, Run
from .state.terms import terms_of

if TYPE_CHECKING:
    import pandas as pd

MILLION = 1e6
STARTING_POINTS: dict[str, Callable[[], OpeningTables]] = {
    "2025": cache(load_opening_tables),
    "2021": cache(load_tables_2021),
}


class Simulation:
    """One market under one scenario and seed.

    Args:
        scenario: what is assumed.
        seed: a non-negative integer; the same scenario and seed give the same bits.
        tables: opening books; the packaged ones of the scenario's starting point by default.
        keeps_book: whether :meth:`book` will be asked for.

    Raises:
        InputError: a history file that cannot be used.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        tables: OpeningTables | None = None,
        keeps_book: bool = True,
    ) -> None:
        if tables is None:
            tables = STARTING_POINTS.get(scenario.opening.start, STARTING_POINTS["2025"])()
        opens = open_market
        if scenario.opening.start == "synthetic":
            tables, opens = synthetic_tables(tables, scenario), open_synthetic
        state = opens(tables, scenario, seed)
        macro = macro_paths(scenario.macro, scenario.days, seed, tables.opening_date)
        crypto = crypto_paths(
            scenario.crypto,
            scenario.days,
            seed,
            tables.opening_date,
            state.prices.btc_usd,
            state.prices.eth_usd,
            tables.quotes["fee_share"],
            macro.btc_log,
        )
        self.run_state = Run(
            scenario=scenario,
            seed=seed,
            state=state,
            crypto=crypto,
            compute=compute_paths(scenario.compute, scenario.days, seed, macro.demand_log),
            macro=macro,
            quotes=_quotes(tables, state, scenario),
            recorder=Recorder(keeps_book),
            terms=terms_of(scenario),
            schedule_usd=np.zeros(len(state.marks_usd)),
        )
        _open_books(self.run_state, tables)
        self.principal_open_usd = state.loans.principal_usd.copy()

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.run_state.scenario

    @property
    def state(self) -> State:
        """All tables; read, do not write."""
        return self.run_state.state

    @property
    def seed(self) -> int:
        """The seed."""
        return self.run_state.seed

    @property
    def day(self) -> int:
        """Days since the opening."""
        return self.run_state.day

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.run_state.date

    @property
    def note(self) -> str:
        """A remark on the input that the user should see; empty if none."""
        return self.run_state.crypto.note

    @property
    def finished(self) -> bool:
        """Whether the scenario's last day has been simulated."""
        return self.day >= self.scenario.days

    def step(self) -> None:
        """Simulate one day."""
        run_day(self.run_state)

    def run(self) -> Simulation:
        """Simulate to the scenario's last day; returns itself."""
        while not self.finished:
            self.step()
        return self

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        return summarise(self.run_state)

    def series(self) -> pd.DataFrame:
        """One row per day."""
        return self.run_state.recorder.series()

    def book(self) -> pd.DataFrame:
        """Order-book ladders."""
        return self.run_state.recorder.book_frame()

    def sales(self) -> pd.DataFrame:
        """Auctions that cleared, with their price and what was sold by force."""
        return self.run_state.recorder.sales()

    def illusion(self) -> pd.DataFrame:
        """Paper and realisable value of collateral by day, lender and class."""
        return self.run_state.recorder.illusion()

    def absorption(self) -> pd.DataFrame:
        """Paper collateral of a class against what 90 days of bids absorb."""
        return self.run_state.recorder.absorption()

    def events(self, rows: NDArray[np.int64] | None = None) -> pd.DataFrame:
        """The causal log, or some rows of it."""
        from .record.frames import event_frame

        return event_frame(self.state, rows)

    def loans(self) -> pd.DataFrame:
        """Every loan as it stands."""
        from .record.frames import loan_frame

        return loan_frame(self.state, self.principal_open_usd)

    def lenders(self) -> pd.DataFrame:
        """Every lender as it stands."""
        from .record.frames import lender_frame

        return lender_frame(self.state)

    def names(self) -> Mapping[str, str]:
        """Display name of every party id."""
        ids, titles = self.state.names.parties, self.state.names.titles
        if isinstance(ids, NumberedNames):
            return TitleById(ids, titles)
        return dict(zip(ids, titles, strict=True))


def _quotes(tables: OpeningTables, state: State, scenario: Scenario) -> Quotes:
    hardware, buyers = state.hardware, state.buyers
    classes = len(hardware.family)
    removed = np.array(
        [bool(np.any(buyers.accepts[:, k] & ~buyers.in_place_only)) for k in range(classes)]
    )
    in_place = np.array(
        [bool(np.any(buyers.accepts[:, k] & buyers.in_place_only)) for k in range(classes)]
    )
    lots = buyers.min_lot_gpus[buyers.in_place_only]
    firsts = [int(np.argmax(buyers.segment == g)) for g in range(len(state.names.segments))]
    return Quotes(
        halving_blocks=tables.quotes["halving_interval_blocks"],
        retarget_blocks=tables.quotes["blocks_per_retarget"],
        routine_units_year=_routine_trade(tables, state, removed),
        network_open_eh_s=state.prices.network_hashrate_eh_s,
        rent_open_usd_h=state.prices.rent_h100_usd_h,
        planned_supply=np.zeros(scenario.days + 1),
        first_of_segment=np.array(firsts, np.int64),
        has_removed_buyers=removed,
        has_in_place_buyers=in_place,
        smallest_cluster=float(lots.min()) if len(lots) else np.inf,
        growth_class=newest_rigs(state.hardware),
        other_loans_open_usd=float(state.lenders.other_loans_usd.sum()),
        machine_class=spot_order_class(state.names.hardware),
        value_to_price_open=1.0,  # known once views are
    )


def _routine_trade(
    tables: OpeningTables, state: State, removed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Ordinary second-hand trade a year by class, in proportion to the fleets that may trade."""
    stock = np.zeros(len(state.hardware.family))
    np.add.at(stock, state.holdings.hardware, state.holdings.units)
    result = np.zeros(len(stock))
    for family, key in ((Family.GPU, "routine_gpu_units_yr"), (Family.ASIC, "routine_asic_th_yr")):
        mine = removed & (state.hardware.family == family)
        if stock[mine].sum() > 0:
            result[mine] = tables.quotes[key] * stock[mine] / stock[mine].sum()
    return result


def _open_books(run: Run, tables: OpeningTables) -> None:
    """Day 0: supply, pledged income and buyers' views are read off the opening books.

    Production of a day is computed to know incomes, and undone: nothing has been paid yet.
    """
    s = run.state
    cash, btc = s.parties.cash_usd.copy(), s.parties.btc.copy()
    outside = s.ledger.outside_btc.copy()
    if s.diary is not None:
        dated.set_business(run)
    phases.operate(run)
    s.parties.cash_usd[:] = cash
    s.parties.btc[:] = btc
    s.ledger.outside_btc[:] = outside
    s.borrowers.trailing_cash_flow_usd[:] = s.borrowers.cash_flow_usd_day
    run.quotes.planned_supply[:] = s.prices.effective_gpus + _planned_deliveries(run)
    loans = s.loans
    sites = np.where(
        loans.collateral == Collateral.SITE, s.neoclouds.hosting_usd_day[loans.borrower], 0.0
    )
    income = np.where(loans.holding >= 0, s.holdings.income_usd_unit_day[loans.holding], sites)
    loans.base_cash_flow_usd_day[:] -= loans.collateral_units * income
    phases.set_marks(run)
    compiled_phases.underwrite(run.shared)
    imply_views(run, tables)
    if run.quotes.machine_class >= 0:
        run.quotes.value_to_price_open = investment.machine_value_to_price(run)
    run.strips = strips_today(run)
    run.stocks = compiled_phases.take_stock(run.shared)
    run.recorder.day(run, 0.0)


def _planned_deliveries(run: Run) -> NDArray[np.float64]:
    """Effective GPUs that signed orders add by each day if all of them come."""
    s, days = run.state, run.scenario.days
    added = np.zeros(days + 1)
    ramp = run.scenario.credit.delivery_days
    signed = (s.contracts.kind == ContractKind.COMPUTE) & (s.contracts.ordered > 0)
    for c in np.flatnonzero(signed):
        share = np.clip((np.arange(days + 1) - s.contracts.start_day[c] + 1) / ramp, 0.0, 1.0)
        quality = s.hardware.quality[s.contracts.hardware[c]]
        added += s.contracts.ordered[c] * quality * share
    return added
