"""Claims on the failed: carried at what the books will bring, against a naive twin; estates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.party import Outside, Status
from firesale.market.debt import claims
from firesale.market.debt import losses as losses_
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.lots import LotState

FREE = dict(
    idle_cost_share=0.0,
    storage_usd_per_gpu_day=0.0,
    removal_usd_per_gpu=0.0,
    removal_usd_per_th=0.0,
    legal_days=0,
)
AT_MARK = {"channels": {"fire_sale": False}}


def machines(**changes: object) -> dict[str, object]:
    """1,500 against ten machines marked at 100."""
    loan: dict[str, object] = dict(
        principal_usd=1500.0, collateral=Collateral.HARDWARE, hardware=GPU, collateral_units=10.0
    )
    return loan | changes


def broken(bench: Bench, *loans: int) -> None:
    """Open a breach by hand whose clock has run out, and let the borrowers default."""
    for loan in loans:
        bench.s.loans.breach[loan] = Cause.MATURITY
        bench.s.loans.breach_day[loan] = 0
        bench.s.loans.sheets.cure_days[loan] = 0
    bench.day(1, "default")


def value(bench: Bench, *marks: float) -> None:
    """Value claims at marks of the classes."""
    bench.s.marks_usd[: len(marks)] = marks
    bench.kernel(claims.value_claims)


def written(bench: Bench, loan: int = 0) -> float:
    """What the event log says was written down."""
    log = bench.events(Event.WRITE_DOWN)
    return math.fsum(log["amount_usd"][log["loan"] == loan])


# --- by hand --------------------------------------------------------------------------------------


def test_collateral_first_then_a_share_of_the_estate_alike() -> None:
    # 10 machines at 100 bring 970 to the first, which is owed 530 more; the second's 20 at 10 bring
    # 194 for a claim of 100: 94 go to the estate, with 100 of cash and 5 machines of its own at 97.
    # 5 % of that is the court's. Owed are 530, an unsecured 200, and 100 to suppliers.
    loans = [
        machines(),
        machines(principal_usd=100.0, hardware=RIG, collateral_units=20.0, lender=1),
        dict(principal_usd=200.0, lender=2),
    ]
    bench = Bench(
        loans, lenders=3, fleets=[(0, GPU, 15.0), (0, RIG, 20.0)], cash=[100.0],
        legal_cost_share=0.03, bankruptcy_cost_share=0.05,
    )  # fmt: skip
    bench.s.parties.payables_usd[0] = 100.0
    broken(bench, 0)
    value(bench)
    share = 0.95 * (94.0 + 100.0 + 485.0) / (530.0 + 200.0 + 100.0)
    assert bench.s.lenders.loss_usd == pytest.approx([(1 - share) * 530, 0.0, (1 - share) * 200])
    # Marks halve: 515 more are missing from the first, and 3 from the second.
    value(bench, 50.0, 5.0)
    share = 0.95 * (100.0 + 242.5) / (1015.0 + 3.0 + 200.0 + 100.0)
    assert bench.s.lenders.loss_usd == pytest.approx((1 - share) * np.array([1015.0, 3.0, 200.0]))


def test_a_general_lien_is_carried_at_what_is_paid_first() -> None:
    # The estate has 45 in cash and 5 rigs of its own at 11: 100. The first's own machines cover all
    # but 50 of its claim; the second has a lien of 60; a bond of 20 and suppliers of 10 rank last
    # with the 50: 60, then 40 on 80.
    loans = [
        machines(principal_usd=1050.0),
        dict(principal_usd=60.0, collateral=Collateral.GENERAL_LIEN, lender=1),
        dict(principal_usd=20.0, lender=2),
    ]
    bench = Bench(
        loans, lenders=3, fleets=[(0, GPU, 10.0), (0, RIG, 5.0)], cash=[45.0],
        marks=(100.0, 11.0, 0.0), legal_cost_share=0.0, bankruptcy_cost_share=0.0,
    )  # fmt: skip
    bench.s.parties.payables_usd[0] = 10.0
    broken(bench, 2)
    value(bench)
    assert bench.s.lenders.loss_usd == pytest.approx([25.0, 0.0, 10.0])
    # The rigs are worth nothing: 45 of the 60 are left, and nothing for the others.
    value(bench, 100.0, 0.0)
    assert bench.s.lenders.loss_usd == pytest.approx([50.0, 15.0, 20.0])


def test_who_has_no_recourse_gets_no_dividend() -> None:
    loans = [machines(recourse=False), dict(principal_usd=200.0, lender=1)]
    bench = Bench(loans, lenders=2, fleets=[(0, GPU, 10.0)], cash=[60.0], legal_cost_share=0.0,
                  bankruptcy_cost_share=0.0)  # fmt: skip
    broken(bench, 1)
    value(bench)
    assert bench.s.lenders.loss_usd == pytest.approx([500.0, 140.0])


def test_an_overdrawn_estate_takes_nothing_from_collateral() -> None:
    bench = Bench([machines()], fleets=[(0, GPU, 10.0)], cash=[-50.0], legal_cost_share=0.0)
    broken(bench, 0)
    value(bench)
    assert bench.s.lenders.loss_usd == pytest.approx([500.0])


def test_what_comes_in_again_is_a_gain_up_to_the_claim() -> None:
    bench = Bench([machines(principal_usd=900.0)], fleets=[(0, GPU, 10.0)], legal_cost_share=0.0)
    broken(bench, 0)
    losses = []
    for mark in (100.0, 60.0, 80.0, 500.0):
        value(bench, mark)
        losses.append(float(bench.s.lenders.loss_usd[0]))
    assert losses == pytest.approx([0.0, 300.0, 100.0, 0.0])
    assert bench.s.lenders.capital_usd[0] == pytest.approx(0.5e6)
    amounts = bench.events(Event.WRITE_DOWN)["amount_usd"]
    assert amounts == pytest.approx([300.0, -200.0, -100.0])


def test_small_changes_are_booked_and_named_with_the_next() -> None:
    # Half a per cent of 1000 is 5.
    bench = Bench([machines(principal_usd=1000.0)], fleets=[(0, GPU, 10.0)], legal_cost_share=0.0)
    broken(bench, 0)
    value(bench, 99.6)
    assert bench.s.lenders.loss_usd[0] == pytest.approx(4.0)
    assert len(bench.events(Event.WRITE_DOWN)) == 0
    value(bench, 99.2)
    assert bench.events(Event.WRITE_DOWN)["amount_usd"] == pytest.approx([8.0])


# --- a naive twin ---------------------------------------------------------------------------------

loan_rows = st.fixed_dictionaries(
    {
        "borrower": st.integers(0, 1),
        "principal_usd": st.floats(1.0, 2000.0),
        "recourse": st.booleans(),
        "status": st.sampled_from([LoanStatus.DEFAULTED, LoanStatus.DEFAULTED, LoanStatus.CLOSED]),
        "site": st.booleans(),
    }
)
lot_rows = st.fixed_dictionaries(
    {
        "loan": st.integers(-2, 5),  # of whom: the estate of the first, of the second, or a loan
        "units": st.floats(0.01, 20.0),
        "hardware": st.sampled_from([GPU, RIG]),
        "sold": st.booleans(),
        "mark_usd": st.floats(1.0, 200.0),
    }
)


def twin(
    rows: list[dict[str, Any]],
    lots: list[dict[str, Any]],
    cash: list[float],
    payables: list[float],
    failed: list[bool],
    marks: list[float],
    fee: float,
    court: float,
) -> list[float]:
    """The loss on each loan: what is owed less own collateral less a share of the estate."""

    def worth(lot: dict[str, Any]) -> float:
        price = marks[lot["hardware"]]
        return 0.0 if lot["sold"] else lot["units"] * price * (1.0 - fee)

    own = [sum(worth(lot) for lot in lots if lot["loan"] == i) for i in range(len(rows))]
    open_ = [row["status"] == LoanStatus.DEFAULTED for row in rows]
    losses = []
    for i, row in enumerate(rows):
        b = row["borrower"]
        missing = row["principal_usd"] - own[i]
        if not open_[i] or missing <= 0:
            losses.append(0.0)
            continue
        if not row["recourse"]:
            losses.append(missing)
            continue
        here = [j for j, other in enumerate(rows) if other["borrower"] == b and open_[j]]
        mine = [j for j in here if rows[j]["recourse"]]
        pot = max(cash[b], 0.0) + sum(worth(lot) for lot in lots if lot["loan"] == -1 - b)
        pot += sum(max(0.0, own[j] - rows[j]["principal_usd"]) for j in here)
        pot *= 1.0 - court if failed[b] else 1.0
        owed = payables[b] + sum(max(0.0, rows[j]["principal_usd"] - own[j]) for j in mine)
        losses.append(max(0.0, missing - pot * missing / owed))
    return losses


def cents(amount: float) -> float:
    """Nobody is owed 1e-300 of a dollar."""
    return round(amount, 2)


@settings(max_examples=120)
@given(
    st.lists(loan_rows, min_size=1, max_size=6),
    st.lists(lot_rows, max_size=6),
    st.lists(st.floats(-50.0, 500.0), min_size=2, max_size=2),
    st.lists(st.floats(0.0, 300.0).map(cents), min_size=2, max_size=2),
    st.lists(st.booleans(), min_size=2, max_size=2),
    st.lists(
        st.lists(st.floats(1.0, 300.0), min_size=2, max_size=2), min_size=1, max_size=3
    ),  # marks of some days
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.3),
)
def test_claims_are_carried_as_a_naive_twin_carries_them(
    rows: list[dict[str, Any]],
    lots: list[dict[str, Any]],
    cash: list[float],
    payables: list[float],
    failed: list[bool],
    days: list[list[float]],
    fee: float,
    court: float,
) -> None:
    rows = sorted(rows, key=lambda row: row["borrower"])
    lots = [lot for lot in lots if lot["loan"] < len(rows)]
    loans = [
        {name: x for name, x in row.items() if name != "site"}
        | dict(lender=i)
        | (dict(claim_usd=row["principal_usd"]) if row["status"] == LoanStatus.DEFAULTED else {})
        | dict(collateral=Collateral.SITE if row["site"] else Collateral.NONE)
        for i, row in enumerate(rows)
    ]
    bench = Bench(loans, borrowers=2, lenders=len(rows), cash=cash, legal_cost_share=fee,
                  bankruptcy_cost_share=court)  # fmt: skip
    s = bench.s
    s.parties.payables_usd[:2] = payables
    s.parties.status[:2] = [Status.DEFAULTED if x else Status.ACTIVE for x in failed]
    s.lots.count[0] = len(lots)
    for i, lot in enumerate(lots):
        s.lots.loan[i] = max(lot["loan"], -1)
        s.lots.borrower[i] = rows[lot["loan"]]["borrower"] if lot["loan"] >= 0 else -1 - lot["loan"]
        s.lots.hardware[i], s.lots.units[i] = lot["hardware"], lot["units"]
        s.lots.mark_usd[i] = lot["mark_usd"]
        s.lots.state[i] = LotState.SOLD if lot["sold"] else LotState.REMOVED
    for marks in days:  # whatever was thought before
        value(bench, *marks)
        losses = twin(rows, lots, cash, payables, failed, marks, fee, court)
        assert of_claims("written_down_usd", s.loans) == pytest.approx(losses, rel=1e-9, abs=1e-9)
    assert s.lenders.loss_usd == pytest.approx(losses, rel=1e-9, abs=1e-6)
    assert s.lenders.written_down_usd == pytest.approx(losses, rel=1e-9, abs=1e-6)
    assert s.lenders.capital_usd == pytest.approx(0.5e6 - np.array(losses))
    for i, loss in enumerate(losses):
        assert written(bench, i) == pytest.approx(loss, abs=0.005 * rows[i]["principal_usd"] + 1e-9)


# --- the log tells all of a loss ------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.floats(200.0, 3000.0),
    st.floats(0.0, 400.0),
    st.lists(st.floats(20.0, 300.0), min_size=40, max_size=40),
    st.booleans(),
)
def test_the_write_downs_of_a_closed_claim_are_its_loss(
    principal: float, cash: float, marks: list[float], recourse: bool
) -> None:
    """Whatever marks did while its machines were moved and sold at one of them."""
    loans = [machines(principal_usd=principal, recourse=recourse), dict(principal_usd=300.0)]
    bench = Bench(
        loans, fleets=[(0, GPU, 12.0)], cash=[cash], bankruptcy_days=30, legal_cost_share=0.03,
        scenario={"name": "bench", "days": 3650} | AT_MARK, **FREE,
    )  # fmt: skip
    broken(bench, 1)
    for day, mark in enumerate(marks, start=2):
        bench.s.marks_usd[GPU] = mark
        bench.day(day, "lenders", "liquidate")
    s = bench.s
    assert list(s.loans.status) == [LoanStatus.CLOSED] * 2
    losses = []
    for i, owed in enumerate((principal, 300.0)):
        losses.append(owed - float(of_claims("recovered_usd", s.loans)[i]))
        assert written(bench, i) == pytest.approx(losses[i], rel=1e-9, abs=1e-6)
        assert of_claims("written_down_usd", s.loans)[i] == pytest.approx(
            losses[i], rel=1e-9, abs=1e-6
        )
    assert s.lenders.loss_usd[0] == pytest.approx(sum(losses), rel=1e-9, abs=1e-6)


def test_what_was_too_small_to_name_is_named_at_the_end() -> None:
    # 4 of 1000 are missing: less than half a per cent.
    bench = Bench(
        [machines(principal_usd=1000.0, recourse=False)], fleets=[(0, GPU, 10.0)],
        legal_cost_share=0.0, scenario={"name": "bench", "days": 3650} | AT_MARK, **FREE,
    )  # fmt: skip
    bench.s.marks_usd[GPU] = 99.6
    broken(bench, 0)
    for day in range(2, 12):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
    assert bench.s.lenders.loss_usd[0] == pytest.approx(4.0)
    assert len(bench.events(Event.WRITE_DOWN)) == 0
    for day in range(12, 16):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.loans.status[0] == LoanStatus.CLOSED
    assert bench.events(Event.WRITE_DOWN)["amount_usd"] == pytest.approx([4.0])


# --- capital --------------------------------------------------------------------------------------


def test_a_lender_is_impaired_once_below_its_minimum() -> None:
    # Of 2e6 lent half comes back from the estate: a loss of 1e6 leaves -0.5e6 of capital.
    bench = Bench(
        [dict(principal_usd=1e6), dict(principal_usd=1e6)], cash=[1e6], bankruptcy_cost_share=0.0
    )
    # Assets 4e6 (cash 1, book 2, other 1), capital 0.5e6: ratio 12.5 %.
    bench.s.lenders.min_capital_ratio[0] = 0.10
    broken(bench, 0)
    value(bench)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(-0.5e6)
    assert len(bench.events(Event.LENDER_IMPAIRED)) == 1
    assert bench.events(Event.LENDER_IMPAIRED)[0]["amount_usd"] == pytest.approx(0.5e6)


@pytest.mark.parametrize(("minimum", "events"), [(0.076, 0), (0.077, 1)])
def test_impairment_is_a_matter_of_the_ratio_and_noted_once(minimum: float, events: int) -> None:
    # 250,000 of 500,000 lost leaves 250,000 of assets of 3.25e6: 7.69 %.
    bench = Bench([dict(principal_usd=1e6)])
    assert bench.s.lenders.funding_usd[0] == pytest.approx(2.5e6)
    bench.s.lenders.funding_usd[0] = 3e6
    bench.s.lenders.min_capital_ratio[0] = minimum
    for change in (250_000.0, -250_000.0, 250_000.0):
        bench.kernel(losses_.charge_lender, row=0, loss_usd=change, parent=9)
    impaired = bench.events(Event.LENDER_IMPAIRED)
    assert len(impaired) == events
    assert all(impaired["parent"] == 9)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(250_000.0)


# --- estates --------------------------------------------------------------------------------------


def test_an_estate_pays_all_claims_alike() -> None:
    loans = [dict(principal_usd=200.0), dict(principal_usd=500.0, lender=1)]
    bench = Bench(loans, lenders=2, cash=[300.0], bankruptcy_cost_share=0.05, bankruptcy_days=180)
    bench.s.parties.payables_usd[0] = 100.0
    broken(bench, 0)
    for day in (2, 100, 180):
        bench.day(day, "lenders")
    assert bench.s.parties.status[0] == Status.DEFAULTED
    utility = bench.cash(bench.outside(Outside.UTILITY))
    bench.day(181, "lenders")
    # 15 to the court; 285 for claims of 200, 500 and the suppliers' 100.
    share = 285.0 / 800.0
    assert bench.cash(bench.lender(0)) == pytest.approx(1e6 + share * 200.0)
    assert bench.cash(bench.lender(1)) == pytest.approx(1e6 + share * 500.0)
    assert bench.cash(bench.outside(Outside.UTILITY)) - utility == pytest.approx(share * 100.0)
    assert bench.cash(bench.outside(Outside.COURTS)) == pytest.approx(15.0)
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    assert bench.s.lenders.loss_usd == pytest.approx([(1 - share) * 200, (1 - share) * 500])
    assert bench.s.parties.payables_usd[0] == 0.0
    assert bench.s.parties.status[0] == Status.WOUND_UP


@pytest.mark.parametrize(
    ("cash", "paid"), [(100.0, (60.0, 35.0, 5.0)), (45.0, (45.0, 0.0, 0.0)), (140.0, (60, 70, 10))]
)
def test_an_estate_pays_a_general_lien_first(cash: float, paid: tuple[float, ...]) -> None:
    # Owed are 60 on the lien, 70 without, and 10 to suppliers.
    lien = dict(principal_usd=60.0, collateral=Collateral.GENERAL_LIEN)
    bench = Bench([dict(principal_usd=70.0, lender=1), lien], lenders=2, cash=[cash],
                  bankruptcy_cost_share=0.0, bankruptcy_days=1)  # fmt: skip
    bench.s.parties.payables_usd[0] = 10.0
    broken(bench, 0)
    utility = bench.cash(bench.outside(Outside.UTILITY))
    bench.day(2, "lenders")
    assert bench.cash(bench.lender(0)) == pytest.approx(1e6 + paid[0])
    assert bench.cash(bench.lender(1)) == pytest.approx(1e6 + paid[1])
    assert bench.cash(bench.outside(Outside.UTILITY)) - utility == pytest.approx(paid[2])
    assert bench.events(Event.ESTATE_PAID)["amount_usd"] == pytest.approx([sum(paid)])
    assert bench.s.parties.status[0] == Status.WOUND_UP


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(1.0, 1e6), min_size=1, max_size=5),
    st.floats(0.0, 3e6),
    st.floats(0.0, 1e5),
    st.floats(0.0, 0.3),
)
def test_estates_pay_in_proportion_and_never_more_than_is_owed(
    claims: list[float], cash: float, payables: float, cost: float
) -> None:
    loans = [dict(principal_usd=claim, lender=i) for i, claim in enumerate(claims)]
    bench = Bench(
        loans,
        lenders=len(claims),
        cash=[cash],
        bankruptcy_cost_share=cost,
        bankruptcy_days=10,
    )
    bench.s.lenders.sleeve[:] = True  # who loses more than its capital is not wound up itself
    bench.s.parties.payables_usd[0] = payables
    broken(bench, 0)
    bench.day(11, "lenders")
    left = cash * (1 - cost)
    owed = math.fsum(claims) + payables
    share = min(1.0, left / owed)
    got = [bench.cash(bench.lender(i)) - 1e6 for i in range(len(claims))]
    assert got == pytest.approx([share * claim for claim in claims], rel=1e-6, abs=1e-3)
    assert bench.s.lenders.loss_usd == pytest.approx(
        [(1 - share) * claim for claim in claims], rel=1e-6, abs=1e-3
    )
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-6)


def test_an_estate_stays_open_while_collateral_is_unsold_until_the_court_ends_it() -> None:
    # No buyers: the loan stays open and recovery unknown until a year after the default.
    bench = Bench([machines()], fleets=[(0, GPU, 10.0)], bankruptcy_days=30, **FREE)
    broken(bench, 0)
    default = bench.s.parties.default_day[0]
    for day in range(2, default + 365):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
    assert bench.s.parties.status[0] == Status.DEFAULTED
    for day in (default + 365, default + 366):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.loans.status[0] == LoanStatus.CLOSED
    assert bench.s.parties.status[0] == Status.WOUND_UP
