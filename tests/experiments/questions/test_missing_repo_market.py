"""A lender's sale of what it seized: what must hold in each draw, and of what is stored."""

from __future__ import annotations

import pytest

from firesale.experiments.answers.finding import FOLDER, read
from firesale.experiments.questions import missing_repo_market as asked
from firesale.market.opening.beliefs import believe
from firesale.market.scenario.scenario import Scenario

ROUNDING = 0.5  # % of the loan
POORER = ("a tenth of hyperscalers' money", "a quarter of the racks", "a quarter of buyers' money")
RICHER = ("four times the racks", "four times buyers' money")


def _recovered(seed: int, gpus: int, share: float) -> float:
    drawn = ["opening.beliefs=true", "credit.hazard_per_year=0"]
    scenario = Scenario.load("calm").with_settings(drawn, days=asked.SOLD_WITHIN_DAYS)
    scores = {asked.HYPERSCALERS: share} if share != 1.0 else {}
    found = asked.sell(believe(scenario, seed), seed, scores, gpus=gpus, hardware=asked.RACK)
    return float(found.summary["recovery"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hyperscalers_money_moves_no_sale_that_they_do_not_bid_for(seed: int) -> None:
    """They take 4,000 GPUs or more; others' views do not rise because they have less."""
    assert _recovered(seed, 1_008, 0.1) == _recovered(seed, 1_008, 1.0)


def test_hyperscalers_money_matters_where_they_bid() -> None:
    assert _recovered(1, 20_160, 0.001) < _recovered(1, 20_160, 1.0)


def test_in_the_stored_table_buyers_with_less_bring_less() -> None:
    rows = read(FOLDER / "missing-repo-market.json").tables["sales"].rows
    recovered = {row[:3]: row[3][0] for row in rows}
    for (hardware, gpus, market), value in recovered.items():
        today = recovered[hardware, gpus, asked.TODAY]
        if market in POORER:
            assert value <= today + ROUNDING, (hardware, gpus, market)
        if market in RICHER:
            assert value >= today - ROUNDING, (hardware, gpus, market)
