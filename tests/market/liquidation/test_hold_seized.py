"""Lenders that keep what they seize: nothing is offered, a host runs it, the claim is paid down."""

from __future__ import annotations

import pytest
import runs
from by_hand import GPU, RIG, Bench
from seizures import LEGAL_DAYS, fails_on_day_one

from firesale.agents.lender import LenderKind
from firesale.agents.party import Status
from firesale.market.lenders.forbearance import enforcement_usd, proceeds_of
from firesale.market.state.events import Event
from firesale.market.state.hardware import Family
from firesale.market.state.loans import Collateral
from firesale.market.state.lots import LotState


def seized(kind: int, units: float, debt: float, **terms: object) -> Bench:
    """A lender has seized machines on day 1 and means to keep them."""
    return fails_on_day_one(kind, units, debt, units, **dict(hold_seized=True) | terms)


@pytest.mark.parametrize(
    ("kind", "income"),
    [
        # 20 J/TH on average at 50 dollars a MWh, all of it, less 15 % for the host
        (RIG, 0.85 * 1000.0 * (0.1 - 0.020 * 24 * 0.05)),
        # 24 hours at 2 dollars, less 15 %, less 1 kW at 12 cents
        (GPU, 1000.0 * 24 * (2.0 * 0.85 - 0.12)),
    ],
)
def test_all_of_it_is_run_for_the_claim_and_nothing_is_offered(kind: int, income: float) -> None:
    bench = seized(kind, 1000.0, 1e9, receiver_share=0.0, hosting_discount=0.15)
    s = bench.s
    for day in range(2, 1 + LEGAL_DAYS):
        bench.day(day, "liquidate")
    assert s.loans.principal_usd[0] == 1e9  # the court has not let go
    for day in range(1 + LEGAL_DAYS, 1 + LEGAL_DAYS + 10):
        before = float(s.loans.principal_usd[0])
        bench.day(day, "liquidate")
        assert before - s.loans.principal_usd[0] == pytest.approx(income)
    assert s.lots.state[0] == LotState.LEGAL and s.lots.units[0] == 1000.0
    assert len(bench.events(Event.OFFERED)) == len(bench.events(Event.HARDWARE_SALE)) == 0
    assert [event["day"] for event in bench.events(Event.HOSTED)] == [1 + LEGAL_DAYS]


def test_what_is_left_after_the_claim_is_repaid_is_the_estates_and_sold() -> None:
    bench = seized(GPU, 10.0, 500.0)
    s = bench.s
    for day in range(2, 40):
        bench.day(day, "lenders", "liquidate")
    assert s.loans.principal_usd[0] == 0.0 and s.claims.open_lots[0] == 0
    assert s.lots.owner[0] == 0 and s.lots.loan[0] == -1
    assert s.lots.state[0] != LotState.LEGAL


def test_racks_of_machines_that_are_kept_do_not_come_free() -> None:
    def racks(keeps: bool) -> float:
        bench = seized(RIG, 1000.0, 1e9, hold_seized=keeps, site_days=20)
        before = float(bench.s.buyers.slots.sum())
        bench.s.buyers.budget_usd[:] = 0.0  # nobody buys: racks only come free
        for day in range(2, 30):
            bench.day(day, "liquidate")
        return float(bench.s.buyers.slots.sum()) - before

    assert racks(True) == 0.0
    assert racks(False) == pytest.approx(500.0)  # half a slot a unit


def test_who_keeps_counts_on_hosting_and_not_on_bids() -> None:
    """No bids at all: enforcing brings scrap to a seller, the value of hosting to who keeps."""

    def brings(keeps: bool) -> float:
        loan = dict(
            principal_usd=1e9,
            collateral=Collateral.HARDWARE,
            hardware=RIG,
            collateral_units=1000.0,
            recourse=False,
        )
        broke = [{"budget": 0.0}]
        bench = Bench([loan], fleets=[(0, RIG, 1000.0)], buyers=broke, hold_seized=keeps)
        bench.s.prices.hashprice_usd_ph_day = 100.0
        return enforcement_usd(bench.market, proceeds_of(bench.market, 0), 0)

    assert brings(False) < 1000.0 * 1.0 + 1e-6
    assert brings(True) > 10 * brings(False)


@pytest.mark.parametrize("seed", [1, 7])
def test_in_the_replay_lenders_and_receivers_sell_no_rig(seed: int) -> None:
    kept, sold = (
        runs.finished("backtest-2022", settings, seed, "2021")
        for settings in (("lenders.hold_seized=true",), ())
    )
    for sim, none in ((kept, True), (sold, False)):
        lots = sim.market.lots
        family = sim.market.hardware.family  # sites are sold
        rigs = (lots.seized_units > 1.0) & (family[lots.hardware] == Family.ASIC)
        rigs = rigs[: int(lots.count[0])]
        # What the court gives to lenders in kind a year later is no sale.
        of_lenders = rigs & (lots.loan[: int(lots.count[0])] >= 0)
        proceeds = float(lots.proceeds_usd[: int(lots.count[0])][of_lenders].sum())
        assert (abs(proceeds) < 1.0) == none
    failed = kept.market.parties.status[kept.market.first_lender : kept.market.first_buyer]
    kinds = kept.market.lenders.kind[failed != Status.ACTIVE]
    assert LenderKind.CRYPTO_LENDER in kinds  # some of them are receivers of failed lenders
    recovered = kept.market.claims.recovered_usd[: int(kept.market.claims.count[0])]
    assert recovered.sum() > 0.0
