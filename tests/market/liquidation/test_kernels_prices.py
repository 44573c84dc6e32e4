"""Prices of a day, marks, and bids: impact decays, evidence ages, private views differ."""

import math

import numpy as np
import pytest
from by_hand import GPU, RIG, SITE, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.buyer import Outlook, Rack, strip_value_usd
from firesale.agents.party import Status
from firesale.market.liquidation.auctions import free_sites
from firesale.market.liquidation.bids import (
    bids_today,
    class_bids,
    implied_view,
    segment_strips,
    set_private_views,
    units_bid,
)
from firesale.market.liquidation.budget_auctions import units_at
from firesale.market.liquidation.steps import Trade, note_evidence
from firesale.market.prices.marks import second_hand_usd
from firesale.market.state.machines import life_left_years

FROZEN = {"hashprice": False, "rent_feedback": False}


def priced(**sections: dict[str, object]) -> Bench:
    channels = FROZEN | sections.pop("channels", {})
    return Bench(scenario={"name": "bench", "days": 3650, "channels": channels, **sections})


# --- impact of forced sales on the path -----------------------------------------------------------


def test_a_forced_sale_moves_the_next_days_price_and_fades() -> None:
    bench = priced(crypto={"volatility": 0.62, "impact_half_life_days": 5.0})
    bench.s.log.forced_usd[0] = 30e9 / 4  # a quarter of a day's turnover
    bench.day(1, "set_prices")
    hit = -0.5 * 0.62 / math.sqrt(365)  # square root of a quarter
    assert math.log(bench.s.prices.btc_usd / 100.0) == pytest.approx(hit)
    assert bench.s.log.forced_usd[0] == 0.0
    for day in range(2, 7):
        bench.day(day, "set_prices")
    assert math.log(bench.s.prices.btc_usd / 100.0) == pytest.approx(hit / 2)  # five days later
    assert bench.s.prices.btc_exogenous_usd == 100.0


def test_exponential_impact_does_not_care_how_an_order_is_split_within_a_day() -> None:
    crypto = {"impact_law": "exponential", "impact_coefficient": 0.5, "depth_adv_usd": 1e6}
    prices = []
    for pieces in ([9e5], [3e5, 3e5, 3e5]):
        bench = priced(crypto=crypto)
        for piece in pieces:
            bench.s.log.forced_usd[0] += piece
        bench.day(1, "set_prices")
        prices.append(bench.s.prices.btc_usd)
    assert prices[0] == pytest.approx(100.0 * math.exp(-0.45), rel=1e-12)
    assert prices[1] == pytest.approx(prices[0], rel=1e-12)


def test_with_impact_off_forced_sales_leave_the_price_alone() -> None:
    bench = priced(channels={"btc_impact": False})
    bench.s.log.forced_usd[0] = 30e9
    bench.day(1, "set_prices")
    assert bench.s.prices.btc_usd == 100.0


# --- marks ----------------------------------------------------------------------------------------


def test_marks_are_schedule_and_aged_evidence() -> None:
    bench = priced(marks={"evidence_weight": 0.5, "evidence_half_life_days": 100.0})
    s = bench.s
    s.hardware.annual_depreciation[GPU] = 0.4
    bench.day(365, "set_prices")
    schedule = 100.0 * math.exp(-0.4)
    assert s.marks_usd[GPU] == pytest.approx(schedule)
    s.clearing_usd[GPU], s.clearing_day[GPU] = 30.0, 365
    bench.day(365, "set_prices")
    assert s.marks_usd[GPU] == pytest.approx(0.5 * schedule + 0.5 * 30.0)
    bench.day(465, "set_prices")
    # A hundred days on: the weight has halved, and both have depreciated.
    fade = math.exp(-0.4 * 100 / 365)
    assert s.marks_usd[GPU] == pytest.approx((0.75 * schedule + 0.25 * 30.0) * fade)


@pytest.mark.parametrize(("traded", "a_year_later"), [(50.0, 50.0 * math.exp(-0.4)), (31.0, 30.0),
                                                       (30.0, 30.0), (12.0, 12.0)])  # fmt: skip
def test_what_traded_ages_down_to_scrap(traded: float, a_year_later: float) -> None:
    """Nobody asks less than scrap; what an auction brought below it all the same stands."""
    bench = priced(marks={"evidence_weight": 1.0, "evidence_half_life_days": 36500.0})
    s = bench.s
    s.hardware.annual_depreciation[GPU], s.hardware.scrap_usd[GPU] = 0.4, 30.0
    s.clearing_usd[GPU], s.clearing_day[GPU] = traded, 0
    bench.day(365, "set_prices")
    weight = 0.5 ** (365 / 36500)
    mark = weight * a_year_later + (1.0 - weight) * 100.0 * math.exp(-0.4)
    assert s.marks_usd[GPU] == pytest.approx(mark)
    assert bench.kernel(second_hand_usd, k=GPU) == pytest.approx(a_year_later)


def test_marks_follow_the_schedule_when_told_to() -> None:
    bench = priced(channels={"mark_to_market": False})
    bench.s.clearing_usd[GPU] = 1.0
    bench.day(10, "set_prices")
    assert bench.s.marks_usd[GPU] == pytest.approx(100.0)


# --- bids -----------------------------------------------------------------------------------------


def crowd(count: int, **flags: object) -> Bench:
    bench = Bench(buyers=[dict(budget=1e5, slots=50.0, **flags)] * count, scrap=[1.0, 0.1, 0.0])
    bench.s.hardware.replacement_usd[:] = 1e9
    return bench


def bids_of(bench: Bench, **given: object) -> tuple[np.ndarray, np.ndarray]:
    known: dict[str, object] = dict(
        k=GPU,
        in_place=False,
        dealer_price_usd=100.0,
        strips=np.array([[80.0, 8.0, np.nan]]),
    )
    bids = bench.kernel(class_bids, **known | given)
    return bids, bench.kernel(units_bid, k=known["k"], bids=bids)


def test_private_views_are_lognormal_around_the_strip() -> None:
    bids, units = bids_of(crowd(600))
    views = np.log(bids / 80.0)
    assert views.mean() == pytest.approx(0.0, abs=4 * 0.25 / math.sqrt(600))
    assert views.std() == pytest.approx(0.25, abs=4 * 0.25 / math.sqrt(1200))
    assert units == pytest.approx(np.full(600, 50.0))  # racks bind: 1e5 buys over a thousand


def test_everybody_keeps_its_view() -> None:
    # Of one strip a buyer thinks the same every week; of another class, and in another run, not.
    bench = crowd(130)
    bench.market.strips = np.array([[80.0, 80.0, np.nan]])
    weeks = []
    for day in (7, 28, 364):
        bench.market.today.day = day
        weeks.append(bids_today(bench.market, GPU, False))
    assert np.all(weeks[0] > 0.0)
    assert np.all(weeks[0] == weeks[1]) and np.all(weeks[0] == weeks[2])
    assert not np.any(bids_today(bench.market, RIG, False) == weeks[0])
    bench.market.today.seed = 2
    set_private_views(bench.market)
    assert not np.any(bids_today(bench.market, GPU, False) == weeks[0])


def test_nobody_pays_more_than_new_hardware_costs() -> None:
    bench = crowd(200)
    bench.s.hardware.replacement_usd[:] = 70.0
    bids, _ = bids_of(bench)
    assert bids.max() == 70.0


def test_relocation_is_paid_by_those_who_move_machines() -> None:
    bench = crowd(50)
    bench.s.buyers.relocation_usd[:] = 15.0
    moved, _ = bids_of(bench)
    bench.s.buyers.relocation_usd[:] = 0.0
    free, _ = bids_of(bench)
    assert moved == pytest.approx(free - 15.0)
    standing = crowd(50, in_place=True)
    standing.s.buyers.relocation_usd[:] = 15.0
    assert bids_of(standing, in_place=True)[0] == pytest.approx(free)
    rigs = np.array([[80.0, 80.0, np.nan]])
    bench.s.buyers.relocation_usd[:] = 15.0
    assert np.all(bids_of(bench, k=RIG, strips=rigs)[0] > 0)


def test_who_buys_in_place_does_not_bid_for_removed_machines_and_the_other_way_round() -> None:
    assert np.all(bids_of(crowd(20, in_place=True))[0] == 0.0)
    assert np.all(bids_of(crowd(20), in_place=True)[0] == 0.0)
    assert np.all(bids_of(crowd(20, in_place=True), in_place=True)[0] > 0.0)


def test_dealers_bid_below_what_they_resell_for() -> None:
    bench = crowd(200, needs_slots=False)
    bench.s.buyers.required_return[:] = 0.20
    bids, units = bids_of(bench)
    ceiling = 100.0 / 1.2**0.25
    assert bids.max() <= ceiling * (1 + 1e-12)
    assert bids.min() > 0.5 * ceiling
    assert units * bids == pytest.approx(np.full(200, 1e5))  # money binds, racks do not


def test_bids_below_scrap_are_none() -> None:
    bench = crowd(200)
    bench.s.hardware.scrap_usd[GPU] = 75.0
    bids, units = bids_of(bench)
    assert np.all((bids == 0.0) | (bids >= 75.0))
    assert np.any(bids == 0.0) and np.any(bids > 0.0)
    assert np.all(units[bids == 0.0] == 0.0)


def expect(bench: Bench, *, rent: float, life: float) -> None:
    """Set what buyers look at: listed rent, drifts and volatilities, and the lives of classes."""
    bench.s.prices.rent_h100_usd_h = rent
    bench.s.prices.hashprice_usd_ph_day = 50.0
    outlook = bench.terms.liquidation
    outlook.gpu_rent_drift, outlook.gpu_rent_volatility = -0.15, 0.35
    outlook.hashprice_drift, outlook.hashprice_volatility = -0.15, 0.6
    outlook.reversion_per_year = 0.5
    outlook.gpu_life_years = outlook.asic_life_years = life
    bench.s.hardware.age_years[:] = 0.0


@settings(max_examples=30)
@given(st.floats(0.1, 6.0), st.floats(0.5, 5.0), st.floats(0.2, 8.0))
def test_who_looks_less_far_resells(rent: float, horizon: float, life: float) -> None:
    bench = crowd(1)
    bench.s.buyers.horizon_years[0] = horizon
    bench.s.buyers.running_cost_usd_kwh[0] = 0.10
    bench.s.buyers.accepts[0, 2] = False
    expect(bench, rent=rent, life=life)
    bench.terms.liquidation.resale_share = 0.6
    bench.s.buyer_view[:] = 0.7
    strips = bench.kernel(segment_strips, dearer=0.0)
    # A machine of 1 kW and quality one: 24 hours of rent, of which 70 % are expected.
    years = max(life, 0.25)  # what is left is never less than a quarter
    run, whole = (
        strip_value_usd(24 * rent * 0.7, 2.4, Outlook(-0.15, 0.35, 0.5), 0.0, until)
        for until in (min(horizon, years), years)
    )
    assert strips[0, GPU] == pytest.approx(run + 0.6 * (whole - run))
    assert np.isnan(strips[0, 2])


@pytest.mark.parametrize("horizon", [0.5, 2.5, 4.0])
def test_an_older_class_is_worth_less_whoever_looks(horizon: float) -> None:
    """The same rent, two and four years on: nobody pays as much, however short its horizon."""
    bench = crowd(1)
    bench.s.buyers.horizon_years[0] = horizon
    expect(bench, rent=2.0, life=7.0)
    bench.terms.liquidation.resale_share = 0.85
    bench.s.buyer_view[:] = 0.5
    values = []
    for day in (0, 730, 1460):
        bench.market.today.day = day
        values.append(bench.kernel(segment_strips, dearer=0.0)[0, GPU])
    assert values[0] > 1.02 * values[1] > 1.02**2 * values[2]


def test_life_shrinks_with_age_and_ends_at_a_quarter() -> None:
    # An e-th of the years a class is meant to live is left at that age; four years on, half as much
    # as that of a class whose years are 4 / ln 2.
    bench = crowd(1)
    bench.s.hardware.age_years[:2] = [4.0, 0.0]
    half_life = 4.0 / math.log(2.0)

    def lives(life_gpu: float, life_asic: float, day: int) -> list[float]:
        bench.terms.liquidation.gpu_life_years = life_gpu
        bench.terms.liquidation.asic_life_years = life_asic
        bench.market.today.day = day
        return [float(bench.kernel(life_left_years, k=k)) for k in (GPU, RIG)]

    years = lives(6.0, half_life, 730)
    assert years[GPU] == pytest.approx(6.0 / math.e)
    assert years[RIG] == pytest.approx(half_life / math.sqrt(2.0))
    assert lives(2.0, 3.0, 3650) == pytest.approx([0.25, 0.25])
    # Before its launch a class has all of it.
    bench.s.hardware.age_years[GPU] = -1.0
    assert lives(6.0, 5.0, 0)[GPU] == 6.0


@pytest.mark.parametrize("wanted", [40.0, 400.0, 2500.0])
def test_the_implied_view_sells_the_wanted_machines_at_the_quoted_price(
    wanted: float,
) -> None:
    bench = crowd(100)
    bench.s.buyers.running_cost_usd_kwh[:] = 0.05
    expect(bench, rent=2.0, life=4.0)
    price = 5000.0
    bench.s.buyers.budget_usd[:] = 1e9
    view = bench.kernel(implied_view, k=GPU, price_usd=price, units_wanted=wanted, in_place=False)
    assert 0.01 < view < 4.0

    def demand(share: float) -> float:
        bench.s.buyer_view[:] = share
        strips = bench.kernel(segment_strips, dearer=0.0)
        bids, _ = bids_of(bench, strips=strips)
        units = bench.kernel(units_at, price=price, k=GPU, bids=bids)
        return float(units[bids >= price].sum())

    assert demand(view * (1 - 1e-6)) <= wanted <= demand(view * (1 + 1e-6))


def test_ordinary_trade_does_not_overwrite_a_forced_sale_of_the_same_day() -> None:
    """Ninety sold in place at 10 by force, ten removed at 20 by ordinary owners: the mean is 11."""
    bench = crowd(1)
    bench.market.today.day = 7
    bench.s.clearing_event[GPU] = -1
    forced, ordinary = Trade(10.0, 90.0, 90.0, 5), Trade(20.0, 10.0, 0.0, -1)
    note_evidence(bench.market, GPU, forced, ordinary)
    assert bench.s.clearing_usd[GPU] == pytest.approx(11.0)
    assert bench.s.clearing_event[GPU] == 5 and bench.s.clearing_day[GPU] == 7
    assert bench.s.outside_online[GPU] == 90.0
    nothing = Trade(math.nan, 0.0, 0.0, -1)
    note_evidence(bench.market, RIG, nothing, nothing)
    assert np.isnan(bench.s.clearing_usd[RIG])


# --- racks of the failed --------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([GPU, RIG, SITE]), st.floats(0.1, 1e3), st.integers(1, 300)),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 200),
    st.sampled_from([1, 7, 28]),
)
def test_racks_of_the_seized_come_back_once_and_in_proportion(
    seized: list[tuple[int, float, int]], delay: int, window: int
) -> None:
    bench = Bench(buyers=[dict(slots=30.0), dict(slots=10.0), dict(slots=0.0)], site_days=delay)
    bench.terms.liquidation.window_days = window
    s = bench.s
    for i, (k, units, day) in enumerate(seized):
        s.lots.count[0] = i + 1
        s.lots.hardware[i], s.lots.seized_units[i], s.lots.seized_day[i] = k, units, day
    opened = s.buyers.slots.copy()
    for day in range(window, 600, window):
        bench.market.today.day = day
        bench.kernel(free_sites)
        # A GPU takes one slot of its rack, a TH/s of rigs half a slot of its own; sites none.
        ready = [(k, n) for k, n, since in seized if since + delay <= day]
        freed = {Rack.AIR_15_40: math.fsum(n for k, n in ready if k == GPU)}
        freed[Rack.ASIC] = 0.5 * math.fsum(n for k, n in ready if k == RIG)
        for rack in Rack:
            back = s.buyers.slots[:, rack] - opened[:, rack]
            expected = freed.get(rack, 0.0) * np.array([0.75, 0.25, 0.0])
            assert back == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert np.all(s.buyers.slots_open == opened)


@pytest.mark.parametrize(("stands", "freed"), [(True, 0.0), (False, 4.0)])
def test_who_sells_machines_keeps_the_hall(stands: bool, freed: float) -> None:
    bench = Bench(buyers=[dict(slots=30.0)], site_days=10, window_days=7)
    s = bench.s
    s.lots.count[0] = 1
    s.lots.borrower[0], s.lots.hardware[0], s.lots.seized_units[0] = 0, GPU, 4.0
    s.lots.listed[0], s.lots.seized_day[0] = True, 0
    if not stands:
        s.parties.status[0] = Status.DEFAULTED
    bench.market.today.day = 10
    bench.kernel(free_sites)
    assert s.buyers.slots[0, Rack.AIR_15_40] == 30.0 + freed


def test_hashprice_follows_difficulty_and_not_the_hashrate_of_today() -> None:
    """Half more hashrate finds more blocks; each PH/s earns the same until the next retarget."""
    bench = priced()
    bench.market.crypto.hashrate_growth[:] = 1.5
    bench.day(1, "set_prices")
    p = bench.s.prices
    assert p.network_hashrate_eh_s == pytest.approx(1500.0)
    assert p.difficulty_eh_s == pytest.approx(1000.0)
    per_ph = p.btc_usd * 3.125 * 144.0 / (1000.0 * 1000.0)
    assert p.hashprice_usd_ph_day == pytest.approx(per_ph)
