"""Compute operators: GPUs rented out under contract or at spot.

Neoclouds, and miners with GPU halls. A contract covers a number of GPUs; what is not covered earns
the spot rent times the operator's realisation (utilisation and discount, from its opening books).
"""

from __future__ import annotations

from typing import NamedTuple

from .columns import Reals
from .compiling.kernels import compiled

HOURS_PER_DAY = 24.0


class Neoclouds(NamedTuple):
    """One row per borrower (zero for those without GPUs), indexed by party id."""

    spot_realisation: Reals  # share of the listed spot rent earned on average
    contracted_gpus: Reals  # under live contracts, as landlord
    contract_usd_day: Reals  # rent of those contracts if fully served
    hosting_usd_day: Reals  # rent received for sites, net of landlord's cost
    hall_rents_usd_day: Reals  # net, of tenants that stay, whoever has the halls
    leases_usd: Reals  # what the rest of leases that have begun is worth, to whoever has the halls
    signed_leases_usd: Reals  # the same of leases still to begin
    lease_cost_usd_day: Reals  # rent paid for sites not in operating cost
    gpus_online: Reals  # result of the last day
    income_usd_day: Reals  # compute rents less running cost of the last day


@compiled
def covered_share(contracted_gpus: float, installed_gpus: float) -> float:
    """Share [0..1] of the fleet that contracts cover."""
    if installed_gpus <= 0.0:
        return 0.0
    return min(1.0, contracted_gpus / installed_gpus)


@compiled
def served_share(contracted_gpus: float, installed_gpus: float) -> float:
    """Share [0..1] of the contracts that the fleet can serve; the rest is not paid."""
    if contracted_gpus <= 0.0:
        return 1.0
    return min(1.0, installed_gpus / contracted_gpus)


@compiled
def spot_margin_usd_day(rent_usd_h: float, realisation: float, cost_usd_day: float) -> float:
    """What a GPU at spot leaves a day after running cost [USD]; negative: switch it off."""
    return rent_usd_h * realisation * HOURS_PER_DAY - cost_usd_day


@compiled
def unit_income_usd_day(
    covered: float, contract_usd_unit_day: float, spot_margin: float, cost_usd_day: float
) -> float:
    """Income [USD/day] of one unit of a class in a fleet with share ``covered`` under contract.

    ``contract_usd_unit_day`` is contract rent over all units, covered or not. The uncovered part is
    worth ``max(spot margin, 0)``: it can be switched off.
    """
    return contract_usd_unit_day - covered * cost_usd_day + (1.0 - covered) * max(spot_margin, 0.0)
