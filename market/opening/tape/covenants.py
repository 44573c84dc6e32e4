"""Covenants in a cell: ``DSCR 1.15; margin call 80 %; liquidation 90 %; cure 30 days``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from .cells import Cell, number, share, text
from .mistakes import CellError

PART = re.compile(r"[;/\n|]|,\s+(?=[a-zA-Z])|\band\b")
TEST = re.compile(
    r"^(?:min(?:imum)?\.?|max(?:imum)?\.?)?\s*([a-zA-Z ]+?)\s*(?:at|of|:|=|<=|>=|<|>|≤|≥)?\s*"
    r"([\d.,]+\s*(?:%|x|days?)?)$"
)
TESTS = {
    "dscr": "min_dscr",
    "debt service cover": "min_dscr",
    "margin call": "margin_call_ltv",
    "call": "margin_call_ltv",
    "ltv": "margin_call_ltv",
    "liquidation": "liquidation_ltv",
    "liquidation ltv": "liquidation_ltv",
    "cure": "cure_days",
    "cure period": "cure_days",
}
NONE = ("none", "no", "n/a", "-", "cov-lite")


class Covenants(NamedTuple):
    """What a loan must keep to; None where nothing was agreed."""

    min_dscr: Decimal | None = None
    margin_call_ltv: Decimal | None = None
    liquidation_ltv: Decimal | None = None
    cure_days: int | None = None


def covenants(cell: Cell, mark: str) -> Covenants:
    """Covenants of a loan, in any order."""
    allowed = "covenants such as 'DSCR 1.15; margin call 80 %; liquidation 90 %; cure 30 days'"
    said = text(cell).strip().lower()
    if said in NONE:
        return Covenants()
    found: dict[str, Decimal | int] = {}
    for part in filter(None, (part.strip() for part in PART.split(said))):
        match = TEST.match(part)
        if match is None:
            raise CellError(allowed)
        name = TESTS.get(match[1].strip())
        if name is None:
            raise CellError(allowed, _like(match[1].strip(), match[2]))
        if name in found:
            raise CellError(f"{allowed}, each of them once")
        figure = match[2]
        if name == "min_dscr":
            found[name] = number(figure.rstrip("x ").strip(), mark)
            if not Decimal("0.2") <= found[name] <= 5:
                raise CellError("a DSCR from 0.2 to 5", "DSCR 1.15" if found[name] > 5 else "")
        elif name == "cure_days":
            found[name] = int(number(re.sub(r"\s*days?$", "", figure), mark))
        else:
            found[name] = share(figure, mark, "2")
    call, last = found.get("margin_call_ltv"), found.get("liquidation_ltv")
    if last is not None and (call is None or last <= call):
        raise CellError("a liquidation LTV above that of the margin call, and not without one")
    return Covenants(**found)  # type: ignore[arg-type]


def _like(name: str, figure: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, TESTS, 1, 0.6)
    return f"'{near[0]} {figure}'" if near else ""
