"""What a page shows of a log too long to read: the latest days and the trees that matter."""

from __future__ import annotations

import numpy as np
import pytest

from firesale import synthetic
from firesale.experiments.results.results import Results
from firesale.experiments.results.shown_events import roots, rows_to_show
from firesale.experiments.view import page
from firesale.market.simulation import Simulation
from firesale.market.state.events import EVENT_DTYPE, Event
from firesale.market.state.names import NumberedNames


def log_of(*events: tuple[int, Event, int, float]) -> np.ndarray:
    """A log of (day, kind, parent, amount)."""
    log = np.zeros(len(events), EVENT_DTYPE)
    for row, (day, kind, parent, amount) in enumerate(events):
        log[row]["day"], log[row]["kind"] = day, kind
        log[row]["parent"], log[row]["amount_usd"] = parent, amount
    return log


CALL, FALL = Event.MARGIN_CALL, Event.DEFAULT
LOG = log_of(
    (1, Event.SHOCK, -1, 0.0),
    (2, CALL, 0, 5.0),
    (2, CALL, 0, 1.0),
    (3, FALL, 1, 9.0),
    (3, FALL, 3, 9.0),
    (4, FALL, 2, 1.0),
    (5, CALL, -1, 2.0),
    (6, CALL, -1, 3.0),
)


def test_a_short_log_is_shown_in_full() -> None:
    assert rows_to_show(LOG).tolist() == list(range(8))


def test_trees_are_cut_below_the_scripted_shock() -> None:
    assert roots(LOG).tolist() == [0, 1, 2, 1, 1, 2, 6, 7]


def test_of_a_long_log_the_latest_day_and_the_tree_with_most_failures_are_shown() -> None:
    assert rows_to_show(LOG, most=6).tolist() == [0, 1, 3, 4, 6, 7]


def test_the_last_day_is_shown_however_many_events_it_has() -> None:
    log = log_of((1, FALL, -1, 1.0), *[(2, CALL, -1, 1.0)] * 9)
    assert set(range(1, 10)) <= set(rows_to_show(log, most=4).tolist())


@pytest.fixture(scope="module")
def crashed() -> Simulation:
    settings = ["crypto.crash_start_day=1", "crypto.crash_days=20", "crypto.crash_depth=0.9"]
    simulation = Simulation(synthetic(2_000, "crypto-crash").with_settings(settings), 1)
    for _ in range(40):
        simulation.step()
    return simulation


def test_shown_events_keep_their_ids_and_parents(crashed: Simulation) -> None:
    rows = rows_to_show(crashed.market.events, most=400)
    assert 100 < len(rows) < len(crashed.market.events)
    whole, part = crashed.events(), crashed.events(rows)
    assert part.reset_index(drop=True).equals(whole.iloc[rows].reset_index(drop=True))


def test_titles_of_many_parties_are_found_by_id(crashed: Simulation) -> None:
    s = crashed.market
    assert isinstance(s.names.parties, NumberedNames)
    names = crashed.names()
    for party in (0, s.first_lender, s.first_buyer, s.first_outside):
        assert names[s.names.parties[party]] == s.names.titles[party]
    assert names.get("NOBODY") is None and len(names) == len(s.names.parties)


def test_a_page_and_a_report_tell_the_same_of_a_short_log(crashed: Simulation) -> None:
    page_of, report = (
        Results.of(crashed, crashed.scenario, 1, loans=loans) for loans in (False, True)
    )
    assert page_of.events.equals(report.events)
    assert page_of.summary == report.summary


def test_the_first_market_of_a_page_is_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(page.SCENARIO, "calm")
    monkeypatch.setenv(page.SETTINGS, '["opening.start=synthetic", "synthetic.parties=500"]')
    scenario = page.first_scenario()
    assert (scenario.name, scenario.opening.start) == ("calm", "synthetic")
    assert scenario.synthetic.parties == 500
