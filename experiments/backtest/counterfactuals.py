"""What would have mattered most: the same seeds and shocks, one thing changed at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..look.intervals import Estimate, mean_interval, paired_difference
from .observe import LISTED, Observation
from .scope import Scope
from .scores import said_of_runs

if TYPE_CHECKING:
    import pandas as pd

AS_IT_WAS, LATER_DRAWS = "as it was", "later draws known"
END_OF_CRISIS = "2022-12"


@dataclass(frozen=True)
class Arm:
    """One change: what a reader calls it, and the settings that make it."""

    title: str
    settings: tuple[str, ...]


ARMS: tuple[Arm, ...] = (
    Arm(
        "no forced sales of bitcoin", ("channels.crypto_margin=false", "channels.btc_impact=false")
    ),
    Arm("all loans non-recourse", ("credit.all_non_recourse=true",)),
    Arm("lenders hold and host", ("lenders.hold_seized=true",)),
    Arm("marks follow evidence", ("marks.evidence_weight=1.0",)),
    Arm("callable funding locked", ("lenders.locked_funding=true",)),
    Arm("no shocks from outside", ('facts.shocks="none"',)),
    Arm(LATER_DRAWS, ('facts.draws="all"',)),
)
"""One change each: no margin calls on coins and no impact of sales; secured loans end with their
collateral; lenders and receivers of failed ones keep seized rigs and have them hosted; marks are
the last clearing price; no funder leaves before maturity; nothing happens outside this market; with
hindsight, money that was agreed after the opening."""

OUTCOMES = {
    "named": "named borrowers in default",
    "all": "all borrowers in default",
    "lenders": "lenders failed",
    "loss_usd_m": "loss of all lenders, $m",
    "rig_price": f"rig price in {END_OF_CRISIS}, $/TH",
    "recovery": "recovery of resolved claims",
    "sold_share": "public miners' sales over production, highest month",
}


def arms(*titles: str) -> dict[str, tuple[str, ...]]:
    """Settings of the base and of every arm, or of those of some titles."""
    chosen = {arm.title: arm.settings for arm in ARMS if not titles or arm.title in titles}
    return {AS_IT_WAS: ()} | chosen


def outcomes(o: Observation, scope: Scope, months: Sequence[str]) -> dict[str, float]:
    """The numbers of a run that a change may move; NaN where a run has none."""
    named = [name for name in scope.borrowers if name not in scope.members]
    small = [name for names in scope.members.values() for name in names]
    claims = sum(claim for _, claim in o.recoveries.values())
    paid = sum(share * claim for share, claim in o.recoveries.values())
    shares = [
        sold / mined
        for sold, mined in zip(o.sold_btc[LISTED], o.mined_btc[LISTED], strict=True)
        if mined > 0
    ]
    place = months.index(END_OF_CRISIS) if END_OF_CRISIS in months else -1
    return {
        "named": float(sum(name in o.borrowers for name in named)),
        "all": float(sum(name in o.borrowers for name in (*named, *small))),
        "lenders": float(sum(name not in scope.imposed for name in o.lenders)),
        "loss_usd_m": o.loss_usd / 1e6,
        "rig_price": o.price_usd[place],
        "recovery": paid / claims if claims > 0 else math.nan,
        "sold_share": max(shares, default=math.nan),
    }


def compare(
    observations: Sequence[Observation], scope: Scope, months: Sequence[str]
) -> dict[str, dict[str, Estimate]]:
    """For the base the mean of each outcome, for each arm the mean paired difference to the base.

    Intervals are Student's over seeds; a seed counts for an outcome where both runs have it.
    """
    by_arm: dict[str, dict[int, dict[str, float]]] = {}
    for o in observations:
        by_arm.setdefault(o.arm, {})[o.seed] = outcomes(o, scope, months)
    base = by_arm[AS_IT_WAS]
    result = {AS_IT_WAS: {key: mean_interval(_known(base, base, key)[0]) for key in OUTCOMES}}
    for arm, runs in by_arm.items():
        if arm != AS_IT_WAS:
            result[arm] = {key: paired_difference(*_known(base, runs, key)) for key in OUTCOMES}
    return result


def _known(
    first: Mapping[int, Mapping[str, float]], second: Mapping[int, Mapping[str, float]], key: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of an outcome by seed, where both are known."""
    seeds = sorted(first.keys() & second.keys())
    table = np.array([(first[s][key], second[s][key]) for s in seeds], np.float64).reshape(-1, 2)
    table = table[np.isfinite(table).all(axis=1)]
    return table[:, 0], table[:, 1]


def forecasts_by_arm(
    observations: Sequence[Observation], names: Sequence[str]
) -> dict[str, list[float]]:
    """Default probability of some borrowers or lenders under every arm, as it is scored."""
    runs: dict[str, list[Observation]] = {}
    for o in observations:
        runs.setdefault(o.arm, []).append(o)
    return {
        arm: [
            said_of_runs(sum(n in o.borrowers or n in o.lenders for o in group), len(group))
            for n in names
        ]
        for arm, group in runs.items()
    }


def table(compared: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """One row per arm and outcome: value, low, high."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"arm": arm, "outcome": key, "value": e.value, "low": e.low, "high": e.high}
            for arm, row in compared.items()
            for key, e in row.items()
        ]
    )
