"""The rent of compute, and the table of hardware classes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.buyer import Rack
from firesale.market.opening.books import Books
from firesale.market.opening.hardware import build_hardware, class_names, rent_exponent
from firesale.market.prices.rents import adoption, compute_paths, rent_after_supply, rent_usd_h
from firesale.market.scenario.sections import Compute
from firesale.market.state.hardware import NEVER, Family, schedule_usd

quick = settings(deadline=None, max_examples=60)
positive = st.floats(0.05, 20.0)


# --- the law --------------------------------------------------------------------------------------


def test_the_law_by_hand() -> None:
    assert rent_usd_h(1.0, 1.0, 1.0, 0.7) == pytest.approx(1.0)
    # Demand doubled at elasticity 1/2: the price quadruples; supply doubled takes it back.
    assert rent_usd_h(2.0, 1.0, 1.0, 0.5) == pytest.approx(4.0)
    assert rent_usd_h(2.0, 1.0, 2.0, 0.5) == pytest.approx(1.0)
    # Twice the work per hour at elasticity 2: (2^1)^(1/2).
    assert rent_usd_h(1.0, 2.0, 1.0, 2.0) == pytest.approx(math.sqrt(2.0))


@quick
@given(positive, st.floats(1.01, 10.0), positive, st.floats(0.1, 5.0))
def test_efficiency_lowers_rents_if_and_only_if_demand_is_inelastic(
    demand: float, gain: float, supply: float, elasticity: float
) -> None:
    before = rent_usd_h(demand, 1.0, supply, elasticity)
    after = rent_usd_h(demand, gain, supply, elasticity)
    if elasticity < 0.999:
        assert after < before
    elif elasticity > 1.001:
        assert after > before
    assert rent_usd_h(demand, gain, supply, 1.0) == pytest.approx(demand / supply)


@quick
@given(positive, positive, st.floats(0.1, 5.0))
def test_users_get_the_work_they_want_at_the_clearing_rent(
    demand: float, efficiency: float, elasticity: float
) -> None:
    # Demand for work at price p of a unit of work is W p^-eps; supply of work is A S.
    supply = 1.7
    rent = rent_usd_h(demand, efficiency, supply, elasticity)
    price_of_work = rent / efficiency
    assert demand * price_of_work**-elasticity == pytest.approx(efficiency * supply, rel=1e-9)


@quick
@given(positive, positive, st.floats(0.1, 5.0))
def test_rent_answers_supply_with_the_inverse_elasticity(
    planned: float, actual: float, elasticity: float
) -> None:
    rent = rent_after_supply(2.2, planned, actual, elasticity)
    assert math.log(rent / 2.2) == pytest.approx(
        math.log(planned / actual) / elasticity, rel=1e-9, abs=1e-12
    )
    # The same law: as if supply had been the actual one all along.
    assert rent / 2.2 == pytest.approx(
        rent_usd_h(1.3, 1.1, actual, elasticity) / rent_usd_h(1.3, 1.1, planned, elasticity),
        rel=1e-9,
    )


def test_no_supply_makes_rent_huge_but_finite() -> None:
    assert np.isfinite(rent_after_supply(2.2, 1.0, 0.0, 0.7))


# --- paths ----------------------------------------------------------------------------------------


def rents(days: int, seed: int = 1, **changes: object) -> np.ndarray:
    return compute_paths(Compute(**changes), days, seed).planned_rent


def test_scripted_rents_fall_by_the_stated_share_each_year() -> None:
    path = rents(730, path="scripted", rent_change_per_year=-0.35, volatility=0.0)
    assert path[0] == 1.0
    assert path[365] == pytest.approx(0.65, rel=1e-12)
    assert path[730] == pytest.approx(0.65**2, rel=1e-12)


def test_a_scripted_shock_starts_and_ends_on_its_days() -> None:
    path = rents(
        500,
        path="scripted",
        rent_change_per_year=-0.5,
        volatility=0.0,
        shock_start_day=30,
        shock_days=365,
    )
    assert path[:31] == pytest.approx(np.ones(31))
    assert path[31] < 1.0
    assert path[395:] == pytest.approx(np.full(106, 0.5))


def test_a_calm_law_keeps_rents_flat() -> None:
    assert rents(400, volatility=0.0) == pytest.approx(np.ones(401), rel=1e-12)


def test_growing_efficiency_moves_rents_by_the_law() -> None:
    low = rents(365, volatility=0.0, efficiency_growth=0.3, elasticity=0.5)
    high = rents(365, volatility=0.0, efficiency_growth=0.3, elasticity=2.0)
    assert math.log(low[365]) == pytest.approx(0.3 * (0.5 - 1) / 0.5)
    assert math.log(high[365]) == pytest.approx(0.3 * (2.0 - 1) / 2.0)


@quick
@given(st.floats(-0.9, 3.0), st.floats(1.2, 30.0))
def test_adoption_is_logistic(growth: float, ceiling: float) -> None:
    years = np.array([0.0, 1e-5, 0.5, 1.0, 100.0 if growth > 0.2 else 2.0])
    demand = adoption(years, growth, ceiling)
    assert demand[0] == pytest.approx(1.0, rel=1e-12)
    assert math.log(demand[1]) / 1e-5 == pytest.approx(growth, rel=1e-3, abs=1e-3)
    # The equation: d(log demand)/dt = rate (1 - demand / ceiling), here over a small step.
    rate = growth / (1 - 1 / ceiling)
    h = 1e-4
    pair = np.log(adoption(np.array([0.5 - h, 0.5 + h]), growth, ceiling))
    assert (pair[1] - pair[0]) / (2 * h) == pytest.approx(
        rate * (1 - demand[2] / ceiling), rel=1e-3, abs=1e-4
    )
    if growth > 0.2:
        assert demand[-1] == pytest.approx(ceiling, rel=1e-6)
    assert np.all(demand <= ceiling * (1 + 1e-12))


def test_demand_noise_reverts() -> None:
    # Ornstein-Uhlenbeck: variance s^2 (1 - e^(-2kt)) / 2k, against s^2 t without reversion. The
    # scripted path carries the noise over the elasticity.
    runs, years = 400, 3
    changes = dict(path="scripted", volatility=0.2, elasticity=1.0)
    for kappa, variance in ((0.0, 0.04 * years), (1.0, 0.04 * (1 - math.exp(-6)) / 2)):
        ends = [
            math.log(rents(365 * years, seed, reversion_per_year=kappa, **changes)[-1])
            for seed in range(runs)
        ]
        assert np.mean(ends) == pytest.approx(0.0, abs=4 * math.sqrt(variance / runs))
        assert np.var(ends) == pytest.approx(variance, rel=4 * math.sqrt(2 / runs))


# --- hardware classes -----------------------------------------------------------------------------


def test_the_exponent_of_rents_is_a_fit_through_the_h100(tables: Books) -> None:
    rows = [row for row in tables.hardware if row.rent_usd_gpu_h]
    x = np.log([row.performance_bf16_h100 for row in rows])
    y = np.log([row.rent_usd_gpu_h for row in rows]) - math.log(2.2)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert rent_exponent(tables) == pytest.approx(float(slope), rel=1e-12)
    assert 0.0 < slope < 1.0  # rent grows less than performance


def test_listed_classes_have_their_rent_and_coming_ones_our_guess(tables: Books) -> None:
    hardware = build_hardware(tables)
    for k, row in enumerate(tables.hardware):
        if row.family == "asic":
            assert hardware.quality[k] == 0.0
        elif row.rent_usd_gpu_h:
            assert hardware.quality[k] * 2.2 == pytest.approx(row.rent_usd_gpu_h)
        else:
            assert hardware.quality[k] == row.work_h100


def test_without_a_guess_a_coming_class_is_paid_for_its_performance(tables: Books) -> None:
    """As the classes of the opening day are: by the fitted exponent; our guess is not far off."""
    blank = tuple(row.model_copy(update={"work_h100": None}) for row in tables.hardware)
    hardware = build_hardware(replace(tables, hardware=blank))
    eta = rent_exponent(tables)
    for k, row in enumerate(tables.hardware):
        if row.work_h100:
            assert hardware.quality[k] == pytest.approx(row.performance_bf16_h100**eta)
            assert hardware.quality[k] == pytest.approx(row.work_h100, rel=0.1)


def test_a_coming_class_trades_at_what_young_ones_keep(tables: Books) -> None:
    """B300 and GB300 came five weeks before the opening: 50 of 62, 55 of 70 thousand."""
    hardware = build_hardware(tables)
    names = class_names(tables)
    for name, day, new in (("VR200", 336, 90_000.0), ("VR300", 701, 130_000.0)):
        k = names.index(name)
        assert hardware.launch_day[k] == day
        assert hardware.used_open_usd[k] == pytest.approx(new * (50 / 62 + 55 / 70) / 2)
    assert sorted(hardware.launch_day.tolist())[:-2] == [0] * (len(names) - 2)
    off = build_hardware(tables, dated=False)
    for name in ("VR200", "VR300"):
        assert off.launch_day[names.index(name)] == NEVER
        assert off.used_open_usd[names.index(name)] == 0.0


def test_units_of_rigs_are_terahashes_and_slots_are_megawatts(tables: Books) -> None:
    hardware = build_hardware(tables)
    names = class_names(tables)
    assert names[-1] == "SITE" and hardware.family[-1] == Family.SITE
    for k, row in enumerate(tables.hardware):
        if row.family == "asic":
            assert hardware.rack[k] == Rack.ASIC
            # A rig of e J/TH draws e watts per TH/s: kw and efficiency must agree.
            middle = 0.5 * (hardware.lo_j_th[k] + hardware.hi_j_th[k])
            assert hardware.kw[k] * 1000 == pytest.approx(middle, rel=0.05)
            assert hardware.slots_per_unit[k] == pytest.approx(hardware.kw[k] / 1000)
        else:
            assert hardware.slots_per_unit[k] == 1.0


def test_depreciation_is_the_regression_of_the_table(tables: Books) -> None:
    hardware = build_hardware(tables)
    for family, k in (("gpu", 0), ("asic", class_names(tables).index("LT18"))):
        rows = [row for row in tables.depreciation if row.family == family]
        age = np.array([row.age_years for row in rows])
        logs = np.log([row.residual_share for row in rows])
        slope = np.linalg.lstsq(age[:, None], logs, rcond=None)[0][0]
        assert hardware.annual_depreciation[k] == pytest.approx(-slope, rel=1e-12)
        assert hardware.annual_depreciation[k] > 0


def test_the_schedule_starts_at_the_quote_and_ends_at_scrap() -> None:
    assert schedule_usd(20_000.0, 0.4, 900.0, 0) == 20_000.0
    assert schedule_usd(20_000.0, 0.4, 900.0, 365) == pytest.approx(20_000 * math.exp(-0.4))
    assert schedule_usd(20_000.0, 0.4, 900.0, 365 * 30) == 900.0


def test_replacement_is_the_cheapest_current_machine_per_unit_of_rent(
    tables: Books,
) -> None:
    hardware = build_hardware(tables)
    current = [
        (k, row)
        for k, row in enumerate(tables.hardware)
        if row.available_at_start and (tables.opening_date - row.launch_date).days < 548
    ]
    gpus = [(k, row) for k, row in current if row.family == "gpu"]
    assert len(gpus) >= 2
    for k, row in enumerate(tables.hardware):
        if row.family == "asic":
            assert hardware.replacement_usd[k] == row.new_price_usd
            continue
        costs = [new.new_price_usd * hardware.quality[k] / hardware.quality[j] for j, new in gpus]
        assert hardware.replacement_usd[k] == pytest.approx(min(costs), rel=1e-12)
        # Nothing second-hand may be worth more than new hardware that does the same.
        if row.used_price_usd:
            assert hardware.used_open_usd[k] <= hardware.replacement_usd[k]
