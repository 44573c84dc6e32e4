"""Buyers open in the steady state of ordinary trade: while all is calm quotes hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from runs import finished, fresh, tables

from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

# Nothing moves but the calendar: coins, rents and difficulty stand still, nobody fails by chance.
STILL = (
    "days=180",
    "credit.hazard_per_year=0",
    "crypto.volatility=0",
    "channels.hashprice=false",
    "channels.rent_feedback=false",
)
WEEKS = slice(7, 29)


def traded(sim: Simulation) -> dict[str, np.ndarray]:
    """Clearing price over quote by day, of each class that ordinary owners trade in."""
    series, market = sim.series(), sim.market
    ratios = {}
    for k, name in enumerate(sim.market.names.hardware):
        quote = sim.market.hardware.used_open_usd[k]
        if quote > 0 and market.routine_units_year[k] > 0 and market.has_removed_buyers[k]:
            ratios[name] = series[f"clearing_{name}_usd"].to_numpy() / quote
    return ratios


def test_the_first_weeks_clear_at_the_quotes() -> None:
    ratios = traded(finished("calm", STILL))
    assert len(ratios) >= 10
    for name, ratio in ratios.items():
        assert np.isfinite(ratio[WEEKS]).all(), name
        assert ratio[WEEKS] == pytest.approx(1.0, abs=0.05), name


def test_no_price_drifts_away_in_half_a_year() -> None:
    for name, ratio in traded(finished("calm", STILL)).items():
        assert ratio[7:] == pytest.approx(1.0, abs=0.25), name


def test_a_gpu_keeps_its_price_while_coins_and_rigs_move() -> None:
    """Rigs are options on the hashprice, GPUs are not."""
    sim = finished("calm", ("days=180", "credit.hazard_per_year=0"))
    gpus = {row.id for row in tables().hardware if row.family == "gpu"}
    ratios = {name: ratio for name, ratio in traded(sim).items() if name in gpus}
    assert len(ratios) >= 6
    for name, ratio in ratios.items():
        assert ratio[WEEKS] == pytest.approx(1.0, abs=0.05), name
        assert ratio[7:] == pytest.approx(1.0, abs=0.25), name


@pytest.mark.parametrize("scale", [1.0, 0.5, 30.0])
def test_budgets_open_between_nothing_and_what_can_be_saved(scale: float) -> None:
    sim = fresh("calm", (f"liquidation.budget_scale={scale}",))
    buyers, days = sim.market.buyers, sim.scenario.liquidation.budget_days
    assert buyers.budget_usd.min() >= -1e-6
    limit = buyers.budget_usd_day * days
    assert (buyers.budget_usd <= limit * (1 + 1e-9) + 1e-6).all()
    # Some spend what comes in, some have waited for better prices.
    waited = buyers.budget_usd > 0.99 * limit
    assert 0 < waited.sum() < len(waited)


@pytest.mark.parametrize("entrant", [True, False])
def test_entrants_do_not_change_what_the_quotes_say(entrant: bool) -> None:
    """The quotes were made without them; a segment that was there has its part in the quotes."""
    books = tables()
    rich = next(row for row in books.buyers if row.segment == "SMALL_NEOCLOUDS")
    new = rich.model_copy(update={"segment": "NEW", "name": "New", "entrant": entrant})
    more = replace(books, buyers=(*books.buyers, new))
    without, with_new = (Simulation(Scenario.load("calm"), 1, some) for some in (books, more))
    views = [sim.market.buyer_view for sim in (without, with_new)]
    assert np.array_equal(*views) == entrant
    market = with_new.market
    mine = market.buyers.segment == len(books.buyers)
    if entrant:  # they come with what they have saved
        days = with_new.scenario.liquidation.budget_days
        assert market.buyers.budget_usd[mine] == pytest.approx(
            days * market.buyers.budget_usd_day[mine]
        )
        gpus = [sim.series()["gpu_realisable_ltv"].iloc[0] for sim in (without, with_new)]
        assert gpus[1] < gpus[0]


def test_views_are_read_off_the_market_before_it_is_scaled() -> None:
    scaled = ("liquidation.budget_scale=0.1", "liquidation.slot_scale=3")
    views = [fresh("calm", settings).market.buyer_view for settings in ((), scaled)]
    assert np.all(views[0] == views[1])
    assert np.any(views[0] != 1.0)


@pytest.mark.uncompiled
def test_quotes_are_read_before_what_a_scenario_announces() -> None:
    """A cheaper class to come is news: it does not change what quotes of the opening imply."""
    news = ("days=1", "launches.vr200.price_factor=0.5")
    usual, cheap = (fresh("baseline", settings).market for settings in (("days=1",), news))
    vr200 = usual.names.hardware.index("VR200")
    assert cheap.hardware.new_usd[vr200] == 0.5 * usual.hardware.new_usd[vr200]
    assert np.array_equal(cheap.buyer_view, usual.buyer_view)
