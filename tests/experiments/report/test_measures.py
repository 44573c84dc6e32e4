"""How a sweep's metrics are named and written."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from firesale.experiments.report import measures
from firesale.experiments.sweeps.report import _table


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("loss_usd.total", 1.234e9, "$1.23bn"),
        ("loss_usd.total", -4.5e6, "−$4.5m"),
        ("loss_usd.by_instrument.vendor", 2_000.0, "$2k"),
        ("defaults.miner", 12.0, "12"),
        ("linked.largest", 12_345.0, "12,345"),
        ("loss_usd.total", math.inf, "open"),
        ("loss_usd.total", math.nan, "unknown"),
        ("no.such.metric", 1.5e6, "1.5m"),
    ],
)
def test_dollars_are_written_as_dollars(metric: str, value: float, said: str) -> None:
    assert measures.written(metric, value) == said


def test_a_metric_has_the_name_that_reports_give_it() -> None:
    assert measures.named("loss_usd.total") == "lenders' loss on loans"
    assert measures.named("no.such.metric") == "no.such.metric"


def test_an_end_without_bound_is_said_in_words() -> None:
    assert measures.interval("$1m", "$2m") == "$1m to $2m"
    assert measures.interval("$1m", "open") == "$1m or more"
    assert measures.interval("open", "$2m") == "$2m or less"
    assert measures.interval("open", "open") == "without bounds"


def test_tables_of_a_report_share_units_and_intervals_with_its_sentences() -> None:
    """No 2.146e+08: dollars, per cent and points, a figure and its interval in one cell."""
    frame = pd.DataFrame(
        {
            "runs": [8],
            "probability": [0.375],
            "probability_low": [0.0852],
            "probability_high": [0.7551],
            "probability_method": ["exact"],
            "mean": [2.146e8],
            "mean_low": [-2.152e7],
            "mean_high": [math.inf],
            "probability_difference": [-0.25],
        }
    )
    table = (
        _table("Over all runs", frame, "loss_usd.total")
        .replace("&nbsp;", " ")
        .replace("&#8288;", "")
    )
    for cell in ("8", "37.5 % (8.5 % to 75.5 %)", "$215m (−$21.5m or more)", "−25.0 points"):
        assert f"<td>{cell}</td>" in table
    assert table.count("<th>") == 4
    assert "e+0" not in table
