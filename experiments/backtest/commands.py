"""``firesale backtest``. Heavy imports wait until they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def backtest(
    year: Annotated[
        str, typer.Argument(metavar="YEAR", help="2022 is scored; 2026 is a forecast under seal.")
    ],
    runs: Annotated[
        int | None, typer.Option(metavar="N", help="Sampled books, seeds 1 to N.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the findings and scores as JSON, nothing else.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder; without it a fresh one in out/."),
    ] = None,
    counterfactuals: Annotated[
        bool,
        typer.Option("--counterfactuals", help="Also every counterfactual, on the same shocks."),
    ] = False,
    fixed_rules: Annotated[
        bool, typer.Option("--fixed-rules", help="Sample the books only, not unpublished rules.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one assumption; repeatable."),
    ] = None,
    seal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the forecast with its date and the hashes of its sources; an existing file "
            "only after a new row in the table of changes beside it.",
        ),
    ] = None,
) -> None:
    """Replay a crisis from the books before it, and score who fails."""
    from . import command

    command.backtest(
        year,
        command.DEFAULT_RUNS if runs is None else runs,
        out,
        as_json=json_,
        counterfactuals=counterfactuals,
        workers=workers,
        fixed_rules=fixed_rules,
        settings=settings or [],
        seal=seal,
    )
