"""``firesale experiment``: questions that take many runs."""

from __future__ import annotations

import typer

from ..answers.command import add
from . import multiplier, systemic
from .asked import QUESTIONS

experiment = typer.Typer(
    help="Questions over many runs: a verdict, a number, a figure.",
    rich_markup_mode=None,
    epilog="Example: firesale experiment missing-repo-market --quick",
)
for question, title in QUESTIONS.values():
    add(experiment, question, title)
experiment.command(
    "systemic",
    help="Who transmits most: lenders, large borrowers?",
    epilog="Example: firesale experiment systemic joint-crash --seeds 10",
)(systemic.main)
experiment.command(
    "multiplier",
    help="How much of a crash is contagion, by rounds?",
    epilog="Example: firesale experiment multiplier crypto-crash --seeds 10",
)(multiplier.main)
