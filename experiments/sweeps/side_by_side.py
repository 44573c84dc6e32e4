"""Two sweeps side by side: means of their numbers with intervals, and what differs between them.

Runs of both that had the same seed at the same point under the same arm are pairs: they drew the
same, so that their difference is known better than either mean.
"""

from __future__ import annotations

import fnmatch
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...market.scenario.errors import InputError
from ..look import intervals
from ..look.intervals import Estimate
from ..report.compare import compare as compare_results
from ..report.measures import named, written
from . import store
from .queries import Runs, groups_of, quoted, text

if TYPE_CHECKING:
    import pandas as pd

MAIN = (
    "defaults.*", "reorganised", "linked.largest", "contagion.*share*", "loss_usd.total",
    "loss_usd.resolved*", "loss_usd.unresolved_share", "largest_borrower.fails",
    "largest_borrower.loss_without_usd", "recovery.*", "ltv.reported", "ltv.second_hand",
    "ltv.realisable", "liquidation.price_to_paper", "policy.net_cost_usd",
)  # fmt: skip
"""Numbers that are told without ``--all``, with the plans' own loss and event."""
KEY = ["point_id", "arm", "replicate", "seed"]
MOST_CHANGES = 6
FEWEST_PAIRS = 2


class Line(NamedTuple):
    """One number under one arm in both sweeps."""

    metric: str
    arm: str
    first: Estimate
    second: Estimate
    difference: Estimate
    pairs: int  # 0: the runs are no pairs


def compare(first: Path, second: Path, everything: bool = False) -> str:
    """A table of two sweeps, or of two runs or memos; ``everything``: all their numbers.

    Raises:
        InputError: a folder without results, two of different kinds, or sweeps with nothing in
            common.
    """
    kinds = [is_sweep(folder) for folder in (first, second)]
    if not any(kinds):
        return compare_results(first, second, everything)
    if not all(kinds):
        sweep, other = (first, second) if kinds[0] else (second, first)
        raise InputError(f"{other}: is no sweep, {sweep} is one; compare two of a kind.")
    one, two = Runs.open(first), Runs.open(second)
    return "\n".join([*_head(one, two), "", *_table(lines(one, two, everything))])


def is_sweep(folder: Path) -> bool:
    """Whether a folder looks like a sweep's."""
    return (folder / store.MANIFEST).is_file() and (folder / store.PARTS).is_dir()


def lines(one: Runs, two: Runs, everything: bool = False) -> list[Line]:
    """All numbers of two sweeps that both have, by arm.

    Raises:
        InputError: no arm or no number in common.
    """
    arms = [arm for arm in one.arms if arm in two.arms]
    if not arms:
        here, there = (", ".join(runs.arms) or "none" for runs in (one, two))
        raise InputError(
            f"{two.folder}: has no arm of {one.folder} ({there} there, {here} here); compare "
            "sweeps of one plan."
        )
    found = []
    for metric in wanted(one, two, everything):
        for arm in arms:
            left, right = (_frame(runs, metric, arm) for runs in (one, two))
            if not left.empty and not right.empty:
                found.append(_line(metric, arm, (one, left), (two, right)))
    if not found:
        raise InputError(
            f"{two.folder}: has no number that {one.folder} has too; give --all, or compare "
            "sweeps of one plan."
        )
    return found


def wanted(one: Runs, two: Runs, everything: bool) -> list[str]:
    """Numbers to tell, in the order of the first sweep."""
    both = [name for name in one.metrics if name in set(two.metrics)]
    if everything:
        return both
    asked = {str(runs.manifest["analysis"]["loss"]) for runs in (one, two)}
    asked |= {str(runs.manifest["analysis"]["event"]).split()[0] for runs in (one, two)}
    return [
        name
        for name in both
        if name in asked or any(fnmatch.fnmatchcase(name, pattern) for pattern in MAIN)
    ]


def _frame(runs: Runs, metric: str, arm: str) -> pd.DataFrame:
    """Finished runs under an arm that know a number."""
    frame: pd.DataFrame = runs.connection.execute(
        f"SELECT point_id, replicate, arm, seed, log_weight, {quoted(metric)} AS value FROM good "
        f"WHERE arm = {text(arm)} AND {quoted(metric)} IS NOT NULL ORDER BY run_id"
    ).df()
    return frame


def _mean(runs: Runs, frame: pd.DataFrame) -> Estimate:
    value, weight = frame["value"].to_numpy(float), frame["log_weight"].to_numpy(float)
    return intervals.mean_of(value, weight, groups=groups_of(runs, frame))


def _line(
    metric: str, arm: str, left: tuple[Runs, pd.DataFrame], right: tuple[Runs, pd.DataFrame]
) -> Line:
    first, second = _mean(*left), _mean(*right)
    runs, frame = left
    both = frame.merge(right[1], on=KEY, suffixes=("", "_other"))
    same_weight = len(both) and (both["log_weight"] == both["log_weight_other"]).all()
    if same_weight and len(both) >= max(FEWEST_PAIRS, 0.5 * max(len(frame), len(right[1]))):
        difference = intervals.paired_difference(
            both["value"].to_numpy(float),
            both["value_other"].to_numpy(float),
            groups=groups_of(runs, both),
            log_weight=both["log_weight"].to_numpy(float),
        )
        return Line(metric, arm, first, second, difference, len(both))
    return Line(metric, arm, first, second, apart(first, second), 0)


def apart(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two independent means: half-widths add in squares."""
    value = second.value - first.value
    half = math.hypot(first.width / 2.0, second.width / 2.0)
    return Estimate(value, value - half, value + half, "independent")


def _head(one: Runs, two: Runs) -> list[str]:
    """What is compared, how many runs ended well, and in what the plans differ."""
    told = []
    for name, runs in (("A", one), ("B", two)):
        counts = runs.counts()
        told.append(
            f"{name}: {runs.manifest['name']} in {runs.folder}, {counts['ok']:,} of "
            f"{counts['planned']:,} runs"
        )
    here, there = ({**r.manifest["scenario"], **r.manifest["plan"]} for r in (one, two))
    changed = store.differences(here, there)
    more = f" and {len(changed) - MOST_CHANGES} more" if len(changed) > MOST_CHANGES else ""
    told.append(f"Plans differ in: {', '.join(changed[:MOST_CHANGES]) or 'nothing'}{more}")
    if one.manifest["source_sha256"] != two.manifest["source_sha256"]:
        told.append("They were made by different sources of agents, market or sweeps.")
    return told


def _table(found: list[Line]) -> list[str]:
    """Lines as aligned columns; the arm stands there where there are any."""
    armed = any(line.arm for line in found)
    head = ("", *(("arm",) if armed else ()), "A", "95 %", "B", "95 %", "B − A", "95 %", "pairs")
    rows = [head]
    for line in found:
        cells = [named(line.metric), *((line.arm,) if armed else ())]
        for one in (line.first, line.second, line.difference):
            cells += [written(line.metric, one.value), _range(line.metric, one)]
        rows.append((*cells, f"{line.pairs:,}" if line.pairs else "none"))
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    left = 2 if armed else 1
    return [
        "  ".join(
            f"{cell:<{width}}" if n < left else f"{cell:>{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _range(metric: str, one: Estimate) -> str:
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return "cannot tell"
    return f"{written(metric, one.low)} to {written(metric, one.high)}"
