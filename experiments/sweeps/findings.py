"""What a sweep found, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..look import words
from .intervals import amount
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
            f"{findings.event}{name}: {row['probability']:.1%} of runs "
            f"({row['probability_low']:.1%} to {row['probability_high']:.1%}, "
            f"{row['probability_method']}; {row['hits']:,} of {row['runs']:,})."
        )
        lines.append(
            f"{asks.loss}{name}: mean {amount(row['mean'])}; VaR {asks.tail:.0%} "
            f"{amount(row['value_at_risk'])} ({amount(row['value_at_risk_low'])} to "
            f"{amount(row['value_at_risk_high'])}), ES {amount(row['expected_shortfall'])} "
            f"({amount(row['expected_shortfall_low'])} to "
            f"{amount(row['expected_shortfall_high'])})"
            f"{_open(row)}."
        )
        if "largest_fails" in row:
            lines.append(without_largest(row, asks.tail, name))
    for row in findings.policies.to_dict("records"):
        lines.append(policy_sentence(row, asks.loss, findings.event))
        lines += [
            f"{row['arm']}: none of the {amount(usd)} of the {purse} was used in any run."
            for purse, usd in unused(findings.levers, str(row["arm"]))
        ]
    lines += [s.sentence() for s in findings.sensitivities]
    return lines + findings.remarks


def without_largest(row: dict[Any, Any], tail: float, name: str = "") -> str:
    """The same losses without those on loans to the largest borrower."""
    mean, at_risk, shortfall = (
        amount(row[f"without_largest_{key}"])
        for key in ("mean", "value_at_risk", "expected_shortfall")
    )
    return (
        f"Without losses on loans to the largest borrower{name}: mean {mean}; VaR {tail:.0%} "
        f"{at_risk}, ES {shortfall}. It fails in {row['largest_fails']:.1%} of runs "
        f"({row['largest_fails_low']:.1%} to {row['largest_fails_high']:.1%})."
    )


def _open(row: dict[Any, Any]) -> str:
    """How final the losses of a row are."""
    left = words.unresolved(row.get("unresolved_share"))
    return f"; {left} at the horizon, mean over runs" * bool(left)


def policy_sentence(row: dict[Any, Any], loss: str, event: str) -> str:
    """What a policy changes, what that costs, and how final the losses are."""
    mean, low, high = (row[f"loss_difference{end}"] for end in ("", "_low", "_high"))
    if not row["pairs"]:
        return f"{row['arm']} against {row['against']}: no pair of runs under the same draws yet."
    if low == high == 0.0:
        told = f"changes {loss} in no pair"
    elif low <= 0.0 <= high:
        told = (
            f"does not measurably change {loss}: {amount(mean)} ({amount(low)} to {amount(high)})"
        )
    else:
        verb = "lowers" if mean < 0 else "raises"
        ends = sorted((abs(low), abs(high)))
        told = f"{verb} {loss} by {amount(abs(mean))} ({amount(ends[0])} to {amount(ends[1])})"
    return (
        f"{row['arm']} against {row['against']}, {words.times(row['pairs'], 'pair')}: {told}"
        f"{price_in_words(row)}{_open(row)}; "
        f"{event}: "
        f"{100 * row['probability_difference']:+.1f} points "
        f"({100 * row['probability_difference_low']:+.1f} to "
        f"{100 * row['probability_difference_high']:+.1f}; sign test p = {row['p_value']:.2g})."
    )
