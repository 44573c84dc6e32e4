"""Directions that theory gives: what switching a channel or turning a parameter must do."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from runs import finished, fresh, tables

from firesale.experiments.questions.missing_repo_market import PROBE, failing, sell
from firesale.experiments.questions.probe import with_probes
from firesale.market.prices.marks import set_marks
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

CRASH = ("days=250", "crypto.crash_start_day=5", "crypto.crash_days=90")
SEEDS = (1, 2)


def crash(*more: str, seed: int = 1, scenario: str = "joint-crash") -> Simulation:
    return finished(scenario, (*CRASH, *more), seed)


def of_kind(sim: Simulation, kind: str) -> pd.DataFrame:
    log = sim.events()
    return log[log["kind"] == kind]


def liquidated_coins(sim: Simulation) -> float:
    """BTC sold by lenders out of pledges."""
    sales = of_kind(sim, "btc_liquidation")
    price = sim.series().set_index("day")["btc_usd"]
    return float((sales["amount_usd"] / price.loc[sales["day"]].to_numpy()).sum())


# ------------------------------------------------------------------ channels off


@pytest.mark.parametrize("seed", SEEDS)
def test_without_margin_calls_no_coin_is_called(seed: int) -> None:
    on, off = (crash(f"channels.crypto_margin={x}", seed=seed) for x in ("true", "false"))
    called = of_kind(off, "margin_call")
    assert "btc_price" not in set(called["cause"])
    assert "btc_price" not in set(of_kind(off, "btc_liquidation")["cause"])
    assert (of_kind(on, "margin_call")["cause"] == "btc_price").sum() > 10
    assert liquidated_coins(off) < liquidated_coins(on)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_orders_on_coins_no_free_coin_is_pledged_for_growth(seed: int) -> None:
    on, off = (crash(f"channels.treasury_funding={x}", seed=seed) for x in ("true", "false"))

    def drawn(sim: Simulation) -> float:
        draws = of_kind(sim, "draw")
        return float(draws[draws["loan"].str.endswith("-TREASURY")]["amount_usd"].sum())

    assert drawn(on) > 0.0 == drawn(off)
    for sim in (on, off):
        assert sim.summary()["conservation_error"] < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_treasurers_sell_through_a_crash(seed: int) -> None:
    """Less is left of what listed miners mined than with coins kept until cash is out."""
    ahead, late = (crash(f"miners.hold_buffer_days={x}", seed=seed) for x in (91, 0))
    held = [float(sim.series()["btc_held_listed"].iloc[-1]) for sim in (ahead, late)]
    assert held[0] < held[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_without_impact_the_price_is_the_shock(seed: int) -> None:
    on, off = (crash(f"channels.btc_impact={x}", seed=seed) for x in ("true", "false"))
    assert (off.series()["btc_impact_log"] == 0.0).all()
    np.testing.assert_array_equal(off.series()["btc_usd"], off.market.crypto.btc_usd)
    assert off.summary()["btc_impact_worst"] == 0.0
    assert (on.series()["btc_impact_log"] <= 0.0).all()
    assert (on.series()["btc_usd"] <= off.series()["btc_usd"]).all()
    assert on.summary()["btc_impact_worst"] > 0.0


def test_forced_sales_press_the_price_once_and_the_press_fades() -> None:
    """Day by day: impact = yesterday's, halved in so many days, plus the square root of sales."""
    sim = crash("crypto.impact_half_life_days=5", "crypto.depth_adv_usd=1e9")
    series = sim.series()
    sold = series["btc_forced_sale_usd"].to_numpy()
    assert sold.max() > 1e7
    expected = 0.0
    for day in range(1, len(series)):
        volatility = sim.scenario.crypto.volatility / math.sqrt(365.0)
        expected = 0.5 ** (1 / 5) * expected - volatility * math.sqrt(sold[day - 1] / 1e9)
        assert series["btc_impact_log"][day] == pytest.approx(expected, abs=1e-12)


def test_shallower_markets_fall_further() -> None:
    worst = [
        crash(f"crypto.depth_adv_usd={depth}").summary()["btc_impact_worst"]
        for depth in ("3e10", "3e9", "3e8")
    ]
    assert worst[0] < worst[1] < worst[2]


@pytest.mark.parametrize("scenario", ["crypto-crash", "calm"])
def test_without_curtailment_the_network_follows_its_plan(scenario: str) -> None:
    sim = finished(scenario, ("days=400", "channels.hashprice=false"))
    c = sim.scenario.crypto
    day = np.arange(401)
    share = np.clip((day - c.hashrate_growth_start_day) / c.hashrate_growth_days, 0.0, 1.0)
    opening = sum(row.hashrate_eh_s for row in tables().miners)
    planned = opening * (1.0 + c.hashrate_growth) ** share
    assert sim.series()["network_hashrate_eh_s"].to_numpy() == pytest.approx(planned, rel=1e-9)


def test_curtailment_softens_the_fall_of_hashprice() -> None:
    """Rigs that switch off leave more for those that run."""
    on, off = (
        crash(f"channels.hashprice={x}", scenario="crypto-crash").series()
        for x in ("true", "false")
    )
    assert (
        on["network_hashrate_eh_s"].iloc[60:] <= off["network_hashrate_eh_s"].iloc[60:] * (1 + 1e-9)
    ).all()
    assert (
        on["hashprice_usd_ph_day"].iloc[-100:].mean()
        > off["hashprice_usd_ph_day"].iloc[-100:].mean()
    )


def test_hashprice_is_reward_over_difficulty_every_day() -> None:
    series = crash(scenario="crypto-crash").series()
    fee = tables().quotes["fee_share"]
    reward = tables().quotes["block_subsidy_btc"] / (1.0 - fee) * 144.0
    expected = series["btc_usd"] * reward / (series["difficulty_eh_s"] * 1000.0)
    assert series["hashprice_usd_ph_day"][1:].to_numpy() == pytest.approx(expected[1:].to_numpy())


@pytest.mark.parametrize("seed", SEEDS)
def test_without_feedback_rents_follow_planned_supply(seed: int) -> None:
    on, off = (crash(f"channels.rent_feedback={x}", seed=seed).series() for x in ("true", "false"))
    assert (off["rent_h100_usd_h"] == off["rent_planned_usd_h"]).all()
    assert not (on["rent_h100_usd_h"] == on["rent_planned_usd_h"]).all()
    np.testing.assert_array_equal(on["rent_planned_usd_h"], off["rent_planned_usd_h"])


def test_idle_machines_raise_rents_above_plan() -> None:
    """Rent over planned rent = (planned over actual supply) ^ (1 / elasticity), a day later."""
    sim = crash("liquidation.receiver_share=0")
    series = sim.series()
    planned = sim.market.planned_supply[: len(series)]  # it is known beyond the horizon
    ratio = planned[1:] / series["effective_gpus"].to_numpy()[:-1]
    expected = ratio ** (1.0 / sim.scenario.compute.elasticity)
    found = (series["rent_h100_usd_h"] / series["rent_planned_usd_h"]).to_numpy()[1:]
    assert found == pytest.approx(expected, rel=1e-9)


def schedule(name: str, days: int) -> np.ndarray:
    """Exponential depreciation through the table of residual shares, down to scrap."""
    row = next(row for row in tables().hardware if row.id == name)
    points = [p for p in tables().depreciation if p.family == row.family]
    age = np.array([p.age_years for p in points])
    rate = -np.sum(age * np.log([p.residual_share for p in points])) / np.sum(age**2)
    assert row.used_price_usd is not None
    value = row.used_price_usd * np.exp(-rate * np.arange(days + 1) / 365.0)
    return np.maximum(row.scrap_usd, value)


def test_marked_to_schedule_marks_are_the_schedule() -> None:
    sim = crash("channels.mark_to_market=false", "investment.sensitivity=0")
    series = sim.series()
    names = [row.id for row in tables().hardware if row.used_price_usd]
    assert len(names) > 8
    for name in names:
        found = series[f"mark_{name}_usd"].to_numpy()
        assert found == pytest.approx(schedule(name, sim.scenario.days), rel=1e-9), name


def test_marks_lie_between_schedule_and_evidence() -> None:
    """Weight w on a price of age a: mark = schedule + w 2^(-a / half-life) (aged - schedule)."""
    sim = crash()
    series, marks = sim.series(), sim.scenario.marks
    for name in ("H100", "J18_25"):
        plan = schedule(name, sim.scenario.days)
        scrap = next(row.scrap_usd for row in tables().hardware if row.id == name)
        last, since = np.nan, 0
        rate = -math.log(schedule(name, 1)[1] / plan[0])
        for day in range(1, sim.scenario.days + 1):
            age = day - since
            if np.isfinite(last):
                weight = marks.evidence_weight * 0.5 ** (age / marks.evidence_half_life_days)
                aged = last * math.exp(-rate * age)
                low, high = sorted((plan[day], aged))
                mark = series[f"mark_{name}_usd"][day]
                assert low * (1 - 1e-9) <= mark <= high * (1 + 1e-9), (name, day)
                assert mark == pytest.approx((1 - weight) * plan[day] + weight * aged, rel=1e-6)
            if series[f"clearing_{name}_usd"][day] == scrap:
                break  # at scrap one cannot tell a new price from an old one
            if series[f"clearing_{name}_usd"][day] != last:  # no trade, no evidence
                last, since = series[f"clearing_{name}_usd"][day], day


@pytest.mark.parametrize("seed", SEEDS)
def test_without_cross_default_no_more_loans_fail(seed: int) -> None:
    on, off = (crash(f"channels.cross_default={x}", seed=seed) for x in ("true", "false"))
    assert 0 < len(of_kind(off, "loan_default")) <= len(of_kind(on, "loan_default"))
    assert "cross_default" in set(of_kind(on, "loan_default")["cause"])
    assert "cross_default" not in set(off.events()["cause"])
    # What is left is bankruptcy of the borrower as a whole: of all loans but the one unpaid.
    for sim in (on, off):
        fallen = of_kind(sim, "loan_default")
        above = sim.events().loc[fallen["parent"]].set_axis(fallen.index)
        whole = (above["kind"] == "default") & above["cause"].isin(
            ["operating_costs", "hazard", "parent_failed"]
        )
        if sim is off:
            whole = (above["kind"] == "default") & (fallen["round"] == 1)
        plans = sim.events().loc[sim.events()["kind"] == "reorganised", "parent"]
        whole |= fallen["parent"].isin(plans)
        pd.testing.assert_series_equal(whole, fallen["cause"] == "insolvency", check_names=False)


# ------------------------------------------------------------------ parameters


def test_deeper_crashes_liquidate_more() -> None:
    coins, called = [], []
    for depth in (0.2, 0.4, 0.6, 0.8):
        sim = crash(f"crypto.crash_depth={depth}", "crypto.volatility=0.2", scenario="crypto-crash")
        coins.append(liquidated_coins(sim))
        called.append(set(sim.summary()["margin_called"]))
    assert coins == sorted(coins) and coins[0] < coins[-1]
    for smaller, larger in pairwise(called):
        assert smaller <= larger


@pytest.mark.parametrize("seed", SEEDS)
def test_harder_times_fail_more(seed: int) -> None:
    def failed(scenario: str) -> int:
        return sum(finished(scenario, ("days=365",), seed).summary()["defaults"].values())

    assert failed("calm") <= failed("crypto-crash") <= failed("joint-crash")
    assert failed("calm") < failed("joint-crash")


def test_dearer_money_fails_no_fewer() -> None:
    failed = [
        sum(
            crash(f"credit.reference_rate={rate}", "credit.hazard_per_year=0")
            .summary()["defaults"]
            .values()
        )
        for rate in (0.0, 0.2)
    ]
    assert failed[0] < failed[1]


def test_refusing_to_roll_leaves_more_maturities_unpaid() -> None:
    """Of those who cannot ask shareholders instead."""
    alone = ("days=730", "credit.equity_share_per_quarter=0", "credit.hazard_per_year=0")
    unpaid, refused = [], []
    for share in (1.0, 0.0):
        events = finished("calm", (f"credit.refinancing_appetite={share}", *alone)).events()
        missed = events[events["kind"] == "missed_payment"]
        unpaid.append(int((missed["cause"] == "maturity").sum()))
        refused.append(int((events["kind"] == "not_refinanced").sum()))
    assert unpaid[0] < unpaid[1] and 10 * refused[0] < refused[1]


def test_rents_move_as_the_law_says() -> None:
    """Efficiency lowers rents if demand is inelastic and raises them if it is elastic."""
    for elasticity in (0.5, 2.0):
        sim = finished(
            "calm",
            (
                "days=365",
                f"compute.elasticity={elasticity}",
                "compute.efficiency_growth=0.3",
                "channels.rent_feedback=false",
            ),
        )
        rents = sim.series()["rent_h100_usd_h"]
        expected = math.exp(0.3 * (elasticity - 1.0) / elasticity)
        assert rents.iloc[-1] / rents.iloc[0] == pytest.approx(expected, rel=1e-9)


def test_a_crash_is_as_deep_as_it_says() -> None:
    sim = crash("channels.btc_impact=false", scenario="crypto-crash")
    prices = sim.series()["btc_usd"]
    assert prices[95] / prices[5] == pytest.approx(1.0 - 0.77, rel=1e-9)


# ------------------------------------------------------------------ is anybody there to buy?


def realised(gpus: int, hardware: str, *more: str) -> float:
    """Proceeds of a year over paper value, of so many machines seized in a calm market."""
    calm = ("days=365", "credit.hazard_per_year=0", "channels.rent_feedback=false")
    scenario = Scenario.load("calm").with_settings([*calm, *more])
    sim = Simulation(scenario, 1, with_probes(tables(), (failing(gpus, hardware),))).run()
    lots = sim.market.lots
    used = slice(0, int(lots.count[0]))
    mine = lots.borrower[used] == sim.market.names.parties.index(PROBE)
    seized = lots.seized_units[used][mine]
    assert seized.sum() == pytest.approx(gpus)
    return float(lots.proceeds_usd[used][mine].sum() / (seized * lots.mark_usd[used][mine]).sum())


@pytest.mark.parametrize(
    ("hardware", "quantities"),
    [("A100", (1_000, 10_000, 50_000)), ("H100", (10_000, 50_000, 200_000))],
    ids=["removed", "in place"],
)
def test_the_more_is_seized_the_less_a_machine_brings(
    hardware: str, quantities: tuple[int, ...]
) -> None:
    """Older cards go to who has racks; clusters of newer ones to who takes them as they stand."""
    brought = [realised(gpus, hardware) for gpus in quantities]
    assert brought == sorted(brought, reverse=True)
    assert brought[-1] < 0.9 * brought[0]


def test_free_racks_help() -> None:
    brought = [
        realised(50_000, "A100", f"liquidation.slot_scale={scale}") for scale in (0.05, 1.0, 4.0)
    ]
    assert brought[0] < brought[1] <= brought[2] * (1 + 1e-9)


def test_money_helps() -> None:
    brought = [
        realised(50_000, "A100", f"liquidation.budget_scale={scale}") for scale in (0.1, 1.0)
    ]
    assert brought[0] < brought[1]


def test_the_experiment_of_the_missing_repo_market_shows_it() -> None:
    """The question's own numbers: quantity hurts, racks help."""

    def recovery(gpus: int, racks: float) -> float:
        calm = ("days=365", "credit.hazard_per_year=0", f"liquidation.slot_scale={racks}")
        scenario = Scenario.load("calm").with_settings(list(calm))
        return float(sell(scenario, 1, {}, gpus=gpus, hardware="H100").summary["recovery"])

    assert recovery(100_000, 0.1) < recovery(100_000, 1.0) <= recovery(10_000, 1.0)


def test_what_others_buy_does_not_make_pledged_machines_younger() -> None:
    """A class is as old as its launch, however many new machines of it are delivered."""
    boom = fresh("calm", ("days=250", "compute.adoption_growth=0.5"), 3).run().market
    assert boom.prices.ordered_usd > 1e9
    k = boom.opening.machine_class
    set_marks(boom)
    assert boom.schedule_usd[k] == pytest.approx(schedule("B200", boom.day)[-1], rel=1e-9)
