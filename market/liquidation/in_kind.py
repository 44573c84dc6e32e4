"""The end of what found no buyer: the court does not wait longer than ``estate_max_days``.

A lender then takes its machines in kind. It bids at what they are worth to one who keeps and hosts
them, or at scrap if that is more. In the books a vehicle outside the market, paid for by investors,
buys them at that value: the claim recovers it, what it exceeds the claim by is the estate's, and
the machines belong to an outside owner of the same class. They run for it where keeping them pays,
and are gone where they are scrap. What belongs to an estate itself goes for scrap; where nothing
was for sale (``channels.forced_supply`` off) it goes as lenders' machines do. Who still trades
keeps what it has listed.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import in_kind_usd
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.hardware import Family
from ..state.history import log_event
from ..state.lots import LotState
from ..state.market import Market
from .auctions import sell_units


@inlined
def is_over(market: Market, lot: int) -> bool:
    """Whether the time for a sale is up: counted from seizure, or from the failure of an estate.

    Of a site from when it is first offered.
    """
    today, parties, lots = market.today, market.parties, market.lots
    since = lots.seized_day[lot]
    if market.hardware.family[lots.hardware[lot]] == Family.SITE:
        since += market.terms.liquidation.site_days  # it is offered no sooner
    elif lots.loan[lot] < 0:
        b = lots.borrower[lot]
        if parties.status[b] == Status.ACTIVE:
            return False
        since = parties.default_day[b]
    return today.day >= since + market.terms.credit.estate_max_days


@compiled
def end_lots(market: Market) -> None:
    """Machines whose time is up go to their lenders in kind, those of estates for scrap."""
    hardware, lots = market.hardware, market.lots
    investors = market.today.first_outside + Outside.INVESTORS
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        if lots.state[i] == LotState.SOLD:
            continue
        if not is_over(market, i):
            continue
        units, scrap = lots.units[i], hardware.scrap_usd[k]
        price = scrap
        if lots.loan[i] >= 0 or not market.terms.channels.forced_supply:
            price = in_kind_usd(market.hold_usd[k], scrap)
        if lots.loan[i] >= 0:
            lots.last_event[i] = log_event(
                market,
                Event.TAKEN_IN_KIND,
                Cause.NONE,
                (lots.owner[i], lots.borrower[i], lots.loan[i]),
                units * price,
                lots.event[i],
            )
        if price > scrap:
            market.outside_online[k] += units
        lots.hosted_units[i] = 0.0
        sell_units(market, i, units, price, 0.0, investors)
        lots.ended_units[i] = units  # in the books a sale, but no buyer's: no price, no time to one
        lots.proceeds_usd[i] -= units * price
        lots.unit_days[i] -= units * (market.today.day - lots.seized_day[i])
