"""Beliefs: the table, what is drawn from it, and that books are drawn before they are read off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs

from firesale.market.opening import beliefs, sampling
from firesale.market.opening.beliefs import Belief, belief_about, beliefs_in, beliefs_of, believe
from firesale.market.opening.books_2025.sample import CELLS, sample_books
from firesale.market.opening.csv_files import read_sheet
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.needs import unmet
from firesale.market.scenario.scenario import Scenario, scenario_names
from firesale.market.simulation import Simulation

STARTS = ("2025", "2021")
ROWS = [(start, row) for start in STARTS for row in beliefs_of(start)]


def params(rows: list[tuple[str, Belief]]) -> list[Any]:
    return [pytest.param(*one, id=f"{one[0]}-{one[1].parameter}") for one in rows]


ALL = params(ROWS)
SETTINGS = params([one for one in ROWS if not one[1].is_cell])
CELLS_OF_2025 = params([one for one in ROWS if one[1].is_cell and one[0] == "2025"])


def belief(low: float, central: float, high: float, distribution: str = "triangular") -> Belief:
    return Belief(
        parameter="x",
        low=low,
        central=central,
        high=high,
        distribution=distribution,
        kind="judgement",
        reason="a test",
    )


def rows_of(table: str) -> dict[str, Any]:
    books = runs.tables()
    rows = books.quote_rows if table == "quotes" else getattr(books, table)
    return {row.row_name: row for row in rows}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lets a test say what the table of beliefs is."""

    def put(rows: tuple[Belief, ...]) -> None:
        monkeypatch.setattr(beliefs, "beliefs_of", lambda start: rows)
        cells = {row.parameter: row for row in rows if row.is_cell}
        monkeypatch.setattr(sampling, "cells_believed", lambda start: cells)
        sampling.believed_columns.cache_clear()

    yield put
    sampling.believed_columns.cache_clear()


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize(("start", "row"), SETTINGS)
def test_a_settings_central_value_is_that_of_a_packaged_scenario(start: str, row: Belief) -> None:
    known = [Scenario.load(name) for name in scenario_names()]
    usual = [] if start == "2021" else [Scenario()]
    own = [one for one in (*usual, *known) if one.opening.start == start]
    assert any(one.value_of(row.parameter) == row.central for one in own)


@pytest.mark.parametrize(("start", "row"), SETTINGS)
def test_both_ends_of_a_setting_are_allowed_in_a_scenario(start: str, row: Belief) -> None:
    scenario = Scenario()
    whole = isinstance(scenario.value_of(row.parameter), int)
    for end in (row.low, row.high):
        scenario.changed({row.parameter: round(end) if whole else end}, "test")


@pytest.mark.parametrize(("start", "row"), CELLS_OF_2025)
def test_a_cells_central_value_is_that_of_the_books(start: str, row: Belief) -> None:
    _, table, *place, column = row.parameter.split(".")
    if place:
        assert getattr(rows_of(table)[place[0]], column) == row.central
    else:
        assert row.central == 1.0
        assert all(hasattr(line, column) for line in rows_of(table).values())


@pytest.mark.parametrize(("start", "row"), CELLS_OF_2025)
def test_each_belief_about_the_books_moves_them_and_keeps_them_valid(
    start: str, row: Belief
) -> None:
    plain = runs.tables()
    for score in (-8.0, 8.0):
        drawn = sample_books(plain, None, {row.parameter: score})
        assert drawn != plain
        for name in (*CELLS, "quotes"):
            for line in getattr(drawn, "quote_rows" if name == "quotes" else name):
                values = line.model_dump(by_alias=True)
                if name == "buyers":
                    values["classes_accepted"] = "|".join(line.classes_accepted)
                type(line).model_validate(values)


def test_nothing_is_drawn_without_a_seed_or_scores() -> None:
    assert sample_books(runs.tables(), None) == runs.tables()


@pytest.mark.parametrize("start", STARTS)
def test_no_two_names_share_a_draw(start: str) -> None:
    names = {row.parameter for row in beliefs_of(start)}
    assert len({beliefs.code_of(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("line", "column", "allowed"),
    [
        ("a.b,2,2,1,uniform,judgement,x", "high", "above low, 2"),
        ("a.b,1,3,2,triangular,judgement,x", "central", "from low to high, 1 to 2"),
        ("a.b,0,1,2,log-uniform,judgement,x", "low", "above 0 where the distribution is"),
        ("a.b,1,1.2,2,uniform,judgement,x", "central", "near 1.5, the middle of an even"),
        ("a.b,1,1.5,2,uniform,rumour,x", "kind", "one of filings, market data, contract"),
        ("a.b,1,1.5,2,flat,judgement,x", "distribution", "one of uniform, log-uniform"),
        ("a.b,1,1.5,2,uniform,judgement,", "reason", "a text"),
    ],
)
def test_a_broken_row_is_refused_in_a_sentence(
    tmp_path: Path, line: str, column: str, allowed: str
) -> None:
    head = "parameter,low,central,high,distribution,kind,reason\n"
    (tmp_path / "beliefs.csv").write_text(head + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_sheet(tmp_path, "beliefs", Belief)
    assert f"column {column}: " in str(error.value)
    assert f"it must be {allowed}" in str(error.value)


def test_what_2025_draws_and_2021_has_alike_is_drawn_alike() -> None:
    """A judgement that acts in both books with the same central value has the same range."""
    scenario = Scenario.load("backtest-2022")
    own = {row.parameter: row for row in beliefs_of("2021")}
    shared = [
        row
        for row in beliefs_of("2025")
        if not row.is_cell
        and scenario.value_of(row.parameter) == row.central
        and not unmet(row.parameter, lambda key: (scenario.value_of(key),))
    ]
    assert len(shared) > 50
    for row in shared:
        mine = own[row.parameter]
        assert (mine.low, mine.high) == (row.low, row.high), row.parameter
        assert mine.distribution == row.distribution, row.parameter


# ------------------------------------------------------------------ distributions


def test_places_by_hand() -> None:
    # A triangle over 0 to 4 with its top at 1: a quarter lies below, the median at 4 - sqrt(6).
    skewed = belief(0.0, 1.0, 4.0)
    assert skewed.at(0.25) == pytest.approx(1.0)
    assert skewed.at(0.5) == pytest.approx(4.0 - math.sqrt(6.0))
    assert belief(0.0, 4.0, 4.0).at(0.25) == pytest.approx(2.0)  # all of it rises
    assert belief(2.0, 2.0, 4.0).at(0.75) == pytest.approx(3.0)  # all of it falls
    assert belief(1.0, 2.0, 3.0, "uniform").at(0.25) == 1.5
    assert belief(1.0, 2.0, 4.0, "log-uniform").at(0.25) == pytest.approx(math.sqrt(2.0))


@pytest.mark.parametrize(("start", "row"), ALL)
def test_a_place_is_the_inverse_of_a_value(start: str, row: Belief) -> None:
    for place in (0.01, 0.2, 0.5, 0.9):
        assert row.place(row.at(place)) == pytest.approx(place)
    assert row.at(0.0) == pytest.approx(row.low)
    assert row.at(1.0) == pytest.approx(row.high)


def test_draws_are_spread_as_the_table_says() -> None:
    """All names together: of single ones, one in a hundred would fail a test at that level."""
    rows = {row.parameter: row for row in beliefs_of("2025")}.values()
    places = np.sort([row.place(row.drawn(seed)) for row in rows for seed in range(100)])
    count = len(places)
    even = (np.arange(count) + 0.5) / count
    assert np.abs(places - even).max() < 1.63 / math.sqrt(count)  # Kolmogorov, one in a hundred


# ------------------------------------------------------------------ drawing


def asking(*settings: str) -> Scenario:
    return Scenario.load("joint-crash").with_settings(["opening.beliefs=true", *settings])


def test_a_run_draws_every_belief_within_its_range() -> None:
    scenario = asking()
    seen: dict[str, set[float]] = {}
    for seed in range(12):
        drawn = believe(scenario, seed)
        assert drawn.opening.sample and not drawn.opening.beliefs
        for row in beliefs_in(scenario):
            if not row.is_cell:
                value = drawn.value_of(row.parameter)
                assert row.low <= value <= row.high
                seen.setdefault(row.parameter, set()).add(value)
    assert "crypto.hashrate_growth" in seen and "compute.elasticity" in seen
    assert all(len(values) > 2 for values in seen.values())


def test_nothing_is_drawn_unless_asked_for() -> None:
    scenario = Scenario.load("joint-crash")
    assert believe(scenario, 5) is scenario


def test_what_is_drawn_is_drawn_once() -> None:
    once = believe(asking(), 5)
    assert believe(once, 5) is once


def test_whoever_sets_another_value_means_it() -> None:
    drawn = believe(asking("marks.evidence_weight=0.3"), 5)
    assert drawn.marks.evidence_weight == 0.3
    assert drawn.crypto.crash_depth == 0.77  # a scenario's shock is no belief


def test_settings_can_be_left_out_of_a_draw() -> None:
    drawn = believe(asking(), 5, {"marks.evidence_weight"})
    assert drawn.marks.evidence_weight == 0.5
    assert drawn.marks.evidence_half_life_days != 120.0


def test_growth_is_drawn_around_what_the_scenario_assumes() -> None:
    calm, crash = belief_about(Scenario.load("baseline"), "crypto.hashrate_growth"), belief_about(
        Scenario.load("joint-crash"), "crypto.hashrate_growth"
    )  # fmt: skip
    assert calm is not None and crash is not None
    assert (calm.central, crash.central) == (1.4883, 0.59)
    assert belief_about(Scenario.load("calm"), "crypto.hashrate_growth") is None


def test_neither_order_nor_other_beliefs_change_a_draw(table: Any) -> None:
    whole, plain = beliefs_of("2025"), runs.tables()
    settings, books = believe(asking(), 7), sample_books(plain, 7)
    table(whole[::-1])
    assert believe(asking(), 7) == settings
    assert sample_books(plain, 7) == books
    table(tuple(row for row in whole if row.parameter != "credit.max_ltv"))
    assert believe(asking(), 7) == settings.changed({"credit.max_ltv": 0.85}, "test")
    table(tuple(row for row in whole if not row.parameter.startswith("books.leases.LS023")))
    fewer = sample_books(plain, 7)
    assert fewer.neoclouds == books.neoclouds and fewer.buyers == books.buyers


def test_neither_order_nor_other_rows_of_the_books_change_a_draw() -> None:
    plain = runs.tables()
    turned = replace(plain, miners=plain.miners[::-1], neoclouds=plain.neoclouds[3:])
    drawn, other = sample_books(plain, 7), sample_books(turned, 7)
    assert other.miners == drawn.miners[::-1]
    assert other.neoclouds == drawn.neoclouds[3:]


# ------------------------------------------------------------------ what is drawn of the books


def test_a_cell_with_a_belief_is_drawn_from_it_and_others_err_with_their_column() -> None:
    plain = runs.tables()
    known = {row.parameter: row for row in beliefs_of("2025")}
    name = "books.neoclouds.CRWV.opex_ex_da_usd_m_yr"
    drawn = sample_books(plain, 3)
    assert drawn.neoclouds[0].opex_ex_da_usd_m_yr == known[name].drawn(3)
    # The common error of a column alone: every other cell by the same factor.
    column = "books.neoclouds.opex_ex_da_usd_m_yr"
    moved = sample_books(plain, None, {column: 1.0})
    factor = known[column].at(0.5 * (1.0 + math.erf(1.0 / math.sqrt(2.0))))
    for before, after in zip(plain.neoclouds, moved.neoclouds, strict=True):
        own = f"books.neoclouds.{before.id}.opex_ex_da_usd_m_yr" in known
        stays = own or before.confidence == "seen"
        expected = before.opex_ex_da_usd_m_yr * (1.0 if stays else factor)
        assert after.opex_ex_da_usd_m_yr == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_running_contracts_bring_no_more_than_their_landlord_earns(seed: int) -> None:
    plain, drawn = runs.tables(), sample_books(runs.tables(), seed)
    for owner in drawn.neoclouds:
        before, after = (
            sum(
                row.usd_m_yr
                for row in books.leases
                if row.landlord_id == owner.id and row.start <= books.opening_date
            )
            for books in (plain, drawn)
        )
        assert after <= max(before, owner.revenue_usd_m_yr) * (1.0 + 1e-12)
        assert owner.fixed_cost_usd_m_yr <= owner.opex_ex_da_usd_m_yr * (1.0 + 1e-12)


def test_terms_err_in_what_is_left_of_them() -> None:
    plain = runs.tables()
    longer = sample_books(plain, None, {"books.leases.end": 8.0})  # a quarter longer
    for before, after in zip(plain.leases, longer.leases, strict=True):
        first = max(before.start, plain.opening_date)
        left, new = (before.end - first).days, (after.end - first).days
        assert after.start == before.start
        times = 1.0 if before.confidence == "seen" else 1.25
        assert new == pytest.approx(times * left, abs=0.51)


# ------------------------------------------------------------------ the order of an opening


def test_buyers_open_with_the_money_of_the_drawn_books() -> None:
    sim = Simulation(Scenario.load("calm").with_settings(["opening.sample=true"]), seed=3)
    drawn = {row.segment: row for row in sample_books(runs.tables(), 3).buyers}
    market = sim.market
    number = market.names.segments.index("HYPERSCALER_INPLACE")  # who buys in place has saved up
    mine = market.buyers.segment == number
    expected = drawn["HYPERSCALER_INPLACE"].budget_usd_m_yr * 1e6 * 90.0 / 365.0
    assert market.buyers.budget_usd[mine].sum() == pytest.approx(expected)
    assert market.buyers.budget_usd_day[mine].sum() == pytest.approx(expected / 90.0)


def test_views_are_implied_by_the_drawn_books() -> None:
    plain, drawn = (
        Simulation(Scenario.load("calm").with_settings([f"opening.sample={on}"]), seed=3).market
        for on in ("false", "true")
    )
    traded = drawn.hardware.used_open_usd > 0.0
    assert np.all(drawn.buyer_view[traded] != plain.buyer_view[traded])
    np.testing.assert_array_equal(drawn.marks_usd[traded], drawn.hardware.used_open_usd[traded])


def test_a_run_with_beliefs_is_the_same_again_and_says_what_was_drawn() -> None:
    scenario = asking("days=20")
    one, again = (Simulation(scenario, 4).run() for _ in range(2))
    assert one.summary() == again.summary()
    assert one.scenario == believe(scenario, 4)
    assert Simulation(one.scenario, 4).run().summary() == one.summary()
