"""A seized or listed lot of machines: what it costs and earns in custody, and its sale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Status
from ...market.liquidation.auctions import DUST, ESTATE_PATIENCE_DAYS, OWNER_PATIENCE_DAYS
from ...market.liquidation.custody import CARRY_USD_KWH, GPU_KW, IDLE_RIG_SHARE
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.lots import LotState
from ...market.state.units import TH_PER_PH
from . import sites
from .lender import Lender
from .party import Buyer
from .rules import (
    in_kind_usd,
    online_share,
    power_cost_usd_day,
    reserve_price_usd,
    spot_margin_usd_day,
)

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan
    from .model import TwinMarket
    from .party import Party
    from .things import Entry, HardwareClass

ON_OFFER = (LotState.IN_PLACE, LotState.REMOVED)


@dataclass(slots=True, eq=False)
class Lot:
    """What one loan, an estate or a distressed owner has of one class for sale."""

    market: TwinMarket
    number: int
    owner: Party  # that sells: a lender, or the borrower (its estate)
    loan: Loan | None  # whose claim it pays
    borrower: Borrower
    hardware: HardwareClass
    state: LotState
    units: float  # still unsold
    mark_usd: float  # per unit, at seizure
    seized_units: float
    seized_day: int
    state_day: int
    event: Entry  # of its seizure or listing
    last_event: Entry
    offered_day: int = -1
    proceeds_usd: float = 0.0
    unit_days: float = 0.0
    ended_units: float = 0.0  # that no buyer took in time
    listed: bool = False
    premium_usd_unit_day: float = 0.0  # its contracts paid beyond spot, at seizure
    hosted_units: float = 0.0  # run by a host for the lender, until the next window

    # ------------------------------------------------------------ custody

    def carry(self) -> None:
        """A day in custody: a receiver keeps part of the machines running, the rest costs."""
        kind = self.hardware
        if self.state is LotState.SOLD:
            return
        if kind.family is Family.SITE:
            if kind is sites.halls(self.market):
                self._take_rents()
            return
        standing, held = self.state in (LotState.LEGAL, LotState.IN_PLACE), self.is_held()
        if standing and kind.family is Family.GPU:
            rate = self._keep_gpus_rented()
        elif standing:
            rate = self._keep_rigs_mining()
        elif kind.family is Family.GPU:
            rate = self._keep_gpus_hosted()
        else:
            rate = self.market.terms.liquidation.storage_usd_per_gpu_day * kind.kw / GPU_KW
        self.charge(rate * self.units)
        if held and self.loan is not None and self.loan.principal_usd <= 1e-6:
            self._return_to_estate()

    def _take_rents(self) -> None:
        """Tenants of its halls that stay pay whoever has them."""
        if self.loan is None or self.seized_units <= 0.0:
            return
        share = self.units / self.seized_units * self.loan.collateral_units
        self._earn(share * self.borrower.hall_rents_usd_day, self.market.customers)

    def is_held(self) -> bool:
        """Whether it is kept for good and run where it stands."""
        terms = self.market.terms
        kept = terms.lenders.hold_seized and self.loan is not None
        if not terms.channels.forced_supply:
            kept = not self.is_owners()
        if not kept or self.hardware.family is Family.SITE:
            return False
        return self.market.day >= self.seized_day + terms.liquidation.legal_days

    def is_owners(self) -> bool:
        """Whether an owner that stands has put it on sale."""
        return self.listed and self.borrower.status is Status.ACTIVE

    def _run_share(self) -> float:
        """Of machines that pay: all of what is held, else the receiver's share."""
        share: float = 1.0 if self.is_held() else self.market.terms.liquidation.receiver_share
        return share

    def _return_to_estate(self) -> None:
        """The claim is repaid: the rest belongs to the estate."""
        assert self.loan is not None
        self.loan.lots.remove(self)
        self.loan = None
        self.owner = self.borrower

    def _keep_gpus_rented(self) -> float:
        """Earn rent with the receiver's share; returns the idle cost of a unit [USD]."""
        market, gpu, terms = self.market, self.hardware, self.market.terms
        running = gpu.kw * HOURS_PER_DAY * CARRY_USD_KWH
        margin = self.hosting_margin_usd_day()
        margin += terms.tenants.contract_kept_share * self.premium_usd_unit_day
        rented = self._run_share() if margin > 0.0 else 0.0
        market.prices.receiver_gpus += rented * self.units * gpu.quality
        income = rented * self.units * margin
        if income > 0.0:
            self._earn(income, market.customers)
        idle: float = (1.0 - rented) * terms.liquidation.idle_cost_share * running
        return idle

    def _keep_gpus_hosted(self) -> float:
        """Earn spot with what a host runs; returns what a unit costs, storage or the host [USD]."""
        share = min(self.hosted_units, self.units) / max(self.units, 1e-9)
        margin = self.hosting_margin_usd_day() if share > 0.0 else 0.0
        self.market.prices.receiver_gpus += share * self.units * self.hardware.quality
        if margin > 0.0:
            self._earn(share * self.units * margin, self.market.customers)
        storage: float = self.market.terms.liquidation.storage_usd_per_gpu_day
        return storage * (1.0 - share) + share * max(0.0, -margin)

    def hosting_margin_usd_day(self) -> float:
        """What a GPU leaves a day [USD] when somebody else runs it at spot."""
        market, gpu = self.market, self.hardware
        kept = (1.0 - market.terms.liquidation.hosting_discount) * self.borrower.spot_realisation
        running = gpu.kw * HOURS_PER_DAY * CARRY_USD_KWH
        rent = market.prices.rent_h100_usd_h * gpu.quality
        margin: float = spot_margin_usd_day(rent, kept, running)
        return margin

    def _keep_rigs_mining(self) -> float:
        """Mine with the share of rigs that pay their power; returns the idle cost of a TH/s."""
        market, rig, terms = self.market, self.hardware, self.market.terms
        running = rig.kw * HOURS_PER_DAY * CARRY_USD_KWH
        price, hashprice = self.borrower.power_usd_mwh, market.prices.hashprice_usd_ph_day
        pays = online_share(hashprice, price, rig.lo_j_th, rig.hi_j_th)
        share = pays * self._run_share()
        income = share * self.units / TH_PER_PH * hashprice
        income -= power_cost_usd_day(self.units, share, price, rig.lo_j_th, rig.hi_j_th)
        if self.is_held():
            income *= 1.0 - terms.liquidation.hosting_discount
        if income > 0.0:
            market.prices.receiver_th += share * self.units
            self._earn(income, market.exchange)
        idle: float = (1.0 - share) * terms.liquidation.idle_cost_share * running * IDLE_RIG_SHARE
        return idle

    def _earn(self, income_usd: float, payer: Party) -> None:
        """Income goes towards the claim as far as it goes, else to the estate."""
        if self.loan is None:
            payer.pay(self._seller(), income_usd)
            return
        applied = min(income_usd, self.loan.principal_usd)
        self.loan.repay(payer, applied)
        payer.pay(self.borrower, income_usd - applied)
        self.loan.count_recovery(applied)

    def charge(self, cost_usd: float) -> None:
        """A cost of enforcement: the lender's loss, or the estate's as far as its cash goes."""
        owner, courts = self.owner, self.market.courts
        if self.loan is None:
            owner.pay(courts, min(cost_usd, max(owner.cash_usd, 0.0)))
            return
        assert isinstance(owner, Lender)
        owner.find_cash(cost_usd)
        owner.pay(courts, cost_usd)
        self.loan.count_recovery(-cost_usd)
        owner.lose(cost_usd, self.event)

    def _seller(self) -> Party:
        """Who gets what an estate's lot brings: its owners, once it is wound up."""
        return self.market.investors if self.owner.status is Status.WOUND_UP else self.owner

    # ------------------------------------------------------------ on its way

    def advance(self) -> None:
        """Legal delay, then in place, then removed."""
        kind, terms = self.hardware, self.market.terms
        waited = self.market.day - self.state_day
        if kind.family is Family.SITE:
            waits = waited < terms.liquidation.site_days or not terms.channels.forced_supply
            if self.state is LotState.LEGAL and not waits:
                self._offer(LotState.REMOVED)
        elif self.is_held():
            if self.market.day == self.seized_day + terms.liquidation.legal_days:
                self.note_hosted(self.units)
        elif self.state is LotState.LEGAL:
            if waited >= terms.liquidation.legal_days:
                if self._stays():
                    self._offer(LotState.IN_PLACE)
                else:
                    self._remove()
        elif self.state is LotState.IN_PLACE:
            late = waited >= terms.liquidation.in_place_days
            if kind.family is Family.GPU and late and kind.removed_bidders:
                self._remove()
        elif self.state is LotState.MOVING and waited >= kind.relocation_days:
            self._offer(LotState.REMOVED)

    def note_hosted(self, units: float) -> None:
        """Its owner keeps so many of its machines and has them run."""
        self.market.note(
            Event.HOSTED,
            Cause.RETURNS,
            self.owner,
            self.borrower,
            self.loan,
            units * self.mark_usd,
            self.event,
        )

    def _stays(self) -> bool:
        """Rigs, what nobody buys removed, and clusters large enough are offered in place."""
        kind = self.hardware
        if not kind.removed_bidders or kind.family is Family.ASIC:
            return True
        if not kind.in_place_bidders:
            return False
        standing = 0.0
        for lot in self.borrower.lots:
            if lot.hardware is kind and lot.state in (LotState.LEGAL, LotState.IN_PLACE):
                standing += lot.units
        return standing >= self.market.smallest_cluster

    def _remove(self) -> None:
        """De-install GPUs and ship them, at the owner's cost."""
        self.state = LotState.MOVING
        self.state_day = self.market.day
        self.charge(self.market.terms.liquidation.removal_usd_per_gpu * self.units)

    def _offer(self, state: LotState) -> None:
        self.state = state
        self.state_day = self.market.day
        if self.offered_day < 0:
            self.offered_day = self.market.day
            self.market.note(
                Event.OFFERED,
                Cause.NONE,
                self.borrower,
                self.owner,
                self.loan,
                self.units * self.mark_usd,
                self.event,
            )

    def end(self) -> None:
        """What nobody bought in time: to its lender in kind, at holding value, or for scrap."""
        market, kind = self.market, self.hardware
        if not self._is_over():
            return
        price = kind.scrap_usd
        if self.loan is not None or not market.terms.channels.forced_supply:
            price = in_kind_usd(kind.hold_usd, kind.scrap_usd)
        if self.loan is not None:
            self.last_event = market.note(
                Event.TAKEN_IN_KIND,
                Cause.NONE,
                self.owner,
                self.borrower,
                self.loan,
                self.units * price,
                self.event,
            )
        if price > kind.scrap_usd:
            kind.outside_online += self.units
        self.hosted_units = 0.0
        units = self.ended_units = self.units
        self.sell(units, price, 0.0, market.investors)
        self.proceeds_usd -= units * price  # no buyer's price, no time to a sale
        self.unit_days -= units * (market.day - self.seized_day)

    def _is_over(self) -> bool:
        """Whether the court waits no longer for a buyer."""
        since = self.seized_day
        if self.hardware.family is Family.SITE:
            since += self.market.terms.liquidation.site_days
        elif self.loan is None:
            if self.borrower.status is Status.ACTIVE:
                return False
            since = self.borrower.default_day
        late: bool = self.market.day >= since + self.market.terms.credit.estate_max_days
        return late

    # ------------------------------------------------------------ sale

    def waited_days(self) -> float:
        """Days since it was first offered."""
        return float(self.market.day - max(self.offered_day, 0))

    def removal_usd(self) -> float:
        """Taking a unit out, at its sale [USD]: seized GPUs were taken out before."""
        terms = self.market.terms
        cost: float = 0.0
        if self.hardware.family is Family.ASIC:
            cost = terms.liquidation.removal_usd_per_th
        elif self.hardware.family is Family.GPU and self.listed:
            cost = terms.liquidation.removal_usd_per_gpu
        return cost

    def reserve_usd(self, hold_usd: float) -> float:
        """Lowest price the owner takes [USD/unit]; its funding sets how patient it is."""
        if self.listed:
            patience = OWNER_PATIENCE_DAYS
        elif self.loan is None:
            patience = ESTATE_PATIENCE_DAYS
        else:
            lender = self.loan.lender
            patience = max(lender.patience_days(), lender.least_patience_days)
            if lender.supply <= 0.0:
                patience = lender.least_patience_days  # it must sell
        waited = self.waited_days()
        if self.hosted_units > 0.0:  # what earns can wait
            waited *= max(0.0, 1.0 - self.hosted_units / max(self.units, 1e-9))
        reserve: float = reserve_price_usd(hold_usd, self.hardware.scrap_usd, waited, patience)
        return reserve

    def sell(self, units: float, price_usd: float, removal_usd: float, buyer: Party) -> Entry:
        """Machines to the buyer, proceeds to the claim, surplus to the estate.

        Legal cost and ``removal_usd`` a unit come off the proceeds; sales of a lot in one auction
        are one entry. A second-hand buyer's money comes from outside, limited by its budget.
        """
        market, terms = self.market, self.market.terms
        price_usd += sites.lease_premium_usd_mw(self)
        self.units -= units
        if self.units < DUST:  # it goes with the last sale
            units += self.units
            self.units = 0.0
            self.state = LotState.SOLD
            self.hardware.lots.remove(self)
        held = buyer.holdings.get(self.hardware)
        if held is not None:
            held.units += units
        elif buyer is market.authority:
            self.hardware.authority_units += units
        else:
            self.hardware.outside_units += units
        proceeds = units * price_usd
        self.proceeds_usd += proceeds
        self.unit_days += units * (market.day - self.seized_day)
        if isinstance(buyer, Buyer):
            market.investors.pay(buyer, proceeds)
        fee = min(proceeds, terms.liquidation.legal_cost_share * proceeds + removal_usd * units)
        net = proceeds - fee
        buyer.pay(market.courts, fee)
        event = self._note_sale(proceeds, buyer)
        loan = self.loan
        if loan is None:
            buyer.pay(self._seller(), net)
            return event
        applied = min(net, loan.principal_usd)
        loan.repay(buyer, applied)
        buyer.pay(self.borrower, net - applied)
        loan.count_recovery(applied)
        if self.state is not LotState.SOLD and loan.principal_usd <= 1e-6:
            self._return_to_estate()
        return event

    def _note_sale(self, proceeds_usd: float, buyer: Party) -> Entry:
        last = self.last_event
        auctioned = buyer is not self.market.authority
        if last.kind is Event.HARDWARE_SALE and last.day == self.market.day and auctioned:
            last.amount_usd += proceeds_usd
        else:
            self.last_event = self.market.note(
                Event.HARDWARE_SALE,
                Cause.COLLATERAL_SALE,
                self.borrower,
                buyer,
                self.loan,
                proceeds_usd,
                self.event,
            )
        return self.last_event
