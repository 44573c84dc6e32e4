"""Labels agree with real replays, for every failure of ten runs.

They are read off the logs of runs that are set up by hand, as somebody would who does not trust the
labels.
"""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.experiments.causes.causes import find_causes
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.events import Event

DAYS = ("days=450",)
OFF = {
    "hardware": ("forced_supply",),
    "coins": ("btc_impact",),
    "lenders": (
        "lender_capital", "lender_distress", "loss_memory", "securitisation", "interlender",
    ),
    "groups": ("cross_default", "material_change"),
    "tenants": ("tenants_in_books",),
}  # fmt: skip
EVERYTHING = tuple(name for names in OFF.values() for name in names)
FAILS = (Event.DEFAULT, Event.REORGANISED, Event.LENDER_FAILED)


def failed(sim: Simulation) -> set[str]:
    """Ids of who fails, from the log: loans with recourse on which a lender enforces alone too."""
    log, names = sim.market.events, sim.market.names.parties
    alone = log[log["kind"] == Event.LOAN_DEFAULT]
    alone = alone[sim.market.loans.recourse[alone["loan"]]]
    party = {*log["party"][np.isin(log["kind"], FAILS)].tolist(), *alone["party"].tolist()}
    return {names[one] for one in party}


def replayed(name: str, seed: int, off: tuple[str, ...]) -> set[str]:
    settings = [*DAYS, *(f"channels.{one}=false" for one in off)]
    return failed(Simulation(Scenario.load(name).with_settings(settings), seed).run())


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("joint-crash", 1),
        *(
            pytest.param(name, seed, marks=pytest.mark.slow)
            for name, seeds in (("joint-crash", range(2, 6)), ("tightening", range(1, 6)))
            for seed in seeds
        ),
    ],
)
def test_every_label_agrees_with_a_replay(name: str, seed: int) -> None:
    sim = runs.finished(name, DAYS, seed)
    found = find_causes(sim).by_party
    assert found.keys() == failed(sim)
    without = {key: replayed(name, seed, off) for key, off in OFF.items()}
    nothing = replayed(name, seed, EVERYTHING)
    for party, label in found.items():
        missing = tuple(key for key, names in without.items() if party not in names)
        if missing:
            assert label.through == missing, party
        elif party not in nothing:
            assert label.through == ("together",), party
        else:
            assert label.first_round, party
