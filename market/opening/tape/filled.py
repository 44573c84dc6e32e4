"""What a tape leaves out: packaged defaults, and a list of every cell that they fill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from ..csv_files import Row, read_sheet
from ..rows import Text
from .machines import DATA_FOLDER


class Default(Row):
    """What is taken where a tape says nothing, by kind and region."""

    row_key = ("key", "kind", "region")

    key: Text
    kind: Text
    region: Text | None
    value: Annotated[float, Field(ge=0, le=1e8)]
    unit: Text


class Filled(NamedTuple):
    """A cell that was filled: of which loan, borrower or lender, with what, and why."""

    of: str
    cell: str
    value: str
    confidence: Literal["seen", "computed", "memory", "estimated"]
    source: str


@cache
def _defaults() -> dict[tuple[str, str, str], Default]:
    rows = read_sheet(DATA_FOLDER, "defaults", Default).rows
    return {(row.key, row.kind, row.region or ""): row for row in rows}


def default(key: str, kind: str, region: str = "") -> Default:
    """The packaged default of a key."""
    found = _defaults()
    return found[key, kind, region] if (key, kind, region) in found else found[key, kind, ""]


def plain(number: float) -> str:
    """A number as people write it: ``1,440,000``, ``0.15``."""
    return f"{number:,.0f}" if number >= 1_000.0 else f"{number:g}"


@dataclass
class Filling:
    """The list of filled cells, as it grows."""

    cells: list[Filled]

    def note(self, of: str, cell: str, value: str, source: str, confidence: str = "") -> None:
        """Write down a cell that was filled."""
        level = confidence or "computed"
        self.cells.append(Filled(of, cell, value, level, source))  # type: ignore[arg-type]

    def take(self, of: str, cell: str, key: str, kind: str, region: str = "") -> float:
        """The default of a key, noted as the value of a cell."""
        row = default(key, kind, region)
        place = f" ({region})" if row.region else ""
        self.note(
            of, cell, f"{plain(row.value)} {row.unit}", f"{row.source}{place}", row.confidence
        )
        return row.value

    def times(self, base: float, of: str, cell: str, key: str, kind: str) -> float:
        """So many times the default of a key [USD], noted as the amount it comes to."""
        row = default(key, kind)
        value = row.value * base
        self.note(
            of, cell, f"${value:,.0f} ({plain(row.value)} {row.unit})", row.source, row.confidence
        )
        return value
