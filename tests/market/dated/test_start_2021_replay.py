"""The replay of 2022: paths that touch what happened, dated facts, conservation, directions."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from math import exp

import numpy as np
import pandas as pd
import pytest
import runs

from firesale.agents.party import Status
from firesale.market.dated.rig_deliveries import rest_to_pay_usd
from firesale.market.prices.history import PACKAGED, read_history
from firesale.market.prices.money import read_rates
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import SCENARIO_FOLDER, Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.facts import NEW_RIGS
from firesale.market.state.loans import LoanStatus

OPENING = date(2021, 12, 31)
WEEKS = [row for row in read_history(PACKAGED["packaged"]) if row.week_ending > OPENING]
TABLE = SCENARIO_FOLDER.parents[2] / "experiments" / "backtest" / "parameters.csv"
SEEDS = (1, 7)
# Difficulty follows hashrate within two weeks, in which the network grew or shrank by up to a
# tenth; the table divides by the week's own hashrate.
RETARGET_LAG = 0.12


def replay(*settings: str, seed: int = 1) -> Simulation:
    return runs.finished("backtest-2022", settings, seed, "2021")


def fresh(*settings: str, seed: int = 1) -> Simulation:
    return runs.fresh("backtest-2022", settings, seed, "2021")


def kinds(sim: Simulation, *names: str) -> pd.DataFrame:
    log = sim.events()
    return log[log["kind"].isin(names)]


def day(when: date) -> int:
    return (when - OPENING).days


def party(sim: Simulation, name: str) -> int:
    return sim.market.names.parties.index(name)


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_coins_touch_every_weekly_close_and_low(seed: int) -> None:
    run = replay(seed=seed).market
    path = run.crypto.btc_usd
    assert path[0] == pytest.approx(runs.tables_2021().quotes["btc_usd"], rel=1e-12)
    assert run.crypto.start == OPENING
    for row in WEEKS:
        end = day(row.week_ending)
        if end >= len(path):
            break
        assert path[end] == pytest.approx(row.btc_usd_close, rel=1e-12)
        assert run.crypto.eth_usd[end] == pytest.approx(row.eth_usd_close, rel=1e-12)
        week = path[max(end - 6, 1) : end + 1]
        low = row.btc_usd_low_close
        assert low is not None
        assert week.min() >= min(low, row.btc_usd_close) * (1 - 1e-12)
        if end >= 7:
            assert week.min() == pytest.approx(min(low, row.btc_usd_close), rel=1e-12)


def test_the_network_is_that_of_the_history() -> None:
    sim = replay()
    series = sim.series().set_index("date")
    for row in WEEKS:
        if row.week_ending in series.index:
            found = series.loc[row.week_ending, "network_hashrate_eh_s"]
            assert row.network_hashrate_eh_s is not None
            # Others fill up what the fleets leave; the fleets may be ahead of the history.
            assert row.network_hashrate_eh_s * (1 - 1e-5) <= found
            assert found <= 1.05 * row.network_hashrate_eh_s


def test_hashprice_is_computed_and_close_to_the_table() -> None:
    series = replay().series().set_index("date")["hashprice_usd_ph_day"]
    off = []
    for row in WEEKS:
        if row.week_ending in series.index:
            week = series.loc[row.week_ending - timedelta(6) : row.week_ending].mean()
            assert row.hashprice_usd_per_ph_day is not None
            off.append(float(week) / row.hashprice_usd_per_ph_day - 1.0)
    assert np.abs(off).max() < RETARGET_LAG
    assert np.abs(off).mean() < RETARGET_LAG / 3.0
    assert abs(np.mean(off)) < 0.01  # a lag has no bias to speak of
    assert 230.0 < series.iloc[0] < 250.0
    assert 55.0 < series.loc[date(2022, 12, 31)] < 65.0


def test_money_is_as_it_was() -> None:
    sim = replay()
    series = sim.series().set_index("date")["reference_rate"]
    assert series.iloc[0] == pytest.approx(0.0005)
    assert series.loc[date(2022, 7, 15)] == pytest.approx(0.0160, abs=2e-4)
    assert series.loc[date(2023, 6, 15)] == pytest.approx(0.0506, abs=2e-4)
    spread = read_rates(OPENING, 546)[1]
    assert spread[day(date(2022, 7, 15))] == pytest.approx(0.0599)
    with pytest.raises(InputError, match="are not within that"):
        read_rates(date(2015, 1, 1), 100)


def test_a_replay_beyond_the_history_is_refused() -> None:
    with pytest.raises(InputError, match="5000 days from the opening, 2021-12-31"):
        fresh("days=5000", "macro.path=factor")


# --- books ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [(), ("facts.draws=all", "facts.shocks=all", "opening.sample=true"), ("facts.orders=false",)],
)
def test_nothing_is_lost_over_the_whole_replay(settings: tuple[str, ...]) -> None:
    watch = runs.watched("backtest-2022", settings, 7, "2021")
    assert watch.broken == {}


def test_the_same_seed_gives_the_same_bits() -> None:
    ours, theirs = fresh("days=200").run(), fresh("days=200").run()
    pd.testing.assert_frame_equal(ours.series(), theirs.series())
    pd.testing.assert_frame_equal(ours.events(), theirs.events())
    assert not ours.series().equals(fresh("days=200", seed=2).run().series())


def test_mined_and_sold_coins_account_for_what_miners_hold() -> None:
    sim = replay()
    s = sim.market
    n = s.borrower_count
    series = sim.series()
    start = fresh().market
    held = [
        float(x.parties.btc[:n].sum() + x.parties.btc_lent[:n].sum() + x.loans.collateral_btc.sum())
        for x in (start, s)
    ]
    change = series["btc_mined"].sum() - series["btc_sold"].sum()
    assert held[1] - held[0] == pytest.approx(change, rel=1e-9)
    assert (series["btc_mined_listed"] <= series["btc_mined"]).all()


def test_a_calm_market_leaves_almost_everybody_alive() -> None:
    calm = (
        "crypto.path=random",
        "crypto.volatility=0.25",
        "crypto.network=modelled",
        "facts.shocks=none",
        "macro.path=factor",
        "miners.power_drift_per_year=0.0",
        "credit.hazard_per_year=0.0",
    )
    sim = replay(*calm)
    assert len(kinds(sim, "lender_failed")) == 0
    failed = kinds(sim, "default", "perimeter_default")["party"].nunique()
    # Orders double the network in the meantime. Of borrowers rated B 3.5 % fail in a year.
    assert failed <= 0.05 * sim.market.borrower_count


# --- dated facts ----------------------------------------------------------------------------------


def test_draws_come_on_their_day_and_only_those_asked_for() -> None:
    rows = {row.draw_id: row for row in runs.tables_2021().draws}
    for choice in ("none", "signed", "all"):
        sim = replay(f"facts.draws={choice}")
        loans = sim.market.names.loans
        dated = {name for name in loans if name in rows}
        wanted = {
            name
            for name, row in rows.items()
            if row.kind == "borrowing" and (choice == "all" or (choice == "signed" and row.signed))
        }
        assert dated == wanted
        log = kinds(sim, "draw", "not_refinanced")
        for name in dated:
            own = log[log["loan"] == name]
            assert own["day"].iloc[0] == day(rows[name].date)


def test_before_the_first_draw_its_switch_changes_nothing() -> None:
    """And so with shocks: the first is on 24 January 2022, the first draw on the 14th."""
    first = {"draws": day(date(2022, 1, 14)), "shocks": day(date(2022, 1, 24))}
    for name, when in first.items():
        on, off = (fresh(f"facts.{name}={value}", f"days={when}") for value in ("all", "none"))
        before = on.run().series()[:when]
        after = off.run().series()[:when]
        pd.testing.assert_frame_equal(before, after)
        assert not on.series().equals(off.series()) or len(kinds(on, "draw", "shock")) > 0


def test_shocks_strike_who_stands_and_can_be_switched_off() -> None:
    rows = runs.tables_2021().shocks
    for choice in ("none", "default", "all"):
        sim = replay(f"facts.shocks={choice}")
        log = kinds(sim, "shock")
        wanted = [
            row for row in rows if choice == "all" or (choice == "default" and row.default_on)
        ]
        struck = set(zip(log["day"], log["party"], strict=True))
        assert struck <= {(day(row.date), row.party_id) for row in wanted}
        for row in wanted:
            s = sim.market
            at = int(s.parties.default_day[party(sim, row.party_id)])
            gone = 0 <= at < day(row.date)
            assert gone or (day(row.date), row.party_id) in struck
            if row.kind == "failure" and not gone:
                assert at == day(row.date)
    assert len(kinds(replay("facts.shocks=none"), "shock")) == 0


def test_ether_pays_until_it_ends() -> None:
    merge = day(date(2022, 9, 15))
    sim, endless = (fresh(f"days={merge + 1}", f"facts.shocks={x}") for x in ("default", "none"))
    b = party(sim, "HUT")
    row = next(row for row in runs.tables_2021().named if row.id == "HUT")
    assert row.eth_revenue_usd_m_yr > 0.0
    for market in (sim, endless):
        while market.day < merge:
            market.step()
    assert sim.market.borrowers.other_revenue_usd_day[b] == 0.0
    assert sim.market.borrowers.other_cost_usd_day[b] == 0.0
    ether = endless.market.crypto.eth_usd[merge - 1] / runs.tables_2021().quotes["eth_usd"]
    daily = 1e6 * row.eth_revenue_usd_m_yr / 365.0 * ether
    assert endless.market.borrowers.other_revenue_usd_day[b] == pytest.approx(daily)


def test_a_failed_tenant_stops_paying_its_host() -> None:
    sim, other = fresh("facts.uptime=1.0"), fresh("facts.uptime=1.0")
    host, tenant = party(sim, "CORZ"), party(sim, "CEL-MIN")
    for market in (sim, other):
        market.step()
    sim.market.parties.status[tenant] = Status.DEFAULTED
    for market in (sim, other):
        market.step()
    s = other.market
    k = s.names.hardware.index(NEW_RIGS)
    row = next(row for row in runs.tables_2021().named if row.id == "CEL-MIN")
    mean_j_th = 0.5 * (s.hardware.lo_j_th[k] + s.hardware.hi_j_th[k])
    mwh_day = row.hashrate_eh_s * mean_j_th * 24.0
    drift = exp(0.08 * 2 / 365.0)
    lost = s.borrowers.other_revenue_usd_day[host]
    lost -= sim.market.borrowers.other_revenue_usd_day[host]
    assert lost == pytest.approx(mwh_day * (row.power_usd_mwh or 0.0) * drift, rel=1e-6)


def test_rigs_of_a_failed_host_stand_still_until_they_are_moved() -> None:
    sim = fresh("facts.move_days=10", "facts.uptime=1.0")
    host, tenant = party(sim, "CORZ"), party(sim, "CEL-MIN")
    sim.step()
    sim.market.parties.status[host] = Status.DEFAULTED
    sim.market.parties.default_day[host] = sim.day
    for _ in range(10):
        assert sim.market.miners.energised[tenant] == (1.0 if sim.day == 1 else 0.0)
        sim.step()
    assert sim.market.miners.energised[tenant] == 1.0


def test_power_prices_drift_and_jump_with_events() -> None:
    sim = replay()
    s = sim.market
    drift = exp(0.08 * 546 / 365.0)
    for row in runs.tables_2021().named:
        factor = {"NB2": 1.25, "GREE": 1.25, "BTBT": 1.1}.get(row.id, 1.0)
        b = party(sim, row.id)
        if s.parties.default_day[b] < 0 and row.power_usd_mwh:
            assert s.miners.power_usd_mwh[b] == pytest.approx(row.power_usd_mwh * factor * drift)


def test_coins_lent_to_a_failed_lender_are_lost() -> None:
    sim = fresh()
    lender, b = party(sim, "GENESIS"), party(sim, "HUT")
    before = sim.market.parties.btc_lent[b]
    sim.step()
    sim.market.parties.status[lender] = Status.DEFAULTED
    sim.step()
    assert before - sim.market.parties.btc_lent[b] == 1000.0
    assert sim.series()["conservation_error"].max() < 1e-9


def test_interest_in_kind_is_added_to_principal() -> None:
    sim = fresh("days=60").run()
    s = sim.market
    row = s.names.loans.index("CORZ-SECCONV")
    terms = next(row for row in runs.tables_2021().terms if row.loan_id == "CORZ-SECCONV")
    grown = 1e6 * terms.principal_usd_m * (1.0 + (terms.rate - terms.cash_rate) * 30 / 365) ** 2
    assert s.loans.principal_usd[row] == pytest.approx(grown, rel=1e-9)


# --- rigs on order --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "market", "share", "rest"),
    [
        (100.0, 150.0, 1.0, 100.0),  # nobody pays more than agreed
        (100.0, 60.0, 1.0, 60.0),  # the supplier gives in to what rigs fetch
        (100.0, 60.0, 0.5, 80.0),
        (100.0, 60.0, 0.0, 100.0),
        (0.0, 60.0, 1.0, 0.0),
    ],
)
def test_what_is_left_to_pay(payment: float, market: float, share: float, rest: float) -> None:
    assert rest_to_pay_usd(payment, market, share) == pytest.approx(rest)


def test_orders_that_are_not_repriced_are_given_up_when_rigs_are_cheaper() -> None:
    stubborn, kind = replay("facts.order_repriced_share=0.0"), replay()
    lost = [kinds(sim, "order_cancelled") for sim in (stubborn, kind)]
    assert len(lost[0][lost[0]["cause"] == "returns"]) > 0
    assert len(lost[1][lost[1]["cause"] == "returns"]) == 0
    assert (
        stubborn.series()["rigs_delivered_th"].iloc[-1]
        < kind.series()["rigs_delivered_th"].iloc[-1]
    )


def test_rigs_delivered_are_what_fleets_gained() -> None:
    sim = fresh("days=60")
    s = sim.market
    n = s.borrower_count
    mine = slice(0, int(s.holdings.first[n]))
    before = s.holdings.units[mine].sum()
    sim.run()
    assert len(kinds(sim, "seizure", "listed")) == 0
    gained = s.holdings.units[mine].sum() - before
    assert gained == pytest.approx(sim.series()["rigs_delivered_th"].iloc[-1], rel=1e-9)
    assert gained > 1e6


def test_delivered_rigs_secure_the_loan_that_waited_for_them() -> None:
    sim = fresh("days=200")
    s = sim.market
    row = s.names.loans.index("CBIT-NYDIG")
    pledged, due = float(s.loans.collateral_units[row]), float(s.dated.rigs_due_th[row])
    assert due > 0.0
    while s.loans.status[row] == LoanStatus.PERFORMING and s.dated.rigs_due_th[row] > 0.0:
        sim.step()
    assert s.loans.collateral_units[row] == pytest.approx(pledged + due)


def test_without_orders_nothing_is_delivered() -> None:
    assert replay("facts.orders=false").series()["rigs_delivered_th"].max() == 0.0


# --- directions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_money_that_cannot_be_called_does_not_run(seed: int) -> None:
    locked, callable_ = replay("lenders.locked_funding=true", seed=seed), replay(seed=seed)
    assert len(kinds(locked, "funding_run")) == 0
    assert len(kinds(callable_, "funding_run")) > 0
    failed = [len(kinds(sim, "lender_failed")) for sim in (locked, callable_)]
    assert failed[0] <= failed[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_lenders_that_hold_and_host_take_longer_to_sell(seed: int) -> None:
    def days_to_sale(*settings: str) -> float:
        lots = replay(*settings, seed=seed).market.lots
        of_lenders = np.flatnonzero(lots.loan[: int(lots.count[0])] >= 0)
        sold = lots.seized_units[of_lenders] - lots.units[of_lenders]
        return float(lots.unit_days[of_lenders].sum() / sold.sum())

    hold = ("lenders.least_patience_days=730", "liquidation.receiver_share=1.0")
    assert days_to_sale(*hold) > days_to_sale()


@pytest.mark.parametrize("seed", SEEDS)
def test_loans_called_in_at_a_pace_do_not_fall_in_a_day(seed: int) -> None:
    def steepest(days: float) -> float:
        price = replay(f"lenders.deleveraging_days={days}", seed=seed).series()["loan_price"]
        return float(price.pct_change().min())

    assert steepest(1.0) < steepest(30.0) < 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_power_of_the_failed_that_stays_dark_makes_rigs_cheap(seed: int) -> None:
    name = f"clearing_{NEW_RIGS}_usd"
    soon, late = (
        replay(f"liquidation.site_days={days}", seed=seed).series()[name].iloc[330:].mean()
        for days in (150, 365)
    )
    assert soon > late


@pytest.mark.parametrize("seed", SEEDS)
def test_without_recourse_vehicles_fail_and_not_their_owners(seed: int) -> None:
    free, bound = replay("credit.all_non_recourse=true", seed=seed), replay(seed=seed)
    assert len(kinds(free, "surrendered")) > len(kinds(bound, "surrendered"))
    by_rigs = [(kinds(sim, "default")["cause"] == "amortisation").sum() for sim in (free, bound)]
    assert by_rigs[0] <= by_rigs[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_without_margin_calls_no_pledged_coin_is_sold(seed: int) -> None:
    off, on = replay("channels.crypto_margin=false", seed=seed), replay(seed=seed)
    assert len(kinds(off, "margin_call")) == 0
    assert (kinds(off, "btc_liquidation")["cause"] != "btc_price").all()
    assert len(kinds(on, "margin_call")) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_marks_to_evidence_are_nearer_to_prices(seed: int) -> None:
    def gap(sim: Simulation) -> float:
        series = sim.series().dropna(subset=[f"clearing_{NEW_RIGS}_usd"])
        return float(
            np.log(series[f"mark_{NEW_RIGS}_usd"] / series[f"clearing_{NEW_RIGS}_usd"]).mean()
        )

    evidence, plain = replay("policy.mark_rule=market", seed=seed), replay(seed=seed)
    assert abs(gap(evidence)) < abs(gap(plain))


@pytest.mark.parametrize("seed", SEEDS)
def test_coins_are_kept_only_while_cash_covers_what_is_ahead(seed: int) -> None:
    """In the first quarter, before treasuries differ by more than the rule."""
    careful, blind = replay(seed=seed), replay("miners.hold_buffer_days=0", seed=seed)
    sold = [float(sim.series()["btc_sold_listed"].iloc[:90].sum()) for sim in (careful, blind)]
    assert sold[0] > sold[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_that_follow_rigs_bring_less(seed: int) -> None:
    def issued(choice: str) -> float:
        sim = replay(f"facts.shares_follow_rigs={choice}", seed=seed)
        return float(kinds(sim, "equity_issued")["amount_usd"].sum())

    assert issued("true") < issued("false")


def test_rigs_that_wait_for_power_mine_less() -> None:
    late, at_once = (replay(f"facts.energise_days={x}") for x in (100, 0))
    mined = [float(sim.series()["btc_mined_listed"].iloc[:150].sum()) for sim in (late, at_once)]
    assert mined[0] < mined[1]


def test_miners_that_stand_still_a_tenth_of_the_time_open_with_a_tenth_less() -> None:
    some, full = (fresh(f"facts.uptime={x}") for x in (0.9, 1.0))
    th = [float(sim.market.miners.hashrate_online_th[party(sim, "RIOT")]) for sim in (some, full)]
    assert th[0] == pytest.approx(0.9 * th[1], rel=1e-9)


def test_sites_cost_money() -> None:
    free, dear = (replay(f"facts.site_usd_per_kw={x}") for x in (0.0, 1000.0))
    assert free.market.borrowers.site_usd.sum() == 0.0
    assert dear.market.borrowers.site_usd.sum() > 0.0
    delivered = [float(sim.series()["rigs_delivered_th"].iloc[-1]) for sim in (free, dear)]
    assert delivered[0] > delivered[1]


def test_parameters_of_the_table_are_those_of_the_scenario() -> None:
    scenario = Scenario.load("backtest-2022").model_dump()
    with TABLE.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    checked = 0
    for row in rows:
        section, _, key = row["parameter"].partition(".")
        assert row["origin"]
        assert row["kind"] in ("contract", "pre-2022 data", "literature", "assumption", "replayed")
        if key in scenario.get(section, {}):
            value = scenario[section][key]
            text = str(value).lower() if isinstance(value, bool) else value
            given = row["value"] if isinstance(text, str) else float(row["value"])
            assert given == text, row["parameter"]
            checked += 1
    assert checked > 50


def test_larger_budgets_keep_prices_up() -> None:
    rich, plain = replay("liquidation.budget_scale=3.0"), replay()
    name = f"clearing_{NEW_RIGS}_usd"
    assert rich.series()[name].iloc[300:].mean() > plain.series()[name].iloc[300:].mean()
