"""Tapes at random: refused with a sentence for every mistake, or run with books that balance.

Seeded: the same cases every time. The long set is marked long.
"""

from __future__ import annotations

import csv
import io
import math
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from by_tape import EXAMPLES

from firesale.market.opening.tape.columns import COLUMNS
from firesale.market.opening.tape.join import ADD_TO, open_tape
from firesale.market.opening.tape.mistakes import TapeError
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

DAYS = 9  # an auction, and what follows it
STRANGE = (
    "", "0", "-1", "1", "2", "0.5", "1e308", "1e-300", "1e999", "nan", "inf", "-inf", "$10bn",
    "999999999bn", "9" * 4000, "0.000001", "100 %", "0 %", "1e6 %", "SOFR", "SOFR+99999",
    "SOFR+-450", "9999-12-31", "0001-01-01", "2025-09-30", "2025-10-01", "31.02.2027", "bullet",
    "H100", "BTC", "S21", "site", "general lien", "none", "1 EH/s", "1e9 EH/s", "yes", "Microsoft",
    "CoreWeave", "=1+1", "\x1b[31m", "a\x00b", "DSCR 0", "DSCR 1e9", "DSCR nan; cure 0 days",
    "margin call 1 %; liquidation 2 %", "cure 99999999 days", "convertible", "revolver", "🔥" * 50,
    "36500", "1000000000000000", "10000000", "-0", "0.9999999", "gulf", "neocloud", "miner",
    "'; --",
)  # fmt: skip


def rows_of(name: str) -> list[list[str]]:
    """A packaged tape as rows of cells, its headings first."""
    text = (EXAMPLES / name).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";" if name == "rig-bank.csv" else ","))


def spoilt(path: Path, draw: random.Random) -> str:
    """Write a tape with a few cells, a heading or a row that are others; says which."""
    rows = rows_of(draw.choice(("gpu-fund.csv", "rig-bank.csv")))
    said = []
    if draw.random() < 0.3:  # a column that the tape does not have
        extra = draw.choice(COLUMNS).heading
        if extra not in rows[0]:
            rows = [[*row, ""] for row in rows]
            rows[0][-1] = extra
            said.append(f"+{extra}")
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        at, row = draw.randrange(len(rows[0])), draw.randrange(1, len(rows))
        was = rows[row][at]
        like = draw.choice(rows[1:])[at]  # another row's cell, or the same a little or much larger
        value = draw.choice((draw.choice(STRANGE), like, f"{10 ** draw.uniform(-9, 15)}", like))
        if draw.random() < 0.5 and (number := re.search(r"\d+", was)):
            times = float(number[0]) * 10 ** draw.choice((0.1, -0.3, 1, -2, 4, 9))
            value = was[: number.start()] + f"{times:.0f}" + was[number.end() :]
        rows[row][at] = value
        said.append(f"{rows[0][at]} {was!r} -> {value[:40]!r}")
    if draw.random() < 0.1:
        rows.append(list(draw.choice(rows)))
        said.append("a row twice")
    if draw.random() < 0.1:
        rows[0][draw.randrange(len(rows[0]))] = draw.choice(STRANGE)
        said.append("a heading")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return "; ".join(said)


def outcome(path: Path, seed: int, add_to: str, merge: bool) -> str:
    """``ran``, ``refused``, or what went wrong."""
    try:
        books = open_tape(path, add_to, merge).books
        simulation = Simulation(
            Scenario.load("joint-crash").with_settings([f"days={DAYS}"]), seed, books
        )
        error = simulation.run().summary()["conservation_error"]
    except TapeError as error_:
        assert error_.mistakes and all(str(one).rstrip()[-1] in ".?" for one in error_.mistakes)
        return "refused"
    except InputError as error_:
        assert str(error_).rstrip()[-1] in ".)'\"", error_
        return "refused"
    return "ran" if error <= 1e-9 and math.isfinite(error) else "does not conserve"


def tapes(seed: int, count: int, folder: Path) -> Counter[str]:
    """Runs of spoilt tapes."""
    draw, told = random.Random(seed), Counter[str]()
    for _ in range(count):
        path = folder / "tape.csv"
        said = spoilt(path, draw)
        how = draw.randrange(1000), draw.choice(ADD_TO), draw.random() < 0.3
        try:
            told[outcome(path, *how)] += 1
        except Exception as error:
            error.add_note(f"{how}: {said}")
            raise
    return told


@pytest.mark.compiled
def test_tapes_at_random_run_or_are_refused(tmp_path: Path) -> None:
    told = tapes(1, 200, tmp_path)
    assert set(told) == {"ran", "refused"} and told["ran"] > 20, told


@pytest.mark.long
@pytest.mark.compiled
def test_ten_thousand_tapes_at_random(tmp_path: Path) -> None:
    assert set(tapes(2, 10_000, tmp_path)) == {"ran", "refused"}


def test_bytes_at_random_are_no_tape(tmp_path: Path) -> None:
    draw = random.Random(3)
    whole = (EXAMPLES / "gpu-fund.csv").read_bytes()
    for number in range(100):
        path = tmp_path / f"tape{draw.choice(('.csv', '.xlsx'))}"
        content = bytearray(whole if number % 2 else draw.randbytes(draw.randrange(2000)))
        for _ in range(draw.randrange(1, 20) if content else 0):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            open_tape(path)
        except InputError as error:
            assert str(error).strip(), number
