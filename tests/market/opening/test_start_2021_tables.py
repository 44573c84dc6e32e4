"""The tables of 2021: what they must add up to, and what is refused with a sentence."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import runs

from firesale.market.opening.books_2021.read import DATA_FOLDER, REST, load_books_2021
from firesale.market.scenario.errors import InputError
from firesale.market.state.facts import NEW_RIGS

TABLES = runs.tables_2021()


def test_parts_of_private_miners_add_up_to_their_loans() -> None:
    for loan in TABLES.terms:
        if loan.borrower_id == REST:
            parts = [row for row in TABLES.private_loans if row.terms_of == loan.loan_id]
            total = sum(row.principal_usd_m for row in parts)
            assert total == pytest.approx(loan.principal_usd_m, rel=1e-5)
            coins = sum(row.collateral_btc for row in parts)
            assert coins == pytest.approx(loan.collateral_btc, abs=1.0)


def test_every_lender_holds_the_loans_of_its_book_and_balances() -> None:
    for lender in TABLES.lenders:
        owed = sum(usd for _, terms, usd, _ in TABLES.debts() if terms.lender_id == lender.id)
        assert lender.book_usd_m == pytest.approx(owed, abs=1e-5)
        assets = lender.cash_usd_m + lender.book_usd_m + lender.other_loans_usd_m
        assert assets == pytest.approx(lender.funding_usd_m + lender.capital_usd_m, abs=0.5)


def test_claims_between_lenders_fit_into_their_books() -> None:
    """They sit inside other loans and funding: nothing is added for them."""
    for lender in TABLES.lenders:
        held = sum(
            row.amount_usd_m * (1 - row.collateralised_share)
            for row in TABLES.claims
            if row.creditor_id == lender.id
        )
        owed = sum(
            row.amount_usd_m * (1 - row.collateralised_share)
            for row in TABLES.claims
            if row.debtor_id == lender.id
        )
        assert held <= lender.other_loans_usd_m
        assert owed <= lender.funding_usd_m


def test_rigs_behind_loans_are_installed_or_on_order() -> None:
    shares = {row.id: row.order_share for row in TABLES.private}
    fleet = {row.id: row.fleet().get(NEW_RIGS, 0.0) for row in (*TABLES.named, *TABLES.private)}
    for order in TABLES.rig_orders:
        for miner in fleet:
            share = shares.get(miner, 0.0) if order.miner_id == REST else order.miner_id == miner
            fleet[miner] += share * order.hashrate_eh_s * 1e6
    pledged: dict[str, float] = {}
    for miner, terms, principal, _ in TABLES.debts():
        if terms.collateral_kind == "rigs":
            th = terms.collateral_eh_s * 1e6 * principal / terms.principal_usd_m
            pledged[miner] = pledged.get(miner, 0.0) + th
    assert all(th <= fleet[miner] for miner, th in pledged.items())


def test_eight_loans_were_signed_and_twenty_one_came_later() -> None:
    loans = [row.signed for row in TABLES.draws if row.kind == "borrowing"]
    assert (loans.count(True), loans.count(False)) == (8, 21)
    shares = [row.signed for row in TABLES.draws if row.kind == "equity"]
    assert sorted(shares) == [False, True]


def test_nothing_in_the_engine_reads_what_became_of_anybody() -> None:
    assert not list(DATA_FOLDER.glob("*outcome*"))
    for module in (DATA_FOLDER.parent.parent).rglob("*.py"):
        assert "outcomes_2022" not in module.read_text(encoding="utf-8"), module


def test_a_part_that_does_not_fit_its_loan_is_refused_at_the_loan(tmp_path: Path) -> None:
    at = changed(tmp_path, "private_loans", 0, "principal_usd_m", "300")
    with pytest.raises(InputError, match=r"loans.csv, line \d+ \(REST-BABEL-ASIC\).*must be 300"):
        load_books_2021(at)


def changed(folder: Path, file: str, row: int, column: str, value: str) -> Path:
    """A copy of the tables with one cell changed."""
    at = Path(shutil.copytree(DATA_FOLDER, folder / "tables"))
    with (at / f"{file}.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    lines[row][column] = value
    with (at / f"{file}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return at


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "sentence"),
    [
        ("miners", 0, "hashrate_eh_s", "-1", "line 2 (CORZ), column hashrate_eh_s: '-1'"),
        ("miners", 0, "share_25_38", "0.9", "such that the three shares of hashrate add up to 1"),
        ("miners", 1, "hosted_by", "NOBODY", "line 3 (MARA), column hosted_by: 'NOBODY'"),
        ("miners", 0, "hosting_usd_mwh", "", "given if hosts_mw is above 0"),
        ("loans", 0, "lender_id", "NOBODY", "it must be an id in lenders.csv"),
        ("loans", 0, "principal_usd_m", "90", "its initial LTV on"),
        ("loans", 10, "margin_call_ltv", "", "given for BTC loans only"),
        ("loans", 4, "cash_rate", "0.2", "at most the rate, 0.1"),
        ("private_loans", 1, "terms_of", "CORZ-NYDIG", "a loan of REST_2021 in loans.csv"),
        ("draws", 0, "date", "2021-12-01", "a date after the opening date, 2021-12-31"),
        ("draws", 0, "lender_id", "", "given for a borrowing and empty for equity"),
        ("orders", 0, "miner_id", "NOBODY", "it must be the id of a miner"),
        ("claims", 0, "btc", "5", "above 0 for coins and 0 for a loan"),
        ("claims", 0, "debtor_id", "CORZ", "it must be an id in lenders.csv"),
        ("shocks", 0, "party_id", "NYDIG", "it must be a miner"),
        ("shocks", 0, "amount", "1.5", "a share from 0 to 1"),
        ("lenders", 0, "book_usd_m", "900", "what its loans in loans.csv have drawn"),
        ("quotes", 4, "value", "100", "what the fleets have online"),
        ("miners_confidence", 0, "cash", "sure", "one of seen, computed, memory, estimated"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_place(
    tmp_path: Path, file: str, row: int, column: str, value: str, sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        load_books_2021(changed(tmp_path, file, row, column, value))
    text = str(refused.value)
    assert sentence in text
    assert f".csv, line {row + 2} (" in text
    assert text.count("\n") == 0
