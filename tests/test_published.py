"""Every published result through the engine's kernels, within its tolerance."""

from __future__ import annotations

import pytest

from firesale.experiments.validation.published import table
from firesale.experiments.validation.rows import Row

ROWS: dict[str, Row] = {}


@pytest.fixture(scope="module", autouse=True)
def _computed() -> None:
    ROWS.update({row.result: row for row in table()})


@pytest.mark.parametrize(
    "result",
    [
        "clearing payments",
        "no default costs",
        "40 % of assets realised",
        "two who owe each other",
        "probability and extent of contagion, mean degree 3",
        "LTV that liquidation worsens, bonus 5 %",
        "the same, bonus 10 %",
        "return 1 % with leverage 10, impact 0.05",
        "spillover loss over equity, a unit of shock, three banks",
        "option on futures at 20, strike 20, 4 months, 25 % volatility, 9 % rate",
        "first numbers of SplitMix64, seed 1234567",
        "an order split in ten, over the whole",
        "worst of 1,000 default rates of a large pool, PD 2 %, correlation 0.1",
        "the same by recursion over 500 firms",
        "loss of a large pool at 99.9 %, PD 2 %, correlation 0.2, 60 % lost in default",
        "odds of losing 0 to 6 in a pool of 1, 2 and 3 with PD 1, 5 and 20 %, correlation 0.2",
        "shares, debt and chance of default of a firm of 12.40 that owes 10 in a year",
        "spread of debt of 100 in five years, firm of 125, 30 % volatility, 4 % rate",
        "call on a share of 42, strike 40, half a year, 20 % volatility, 10 % rate",
        "two banks above a leverage of 33.3: sales by round",
        "fall of the price in each",
        "capital of both after each",
        "their losses by these sales",
        "price after sales to regain 8 % capital; impact 0.0004, 0.0008, 0.001 (all sold)",
        "three banks of leverage 44: fall, shares sold; rounds from the price before any sale",
        "the same, rounds from the price once all is sold",
        "fall at the unstable equilibrium between, found by bisection only",
        "0 to 3 defaults of three firms with PD 1/2, no correlation, by recursion",
    ],
)
def test_ours_is_theirs(result: str) -> None:
    row = ROWS[result]
    assert len(row.ours) == len(row.expected) == len(row.tolerance) > 0
    for ours, expected, tolerance in zip(row.ours, row.expected, row.tolerance, strict=True):
        assert ours == pytest.approx(expected, abs=tolerance)


def test_no_row_is_left_out() -> None:
    assert len(ROWS) == 28
