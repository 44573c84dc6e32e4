"""The twin's event log as a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from .loan import Loan
    from .party import Party
    from .things import Entry


def event_frame(log: list[Entry]) -> pd.DataFrame:
    """The columns of :func:`market.record.frames.event_frame`."""
    import pandas as pd

    columns: dict[str, list[Any]] = {
        "event": [entry.number for entry in log],
        "day": [entry.day for entry in log],
        "round": [entry.round for entry in log],
        "kind": [entry.kind.name.lower() for entry in log],
        "party": [_name(entry.party) for entry in log],
        "counterparty": [_name(entry.counterparty) for entry in log],
        "loan": [_name(entry.loan) for entry in log],
        "amount_usd": [entry.amount_usd for entry in log],
        "cause": [entry.cause.name.lower() for entry in log],
        "parent": [entry.parent.number if entry.parent else -1 for entry in log],
    }
    return pd.DataFrame(columns)


def _name(thing: Party | Loan | None) -> str:
    return thing.name if thing else ""
