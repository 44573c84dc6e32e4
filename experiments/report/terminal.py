"""What is printed after a run: the story in about forty lines, plain where it is not a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..look import words
from ..results.facts import number
from . import story
from .headline import headline, ltv_in_words, without_largest
from .scenario_text import full_title

if TYPE_CHECKING:
    from pathlib import Path

    from ..results.results import Results
    from .chapter import Chapter

PLAIN_WIDTH = 100
GLUE = "\N{NO-BREAK SPACE}"
WIDEST_CELL, NARROWEST_CELL = 30, 17  # characters; longer names are cut, more if room is short
GAP = 2  # between columns
MOST_ROWS = {
    "Who is called for margin": 4,
    "Who breaks which covenant": 3,
    "Who defaults, and on what": 8,
    "What is seized": 0,
    "Who bids, at what price": 5,
    "What lenders lose": 8,
    "What would not have happened": 12,
    "What policy costs": 7,
}


def show(results: Results, folder: Path, console: Console | None = None) -> None:
    """Print the summary of a run whose files are in ``folder``."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    _say(
        console,
        f"{full_title(results.scenario)} · {words.date(results.opening)} to "
        f"{words.date(results.date(results.last_day))} · seed{GLUE}{results.seed}",
        "dim",
    )
    if results.changes:
        _say(console, f"Changed in the scenario: {', '.join(results.changes)}", "dim")
    _say(console, headline(results), "bold")
    chapters = story.chapters(results)[1:-1]  # the shock and loan to value are in other lines
    for chapter in chapters:
        if chapter.table:
            _chapter(console, chapter)
    quiet = " ".join(chapter.text for chapter in chapters if not chapter.table)
    if quiet:
        console.print()
        _say(console, quiet)
    console.print()
    _fact(console, "Loan to value", _ltv(results))
    _fact(console, "Lenders' loss", without_largest(results))
    error = number(results, "conservation_error")
    _fact(console, "Books balance", f"to {error:.0e} on the worst day")
    _fact(console, "Files", f"{folder} (report.html has all rows of these tables)")
    _fact(console, "Numbers", "firesale explain says what each of them means")
    _fact(console, "Note", results.summary["caveat"])


def _chapter(console: Console, chapter: Chapter) -> None:
    """A sentence, and the heaviest rows of its table."""
    console.print()
    _say(console, chapter.text, "bold")
    most = MOST_ROWS[chapter.title]
    if not most:
        return
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    heads = [column.name for column in chapter.columns]
    for widest in range(WIDEST_CELL, NARROWEST_CELL - 1, -1):
        cells = [[words.short(cell, widest) for cell in row] for row in chapter.heaviest(most)]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        if sum(widths) + GAP * len(widths) <= console.width:
            break
    for column, width in zip(chapter.columns, widths, strict=True):
        table.add_column(
            Text(column.name),
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=min(width, NARROWEST_CELL),
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)
    if len(chapter.table) > most:
        _say(console, f"{chapter.largest(most)}.", "dim")


def _say(console: Console, text: str, style: str = "") -> None:
    """A paragraph; a number and its per-cent sign stay on one line."""
    for line in textwrap.wrap(text.replace(" %", f"{GLUE}%"), max(console.width, 20)):
        console.print(Text(line.replace(GLUE, " "), style=style))


def _fact(console: Console, name: str, text: str) -> None:
    """One labelled line."""
    console.print(Text(f"{name:<15}", style="dim") + Text(text, style="not dim"), soft_wrap=True)


def _ltv(results: Results) -> str:
    return f"{ltv_in_words(results)}, on the worst day"
