"""A tape in a market: its loans as they are, nothing invented, and a market that comes back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from by_tape import EXAMPLES, tape_of

from firesale import Scenario
from firesale.market.opening.books_2025.draft import draft_books
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.opening.books_2025.start import draft as draft_market
from firesale.market.opening.hardware import build_hardware, class_names
from firesale.market.opening.tape.filled import default
from firesale.market.opening.tape.income import service_usd_yr
from firesale.market.opening.tape.join import JoinedBook, open_tape
from firesale.market.opening.tape.template import write_template
from firesale.market.scenario.errors import InputError
from firesale.market.simulation import Simulation


def of_tape(joined: JoinedBook) -> dict[str, object]:
    """Rows of a tape's loans."""
    return {row.loan_id: row for row in joined.books.loans if row.loan_id in joined.loans}


def test_the_market_as_a_tape_is_the_market(tmp_path: Path) -> None:
    write_template(tmp_path / "market.xlsx", market=True)
    joined = open_tape(tmp_path / "market.xlsx")
    assert joined.books == load_books_2025()
    assert not joined.filled


def test_the_market_as_a_tape_gives_the_same_run(tmp_path: Path) -> None:
    write_template(tmp_path / "market.xlsx", market=True)
    books = open_tape(tmp_path / "market.xlsx").books
    scenario = Scenario.load("joint-crash").with_settings(["days=20"])
    mine, market = Simulation(scenario, 3, books).run(), Simulation(scenario, 3).run()
    assert mine.summary() == market.summary()
    assert mine.loans().equals(market.loans())


@pytest.mark.parametrize("name", ["gpu-fund.csv", "rig-bank.csv"])
def test_nothing_is_lent_that_was_not_granted(name: str) -> None:
    joined = open_tape(EXAMPLES / name)
    scenario = Scenario.load("baseline")
    names = class_names(joined.books)
    drafts = draft_market(joined.books, scenario, names, build_hardware(joined.books))
    own = set(joined.borrower_of.values())
    lent = [loan.id for loan in drafts.loans if loan.borrower in own]
    assert sorted(lent) == sorted(joined.loans)
    market = load_books_2025()
    before = draft_market(market, scenario, class_names(market), build_hardware(market))
    others = [loan for loan in drafts.loans if loan.borrower not in own]
    assert [loan.id for loan in others] == [loan.id for loan in before.loans]


def test_a_loan_stands_on_one_class_with_all_its_units(tmp_path: Path) -> None:
    path = tape_of(tmp_path, {"collateral class": "B200", "units": "200"})
    joined = open_tape(path)
    (loan,) = [one for one in draft_books(joined.books, 1.0).loans if one.id == "A"]
    (firm,) = [one for one in draft_books(joined.books, 1.0).borrowers if one.id == "FIRM"]
    assert (loan.hardware, loan.collateral_units) == ("B200", 200.0)
    assert firm.fleet == {"B200": 200.0}


def test_books_of_a_tape_balance() -> None:
    joined = open_tape(EXAMPLES / "gpu-fund.csv")
    for lender in joined.books.lenders:
        mine = [loan for loan in joined.books.loans if loan.lender_id == lender.id]
        assert lender.book_usd_m == pytest.approx(sum(loan.drawn_usd_m for loan in mine))
        assets = lender.cash_usd_m + lender.book_usd_m + lender.other_loans_usd_m
        assert assets == pytest.approx(lender.funding_usd_m + lender.capital_usd_m, abs=0.5)


def test_a_known_borrower_is_merged_on_request_and_debt_counts_once(tmp_path: Path) -> None:
    path = tape_of(
        tmp_path,
        {"borrower": "CoreWeave, Inc.", "instrument": "vendor", "principal": "$350m",
         "units": "7000"},
    )  # fmt: skip
    apart, joined = open_tape(path), open_tape(path, merge=True)
    assert apart.borrower_of["A"] == "COREWEAVE_INC"
    assert joined.borrower_of["A"] == "CRWV"
    assert [(one.id, one.merged) for one in joined.recognised] == [("CRWV", True)]

    def vendor(books) -> float:  # type: ignore[no-untyped-def]
        return sum(
            loan.drawn_usd_m
            for loan in books.loans
            if loan.borrower_id == "CRWV" and loan.instrument == "vendor"
        )

    assert vendor(joined.books) == pytest.approx(vendor(load_books_2025()))


def test_without_a_market_the_book_is_all_the_credit() -> None:
    joined = open_tape(EXAMPLES / "rig-bank.csv", "nothing")
    assert [loan.loan_id for loan in joined.books.loans] == list(joined.loans)
    assert len(joined.books.lenders) == 1
    assert len(joined.books.miners) > 20  # who mines still does


def test_what_is_filled_is_listed_with_value_and_reason(tmp_path: Path) -> None:
    joined = open_tape(tape_of(tmp_path, {"cash": "$2m", "region": "nordics"}))
    cells = {(cell.of, cell.cell): cell for cell in joined.filled}
    assert ("Firm", "cash") not in cells and ("Firm", "region") not in cells
    power = cells["Firm", "power price"]
    assert power.value.startswith("55 ") and "hydro" in power.source
    (firm,) = [row for row in joined.books.neoclouds if row.id == "FIRM"]
    assert firm.cash_usd_m == 2.0 and firm.power_usd_mwh == 55.0


def test_given_cells_do_not_err_and_filled_ones_do(tmp_path: Path) -> None:
    joined = open_tape(tape_of(tmp_path, {"cash": "$2m"}))
    firms = [
        next(row for row in sample_books(joined.books, seed).neoclouds if row.id == "FIRM")
        for seed in (1, 2, 3)
    ]
    assert [firm.cash_usd_m for firm in firms] == [2.0, 2.0, 2.0]
    assert len({firm.fixed_cost_usd_m_yr for firm in firms}) == 3


def test_other_income_by_hand(tmp_path: Path) -> None:
    # 500 H100 at spot: 500 · 0.71 · 2.2 · 8760 = 6,841,560; fixed 30 %, running 26 %: left 44 %.
    # Service of a bullet of 12m at 4.3 % + 5 %: 1,116,000; 1.2 times is less than what is left.
    rich = open_tape(tape_of(tmp_path, {}))
    (firm,) = [row for row in rich.books.neoclouds if row.id == "FIRM"]
    assert firm.revenue_usd_m_yr == pytest.approx(6.84156)
    assert firm.fixed_cost_usd_m_yr == pytest.approx(0.3 * 6.84156)
    assert firm.opex_ex_da_usd_m_yr == pytest.approx(0.56 * 6.84156)
    # Linear over three years: 4m more a year; 1.2 · 5,116,000 less 0.44 · 6,841,560 is missing.
    poor = open_tape(tape_of(tmp_path, {"amortisation": "linear", "maturity": "2028-09-29"}))
    (loan,) = poor.tape.loans
    assert service_usd_yr(loan, date(2025, 9, 30), 0.043) == pytest.approx(5_116_000)
    (firm,) = [row for row in poor.books.neoclouds if row.id == "FIRM"]
    missing = default("least_cover", "borrower").value * 5.116 - 0.44 * 6.84156
    assert firm.revenue_usd_m_yr == pytest.approx(6.84156 + missing)


def test_a_late_borrower_is_not_helped(tmp_path: Path) -> None:
    late = {"amortisation": "linear", "days past due": "45"}
    joined = open_tape(tape_of(tmp_path, late))
    assert not any(cell.cell == "other income" for cell in joined.filled)


def test_a_test_keeps_the_headroom_that_its_lender_reports(tmp_path: Path) -> None:
    # 12m on 500 H100 at 20,000 second-hand: 120 %. The lender reports 60 % and calls at 80 %.
    joined = open_tape(tape_of(tmp_path, {"covenants": "margin call 80 %; liquidation 90 %"}))
    loan = next(row for row in joined.books.loans if row.loan_id == "A")
    assert loan.margin_call_ltv == pytest.approx(0.8 * 1.2 / 0.6)
    assert 1.0 - 1.2 / loan.margin_call_ltv == pytest.approx(1.0 - 0.6 / 0.8)


def test_a_lender_with_more_than_there_is_money_is_refused(tmp_path: Path) -> None:
    """A loan may be of 10^15 USD, but not what its lender would have beside it."""
    tape = tape_of(
        tmp_path, {"principal": "2000000"}, {"loan id": "B", "principal": "1" + 15 * "0"}
    )
    said = r"row 3, column 'principal': '1,000.*' is not allowed; it must be so much less that all "
    with pytest.raises(InputError, match=said + r"that Fund has stays below 10\^15 USD"):
        open_tape(tape)


def test_a_firm_may_lend_and_borrow_under_one_name(tmp_path: Path) -> None:
    tape = tape_of(tmp_path, {"borrower": "Acme", "lender": "Acme"})
    joined = open_tape(tape, "nothing")
    ends = joined.borrower_of["A"], joined.lender_of["A"]
    assert len(set(ends)) == 2
    Simulation(Scenario.load("calm").with_settings(["days=5"]), 1, joined.books).run()


def test_a_template_is_a_tape(tmp_path: Path) -> None:
    for name in ("tape.csv", "tape.xlsx"):
        write_template(tmp_path / name)
        assert open_tape(tmp_path / name).loans == ("EX-1", "EX-2")
