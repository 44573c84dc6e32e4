"""A price says of what it is, unless it is of a GPU."""

from __future__ import annotations

import pytest

from firesale.experiments.report.chapter import amount, price


@pytest.mark.parametrize(
    ("usd", "hardware", "said"),
    [
        (22_972.0, "B200", "$22,972"),
        (2.2, "LT18", "$2.20/TH/s"),
        (2_500_000.0, "SITE", "$2,500,000/MW"),
    ],
)
def test_a_price_names_its_unit(usd: float, hardware: str, said: str) -> None:
    assert price(usd, hardware) == said


def test_halls_and_sites_are_counted_in_megawatts() -> None:
    assert amount(40.0, "HALL") == "40 MW"
    assert amount(40.0, "H100") == "40 GPUs"
