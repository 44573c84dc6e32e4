"""Launches in a scenario: how they are written, what is refused, and in which words."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from runs import tables

from firesale.experiments.report.scenario_text import as_toml, changes
from firesale.market.opening.open_market import open_market
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.launches import Launch, Launches
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.hardware import NEVER

BASE = Scenario.load("baseline")


def test_a_launch_is_moved_by_setting_by_file_and_in_python() -> None:
    moved = BASE.with_settings(["launches.vr200.shift_days=-180"])
    file = tomllib.loads('name = "baseline"\n[launches.vr200]\nshift_days = -180\n')
    python = Scenario(launches=Launches(vr200=Launch(shift_days=-180)))
    assert moved.launches == Scenario.from_dict(file, "file").launches == python.launches
    assert moved.launches.vr300 == Launch()


def test_a_scenario_with_launches_is_written_in_full_and_read_back() -> None:
    moved = BASE.with_settings(["launches.vr200.price_factor=0.7", "launches.vr300.cancelled=true"])
    text = as_toml(moved)
    assert "[launches.vr200]" in text
    assert Scenario.from_dict(tomllib.loads(text), "file") == moved
    assert changes(BASE, moved) == (
        "launches.vr200.price_factor = 0.7",
        "launches.vr300.cancelled = true",
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            "launches.vr20.shift_days=1",
            "--set: there is no key 'launches.vr20' (did you mean launches.vr200?); "
            "allowed here: dated, ramp_days, outside_share, vr200, vr300.",
        ),
        (
            "launches.vr200.shift=1",
            "--set: there is no key 'launches.vr200.shift' (did you mean "
            "launches.vr200.shift_days?); allowed here: cancelled, shift_days, price_factor, "
            "performance_factor.",
        ),
        (
            "launches.vr200=1",
            "--set: launches.vr200 = 1 is not allowed; it is a section, not a value.",
        ),
        (
            "launches.dated=false launches.vr200.price_factor=0.7",
            "--set: launches.vr200.price_factor has no effect while launches.dated is false; "
            "set launches.dated=true too.",
        ),
        (
            "launches.vr300.cancelled=true launches.vr300.shift_days=90",
            "--set: launches.vr300.shift_days has no effect while launches.vr300.cancelled is "
            "true; set launches.vr300.cancelled=false too.",
        ),
        (
            "investment.sensitivity=0 launches.ramp_days=90",
            "--set: launches.ramp_days has no effect while investment.sensitivity is 0; "
            "set investment.sensitivity to another value too.",
        ),
        (
            "channels.rent_feedback=false launches.outside_share=0.5",
            "--set: launches.outside_share has no effect while channels.rent_feedback is false; "
            "set channels.rent_feedback=true too.",
        ),
        (
            "opening.start=2021 launches.dated=false",
            "--set: launches.dated has no effect while opening.start is '2021'; "
            "set opening.start='2025' or 'synthetic' too.",
        ),
    ],
)
def test_what_is_refused(settings: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        Scenario().with_settings(settings.split())
    assert str(refused.value) == sentence


def test_a_launch_before_the_opening_is_refused() -> None:
    early = BASE.with_settings(["launches.vr200.shift_days=-336"])
    with pytest.raises(InputError) as refused:
        Simulation(early)
    assert str(refused.value) == (
        "launches.vr200.shift_days = -336 is not allowed; VR200 comes on day 336 after the "
        "opening, so -335 is the earliest."
    )


def test_a_launch_that_the_books_do_not_announce_is_refused() -> None:
    books = tables()
    fewer = tuple(row for row in books.hardware if row.id != "VR300")
    moved = BASE.with_settings(["launches.vr300.shift_days=90"])
    with pytest.raises(InputError) as refused:
        Simulation(moved, books=replace(books, hardware=fewer))
    assert str(refused.value) == (
        "launches.vr300 is changed, but no VR300 is announced in these books; announced: VR200."
    )


def test_the_classes_that_a_scenario_names_are_those_of_the_books() -> None:
    market = open_market(tables(), BASE, 1)
    coming = {
        name.lower()
        for name, day in zip(market.names.hardware, market.hardware.launch_day, strict=True)
        if 0 < day < NEVER
    }
    named = {name for name, field in Launches.model_fields.items() if field.annotation is Launch}
    assert coming == named
    assert Launches().of("SOMETHING_ELSE") == Launches().of("DATED") == Launch()
