"""The twin as a ``mesa.Model``: its agents, the event log, and the order of a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import mesa
import numpy as np
from numpy.typing import NDArray

from ...agents.party import Outside, Status
from ...market.debt.underwriting import WEEK_DAYS
from ...market.scenario.scenario import Scenario
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.history import SAME_EPISODE_DAYS
from ...market.state.ledger import Account
from ...market.state.loans import LoanStatus
from ...market.state.lots import LotState
from . import (
    auction,
    convertibles,
    covenants,
    cycle,
    dated,
    distress,
    entry,
    failure,
    forbearance,
    frontier,
    growth,
    prices,
    reorganisation,
    tenants,
    treasury,
    underwriting,
)
from .log_frame import event_frame
from .lot import Lot
from .opening import open_twin, sort_loans
from .stocks import Stocks, conservation_error, take_stock
from .things import Entry, Journal

if TYPE_CHECKING:
    import pandas as pd

    from ...market.state.market import OpeningConstants, Prices
    from ...market.state.paths import ComputePaths, CryptoPaths, MacroPaths
    from ...market.state.terms import Terms
    from .borrower import Borrower
    from .contract import Contract
    from .dated_facts import DatedFacts
    from .lender import Lender
    from .loan import Loan
    from .party import Buyer, Outsider, Party
    from .things import HardwareClass, Perimeter


class TwinMarket(mesa.Model):
    """The market as plain objects; a step is a day.

    Args:
        scenario: a scenario, or the name of one.
        rng: a non-negative integer seed.

    Example:
        ``TwinMarket("crypto-crash", rng=7).run().events``
    """

    terms: Terms
    crypto: CryptoPaths
    compute: ComputePaths
    macro: MacroPaths
    opening: OpeningConstants
    planned_supply: NDArray[np.float64]
    outside_arrivals: dict[int, float]  # new classes of the rest of the market, H100s by work
    work_price_ahead: list[float]  # expected by month, over today's
    prices: Prices
    hardware: list[HardwareClass]
    borrowers: list[Borrower]
    lenders: list[Lender]
    buyers: list[Buyer]
    outsiders: list[Outsider]
    loans: list[Loan]
    perimeters: list[Perimeter]
    contracts: list[Contract]
    undelivered: list[Contract]
    smallest_cluster: float
    listing_room: int  # lots at which owners can list no more
    open_slots: list[float]  # of all buyers at the opening, by rack
    dated_facts: DatedFacts | None  # where the books know any
    hosted_slots: list[float]  # that buyers have let to lenders, by rack

    def __init__(self, scenario: Scenario | str = "crypto-crash", rng: int = 1) -> None:
        super().__init__(rng=rng)
        self.settings = Scenario.load(scenario) if isinstance(scenario, str) else scenario
        self.seed = rng
        self.day = 0
        self.past_horizon = False  # claims are being settled: nobody orders machines
        self.log: list[Entry] = []
        self.journal = Journal()
        self.lots: list[Lot] = []
        self.shock_event: Entry | None = None
        self.forced_event: Entry | None = None  # the last forced sale of coins
        self.forced_usd = 0.0  # sold today
        self.accounts = dict.fromkeys(Account, 0.0)  # of the authority, in USD so far
        self.outside_btc = 0.0  # held by the exchange, less what the network has issued
        self.gpu_supply = 0.0  # online today, in H100s by rent
        self.btc_per_day = 0.0  # of a network of exactly the difficulty's hashrate
        self.difficulty_th = 0.0
        open_twin(self)
        self._name_outsiders()
        sort_loans(self)
        self.news_kept = 0.5 ** (1.0 / self.terms.lenders.news_half_life_days)
        self.stocks: Stocks = take_stock(self)
        self.worst_conservation_error = 0.0
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "day": "day",
                "btc_usd": lambda market: market.prices.btc_usd,
                "rent_h100_usd_h": lambda market: market.prices.rent_h100_usd_h,
                "loss_usd": lambda market: sum(lender.loss_usd for lender in market.lenders),
                "defaults": "defaults",
            }
        )
        self.datacollector.collect(self)
        self.running = True

    def _name_outsiders(self) -> None:
        ends = {Outside(i): party for i, party in enumerate(self.outsiders[: len(Outside)])}
        self.exchange = ends[Outside.EXCHANGE]
        self.supplier = ends[Outside.SUPPLIER]
        self.utility = ends[Outside.UTILITY]
        self.customers = ends[Outside.CUSTOMERS]
        self.investors = ends[Outside.INVESTORS]
        self.courts = ends[Outside.COURTS]
        self.owners = ends[Outside.OWNERS]
        self.authority = ends[Outside.AUTHORITY]

    def step(self) -> None:
        """Advance the market by one day; after the scenario's last day it stops running."""
        if self.day >= self.settings.days:
            self.running = False
            return
        self.live_a_day()
        self.running = self.day < self.settings.days

    def live_a_day(self) -> None:
        """The phases of a day, in order."""
        self.day += 1
        self.enter_shocks()  # 1
        prices.set_prices(self)  # 2
        self.operate()  # 3
        self.make_due()  # 4  service
        self.pay()  # 5  liquidity
        self.test_covenants()  # 6
        forbearance.decide(self)  # 7
        reorganisation.reorganise(self)
        distress.declare_defaults(self)  # 8
        self.settle_lenders()  # 9
        self.liquidate()  # 10
        self.give_credit()  # 11
        self.record()  # 12

    def run(self) -> TwinMarket:
        """Simulate to the last day; returns itself."""
        while self.running:
            self.step()
        return self

    def enter_shocks(self) -> None:
        """Open the day's journal; scripted and dated shocks enter the log on their day."""
        self.journal = Journal()
        crypto, compute, macro = self.settings.crypto, self.settings.compute, self.settings.macro
        starts = [
            crypto.path == "crash" and self.day == crypto.crash_start_day + 1,
            compute.path == "scripted"
            and compute.rent_change_per_year != 0.0
            and self.day == compute.shock_start_day + 1,
            macro.shock != 0.0 and self.day == macro.start_day + 1,
        ]
        if any(starts):
            self.shock_event = self.note(
                Event.SHOCK, Cause.SCENARIO, None, None, None, 0.0, self.shock_event
            )
        dated.open_day(self)

    def operate(self) -> None:
        """Tenants break contracts; rents, rigs, GPUs and overhead of a day."""
        for borrower in self.borrowers:
            treasury.manage(self, borrower)
        if self.terms.channels.counterparty:
            tenants.break_contracts(self)
        for borrower in self.borrowers:
            borrower.clear_contracts()
        for contract in self.contracts:
            contract.run(self)
        for borrower in self.borrowers:
            borrower.mine()
        self.gpu_supply = 0.0
        for borrower in self.borrowers:
            borrower.rent_out()
        for kind in self.hardware:
            if kind.family is Family.GPU:
                self.gpu_supply += kind.outside_online * kind.quality
        online = self.prices.receiver_gpus + self.gpu_supply
        self.prices.effective_gpus = online + frontier.outside_gpus(self)
        for borrower in self.borrowers:
            borrower.settle_overhead()

    def make_due(self) -> None:
        """Notes convert or are put; what falls due; the tested perimeters' quarter is counted."""
        for loan in self.convertibles:
            convertibles.exercise(loan)
        day, reference_rate = self.day, self.prices.reference_rate
        for loan in self.loans:
            if loan.status is LoanStatus.PERFORMING:
                loan.fall_due(day, reference_rate)
        for perimeter in self.perimeters:
            covenants.measure_coverage(perimeter)

    def pay(self) -> None:
        """Pay what is due, as far as the waterfall goes; sell machines for what is missing."""
        for borrower in self.borrowers:
            if borrower.status is Status.ACTIVE:
                borrower.pay_what_is_due()
        for borrower in self.borrowers:
            distress.list_machines(borrower)

    def test_covenants(self) -> None:
        """Margin calls on coins and rigs; quarterly coverage."""
        for loan in self.coin_loans:
            covenants.watch_coins(loan)
        for loan in self.machine_loans:
            covenants.watch_machines(loan)
        shares: dict[Loan, float] = {}
        for perimeter in self.perimeters:
            if perimeter.days == 0:
                shares |= covenants.shares_of(perimeter)
        for loan in self.covered_loans:
            covenants.watch_coverage(loan, shares)

    def settle_lenders(self) -> None:
        """Losses reach capital, funders leave, assets are sold; lenders fail, round by round."""
        self._value_claims()
        for borrower in self.borrowers:
            distress.settle_claims(borrower)
        for borrower in self.borrowers:
            distress.pay_out_estate(borrower)
        sold = cycle.earn_and_provide(self)
        for lender in self.lenders:
            sold += lender.redeem()
        for lender in self.lenders:
            lender.serve_last_resort()
        delevered = 0.0
        for lender in self.lenders:
            delevered += lender.return_to_target_leverage()
        prices.price_other_loans(self, sold + delevered)
        rounds = 0
        while failure.fail_lenders(self, rounds):
            rounds += 1
        for lender in self.lenders:
            lender.set_supply()
        cycle.learn(self)

    def _value_claims(self) -> None:
        for borrower in self.borrowers:
            distress.value_claims(borrower)

    def liquidate(self) -> None:
        """Custody every day; at each window an auction per class."""
        self.prices.receiver_gpus = self.prices.receiver_th = 0.0
        for lot in self.unsold_lots():
            lot.carry()
        for lot in self.unsold_lots():
            lot.advance()
        auction.sell_at_mark(self)
        auction.end_lots(self)
        auction.store_what_was_bought(self)
        if self.day % self.settings.liquidation.window_days == 0:
            auction.hold_auctions(self)
        self._value_claims()

    def give_credit(self) -> None:
        """Underwrite, roll what matures, build, deliver what was signed, invest."""
        if self.day % WEEK_DAYS == 0:
            for borrower in self.borrowers:
                underwriting.underwrite(borrower)
        for loan in self.bullets:
            underwriting.ask_to_roll_over(loan)
        dated.give_credit(self)
        if self.day <= growth.BUILDING_DAYS:
            for borrower in self.borrowers:
                growth.build(borrower)
        for contract in self.undelivered:
            growth.deliver(contract)
        self.undelivered = [one for one in self.undelivered if one.ordered > 0.0]
        entry.grow(self)

    def record(self) -> None:
        """Check that nothing was lost, then collect the day."""
        stocks = take_stock(self)
        error = conservation_error(self.stocks, stocks, self.journal)
        self.worst_conservation_error = max(self.worst_conservation_error, error)
        self.stocks = stocks
        self.datacollector.collect(self)

    # ------------------------------------------------------------ what agents ask for

    def note(
        self,
        kind: Event,
        cause: Cause,
        party: Party | None,
        counterparty: Party | None,
        loan: Loan | None,
        amount_usd: float,
        parent: Entry | None,
        round_: int = 0,
    ) -> Entry:
        """Append to the event log."""
        n = len(self.log)
        entry = Entry(
            n, self.day, round_, kind, cause, party, counterparty, loan, amount_usd, parent
        )
        self.log.append(entry)
        return entry

    def same_episode(self, entry: Entry | None) -> bool:
        """Whether an earlier entry is recent enough to grow instead of being repeated."""
        return entry is not None and entry.day > self.day - SAME_EPISODE_DAYS

    def new_lot(
        self,
        whose: tuple[Party, Loan | None, Borrower],
        kind: HardwareClass,
        marked: tuple[float, float],
        state: LotState,
        event: Entry,
    ) -> Lot:
        """Put on sale: ``whose`` is seller, loan and borrower, ``marked`` units and mark of one."""
        (owner, loan, borrower), (units, mark_usd) = whose, marked
        lot = Lot(
            self,
            len(self.lots),
            owner,
            loan,
            borrower,
            kind,
            state,
            units,
            mark_usd,
            units,
            self.day,
            self.day,
            event,
            event,
        )
        self.lots.append(lot)
        kind.lots.append(lot)
        borrower.lots.append(lot)
        return lot

    def unsold_lots(self) -> list[Lot]:
        """Lots on their way, in the order in which they were seized or listed."""
        return [lot for lot in self.lots if lot.state is not LotState.SOLD]

    def appetite(self) -> float:
        """Share of maturing principal that lenders with full capital roll."""
        appetite: float = self.prices.appetite * self.terms.credit.refinancing_appetite
        return appetite

    # ------------------------------------------------------------ results

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.crypto.start + timedelta(days=self.day)

    @property
    def defaults(self) -> int:
        """Borrowers that have failed so far."""
        return sum(
            borrower.default_day >= 0 or borrower.reorganised_day >= 0
            for borrower in self.borrowers
        )

    @property
    def events(self) -> pd.DataFrame:
        """The event log, with the columns of :func:`market.record.frames.event_frame`."""
        return event_frame(self.log)
