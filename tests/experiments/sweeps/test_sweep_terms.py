"""Cells of the books that a plan multiplies: what moves, what stays, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_tape import EXAMPLES
from sweep_runs import plan

from firesale.experiments.sweeps import books as cells
from firesale.experiments.sweeps import terms
from firesale.experiments.sweeps.design import design_table, run_points
from firesale.experiments.sweeps.execute import Work, scenario_of, scores_of
from firesale.experiments.sweeps.plan import Plan
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.opening.own_books import own_books
from firesale.market.opening.tape.source import SOURCE
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

TAPE = EXAMPLES / "rig-bank.csv"


def test_debt_of_a_column_is_debt_of_its_lenders() -> None:
    before = load_books_2025()
    after = terms.with_terms(before, {"books.times.loans.drawn_usd_m": 1.5})
    drawn: dict[str, float] = {}
    for old, new in zip(before.loans, after.loans, strict=True):
        assert new.drawn_usd_m == pytest.approx(1.5 * old.drawn_usd_m)
        assert new.committed_usd_m == pytest.approx(1.5 * old.committed_usd_m)
        assert new.maturity == old.maturity and new.rate_or_spread == old.rate_or_spread
        drawn[new.lender_id] = drawn.get(new.lender_id, 0.0) + new.drawn_usd_m
    for old_lender, lender in zip(before.lenders, after.lenders, strict=True):
        assert lender.book_usd_m == pytest.approx(drawn.get(lender.id, 0.0), abs=1e-3)
        assert lender.capital_usd_m == old_lender.capital_usd_m
        assets = lender.cash_usd_m + lender.book_usd_m + lender.other_loans_usd_m
        assert assets == pytest.approx(lender.funding_usd_m + lender.capital_usd_m)


@pytest.mark.parametrize("column", [name for name in terms.LOANS if name != "drawn_usd_m"])
def test_a_term_of_one_loan_moves_no_other_cell(column: str) -> None:
    before = load_books_2025()
    names = terms.LOANS[column]
    loan = next(
        one for one in before.loans
        if any(getattr(one, name) for name in names) and one.maturity > before.opening_date
    )  # fmt: skip
    after = terms.with_terms(before, {f"books.times.loans.{loan.loan_id}.{column}": 2.0})
    moved = next(one for one in after.loans if one.loan_id == loan.loan_id)
    assert [one for one in after.loans if one is not moved] == [
        one for one in before.loans if one is not loan
    ]
    for name in type(loan).model_fields:
        old, new = getattr(loan, name), getattr(moved, name)
        if name not in names or old is None:
            assert new == old
        elif column == terms.TERM:
            opening = before.opening_date
            assert (new - opening).days == 2 * (old - opening).days
        else:
            assert new == pytest.approx(2 * old)
    assert after.lenders == before.lenders


def test_loans_of_a_tape_alone_are_moved() -> None:
    before = own_books(TAPE, Scenario())
    after = terms.with_terms(before, {"books.times.tape.rate_or_spread": 0.5})
    for old, new in zip(before.loans, after.loans, strict=True):
        times = 0.5 if old.source == SOURCE else 1.0
        assert new.rate_or_spread == pytest.approx(times * old.rate_or_spread)


def test_a_column_and_a_row_of_it_both_count_and_one_is_nothing() -> None:
    before = load_books_2025()
    name = before.buyers[0].row_name
    both = {
        "books.times.buyers.budget_usd_m_yr": 2.0,
        f"books.times.buyers.{name}.budget_usd_m_yr": 3.0,
    }
    after = terms.with_terms(before, both)
    assert after.buyers[0].budget_usd_m_yr == pytest.approx(6 * before.buyers[0].budget_usd_m_yr)
    assert after.buyers[1].budget_usd_m_yr == pytest.approx(2 * before.buyers[1].budget_usd_m_yr)
    keys = [
        f"books.times.{table}.{column}"
        for table, columns in terms.TABLES.items()
        for column in columns
    ]
    same = terms.with_terms(before, dict.fromkeys(keys, 1.0))
    assert (same.loans, same.buyers, same.leases) == (before.loans, before.buyers, before.leases)


def test_capital_is_funding_the_less() -> None:
    before = load_books_2025()
    after = terms.with_terms(before, {"books.times.lenders.capital_usd_m": 0.5})
    for old, new in zip(before.lenders, after.lenders, strict=True):
        assert new.capital_usd_m == pytest.approx(0.5 * old.capital_usd_m)
        assert new.funding_usd_m == pytest.approx(old.funding_usd_m + 0.5 * old.capital_usd_m)


def test_cells_are_multiplied_after_they_are_drawn() -> None:
    drawn = sample_books(load_books_2025(), 5)
    after = cells.perturbed_tables({"books.times.miners.cash_usd_m": 2.0}, 5)
    for old, new in zip(drawn.miners, after.miners, strict=True):
        assert new.cash_usd_m == pytest.approx(2.0 * old.cash_usd_m)
    assert after.buyers == drawn.buyers and after.leases == drawn.leases


@pytest.mark.compiled
def test_a_market_on_other_terms_still_adds_up() -> None:
    factors = {
        "books.times.loans.drawn_usd_m": 1.3,
        "books.times.loans.margin_call_ltv": 0.9,
        "books.times.loans.term": 0.5,
        "books.times.tape.drawn_usd_m": 2.0,
    }
    scenario = Scenario.load("joint-crash").changed({"days": 40}, "test")
    books = cells.perturbed_tables(factors, None, own_books(TAPE, scenario))
    summary = Simulation(scenario, 3, books).run().summary()
    assert summary["conservation_error"] <= 1e-9


def varied(key: str, **factor: Any) -> dict[str, Any]:
    nested: Any = factor or {"values": [0.5, 1.0]}
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


@pytest.mark.parametrize(
    ("key", "factor", "says"),
    [
        ("books.times.debt.drawn_usd_m", {}, "no such table; allowed: loans, tape, buyers, miners"),
        ("books.times.loans.confidence", {}, "allowed of loans: drawn_usd_m, rate_or_spread, mar"),
        ("books.times.loans.NONE.drawn_usd_m", {}, "there is no row 'NONE'; allowed: "),
        ("books.times.tape.drawn_usd_m", {}, "no loan came with a tape; give one with --books"),
        ("books.times.loans.drawn_usd_m", {"values": [0.0, 1.0]},
         "0.0 is not allowed; it must be from 0.1 to 10 times what the books say"),
        ("books.times.loans.drawn_usd_m", {"low": 0.5, "high": 20.0, "steps": 2},
         "20.0 is not allowed"),
        ("books.times.loans.drawn_usd_m", {"values": [1.0], "unit": "usd"}, "leave 'unit' out"),
        ("books.debt.drawn_usd_m", {}, "or books.times.TABLE to multiply cells (loans, tape, buy"),
    ],
)  # fmt: skip
def test_what_may_not_be_multiplied_is_refused(key: str, factor: Any, says: str) -> None:
    with pytest.raises(InputError) as refusal:
        plan(factors=varied(key, **factor))
    assert says in str(refusal.value)
    assert str(refusal.value).startswith(f"test.toml: factors.{key}: ")


def test_a_cell_that_is_empty_is_refused() -> None:
    loan = next(one for one in load_books_2025().loans if one.min_dscr is None)
    with pytest.raises(InputError, match="nothing stands there that could be multiplied"):
        plan(factors=varied(f"books.times.loans.{loan.loan_id}.min_dscr"))


def test_a_plan_varies_terms_of_a_tape_buyers_and_launches_together() -> None:
    p = plan(
        books=str(TAPE),
        factors=varied("books.times.tape.margin_call_ltv")
        | {"launches": {"vr200": {"shift_days": {"values": [0, 365]}}}}
        | {"liquidation": {"budget_scale": {"values": [0.5, 1.0]}}},
    )
    assert len(p.factors) == 3


def armed(arms: dict[str, Any], **more: Any) -> Plan:
    return Plan.from_dict({"scenario": "calm", "arms": arms, **more}, "plan.toml", Path())


def test_arms_change_the_books_and_nothing_else(tmp_path: Path) -> None:
    key, error = "books.times.loans.drawn_usd_m", "books.neoclouds.cash_usd_m"
    plan = armed({"usual": {}, "half": {key: 0.5}, "poor": {error: -1.0}})
    work = Work.of(plan, tmp_path, "")
    points = run_points(plan, design_table(plan), np.arange(3))
    scores = {point.arm: scores_of(work, point) for point in points}
    assert scores["usual"] == {key: 1.0, error: 0.0}  # what another arm sets is not drawn here
    assert scores["half"] == {key: 0.5, error: 0.0} and scores["poor"] == {key: 1.0, error: -1.0}
    assert len({point.seed for point in points}) == 1
    assert len({scenario_of(work, point).model_dump_json() for point in points}) == 1


def test_arms_may_write_tables_of_the_books() -> None:
    plan = armed({"few": {"books": {"times": {"buyers": {"budget_usd_m_yr": 0.5}}}}})
    assert plan.identity() != armed({"few": {}}).identity()


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ({"books.times.loans.colour": 0.5}, "arms.one.books.times.loans.colour: may not be"),
        ({"books.times.loans.min_dscr": "half"}, "'half' is not allowed; it must be a number"),
        ({"books.times.loans.min_dscr": True}, "True is not allowed; it must be a number"),
        ({"books.leverage": 50}, "50.0 is not allowed; it must be from 0.1 to 3"),
        ({"books.leverage": 0.5, "opening.start": "2021"}, "arms.one.books.leverage: is a part"),
    ],
)
def test_an_arm_that_cannot_be_of_the_books_is_refused(arm: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        armed({"one": arm})


def test_what_an_arm_sets_is_no_factor_too() -> None:
    with pytest.raises(InputError, match=r"'books.leverage' is a factor too"):
        armed({"one": {"books.leverage": 0.5}}, factors={"books.leverage": {"values": [1.0, 2.0]}})
