"""``firesale validate``: the report card on the terminal, and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..run.writing import check_name, unwritable, write_text
from .checks import Check, identities, published
from .records import records

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {True: "passed", False: "FAILED", None: "not known"}
OBJECTIONS = Path(__file__).resolve().parent / "objections.md"
FAILED = 1
WIDTH = 150  # where there is no terminal


def report_card() -> list[Check]:
    """Every check of credibility; those that take seconds are made now."""
    from .published import table

    return [*published(table()), *identities(), *records()]


def validate(page: Path | None) -> None:
    """Print the report card, and write it as a page if one is asked for.

    Raises:
        InputError: the page cannot be written.
        typer.Exit: with 1, if something fails.
    """
    if page is not None:
        check_name(page)
        if page.is_dir() or not page.absolute().parent.is_dir():
            raise unwritable(page, NotADirectoryError("no file can be there"))
    card = report_card()
    show(card)
    if page is not None:
        write_text(page, as_page(card))
        typer.echo(f"\nPage: {page}")
    if any(check.passed is False for check in card):
        raise typer.Exit(FAILED)


def verdict(card: list[Check]) -> str:
    """How many checks passed, in a sentence."""
    failed = [check.name for check in card if check.passed is False]
    unknown = [check.name for check in card if check.passed is None]
    told = f"{sum(check.passed is True for check in card)} of {len(card)} checks passed"
    if failed:
        told += f"; failed: {', '.join(failed)}"
    if unknown:
        told += f"; not known: {', '.join(unknown)}"
    return f"{told}."


def show(card: list[Check], console: Console | None = None) -> None:
    """Print the card."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "check", "outcome", "date", ""):
        grid.add_column(name, overflow="fold")
    kind = ""
    for check in card:
        style = {True: "", False: "bold red", None: "dim"}[check.passed]
        cells = (check.kind if check.kind != kind else "", *check[1:4], MARKS[check.passed])
        grid.add_row(*(Text(cell, style) for cell in cells))
        kind = check.kind
    console.print(grid)
    console.print()
    console.print(Text(verdict(card), "bold"))


def as_page(card: list[Check]) -> str:
    """The card as Markdown, and what can be said against it."""
    lines = [
        "# Report card",
        "",
        "Made by `firesale validate --page experiments/REPORT_CARD.md`: published results and",
        "identities are checked when it is made, the rest is on record with the date it was found.",
        "",
        f"**{verdict(card)}**",
        "",
        "| | check | outcome | date | |",
        "|---|---|---|---|---|",
    ]
    kind = ""
    for check in card:
        shown = check.kind if check.kind != kind else ""
        kind = check.kind
        cells = (shown, *check[1:4], MARKS[check.passed])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, "", OBJECTIONS.read_text(encoding="utf-8")])
