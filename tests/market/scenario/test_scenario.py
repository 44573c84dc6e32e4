"""Scenarios: what they hold, how settings change them, and in which words mistakes are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import (
    PLANNED_SECTIONS,
    SCENARIO_FOLDER,
    Scenario,
    scenario_names,
)
from firesale.market.scenario.sections import Channels
from firesale.market.simulation import Simulation

HISTORY = Path(SCENARIO_FOLDER).parents[1] / "data" / "history" / "market_weekly.csv"


def refusal(*settings: str, of: str = "calm") -> str:
    """The sentence with which settings are refused."""
    with pytest.raises(InputError) as refused:
        Scenario.load(of).with_settings(list(settings))
    return str(refused.value)


def file_refusal(path: Path, text: str) -> str:
    """The sentence with which a scenario file is refused."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        Scenario.load(path)
    return str(refused.value)


def assert_one_sentence(text: str) -> None:
    assert text.strip() == text
    assert "\n" not in text
    assert text.endswith(".")
    assert ". " not in text
    assert "pydantic" not in text and "validation error" not in text
    assert text[0].isalpha() or text.startswith("--set")


# ------------------------------------------------------------------ the scenarios that come along


def test_the_promised_scenarios_are_there() -> None:
    promised = {"calm", "baseline", "crypto-crash", "joint-crash", "rental-deflation"}
    assert promised <= set(scenario_names())
    assert scenario_names() == sorted(scenario_names())


@pytest.mark.parametrize("name", scenario_names())
def test_each_scenario_is_short_and_says_what_it_is(name: str) -> None:
    scenario = Scenario.load(name)
    text = (SCENARIO_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 30
    assert scenario.name == name
    assert scenario.title and scenario.description
    assert Scenario.load(SCENARIO_FOLDER / f"{name}.toml") == scenario


def test_magnitudes_are_those_of_the_design() -> None:
    calm, baseline = Scenario.load("calm"), Scenario.load("baseline")
    crash, joint = Scenario.load("crypto-crash"), Scenario.load("joint-crash")
    deflation = Scenario.load("rental-deflation")
    assert calm.crypto.volatility == 0.25 and calm.crypto.jumps_per_year == 0.0
    assert calm.compute.volatility == 0.0 and calm.crypto.hashrate_growth == 0.0
    assert calm.compute.efficiency_growth == 0.0 and calm.compute.adoption_growth == 0.0
    # Total variance a year of the baseline: diffusion and jumps, 62 % in all.
    c = baseline.crypto
    variance = c.volatility**2 + c.jumps_per_year * (c.jump_mean**2 + c.jump_deviation**2)
    assert variance**0.5 == pytest.approx(0.62, abs=0.02)
    assert baseline.crypto.path == "random"
    for scenario in (crash, joint):
        assert scenario.crypto.path == "crash"
        assert scenario.crypto.crash_depth == 0.77
        assert scenario.crypto.crash_start_day == 30
        assert scenario.crypto.crash_days == 365
        assert scenario.crypto.hashrate_growth == 0.59
    assert crash.compute == baseline.compute and crash.compute.path == "law"
    assert joint.compute.path == "scripted" and joint.compute.rent_change_per_year == -0.5
    assert deflation.compute.path == "scripted" and deflation.compute.rent_change_per_year == -0.35
    assert deflation.days == Scenario.load("five-years").days == 5 * 365
    assert deflation.crypto == baseline.crypto


def test_an_empty_file_is_the_default_scenario(tmp_path: Path) -> None:
    path = tmp_path / "my-own.toml"
    path.write_text("", encoding="utf-8")
    assert Scenario.load(path) == Scenario(name="my-own")


# ------------------------------------------------------------------ settings


def test_settings_apply_in_order() -> None:
    scenario = Scenario.load("calm").with_settings(["days=10", "days=20", "crypto.volatility=0.5"])
    assert scenario.days == 20
    assert scenario.crypto.volatility == 0.5
    assert Scenario.load("calm").days == 365  # the original is as it was


def test_settings_may_depend_on_each_other_whatever_their_order() -> None:
    """What is checked is the result, not each step to it."""
    for settings in (
        ["crypto.path=history", "crypto.history=x.csv"],
        ["crypto.history=x.csv", "crypto.path=history"],
        ["crypto.history=x.csv"],
    ):
        scenario = Scenario.load("crypto-crash").with_settings(settings)
        assert (scenario.crypto.path, scenario.crypto.history) == ("history", "x.csv")


def test_values_are_read_as_toml() -> None:
    scenario = Scenario.load("calm").with_settings(
        [
            "channels.hashprice=false",
            "opening.start=2025",
            'opening.start="2025"',
            "crypto.impact_law=linear",
            " crypto.volatility = 0.3 ",
            "title=crash = fall",
        ]
    )
    assert scenario.channels.hashprice is False
    assert scenario.opening.start == "2025"
    assert scenario.crypto.impact_law == "linear"
    assert scenario.crypto.volatility == 0.3
    assert scenario.title == "crash = fall"


def test_whole_numbers_do_where_a_float_is_asked_for() -> None:
    scenario = Scenario.load("calm").with_settings(["crypto.volatility=1", "opening.scale=2"])
    assert scenario.crypto.volatility == 1.0 and type(scenario.crypto.volatility) is float
    assert type(scenario.opening.scale) is float


def test_equal_scenarios_dump_equal() -> None:
    one = Scenario.load("crypto-crash").with_settings(["crypto.crash_depth=0.6", "days=100"])
    two = Scenario.load("crypto-crash").with_settings(["days=100", "crypto.crash_depth=0.60"])
    assert one == two
    assert one.model_dump_json() == two.model_dump_json()
    assert one.model_dump_json() != Scenario.load("crypto-crash").model_dump_json()
    assert Scenario.from_dict(one.model_dump(), "dump") == one


def test_scenarios_cannot_be_changed_in_place() -> None:
    scenario = Scenario.load("calm")
    with pytest.raises(ValidationError):
        scenario.days = 5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        scenario.crypto.volatility = 5.0  # type: ignore[misc]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("dayz=5", ["dayz", "days"]),
        ("crypto.depth=0.5", ["crypto.depth", "crash_depth"]),
        ("nothing.at=1", ["nothing", "crypto", "compute"]),
        ("crypto.crash_depth=1.5", ["crypto.crash_depth", "1.5", "0.999"]),
        ("days=0", ["days", "0", "1"]),
        ("crypto.volatility=-0.1", ["crypto.volatility", "-0.1", "0"]),
        ("crypto.volatility=high", ["crypto.volatility", "high", "number"]),
        ("crypto.volatility=true", ["crypto.volatility", "True", "number"]),
        ("crypto.volatility=nan", ["crypto.volatility", "nan", "finite"]),
        ("crypto.volatility=inf", ["crypto.volatility", "inf"]),
        ("days=1.5", ["days", "1.5", "integer"]),
        ("days=true", ["days", "True", "integer"]),
        ("channels.btc_impact=1", ["channels.btc_impact", "1", "boolean"]),
        ("channels.btc_impact=no", ["channels.btc_impact", "no", "boolean"]),
        ("crypto.path=sideways", ["crypto.path", "sideways", "random", "crash", "history"]),
        ("crypto.path=history", ["crypto.path", "history", "CSV"]),
        ("crypto.network=history", ["crypto.network", "history", "crypto.path", "random"]),
        ("opening.start=2019", ["opening", "2019", "2025"]),
        ("name=My Crash", ["name", "My Crash"]),
        ("crypto=5", ["crypto", "5"]),
        ("crypto.volatility.high=1", ["crypto.volatility.high", "value, not a section"]),
        ("days", ["days", "key=value"]),
        ("=5", ["=5", "key=value"]),
        ("", ["key=value"]),
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence(setting: str, words: list[str]) -> None:
    text = refusal(setting)
    assert_one_sentence(text)
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("section", PLANNED_SECTIONS)
def test_sections_to_come_are_refused(section: str, tmp_path: Path) -> None:
    text = file_refusal(tmp_path / "a.toml", f"[{section}]\nsize = 1\n")
    assert_one_sentence(text)
    assert section in text and "not part of this version" in text and "a.toml" in text


def test_every_channel_can_be_switched() -> None:
    assert set(Channels.model_fields) == {
        "crypto_margin",
        "treasury_funding",
        "btc_impact",
        "hashprice",
        "rent_feedback",
        "mark_to_market",
        "fire_sale",
        "forced_supply",
        "buyer_finance",
        "lender_distress",
        "loss_memory",
        "tenants_in_books",
        "lender_capital",
        "funding_run",
        "interlender",
        "fund_marks",
        "warehouse_margin",
        "material_change",
        "securitisation",
        "counterparty",
        "cross_default",
    }


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError) as refused:
        Scenario.load("crypto-boom")
    text = str(refused.value)
    assert_one_sentence(text.replace(" .toml", " TOML"))
    assert "crypto-boom" in text
    assert all(name in text for name in scenario_names())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("days = ", ["broken.toml", "TOML", "end of document"]),
        ("days = 5\ndays = 6\n", ["broken.toml", "TOML"]),
        ("[crypto\nvolatility = 1\n", ["broken.toml", "TOML"]),
        ("days = 'many'\n", ["broken.toml", "days", "many"]),
        ("colour = 'red'\n", ["broken.toml", "colour", "days"]),
        ("[crypto]\ncolour = 'red'\n", ["broken.toml", "crypto.colour", "volatility"]),
        ("crypto = 5\n", ["broken.toml", "crypto"]),
        ("[[crypto]]\nvolatility = 1\n", ["broken.toml", "crypto"]),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    sentence = file_refusal(tmp_path / "broken.toml", text)
    assert_one_sentence(sentence)
    for word in words:
        assert word in sentence, sentence


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path / "folder.toml"):
        if path.name == "folder.toml":
            path.mkdir()
        with pytest.raises(InputError) as refused:
            Scenario.load(path)
        assert_one_sentence(str(refused.value))
        assert str(path) in str(refused.value)
    path = tmp_path / "latin.toml"
    path.write_bytes("title = 'Größe'".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        Scenario.load(path)


# ------------------------------------------------------------------ histories


def open_with(history: Path, *settings: str) -> Simulation:
    scenario = Scenario.load("calm").with_settings(
        [f"crypto.history={history}", "days=20", *settings]
    )
    return Simulation(scenario)


def history_refusal(path: Path, text: str | None) -> str:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        open_with(path)
    return str(refused.value)


HEADER = "week_ending,btc_usd_close\n"
GOOD = HEADER + "2024-01-07,40000\n2024-01-14,41000\n2024-01-21,42000\n2024-01-28,43000\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["weeks.csv", "cannot be read"]),
        ("", ["weeks.csv", "week_ending"]),
        ("week_ending\n2024-01-07\n", ["weeks.csv", "btc_usd_close"]),
        (HEADER.replace("\n", ",mood\n") + "2024-01-07,1,2\n", ["weeks.csv", "mood", "eth_usd"]),
        (HEADER, ["weeks.csv", "0 weeks", "2"]),
        (HEADER + "2024-01-07,1\n", ["weeks.csv", "1 weeks", "2"]),
        (GOOD.replace("2024-01-14", "14.1.24"), ["weeks.csv", "line 3", "14.1.24", "2025-09-28"]),
        (GOOD.replace("2024-01-14", "2024-01-15"), ["weeks.csv", "line 3", "2024-01-15", "7 days"]),
        (GOOD.replace("41000", "-5"), ["weeks.csv", "line 3", "btc_usd_close", "-5", "from 0.01"]),
        (GOOD.replace("41000", "much"), ["weeks.csv", "line 3", "btc_usd_close", "much"]),
        (GOOD.replace("41000", "inf"), ["weeks.csv", "line 3", "btc_usd_close", "inf"]),
        (GOOD.replace("41000", ""), ["weeks.csv", "line 3", "btc_usd_close", "empty"]),
        ("".join(GOOD.splitlines(True)[:3]), ["weeks.csv", "7 days", "20"]),
    ],
)
def test_a_bad_history_is_refused(tmp_path: Path, text: str | None, words: list[str]) -> None:
    sentence = history_refusal(tmp_path / "weeks.csv", text)
    assert sentence.startswith("crypto.history")
    assert "\n" not in sentence and sentence.endswith(".")
    for word in words:
        assert word in sentence, sentence


def test_a_history_sets_path_and_calendar_and_meets_every_close(tmp_path: Path) -> None:
    path = tmp_path / "weeks.csv"
    path.write_text(GOOD, encoding="utf-8")
    sim = open_with(path)
    assert sim.scenario.crypto.path == "history"
    assert sim.date.isoformat() == "2024-01-07"
    closes = sim.market.crypto.btc_usd[[0, 7, 14]]
    assert closes == pytest.approx([40000, 41000, 42000], rel=1e-12)
    # Books are valued at the opening quote: a start far from it is worth a remark, once.
    assert "40,000" in sim.note
    rescaled = open_with(path, "crypto.history_rescale=true")
    assert rescaled.note == ""
    factor = rescaled.market.crypto.btc_usd / sim.market.crypto.btc_usd
    assert factor == pytest.approx(factor[0], rel=1e-12)
    assert rescaled.market.crypto.btc_usd[0] == pytest.approx(rescaled.market.prices.btc_usd)


def test_the_packaged_history_replays() -> None:
    sim = open_with(HISTORY)
    sim.run()
    assert sim.finished


# ------------------------------------------------------------------ in Python


def test_settings_come_as_mapping_keywords_or_texts() -> None:
    crash = Scenario.load("crypto-crash")
    wanted = crash.with_settings(["crypto.crash_depth=0.6", "days=90"])
    assert crash.with_settings({"crypto.crash_depth": 0.6, "days": 90}) == wanted
    assert crash.with_settings({"crypto.crash_depth": 0.6}, days=90) == wanted
    assert crash.with_settings(days=90, crypto={"crash_depth": 0.6}) == wanted
    assert crash.with_settings(**{"crypto.crash_depth": 0.6, "days": 90}) == wanted
    assert crash.with_settings("days=90") == crash.with_settings(days=90)
    assert crash.with_settings() == crash.with_settings({}) == crash


def test_numbers_of_numpy_are_numbers() -> None:
    chosen = Scenario.load("crypto-crash").with_settings(
        {"days": np.int64(90), "crypto.crash_depth": np.float32(0.5)}
    )
    assert (chosen.days, chosen.crypto.crash_depth) == (90, 0.5)
    assert type(chosen.days) is int and type(chosen.crypto.crash_depth) is float


def test_a_mistake_in_python_is_told_in_its_words() -> None:
    with pytest.raises(InputError, match=r"^with_settings: there is no key 'crypto.crash_dept'"):
        Scenario.load("crypto-crash").with_settings({"crypto.crash_dept": 0.6})


def test_a_scenario_is_short_to_print_and_a_table_in_a_notebook() -> None:
    crash = Scenario.load("crypto-crash").with_settings(days=90)
    usual = Scenario()
    own = [key for key in crash.differences(usual) if "." in key]
    assert repr(crash) == f"<Scenario crypto-crash: 90 days, {len(own)} settings of its own>"
    page = crash._repr_html_()
    assert page.count("<tr>") == len(own) + 1
    assert f"<td>crypto.path</td><td>crash</td><td>{usual.crypto.path}</td>" in page


@pytest.mark.parametrize(
    ("loading", "may", "may_not"),
    [("btc_loading", 0.7, 0.71), ("demand_loading", -0.7, -10.0), ("rate_loading", 0.1, 0.5)],
)
@pytest.mark.parametrize("size", ["shock", "volatility"])
def test_stress_that_no_price_can_mean_is_refused_by_both_its_names(
    size: str, loading: str, may: float, may_not: float
) -> None:
    Scenario().changed({f"macro.{size}": 10.0, f"macro.{loading}": may}, "here")
    with pytest.raises(
        InputError, match=rf"macro.{size} times macro.{loading} is [-\d.]+; it must"
    ):
        Scenario().changed({f"macro.{size}": 10.0, f"macro.{loading}": may_not}, "here")
