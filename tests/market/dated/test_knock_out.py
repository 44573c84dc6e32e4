"""A party that fails by a script, in whatever books."""

from __future__ import annotations

import pytest
from runs import finished

from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

SHORT = ("days=40", "credit.hazard_per_year=0")


def failed(*settings: str) -> dict[str, list[str]]:
    run = finished("calm", (*SHORT, *settings), 1).summary()
    lenders = run["defaulted"]["lender"] + run["sleeves_closed"]
    return {
        "borrowers": run["defaulted"]["miner"] + run["defaulted"]["neocloud"],
        "lenders": lenders,
    }


def test_nobody_fails_unless_named() -> None:
    assert failed() == {"borrowers": [], "lenders": []}


@pytest.mark.parametrize("party", ["CRWV", "MARA"])
def test_a_borrower_fails_on_its_day(party: str) -> None:
    assert party in failed(f"knock_out.party={party}", "knock_out.day=5")["borrowers"]
    log = finished("calm", (*SHORT, f"knock_out.party={party}", "knock_out.day=5"), 1).events()
    own = log[(log["kind"] == "default") & (log["party"] == party)]
    assert own["day"].tolist() == [5] and own["cause"].tolist() == ["hazard"]
    shock = log[log["event"] == own["parent"].iloc[0]]
    assert shock["kind"].tolist() == ["shock"] and shock["party"].tolist() == [party]


@pytest.mark.parametrize("party", ["BX", "TETHER", "JPM"])  # a bank's desk is closed
def test_a_lender_without_capital_fails_or_closes(party: str) -> None:
    run = finished("calm", (*SHORT, f"knock_out.party={party}"), 1)
    assert party in failed(f"knock_out.party={party}")["lenders"]
    assert run.summary()["conservation_error"] < 1e-9


def test_a_name_that_is_not_there_is_refused() -> None:
    scenario = Scenario.load("calm").with_settings(["knock_out.party=CRVW"])
    with pytest.raises(InputError, match="CRWV"):
        Simulation(scenario, 1)
    with pytest.raises(InputError, match=r"knock_out\.party"):
        Scenario.load("calm").with_settings(["knock_out.day=9"])
