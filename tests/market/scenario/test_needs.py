"""What each setting needs: the table against the market itself, and the sentences it makes."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pandas as pd
import pytest

from firesale.market.scenario.errors import InputError
from firesale.market.scenario.needs import ALWAYS, RULES, in_words, needs_of
from firesale.market.scenario.scenario import (
    Scenario,
    read_settings,
    scenario_names,
    setting_keys,
)
from firesale.market.simulation import Simulation
from firesale.market.state.terms import terms_of

KEYS = list(setting_keys())
IN_TABLE = [key for key in KEYS if needs_of(key)]
HASTE = ("days=60", "crypto.crash_start_day=3", "crypto.crash_days=20", "liquidation.legal_days=2",
         "credit.hazard_per_year=0.5", "credit.payables_days=5")  # fmt: skip
NOTHING = (
    "channels.btc_impact=false",
    "channels.rent_feedback=false",
    "channels.mark_to_market=false",
    "channels.fire_sale=false",
    "channels.lender_capital=false",
    "channels.funding_run=false",
    "channels.counterparty=false",
    "credit.finance_signed_growth=false",
    "credit.max_waivers=0",
    "credit.reorganise=false",
    "investment.sensitivity=0",
    "channels.fund_marks=false",
    "channels.treasury_funding=false",
    "crypto.hashrate_growth=0",
    "compute.volatility=0",
    "miners.hold_share=0",
    "lenders.interlender_scale=0",
    "launches.vr200.cancelled=true",
    "launches.vr300.cancelled=true",
)
WORLDS = {name: (name, ()) for name in scenario_names()} | {
    "nothing": ("joint-crash", NOTHING),
    "schedule": ("joint-crash", ("policy.mark_rule=schedule", "crypto.impact_coefficient=0",
                                 "launches.dated=false", "miners.hold_buffer_days=0")),
    "synthetic": ("joint-crash", ("opening.start=synthetic", "synthetic.parties=60")),
    "matched": (
        "joint-crash",
        ("opening.start=synthetic", "synthetic.parties=60", "synthetic.network=configuration",
         "synthetic.sizes=lognormal", "lenders.interlender_scale=0"),
    ),
    "believed": ("calm", ("opening.beliefs=true",)),
    "2021, no orders": ("backtest-2022", ("facts.orders=false", "facts.shocks=none")),
    "2021, linear": ("backtest-2022", ("crypto.impact_law=linear",)),
}  # fmt: skip


@cache
def world(name: str) -> Scenario:
    """One of them, in haste where it crashes."""
    scenario, settings = WORLDS[name]
    return Scenario.load(scenario).changed(read_settings((*HASTE, *settings)), "test")


def another(scenario: Scenario, key: str) -> Any:
    """An allowed value that a setting does not have, nor by default."""
    *sections, leaf = key.split(".")
    model: Any = Scenario
    for section in sections:
        model = model.model_fields[section].annotation
    field = model.model_fields[leaf]
    taken = (scenario.value_of(key), field.default)
    if key == "crypto.history":
        return "mine.csv"
    if field.annotation is bool:
        return not field.default
    if get_origin(field.annotation) is Literal:
        return next(value for value in get_args(field.annotation) if value not in taken)
    bounds = {n: getattr(r, n) for r in field.metadata for n in ("ge", "gt", "le", "lt")
              if getattr(r, n, None) is not None}  # fmt: skip
    low = bounds.get("ge", bounds.get("gt", -1.0))
    high = min(bounds.get("le", bounds.get("lt", 1e10)), 1e10)
    for place in (0.3, 0.6, 0.9):
        value = field.annotation(low + place * (high - low))
        if value not in taken:
            return value
    raise AssertionError(key)


def idle_in(name: str) -> list[str]:
    """Settings that have no effect in a world, and can be set there."""
    scenario = world(name)
    files = {"crypto.history"} | set(ALWAYS)  # a path is set with it; refused by themselves
    return [key for key in IN_TABLE if key not in files and scenario.missing(key)]


# ------------------------------------------------------------------ the table


def test_the_table_speaks_of_settings_that_there_are() -> None:
    sections = {
        ".".join([*key.split(".")[:n], "*"]) for key in KEYS for n in range(1, key.count(".") + 1)
    }
    for names, switches in RULES:
        assert switches
        assert set(names.split()) <= set(KEYS) | sections, names
        for switch in switches:
            assert switch.key in KEYS
            kind = type(Scenario().value_of(switch.key))
            if kind is not type(None):
                assert all(isinstance(value, kind | int) for value in switch.values), switch


def test_packaged_scenarios_set_nothing_that_has_no_effect() -> None:
    for name in scenario_names():
        scenario = Scenario.load(name)
        assert [key for key in scenario.differences(Scenario()) if scenario.missing(key)] == []


def test_every_entry_has_a_world_where_it_refuses() -> None:
    found = {key for name in WORLDS for key in idle_in(name)}
    assert set(IN_TABLE) - found - {"crypto.history"} - set(ALWAYS) == set()


@pytest.mark.parametrize("name", WORLDS)
def test_a_refusal_names_what_would_help(name: str) -> None:
    """Every entry that refuses in a world; where its switch can be set, the sentence is over."""
    for key in idle_in(name):
        values = {key: another(world(name), key)}
        with pytest.raises(InputError) as refused:
            world(name).with_values(values, "here")
        text, scenario = str(refused.value), world(name).changed(values, "here")
        assert text.startswith(f"here: {key} has no effect while ") and text.endswith(" too.")
        missing = scenario.missing(key)
        assert all(f"{switch.key} is " in text for switch in missing)
        helps = [switch for switch in missing if not scenario.missing(switch.key)] or missing
        for switch in helps:
            assert switch.remedy() in text
            wanted = another(scenario, switch.key) if switch.unlike else switch.values[0]
            try:
                helped = scenario.changed({switch.key: wanted}, "here")
            except InputError:
                continue  # no history to replay, or rents scripted where nobody pays any
            assert switch not in helped.missing(key)


# ------------------------------------------------------------------ the table and the market


def outcome(scenario: Scenario) -> list[pd.DataFrame]:
    run = Simulation(scenario, 3).run()
    return [run.series(), run.events(), run.loans(), run.lenders(), run.sales(), run.illusion()]


def same(one: list[pd.DataFrame], two: list[pd.DataFrame]) -> bool:
    return all(a.equals(b) for a, b in zip(one, two, strict=True))


def assert_idle(name: str, keys: list[str]) -> None:
    base = outcome(world(name))
    for key in keys:
        value = another(world(name), key)
        changed = world(name).changed({key: value}, "test")
        assert same(base, outcome(changed)), f"{key} = {value} has an effect"


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_refused_changes_nothing_to_the_bit(name: str) -> None:
    keys = idle_in(name)
    assert_idle(name, random.Random(f"{name} 1").sample(keys, min(8, len(keys))))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_all_that_is_refused_changes_nothing_to_the_bit(name: str) -> None:
    assert_idle(name, idle_in(name))


@pytest.mark.parametrize(
    ("name", "before", "setting"),
    [
        ("baseline", (), "crypto.jump_mean=-0.2"),
        ("baseline", ("macro.volatility=0.5",), "macro.btc_loading=1"),
        ("baseline", (), "compute.adoption_ceiling=2"),
        ("baseline", (), "compute.reversion_per_year=10"),
        ("tightening", (), "macro.ramp_days=40"),
        ("tightening", (), "macro.rate_loading=0.1"),
        ("crypto-crash", (), "crypto.crash_depth=0.95"),
        ("crypto-crash", (), "crypto.hashrate_growth_days=90"),
        ("crypto-crash", ("crypto.crash_days=10", "crypto.recovery_share=0.5"),
         "crypto.recovery_days=20"),
        ("crypto-crash", (), "crypto.impact_law=linear"),
        ("joint-crash", (), "compute.shock_days=20"),
        ("joint-crash", (), "marks.evidence_weight=1"),
        ("joint-crash", ("policy.mark_rule=market",), "marks.evidence_half_life_days=5"),
        ("joint-crash", (), "policy.standstill_days=30"),
        ("joint-crash", ("policy.buyer_of_last_resort_usd=50bn",), "policy.buyer_price_share=1.5"),
        ("joint-crash", (), "tenants.hazard_per_year=5"),
        ("joint-crash", (), "investment.payout_share=1"),
        ("joint-crash", ("tenants.hazard_per_year=5",), "channels.counterparty=false"),
        ("joint-crash", (), "lenders.leverage_band=0"),
        ("backtest-2022", (), "miners.power_drift_per_year=0.5"),
        ("backtest-2022", (), "facts.orders=false"),
        ("backtest-2022", (), "crypto.volatility=0.1"),
        ("synthetic", (), "synthetic.core_loans=0.2"),
        ("matched", (), "synthetic.degree_tail=5"),
    ],
)  # fmt: skip
def test_what_is_let_through_changes_something(
    name: str, before: tuple[str, ...], setting: str
) -> None:
    base = world(name).changed(read_settings(before), "test")
    assert not same(outcome(base), outcome(base.with_settings([setting])))


def test_a_tightening_that_never_comes_is_no_event() -> None:
    """Rates as they were leave no room for a scripted tightening: nothing is logged for it."""
    beside = world("backtest-2022").changed({"macro.shock": 2.0}, "test")
    assert terms_of(beside).derived.money_shock_day == 0
    assert terms_of(Scenario.load("tightening")).derived.money_shock_day == 31


# ------------------------------------------------------------------ sentences


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        (
            "baseline",
            "crypto.crash_depth=0.95",
            "crypto.crash_depth has no effect while crypto.path is 'random'; set "
            "crypto.path='crash' too.",
        ),
        (
            "baseline",
            "macro.start_day=5",
            "macro.start_day has no effect while macro.shock is 0; set macro.shock to another "
            "value too.",
        ),
        (
            "backtest-2022",
            "macro.ramp_days=5 macro.shock=2",
            "macro.shock has no effect while macro.path is 'history'; set macro.path='factor' too.",
        ),
        (
            "baseline",
            "policy.standstill_days=60",
            "policy.standstill_days has no effect while crypto.path is 'random' and "
            "compute.rent_change_per_year is 0 and macro.shock is 0; set crypto.path='crash', or "
            "macro.shock to another value too.",
        ),
        (
            "joint-crash",
            "crypto.depth_adv_usd=1bn channels.btc_impact=false",
            "crypto.depth_adv_usd has no effect while channels.btc_impact is false; set "
            "channels.btc_impact=true too.",
        ),
        (
            "joint-crash",
            "channels.mark_to_market=false policy.mark_rule=market",
            "channels.mark_to_market has no effect while policy.mark_rule is 'market'; set "
            "policy.mark_rule='scenario' too.",
        ),
        (
            "calm",
            "miners.power_drift_per_year=0.1",
            "miners.power_drift_per_year has no effect while opening.start is '2025'; set "
            "opening.start='2021' too.",
        ),
        (
            "backtest-2022",
            "tenants.relet_days=5",
            "tenants.relet_days has no effect while opening.start is '2021'; set "
            "opening.start='2025' or 'synthetic' too.",
        ),
    ],
)
def test_a_refusal_names_the_switch(name: str, settings: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        Scenario.load(name).with_settings(settings.split())
    assert str(refused.value) == f"--set: {says}"


def test_a_file_is_held_to_it_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("crypto.crash_depth = 0.5\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        Scenario.load(path)
    assert str(refused.value).startswith("mine.toml: crypto.crash_depth has no effect while")
    with pytest.raises(InputError, match=r"there: crypto\.crash_depth has no effect"):
        Scenario.from_dict({"crypto": {"crash_depth": 0.5}}, "there")
    path.write_text('crypto.crash_depth = 0.5\ncrypto.path = "crash"\n', encoding="utf-8")
    assert Scenario.load(path).crypto.crash_depth == 0.5


def test_what_changes_no_value_is_let_be() -> None:
    baseline = Scenario.load("baseline")
    same_depth = f"crypto.crash_depth={baseline.crypto.crash_depth}"
    assert baseline.with_settings([same_depth]) == baseline


def test_what_a_file_sets_may_lose_its_effect_by_what_a_user_sets() -> None:
    """And comes back with its run's record; and the way to a default is always free."""
    law = Scenario.load("joint-crash").with_settings(["compute.path=law"])
    assert law.compute.rent_change_per_year == -0.5
    assert Scenario.recorded(law.model_dump(), "record") == law
    assert law.with_settings(["compute.rent_change_per_year=0"]).compute.path == "law"
    old = Scenario.load("joint-crash").with_settings(["opening.start=2021", "compute.path=law"])
    assert old.opening.start == "2021"


def test_what_a_setting_needs_in_words() -> None:
    assert in_words("crypto.crash_depth") == "crypto.path = 'crash'"
    assert in_words("macro.btc_loading") == (
        "macro.volatility is not 0 or macro.shock is not 0, and crypto.path = 'random'"
    )
    assert in_words("credit.max_ltv") == in_words("facts.draws") == ""  # its section says which
