"""The memo's files: self-contained, complete, safe to open, and without names where asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from by_tape import EXAMPLES, tape_of

from firesale.experiments import cli
from firesale.experiments.book.memo import Asked, Made, Memo, compose
from firesale.experiments.book.page import page
from firesale.experiments.book.runs import Opening, Outcome, Values
from firesale.experiments.book.table import Col, Table, shown
from firesale.experiments.book.watch import Seen
from firesale.experiments.book.workbook import write_workbook
from firesale.market.opening.tape.join import open_tape


def outcome(loans: int, seed: int, realisable: float = 0.5) -> Outcome:
    """A run in which a third of loans default, made up."""
    generator = np.random.default_rng(seed)
    fails = generator.random(loans) < 0.33
    day = np.where(fails, generator.integers(1, 700, loans), -1)
    claim = np.where(fails, 10e6, 0.0)
    loss = 0.4 * claim
    values = {
        name: Values(60e6, 100e6, 80e6, 80e6 * realisable, 90e6)
        for name in ("H100", "BTC", "LT18", "J18_25")
    }
    return Outcome(
        Seen(
            day, claim, loss, np.where(day <= 365, loss, 0.0), loss, np.full(loans, 20e6),
            np.where(fails, 120.0, np.nan), np.where(fails, 5, -1), np.full((loans, 3), -1),
            np.zeros(loans, bool),
        ),
        Opening(values, values),
        {"marks.evidence_weight": float(generator.random())},
        3, 0.9, 0.8,
    )  # fmt: skip


def memo_of(path: Path, anonymous: bool = False, realisable: float = 0.5) -> Memo:
    """A memo of a tape on made-up runs."""
    joined = open_tape(path)
    runs = [outcome(len(joined.loans), seed, realisable) for seed in range(12)]
    return compose(Asked(path, anonymous=anonymous), joined, 900, Made(runs, runs[:6], []))


def test_the_page_is_one_file_with_everything_in_it() -> None:
    memo = memo_of(EXAMPLES / "rig-bank.csv")
    text = page(memo)
    assert "http" not in text and 'src="figures' not in text
    assert text.count("data:image/svg+xml;base64,") == 4
    for table in memo.tables:
        assert f">{table.title.replace(' %', '&nbsp;%')}</h2>" in text
    assert text.index(memo.caveat[:40]) < text.index("<table")
    assert text.index('class="contents"') < text.index("<table")
    targets = re.findall(r'href="#([^"]+)"', text)
    assert targets and all(f'id="{target}"' in text for target in targets)


def test_every_loan_comes_back_under_its_own_id() -> None:
    memo = memo_of(EXAMPLES / "gpu-fund.csv")
    ids = [row["id"] for row in memo.as_json["loans"]]
    assert ids == [f"SG-{n:02d}" for n in range(1, 26)]
    keys = {
        "id", "borrower", "balance_usd", "pd", "lgd", "expected_loss_usd", "break_even_bp",
        "contract_bp", "ltv_reported", "ltv_second_hand", "ltv_realisable", "stage",
    }  # fmt: skip
    assert all(keys <= set(row) for row in memo.as_json["loans"])
    total = memo.as_json["total"]
    assert set(total) == {"balance_usd", "expected_loss_usd", "low_usd", "high_usd", "es99_usd"}
    whole = sum(row["expected_loss_usd"] for row in memo.as_json["loans"])
    assert total["expected_loss_usd"] == pytest.approx(whole)
    json.dumps(memo.as_json, allow_nan=False)


def test_the_workbook_has_a_sheet_for_each_table(tmp_path: Path) -> None:
    memo = memo_of(EXAMPLES / "rig-bank.csv")
    write_workbook(memo, tmp_path / "memo.xlsx")
    book = openpyxl.load_workbook(tmp_path / "memo.xlsx")
    assert len(book.sheetnames) == 1 + sum(bool(table.rows) for table in memo.tables)
    loans = book["Loan by loan"]
    headings = [cell.value for cell in loans[3]]
    assert "balance [USD]" in headings and "contract [bp]" in headings
    balance = headings.index("balance [USD]") + 1
    assert loans.cell(4, balance).value == 12.5e6
    assert loans.cell(4, balance).number_format == "#,##0"
    filled = book["Cells filled in for you"]
    assert filled["A4"].fill.fgColor.rgb.endswith("FFF2CC")


def test_counts_have_no_decimals_and_means_of_them_one(tmp_path: Path) -> None:
    table = Table("t", "T", "t", (Col("n", "number"), Col("m", "number")), ((3, 2.5), (4.0, 1.25)))
    memo = replace(memo_of(EXAMPLES / "rig-bank.csv"), tables=(table,))
    write_workbook(memo, tmp_path / "memo.xlsx")
    cells = openpyxl.load_workbook(tmp_path / "memo.xlsx")["T"]["A4:B5"]
    formats = [[cell.number_format for cell in row] for row in cells]
    assert formats == [["#,##0", "#,##0.0"], ["#,##0", "#,##0.0"]]
    assert (shown(4.0, "number"), shown(1.25, "number")) == ("4", "1.2")


def test_a_cell_that_begins_like_a_formula_stays_text(tmp_path: Path) -> None:
    name = "=HYPERLINK(1)"
    path = tape_of(tmp_path, {"borrower": name}, {"borrower": "@SUM", "loan id": "-B"})
    write_workbook(memo_of(path), tmp_path / "memo.xlsx")
    book = openpyxl.load_workbook(tmp_path / "memo.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(cell.value == name for cell in cells)
    assert all(cell.data_type != "f" for cell in cells)


@pytest.mark.parametrize("name", ["gpu-fund.csv", "rig-bank.csv"])
def test_anonymous_files_name_nobody(name: str, tmp_path: Path) -> None:
    joined = open_tape(EXAMPLES / name)
    keys = ("borrower", "lender", "tenant", "guarantor", "loan")
    known = {str(loan[key]) for loan in joined.tape.loans for key in keys if loan[key]}
    memo = memo_of(EXAMPLES / name, anonymous=True)
    write_workbook(memo, tmp_path / "memo.xlsx")
    book = openpyxl.load_workbook(tmp_path / "memo.xlsx")
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    text = page(memo) + "\n".join(cells) + json.dumps(memo.as_json) + memo.told
    assert [one for one in sorted(known) if one in text] == []


def test_a_sale_above_paper_is_explained() -> None:
    at_once = page(memo_of(EXAMPLES / "gpu-fund.csv", realisable=1.2))
    told = "H100: what a sale at once would bring is 120&nbsp;% of the second-hand price"
    assert told in at_once and "H100: what a sale within 90 days" not in at_once
    later = page(memo_of(EXAMPLES / "gpu-fund.csv"))  # 90 of 80 within 90 days, 40 at once
    told = "H100: what a sale within 90 days would bring is 112&nbsp;% of the second-hand price"
    assert told in later and "a sale at once would bring" not in later


@pytest.mark.compiled
def test_from_a_tape_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tape_of(tmp_path, {"maturity": "2026-09-30"})
    out = tmp_path / "out"
    asked = ["book", "run", str(path), "--runs", "2", "--quick", "--json", "--out", str(out)]
    with pytest.raises(SystemExit) as left:
        cli.main(asked)
    assert not left.value.code
    assert json.loads(capsys.readouterr().out)["loans"][0]["id"] == "A"
    assert sorted(one.name for one in out.iterdir()) == ["memo.html", "memo.json", "memo.xlsx"]
