"""Where cash comes from when it is short: each step by hand, and all of them in order."""

import numpy as np
import pytest
from by_hand import GPU, Bench
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firesale.agents.party import Outside, Status
from firesale.market.debt import underwriting
from firesale.market.debt.waterfall import drawable_usd, raise_cash
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, Instrument, LoanStatus
from firesale.market.state.money import conservation_error


def coins(**changes: object) -> dict[str, object]:
    """400 against ten coins at 100: LTV 40 %, lent up to 60 %."""
    loan: dict[str, object] = dict(
        principal_usd=400.0,
        instrument=Instrument.BTC_LOAN,
        collateral=Collateral.BTC,
        collateral_btc=10.0,
        initial_ltv=0.60,
        margin_call_ltv=0.75,
        liquidation_ltv=0.85,
        cure_days=2,
    )
    return loan | changes


def raise_to(bench: Bench, need: float, day: int = 1) -> None:
    """Run the waterfall, and check that nothing was lost."""
    bench.market.today.day = day
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    bench.kernel(raise_cash, b=0, need_usd=need)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-12


def ltv(bench: Bench, loan: int = 0) -> float:
    s = bench.s
    return float(s.loans.principal_usd[loan] / (s.loans.collateral_btc[loan] * s.prices.btc_usd))


# --- the order ------------------------------------------------------------------------------------

# Cash, two coins and three ETH in the treasury, a revolver, what a BTC line may still lend on its
# coins, room for shares; then 10 coins with 500 on them: 1000 - 500 / 0.6 too many, and of the rest
# what they are worth beyond the debt.
STEPS = {
    "cash": 100.0,
    "btc": 200.0,
    "eth": 30.0,
    "revolver": 50.0,
    "line": 100.0,
    "shares": 80.0,
    "excess": 1000.0 - 500.0 / 0.6,
    "unwinding": 500.0 / 0.6 - 500.0,
}


def stepped() -> Bench:
    revolver = dict(instrument=Instrument.REVOLVER, principal_usd=70.0, undrawn_usd=50.0)
    bench = Bench([revolver, coins(undrawn_usd=100.0)], cash=[100.0], btc=[2.0])
    bench.s.parties.eth[0] = 3.0
    bench.s.borrowers.equity_room_usd[0] = 80.0
    return bench


@settings(max_examples=60)
@given(st.floats(0.0, 1200.0))
def test_each_step_is_taken_only_when_those_before_are_exhausted(need: float) -> None:
    bench = stepped()
    s = bench.s
    raise_to(bench, need)
    used, left = {}, need
    for step, room in STEPS.items():
        used[step] = min(left, room)
        left -= used[step]
    close = dict(abs=1e-9, rel=1e-12)
    assert bench.cash(0) == pytest.approx(max(100.0, need - left), **close)
    assert s.parties.eth[0] * 10.0 == pytest.approx(30.0 - used["eth"], **close)
    assert s.loans.undrawn_usd[0] == pytest.approx(50.0 - used["revolver"], **close)
    assert s.loans.principal_usd[0] == pytest.approx(70.0 + used["revolver"], **close)
    assert s.loans.undrawn_usd[1] == pytest.approx(100.0 - used["line"], **close)
    assert s.borrowers.equity_room_usd[0] == pytest.approx(80.0 - used["shares"], **close)
    # A share f of the coins repays f of the 500 and leaves f of what they are worth beyond it.
    f = used["unwinding"] / STEPS["unwinding"]
    assert s.loans.principal_usd[1] == pytest.approx(400.0 + used["line"] - 500.0 * f, **close)
    pledged = (1000.0 - used["excess"]) - f * 500.0 / 0.6
    assert s.loans.collateral_btc[1] * 100.0 == pytest.approx(pledged, **close)
    assert s.parties.btc[0] * 100.0 == pytest.approx(200.0 - used["btc"], **close)
    sold = used["btc"] + used["excess"] + f * 500.0 / 0.6
    assert s.ledger.outside_btc[0] * 100.0 == pytest.approx(sold, **close)
    assert s.log.forced_usd[0] == pytest.approx(sold, **close)
    assert bench.cash(bench.outside(Outside.EXCHANGE)) == pytest.approx(
        -sold - used["eth"], **close
    )


def test_who_has_cash_touches_nothing() -> None:
    bench = stepped()
    raise_to(bench, 100.0)
    assert bench.kinds() == [] and bench.cash(0) == 100.0


def test_an_overdraft_is_filled_first() -> None:
    bench = stepped()
    bench.s.parties.cash_usd[0] = -50.0
    raise_to(bench, 0.0)
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    assert bench.s.parties.btc[0] == pytest.approx(1.5)


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loan", "usd"),
    [
        (coins(undrawn_usd=100.0), 100.0),
        (coins(undrawn_usd=500.0), 200.0),  # 60 % of 1000 less what is owed
        (coins(undrawn_usd=500.0, principal_usd=600.0), 0.0),
        (coins(undrawn_usd=500.0, principal_usd=700.0), 0.0),
        (coins(undrawn_usd=100.0, breach=Cause.BTC_PRICE), 0.0),
        (coins(undrawn_usd=100.0, breach=Cause.INTEREST), 0.0),
        (coins(undrawn_usd=100.0, maturity_day=5), 0.0),
        (coins(undrawn_usd=100.0, maturity_day=6), 100.0),
        (coins(undrawn_usd=100.0, status=LoanStatus.DEFAULTED), 0.0),
        (dict(instrument=Instrument.REVOLVER, undrawn_usd=30.0), 30.0),
        (dict(instrument=Instrument.REVOLVER, undrawn_usd=30.0, breach=Cause.DSCR), 0.0),
        # Delayed draws pay for machines and buildings only.
        (dict(instrument=Instrument.GPU_LOAN, undrawn_usd=30.0), 0.0),
        (dict(instrument=Instrument.PROJECT_FINANCE, undrawn_usd=30.0), 0.0),
    ],
)
def test_what_a_line_gives_to_who_is_short(loan: dict[str, object], usd: float) -> None:
    bench = Bench([loan])
    bench.market.today.day = 5
    assert bench.kernel(drawable_usd, loan=0) == pytest.approx(usd)


def test_a_drawn_btc_line_stands_at_its_initial_ltv() -> None:
    bench = Bench([coins(undrawn_usd=1e6)])
    raise_to(bench, 200.0)
    assert ltv(bench) == pytest.approx(0.60, rel=1e-12)
    assert bench.kinds() == ["DRAW"]
    assert bench.cash(bench.lender()) == pytest.approx(1e6 - 200.0)


# --- shares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("room", "issued"), [(0.0, 0.0), (30.0, 30.0), (500.0, 100.0)])
def test_shares_bring_what_is_needed_up_to_the_room(room: float, issued: float) -> None:
    bench = Bench()
    borrowers = bench.s.borrowers
    borrowers.equity_room_usd[0], borrowers.equity_usd[0], borrowers.shares[0] = room, 1e3, 50.0
    raise_to(bench, 100.0)
    assert borrowers.shares[0] == 50.0 + issued / 20.0  # sold at what a share is worth
    assert bench.cash(0) == issued
    assert bench.s.borrowers.equity_room_usd[0] == room - issued
    assert bench.cash(bench.outside(Outside.INVESTORS)) == -issued
    assert [e["amount_usd"] for e in bench.events(Event.EQUITY_ISSUED)] == [issued] * (issued > 0)


def underwrite(bench: Bench, day: int) -> None:
    """Value shares and open their window anew, as once a week."""
    bench.market.today.day = day
    bench.kernel(underwriting.underwrite)


def test_only_the_listed_have_shares_to_sell() -> None:
    # Both own 1000 of machines and owe nothing; the first is quoted at 2000.
    bench = Bench(
        borrowers=2,
        fleets=[(0, GPU, 10.0), (1, GPU, 10.0)],
        equity_share_per_quarter=0.10,
        equity_window_share=0.25,
        equity_floor_share=0.0,
    )
    bench.s.borrowers.market_cap_open_usd[:] = [2000.0, 0.0]
    underwrite(bench, 0)
    assert bench.s.borrowers.equity_room_usd == pytest.approx([200.0, 0.0])
    # Used up, it grows back by a thirteenth a week; of a failed one nothing is left.
    bench.s.borrowers.equity_room_usd[0] = 0.0
    underwrite(bench, 7)
    assert bench.s.borrowers.equity_room_usd == pytest.approx([200.0 / 13, 0.0])
    bench.s.parties.status[0] = Status.DEFAULTED
    underwrite(bench, 14)
    assert bench.s.borrowers.equity_room_usd == pytest.approx([0.0, 0.0])


# --- own coins ------------------------------------------------------------------------------------


def test_excess_coins_come_home_before_debt_is_repaid() -> None:
    # 400 needs 666.67 at 60 %: 333.33 of coins are too many.
    bench = Bench([coins()])
    raise_to(bench, 333.33)
    assert bench.cash(0) == pytest.approx(333.33)
    assert bench.s.loans.principal_usd[0] == 400.0
    assert ltv(bench) < 0.60
    raise_to(bench, 333.34)  # a cent more than the excess in all
    assert bench.s.loans.principal_usd[0] < 400.0
    assert ltv(bench) == pytest.approx(0.60, rel=1e-9)


@settings(max_examples=80)
@given(st.floats(1.0, 1500.0), st.floats(0.2, 0.9), st.floats(0.0, 1500.0))
def test_unwinding_frees_what_is_needed_and_never_raises_ltv(
    debt: float, initial: float, need: float
) -> None:
    assume(abs(debt - 1000.0) > 1.0)
    bench = Bench([coins(principal_usd=debt, initial_ltv=initial)])
    raise_to(bench, need)
    s = bench.s
    own = max(0.0, 1000.0 - debt)
    assert bench.cash(0) == pytest.approx(min(need, own), rel=1e-9, abs=1e-6)
    if s.loans.collateral_btc[0] > 1e-6:
        before = debt / 1000.0
        assert ltv(bench) <= max(before, initial) * (1 + 1e-9)
        if before >= initial:
            assert ltv(bench) == pytest.approx(before, rel=1e-6)
    # The lender got for the debt what left its books.
    repaid = debt - float(s.loans.principal_usd[0])
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + repaid)
    assert s.lenders.book_usd[0] == pytest.approx(s.loans.principal_usd[0], abs=1e-6)


@pytest.mark.parametrize(
    "loan",
    [
        coins(principal_usd=1000.0),
        coins(principal_usd=1200.0),
        coins(principal_usd=760.0, breach=Cause.BTC_PRICE),
        coins(status=LoanStatus.DEFAULTED),
        coins(collateral=Collateral.NONE),
    ],
    ids=["nothing of its own", "under water", "called", "defaulted", "not pledged"],
)
def test_nothing_is_unwound(loan: dict[str, object]) -> None:
    bench = Bench([loan])
    raise_to(bench, 50.0)
    assert bench.kinds() == [] and bench.cash(0) == 0.0
    assert bench.s.loans.collateral_btc[0] == 10.0


def test_unwinding_leaves_no_more_due_than_is_owed() -> None:
    # 800 of 900 is due; 99 of the 100 beyond it are raised, so 9 are owed.
    bench = Bench([coins(principal_usd=900.0, arrears_principal_usd=800.0, initial_ltv=0.9)])
    raise_to(bench, 99.0)
    assert bench.s.loans.principal_usd[0] == pytest.approx(9.0)
    assert bench.s.loans.arrears_principal_usd[0] == pytest.approx(9.0)


# --- what it pays ---------------------------------------------------------------------------------


def test_interest_is_paid_out_of_own_coins() -> None:
    loan = coins(principal_usd=500.0, rate_or_spread=0.073, interval_days=30, next_payment_day=30)
    bench = Bench([loan])
    for day in range(1, 31):
        bench.day(day, "service", "pay", "test", "default")
    assert bench.kinds() == ["FORCED_SALE"]
    assert bench.s.loans.collateral_btc[0] == pytest.approx(10.0 - 3.0 / 100)  # 30 days of 0.10
    assert bench.s.loans.principal_usd[0] == 500.0
    assert bench.s.loans.arrears_interest_usd[0] == 0.0


def test_suppliers_who_wait_are_paid_out_of_the_waterfall() -> None:
    bench = Bench(btc=[3.0])
    bench.s.parties.payables_usd[0] = 250.0
    bench.s.parties.payables_day[0] = 1
    bench.day(2, "pay")
    assert bench.s.parties.payables_usd[0] == 0.0 and bench.s.parties.payables_day[0] == -1
    assert bench.s.parties.btc[0] == pytest.approx(0.5)
    assert bench.cash(bench.outside(Outside.UTILITY)) == pytest.approx(250.0)


# --- episodes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Event.FORCED_SALE, Event.DRAW, Event.EQUITY_ISSUED])
def test_a_months_steps_are_one_event(kind: Event) -> None:
    revolver = dict(instrument=Instrument.REVOLVER, undrawn_usd=1e3)
    bench = Bench([revolver] * (kind == Event.DRAW))
    bench.s.parties.btc[0] = 10.0 if kind == Event.FORCED_SALE else 0.0
    bench.s.borrowers.equity_room_usd[0] = 1e3 if kind == Event.EQUITY_ISSUED else 0.0
    for day, need in ((5, 10.0), (6, 15.0), (34, 35.0), (35, 75.0), (64, 80.0)):
        raise_to(bench, need, day)
    # From day 5 on for thirty days, and again from day 35 on.
    found = bench.events(kind)
    assert len(found) == len(bench.s.events) == 2
    assert list(found["day"]) == [5, 35]
    assert found["amount_usd"] == pytest.approx([35.0, 45.0])


def test_a_sale_hangs_on_what_hit_the_borrower_last() -> None:
    bench = Bench(btc=[10.0])
    bench.s.today.shock_event = 3
    raise_to(bench, 10.0)
    bench.s.parties.trail_event[0] = 7
    raise_to(bench, 20.0, day=40)
    assert list(bench.events(Event.FORCED_SALE)["parent"]) == [3, 7]
    assert bench.s.parties.trail_event[0] == 1 and bench.s.log.forced_event[0] == 1


# --- all at once ----------------------------------------------------------------------------------


@settings(max_examples=80)
@given(
    st.floats(-100.0, 100.0),
    st.floats(0.0, 5.0),
    st.floats(0.0, 5.0),
    st.floats(0.0, 100.0),
    st.lists(
        st.tuples(
            st.sampled_from(["revolver", "coins", "machines"]),
            st.floats(0.0, 1500.0),
            st.floats(0.0, 300.0),
            st.floats(0.0, 10.0),
            st.sampled_from([Cause.NONE, Cause.NONE, Cause.BTC_PRICE, Cause.INTEREST]),
        ),
        max_size=4,
    ),
    st.lists(st.floats(0.0, 3000.0), min_size=1, max_size=4),
)
def test_money_is_found_not_made(
    cash: float,
    btc: float,
    eth: float,
    room: float,
    lines: list[tuple[str, float, float, float, Cause]],
    needs: list[float],
) -> None:
    loans = []
    for kind, debt, undrawn, pledged, breach in lines:
        loan = coins(principal_usd=debt, undrawn_usd=undrawn, collateral_btc=pledged, breach=breach)
        if kind != "coins":
            loan |= dict(collateral=Collateral.NONE, collateral_btc=0.0)
            loan |= dict(instrument=getattr(Instrument, "REVOLVER" if kind[0] == "r" else "OTHER"))
        loans.append(loan)
    bench = Bench(loans, cash=[cash], btc=[btc])
    s = bench.s
    s.parties.eth[0] = eth
    s.borrowers.equity_room_usd[0] = room
    wealth = cash + (btc + s.loans.collateral_btc.sum()) * 100.0 + eth * 10.0
    wealth -= s.loans.principal_usd.sum()
    for day, need in enumerate(needs, start=1):
        had = bench.cash(0)
        raise_to(bench, need, day)
        assert had - 1e-9 <= bench.cash(0) <= max(had, need) * (1 + 1e-12) + 1e-9
    # Shares are the only money that nobody owes.
    issued = room - float(s.borrowers.equity_room_usd[0])
    after = bench.cash(0) + (s.parties.btc[0] + s.loans.collateral_btc.sum()) * 100.0
    after += s.parties.eth[0] * 10.0 - s.loans.principal_usd.sum()
    assert after == pytest.approx(wealth + issued, rel=1e-9, abs=1e-6)
    for column in (s.parties.btc, s.parties.eth, s.loans.undrawn_usd, s.loans.principal_usd):
        assert np.all(column >= -1e-9)
    assert np.all(s.loans.collateral_btc >= 0.0) and s.borrowers.equity_room_usd[0] >= 0.0
    assert np.all(s.loans.arrears_principal_usd <= s.loans.principal_usd + 1e-9)
