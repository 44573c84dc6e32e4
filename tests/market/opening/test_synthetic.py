"""Synthetic populations: the totals of 2025, heavy tails, two families of networks, any size."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
import pytest
import runs

from firesale import CreditMarket, Scenario, synthetic
from firesale.agents.lender import LenderKind
from firesale.agents.party import Kind
from firesale.experiments.twin.comparison import differences
from firesale.experiments.twin.model import TwinMarket
from firesale.market.opening.books_2025.rows import GPU_GROUPS
from firesale.market.opening.open_market import open_market
from firesale.market.opening.synthetic.dividing import apportion, couple, couple_in_groups, cut
from firesale.market.opening.synthetic.lenders import choose_lenders, draw_pool
from firesale.market.opening.synthetic.open import synthetic_books
from firesale.market.opening.synthetic.population import Draw, draw_population, numbers_of, sizes
from firesale.market.scenario.errors import InputError
from firesale.market.simulation import Simulation
from firesale.market.state.loans import ANY_GROWTH, NO_GROWTH, Collateral, Instrument
from firesale.market.state.market import Market
from firesale.market.state.names import NumberedNames

MILLION = 1e6
EXACT = 1e-9  # relative
TABLES = runs.tables()
OPERATORS = (*TABLES.miners, *TABLES.neoclouds)


@cache
def opened(parties: int = 3000, seed: int = 1, *settings: str) -> Market:
    """The state of day 0; read, do not write."""
    scenario = synthetic(parties, "calm").with_settings(list(settings))
    return Simulation(scenario, seed).market


@pytest.fixture(params=[40, 3000])
def state(request: pytest.FixtureRequest) -> Market:
    return opened(request.param)


def real(s: Market) -> np.ndarray:
    """Loans that were there at the opening, without facilities that may be drawn later."""
    return s.loans.growth == NO_GROWTH


# ------------------------------------------------------------------ totals


@pytest.mark.parametrize(
    ("column", "of"),
    [
        ("cash_usd", lambda row: row.cash_usd_m * MILLION),
        ("btc", lambda row: getattr(row, "btc_free", 0.0)),
        ("btc_lent", lambda row: getattr(row, "btc_lent", 0.0)),
        ("eth", lambda row: getattr(row, "eth", 0.0)),
    ],
)
def test_what_borrowers_hold_adds_up_by_kind(state: Market, column: str, of: object) -> None:
    values = getattr(state.parties, column)
    for kind, rows in ((Kind.MINER, TABLES.miners), (Kind.NEOCLOUD, TABLES.neoclouds)):
        total = float(values[state.parties.kind == kind].sum())
        assert total == pytest.approx(sum(of(row) for row in rows), rel=EXACT)  # type: ignore[operator]


def test_overhead_adds_up(state: Market) -> None:
    total = 365.0 * float(state.borrowers.fixed_cost_usd_day.sum())
    assert total == pytest.approx(
        sum(row.fixed_cost_usd_m_yr for row in OPERATORS) * MILLION, rel=EXACT
    )


def test_machines_add_up_by_class(state: Market) -> None:
    expected: dict[str, float] = defaultdict(float)
    for row in OPERATORS:
        for group, number in row.fleet().items():
            parts = [r for r in TABLES.group_split if r.fleet_group == group]
            for part in parts if group in GPU_GROUPS else ():
                expected[part.class_id] += number * part.share
            if group not in GPU_GROUPS:
                expected[group] += number
    rows = int(state.holdings.first[state.borrower_count])
    for k, name in enumerate(state.names.hardware):
        units = state.holdings.units[:rows][state.holdings.hardware[:rows] == k].sum()
        assert units == pytest.approx(expected[name], rel=EXACT)


def test_debt_adds_up_by_instrument_and_kind_of_lender(state: Market) -> None:
    kinds = {row.id: row.kind for row in TABLES.lenders}
    drawn: dict[tuple[str, str], float] = defaultdict(float)
    lines: dict[tuple[str, str], float] = defaultdict(float)
    for row in TABLES.loans:
        key = row.instrument, kinds[row.lender_id]
        drawn[key] += row.drawn_usd_m * MILLION
        lines[key] += (row.committed_usd_m - row.drawn_usd_m) * MILLION
    for line in TABLES.treasuries:
        if line.line_usd_m > 0.0:
            lines["btc_loan", kinds[line.line_lender_id or ""]] += line.line_usd_m * MILLION
    loans = state.loans
    found: dict[tuple[str, str], float] = defaultdict(float)
    left: dict[tuple[str, str], float] = defaultdict(float)
    for i in np.flatnonzero(real(state)):
        kind = LenderKind(int(state.lenders.kind[loans.lender[i]])).name.lower()
        key = Instrument(int(loans.instrument[i])).name.lower(), kind
        found[key] += float(loans.principal_usd[i])
        left[key] += float(loans.undrawn_usd[i])
    assert found == pytest.approx(drawn, rel=EXACT)
    assert left == pytest.approx(lines, rel=EXACT, abs=1.0)


def test_lenders_balance_sheets_add_up_by_kind(state: Market) -> None:
    cash = state.parties.cash_usd[state.first_lender : state.first_buyer]
    table = state.lenders
    for kind in LenderKind:
        rows = [row for row in TABLES.lenders if row.kind == kind.name.lower()]
        mine = table.kind == kind
        for values, column in (
            (table.capital_usd, "capital_usd_m"),
            (table.book_usd, "book_usd_m"),
            (table.other_loans_usd, "other_loans_usd_m"),
            (cash, "cash_usd_m"),
        ):
            expected = sum(getattr(row, column) for row in rows) * MILLION
            # books in the tables are rounded to a hundred dollars; who lacks funding provides for
            # losses out of capital
            provided = table.provision_usd[mine & (table.funding_usd <= 0.0)].sum()
            room = 1e3 + provided * (column == "capital_usd_m")
            assert values[mine].sum() == pytest.approx(expected, rel=EXACT, abs=room)
    assets = cash + table.book_usd + table.other_loans_usd - table.provision_usd
    np.testing.assert_allclose(assets, table.funding_usd + table.capital_usd, rtol=EXACT)
    assert np.all(table.funding_usd >= -1e-3)
    ratio = table.capital_usd / (table.capital_usd + table.funding_usd)
    assert np.all(ratio >= table.min_capital_ratio)


def test_buyers_have_the_budgets_and_racks_of_2025(state: Market) -> None:
    for number, row in enumerate(TABLES.buyers):
        mine = state.buyers.segment == number
        assert mine.any()
        budget = 365.0 * float(state.buyers.budget_usd_day[mine].sum())
        assert budget == pytest.approx(row.budget_usd_m_yr * MILLION, rel=EXACT)
        assert state.buyers.slots[mine].sum() == pytest.approx(
            row.slots_air_lt15
            + row.slots_air_15_40
            + row.slots_liq_40_80
            + row.slots_liq_gt80
            + row.spare_mw_asic
            + row.site_mw,
            rel=EXACT,
        )


def test_contracts_add_up(state: Market) -> None:
    whole = opened_whole()
    for name in ("usd_day", "gpus", "ordered", "delivered", "guarantee_left_usd"):
        for kind in (0, 1):
            ours = getattr(state.contracts, name)[state.contracts.kind == kind].sum()
            theirs = getattr(whole.contracts, name)[whole.contracts.kind == kind].sum()
            assert ours == pytest.approx(theirs, rel=EXACT)


@cache
def opened_whole() -> Market:
    """2025 with every aggregate in one piece (a tenth of sixty and so on rounds to one or more)."""
    scenario = synthetic(40, "calm")
    return open_market(synthetic_books(TABLES, scenario), scenario, 1)


def test_nothing_is_pledged_twice_or_by_somebody_else(state: Market) -> None:
    s = state
    rows = int(s.holdings.first[s.borrower_count])
    pledged = np.zeros(len(s.holdings.units))
    secured = np.flatnonzero(s.loans.collateral == Collateral.HARDWARE)
    holding = s.loans.holding[secured]
    np.add.at(pledged, holding, s.loans.collateral_units[secured])
    np.testing.assert_allclose(pledged, s.holdings.pledged, rtol=1e-9, atol=1e-9)
    assert np.all(s.holdings.pledged[:rows] <= s.holdings.units[:rows] * (1 + 1e-9))
    owner = np.searchsorted(s.holdings.first, holding, side="right") - 1
    np.testing.assert_array_equal(owner, s.loans.borrower[secured])
    np.testing.assert_array_equal(s.holdings.hardware[holding], s.loans.hardware[secured])


def test_everybody_has_a_name_of_its_own(state: Market) -> None:
    names = state.names.parties
    assert len(names) == len(state.parties.cash_usd)
    assert len(set(names)) == len(names)
    assert names.index(names[5]) == 5
    assert not {row.id for row in OPERATORS} & set(names)


# ------------------------------------------------------------------ shapes


@pytest.mark.parametrize("parties", [36, 100, 1000, 20_000])
def test_population_is_as_large_as_asked(parties: int) -> None:
    s = opened(parties)
    assert s.first_outside == parties
    assert len(set(s.lenders.kind.tolist())) == len(LenderKind)
    assert {Kind.MINER, Kind.NEOCLOUD} <= set(s.parties.kind[: s.borrower_count].tolist())


def test_lenders_and_buyers_grow_with_the_root_of_the_population() -> None:
    small, large = opened(2_000), opened(20_000)
    for count in (lambda s: len(s.lenders.kind), lambda s: len(s.buyers.segment)):
        assert count(large) / count(small) == pytest.approx(10**0.5, rel=0.05)


def hill_estimate(sizes: np.ndarray, share: float) -> float:
    """Tail exponent from the largest ``share`` of sizes (Hill 1975)."""
    top = np.sort(sizes)[::-1][: max(10, int(share * len(sizes)))]
    return float(1.0 / np.mean(np.log(top[:-1] / top[-1])))


def test_sizes_have_the_tail_that_was_asked_for() -> None:
    for tail in (1.2, 2.0):
        s = opened(20_000, 1, f"synthetic.pareto_tail={tail}", "synthetic.leverage_deviation=0")
        debt = np.bincount(s.loans.borrower, s.loans.principal_usd, s.borrower_count)
        assert hill_estimate(debt[debt > 0], 0.02) == pytest.approx(tail, rel=0.25)


def test_few_owe_most() -> None:
    s = opened(20_000)
    debt = np.sort(np.bincount(s.loans.borrower, s.loans.principal_usd, s.borrower_count))[::-1]
    assert debt[: len(debt) // 100].sum() > 0.3 * debt.sum()


def test_lognormal_sizes_have_the_deviation_that_was_asked_for() -> None:
    settings = ["synthetic.sizes=lognormal", "synthetic.lognormal_deviation=1.5"]
    drawn = sizes(1, synthetic(20_000).with_settings(settings), Draw.SIZE, 20_000)
    assert np.std(np.log(drawn)) == pytest.approx(1.5, rel=0.02)
    assert np.all(np.diff(drawn) <= 0.0)


def test_number_of_loans_is_as_asked_and_the_large_have_many() -> None:
    for wanted in (1.25, 2.0):
        s = opened(20_000, 1, f"synthetic.loans_per_borrower={wanted}")
        loans = np.bincount(s.loans.borrower[real(s)], minlength=s.borrower_count)
        assert loans.mean() == pytest.approx(wanted, rel=0.02)
        debt = np.bincount(s.loans.borrower, s.loans.principal_usd, s.borrower_count)
        largest = np.argsort(debt)[-20:]
        assert loans[largest].mean() > 10 * loans.mean()


# ------------------------------------------------------------------ networks


def core_share_of_loans(s: Market, core_share: float) -> float:
    """Share of loans that the most connected lenders of each kind have made."""
    degree = np.bincount(s.loans.lender[real(s)], minlength=len(s.lenders.kind))
    core = 0
    for kind in LenderKind:
        mine = np.sort(degree[s.lenders.kind == kind])[::-1]
        core += int(mine[: max(1, round(core_share * len(mine)))].sum())
    return core / int(degree.sum())


def test_the_core_makes_most_loans_and_a_configuration_has_none() -> None:
    core = opened(20_000, 1, "synthetic.core_share=0.1", "synthetic.core_loans=0.7")
    flat = opened(20_000, 1, "synthetic.network=configuration", "synthetic.degree_tail=3.0")
    assert core_share_of_loans(core, 0.1) == pytest.approx(0.7, abs=0.1)
    assert core_share_of_loans(flat, 0.1) < 0.45


def test_a_configuration_keeps_its_sequence_of_degrees() -> None:
    """Numbers of loans follow the drawn ones, whoever borrows: another match, the same numbers."""
    one = opened(5_000, 1, "synthetic.network=configuration")
    scenario = synthetic(5_000, "calm").with_settings(["synthetic.network=configuration"])
    whole = opened_whole()
    numbers = numbers_of(scenario, len(TABLES.buyers))
    people = draw_population(whole, scenario, 1, numbers.borrowers)
    pool = draw_pool(people, numbers.lenders)
    kind = one.lenders.kind[one.loans.lender].astype(np.int64)
    lender = choose_lenders(people, pool, kind, one.loans.principal_usd)
    degree = np.bincount(lender, minlength=numbers.lenders)
    for k in LenderKind:
        mine = slice(pool.first[k], pool.first[k + 1])
        drawn = apportion(int(np.sum(kind == k)), pool.reach[mine])
        np.testing.assert_array_equal(degree[mine], drawn)


def test_lenders_borrow_from_the_core_where_there_is_one() -> None:
    core, flat = opened(20_000), opened(20_000, 1, "synthetic.network=configuration")
    creditors = [len(np.unique(s.interlender.creditor)) for s in (core, flat)]
    assert 2 * creditors[0] < creditors[1]
    for s in (core, flat):
        debtor = np.repeat(np.arange(len(s.lenders.kind)), np.diff(s.interlender.first))
        assert len(debtor) == len(s.interlender.amount_usd) > 0
        assert np.all(debtor != s.interlender.creditor)
        owed = np.bincount(debtor, s.interlender.amount_usd, len(s.lenders.kind))
        reckoned = s.lenders.funding_usd + s.lenders.provision_usd  # before provisions
        assert np.all(owed <= reckoned * (1 + 1e-9))
        lent = np.bincount(s.interlender.creditor, s.interlender.amount_usd, len(owed))
        assert np.all(lent <= 0.5 * s.lenders.other_loans_usd * (1 + 1e-9))


# ------------------------------------------------------------------ draws


def test_same_seed_same_bits_another_seed_another_market() -> None:
    scenario = synthetic(500, "calm")
    one, again, other = (Simulation(scenario, seed).market for seed in (3, 3, 4))
    for name in ("parties", "borrowers", "loans", "holdings", "contracts", "lenders"):
        others = runs.columns(again, name)
        for column, values in runs.columns(one, name).items():
            np.testing.assert_array_equal(values, others[column])
    assert not np.array_equal(one.loans.principal_usd, other.loans.principal_usd)
    assert one.loans.principal_usd.sum() == pytest.approx(other.loans.principal_usd.sum())


def test_scale_multiplies_the_population() -> None:
    scaled = synthetic(1_000, "calm").with_settings(["opening.scale=3"])
    s = Simulation(scaled, 1).market
    assert s.first_outside == 3_000
    np.testing.assert_array_equal(s.loans.principal_usd, opened(3_000).loans.principal_usd)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["synthetic.parties=10"], "synthetic.parties"),
        (["synthetic.parties=100", "opening.scale=0.2"], "from 36 to"),
        (["synthetic.network=ring"], "synthetic.network"),
        (["opening.start=1999"], "not a starting point"),
    ],
)
def test_bad_populations_are_refused(settings: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        synthetic(1_000).with_settings(settings)


# ------------------------------------------------------------------ days


@pytest.mark.compiled
def test_calm_stays_calm() -> None:
    """The operating hazard takes 0.5 % a year; within a quarter hardly anything else fails."""
    simulation = Simulation(synthetic(3_000, "calm").with_settings(["days=91"]), 2).run()
    failed = simulation.market.parties.default_day[: simulation.market.borrower_count] >= 0
    assert failed.mean() < 0.005


@pytest.mark.compiled
def test_a_crash_fells_many_and_loses_nothing() -> None:
    s = synthetic(2_000, "joint-crash").with_settings(
        [
            "days=90",
            "crypto.crash_start_day=1",
            "crypto.crash_days=28",
            "crypto.crash_depth=0.9",
            "credit.payables_days=7",
            "compute.shock_start_day=1",
            "compute.shock_days=28",
            "compute.rent_change_per_year=-0.99999",
            "liquidation.legal_days=7",
        ]
    )
    simulation = Simulation(s, 1).run()
    state = simulation.market
    failed = state.parties.default_day[: state.borrower_count] >= 0
    assert failed.mean() > 0.02
    assert int(state.lots.count[0]) > 20
    worst = simulation.market.kept.series.conservation_error.max()
    assert worst < EXACT


def test_the_twin_agrees_on_a_synthetic_crash() -> None:
    scenario = synthetic(150, "joint-crash").with_settings(
        [
            "days=45",
            "crypto.crash_start_day=1",
            "crypto.crash_days=20",
            "credit.hazard_per_year=0.5",
        ]
    )
    engine, twin = Simulation(scenario, 5), TwinMarket(scenario, rng=5)
    for _ in range(45):
        engine.step()
        twin.step()
    assert (engine.market.parties.default_day[: engine.market.borrower_count] >= 0).sum() > 3
    assert differences(twin, engine.market, EXACT) == []


def test_the_shell_takes_a_synthetic_scenario() -> None:
    model = CreditMarket(synthetic(60, Scenario.load("calm")), rng=2)
    model.step()
    assert model.lending_network().number_of_nodes() > 30
    assert model.summary()["population"]["loans"] > 0


# ------------------------------------------------------------------ pieces


def test_pieces_meet_both_margins() -> None:
    weights, amounts = np.array([5.0, 1.0, 0.0, 4.0]), np.array([30.0, 0.0, 70.0])
    pieces = couple(weights, amounts)
    amount = pieces.share * amounts[pieces.row]
    np.testing.assert_allclose(np.bincount(pieces.party, amount, 4), [50.0, 10.0, 0.0, 40.0])
    np.testing.assert_allclose(np.bincount(pieces.row, amount, 3), amounts)
    assert len(pieces.party) <= np.sum(weights > 0) + np.sum(amounts > 0)


def test_pieces_stay_in_their_group() -> None:
    group, of = np.array([0, 1, 0, 1]), np.array([1, 0])
    pieces = couple_in_groups(np.ones(4), group, np.array([8.0, 2.0]), of)
    np.testing.assert_array_equal(group[pieces.party], of[pieces.row])
    np.testing.assert_allclose(np.bincount(pieces.row, pieces.share), 1.0)


def test_nobody_to_divide_among_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        couple(np.zeros(2), np.ones(1))


def test_cutting_keeps_the_total_and_cuts_the_largest() -> None:
    amounts = np.array([100.0, 1.0, 1.0])
    pieces = couple(np.array([100.0, 1.0, 1.0]), amounts)
    parts = cut(pieces, amounts, 12)
    assert len(parts.row) == pytest.approx(12, abs=1)
    np.testing.assert_allclose(np.bincount(parts.row, parts.share), 1.0)
    assert np.sum(parts.row == 1) == 1


def test_whole_numbers_add_up() -> None:
    np.testing.assert_array_equal(apportion(10, np.array([1.0, 1.0, 1.0])), [4, 3, 3])
    assert apportion(7, np.array([1000.0, 1.0, 1.0]), least=1).tolist() == [5, 1, 1]


def test_numbered_names_are_read_back() -> None:
    names = NumberedNames([("MINER_", 12), ["A", "B"], ("BANK_", 3)])
    assert list(names)[:2] == ["MINER_01", "MINER_02"]
    assert names[11:15] == ["MINER_12", "A", "B", "BANK_1"]
    assert names[-1] == "BANK_3" and names.index("BANK_3") == 16 and "MINER_12" in names
    assert "MINER_13" not in names and "MINER_1" not in names
    with pytest.raises(ValueError, match="BANK_3"):
        names.index("BANK_3", 0, 12)
    with pytest.raises(IndexError):
        names[17]


def test_who_would_never_order_has_no_facility() -> None:
    small, large = opened(20_000), opened(100)
    for s, most in ((small, 0.5), (large, 1.0)):
        ordering = np.unique(s.loans.borrower[s.loans.growth == ANY_GROWTH])
        share = len(ordering) / s.borrower_count
        assert 0.0 < share <= most
