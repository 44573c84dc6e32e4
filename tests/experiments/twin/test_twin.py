"""The slow twin as oracle: the same day on plain Mesa agents gives the same events and books."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import Any

import mesa
import numba
import numpy as np
import pytest
from paths import PROJECT

from firesale.experiments.causes.families import FAMILIES, still
from firesale.experiments.twin.comparison import differences
from firesale.experiments.twin.model import TwinMarket
from firesale.market.record.frames import event_frame
from firesale.market.scenario.scenario import Scenario, read_settings
from firesale.market.simulation import Simulation
from firesale.market.state.events import Cause, Event
from firesale.market.state.handle import Numbers
from firesale.market.state.loans import Instrument

CLOSE = 1e-9  # relative, of every amount and balance

# Coins lose 77 % and rents nearly all within weeks, and every legal step takes days: margin calls,
# failures, seizures, auctions and estates that pay out all come within a month.
HASTE = (
    "days=30",
    "crypto.crash_start_day=1",
    "crypto.crash_days=20",
    "compute.shock_start_day=1",
    "compute.rent_change_per_year=-0.99",
    "credit.payables_days=2",
    "credit.hazard_per_year=0.5",
    "credit.bankruptcy_days=3",
    "credit.estate_max_days=10",
    "liquidation.legal_days=1",
    "liquidation.in_place_days=7",
    "liquidation.site_days=5",
    "tenants.hazard_per_year=10.0",
    "tenants.rated_hazard_per_year=0.5",
    "tenants.notice_days=5",
)
CRASH = (
    "days=120",
    "crypto.crash_start_day=1",
    "crypto.crash_days=60",
    "compute.shock_start_day=1",
    "compute.shock_days=90",
    "compute.rent_change_per_year=-0.95",
)
# Funders run at the first bad news, other loans have no depth, borrowers give machines back.
COLLAPSE = (
    *CRASH,
    "lenders.run_threshold=0.0",
    "lenders.run_speed=50.0",
    "lenders.similar_failure_news=2.0",
    "lenders.loan_impact=5.0",
    "lenders.loan_price_floor=0.1",
    "lenders.seller_impact_share=0.5",
    "lenders.leverage_band=0.0",
    "credit.hazard_per_year=0.5",
    "credit.surrender_ratio=5.0",
    "credit.bankruptcy_days=30",
    "liquidation.legal_days=10",
    "liquidation.site_days=20",
    "policy.buyer_of_last_resort_usd=1e8",
)
# Many fail, buyers have little money, and demand grows: lots that wait are hosted, receivers keep
# contracts, and who stands orders machines and takes delivery of them.
STUCK = (
    "days=90",
    "compute.adoption_growth=0.5",
    "credit.hazard_per_year=1.0",
    "liquidation.legal_days=5",
    "liquidation.in_place_days=14",
    "liquidation.budget_scale=0.05",
    "investment.order_days=21",
)
# Money tightens within weeks: notes lose, investors leave, lines are called, vehicles close.
STRAINED = (
    "days=120",
    "macro.shock=4",
    "macro.start_day=1",
    "macro.ramp_days=40",
    "credit.hazard_per_year=0.5",
    "lenders.flow_threshold=0.0",
    "lenders.flow_sensitivity=5",
    "lenders.line_advance_rate=0.0",
    "lenders.line_cushion=0.0",
    "lenders.line_cure_days=3",
    "lenders.trap_dscr=5",
    "lenders.amortisation_ltv_rise=0.0",
)
MECHANISMS = (
    "investment.sensitivity=0",
    "investment.payout_share=0",
    "lenders.cycle_swing=0",
    "lenders.spread_swing=0",
    "liquidation.host_share=0",
    "tenants.contract_kept_share=0",
)
CHANNELS = tuple(f"channels.{name}=false" for name in type(Scenario().channels).model_fields)
POLICIES = (
    "policy.buyer_of_last_resort_usd=1e9",
    "policy.lender_of_last_resort_usd=1e9",
    "policy.haircut_floor=0.4",
    "policy.tenor_cap_years=1.0",
    "policy.standstill_days=60",
    "policy.capital_buffer=0.1",
    "policy.mark_rule=schedule",
    "policy.mark_rule=market",
)


@dataclass
class Pair:
    """An engine and a twin of one scenario and seed, stepped side by side."""

    engine: Simulation
    twin: TwinMarket

    def step(self) -> None:
        self.engine.step()
        self.twin.step()

    def assert_equal_books(self) -> None:
        assert differences(self.twin, self.engine.market, CLOSE) == []

    def assert_equal_events(self) -> None:
        """Day, kind, party, counterparty, loan, cause and parent are the same, amounts close."""
        ours, theirs = self.twin.events, event_frame(self.engine.market)
        assert len(ours) == len(theirs)
        for name in theirs.columns.drop("amount_usd"):
            assert ours[name].tolist() == theirs[name].tolist()
        np.testing.assert_allclose(ours.amount_usd, theirs.amount_usd, rtol=CLOSE, atol=1e-6)

    def run(self, every: int) -> Pair:
        """Run to the end; books are compared ``every`` so many days, events at the end."""
        while self.twin.running:
            self.step()
            if self.twin.day % every == 0 or not self.twin.running:
                self.assert_equal_books()
        self.assert_equal_events()
        assert self.engine.finished
        return self

    def kinds(self) -> set[Event]:
        return {entry.kind for entry in self.twin.log}

    def bring_notes_forward(self, maturity_day: int, put_day: int) -> None:
        """In both books every other note matures early; the rest may be put."""
        table = self.engine.market.loans
        notes = [one for one in self.twin.loans if one.instrument is Instrument.CONVERTIBLE]
        for note in notes[::2]:
            note.maturity_day = table.maturity_day[note.number] = maturity_day
        for note in notes[1::2]:
            note.put_day = table.put_day[note.number] = put_day


def pair(name: str, seed: int, *settings: str) -> Pair:
    scenario = Scenario.load(name).changed(read_settings(settings), "test")  # some without effect
    return Pair(Simulation(scenario, seed), TwinMarket(scenario, rng=seed))


@pytest.fixture(scope="module")
def haste() -> Pair:
    """A month in which everything happens at once, compared every day."""
    return pair("joint-crash", 2, *HASTE).run(every=1)


# ------------------------------------------------------------------ equal


@pytest.mark.parametrize("drawn", ["opening.sample=true", "opening.beliefs=true"])
def test_the_twin_opens_with_the_engines_books(drawn: str) -> None:
    both = pair("calm", 3, "days=1", drawn)
    both.assert_equal_books()
    assert both.twin.log == []


def test_a_month_of_haste_is_the_same_every_day(haste: Pair) -> None:
    """The comparison is made while the fixture runs; here: that it was about something."""
    assert {
        Event.SHOCK,
        Event.MARGIN_CALL,
        Event.MARGIN_MET,
        Event.FORCED_SALE,
        Event.BTC_LIQUIDATION,
        Event.DEFAULT,
        Event.LOAN_DEFAULT,
        Event.SEIZURE,
        Event.OFFERED,
        Event.HARDWARE_SALE,
        Event.WRITE_DOWN,
        Event.ESTATE_PAID,
        Event.WAIVED,
        Event.LISTED,
        Event.TENANT_FAILED,
        Event.TENANT_LEFT,
        Event.RENEGOTIATED,
    } <= haste.kinds()
    backstop = haste.engine.market.contracts.guarantee_left_usd.sum()
    assert 10.8e9 < backstop < 10.899e9  # of the 10.9 of Google and NVIDIA some is spent


def test_weeks_with_what_is_believed_are_the_same() -> None:
    pair("joint-crash", 4, "days=40", "opening.beliefs=true").run(every=10)


def test_all_channels_off_is_the_same() -> None:
    pair("joint-crash", 2, *HASTE, *CHANNELS).run(every=10)


@pytest.mark.parametrize("settings", [HASTE, COLLAPSE])
def test_who_does_not_fail_is_the_same(settings: tuple[str, ...]) -> None:
    """Every third borrower and lender is kept from failing by money from outside."""
    both = pair("joint-crash", 2, *settings, "days=30")
    kept = range(0, both.engine.market.first_buyer, 3)
    both.engine.market.parties.made_whole[list(kept)] = True
    for party in (*both.twin.borrowers, *both.twin.lenders):
        party.made_whole = party.number in kept
    both.run(every=10)
    assert not both.engine.market.parties.default_event[list(kept)].max() >= 0


def test_companions_are_the_same() -> None:
    """With all families held still, in a crash in which lenders fail."""
    scenario = still(Scenario.load("joint-crash").with_settings(list(COLLAPSE)), FAMILIES)
    scenario = scenario.changed({"days": 60}, "test")
    Pair(Simulation(scenario, 2), TwinMarket(scenario, rng=2)).run(every=20)


def test_weeks_of_orders_and_deliveries_are_the_same() -> None:
    settings = ("days=45", "investment.order_days=7", "investment.sensitivity=10.0")
    both = pair("calm", 1, *settings, "compute.adoption_growth=1.0").run(every=5)
    orders = [order for one in both.twin.borrowers for order in one.orders.values()]
    facilities = [order.facility for order in orders if order.facility]
    assert Event.ORDERED in both.kinds()
    assert sum(loan.principal_usd for loan in facilities) > 1e7
    assert sum(loan.collateral_units for loan in facilities) > 1e3


def test_launches_and_what_they_bring_are_the_same() -> None:
    """Both classes come within weeks, are ordered at once and have time to arrive."""
    settings = ("days=70", "investment.order_days=10", "investment.sensitivity=10.0")
    launches = ("vr200.shift_days=-330", "vr300.shift_days=-680", "ramp_days=20")
    both = pair("calm", 1, *settings, *(f"launches.{change}" for change in launches)).run(every=5)
    names = [kind.name for kind in both.twin.hardware]
    new = [names.index(name) for name in ("VR200", "VR300")]
    assert both.twin.prices.frontier in new
    assert both.twin.prices.outside_gpus > 1e3
    owned = [h.units for b in both.twin.borrowers for h in b.gpus if h.hardware.number in new]
    assert sum(owned) > 100.0
    assert both.twin.work_price_ahead[-1] < 0.95  # more is expected to come


def test_launches_off_are_the_same() -> None:
    pair("joint-crash", 2, *HASTE, "launches.dated=false").run(every=10)


def test_firms_that_enter_are_the_same() -> None:
    """A boom: hashprice and rents rise, both kinds come, borrow, take delivery and pay."""
    boom = ("days=130", "crypto.drift=3", "compute.adoption_growth=0.8", "investment.order_days=20")
    launch = ("launches.vr200.shift_days=-320", "launches.ramp_days=20")
    entry = ("entry.on=true", "entry.sensitivity=20")
    both = pair("baseline", 2, *boom, *launch, *entry).run(every=10)
    new = [one for one in both.twin.borrowers if one.entered_day >= 0]
    assert {type(one).__name__ for one in new} == {"Miner", "Neocloud"}
    assert sum(loan.principal_usd for one in new for loan in one.loans) > 1e8
    assert both.twin.prices.entered_h100 > 0.0


def test_prospects_that_never_come_are_the_same() -> None:
    pair("joint-crash", 2, *HASTE, "entry.on=true", "entry.sensitivity=0").run(every=10)


def test_what_nobody_can_buy_is_the_same() -> None:
    both = pair("calm", 2, *STUCK).run(every=15)
    assert {Event.HOSTED, Event.ORDERED, Event.DRAW, Event.HARDWARE_SALE} <= both.kinds()
    assert sum(min(lot.hosted_units, lot.units) for lot in both.twin.lots) > 1e4
    assert any(lot.premium_usd_unit_day > 0.0 for lot in both.twin.lots)
    assert both.twin.prices.paid_out_usd > 1e8
    assert_plain(both.twin)


def test_notes_that_convert_are_put_and_refinanced_are_the_same() -> None:
    both = pair("calm", 1, "days=45")
    both.bring_notes_forward(maturity_day=10, put_day=33)
    assert {Event.CONVERTED, Event.PUT, Event.ROLLED_OVER} <= both.run(every=5).kinds()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_120_days_of_crypto_crash_are_the_same(seed: int) -> None:
    settings = ("days=120", "crypto.crash_start_day=1", "crypto.crash_days=40")
    kinds = pair("crypto-crash", seed, *settings).run(every=10).kinds()
    assert {Event.MARGIN_CALL, Event.MISSED_PAYMENT, Event.DEFAULT, Event.SEIZURE} <= kinds
    assert {Event.HARDWARE_SALE, Event.EXTENDED, Event.ORDER_CANCELLED} <= kinds


@pytest.mark.slow
@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.uncompiled), 2])
def test_120_days_in_which_lenders_fail_are_the_same(seed: int) -> None:
    both = pair("joint-crash", seed, *COLLAPSE).run(every=10)
    kinds = both.kinds()
    assert {Event.LENDER_IMPAIRED, Event.FUNDING_RUN, Event.LENDER_FAILED} <= kinds
    assert {Event.INTERLENDER_LOSS, Event.SURRENDERED, Event.PERIMETER_DEFAULT} <= kinds
    fallen = [e for e in both.twin.log if e.parent and e.parent.kind is Event.PERIMETER_DEFAULT]
    assert {Cause.SURRENDER, Cause.CROSS_DEFAULT} <= {entry.cause for entry in fallen}  # as a whole


@pytest.mark.slow
@pytest.mark.parametrize("marks", ["true", "false"])
def test_funds_lines_and_vehicles_under_strain_are_the_same(marks: str) -> None:
    both = pair("tightening", 1, *STRAINED, f"channels.fund_marks={marks}").run(every=10)
    assert {Event.LINE_CALLED, Event.AMORTISES_EARLY, Event.FUNDING_RUN} <= both.kinds()
    if marks == "true":
        assert Event.SLEEVE_CLOSED in both.kinds()
        assert min(lender.supply for lender in both.twin.lenders if lender.redeemable) < 0.5


@pytest.mark.slow
def test_a_year_of_joint_crash_is_the_same() -> None:
    kinds = pair("joint-crash", 1, "days=365").run(every=30).kinds()
    assert {Event.COVENANT_BREACH, Event.LOCK_UP, Event.CASH_SWEEP, Event.CURED} <= kinds
    assert {Event.ROLLED_OVER, Event.DRAW, Event.EQUITY_ISSUED} <= kinds


@pytest.mark.slow
def test_a_year_of_tightening_is_the_same() -> None:
    kinds = pair("tightening", 3, "days=400").run(every=50).kinds()
    assert Event.NOT_REFINANCED in kinds


@pytest.mark.slow
def test_a_credit_crunch_in_which_lines_are_stopped_is_the_same() -> None:
    short = ("days=150", "macro.ramp_days=40", "credit.hazard_per_year=0.1")
    harsh = ("lenders.line_advance_rate=0.0", "lenders.line_cushion=0.0", "knock_out.party=JPM")
    kinds = pair("credit-crunch", 3, *short, *harsh).run(every=30).kinds()
    assert {Event.LINE_STOPPED, Event.LINE_CALLED, Event.FUNDING_RUN} <= kinds


@pytest.mark.slow
@pytest.mark.parametrize("party", ["CRWV", "BX", "JPM", "ANTALPHA"])
def test_a_scripted_failure_is_the_same(party: str) -> None:
    who = (f"knock_out.party={party}", "knock_out.day=9")
    both = pair("baseline", 1, "days=60", *who).run(every=10)
    assert Event.SHOCK in both.kinds()


@pytest.mark.slow
def test_a_boom_is_the_same() -> None:
    both = pair("calm", 1, "days=365", "compute.adoption_growth=0.5").run(every=30)
    assert {Event.ORDERED, Event.ORDER_CANCELLED, Event.ROLLED_OVER} <= both.kinds()
    assert both.twin.prices.q > 1.5 and both.twin.prices.ease > 0.1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("calm", marks=pytest.mark.slow),
        pytest.param("baseline", marks=pytest.mark.long),
    ],
)
def test_the_day_on_which_notes_mature_is_the_same(name: str) -> None:
    """On day 441 a note of Galaxy's is worth more as shares."""
    assert Event.CONVERTED in pair(name, 1, "days=460").run(every=23).kinds()


@pytest.fixture(scope="module")
def stuck() -> Pair:
    return pair("calm", 2, *STUCK).run(every=90)


@pytest.mark.slow
@pytest.mark.parametrize("setting", MECHANISMS)
def test_mechanisms_off_are_the_same_and_not_what_they_were(setting: str, stuck: Pair) -> None:
    without = pair("calm", 2, *STUCK, setting).run(every=30)
    assert not without.twin.events.equals(stuck.twin.events)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [*CHANNELS, *POLICIES, "liquidation.window_days=10"])
def test_switches_levers_and_other_windows_are_the_same(setting: str) -> None:
    pair("joint-crash", 3, *CRASH, "days=80", setting).run(every=40)


# ------------------------------------------------------------------ independent


def things(twin: TwinMarket) -> list[Any]:
    """Everything the twin consists of."""
    holdings = [holding for kind in twin.hardware for holding in kind.holdings]
    orders = [order for borrower in twin.borrowers for order in borrower.orders.values()]
    paper = [*twin.loans, *twin.contracts, *twin.perimeters, *orders]
    return [twin.prices, *twin.agents, *twin.hardware, *holdings, *paper, *twin.lots, *twin.log]


def attributes(thing: Any) -> dict[str, Any]:
    if isinstance(thing, Numbers):
        return dict(thing.items())
    names = getattr(type(thing), "__slots__", None) or vars(thing)
    return {name: getattr(thing, name) for name in names}


def test_the_twin_is_made_of_plain_numbers_and_objects(haste: Pair) -> None:
    assert_plain(haste.twin)


def assert_plain(twin: TwinMarket) -> None:
    """No arrays, no views, not even a number of NumPy (which only uncompiled rules return)."""
    if numba.config.DISABLE_JIT:
        return
    for thing in things(twin):
        for name, value in attributes(thing).items():
            for number in value if isinstance(value, list) else [value]:
                where = f"{type(thing).__name__}.{name}"
                assert not isinstance(number, np.ndarray | np.generic), where
                if isinstance(number, int | float) and not isinstance(number, Enum):
                    assert type(number) in (int, float, bool), where


def test_the_engine_knows_nothing_of_the_twin() -> None:
    for package in ("agents", "market"):
        for path in (PROJECT / package).rglob("*.py"):
            if path.parent.name == "twin":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in getattr(node, "names", [])]
                source = getattr(node, "module", None) or ""
                assert not any("twin" in name.split(".") for name in (source, *names)), path


def test_the_twin_runs_alone_and_repeats_itself() -> None:
    scenario = Scenario.load("joint-crash").with_settings([*HASTE, "days=8"])
    first, second = TwinMarket(scenario, rng=5).run(), TwinMarket(scenario, rng=5).run()
    other = TwinMarket(scenario, rng=6).run()
    assert first.events.equals(second.events)
    assert not first.events.equals(other.events)


# ------------------------------------------------------------------ a model of Mesa


def test_the_twin_is_a_mesa_model(haste: Pair) -> None:
    twin = haste.twin
    assert isinstance(twin, mesa.Model)
    parties = haste.engine.market.names.parties
    assert [agent.name for agent in sorted(twin.agents, key=lambda a: a.number)] == parties
    assert not twin.running
    twin.step()  # the last day is over
    assert twin.day == 30
    assert len(twin.datacollector.get_model_vars_dataframe()) == 31


def test_nothing_is_lost(haste: Pair) -> None:
    assert haste.twin.worst_conservation_error <= 1e-9


# ------------------------------------------------------------------ the comparison itself


def test_the_comparison_sees_a_cent_and_a_status() -> None:
    both = pair("calm", 1, "days=1")
    both.twin.borrowers[3].cash_usd += 0.01 + 1e-8 * both.twin.borrowers[3].cash_usd
    both.twin.loans[5].lock_up = True
    found = differences(both.twin, both.engine.market, CLOSE)
    assert [line.split(":")[0] for line in found] == ["parties.cash_usd[3]", "loans.lock_up[5]"]


def test_the_conservation_check_sees_a_dollar_from_nowhere() -> None:
    twin = TwinMarket(Scenario.load("calm").with_settings(["days=2"]), rng=1)
    twin.step()
    calm = twin.worst_conservation_error
    twin.borrowers[0].cash_usd += 1e6
    twin.step()
    assert calm <= 1e-9 < twin.worst_conservation_error
