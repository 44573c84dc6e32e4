"""What a tape may name as collateral: classes of the market, and models that belong to them."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field

from ..csv_files import Row, read_sheet
from ..rows import Positive, Text
from .mistakes import CellError

if TYPE_CHECKING:
    from ..books import Books

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data" / "tape"
GENERAL = ("unsecured", "none", "no", "n/a", "-", "nothing")
LIENS = ("general lien", "general_lien", "all assets", "blanket lien", "lien")


class Machine(NamedTuple):
    """A kind of collateral: its class, and how many units of that one of it is."""

    id: str  # class of the market, BTC, SITE or LIEN
    kind: Literal["gpu", "asic", "btc", "site", "lien"]
    units_each: Decimal = Decimal(1)  # TH/s of a rig of a model
    mixed: str = ""  # a group of several classes


class Model(Row):
    """A model that people name, and the class of the market that it belongs to."""

    row_key = ("model",)

    model: Text
    class_id: Text
    units_each: Positive = Field(default=1.0)


@cache
def models() -> tuple[Model, ...]:
    """The packaged table of models."""
    return read_sheet(DATA_FOLDER, "models", Model).rows


def known_machines(books: Books) -> dict[str, Machine]:
    """Collateral by each of its names, in lower case."""
    found = {
        "btc": Machine("BTC", "btc"),
        "bitcoin": Machine("BTC", "btc"),
        "site": Machine("SITE", "site"),
        "data centre": Machine("SITE", "site"),
        "data center": Machine("SITE", "site"),
    }
    families = {row.id: row.family for row in books.hardware}
    groups: dict[str, list[str]] = {}
    for row in books.group_split:
        groups.setdefault(row.fleet_group, []).append(row.class_id)
    for group, members in groups.items():
        mixed = group if len(members) > 1 else ""
        found[group.lower()] = Machine(members[0], families[members[0]], mixed=mixed)
    for hardware in books.hardware:
        found[hardware.id.lower()] = Machine(hardware.id, hardware.family)
    for model in models():
        family = families.get(model.class_id)
        if family is not None:
            each = Decimal(repr(model.units_each))
            found[_plain(model.model)] = Machine(model.class_id, family, each)
    return found


def _plain(said: str) -> str:
    bare = " ".join(said.lower().replace("nvidia", " ").replace("antminer", " ").split())
    return bare.removesuffix("s") if bare.endswith(("00s", "gpus")) else bare


def machine_of(said: str, known: dict[str, Machine]) -> Machine | None:
    """The collateral that a cell names; None if it says that there is none.

    Raises:
        CellError: nothing known, or a group of several classes.
    """
    name = _plain(said)
    if name in GENERAL:
        return None
    if name in LIENS:
        return Machine("LIEN", "lien")
    allowed = "a class of GPUs or rigs, a model, BTC, site, general lien or none"
    if name not in known:
        near = get_close_matches(name, known, 1, 0.6)
        raise CellError(allowed, near[0].upper() if near else "")
    machine = known[name]
    if machine.mixed:
        parts = " or ".join(machine.mixed.split("_"))
        raise CellError(f"one class, not two together: {parts}", parts)
    return machine
