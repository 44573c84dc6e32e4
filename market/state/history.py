"""Where history is written: every event of the event log."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from .market import Market

SAME_EPISODE_DAYS = 30  # sales, draws or issues closer together than this are one event


@compiled
def log_event(
    market: Market,
    kind: int,
    cause: int,
    who: tuple[int, int, int],
    amount_usd: float,
    parent: int,
) -> int:
    """Append an event of today and return its id, which is its row.

    Room is made before each day (:func:`market.state.journal.make_room`).

    Args:
        market: the market.
        kind: :class:`market.state.events.Event`.
        cause: :class:`market.state.events.Cause`.
        who: party, counterparty and loan; -1 for none.
        amount_usd: what it is about.
        parent: the event whose outcome this one reacted to, -1 if none is known.

    A parent says what touched what, no more: the log of one run cannot say what would not have
    happened without it.
    """
    log = market.log
    row = log.count[0]
    event = log.events[row]
    event["day"] = market.today.day
    event["round"] = 0
    event["kind"] = kind
    event["cause"] = cause
    event["party"] = who[0]
    event["counterparty"] = who[1]
    event["loan"] = who[2]
    event["amount_usd"] = amount_usd
    event["parent"] = parent
    log.count[0] = row + 1
    return row


@inlined
def in_round(market: Market, event: int, round_: int) -> int:
    """Note in which round of a day's contagion an event happened; returns the event."""
    market.log.events[event]["round"] = round_
    return event


@inlined
def same_episode(market: Market, event: int) -> bool:
    """Whether an earlier event is recent enough to grow instead of being repeated."""
    recent: bool = market.log.events[event]["day"] > market.today.day - SAME_EPISODE_DAYS
    return event >= 0 and recent
