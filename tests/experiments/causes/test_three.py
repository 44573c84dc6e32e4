"""A market of three: A's sale fells B, C stands; labels, dollars and multiplier by hand."""

from __future__ import annotations

import pytest
from by_hand import RIG, Bench

from firesale.experiments.causes.companions import Companions, companions_of, outcome_of
from firesale.experiments.causes.families import FAMILIES
from firesale.experiments.causes.labels import Label, labels, split_failures, split_losses
from firesale.market.prices.marks import marks_usd
from firesale.market.scenario.scenario import Scenario
from firesale.market.state.events import Cause
from firesale.market.state.loans import Collateral

A, B, C = 0, 1, 2
FREE = dict(
    idle_cost_share=0.0,
    removal_usd_per_th=0.0,
    storage_usd_per_gpu_day=0.0,
    legal_cost_share=0.0,
    bankruptcy_cost_share=0.0,
    legal_days=0,
)


def pledged(borrower: int, debt: float, units: float) -> dict[str, object]:
    """A loan on rigs: called at 80 % of their mark."""
    return dict(
        borrower=borrower,
        principal_usd=debt,
        collateral=Collateral.HARDWARE,
        hardware=RIG,
        collateral_units=units,
        initial_ltv=0.6,
        margin_call_ltv=0.8,
    )


def three(scenario: Scenario, purse: float = 2000.0, days: int = 10) -> Bench:
    """Rigs at 10 dollars. A cannot pay 12,000 on 1,000 of them; buyers have ``purse`` in all.

    B owes 700 and C 200 on 100 rigs each; neither has cash. Half of a mark is the last price.
    """
    channels = scenario.channels.model_dump() | {"lender_capital": False, "funding_run": False}
    bench = Bench(
        [pledged(A, 12_000.0, 1000.0), pledged(B, 700.0, 100.0), pledged(C, 200.0, 100.0)],
        borrowers=3,
        fleets=[(A, RIG, 1000.0), (B, RIG, 100.0), (C, RIG, 100.0)],
        buyers=[dict(budget=purse)],
        patience=[(1.0, 0.0)],  # its funders may leave: it sells
        scenario={
            "liquidation": {"window_days": 1},
            "credit": {"hazard_per_year": 0.0, "max_waivers": 0, "surrender_ratio": 0.0},
            "channels": channels,
        },
        **FREE,
    )
    s = bench.s
    s.prices.hashprice_usd_ph_day = 40.0
    s.miners.power_usd_mwh[:] = 1e6  # nobody runs: no income in any world
    s.loans.breach[0], s.loans.breach_day[0] = Cause.MATURITY, 0
    for day in range(1, days + 1):
        s.today.day = day
        s.marks_usd[RIG] = marks_usd(bench.market, 0.5)[RIG]
        bench.day(day, "test", "default", "lenders", "liquidate")
    return bench


def of_three(**more: float) -> Companions:
    scenario = Scenario()
    run = three(scenario, **more)  # type: ignore[arg-type]
    return companions_of(
        scenario,
        outcome_of(run.market),
        lambda changed: outcome_of(three(changed, **more).market),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def made() -> Companions:
    return of_three()


def test_a_fails_by_itself_b_through_its_sale_and_c_stands(made: Companions) -> None:
    assert labels(made) == {A: Label(()), B: Label(("hardware",))}
    split = split_failures(made)
    assert (split.total, split.first, split.through["hardware"]) == (2, 1, 1)
    assert split.multiplier == 2.0 and split.spared == 0


def test_the_price_is_what_buyers_have(made: Companions) -> None:
    """1,000 rigs for 2,000 dollars: 2 each. B's mark is (10 + 2) / 2, its LTV 700 / 600."""
    bench = three(Scenario(), days=2)
    assert bench.s.clearing_usd[RIG] == pytest.approx(2.0)


def test_dollars_are_those_that_the_sale_cost(made: Companions) -> None:
    """A's lender gets 2,000 of 12,000; kept at 10 the rigs were worth 10,000: 2,000 lost anyway."""
    on_a = made.run.loss_usd[A]
    assert on_a == pytest.approx(10_000.0)
    split = split_losses(made)
    assert split.first == pytest.approx(2_000.0)
    on_b = made.run.loss_usd[B]
    assert on_b > 0.0
    assert split.through["hardware"] == pytest.approx(8_000.0 + on_b)
    assert split.multiplier == pytest.approx((10_000.0 + on_b) / 2_000.0)


def test_with_enough_buyers_nobody_follows() -> None:
    made = of_three(purse=1e9)
    assert list(labels(made)) == [A] and split_failures(made).multiplier == 1.0


def test_with_all_families_off_the_multiplier_is_one() -> None:
    """Nothing is left to hold still: no companion is run at all."""
    off = {key: False for family in FAMILIES for key in family.still}
    scenario = Scenario().changed(off, "test")
    run = outcome_of(three(scenario).market)

    def never(changed: Scenario) -> None:
        raise AssertionError(changed.name)

    made = companions_of(scenario, run, never)  # type: ignore[arg-type]
    assert split_failures(made).multiplier == 1.0 and split_failures(made).total == 1
    assert split_losses(made).multiplier == 1.0
