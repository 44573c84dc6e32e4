"""Whatever is typed or edited: a scenario, or one clear sentence; never a traceback.

Seeded: the same cases every time. The long set (10,000 cases) is marked slow.
"""

from __future__ import annotations

import random
import shutil
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from firesale.market.opening.books_2025.read import DATA_FOLDER, load_books_2025
from firesale.market.prices.history import read_history
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import SCENARIO_FOLDER, Scenario, scenario_names

VALUES = (
    "0", "-1", "1e309", "-1e309", "nan", "inf", "-inf", "true", "false", "''", '"text"', "[]", "{}",
    "[1, 2]", "{a = 1}", "1979-05-27", "0x1F", "1_000", "9" * 400, "-" + "9" * 400, "1e-320", ".5",
    "5.", "0.5", "2025", '"2025"', "'''", '"""', "\\u0000", "\x00", "é", "🔥", "a" * 5000, " ", "",
    "=", "#", "null", "None", "0.1.2", "1e5", "[" * 300, "[" * 9000, "9" * 5000, "'2025' # x",
    "3 4", "{" * 80, "-0.0", "77%", "-5bn", "1" * 400 + "m", "1e5%", "%", "٣%",
)  # fmt: skip
NOISE = string.printable + "éß€\u2028\u0000🔥"


def keys() -> list[str]:
    """All keys of a scenario, section.key."""
    plain = Scenario().model_dump()
    nested = [f"{s}.{k}" for s, value in plain.items() if isinstance(value, dict) for k in value]
    return nested + [name for name, value in plain.items() if not isinstance(value, dict)]


def spoiled(text: str, draw: random.Random) -> str:
    """A text with a few characters, words or lines changed, doubled, swapped or lost."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, max(0, len(text) - 1))
        kind = draw.randrange(7)
        if kind == 0:
            text = text[:at] + draw.choice(NOISE) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + draw.randint(1, 12) :]
        elif kind == 2:
            text = text[:at] + draw.choice(VALUES) + text[at + draw.randint(0, 6) :]
        elif kind == 3:
            lines = text.split("\n")
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
            text = "\n".join(lines)
        elif kind == 4:
            lines = text.split("\n")
            draw.shuffle(lines)
            text = "\n".join(lines)
        elif kind == 5:
            text = text[:at]
        else:
            text = f"{text}\n{draw.choice(keys()).replace('.', ' = ', 1)} = {draw.choice(VALUES)}"
    return text


def accepted(act: Callable[[], object]) -> bool:
    """Whether the input was taken; a refusal must be one sentence that says something."""
    try:
        act()
    except InputError as error:
        sentence = str(error)
        assert len(sentence) > 10 and sentence.rstrip()[-1] in ".)'\"", sentence
        assert "Traceback" not in sentence and "pydantic" not in sentence
        return False
    return True


def settings(seed: int, count: int) -> int:
    """``--set`` strings: known keys with strange values, strange keys, plain noise."""
    draw = random.Random(seed)
    known, base = keys(), Scenario.load("calm")
    taken = 0
    for _ in range(count):
        key = draw.choice(known)
        if draw.random() < 0.2:
            key = "".join(draw.choice(NOISE) for _ in range(draw.randint(0, 9)))
        text = f"{key}={draw.choice(VALUES)}"
        if draw.random() < 0.1:
            text = "".join(draw.choice(NOISE) for _ in range(draw.randint(0, 30)))
        taken += accepted(lambda text=text: base.with_settings([text]))  # type: ignore[misc]
    return taken


def files(seed: int, count: int, folder: Path) -> int:
    """Scenario files with changes a tired person, or a broken disk, could make."""
    draw = random.Random(seed)
    texts = [(SCENARIO_FOLDER / f"{name}.toml").read_text() for name in scenario_names()]
    path = folder / "spoiled.toml"
    taken = 0
    for _ in range(count):
        path.write_text(spoiled(draw.choice(texts), draw), encoding="utf-8", errors="replace")
        if draw.random() < 0.02:
            path.write_bytes(bytes(draw.randrange(256) for _ in range(draw.randint(0, 200))))
        taken += accepted(lambda: Scenario.load(path))
    return taken


def histories(seed: int, count: int, folder: Path) -> int:
    """History files of weekly prices."""
    draw = random.Random(seed)
    lines = (DATA_FOLDER.parent / "history" / "market_weekly.csv").read_text().split("\n")[:30]
    path = folder / "history.csv"
    taken = 0
    for _ in range(count):
        path.write_text(spoiled("\n".join(lines), draw), encoding="utf-8", errors="replace")
        taken += accepted(lambda: read_history(path))
    return taken


def tables(seed: int, count: int, folder: Path) -> int:
    """Opening tables with one file spoiled."""
    draw = random.Random(seed)
    names = sorted(path.name for path in DATA_FOLDER.glob("*.csv"))
    taken = 0
    for _ in range(count):
        at = folder / "tables"
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(DATA_FOLDER, at)
        victim = at / draw.choice(names)
        text = spoiled(victim.read_text(encoding="utf-8"), draw)
        victim.write_text(text, encoding="utf-8", errors="replace")
        taken += accepted(lambda at=at: load_books_2025(at))  # type: ignore[misc]
    return taken


def test_settings_that_make_no_sense() -> None:
    taken = settings(1, 1500)
    assert 0 < taken < 1500  # some are harmless, most are not


def test_scenario_files_that_make_no_sense(tmp_path: Path) -> None:
    assert 0 < files(2, 600, tmp_path) < 600


def test_histories_that_make_no_sense(tmp_path: Path) -> None:
    assert 0 < histories(3, 200, tmp_path) < 200


def test_tables_that_make_no_sense(tmp_path: Path) -> None:
    assert tables(4, 40, tmp_path) < 40


@pytest.mark.slow
def test_ten_thousand_of_them(tmp_path: Path) -> None:
    assert settings(11, 5000) > 0
    assert files(12, 3500, tmp_path) > 0
    assert histories(13, 1200, tmp_path) > 0
    assert tables(14, 300, tmp_path) < 300
