"""Loans of the question of duration: what they are sized by, what they lose a year."""

from __future__ import annotations

import numpy as np
import pytest

from firesale.experiments.answers.finding import Number
from firesale.experiments.questions import duration_mismatch as asked
from firesale.experiments.questions.probe import Probe, covered_debt_usd, second_hand_usd
from firesale.market.opening.books_2025.read import load_books_2025


@pytest.mark.parametrize(("tenor", "until"), [(5.0, 5.0), (10.0, 10.0), (10.0, 3.0), (1.5, 12.0)])
def test_balance_years_are_the_sum_of_an_annuitys_balances(tenor: float, until: float) -> None:
    steps = 20_000
    step, rate = tenor / steps, np.expm1(asked.RATE * tenor / steps)
    payment = rate / (1.0 - (1.0 + rate) ** -steps)
    balance, years, day = 1.0, 0.0, 0.0
    while day < min(tenor, until) - 1e-9:
        years += balance * step
        balance += balance * rate - payment
        day += step
    assert asked.balance_years(tenor, until) == pytest.approx(years, rel=1e-3)


def test_a_loss_a_year_is_the_mean_loss_over_the_mean_balance() -> None:
    """6 % lost in two of three years' balance, 0 % in three: 3 over 2.5 are 120 bp a year."""
    found = asked.spread_bp(np.array([6.0, 0.0]), np.array([2.0, 3.0]))
    assert found.mean() == pytest.approx(120.0)
    same = asked.spread_bp(np.array([5.0, 5.0]), np.array([2.5, 2.5]))
    assert same == pytest.approx([200.0, 200.0])


def test_cash_flow_covers_less_debt_the_faster_rents_fall_and_more_the_longer_they_last() -> None:
    books = load_books_2025()
    short = Probe("P", "H100", 64, advance=0.8, tenor_days=365, cover=1.0, contract_days=1461)
    debt = covered_debt_usd(books, short, 0.0, 1.3)
    # a year of contract rent less costs, paid in the middle of the months: half a year's discount
    row = next(row for row in books.neoclouds if row.id == "VOLTAGE")
    cost = 64 / row.gpus_h100 * row.opex_ex_da_usd_m_yr * 1e6
    left = 64 * 2.2 * 8760 * 0.85 - cost
    assert debt == pytest.approx(left / 1.09**0.5 / 1.3, rel=1e-3)
    assert covered_debt_usd(books, short, -0.5, 1.3) == debt, "a contract does not move"
    assert covered_debt_usd(books, short, 0.0, 2.6) == pytest.approx(debt / 2)
    spot = Probe("P", "H100", 64, advance=0.8, tenor_days=3653)
    falling = [covered_debt_usd(books, spot, change, 1.3) for change in (0.0, -0.2, -0.5)]
    assert falling == sorted(falling, reverse=True)


def test_loans_are_of_the_price_or_of_what_cash_flow_covers_whichever_is_less() -> None:
    books = load_books_2025()
    tested = {probe.name: probe for probe in asked.probes(books, -0.3)}
    assert len(tested) == 2 * len(asked.CLASSES) * len(asked.TENORS) * len(asked.COVERS)
    for h in asked.CLASSES:
        for t in asked.TENORS:
            plain = tested[asked.name_of(h, t, 0.5)]
            sized = tested[asked.name_of(h, t, 0.5, asked.DSCR)]
            covered = covered_debt_usd(books, plain, -0.3, asked.COVERAGE)
            price = second_hand_usd(books, h) * asked.GPUS
            assert plain.advance == asked.ADVANCE
            assert sized.advance == pytest.approx(min(asked.ADVANCE, covered / price))
    short = tested[asked.name_of("GB300", 1.5, 0.0, asked.DSCR)]
    assert short.advance < asked.ADVANCE, "eighteen months do not earn a GB300"


def test_a_tenor_is_safe_only_if_all_shorter_ones_are() -> None:
    at = (30.0, asked.DSCR, "H100", 50.0)

    def row(tenor: float, high: float) -> tuple[object, ...]:
        return (*at, tenor, Number(1.0, 0.0, high, "bp"))

    rows = [row(1.5, 20.0), row(3.0, 199.0), row(5.0, 201.0), row(7.0, 10.0)]
    assert asked.longest_safe(rows, at) == 3.0
    assert asked.longest_safe([row(1.5, 200.0)], at) is None
    assert asked.longest_safe(rows, (40.0, *at[1:])) is None
