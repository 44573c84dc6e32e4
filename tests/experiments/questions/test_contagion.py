"""Multipliers over seeds, and who transmits most: by hand, and in runs in which somebody does."""

from __future__ import annotations

import numpy as np
import pytest

from firesale.experiments.causes.companions import NEVER, Outcome
from firesale.experiments.causes.labels import KEYS, Split
from firesale.experiments.questions import multiplier, systemic
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation


def outcome(days: list[int | None], lost: list[float], of: list[int]) -> Outcome:
    """Two borrowers and a lender: failure days, and losses by whose debt they are on."""
    day = np.array([NEVER if one is None else one for one in days])
    return Outcome(day, np.array(lost), np.array(of), 2)


def test_what_others_are_spared_leaves_the_party_itself_out() -> None:
    run = outcome([10, 40, 50], [100.0, 60.0, 5.0], [0, 1, -1])
    without = outcome([None, None, 50], [0.0, 10.0, 2.0], [0, 1, -1])
    assert systemic.avoided(0, run, without) == (1, 0, 53.0)


def test_more_failures_without_it_count_against_it() -> None:
    run = outcome([10, None, None], [100.0, 0.0, 0.0], [0, 1, -1])
    without = outcome([None, 30, 60], [0.0, 20.0, 0.0], [0, 1, -1])
    assert systemic.avoided(0, run, without) == (-1, -1, -20.0)


def test_the_table_has_who_fails_and_the_worst_first() -> None:
    found = [
        systemic.Avoided(name, seed, fails, 1, 0, usd)
        for seed in (1, 2)
        for name, fails, usd in (("a", True, 1e6), ("b", True, 3e6 * seed), ("c", False, 0.0))
    ]
    lines = systemic.table(found)
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| b", "| a"]
    assert "2 of 2 | 4.50" in lines[2]


def test_candidates_are_all_lenders_and_the_largest_borrowers() -> None:
    simulation = Simulation(Scenario.load("calm"), 1, keeps_book=False)
    market = simulation.market
    found = systemic.candidates(simulation)
    lenders = len(market.lenders.kind)
    assert found[:lenders] == list(range(market.first_lender, market.first_lender + lenders))
    assert len(found) == lenders + systemic.LARGEST_BORROWERS
    assert market.names.parties.index("CRWV") in found


def test_a_multiplier_is_a_ratio_of_means_and_no_mean_of_ratios() -> None:
    def split(total: float, first: float) -> Split:
        through = dict.fromkeys(KEYS, 0.0) | {"hardware": total - first}
        return Split(first, through, 0.0)

    seeds = [
        multiplier.Seed(1, (split(100, 80), split(1, 1), split(2e6, 1e6)), 10.0),
        multiplier.Seed(2, (split(110, 90), split(1, 1), split(2e6, 1e6)), 20.0),
    ]
    *_, last, number = multiplier.table(seeds)
    handed = np.array([10.0 / 101.0, 20.0 / 111.0])
    told = f"| reproduction number | {30.0 / 212.0:.3f} ({handed[0]:.3f} to {handed[1]:.3f})"
    assert number.startswith(told)
    assert last.startswith("| multiplier | 1.235 (1.222 to 1.250) | 1.000 (1.000 to 1.000) | 2.000")


@pytest.mark.slow
def test_who_is_said_to_have_felled_another_did() -> None:
    """FUFU is refused by Antalpha, which sales of rigs have hurt: without either it stands."""
    scenario = Scenario.load("joint-crash")
    assert "FUFU" in Simulation(scenario, 1).run().summary()["defaulted"]["miner"]
    stands = Simulation(scenario, 1, without=("ANTALPHA",)).run().summary()
    assert "FUFU" not in stands["defaulted"]["miner"]
