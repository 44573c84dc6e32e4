"""Conservation is a gate: what is lost, made, or no number at all stops the run on its day."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firesale.market.scenario.errors import BooksError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state import journal
from firesale.market.state.ledger import Stocks
from firesale.market.state.money import conservation_error

NO_NUMBERS = (math.nan, math.inf, -math.inf, 1e308 * 10)


def stocks(**changed: float) -> Stocks:
    """A market's stocks, some of them changed."""
    plain = Stocks(5.0, 9.0, 2.0, 3.0, np.array([4.0]), np.array([6.0]), 7.0, 7.0, 0.0, 20.0, 1.0)
    return plain._replace(**changed)


def error(before: Stocks, after: Stocks) -> float:
    """The conservation error of a day without flows."""
    with np.errstate(invalid="ignore"):  # what it is about
        return float(conservation_error(before, after, np.zeros(5)))


def test_what_stays_has_no_error_and_what_is_lost_has_one() -> None:
    assert error(stocks(), stocks()) == 0.0
    assert error(stocks(), stocks(cash_usd=4.0)) == pytest.approx(1.0 / 9.0)


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", [n for n in Stocks._fields if not n.startswith("units")])
def test_what_is_no_number_is_never_within_bounds(name: str, value: float) -> None:
    for before, after in ((stocks(), stocks(**{name: value})), (stocks(**{name: value}),) * 2):
        if before is after and name.endswith(("gross", "gross_usd")):
            continue  # of the day before nobody asks
        assert not error(before, after) <= journal.MOST_ERROR, name


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_machines_that_are_no_number_are_not_either(value: float) -> None:
    after = stocks()._replace(units=np.array([value]), units_gross=np.array([value]))
    assert not error(stocks(), after) <= journal.MOST_ERROR


@pytest.mark.parametrize("column", ["cash_usd", "btc"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, 1.0])
def test_a_run_stops_on_the_day_on_which_money_comes_from_nowhere(
    column: str, value: float
) -> None:
    simulation = Simulation(Scenario.load("calm").with_settings(["days=5"]), 1)
    simulation.step()
    getattr(simulation.market.parties, column)[0] += value * 1e6
    with pytest.raises(BooksError, match="Day 2: the books do not balance"):
        simulation.run()
    assert simulation.day == 2


def test_a_price_that_is_no_number_stops_a_run() -> None:
    simulation = Simulation(Scenario.load("calm").with_settings(["days=5"]), 1)
    simulation.step()
    simulation.market.kept.series.rent_h100_usd_h[1] = math.inf
    with pytest.raises(BooksError, match="Day 1: a price or a total is no number"):
        journal.insist(simulation.market)
