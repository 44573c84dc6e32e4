"""Contracts for machines and halls: what they pay, with their tenant and without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Status
from ...market.state.contracts import ContractKind
from ...market.state.events import Cause, Event
from .borrower import Borrower
from .sites import note_lease

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket
    from .party import Party
    from .things import Entry, HardwareClass, Holding


@dataclass(slots=True, eq=False)
class Contract:
    """A landlord's contract with a tenant; compute contracts are on one class."""

    number: int
    name: str
    kind: ContractKind
    landlord: Party
    tenant: Party
    hardware: HardwareClass | None
    gpus: float
    usd_day: float
    start_day: int
    end_day: int
    rolled: bool
    spot_ratio: float
    paid_in_tenant_cost: bool
    cost_share: float
    take_or_pay: bool
    signed_later: bool
    ordered: float
    delivered: float
    holding: Holding | None  # the machines bought for it; None: served by the whole fleet
    rent_usd_day: float  # today, of delivered GPUs
    repaid_usd_day: float
    unfunded_days: int
    unit_cost_usd_day: float | None  # None: as the fleet's
    unrated: bool
    pooled: bool  # the tenant stands for many firms
    guarantor: Party | None
    guarantee_left_usd: float
    guaranteed_with: Contract | None  # on which the cap it shares stands, None: its own
    rent_share: float
    broken_day: int
    for_rigs: bool
    empty_days: float
    relet_usd_day: float
    claim_usd: float
    facility: list[Loan] = field(default_factory=list)  # that may pay for its machines

    def cost_usd_unit_day(self) -> float:
        """Running cost of a machine bought for it [USD a day]."""
        if self.unit_cost_usd_day is not None:
            return self.unit_cost_usd_day
        assert self.hardware is not None
        return self.landlord.holdings[self.hardware].cost_usd_unit_day

    def rent_over_spot(self, market: TwinMarket) -> float:
        """What it costs over the spot rent of machines of its class, or of empty halls."""
        prices = market.prices
        if self.kind is ContractKind.HOSTING:
            index = prices.rig_hall_rent if self.for_rigs else prices.hall_rent
            return self.rent_share / max(index, 1e-9)
        if self.gpus <= 0.0:
            return 1.0
        assert self.hardware is not None
        spot = market.prices.rent_h100_usd_h * self.hardware.quality * HOURS_PER_DAY
        return self.rent_share * self.usd_day / self.gpus / max(spot, 1e-9)

    def renegotiate(self, market: TwinMarket, ratio: float) -> None:
        """It pays the spot rent from now on; the amount is what a year loses by it."""
        lost = self.usd_day * self.rent_share * (1.0 - 1.0 / ratio)
        self.rent_share /= ratio
        self._note(Event.RENEGOTIATED, Cause.SPOT_RENT, lost, market, market.shock_event)

    def leave(self, market: TwinMarket, cause: Cause, parent: Entry | None) -> None:
        """The tenant is gone; the amount is a year's rent."""
        self.broken_day = market.day
        rent = self.usd_day * self.rent_share
        self._note(Event.TENANT_LEFT, cause, rent, market, parent)

    def _note(
        self, kind: Event, cause: Cause, usd_day: float, market: TwinMarket, parent: Entry | None
    ) -> None:
        landlord = self.landlord
        assert isinstance(landlord, Borrower)
        landlord.trail_event = market.note(
            kind, cause, landlord, self.tenant, None, 365.0 * usd_day, parent
        )

    def run(self, market: TwinMarket) -> None:
        """A day: rents of machines are summed by landlord, rents of halls are paid."""
        landlord = self.landlord
        self.rent_usd_day = 0.0
        if not isinstance(landlord, Borrower):
            if not self.paid_in_tenant_cost and market.day >= self.start_day:
                self._lease_from_outside(market)
            return
        kept = landlord.halls_kept  # of the halls
        if landlord.status is not Status.ACTIVE:
            if self.kind is ContractKind.COMPUTE:
                return
            kept = 0.0
        slip = landlord.capex_unpaid_days if self.signed_later else 0.0
        if self.kind is ContractKind.HOSTING:
            note_lease(self, landlord, self.start_day + slip)
        if market.day < self.start_day + slip:
            return
        if self.kind is ContractKind.COMPUTE:
            self._rent_machines(market, landlord)
        else:
            self._rent_halls(market, landlord, kept)

    def _rent_machines(self, market: TwinMarket, landlord: Borrower) -> None:
        assert self.hardware is not None
        rent = self.usd_day * self.delivered / max(self.gpus, 1e-9)
        rent = rent * self.rent_share - self.repaid_usd_day
        spot = market.prices.rent_h100_usd_h * self.hardware.quality * HOURS_PER_DAY
        spot *= self.delivered * self.spot_ratio
        if self.broken_day >= 0:
            rent = self._without_tenant(market, rent, spot)
        elif market.day >= self.end_day:
            rent = spot
            self.rolled = True
        self.rent_usd_day = rent
        if self.holding is not None:
            self.holding.contract_units += self.delivered
            self.holding.contract_usd_day += rent
            self.holding.contract_cost_usd_day += self.delivered * self.cost_usd_unit_day()
        else:
            landlord.contracted_gpus += self.delivered
            landlord.contract_usd_day += rent

    def _rent_halls(self, market: TwinMarket, landlord: Borrower, kept: float) -> None:
        tenant = self.tenant
        rent = self.usd_day * self.rent_share
        if self.broken_day >= 0:
            rent = self._without_tenant(market, rent, 0.0)
        cost = self.cost_share * kept * rent
        landlord.hosting_usd_day += kept * rent - cost
        landlord.pay(market.utility, cost)
        payer: Party = market.customers  # a new tenant, and the guarantor through them
        if self.broken_day < 0:
            if self.paid_in_tenant_cost:
                payer = market.utility
            elif not isinstance(tenant, Borrower):
                payer = tenant
            elif tenant.status is Status.ACTIVE:
                payer = tenant
                tenant.lease_cost_usd_day += rent
        payer.pay(landlord, kept * rent)
        payer.pay(market.customers, (1.0 - kept) * rent)  # to whoever has the halls now

    def _lease_from_outside(self, market: TwinMarket) -> None:
        """A borrower rents halls of somebody outside."""
        tenant = self.tenant
        if isinstance(tenant, Borrower) and tenant.status is Status.ACTIVE:
            rent = self.usd_day * self.rent_share
            tenant.lease_cost_usd_day += rent
            tenant.pay(self.landlord, rent)

    def _relet_usd_day(self, market: TwinMarket) -> float:
        """Rent of a hall that was left; a day of looking for another tenant [USD a day]."""
        prices, settings = market.prices, market.terms.tenants
        if self.relet_usd_day > 0.0:
            return self.relet_usd_day
        if market.day > self.broken_day:
            self.empty_days += prices.rig_hall_demand if self.for_rigs else prices.hall_demand
        if self.empty_days >= settings.relet_days:
            index = prices.rig_hall_rent if self.for_rigs else prices.hall_rent
            self.relet_usd_day = settings.relet_share * index * self.usd_day
        return self.relet_usd_day

    def _without_tenant(self, market: TwinMarket, signed_usd: float, spot_usd: float) -> float:
        """Rent of a day once the tenant has left, with what its guarantor adds [USD]."""
        rent = min(spot_usd, signed_usd)
        if self.kind is ContractKind.HOSTING:
            rent = self._relet_usd_day(market)
        if market.day >= self.end_day or self.guarantor is None:
            return rent
        if self.guarantor.status is not Status.ACTIVE:
            return rent
        cap = self.guaranteed_with or self
        added = min(max(0.0, signed_usd - rent), cap.guarantee_left_usd)
        cap.guarantee_left_usd -= added
        self.guarantor.pay(market.customers, added)
        return rent + added
