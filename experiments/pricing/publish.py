"""Write the page of prices of this version, with its pictures.

uv run python -m firesale.experiments.pricing.publish experiments/PRICES.md

It makes what is missing of the runs of the packaged grid, as ``firesale price grid`` does, runs of
a calm market without beliefs drawn (what a modeller would see of correlation in one calm world),
and the trials of ways to reduce variance: about half an hour of one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .command import RUNS, write
from .points import SETS
from .points import main as points
from .trials import DRAWS
from .trials import main as trials

PICTURES = "pictures"


def main(
    page: Annotated[Path, typer.Argument(help="Where to; pictures go beside it.")],
    folder: Annotated[Path, typer.Option(help="Of the runs.")] = Path("out/price-grid"),
    calm: Annotated[Path, typer.Option(help="Of calm runs, one world.")] = Path("out/price-calm"),
    runs: Annotated[int, typer.Option(help="In all; 0: those that are there.")] = RUNS,
    new_trials: Annotated[bool, typer.Option(help="Of ways to reduce variance; or as is.")] = True,
    one_calm_world: Annotated[bool, typer.Option(help="Correlation from calm runs.")] = True,
) -> None:
    """Runs, tables, page and pictures."""
    from ..look.pages import write_page
    from . import grid as grids
    from .answer import answer
    from .figures import draw
    from .page import lines_of
    from .runs import Workers, make, read, spent

    grid, quiet = grids.load(grids.NAME), grids.load("calm")
    if runs:
        make(grid, runs, folder, Workers())
    if new_trials:
        trials(DRAWS)
        points(SETS, folder)
    still = None
    if one_calm_world:
        make(quiet, len(quiet.block), calm, Workers("serial"), beliefs=False)
        still = quiet, *read(quiet, calm)
    found = answer(grid, *read(grid, folder), calm=still)
    write(found, folder, folder)
    write_page(page, lines_of(found, spent(folder)))
    draw(found, page.parent / PICTURES)


if __name__ == "__main__":
    from ..run.border import script

    script(main)
