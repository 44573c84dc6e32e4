"""Limits where theory knows the answer: no debt, endless patience, no buyers, infinite buyers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from runs import finished, tables

from firesale.market.scenario.scenario import Scenario, read_settings
from firesale.market.simulation import Simulation
from firesale.market.state.hardware import Family
from firesale.market.state.loans import of_sheets

CRASH = ("days=300", "crypto.crash_start_day=5", "crypto.crash_days=90")
NO_HAZARD = "credit.hazard_per_year=0"
NO_NEW_DEBT = (
    "credit.finance_signed_growth=false",
    "investment.sensitivity=0",
    "channels.treasury_funding=false",
)
ENDLESS = ("liquidation.budget_scale=1e6", "liquidation.slot_scale=1e6")
# Enforcement within days, so that what is seized in the crash comes to market within the run.
QUICK = (*CRASH, NO_HAZARD, "liquidation.legal_days=5")


def kinds(sim: Simulation) -> pd.Series:
    return sim.events()["kind"].value_counts()


# ------------------------------------------------------------------ nothing to fail on


@pytest.mark.parametrize("scenario", ["calm", "joint-crash"])
def test_without_debt_nobody_fails_on_debt(scenario: str) -> None:
    settings = ("days=365", NO_HAZARD, *NO_NEW_DEBT)
    sim = finished(scenario, settings, 1, "without debt")
    summary = sim.summary()
    assert set(summary["defaults_by_cause"]) <= {"operating_costs"}
    assert summary["loss_usd"]["total"] == 0.0
    assert summary["margin_called"] == []
    assert not {"loan_default", "missed_payment", "covenant_breach", "write_down"} & set(kinds(sim))
    assert summary["recovery"] == dict.fromkeys(summary["recovery"])
    assert sim.market.loans.principal_usd.sum() == 0.0


def test_without_debt_fewer_fail_than_with_it() -> None:
    settings = ("days=365", NO_HAZARD, *NO_NEW_DEBT)
    free = finished("joint-crash", settings, 1, "without debt").summary()["defaults"]
    owing = finished("joint-crash", settings, 1).summary()["defaults"]
    assert free["miner"] <= owing["miner"] and free["neocloud"] <= owing["neocloud"]
    assert sum(free.values()) < sum(owing.values())


def test_in_a_calm_market_only_weak_books_fail() -> None:
    """Without hazards: a few, none of them solvent enough to pay its bills from cash and income."""
    sim = finished("calm", (NO_HAZARD,))
    failed = sim.summary()["defaulted"]["miner"] + sim.summary()["defaulted"]["neocloud"]
    assert len(failed) <= 0.06 * sim.market.borrower_count
    # Books that ran short: operating loss, or debt service beyond income and liquidity.
    weak = set()
    state = Simulation(sim.scenario, sim.seed, tables()).market
    for b in range(state.borrower_count):
        mine = slice(state.loans.first[b], state.loans.first[b + 1])
        income = 365.0 * state.borrowers.cash_flow_usd_day[b]
        liquid = state.parties.cash_usd[b] + state.parties.btc[b] * state.prices.btc_usd
        due = state.loans.maturity_day[mine] <= 365
        debt = state.loans.principal_usd[mine]
        rate = state.loans.rate_or_spread[mine] + 0.043 * state.loans.floating[mine]
        amortising = state.loans.amortisation[mine] > 0
        owed = float(
            (debt * rate).sum()
            + debt[due].sum()
            + (
                debt[amortising & ~due]
                * 365.0
                / of_sheets("term_days", state.loans)[mine][amortising & ~due]
            ).sum()
        )
        if income + liquid < owed + 365.0 * state.borrowers.capex_usd_day[b]:
            weak.add(state.names.parties[b])
    assert set(failed) <= weak


def test_hazard_is_the_rate_it_says() -> None:
    """With nothing else to fail on, failures follow 1 - exp(-hazard) within four deviations."""
    rate = 0.5
    failed = exposed = 0
    for seed in (1, 2):
        sim = finished(
            "calm",
            ("days=365", f"credit.hazard_per_year={rate}", "credit.finance_signed_growth=false"),
            seed,
            "without debt",
        )
        failed += sim.summary()["defaults_by_cause"].get("hazard", 0)
        exposed += sim.market.borrower_count
    expected = 1.0 - np.exp(-rate)
    assert abs(failed / exposed - expected) < 4.0 * np.sqrt(expected * (1 - expected) / exposed)


def test_endless_patience_never_enforces() -> None:
    settings = (
        *CRASH,
        NO_HAZARD,
        "credit.payables_days=3650",
        "credit.finance_signed_growth=false",
    )
    sim = finished("joint-crash", settings, 1, "patient")
    count = kinds(sim)
    assert count["margin_call"] > 10 and count["missed_payment"] > 10
    assert not {"default", "loan_default", "perimeter_default", "seizure"} & set(count.index)
    assert sim.summary()["loss_usd"]["total"] == 0.0


def test_impatience_enforces_more() -> None:
    """The same run with the cure days of the tables, so that the test above is about cure days."""
    settings = (
        *CRASH,
        NO_HAZARD,
        "credit.payables_days=3650",
        "credit.finance_signed_growth=false",
    )
    assert kinds(finished("joint-crash", settings, 1))["default"] > 5


# ------------------------------------------------------------------ lenders' capital


def test_with_full_capital_there_is_no_credit_crunch() -> None:
    """Of the same losses, on own money alone everybody lends as before; on borrowed money not."""
    still = ("channels.funding_run=false", "channels.securitisation=false")
    settings = (*CRASH, *still, "credit.hazard_per_year=1")
    full = finished("joint-crash", settings, 1, "full capital")
    thin = finished("joint-crash", settings, 1)
    assert full.summary()["loss_usd"]["total"] > 1e8
    assert (full.series()["credit_supply"] == 1.0).all()
    assert thin.series()["credit_supply"].min() < 0.99
    gone = {"lender_impaired", "lender_failed", "sleeve_closed", "interlender_loss"}
    assert not gone & set(kinds(full).index)
    assert gone & set(kinds(thin).index)
    off = finished("joint-crash", (*settings, "channels.lender_capital=false"), 1, "full capital")
    pd.testing.assert_frame_equal(full.series(), off.series(), check_exact=True)


# ------------------------------------------------------------------ BTC impact


@pytest.mark.parametrize("law", ["square_root", "linear", "exponential"])
def test_no_impact_is_impact_switched_off(law: str) -> None:
    short = (*CRASH, "days=150", f"crypto.impact_law={law}")
    none = read_settings((*short, "crypto.impact_coefficient=0"))  # where no law has an effect
    zero = Simulation(Scenario.load("crypto-crash").changed(none, "test"), 1, tables()).run()
    off = finished("crypto-crash", (*CRASH, "days=150", "channels.btc_impact=false"))
    pd.testing.assert_frame_equal(zero.series(), off.series(), check_exact=True)
    pd.testing.assert_frame_equal(zero.events(), off.events(), check_exact=True)
    np.testing.assert_array_equal(off.series()["btc_usd"], off.market.crypto.btc_usd)
    assert off.series()["btc_forced_sale_usd"].sum() > 1e8


def test_coins_whose_sale_moves_nothing_are_worth_their_price() -> None:
    illusion = finished("crypto-crash", (*CRASH, "channels.btc_impact=false")).illusion()
    coins = illusion[illusion["hardware"] == "BTC"]
    np.testing.assert_array_equal(coins["realisable_value_usd"], coins["second_hand_value_usd"])


# ------------------------------------------------------------------ buyers


def test_without_buyers_nothing_is_sold_and_marks_go_stale() -> None:
    sim = finished("joint-crash", (*QUICK, "liquidation.budget_scale=0"))
    summary, series = sim.summary(), sim.series()
    for part in (summary["liquidation"], summary["liquidation"]["asic"]):
        assert part["seized_units"] > 0.0
        assert part["sold_units"] == 0.0
        assert part["unsold_units"] == pytest.approx(part["seized_units"])
        assert part["price_to_paper"] is None and part["median_days_to_sale"] is None
    assert "hardware_sale" not in set(sim.events()["kind"])
    clearing = [name for name in series if name.startswith("clearing_")]
    assert len(clearing) > 5
    assert series[clearing].isna().all(axis=None)
    # No trade is no evidence: marks stay on their schedule.
    h100 = series["mark_H100_usd"]
    assert np.diff(np.log(h100)) == pytest.approx(np.log(h100[1] / h100[0]), rel=1e-6)


def test_without_buyers_realisable_value_is_scrap() -> None:
    sim = finished("joint-crash", (*QUICK, "liquidation.budget_scale=0"))
    illusion = sim.illusion()
    scrap = {row.id: row.scrap_usd for row in tables().hardware}
    machines = illusion[illusion["hardware"].isin(scrap)]
    marks = sim.series().set_index("day")  # nothing trades: the price is the schedule, as marks are
    for row in machines.itertuples():
        units = row.second_hand_value_usd / marks.loc[row.day, f"mark_{row.hardware}_usd"]
        assert row.realisable_value_usd == pytest.approx(units * scrap[row.hardware], rel=1e-6)


def brought(sim: Simulation) -> dict[str, float]:
    """Proceeds of forced sales per unit seized [USD], by class."""
    s, lots = sim.market, sim.market.lots
    used = slice(0, int(lots.count[0]))
    classes = len(s.names.hardware)
    seized = np.bincount(lots.hardware[used], lots.seized_units[used], classes)
    proceeds = np.bincount(lots.hardware[used], lots.proceeds_usd[used], classes)
    return {
        name: float(proceeds[k] / seized[k])
        for k, name in enumerate(s.names.hardware)
        if seized[k] > 0.0 and name != "SITE"
    }


def test_endless_buyers_pay_more_than_those_there_are() -> None:
    """In dollars a machine seized: marks follow prices, so that a share of them would hide it."""
    at_once = "liquidation.host_share=0"  # with endless racks lenders would rather host than sell
    many = brought(finished("joint-crash", (*QUICK, *ENDLESS, at_once)))
    few = brought(finished("joint-crash", (*QUICK, at_once)))
    both = set(many) & set(few)  # who fails differs a little, and so does what is seized
    assert both >= {"A100", "J18_25", "LT18"} and len(both) >= 5
    for name in both:
        assert many[name] >= 0.99 * few[name], name
    assert sum(many[name] > 1.1 * few[name] for name in both) >= 3


def test_endless_buyers_of_a_calm_market_pay_about_the_mark() -> None:
    """Operators fail by hazard alone; what is seized finds its price where all can buy it.

    Nothing is announced: buyers would know of launches, and marks would not.
    """
    calm = ("days=300", "credit.hazard_per_year=0.5", "liquidation.legal_days=5")
    calm += ("launches.dated=false",)
    calm += ("liquidation.host_share=0",)
    found = []
    for settings in ((*calm, *ENDLESS), calm):
        s = finished("calm", settings).market
        lots, offered = s.lots, s.lots.offered_day[: int(s.lots.count[0])]
        used = np.flatnonzero((offered >= 0) & (offered <= 240))  # two months on offer
        sold = lots.seized_units[used] - lots.units[used]
        proceeds, paper = (
            np.bincount(lots.hardware[used], values, len(s.names.hardware))
            for values in (lots.proceeds_usd[used], sold * lots.mark_usd[used])
        )
        found.append(
            {
                name: proceeds[k] / paper[k]
                for k, name in enumerate(s.names.hardware)
                if paper[k] > 0.0 and name != "SITE"
            }
        )
    many, few = found
    assert len(many) >= 10
    assert all(0.8 < price < 1.5 for price in many.values())
    assert sum(price < 0.7 for price in few.values()) >= 3
    recovery = finished("calm", (*calm, *ENDLESS)).summary()["recovery"]
    assert min(recovery["asic"], recovery["gpu"]) > 0.95


def test_endless_buyers_leave_nothing_unsold() -> None:
    """Of what has been on offer for three months nothing waits that anybody takes at any price."""
    endless = (*ENDLESS, "liquidation.host_share=0")
    many = finished("joint-crash", (*QUICK, "days=400", *endless))
    market, lots = many.market, many.market.lots
    used = slice(0, int(lots.count[0]))
    offered = (lots.offered_day[used] >= 0) & (lots.offered_day[used] <= many.day - 90)
    k, owner, seized = lots.hardware[used], lots.borrower[used], lots.seized_units[used]
    gpu = many.market.hardware.family[k] == Family.GPU
    # Racks of the newest kind go whole, and only from a certain size on.
    cluster = np.array([seized[(k == k[i]) & (owner == owner[i])].sum() for i in range(len(k))])
    fit = market.has_removed_buyers[k] | (cluster >= market.opening.smallest_cluster)
    mine = offered & gpu & fit
    assert seized[mine].sum() > 1e4 and len(set(k[mine])) >= 5
    assert lots.units[used][mine].sum() < 0.001 * seized[mine].sum()
    few = finished("joint-crash", (*QUICK, "days=400", "liquidation.slot_scale=0"))
    assert few.summary()["liquidation"]["sold_units"] < 0.5 * seized[gpu].sum()


def test_with_fire_sales_off_each_lot_fetches_the_mark_of_its_day() -> None:
    sim = finished("joint-crash", (*QUICK, "channels.fire_sale=false"))
    s, lots = sim.market, sim.market.lots
    marks = sim.series().set_index("day")
    sold = [
        i
        for i in range(int(lots.count[0]))
        if lots.proceeds_usd[i] > 0 and s.names.hardware[lots.hardware[i]] != "SITE"
    ]
    assert len(sold) > 20
    for i in sold:
        day = int(lots.seized_day[i] + round(lots.unit_days[i] / lots.seized_units[i]))
        mark = marks.loc[day, f"mark_{s.names.hardware[lots.hardware[i]]}_usd"]
        assert lots.proceeds_usd[i] == pytest.approx(lots.seized_units[i] * mark, rel=1e-9)
    assert sim.summary()["liquidation"]["asic"]["sold_units"] > 0.0


def test_ordinary_trade_opens_at_the_quoted_price() -> None:
    """Buyers' views are implied by the opening price: a quiet first auction confirms it."""
    sim = finished("calm", ("days=8", NO_HAZARD))
    last = sim.series().iloc[-1]
    for row in tables().hardware:
        price = last.get(f"clearing_{row.id}_usd", np.nan)
        if row.used_price_usd and np.isfinite(price):
            assert price == pytest.approx(row.used_price_usd, rel=0.10), row.id
    assert np.isfinite(last["clearing_H100_usd"]) and np.isfinite(last["clearing_J18_25_usd"])


@pytest.mark.slow
def test_the_network_does_not_stop_for_good_when_bitcoin_falls() -> None:
    """Bitcoin ends five times lower: difficulty follows, and who has cheap power goes on."""
    sim = finished("baseline", ("days=1825",), seed=1)
    days = sim.series()
    assert days["btc_usd"].min() < 0.3 * days["btc_usd"].iloc[0]
    assert days["network_hashrate_eh_s"].min() > 0.1 * days["network_hashrate_eh_s"].iloc[0]
