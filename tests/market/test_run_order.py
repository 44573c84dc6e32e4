"""Who stands in which row makes no difference: the same market with its tables turned round.

What is drawn by row is switched off: operating hazards and tenants that leave. Borrowers order
machines and pay owners in a week of their own, by row: either nobody does, or weeks are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from runs import tables

from firesale.market.opening.books import Books
from firesale.market.operators.investment import WEEKS_PER_QUARTER
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

SETTINGS = (
    "days=250",
    "crypto.crash_start_day=5",
    "crypto.crash_days=60",
    "credit.hazard_per_year=0",
    "tenants.hazard_per_year=0",
    "credit.bankruptcy_days=30",
    "liquidation.legal_days=5",
)
NO_ROTA = ("investment.sensitivity=0",)
CLOSE = 1e-6  # relative: sums in another order round differently
KEY = ["day", "kind", "party", "counterparty", "loan", "cause"]


def turned_round() -> Books:
    """Miners, neoclouds and lenders from the last to the first."""
    t = tables()
    return replace(t, miners=t.miners[::-1], neoclouds=t.neoclouds[::-1], lenders=t.lenders[::-1])


def within_weeks() -> Books:
    """Named operators change places with others of the same week; lenders as above."""
    t = tables()
    names = Simulation(Scenario.load("calm"), books=t).market.names.parties

    def turned(rows: Sequence[Any]) -> tuple[Any, ...]:
        result = list(rows)
        for week in range(WEEKS_PER_QUARTER):
            mine = [
                k
                for k, row in enumerate(rows)
                if row.id in names and names.index(row.id) % WEEKS_PER_QUARTER == week
            ]
            for k, other in zip(mine, reversed(mine), strict=True):
                result[k] = rows[other]
        return tuple(result)

    return replace(
        t, miners=turned(t.miners), neoclouds=turned(t.neoclouds), lenders=t.lenders[::-1]
    )


def log(sim: Simulation) -> pd.DataFrame:
    """Events without their numbers, in an order of their own."""
    events = sim.events().astype(dict.fromkeys(KEY[1:], str))
    return events[[*KEY, "amount_usd"]].sort_values([*KEY, "amount_usd"], ignore_index=True)


@pytest.mark.parametrize(
    ("other", "settings"),
    [(turned_round, NO_ROTA), (within_weeks, ())],
    ids=["all", "within weeks"],
)
def test_the_same_market_with_its_tables_turned_round(
    other: Any, settings: tuple[str, ...]
) -> None:
    scenario = Scenario.load("joint-crash").with_settings([*SETTINGS, *settings])
    one, two = (Simulation(scenario, 1, books).run() for books in (tables(), other()))
    moved = sum(
        a != b for a, b in zip(*(sim.market.names.parties for sim in (one, two)), strict=True)
    )
    assert moved > 20
    first, second = log(one), log(two)
    assert {"margin_call", "loan_default", "seizure", "hardware_sale"} <= set(first["kind"])
    pd.testing.assert_frame_equal(first[KEY], second[KEY])
    np.testing.assert_allclose(first["amount_usd"], second["amount_usd"], rtol=CLOSE, atol=1.0)
    for name in ("loans", "lenders"):
        a, b = (getattr(sim, name)().set_index(name[:-1]).sort_index() for sim in (one, two))
        pd.testing.assert_frame_equal(a, b, rtol=CLOSE, atol=1.0)
    pd.testing.assert_frame_equal(one.series(), two.series(), rtol=CLOSE, atol=1.0)
    cash = [
        dict(zip(sim.market.names.parties, sim.market.parties.cash_usd, strict=True))
        for sim in (one, two)
    ]
    gross = sum(map(abs, cash[0].values()))
    assert all(cash[0][name] == pytest.approx(cash[1][name], abs=1e-9 * gross) for name in cash[0])


def test_the_same_firms_enter_whoever_stands_in_which_row() -> None:
    """Prospects stand behind the firms of the books: their draws have the same numbers."""
    boom = ("days=100", "crypto.drift=3", "compute.adoption_growth=0.8")
    boom += ("investment.lender_growth_per_year=1",)  # room for all: else who asks first gets it
    still = ("credit.hazard_per_year=0", "tenants.hazard_per_year=0")
    entry = ("entry.on=true", "entry.sensitivity=20")
    scenario = Scenario.load("baseline").with_settings([*boom, *still, *entry])
    first, second = (
        log(Simulation(scenario, 1, books).run()) for books in (tables(), within_weeks())
    )
    assert (first["kind"] == "entered").sum() > 20
    pd.testing.assert_frame_equal(first[KEY], second[KEY])
    np.testing.assert_allclose(first["amount_usd"], second["amount_usd"], rtol=CLOSE, atol=1.0)
