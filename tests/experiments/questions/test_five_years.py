"""Five years: rates, trends, and that firms come and go without the market emptying."""

from __future__ import annotations

import pandas as pd
import pytest

from firesale.experiments.questions.five_years import (
    CALM_BITCOIN,
    FLAT_NETWORK,
    NO_LAUNCHES,
    STEADY_RENTS,
    by_year,
    demand,
    one_run,
    slope_of,
)
from firesale.market.scenario.scenario import Scenario


def made_up() -> pd.DataFrame:
    rows = []
    for seed, lost in ((1, 10), (2, 20)):
        for year in range(3):
            rows.append(
                {
                    "seed": seed,
                    "year": year,
                    "kind": "miner",
                    "standing": 100 - lost * year + 5 * year,
                    "entered": 5 * year,
                    "failed": lost * year,
                    "debt_usd": 4e9,
                    "income_usd": 2e9,
                    "q": 1.0,
                    "hashprice": 50.0,
                    "network_eh_s": 1000.0,
                    "rent": 2.0,
                    "supply": 1e6,
                }
            )
    return pd.DataFrame(rows)


def test_rates_are_of_those_in_business_at_the_beginning_of_the_year() -> None:
    first, second = (by_year(made_up()).loc[("miner", year)] for year in (1, 2))
    assert first["defaults"] == pytest.approx((0.10 + 0.20) / 2.0)
    assert second["defaults"] == pytest.approx((10.0 / 95.0 + 20.0 / 85.0) / 2.0)
    assert first["new"] == second["new"] == 5.0
    assert first["debt_over_income"] == 2.0


def test_a_trend_is_the_mean_slope_with_an_interval_over_seeds() -> None:
    slope, error = slope_of(made_up(), "standing", "miner")
    assert slope == pytest.approx((-5.0 - 15.0) / 2.0)
    assert error == pytest.approx(1.96 * 5.0)  # two seeds, five apart from their mean
    assert slope_of(made_up(), "debt_over_income", "miner")[0] == pytest.approx(0.0)
    assert slope_of(made_up(), "defaults", "miner")[0] > 0.0


@pytest.mark.slow
def test_five_calm_years_stay_in_balance() -> None:
    """Once loans of the opening have had a year to go bad, nothing has a trend."""
    scenario, seeds = Scenario.load("five-years"), range(1, 5)
    closed = scenario.with_settings(["entry.on=false"])
    both, alone = (pd.concat([one_run(one, seed) for seed in seeds]) for one in (scenario, closed))
    for kind in ("miner", "neocloud"):
        mine, theirs = (by_year(one.copy()).loc[kind] for one in (both, alone))
        assert mine["standing"].iloc[0] == theirs["standing"].iloc[0]
        assert mine["standing"].iloc[-1] > 1.2 * theirs["standing"].iloc[-1]
        assert 0.75 < mine["standing"].iloc[-1] / mine["standing"].iloc[0] < 1.75
        assert mine["defaults"].max() < 0.12
        assert mine["debt_over_income"].iloc[-1] < mine["debt_over_income"].iloc[0]
        late = both[both["year"] > 0]
        slope, error = slope_of(late, "defaults", kind)  # the first difference falls away
        assert abs(slope) < max(error, 0.015)
    # What enters is part of the growth of supply, not on top of it.
    assert both["supply"].to_numpy() == pytest.approx(alone["supply"].to_numpy(), rel=0.05)


@pytest.mark.slow
def test_what_takes_baseline_out_of_balance_is_named_by_the_page() -> None:
    """Neoclouds: demand that grows too slowly for new classes. Miners: bitcoin and the network."""

    def late(settings: tuple[str, ...]) -> dict[str, float]:
        scenario = Scenario.load("baseline").with_settings(
            ["days=1825", "entry.on=true", *settings]
        )
        means = by_year(pd.concat([one_run(scenario, seed) for seed in (1, 2, 3)]))["defaults"]
        return {kind: float(means.loc[kind].iloc[3:].mean()) for kind in ("miner", "neocloud")}

    plain = late(())
    assert plain["neocloud"] > 0.15
    assert late((demand(0.35),))["neocloud"] < 0.06
    assert late((demand(0.2), NO_LAUNCHES, STEADY_RENTS))["neocloud"] < 0.06
    calm = late((FLAT_NETWORK, *CALM_BITCOIN))
    assert calm["miner"] < 0.06 < plain["miner"]
    assert calm["neocloud"] > 0.15  # coins have no part in that
