"""What scripts over seeds share: intervals by bootstrap, tables, and the page that one writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
SAID = "## What it says\n"
PAGE = Annotated[Path | None, typer.Option(help="Write the answer there, in markdown.")]
SEED = 20_25  # of the bootstrap: the same runs give the same interval


def resampled(
    statistic: Callable[[NDArray[Any]], float], count: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of a statistic over draws, by resampling them.

    Args:
        statistic: of some draws, given as their numbers (one may come twice).
        count: of draws, each independent of the others.
        resamples: how often.
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    found = [statistic(generator.integers(0, count, count)) for _ in range(resamples)]
    low, high = np.nanpercentile(found, [2.5, 97.5]) if np.isfinite(found).any() else (np.nan,) * 2
    return float(low), float(high)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval over draws, by resampling them."""
    import numpy as np

    known = np.array(values, float)
    low, high = resampled(lambda draws: float(known[draws].mean()), len(known))
    return float(known.mean()), low, high


def shown(value: float, low: float, high: float, form: str = "+,.2f") -> str:
    """A number and its interval as a cell: ``+1.2 (+0.8 to +1.6)``; nothing that moved is 0."""
    if value == low == high == 0.0:
        return "0"
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def write_page(path: Path, lines: Sequence[str]) -> None:
    """Write a page; what somebody wrote there under *What it says* stays."""
    said = path.read_text(encoding="utf-8").partition(SAID)[2] if path.exists() else "\n"
    text = "\n".join(lines).rstrip("\n")
    path.write_text(f"{text}\n\n{SAID}{said}", encoding="utf-8")


def give(lines: Sequence[str], head: Sequence[str], page: Path | None) -> None:
    """Print what a script found, and write its page if one is asked for."""
    typer.echo("\n".join(lines))
    if page:
        write_page(page, [*head, *lines])
