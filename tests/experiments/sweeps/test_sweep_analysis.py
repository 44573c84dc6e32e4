"""What an analysis says is what statistics says: against closed forms, scipy and known answers."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sweep_runs
from scipy import stats
from sweep_runs import cheap, plan

from firesale.experiments.look import intervals
from firesale.experiments.look.plots import title_of
from firesale.experiments.sweeps import analysis, store
from firesale.experiments.sweeps import findings as findings_
from firesale.experiments.sweeps.design import UNIT, design_table
from firesale.experiments.sweeps.execute import Outcome
from firesale.experiments.sweeps.figures import phase
from firesale.experiments.sweeps.plan import Plan, parse_event
from firesale.experiments.sweeps.queries import Runs
from firesale.experiments.sweeps.runner import Driver
from firesale.experiments.sweeps.sensitivity import explained_share, sensitivity
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario


def swept(folder: Path, simulate: Any = cheap, **data: Any) -> Path:
    """A sweep that has run."""
    Driver(plan(**data), folder, simulate=simulate, quiet=True).run("serial")
    return folder


# ------------------------------------------------------------------ intervals


@pytest.mark.parametrize(("hits", "runs"), [(0, 10), (3, 10), (10, 10), (57, 400), (1, 1)])
def test_exact_intervals_are_those_of_scipy(hits: int, runs: int) -> None:
    low, high = intervals.exact_interval(hits, runs, 0.95)
    expected = stats.binomtest(hits, runs).proportion_ci(0.95, "exact")
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high))


def test_with_no_hit_the_upper_end_is_the_rule_of_three_and_with_no_run_nothing_is_known() -> None:
    low, high = intervals.exact_interval([0, 0], [1000, 0], 0.90)
    assert high[0] == pytest.approx(1 - 0.05 ** (1 / 1000)) == pytest.approx(3 / 1000, rel=0.01)
    assert (low[1], high[1]) == (0.0, 1.0)


def test_runs_that_share_a_point_count_as_one_where_they_agree() -> None:
    hit, points = np.repeat([True, False, True, True], 50), np.repeat(np.arange(4), 50)
    alone, together = intervals.share(hit), intervals.share(hit, groups=points)
    assert alone.value == together.value == 0.75
    assert together.width > 5 * alone.width
    everywhere = intervals.share(np.ones(200, bool), groups=points)
    assert everywhere.low == pytest.approx(0.025 ** (1 / 4))


def test_a_quantile_has_the_coverage_its_interval_claims() -> None:
    rng = np.random.default_rng(1)
    truth = stats.lognorm(1.0).ppf(0.9)
    found = [intervals.quantile(rng.lognormal(size=200), 0.9, 0.9) for _ in range(400)]
    covered = np.mean([e.low <= truth <= e.high for e in found])
    assert 0.87 <= covered <= 1.0
    assert intervals.quantile(np.arange(10.0), 0.99).high == math.inf


def test_expected_shortfall_is_the_mean_of_the_tail() -> None:
    numbers = np.arange(1.0, 11.0)
    assert intervals.expected_shortfall(numbers, 0.8) == pytest.approx(9.5)
    assert intervals.expected_shortfall(numbers, 0.75) == pytest.approx((10 + 9 + 8 / 2) / 2.5)
    sample = np.random.default_rng(2).standard_normal(200_000)
    closed_form = stats.norm.pdf(stats.norm.ppf(0.95)) / 0.05
    assert intervals.expected_shortfall(sample, 0.95) == pytest.approx(closed_form, rel=0.02)


def test_a_bootstrap_agrees_with_the_formula_for_a_mean() -> None:
    sample = np.random.default_rng(3).standard_normal(400) + 5.0
    found, formula = intervals.bootstrap(sample, np.mean), intervals.mean_interval(sample)
    expected = stats.ttest_1samp(sample, 0.0).confidence_interval(0.95)
    assert (formula.low, formula.high) == pytest.approx((expected.low, expected.high))
    assert (found.low, found.high) == pytest.approx((formula.low, formula.high), abs=0.02)


def test_pairs_cancel_what_they_share() -> None:
    rng = np.random.default_rng(4)
    luck = 10.0 * rng.standard_normal(100)
    first, second = luck, luck - 1.0 + 0.1 * rng.standard_normal(100)
    found = intervals.paired_difference(first, second)
    expected = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.high < 0.0 < intervals.mean_interval(second).width


def test_paired_shares_have_mcnemars_exact_test() -> None:
    first = np.repeat([True, True, False, False], [30, 9, 1, 60])
    second = np.repeat([True, False, True, False], [30, 9, 1, 60])
    found = intervals.paired_share(first, second)
    assert (found.only_first, found.only_second) == (9, 1)
    assert found.p_value == pytest.approx(2 * (math.comb(10, 0) + math.comb(10, 1)) / 2**10)
    assert found.difference.value == pytest.approx(-0.08)
    same = intervals.paired_share(first, first)
    assert same.p_value == 1.0
    assert same.difference.high == -same.difference.low == pytest.approx(1 - 0.025 ** (1 / 100))


def test_weights_find_a_rare_event_that_plain_sampling_misses() -> None:
    rng = np.random.default_rng(5)
    both = np.r_[rng.standard_normal(4000) + 4.0, rng.standard_normal(4000)]
    truth = stats.norm.sf(4.0)
    mixture = np.logaddexp(stats.norm.logpdf(both), stats.norm.logpdf(both - 4.0)) - math.log(2.0)
    mixed = intervals.weighted_mean((both > 4.0).astype(float), stats.norm.logpdf(both) - mixture)
    assert mixed.low <= truth <= mixed.high and mixed.value == pytest.approx(truth, rel=0.15)
    assert mixed.method.startswith("weighted, worth")
    at_risk, shortfall = intervals.weighted_tail(both, stats.norm.logpdf(both) - mixture, 0.999)
    assert at_risk.value == pytest.approx(stats.norm.ppf(0.999), rel=0.05)
    expected = stats.norm.pdf(stats.norm.ppf(0.999)) / 0.001
    assert shortfall.value == pytest.approx(expected, rel=0.05)


def test_groups_of_unequal_weights_give_the_same_mean_as_their_runs() -> None:
    rng = np.random.default_rng(8)
    values, log_weight = rng.normal(size=60), rng.normal(size=60)
    groups = np.arange(60) % 12  # as replicates that share draws over all points
    mean = np.average(values, weights=np.exp(log_weight))
    for given in (None, groups):
        found = intervals.weighted_mean(values, log_weight, groups=given)
        assert found.value == pytest.approx(mean)


def test_weighted_runs_that_all_agree_are_not_certain() -> None:
    log_weight = np.log([1.0, 1.0, 2.0, 4.0])
    worth = 8.0**2 / 22.0
    found = intervals.share(np.zeros(4, bool), log_weight=log_weight)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1.0 - 0.025 ** (1.0 / worth))


def test_one_run_has_no_interval() -> None:
    found = intervals.bootstrap(np.array([3.0]), np.mean)
    assert (found.value, found.low, found.high) == (3.0, -math.inf, math.inf)


def test_equal_weights_change_nothing() -> None:
    values = np.random.default_rng(6).exponential(size=500)
    at_risk, shortfall = intervals.weighted_tail(values, np.zeros(500), 0.9)
    assert at_risk.value in (intervals.quantile_of(values, 0.9), np.sort(values)[450])
    assert shortfall.value == pytest.approx(intervals.expected_shortfall(values, 0.9))


# ------------------------------------------------------------------ what matters most


def ishigami(unit: np.ndarray) -> np.ndarray:
    """Ishigami and Homma (1990) with a = 7, b = 0.1 over the unit cube."""
    x = 2 * np.pi * unit - np.pi
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


A, B = 7.0, 0.1
PARTS = (
    0.5 * (1 + B * np.pi**4 / 5) ** 2,
    A**2 / 8,
    0.0,
)
INTERACTION = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
TOTAL = sum(PARTS) + INTERACTION
NAMES = ["crypto.drift", "crypto.volatility", "crypto.crash_depth"]


def table_of(method: str, points: int) -> pd.DataFrame:
    """A design over three factors on the unit interval, with Ishigami's function as output."""
    unit = {"low": 0.0, "high": 0.99}
    p = plan(
        factors={"crypto": {name.split(".")[1]: unit for name in NAMES}},
        design={"method": method, "points": points},
    )
    frame = design_table(p).to_pandas()
    frame["mean"] = ishigami(frame[NAMES].to_numpy() / 0.99)
    return frame.assign(variance=0.0, runs=2)


def test_sobol_indices_are_ishigamis() -> None:
    found = sensitivity("sobol-indices", table_of("sobol-indices", 2048), NAMES, "y", 0.95)
    total = {index.factor: index for index in found.indices}
    alone = {index.factor: index for index in found.alone}
    expected_total = (PARTS[0] + INTERACTION, PARTS[1], INTERACTION)
    for name, first, whole in zip(NAMES, PARTS, expected_total, strict=True):
        assert alone[name].value == pytest.approx(first / TOTAL, abs=0.04)
        assert total[name].value == pytest.approx(whole / TOTAL, abs=0.04)
        assert total[name].low <= whole / TOTAL <= total[name].high + 0.02
    assert found.indices[0].factor == NAMES[0] and found.warning == ""
    assert found.sentence().startswith("crypto.drift matters most for y: with its interactions")


@pytest.mark.parametrize("method", ["random", "sobol", "latin-hypercube"])
def test_main_effects_of_any_sample_are_ishigamis(method: str) -> None:
    found = sensitivity(method, table_of(method, 4096), NAMES, "y", 0.95)
    shares = {index.factor: index for index in found.indices}
    for name, part in zip(NAMES, PARTS, strict=True):
        assert shares[name].value == pytest.approx(part / TOTAL, abs=0.05)
    assert abs(shares[NAMES[2]].value) < 0.02, "chance alone is taken out"


def test_morris_ranks_factors_of_a_linear_function_by_their_slopes() -> None:
    frame = table_of("morris", 10)
    slopes = {NAMES[0]: -3.0, NAMES[1]: 1.0, NAMES[2]: 0.0}
    frame["mean"] = sum(slope * frame[UNIT + name] for name, slope in slopes.items())
    found = sensitivity("morris", frame, NAMES, "y", 0.95)
    assert [index.factor for index in found.indices] == NAMES
    for index in found.indices:
        assert index.value == pytest.approx(abs(slopes[index.factor]), abs=1e-9)
        assert index.direction == np.sign(slopes[index.factor])


def test_explained_share_is_eta_squared_without_chance() -> None:
    groups = np.repeat([0, 1], 50)
    values = np.where(groups == 1, 1.0, -1.0) + np.tile([0.5, -0.5], 50)
    # between: 1, within: 0.25 of the variance 1.25; epsilon squared as Kelley (1935) defines it
    within, total = 25.0 / 98.0, 125.0 / 99.0
    assert explained_share(values, groups) == pytest.approx(1 - within / total)
    noise = np.random.default_rng(7).standard_normal(2000)
    mean = np.mean([explained_share(noise[k : k + 200], np.arange(200) % 10) for k in range(1800)])
    assert abs(mean) < 0.02


def test_chance_is_not_taken_for_an_effect_and_an_effect_not_for_chance() -> None:
    rng = np.random.default_rng(9)
    names = [f"x{k}" for k in range(8)]
    told = 0
    for _ in range(20):
        frame = pd.DataFrame(rng.random((120, 8)), columns=names)
        frame = frame.assign(point_id=np.arange(120), mean=rng.standard_normal(120))
        told += sensitivity("random", frame, names, "y", 0.95).tells
    assert told <= 4, "five per cent of the time would be one in twenty"
    frame["mean"] += 5.0 * frame["x3"]
    found = sensitivity("random", frame, names, "y", 0.95)
    assert found.tells and found.indices[0].factor == "x3" and found.indices[0].direction > 0


def test_noise_that_drowns_indices_is_named() -> None:
    frame = table_of("sobol-indices", 64)
    rng = np.random.default_rng(8)
    frame["mean"] = rng.standard_normal(len(frame))
    frame["variance"], frame["runs"] = 4.0, 4
    assert "replicate noise drowns" in sensitivity("sobol-indices", frame, NAMES, "y", 0.95).warning
    drowned = sensitivity("sobol-indices", frame, NAMES, "y", 0.95)
    assert not drowned.tells and drowned.sentence() == "Noise drowns what factors do to y."
    frame["variance"] = 0.01
    assert sensitivity("sobol-indices", frame, NAMES, "y", 0.95).warning == ""
    frame["runs"] = 1
    assert "one replicate" in sensitivity("sobol-indices", frame, NAMES, "y", 0.95).warning


def test_a_failed_point_takes_only_its_block_with_it() -> None:
    frame = table_of("sobol-indices", 512)
    frame.loc[7, "mean"] = np.nan
    found = sensitivity("sobol-indices", frame, NAMES, "y", 0.95)
    assert found.alone[0].value == pytest.approx(PARTS[0] / TOTAL, abs=0.1)


# ------------------------------------------------------------------ a whole sweep


def test_an_analysis_counts_what_the_runs_say(tmp_path: Path) -> None:
    folder = swept(
        tmp_path,
        factors={
            "crypto": {"drift": {"values": [0.0, 1.0, 2.0]}, "volatility": {"values": [0, 1]}}
        },
        replicates=20,
    )
    said = analysis.analyse_folder(folder, "linked.largest >= 3", "loss_usd.total")
    with store.connect(folder) as connection:
        raw = connection.execute("SELECT * FROM runs").df()
    hits = raw["linked.largest"] >= 3
    summary = pd.read_csv(folder / "analysis" / "summary.csv").iloc[0]
    assert (summary["runs"], summary["hits"]) == (120, hits.sum())
    assert summary["mean"] == pytest.approx(raw["loss_usd.total"].mean())
    open_ = raw["loss_usd.unresolved_share"].mean()
    assert summary["unresolved_share"] == pytest.approx(open_)
    assert any(f"{100 * open_:.0f} % of claims unresolved at the horizon" in line for line in said)
    cells = pd.read_csv(folder / "analysis" / "phase-1.csv")
    expected = hits.groupby([raw["crypto.drift"], raw["crypto.volatility"]]).mean()
    found = cells.set_index(["crypto.drift", "crypto.volatility"])["share"]
    assert found.to_dict() == pytest.approx(expected.to_dict())
    assert len(pd.read_parquet(folder / "analysis" / "runs.parquet")) == 120
    page = (folder / "analysis" / "report.html").read_text(encoding="utf-8")
    drawn = [path.name for path in (folder / "analysis" / "figures").iterdir()]
    assert drawn and all(f'src="figures/{name}"' in page for name in drawn)
    assert "<script" not in page and "http" not in page
    assert any("crypto.drift matters most for loss_usd.total" in line for line in said)
    again = analysis.analyse_folder(folder, "linked.largest >= 3", "loss_usd.total")
    assert again == said


def test_losses_are_told_with_and_without_the_largest_borrower(tmp_path: Path) -> None:
    folder = swept(tmp_path, replicates=20)
    said = analysis.analyse_folder(folder, "linked.largest >= 3", "loss_usd.total")
    with store.connect(folder) as connection:
        raw = connection.execute("SELECT * FROM runs").df()
    row = pd.read_csv(folder / "analysis" / "summary.csv").iloc[0]
    without = raw["largest_borrower.loss_without_usd"]
    assert row["without_largest_mean"] == pytest.approx(without.mean())
    assert row["without_largest_mean"] != pytest.approx(row["mean"])
    share = raw["largest_borrower.fails"].mean()
    assert 0.0 < share < 1.0 and row["largest_fails"] == pytest.approx(share)
    (line,) = [line for line in said if line.startswith("Without losses on loans to the largest")]
    assert f"It fails in {100 * share:.1f} % of runs" in line
    other = analysis.analyse_folder(folder, "linked.largest >= 3", "recovery.gpu")
    assert not any("largest borrower" in line for line in other)


def test_numbers_left_out_by_a_summary_are_zero_and_unknown_ones_are_not(tmp_path: Path) -> None:
    runs = Runs.open(swept(tmp_path, replicates=40))
    zero = runs.frame("loss_usd.by_instrument.gpu_loan")["value"]
    assert len(zero) == 40 and (zero == 0.0).any() and (zero > 0.0).any()
    assert 0 < len(runs.frame("recovery.gpu")) < 40


def test_policies_are_compared_pair_by_pair(tmp_path: Path) -> None:
    folder = swept(
        tmp_path,
        factors={"crypto": {"volatility": {"low": 0.0, "high": 1.0}}},
        design={"method": "random", "points": 30},
        arms={"none": {}, "help": {"crypto": {"drift": -0.5}}},
    )
    findings = analysis.find(Runs.open(folder))
    (row,) = findings.policies.to_dict("records")
    assert (row["arm"], row["against"], row["pairs"]) == ("help", "none", 30)
    for end in ("", "_low", "_high"):  # the same draws: every pair differs by the policy alone
        assert row[f"loss_difference{end}"] == pytest.approx(-0.5e6)
    said = "\n".join(findings_.sentences(findings))
    assert (
        "help against none, 30 pairs: lowers lenders' loss on loans by $500k ($500k to $500k)"
        in said
    )
    assert "at no cost" not in said  # no run says what it cost


def priced(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """A buyer that spends 4 to 6 and holds 2, a lender nobody needs, a buffer; each saves 1.5."""
    policy, luck = scenario.policy, math.sin(seed % 100_003)
    figures: dict[str, Any] = {"net_cost_usd": 0.0}
    if policy.buyer_of_last_resort_usd:
        spent = 5.0 + luck
        figures["net_cost_usd"] = spent - 2.0
        figures["buyer_of_last_resort"] = {
            "available_usd": policy.buyer_of_last_resort_usd,
            "spent_usd": spent,
            "held_units": {"H100": 1.0},
            "net_cost_usd": spent - 2.0,
        }
    if policy.lender_of_last_resort_usd:
        figures["lender_of_last_resort"] = {
            "available_usd": policy.lender_of_last_resort_usd,
            "lent_usd": 0.0,
            "net_cost_usd": 0.0,
        }
    if policy.capital_buffer:
        figures["capital_buffer"] = {"required_capital_usd": 30.0}
    helped = policy.buyer_of_last_resort_usd > 0.0 or policy.capital_buffer > 0.0
    loss = 10.0 + luck - 1.5 * helped
    lost = {"total": loss, "unresolved_share": 0.75}
    return Outcome({"linked": {"largest": 0}, "loss_usd": lost, "policy": figures}, dict)


def test_policies_have_a_price(tmp_path: Path) -> None:
    folder = swept(
        tmp_path,
        priced,
        replicates=30,
        arms={
            "none": {},
            "buyer": {"policy": {"buyer_of_last_resort_usd": 5e9}},
            "lender": {"policy": {"lender_of_last_resort_usd": 2e9}},
            "buffer": {"policy": {"capital_buffer": 0.05}},
        },
    )
    findings = analysis.find(Runs.open(folder))
    rows = {row["arm"]: row for row in findings.policies.to_dict("records")}
    runs = Runs.open(folder).frame("policy.net_cost_usd", arm="buyer")
    assert rows["buyer"]["price_usd"] == pytest.approx(runs["value"].mean())
    assert rows["buyer"]["saved_per_dollar"] == pytest.approx(1.5 / runs["value"].mean())
    low, high = (rows["buyer"][f"saved_per_dollar_{end}"] for end in ("low", "high"))
    assert low < rows["buyer"]["saved_per_dollar"] < high
    assert rows["buffer"]["saved_per_dollar"] == pytest.approx(1.5 / 30.0)
    assert math.isnan(rows["lender"]["price_usd"]) and rows["lender"]["price_of"] == ""
    said = "\n".join(findings_.sentences(findings))
    assert re.search(
        r"buyer against none, 30 pairs: lowers lenders' loss on loans by \$1\.50 "
        r"\(\$1\.50 to \$1\.50\) for a net cost of \$[\d.]+ "
        r"\(\$[\d.]+ to \$[\d.]+\): 0\.\d\d dollars a dollar "
        r"\(0\.\d\d to 0\.\d\d\); 75 % of claims "
        r"unresolved",
        said,
    )
    assert "for $30.00 ($30.00 to $30.00) of capital that lenders must have: 0.05 dollars" in said
    assert (
        "changes lenders' loss on loans in no pair, at no cost in money, capital or credit" in said
    )
    assert "lender: none of the $2bn of the lender of last resort was used in any run." in said
    own = findings.levers[findings.levers["arm"] == "buyer"].set_index(["lever", "figure"])
    assert own["mean"]["buyer_of_last_resort", "spent_usd"] == pytest.approx(
        runs["value"].mean() + 2.0
    )
    assert ("lender_of_last_resort", "lent_usd") not in own.index
    unused = findings.levers[findings.levers["arm"] == "lender"].set_index("figure")["mean"]
    assert (unused["available_usd"], unused["lent_usd"]) == (2e9, 0.0)


def test_a_ratio_of_means_by_hand_and_none_to_nothing() -> None:
    saved, cost = np.array([1.0, 2.0, 3.0, 2.0]), np.array([4.0, 4.0, 5.0, 3.0])
    found = intervals.ratio_of_means(saved, cost)
    assert found.value == pytest.approx(0.5) and found.low <= 0.5 <= found.high
    assert math.isnan(intervals.ratio_of_means(saved, cost - 4.0).value)  # as often a gain
    weighted = intervals.ratio_of_means(saved, cost, log_weight=np.log([1.0, 1.0, 1.0, 5.0]))
    assert weighted.value == pytest.approx(16.0 / 28.0)


@pytest.mark.parametrize(
    ("design", "shared", "independent"),
    [
        ({}, False, ["point_id", "replicate"]),  # runs at given points
        ({}, True, ["replicate"]),
        ({"method": "random", "points": 4}, False, ["point_id"]),
    ],
)
def test_pairs_count_as_often_as_they_are_independent(
    tmp_path: Path, design: dict[str, Any], shared: bool, independent: list[str]
) -> None:
    factor = {"low": 0.0, "high": 1.0} if design else {"values": [0.0, 0.25, 0.5, 1.0]}
    folder = swept(
        tmp_path,
        nonlinear,
        factors={"crypto": {"drift": factor}},
        design=design,
        replicates=6,
        shared_seeds=shared,
        arms={"none": {}, "help": {"crypto": {"volatility": 0.1}}},
    )
    (row,) = analysis.find(Runs.open(folder)).policies.to_dict("records")
    frame = Runs.open(folder).frame("loss_usd.total")
    frame["point_id"] = frame["point_id"].astype(int)
    wide = frame.pivot(index=["point_id", "replicate"], columns="arm", values="value")
    apart = (wide["help"] - wide["none"]).groupby(level=independent).mean()
    low, high = stats.t.interval(
        0.95, len(apart) - 1, apart.mean(), apart.std(ddof=1) / len(apart) ** 0.5
    )
    assert row["loss_difference_low"] == pytest.approx(low)
    assert row["loss_difference_high"] == pytest.approx(high)


def nonlinear(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """A policy that changes more at some points and under some draws."""
    luck = math.sin(seed % 100_003)
    helped = scenario.crypto.volatility == 0.1
    x = scenario.crypto.drift + luck - helped * luck * (1.0 + scenario.crypto.drift)
    return Outcome({"linked": {"largest": 0}, "loss_usd": {"total": x}}, dict)


def test_policies_are_weighted_where_runs_are(tmp_path: Path) -> None:
    folder = swept(
        tmp_path,
        nonlinear,
        factors={
            "crypto": {"drift": {"low": 0.0, "high": 1.0, "importance": {"low": 0.0, "high": 3.0}}}
        },
        design={"method": "latin-hypercube", "points": 400},
        arms={"none": {}, "help": {"crypto": {"volatility": 0.1}}},
    )
    findings = analysis.find(Runs.open(folder))
    frame = Runs.open(folder).frame("loss_usd.total")
    wide = frame.pivot(index="point_id", columns="arm", values=["value", "log_weight"])
    apart = wide["value", "help"] - wide["value", "none"]
    meant = np.average(apart, weights=np.exp(wide["log_weight", "none"]))
    assert findings.policies["loss_difference"].iloc[0] == pytest.approx(meant)
    assert abs(meant - apart.mean()) > 1e-3
    assert any("sampled by importance" in remark for remark in findings.remarks)


def test_a_probability_does_not_depend_on_whether_the_loss_is_known(tmp_path: Path) -> None:
    folder = swept(tmp_path, replicates=40)
    runs = Runs.open(folder)
    known = len(runs.frame("recovery.gpu"))
    assert 0 < known < 40
    findings = analysis.find(runs, "linked.largest >= 1", "recovery.gpu")
    row = findings.summary.iloc[0]
    hits = int((runs.frame("linked.largest")["value"] >= 1).sum())
    assert (row["runs"], row["hits"]) == (40, hits)
    assert f"{40 - known} runs cannot tell recovery.gpu: left out" in "\n".join(findings.remarks)
    unknown = analysis.find(runs, "recovery.gpu >= 0", "loss_usd.total").summary.iloc[0]
    assert (unknown["runs"], unknown["probability"]) == (known, 1.0)


def test_a_sweep_whose_runs_all_failed_says_so(tmp_path: Path) -> None:
    folder = swept(tmp_path, sweep_runs.raising, settings={"crypto": {"drift": 0.9}})
    with pytest.raises(InputError, match=r"no run has finished; see failures\.jsonl"):
        analysis.analyse_folder(folder)


def test_uncertain_cells_are_those_whose_interval_crosses_the_cliff(tmp_path: Path) -> None:
    folder = swept(
        tmp_path,
        factors={"crypto": {"drift": {"values": [0, 1]}, "volatility": {"values": [0, 1]}}},
    )
    findings = analysis.find(Runs.open(folder))
    cells = pd.DataFrame(
        {"x": [0, 0, 1, 1], "y": [0, 1, 0, 1], "runs": 20, "hits": [0, 10, 20, 13]}
    )
    shown = analysis.with_interval(cells, 0.95)
    figure = phase(findings, "x", "y", "", shown)
    assert "likelier than 50 % in 1 of 4 cells, less likely in 1, open in 2" in title_of(figure)
    assert len(figure.axes[0].patches) == 2


def test_failed_and_missing_runs_are_told(tmp_path: Path) -> None:
    p = {"factors": {"crypto": {"drift": {"values": [0.1, 0.9, 0.2]}}}, "replicates": 10}
    folder = swept(tmp_path, sweep_runs.raising, **p)
    assert any("10 runs failed" in line for line in analysis.analyse_folder(folder))
    for path in (folder / store.PARTS).iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no run of this sweep is stored yet"):
        analysis.analyse_folder(folder)


@pytest.mark.parametrize(
    ("event", "loss", "says"),
    [
        ("boom", None, "'boom' is not an event such as"),
        ("linked.largst > 1", None, "no run has a metric 'linked.largst'; near to it: linked"),
        (None, "loss", "no run has a metric 'loss'; near to it: loss_usd.total"),
    ],
)
def test_a_question_nobody_can_answer_is_refused(
    tmp_path: Path, event: str | None, loss: str | None, says: str
) -> None:
    folder = swept(tmp_path, replicates=3)
    with pytest.raises(InputError, match=says):
        analysis.analyse_folder(folder, event, loss)
    assert not (folder / analysis.FOLDER).exists()


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no sweep"):
        analysis.analyse_folder(tmp_path)
    (tmp_path / store.MANIFEST).write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="is not one of this version"):
        analysis.analyse_folder(tmp_path)


def test_events_are_metric_comparison_number() -> None:
    assert parse_event("linked.largest >= 3") == ("linked.largest", ">=", 3.0)
    assert parse_event("ltv.paper<1.5e0") == ("ltv.paper", "<", 1.5)
    for text in ("a > b", "> 3", "a >> 3", "a > 1.2.3", 'x"; DROP TABLE > 1'):
        with pytest.raises(ValueError, match="is not an event"):
            parse_event(text)


def test_paths_are_quantiles_over_runs(tmp_path: Path) -> None:
    p: dict[str, Any] = {
        "scenario": "baseline",
        "settings": {"days": 6},
        "replicates": 5,
        "trajectories": {"columns": ["btc_usd"], "every_days": 3},
    }
    Driver(Plan.from_dict(p, "p", Path()), tmp_path, quiet=True).run("serial")
    findings = analysis.find(Runs.open(tmp_path))
    assert findings.paths is not None
    with store.connect(tmp_path) as connection:
        last = connection.execute("SELECT btc_usd FROM paths WHERE day = 6").df()["btc_usd"]
    row = findings.paths.iloc[-1]
    assert row[["low", "mid", "high"]].tolist() == pytest.approx(
        np.quantile(last, [0.05, 0.5, 0.95])
    )
