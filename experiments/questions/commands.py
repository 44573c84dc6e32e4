"""``firesale experiment``: questions that take many runs."""

from __future__ import annotations

import typer

from ..answers.command import add
from . import multiplier, systemic
from .asked import QUESTIONS

experiment = typer.Typer(
    help="Questions that take many runs; each ends in a verdict, a number and a figure.",
    rich_markup_mode=None,
    epilog="Example: firesale experiment missing-repo-market --quick",
)
for question, title in QUESTIONS.values():
    add(experiment, question, title)
experiment.command(
    "systemic",
    help="Who transmits most: each lender and the twenty largest borrowers kept from failing.",
    epilog="Example: firesale experiment systemic joint-crash --seeds 10",
)(systemic.main)
experiment.command(
    "multiplier",
    help="How much of a crash is contagion: first-round and further rounds, by family.",
    epilog="Example: firesale experiment multiplier crypto-crash --seeds 10",
)(multiplier.main)
