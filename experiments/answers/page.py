"""The page of findings: a table of answers in one sentence each, then half a page for each.

uv run python -m firesale.experiments.questions.findings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look import words
from .finding import SCENARIO, Table

if TYPE_CHECKING:
    from .finding import Finding
    from .question import Question

PICTURES = "findings/pictures"
QUICK = "quick version: a first look, with few draws"


def lines_of(head: str, answers: list[tuple[Question, Finding]]) -> list[str]:
    """The page, under a head."""
    lines = [*head.splitlines(), ""]
    rows = [
        f"| [{question.name}](#{question.name}) | {question.claim} | **{question.verdict(found)}** "
        f"| {question.sentence(found)} | {question.confidence(found)} |"
        for question, found in answers
    ]
    lines += [
        "| question | claim | verdict | answer | confidence |",
        "|---|---|---|---|---|",
        *rows,
    ]
    for question, found in answers:
        lines += ["", *chapter(question, found)]
    return lines


def chapter(question: Question, found: Finding) -> list[str]:
    """Half a page on one question."""
    quick = " --quick" if found.quick else ""
    took = f"{words.times(found.runs, 'run')}, {found.core_minutes:,.0f} minutes of workers' time"
    if found.quick:
        took += f" ({QUICK}; all of it takes about {question.minutes} minutes on two cores)"
    lines = [
        f"## {question.name}",
        "",
        f"*Claim.* {question.claim}",
        "",
        f"**{question.verdict(found).capitalize()}.** {question.sentence(found)}",
        "",
        f"![{question.name}]({PICTURES}/{question.name}.png)",
        "",
        f"*Design.* {question.design} *Verdict.* {question.rule}",
        "",
        f"`firesale experiment {question.name}{quick}`: {took}.",
    ]
    if found.saved_runs:
        plain = found.runs + found.saved_runs
        lines[-1] += (
            " All that is shown comes from the first draws, the same in all cells; cells that they "
            f"left undecided got more, up to {found.draws}, others none: "
            f"{words.times(found.saved_runs, 'run')} ({found.saved_runs / plain:.0%}) fewer than a "
            "plain grid of as many draws in each cell."
        )
    if SCENARIO in found.facts:
        file, seed = f"{question.name}.toml", found.facts["seed"]
        lines[-1] += f" One path: `firesale run {file} --seed {seed} --resolve`."
    if failed := found.facts.get("failed"):
        lines[-1] += f" {failed} runs failed and are left out with their draws."
    for table in found.tables.values():
        if table.title:
            lines += ["", *as_markdown(table)]
    parts = {
        "Rests on": question.rests_on,
        "What would change it": question.would_change,
        "Objections": question.objections,
    }
    for title, points in parts.items():
        if points:
            lines += ["", f"*{title}.*", "", *(f"- {point}" for point in points)]
    return lines


def as_markdown(table: Table) -> list[str]:
    """A table under its title."""
    lines = [f"{table.title}:", ""]
    for cells in (table.columns, ["---"] * len(table.columns), *table.cells()):
        lines.append("| " + " | ".join(cells) + " |")
    return lines
