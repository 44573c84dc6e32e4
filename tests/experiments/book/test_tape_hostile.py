"""Tapes at random: refused with a sentence for every mistake, or run with books that balance.

Seeded: the same cases every time. The long set is marked long.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from by_tape import EXAMPLES
from hostile import RAN, REFUSED, many

from firesale.market.opening.tape.join import open_tape
from firesale.market.scenario.errors import InputError


@pytest.mark.compiled
def test_tapes_at_random_run_or_are_refused(tmp_path: Path) -> None:
    told = many("tapes", 1, 200, tmp_path)
    assert set(told) == {RAN, REFUSED} and told[RAN] > 20, told


@pytest.mark.long
@pytest.mark.compiled
def test_ten_thousand_tapes_at_random(tmp_path: Path) -> None:
    assert set(many("tapes", 2, 10_000, tmp_path)) == {RAN, REFUSED}


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
