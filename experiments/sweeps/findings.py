"""What a sweep found, in sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..look import words
from ..report.measures import interval, named, percent, points, written
from .plan import Analysis
from .policies import price_in_words, unused
from .queries import Runs
from .sensitivity import Sensitivity

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Findings:
    """Everything an analysis found, ready to be drawn and written."""

    runs: Runs
    asks: Analysis
    event: str
    summary: pd.DataFrame
    policies: pd.DataFrame
    levers: pd.DataFrame
    sensitivities: list[Sensitivity]
    phases: dict[tuple[str, str, str], pd.DataFrame]
    curves: dict[str, pd.DataFrame]
    paths: pd.DataFrame | None
    remarks: list[str] = field(default_factory=list)

    @property
    def first_arm(self) -> str:
        """The arm that curves, indices and paths are of; empty where the plan has none."""
        return str(self.summary["arm"].iloc[0])

    @property
    def title(self) -> str:
        """Of the sweep."""
        return str(self.runs.manifest["title"] or self.runs.manifest["name"])


def sentences(findings: Findings) -> list[str]:
    """The findings in sentences."""
    asks, lines = findings.asks, []
    counts = findings.runs.counts()
    lines.append(f"{findings.title}: {words.times(counts['ok'], 'run')}.")
    for row in findings.summary.to_dict("records"):
        name = f" [{row['arm']}]" if row["arm"] else ""
        lines.append(
            f"{findings.event}{name}: {percent(row['probability'])} of runs "
            f"({interval(*_ends(row, 'probability', percent))}, "
            f"{row['probability_method']}; {row['hits']:,} of {row['runs']:,})."
        )
        lines.append(f"{words.capital(named(asks.loss))}{name}: {_losses(row, asks)}{_open(row)}.")
        if "largest_fails" in row:
            lines.append(without_largest(row, asks, name))
    for row in findings.policies.to_dict("records"):
        lines.append(policy_sentence(row, asks.loss, findings.event))
        lines += [
            f"{row['arm']}: none of the {words.money(usd)} of the {purse} was used in any run."
            for purse, usd in unused(findings.levers, str(row["arm"]))
        ]
    lines += [s.sentence() for s in findings.sensitivities]
    return lines + findings.remarks


def without_largest(row: dict[Any, Any], asks: Analysis, name: str = "") -> str:
    """The same losses without those on loans to the largest borrower."""
    mean, at_risk, shortfall = (
        written(asks.loss, row[f"without_largest_{key}"])
        for key in ("mean", "value_at_risk", "expected_shortfall")
    )
    return (
        f"Without losses on loans to the largest borrower{name}: mean {mean}; "
        f"VaR {words.percent(asks.tail)} {at_risk}, ES {shortfall}. "
        f"It fails in {percent(row['largest_fails'])} of runs "
        f"({interval(*_ends(row, 'largest_fails', percent))})."
    )


def _losses(row: dict[Any, Any], asks: Analysis) -> str:
    """Mean, value at risk and expected shortfall, with the intervals of the latter two."""

    def told(figure: str) -> str:
        ends = _ends(row, figure, lambda value: written(asks.loss, value))
        return f"{written(asks.loss, row[figure])} ({interval(*ends)})"

    return (
        f"mean {written(asks.loss, row['mean'])}; VaR {words.percent(asks.tail)} "
        f"{told('value_at_risk')}, ES {told('expected_shortfall')}"
    )


def _ends(row: dict[Any, Any], figure: str, write: Callable[[float], str]) -> tuple[str, str]:
    return write(row[f"{figure}_low"]), write(row[f"{figure}_high"])


def _open(row: dict[Any, Any]) -> str:
    """How final the losses of a row are."""
    left = words.unresolved(row.get("unresolved_share"))
    return f"; {left} at the horizon, mean over runs" * bool(left)


def policy_sentence(row: dict[Any, Any], loss: str, event: str) -> str:
    """What a policy changes, what that costs, and how final the losses are."""
    mean, low, high = (row[f"loss_difference{end}"] for end in ("", "_low", "_high"))
    name = named(loss)
    if not row["pairs"]:
        return f"{row['arm']} against {row['against']}: no pair of runs under the same draws yet."
    if low == high == 0.0:
        told = f"changes {name} in no pair"
    elif low <= 0.0 <= high:
        ends = interval(written(loss, low), written(loss, high))
        told = f"does not measurably change {name}: {written(loss, mean)} ({ends})"
    else:
        verb = "lowers" if mean < 0 else "raises"
        ends = interval(*(written(loss, end) for end in sorted((abs(low), abs(high)))))
        told = f"{verb} {name} by {written(loss, abs(mean))} ({ends})"
    change, least, most = (
        points(row[f"probability_difference{end}"]) for end in ("", "_low", "_high")
    )
    return (
        f"{row['arm']} against {row['against']}, {words.times(row['pairs'], 'pair')}: {told}"
        f"{price_in_words(row)}{_open(row)}; {event}: {change} points "
        f"({least} to {most}; sign test p = {row['p_value']:.2g})."
    )
