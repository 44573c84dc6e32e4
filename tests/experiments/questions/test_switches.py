"""Every switch can be set, pairs are compared as pairs, and a lender's failure is one tree."""

import math

import pandas as pd
import pytest

from firesale.experiments.figures.lender_failure import tree_of
from firesale.experiments.questions.switches import SWITCHES, outcomes, paired
from firesale.market.scenario.scenario import Scenario
from firesale.market.scenario.sections import Channels, Policy

COLUMNS = ["event", "kind", "party", "cause", "day", "amount_usd", "parent"]


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_changes_its_setting_and_nothing_else(switch: str) -> None:
    scenario = Scenario.load("joint-crash")
    before, after = scenario.model_dump(), scenario.with_settings([switch]).model_dump()
    section, key = switch.partition("=")[0].split(".")
    assert before[section][key] != after[section][key]
    after[section][key] = before[section][key]
    assert before == after


def test_nothing_is_left_out() -> None:
    named = {switch.partition("=")[0] for switch in SWITCHES}
    assert {f"channels.{name}" for name in Channels.model_fields} <= named
    levers = set(Policy.model_fields) - {"buyer_price_share", "buyer_families"}  # of one lever
    assert {f"policy.{name}" for name in levers} <= named


def test_pairs() -> None:
    mean, error = paired([1.0, 2.0, 3.0], [2.0, 4.0, 3.0])
    assert mean == pytest.approx(1.0)
    assert error == pytest.approx(math.sqrt(1.0 / 3.0))  # differences 1, 2, 0: variance 1
    assert math.isnan(paired([1.0], [2.0])[1])


def test_outcomes_count_closed_sleeves_as_lost_lenders() -> None:
    summary = {
        "defaults": {"miner": 3, "neocloud": 2, "lender": 1},
        "sleeves_closed": ["A", "B"],
        "loss_usd": {"total": 5e6, "unresolved_share": 0.25},
        "linked": {"largest": 4},
        "liquidation": {"seized_units": 2e3},
        "ltv": {"realisable": 1.5},
        "lenders": {"withdrawn_usd": 7e6, "interlender_loss_usd": 8e6},
    }
    assert list(outcomes(summary).values()) == [3, 2, 3, 5.0, 25.0, 4, 2.0, 150.0, 7.0, 8.0]


def test_the_tree_of_a_failure_keeps_steps_and_merges_repetitions() -> None:
    log = [
        (0, "covenant_breach", "N", "dscr", 5, 1e6, -1),
        (1, "covenant_breach", "N", "dscr", 95, 2e6, 0),
        (2, "lock_up", "N", "dscr", 95, 0.0, 1),
        (3, "default", "N", "dscr", 120, 9e6, 2),
        (4, "loan_default", "N", "dscr", 120, 8e6, 3),
        (5, "write_down", "L", "losses", 120, 6e6, 4),
        (6, "margin_call", "M", "btc_price", 121, 1e6, -1),
        (7, "lender_failed", "L", "losses", 130, 50e6, 5),
        (8, "interlender_loss", "K", "losses", 130, 4e6, 7),
    ]
    trees = tree_of(pd.DataFrame(log, columns=COLUMNS), [5, 7, 8])
    lines = [(depth, node.kind, node.amount_usd) for tree in trees for depth, node in tree.walk()]
    assert lines == [
        (0, "covenant_breach", 3e6),  # two quarters, one line
        (1, "default", 9e6),
        (2, "write_down", 6e6),
        (3, "lender_failed", 50e6),
        (4, "interlender_loss", 4e6),
    ]
