"""Parties: what every agent has, outside ends of flows, and second-hand buyers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import mesa

from ...agents.party import Status
from ...market.liquidation.bids import DEALER_TURN_YEARS

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import Entry, HardwareClass, Holding


class Party(mesa.Agent):
    """Somebody with cash; the ``number`` is its place in the books."""

    model: TwinMarket

    def __init__(self, model: TwinMarket, number: int, name: str, cash_usd: float = 0.0) -> None:
        super().__init__(model)
        self.number = number
        self.name = name
        self.cash_usd = cash_usd
        self.status = Status.ACTIVE
        self.default_day = -1
        self.default_event: Entry | None = None
        self.entered_day = -1  # of a firm that was not there at the opening
        self.reorganised_day = -1
        self.made_whole = False  # does not fail: what it lacks comes from outside
        self.parent: Party | None = None  # owner whose insolvency is its own
        self.btc = 0.0
        self.btc_lent = 0.0
        self.eth = 0.0
        self.payables_usd = 0.0
        self.lease_claims_usd = 0.0  # of landlords whose contracts it broke when it failed
        self.holdings: dict[HardwareClass, Holding] = {}

    def pay(self, payee: Party, amount_usd: float) -> None:
        """Move cash."""
        self.cash_usd -= amount_usd
        payee.cash_usd += amount_usd


class Outsider(Party):
    """An end of flows outside the simulation; its cash may go negative."""


class Endowment(NamedTuple):
    """What a second-hand buyer has and wants, as its row of the engine's table says."""

    segment: int
    budget_usd: float
    budget_usd_day: float
    slots: list[float]  # free, by rack
    needs_slots: bool  # dealers do not: they resell
    in_place_only: bool
    min_lot_gpus: float
    credit_share: float
    required_return: float
    horizon_years: float
    relocation_usd: float
    running_cost_usd_kwh: float


class Buyer(Party):
    """A second-hand buyer: one budget and one set of racks for all classes."""

    def __init__(self, model: TwinMarket, number: int, name: str, means: Endowment) -> None:
        super().__init__(model, number, name)
        self.segment = means.segment
        self.budget_usd = means.budget_usd
        self.budget_usd_day = means.budget_usd_day
        self.slots = means.slots
        self.slots_open = list(means.slots)
        self.needs_slots = means.needs_slots
        self.in_place_only = means.in_place_only
        self.min_lot_gpus = means.min_lot_gpus
        self.credit_share = means.credit_share
        self.required_return = means.required_return
        self.horizon_years = means.horizon_years
        self.relocation_usd = means.relocation_usd
        self.running_cost_usd_kwh = means.running_cost_usd_kwh
        self.turn = (1.0 + means.required_return) ** DEALER_TURN_YEARS  # that a resale must bring

    def save(self, days: int, most_days: float, supply: float) -> None:
        """Add a window's income to the budget; the part on credit shrinks with its supply."""
        inflow = self.budget_usd_day * (1.0 - self.credit_share * (1.0 - supply))
        limit = max(inflow * most_days, self.budget_usd)
        self.budget_usd = min(self.budget_usd + days * inflow, limit)
