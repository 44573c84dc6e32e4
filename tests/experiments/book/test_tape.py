"""Files of a tape: what is read, what is refused, and every mistake at once."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from by_tape import EXAMPLES, MAIN, tape_of

from firesale.experiments import cli
from firesale.market.opening.tape.files import read_file
from firesale.market.opening.tape.join import open_tape
from firesale.market.opening.tape.mistakes import TapeError
from firesale.market.scenario.errors import InputError


def refused(path: Path) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(TapeError) as error:
        open_tape(path)
    return " ".join(str(mistake) for mistake in error.value.mistakes)


def test_thirty_mistakes_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "thirty-mistakes.csv"
    with pytest.raises(TapeError) as error:
        open_tape(path)
    rows = [mistake.row for mistake in error.value.mistakes]
    assert rows == list(range(1, 31))
    with pytest.raises(SystemExit) as left:
        cli.main(["book", "check", str(path)])
    assert left.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 31 and told[-1] == "30 mistakes; nothing was run."
    for row, line in enumerate(told[:-1], 1):
        assert f"row {row}, column '" in line and "must be" in line


def test_semicolons_commas_and_a_byte_order_mark() -> None:
    raw = read_file(EXAMPLES / "rig-bank.csv")
    assert raw.loans.headings[0] == "Obligor" and len(raw.loans.rows) == 12
    joined = open_tape(EXAMPLES / "rig-bank.csv")
    loans = {loan.loan_id: loan for loan in joined.books.loans if loan.loan_id in joined.loans}
    assert loans["RB-01"].drawn_usd_m == 12.5
    assert loans["RB-01"].rate_or_spread == 0.115
    assert loans["RB-01"].collateral_units == 4000 * 200.0  # S21: 200 TH/s each
    assert loans["RB-09"].collateral_units == 1.6e6


def test_a_workbook_is_read_as_its_csv_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["A loan book of ours"])
    sheet.append(list(MAIN))
    sheet.append(["Firm", "gpu loan", 10e6, 0.095, "2028-12-31", "linear", "H100", 500, 0.6, None])
    book.save(tmp_path / "tape.xlsx")
    joined = open_tape(tmp_path / "tape.xlsx")
    (loan,) = [loan for loan in joined.books.loans if loan.loan_id in joined.loans]
    assert (loan.drawn_usd_m, loan.rate_or_spread, loan.collateral_units) == (10.0, 0.095, 500.0)


def test_formulas_are_not_run(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(MAIN))
    sheet.append(["Firm", "gpu loan", "=5*2", 0.095, "2028-12-31", "linear", "H100", 500, 0.6])
    book.save(tmp_path / "tape.xlsx")
    assert "formulas are not run" in refused(tmp_path / "tape.xlsx")


def test_macros_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tape.xlsm").write_bytes(b"PK\x03\x04")
    assert "a workbook with macros" in refused(tmp_path / "tape.xlsm")
    openpyxl.Workbook().save(tmp_path / "tape.xlsx")
    with zipfile.ZipFile(tmp_path / "tape.xlsx", "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"x")
    assert "a workbook with macros" in refused(tmp_path / "tape.xlsx")


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firesale.market.opening.tape.files.MOST_BYTES", 10)
    with pytest.raises(InputError, match="at most 10"):
        open_tape(tape_of(tmp_path, {}))
    monkeypatch.undo()
    monkeypatch.setattr("firesale.market.opening.tape.files.MOST_UNPACKED", 10)
    openpyxl.Workbook().save(tmp_path / "tape.xlsx")
    assert "unpacks to more" in refused(tmp_path / "tape.xlsx")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"\x00\x01\x02" * 20, "binary content"),
        (b'borrower,principal,rate\n"open,1,2\n', "a CSV file with matching quotation marks"),
        (b"borrower,instrument,principal,rate,maturity\n", "a tape without loans"),
        (b"borrower,instrument,principal,maturity\nA,gpu loan,1m,2028-12-31\n", "column 'rate'"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(content)
    assert says in refused(path)


def test_other_kinds_of_file(tmp_path: Path) -> None:
    assert "a folder" in refused(tmp_path)
    with pytest.raises(InputError, match=r"none\.csv: cannot be read \(No such file"):
        open_tape(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="no plain file"):  # whoever reads it waits for ever
        open_tape(tmp_path / "pipe.csv")
    (tmp_path / "old.xls").write_bytes(b"x")
    assert "a .xls file" in refused(tmp_path / "old.xls")
    (tmp_path / "no.xlsx").write_bytes(b"borrower,principal")
    assert "no workbook" in refused(tmp_path / "no.xlsx")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"collateral class": "none"}, "empty, or with a collateral class"),
        ({"collateral class": "none", "units": "", "LTV or value": "",
          "covenants": "margin call 80 %; liquidation 90 %"}, "nothing is pledged"),
        ({"collateral class": "SITE", "units": "0.5"}, "site MW"),
        ({"collateral class": "SITE", "units": "2", "site MW": "10"}, "at most 1"),
        ({"LTV or value": "$900m"}, "at most 20 times the principal"),
        ({"guarantee cap": "$1m"}, "empty, or with a guarantor"),
        ({"instrument": "convertible"}, "given for a convertible"),
        ({"conversion price": "5"}, "given for a convertible and empty otherwise"),
        ({"collateral class": "BTC", "tenant": "Meta"}, "unless GPUs are pledged"),
        ({"collateral class": "S21", "borrower kind": "neocloud"}, "miner for a borrower"),
        ({"LTV or value": "130 %", "covenants": "margin call 80 %"}, "not far below today"),
        ({"origination": "2029-01-01"}, "not after the day of the books"),
        ({"principal": "0"}, "above 0"),
        ({"hall MW": "5", "site MW": "2"}, "at most the MW of the site"),
    ],
)  # fmt: skip
def test_what_cells_say_together(tmp_path: Path, cells: dict[str, str], says: str) -> None:
    assert says in refused(tape_of(tmp_path, cells))


def test_rows_of_a_borrower_agree(tmp_path: Path) -> None:
    path = tape_of(tmp_path, {"cash": "$1m"}, {"cash": "$2m", "loan id": "B"})
    assert "as row 2 says of Firm" in refused(path)


def test_a_name_of_a_loan_of_the_market_is_taken(tmp_path: Path) -> None:
    path = tape_of(tmp_path, {"loan id": "MARA-CV-02-CONVARB"})
    assert "a name that no loan of the market has" in refused(path)
