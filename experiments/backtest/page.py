"""The page and the terminal output of a back-test."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...market.record.summary import CAVEAT
from ..report.page import STYLE
from . import words as said
from .figures import READING, draw_all
from .picture import Picture

if TYPE_CHECKING:
    from rich.console import Console

    from .words import Table

TITLE = "Back-test: the miner credit crisis of 2022"
PLAIN_WIDTH = 120
FOLDED_FROM = 40  # rows


def write_figures(picture: Picture, folder: Path) -> dict[str, str]:
    """Draw every figure into a folder; returns their titles by name."""
    from ..look.plots import save, title_of

    folder.mkdir()
    titles = {}
    for name, figure in draw_all(picture).items():
        save(figure, folder / f"{name}.png")
        titles[name] = title_of(figure)
    return titles


def write_page(picture: Picture, folder: Path) -> None:
    """Write ``report.html`` and its figures."""
    titles = write_figures(picture, folder / "figures")
    figures = "".join(
        f'<figure><img src="figures/{name}.png" alt="{escape(title)}">'
        f'<figcaption class="reading">{_text(READING[name])}</figcaption></figure>\n'
        for name, title in titles.items()
    )
    tables = [
        said.scores_table(picture),
        said.scored_table(picture),
        said.sequence_table(picture),
        said.months_table(picture),
        said.recoveries_table(picture),
        *said.everybody_tables(picture),
    ]
    if len(picture.compared) > 1:
        tables[1:1] = [said.counterfactual_table(picture.compared), said.arms_table(picture)]
    found = picture.found
    facts = "".join(f"<li>{_text(line)}</li>\n" for line in said.facts(picture))
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(TITLE)}</title>
<style>{STYLE}</style>
</head>
<body>
<p class="meta">{found.opening} to {found.date(found.days)} · {said.seeds(found.runs)}</p>
<h1>{escape(TITLE)}</h1>
<p class="lead">{_text(said.headline(picture))}</p>
<ul>
{facts}</ul>
{figures}
{"".join(map(_table, tables))}
<p><strong>{CAVEAT}</strong></p>
</body>
</html>
"""
    (folder / "report.html").write_text(page, encoding="utf-8")


def _table(table: Table) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in table.columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    html = (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )
    if len(table.rows) >= FOLDED_FROM:
        html = f"<details><summary>All {len(table.rows)} rows</summary>\n{html}</details>\n"
    return f'<h2>{_text(table.title)}</h2>\n<p class="reading">{_text(table.note)}</p>\n{html}'


def _text(text: str) -> str:
    """Text as HTML; a number and its per-cent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def show(picture: Picture, folder: Path, console: Console | None = None) -> None:
    """Print the result of a back-test whose files are in ``folder``."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(Text(f"{TITLE} · {said.seeds(picture.found.runs)}", style="dim"))
    console.print(Text(said.headline(picture), style="bold"))
    for table in (said.scores_table(picture), said.scored_table(picture)):
        _print(console, table)
    _print(console, said.months_table(picture))
    if len(picture.compared) > 1:
        _print_long(console, said.counterfactual_table(picture.compared))
        _print(console, said.arms_table(picture))
    console.print()
    for line in said.facts(picture):
        console.print(Text(line))
    console.print()
    console.print(Text(f"Files: {folder} (report.html has all names and loans)"))
    console.print(Text(CAVEAT, style="dim"))


def _print(console: Console, table: Table) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in table.columns:
        grid.add_column(name, no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(Text, row))
    console.print()
    console.print(Text(table.title, style="bold"))
    console.print(grid)


def _print_long(console: Console, table: Table) -> None:
    """A table with long headings: one block per row."""
    from rich.text import Text

    console.print()
    console.print(Text(table.title, style="bold"))
    width = max(map(len, table.columns))
    for arm, *cells in table.rows:
        console.print(Text(f"{arm}"))
        for name, cell in zip(table.columns[1:], cells, strict=True):
            console.print(Text(f"  {name:<{width}}  {cell}"))
