"""A buyer of last resort: a public purse that takes what the market leaves, at a stated price."""

from __future__ import annotations

import numpy as np

from ...agents.party import Outside
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.run import Run
from .auctions import lot_reserve_usd, sell_units


def buy_what_is_left(run: Run) -> None:
    """After the week's auctions, buy unsold lots at a share of schedule until the purse is empty.

    Lots whose owner asks for more wait on; no trade is made that the owner would refuse.
    """
    s, policy = run.state, run.scenario.policy
    left = policy.buyer_of_last_resort_usd - s.prices.policy_bought_usd
    if left <= 0.0:
        return
    wanted = [
        int(family)
        for family in (Family.GPU, Family.ASIC)
        if policy.buyer_families in ("both", family.name.lower())
    ]
    used = slice(0, int(s.lots.count[0]))
    offered = np.isin(s.lots.state[used], (LotState.REMOVED, LotState.IN_PLACE))
    offered &= np.isin(s.hardware.family[s.lots.hardware[used]], wanted)
    for i in np.flatnonzero(offered).tolist():
        k = int(s.lots.hardware[i])
        price = policy.buyer_price_share * float(run.schedule_usd[k])
        scrap = float(s.hardware.scrap_usd[k])
        reserve = lot_reserve_usd(run.today(), i, run.hold_usd[k], scrap, s.lenders, s.lots)
        if price < reserve:
            continue
        units = min(float(s.lots.units[i]), left / price)
        left -= units * price
        s.prices.policy_bought_usd += units * price
        sell_units(
            run.today(),
            run.terms,
            i,
            units,
            price,
            0.0,
            s.first_outside + Outside.INVESTORS,
            s.parties,
            s.lenders,
            s.ledger,
            s.loans,
            s.holdings,
            s.lots,
            s.log,
        )
        if left <= 1.0:
            return
