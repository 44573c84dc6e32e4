"""What may come and how likely it is: a grid of scenarios with weights, as the plan of a sweep.

Every run has a seed of its own, hence its own books, judgements and draws, and a cell has about as
many runs as it weighs: prices are means by weight, and the same seeds in all cells, which pay for
differences between two of them, cost means most of their precision (``trials.csv``). Points of one
plan are runs of cells.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ...market.scenario.sections import Section
from ...market.scenario.text_files import read_toml
from ..sweeps.factors import flatten
from ..sweeps.plan import Plan
from ..sweeps.refusals import sentence
from .observe import COLUMNS

PACKAGED = Path(__file__).resolve().parent / "grid.toml"
NAME = "grid"
AXES = ("bitcoin", "rents", "stress")
KEPT = ("loss_usd.*", "defaults.*", "largest_borrower.*")
PRICED_DAYS = 1825
BLOCK_RUNS, FEWEST_RUNS = 36, 2  # of a block; of a cell in it, that its spread can be seen
ROUNDING = 1e-6


type Levels = dict[str, dict[str, Any]]  # settings of each level, by its name


class CellOfFile(Section):
    """A cell as it is written down: a level of each axis, its weight and why."""

    bitcoin: str = "ordinary"
    rents: str = "ordinary"
    stress: str = "none"
    weight: float = Field(ge=0.0, le=1.0)
    reason: str = Field(min_length=1)


class GridOfFile(Section):
    """A grid as it is written down."""

    name: str = ""
    title: str = ""
    scenario: str = "baseline"
    settings: dict[str, Any] = Field({})
    joint: list[str] = Field([])
    calm: list[str] = Field([])
    bitcoin: Levels = Field({})
    rents: Levels = Field({})
    stress: Levels = Field({})
    cells: dict[str, CellOfFile] = Field(min_length=1)


class Cell(NamedTuple):
    """One scenario of a grid."""

    name: str
    weight: float
    reason: str
    levels: tuple[str, str, str]
    settings: dict[str, Any]


class Grid(NamedTuple):
    """Scenarios, their weights, and which of them are a joint crash."""

    name: str
    title: str
    scenario: str
    settings: dict[str, Any]
    cells: tuple[Cell, ...]
    joint: tuple[str, ...]
    calm: tuple[str, ...]
    books: str | None = None  # a folder of tables or a tape; the packaged ones else

    @property
    def ordinary(self) -> tuple[str, ...]:
        """Cells in which nothing is scripted."""
        return tuple(cell.name for cell in self.cells if not cell.settings)

    def weights(self) -> dict[str, float]:
        """Weight of each cell."""
        return {cell.name: cell.weight for cell in self.cells}

    def shared(self, runs: int) -> tuple[Cell, ...]:
        """The cell of each of about so many runs: by weight, and some of each."""
        return tuple(
            cell for cell in self.cells for _ in range(max(FEWEST_RUNS, round(runs * cell.weight)))
        )

    @property
    def block(self) -> tuple[Cell, ...]:
        """The cell of each run of a block: a grid is run block by block, each a sweep."""
        return self.shared(BLOCK_RUNS)

    @property
    def set_by_cells(self) -> frozenset[str]:
        """Settings that some cell makes: what they are is drawn in none."""
        return frozenset(key for cell in self.cells for key in cell.settings)

    def plan(self, block: int = 0, beliefs: bool = True) -> Plan:
        """The sweep of one block: a point for each of its runs, in the order of :attr:`block`."""
        data: dict[str, Any] = {
            "name": f"price-{self.name}",
            "title": self.title,
            "scenario": self.scenario,
            "settings": self.settings,
            "seed": block + 1,
            "outputs": list(KEPT),
            "trajectories": {"columns": list(COLUMNS), "every_days": 1},
        }
        if self.books is not None:
            data["books"] = self.books
        if varied := list(dict.fromkeys(key for cell in self.cells for key in cell.settings)):
            base = Plan.from_dict(data, self.name, Path(), beliefs).base
            data["design"] = {"method": "list"}
            data["factors"] = {
                key: {"values": [cell.settings.get(key, base.value_of(key)) for cell in self.block]}
                for key in varied
            }
        else:
            data["replicates"] = len(self.block)
        return Plan.from_dict(data, self.name, Path(), beliefs)

    def cell_of(self, design_id: int) -> Cell:
        """The cell of a run, by its point in the plan of a block."""
        return self.block[design_id] if len(self.cells) > 1 else self.cells[0]


def load(name: str, days: int | None = None) -> Grid:
    """The packaged grid (``grid``), one from a file, or a single scenario by name or file.

    Raises:
        InputError: neither, or a grid that does not add up.
    """
    path = Path(name)
    if name == NAME:
        return _grid(read_toml(PACKAGED, PACKAGED.name), PACKAGED.name, days)
    if path.suffix == ".toml":
        data = read_toml(path, str(path))
        if "cells" in data:
            return _grid(data, path.name, days)
    scenario = Scenario.load(name)
    cell = Cell(scenario.name, 1.0, "the only one", ("", "", ""), {})
    length = {"days": days or max(scenario.days, PRICED_DAYS)}
    return Grid(scenario.name, scenario.title, name, length, (cell,), (), (cell.name,))


def _grid(data: dict[str, Any], where: str, days: int | None) -> Grid:
    """Check nested data as TOML gives it."""
    try:
        file = GridOfFile.model_validate(data)
    except ValidationError as error:
        raise InputError(sentence(GridOfFile, error, where)) from None
    cells = []
    for name, cell in file.cells.items():
        chosen = (cell.bitcoin, cell.rents, cell.stress)
        settings: dict[str, Any] = {}
        for axis, level in zip(AXES, chosen, strict=True):
            levels: Levels = getattr(file, axis)
            if level not in levels:
                known = ", ".join(levels)
                raise InputError(f"{where}: cells.{name}: no level {axis}.{level}; known: {known}.")
            chosen_level = flatten(levels[level])
            Scenario().changed(chosen_level, f"{where}: {axis}.{level}")
            settings |= chosen_level
        cells.append(Cell(name, cell.weight, cell.reason, chosen, settings))
    total = math.fsum(cell.weight for cell in cells)
    if abs(total - 1.0) > ROUNDING:
        raise InputError(f"{where}: weights add up to {total:g}, not to 1.")
    for kind, named in (("joint", file.joint), ("calm", file.calm)):
        if unknown := set(named) - {cell.name for cell in cells}:
            raise InputError(f"{where}: {kind}: there is no cell '{min(unknown)}'.")
    name = file.name or where.removesuffix(".toml")
    return Grid(
        name,
        file.title or name,
        file.scenario,
        file.settings | ({"days": days} if days else {}),
        tuple(cells),
        tuple(file.joint),
        tuple(file.calm),
    )
