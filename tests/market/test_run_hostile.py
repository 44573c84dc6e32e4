"""Settings and opening books at random: refused in one sentence, or run with books that balance.

Seeded: the same cases every time. The long sets are marked long.
"""

from __future__ import annotations

import csv
import math
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from firesale.market.opening.books_2021.read import DATA_FOLDER as BOOKS_2021
from firesale.market.opening.books_2021.read import load_books_2021
from firesale.market.opening.books_2025.read import DATA_FOLDER as BOOKS_2025
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario, setting_keys
from firesale.market.scenario.sections import STARTS
from firesale.market.simulation import Simulation

LEFT_OUT = ("name", "title", "description", "days", "crypto.history", "knock_out.party")
DAYS = 9  # an auction, and what follows it


def field_of(key: str) -> Any:
    """The schema's entry of a setting."""
    model: Any = Scenario
    *sections, leaf = key.split(".")
    for section in sections:
        model = model.model_fields[section].annotation
    return model.model_fields[leaf]


def any_value(field: Any, draw: random.Random) -> Any:
    """A value that the schema allows: an end, or anything between, evenly or by magnitude."""
    if field.annotation is bool:
        return draw.random() < 0.5
    if choices := get_args(field.annotation):
        return draw.choice(choices)
    if field.annotation not in (int, float):
        return field.default
    ends = {}
    for rule in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if getattr(rule, name, None) is not None:
                ends[name] = float(getattr(rule, name))
    width = max(ends.values()) - min(ends.values())
    low = ends["ge"] if "ge" in ends else ends["gt"] + 1e-6 * width
    high = ends["le"] if "le" in ends else ends["lt"] - 1e-6 * width
    usual = float(field.default) if isinstance(field.default, int | float) else low
    value = draw.choice((
        low, high, usual, draw.uniform(low, high), draw.uniform(low, high),
        low + (high - low) * 10 ** draw.uniform(-9, 0), low + (high - low) * 1e-9,
    ))  # fmt: skip
    return round(value) if field.annotation is int else value


def any_scenario(draw: random.Random) -> dict[str, Any]:
    """Settings at random: a few, many, or nearly all."""
    keys = [key for key in setting_keys() if key not in LEFT_OUT]
    share = draw.choice((0.02, 0.1, 0.4, 0.9))
    values = {key: any_value(field_of(key), draw) for key in keys if draw.random() < share}
    values["opening.start"] = draw.choice(STARTS)
    values["synthetic.parties"] = draw.choice((36, 40, 60, 150, 1000))
    values["opening.scale"] = draw.choice((1.0, 1.0, 0.1, 0.5, 2.0))
    if values.get("crypto.path") == "history":
        values["crypto.history"] = "packaged"
    else:
        values.pop("crypto.network", None)
    if values["opening.start"] == "2021":
        del values["opening.scale"]
    return values | {"days": DAYS}


def outcome(act: Any) -> str:
    """``ran``, ``refused``, or what went wrong."""
    try:
        simulation = act()
        simulation.run()
        summary = simulation.summary()
    except InputError as error:
        assert str(error).rstrip()[-1] in ".)'\"", error
        return "refused"
    error = summary["conservation_error"]
    return "ran" if error <= 1e-9 and math.isfinite(error) else "does not conserve"


def settings(seed: int, count: int) -> Counter[str]:
    """Runs of scenarios at random."""
    draw, told = random.Random(seed), Counter[str]()
    for _ in range(count):
        values, number = any_scenario(draw), draw.randrange(1000)

        def act(values: dict[str, Any] = values, number: int = number) -> Simulation:
            return Simulation(Scenario().changed(values, "fuzz"), number)

        try:
            told[outcome(act)] += 1
        except Exception as error:
            error.add_note(f"seed {number}, settings {values}")
            raise
    return told


STRANGE = (
    "0", "-1", "1e308", "1e-300", "1e15", "nan", "inf", "-inf", "", "1e9", "1e6", "10000000",
    "20000", "36500", "0.5", "1", "2", "1e-6", "0.999999", "x", "2025-09-30", "9999-12-31",
    "0001-01-01", "true", "\x1b[31m",
)  # fmt: skip


def spoil(folder: Path, draw: random.Random) -> str:
    """Give one to three cells of one to three tables another value; says which."""
    said = []
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(sorted(folder.glob("*.csv")))
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        for _ in range(draw.randint(1, 3)):
            row = draw.choice(rows[1:])
            at = draw.randrange(len(row))
            try:
                number = float(row[at])
                factor = 10 ** draw.uniform(-9, 9)
                value = draw.choice(
                    (*STRANGE, str(number * factor), str(-number), str(int(number)))
                )
            except (ValueError, OverflowError):
                if draw.random() < 0.7:
                    continue
                value = draw.choice(STRANGE)
            said.append(f"{path.name}: {rows[0][at]} {row[at]!r} -> {value!r}")
            row[at] = value
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    return "; ".join(said)


def books(seed: int, count: int, folder: Path) -> Counter[str]:
    """Runs of spoiled opening books."""
    draw, told = random.Random(seed), Counter[str]()
    for _ in range(count):
        start, source, load = draw.choice((
            ("2025", BOOKS_2025, load_books_2025), ("2021", BOOKS_2021, load_books_2021),
        ))  # fmt: skip
        at = folder / "books"
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(source, at)
        said = spoil(at, draw)
        scenario = Scenario().changed({"opening.start": start, "days": DAYS}, "fuzz")

        def act(load: Any = load, scenario: Scenario = scenario, at: Path = at) -> Simulation:
            return Simulation(scenario, 1, load(at))

        try:
            told[outcome(act)] += 1
        except Exception as error:
            error.add_note(f"{start}: {said}")
            raise
    return told


@pytest.mark.compiled
def test_settings_at_random_run_or_are_refused() -> None:
    told = settings(1, 120)
    assert set(told) == {"ran", "refused"} and told["ran"] > 30, told


@pytest.mark.compiled
def test_books_at_random_run_or_are_refused(tmp_path: Path) -> None:
    told = books(1, 150, tmp_path)
    assert set(told) == {"ran", "refused"} and told["ran"] > 20, told


@pytest.mark.long
@pytest.mark.compiled
def test_ten_thousand_settings_at_random() -> None:
    assert set(settings(2, 10_000)) == {"ran", "refused"}


@pytest.mark.long
@pytest.mark.compiled
def test_ten_thousand_books_at_random(tmp_path: Path) -> None:
    assert set(books(2, 10_000, tmp_path)) == {"ran", "refused"}
