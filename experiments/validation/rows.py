"""A published result beside ours."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A result: numbers expected and ours, and how far apart they may be."""

    result: str
    source: str
    expected: tuple[float, ...]
    ours: tuple[float, ...]
    tolerance: tuple[float, ...]


def exact(result: str, source: str, expected: tuple[float, ...], ours: tuple[float, ...]) -> Row:
    """A result in closed form."""
    return Row(result, source, expected, ours, tuple(1e-6 * max(abs(x), 1.0) for x in expected))
