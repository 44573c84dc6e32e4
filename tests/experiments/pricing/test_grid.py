"""The grid: weights add up, each with a reason; every run has its seed; bad files are refused."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from firesale.experiments.pricing import grid as grids
from firesale.experiments.pricing.command import pools_of
from firesale.experiments.sweeps.design import count_runs, design_table, run_points
from firesale.experiments.sweeps.execute import Work, scenario_of
from firesale.market.scenario.errors import InputError

SMALL = """
scenario = "calm"
joint = ["b"]
[bitcoin.ordinary]
[bitcoin.deep]
"crypto.path" = "crash"
[rents.ordinary]
[stress.none]
[cells.a]
weight = 0.75
reason = "often"
[cells.b]
bitcoin = "deep"
weight = 0.25
reason = "sometimes"
"""


def small(tmp_path: Path, text: str = SMALL) -> str:
    path = tmp_path / "small.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_packaged_grid_adds_up() -> None:
    grid = grids.load("grid")
    assert sum(grid.weights().values()) == pytest.approx(1.0)
    assert all(cell.reason for cell in grid.cells)
    assert grid.ordinary == ("ordinary",) and grid.calm == ("calm",)
    assert grid.weights()["calm"] == 0.0
    assert grid.plan().base.days == 1825


def test_every_run_has_a_seed_of_its_own_and_cells_get_them_by_weight(tmp_path: Path) -> None:
    grid = grids.load(small(tmp_path))
    counts = Counter(cell.name for cell in grid.block)
    assert counts == {"a": 27, "b": 9}
    seeds = set()
    for block in (0, 1):
        plan = grid.plan(block)
        assert count_runs(plan) == 36
        points = run_points(plan, design_table(plan), np.arange(36))
        seeds |= {point.seed for point in points}
    assert len(seeds) == 72


def test_a_cell_without_weight_has_runs_too() -> None:
    counts = Counter(cell.name for cell in grids.load("grid").block)
    assert counts["calm"] == grids.FEWEST_RUNS and counts["ordinary"] > 5 * counts["calm"]


def test_a_cell_is_its_levels(tmp_path: Path) -> None:
    grid = grids.load(small(tmp_path))
    plan = grid.plan(beliefs=False)
    work = Work.of(plan, tmp_path, "")
    a, *_, b = run_points(plan, design_table(plan), np.arange(36))
    assert [grid.cell_of(point.design_id).name for point in (a, b)] == ["a", "b"]
    assert scenario_of(work, a) == plan.base
    assert scenario_of(work, b).differences(plan.base) == ["crypto.path"]


def test_what_a_cell_sets_is_drawn_in_none(tmp_path: Path) -> None:
    grid = grids.load("grid")
    plan = grid.plan()
    work = Work.of(plan, tmp_path, "")
    places = {cell.name: place for place, cell in enumerate(grid.block)}
    names = ("ordinary", "deep-halve-stress")
    points = run_points(plan, design_table(plan), np.array([places[name] for name in names]))
    one, crash = (scenario_of(work, point) for point in points)
    own = {cell.name: cell.settings for cell in grid.cells}["deep-halve-stress"]
    for key, value in own.items():
        assert one.value_of(key) == plan.base.value_of(key), key
        assert crash.value_of(key) == value, key


def test_a_scenario_is_a_grid_of_one_cell_and_five_years() -> None:
    grid = grids.load("joint-crash")
    assert [cell.weight for cell in grid.cells] == [1.0] and grid.joint == ()
    assert count_runs(grid.plan()) == len(grid.block) == 36
    assert grid.plan().base.days == 1825


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight = 0.25", "weight = 0.3", "add up to 1.05"),
        ("weight = 0.25", "weight = -1", "weight = -1 is not allowed"),
        ("weight = 0.25", "weight = nan", "weight = nan is not allowed"),
        ("weight = 0.25", "weight = true", "weight = True is not allowed"),
        ('reason = "often"', "", "the key 'cells.a.reason' is missing"),
        ('reason = "often"', 'reason = ""', "cells.a.reason = '' is not allowed"),
        ('reason = "often"', 'reason = "often"\nwhy = 1', "no key 'cells.a.why'"),
        ("[stress.none]", "[stress]\nnone = 3", "stress.none = 3 is not allowed"),
        ('"crypto.path" = "crash"', "other = 1", "bitcoin.deep: there is no key 'other'"),
        ('"crypto.path" = "crash"', '"crypto.drit" = 1.0', "did you mean crypto.drift"),
        ('"crypto.path" = "crash"', '"crypto.drift" = "x"', "bitcoin.deep: crypto.drift = 'x'"),
        ('joint = ["b"]', "joint = 3", "joint = 3 is not allowed"),
        ('joint = ["b"]', "joint = [[", "is not valid TOML"),
        ('joint = ["b"]', f"joint = {'[' * 3000}{']' * 3000}", "nested too deeply"),
        ('bitcoin = "deep"', 'bitcoin = "dep"', "no level bitcoin.dep"),
        ('joint = ["b"]', 'joint = ["c"]', "there is no cell 'c'"),
    ],
)
def test_a_grid_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        grids.load(small(tmp_path, SMALL.replace(old, new)))


def test_a_file_that_is_none_is_refused_and_a_mark_of_excel_s_is_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(InputError, match="no plain file"):
        grids.load(str(tmp_path / "pipe.toml"))
    (tmp_path / "own.toml").write_text(SMALL, encoding="utf-8-sig")
    assert grids.load(str(tmp_path / "own.toml")).weights() == {"a": 0.75, "b": 0.25}


def test_a_pool_of_ones_own_is_a_name_and_a_query() -> None:
    assert pools_of(["mine=borrower == 'IREN'"]) == {"mine": "borrower == 'IREN'"}
    with pytest.raises(InputError, match="NAME=QUERY"):
        pools_of(["borrower"])
