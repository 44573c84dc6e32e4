"""The table of contracts: who pays whom for machines or hosting."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ContractKind(IntEnum):
    """What is rented."""

    COMPUTE = 0
    HOSTING = 1


class Contracts(NamedTuple):
    """One row per contract (compute contracts are split by class)."""

    kind: NDArray[np.int8]
    landlord: NDArray[np.int32]  # party
    tenant: NDArray[np.int32]  # party
    hardware: NDArray[np.int32]
    gpus: NDArray[np.float64]  # signed
    usd_day: NDArray[np.float64]  # rent of all signed GPUs, or of the site
    start_day: NDArray[np.int32]
    end_day: NDArray[np.int32]
    rolled: NDArray[np.bool_]  # expired once: rent follows spot
    spot_ratio: NDArray[np.float64]  # of a rolled contract: its rent over spot, at most one
    paid_in_tenant_cost: NDArray[np.bool_]  # rent already inside the tenant's operating cost
    cost_share: NDArray[np.float64]  # landlord's cost, of the rent of sites that open later
    take_or_pay: NDArray[np.bool_]
    signed_later: NDArray[np.bool_]  # not live at the opening
    ordered: NDArray[np.float64]  # GPUs still to be delivered
    delivered: NDArray[np.float64]  # GPUs live: all of them where live at the opening
    holding: NDArray[np.int32]  # row of the machines bought for it, -1: served by the whole fleet
    repaid_usd_day: NDArray[np.float64]  # rent already prepaid by the tenant
    unfunded_days: NDArray[np.int32]  # in a row; the order is cancelled when they get too many
    unit_cost_usd_day: NDArray[np.float64]  # running cost of delivered GPUs, NaN: as the fleet's
    unrated: NDArray[np.bool_]  # the tenant may stop paying
    guarantor: NDArray[np.int32]  # party, -1 if none
    guarantee_left_usd: NDArray[np.float64]
    rent_share: NDArray[np.float64]  # of the signed rent, after renegotiation
    broken_day: NDArray[np.int32]  # the tenant left, -1 if not
