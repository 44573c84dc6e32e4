"""A run without names: no file of it has one, and nothing but names is different."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from firesale.experiments.run.run import Asked, run_scenario
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.scenario.scenario import Scenario

SHORT = Scenario.load("joint-crash").changed({"days": 120}, "a test")
TEXTS = (".html", ".json", ".svg")


def names_of_the_books() -> list[str]:
    """Ids and names of firms, lenders, tenants and loans; groups stand for many and have none."""
    books = load_books_2025()
    parties = [*books.miners, *books.neoclouds, *books.lenders, *books.outside]
    rows = [(one.id, one.name) for one in parties if not one.id.startswith("REST_")]
    names = {name for row in rows for name in row} | {loan.loan_id for loan in books.loans}
    return sorted(names, key=len, reverse=True)


def text_of(path: Path) -> str:
    """What a file says, without embedded pictures."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        words = [str(value) for name in table for value in pd.unique(table[name].astype(str))]
        return " ".join([*table.columns, *words])
    if path.suffix in TEXTS:
        return re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    return ""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same run with and without names."""
    made = []
    for hidden in (False, True):
        out = tmp_path_factory.mktemp("runs") / "run"
        asked = Asked(figures=False, without=("CoreWeave",), anonymous=hidden)
        made.append(run_scenario(SHORT, 1, out, SHORT, asked))
    return made[0], made[1]


def test_no_file_has_a_name(folders: tuple[Path, Path]) -> None:
    names = re.compile(
        r"(?<![A-Za-z0-9_])("
        + "|".join(map(re.escape, names_of_the_books()))
        + r")(?![A-Za-z0-9_])"
    )
    named, hidden = folders
    assert names.search(text_of(named / "report.html"))  # the search would find one
    for path in hidden.rglob("*"):
        assert not names.search(path.name), path.name
        found = names.search(text_of(path)) if path.is_file() else None
        assert found is None, f"{path.name}: {found}"


def test_nothing_but_names_is_different(folders: tuple[Path, Path]) -> None:
    named, hidden = folders
    for path in named.glob("*.parquet"):
        one, other = pd.read_parquet(path), pd.read_parquet(hidden / path.name)
        numbers = one.select_dtypes("number").columns
        pd.testing.assert_frame_equal(one[numbers], other[numbers])
    loans, coded = (pd.read_parquet(folder / "loans.parquet") for folder in folders)
    pairs = set(zip(loans["borrower"], coded["borrower"], strict=True))
    assert len(pairs) == loans["borrower"].nunique() == coded["borrower"].nunique()


def test_who_does_not_fail_is_told_by_code(folders: tuple[Path, Path]) -> None:
    manifest = json.loads((folders[1] / "manifest.json").read_text(encoding="utf-8"))
    (code,) = manifest["without"]
    assert re.fullmatch(r"Neocloud \d\d", code)
    assert f"{code} does not fail" in (folders[1] / "report.html").read_text(encoding="utf-8")
