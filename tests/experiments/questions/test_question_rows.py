"""What questions work out of rows: differences of differences, bounds, what shocks explain."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from firesale.experiments.answers import verdicts
from firesale.experiments.answers.estimates import middle
from firesale.experiments.answers.finding import Finding, Number
from firesale.experiments.answers.subset import Level
from firesale.experiments.questions import credit_cycle, last_resort, reverse_stress
from firesale.experiments.questions import double_leverage as double
from firesale.experiments.questions.shocks import DRIVERS, in_words
from firesale.experiments.questions.systemic import Avoided, avoided_in, ranked


def test_what_orders_add_in_a_crash_less_in_calm_by_hand() -> None:
    def rows(with_: list[float], without: list[float]) -> pd.DataFrame:
        many = range(len(with_))
        arms = {double.WITH: with_, double.WITHOUT: without}
        return pd.DataFrame(
            [{"replicate": k, "arm": arm, "loss": of[k]} for arm, of in arms.items() for k in many]
        )

    crash = double.added(rows([10e6, 20e6, 99e6] * 3, [4e6, 9e6, 0.0] * 3), "loss")
    calm = double.added(rows([3e6, 6e6] * 4, [2e6, 5e6] * 4), "loss")
    assert crash.tolist() == [6e6, 11e6, 99e6] * 3
    net = double.less_calm(crash, calm)
    assert net.value == pytest.approx((6 + 11 + 99) / 3 - 1)
    assert net.low < net.value < net.high
    alone = double.less_calm(crash, crash)
    assert (alone.low, alone.value, alone.high) == (0.0, 0.0, 0.0), "the same luck drops out"


def test_nine_of_ten_draws_lie_further_apart_than_their_mean_s_interval() -> None:
    assert middle(np.arange(101.0), ".0f") == "5 to 95"
    assert middle(np.array([1e6, np.nan]), "+.1f", 1e6) == "+1.0 to +1.0"
    assert middle(np.array([np.nan])) == "–"


def test_a_buyer_that_does_better_with_what_it_keeps_by_hand() -> None:
    """Net −4 with storage of 2; what it holds brings 1 at once, 1.5 in 90 days, 3 by schedule."""
    usd = {"storage": 2e9, "held": 1e9, "held_90_days": 1.5e9, "held_scheduled": 3e9}
    columns = {f"{last_resort.BUYER}{name}_usd": value for name, value in usd.items()}
    made = pd.DataFrame(
        [{"arm": arm, "replicate": k, "run_id": k, **columns} for arm in ("none", "buyer")
         for k in (0, 1)]
    )  # fmt: skip
    numbers: dict[str, Number] = {}
    table = last_resort._kept(made, np.array([-4e9, -4e9]), numbers)
    assert [cell.value for cell in table.column("net, $bn")] == [-4.0, -2.0, -1.5, 0.0]
    assert numbers["net_best_buyer"].value == 0.0
    assert numbers["storage"].value == 2.0


@pytest.mark.parametrize(("slope", "low", "high"), [(10.0, 90.0, 100.0), (0.0, -5.0, 10.0)])
def test_shocks_explain_what_follows_from_them_and_not_what_is_luck(
    slope: float, low: float, high: float
) -> None:
    rng = np.random.default_rng(3)
    points = rng.standard_normal((400, len(DRIVERS)))
    rent = points[:, 1]  # nearly all of rents
    loss = np.exp(0.1 * (slope * rent + rng.standard_normal(400)))
    level = Level(-math.inf, 1.0, points, np.column_stack([loss, loss, loss]))
    found = reverse_stress._explained([[level]])
    assert low <= found.value <= high
    assert 0.0 <= found.low <= max(found.value, 0.0) <= found.high


def test_a_shock_in_words_has_no_rise_of_bitcoin() -> None:
    told = in_words(np.array([0.4, math.log(0.8), -1.0, 0.0, 0.0]))
    assert told.replace("\N{NO-BREAK SPACE}", " ") == (
        "bitcoin down 0 %, rents -20 % and 0.0 units of stress of money"
    )


def test_parties_come_back_from_the_rows_of_a_sweep_and_rank_by_what_others_lose() -> None:
    rows = pd.DataFrame(
        [
            {"seed": 1, "fails:A": 1.0, "borrowers:A": 2.0, "lenders:A": 0.0, "loss_usd:A": 5.0,
             "fails:B": 1.0, "borrowers:B": 0.0, "lenders:B": 1.0, "loss_usd:B": 9.0},
            {"seed": 2, "fails:A": 0.0, "borrowers:A": 0.0, "lenders:A": 0.0, "loss_usd:A": 0.0},
        ]
    )  # fmt: skip
    found = avoided_in(rows)
    assert Avoided("A", 1, True, 2, 0, 5.0) in found
    assert len(found) == 3, "B is no candidate of the second draw"
    first, second = ranked(found)
    assert (first.party, first.fails, first.seeds) == ("B", 1, 1)
    assert (second.party, second.loss_usd.value, second.seeds) == ("A", 2.5, 2)


def test_credit_cycle_cannot_tell_where_free_credit_is_not_taken() -> None:
    def found(higher: Number) -> Finding:
        numbers = {f"lag_{name}": Number(5.0, 4.0, 6.0) for name in credit_cycle.WORLDS}
        return Finding("credit-cycle", False, numbers | {"higher": higher}, {}, 1, 1.0, 1)

    assert credit_cycle.verdict(found(Number(1.0, -1.0, 3.0))) == verdicts.UNKNOWN
    assert credit_cycle.verdict(found(Number(2.0, 1.0, 3.0))) == verdicts.HOLDS
