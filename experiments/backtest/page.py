"""The page and the terminal output of a back-test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...market.record.summary import CAVEAT
from ..report.page import STYLE
from . import forecast, forecast_figures
from . import words as said
from .figures import READING, figures_of
from .picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

    from .words import Table

PLAIN_WIDTH = 160
FOLDED_FROM = 40  # rows


@dataclass(frozen=True)
class Told:
    """What a page and the terminal say of a back-test."""

    title: str
    subtitle: str
    lead: str
    facts: list[str]
    figures: Mapping[str, Callable[[Picture], Figure]]
    reading: Mapping[str, str]
    tables: list[Table]
    printed: list[Table]
    long: list[Table]  # with long headings


def told(picture: Picture) -> Told:
    """A scored back-test, or a forecast of which nothing is known yet."""
    found = picture.found
    if not picture.crisis.scored:
        tables = forecast.tables(picture)
        return Told(
            picture.crisis.title,
            forecast.subtitle(picture),
            forecast.headline(picture),
            forecast.facts(picture),
            forecast_figures.FIGURES,
            forecast_figures.READING,
            tables,
            tables[:1],
            [],
        )
    tables = [
        said.scores_table(picture),
        said.scored_table(picture),
        said.sequence_table(picture),
        said.months_table(picture),
        said.recoveries_table(picture),
        *said.everybody_tables(picture),
    ]
    printed = [said.scores_table(picture), said.scored_table(picture), said.months_table(picture)]
    long: list[Table] = []
    if len(picture.compared) > 1:
        long = [said.counterfactual_table(picture.compared)]
        tables[1:1] = [*long, said.arms_table(picture)]
        printed.append(said.arms_table(picture))
    return Told(
        picture.crisis.title,
        f"{found.opening} to {found.date(found.days)} · {said.seeds(found.runs)}",
        said.headline(picture),
        said.facts(picture),
        figures_of(picture),
        READING,
        tables,
        printed,
        long,
    )


def write_figures(picture: Picture, page: Told, folder: Path) -> dict[str, str]:
    """Draw every figure into a folder; returns their titles by name."""
    from ..look.plots import save, title_of

    folder.mkdir()
    titles = {}
    for name, draw in page.figures.items():
        figure = draw(picture)
        save(figure, folder / f"{name}.png")
        titles[name] = title_of(figure)
    return titles


def write_page(picture: Picture, folder: Path) -> None:
    """Write ``report.html`` and its figures."""
    page = told(picture)
    titles = write_figures(picture, page, folder / "figures")
    figures = "".join(
        f'<figure><img src="figures/{name}.png" alt="{escape(title)}">'
        f'<figcaption class="reading">{_text(page.reading[name])}</figcaption></figure>\n'
        for name, title in titles.items()
    )
    facts = "".join(f"<li>{_text(line)}</li>\n" for line in page.facts)
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(page.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<p class="meta">{escape(page.subtitle)}</p>
<h1>{escape(page.title)}</h1>
<p class="lead">{_text(page.lead)}</p>
<ul>
{facts}</ul>
{figures}
{"".join(map(_table, page.tables))}
<p><strong>{CAVEAT}</strong></p>
</body>
</html>
"""
    (folder / "report.html").write_text(html, encoding="utf-8")


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
    page = told(picture)
    console.print(Text(f"{page.title} · {said.seeds(picture.found.runs)}", style="dim"))
    console.print(Text(page.lead, style="bold"))
    for table in page.printed:
        _print(console, table)
    for table in page.long:
        _print_long(console, table)
    console.print()
    for line in page.facts:
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
