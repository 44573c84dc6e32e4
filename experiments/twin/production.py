"""Production: rigs and GPUs that run where they pay, and the day's operating cash flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.party import Status
from ...market.state.hardware import Family
from ...market.state.units import TH_PER_PH
from .party import Party
from .rules import (
    adjusted_share,
    covered_share,
    online_share,
    power_cost_usd_day,
    served_share,
    spot_margin_usd_day,
    unit_income_usd_day,
)

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import Holding


class Operator(Party):
    """Somebody who runs machines: power, overhead, contracts, halls."""

    power_usd_mwh: float
    energised: float  # share of its rigs that have power
    hold_policy: float  # of production kept as treasury in good times
    hold_share: float  # and today
    spot_realisation: float
    fixed_cost_usd_day: float
    other_revenue_usd_day: float
    other_cost_usd_day: float
    trailing_cash_flow_usd: float

    def __init__(self, model: TwinMarket, number: int, name: str) -> None:
        super().__init__(model, number, name)
        self.rigs: list[Holding] = []
        self.gpus: list[Holding] = []
        # results of the last day
        self.hashrate_online_th = 0.0
        self.margin_usd_day = 0.0  # mining revenue less power
        self.contracted_gpus = 0.0
        self.contract_usd_day = 0.0
        self.hosting_usd_day = 0.0
        self.lease_cost_usd_day = 0.0
        self.hall_rents_usd_day = 0.0
        self.leases_usd = self.signed_leases_usd = 0.0
        self.gpus_online = 0.0
        self.income_usd_day = 0.0  # compute rents less running cost
        self.cash_flow_usd_day = 0.0

    def own(self, holding: Holding) -> None:
        """Open a holding (once per class)."""
        self.holdings[holding.hardware] = holding
        if holding.hardware.family is Family.ASIC:
            self.rigs.append(holding)
        elif holding.hardware.family is Family.GPU:
            self.gpus.append(holding)

    def clear_contracts(self) -> None:
        """Before contracts run: nothing is rented yet today."""
        self.contracted_gpus = 0.0
        self.contract_usd_day = 0.0
        self.hosting_usd_day = 0.0
        self.lease_cost_usd_day = 0.0
        self.hall_rents_usd_day = 0.0
        self.leases_usd = self.signed_leases_usd = 0.0
        for holding in self.gpus:
            holding.contract_units = 0.0
            holding.contract_usd_day = 0.0
            holding.contract_cost_usd_day = 0.0

    def mine(self) -> None:
        """Run each class of rigs down to its break-even; keep a share, sell the rest."""
        self.hashrate_online_th = 0.0
        self.margin_usd_day = 0.0
        if not self.rigs or self.status is not Status.ACTIVE:
            return
        market = self.model
        hashprice, price = market.prices.hashprice_usd_ph_day, self.power_usd_mwh
        online = power = 0.0
        for holding in self.rigs:
            rig = holding.hardware
            lo, hi, units = rig.lo_j_th, rig.hi_j_th, holding.units
            target = online_share(hashprice, price, lo, hi) * self.energised
            powered = 1.0
            if holding.units > 0.0:
                powered -= min(1.0, holding.waiting_units / holding.units)
            target *= powered
            share = adjusted_share(holding.online, target)
            holding.online = share
            online += units * share
            cost = power_cost_usd_day(units, share, price, lo, hi)
            power += cost
            income = units * share / TH_PER_PH * hashprice - cost
            holding.income_usd_unit_day = income / max(powered * units, 1e-9)
        if online <= 0.0:
            return
        mined = market.btc_per_day * online / market.difficulty_th
        kept = mined * self.hold_share
        market.outside_btc -= kept
        self.btc += kept
        market.exchange.pay(self, (mined - kept) * market.prices.btc_usd)
        self.pay(market.utility, power)
        self.hashrate_online_th = online
        self.margin_usd_day = mined * market.prices.btc_usd - power

    def rent_out(self) -> None:
        """Serve contracts from the fleet; the rest earns spot or is switched off."""
        self.gpus_online = 0.0
        self.income_usd_day = 0.0
        if not self.gpus or self.status is not Status.ACTIVE:
            return
        market, rent_h100 = self.model, self.model.prices.rent_h100_usd_h
        pooled = quality = 0.0  # machines that no later contract has bought for itself
        for holding in self.gpus:
            free = holding.pooled_units()
            pooled += free
            quality += free * holding.hardware.quality
        covered = covered_share(self.contracted_gpus, pooled)
        paid = self.contract_usd_day * served_share(self.contracted_gpus, pooled)
        per_quality = paid / quality if quality > 0.0 else 0.0
        revenue = cost = 0.0
        for holding in self.gpus:
            units, gpu = holding.units, holding.hardware
            if units <= 0.0:
                continue
            own = min(units, holding.contract_units)
            own_rent = own_cost = 0.0
            if own > 0.0:
                share = own / holding.contract_units
                own_rent = share * holding.contract_usd_day
                own_cost = share * holding.contract_cost_usd_day
            free = holding.pooled_units()
            later = units - own - free
            unit_cost = holding.cost_usd_unit_day
            rent = rent_h100 * gpu.quality
            margin = spot_margin_usd_day(rent, self.spot_realisation, unit_cost)
            spot = (1.0 - covered) * free + later if margin > 0.0 else 0.0
            online = covered * free + spot
            contract_rent = per_quality * gpu.quality
            revenue += own_rent + free * per_quality * gpu.quality
            revenue += spot * (margin + unit_cost)
            cost += own_cost + online * unit_cost
            pool_income = unit_income_usd_day(covered, contract_rent, margin, unit_cost)
            holding.income_usd_unit_day = pool_income
            earned = own_rent - own_cost + free * pool_income + later * max(margin, 0.0)
            mean_income = earned / units
            holding.premium_usd_unit_day = max(0.0, mean_income - max(margin, 0.0))
            self.gpus_online += own + online
            market.gpu_supply += (own + online) * gpu.quality
        market.customers.pay(self, revenue)
        self.pay(market.utility, cost)
        self.income_usd_day = revenue - cost

    def settle_overhead(self) -> None:
        """Other revenue and overhead; the day's cash flow and its trailing quarter."""
        if self.status is not Status.ACTIVE:
            self.cash_flow_usd_day = 0.0
            return
        self.model.customers.pay(self, self.other_revenue_usd_day)
        overhead = self.fixed_cost_usd_day + self.other_cost_usd_day
        self.pay(self.model.utility, overhead)
        flow = (
            self.margin_usd_day
            + self.income_usd_day
            + self.hosting_usd_day
            - self.lease_cost_usd_day
            + self.other_revenue_usd_day
            - overhead
        )
        self.cash_flow_usd_day = flow
        self.trailing_cash_flow_usd += (flow - self.trailing_cash_flow_usd) / QUARTER_DAYS

    def machines_usd(self, scheduled: bool = False) -> float:
        """All machines at lenders' marks, or at scheduled values [USD]."""
        value = 0.0
        for holding in self.holdings.values():
            kind = holding.hardware
            value += holding.units * (kind.schedule_usd if scheduled else kind.mark_usd)
        return value

    def uncovered_gpus(self) -> float:
        """GPUs that no contract needs."""
        pooled = 0.0
        for holding in self.gpus:
            pooled += max(0.0, holding.units - holding.contract_units)
        return max(0.0, pooled - self.contracted_gpus)
