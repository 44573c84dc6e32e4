"""Two folders side by side."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from firesale.experiments.report.compare import compare
from firesale.market.scenario.errors import InputError


def folder(path: Path, content: object, name: str = "summary.json") -> Path:
    path.mkdir()
    (path / name).write_text(json.dumps(content), encoding="utf-8")
    return path


def test_what_differs_is_told_with_its_change(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", {"seed": 1, "loss": {"total": 2000.0}, "who": ["X"]})
    two = folder(tmp_path / "b", {"seed": 1, "loss": {"total": 3000.0}, "who": ["X", "Y"]})
    told = compare(one, two)
    line = next(line for line in told.splitlines() if line.startswith("loss.total"))
    assert line.split() == ["loss.total", "2,000", "3,000", "1,000", "+50.0", "%"]
    assert "X and Y" in told and "seed" not in told
    assert "seed" in compare(one, two, everything=True)
    assert "They say the same." in compare(one, one)


def test_loans_of_memos_are_matched_by_id(tmp_path: Path) -> None:
    def memo(*loans: tuple[str, float]) -> object:
        return {"loans": [{"id": name, "pd": pd} for name, pd in loans]}

    one = folder(tmp_path / "a", memo(("A", 0.1), ("B", 0.2)), "memo.json")
    two = folder(tmp_path / "b", memo(("B", 0.2), ("A", 0.3)), "memo.json")
    told = compare(one, two)
    assert "A: PD, life" in told and "B: PD, life" not in told
    line = next(line for line in told.splitlines() if line.startswith("A:"))
    assert line.split()[3:] == ["10.0", "%", "30.0", "%", "+20.0", "points", "+200.0", "%"]


def test_folders_of_two_kinds_or_none(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", {})
    two = folder(tmp_path / "b", {}, "memo.json")
    with pytest.raises(InputError, match="two of a kind"):
        compare(one, two)
    with pytest.raises(InputError, match="name the folder of a run, memo or sweep"):
        compare(one, tmp_path)


def test_a_seed_has_no_difference(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", {"seed": 1, "days": 100})
    two = folder(tmp_path / "b", {"seed": 8, "days": 120})
    lines = [line.split() for line in compare(one, two).splitlines()]
    assert ["seed", "1", "8"] in lines
    assert ["days", "100", "120", "20", "+20.0", "%"] in lines


def test_a_summary_that_is_a_pipe_or_no_text_is_refused(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", {"seed": 1})
    for name, content in (("b", b"\xff"), ("c", b"{"), ("d", b"[" * 100_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_bytes(content)
        with pytest.raises(InputError, match=r"summary\.json"):
            compare(one, tmp_path / name)
    (tmp_path / "e").mkdir()
    os.mkfifo(tmp_path / "e" / "summary.json")
    with pytest.raises(InputError, match=r"has no summary\.json"):
        compare(one, tmp_path / "e")


def test_parties_and_dollars_are_told_as_reports_do(tmp_path: Path) -> None:
    table = pd.DataFrame({"lender": ["OTHER_PC"], "name": ["Private credit, unnamed rest"]})
    one = folder(tmp_path / "a", {"loss_usd": {"total": 2.5e9}, "impaired_lenders": []})
    two = folder(
        tmp_path / "b",
        {
            "loss_usd": {"total": 2.0e9},
            "impaired_lenders": ["OTHER_PC"],
            "lender_loss_share_of_capital": {"OTHER_PC": 0.25},
        },
    )
    table.to_parquet(two / "lenders.parquet")
    told = compare(one, two)
    assert "OTHER_PC" not in told and told.count("Private credit, unnamed rest") == 2
    line = next(line for line in told.splitlines() if line.startswith("lenders' loss on loans"))
    assert line.split()[-5:] == ["$2.5bn", "$2bn", "−$500m", "−20.0", "%"]
