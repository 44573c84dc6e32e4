"""Plans and designs: what is refused and how, and that a plan always means the same runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sweep_runs import cheap, plan

from firesale.experiments.look import memory
from firesale.experiments.look.memory import BOOK_PARTIES, parties_of
from firesale.experiments.sweeps import books
from firesale.experiments.sweeps.design import (
    UNIT,
    RunPoint,
    count_runs,
    design_table,
    largest_of,
    run_points,
    seed_of,
)
from firesale.experiments.sweeps.execute import Work, scenario_of, scores_of
from firesale.experiments.sweeps.factors import Distribution, flatten
from firesale.experiments.sweeps.plan import Plan, plan_names
from firesale.experiments.sweeps.runner import Driver
from firesale.market.opening.beliefs import belief_about, believe
from firesale.market.opening.books import CONFIDENCE_SD
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

DEPTH: dict[str, Any] = {"low": 0.2, "high": 0.8}


def factors(key: str = "crypto.crash_depth", **data: Any) -> dict[str, Any]:
    """One factor, nested as in TOML."""
    section, name = key.split(".")
    return {section: {name: data}}


SOBOL = {"method": "sobol", "points": 8}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"dayz": 1}, "there is no key 'dayz'; allowed here: name, title"),
        ({"base": {}}, "there is no key 'base'"),
        ({"scenario": "nothing"}, "There is no scenario 'nothing'; allowed: "),
        ({"scenario": 3}, "scenario = 3 is not allowed"),
        ({"replicates": 0}, "replicates = 0 is not allowed"),
        ({"seed": -1}, "seed = -1 is not allowed"),
        ({"settings": {"crypto": {"drift": 9.0}}}, "settings: crypto.drift = 9.0 is not allowed"),
        ({"settings": {"crypto": {"history": "gone.csv"}}}, "gone.csv cannot be read"),
        ({"factors": factors(values=[2.0])}, "crypto.crash_depth = 2.0 is not allowed"),
        ({"factors": factors(low=10**400, high=1.0, steps=2)}, "low = inf is not allowed"),
        ({"factors": factors(low=0.5, high=1.5, steps=3)}, "crypto.crash_depth = 1.5 is not"),
        ({"factors": factors("crypto.depth", values=[1.0])}, "there is no key 'crypto.depth'"),
        ({"factors": factors("crypto.path", values=["slump"])}, "crypto.path = 'slump'"),
        (
            {"factors": {"crypto": {"values": [1]}}},
            "factors: crypto = 0.0 is not allowed; it is a section, not a value",
        ),
        ({"factors": factors(lo=1, high=2)}, "there is no key 'factors.crypto.crash_depth.lo'"),
        ({"factors": factors(low=0.8, high=0.2)}, "low = 0.8 is not below high = 0.2"),
        ({"factors": factors(low=0.5)}, "a distribution 'uniform' needs high"),
        ({"factors": factors(**DEPTH, mean=0.5)}, "a distribution 'uniform' has no mean"),
        ({"factors": factors(distribution="cauchy")}, "distribution = 'cauchy' is not allowed"),
        ({"factors": factors(**DEPTH)}, "a grid needs values, or low, high and steps"),
        ({"factors": factors(**DEPTH, steps=3, unit="days")}, "unit = 'days' is not allowed"),
        (
            {"factors": factors("crypto.crash_days", values=[9], unit="years")},
            "unit = 'years' is not allowed; crypto.crash_days is in days",
        ),
        (
            {"factors": factors("crypto.crash_days", low=3.2, high=3.8), "design": SOBOL},
            "there is no whole number between low and high",
        ),
        (
            {
                "factors": factors(distribution="normal", mean=0.5, deviation=0.1),
                "design": SOBOL,
            },
            "without 'low' goes beyond 0, the bound of crypto.crash_depth; give low = 0 or nearer",
        ),
        (
            {"factors": factors(values=[0.1], also=["crypto.crash_days"])},
            "'also' mixes whole numbers and others",
        ),
        (
            {"factors": factors(values=[0.1], also=["crypto.crash_depth"])},
            "'crypto.crash_depth' is set twice",
        ),
        ({"design": {"method": "maximin"}}, "design.method = 'maximin' is not allowed"),
        ({"design": {"method": "grid", "points": 3}}, "counts its points itself"),
        ({"design": {"method": "random"}}, "a 'random' design needs points"),
        ({"design": {"method": "sobol-indices", "points": 9}}, "is not a power of two"),
        ({"design": {"method": "list"}}, "needs at least one factor"),
        (
            {"factors": factors(**DEPTH, steps=3), "design": SOBOL},
            "steps belong to a grid, not to 'sobol'",
        ),
        (
            {
                "factors": {"crypto": {"drift": {"values": [0, 1]}, "volatility": {"values": [1]}}},
                "design": {"method": "list"},
            },
            "equally many values (crypto.drift 2, crypto.volatility 1)",
        ),
        (
            {"factors": factors(values=[0.1], importance=DEPTH), "design": SOBOL},
            "importance sampling needs two continuous distributions",
        ),
        (
            {"factors": factors(**DEPTH, importance={"low": 0.3, "high": 0.9}), "design": SOBOL},
            "does not cover the factor's own",
        ),
        ({"arms": {"Big Bank": {}}}, "'Big Bank' is not a name"),
        ({"arms": {"x": {"policy": {"nothing": 1}}}}, "there is no key 'policy.nothing'"),
        (
            {
                "arms": {"x": {"crypto": {"crash_depth": 0.5}}},
                "factors": factors(values=[0.1, 0.2]),
            },
            "arms.x: 'crypto.crash_depth' is a factor too",
        ),
        ({"analysis": {"event": "boom"}}, "'boom' is not an event such as"),
        ({"analysis": {"phase": [["a", "b"]]}}, "'a' is not a factor of this plan (none)"),
        ({"slurm": {"walltime": "soon"}}, "slurm.walltime = 'soon' is not allowed"),
        (
            {"factors": {"books": {"banks": {"cash_usd_m": {}}}}, "design": SOBOL},
            "there is no such table; allowed: miners",
        ),
        (
            {"factors": {"books": {"miners": {"btc_free": {}}}}, "design": SOBOL},
            "not an uncertain column; allowed: cash_usd_m",
        ),
        (
            {"factors": {"books": {"miners": {"NOBODY": {"cash_usd_m": {}}}}}, "design": SOBOL},
            "there is no row 'NOBODY'",
        ),
        (
            {"factors": {"books": {"miners": {"cash_usd_m": {"values": [9.0]}}}}},
            "9.0 is not allowed; it must be from -4 to 4 standard deviations",
        ),
        (
            {
                "settings": {"opening": {"start": "2021"}},
                "factors": {"books": {"leverage": {"values": [1.0, 1.2]}}},
            },
            "books.leverage: is a part of the books of 2025; opening.start = '2021' opens others",
        ),
        (
            {
                "arms": {"now": {}, "then": {"opening": {"start": "2021"}}},
                "factors": {"books": {"leverage": {"values": [1.0, 1.2]}}},
            },
            "opening.start = '2021' opens others",
        ),
        (
            {"factors": factors(**DEPTH, importance={"lwo": 0.0}), "design": SOBOL},
            "no key 'factors.crypto.crash_depth.importance.lwo' (did you mean low?); allowed here: "
            "distribution",
        ),
        (
            {"trajectories": {"columns": ["x"], "days": 7}},
            "no key 'trajectories.days'; allowed here: col",
        ),
        ({"trajectories": {"columns": ["x", "x"]}}, "the column 'x' stands there twice"),
        ({"trajectories": {"columns": ["day"]}}, "the column 'day' is kept anyway"),
        (
            {
                "factors": factors(
                    distribution="normal", mean=50.0, deviation=0.1, low=0.1, high=0.9
                ),
                "design": SOBOL,
            },
            "between low and high there is less than 1e-06 of the distribution",
        ),
        (
            {
                "factors": factors(values=[0.1, 0.2]),
                "analysis": {"phase": [["crypto.crash_depth", "crypto.crash_depth"]]},
            },
            "'crypto.crash_depth' is paired with itself",
        ),
        (
            {
                "factors": {
                    "crypto": {
                        name: {"low": 0.1, "high": 0.9, "steps": 10_000}
                        for name in ("crash_depth", "volatility", "drift")
                    }
                }
            },
            "1,000,000,000,000 runs are not allowed; at most 1,000,000,000",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_bad_plan_is_refused_in_one_sentence(data: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        plan(**data)
    sentence = str(refusal.value)
    assert says in sentence
    assert sentence.endswith(".") and "\n" not in sentence


RENTS = {"rent_change_per_year": {"values": [-0.5, 0.0]}}
PRICES = {"policy": {"buyer_price_share": 0.9}}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"scenario": "baseline", "factors": factors(values=[0.3, 0.5])},
         "factors: crypto.crash_depth has no effect while crypto.path is 'random'; set "
         "crypto.path='crash' too."),
        ({"factors": factors("crypto.drift", values=[0.1], also=["macro.btc_loading"])},
         "factors: macro.btc_loading has no effect while macro.volatility is 0 and macro.shock is "
         "0; set macro.volatility to another value, or macro.shock to another value too."),
        ({"settings": {"macro": {"start_day": 5}}},
         "settings: macro.start_day has no effect while macro.shock is 0; set macro.shock to "
         "another value too."),
        ({"arms": {"none": {}, "buyer": PRICES}},
         "arms.buyer: policy.buyer_price_share has no effect while "
         "policy.buyer_of_last_resort_usd is 0; set policy.buyer_of_last_resort_usd to another "
         "value too."),
        ({"arms": {"with": {"policy": {"buyer_of_last_resort_usd": 1e9}}, "dear": PRICES}},
         "arms.dear: policy.buyer_price_share has no effect while "
         "policy.buyer_of_last_resort_usd is 0; set policy.buyer_of_last_resort_usd to another "
         "value too."),
        ({"arms": {"old": {"opening": {"start": "2021"}, "tenants": {"relet_days": 5}}}},
         "arms.old: tenants.relet_days has no effect while opening.start is '2021'; set "
         "opening.start='2025' or 'synthetic' too."),
    ],
)  # fmt: skip
def test_what_has_no_effect_in_any_run_of_a_plan_is_refused(
    data: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError) as refusal:
        plan(**data)
    assert str(refusal.value) == f"test.toml: {says}"


@pytest.mark.parametrize(
    "data",
    [
        # What has an effect in some runs: where another factor, a policy or a setting lets it.
        {"scenario": "baseline", "factors": {"crypto": {"crash_depth": {"values": [0.3, 0.5]},
                                                        "path": {"values": ["random", "crash"]}}}},
        {"factors": {"macro": {"shock": {"low": 0, "high": 2, "steps": 3},
                               "ramp_days": {"values": [30, 90]}}}},
        {"settings": {"macro": {"ramp_days": 30}},
         "factors": factors("macro.shock", values=[0, 2])},
        {"factors": {"compute": RENTS}, "settings": {"compute": {"path": "scripted"}}},
        {"factors": factors("policy.buyer_price_share", values=[0.5, 0.9]),
         "arms": {"none": {}, "buyer": {"policy": {"buyer_of_last_resort_usd": 1e9}}}},
        {"arms": {"buyer": PRICES | {"policy": PRICES["policy"] |
                                     {"buyer_of_last_resort_usd": 1e9}}}},
        {"arms": {"as-it-is": {"policy": {"buyer_price_share": 0.7}}}},  # no change
    ],
)  # fmt: skip
def test_what_has_an_effect_in_some_runs_of_a_plan_is_let_through(data: dict[str, Any]) -> None:
    p = plan(**data)
    for point in run_points(p, design_table(p), np.arange(count_runs(p))):
        scenario_of(Work.of(p, Path(), ""), point)


def test_a_plan_takes_numbers_as_people_write_them() -> None:
    as_text = plan(
        factors=factors(low="20%", high="80%", steps=4)
        | factors("policy.buyer_of_last_resort_usd", values=["250m", "5bn"]),
        settings={"credit": {"max_ltv": "90%"}},
        arms={"floor": {"policy": {"haircut_floor": "50%"}}},
    )
    as_numbers = plan(
        factors=factors(low=0.2, high=0.8, steps=4)
        | factors("policy.buyer_of_last_resort_usd", values=[2.5e8, 5e9]),
        settings={"credit": {"max_ltv": 0.9}},
        arms={"floor": {"policy": {"haircut_floor": 0.5}}},
    )
    assert as_text.identity() == as_numbers.identity()
    drawn = plan(
        factors=factors(
            distribution="normal", mean="50%", deviation="10%", low="20%", high="80%",
            importance={"low": "10%", "high": "90%"},
        ),
        design=SOBOL,
    )  # fmt: skip
    factor = drawn.factors["crypto.crash_depth"]
    assert (factor.mean, factor.deviation, factor.support()) == (0.5, 0.1, (0.2, 0.8))
    assert factor.importance is not None and factor.importance.support() == (0.1, 0.9)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"factors": factors("crypto.crash_days", values=["30%"])},
         "factors: crypto.crash_days = '30%' is not allowed; it is a whole number"),
        ({"factors": factors(low="1k", high="80%", steps=4)},
         "factors: crypto.crash_depth = '1k' is not allowed; it is a share, as 0.77 or 77%."),
        ({"arms": {"a": {"policy": {"buyer_of_last_resort_usd": "5%"}}}},
         "arms.a: policy.buyer_of_last_resort_usd = '5%' is not allowed; it is in dollars"),
        ({"settings": {"credit": {"payables_days": "1k"}}},
         "settings: credit.payables_days = '1k' is not allowed; it is a whole number"),
    ],
)  # fmt: skip
def test_a_plan_refuses_forms_that_a_key_does_not_take(data: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        plan(**data)
    assert str(refusal.value).startswith(f"test.toml: {says}")


def test_the_nearest_plan_is_offered() -> None:
    with pytest.raises(InputError, match=r"no plan 'clif' \(did you mean cliff\?\)"):
        Plan.load("clif")
    with pytest.raises(InputError, match=r"no key 'replicate' \(did you mean replicates\?\)"):
        plan(replicate=3)


def test_a_plan_file_is_looked_up_by_name_or_path(tmp_path: Path) -> None:
    assert plan_names() and all(Plan.load(name).name == name for name in plan_names())
    with pytest.raises(InputError, match="There is no plan 'nothing'"):
        Plan.load("nothing")
    with pytest.raises(InputError, match="cannot be read"):
        Plan.load(tmp_path / "gone.toml")
    (tmp_path / "broken.toml").write_text("scenario = ")
    with pytest.raises(InputError, match="not valid TOML"):
        Plan.load(tmp_path / "broken.toml")
    (tmp_path / "bare.toml").write_text("seed = 1")
    with pytest.raises(InputError, match="the key 'scenario' is missing"):
        Plan.load(tmp_path / "bare.toml")


def test_a_scenario_of_ones_own_is_found_beside_the_plan(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("days = 9\n[crypto]\nvolatility = 0.1\n")
    (tmp_path / "plan.toml").write_text('scenario = "mine.toml"\n[settings]\ncrypto.drift = 0.2\n')
    base = Plan.load(tmp_path / "plan.toml").base
    assert (base.days, base.crypto.volatility, base.crypto.drift) == (9, 0.1, 0.2)


def test_identity_follows_what_decides_results_and_nothing_else(tmp_path: Path) -> None:
    base = plan(factors=factors(values=[0.1, 0.2]))
    same = plan(
        factors=factors(values=[0.1, 0.2]),
        title="another title",
        analysis={"event": "defaults.miner > 1"},
        slurm={"queue": "long"},
    )
    assert base.identity() == same.identity()
    for change in (
        {"seed": 2},
        {"replicates": 2},
        {"scenario": "joint-crash"},
        {"settings": {"days": 3}},
        {"arms": {"a": {}}},
        {"outputs": ["defaults.*"]},
        {"factors": factors(values=[0.1, 0.3])},
    ):
        data = {"factors": factors(values=[0.1, 0.2]), **change}
        assert plan(**data).identity() != base.identity(), change


def test_a_plan_may_replay_the_packaged_history(tmp_path: Path) -> None:
    replay = plan(scenario="backtest-2022", settings={"days": 2}, replicates=2)
    assert replay.base.crypto.history == "packaged"
    assert replay.identity() == plan(**replay_of("packaged")).identity()
    assert Driver(replay, tmp_path / "sweep", quiet=True).run("serial").failed == 0


def replay_of(history: str) -> dict[str, Any]:
    """The same plan, its history named once more."""
    settings = {"days": 2, "crypto": {"history": history}}
    return {"scenario": "backtest-2022", "settings": settings, "replicates": 2}


def test_identity_follows_the_content_of_a_history_file(tmp_path: Path) -> None:
    def identity(folder: str, price: int) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / "h.csv"
        file.write_text(f"week_ending,btc_usd_close\n2025-10-05,{price}\n2025-10-12,110000\n")
        return plan(settings={"crypto": {"history": str(file)}}).identity()

    assert identity("a", 100_000) == identity("b", 100_000) != identity("b", 90_000)


# ------------------------------------------------------------------ designs


@pytest.mark.parametrize(
    "method", ["latin-hypercube", "sobol", "random", "sobol-indices", "morris"]
)
def test_a_design_is_the_same_each_time_and_another_with_another_seed(method: str) -> None:
    data = {
        "factors": {
            "crypto": {
                "crash_depth": DEPTH,
                "crash_days": {"low": 10, "high": 20},
                "path": {"values": ["crash", "random"]},
            }
        },
        "design": {"method": method, "points": 16},
    }
    table = design_table(plan(**data))
    assert table.equals(design_table(plan(**data)))
    assert not table.equals(design_table(plan(**data, seed=2)))
    depth = table["crypto.crash_depth"].to_numpy()
    days = table["crypto.crash_days"].to_numpy()
    assert depth.min() >= 0.2 and depth.max() <= 0.8
    assert days.dtype == np.int64 and days.min() >= 10 and days.max() <= 20
    assert set(table["crypto.path"].to_pylist()) == {"crash", "random"}
    assert (
        len(table)
        == count_runs(plan(**data))
        == {"sobol-indices": 80, "morris": 64}.get(method, 16)
    )


def test_a_latin_hypercube_has_one_point_in_each_row_and_column() -> None:
    table = design_table(
        plan(
            factors={"crypto": {"crash_depth": DEPTH, "drift": {"low": -1.0, "high": 1.0}}},
            design={"method": "latin-hypercube", "points": 20},
        )
    )
    for name, low, high in (("crypto.crash_depth", 0.2, 0.8), ("crypto.drift", -1.0, 1.0)):
        cells = np.floor((table[name].to_numpy() - low) / (high - low) * 20).astype(int)
        assert sorted(cells) == list(range(20))


def test_morris_moves_one_factor_at_a_time() -> None:
    table = design_table(
        plan(
            factors={"crypto": {"crash_depth": DEPTH, "drift": {"low": -1.0, "high": 1.0}}},
            design={"method": "morris", "points": 5},
        )
    )
    unit = np.column_stack([table[UNIT + k] for k in ("crypto.crash_depth", "crypto.drift")])
    steps = np.abs(np.diff(unit.reshape(5, 3, 2), axis=1))
    assert np.all((steps > 0).sum(axis=2) == 1)


def test_a_grid_has_every_combination_and_a_list_none_more() -> None:
    cells = {"crypto": {"drift": {"values": [0, 1]}, "crash_depth": {**DEPTH, "steps": 4}}}
    table = design_table(plan(factors=cells))
    assert len(table) == 8 == count_runs(plan(factors=cells))
    assert table["crypto.drift"].to_pylist()[:5] == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert table["crypto.crash_depth"].to_pylist()[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    pairs = {"crypto": {"drift": {"values": [0, 1]}, "crash_depth": {"values": [0.3, 0.6]}}}
    listed = design_table(plan(factors=pairs, design={"method": "list"}))
    assert listed["crypto.crash_depth"].to_pylist() == [0.3, 0.6]


def test_run_ids_and_seeds_follow_from_point_and_replicate_alone() -> None:
    p = plan(
        factors=factors(values=[0.1, 0.2, 0.3]),
        arms={"none": {}, "cap": {"policy": {"haircut_floor": 0.5}}},
        replicates=4,
    )
    points = run_points(p, design_table(p), np.arange(count_runs(p)))
    assert [q.run_id for q in points] == [q.design_id * 4 + q.replicate for q in points]
    seeds: dict[tuple[float, int], set[int]] = {}
    for q in points:
        seeds.setdefault((float(q.factors["crypto.crash_depth"]), q.replicate), set()).add(q.seed)
    assert all(len(found) == 1 for found in seeds.values()), "arms share their draws"
    assert len(set.union(*seeds.values())) == 12, "points and replicates do not"
    assert seed_of(p, 0, 0) == seed_of(p, 0, 0) != seed_of(plan(seed=2), 0, 0)
    shared = plan(shared_seeds=True)
    assert seed_of(shared, 0, 3) == seed_of(shared, 7, 3) != seed_of(shared, 0, 4)
    assert all(0 <= q.seed < 2**63 for q in points)


def test_a_run_has_the_settings_of_its_point_and_its_arm() -> None:
    p = plan(
        settings={"days": 7},
        factors={
            "liquidation": {"budget_scale": {"values": [0.5], "also": ["liquidation.slot_scale"]}},
            "books": {"lenders": {"capital_usd_m": {"values": [-1.0]}}},
        },
        arms={"cap": {"policy": {"haircut_floor": 0.5}}},
    )
    (point,) = run_points(p, design_table(p), np.array([0]))
    work = Work.of(p, Path(), "")
    scenario = scenario_of(work, point)
    assert (scenario.days, scenario.policy.haircut_floor) == (7, 0.5)
    assert scenario.liquidation.budget_scale == scenario.liquidation.slot_scale == 0.5
    assert scores_of(work, point) == {"books.lenders.capital_usd_m": -1.0}


# ------------------------------------------------------------------ beliefs


BELIEVED = "marks.evidence_weight"


def first_runs(p: Plan) -> list[tuple[RunPoint, Scenario]]:
    points = run_points(p, design_table(p), np.arange(count_runs(p)))
    return [(point, scenario_of(Work.of(p, Path(), ""), point)) for point in points]


def test_runs_draw_within_beliefs_unless_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('scenario = "crypto-crash"\nreplicates = 3\n')
    (tmp_path / "b.toml").write_text(
        'scenario = "crypto-crash"\n[settings]\nopening.beliefs = false\n'
    )
    drawn = first_runs(Plan.load(tmp_path / "a.toml"))
    assert len({scenario.value_of(BELIEVED) for _, scenario in drawn}) == 3
    for point, scenario in drawn:
        asks = Scenario.load("crypto-crash").changed({"opening.beliefs": True}, "test")
        assert scenario == believe(asks, point.seed).changed({"name": scenario.name}, "test")
        assert scenario.opening.sample and not scenario.opening.beliefs
    for path, option in (("a", False), ("b", None)):
        ((_, plain), *_) = first_runs(Plan.load(tmp_path / f"{path}.toml", option))
        assert plain.value_of(BELIEVED) == 0.5 and not plain.opening.sample
    assert Plan.load(tmp_path / "b.toml", True).base.opening.beliefs
    assert Plan.load(tmp_path / "a.toml").identity() != (
        Plan.load(tmp_path / "a.toml", False).identity()
    )


def test_what_a_plan_varies_or_an_arm_sets_is_not_drawn() -> None:
    p = plan(
        factors={"marks": {"evidence_weight": {"values": [0.5, 0.9]}}},
        arms={"none": {}, "fewer": {"credit": {"max_waivers": 1}}},
    )
    for point, scenario in first_runs(p):
        assert scenario.marks.evidence_weight == point.factors[BELIEVED]
        assert scenario.credit.max_waivers == (2 if point.arm == "none" else 1)
        assert scenario.marks.evidence_half_life_days != 120.0
    one, other = (scenario for _, scenario in first_runs(p)[:2])  # arms of a point
    assert one.changed({"credit.max_waivers": 1}, "test") == other


def test_a_factor_without_numbers_has_its_belief() -> None:
    p = plan(
        factors={
            "marks": {"evidence_weight": {}},
            "credit": {"refinancing_appetite": {}},
            "books": {"buyers": {"budget_usd_m_yr": {}}},
        },
        design={"method": "sobol", "points": 8},
    )
    weight, appetite = p.factors[BELIEVED], p.factors["credit.refinancing_appetite"]
    assert (weight.distribution, weight.low, weight.high) == ("uniform", 0.25, 0.75)
    assert (appetite.distribution, appetite.mode) == ("triangular", 1.0)
    for key, factor in p.factors.items():
        row = belief_about(p.base, key)
        assert row is not None
        for place in (0.1, 0.6):
            (value,) = factor.quantile(np.array([place]))
            if row.is_cell:
                value = row.at(stats.norm.cdf(value))
            assert value == pytest.approx(row.at(place), rel=1e-3)


def test_a_factor_without_numbers_and_belief_is_refused() -> None:
    with pytest.raises(InputError) as error:
        plan(factors={"crypto": {"crash_depth": {}}}, design={"method": "sobol", "points": 8})
    assert str(error.value) == (
        "test.toml: factors.crypto.crash_depth: the table of beliefs has no range for it in this "
        "scenario; give low and high."
    )


@pytest.mark.parametrize("name", plan_names())
def test_a_packaged_plan_has_no_second_range_for_what_is_believed(name: str) -> None:
    p = Plan.load(name)
    if p.design.method in ("grid", "list"):
        return  # asks what happens at certain values
    for key, factor in p.factors.items():
        row = belief_about(p.base, key)
        if row is not None and not row.is_cell:
            assert (factor.low, factor.high) == (row.low, row.high), key


def test_given_errors_of_the_books_go_with_the_draw_of_all_others() -> None:
    scores = {"books.neoclouds.CRWV.opex_ex_da_usd_m_yr": 0.0}
    drawn, given = sample_books(load_books_2025(), 5), books.perturbed_tables(scores, 5)
    row = belief_about(Scenario(), next(iter(scores)))
    assert row is not None
    assert given.neoclouds[0].opex_ex_da_usd_m_yr == pytest.approx(row.at(0.5))
    assert given.neoclouds[1:] == drawn.neoclouds[1:]
    assert given.buyers == drawn.buyers


# ------------------------------------------------------------------ distributions


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"distribution": "uniform", "low": 1.0, "high": 3.0}, stats.uniform(1, 2)),
        ({"distribution": "log-uniform", "low": 1.0, "high": 9.0}, stats.loguniform(1, 9)),
        ({"distribution": "normal", "mean": 1.0, "deviation": 2.0}, stats.norm(1, 2)),
        (
            {"distribution": "lognormal", "median": 2.0, "log_deviation": 0.5},
            stats.lognorm(0.5, 0, 2),
        ),
        (
            {"distribution": "triangular", "low": 0.0, "mode": 1.0, "high": 4.0},
            stats.triang(0.25, 0, 4),
        ),
        (
            {"distribution": "normal", "mean": 0.0, "deviation": 1.0, "low": -1.0, "high": 2.0},
            stats.truncnorm(-1, 2),
        ),
    ],
    ids=lambda value: value["distribution"] if isinstance(value, dict) else "",
)
def test_quantiles_and_densities_are_those_of_the_distribution(
    data: dict[str, Any], expected: Any
) -> None:
    found = Distribution(**data)
    u = np.linspace(0.01, 0.99, 23)
    x = expected.ppf(u)
    assert found.quantile(u) == pytest.approx(x)
    assert found.log_density(x) == pytest.approx(expected.logpdf(x))


def test_importance_weights_bring_back_the_distribution_meant() -> None:
    p = plan(
        factors=factors(
            **DEPTH, importance={"distribution": "triangular", "low": 0.2, "mode": 0.8, "high": 0.8}
        ),
        design={"method": "random", "points": 4000},
    )
    table = design_table(p)
    x, weight = table["crypto.crash_depth"].to_numpy(), np.exp(table["log_weight"].to_numpy())
    assert x.mean() == pytest.approx(0.6, abs=0.01)  # of the triangle, towards its mode
    assert np.mean(weight) == pytest.approx(1.0, abs=0.1)
    assert np.average(x, weights=weight) == pytest.approx(0.5, abs=0.02)


def test_flatten_stops_at_factors() -> None:
    nested = {
        "crypto": {"drift": {"low": 0, "high": 1}},
        "days": {"values": [1]},
        "books": {"x": {}},
    }
    flat = flatten(nested, ("low", "high", "values"))
    assert flat == {
        "crypto.drift": {"low": 0, "high": 1},
        "days": {"values": [1]},
        "books.x": {},
    }


# ------------------------------------------------------------------ books


def test_an_error_of_the_books_moves_what_is_uncertain_and_keeps_them_balanced() -> None:
    before = load_books_2025()
    after = books.perturbed_tables(
        {"books.lenders.capital_usd_m": 1.0, "books.miners.MARA.cash_usd_m": -2.0}
    )
    for old, new in zip(before.lenders, after.lenders, strict=True):
        # One deviation of a belief that is even, on the logarithm, from 0.7 to 1 / 0.7.
        place = 0.5 * (1.0 + math.erf(1.0 / math.sqrt(2.0)))
        factor = 0.7 * (1.4286 / 0.7) ** place
        assert new.capital_usd_m == pytest.approx(old.capital_usd_m * factor)
        assets = new.cash_usd_m + new.book_usd_m + new.other_loans_usd_m
        assert assets == pytest.approx(new.funding_usd_m + new.capital_usd_m)
    for old_miner, new_miner in zip(before.miners, after.miners, strict=True):
        sd = CONFIDENCE_SD[old_miner.confidence] if old_miner.id == "MARA" else 0.0
        expected = old_miner.cash_usd_m * math.exp(-2 * sd - sd**2 / 2)
        assert new_miner.cash_usd_m == pytest.approx(expected)
    assert after.loans == before.loans
    assert books.perturbed_tables({"books.buyers.budget_usd_m_yr": 0.0}).miners == before.miners


def test_leverage_multiplies_debt_on_the_same_assets_and_capital() -> None:
    before = load_books_2025()
    after = books.perturbed_tables({books.LEVERAGE: 1.5})
    assert after.miners == before.miners and after.neoclouds == before.neoclouds
    drawn: dict[str, float] = {}
    for old, new in zip(before.loans, after.loans, strict=True):
        assert new.drawn_usd_m == pytest.approx(1.5 * old.drawn_usd_m)
        drawn[new.lender_id] = drawn.get(new.lender_id, 0.0) + new.drawn_usd_m
    for old_lender, lender in zip(before.lenders, after.lenders, strict=True):
        assert lender.book_usd_m == pytest.approx(drawn.get(lender.id, 0.0), rel=1e-5, abs=1e-3)
        assert lender.capital_usd_m == old_lender.capital_usd_m
        assets = lender.cash_usd_m + lender.book_usd_m + lender.other_loans_usd_m
        assert assets == pytest.approx(lender.funding_usd_m + lender.capital_usd_m)


@pytest.mark.parametrize("key", [books.LEVERAGE, "books.lenders.capital_usd_m"])
def test_a_market_on_changed_books_still_adds_up(key: str) -> None:
    summary = (
        Simulation(
            Scenario.load("joint-crash").with_settings(["days=40"]),
            seed=3,
            books=books.perturbed_tables({key: 2.0}),
        )
        .run()
        .summary()
    )
    assert summary["conservation_error"] <= 1e-9


@pytest.mark.parametrize(
    ("data", "parties"),
    [
        ({"settings": {"opening": {"scale": 3.0}}}, 3 * BOOK_PARTIES),
        ({"factors": {"opening": {"scale": {"values": [0.5, 40.0, 2.0]}}}}, 40 * BOOK_PARTIES),
        (
            {
                "settings": {"opening": {"start": "synthetic"}},
                "factors": {"synthetic": {"parties": {"values": [100, 5_000_000]}}},
            },
            5_000_000,
        ),
        (
            {
                "settings": {"opening": {"start": "synthetic"}},
                "factors": {
                    "synthetic": {
                        "parties": {"distribution": "uniform", "low": 100, "high": 70_000}
                    }
                },
                "design": {"method": "random", "points": 4},
            },
            70_000,
        ),
        (
            {
                "arms": {
                    "none": {},
                    "large": {"opening": {"start": "synthetic"}, "synthetic": {"parties": 9_000}},
                }
            },
            9_000,
        ),
    ],
)
def test_memory_is_looked_at_for_the_largest_population_of_a_plan(
    data: dict[str, Any], parties: float
) -> None:
    assert parties_of(largest_of(plan(**data))) == pytest.approx(parties)


def test_a_sweep_whose_largest_run_does_not_fit_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 200_000_000)
    large = plan(factors={"opening": {"scale": {"values": [1.0, 100.0]}}})
    with pytest.raises(InputError, match=r"260,000 parties need about 0\.4 GB of memory"):
        Driver(large, tmp_path / "sweep", simulate=cheap, quiet=True).run("serial")
    assert list(tmp_path.iterdir()) == []
