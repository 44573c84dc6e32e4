"""``firesale book``: template, check, run. Heavy imports wait until they are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

BAD_INPUT = 2

book = typer.Typer(
    help="Your own loans: from a tape (CSV or XLSX) to a credit memo.",
    rich_markup_mode=None,
    epilog="Example: firesale book run my-loans.xlsx --quick",
)
TAPE = Annotated[Path, typer.Argument(metavar="TAPE", help="Your loans, a .csv or .xlsx file.")]
ADD_TO = Annotated[
    str,
    typer.Option(
        metavar="MARKET", help="2025: beside that market's loans; nothing: instead of them."
    ),
]
MERGE = Annotated[
    bool,
    typer.Option(
        "--merge", help="Borrowers and lenders that the market knows by name are the market's."
    ),
]


@book.command(epilog="Example: firesale book template my-loans.xlsx")
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .xlsx or .csv file.")] = Path(
        "loan-tape.xlsx"
    ),
    market: Annotated[
        bool, typer.Option("--market", help="The packaged market of 2025, written as a tape.")
    ] = False,
) -> None:
    """Write an empty tape: columns, their meanings, two loans."""
    from ...market.opening.tape.template import write_template
    from ...market.scenario.errors import InputError

    if file.suffix.lower() not in (".xlsx", ".csv"):
        raise InputError(f"{file}: is not allowed; it must end in .xlsx or .csv.")
    if market and file.suffix.lower() == ".csv":
        raise InputError(f"{file}: a whole market has several tables; it must end in .xlsx.")
    if file.exists():
        raise InputError(f"{file}: is there already; name a new file.")
    write_template(file, market)
    typer.echo(f"{file}: fill in a row for each loan, then firesale book check {file}")


@book.command(epilog="Example: firesale book check my-loans.csv")
def check(tape: TAPE, add_to: ADD_TO = "2025", merge: MERGE = False) -> None:
    """Read a tape: list all mistakes, or all that was filled, and why."""
    from ...market.opening.tape.join import open_tape
    from ...market.opening.tape.mistakes import TapeError
    from .told import told_of_tape

    try:
        joined = open_tape(tape, add_to, merge)
    except TapeError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        count = len(error.mistakes)
        typer.echo(f"{count} mistake{'s' * (count > 1)}; nothing was run.", err=True)
        raise typer.Exit(BAD_INPUT) from None
    typer.echo(told_of_tape(joined))


@book.command(epilog="Example: firesale book run my-loans.xlsx --quick --anonymous")
def run(
    tape: TAPE,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The scenario of the memo; a second one is its stress. "
            "Else baseline and joint-crash.",
        ),
    ] = None,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Also under the weighted scenarios that loans are priced with: expected loss and "
            "break-even by weight, in place of a stress.",
        ),
    ] = False,
    runs: Annotated[
        int | None, typer.Option(metavar="N", help="Draws of books, beliefs and luck.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few draws, under a minute: wide intervals.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder; without it a fresh one in out/."),
    ] = None,
    add_to: ADD_TO = "2025",
    merge: MERGE = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Codes instead of names in every file.")
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the loans and the total as JSON, nothing else.")
    ] = False,
) -> None:
    """Run a tape in the market, and write memo.html and memo.xlsx."""
    from ...market.scenario.errors import InputError
    from .memo import Asked
    from .write import write_memo

    if grid and scenario:
        raise InputError("--grid: has scenarios of its own; leave --scenario out.")
    asked = Asked(
        tape=tape,
        scenarios=tuple(scenario or (("baseline",) if grid else ("baseline", "joint-crash"))),
        grid=grid,
        runs=runs,
        quick=quick,
        add_to=add_to,
        merge=merge,
        anonymous=anonymous,
    )
    memo, folder = write_memo(asked, out, quiet=json_)
    if json_:
        typer.echo(json.dumps(memo.as_json, indent=2, ensure_ascii=False))
    else:
        typer.echo(memo.told)
        typer.echo(f"Files: {folder / 'memo.html'}, memo.xlsx and memo.json")
