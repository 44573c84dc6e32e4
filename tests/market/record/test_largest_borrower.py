"""Losses and defaults with and without the largest borrower."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from firesale.market.record.largest_borrower import (
    Resolved,
    groups,
    largest_borrower,
    with_and_without,
)
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.loans import of_claims


def test_it_is_who_owes_most_at_the_opening() -> None:
    debt: dict[str, float] = {}
    for row in runs.tables().loans:
        if not row.borrower_id.startswith("REST_"):  # many parties
            debt[row.borrower_id] = debt.get(row.borrower_id, 0.0) + row.drawn_usd_m
    market = runs.fresh("calm").market
    largest = market.opening.largest_borrower
    assert market.names.parties[largest] == max(debt, key=lambda name: debt[name])
    market.loans.principal_usd[market.loans.borrower == largest] = 0.0
    assert market.opening.largest_borrower == largest  # of the opening, whatever is repaid
    assert largest_borrower(market) != largest


def test_a_group_counts_together_and_is_named_by_who_owes_most() -> None:
    market = runs.fresh("calm").market
    debt = np.bincount(market.loans.borrower, market.loans.principal_usd, market.borrower_count)
    second, third, fourth = np.argsort(-debt)[1:4]
    market.parties.parent[fourth] = second  # two levels
    market.parties.parent[third] = fourth
    assert groups(market)[third] == groups(market)[fourth] == groups(market)[second] == second
    assert debt[[second, third, fourth]].sum() < debt.max()
    assert largest_borrower(market) == int(np.argmax(debt))
    market.loans.principal_usd[market.loans.borrower == third] *= 10.0
    assert largest_borrower(market) == third


def test_without_leaves_out_losses_on_its_loans_only() -> None:
    sim = Simulation(Scenario.load("joint-crash").with_settings(["days=400"]), seed=1).run()
    market, summary = sim.market, sim.summary()
    failed = np.flatnonzero(market.has_defaulted)
    lost = of_claims("written_down_usd", market.loans)
    by_borrower = np.bincount(market.loans.borrower, lost, market.borrower_count)
    worst = int(np.argmax(by_borrower))
    assert by_borrower[worst] > 0.0 and worst in failed
    market.opening.largest_borrower = worst  # as if it had been
    found = with_and_without(market, None)
    total = summary["loss_usd"]["total"]
    assert found["fails"] is True
    assert found["loss_usd"] == pytest.approx(by_borrower[worst])
    assert found["loss_without_usd"] == pytest.approx(total - by_borrower[worst])
    assert found["defaults_without"] == len(failed) - 1
    further = np.zeros(len(lost))
    further[market.loans.borrower == worst] = 2.0
    further[market.loans.borrower != worst] = 1.0
    count = int(np.sum(market.loans.borrower == worst))
    ended = with_and_without(market, Resolved(total + further.sum(), 500, further, 0.0))
    assert ended["resolved_loss_usd"] == pytest.approx(by_borrower[worst] + 2.0 * count)
    both = ended["resolved_loss_usd"] + ended["resolved_loss_without_usd"]
    assert both == pytest.approx(total + further.sum())


def test_where_it_stands_nothing_is_left_out() -> None:
    summary = Simulation(Scenario.load("calm").with_settings(["days=20"]), seed=1).run().summary()
    largest = summary["largest_borrower"]
    assert largest["fails"] is False and largest["loss_usd"] == 0.0
    assert largest["loss_without_usd"] == summary["loss_usd"]["total"]
    assert largest["defaults_without"] == sum(summary["defaults"][k] for k in ("miner", "neocloud"))
