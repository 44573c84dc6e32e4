"""The series: each column says what it holds, and the frame shows these columns and no others."""

from __future__ import annotations

from typing import Any, get_type_hints

import numpy as np
import pytest
from runs import finished, fresh

from firesale.agents.columns import column_of
from firesale.market.record.kept_frames import series_frame
from firesale.market.state.series import Means, Series

HINTS = get_type_hints(Series, include_extras=True)
FIGURES = [name for name in Series._fields if column_of(HINTS[name])[1].dimensions == 1]


def meanings(hint: Any) -> list[Means]:
    return [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Means)]


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_has_a_unit_and_a_meaning(name: str) -> None:
    (means,) = meanings(HINTS[name])
    assert means.unit.strip() and means.meaning.strip()


def test_each_figure_of_the_frame_is_a_column_of_the_series() -> None:
    market = finished("joint-crash", ("days=60", "crypto.crash_start_day=1")).market
    frame, series = series_frame(market), market.kept.series
    hardware = market.names.hardware
    priced = [hardware[k] for k in np.flatnonzero(market.hardware.used_open_usd > 0)]
    by_class = [f"{kind}_{name}_usd" for name in priced for kind in ("mark", "clearing")]
    assert list(frame.columns) == ["day", "date", *FIGURES, *by_class]
    assert len(frame) == market.day + 1 == 61
    for name in FIGURES:
        np.testing.assert_array_equal(frame[name], getattr(series, name)[:61])
    for name in priced:
        k = hardware.index(name)
        np.testing.assert_array_equal(frame[f"mark_{name}_usd"], series.mark_usd[:61, k])
        np.testing.assert_array_equal(frame[f"clearing_{name}_usd"], series.clearing_usd[:61, k])


def test_a_day_writes_its_own_row_and_no_other() -> None:
    """What is shown of a day does not change later; of days to come nothing is written."""
    sim = fresh("joint-crash", ("days=60", "crypto.crash_start_day=1"))
    while sim.day < 30:
        sim.step()
    shown = sim.series()
    assert len(shown) == 31
    for name in FIGURES:
        assert not getattr(sim.market.kept.series, name)[31:].any()
    assert sim.run().series().iloc[:31].equals(shown)
