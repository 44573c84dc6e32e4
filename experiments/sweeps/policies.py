"""Policies compared: what each changes, and at what price, pair by pair under the same draws.

The price of a lever is the authority's net cost (spent and lent, less what came back and what is
held or owed). One that spends no money is priced by what it asks of others: capital, credit, time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..look import intervals, words
from ..look.intervals import NOTHING
from .queries import Runs, groups_of, unresolved

if TYPE_CHECKING:
    import pandas as pd

    from .plan import Analysis

UNKNOWN, MONEY = "unknown", "public money"
NET_COST = "policy.net_cost_usd"
RESOLVED_NET_COST = "policy.resolved_net_cost_usd"
ASKED = {
    "policy.capital_buffer.required_capital_usd": "capital that lenders must have",
    "policy.haircut_floor.withheld_credit_usd": "credit withheld on machines bought",
    "policy.tenor_cap.shortened_credit_usd": "credit given for a shorter term",
    "policy.standstill.suspended_claims_usd": "loans in breach that had to wait",
    "policy.mark_rule.raises_marks_usd": "value that the rule adds to marks, at the end",
}
"""What a lever asks of others where it spends no money, and in words."""
PURSES = {
    "policy.buyer_of_last_resort": "spent_usd",
    "policy.lender_of_last_resort": "lent_usd",
}
"""Levers with money to spend, and what they spent of it."""


def compare(
    runs: Runs,
    asks: Analysis,
    losses: pd.DataFrame,
    events: pd.DataFrame,
    arms: tuple[str, str],
) -> dict[str, Any]:
    """The second arm against the first, run by run under the same draws."""
    first, second = arms
    pairs, told = (_pairs(frame, first, second) for frame in (losses, events))
    loss = intervals.paired_difference(
        pairs["value_1"].to_numpy(float),
        pairs["value_2"].to_numpy(float),
        asks.confidence,
        groups_of(runs, pairs),
        pairs["log_weight_1"].to_numpy(float),
    )
    event = intervals.paired_share(
        told["hit_1"].to_numpy(bool),
        told["hit_2"].to_numpy(bool),
        asks.confidence,
        groups_of(runs, told),
        told["log_weight_1"].to_numpy(float),
    )
    one, two = (losses[losses["arm"] == arm] for arm in (first, second))
    apart = float(one["value"].var() / max(len(one), 1) + two["value"].var() / max(len(two), 1))
    paired = float((pairs["value_2"] - pairs["value_1"]).var() / max(len(pairs), 1))
    return {
        "arm": second,
        "against": first,
        "pairs": len(pairs),
        **loss.columns("loss_difference"),
        **event.difference.columns("probability_difference"),
        "only_before": event.only_first,
        "only_after": event.only_second,
        "p_value": event.p_value,
        "worth_of_pairing": apart / paired if paired > 0 else np.inf,
        **unresolved(runs, asks.loss, second),
        **_price(runs, asks, pairs, arms),
    }


def _price(
    runs: Runs, asks: Analysis, pairs: pd.DataFrame, arms: tuple[str, str]
) -> dict[str, Any]:
    """What the second arm costs more than the first, of what, and what a dollar of it saves.

    Of no money, what it asks of others. Nothing where it asks nothing either.
    """
    net_cost = RESOLVED_NET_COST if "resolved" in asks.loss else NET_COST
    price, saved, of = NOTHING, NOTHING, "" if net_cost in runs.metrics else UNKNOWN
    for metric, what in ({net_cost: MONEY} | ASKED).items():
        if metric not in runs.metrics or pairs.empty:
            continue
        asked = _pairs(runs.frame(metric), *arms)[["point_id", "replicate", "value_1", "value_2"]]
        both = pairs.merge(asked, on=["point_id", "replicate"], suffixes=("", "_asked"))
        before, after = (both[f"value_{arm}_asked"].to_numpy(float) for arm in (1, 2))
        if np.array_equal(before, after):
            continue
        groups, weight = groups_of(runs, both), both["log_weight_1"].to_numpy(float)
        price = intervals.paired_difference(before, after, asks.confidence, groups, weight)
        saves = (both["value_1"] - both["value_2"]).to_numpy(float)
        saved = intervals.ratio_of_means(saves, after - before, asks.confidence, groups, weight)
        of = what
        break
    return {"price_of": of, **price.columns("price_usd"), **saved.columns("saved_per_dollar")}


def levers(runs: Runs, arms: list[str]) -> pd.DataFrame:
    """What each lever in force spent, got back, holds and asked for: mean and range over runs.

    ``arm, lever, figure, mean, low, high``: low and high hold the middle 90 % of runs.
    """
    import pandas as pd

    rows = []
    for metric in runs.metrics:
        _, lever, figure = (*metric.split(".", 2), "", "")[:3]
        if not (metric.startswith("policy.") and figure.endswith("_usd")):
            continue
        for arm in arms:
            values = runs.frame(metric, arm=arm)["value"].to_numpy(float)
            if len(values) == 0 or (not values.any() and not _is_set(runs, lever, arm)):
                continue
            low, high = np.quantile(values, [0.05, 0.95])
            rows.append((arm, lever, figure, values.mean(), low, high))
    names = ["arm", "lever", "figure", "mean", "low", "high"]
    table = pd.DataFrame(rows, columns=names)
    order = {arm: place for place, arm in enumerate(arms)}
    return table.sort_values(
        "arm", key=lambda arm: arm.map(order), kind="stable", ignore_index=True
    )


def _is_set(runs: Runs, lever: str, arm: str) -> bool:
    """Whether an arm sets a lever: then its zeros are figures too."""
    settings = runs.manifest["plan"]["arms"].get(arm, {})
    names = settings.get("policy", {}) if "policy" in settings else settings
    return any(name.removeprefix("policy.").startswith(lever) for name in names)


def unused(table: pd.DataFrame, arm: str) -> list[tuple[str, float]]:
    """Purses of an arm of which no run used a dollar: the lever's name, and what it had [USD]."""
    found = []
    for name, spent in PURSES.items():
        lever = name.removeprefix("policy.")
        own = table[(table["arm"] == arm) & (table["lever"] == lever)].set_index("figure")
        if "available_usd" in own.index and own["mean"].get(spent, 0.0) == 0.0:
            found.append((lever.replace("_", " "), float(own["mean"]["available_usd"])))
    return found


def _pairs(frame: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Runs of two arms under the same draws, side by side; columns end in ``_1`` and ``_2``."""
    one, two = (frame[frame["arm"] == arm] for arm in (first, second))
    return one.merge(two, on=["point_id", "replicate"], suffixes=("_1", "_2"))


def price_in_words(row: dict[str, Any]) -> str:
    """What a policy costs, and what a dollar of that saves; for what asks nothing, that it does."""
    if row["price_of"] == UNKNOWN:
        return ""
    if not row["price_of"]:
        return ", at no cost in money, capital or credit"
    cost, low, high = (words.money(row[f"price_usd{end}"]) for end in ("", "_low", "_high"))
    text = f" for {cost} ({low} to {high}) of {row['price_of']}"
    if row["price_of"] == MONEY:
        text = f" for a net cost of {cost} ({low} to {high})"
    each = [row[f"saved_per_dollar{end}"] for end in ("", "_low", "_high")]
    if np.isnan(each[0]):
        return text
    saved, low, high = (f"{round(usd, 2) + 0.0:.2f}" for usd in each)
    return f"{text}: {saved} dollars a dollar ({low} to {high})"
