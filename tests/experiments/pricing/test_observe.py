"""What is observed of a loan and what follows from it, by hand: a bullet with one default."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import runs
from by_hand import Bench

from firesale.experiments.pricing.cohorts import at_risk, price
from firesale.experiments.pricing.grid import Cell, Grid
from firesale.experiments.pricing.observe import EXITS, Observer, observe
from firesale.experiments.pricing.panel import panel_of
from firesale.market.state.events import Cause, Event
from firesale.market.state.history import log_event
from firesale.market.state.loans import LoanStatus, open_claim
from firesale.market.state.market import Market

RATE, SPREAD = 0.04, 0.06
DAYS = 730


def a_run(default_day: int | None, recovery_day: int = 0, recovered: float = 0.0) -> pd.DataFrame:
    """A bullet of 100 at a spread of 6 % that fails on a day, or never."""
    market = Bench([dict(principal_usd=100.0, floating=True, rate_or_spread=SPREAD)]).market
    market.prices.reference_rate = RATE
    observer = Observer(market)
    for day in range(1, DAYS + 1):
        market.today.day = day
        fails(market, day, default_day)
        if day == recovery_day:
            market.claims.recovered_usd[0] += recovered
        observer(market)
    return observer.frame(market)


def fails(market: Market, day: int, default_day: int | None) -> None:
    if day == default_day:
        market.loans.status[0] = LoanStatus.DEFAULTED
        open_claim(0, day, 105.0, -1, market.loans)


def discount(day: int) -> float:
    return math.exp(-RATE * day / 365.0)


def test_a_bullet_that_stands() -> None:
    (row,) = a_run(None).to_dict("records")
    years = (1.0 - discount(DAYS)) / RATE  # of a dollar, continuously
    assert row["balance_years_usd"] == pytest.approx(100.0 * years, rel=2e-4)
    assert row["earned_usd"] == pytest.approx(6.0 * years, rel=2e-4)
    assert row["loss_usd"] == row["claim_usd"] == 0.0
    assert EXITS[row["exit"]] == "open" and row["default_day"] == -1
    assert len(row["balance_musd"]) == 9 and row["balance_musd"][-1] == pytest.approx(1e-4)


def test_a_bullet_that_fails_after_a_year() -> None:
    (row,) = a_run(365, 547, 63.0).to_dict("records")
    assert row["balance_years_usd"] == pytest.approx(100.0 * (1.0 - discount(364)) / RATE, rel=2e-4)
    assert row["claim_usd"] == pytest.approx(105.0 * discount(365))
    assert row["loss_usd"] == pytest.approx(105.0 * discount(365) - 63.0 * discount(547))
    assert row["default_day"] == 365 and row["last_recovery_day"] == 547
    assert EXITS[row["exit"]] == "defaulted"
    assert np.flatnonzero(row["claims_musd"]).tolist() == [3]  # the fourth quarter
    assert np.flatnonzero(row["recovered_musd"]).tolist() == [5]


def test_the_price_of_a_bullet_with_one_default_in_four_runs() -> None:
    frames = [a_run(None), a_run(None), a_run(365, 547, 63.0), a_run(None)]
    observed = pd.concat([frame.assign(run_id=run) for run, frame in enumerate(frames)])
    made = pd.DataFrame({"run_id": range(4), "cell": "only", "seed": range(4)})
    loans = pd.DataFrame(
        {"loan": ["loan0"], "balance_usd": [100.0], "undrawn_usd": [0.0], "contract": [SPREAD],
         "vintage": [2025], "firm": ["p0"]}
    )  # fmt: skip
    cell = Cell("only", 1.0, "the only one", ("", "", ""), {})
    grid = Grid("hand", "by hand", "calm", {}, (cell,), (), ("only",))
    panel = panel_of(made, pa.Table.from_pandas(observed), loans, grid)
    one = price(panel, np.array([0]), "bullet")
    loss = 105.0 * discount(365) - 63.0 * discount(547)
    years = 100.0 * (3 * (1 - discount(DAYS)) + (1 - discount(364))) / RATE
    assert one.break_even.value == pytest.approx(loss / years, rel=3e-4)
    assert one.break_even.low == 0.0 < one.break_even.value < one.break_even.high
    assert one.lgd == pytest.approx(1.0 - 63.0 * discount(547) / (105.0 * discount(365)))
    assert one.pd[0] == pytest.approx(0.25) and one.pd[1] == pytest.approx(0.25)
    assert one.expected_loss == pytest.approx(loss / 400.0)
    assert one.contract == pytest.approx(SPREAD) and one.earned == pytest.approx(SPREAD)
    # the worst hundredth is the default; capital is what it loses beyond the mean, at a tenth
    assert one.charged == pytest.approx(one.break_even.value + 0.1 * 0.75 * loss / 100.0)
    standing, failing = at_risk(panel, np.array([0]))
    assert standing[:2] * 1e6 == pytest.approx([100.0, 75.0])
    assert failing[:2] * 1e6 == pytest.approx([25.0, 0.0])


def test_what_comes_after_the_horizon_counts_for_old_claims_only() -> None:
    market = Bench([dict(principal_usd=100.0, floating=True), dict(principal_usd=50.0)]).market
    observer = Observer(market)
    market.today.day = 1
    market.loans.status[0] = LoanStatus.DEFAULTED
    open_claim(0, 1, 100.0, -1, market.loans)
    observer(market)
    observer.settling = True
    market.today.day = 2
    market.claims.recovered_usd[0] = 40.0
    market.loans.status[1] = LoanStatus.DEFAULTED
    open_claim(1, 2, 50.0, -1, market.loans)
    observer(market)
    frame = observer.frame(market)
    assert frame["loss_usd"].tolist() == pytest.approx([60.0, 0.0])
    assert frame["balance_years_usd"].tolist() == pytest.approx([0.0, 50.0 / 365.0])


def test_the_control_of_the_hazard_is_its_luck() -> None:
    market = Bench([dict(principal_usd=100.0)], borrowers=1).market
    market.terms.derived.hazard_per_day = 0.01
    observer = Observer(market)
    market.today.day = 1
    observer(market)
    assert observer.sums["hazard"][0] == pytest.approx(-1.0)  # it stood: luck, by its chance
    market.today.day = 2
    log_event(market, Event.HAZARD, Cause.HAZARD, (0, -1, -1), 0.0, -1)
    market.parties.status[0] = 1
    market.loans.status[0] = LoanStatus.DEFAULTED
    observer(market)
    assert observer.sums["hazard"][0] == pytest.approx(-1.0 + 99.0)


def test_an_observed_run_is_the_same_run() -> None:
    hasty = ("days=120", "credit.hazard_per_year=1.0", "credit.estate_max_days=60")
    plain = runs.fresh("joint-crash", hasty, 3).run().resolve()
    seen = runs.fresh("joint-crash", hasty, 3)
    frame = observe(seen)
    assert seen.summary() == plain.summary()
    found = plain.loans().set_index("loan")
    here = frame.set_index("loan")
    failed = here.index[here["default_day"] >= 0]
    assert len(failed) > 10
    assert set(failed) == set(found.index[found["default_day"] >= 0])
    # the claim with interest less what it brought is what was written down, and interest
    assert here["loss_usd"].sum() > 0.0
