"""Margined lines between lenders: a call, what meets it, and who does not."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import Bench

from firesale.agents.party import Status
from firesale.market.lenders.lines import open_advances, repay_funding
from firesale.market.state.events import Cause, Event

WARE, BANK = 0, 1


def line(other: float = 1e6, owed: float = 6e5, margined: bool = True, **terms: Any) -> Bench:
    """A fund with a loan of 1,000,000 and other loans, and a bank that finances it."""
    loan = dict(principal_usd=1e6, maturity_day=4000, next_payment_day=4000, lender=WARE)
    told = dict(warehouse_margin=True, loan_impact=0.0, line_advance_rate=0.0, line_cushion=0.1)
    bench = Bench([loan], lenders=2, **(told | terms))
    bench.balance(WARE, cash=0.0, other=other, owes=owed)
    bench.balance(BANK, cash=0.0, other=5e6, owes=4e6)
    bench.owing({(WARE, BANK): owed}, margined)
    bench.kernel(open_advances)
    bench.opened = bench.stocks()
    return bench


def breach(bench: Bench) -> None:
    """The loan no longer counts; its clock runs for long."""
    bench.s.loans.breach[0] = Cause.DSCR
    bench.s.loans.breach_day[0] = 10_000


def owed(bench: Bench) -> float:
    return float(bench.s.interlender.amount_usd[0])


def test_a_call_is_met_by_selling_what_secures_the_line() -> None:
    bench = line()
    s = bench.s
    assert s.lenders.line_advance[WARE] == pytest.approx(0.3)  # 600,000 on 2,000,000
    breach(bench)
    bench.day(6, "lenders")
    assert owed(bench) == 6e5  # once a week
    bench.day(7, "lenders")
    paid = 3e5 / 0.7  # 30 % of what is left carries the rest
    assert owed(bench) == pytest.approx(6e5 - paid)
    assert s.lenders.other_loans_usd[WARE] == pytest.approx(1e6 - paid)
    assert s.lenders.funding_usd[WARE] == pytest.approx(6e5 - paid)
    assert s.lenders.other_loans_usd[BANK] == pytest.approx(5e6 - paid)
    assert bench.cash(bench.lender(BANK)) == pytest.approx(paid)
    assert [event["amount_usd"] for event in bench.events(Event.LINE_CALLED)] == [
        pytest.approx(paid)
    ]
    bench.day(14, "lenders")
    assert owed(bench) == pytest.approx(6e5 - paid)


def test_a_line_that_is_little_used_is_not_called() -> None:
    """30 % is drawn of the 65 % that its contract allows: half of the collateral may go."""
    bench = line(line_advance_rate=0.65)
    assert bench.s.lenders.line_advance[WARE] == 0.65
    breach(bench)
    bench.day(7, "lenders")
    assert owed(bench) == 6e5 and bench.kinds() == []
    full = line(other=5e5, owed=1.2e6, line_advance_rate=0.65)
    assert full.s.lenders.line_advance[WARE] == pytest.approx(0.8)  # it was granted more


def test_within_its_cushion_a_line_is_left_alone() -> None:
    bench = line()
    bench.s.loans.provision_usd[0] = 1.5e5  # a mark: 600,000 on 1,850,000 is 32.4 %
    bench.s.lenders.provision_usd[WARE] += 1.5e5
    bench.s.lenders.capital_usd[WARE] -= 1.5e5
    bench.day(6, "lenders")
    assert bench.kinds() == []


@pytest.mark.parametrize("why", ["off", "unmargined"])
def test_other_lines_are_not_called(why: str) -> None:
    bench = line(margined=why != "unmargined")
    bench.set("channels__warehouse_margin", why != "off")
    breach(bench)
    bench.day(7, "lenders")
    assert owed(bench) == 6e5 and bench.kinds() == []


def test_who_cannot_pay_gives_no_credit_and_then_fails() -> None:
    bench = line(other=1e5, owed=5.5e5, line_cure_days=10)
    s = bench.s
    breach(bench)
    bench.day(7, "lenders")  # all it can sell is sold
    assert s.lenders.other_loans_usd[WARE] == 0.0
    assert owed(bench) == pytest.approx(4.5e5)
    assert s.lenders.line_open_day[WARE] == 7 and s.lenders.supply[WARE] == 0.0
    assert s.lenders.supply_event[WARE] == 0
    bench.day(16, "lenders")
    assert s.parties.status[bench.lender(WARE)] == Status.ACTIVE
    bench.day(17, "lenders")
    assert s.parties.status[bench.lender(WARE)] == Status.DEFAULTED
    failed = bench.events(Event.LENDER_FAILED)[0]
    assert failed["cause"] == Cause.FUNDING and failed["parent"] == 0  # the call


def test_a_call_that_is_met_late_ends() -> None:
    bench = line(other=1e5, owed=5.5e5, line_cure_days=100)
    breach(bench)
    bench.day(7, "lenders")
    bench.s.loans.breach[0] = Cause.NONE
    bench.day(14, "lenders")
    assert bench.s.lenders.line_open_day[WARE] == -1
    assert bench.s.lenders.supply[WARE] == 1.0


def test_funding_is_repaid_to_lines_and_others_alike() -> None:
    bench = line()
    bench.balance(WARE, cash=4e5, other=1e6, owes=8e5)  # 600,000 of it are lines
    bench.kernel(repay_funding, row=WARE, amount_usd=4e5)
    assert owed(bench) == pytest.approx(3e5)
    assert bench.s.lenders.funding_usd[WARE] == pytest.approx(4e5)
    assert bench.cash(bench.lender(BANK)) == pytest.approx(3e5)
    assert bench.cash(bench.lender(WARE)) == pytest.approx(0.0)
