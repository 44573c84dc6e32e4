"""Sites are sold by the MW to who bids: buyers' money decides, not the loan."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from by_hand import SITE, Bench

from firesale.agents.columns import empty
from firesale.agents.lender import SITE_HAIRCUT
from firesale.agents.party import Outside, Status
from firesale.market.debt import underwriting
from firesale.market.lenders import forbearance
from firesale.market.liquidation.bids import hold_values_usd
from firesale.market.liquidation.one_sale import Offer, no_limits, sold_usd
from firesale.market.opening.books_2025.read import DATA_FOLDER
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.contracts import ContractKind, Contracts
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus
from firesale.market.state.lots import LotState
from firesale.market.state.sites import site_values

QUIET = dict(
    window_days=1, site_days=5, legal_cost_share=0.0, storage_usd_per_gpu_day=0.0,
    idle_cost_share=0.0, bankruptcy_days=1000, buyer_finance=False, relet_days=0,
    hall_volatility=0.0, salvage_share=0.0,
)  # fmt: skip


def pledged(budget: float, *, demand: float = 1.0, **row: Any) -> Bench:
    """2 MW of halls secure 30 dollars; a MW rents for one a year and a building costs 11.

    Buyers ask for no return: a MW is worth 20 years of rent less cost, 20 * (1 - 0.25) = 15.
    """
    loan = dict(principal_usd=30.0, collateral=Collateral.SITE, hardware=SITE)
    loan |= dict(collateral_units=1.0, hall_mw=2.0) | row
    bench = Bench([loan], buyers=[dict(budget=budget)], marks=(100.0, 10.0, 15.0),
                  scrap=(5.0, 1.0, 0.5), patience=[(1.0, 0.0)], hall_usd_mw=11.0,
                  rig_site_usd_per_kw=0.0, **QUIET)  # fmt: skip
    bench.s.opening.hall_rent_usd_mw_year = 1.0
    bench.s.prices.hall_rent = demand
    bench.s.buyers.private_view[:] = 1.0
    return bench


def fail(bench: Bench, last: int = 6) -> Bench:
    loans = bench.s.loans
    loans.breach[0], loans.breach_day[0] = Cause.MATURITY, 0
    bench.day(1, "default")
    for day in range(2, last + 1):
        bench.day(day, "operate", "lenders", "liquidate")
    return bench


# --- the auction ----------------------------------------------------------------------------------


def test_buyers_with_money_pay_what_a_site_is_worth() -> None:
    bench = fail(pledged(1e6))
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.s.lots.state[0] == LotState.SOLD
    (sale,) = bench.events(Event.HARDWARE_SALE)
    assert (sale["day"], sale["amount_usd"]) == (6, pytest.approx(30.0))  # after site_days


@pytest.mark.parametrize(("budget", "price"), [(10.0, 5.0), (20.0, 10.0), (29.0, 14.5)])
def test_recovery_is_what_budgets_buy(budget: float, price: float) -> None:
    bench = fail(pledged(budget))
    assert bench.s.loans.principal_usd[0] == pytest.approx(30.0 - 2.0 * price)
    assert bench.s.buyers.budget_usd[0] == pytest.approx(0.0, abs=1e-6)
    assert bench.s.clearing_usd[SITE] == pytest.approx(price)


def test_recovery_follows_demand_for_power() -> None:
    # Rents at 80 %: 20 * (0.8 - 0.25) = 11 a MW.
    bench = fail(pledged(1e6, demand=0.8))
    assert bench.s.loans.principal_usd[0] == pytest.approx(30.0 - 22.0)


def test_a_larger_loan_makes_no_site_worth_more() -> None:
    small, large = fail(pledged(1e6)), fail(pledged(1e6, principal_usd=300.0))
    assert small.s.lots.proceeds_usd[0] == pytest.approx(30.0)
    assert large.s.lots.proceeds_usd[0] == pytest.approx(30.0)
    assert large.s.loans.principal_usd[0] == pytest.approx(270.0)


def test_a_patient_lender_waits_and_takes_the_site_in_kind_when_time_is_up() -> None:
    """Nobody has money: once the court's time is up it is the lender's, at what keeping brings."""
    bench = pledged(0.0)
    bench.set("estate_max_days", 10)
    fail(bench, last=15)
    assert bench.s.lots.state[0] == LotState.REMOVED
    bench.day(16, "lenders", "liquidate")
    assert bench.s.lots.state[0] == LotState.SOLD
    (taken,) = bench.events(Event.TAKEN_IN_KIND)
    worth = hold_values_usd(bench.market)[SITE]
    # At 15 % a year net rents of 0.75 over 20 years are worth (1 - e^-3) / 0.15 of them.
    assert worth == pytest.approx(0.75 * (1.0 - np.exp(-3.0)) / 0.15)
    assert taken["amount_usd"] == pytest.approx(2.0 * worth)


def test_racks_of_machines_do_not_hold_sites() -> None:
    bench = pledged(1e6)
    bench.s.buyers.slots[0, bench.s.hardware.rack[SITE]] = 1.0
    fail(bench)
    assert bench.s.lots.units[0] == pytest.approx(1.0)  # it can take on one MW of two


# --- one sale of everything -----------------------------------------------------------------------


def test_one_sale_spends_a_budget_once_on_power_and_halls() -> None:
    bench = pledged(10.0)
    bench.market.strips = np.array([[np.nan, np.nan, 15.0]])
    halls = Offer(np.zeros(0, np.int64), np.zeros(0), np.array([0.0, 0.0, 2.0]))
    limits = bench.kernel(no_limits)
    brought = bench.kernel(sold_usd, limits=limits, offer=halls, days=0.0)
    assert brought == pytest.approx([0.0, 0.0, 10.0])
    assert bench.s.buyers.budget_usd[0] == 10.0  # nothing is sold


# --- tenants stay with the halls ------------------------------------------------------------------


def leased(bench: Bench, **row: Any) -> Bench:
    """A tenant outside pays 4 a day for the halls, which cost a quarter of that to run."""
    told = dict(kind=ContractKind.HOSTING, hardware=-1, usd_day=4.0, end_day=366, holding=-1,
                tenant=bench.outside(Outside.OWNERS), cost_share=0.25, rent_share=1.0,
                guarantor=-1, broken_day=-1) | row  # fmt: skip
    bench.s.contracts = empty(Contracts, 1, **{name: [value] for name, value in told.items()})
    return bench


def test_a_tenant_that_stays_pays_the_lender_while_it_has_the_halls() -> None:
    bench = leased(pledged(0.0, recourse=False))
    bench.s.loans.breach[0], bench.s.loans.breach_day[0] = Cause.MATURITY, 0
    bench.day(1, "default")
    before = bench.cash(0)
    bench.day(2, "operate", "lenders", "liquidate")
    assert bench.cash(0) == before  # the borrower stands, its halls are gone
    assert bench.s.loans.principal_usd[0] == pytest.approx(30.0 - 3.0)
    assert bench.s.neoclouds.hosting_usd_day[0] == 0.0
    bench.s.contracts.broken_day[0] = 3
    bench.day(3, "operate", "liquidate")
    assert bench.s.loans.principal_usd[0] == pytest.approx(27.0)


def test_leases_are_worth_their_net_rents() -> None:
    bench = leased(pledged(0.0))
    bench.set("sites__required_return", 0.1)
    bench.day(1, "operate")
    neoclouds = bench.s.neoclouds
    assert neoclouds.hall_rents_usd_day[0] == pytest.approx(3.0)
    expected = 365.0 * 3.0 * (1.0 - np.exp(-0.1)) / 0.1
    assert neoclouds.leases_usd[0] == pytest.approx(expected)
    bench.s.prices.rate_change = 0.1  # dearer money
    bench.day(1, "operate")
    assert neoclouds.leases_usd[0] == pytest.approx(365.0 * 3.0 * (1.0 - np.exp(-0.2)) / 0.2)
    bench.s.prices.rate_change = 0.0
    bench.s.contracts.start_day[0] = 74  # signed, not begun: 292 days of it, in 73
    bench.day(1, "operate")
    assert neoclouds.hall_rents_usd_day[0] == neoclouds.leases_usd[0] == 0.0
    expected = 365.0 * 3.0 * (1.0 - np.exp(-0.08)) / 0.1 * np.exp(-0.02)
    assert neoclouds.signed_leases_usd[0] == pytest.approx(expected)
    bench.s.parties.status[bench.outside(Outside.OWNERS)] = Status.DEFAULTED
    bench.day(1, "operate")
    assert neoclouds.signed_leases_usd[0] == 0.0


def test_underwriting_counts_a_leased_hall_once() -> None:
    """Halls at 15 a MW, or their lease: 3 a day for a year; the contract is in that value."""
    bench = leased(pledged(0.0), end_day=3651)
    bench.set("sites__required_return", 1e-12)
    bench.day(1, "operate")
    assert underwriting.other_assets_usd(bench.market, 0) == pytest.approx(
        3.0 * 3650.0 + bench.cash(0)
    )
    assert underwriting.contract_values_usd(bench.market, 1) == pytest.approx([0.0])
    bench.s.contracts.start_day[0] = 100  # still to begin: no hall is worth more for it
    bench.day(2, "operate")
    counted = bench.terms.credit.income_collateral_share * underwriting.CONTRACT_MARGIN
    assert underwriting.contract_values_usd(bench.market, 1) == pytest.approx([counted * 4 * 3551])
    assert underwriting.other_assets_usd(bench.market, 0) == pytest.approx(30.0 + bench.cash(0))


def test_lenders_count_a_lease_when_they_wait_and_when_they_enforce() -> None:
    bench = leased(pledged(1e6, principal_usd=20_000.0, recourse=False), end_day=3651)
    bench.set("sites__required_return", 1e-12)
    bench.day(1, "operate")
    # 2 MW at 15 empty, the lease of 3,650 days at 3: 10,950 for a buyer that pays for both.
    bench.market.strips = np.array([[np.nan, np.nan, 15.0]])
    proceeds = forbearance.proceeds_of(bench.market, 0)
    sold = forbearance.enforcement_usd(bench.market, proceeds, 0)
    assert sold == pytest.approx(10_950.0)
    # Five years of rent, then what is left of the lease, less a haircut.
    goes_on = forbearance.continuing_usd(bench.market, 0)
    assert goes_on == pytest.approx(5_475.0 + (1.0 - SITE_HAIRCUT) * 5_475.0)
    empty_hall = pledged(1e6, principal_usd=20_000.0, recourse=False)
    empty_hall.market.strips = np.array([[np.nan, np.nan, 15.0]])
    proceeds = forbearance.proceeds_of(empty_hall.market, 0)
    assert forbearance.enforcement_usd(empty_hall.market, proceeds, 0) == pytest.approx(30.0)


def test_leases_go_with_the_halls_and_a_tenant_that_failed_leaves_them_empty() -> None:
    """An empty MW fetches 15; ten years of $3 a day, undiscounted, are worth 10,950 on two MW."""
    terms = dict(end_day=3656, usd_day=4.0)
    bench = leased(pledged(1e6, principal_usd=20_000.0), **terms)
    bench.set("sites__required_return", 1e-12)
    fail(bench, last=5)
    before = float(bench.s.loans.principal_usd[0])
    bench.day(6, "operate", "liquidate")
    # 3,650 days at 3 are left: 10,950, of which the buyer's own bid is for an empty hall.
    assert before - bench.s.loans.principal_usd[0] == pytest.approx(3.0 + 10_950.0)
    assert bench.s.buyers.budget_usd[0] == pytest.approx(1e6 - 30.0)
    gone = leased(pledged(1e6, principal_usd=20_000.0), **terms)
    gone.s.parties.status[gone.outside(Outside.OWNERS)] = Status.DEFAULTED
    fail(gone)
    assert gone.s.loans.principal_usd[0] == pytest.approx(20_000.0 - 30.0)


# --- handing over a site --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hall", "rent_usd_day", "given"), [(15.0, 0.0, False), (9.0, 0.0, True), (9.0, 1.0, False)]
)
def test_a_sponsor_hands_over_a_site_that_is_worth_less_than_its_debt(
    hall: float, rent_usd_day: float, given: bool
) -> None:
    """2 MW at 15 cover 30; at 9 they do not, unless a lease of ten years brings more."""
    bench = leased(pledged(0.0, recourse=False), usd_day=rent_usd_day, end_day=3650)
    bench.set("surrender_ratio", 0.9)
    bench.s.marks_usd[SITE] = hall
    bench.day(7, "operate", "decide")
    assert (len(bench.events(Event.SURRENDERED)) == 1) == given
    if given:
        assert bench.events(Event.SURRENDERED)["amount_usd"][0] == pytest.approx(30.0 - 18.0)


# --- against the deals that were made -------------------------------------------------------------


def test_at_the_opening_sites_are_worth_what_deals_were_made_at() -> None:
    with (DATA_FOLDER.parent / "site_deals.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    deals = {
        kind: [float(r["usd_m_per_mw"]) for r in rows if r["kind"] == kind and r["usd_m_per_mw"]]
        for kind in ("site", "hall")
    }
    market = Simulation(Scenario.load("calm"), 1).market
    mines = site_values(market, 0.2, True, False).power
    builds = [site_values(market, one, False, True) for one in (0.09, 0.10)]
    for value in (mines, *(each.power for each in builds)):
        assert min(deals["site"]) < value / 1e6 <= max(deals["site"]) * 1.01
    # A hall is worth about what it costs: else nobody would build, or everybody.
    for each in builds:
        assert 0.75 * 11.7 < each.hall / 1e6 < 1.25 * 11.7
    sites = market.loans.collateral == Collateral.SITE
    worth = (
        market.loans.site_mw * market.marks_usd[market.opening.site_class]
        + market.loans.hall_mw * market.marks_usd[market.opening.hall_class]
    )
    assert sites.sum() == 8 and np.all(worth[sites] > market.loans.principal_usd[sites])
    assert np.all(worth[~sites] == 0.0)
    assert np.all(market.loans.status == LoanStatus.PERFORMING)
