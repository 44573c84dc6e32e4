"""The page of an analysis: findings first, then figures and tables; no scripts, nothing outside."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...market.record.summary import CAVEAT
from ..look import words
from ..look.intervals import amount
from ..report.measures import interval, named, percent, points, written
from ..report.page import STYLE
from .figures import write_figures

if TYPE_CHECKING:
    import pandas as pd

    from .findings import Findings

READING = {
    "phase": "Each cell pools all runs there. A number is the share of runs in per cent; a hatched "
    "cell is not known well enough to say on which side of the cliff it lies.",
    "curves": "Lines are exact intervals of the share at that value.",
    "sensitivity": "A share of variance says how much of what varies between runs comes with the "
    "factor; a bar whose line reaches zero may be nothing.",
    "policies": "Arms see the same draws, run by run, so that luck cancels.",
    "paths": "The band holds the middle 90 % of runs day by day; no single run need stay in it.",
}

SHARES = ("probability", "largest_fails", "unresolved_share")
LOSSES = ("mean", "value_at_risk", "expected_shortfall", "loss_difference")


def write_report(findings: Findings, folder: Path) -> None:
    """Draw the figures and write ``report.html`` into a folder."""
    from .findings import sentences

    titles = write_figures(findings, folder / "figures")
    first, *rest = sentences(findings)
    said = "".join(f"<li>{_text(line)}</li>\n" for line in rest)
    figures = "".join(
        f'<figure><img src="figures/{name}.png" alt="{escape(title)}">'
        f'<figcaption class="reading">{_text(READING[name.split("-")[0]])}</figcaption></figure>\n'
        for name, title in titles.items()
    )
    loss = findings.asks.loss
    tables = _table(f"Over all runs: {findings.event}, and {named(loss)}", findings.summary, loss)
    if len(findings.policies):
        tables += _table("Arms against each other, pair by pair", findings.policies, loss)
    if len(findings.levers):
        tables += _table("What levers spent, asked for and hold, over runs", _levers(findings))
    for found in findings.sensitivities:
        if found.indices:
            import pandas as pd

            rows = pd.DataFrame([vars(index) for index in (*found.indices, *found.alone)])
            tables += _table(f"What matters for {found.output}", rows)
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(findings.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<p class="meta">{_text(_meta(findings))}</p>
<h1>{_text(findings.title)}</h1>
<p class="lead">{_text(first)}</p>
<ul>
{said}</ul>
{figures}
{tables}
<p><strong>{CAVEAT}</strong></p>
</body>
</html>
"""
    (folder / "report.html").write_text(page, encoding="utf-8")


def _levers(findings: Findings) -> pd.DataFrame:
    """What levers did, in words: a figure and the middle 90 % of runs."""
    table = findings.levers
    return table.assign(
        lever=[words.plain(name) for name in table["lever"]],
        figure=[words.plain(name.removesuffix("_usd")) for name in table["figure"]],
        mean=[words.money(value) for value in table["mean"]],
        nine_runs_in_ten=[
            f"{words.money(low)} to {words.money(high)}"
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
    ).drop(columns=["low", "high"])


def _meta(findings: Findings) -> str:
    manifest = findings.runs.manifest
    scenario, plan = manifest["scenario"], manifest["plan"]
    return (
        f"{manifest['name']} · scenario {scenario['name']}, {words.times(scenario['days'], 'day')} "
        "· design "
        f"{plan['design']['method']}, {words.times(plan['replicates'], 'replicate')}, seed "
        f"{plan['seed']} · "
        f"source {manifest['source_sha256'][:12]}"
    )


def _table(title: str, frame: pd.DataFrame, loss: str = "") -> str:
    """A table; a figure and the two ends of its interval share a cell. ``loss``: its metric."""
    names = [str(name) for name in frame]
    shown = [
        name
        for name in names
        if not name.endswith("_method")
        and not any(name == f"{of}_{end}" for of in names for end in ("low", "high"))
    ]
    head = "".join(f"<th>{_text(name.replace('_', ' '))}</th>" for name in shown)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_text(_cell(row, name, loss))}</td>" for name in shown) + "</tr>"
        for row in frame.to_dict("records")
    )
    return (
        f'<h2>{_text(title)}</h2>\n<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _cell(row: dict[Any, Any], name: str, loss: str) -> str:
    value = row[name]
    if not isinstance(value, float | np.floating):
        return f"{value:,}" if isinstance(value, int | np.integer) else str(value)
    if np.isnan(value):
        return ""
    value, write = float(value), _writer(name, loss)
    if f"{name}_low" not in row:
        return write(value)
    ends = interval(write(row[f"{name}_low"]), write(row[f"{name}_high"]))
    return f"{write(value)} ({ends})"


def _writer(name: str, loss: str) -> Callable[[float], str]:
    """How a column is written: shares of runs as per cent, losses in the unit of their metric."""
    if name.removeprefix("without_largest_") in LOSSES:
        return lambda value: written(loss, value)
    if name == "probability_difference":
        return lambda value: f"{points(value)} points"
    if name == "saved_per_dollar":
        return lambda value: words.money(value) if np.isfinite(value) else amount(value)
    if name in SHARES:
        return percent
    if name == "price_usd":
        return words.money
    return amount


def _text(text: str) -> str:
    """Text as HTML; a number stays on one line with its sign and its per-cent sign."""
    return escape(text).replace(" %", "&nbsp;%").replace("−$", "−&#8288;$")
