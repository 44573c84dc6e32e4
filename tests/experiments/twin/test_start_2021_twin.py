"""The slow twin on the books of 2021: the same events and the same books, day by day."""

from __future__ import annotations

import pytest

from firesale.experiments.twin.comparison import differences
from firesale.experiments.twin.model import TwinMarket
from firesale.market.record.frames import event_frame
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

# Accidents bring failures, hosts and tenants down early; every dated fact is on.
HASTE = ("days=60", "credit.hazard_per_year=1.0", "facts.draws=all", "facts.shocks=all")
# Sales of loans have no depth, so that an owner fails; lenders keep what they seize.
KEPT = (
    *HASTE,
    "lenders.hold_seized=true",
    "lenders.deleveraging_days=3",
    "lenders.leverage_band=0.0",
    "lenders.loan_impact=50.0",
    "credit.hazard_per_year=0.3",
    "liquidation.legal_days=5",
    "liquidation.site_days=20",
)
YEAR = ("days=300", "credit.hazard_per_year=0.3", "opening.sample=true")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(HASTE, id="haste"),
        pytest.param((*HASTE, "facts.order_repriced_share=0.3"), id="orders given up"),
        # Prices of loans this steep amplify the last digit, in which uncompiled sums differ.
        pytest.param(KEPT, id="machines kept", marks=pytest.mark.compiled),
        pytest.param(YEAR, id="most of a year", marks=[pytest.mark.slow, pytest.mark.uncompiled]),
    ],
)
def test_the_twin_lives_through_the_same_days(settings: tuple[str, ...]) -> None:
    scenario = Scenario.load("backtest-2022").with_settings(list(settings))
    engine, twin = Simulation(scenario, 7), TwinMarket(scenario, rng=7)
    while not engine.finished:
        engine.step()
        twin.step()
        assert differences(twin, engine.market) == [], f"day {engine.day}"
    assert event_frame(engine.market)["kind"].tolist() == twin.events["kind"].tolist()
    assert twin.worst_conservation_error < 1e-9
    assert {"shock", "draw", "default", "seizure"} & set(twin.events["kind"]) >= {"default"}
    if scenario.lenders.hold_seized:
        assert "hosted" in set(twin.events["kind"])
        assert "parent_failed" in set(twin.events["cause"])
