"""``firesale scenarios``: list, show or check what is assumed."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

scenarios = typer.Typer(
    help="List, show or check scenarios.",
    rich_markup_mode=None,
    epilog="Example: firesale scenarios show crypto-crash",
)
NAME = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario's name, or the path of a .toml file.")
]


def load(name: str) -> Scenario:
    """The scenario of that name or file."""
    from ...market.scenario.scenario import Scenario

    return Scenario.load(name)


@scenarios.command("list", epilog="Example: firesale scenarios list")
def list_scenarios() -> None:
    """List the scenarios that come with the project."""
    from .scenario_text import print_list

    print_list()


@scenarios.command(epilog="Example: firesale scenarios show calm > my-scenario.toml")
def show(scenario: NAME) -> None:
    """Print a scenario in full as TOML. Every default, unit and bound, and what is believed."""
    from .beliefs_text import as_comments
    from .scenario_text import PLAIN_WIDTH, as_toml

    chosen = load(scenario)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH
    typer.echo(f"{as_toml(chosen)}\n\n{as_comments(chosen, width)}")


@scenarios.command(epilog="Example: firesale scenarios check my-scenario.toml")
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The path of a .toml file, or a name.")
    ],
) -> None:
    """Check a scenario file and say in one line whether it is valid."""
    from ..look import words

    chosen = load(file)
    typer.echo(f"{file}: valid ({chosen.name}, {words.times(chosen.days, 'day')}).")
