"""The page of an analysis: findings first, then figures and tables; no scripts, nothing outside."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...market.record.summary import CAVEAT
from ..look import words
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
    tables = _table("Over all runs", findings.summary)
    if len(findings.policies):
        tables += _table("Policies, pair by pair", findings.policies)
    if len(findings.levers):
        tables += _table("What levers spent, asked for and hold, over runs", findings.levers)
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


def _table(title: str, frame: pd.DataFrame) -> str:
    """A table with numbers to four digits."""
    frame = frame.drop(columns=[name for name in frame if str(name).endswith("_method")])
    head = "".join(f"<th>{_text(str(name).replace('_', ' '))}</th>" for name in frame)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_text(_cell(value))}</td>" for value in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return (
        f'<h2>{_text(title)}</h2>\n<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else "open" if np.isinf(value) else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def _text(text: str) -> str:
    """Text as HTML; a number and its per-cent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")
