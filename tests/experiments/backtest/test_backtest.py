"""The back-test: who counts for whom, what is summed up, what is published, what may be read."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backtest_runs import DAYS, MONTHS, OPENING, SCOPE, events, found, observation
from paths import PROJECT
from scipy.stats import ttest_1samp

from firesale.experiments.backtest import counterfactuals, labels
from firesale.experiments.backtest.calendar import by_month
from firesale.experiments.backtest.ensemble import jobs_of
from firesale.experiments.backtest.evaluate import Known, score
from firesale.experiments.backtest.findings import as_json
from firesale.experiments.backtest.labels import Outcome
from firesale.experiments.backtest.monthly import filled
from firesale.experiments.backtest.observe import (
    ALL,
    LISTED,
    CoinWatch,
    first_days,
    first_defaults,
    recoveries,
)
from firesale.experiments.backtest.rivals import Balance, forecasts
from firesale.experiments.backtest.scope import scope
from firesale.experiments.run.files import plain
from firesale.market.opening.beliefs import beliefs_in, beliefs_of
from firesale.market.scenario.scenario import Scenario


def outcome(name: str, day: int | None, borderline: bool = False) -> Outcome:
    date = None if day is None else OPENING + dt.timedelta(days=day)
    return Outcome(name, day is not None, date, "", borderline)


KNOWN = Known(
    outcomes={
        "WEAK": outcome("WEAK", 200),
        "FIRM": outcome("FIRM", None),
        "PARENT": outcome("PARENT", None, borderline=True),
        "BANK": outcome("BANK", 300),
    },
    rig_prices={"2022-12": 25.0},
    sales_over_production={"2022-01": 0.3},
)
BALANCE = {
    "WEAK": Balance(30.0, 10.0),
    "FIRM": Balance(0.0, 10.0),
    "PARENT": Balance(10.0, 10.0),
    "BANK": Balance(90.0, 10.0),
}


# --- who defaults, and for whom it counts ---


def test_a_ring_fenced_part_counts_for_its_parent() -> None:
    log = events((40, "perimeter_default", "SDIG-EQ", "surrender"), (90, "default", "SDIG", "dscr"))
    assert first_defaults(log, scope().parents) == {"SDIG": (40, "surrender")}


def test_special_vehicles_are_borrowers_of_their_own() -> None:
    log = events((40, "default", "IREN-SPV1", "amortisation"))
    assert first_defaults(log, scope().parents) == {"IREN-SPV1": (40, "amortisation")}
    assert {"IREN", "IREN-SPV1", "IREN-SPV2", "IREN-SPV3"} <= scope().borrowers.keys()


def test_small_miners_stand_behind_one_row_and_are_not_named_borrowers() -> None:
    (small,) = scope().members.values()
    assert len(small) == 80
    assert not set(small) & scope().borrowers.keys()
    assert len(scope().borrowers) == 34 and len(scope().lenders) == 25  # rows of the tables


def test_the_four_ring_fenced_parts_are_not_reported_themselves() -> None:
    assert scope().parents == {
        "SDIG-EQ": "SDIG",
        "BITF-BACKBONE": "BITF",
        "SLNH-MC": "SLNH",
        "CN-SPV": "CN",
    }
    assert not scope().parents.keys() & scope().borrowers.keys()


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("default", True),
        ("perimeter_default", True),
        ("loan_default", True),
        ("surrendered", True),
        ("missed_payment", False),  # not before its cure period has run out
        ("extended", False),
        ("waived", False),
        ("margin_call", False),
        ("btc_liquidation", False),
    ],
)
def test_what_is_a_default(kind: str, counts: bool) -> None:
    assert bool(first_defaults(events((5, kind, "CORZ", "dscr")), {})) is counts


def test_the_first_default_gives_day_and_cause() -> None:
    log = events(
        (9, "default", "CORZ", "interest"),
        (9, "loan_default", "CORZ", "cross_default"),
        (7, "surrendered", "CORZ", "surrender"),
    )
    assert first_defaults(log, {}) == {"CORZ": (7, "surrender")}


def test_first_day_of_a_lenders_failure() -> None:
    log = events((9, "lender_failed", "B", ""), (7, "sleeve_closed", "A", ""))
    assert first_days(log, "lender_failed") == {"B": 9}


def test_no_label_is_scored_whose_failure_is_imposed() -> None:
    assert not scope().imposed & labels.outcomes().keys()
    assert scope().imposed <= scope().lenders.keys()


# --- months, prices, coins ---


def test_sums_and_means_by_month() -> None:
    opening = dt.date(2022, 1, 30)
    values = np.array([1.0, 2.0, 3.0, np.nan])  # 30 and 31 January, 1 and 2 February
    assert by_month(values[:3], opening) == [3.0, 3.0]
    assert by_month(values, opening, mean=True) == [1.5, 3.0]
    assert math.isnan(by_month(values[3:], opening, mean=True)[0])


def test_the_calendar_of_2022_has_nineteen_months() -> None:
    assert (MONTHS[0], MONTHS[-1], len(MONTHS)) == ("2021-12", "2023-06", 19)
    assert OPENING + dt.timedelta(days=DAYS) == dt.date(2023, 6, 30)


def test_before_the_first_trade_the_price_is_that_of_the_opening() -> None:
    assert filled(np.array([np.nan, 90.0, 80.0]), 110.0).tolist() == [110.0, 90.0, 80.0]


def test_coins_sold_are_coins_mined_less_what_own_coins_have_grown() -> None:
    # Two miners with 10 and 30 % of the network; 900 coins a day with fees.
    state = SimpleNamespace(
        borrower_count=2,
        parties=SimpleNamespace(btc=np.array([100.0, 50.0]), btc_lent=np.array([0.0, 5.0])),
        loans=SimpleNamespace(borrower=np.array([1, 1]), collateral_btc=np.array([20.0, 0.0])),
        miners=SimpleNamespace(hashrate_online_th=np.array([20e6, 60e6])),
        prices=SimpleNamespace(subsidy_btc=6.25 * 0.96, difficulty_eh_s=200.0),
        day=1,
        crypto=SimpleNamespace(fee_share=np.array([0, 0.04])),
    )
    simulation: Any = SimpleNamespace(market=state)
    watch = CoinWatch(simulation, np.array([False, True]))
    state.parties.btc = np.array([130.0, 50.0])  # the first keeps 30 of its 90
    state.loans.collateral_btc = np.array([0.0, 0.0])  # the second loses 20 pledged ones
    watch.day()
    assert watch.mined[ALL] == pytest.approx([0.0, 360.0])
    assert watch.mined[LISTED] == pytest.approx([0.0, 270.0])
    assert watch.sold[ALL] == pytest.approx([0.0, 60.0 + 290.0])
    assert watch.sold[LISTED] == pytest.approx([0.0, 290.0])


def test_recoveries_are_of_resolved_claims_only() -> None:
    loans = pd.DataFrame(
        {
            "loan": ["A", "B", "C"],
            "recovery": [0.4, np.nan, 0.9],
            "claim_at_default_usd": [10.0, 20.0, np.nan],
        }
    )
    assert recoveries(loans) == {"A": (0.4, 10.0)}


# --- what the ensemble says ---


def test_probability_date_and_cause_over_runs() -> None:
    result = found(
        observation(1, {"WEAK": (100, "dscr")}),
        observation(2, {"WEAK": (200, "dscr")}),
        observation(3, {"WEAK": (400, "hazard")}),
        observation(4),
    )
    weak = result.borrowers["WEAK"]
    assert weak.probability.value == 0.75
    assert weak.day() == 200
    assert weak.cause == "dscr"
    assert result.date(weak.day()) == dt.date(2022, 7, 19)
    firm = result.borrowers["FIRM"]
    assert (firm.probability.value, firm.cause) == (0.0, "")
    assert math.isnan(firm.day())
    # exact: with no hit in four runs the upper end u solves (1 - u)^4 = 2.5 %
    assert firm.probability.high == pytest.approx(1 - 0.025**0.25)


def test_a_row_that_was_split_has_the_share_of_its_parties() -> None:
    result = found(
        observation(1, {"SMALL_1": (10, "interest"), "SMALL_2": (30, "interest")}), observation(2)
    )
    assert result.borrowers["SMALL"].probability.value == 0.5
    assert result.borrowers["SMALL"].day() == 20
    assert result.borrowers["SMALL_1"].probability.value == 0.5


def test_bands_over_runs() -> None:
    result = found(*(observation(k, price=float(k)) for k in range(1, 12)))
    assert (result.price_usd.low[3], result.price_usd.median[3], result.price_usd.high[3]) == (
        2.0,
        6.0,
        10.0,
    )


def test_recovery_is_the_median_of_runs_in_which_the_claim_was_resolved() -> None:
    result = found(
        observation(1, recoveries={"LOAN": (0.2, 1.0)}),
        observation(2, recoveries={"LOAN": (0.6, 1.0)}),
        observation(3),
        loans=("LOAN", "GOOD"),
    )
    assert result.recoveries["LOAN"].value == pytest.approx(0.4)
    assert math.isnan(result.recoveries["GOOD"].value)


def test_a_loan_spread_over_small_borrowers_recovers_by_claims() -> None:
    result = found(
        observation(1, recoveries={"A-SPREAD-001": (0.2, 3.0), "A-SPREAD-002": (0.6, 1.0)}),
        loans=("A-SPREAD-001", "A-SPREAD-002", "LOAN-2022-02"),
    )
    assert result.recoveries["A-SPREAD"].value == pytest.approx(0.3)
    assert result.recoveries["A-SPREAD-002"].value == pytest.approx(0.6)
    assert "LOAN-2022" not in result.recoveries


# --- what is published ---


def published() -> dict[str, Any]:
    result = found(
        observation(1, {"WEAK": (100, "dscr")}, {"BANK": 310}, recoveries={"LOAN": (0.2, 1.0)}),
        observation(2, {"WEAK": (260, "dscr"), "PARENT": (500, "interest")}),
    )
    text = json.dumps(plain(as_json(result, score(result, BALANCE, KNOWN))), allow_nan=False)
    data: dict[str, Any] = json.loads(text)
    return data


def test_json_has_exactly_the_promised_keys() -> None:
    data = published()
    assert list(data) == [
        "borrowers",
        "lenders",
        "asic_price_usd_per_th",
        "btc_sold",
        "loans",
        "score",
        "months",
        "issuers",
        "loss_usd",
    ]
    rows = {
        "borrowers": ["id", "default_probability", "median_default_date", "cause"],
        "lenders": ["id", "failure_probability", "median_failure_date", "cause"],
        "asic_price_usd_per_th": ["month", "p10", "median", "p90"],
        "btc_sold": ["month", "median", "production"],
        "loans": ["id", "recovery_median"],
    }
    for name, keys in rows.items():
        assert data[name] and all(list(row)[: len(keys)] == keys for row in data[name])
    for name in ("asic_price_usd_per_th", "btc_sold"):
        assert [row["month"] for row in data[name]] == MONTHS


def test_json_says_null_where_nothing_is_known() -> None:
    data = published()
    firm = next(row for row in data["borrowers"] if row["id"] == "FIRM")
    assert firm["default_probability"] == 0.0
    assert firm["median_default_date"] is None and firm["cause"] is None
    weak = next(row for row in data["borrowers"] if row["id"] == "WEAK")
    assert weak["median_default_date"] == "2022-06-29"


def test_every_borrower_and_lender_is_published() -> None:
    data = published()
    assert {row["id"] for row in data["borrowers"]} == {
        *SCOPE.borrowers,
        "SMALL_1",
        "SMALL_2",
    }
    assert {row["id"] for row in data["lenders"]} == set(SCOPE.lenders)


# --- scores ---


def test_scores_with_and_without_cases_on_the_border() -> None:
    said = published()["score"]["borrowers"]
    assert said["with_borderline"]["names"] == ["WEAK", "FIRM", "PARENT"]
    assert said["without_borderline"]["names"] == ["WEAK", "FIRM"]
    assert said["with_borderline"]["model"]["auc"]["value"] == 1.0
    # Of two runs both, none and one: 5/6, 1/6 and 1/2 are said, and the first happened.
    assert said["with_borderline"]["model"]["brier"]["value"] == pytest.approx(
        (1 / 36 + 1 / 36 + 1 / 4) / 3
    )


def test_rescheduled_payments_are_scored_apart() -> None:
    late = replace(observation(2), extended=("FIRM",))
    result = found(observation(1, {"WEAK": (100, "dscr")}), late)
    assert result.borrowers["FIRM"].probability.value == 0.0
    assert result.strained["FIRM"] == 0.5
    said = score(result, BALANCE, KNOWN)["borrowers"]
    assert said["with_borderline"]["model"]["auc"]["value"] == 1.0
    assert said["rescheduled_counts"]["auc"]["value"] == 0.75  # WEAK ties with FIRM


def test_rivals_are_a_ratio_a_logit_and_a_constant() -> None:
    result = forecasts(["WEAK", "FIRM", "PARENT"], BALANCE, [True, False, False])
    # By hand: WEAK owes 30 of 40, FIRM nothing of 10, PARENT 10 of 20; the rest is liquid.
    scores = [0.75 * 1.42 - 0.25 * 2.13, -2.13, 0.5 * 1.42 - 0.5 * 2.13]
    everybody = [balance.score for balance in BALANCE.values()]
    assert everybody[:3] == pytest.approx(scores)
    base = 1.0 - 0.966**1.5
    for said_, own in zip(result["prior_logit"], scores, strict=True):
        odds = base / (1.0 - base) * math.exp(own - float(np.mean(everybody)))
        assert said_ == pytest.approx(odds / (1.0 + odds))
    assert result["debt_to_liquid_assets"] == [0.75, 0.0, 0.5]
    assert result["constant_base_rate"] == pytest.approx([1 / 3] * 3)
    said = published()["score"]["borrowers"]["with_borderline"]["constant_base_rate"]
    assert said["auc"]["value"] == 0.5


def test_collateral_and_callable_money_each_double_the_odds() -> None:
    plain = Balance(10.0, 5.0, 50.0)
    for column in ("machines_share", "coins_share", "callable_share"):
        apart = replace(plain, **{column: 1.0}).score - plain.score
        assert apart == pytest.approx(math.log(2.0))


def test_what_was_said_of_what_happened_is_scored_by_its_log() -> None:
    said = published()["score"]["borrowers"]["with_borderline"]["model"]["log"]
    # Two runs: WEAK always, FIRM never, PARENT in one; nobody may be surer than 1/6 of error.
    expected = -(2.0 * math.log(5.0 / 6.0) + math.log(0.5)) / 3.0
    assert said["value"] == pytest.approx(expected)


def test_bands_are_scored_by_month_and_by_how_often_they_hold_what_is_known() -> None:
    result = found(observation(1, price=20.0), observation(2, price=40.0))
    bands = score(result, BALANCE, KNOWN)["bands"]
    price, coins = bands["months"]
    assert (price["month"], price["known"], price["inside"]) == ("2022-12", 25.0, True)
    # E|X - 25| = (5 + 15) / 2; E|X - X'| = (0 + 20 + 20 + 0) / 4.
    assert price["crps"] == pytest.approx(10.0 - 5.0)
    assert price["crps_of_no_change"] == 5.0  # the opening median is 30
    assert (coins["figure"], coins["known"], coins["inside"]) == ("btc_sold", 0.3, False)
    assert coins["crps"] == pytest.approx(0.7)  # both runs say 1.0
    assert bands["coverage"]["value"] == 0.5 and bands["promised"] == pytest.approx(0.8)


def test_timing_is_of_defaults_that_happened() -> None:
    said = published()["score"]["timing"]
    assert [line["id"] for line in said["names"]] == ["WEAK", "BANK"]
    assert said["names"][0]["error_days"] == (100 + 260) / 2 - 200
    assert said["mean_error_days"]["value"] == -20.0
    assert said["mean_error_days"]["low"] is None  # one name has no interval


def test_the_sequence_holds_what_most_runs_have_by_date() -> None:
    result = found(
        observation(1, {"WEAK": (200, "dscr"), "FIRM": (5, "hazard")}, {"BANK": 90}),
        observation(2, {"WEAK": (220, "dscr")}, {"BANK": 110}),
        observation(3, {"WEAK": (210, "dscr")}, {"BANK": 100}),
    )
    said = score(result, BALANCE, KNOWN)["sequence"]
    assert [(row["id"], row["kind"], row["date"]) for row in said] == [
        ("BANK", "lender", "2022-04-10"),
        ("WEAK", "borrower", "2022-07-29"),
    ]


def test_rig_price_error_is_a_logarithm() -> None:
    (line,) = published()["score"]["asic_price"]["months"]
    assert line["log_error"] == pytest.approx(math.log(50.0 / 25.0))
    assert line["factor"] == pytest.approx(2.0)
    assert line["within_factor_1_5"] is False


def test_the_wave_counts_each_default_once() -> None:
    result = found(
        observation(1, {"WEAK": (140, "dscr"), "SMALL_1": (10, "dscr")}),
        observation(2, {"WEAK": (160, "dscr")}),
    )
    wave = score(result, BALANCE, KNOWN)["wave"]
    # The window opens six months after 2021-11-10, on day 131.
    assert wave["share_in_window"] == pytest.approx(2 / 3)
    assert wave["share_in_window_of_named"] == 2 / 2
    assert sum(row["defaults_per_run"] for row in wave["by_month"]) == pytest.approx(3 / 2)


# --- counterfactuals ---


def test_counterfactuals_are_paired_by_seed() -> None:
    base = [observation(k, {"WEAK": (9, "dscr")}, loss_usd=k * 1e6) for k in (1, 2, 3)]
    changed = [observation(k, arm="changed", loss_usd=k * k * 1e6) for k in (3, 1, 2)]
    result = counterfactuals.compare([*changed, *base], SCOPE, MONTHS)
    assert result[counterfactuals.AS_IT_WAS]["loss_usd_m"].value == pytest.approx(2.0)
    difference = result["changed"]["loss_usd_m"]
    interval = ttest_1samp([0.0, 2.0, 6.0], 0.0).confidence_interval()
    assert (difference.value, difference.low, difference.high) == pytest.approx(
        (8 / 3, interval.low, interval.high)
    )
    assert result["changed"]["named"].value == -1.0
    assert math.isnan(result["changed"]["recovery"].value)  # nothing was resolved


def test_an_imposed_failure_is_no_outcome() -> None:
    run = observation(1, lenders={"FUND": 5, "BANK": 9})
    assert counterfactuals.outcomes(run, SCOPE, MONTHS)["lenders"] == 1.0


def test_probabilities_by_arm() -> None:
    runs = [
        observation(1, {"WEAK": (9, "dscr")}, {"BANK": 5}),
        observation(2),
        observation(1, arm="changed"),
        observation(2, arm="changed"),
    ]
    said = counterfactuals.forecasts_by_arm(runs, ["WEAK", "BANK"])
    never = 0.5 / 3  # of two runs
    assert said == {"as it was": [0.5, 0.5], "changed": [never, never]}


def test_every_arm_is_a_scenario_that_differs_from_the_base() -> None:
    base = Scenario.load("backtest-2022")
    arms = [base.with_settings([*settings]) for settings in counterfactuals.arms().values()]
    assert len(arms) == 1 + len(counterfactuals.ARMS)
    assert len({scenario.model_dump_json() for scenario in arms}) == len(arms)
    assert list(counterfactuals.arms(counterfactuals.LATER_DRAWS)) == [
        "as it was",
        "later draws known",
    ]


# --- rules that nobody publishes ---


def test_rules_are_drawn_within_their_ranges_and_the_same_under_every_arm() -> None:
    base = Scenario.load("backtest-2022")
    jobs = jobs_of(base, counterfactuals.arms(counterfactuals.LATER_DRAWS), 40)
    settings = [row for row in beliefs_in(base) if not row.is_cell]
    assert settings == [row for row in beliefs_of("2021") if not row.is_cell]
    values: dict[str, set[float]] = {}
    for first, second in zip(jobs[::2], jobs[1::2], strict=True):
        assert first.seed == second.seed
        for row in settings:
            section, _, leaf = row.parameter.partition(".")
            value = first.scenario[section][leaf]
            assert row.low <= value <= row.high, row.parameter
            assert second.scenario[section][leaf] == value
            values.setdefault(row.parameter, set()).add(value)
    assert len(values) == len(settings)
    whole = {"credit.max_waivers"}  # one, two or three
    assert all(len(drawn) > 20 for name, drawn in values.items() if name not in whole)
    assert values["credit.max_waivers"] == {1, 2, 3}


def test_an_arm_has_the_last_word() -> None:
    base = Scenario.load("backtest-2022")
    (job,) = jobs_of(base, {"marks": ("marks.evidence_weight=1.0",)}, 1)
    assert job.scenario["marks"]["evidence_weight"] == 1.0
    (job,) = jobs_of(base, {"base": ()}, 1, fixed_rules=True)
    assert Scenario.recorded(job.scenario, "job") == base


# --- what may be read ---


def test_the_model_never_reads_what_happened() -> None:
    for package in ("market", "agents"):
        for path in (PROJECT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for word in ("backtest", "outcomes.csv", "known_rig_prices", "known_btc"):
                assert word not in text, f"{path} speaks of {word}"
    names = {path.stem for path in (PROJECT / "market" / "data").rglob("*.csv")}
    assert not {name for name in names if name.startswith(("outcomes", "known_"))}


def test_only_the_module_of_labels_opens_them_and_only_scoring_asks_it() -> None:
    folder = PROJECT / "experiments"
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "labels.py" or path.parent.name != "backtest":
            assert "known_rig_prices" not in text and '"outcomes"' not in text, path
        asks = re.search(r"(?<!causes\.)\blabels import|import labels", text)
        if asks and path.parent.name != "causes":  # labels of contagion are others
            assert path.name in ("evaluate.py", "production.py"), f"{path} asks for labels"
