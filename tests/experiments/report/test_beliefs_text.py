"""The table of beliefs as ``firesale scenarios show`` prints it."""

from __future__ import annotations

import re
import tomllib

import pytest

from firesale.experiments.report.beliefs_text import as_comments, in_digits
from firesale.experiments.report.scenario_text import as_toml
from firesale.market.opening.beliefs import beliefs_in
from firesale.market.scenario.scenario import Scenario

WIDTHS = (300, 120, 100, 80, 40)


def words_of(text: str) -> list[str]:
    return re.sub(r"(?m)^#", " ", text).split()


@pytest.mark.parametrize("width", WIDTHS)
def test_each_belief_is_there_with_its_numbers_and_reason_whatever_the_width(width: int) -> None:
    scenario = Scenario.load("joint-crash")
    text = as_comments(scenario, width)
    said = " ".join(words_of(text))
    for row in beliefs_in(scenario):
        at = said.index(f" {row.parameter} ")
        about = said[at : at + 400]
        for number in (row.low, row.central, row.high):
            assert in_digits(number) in about
        assert row.distribution in about and row.kind in about
        assert " ".join(row.reason.split()) in said
    longest = max(len(word) for word in words_of(text))
    assert all(len(line) <= max(width, longest + 2) for line in text.splitlines())


def test_the_whole_is_still_a_scenario_file() -> None:
    scenario = Scenario.load("crypto-crash")
    text = f"{as_toml(scenario)}\n\n{as_comments(scenario, 80)}"
    assert Scenario.from_dict(tomllib.loads(text), "shown") == scenario


def test_a_setting_that_is_not_at_its_central_value_is_left_out() -> None:
    scenario = Scenario.load("joint-crash")
    changed = scenario.with_settings(["marks.evidence_weight=0.3"])
    assert "marks.evidence_weight " in as_comments(scenario, 120)
    assert "marks.evidence_weight " not in as_comments(changed, 120)


def test_what_can_have_no_effect_says_so() -> None:
    text = as_comments(Scenario.load("joint-crash"), 300)
    after = text.split("macro.rate_loading ")[1].splitlines()[1]
    assert after.endswith("; no effect here")  # no stress in this scenario
    after = text.split("marks.evidence_weight ")[1].splitlines()[1]
    assert not after.endswith("no effect here")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (-0.15, "-0.15"), (0.0, "0"), (60000.0, "60000"), (3e10, "30bn"),
     (6.6e7, "66m"), (390.6, "390.6")],
)  # fmt: skip
def test_numbers_as_they_stand_in_the_table(value: float, text: str) -> None:
    assert in_digits(value) == text
