"""Books of a user's own: a folder of opening tables, or a loan tape beside the packaged market."""

from __future__ import annotations

from pathlib import Path

from ..scenario.errors import InputError
from ..scenario.scenario import Scenario
from .books import Books
from .books_2025.read import load_books_2025
from .tape.join import open_tape


def own_books(place: str | Path, scenario: Scenario) -> Books:
    """The books of a folder or a tape, for a scenario.

    Raises:
        InputError: a mistake in a table or a tape, or a scenario that opens other books.
    """
    at = Path(place)
    if scenario.opening.start != "2025":
        raise InputError(
            f"--books {at.name}: a scenario with opening.start = '{scenario.opening.start}' opens "
            "books of its own; it must be 2025."
        )
    return load_books_2025(at) if at.is_dir() else open_tape(at).books


def debt_of(books: Books) -> dict[str, float]:
    """Debt [USD m] by the confidence of its rows."""
    debt: dict[str, float] = {}
    for loan in books.loans:
        debt[loan.confidence] = debt.get(loan.confidence, 0.0) + loan.drawn_usd_m
    return debt
