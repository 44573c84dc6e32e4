"""Observations made by hand for tests of the back-test: no market stands behind them."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from firesale.experiments.backtest.calendar import months
from firesale.experiments.backtest.findings import Findings, findings
from firesale.experiments.backtest.observe import ALL, LISTED, Observation
from firesale.experiments.backtest.scope import Scope

OPENING = dt.date(2021, 12, 31)
DAYS = 546
MONTHS = months(OPENING, DAYS)
SCOPE = Scope(
    borrowers={"WEAK": "Weak", "FIRM": "Firm", "PARENT": "Parent", "SMALL": "Many small ones"},
    lenders={"BANK": "Bank", "FUND": "Fund"},
    parents={"PART": "PARENT"},
    members={"SMALL": ("SMALL_1", "SMALL_2")},
    imposed=frozenset({"FUND"}),
)


def events(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    """A event log of (day, kind, party, cause)."""
    frame = pd.DataFrame(rows, columns=["day", "kind", "party", "cause"])
    frame.insert(0, "event", range(len(frame)))
    return frame


def observation(
    seed: int = 1,
    borrowers: dict[str, tuple[int, str]] | None = None,
    lenders: dict[str, int] | None = None,
    *,
    arm: str = "as it was",
    price: float = 50.0,
    sold: float = 2.0,
    recoveries: dict[str, tuple[float, float]] | None = None,
    loss_usd: float = 1e6,
) -> Observation:
    """An observation in which every month is like the other."""
    count = len(MONTHS)
    return Observation(
        seed=seed,
        arm=arm,
        borrowers=borrowers or {},
        extended=(),
        lenders=lenders or {},
        sleeves={},
        price_usd=[price] * count,
        traded=[1.0] * count,
        sold_btc={ALL: [0.0, *[sold] * (count - 1)], LISTED: [0.0, *[sold / 2] * (count - 1)]},
        mined_btc={ALL: [0.0, *[1.0] * (count - 1)], LISTED: [0.0, *[1.0] * (count - 1)]},
        recoveries=recoveries or {},
        loss_usd=loss_usd,
    )


def found(*observations: Observation, loans: tuple[str, ...] = ("LOAN",)) -> Findings:
    """Findings over observations, for the scope above."""
    return findings(observations, OPENING, DAYS, SCOPE, loans)
