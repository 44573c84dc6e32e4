"""Companions of whole runs: the same shocks, no gifts, and labels that a replay confirms."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.experiments.causes.companions import NEVER, companions_of, outcome_of, run_again
from firesale.experiments.causes.families import FAMILIES, still
from firesale.experiments.causes.labels import labels, split_failures, split_losses
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

CRASH = ("days=450",)
SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["crypto-crash", "joint-crash"])
def test_who_fails_and_what_is_lost_is_what_the_summary_says(name: str, seed: int) -> None:
    sim = runs.finished(name, CRASH, seed)
    outcome, summary = outcome_of(sim.market), sim.summary()
    borrowers = outcome.failed[: outcome.borrowers]
    assert np.array_equal(borrowers, sim.market.has_defaulted)
    assert outcome.failed[outcome.borrowers :].sum() == summary["defaults"]["lender"]
    assert outcome.loss_usd.sum() == pytest.approx(summary["loss_usd"]["total"], rel=1e-9)


def test_who_reorganises_fails_on_the_day_on_which_it_does() -> None:
    """It has an entry in the log of failures and, unlike others, no day of default."""
    market = Simulation(Scenario.load("calm").with_settings(["days=5"]), 1, keeps_book=False).market
    market.parties.default_event[3] = 0
    market.parties.reorganised_day[3] = 4
    assert outcome_of(market).failed_day[3] == 4
    assert (np.delete(outcome_of(market).failed_day, 3) == NEVER).all()


def test_each_family_names_switches_that_are_on() -> None:
    scenario = Scenario()
    keys = [key for family in FAMILIES for key in family.still]
    assert len(set(keys)) == len(keys)
    assert all(scenario.value_of(key) is True for key in keys)


def test_a_family_that_cannot_act_has_no_companion_of_its_own() -> None:
    old = Scenario().changed({"opening.start": "2021"}, "test")
    tenants = next(family for family in FAMILIES if family.key == "tenants")
    assert still(old, (tenants,)) == old


@pytest.mark.parametrize("seed", SEEDS)
def test_shocks_from_outside_are_the_same_in_every_companion(seed: int) -> None:
    sim = runs.finished("joint-crash", CRASH, seed)
    for family in FAMILIES:
        other = Simulation(still(sim.scenario, (family,)), seed, keeps_book=False).run()
        assert np.array_equal(other.market.crypto.btc_usd, sim.market.crypto.btc_usd)
        for kind in ("hazard", "tenant_failed"):
            ours, theirs = sim.events(), other.events()
            day = dict(ours.loc[ours.kind == kind, ["party", "day"]].to_numpy().tolist())
            same = dict(theirs.loc[theirs.kind == kind, ["party", "day"]].to_numpy().tolist())
            both = day.keys() & same.keys()  # who has failed before meets no accident
            assert all(day[party] == same[party] for party in both)


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 11))]
)
def test_everything_adds_up(seed: int) -> None:
    sim = runs.finished("joint-crash", CRASH, seed)
    made = companions_of(sim.scenario, outcome_of(sim.market), run_again(seed))
    summary, failures = sim.summary(), split_failures(made)
    assert failures.total == summary["defaults"]["miner"] + summary["defaults"]["neocloud"]
    assert split_losses(made).total == pytest.approx(summary["loss_usd"]["total"], rel=1e-9)
    for party, one in labels(made).items():
        for key in one.through:  # the label says what a replay shows
            if key in made.by_family:
                assert made.by_family[key].failed_day[party] == NEVER
            else:
                assert made.still.failed_day[party] == NEVER
                assert all(world.failed_day[party] < NEVER for world in made.by_family.values())
