"""The day's journal: room for what will happen, and the check that nothing was lost."""

from __future__ import annotations

from ...agents.compiling.kernels import entrance
from .events import with_room
from .ledger import Stocks
from .market import Market
from .money import conservation_error, take_stock

EVENTS_PER_ROW = 6  # room in the log for a day, per loan, party and lot


def open_journal(market: Market) -> None:
    """Make room in the causal log for the day; flows start at zero."""
    rows = len(market.loans.status) + market.borrower_count + int(market.lots.count[0])
    needed = EVENTS_PER_ROW * rows + 1024
    needed += 4 * len(market.lenders.kind) + len(market.interlender.amount_usd)
    events = with_room(market.log.events, len(market.events), needed)
    if events is not market.log.events:
        market.log = market.log._replace(events=events)
    market.ledger.flows[:] = 0.0


def close_journal(market: Market) -> float:
    """Today's stocks against yesterday's and the day's flows: the worst relative error."""
    assert market.stocks is not None
    market.stocks, error = _close(market, market.stocks)
    return error


@entrance
def _close(market: Market, before: Stocks) -> tuple[Stocks, float]:
    after = take_stock(market)
    return after, conservation_error(before, after, market.ledger.flows)
