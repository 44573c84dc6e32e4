"""Rents as they were: the index's changes on the books' levels, by class, and what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from firesale.market.prices.history import OpeningQuotes
from firesale.market.prices.imposed_rents import imposed_rents, nearest, rent_index
from firesale.market.prices.paths import longer_paths, price_paths
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

OPENING = date(2025, 9, 30)
QUALITY = {"A100": 0.6, "H100": 1.0, "B200": 1.4, "GB200": 1.5, "OTHER": 0.2, "RIG": 0.0}
QUOTES = OpeningQuotes(OPENING, 112_092.0, 4_127.8, 0.01, QUALITY)
MID_APRIL = (date(2026, 4, 15) - OPENING).days


def column(name: str) -> int:
    return list(QUALITY).index(name)


def test_an_h100_moves_as_its_index_has_since_its_first_month() -> None:
    path = imposed_rents(327, QUOTES).planned_rent
    assert path[0] == 1.0 and path[15] == pytest.approx(1.0)  # October: 2.15, the first figure
    assert path[MID_APRIL] == pytest.approx(2.55 / 2.15)


def test_between_two_months_rents_lie_on_a_straight_line_of_logs() -> None:
    path = imposed_rents(327, QUOTES).planned_rent
    march, april = ((date(2026, month, 15) - OPENING).days for month in (3, 4))
    steps = np.diff(np.log(path[march : april + 1]))
    assert steps == pytest.approx(np.full(len(steps), np.log(2.55 / 2.485) / (april - march)))


def test_each_class_moves_as_its_own_index_and_others_as_the_nearest_in_rent() -> None:
    rents = imposed_rents(327, QUOTES)
    over_h100 = rents.class_rent[MID_APRIL] * rents.planned_rent[MID_APRIL]
    assert over_h100[column("A100")] == pytest.approx(1.439 / 1.37)
    assert over_h100[column("B200")] == pytest.approx(5.182 / 4.2)
    assert over_h100[column("GB200")] == over_h100[column("B200")]
    assert over_h100[column("OTHER")] == over_h100[column("A100")]
    assert (rents.class_rent[:, column("RIG")] == 1.0).all()  # rigs have no rent
    assert nearest(1.1, {"H100": 1.0, "B200": 1.4}) == "H100"


def test_the_last_figure_stays_for_a_quarter_and_no_longer() -> None:
    last = max(rent_index()["H100"])
    after = (last - OPENING).days
    path = imposed_rents(after + 90, QUOTES).planned_rent
    assert path[-1] == path[after]
    with pytest.raises(InputError, match="knows the rent of A100 from 2025-12-15 to 2026-07-15"):
        imposed_rents(after + 93, QUOTES)
    early = QUOTES._replace(date=date(2025, 1, 1))
    with pytest.raises(InputError, match="days from 2025-01-01 are not within that"):
        imposed_rents(30, early)


def test_replayed_coins_start_at_the_books_and_pass_the_weekly_closes() -> None:
    scenario = Scenario.load("backtest-2026")
    paths = price_paths(scenario, scenario.days, 1, QUOTES)
    assert paths.crypto.start == OPENING
    assert paths.crypto.btc_usd[0] == pytest.approx(112_092.0)
    assert paths.crypto.btc_usd[5] == pytest.approx(123_458.0)  # the week to 5 October
    assert paths.crypto.btc_usd[-1] == pytest.approx(78_637.0)  # to 23 August 2026
    assert paths.macro.rate_change[-1] == pytest.approx(0.0363 - 0.0425, abs=1e-3)


def test_after_the_horizon_rents_by_class_stay() -> None:
    scenario = Scenario.load("backtest-2026")
    paths = price_paths(scenario, scenario.days, 1, QUOTES)
    longer = longer_paths(paths, scenario, 100, 1, QUOTES).compute
    assert (longer.planned_rent[-100:] == paths.compute.planned_rent[-1]).all()
    assert (longer.class_rent[-100:] == paths.compute.class_rent[-1]).all()


def test_a_network_cannot_be_replayed_from_a_file_that_does_not_know_it() -> None:
    scenario = Scenario.load("backtest-2026").with_settings(["crypto.network=history"])
    with pytest.raises(InputError, match="knows no network_hashrate_eh_s; set crypto"):
        price_paths(scenario, 30, 1, QUOTES)


def test_imposed_rents_are_what_machines_earn_whatever_supply_does() -> None:
    """An H100 earns the index, a B200 its own, also when half of all GPUs are taken offline."""
    simulation = Simulation(Scenario.load("backtest-2026").with_settings(["days=80"]), 1)
    market = simulation.market
    opening = market.hardware.quality.copy()
    while not simulation.finished:
        market.prices.effective_gpus *= 0.5
        simulation.step()
    expected = imposed_rents(80, simulation.quotes)
    assert market.prices.rent_h100_usd_h == pytest.approx(2.2 * expected.planned_rent[80])
    gpus = opening > 0.0
    moved = market.hardware.quality[gpus] / opening[gpus]
    assert moved == pytest.approx(expected.class_rent[80][gpus])
