"""A failure that a scenario scripts: one more dated shock, of whatever books."""

from __future__ import annotations

import numpy as np

from ..scenario.errors import InputError
from ..scenario.nearest import did_you_mean
from ..state.facts import ShockKind, Shocks
from ..state.market import Market


def script_knock_out(market: Market) -> None:
    """Let the party that ``knock_out`` names fail on its day (in place).

    Raises:
        InputError: no borrower or lender of these books has that id.
    """
    script = market.scenario.knock_out
    if not script.party:
        return
    names = list(market.names.parties[: market.first_buyer])
    if script.party not in names:
        raise InputError(
            f"knock_out.party = '{script.party}' is not allowed"
            f"{did_you_mean(script.party, names)}; it must be the id of a borrower or lender."
        )
    row = Shocks(
        day=np.array([script.day], np.int32),
        kind=np.array([ShockKind.KNOCK_OUT], np.int8),
        party=np.array([names.index(script.party)], np.int32),
        counterparty=np.array([-1], np.int32),
        amount=np.zeros(1),
        outflow_usd_day=np.zeros(1),
    )
    known = market.dated.shocks._asdict()
    both = {name: np.concatenate((known[name], column)) for name, column in row._asdict().items()}
    market.dated = market.dated._replace(shocks=Shocks(**both))
