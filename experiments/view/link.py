"""A link that opens the page where it stands: scenario, what is changed of it, seed, day, party.

``?scenario=joint-crash&set=days=200&seed=3&day=90&party=CRWV&beside=calm``. What it asks for goes
through the same checks as what a visitor chooses; a file cannot be named.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario, scenario_names
from ..report.scenario_text import literal

LONGEST, MOST_SEED, MOST_DAY = 4_000, 100, 36_500
KEYS = ("scenario", "set", "seed", "day", "party", "beside")


class Place(NamedTuple):
    """What a link asks for; an empty scenario is that with which the page was started."""

    scenario: str = ""
    settings: tuple[str, ...] = ()
    seed: int = 1
    day: int = 0
    party: str = ""
    beside: str = ""


def read(query: str | None) -> Place:
    """What the address asks for.

    Raises:
        InputError: something else than the page knows.
    """
    query = (query or "").removeprefix("?")
    if len(query) > LONGEST:
        raise InputError("The address is too long; the market of the start is shown.")
    pairs = [pair for pair in parse_qsl(query) if pair[0] in KEYS]
    one = {key: value for key, value in pairs if key != "set"}
    if (name := one.get("scenario", "")) and name not in scenario_names():
        raise InputError(f"There is no scenario '{name[:40]}'; the one of the start is shown.")
    return Place(
        name,
        tuple(value for key, value in pairs if key == "set"),
        _number(one.get("seed", "1"), MOST_SEED, "seed"),
        _number(one.get("day", "0"), MOST_DAY, "day"),
        one.get("party", "")[:40],
        one.get("beside", ""),
    )


def _number(text: str, most: int, name: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:9]) <= most:
        return int(text[:9])
    raise InputError(f"{name} {text[:20]!r} is no whole number from 0 to {most:,}.")


def query_of(place: Place) -> str:
    """The address's end that asks for a place; what is usual is left out."""
    usual = Place()
    pairs = [("scenario", place.scenario)] * bool(place.scenario)
    pairs += [("set", setting) for setting in place.settings]
    pairs += [
        (key, str(getattr(place, key)))
        for key in ("seed", "day", "party", "beside")
        if getattr(place, key) != getattr(usual, key)
    ]
    return "?" + urlencode(pairs)


def place_of(scenario: Scenario, start: Scenario) -> Place:
    """The scenario of a market as a link has it; ``start`` is that of the page's start."""
    other = scenario.name != start.name and scenario.name in scenario_names()
    base = Scenario.load(scenario.name) if other else start
    settings = tuple(
        f"{key}={literal(scenario.value_of(key))}"
        for key in scenario.differences(base)
        if key not in ("title", "description", "name")
    )
    return Place(scenario.name if other else "", settings)
