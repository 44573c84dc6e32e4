"""Splitting aggregates into parties, and sampling uncertain cells."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market.opening.beliefs import cells_believed
from firesale.market.opening.books import CONFIDENCE_SD, Books
from firesale.market.opening.books_2025.draft import draft_books
from firesale.market.opening.books_2025.sample import CELLS, sample_books
from firesale.market.opening.open_market import open_market
from firesale.market.opening.sampling import BUYER_CELLS
from firesale.market.opening.splitting import (
    capped_shares,
    heavy_tailed_shares,
    loan_shares,
    noisy_shares,
    power_prices,
    proportional_fit,
)
from firesale.market.scenario.scenario import Scenario

quick = settings(deadline=None, max_examples=60)


# --- shares ---------------------------------------------------------------------------------------


@quick
@given(st.integers(1, 500))
def test_heavy_tailed_shares_add_up_and_fall(count: int) -> None:
    shares = heavy_tailed_shares(count)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(shares > 0)
    assert np.all(np.diff(shares) < 0)


def test_shares_have_the_tail_of_a_pareto_law() -> None:
    # log size against log rank has slope -1/1.2, and the largest tenth holds most of it:
    # of a Pareto law of tail a the top share q holds q^(1 - 1/a), here 0.1^(1/6) = 68 %.
    shares = heavy_tailed_shares(1000)
    rank = np.arange(1000) + 0.5
    slope = np.polyfit(np.log(rank), np.log(shares), 1)[0]
    assert slope == pytest.approx(-1 / 1.2, rel=1e-9)
    top = shares[:100].sum()
    # Mid-quantiles of 1000 parties leave out the far tail: a little less than the limit.
    assert 0.50 < top < 0.1 ** (1 / 6)


@quick
@given(st.integers(1, 200), st.integers(0, 60))
def test_noise_keeps_the_sum_and_the_sign(count: int, column: int) -> None:
    shares = noisy_shares(heavy_tailed_shares(count), column)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(shares > 0)
    assert np.array_equal(shares, noisy_shares(heavy_tailed_shares(count), column))


def test_noise_differs_by_column_and_has_its_deviation() -> None:
    size = heavy_tailed_shares(2000)
    one, two = (np.log(noisy_shares(size, column) / size) for column in (0, 1))
    for logs in (one, two):
        assert logs.std() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2 * 2000))
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / math.sqrt(2000)


@quick
@given(st.floats(10.0, 150.0), st.integers(2, 200))
def test_power_prices_have_the_weighted_mean_of_the_aggregate(mean: float, count: int) -> None:
    shares = heavy_tailed_shares(count)
    prices = power_prices(mean, shares)
    assert float((prices * shares).sum()) == pytest.approx(mean, rel=1e-12)
    assert np.all(prices > 0)
    assert len(np.unique(prices)) == count  # one price would switch all of them off in a day


@quick
@given(
    st.lists(st.floats(1.0, 1e6), min_size=1, max_size=30),
    st.lists(st.floats(1.0, 1e6), min_size=1, max_size=8),
)
def test_a_proportional_fit_has_the_sums_asked_for(rows: list[float], columns: list[float]) -> None:
    size = np.array(rows) / math.fsum(rows) * math.fsum(columns)
    matrix = proportional_fit(size, np.array(columns), 0)
    assert matrix.shape == (len(rows), len(columns))
    assert np.all(matrix > 0)
    assert matrix.sum(axis=0) == pytest.approx(np.array(columns), rel=1e-12)
    assert matrix.sum(axis=1) == pytest.approx(size, rel=1e-3)
    assert np.array_equal(matrix, proportional_fit(size, np.array(columns), 0))


def test_a_proportional_fit_is_noisy() -> None:
    size, columns = heavy_tailed_shares(50), np.array([0.4, 0.6])
    mix = proportional_fit(size, columns, 0)[:, 0] / size
    assert mix.std() > 0.1  # fleets differ, not only in size


@quick
@given(st.lists(st.tuples(st.floats(0.01, 10.0), st.floats(0.0, 1.0)), min_size=1, max_size=30))
def test_capped_shares_add_up_within_their_caps(cells: list[tuple[float, float]]) -> None:
    weights, caps = (np.array(column) for column in zip(*cells, strict=True))
    if caps.sum() < 1.0 - 1e-9:
        with pytest.raises(ValueError, match="caps leave no room"):
            capped_shares(weights, caps)
        return
    shares = capped_shares(weights, caps)
    dust = 1e-6 * len(cells)  # parts of less than a millionth are nobody's
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(shares >= 0.0)
    assert np.all(shares <= caps * (1 + dust) + 1e-9)
    # Where the cap does not bind, shares are proportional to weights; where it binds, the weight
    # would have asked for more.
    free = (shares > 0.0) & (shares < caps - dust)
    bound = (shares > 0.0) & ~free
    ratios = shares[free] / weights[free]
    if len(ratios):
        assert ratios.max() <= ratios.min() * (1 + 2 * dust)
        assert np.all(shares[bound] <= ratios[0] * weights[bound] * (1 + 2 * dust) + dust)
        assert np.all(np.minimum(ratios[0] * weights, caps)[shares == 0.0] <= dust)


def test_loose_caps_change_nothing() -> None:
    weights = np.array([1.0, 2.0, 5.0])
    assert capped_shares(weights, np.full(3, np.inf)) == pytest.approx(weights / 8)
    assert capped_shares(weights, np.array([1.0, 1.0, 0.4])) == pytest.approx([0.2, 0.4, 0.4])


def test_room_of_parties_that_take_no_part_is_no_room() -> None:
    with pytest.raises(ValueError, match="caps leave no room"):
        capped_shares(np.array([1.0, 0.0]), np.array([0.5, 1.0]))


@quick
@given(st.integers(0, 200), st.integers(2, 60))
def test_a_loan_is_spread_by_debt_over_about_half(loan: int, count: int) -> None:
    debt = heavy_tailed_shares(count)
    shares = loan_shares(loan, debt, np.full(count, np.inf))
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    taking = shares > 0
    assert taking.any()
    ratios = shares[taking] / debt[taking]
    assert ratios == pytest.approx(np.full(len(ratios), ratios[0]), rel=1e-9)
    # Tight collateral: everybody pledges, nobody more than it has.
    caps = 1.1 * debt
    tight = loan_shares(loan, debt, caps)
    assert tight.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(tight <= caps + 1e-12)


def test_loans_reach_half_of_the_parties() -> None:
    size = heavy_tailed_shares(100)
    reach = [np.sum(loan_shares(loan, size, np.full(100, np.inf)) > 0) for loan in range(100)]
    assert np.mean(reach) == pytest.approx(50.0, abs=4 * 0.5 * 10 / math.sqrt(100))


# --- the split books ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_splitting_loses_no_dollar_coin_or_machine(tables: Books, scale: float) -> None:
    drafts = draft_books(tables, scale)
    operators = (*tables.miners, *tables.neoclouds)
    assert len({draft.id for draft in drafts.borrowers}) == len(drafts.borrowers)
    for column, name, unit in (
        ("cash_usd_m", "cash_usd", 1e6),
        ("fixed_cost_usd_m_yr", "fixed_cost_usd_yr", 1e6),
        ("committed_equity_usd_m", "committed_equity_usd", 1e6),
    ):
        total = math.fsum(getattr(row, column) for row in operators) * unit
        split = math.fsum(getattr(draft, name) for draft in drafts.borrowers)
        assert split == pytest.approx(total, rel=1e-12)
    for column, name in (("btc_free", "btc"), ("btc_lent", "btc_lent"), ("eth", "eth")):
        total = math.fsum(getattr(row, column) for row in tables.miners)
        split = math.fsum(getattr(draft, name) for draft in drafts.borrowers)
        assert split == pytest.approx(total, rel=1e-12)
    machines: dict[str, list[float]] = {}
    for draft in drafts.borrowers:
        for name, units in draft.fleet.items():
            machines.setdefault(name, []).append(units)
    shares: dict[str, list[tuple[str, float]]] = {}
    for part in tables.group_split:
        shares.setdefault(part.fleet_group, []).append((part.class_id, part.share))
    expected: dict[str, list[float]] = {}
    for row in operators:
        for group, units in row.fleet().items():
            for name, share in shares[group]:
                expected.setdefault(name, []).append(units * share)
    for name, units in machines.items():
        assert math.fsum(units) == pytest.approx(math.fsum(expected[name]), rel=1e-12), name


def test_split_loans_add_up_per_lender_and_instrument(tables: Books) -> None:
    drafts = draft_books(tables, 1.0)
    drawn: dict[tuple[str, str], float] = {}
    for row in tables.loans:
        key = (row.lender_id, row.instrument)
        drawn[key] = drawn.get(key, 0.0) + row.drawn_usd_m * 1e6
    split: dict[tuple[str, str], float] = {}
    for loan in drafts.loans:
        key = (loan.lender, loan.instrument.name.lower())
        split[key] = split.get(key, 0.0) + loan.principal_usd
    assert split.keys() == drawn.keys()
    for key, usd in drawn.items():
        assert split[key] == pytest.approx(usd, rel=1e-12), key


def test_no_party_pledges_machines_it_does_not_have(tables: Books) -> None:
    drafts = draft_books(tables, 1.0)
    fleet = {(d.id, name): units for d in drafts.borrowers for name, units in d.fleet.items()}
    pledged: dict[tuple[str, str], float] = {}
    for loan in drafts.loans:
        if loan.hardware and loan.hardware != "SITE":
            key = (loan.borrower, loan.hardware)
            pledged[key] = pledged.get(key, 0.0) + loan.collateral_units
    assert pledged
    for key, units in pledged.items():
        assert units <= fleet.get(key, 0.0) * (1 + 1e-9) + 1e-6, key


# --- sampling -------------------------------------------------------------------------------------


def test_a_sample_leaves_debt_alone_and_is_the_same_for_the_same_seed(
    tables: Books,
) -> None:
    sampled = sample_books(tables, 5)
    assert sampled.loans == tables.loans
    assert sampled == sample_books(tables, 5)
    assert sampled != sample_books(tables, 6)
    for before, after in zip(tables.lenders, sampled.lenders, strict=True):
        assert after.book_usd_m == before.book_usd_m
        assert after.cash_usd_m == before.cash_usd_m
    changed = set(CELLS["miners"]) | {"power_usd_mwh"}
    for before, after in zip(tables.miners, sampled.miners, strict=True):
        rest = before.model_dump(exclude=changed)
        assert after.model_dump(exclude=changed) == rest


def test_sampled_cells_spread_by_their_confidence(tables: Books) -> None:
    logs: dict[str, list[float]] = {name: [] for name in CONFIDENCE_SD}
    factors: dict[str, list[float]] = {name: [] for name in CONFIDENCE_SD}
    capital = cells_believed("2025")["books.lenders.capital_usd_m"]
    for seed in range(80):
        sampled, common = sample_books(tables, seed), capital.drawn(seed)
        for before, after in zip(
            (*tables.miners, *tables.neoclouds, *tables.lenders),
            (*sampled.miners, *sampled.neoclouds, *sampled.lenders),
            strict=True,
        ):
            cell = "capital_usd_m" if hasattr(before, "capital_usd_m") else "cash_usd_m"
            if getattr(before, "capital_low_usd_m", None) is None and getattr(before, cell) > 0:
                ratio = getattr(after, cell) / getattr(before, cell)
                ratio /= common if cell == "capital_usd_m" else 1.0  # of all lenders
                logs[before.confidence].append(math.log(ratio))
                factors[before.confidence].append(ratio)
    assert set(logs["seen"]) == {0.0}  # what was read in a filing is not sampled
    for name in ("memory", "estimated"):
        sd, count = CONFIDENCE_SD[name], len(logs[name])
        assert count > 500
        assert np.std(logs[name]) == pytest.approx(sd, abs=4 * sd / math.sqrt(2 * count))
        spread = math.sqrt(math.exp(sd**2) - 1)
        assert np.mean(factors[name]) == pytest.approx(1.0, abs=4 * spread / math.sqrt(count))


@pytest.mark.parametrize("seed", range(5))
def test_the_books_of_sampled_lenders_balance(tables: Books, seed: int) -> None:
    sampled = sample_books(tables, seed)
    for row in sampled.lenders:
        assets = row.cash_usd_m + row.book_usd_m + row.other_loans_usd_m
        assert assets == pytest.approx(row.funding_usd_m + row.capital_usd_m, rel=1e-12)
        assert row.funding_usd_m >= 0 and row.other_loans_usd_m >= 0 and row.capital_usd_m > 0
    for before, after in zip(tables.buyers, sampled.buyers, strict=True):
        for cell in BUYER_CELLS:
            assert (getattr(after, cell) == 0) == (getattr(before, cell) == 0)
    state = open_market(sampled, Scenario.load("calm"), seed)
    at = slice(state.first_lender, state.first_buyer)
    assets = state.parties.cash_usd[at] + state.lenders.book_usd + state.lenders.other_loans_usd
    claims = state.lenders.funding_usd + state.lenders.capital_usd
    assert assets == pytest.approx(claims, rel=1e-12)
    # Every lender's book is the sum of its loans.
    owed = np.bincount(state.loans.lender, weights=state.loans.principal_usd, minlength=len(claims))
    assert owed == pytest.approx(state.lenders.book_usd, rel=1e-9, abs=1.0)
