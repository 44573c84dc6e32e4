"""What ``firesale experiment NAME`` does for a question, and where it puts what it found."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...market.scenario.errors import InputError
from ..run.writing import locked, write_atomically, write_text

if TYPE_CHECKING:
    from .finding import Finding
    from .question import Question

INTERRUPTED = 130
OUT = Path("out")
TABLES, FIGURE, PAGE = "{}.csv", "figure.png", "FINDING.md"
Quick = Annotated[bool, typer.Option("--quick", help="Few draws: under a minute on two cores.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A new folder, or one to go on in; else out/NAME."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes here; all cores.")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="A finished sweep; asks it without new runs."),
]


def folder_of(name: str, quick: bool) -> Path:
    """Where a question goes without ``--out``: always the same place, so that it resumes."""
    return OUT / (f"{name}-quick" if quick else name)


def ask(question: Question, folder: Path, quick: bool, workers: int | None, quiet: bool) -> Finding:
    """Make what is missing of a question's runs and write what they say.

    Raises:
        InputError: a folder that holds something else, or cannot be written.
    """
    from .finding import FILE, save
    from .study import Study

    with Study(folder, quick, workers, quiet) as study, locked(folder, "another question"):
        found = question.study(study)
    save(found, folder / FILE)
    _write(question, folder)
    return found


def _write(question: Question, folder: Path) -> None:
    """Tables, figure and page, from what was stored."""
    import csv
    import io

    from ..look.plots import save as save_figure
    from .finding import FILE, SCENARIO, read
    from .page import chapter

    found = read(folder / FILE)
    for name, table in found.tables.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(table.cells())
        write_text(folder / TABLES.format(name), text.getvalue())
    write_atomically(folder / FIGURE, partial(save_figure, question.draw(found)))
    if SCENARIO in found.facts:
        write_text(folder / f"{question.name}.toml", found.facts[SCENARIO])
    lines = [line.replace(f"findings/pictures/{question.name}.png", FIGURE) for line in
             chapter(question, found)]  # fmt: skip
    write_text(folder / PAGE, "\n".join(lines) + "\n")


def add(app: typer.Typer, question: Question, title: str) -> None:
    """Make a command of a question."""

    def main(
        quick: Quick = False, json_: AsJson = False, out: Out = None, workers: Workers = None
    ) -> None:
        folder = out or folder_of(question.name, quick)
        try:
            found = ask(question, folder, quick, workers, json_)
        except KeyboardInterrupt:
            again = "the same command goes on"
            typer.echo(f"Interrupted; finished runs are kept in {folder}, {again}.", err=True)
            sys.exit(INTERRUPTED)
        if json_:
            typer.echo(json.dumps(question.as_json(found), ensure_ascii=False))
            return
        typer.echo(f"{question.claim}\n{question.verdict(found).capitalize()}. "
                   f"{question.sentence(found)}")  # fmt: skip
        typer.echo(f"Page, tables and figure: {folder}/{PAGE}.")

    def main_or_sweep(
        quick: Quick = False,
        json_: AsJson = False,
        out: Out = None,
        workers: Workers = None,
        from_: From = None,
    ) -> None:
        if from_ is None:
            main(quick, json_, out, workers)
            return
        if quick or out or workers:
            raise InputError(
                "--from asks a sweep that is there; leave out --quick, --out and --workers."
            )
        _tell(question, from_, json_)

    app.command(
        question.name,
        help=f"{title} All of it takes about {question.minutes} minutes on two cores.",
        short_help=title,
        epilog=f"Example: firesale experiment {question.name} --quick",
    )(main if question.of_sweep is None else main_or_sweep)


def _tell(question: Question, folder: Path, json_: bool) -> None:
    """Print what a sweep says."""
    from .page import as_markdown

    assert question.of_sweep is not None
    told = question.of_sweep(folder)
    if json_:
        typer.echo(json.dumps(told.as_json, ensure_ascii=False))
        return
    typer.echo(told.sentence)
    for table in told.tables:
        typer.echo("\n" + "\n".join(as_markdown(table)))
