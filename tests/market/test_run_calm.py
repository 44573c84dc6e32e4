"""Slow: many seeds of quiet markets, against the history of ratings and against common sense."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from runs import fresh

from firesale.market.opening.books_2025.read import DATA_FOLDER

SEEDS = range(1, 31)


def one_year_default_rate(rating: str) -> float:
    """From the packaged table of credit anchors."""
    with (DATA_FOLDER.parent / "credit_anchors.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["item"] == f"One-year default rate, {rating}":
                return float(row["value"])
    raise AssertionError(rating)


@pytest.mark.slow
def test_calm_is_calm_over_thirty_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    failed: Counter[str] = Counter()
    share: dict[str, list[float]] = {}
    rates, largest = [], []
    for seed in SEEDS:
        sim = fresh("calm", seed=seed).run()
        summary = sim.summary()
        names = summary["defaulted"]["miner"] + summary["defaulted"]["neocloud"]
        failed.update(names)
        rates.append(len(names) / sim.market.borrower_count)
        largest.append(summary["linked"]["largest"])
        lenders = sim.lenders().set_index("lender")
        for name, loss in (lenders["loss_usd"] / lenders["capital_open_usd"]).items():
            share.setdefault(str(name), []).append(float(loss))
    often = {name: n for name, n in failed.items() if n > len(SEEDS) / 4}
    means = {name: float(np.mean(losses)) for name, losses in share.items()}
    with capsys.disabled():
        worst = sorted(means.items(), key=lambda pair: -pair[1])[:5]
        print(f"\ncalm: rate {np.mean(rates):.3f} a year; often {often}; lenders {worst}")
    assert np.mean(rates) < 0.06
    assert max(largest) <= 3
    assert max(means.values()) < 0.25


@pytest.mark.slow
def test_baseline_rates_lie_in_the_band_of_rating_history(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Borrowers of this market are B to CCC: failures a year between a third of B and twice CCC."""
    low = one_year_default_rate("B") / 3.0
    high = 2.0 * one_year_default_rate("CCC and C")
    rates: dict[str, list[float]] = {"miner": [], "neocloud": []}
    for seed in SEEDS:
        sim = fresh("baseline", seed=seed).run()
        summary = sim.summary()
        for kind, found in rates.items():
            share = summary["defaults"][kind] / summary["population"][kind]
            found.append(1.0 - (1.0 - share) ** (365.0 / summary["days"]))
    mean = {kind: float(np.mean(found)) for kind, found in rates.items()}
    with capsys.disabled():
        print(f"\nbaseline: rates a year {mean}, band {low:.3f} to {high:.3f}")
    both = np.mean(list(mean.values()))
    assert low < both < high
