"""The page of findings from what is stored, and new findings into what is stored.

uv run python -m firesale.experiments.questions.findings [FOLDER ...]

Folders are those of finished questions (``out/missing-repo-market``): their findings are taken over
first. Without any, the page and its pictures are made anew from ``experiments/findings``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..answers.finding import FILE, FOLDER, SCENARIO, read, save
from .asked import QUESTIONS

if TYPE_CHECKING:
    from ..answers.finding import Finding
    from ..answers.question import Question

PAGE = FOLDER.parent / "FINDINGS.md"
PICTURES = FOLDER / "pictures"

HEAD = """# Findings

Each claim of the thesis put to the market, and what came out. Verdicts and sentences are worked out
from stored numbers (`experiments/findings/*.json`) by the rules that stand with them;
`uv run python -m firesale.experiments.questions.findings` makes this page from those.

Unless it says otherwise: books, beliefs and luck are drawn in each run; losses are those of lenders
once all claims are settled; intervals are of 95 % for the mean over draws, which vary more one by
one, and what came out the same in all draws has none; worlds are compared draw by draw under the
same luck. *Confidence*: **firm** if the interval is further from the boundary of its rule than it
is wide, **fair** if it is off the boundary, **open** if it contains it. It says nothing about
whether the model is right: that is under *rests on* and *objections*.
"""


def stored(folder: Path = FOLDER) -> list[tuple[Question, Finding]]:
    """Questions that have a stored finding, in the order of the page.

    Raises:
        InputError: a finding of another version.
    """
    return [
        (question, read(path))
        for name, (question, _) in QUESTIONS.items()
        if (path := folder / f"{name}.json").exists()
    ]


def page_text(answers: list[tuple[Question, Finding]]) -> str:
    """The whole page."""
    from ..answers.page import lines_of

    return "\n".join(lines_of(HEAD, answers)) + "\n"


def main(
    folders: Annotated[list[Path] | None, typer.Argument(help="Of finished questions.")] = None,
) -> None:
    """Take findings over and make the page anew."""
    from ...market.scenario.errors import InputError
    from ..look.plots import save as save_figure
    from ..run.writing import write_atomically, write_text

    try:
        for folder in folders or []:
            found = read(folder / FILE)
            if found.question not in QUESTIONS:
                raise InputError(f"{folder}: there is no question '{found.question}'.")
            save(found, FOLDER / f"{found.question}.json")
        answers = stored()
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    PICTURES.mkdir(parents=True, exist_ok=True)
    for question, found in answers:
        if SCENARIO in found.facts:
            write_text(FOLDER / f"{question.name}.toml", found.facts[SCENARIO])
        place = PICTURES / f"{question.name}.png"
        write_atomically(place, partial(save_figure, question.draw(found)))
    write_text(PAGE, page_text(answers))
    typer.echo(f"{len(answers)} findings on {PAGE}.")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
