"""Lenders that fail: what their creditors get by pen and paper, who follows, who is spared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from by_hand import Bench

from firesale.agents.lender import LenderKind, capital_ratio
from firesale.agents.party import Outside, Status
from firesale.market.state.events import Cause, Event

STILL = dict(news_half_life_days=math.inf, loan_price_half_life_days=math.inf, loan_impact=0.0)


def outside_cash(bench: Bench, party: Outside) -> float:
    return bench.cash(bench.outside(party))


# --- failure --------------------------------------------------------------------------------------


def failing(channel: bool = True, *, rows: tuple[int, int, int] = (0, 1, 2)) -> Bench:
    """The first owns 100 in cash and 750 in loans, and owes 300, 200 and 500 outside."""
    bench = Bench(lenders=3, scenario={"channels": {"interlender": channel, "funding_run": False}},
                  **STILL)  # fmt: skip
    a, b, c = rows
    bench.balance(a, cash=100.0, other=750.0, owes=1000.0, worst_event=11, capital_open_usd=10.0)
    bench.balance(b, cash=0.0, other=600.0, owes=400.0)
    bench.balance(c, cash=0.0, other=500.0, owes=300.0)
    bench.owing({(a, b): 300.0, (a, c): 200.0})
    return bench


@pytest.mark.parametrize("rows", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_what_creditors_of_a_failed_lender_get(rows: tuple[int, int, int]) -> None:
    bench = failing(rows=rows)
    a, b, c = rows
    for row in (b, c):
        bench.s.lenders.kind[row] = LenderKind.INSURER
    bench.day(1, "lenders")
    lenders = bench.s.lenders
    share = 0.85 * 850.0 / 1000.0
    assert bench.cash(bench.lender(a)) == pytest.approx(0.0, abs=1e-9)
    assert bench.cash(bench.lender(b)) == pytest.approx(share * 300.0)
    assert bench.cash(bench.lender(c)) == pytest.approx(share * 200.0)
    assert outside_cash(bench, Outside.COURTS) == pytest.approx(0.15 * 850.0)
    assert outside_cash(bench, Outside.INVESTORS) == pytest.approx(share * 500.0 - 750.0)
    assert bench.s.prices.depositor_loss_usd == pytest.approx((1.0 - share) * 500.0)
    assert lenders.capital_usd[b] == pytest.approx(200.0 - (1.0 - share) * 300.0)
    assert lenders.capital_usd[c] == pytest.approx(200.0 - (1.0 - share) * 200.0)
    assert lenders.other_loans_usd[[b, c]] == pytest.approx([300.0, 300.0])
    assert lenders.interlender_loss_usd[[b, c]] == pytest.approx(
        [(1 - share) * 300.0, (1 - share) * 200.0]
    )
    assert not bench.s.interlender.amount_usd.any()
    (failed,) = bench.events(Event.LENDER_FAILED)
    assert (failed["party"], failed["cause"]) == (bench.lender(a), Cause.LOSSES)
    assert (failed["parent"], failed["round"]) == (11, 0)
    losses = bench.events(Event.INTERLENDER_LOSS)
    where = np.flatnonzero(bench.s.events["kind"] == Event.LENDER_FAILED)[0]
    assert set(losses["parent"]) == {where}
    assert set(losses["party"]) == {bench.lender(b), bench.lender(c)}
    assert set(losses["counterparty"]) == {bench.lender(a)}
    assert math.fsum(losses["amount_usd"]) == pytest.approx((1 - share) * 500.0)
    assert lenders.supply[a] == 0.0 and lenders.supply_event[a] == where
    assert lenders.news[b] == pytest.approx((1 - share) * 300.0 / 200.0)


def test_a_creditor_that_cannot_bear_it_fails_in_the_next_round() -> None:
    bench = failing()
    bench.balance(1, cash=0.0, other=600.0, owes=550.0)
    bench.owing({(0, 1): 300.0, (0, 2): 200.0, (1, 2): 150.0})
    bench.day(1, "lenders")
    log = bench.events(Event.LENDER_FAILED)
    assert list(log["party"]) == [bench.lender(0), bench.lender(1)]
    assert list(log["round"]) == [0, 1]
    losses = bench.events(Event.INTERLENDER_LOSS)
    assert list(losses["round"]) == [0, 0, 1]
    assert list(losses["counterparty"]) == [bench.lender(0), bench.lender(0), bench.lender(1)]
    parent = bench.s.events[log["parent"][1]]
    assert parent["kind"] == Event.INTERLENDER_LOSS and parent["party"] == bench.lender(1)
    # The second has 300 of loans and 216.75 in cash for 550, of which 150 to the third.
    first, second = 0.7225, 0.85 * (300.0 + 216.75) / 550.0
    got = first * 200.0 + second * 150.0
    assert bench.cash(bench.lender(2)) == pytest.approx(got)
    assert bench.s.lenders.capital_usd[2] == pytest.approx(200.0 - (350.0 - got))
    assert bench.s.lenders.capital_usd[1] == 0.0
    assert bench.s.parties.status[bench.lender(2)] == Status.ACTIVE


@pytest.mark.parametrize("rows", [(0, 1), (1, 0)])
def test_two_that_fail_together_share_alike_in_any_order(rows: tuple[int, int]) -> None:
    a, b = rows
    bench = Bench(lenders=2, **STILL)
    bench.balance(a, cash=0.0, other=400.0, owes=500.0)
    bench.balance(b, cash=0.0, other=300.0, owes=400.0)
    bench.owing({(a, b): 200.0})
    bench.day(1, "lenders")
    # The first pays 0.85 * 400 = 340 on 500. The second owns 100 beside its claim, on which it
    # gets 136; it realises 0.85 of either.
    share = 340.0 / 500.0
    second = 0.85 * (100.0 + share * 200.0) / 400.0
    assert bench.s.lenders.interlender_loss_usd[b] == pytest.approx((1 - share) * 200.0)
    assert len(bench.events(Event.INTERLENDER_LOSS)) == 1
    assert bench.s.prices.depositor_loss_usd == pytest.approx(
        (1 - share) * 300.0 + (1 - second) * 400.0
    )
    # Who lost everything has nothing for its owners: all that is missing is the courts'.
    courts = 0.15 * (400.0 + 100.0 + share * 200.0)
    assert outside_cash(bench, Outside.COURTS) == pytest.approx(courts)
    assert outside_cash(bench, Outside.INVESTORS) == pytest.approx(-courts)


def test_claims_sold_with_other_loans_are_no_longer_claims() -> None:
    """A creditor that sold loans for its own run cannot lose more than it still holds."""
    bench = failing()
    bench.balance(1, cash=0.0, other=100.0, owes=50.0)
    bench.day(1, "lenders")
    lenders = bench.s.lenders
    assert np.all(lenders.other_loans_usd >= 0.0)
    assert lenders.interlender_loss_usd[1] == pytest.approx((1.0 - 0.7225) * 100.0)
    assert bench.s.prices.depositor_loss_usd == pytest.approx((1.0 - 0.7225) * 700.0)


def test_with_the_channel_off_creditors_are_made_whole_from_outside() -> None:
    bench = failing(channel=False)
    bench.day(1, "lenders")
    assert bench.cash(bench.lender(1)) == pytest.approx(300.0)
    assert bench.cash(bench.lender(2)) == pytest.approx(200.0)
    assert bench.s.lenders.capital_usd[[1, 2]] == pytest.approx([200.0, 200.0])
    assert not len(bench.events(Event.INTERLENDER_LOSS))
    assert bench.stocks().cash_usd == pytest.approx(100.0)


def test_a_sleeve_below_its_minimum_closes_and_its_parent_pays() -> None:
    bench = failing()
    bench.s.lenders.sleeve[0] = True
    bench.s.lenders.min_capital_ratio[0] = 0.08
    bench.day(1, "lenders")
    (closed,) = bench.events(Event.SLEEVE_CLOSED)
    assert (closed["party"], closed["parent"]) == (bench.lender(0), 11)
    assert not len(bench.events(Event.LENDER_FAILED))
    assert bench.s.lenders.supply[0] == 0.0
    assert bench.s.lenders.capital_usd[[1, 2]] == pytest.approx([200.0, 200.0])
    assert list(bench.s.interlender.amount_usd) == [300.0, 200.0]
    bench.day(2, "lenders")
    assert len(bench.events(Event.SLEEVE_CLOSED)) == 1


def test_a_sleeve_above_its_minimum_stays() -> None:
    bench = Bench(lenders=2, **STILL, lender_capital=True)
    for row, owes in enumerate((919.0, 921.0)):
        bench.balance(row, cash=0.0, other=1000.0, owes=owes, sleeve=True, min_capital_ratio=0.08,
                      target_leverage=5.0)  # fmt: skip
    bench.day(1, "lenders")
    assert list(bench.s.lenders.closed_event >= 0) == [False, True]
    assert capital_ratio(81.0, 919.0) == pytest.approx(0.081)
    assert bench.s.lenders.supply == pytest.approx([0.001 / 0.06, 0.0])


def test_with_the_channel_off_lost_capital_closes_no_sleeve_and_bankruptcy_goes_on() -> None:
    # Three of 250 each: a sleeve at 1 %, a sleeve without capital, a lender that owes too much.
    bench = Bench(lenders=3, lender_capital=False, **STILL)
    for row, owes in enumerate((247.5, 260.0, 260.0)):
        bench.balance(row, cash=0.0, other=250.0, owes=owes, sleeve=row < 2, min_capital_ratio=0.08,
                      target_leverage=5.0)  # fmt: skip
    bench.day(1, "lenders")
    assert not len(bench.events(Event.SLEEVE_CLOSED))
    assert list(bench.events(Event.LENDER_FAILED)["party"]) == [bench.lender(2)]
    assert list(bench.s.lenders.supply) == [1.0, 1.0, 0.0]


def test_funders_of_similar_lenders_listen() -> None:
    bench = failing()
    bench.s.lenders.kind[:] = [LenderKind.CRYPTO_LENDER, LenderKind.CRYPTO_LENDER, LenderKind.BANK]
    bench.owing({})
    bench.day(1, "lenders")
    assert bench.s.lenders.news == pytest.approx([0.0, 0.15, 0.0])
    failed = np.flatnonzero(bench.s.events["kind"] == Event.LENDER_FAILED)[0]
    assert list(bench.s.lenders.worst_event[1:]) == [failed, -1]
