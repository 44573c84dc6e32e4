"""Entry: who comes, on whose money, what is installed, and that nobody is there before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from runs import fresh

from firesale.agents.party import Kind, Outside, Status
from firesale.market.operators.entry import lender_with_room, let_in, weekly_chance
from firesale.market.operators.rigs import rig_value_to_price
from firesale.market.simulation import Simulation
from firesale.market.state.frontier import outside_orders
from firesale.market.state.loans import ANY_GROWTH, Amortisation, Collateral, Instrument, LoanStatus

SURE = 1e9  # so sensitive that every prospect comes
NEVER = 2**30


def bench(kind: Kind, *, lenders: int = 1, room: float = 1e9, **terms: Any) -> Bench:
    """A firm of the books with 100,000 units, and a prospect of 20,000 kW behind it."""
    miner = kind == Kind.MINER
    machine = RIG if miner else GPU
    loan: dict[str, Any] = dict(
        instrument=Instrument.ASIC_LOAN if miner else Instrument.GPU_LOAN,
        collateral=Collateral.HARDWARE,
        hardware=machine,
        floating=not miner,
        rate_or_spread=0.11 if miner else 0.06,
        rate_open=0.11 if miner else 0.06,
        amortisation=Amortisation.ANNUITY if miner else Amortisation.LINEAR,
        interval_days=30,
        next_payment_day=NEVER,
        maturity_day=NEVER,
        term_days=730,
        initial_ltv=0.65,
        cure_days=10,
    )
    growth = {} if miner else {"growth": ANY_GROWTH}
    plain: dict[str, Any] = dict(
        entry__on=True,
        entry__sensitivity=SURE,
        entry__prospects_per_firm=1,
        investment__sensitivity=0.5,
        owners_required_return=0.20,
        rig_site_usd_per_kw=350.0,
        asic_life_years=6.0,
        hashprice_drift=0.0,
        hashprice_volatility=0.0,
        new_price_decline=0.0,
        growth_advance_rate=0.8,
        most_advance=0.95,
        growth_min_dscr=1.2,
        growth_years=5.0,
        growth_spread=0.06,
        order_deposit_share=0.1,
        order_days=30,
        refinancing_appetite=1.0,
    )
    made = Bench(
        loans=[
            loan | {"borrower": 0, "principal_usd": 1000.0, "collateral_units": 1000.0},
            loan | growth | {"borrower": 1},
        ],
        borrowers=2,
        lenders=lenders,
        fleets=[(0, machine, 1e5), (1, machine, 0.0)],
        cash=[1e6],
        lender_cash=1e8,  # nobody has to fund it
        **(plain | terms),
    )
    s = made.s
    s.parties.kind[:2] = kind
    s.parties.status[1] = Status.PROSPECT
    s.parties.entered_day[:] = -1
    s.today.prospects = 1
    s.borrowers.plan_kw[1] = 20_000.0
    s.borrowers.cushion_usd[1] = 1e6
    s.borrowers.fixed_cost_usd_day[1] = 500.0
    s.miners.power_usd_mwh[:2] = 50.0
    s.neoclouds.spot_realisation[:2] = 0.5
    s.lenders.growth_room_usd[:] = room
    s.prices.hashprice_usd_ph_day = 50.0
    s.prices.rent_h100_usd_h = 0.05
    s.prices.frontier = GPU
    s.prices.reference_rate = 0.04
    s.prices.q = s.prices.rig_q = 1.5
    s.orders.facility[:] = [-1, -1 if miner else 1]
    s.orders.holding[:] = [0, 1]
    s.opening.rig_value_to_price = rig_value_to_price(s)
    s.today.day = 7
    return made


def test_a_miners_first_day_and_first_interest_by_hand() -> None:
    b = bench(Kind.MINER)
    s, supplier = b.s, b.outside(Outside.SUPPLIER)
    before = b.stocks()
    b.kernel(let_in)
    units = 20_000.0 / 0.02  # a TH/s draws 20 watts
    unit = 20.0 + 350.0 * 0.02  # twice the mark, and a place with power
    # 0.65 of the mark of 10: lenders value machines as second hand; their income would carry more
    debt = units * 6.5
    equity = units * unit - debt + 1e6
    assert s.parties.status[1] == Status.ACTIVE
    assert s.parties.entered_day[1] == 7
    assert b.cash(b.outside(Outside.INVESTORS)) == pytest.approx(-equity)
    assert b.cash(supplier) == pytest.approx(units * unit)
    assert b.cash(1) == pytest.approx(1e6)  # the cushion is left
    assert s.loans.principal_usd[1] == pytest.approx(debt)
    assert s.holdings.units[1] == s.holdings.pledged[1] == pytest.approx(units)
    assert s.loans.collateral_units[1] == pytest.approx(units)
    assert s.borrowers.site_usd[1] == pytest.approx(units * 7.0)
    assert s.prices.bought_eh_s == pytest.approx(1.0)  # which others then do not add
    assert s.lenders.growth_room_usd[0] == pytest.approx(1e9 - debt)
    assert s.loans.maturity_day[1] == 7 + 730 and s.loans.next_payment_day[1] == 37
    assert b.kinds() == ["ENTERED", "DRAW", "ORDERED"]
    after = b.stocks()
    assert after.cash_usd == pytest.approx(before.cash_usd)
    assert after.units[RIG] == pytest.approx(before.units[RIG])
    for day in range(8, 38):
        b.day(day, "service")
    interest = debt * 0.11 * 30.0 / 365.0
    assert s.loans.arrears_interest_usd[1] == pytest.approx(interest)
    rate = 0.11 * 30.0 / 365.0  # an annuity of 25 payments, the first today
    level = debt * rate / (1.0 - (1.0 + rate) ** -25.0)
    assert s.loans.arrears_principal_usd[1] == pytest.approx(level - interest, rel=1e-6)


def test_a_fixed_loan_has_the_rate_of_its_day() -> None:
    b = bench(Kind.MINER)
    b.s.prices.rate_change, b.s.prices.spread_change = 0.02, 0.015
    b.kernel(let_in)
    assert b.s.loans.rate_or_spread[1] == pytest.approx(0.11 + 0.035)


def test_a_neoclouds_first_day_and_delivery_by_hand() -> None:
    b = bench(Kind.NEOCLOUD)
    s = b.s
    b.kernel(let_in)
    units, price = 20_000.0, 200.0  # of 1 kW, at twice the mark
    # what is expected of its rent carries more than the advance, 160
    debt = units * 160.0
    equity = units * price - debt + 1e6
    assert b.cash(b.outside(Outside.INVESTORS)) == pytest.approx(-equity)
    assert b.cash(1) == pytest.approx(equity - 0.1 * units * price)  # the deposit is paid
    assert s.borrowers.deposits_usd[1] == pytest.approx(0.1 * units * price)
    assert s.orders.units[1] == units and s.orders.due_day[1] == 37
    assert s.orders.debt_usd[1] == pytest.approx(debt)
    assert s.loans.principal_usd[1] == 0.0 and s.holdings.units[1] == 0.0
    assert b.kinds() == ["ENTERED", "ORDERED"]
    s.terms.entry.on = False
    b.day(37, "grow")
    assert s.holdings.units[1] == s.holdings.pledged[1] == pytest.approx(units)
    assert s.loans.principal_usd[1] == pytest.approx(debt)
    assert b.cash(1) == pytest.approx(1e6)
    assert s.loans.rate_or_spread[1] == pytest.approx(0.06)


def test_owners_pay_the_deposit_however_large_it_is() -> None:
    b = bench(Kind.NEOCLOUD, order_deposit_share=0.7)
    b.kernel(let_in)
    assert b.s.orders.debt_usd[1] == pytest.approx(
        0.3 * 20_000.0 * 200.0
    )  # all that is left to pay
    assert b.cash(1) == pytest.approx(1e6)  # the cushion


@pytest.mark.parametrize("kind", [Kind.MINER, Kind.NEOCLOUD])
@pytest.mark.parametrize(
    "what",
    ["q", "appetite", "supply", "room", "little room", "off", "not the week", "after the horizon"],
)
def test_who_does_not_enter(kind: Kind, what: str) -> None:
    b = bench(kind)
    s = b.s
    match what:
        case "q":
            s.prices.q = s.prices.rig_q = 1.0
        case "appetite":
            s.prices.appetite = 0.0
        case "supply":
            s.lenders.supply[:] = 0.0
        case "room":
            s.lenders.growth_room_usd[:] = 0.0
        case "little room":
            s.lenders.growth_room_usd[:] = 1e5
        case "off":
            s.terms.entry.on = False
        case "not the week":
            s.today.day = 8
        case "after the horizon":
            s.today.past_horizon = True
    cash = s.parties.cash_usd.copy()
    b.kernel(let_in)
    assert s.parties.status[1] == Status.PROSPECT
    assert np.array_equal(s.parties.cash_usd, cash)
    assert b.kinds() == []


def test_a_miner_stays_out_where_power_is_dear() -> None:
    b = bench(Kind.MINER)
    b.s.miners.power_usd_mwh[1] = 90.0
    b.kernel(let_in)
    assert b.s.parties.status[1] == Status.PROSPECT


def test_a_week_is_likelier_the_higher_q_and_the_more_credit_there_is() -> None:
    b = bench(Kind.NEOCLOUD, entry__sensitivity=1.0)
    s = b.s
    chance = weekly_chance(s, Kind.NEOCLOUD)
    assert chance == pytest.approx(1.0 - np.exp(-0.5 * 7.0 / 365.0))  # one firm, one waits
    assert weekly_chance(s, Kind.MINER) == 0.0  # of whom there are none
    s.prices.q = 2.0
    assert weekly_chance(s, Kind.NEOCLOUD) > chance
    s.lenders.supply[:] = 0.1
    assert weekly_chance(s, Kind.NEOCLOUD) < chance


def test_who_has_most_room_lends_and_among_equals_who_has_lent_less() -> None:
    b = bench(Kind.MINER, lenders=3)
    s = b.s
    assert lender_with_room(s, Instrument.ASIC_LOAN) == 0  # the only one that has lent on rigs
    assert lender_with_room(s, Instrument.GPU_LOAN) == -1
    s.loans.lender[1] = 2  # a prospect's facility says nothing
    assert lender_with_room(s, Instrument.ASIC_LOAN) == 0
    s.today.prospects = 0
    s.lenders.growth_room_usd[:] = [1e6, 1e6, 2e6]
    assert lender_with_room(s, Instrument.ASIC_LOAN) == 2
    s.lenders.growth_room_usd[:] = 1e6
    s.lenders.book_usd[:] = [1000.0, 0.0, 500.0]
    assert lender_with_room(s, Instrument.ASIC_LOAN) == 2


def test_what_entrants_order_of_a_new_class_others_do_not() -> None:
    b = bench(Kind.NEOCLOUD)
    s = b.s
    s.hardware.launch_day[GPU] = 1
    s.outside_arrivals = np.zeros(1000)
    s.planned_supply = np.full(3651, 1e6)
    s.today.day = 400  # as many are made as are wanted
    b.kernel(outside_orders)
    others = s.outside_arrivals[430]
    assert others == pytest.approx(0.5 * 0.5 * s.terms.launches.outside_share * 1e6 * 7.0 / 365.0)
    s.prices.entered_h100 = 1.5 * others
    b.kernel(outside_orders)
    assert s.outside_arrivals[430] == pytest.approx(others)  # nothing is added this week
    b.kernel(outside_orders)
    assert s.outside_arrivals[430] == pytest.approx(1.5 * others)  # and half of it the next
    assert s.prices.entered_h100 == pytest.approx(0.0)


# --- whole runs -----------------------------------------------------------------------------------

BOOM = (
    "days=150",
    "crypto.drift=3",
    "compute.adoption_growth=0.8",
    "investment.order_days=30",
)
ENTRY = ("entry.on=true", "entry.sensitivity=20")


@pytest.fixture(scope="module")
def boom() -> Simulation:
    return fresh("baseline", (*BOOM, *ENTRY)).run()


def test_firms_enter_borrow_and_run_and_nothing_is_lost(boom: Simulation) -> None:
    market, summary = boom.market, boom.summary()
    names = [*summary["entered"]["miner"], *summary["entered"]["neocloud"]]
    assert summary["entered"]["miner"] and summary["entered"]["neocloud"]
    assert set(names) == set(boom.events().query("kind == 'entered'")["party"])
    assert summary["conservation_error"] < 1e-9
    rows = [market.names.parties.index(name) for name in names]
    assert np.bincount(market.loans.borrower, market.loans.principal_usd)[rows].sum() > 1e8
    for row in rows:
        held = slice(market.holdings.first[row], market.holdings.first[row + 1])
        assert market.holdings.units[held].sum() > 0.0 or market.orders.units.sum() > 0.0


def test_prospects_are_counted_nowhere(boom: Simulation) -> None:
    market, summary = boom.market, boom.summary()
    plain = fresh("baseline", BOOM)
    for kind in ("miner", "neocloud"):
        assert summary["population"][kind] == plain.summary()["population"][kind]
        came, gone = len(summary["entered"][kind]), summary["defaults"][kind]
        going_on = sum(
            market.parties.kind[market.names.parties.index(name)] == Kind[kind.upper()]
            for name in summary["reorganised"]
        )
        assert summary["standing"][kind] == summary["population"][kind] + came - gone + going_on
    waiting = market.is_prospect
    assert waiting.any()
    count = market.borrower_count
    for column in (market.parties.cash_usd, market.borrowers.site_usd, market.borrowers.equity_usd):
        assert np.all(column[:count][waiting] == 0.0)
    theirs = waiting[market.loans.borrower]
    assert np.all(market.loans.principal_usd[theirs] == 0.0)
    assert np.all(market.loans.status[theirs] == LoanStatus.PERFORMING)


def test_prospects_that_never_come_change_nothing() -> None:
    settings = ("days=120", "crypto.crash_start_day=1", "crypto.crash_days=40")
    without = fresh("joint-crash", settings).run()
    with_them = fresh("joint-crash", (*settings, "entry.on=true", "entry.sensitivity=0")).run()
    ours, theirs = without.events(), with_them.events()
    same = ["kind", "party", "counterparty", "loan", "cause", "parent"]
    assert ours[same].equals(theirs[same])
    # Sums over more rows round differently: what hangs on a dollar may come a day later.
    assert (ours["day"] - theirs["day"]).abs().max() <= 1
    np.testing.assert_allclose(ours["amount_usd"], theirs["amount_usd"], rtol=1e-9)
