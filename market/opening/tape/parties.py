"""Who is meant by a name: parties of a market that a tape names too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

SUFFIXES = (
    "inc", "incorporated", "corp", "corporation", "co", "company", "llc", "ltd", "limited", "plc",
    "holdings", "holding", "group", "ag", "sa", "nv", "bv", "gmbh", "lp", "technologies",
    "platforms", "digital", "mining",
)  # fmt: skip
WEAK = ("digital", "mining", "technologies", "platforms")  # kept where nothing else is left


class Named(Protocol):
    """A row with an id and a name."""

    @property
    def id(self) -> str: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102


def bare(name: str) -> str:
    """A name without case, punctuation and the form of the firm."""
    words = re.sub(r"[^a-z0-9 ]", " ", name.lower().replace("&", " ")).split()
    left = [word for word in words if word not in SUFFIXES]
    return " ".join(left or words)


def recognise[N: Named](name: str, rows: Iterable[N]) -> N | None:
    """The row that a name means: its id, its name, or the first firm of "A with B"."""
    wanted = bare(name)
    for row in rows:
        if row.id.startswith("REST_"):
            continue
        names = {bare(row.id), bare(row.name), bare(re.split(r",| with | \(", row.name)[0])}
        if wanted in names:
            return row
    return None


def id_of(name: str, taken: Iterable[str]) -> str:
    """An id in capitals for a new party, different from those that are taken."""
    stem = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")[:32] or "PARTY"
    known = set(taken)
    if stem not in known:
        return stem
    number = 2
    while f"{stem}_{number}" in known:
        number += 1
    return f"{stem}_{number}"
