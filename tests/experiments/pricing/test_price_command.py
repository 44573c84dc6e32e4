"""The whole way: runs of a small grid, tables, page, figures, and the same again without a run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from firesale.experiments.pricing import command, grid
from firesale.experiments.pricing.runs import spent
from firesale.experiments.sweeps.folders import accept_several
from firesale.market.scenario.errors import InputError

GRID = """
scenario = "joint-crash"
joint = ["crash"]
[settings]
days = 60
"credit.hazard_per_year" = 1.0
"credit.estate_max_days" = 60
[bitcoin.ordinary]
[bitcoin.slow]
"crypto.crash_days" = 700
[rents.ordinary]
[stress.none]
[cells.crash]
weight = 0.4
reason = "by the script"
[cells.slow]
bitcoin = "slow"
weight = 0.6
reason = "slower"
"""


def test_a_grid_is_priced_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "BLOCK_RUNS", 4)
    path = tmp_path / "small.toml"
    path.write_text(GRID, encoding="utf-8")
    out = tmp_path / "prices"
    where = command.Where("serial", None, 4)
    own = {"mine": "borrower == 'REST_NEO'"}
    command.price_command(str(path), out, where, own, as_json_only=True)
    said = json.loads(capsys.readouterr().out)
    assert {row["instrument"] for row in said["instruments"]} >= {"gpu_loan", "convertible"}
    assert {row["pool"] for row in said["tranches"]} >= {"ddtl", "mine"}
    assert len(said["loans"]) > 1000
    for row in said["instruments"]:
        assert row["low_bp"] <= row["break_even_bp"] + 1e-6 or row["low_bp"] <= row["high_bp"]
        assert row["contract_bp"] is not None
    prices = pd.read_parquet(out / command.PRICES)
    assert {"instrument", "tenants", "named", "vintage"} <= set(prices["kind"])
    page = (out / command.PAGE).read_text(encoding="utf-8")
    assert "4 runs in 2 cells" in page
    assert (out / "pictures" / "prices-mispricing.png").exists()
    assert spent(out)[0] == 4
    command.price_command(str(path), out, where, own, as_json_only=True)
    assert json.loads(capsys.readouterr().out) == said
    assert spent(out)[0] == 4  # nothing was run again
    command.price_command(str(path), out, command.Where("serial", None, 5), own, as_json_only=True)
    assert spent(out)[0] == 8  # more runs add, in whole blocks, to what is there


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(GRID, encoding="utf-8")
    where = command.Where("serial", None, 4)
    with pytest.raises(InputError, match="is not empty and holds no sweeps; name another"):
        command.price_command(str(tmp_path / "small.toml"), tmp_path, where, {})
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


@pytest.mark.parametrize("left", ["block-000/parts/x.tmp", "prices/block-000/parts/x.tmp"])
def test_what_a_full_disk_has_left_is_gone_on_with(tmp_path: Path, left: str) -> None:
    place = tmp_path / left
    place.parent.mkdir(parents=True)
    (place.parents[1] / "design.parquet").write_bytes(b"")  # its manifest found no room
    accept_several(tmp_path)
