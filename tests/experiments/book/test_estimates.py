"""Sums of one loan by hand: loss, break-even spread, stage, and what a sheet says of them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from by_tape import EXAMPLES

from firesale.experiments.book import estimates as est
from firesale.experiments.book.assumptions import draws_table
from firesale.experiments.book.stages import provision, stage_of
from firesale.experiments.book.watch import Watch
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.opening.tape.headroom import LTVS
from firesale.market.opening.tape.join import open_tape
from firesale.market.opening.tape.source import SOURCE
from firesale.market.state.events import EVENT_DTYPE, Event
from firesale.market.state.loans import LoanStatus


def market_of(loans: int) -> SimpleNamespace:
    """As much of a market as the observer looks at."""
    claims = SimpleNamespace(
        count=np.zeros(1, int),
        loan=np.zeros(4, int),
        claim_usd=np.zeros(4),
        recovered_usd=np.zeros(4),
        default_event=np.full(4, -1),
    )
    table = SimpleNamespace(
        status=np.full(loans, LoanStatus.PERFORMING),
        principal_usd=np.full(loans, 100.0),
        claims=claims,
    )
    return SimpleNamespace(
        today=SimpleNamespace(day=0),
        prices=SimpleNamespace(reference_rate=0.0365),
        loans=table,
        events=np.zeros(0, EVENT_DTYPE),
    )


def test_one_loan_by_hand() -> None:
    # 100 owed; the reference rate is 0.0001 a day. Performs on days 1 to 10, defaults on day 11
    # with a claim of 104, of which 60 come on day 21 and 20 after the horizon, on day 31.
    market = market_of(2)
    watch = Watch(market, np.array([1]))  # type: ignore[arg-type]
    for day in range(1, 32):
        market.today.day = day
        if day == 11:
            market.loans.status[1] = LoanStatus.DEFAULTED
            market.loans.claims.count[0] = 1
            market.loans.claims.loan[0], market.loans.claims.claim_usd[0] = 1, 104.0
        if day == 21:
            market.loans.claims.recovered_usd[0] = 60.0
        if day == 26:
            watch.settling = True
        if day == 31:
            market.loans.claims.recovered_usd[0] = 80.0
        watch(market)  # type: ignore[arg-type]
    seen = watch.seen()
    discount = [math.exp(-0.0001 * day) for day in range(32)]
    years = sum(100.0 * discount[day] / 365.0 for day in range(1, 11))
    loss = 104.0 * discount[11] - 60.0 * discount[21] - 20.0 * discount[31]
    assert seen.default_day[0] == 11 and seen.claim_usd[0] == 104.0
    assert seen.plain_loss_usd[0] == pytest.approx(24.0)
    assert seen.loss_usd[0] == pytest.approx(loss, rel=1e-12)
    assert seen.loss_year_usd[0] == pytest.approx(loss, rel=1e-12)
    assert seen.balance_years_usd[0] == pytest.approx(years, rel=1e-12)
    assert seen.settle_days[0] == 20
    # A second run in which it is repaid after a year: 100 balance-years, no loss.
    found = est.break_even(np.array([loss, 0.0]), np.array([years, 100.0]))
    assert found.value == pytest.approx(loss / (years + 100.0))
    assert est.loss_given_default(np.array([24.0, 0.0]), np.array([104.0, 0.0])) == 24.0 / 104.0


def test_breaches_and_other_loans_events() -> None:
    market = market_of(2)
    watch = Watch(market, np.array([1]))  # type: ignore[arg-type]
    market.today.day = 5
    events = np.zeros(3, EVENT_DTYPE)
    events["kind"] = [Event.MARGIN_CALL, Event.COVENANT_BREACH, Event.MARGIN_CALL]
    events["cause"], events["loan"] = [2, 3, 1], [1, 1, 0]
    market.events = events
    watch(market)  # type: ignore[arg-type]
    assert watch.seen().breach_day.tolist() == [[-1, 5, 5]]


def test_break_even_is_a_ratio_of_means_not_a_mean_of_ratios() -> None:
    loss, years = np.array([10.0, 0.0]), np.array([50.0, 950.0])
    assert est.break_even(loss, years).value == pytest.approx(10.0 / 1000.0)


def test_break_even_covers_the_truth() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(60):
        fails = generator.random(200) < 0.1
        found = est.break_even(np.where(fails, 40.0, 0.0), np.where(fails, 150.0, 300.0))
        hits += found.low <= 4.0 / 285.0 <= found.high
    assert hits >= 52


def test_shortfall_of_known_losses() -> None:
    loss = np.arange(1.0, 201.0)
    assert est.shortfall(loss).value == pytest.approx((200.0 + 199.0) / 2.0)


def test_fair_probability_by_hand() -> None:
    def draws(loss: float, years: float) -> est.Draws:
        one = np.array([[loss]])
        none = np.zeros((1, 1), int)
        return est.Draws(none, one, one, one, one, np.array([[years]]), one, none, none)

    # At 5 %: without a crash 3 is lost on 100 years, 2 to spare; with one 25 on 100, 20 short.
    assert est.fair_probability(0.05, draws(3.0, 100.0), draws(25.0, 100.0)) == 2.0 / 22.0
    assert est.fair_probability(0.05, draws(6.0, 100.0), draws(25.0, 100.0)) == 0.0
    assert est.fair_probability(0.05, draws(3.0, 100.0), draws(4.0, 100.0)) == 1.0


def test_stages() -> None:
    assert stage_of(0.02, 0.04, 0).stage == 1  # 4 % over 40 %: 10 % a year is paid for
    assert stage_of(0.05, 0.004, 0).stage == 2  # 1 % is paid for: five times that
    assert stage_of(0.21, 0.20, 0).stage == 2  # beyond the backstop
    assert stage_of(0.0, 0.04, 31).stage == 2
    assert stage_of(0.0, 0.04, 90).stage == 3
    assert provision(1, 2.0, 5.0) == 2.0 and provision(2, 2.0, 5.0) == 5.0


def test_headroom_of_the_tape_stays_in_a_draw_and_no_other_test_moves() -> None:
    books = open_tape(EXAMPLES / "gpu-fund.csv").books
    drawn = sample_books(books, 3)
    price = {row.id: row.used_price_usd for row in books.hardware}
    factor = {
        row.id: (price[row.id] or 1.0) / (row.used_price_usd or 1.0) for row in drawn.hardware
    }
    moved = 0
    for before, after in zip(books.loans, drawn.loans, strict=True):
        own = before.source == SOURCE and before.margin_call_ltv is not None
        times = factor.get(before.collateral_class or "", 1.0) if own else 1.0
        for name in LTVS:
            if getattr(before, name) is not None:
                assert getattr(after, name) == pytest.approx(times * getattr(before, name))
        moved += times != 1.0
    assert moved


def test_luck_is_not_taken_for_a_driver() -> None:
    generator = np.random.default_rng(2)

    def outcome(loss: float, driver: float) -> SimpleNamespace:
        drawn = {f"noise.{k}": float(generator.random()) for k in range(40)} | {"driver": driver}
        seen = SimpleNamespace(loss_usd=np.array([loss]))
        return SimpleNamespace(
            seen=seen, drawn=drawn, btc_end=generator.random(), rent_end=generator.random()
        )

    drivers = generator.random(60)
    table = draws_table([outcome(x, x) for x in drivers])  # type: ignore[misc]
    beyond = [row[0] for row in table.rows if row[3] == "yes"]
    assert beyond == ["driver"]
