"""What every number means: the table behind ``firesale explain`` and ``experiments/FIGURES.md``."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...market.record.dictionary import FRAMES, day_meaning
from ...market.record.meanings import SUMMARY
from ...market.scenario.errors import InputError
from ...market.state.series import Series
from ..results.facts import FACTS

INTRODUCTION = """# What every number means

Terminal, report, titles of figures, ticker and browser view take each number from one place; a test
compares them. Made by `firesale explain --markdown`; `firesale explain WORD` prints what has
WORD in it.
"""


class Meaning(NamedTuple):
    """A line of a table: name, unit, meaning, and where the number comes from."""

    name: str
    unit: str
    meaning: str
    source: str


def name_of_entry(entry: str) -> str:
    """What reports call an entry of ``summary.json``; empty where they do not show it."""
    names = (fact.name for fact in FACTS.values() if fact.source == f"summary: {entry}")
    return next(names, "")


def tables() -> dict[str, list[Meaning]]:
    """All numbers: as people are shown them, of the summary, of a day."""
    shown = [Meaning(one.name, one.unit, one.meaning, one.source) for one in FACTS.values()]
    summary = [
        Meaning(name, means.unit, means.meaning, "market/record/summary.py")
        for name, means in SUMMARY.items()
    ]
    days = [
        Meaning(column, means.unit, means.meaning, "market/record/")
        for column in Series._fields
        if (means := day_meaning(column))
    ]
    frames = {
        f"Columns of {name}.parquet": [
            Meaning(column, means.unit, means.meaning, "market/record/")
            for column, means in columns.items()
        ]
        for name, columns in FRAMES.items()
    }
    return {
        "Shown in words and figures": shown,
        "Entries of summary.json": summary,
        "Columns of series.parquet, by day": days,
    } | frames


def print_tables(word: str = "") -> None:
    """Print all numbers, or those that have a word in their name, meaning or source.

    Raises:
        InputError: none has it.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 150
    found = False
    for title, lines in tables().items():
        own = [line for line in lines if word.lower() in " ".join(line).lower()]
        if not own:
            continue
        found = True
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for head in ("Name", "Unit", "Meaning", "From"):
            table.add_column(head)
        for line in own:
            table.add_row(*map(Text, line))
        console.print(Text(f"\n{title}", style="bold"))
        console.print(table)
    if not found:
        raise InputError(
            f"No number has {word!r} in it; 'firesale explain' lists them all, and settings are "
            "listed by 'firesale scenarios show baseline'."
        )


def as_markdown() -> str:
    """All tables as one page."""
    parts = [INTRODUCTION]
    for title, lines in tables().items():
        parts.append(f"## {title}\n\n| name | unit | meaning | from |\n|---|---|---|---|")
        parts[-1] += "".join(f"\n| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"
    return "\n".join(parts)


def _cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|").replace("*", "\\*")
