"""What is believed of a scenario's settings and books, for whoever reads the scenario."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...market.opening.beliefs import beliefs_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...market.opening.beliefs import Belief
    from ...market.scenario.scenario import Scenario

HEAD = """\
What is believed of these settings and of the opening books: low, central and high, the
distribution, and what the range rests on. A run with opening.beliefs = true draws within these
ranges; so do sweeps and ensembles, unless they are told not to. A setting that the scenario has at
another value than the central one is not drawn. The error of a whole column of the books is a
factor around 1."""
NUMBER, WORDS = 11, 12  # characters of a column
INDENT = "    "


def as_comments(scenario: Scenario, width: int) -> str:
    """A table of beliefs in lines that start with ``#``, none longer than ``width`` if words allow.

    Where a row does not fit, its numbers stand below its name; nothing is cut.
    """
    room = width - 2
    rows = beliefs_in(scenario)
    name = max(len(row.parameter) for row in rows)
    in_columns = name + 3 * NUMBER + 2 * WORDS + 4 <= room
    lines = [*_wrapped(" ".join(HEAD.split()), room), ""]
    if in_columns:
        cells = ("low", "central", "high", "distribution", "rests on")
        lines.append(_columns("", name, cells))
    for row in rows:
        idle = "" if row.is_cell or not scenario.missing(row.parameter) else "; no effect here"
        lines += _columns_of(row, name) if in_columns else _stacked(row, room)
        lines += _wrapped(row.reason + idle, room, INDENT)
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _columns_of(row: Belief, name: int) -> list[str]:
    numbers = tuple(map(in_digits, (row.low, row.central, row.high)))
    return [_columns(row.parameter, name, (*numbers, row.distribution, row.kind))]


def _columns(parameter: str, name: int, cells: tuple[str, ...]) -> str:
    low, central, high, distribution, kind = cells
    numbers = "".join(f"{cell:>{NUMBER}}" for cell in (low, central, high))
    return f"{parameter:<{name}}{numbers}  {distribution:<{WORDS}}  {kind}"


def _stacked(row: Belief, room: int) -> Iterator[str]:
    yield row.parameter
    low, central, high = map(in_digits, (row.low, row.central, row.high))
    text = f"{low} to {high}, central {central}; {row.distribution}; {row.kind}"
    yield from _wrapped(text, room, INDENT)


def _wrapped(text: str, room: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        room,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def in_digits(value: float) -> str:
    """A number as it stands in the table, to six digits; millions and billions by name."""
    for size, name in ((1e9, "bn"), (1e6, "m")):
        if abs(value) >= size:
            return f"{value / size:.6g}{name}"
    return f"{value:.6g}"
