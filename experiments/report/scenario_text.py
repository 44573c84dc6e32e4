"""Scenarios for people: a table of all, and one in full as TOML with units and allowed values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...market.scenario.needs import in_words
from ...market.scenario.scenario import Scenario, scenario_names

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

COMMENT_COLUMN = 44
PLAIN_WIDTH = 120  # characters, where no terminal says


def print_list() -> None:
    """Print name, days and title of each scenario."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Name", no_wrap=True)
    table.add_column("Days", justify="right")
    table.add_column("Title")
    for name in scenario_names():
        scenario = Scenario.load(name)
        table.add_row(name, f"{scenario.days:,}", Text(scenario.title))
    console.print(table)


def full_title(scenario: Scenario) -> str:
    """The scenario's title and the books it runs on."""
    opening = scenario.opening
    books = f"on the books of {opening.start}"
    if opening.start == "synthetic":
        parties = round(scenario.synthetic.parties * opening.scale)
        books = f"on synthetic books of {parties:,} parties"
    return f"{scenario.title or scenario.name}, {books}"


def changes(before: Scenario, after: Scenario) -> tuple[str, ...]:
    """What a run sets otherwise than its scenario's file, as ``key = value``."""
    found = [
        f"{key} = {literal(after.value_of(key))}" for key in after.differences(before) if "." in key
    ]
    return (*[f"days = {after.days}"] * (after.days != before.days), *found)


def as_toml(scenario: Scenario) -> str:
    """A scenario in full; the text is itself a valid scenario file."""
    return "\n".join([*_values(scenario), *_sections(scenario)])


def _sections(model: BaseModel, before: str = "") -> Iterator[str]:
    """Each section below, its own after it."""
    for name, field in type(model).model_fields.items():
        section = getattr(model, name)
        if isinstance(section, BaseModel):
            about = (type(section).__doc__ or "").strip().splitlines()[0]
            yield ""
            yield f"[{before}{name}]  # {field.description or about}"
            yield from _values(section, f"{before}{name}.")
            yield from _sections(section, f"{before}{name}.")


def _values(section: BaseModel, before: str = "") -> Iterator[str]:
    """One line ``key = value  # meaning; allowed values; what it needs`` for each plain field."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            continue
        line = f"# {name} =" if value is None else f"{name} = {literal(value)}"
        needs = in_words(before + name)
        needs = needs and f"only with {needs}"
        note = "; ".join(filter(None, [field.description, bounds(field), needs]))
        yield f"{line:<{COMMENT_COLUMN}}# {note}" if note else line


def bounds(field: FieldInfo) -> str:
    """What values are allowed, in words; that is no statement of what is likely."""
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return "one of " + ", ".join(choices)
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = [
        f"{text} {_plain(getattr(rule, name))}"
        for rule in field.metadata
        for name, text in words.items()
        if getattr(rule, name, None) is not None
    ]
    return f"allowed: {', '.join(found)}" if found else ""


def _plain(bound: float) -> str:
    """A bound as people write it: 20,000,000 rather than 2e+07."""
    return f"{bound:,.0f}" if 10_000.0 <= abs(bound) < 1e9 else f"{bound:g}"


def literal(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return repr(value)
