"""The table of what numbers mean is whole, current, and printed."""

from __future__ import annotations

from typing import Any

import pytest
from paths import PROJECT

from firesale.experiments.causes.causes import find_causes, in_summary
from firesale.experiments.cli import main
from firesale.experiments.report.explain import as_markdown, tables
from firesale.market.record.dictionary import day_meaning
from firesale.market.record.meanings import SUMMARY, meaning_of
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.series import Series

LEVERS = (
    "days=120",
    "crypto.crash_start_day=5",
    "crypto.crash_days=60",
    "liquidation.budget_scale=0.0",
    "liquidation.legal_days=10",
    "policy.buyer_of_last_resort_usd=1bn",
    "policy.lender_of_last_resort_usd=1bn",
    "policy.haircut_floor=0.5",
    "policy.tenor_cap_years=1.0",
    "policy.standstill_days=30",
    "policy.capital_buffer=0.05",
    "policy.mark_rule=schedule",
)
"""Every lever, and machines that nobody bids for."""


def entries(summary: dict[str, Any], before: str = "") -> list[str]:
    """Names of all entries of a summary, levels joined by a dot."""
    names: list[str] = []
    for key, value in summary.items():
        name = f"{before}{key}"
        names += entries(value, f"{name}.") if isinstance(value, dict) else [name]
    return names


@pytest.mark.compiled
def test_every_entry_of_a_summary_has_a_meaning_and_no_other_has() -> None:
    simulation = Simulation(Scenario.load("joint-crash"), seed=1).run()
    simulation.resolve()
    names = entries(simulation.summary())
    names += entries(in_summary(find_causes(simulation)), "contagion.")
    levers = Scenario.load("joint-crash").with_settings(list(LEVERS))
    names += entries(Simulation(levers, seed=1).run().summary())
    for name in names:
        assert meaning_of(name).unit
    told = {name if name in SUMMARY else f"{name.rpartition('.')[0]}.*" for name in names}
    assert told == set(SUMMARY)


def test_every_column_of_a_day_has_a_meaning() -> None:
    by_class = {"mark_usd", "clearing_usd"}
    assert {name for name in Series._fields if day_meaning(name) is None} == by_class


def test_the_page_of_meanings_is_current() -> None:
    page = PROJECT / "experiments" / "FIGURES.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), (
        "run: firesale explain --markdown > experiments/FIGURES.md"
    )


def test_explain_prints_what_has_a_word_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["explain", "linked.largest"])
    assert done.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Largest tree of linked failures failures in the largest tree of" in printed
    assert "conservation_error" not in printed


def test_explain_without_a_word_prints_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain"])
    printed = capsys.readouterr().out
    for lines in tables().values():
        for line in lines:
            assert line.name.split()[0] in printed


def test_explain_refuses_a_word_that_no_number_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["explain", "zebra"])
    assert done.value.code == 2
    wanted = (
        "No number has 'zebra' in it; 'firesale explain' lists them all, and settings are listed"
    )
    assert capsys.readouterr().err == f"{wanted} by 'firesale scenarios show baseline'.\n"
