"""Rules of borrowers: coverage, refinancing, the value of shares, unwinding; called by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.borrower import (
    Limits,
    can_refinance,
    cash_sweep_usd,
    debt_service_coverage,
    equity_cure_usd,
    equity_room_usd,
    equity_value_usd,
    payout_usd,
    unwound_share,
)

quick = settings(deadline=None, max_examples=80)


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


# --- borrowers ------------------------------------------------------------------------------------


def test_coverage_by_hand() -> None:
    assert debt_service_coverage(130.0, 100.0) == pytest.approx(1.3)
    assert debt_service_coverage(-20.0, 100.0) == pytest.approx(-0.2)
    assert debt_service_coverage(0.0, 0.0) == math.inf  # no debt service: no breach


@quick
@given(floats(1.0, 1e9), floats(-0.5, 0.0) | floats(0.01, 3.0), floats(1.0, 1.5), floats(0.01, 0.5))
def test_equity_cure_brings_coverage_exactly_to_the_minimum(
    principal: float, dscr: float, minimum: float, service_share: float
) -> None:
    cure = equity_cure_usd(principal, dscr, minimum)
    assert 0.0 <= cure <= principal
    service = service_share * principal
    cash_flow = dscr * service
    rest = principal - cure
    if dscr >= minimum:
        assert cure == 0.0
    elif dscr <= 0.0:
        assert rest == pytest.approx(0.0, abs=1e-9 * principal)  # nothing less helps
    else:
        after = debt_service_coverage(cash_flow, service_share * rest)
        assert after == pytest.approx(minimum, rel=1e-9)


@quick
@given(floats(-1e6, 1e6), floats(-1e6, 1e6), floats(0.0, 1e6))
def test_sweep_takes_surplus_within_cash_and_debt(
    surplus: float, cash: float, principal: float
) -> None:
    sweep = cash_sweep_usd(surplus, cash, principal)
    assert sweep >= 0.0
    assert sweep <= max(surplus, 0.0) and sweep <= max(cash, 0.0) and sweep <= principal
    if surplus > 0 and cash > 0:
        assert sweep in (surplus, cash, principal)  # as much as the tightest allows


LIMITS = Limits(max_ltv=0.85, max_leverage=6.0, min_interest_coverage=1.5)


@pytest.mark.parametrize(
    ("debt", "assets", "flow", "liquidity", "interest", "passes"),
    [
        (80.0, 100.0, 0.0, 20.0, 8.0, True),  # LTV 80 %, interest covered 2.5 times by cash
        (90.0, 100.0, 0.0, 20.0, 8.0, False),  # LTV 90 %, leverage infinite
        (90.0, 100.0, 18.0, 0.0, 8.0, True),  # LTV 90 %, but leverage 5
        (90.0, 100.0, 14.0, 6.0, 8.0, False),  # LTV 90 %, leverage 6.4
        (80.0, 100.0, 5.0, 2.0, 8.0, False),  # secured, but interest covered 0.9 times
        (90.0, 100.0, 18.0, 0.0, 12.1, False),  # earning, but covered 1.49 times
        (0.0, 0.0, 0.0, 0.0, 0.0, True),  # no debt
        (1.0, 0.0, -5.0, 100.0, 0.1, False),  # cash alone is not an asset here
    ],
)
def test_underwriting_by_hand(
    debt: float, assets: float, flow: float, liquidity: float, interest: float, passes: bool
) -> None:
    assert can_refinance(debt, assets, flow, liquidity, interest, LIMITS) is passes


@quick
@given(
    floats(0.0, 200.0), floats(0.0, 200.0), floats(-50.0, 50.0), floats(0.0, 50.0), floats(0.0, 20)
)
def test_underwriting_only_gets_harder_with_debt_and_interest(
    debt: float, assets: float, flow: float, liquidity: float, interest: float
) -> None:
    before = can_refinance(debt, assets, flow, liquidity, interest, LIMITS)
    worse = [
        can_refinance(debt * 1.1, assets, flow, liquidity, interest, LIMITS),
        can_refinance(debt, assets * 0.9, flow, liquidity, interest, LIMITS),
        can_refinance(debt, assets, flow - 5.0, liquidity, interest, LIMITS),
        can_refinance(debt, assets, flow, liquidity * 0.9, interest, LIMITS),
        can_refinance(debt, assets, flow, liquidity, interest * 1.1, LIMITS),
    ]
    if not before:
        assert not any(worse)


# --- shares and own coins -------------------------------------------------------------------------


def test_the_value_of_shares_by_hand() -> None:
    # Quoted at 900 on 1000 of assets and 400 of debt: 300 are paid for prospects.
    quoted = dict(goodwill_open_usd=300.0, assets_open_usd=1000.0, floor_usd=45.0)
    assert equity_value_usd(1000.0, 400.0, *quoted.values()) == pytest.approx(900.0)
    # Half the assets gone: half the prospects. More assets: no more prospects.
    assert equity_value_usd(500.0, 400.0, *quoted.values()) == pytest.approx(100.0 + 150.0)
    assert equity_value_usd(1500.0, 400.0, *quoted.values()) == pytest.approx(1100.0 + 300.0)
    # Under water shares are an option.
    assert equity_value_usd(200.0, 400.0, *quoted.values()) == 45.0


@quick
@given(
    floats(0.0, 1e4), floats(0.0, 1e4), floats(0.0, 1e4), floats(1.0, 1e4), floats(0.0, 1e3),
    floats(0.0, 1e4),
)  # fmt: skip
def test_shares_are_worth_more_with_more_assets_and_less_debt(
    assets: float, debt: float, goodwill: float, opened: float, floor: float, more: float
) -> None:
    value = equity_value_usd(assets, debt, goodwill, opened, floor)
    tiny = 1e-9 * (1.0 + abs(value) + more)
    assert value >= floor
    assert equity_value_usd(assets + more, debt, goodwill, opened, floor) >= value - tiny
    assert equity_value_usd(assets, debt + more, goodwill, opened, floor) <= value + tiny
    # Machines on credit are no gain to who has what it had at the opening.
    if assets >= opened:
        grown = equity_value_usd(assets + more, debt + more, goodwill, opened, floor)
        assert grown == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_room_for_shares_by_hand() -> None:
    def room(old: float, equity: float, days: float) -> float:
        return equity_room_usd(old, equity, 1000.0, 0.05, 0.25, days)

    assert room(0.0, 1000.0, 91.0) == pytest.approx(50.0)  # a quarter's share of market value
    assert room(0.0, 1000.0, 7.0) == pytest.approx(50.0 / 13)
    assert room(49.0, 1000.0, 7.0) == pytest.approx(50.0)  # and never more
    assert room(50.0, 400.0, 7.0) == pytest.approx(20.0)
    assert room(50.0, 249.0, 7.0) == 0.0  # the window shuts below a quarter of the quote
    assert equity_room_usd(50.0, 1000.0, 0.0, 0.05, 0.25, 7.0) == 0.0  # not listed


@quick
@given(
    floats(0.0, 1e3), floats(0.0, 1e4), floats(1.0, 1e4), floats(0.0, 0.5), floats(0.0, 1.0),
    floats(0.0, 91.0), floats(0.0, 1e3),
)  # fmt: skip
def test_room_grows_with_time_and_value_up_to_its_limit(
    room: float, equity: float, cap: float, share: float, window: float, days: float, more: float
) -> None:
    found = equity_room_usd(room, equity, cap, share, window, days)
    assert 0.0 <= found <= share * equity
    assert equity_room_usd(room, equity, cap, share, window, days + 1.0) >= found
    assert equity_room_usd(room, equity + more, cap, share, window, days) >= found
    assert equity_room_usd(room + more, equity, cap, share, window, days) >= found
    # Shares are offered as fast as a year has quarters, however the days are counted.
    if share * equity > found > 0.0:
        once = equity_room_usd(room, equity, cap, share, window, days)
        half = equity_room_usd(room, equity, cap, share, window, days / 2)
        twice = equity_room_usd(half, equity, cap, share, window, days / 2)
        assert twice == pytest.approx(once, rel=1e-9)


@quick
@given(floats(0.0, 1e4), floats(0.0, 1e4), floats(0.0, 1e4), floats(0.0, 1e3))
def test_a_secured_loan_is_unwound_as_far_as_needed(
    need: float, collateral: float, debt: float, more: float
) -> None:
    share = unwound_share(need, collateral, debt)
    assert 0.0 <= share <= 1.0
    own = collateral - debt
    assert share * own == pytest.approx(min(need, own) if own > 0 else 0.0, rel=1e-9, abs=1e-9)
    assert unwound_share(need + more, collateral, debt) >= share
    if own > 0.0:  # the richer the loan, the less of it has to go
        assert unwound_share(need, collateral + more, debt) <= share * (1 + 1e-12)
    else:
        assert share == 0.0


@pytest.mark.parametrize(
    ("free", "spare", "taken"),
    [(100.0, 1e3, 50.0), (100.0, 30.0, 30.0), (-100.0, 1e3, 0.0), (100.0, -5.0, 0.0)],
)
def test_owners_take_a_share_of_what_is_free_and_there(
    free: float, spare: float, taken: float
) -> None:
    assert payout_usd(free, spare, 0.5) == taken
