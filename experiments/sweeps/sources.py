"""The three draws of a run whose spread can be told apart."""

from __future__ import annotations

from typing import NamedTuple

SOURCES = ("path", "books", "settings")


class Seeds(NamedTuple):
    """The seed of each draw of a run; ``None``: central figures."""

    path: int
    books: int | None
    settings: int | None
