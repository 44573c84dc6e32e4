"""``firesale experiment``: questions that take many runs."""

from __future__ import annotations

import typer

from . import multiplier, systemic

experiment = typer.Typer(
    help="Questions that take many runs.",
    rich_markup_mode=None,
    epilog="Example: firesale experiment systemic joint-crash --seeds 10",
)
experiment.command(
    "systemic", epilog="Example: firesale experiment systemic joint-crash --seeds 10"
)(systemic.main)
experiment.command(
    "multiplier", epilog="Example: firesale experiment multiplier crypto-crash --seeds 10"
)(multiplier.main)
