"""The grid: weights add up, each with a reason; cells share their seeds; bad files are refused."""

from __future__ import annotations

from pathlib import Path

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


def test_cells_share_seeds_and_blocks_do_not(tmp_path: Path) -> None:
    import numpy as np

    grid = grids.load(small(tmp_path))
    plan = grid.plan()
    assert grid.block_seeds == 24 and count_runs(plan) == 48
    points = run_points(plan, design_table(plan), np.arange(48))
    seeds = {arm: [p.seed for p in points if p.arm == arm] for arm in ("a", "b")}
    assert seeds["a"] == seeds["b"] and len(set(seeds["a"])) == 24
    after = grid.plan(1)
    later = run_points(after, design_table(after), np.arange(48))
    assert not {p.seed for p in later} & {p.seed for p in points}


def test_a_cell_is_its_levels(tmp_path: Path) -> None:
    import numpy as np

    plan = grids.load(small(tmp_path)).plan(beliefs=False)
    work = Work.of(plan, tmp_path, "")
    a, *_, b = run_points(plan, design_table(plan), np.arange(48))
    assert scenario_of(work, a).crypto.path == "random"
    assert scenario_of(work, b).crypto.path == "crash"


def test_a_scenario_is_a_grid_of_one_cell_and_five_years() -> None:
    grid = grids.load("joint-crash")
    assert [cell.weight for cell in grid.cells] == [1.0] and grid.joint == ()
    assert grid.plan().base.days == 1825


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight = 0.25", "weight = 0.3", "add up to 1.05"),
        ("weight = 0.25", "weight = -1", "not from 0 to 1"),
        ('reason = "often"', "", "needs its reason"),
        ('bitcoin = "deep"', 'bitcoin = "dep"', "no level bitcoin.dep"),
        ('joint = ["b"]', 'joint = ["c"]', "there is no cell 'c'"),
    ],
)
def test_a_grid_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        grids.load(small(tmp_path, SMALL.replace(old, new)))


def test_a_pool_of_ones_own_is_a_name_and_a_query() -> None:
    assert pools_of(["mine=borrower == 'IREN'"]) == {"mine": "borrower == 'IREN'"}
    with pytest.raises(InputError, match="NAME=QUERY"):
        pools_of(["borrower"])
