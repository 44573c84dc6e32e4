"""Cells as people write them, and what is said of those that say nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from firesale.market.opening.tape import cells
from firesale.market.opening.tape.cells import COMMA, POINT, LtvOrValue, Rate, Units
from firesale.market.opening.tape.covenants import Covenants, covenants
from firesale.market.opening.tape.mistakes import CellError


@pytest.mark.parametrize(
    ("written", "mark", "usd"),
    [
        ("$12.5m", POINT, "12500000"),
        ("USD 12.5 million", POINT, "12500000"),
        ("12,500,000", POINT, "12500000"),
        ("12'500'000", POINT, "12500000"),
        ("12,5 Mio", COMMA, "12500000"),
        ("12.500.000,50", COMMA, "12500000.50"),
        ("1.2bn", POINT, "1200000000"),
        ("250k", POINT, "250000"),
        (12.5e6, POINT, "12500000"),
    ],
)
def test_money(written: cells.Cell, mark: str, usd: str) -> None:
    assert cells.money(written, mark) == Decimal(usd)


@pytest.mark.parametrize(
    ("written", "floating", "value"),
    [
        ("8.5 %", False, "0.085"),
        ("0.085", False, "0.085"),
        ("8.5", False, "0.085"),
        (0.085, False, "0.085"),
        ("SOFR+450", True, "0.045"),
        ("3M SOFR + 450 bps", True, "0.045"),
        ("SOFR + 4.5 %", True, "0.045"),
        ("SOFR + 4.5", True, "0.045"),
        ("950 bp", False, "0.095"),
    ],
)
def test_rates(written: cells.Cell, floating: bool, value: str) -> None:
    assert cells.rate(written, POINT) == Rate(floating, Decimal(value))


@pytest.mark.parametrize(
    "written", ["31-Dec-2028", "2028-12-31", "12/31/2028", "31.12.2028", "31 December 2028"]
)
def test_dates(written: str) -> None:
    assert cells.day(written) == dt.date(2028, 12, 31)


def test_a_workbooks_date_is_one() -> None:
    assert cells.day(dt.datetime(2028, 12, 31, 0, 0)) == dt.date(2028, 12, 31)


def test_units_and_values() -> None:
    assert cells.units("1.2 EH/s", POINT) == Units(Decimal(1_200_000), True)
    assert cells.units("350 BTC", POINT) == Units(Decimal(350), False)
    assert cells.units("4.000", COMMA) == Units(Decimal(4000), False)
    assert cells.ltv_or_value("65 %", POINT) == LtvOrValue(Decimal("0.65"), None)
    assert cells.ltv_or_value("$12.5m", POINT) == LtvOrValue(None, Decimal(12_500_000))


def test_covenants_in_any_order() -> None:
    said = "cure 30 days; liquidation 90 %; DSCR >= 1.15x; margin call 80 %"
    assert covenants(said, POINT) == Covenants(Decimal("1.15"), Decimal("0.8"), Decimal("0.9"), 30)
    assert covenants("none", POINT) == Covenants()


@pytest.mark.parametrize(
    ("read", "written", "says", "meant"),
    [
        (cells.money, "€12m", "other currencies must be converted", ""),
        (cells.money, "12,5m", "decimal point", "12.5m"),
        (cells.money, "-5m", "not below zero", "5000000"),
        (cells.money, "1O0", "amount in US dollars", "100"),
        (cells.rate, "soffr+500", "such as SOFR+450", "SOFR+500"),
        (cells.rate, 85, "from 0 to 60", "8.5 %"),
        (cells.day, "03/04/2028", "two ways", "2028-03-04 or 2028-04-03"),
        (cells.day, "2028-02-30", "a date such as", "2028-02-29"),
        (cells.day, "Dec 2028", "day, month and year", "2028-12-31"),
        (cells.ltv_or_value, "260 %", "loan-to-value", ""),
        (cells.ltv_or_value, "500", "at most 200 %", "$500m"),
        (cells.units, "5OO", "machines or coins", "500"),
        (cells.truth, "maybe", "yes or no", ""),
        (cells.positive, "0", "above 0", ""),
        (cells.whole, "2.5", "whole number of days", ""),
        (covenants, "DSRC 1.15", "covenants such as", "'dscr 1.15'"),
        (covenants, "DSCR 115", "from 0.2 to 5", "DSCR 1.15"),
        (covenants, "margin call 80 %; liquidation 75 %", "above that of the margin call", ""),
    ],
)
def test_each_message(read, written, says: str, meant: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CellError) as error:
        read(written, POINT)
    assert says in error.value.allowed
    assert error.value.meant.startswith(meant)
