"""The table of contracts: who pays whom for machines or hosting."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from ...agents.columns import Codes, Flags, Ints, IntsOrNone, Reals, RealsOrNone


class ContractKind(IntEnum):
    """What is rented."""

    COMPUTE = 0
    HOSTING = 1


class Contracts(NamedTuple):
    """One row per contract (compute contracts are split by class)."""

    kind: Codes
    landlord: Ints  # party
    tenant: Ints  # party
    hardware: Ints
    gpus: Reals  # signed
    usd_day: Reals  # rent of all signed GPUs, or of the site
    start_day: Ints
    end_day: Ints
    rolled: Flags  # expired once: rent follows spot
    spot_ratio: Reals  # of a rolled contract: its rent over spot, at most one
    paid_in_tenant_cost: Flags  # rent already inside the tenant's operating cost
    cost_share: Reals  # landlord's cost, of the rent of sites that open later
    take_or_pay: Flags
    signed_later: Flags  # not live at the opening
    ordered: Reals  # GPUs still to be delivered
    delivered: Reals  # GPUs live: all of them where live at the opening
    holding: Ints  # row of the machines bought for it, -1: served by the whole fleet
    rent_usd_day: Reals  # today, of delivered GPUs
    repaid_usd_day: Reals  # rent already prepaid by the tenant
    unfunded_days: Ints  # in a row; the order is cancelled when they get too many
    unit_cost_usd_day: RealsOrNone  # running cost of delivered GPUs, NaN: as the fleet's
    unrated: Flags  # the tenant may stop paying
    pooled: Flags  # the tenant stands for many firms: each contract is another's
    guarantor: Ints  # party, -1 if none
    guarantee_left_usd: Reals
    guaranteed_with: IntsOrNone  # contract on whose row the cap it shares stands, -1: its own
    rent_share: Reals  # of the signed rent, after renegotiation
    broken_day: Ints  # the tenant left, -1 if not
    for_rigs: Flags  # a hall of miners: its rent follows hashprice, not the demand for GPUs
    empty_days: Reals  # that a hall left by its tenant has looked for another, by today's demand
    relet_usd_day: Reals  # rent of its new tenant, 0 before there is one
    claim_usd: Reals  # the landlord's, on the tenant that failed
