"""The twin as a ``mesa.Model``: its agents, the causal log, and the order of a day."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from agents.party import Outside, Status
from market.credit import WEEK_DAYS
from market.crypto import BLOCKS_PER_DAY, advance_difficulty
from market.events import Cause, Event
from market.hardware import Family
from market.loans import Amortisation, Collateral, LoanStatus
from market.lots import LotState
from market.operate import TH_PER_EH
from market.phases import NETWORK_GROWTH_CLASS, NETWORK_POWER_USD_MWH
from market.scenario import Scenario
from market.settings import IMPACT_LAWS
from market.twin import auction, covenants, distress, failure, forbearance, growth, underwriting
from market.twin.lot import Lot
from market.twin.opening import open_twin
from market.twin.rules import (
    adjusted_share,
    hashprice_usd,
    impact_log,
    mark_usd,
    online_share,
    rent_after_supply,
    schedule_usd,
)
from market.twin.stocks import Stocks, conservation_error, take_stock
from market.twin.things import Entry, Journal
from market.waterfall import SAME_EPISODE_DAYS

if TYPE_CHECKING:
    import pandas as pd

    from market.compute import ComputePaths
    from market.context import Terms
    from market.crypto import CryptoPaths
    from market.macro import MacroPaths
    from market.run import Quotes
    from market.state import Prices
    from market.twin.auction import Bid
    from market.twin.borrower import Borrower
    from market.twin.contract import Contract
    from market.twin.lender import Lender
    from market.twin.loan import Loan
    from market.twin.party import Buyer, Outsider, Party
    from market.twin.things import HardwareClass, Perimeter


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
    quotes: Quotes
    prices: Prices
    hardware: list[HardwareClass]
    borrowers: list[Borrower]
    lenders: list[Lender]
    buyers: list[Buyer]
    outsiders: list[Outsider]
    loans: list[Loan]
    perimeters: list[Perimeter]
    contracts: list[Contract]
    smallest_cluster: float
    listing_room: int  # lots at which owners can list no more
    open_slots: list[float]  # of all buyers at the opening, by rack

    def __init__(self, scenario: Scenario | str = "crypto-crash", rng: int = 1) -> None:
        super().__init__(rng=rng)
        self.settings = Scenario.load(scenario) if isinstance(scenario, str) else scenario
        self.seed = rng
        self.day = 0
        self.log: list[Entry] = []
        self.journal = Journal()
        self.lots: list[Lot] = []
        self.books: dict[tuple[HardwareClass, bool], list[Bid]] = {}  # order books of the day
        self.shock_event: Entry | None = None
        self.forced_event: Entry | None = None  # the last forced sale of coins
        self.forced_usd = 0.0  # sold today
        self.outside_btc = 0.0  # held by the exchange, less what the network has issued
        self.depositor_loss_usd = 0.0
        self.gpu_supply = 0.0  # online today, in H100s by rent
        self.btc_per_day = 0.0  # of a network of exactly the difficulty's hashrate
        self.difficulty_th = 0.0
        open_twin(self)
        self._name_outsiders()
        self._sort_loans()
        self.news_kept = 0.5 ** (1.0 / self.terms.news_half_life_days)
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

    def _sort_loans(self) -> None:
        """Loans by the test they are under, so that no test looks at others."""
        on_call = [loan for loan in self.loans if loan.margin_call_ltv is not None]
        self.coin_loans = [loan for loan in self.loans if loan.collateral is Collateral.BTC]
        self.machine_loans = [loan for loan in on_call if loan.collateral is Collateral.HARDWARE]
        self.covered_loans = [loan for loan in self.loans if loan.perimeter and loan.min_dscr]
        self.bullets = [loan for loan in self.loans if loan.amortisation == Amortisation.BULLET]
        self.orders = [contract for contract in self.contracts if contract.ordered > 0.0]

    # ------------------------------------------------------------ the day

    def step(self) -> None:
        """Advance the market by one day; after the scenario's last day it stops running."""
        if self.day >= self.settings.days:
            self.running = False
            return
        self.day += 1
        self.enter_shocks()
        self.set_prices()
        self.operate()
        self.make_due()
        self.pay()
        self.test_covenants()
        forbearance.decide(self)
        distress.declare_defaults(self)
        self.settle_lenders()
        self.liquidate()
        self.give_credit()
        self.record()
        self.running = self.day < self.settings.days

    def run(self) -> TwinMarket:
        """Simulate to the last day; returns itself."""
        while self.running:
            self.step()
        return self

    def enter_shocks(self) -> None:
        """Open the day's journal; a scripted crash enters the log on the day it starts."""
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

    def set_prices(self) -> None:
        """Money, BTC with the impact of forced sales, difficulty, hashprice, rents, marks."""
        p, day = self.prices, self.day
        p.stress = float(self.macro.stress[day])
        p.appetite = float(self.macro.appetite[day])
        p.reference_rate = self.settings.credit.reference_rate
        p.reference_rate += float(self.macro.rate_change[day])
        self._price_coins()
        self._price_hashrate()
        p.rent_planned_usd_h = self.quotes.rent_open_usd_h * float(self.compute.planned_rent[day])
        p.rent_h100_usd_h = p.rent_planned_usd_h
        if self.settings.channels.rent_feedback:
            p.rent_h100_usd_h = rent_after_supply(
                p.rent_planned_usd_h,
                float(self.quotes.planned_supply[day]),
                p.effective_gpus,
                self.settings.compute.elasticity,
            )
        for kind in self.hardware:
            self._set_mark(kind)

    def _price_coins(self) -> None:
        p, crypto = self.prices, self.settings.crypto
        p.btc_impact_log *= 0.5 ** (1.0 / crypto.impact_half_life_days)
        if self.settings.channels.btc_impact:
            p.btc_impact_log += impact_log(
                self.forced_usd,
                crypto.depth_adv_usd,
                crypto.impact_coefficient,
                crypto.volatility / math.sqrt(365.0),
                IMPACT_LAWS.index(crypto.impact_law),
            )
        self.forced_usd = 0.0
        p.btc_exogenous_usd = float(self.crypto.btc_usd[self.day])
        p.btc_usd = p.btc_exogenous_usd * math.exp(p.btc_impact_log)
        p.eth_usd = float(self.crypto.eth_usd[self.day])

    def _price_hashrate(self) -> None:
        """Hashrate of today's machines moves the difficulty; hashprice follows."""
        p, opening = self.prices, self.quotes.network_open_eh_s
        planned = opening * float(self.crypto.hashrate_growth[self.day])
        hashrate = planned
        if self.settings.channels.hashprice:
            online = float(np.sum([b.hashrate_online_th for b in self.borrowers]))
            online += p.receiver_th + self._resold_th()
            newest = next(k for k in self.hardware if k.name == NETWORK_GROWTH_CLASS)
            p.growth_online = adjusted_share(p.growth_online, self._share_online(newest))
            added = planned - opening
            hashrate = online / TH_PER_EH + added * (p.growth_online if added > 0.0 else 1.0)
            hashrate = max(hashrate, 1e-3 * planned)
        quotes = self.quotes
        advance_difficulty(p, hashrate, quotes.retarget_blocks, quotes.halving_blocks)
        fees = float(self.crypto.fee_share[self.day])
        p.hashprice_usd_ph_day = hashprice_usd(p.btc_usd, p.subsidy_btc, fees, p.difficulty_eh_s)
        self.btc_per_day = p.subsidy_btc / (1.0 - fees) * BLOCKS_PER_DAY
        self.difficulty_th = p.difficulty_eh_s * TH_PER_EH

    def _share_online(self, rig: HardwareClass) -> float:
        """Share of a class that the rest of the network runs."""
        share: float = online_share(
            self.prices.hashprice_usd_ph_day, NETWORK_POWER_USD_MWH, rig.lo_j_th, rig.hi_j_th
        )
        return share

    def _resold_th(self) -> float:
        """Rigs sold by force that run for their new owners [TH/s]."""
        total = 0.0
        for kind in self.hardware:
            if kind.family is Family.ASIC:
                total += kind.outside_online * self._share_online(kind)
        return total

    def _set_mark(self, kind: HardwareClass) -> None:
        """A lender's mark: schedule and aged evidence."""
        marks, rule = self.settings.marks, self.settings.policy.mark_rule
        weight = marks.evidence_weight if self.settings.channels.mark_to_market else 0.0
        if rule != "scenario":
            weight = 1.0 if rule == "market" else 0.0
        decay = kind.annual_depreciation
        kind.schedule_usd = schedule_usd(kind.used_open_usd, decay, kind.scrap_usd, self.day)
        kind.mark_usd = kind.schedule_usd
        if kind.clearing_usd is not None:
            age = float(self.day - kind.clearing_day)
            aged = kind.clearing_usd * math.exp(-decay * age / 365.0)
            half_life = marks.evidence_half_life_days
            kind.mark_usd = mark_usd(kind.schedule_usd, aged, age, weight, half_life)

    def operate(self) -> None:
        """Tenants break contracts; rents, rigs, GPUs and overhead of a day."""
        if self.terms.counterparty:
            for contract in self.contracts:
                contract.break_up(self)
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
        self.prices.effective_gpus = self.prices.receiver_gpus + self.gpu_supply
        for borrower in self.borrowers:
            borrower.settle_overhead()

    def make_due(self) -> None:
        """Accrue; make interest and principal due; count the tested perimeters' quarter."""
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
        sold = 0.0
        for lender in self.lenders:
            sold += lender.redeem()
        delevered = 0.0
        for lender in self.lenders:
            delevered += lender.return_to_target_leverage()
        self._price_other_loans(sold + delevered)
        rounds = 0
        while failure.fail_lenders(self, rounds):
            rounds += 1
        for lender in self.lenders:
            lender.set_supply()

    def _value_claims(self) -> None:
        for borrower in self.borrowers:
            distress.value_claims(borrower)

    def _price_other_loans(self, sold_usd: float) -> None:
        """Price of lenders' other loans after sales and a day's way back to par."""
        terms, price = self.terms, self.prices.loan_price
        market_usd = self.quotes.other_loans_open_usd
        impact = impact_log(sold_usd, market_usd, terms.loan_impact, 1.0, terms.loan_impact_law)
        keep = 0.5 ** (1.0 / terms.loan_price_half_life_days)
        after = math.exp(math.log(price) * keep + impact)
        change = after / price - 1.0
        if change != 0.0:
            self.prices.loan_price = after
            for lender in self.lenders:
                lender.mark_other_loans(change)

    def liquidate(self) -> None:
        """Custody every day; at each window an auction per class."""
        self.prices.receiver_gpus = self.prices.receiver_th = 0.0
        for lot in self.unsold_lots():
            lot.carry()
        for lot in self.unsold_lots():
            lot.advance()
        auction.sell_at_mark(self)
        if self.day % self.settings.liquidation.window_days == 0:
            auction.hold_auctions(self)
        self._value_claims()

    def give_credit(self) -> None:
        """Underwrite, roll what matures, build what was committed, take delivery of orders."""
        if self.day % WEEK_DAYS == 0:
            for borrower in self.borrowers:
                underwriting.underwrite(borrower)
        for loan in self.bullets:
            underwriting.ask_to_roll_over(loan)
        if self.day <= growth.BUILDING_DAYS:
            for borrower in self.borrowers:
                growth.build(borrower)
        for contract in self.orders:
            growth.deliver(contract)
        self.orders = [contract for contract in self.orders if contract.ordered > 0.0]

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
        """Append to the causal log."""
        entry = Entry(
            len(self.log),
            self.day,
            round_,
            kind,
            cause,
            party,
            counterparty,
            loan,
            amount_usd,
            parent,
        )
        self.log.append(entry)
        return entry

    def same_episode(self, entry: Entry | None) -> bool:
        """Whether an earlier entry is recent enough to grow instead of being repeated."""
        return entry is not None and entry.day > self.day - SAME_EPISODE_DAYS

    def new_lot(
        self,
        owner: Party,
        loan: Loan | None,
        borrower: Borrower,
        kind: HardwareClass,
        units: float,
        mark_usd: float,
        state: LotState,
        event: Entry,
    ) -> Lot:
        """Put machines on their way to sale."""
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
        appetite: float = self.prices.appetite * self.terms.refinancing_appetite
        return appetite

    def appetite_of(self, lender: Lender) -> float:
        """The same of one lender."""
        return self.appetite() * lender.supply

    def credit_supply_share(self) -> float:
        """Credit that lenders give, over what they gave at the opening, by their assets."""
        size = given = 0.0
        for lender in self.lenders:
            assets = lender.target_leverage * lender.capital_open_usd
            size += assets
            given += lender.supply * assets
        return given / size

    # ------------------------------------------------------------ results

    @property
    def date(self) -> date:
        """Calendar date of the current day."""
        return self.crypto.start + timedelta(days=self.day)

    @property
    def defaults(self) -> int:
        """Borrowers that have failed so far."""
        return sum(borrower.default_day >= 0 for borrower in self.borrowers)

    @property
    def events(self) -> pd.DataFrame:
        """The causal log, with the columns of :func:`market.frames.event_frame`."""
        import pandas as pd

        rows: list[dict[str, Any]] = [
            {
                "event": entry.number,
                "day": entry.day,
                "round": entry.round,
                "kind": entry.kind.name.lower(),
                "party": entry.party.name if entry.party else "",
                "counterparty": entry.counterparty.name if entry.counterparty else "",
                "loan": entry.loan.name if entry.loan else "",
                "amount_usd": entry.amount_usd,
                "cause": entry.cause.name.lower(),
                "parent": entry.parent.number if entry.parent else -1,
            }
            for entry in self.log
        ]
        return pd.DataFrame(rows)


