"""What ``firesale price`` does and prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import typer

from ...market.scenario.errors import InputError
from ...market.scenario.extras import insist_on
from ..run.files import flush
from ..run.writing import hidden_folder, remove_leftovers, unwritable
from . import grid as grids
from .answer import INSTRUMENT, Answer, answer, as_json
from .cohorts import as_row
from .page import NAMES, bp, lines_of, odds
from .pools import as_row as tranche_row
from .runs import Workers, make, read, spent

RUNS = 450
PRICES, LOANS, TRANCHES, PAGE = "prices.parquet", "loans.parquet", "tranches.parquet", "PRICES.md"
INTERRUPTED = 130


class Where(NamedTuple):
    """Workers of a call, and how many runs it asks for."""

    cluster: str = "local"
    workers: int | None = None
    runs: int | None = None
    quick: bool = False
    books: Path | None = None  # a user's own


def price_command(
    name: str,
    out: Path | None,
    where: Where,
    own_pools: dict[str, str],
    *,
    beliefs: bool = True,
    as_json_only: bool = False,
) -> Answer:
    """Run what is missing of a grid, price its loans, write tables, page and figures.

    Raises:
        InputError: a grid, a folder, a cluster or a query that cannot be used.
    """
    insist_on("cluster", "firesale price")
    grid = grids.load(name)
    if where.books is not None:
        grid = grid._replace(books=str(where.books.absolute()))
    wanted = where.runs or (len(grid.block) if where.quick else RUNS)
    if grid.plan().base.opening.start != "2025":
        raise InputError("firesale price: knows terms and dates of the loans of 2025 only.")
    folder = out or Path("out") / f"price-{grid.name}"
    workers = Workers(where.cluster, where.workers, as_json_only)
    try:
        make(grid, wanted, folder, workers, beliefs)
    except KeyboardInterrupt:
        typer.echo(
            f"Interrupted; finished runs are kept in {folder}, the same command goes on.", err=True
        )
        sys.exit(INTERRUPTED)
    runs, observed = read(grid, folder)
    found = answer(grid, runs, observed, own_pools)
    try:
        put(found, folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    if as_json_only:
        typer.echo(json.dumps(as_json(found)))
    else:
        say(found, folder)
    return found


def put(found: Answer, folder: Path) -> None:
    """Make all files out of sight, then give each its place, the page last."""
    remove_leftovers(folder)
    with hidden_folder(folder) as hidden:
        write(found, hidden, folder)
        made = [path for path in hidden.rglob("*") if path.is_file()]
        for path in sorted(made, key=lambda path: path.name == PAGE):
            place = folder / path.relative_to(hidden)
            place.parent.mkdir(exist_ok=True)
            flush(path)
            path.replace(place)


def write(found: Answer, folder: Path, runs: Path) -> None:
    """Tables, page and figures of an answer; its runs are in another folder."""
    import pandas as pd

    from .figures import draw

    rows = [as_row(kind, one) for kind, prices in found.prices.items() for one in prices]
    pd.DataFrame(rows).to_parquet(folder / PRICES, index=False)
    loans = [as_row("loan", one) for one in found.loans]
    about = ["borrower", "lender", "instrument", "facility", "vintage", "tenants", "collateral"]
    table = pd.concat([pd.DataFrame(loans), found.panel.loans[about]], axis=1)
    table.to_parquet(folder / LOANS, index=False)
    cuts = [tranche_row(cut) for pool in found.pools for cut in pool.cuts]
    pd.DataFrame(cuts).to_parquet(folder / TRANCHES, index=False)
    (folder / PAGE).write_text("\n".join(lines_of(found, spent(runs))) + "\n", encoding="utf-8")
    draw(found, folder / "pictures")


def say(found: Answer, folder: Path) -> None:
    """The instruments in a few lines."""
    typer.echo(
        f"{found.grid.title}: {len(found.panel.weight):,} runs; spreads in bp, break-even with its "
        "95 % interval (brackets: wider than the number)."
    )
    line = "{:<20}{:>10}{:>24}{:>14}{:>10}{:>8}  {}"
    typer.echo(
        line.format("", "contract", "break-even", "with capital", "PD 5 y", "LGD", "verdict")
    )
    for one in found.prices[INSTRUMENT]:
        even = one.break_even
        text = f"{bp(even.value)} ({bp(even.low)} to {bp(even.high)})"
        text = f"[{text}]" if even.is_vague else text
        lgd = "–" if one.lgd != one.lgd else f"{100 * one.lgd:.0f} %"
        name = NAMES.get(one.name, one.name)
        fair = (
            ""
            if one.fair.value != one.fair.value
            else f"; fair odds of a joint crash {odds(one.fair)}"
        )
        typer.echo(
            line.format(name, bp(one.contract), text, bp(one.charged),
                        f"{100 * one.pd[-1]:.0f} %", lgd, one.verdict + fair)
        )  # fmt: skip
    typer.echo(f"Page: {folder / PAGE}; tables: {PRICES}, {LOANS}, {TRANCHES}.")


def pools_of(given: list[str]) -> dict[str, str]:
    """``NAME=QUERY`` as given on the command line.

    Raises:
        InputError: not of that form.
    """
    found = {}
    for text in given:
        name, sign, query = text.partition("=")
        if not sign or not name.strip() or not query.strip():
            raise InputError(f"--pool {text}: is not NAME=QUERY, as mine=borrower == 'IREN'.")
        found[name.strip()] = query.strip()
    return found
