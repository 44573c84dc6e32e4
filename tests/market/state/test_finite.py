"""Tables hold numbers: on a run's last day those that do not are named with their column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from firesale.market.scenario.errors import BooksError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.finite import insist_on_numbers, no_numbers


@pytest.fixture(scope="module")
def ended() -> Simulation:
    settings = ["days=3", "crypto.crash_start_day=1", "crypto.crash_days=2"]
    return Simulation(Scenario.load("joint-crash").with_settings(settings), 1).run()


def spoilt(simulation: Simulation, table: str, column: str, value: float) -> str:
    """What is said of a market with one cell, the last of its column, that is no number."""
    market = simulation.market.copy()
    held: Any = market
    for name in table.split("."):
        held = getattr(held, name)
    cells = getattr(held, column)
    if isinstance(cells, np.ndarray):
        cells.flat[-1] = value
    else:
        setattr(held, column, value)
    with pytest.raises(BooksError) as refused:
        insist_on_numbers(market)
    return str(refused.value)


def test_a_run_that_ends_well_has_numbers_in_all_tables(ended: Simulation) -> None:
    assert list(no_numbers(ended.market)) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("table", "column"),
    [("parties", "cash_usd"), ("loans", "principal_usd"), ("lenders", "capital_usd"),
     ("kept.series", "lender_capital_usd"), ("holdings", "units"), ("crypto", "btc_usd"),
     ("prices", "rent_h100_usd_h"), ("kept.series", "mark_usd")],
)  # fmt: skip
def test_a_cell_that_is_no_number_is_named(
    ended: Simulation, table: str, column: str, value: float
) -> None:
    said = spoilt(ended, table, column, value)
    assert f"{column} of {table.rpartition('.')[2]} holds {value}" in said
    assert said.endswith(".") and said.startswith("Day 3")


@pytest.mark.parametrize(
    ("table", "column"), [("loans", "conversion_usd"), ("loans.sheets", "min_dscr")]
)
def test_what_says_that_there_is_none_passes_and_an_endless_number_there_does_not(
    ended: Simulation, table: str, column: str
) -> None:
    assert f"{column} of" in spoilt(ended, table, column, math.inf)
    market = ended.market.copy()
    getattr(market.loans if table == "loans" else market.loans.sheets, column)[-1] = math.nan
    assert list(no_numbers(market)) == []


def test_the_last_day_of_a_run_looks_at_all_tables() -> None:
    simulation = Simulation(Scenario.load("calm").with_settings(["days=2"]), 1)
    simulation.step()
    simulation.market.loans.sheets.rate_open[-1] = math.nan
    simulation.market.loans.note_value[-1] = math.nan
    with pytest.raises(BooksError, match=r"Day 2: (rate_open|note_value) of"):
        simulation.run()
