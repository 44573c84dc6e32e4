"""Starting points: what differs between the books of one year and another. One line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from ..scenario.scenario import Scenario
from ..state.hardware import Hardware
from ..state.interlender import Interlender
from ..state.market import Market
from .books import Books
from .books_2021 import start as of_2021
from .books_2021.read import load_books_2021
from .books_2021.sample import sample_books_2021
from .books_2025 import start as of_2025
from .books_2025.read import load_books_2025
from .books_2025.sample import sample_books
from .drafts import Drafts


class StartingPoint(NamedTuple):
    """How books are read, drawn within their confidence, drafted, and finished."""

    read: Callable[[], Books]
    sample: Callable[[Any, int], Books]  # books, seed of the draw
    draft: Callable[[Any, Scenario, tuple[str, ...], Hardware], Drafts]
    interlender: Callable[[Any, Scenario, Any], Interlender]  # what lenders owe each other
    finish: Callable[[Any, Market], None]  # what is known only once the market is there


STARTING_POINTS = {
    "2025": StartingPoint(
        cache(load_books_2025),
        sample_books,
        of_2025.draft,
        of_2025.interlender,
        of_2025.finish,
    ),
    "2021": StartingPoint(
        cache(load_books_2021),
        sample_books_2021,
        of_2021.draft,
        of_2021.interlender,
        of_2021.finish,
    ),
}
"""A synthetic market opens with the books of 2025."""


def starting_point(scenario: Scenario) -> StartingPoint:
    """That of a scenario."""
    return STARTING_POINTS.get(scenario.opening.start, STARTING_POINTS["2025"])
