"""One price for all sales: against the papers' formulas, from both ends, and beside our days."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq

from firesale.experiments.validation.equilibria import (
    THREE_BANKS,
    Group,
    all_units,
    sales_after,
    settled,
    two_banks,
    unstable,
)
from firesale.experiments.validation.small_market import (
    give_balance,
    set_price_of_loans,
    small_market,
)
from firesale.market.lenders import funding
from firesale.market.state.market import Market

SECOND_SELLS = 36.6 / 36.8  # price at which 40 p + 10 - 46.6 is 8 % of 40 p
UNITS = [0.0, 1.0, 100.0, 145.0, 300.0, 450.0, 520.0, 600.0, 700.0, 880.0]


@pytest.fixture(scope="module")
def market() -> Market:
    return small_market()


def share_of_breuer(loans: float, units: float, equity: float, fall: float) -> float:
    """Share that a bank sells at a fall, as the paper has it for a leverage of 44."""
    after = equity - units * fall
    if after > 0.0 and loans + units * (1.0 - fall) < 44.0 * after:
        return 0.0
    if loans >= 44.0 * after:
        return 1.0
    return 1.0 - (44.0 * after - loans) / (units * (1.0 - fall))


def fall_of_breuer(fall: float) -> float:
    """The fall that the three banks' sales at a fall make."""
    sold = (bank.units * share_of_breuer(*bank, fall) for bank in THREE_BANKS.banks)
    return math.sqrt(0.000022 * math.fsum(sold))


def first_sells(price: float) -> float:
    """Units that Cifuentes' first bank sells: what it keeps has 8 % capital."""
    return 50.0 - (50.0 * price + 5.0 - 51.2) / (0.08 * price)


@pytest.mark.parametrize("units", UNITS)
def test_a_bank_sells_the_share_that_the_paper_says(market: Market, units: float) -> None:
    fall = math.sqrt(0.000022 * units)
    sales = sales_after(market, THREE_BANKS, units)
    expected = [share_of_breuer(*bank, fall) for bank in THREE_BANKS.banks]
    assert sales.price == pytest.approx(1.0 - fall, abs=1e-12)
    assert sales.shares == pytest.approx(expected, abs=1e-12)
    assert math.sqrt(0.000022 * sales.units) == pytest.approx(fall_of_breuer(fall), abs=1e-12)


def test_at_some_price_each_of_them_sells_a_part() -> None:
    """Else the comparison above says nothing of sales that bring leverage back to 44."""
    for bank in THREE_BANKS.banks:
        parts = [share_of_breuer(*bank, math.sqrt(0.000022 * units)) for units in UNITS]
        assert any(0.0 < part < 1.0 for part in parts)


@pytest.mark.parametrize(
    ("first", "sold"),
    [(0.0, 145.0), (100.0, 145.0), (591.0, 145.0), (592.0, 880.0), (880.0, 880.0)],
)
def test_rounds_end_at_the_least_or_the_greatest_and_never_between(
    first: float, sold: float
) -> None:
    """The unstable fall of 0.114085 is that of 0.114085² / 0.000022 = 591.6 units."""
    sales = settled(THREE_BANKS, first)
    assert sales.units == pytest.approx(sold)
    assert 1.0 - sales.price == pytest.approx(math.sqrt(0.000022 * sold), abs=1e-12)


def test_the_unstable_equilibrium_solves_the_equation_of_the_paper() -> None:
    fall = brentq(lambda fall: fall_of_breuer(fall) - fall, 0.09, 0.13, xtol=1e-14)
    assert 1.0 - unstable(THREE_BANKS, 150.0, 870.0).price == pytest.approx(fall, abs=1e-9)


@pytest.mark.parametrize("impact", [0.0004, 0.0008])
def test_what_the_first_keeps_has_8_percent_capital_and_the_second_sells_nothing(
    impact: float,
) -> None:
    sales = settled(two_banks(impact), 0.0)
    assert sales.units == pytest.approx(first_sells(sales.price), abs=1e-9)
    assert sales.shares == pytest.approx((sales.units / 50.0, 0.0), abs=1e-12)
    assert -math.log(sales.price) / impact == pytest.approx(sales.units, abs=1e-9)
    assert sales.price > SECOND_SELLS


@pytest.mark.parametrize("impact", [0.0004, 0.0008, 0.001])
def test_two_banks_have_one_equilibrium_away_from_the_cliff(impact: float) -> None:
    group = two_banks(impact)
    best, worst = settled(group, 0.0), settled(group, all_units(group))
    assert best.units == pytest.approx(worst.units, abs=1e-9)


def test_the_cliff_is_where_the_second_bank_must_sell_too() -> None:
    edge = -math.log(SECOND_SELLS) / first_sells(SECOND_SELLS)
    assert 0.0008 < edge < 0.001
    before, beyond = two_banks(0.999 * edge), two_banks(1.001 * edge)
    assert settled(before, 0.0).price > SECOND_SELLS
    assert settled(beyond, 0.0).price < 0.93
    # Just before it there are two equilibria, and rounds from today's price find the better.
    assert settled(before, all_units(before)).price < 0.93


def by_days(group: Group, coefficient: float, depth: float) -> tuple[float, tuple[float, ...]]:
    """Price and shares sold in the engine's own days, each with the books that the last left."""
    market = small_market()
    set_price_of_loans(market, group.law, coefficient, depth)
    lenders, rows = market.lenders, slice(len(group.banks))
    for row, bank in enumerate(group.banks):
        give_balance(market, row, *bank)
    lenders.target_leverage[rows] = group.leverage
    sold_usd = math.inf
    for _ in range(200):
        sold_usd = funding.target_leverage(market)
        if sold_usd == 0.0:
            break
        funding.mark_other_loans(market, sold_usd)
    assert sold_usd == 0.0
    left = lenders.other_loans_usd[rows] / market.prices.loan_price
    shares = (1.0 - units / bank.units for units, bank in zip(left, group.banks, strict=True))
    return float(market.prices.loan_price), tuple(map(float, shares))


def test_days_stop_where_one_price_for_all_collapses() -> None:
    """What was sold before a fall was paid for before: the second bank never has to sell."""
    price, shares = by_days(two_banks(0.001), 0.001, 1.0)
    assert SECOND_SELLS < price < 0.995
    assert shares[0] == pytest.approx(0.11, abs=0.005)  # as the objections say
    assert shares[1] == pytest.approx(0.0, abs=1e-12)


def test_in_days_the_same_bank_sells_as_in_the_least_equilibrium_but_roots_add_up() -> None:
    """First 1315 - 44 x 28 = 83; then the other 62, at the price that is left: all it has."""
    price, shares = by_days(THREE_BANKS, 1.0, 1.0 / 0.000022)
    first = math.sqrt(0.000022 * 83.0)
    expected = math.exp(-first - math.sqrt(0.000022 * 62.0 * math.exp(-first)))
    assert shares == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)
    assert price == pytest.approx(expected, abs=1e-12)
    assert 1.0 - price == pytest.approx(0.076, abs=0.0005)  # as the objections say
