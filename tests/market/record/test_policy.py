"""What policy costs: the authority's accounts by hand, and what the summary says of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from runs import finished

from firesale.agents.party import Outside, Status
from firesale.market.lenders.last_resort import lend_of_last_resort, serve_last_resort
from firesale.market.liquidation.last_resort import buy_what_is_left, store_what_was_bought
from firesale.market.record.policy import policy_summary
from firesale.market.state.ledger import Account
from firesale.market.state.lots import LotState, new_lot
from firesale.market.state.money import authority_error

BUYER = {"buyer_of_last_resort_usd": 1000.0, "buyer_price_share": 0.7}
LENDER = {"lender_of_last_resort_usd": 1000.0}


def authority(bench: Bench) -> float:
    return bench.cash(bench.outside(Outside.AUTHORITY))


def accounts(bench: Bench, *which: Account) -> list[float]:
    return [float(bench.s.ledger.policy_usd[account]) for account in which]


# --- buyer of last resort -------------------------------------------------------------------------


def bought(**more: Any) -> Bench:
    """The authority buys four GPUs at 70, of a schedule of 100; a dealer has 200 dollars."""
    bench = Bench([dict(principal_usd=1e3, status=1)], scenario={"policy": BUYER},
                  buyers=[dict(budget=200.0, needs_slots=False)], legal_cost_share=0.1,
                  removal_usd_per_gpu=2.0, storage_usd_per_gpu_day=0.5, **more)  # fmt: skip
    lot = new_lot(bench.s.lots, 0, (bench.lender(), 0, 0), GPU, 4.0, -1)
    bench.s.lots.state[lot], bench.s.lots.mark_usd[lot] = LotState.REMOVED, 100.0
    bench.s.loans.claims.open_lots[0] = 1
    bench.s.ledger.outside_units[GPU] -= 4.0
    buy_what_is_left(bench.market)
    return bench


def test_what_the_authority_buys_is_its_own() -> None:
    bench = bought()
    assert authority(bench) == pytest.approx(-280.0)
    assert accounts(bench, Account.BOUGHT, Account.STORED) == pytest.approx([280.0, 0.0])
    assert bench.s.ledger.authority_units.tolist() == [4.0, 0.0, 0.0]
    assert bench.s.ledger.outside_units[GPU] == pytest.approx(-4.0)  # nothing went there
    assert bench.cash(bench.outside(Outside.INVESTORS)) == 0.0
    assert bench.s.loans.principal_usd[0] == pytest.approx(1000.0 - 0.9 * 280.0)
    assert authority_error(bench.market) < 1e-12


def test_a_day_of_storage_by_hand() -> None:
    bench = bought()
    bench.s.ledger.authority_units[RIG] = 10.0  # of 0.02 kW each
    bench.terms.liquidation.idle_cost_share = 0.5
    store_what_was_bought(bench.market)
    cost = 4 * 0.5 + 10 * 0.5 * 0.02 * 24 * 0.12 * 0.1  # idle rigs: a tenth of half their power
    assert accounts(bench, Account.STORED) == pytest.approx([cost])
    assert authority(bench) == pytest.approx(-280.0 - cost)
    assert bench.cash(bench.outside(Outside.COURTS)) == pytest.approx(0.1 * 280.0 + cost)


def test_what_it_holds_counts_at_what_a_sale_brings() -> None:
    """The dealer's 200 buy all four: 180 after legal cost, less 2 for each to take out."""
    bench = bought()
    store_what_was_bought(bench.market)
    summary = policy_summary(bench.market)
    assert summary["net_cost_usd"] == pytest.approx(280.0 + 2.0 - (0.9 * 200.0 - 8.0))
    of = summary["buyer_of_last_resort"]
    assert of["held_units"] == {"GPU": 4.0}
    assert (of["available_usd"], of["machines_usd"]) == pytest.approx((1000.0, 280.0))
    assert (of["storage_usd"], of["spent_usd"]) == pytest.approx((2.0, 282.0))
    assert of["held_usd"] == pytest.approx(172.0)
    assert of["held_scheduled_usd"] == pytest.approx(400.0)
    assert bench.s.buyers.budget_usd[0] == 200.0  # nothing was sold
    bench.s.buyers.budget_usd_day[0] = 1.0
    later = policy_summary(bench.market)["buyer_of_last_resort"]
    assert later["held_90_days_usd"] == pytest.approx(0.9 * 290.0 - 8.0)


@pytest.mark.parametrize("account", [Account.BOUGHT, Account.LENT, Account.REPAID, Account.LOST])
def test_an_account_that_says_what_did_not_happen_is_an_error(account: Account) -> None:
    bench = bought()
    bench.s.ledger.policy_usd[account] += 1.0
    assert authority_error(bench.market) > 1e-3


# --- lender of last resort ------------------------------------------------------------------------


def lent(**more: Any) -> Bench:
    """A lender with 600 of funding could not pay 100 of it; the authority has."""
    bench = Bench([dict(principal_usd=800.0)], scenario={"policy": LENDER},
                  funding_run=True, run_threshold=0.1, run_speed=math.log(2.0),
                  news_half_life_days=math.inf, **more)  # fmt: skip
    bench.balance(0, cash=0.0, other=0.0, owes=600.0, runnable_share=0.5)
    bench.s.lenders.unpaid_run_usd[0] = 100.0
    lend_of_last_resort(bench.market)
    return bench


def test_the_authority_is_creditor_in_the_funders_place() -> None:
    bench = lent()
    lenders = bench.s.lenders
    assert (authority(bench), bench.cash(bench.outside(Outside.INVESTORS))) == (-100.0, 100.0)
    assert (lenders.funding_usd[0], lenders.last_resort_usd[0]) == (600.0, 100.0)
    assert (lenders.unpaid_run_usd[0], lenders.run_usd[0]) == (0.0, 100.0)
    of = policy_summary(bench.market)["lender_of_last_resort"]
    assert (of["lent_usd"], of["owed_usd"], of["net_cost_usd"]) == (100.0, 100.0, 0.0)


def test_interest_and_repayment_by_hand() -> None:
    bench = lent()
    bench.s.lenders.funding_spread[0] = 0.03
    bench.s.prices.reference_rate = 0.043
    bench.s.parties.cash_usd[bench.lender()] = 30.0
    serve_last_resort(bench.market)
    interest = 100.0 * 0.073 / 365.0
    assert accounts(bench, Account.INTEREST, Account.REPAID) == pytest.approx([interest, 30.0])
    assert bench.s.lenders.last_resort_usd[0] == pytest.approx(70.0)
    assert bench.s.lenders.funding_usd[0] == pytest.approx(570.0)
    assert bench.cash(bench.lender()) == 0.0
    of = policy_summary(bench.market)["lender_of_last_resort"]
    assert of["net_cost_usd"] == pytest.approx(-interest)  # it earns
    assert authority_error(bench.market) < 1e-12


def test_public_money_is_not_asked_back_with_the_rest() -> None:
    bench = lent()
    bench.s.lenders.news[0] = 1.1
    bench.s.parties.cash_usd[bench.lender()] = 0.0
    bench.day(1, "lenders")
    # Half of half of the 500 that funders still have there.
    assert accounts(bench, Account.LENT) == pytest.approx([100.0 + 125.0])


def test_of_a_lender_that_fails_it_gets_what_others_get() -> None:
    bench = lent(realised_share=1.0)
    bench.s.lenders.book_usd[0] = 800.0
    bench.s.lenders.written_down_usd[0] = 500.0  # 300 are left for 600
    bench.s.lenders.capital_usd[0] = -300.0
    bench.day(1, "lenders")
    assert bench.s.parties.status[bench.lender()] == Status.DEFAULTED
    assert accounts(bench, Account.REPAID, Account.LOST) == pytest.approx([50.0, 50.0], rel=1e-3)
    assert bench.s.prices.depositor_loss_usd == pytest.approx(250.0, rel=1e-3)
    assert bench.s.lenders.last_resort_usd[0] == 0.0
    of = policy_summary(bench.market)["lender_of_last_resort"]
    assert (of["owed_usd"], of["lost_usd"]) == pytest.approx((0.0, 50.0), rel=1e-3)
    assert of["net_cost_usd"] == pytest.approx(50.0, rel=1e-3)
    assert authority_error(bench.market) < 1e-12


# --- levers that spend nothing --------------------------------------------------------------------


def test_without_levers_there_is_nothing_to_say() -> None:
    assert policy_summary(Bench().market) == {"net_cost_usd": 0.0}


def test_a_mark_rule_is_told_by_what_it_adds_to_marks() -> None:
    """Half of 40 off the schedule of 100 is what the scenario says; the rule leaves 100."""
    policy = {"policy": {"mark_rule": "schedule"}}
    loan = dict(principal_usd=1e3, collateral=2, hardware=GPU, collateral_units=10.0)
    bench = Bench([loan], fleets=[(0, GPU, 10.0)], scenario=policy)
    bench.s.clearing_usd[GPU] = 60.0
    assert policy_summary(bench.market)["mark_rule"]["raises_marks_usd"] == pytest.approx(200.0)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("setting", "lever", "figure"),
    [
        ("policy.haircut_floor=0.5", "haircut_floor", "withheld_credit_usd"),
        ("policy.tenor_cap_years=1.0", "tenor_cap", "shortened_credit_usd"),
        ("policy.standstill_days=200", "standstill", "suspended_claims_usd"),
        ("policy.capital_buffer=0.05", "capital_buffer", "required_capital_usd"),
    ],
)
def test_what_levers_ask_of_others_in_a_run(setting: str, lever: str, figure: str) -> None:
    sim = finished("joint-crash", ("days=250", setting))
    policy = sim.summary()["policy"]
    assert policy == {"net_cost_usd": 0.0, lever: {figure: policy[lever][figure]}}
    assert policy[lever][figure] > 1e6
    if lever == "capital_buffer":
        free = finished("joint-crash", ("days=250",)).market.lenders.capital_open_usd
        more = sim.market.lenders.capital_open_usd - free
        assert policy[lever][figure] == pytest.approx(more.sum())


@pytest.mark.compiled
def test_in_a_run_the_authoritys_books_balance() -> None:
    """Cash out is machines, storage and fees; units are those its purchases took from lots."""
    sim = finished("joint-crash", ("days=400", "policy.buyer_of_last_resort_usd=1e9"))
    market = sim.market
    paid = -market.parties.cash_usd[market.first_outside + Outside.AUTHORITY]
    of = sim.summary()["policy"]["buyer_of_last_resort"]
    assert paid == pytest.approx(of["spent_usd"]) and 1e8 < of["machines_usd"] <= 1e9 + 1.0
    log = market.events
    own = log["counterparty"] == market.first_outside + Outside.AUTHORITY
    assert of["machines_usd"] == pytest.approx(log["amount_usd"][own].sum())
    assert of["held_usd"] <= of["held_90_days_usd"]
    assert np.all(market.ledger.authority_units >= 0.0)
    assert sim.summary()["conservation_error"] < 1e-9
