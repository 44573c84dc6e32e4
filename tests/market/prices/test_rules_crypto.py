"""Bitcoin: impact laws, price paths, hashprice, difficulty, halvings."""

import math
from datetime import date

import numpy as np
import pytest
from by_hand import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market.opening.books import Books
from firesale.market.prices.bitcoin import crypto_paths
from firesale.market.prices.history import OpeningQuotes
from firesale.market.prices.impact import impact_log
from firesale.market.prices.network import advance_difficulty, hashprice_usd
from firesale.market.scenario.sections import Crypto
from firesale.market.state.market import Market, Prices
from firesale.market.state.paths import CryptoPaths

quick = settings(deadline=None, max_examples=60)
SQUARE_ROOT, LINEAR, EXPONENTIAL = 0, 1, 2
OPENING = OpeningQuotes(date(2025, 9, 30), 100_000.0, 4_000.0, 0.01)


def paths(days: int, seed: int, **changes: object) -> CryptoPaths:
    return crypto_paths(Crypto(**changes), days, seed, OPENING)


# --- impact of forced sales -----------------------------------------------------------------------


@quick
@given(st.floats(1e3, 1e11), st.floats(1e9, 1e11), st.floats(0.0, 3.0), st.floats(0.001, 0.1))
def test_square_root_impact_doubles_when_the_order_quadruples(
    sold: float, depth: float, coefficient: float, volatility: float
) -> None:
    one = impact_log(sold, depth, coefficient, volatility, SQUARE_ROOT)
    four = impact_log(4 * sold, depth, coefficient, volatility, SQUARE_ROOT)
    assert one <= 0.0
    assert four == pytest.approx(2 * one, rel=1e-12)


def test_impact_of_a_day_of_turnover_by_hand() -> None:
    # Selling one day's whole turnover moves the price by one daily standard deviation.
    daily = 0.62 / math.sqrt(365)
    assert impact_log(30e9, 30e9, 1.0, daily, SQUARE_ROOT) == pytest.approx(-daily)
    # Linear: 10 % of turnover at coefficient 0.5 takes 5 % off the price.
    assert math.exp(impact_log(3e9, 30e9, 0.5, daily, LINEAR)) == pytest.approx(0.95)
    # Exponential: p' = p exp(-0.5 * 0.1).
    assert impact_log(3e9, 30e9, 0.5, daily, EXPONENTIAL) == pytest.approx(-0.05)


def test_linear_impact_cannot_take_the_price_below_one_percent() -> None:
    assert math.exp(impact_log(1e12, 30e9, 1.0, 0.03, LINEAR)) == pytest.approx(0.01)
    assert math.exp(impact_log(30e9, 30e9, 1.0, 0.03, LINEAR)) == pytest.approx(0.01)


@quick
@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=8), st.floats(1e9, 1e11))
def test_exponential_impact_is_path_independent(pieces: list[float], depth: float) -> None:
    split = math.fsum(impact_log(piece, depth, 0.7, 0.03, EXPONENTIAL) for piece in pieces)
    whole = impact_log(math.fsum(pieces), depth, 0.7, 0.03, EXPONENTIAL)
    assert split == pytest.approx(whole, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("law", [SQUARE_ROOT, LINEAR, EXPONENTIAL])
def test_no_sale_no_impact_and_more_sold_never_lifts_the_price(law: int) -> None:
    assert impact_log(0.0, 30e9, 1.0, 0.03, law) == 0.0
    assert impact_log(-5.0, 30e9, 1.0, 0.03, law) == 0.0
    ladder = [impact_log(x, 30e9, 1.0, 0.03, law) for x in (1e6, 1e8, 1e9, 1e10, 2e10)]
    assert np.all(np.diff(ladder) < 0) and ladder[0] < 0


# --- price paths ----------------------------------------------------------------------------------


def test_a_random_walk_has_the_stated_mean_and_volatility() -> None:
    days, runs = 365, 600
    ends = np.array([paths(days, seed).btc_usd[-1] for seed in range(runs)]) / 100_000.0
    # A martingale: mean one within 4 standard errors, from the sample's own spread.
    assert abs(ends.mean() - 1.0) < 4 * ends.std() / math.sqrt(runs)
    logs = np.log(ends)
    assert logs.std() == pytest.approx(0.62, abs=4 * 0.62 / math.sqrt(2 * runs))
    assert logs.mean() == pytest.approx(-0.5 * 0.62**2, abs=4 * 0.62 / math.sqrt(runs))


def test_drift_is_of_the_expected_price() -> None:
    runs = 600
    settings = dict(volatility=0.3, drift=0.2)
    ends = np.array([paths(365, seed, **settings).btc_usd[-1] for seed in range(runs)]) / 100_000.0
    assert abs(ends.mean() - math.exp(0.2)) < 4 * ends.std() / math.sqrt(runs)


@pytest.mark.parametrize(
    "rate",
    [
        4.0,
        50.0,
    ],
)
def test_jumps_are_compensated_so_the_price_stays_a_martingale(rate: float) -> None:
    # Volatility off: what is left is the jumps and their compensator.
    runs = 500
    settings = dict(volatility=0.0, jumps_per_year=rate, jump_mean=-0.1, jump_deviation=0.02)
    ends = np.array([paths(365, seed, **settings).btc_usd[-1] for seed in range(runs)]) / 100_000.0
    assert abs(ends.mean() - 1.0) < 4 * ends.std() / math.sqrt(runs)


def test_without_volatility_the_price_grows_by_drift_alone() -> None:
    path = paths(730, 5, volatility=0.0, drift=0.1).btc_usd
    assert path == pytest.approx(100_000.0 * np.exp(0.1 * np.arange(731) / 365), rel=1e-12)


@quick
@given(
    st.integers(0, 10_000),
    st.integers(0, 100),
    st.floats(0.1, 0.95),
    st.integers(20, 400),
    st.floats(0.0, 1.0),
)
def test_a_crash_reaches_its_depth_on_its_last_day_whatever_the_noise(
    seed: int, start: int, depth: float, length: int, volatility: float
) -> None:
    crypto = dict(path="crash", crash_start_day=start, crash_depth=depth, crash_days=length)
    path = paths(start + length + 50, seed, volatility=volatility, **crypto).btc_usd
    assert path[start + length] / path[start] == pytest.approx(1.0 - depth, rel=1e-9)


def test_a_crash_without_noise_is_a_straight_line_in_logs_and_recovers_as_told() -> None:
    crypto = dict(
        path="crash", volatility=0.0, crash_start_day=10, crash_depth=0.75, crash_days=100
    )
    path = paths(400, 1, recovery_share=0.5, recovery_days=200, **crypto).btc_usd / 100_000.0
    assert path[:11] == pytest.approx(np.ones(11))
    assert path[60] == pytest.approx(0.5, rel=1e-12)  # half of the log loss of 0.25
    assert path[110] == pytest.approx(0.25, rel=1e-12)
    assert path[310] == pytest.approx(0.5, rel=1e-12)  # half of the log loss is back
    assert path[400] == pytest.approx(0.5, rel=1e-12)


def test_a_crash_cut_short_by_the_end_of_the_run_is_on_its_way() -> None:
    crypto = dict(path="crash", volatility=0.0, crash_start_day=0, crash_depth=0.75, crash_days=100)
    assert paths(50, 1, **crypto).btc_usd[-1] == pytest.approx(50_000.0)


def test_ether_follows_bitcoin_by_its_beta() -> None:
    path = paths(200, 3, volatility=0.0, drift=-0.5, eth_beta=1.2)
    assert np.log(path.eth_usd / 4_000.0) == pytest.approx(
        1.2 * np.log(path.btc_usd / 100_000.0), rel=1e-9
    )
    noisy = np.array([np.log(paths(365, s).eth_usd[-1] / 4_000.0) for s in range(400)])
    # beta 1.1 on 62 % and own noise of a third of it.
    expected = 0.62 * math.sqrt(1.1**2 + 1 / 9)
    assert noisy.std() == pytest.approx(expected, abs=4 * expected / math.sqrt(800))


def test_planned_hashrate_grows_to_its_goal_and_stays() -> None:
    path = paths(
        500, 1, hashrate_growth=0.59, hashrate_growth_start_day=30, hashrate_growth_days=365
    ).hashrate_growth
    assert path[:31] == pytest.approx(np.ones(31))
    assert path[395:] == pytest.approx(np.full(106, 1.59))
    assert np.all(np.diff(path) >= 0)


# --- hashprice and difficulty ---------------------------------------------------------------------


def test_hashprice_of_the_opening_quotes(tables: Books) -> None:
    quotes = tables.quotes
    formula = hashprice_usd(
        quotes["btc_usd"],
        quotes["block_subsidy_btc"],
        quotes["fee_share"],
        quotes["network_hashrate_eh_s"],
    )
    assert quotes["hashprice_usd_ph_day"] == 49.6  # as quoted by the index
    assert formula == pytest.approx(49.6, rel=0.02)


def test_hashprice_by_hand() -> None:
    # 144 blocks of 3.125 BTC at 100,000 USD among 1000 EH/s = 1e6 PH/s: 45 USD.
    assert hashprice_usd(100_000.0, 3.125, 0.0, 1000.0) == pytest.approx(45.0)
    # Fees are a share of the whole reward: 10 % fees makes the reward subsidy / 0.9.
    assert hashprice_usd(100_000.0, 3.125, 0.1, 1000.0) == pytest.approx(50.0)


def chain(halving: float = 1e12, **changes: float) -> Market:
    """A network of 1,000 EH/s at the start of an epoch; ``changes`` are of its numbers."""
    market = Bench().market
    market.opening.halving_blocks = halving
    for name, value in changes.items():
        setattr(market.prices, name, value)
    return market


def mine(market: Market, hashrate: float, days: int) -> Prices:
    for _ in range(days):
        advance_difficulty(market, hashrate)
    return market.prices


def test_constant_hashrate_keeps_difficulty_and_finds_144_blocks_a_day() -> None:
    after = mine(chain(), 1000.0, 100)
    assert after.difficulty_eh_s == pytest.approx(1000.0, rel=1e-9)
    assert after.block_height == pytest.approx(14_400.0, rel=1e-9)


def test_an_epoch_under_way_at_the_opening_retargets_to_the_same_difficulty() -> None:
    # 1000 blocks into the epoch on schedule, as the opening books set it.
    under_way = chain(blocks_to_retarget=1016.0, retarget_days=1000 / 144)
    after = mine(under_way, 1000.0, 30)
    assert after.difficulty_eh_s == pytest.approx(1000.0, rel=1e-9)


def test_twice_the_hashrate_finds_twice_the_blocks_until_the_next_retarget() -> None:
    market = chain()
    after = mine(market, 2000.0, 6)
    assert after.block_height == pytest.approx(6 * 288.0)
    assert after.difficulty_eh_s == 1000.0
    mine(market, 2000.0, 2)  # the epoch takes 7 days instead of 14
    assert after.difficulty_eh_s == pytest.approx(2000.0, rel=1e-9)
    assert after.block_height == pytest.approx(7 * 288.0 + 144.0)
    mine(market, 2000.0, 60)
    assert after.difficulty_eh_s == pytest.approx(2000.0, rel=1e-9)


@pytest.mark.parametrize(("factor", "first_retarget"), [(10.0, 4.0), (0.1, 0.25)])
def test_a_retarget_moves_difficulty_by_four_at_most(factor: float, first_retarget: float) -> None:
    market = chain()
    before = market.prices.difficulty_eh_s
    for _ in range(400):
        after = mine(market, 1000.0 * factor, 1)
        if after.difficulty_eh_s != before:
            break
    assert after.difficulty_eh_s / before == pytest.approx(first_retarget)


@quick
@given(st.lists(st.floats(50.0, 20_000.0), min_size=1, max_size=60))
def test_difficulty_stays_within_what_hashrate_was(rates: list[float]) -> None:
    market = chain()
    now = market.prices
    blocks = 0.0
    for rate in rates:
        height, difficulty = now.block_height, now.difficulty_eh_s
        mine(market, rate, 1)
        found = now.block_height - height
        # A day's blocks lie between those at the difficulty before and after.
        ends = sorted(144 * rate / d for d in (difficulty, now.difficulty_eh_s))
        if difficulty == now.difficulty_eh_s:
            assert found == pytest.approx(ends[0], rel=1e-9)
        blocks += found
        assert 0.0 <= now.blocks_to_retarget <= 2016.0
    assert now.block_height == pytest.approx(blocks)
    seen = [1000.0, *rates]
    assert min(seen) * (1 - 1e-9) <= now.difficulty_eh_s <= max(seen) * (1 + 1e-9)


def test_the_subsidy_halves_once_at_each_halving() -> None:
    market = chain(halving=210_000.0, block_height=209_950.0)
    assert mine(market, 1000.0, 1).subsidy_btc == 1.5625
    assert mine(market, 1000.0, 100).subsidy_btc == 1.5625
    # Four years of blocks further: once more.
    market.prices.block_height = 419_900.0
    assert mine(market, 1000.0, 2).subsidy_btc == 0.78125


def test_without_hashrate_no_block_is_found() -> None:
    after = mine(chain(), 0.0, 5)
    assert after.block_height == 0.0
    assert after.difficulty_eh_s == 1000.0
