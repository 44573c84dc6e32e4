"""What is wrong with a tape: every mistake with its place, and all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

from ...scenario.errors import InputError

MOST_SHOWN = 60  # characters of a cell


class CellError(ValueError):
    """A cell says nothing we understand: what is ``allowed``, and what was perhaps ``meant``."""

    def __init__(self, allowed: str, meant: str = "") -> None:
        super().__init__(allowed)
        self.allowed, self.meant = allowed, meant


@dataclass(frozen=True)
class Mistake:
    """A cell that cannot be used; row 0 stands for the whole file."""

    file: str
    row: int
    column: str
    value: str
    allowed: str
    meant: str = ""

    def __str__(self) -> str:
        where = [self.file]
        where += [f"row {self.row}"] * (self.row > 0)
        where += [f"column '{self.column}'"] * bool(self.column)
        shown = self.value if len(self.value) <= MOST_SHOWN else f"{self.value[:MOST_SHOWN]}…"
        said = f"'{shown}' is not allowed; it" if shown else "it is empty, and"
        meant = f"; did you mean {self.meant}?" if self.meant else "."
        return f"{', '.join(where)}: {said} must be {self.allowed}{meant}"


class TapeError(InputError):
    """A tape with mistakes; the message tells the first, ``mistakes`` has all."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        more = len(mistakes) - 1
        rest = f" And {more} more: 'firesale book check' lists all." if more else ""
        super().__init__(f"{mistakes[0]}{rest}")


def refuse_file(file: str, what: str, allowed: str) -> TapeError:
    """The error that says that a file as a whole cannot be read."""
    return TapeError([Mistake(file, 0, "", what, allowed)])
