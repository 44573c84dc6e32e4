"""``firesale validate``. Heavy imports wait until they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def validate(
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the report card as Markdown.")
    ] = None,
) -> None:
    """Print the report card: what is checked, when, how it came out."""
    from . import command

    command.validate(page)
