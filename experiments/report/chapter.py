"""A chapter of a run's story: a sentence, and where there is something to list, a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand right."""

    name: str
    right: bool = False


@dataclass(frozen=True)
class Chapter:
    """One step of the story.

    ``weights`` are the rows' amounts in USD; ``figures`` name the pictures that belong here.
    """

    title: str
    text: str
    columns: tuple[Column, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    weights: tuple[float, ...] = ()
    figures: tuple[str, ...] = ()

    def heaviest(self, most: int) -> list[tuple[str, ...]]:
        """The rows of the largest amounts, at most ``most``, in the order of the table."""
        order = sorted(range(len(self.table)), key=lambda row: -self.weights[row])
        return [self.table[row] for row in sorted(order[:most])]


def columns_of(*names: str) -> tuple[Column, ...]:
    """Columns by name; ``>`` at the end marks numbers."""
    return tuple(Column(name.rstrip(">"), name.endswith(">")) for name in names)
