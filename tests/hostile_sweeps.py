"""Folders of sweeps that somebody, or something, has meddled with; see ``hostile.py``."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sweep_runs import cheap, plan

from firesale.experiments.sweeps import store
from firesale.experiments.sweeps.plan import Plan
from firesale.experiments.sweeps.runner import Driver


def small(**data: Any) -> Plan:
    """Six runs over the depth of a crash and the drift."""
    factors = {"crypto": {"crash_depth": {"values": [0.1, 0.7]}, "drift": {"values": [0.0, 0.1]}}}
    return plan(factors=factors, replicates=3, **data)


def swept(folder: Path, **data: Any) -> Path:
    """A finished sweep in a folder, in parts of five runs."""
    driver = Driver(small(**data), folder, simulate=cheap, quiet=True, batch_runs=5)
    driver.run("serial")
    return folder


def rows(folder: Path) -> pd.DataFrame:
    """All rows of a sweep."""
    with store.connect(folder) as connection:
        return connection.execute("SELECT * FROM runs ORDER BY run_id").df()


def again(folder: Path, salvage: bool = False) -> None:
    """The same command of the sweep once more."""
    Driver(small(), folder, simulate=cheap, quiet=True, batch_runs=5, salvage=salvage).run("serial")


def flip(path: Path, draw: random.Random) -> None:
    """One bit of a file is another."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    """The end of a file is lost."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def longer(path: Path, draw: random.Random) -> None:
    """Something was appended."""
    path.write_bytes(path.read_bytes() + bytes(draw.randrange(256) for _ in range(9)))


def gone(path: Path, draw: random.Random) -> None:
    """A file is missing."""
    path.unlink()


def a_folder(path: Path, draw: random.Random) -> None:
    """A folder stands where a file should."""
    path.unlink()
    path.mkdir()


def a_link(path: Path, draw: random.Random) -> None:
    """A link stands where a file should, to the very content."""
    target = path.parent.parent / f"elsewhere-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def a_pipe(path: Path, draw: random.Random) -> None:
    """A pipe stands where a file should; whoever reads it waits for ever."""
    path.unlink()
    os.mkfifo(path)


def other_words(path: Path, draw: random.Random) -> None:
    """The content is something else altogether."""
    choices = (b"", b"{}", b"[]", b"null", b"PAR1PAR1", b'{"format": 2}', b"[" * 100_000, b"\xff")
    path.write_bytes(draw.choice(choices))


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    *(flip, flip, flip, cut, cut, longer, gone, a_folder, a_link, a_pipe, other_words),
)
