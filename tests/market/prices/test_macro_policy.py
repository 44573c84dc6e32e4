"""The macro factor and what loads on it; levers of policy; channels of credit."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import given
from hypothesis import strategies as st
from runs import finished, fresh

from firesale.agents.party import Status
from firesale.market.liquidation.budgets import save_budgets
from firesale.market.liquidation.last_resort import buy_what_is_left
from firesale.market.opening.books_2025.read import DATA_FOLDER
from firesale.market.prices.bitcoin import crypto_paths
from firesale.market.prices.history import OpeningQuotes
from firesale.market.prices.marks import set_marks
from firesale.market.prices.money import macro_paths
from firesale.market.prices.rents import compute_paths
from firesale.market.prices.steps import set_prices
from firesale.market.scenario.scenario import Scenario
from firesale.market.scenario.sections import Compute, Crypto, Macro
from firesale.market.simulation import Simulation
from firesale.market.state.ledger import Account
from firesale.market.state.loans import of_sheets
from firesale.market.state.lots import LotState, new_lot
from firesale.market.state.paths import CryptoPaths, MacroPaths

DAYS = 730
SEVERE = dict(shock=2.0, start_day=30, ramp_days=180, plateau_days=365)


def log_changes(path: np.ndarray) -> np.ndarray:
    return np.diff(np.log(path))


# --- the factor -----------------------------------------------------------------------------------


def test_without_shock_and_noise_nothing_moves() -> None:
    paths = macro_paths(Macro(), DAYS, 7)
    for name in ("stress", "rate_change", "spread_change", "btc_log", "demand_log"):
        assert not getattr(paths, name).any() and len(getattr(paths, name)) == DAYS + 1
    assert np.all(paths.appetite == 1.0)


def test_a_tightening_by_hand() -> None:
    paths = macro_paths(Macro(**SEVERE), 1000, 1)
    days = [0, 30, 120, 210, 400, 575, 665, 755, 1000]
    assert paths.stress[days] == pytest.approx([0, 0, 1, 2, 2, 2, 1, 0, 0], abs=1e-12)
    assert paths.rate_change[300] == pytest.approx(0.03)
    assert paths.spread_change[300] == pytest.approx(0.05)
    assert paths.appetite[300] == pytest.approx(0.4)
    assert paths.btc_log[300] == pytest.approx(-0.7)
    assert paths.demand_log[300] == pytest.approx(-0.2)


def test_noise_reverts_and_is_as_large_as_told() -> None:
    last = [
        macro_paths(Macro(volatility=0.4, reversion_per_year=2.0), DAYS, seed).stress
        for seed in range(300)
    ]
    assert all(path[0] == 0.0 for path in last)
    for day in (30, 730):
        variance = 0.4**2 * (1.0 - math.exp(-4.0 * day / 365.0)) / 4.0
        found = np.var([path[day] for path in last])
        assert found == pytest.approx(variance, rel=4.0 * math.sqrt(2.0 / 300.0))
    np.testing.assert_array_equal(
        last[3], macro_paths(Macro(volatility=0.4, reversion_per_year=2.0), DAYS, 3).stress
    )


@given(st.floats(-10, 10), st.floats(0, 10), st.floats(0, 10), st.integers(0, 99))
def test_appetite_is_a_share(shock: float, loading: float, volatility: float, seed: int) -> None:
    settings = Macro(shock=shock, appetite_loading=loading, volatility=volatility)
    paths = macro_paths(settings, 300, seed)
    assert np.all((paths.appetite >= 0.0) & (paths.appetite <= 1.0))
    easy = paths.stress <= 0.0
    assert np.all(paths.appetite[easy] == 1.0)


BOOKS = OpeningQuotes(date(2025, 9, 30), 1e5, 4e3, 0.01)


def btc(settings: dict[str, Any], macro: MacroPaths | None, seed: int = 1) -> CryptoPaths:
    log = None if macro is None else macro.btc_log
    return crypto_paths(Crypto(**settings), DAYS, seed, BOOKS, log)


def test_random_coins_load_on_it_and_scripted_ones_do_not() -> None:
    macro = macro_paths(Macro(**SEVERE, volatility=0.4), DAYS, 1)
    moved, still = btc({}, macro), btc({}, None)
    assert np.log(moved.btc_usd / still.btc_usd) == pytest.approx(macro.btc_log, abs=1e-12)
    moved, still = btc({"path": "crash"}, macro), btc({"path": "crash"}, None)
    np.testing.assert_array_equal(moved.btc_usd, still.btc_usd)
    shipped = {
        "path": "history",
        "history": str(DATA_FOLDER.parent / "history" / "market_weekly.csv"),
    }
    np.testing.assert_array_equal(btc(shipped, macro).btc_usd, btc(shipped, None).btc_usd)


def test_the_law_of_rents_loads_on_it_and_scripted_rents_do_not() -> None:
    macro = macro_paths(Macro(**SEVERE, volatility=0.4), DAYS, 1)
    law, scripted = Compute(elasticity=0.5), Compute(path="scripted", rent_change_per_year=-0.3)
    found = compute_paths(law, DAYS, 1, macro.demand_log).planned_rent
    expected = compute_paths(law, DAYS, 1).planned_rent * np.exp(macro.demand_log / 0.5)
    assert found == pytest.approx(expected)
    np.testing.assert_array_equal(
        compute_paths(scripted, DAYS, 1, macro.demand_log).planned_rent,
        compute_paths(scripted, DAYS, 1).planned_rent,
    )


def joint(seed: int, *more: str) -> float:
    """Correlation of daily log changes of BTC and planned rents in tightening's paths."""
    scenario = Scenario.load("tightening").with_settings(list(more))
    macro = macro_paths(scenario.macro, DAYS, seed)
    coins = crypto_paths(scenario.crypto, DAYS, seed, BOOKS, macro.btc_log)
    rents = compute_paths(scenario.compute, DAYS, seed, macro.demand_log)
    pair = log_changes(coins.btc_usd), log_changes(rents.planned_rent)
    return float(np.corrcoef(*pair)[0, 1])


def test_only_money_ties_coins_to_rents() -> None:
    apart = ("macro.btc_loading=0.0", "macro.demand_loading=0.0")
    tied, loose, half = (
        np.array([joint(seed, *more) for seed in range(1, 41)]) for more in ((), apart, apart[:1])
    )
    error = 1.0 / math.sqrt(DAYS * len(tied))
    assert abs(loose.mean()) < 4.0 * error and abs(half.mean()) < 4.0 * error
    # Variances a year: BTC 0.55^2 + four jumps of 0.04^2 + 0.12^2, rents 0.2^2; money 0.4^2 times
    # loadings of 0.35 and 0.1.
    coins, rents = (0.35 * 0.4) ** 2, (0.1 * 0.4) ** 2
    other = 0.55**2 + 4.0 * (0.04**2 + 0.12**2)
    share = math.sqrt(coins / (coins + other) * rents / (rents + 0.2**2))
    assert tied.mean() == pytest.approx(share, abs=0.02)
    assert (tied > loose).mean() > 0.9


@pytest.mark.compiled
@pytest.mark.parametrize("seed", [1, 2])
def test_so_they_are_tied_in_runs(seed: int) -> None:
    short = ("days=120", "macro.start_day=5", "macro.ramp_days=60", "macro.volatility=1.0")
    apart = ("macro.btc_loading=0.0", "macro.demand_loading=0.0")
    found = []
    for more in ((), apart):
        series = finished("tightening", (*short, *more), seed).series()
        pair = series["btc_usd"].to_numpy(), series["rent_planned_usd_h"].to_numpy()
        found.append(np.corrcoef(*map(log_changes, pair))[0, 1])
    assert found[0] > found[1] + 0.03


@pytest.mark.compiled
def test_money_tightens_in_a_run_and_the_log_says_so() -> None:
    sim = finished(
        "tightening", ("days=20", "macro.start_day=4", "macro.ramp_days=5", "macro.volatility=0.0")
    )
    prices = sim.market.prices
    found = (prices.stress, prices.reference_rate, prices.appetite)
    assert found == pytest.approx((2.0, 0.073, 0.4))
    log = sim.events()
    assert list(log[log["kind"] == "shock"]["day"]) == [5]
    assert sim.series()["macro_stress"].to_numpy()[[4, 5, 9]] == pytest.approx([0.0, 0.4, 2.0])


@pytest.mark.parametrize(("floating", "rate"), [(True, 0.11), (False, 0.14)])
def test_spreads_and_rates_are_those_of_the_day_of_rolling(floating: bool, rate: float) -> None:
    loan = dict(principal_usd=100.0, maturity_day=40, rate_or_spread=0.06, rate_open=0.06,
                floating=floating)  # fmt: skip
    macro = {"shock": 2.0, "start_day": 1, "ramp_days": 5}
    quiet = {"hashprice": False, "rent_feedback": False}
    bench = Bench([loan], cash=[70.0], scenario={"macro": macro, "channels": quiet})
    bench.s.borrowers.creditworthy[:] = True
    bench.market.today.day = 15
    set_prices(bench.market)
    bench.day(15, "roll_over", "give_credit", "grow")
    assert bench.s.loans.rate_or_spread[0] == pytest.approx(rate)
    assert bench.s.loans.principal_usd[0] == pytest.approx(40.0)  # 60 % are not rolled


# --- buyers' credit -------------------------------------------------------------------------------


def test_buyers_on_credit_shrink_with_supply() -> None:
    for on, expected in ((True, [1.0 - 0.6 * (1.0 - 0.7 * 0.5), 1.0]), (False, [1.0, 1.0])):
        bench = Bench(lenders=2, buyers=[{}, {}], scenario={"channels": {"buyer_finance": on}})
        bench.s.buyers.credit_share[0] = 0.6
        bench.s.lenders.target_leverage[:] = (4.0, 6.0)
        bench.s.lenders.supply[:] = (1.0, 0.5)  # 0.4 and 0.6 of all assets
        bench.s.prices.appetite = 0.5
        bench.s.buyers.budget_usd[:] = 0.0
        bench.s.buyers.budget_usd_day[:] = 10.0
        window = bench.terms.liquidation.window_days = 7
        save_budgets(bench.market)
        assert bench.s.buyers.budget_usd / (window * 10.0) == pytest.approx(expected)


@pytest.mark.compiled
def test_without_the_channel_supply_of_a_run_stays_at_one() -> None:
    settings = ("days=300", "crypto.crash_days=90", "credit.hazard_per_year=1")
    assert len(finished("joint-crash", settings).summary()["sleeves_closed"]) > 0
    off = ("channels.lender_capital=false", "channels.securitisation=false")
    s = finished("joint-crash", (*settings, *off)).market  # a trapped vehicle stops lending too
    count = len(s.lenders.kind)
    active = s.parties.status[s.first_lender : s.first_lender + count] == Status.ACTIVE
    assert active.sum() > count // 2
    assert np.all(s.lenders.closed_event < 0)
    assert np.all(s.lenders.supply[active] == 1.0) and not s.lenders.supply[~active].any()


# --- buyer of last resort -------------------------------------------------------------------------


def left_over(purse: float, policy: dict[str, Any] | None = None, **more: Any) -> Bench:
    """Four GPUs and a rig that found no bid; the schedule says 100 and 10."""
    policy = {"buyer_of_last_resort_usd": purse, "buyer_price_share": 0.7} | (policy or {})
    bench = Bench([dict(principal_usd=1e3, status=1)], scenario={"policy": policy},
                  legal_cost_share=0.0, **more)  # fmt: skip
    s = bench.s
    for k, units, state in ((GPU, 4.0, LotState.REMOVED), (RIG, 1.0, LotState.IN_PLACE)):
        i = new_lot(s.lots, 0, (bench.lender(), 0, 0), k, units, -1)
        s.lots.state[i], s.lots.mark_usd[i] = state, 100.0
        s.ledger.outside_units[k] -= units
    s.loans.claims.open_lots[0] = 2
    bench.market.hold_usd = np.zeros(3)
    return bench


def account(bench: Bench, which: Account) -> float:
    return float(bench.s.ledger.policy_usd[which])


def sold(bench: Bench) -> list[float]:
    return [float(x) for x in bench.s.lots.seized_units[:2] - bench.s.lots.units[:2]]


def test_a_public_buyer_pays_its_price_and_never_more_than_its_purse() -> None:
    bench = left_over(210.0)
    before = bench.stocks()
    buy_what_is_left(bench.market)
    assert sold(bench) == pytest.approx([3.0, 0.0])  # at 70
    assert account(bench, Account.BOUGHT) == pytest.approx(210.0)
    assert bench.s.loans.principal_usd[0] == pytest.approx(790.0)
    buy_what_is_left(bench.market)
    assert sold(bench) == pytest.approx([3.0, 0.0])
    after = bench.stocks()
    assert after.cash_usd == pytest.approx(before.cash_usd)
    assert after.units == pytest.approx(before.units)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [4.0, 1.0]),
        ({"buyer_families": "gpu"}, [4.0, 0.0]),
        ({"buyer_families": "asic"}, [0.0, 1.0]),
        ({"buyer_of_last_resort_usd": 0.0}, [0.0, 0.0]),
    ],
)
def test_what_a_public_buyer_takes(policy: dict[str, Any], expected: list[float]) -> None:
    bench = left_over(1e6, policy)
    buy_what_is_left(bench.market)
    assert sold(bench) == pytest.approx(expected)
    assert account(bench, Account.BOUGHT) == pytest.approx(70 * expected[0] + 7 * expected[1])


def test_it_takes_nothing_that_is_not_offered_or_that_the_owner_would_keep() -> None:
    bench = left_over(1e6, patience=[(0.0, 100.0)])
    bench.s.lots.state[1] = LotState.LEGAL
    bench.market.hold_usd = np.array([71.0, 0.0, 0.0])
    buy_what_is_left(bench.market)
    assert sold(bench) == [0.0, 0.0]
    bench.market.today.day = 2  # patience wears off: 69.58
    buy_what_is_left(bench.market)
    assert sold(bench) == [4.0, 0.0]


def test_it_buys_only_what_the_market_leaves() -> None:
    bench = left_over(1e6, buyers=[{"budget": 250.0, "needs_slots": False}], window_days=7)
    bench.day(7, "liquidate")
    bought = account(bench, Account.BOUGHT)
    rows = bench.s.holdings.first[bench.first_buyer : bench.first_buyer + 2]
    dealer = float(bench.s.holdings.units[rows[0] : rows[1]].sum())
    assert dealer > 2.0 and sold(bench) == pytest.approx([4.0, 1.0])
    assert 0.0 < bought < 70.0 * 2.0 + 7.0


@pytest.mark.compiled
def test_in_a_run_it_stays_within_its_purse_and_helps_lenders() -> None:
    settings = ("days=250", "crypto.crash_start_day=5", "crypto.crash_days=60",
                "liquidation.budget_scale=0.0", "liquidation.legal_days=10")  # fmt: skip
    bought, losses = [], []
    for purse in (0.0, 2e8, 1e11):
        policy = (f"policy.buyer_of_last_resort_usd={purse}", "policy.buyer_price_share=1.0")
        policy = policy if purse > 0.0 else ()
        sim = finished("joint-crash", (*settings, *policy))
        bought.append(float(sim.market.ledger.policy_usd[Account.BOUGHT]))
        losses.append(float(sim.market.lenders.loss_usd.sum()))
        assert bought[-1] <= purse * (1 + 1e-9) + 1.0
    assert bought[0] == 0.0 < bought[1] <= bought[2]
    assert losses[2] < losses[0]


# --- lender of last resort ------------------------------------------------------------------------


@pytest.mark.parametrize(("purse", "fails"), [(0.0, 1), (100.0, 1), (129.5, 2), (200.0, 2),
                                              (1e6, None)])  # fmt: skip
def test_a_lender_of_last_resort_keeps_the_illiquid_alive(purse: float, fails: int | None) -> None:
    # Half of half of 600 is asked for, 20 is there: 130 short. The day after, half of half of the
    # 450 that the authority has not replaced: 112.5 more.
    bench = Bench(
        [dict(principal_usd=800.0)],
        scenario={"policy": {"lender_of_last_resort_usd": purse}},
        funding_run=True,
        run_threshold=0.1,
        run_speed=math.log(2.0),
        news_half_life_days=math.inf,
    )
    bench.balance(0, cash=20.0, other=0.0, owes=600.0, runnable_share=0.5, news=1.1)
    for day in (1, 2):
        bench.day(day, "lenders")
        alive = bench.s.parties.status[bench.lender()] == Status.ACTIVE
        assert alive == (fails is None or day < fails)
        if not alive:
            break
    lent = account(bench, Account.LENT)
    assert lent == pytest.approx(min(purse, 130.0 if fails == 1 else 242.5))
    assert lent <= purse


# --- haircuts, tenors, capital, marks -------------------------------------------------------------


def opening(*settings: str) -> Simulation:
    return fresh("calm", settings)


def test_a_haircut_floor_caps_initial_ltv() -> None:
    free, capped = opening().market.loans, opening("policy.haircut_floor=0.45").market.loans
    before, after = (of_sheets("initial_ltv", loans) for loans in (free, capped))
    np.testing.assert_array_equal(after, np.minimum(before, 0.55))
    assert np.nanmax(before) > 0.55
    np.testing.assert_array_equal(capped.principal_usd, free.principal_usd)
    calls = (of_sheets("margin_call_ltv", loans) for loans in (free, capped))
    np.testing.assert_array_equal(*calls)
    terms = opening("policy.haircut_floor=0.45").market.terms
    assert terms.derived.growth_advance_rate == pytest.approx(0.55)
    derived = opening("policy.haircut_floor=0.1").market.terms.derived
    assert derived.growth_advance_rate == 0.8


def test_a_tenor_cap_caps_roll_overs_and_facilities() -> None:
    for cap, term in ((100.0, 365), (0.5, 182)):
        bench = Bench([dict(principal_usd=100.0, maturity_day=40)],
                      scenario={"policy": {"tenor_cap_years": cap}})  # fmt: skip
        bench.s.borrowers.creditworthy[:] = True
        bench.day(15, "roll_over", "give_credit", "grow")
        assert bench.s.loans.maturity_day[0] == 40 + term
    for cap, term in ((100.0, 5 * 365), (2.0, 730)):
        loans = opening(f"policy.tenor_cap_years={cap}").market.loans
        assert set(of_sheets("term_days", loans)[loans.growth >= 0]) == {term}


@pytest.mark.parametrize("buffer", [0.05, 0.9])
def test_a_capital_buffer_replaces_funding(buffer: float) -> None:
    free, raised = (
        opening().market.lenders,
        opening(f"policy.capital_buffer={buffer}").market.lenders,
    )
    assets = free.capital_usd + free.funding_usd + free.provision_usd  # as reckoned in the tables
    expected = np.minimum(free.capital_usd + buffer * assets, assets)
    provided = np.where(raised.funding_usd > 0.0, 0.0, raised.provision_usd)  # out of capital
    assert np.all(np.abs(raised.capital_usd - expected) <= provided + 1e-6 * assets)
    assert raised.capital_open_usd == pytest.approx(raised.capital_usd)
    whole = raised.capital_usd + raised.funding_usd + raised.provision_usd
    assert whole == pytest.approx(assets)
    assert raised.target_leverage == pytest.approx(assets / expected)
    np.testing.assert_array_equal(raised.other_loans_usd, free.other_loans_usd)
    assert np.all(raised.funding_usd >= 0.0)


@pytest.mark.parametrize(
    ("rule", "channel", "expected"),
    [
        ("scenario", True, 100.0 - 0.5 * 0.5 * 40.0),
        ("scenario", False, 100.0),
        ("schedule", True, 100.0),
        ("market", True, 100.0 - 0.5 * 40.0),
        ("market", False, 100.0 - 0.5 * 40.0),  # a rule binds lenders who look away
    ],
)
def test_marks_by_rule(rule: str, channel: bool, expected: float) -> None:
    bench = Bench(scenario={"policy": {"mark_rule": rule}, "channels": {"mark_to_market": channel}})
    bench.s.clearing_usd[GPU], bench.s.clearing_day[GPU] = 60.0, 10
    bench.market.today.day = 130  # evidence of a half-life ago
    set_marks(bench.market)
    assert bench.s.marks_usd[GPU] == pytest.approx(expected)
    assert bench.s.marks_usd[RIG] == 10.0  # no trade, no evidence


def test_levers_are_off_by_default() -> None:
    policy = Scenario.load("joint-crash").policy
    assert (policy.buyer_of_last_resort_usd, policy.lender_of_last_resort_usd) == (0.0, 0.0)
    assert (policy.haircut_floor, policy.standstill_days, policy.capital_buffer) == (0.0, 0, 0.0)
    assert policy.mark_rule == "scenario" and policy.tenor_cap_years == 100.0
    sim = finished("joint-crash", ("days=150", "channels.lender_capital=false"))
    assert not sim.market.ledger.policy_usd.any()
    assert sim.summary()["policy"] == {"net_cost_usd": 0.0}
