"""What finances lenders by pen and paper: flows of funds, calls on lines, triggers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.funding import (
    amortises_early,
    fund_outflow_share,
    fund_supply,
    line_call_usd,
    stress_outflow_share,
    stressed_advance,
    traps_cash,
)


def test_of_a_loss_investors_take_out_a_share_in_the_end() -> None:
    # 12 % lost, 2 % let pass: 0.9 of the other 10, at ln 2 / 30 a day.
    assert fund_outflow_share(0.12, 0.02, 0.9, 30.0) == pytest.approx(0.0020794, abs=1e-7)
    assert fund_outflow_share(0.02, 0.02, 0.9, 30.0) == 0.0
    news, left = 0.10, 0.0
    for _ in range(1000):
        left += fund_outflow_share(news, 0.0, 0.9, 30.0)
        news *= 0.5 ** (1.0 / 30.0)
    assert left == pytest.approx(0.9 * 0.10, rel=0.02)  # days, not instants


def test_a_fund_whose_investors_leave_gives_less_credit() -> None:
    assert fund_supply(0.0, 50.0) == fund_supply(0.0, 0.0) == 1.0
    assert fund_supply(30.0, 50.0) == pytest.approx(0.4)
    assert fund_supply(60.0, 50.0) == fund_supply(1.0, 0.0) == 0.0


def test_a_call_brings_a_line_back_within_its_advance() -> None:
    # 30 % of 1,000 is left of 600: 300 too much, and each dollar paid takes 30 cents of room.
    call = line_call_usd(600.0, 1000.0, 0.3, 0.1)
    assert call == pytest.approx(300.0 / 0.7)
    assert 600.0 - call == pytest.approx(0.3 * (1000.0 - call))
    assert line_call_usd(330.0, 1000.0, 0.3, 0.1) == 0.0  # within the cushion
    assert line_call_usd(331.0, 1000.0, 0.3, 0.1) == pytest.approx(31.0 / 0.7)
    assert line_call_usd(600.0, 0.0, 0.3, 0.1) == 600.0  # never more than is owed
    assert line_call_usd(0.0, 0.0, 0.3, 0.1) == 0.0


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1), st.floats(0, 1))
def test_a_call_is_within_the_line(
    owed: float, secured: float, advance: float, cushion: float
) -> None:
    call = line_call_usd(owed, secured, advance, cushion)
    assert 0.0 <= call <= owed


def test_triggers_of_a_securitisation() -> None:
    assert traps_cash(1.19, 1.2) and not traps_cash(1.2, 1.2) and not traps_cash(math.nan, 1.2)
    sound = (1.3, 1.05, 0.1, 0.3, 0.01, 0.05)
    assert not amortises_early(*sound)
    assert amortises_early(1.0, *sound[1:])
    assert not amortises_early(math.nan, *sound[1:])  # not tested yet
    assert amortises_early(1.3, 1.05, 0.31, 0.3, 0.01, 0.05)
    assert amortises_early(1.3, 1.05, 0.1, 0.3, 0.06, 0.05)


def test_callable_money_leaves_while_money_is_tight() -> None:
    # A fifth a quarter at stress 2 and 0.1 a unit: exp(-0.2) is left after 91 days.
    left = 1.0
    for _ in range(91):
        left *= 1.0 - stress_outflow_share(2.0, 0.1)
    assert left == pytest.approx(math.exp(-0.2))
    assert stress_outflow_share(0.0, 0.1) == stress_outflow_share(2.0, 0.0) == 0.0
    assert stress_outflow_share(-1.0, 0.1) == 0.0  # easy money brings none back
    assert stress_outflow_share(3.0, 0.1) > stress_outflow_share(2.0, 0.1)


def test_haircuts_rise_with_stress() -> None:
    assert stressed_advance(0.65, 2.0, 0.1) == pytest.approx(0.52)
    assert stressed_advance(0.65, 0.0, 0.1) == stressed_advance(0.65, -2.0, 0.1) == 0.65
    assert stressed_advance(0.65, 20.0, 0.1) == 0.0
