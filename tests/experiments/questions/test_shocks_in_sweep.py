"""Reverse stress from a stored sweep: weights against chances worked out by hand; refusals."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm
from typer.testing import CliRunner

from firesale.experiments.answers.command import add
from firesale.experiments.answers.finding import LOSS, LOSS_WITHOUT
from firesale.experiments.questions import shocks
from firesale.experiments.questions import shocks_in_sweep as stored
from firesale.experiments.questions.asked import QUESTIONS
from firesale.experiments.sweeps.factors import Factor
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario

FOLDER = Path("out/sweep-shocks")


def sweep(
    drawn: dict[str, Factor], loss: Any, points: int = 4096, **changed: Any
) -> SimpleNamespace:
    """A finished sweep of runs whose loss [USD] is a function of their shocks."""
    from scipy.stats import qmc

    cube = qmc.Sobol(len(drawn), rng=np.random.default_rng(1)).random(points)
    frame = pd.DataFrame({"run_id": np.arange(points)})
    frame["point_id"], frame["replicate"], frame["arm"] = frame["run_id"], 0, ""
    for place, (key, factor) in enumerate(drawn.items()):
        frame[key] = factor.values_at(cube[:, place], key == shocks.LATE)
    frame[LOSS] = loss(frame)
    frame[LOSS_WITHOUT] = 0.5 * frame[LOSS]
    connection = duckdb.connect()
    connection.register("good", frame)
    scenario = Scenario.load("joint-crash").model_dump(mode="json")
    scenario["opening"]["beliefs"] = True
    plan = {"factors": {key: factor.model_dump(mode="json") for key, factor in drawn.items()}}
    found = {
        "folder": FOLDER, "connection": connection, "factors": list(drawn), "arms": [""],
        "metrics": [LOSS, LOSS_WITHOUT], "method": "sobol", "shared_seeds": False, "replicates": 1,
        "manifest": {"name": "shocks", "plan": plan, "scenario": scenario},
        "counts": lambda: {"planned": points, "ok": points, "error": 0, "killed": 0},
    }  # fmt: skip
    return SimpleNamespace(**found | changed)


def asked(runs: SimpleNamespace) -> stored.Told:
    law = stored._law(runs)  # type: ignore[arg-type]
    return stored._told(runs, law, stored._weighed(runs, law))  # type: ignore[arg-type]


def test_a_chance_is_that_of_the_stated_distribution_whatever_was_drawn_from() -> None:
    """Rents alone, falls beyond 40 % cost $6bn: the chance is a difference of two normal ones."""
    runs = sweep(
        {shocks.RENTS: Factor(low=-0.6, high=0.0)},
        lambda frame: np.where(frame[shocks.RENTS] < -0.4, 6e9, 0.0),
    )
    told = asked(runs)
    x = [(math.log1p(rent) + 0.15) / 0.35 for rent in (-0.6, -0.4, 0.0)]
    at = norm.cdf(x)
    assert told.as_json["covered_percent"] == pytest.approx(100.0 * (at[2] - at[0]), rel=1e-3)
    chances = {one["more_than_usd_bn"]: one for one in told.as_json["chances"]}
    assert chances[5.0]["percent"] == pytest.approx(100.0 * (at[1] - at[0]), rel=0.01)
    assert chances[5.0]["low"] < chances[5.0]["percent"] < chances[5.0]["high"]
    assert chances[5.0]["without_largest_percent"] == 0.0, "half of $6bn is less than $5bn"
    assert chances[1.0]["without_largest_percent"] == pytest.approx(chances[1.0]["percent"])
    (driver,) = told.as_json["drivers"]
    inside = (norm.pdf(x[0]) - norm.pdf(x[1])) / (at[1] - at[0])  # mean of a cut normal
    assert driver["mean"] == pytest.approx(inside, rel=0.01)
    assert driver["likeliest"] == pytest.approx(x[1], abs=0.01)
    assert 1.0 < told.as_json["worth_runs"] < 4096


def test_correlated_shocks_are_weighed_together_and_an_importance_density_is_taken_off() -> None:
    both = {
        shocks.BITCOIN: Factor(low=0.2, high=0.9, importance={"low": 0.2, "high": 0.9}),
        shocks.RENTS: Factor(
            low=-0.7, high=0.2, importance={"distribution": "triangular", "low": -0.7,
                                            "mode": -0.5, "high": 0.2}
        ),
    }  # fmt: skip
    told = asked(sweep(both, lambda frame: np.where(frame[shocks.RENTS] < -0.3, 6e9, 0.0), 8192))
    spread = np.array([0.62, 0.35])
    law = multivariate_normal([0.0, -0.15], np.outer(spread, spread) * [[1.0, 0.2], [0.2, 1.0]])
    low, high = np.log1p([-0.9, -0.7]), np.log1p([-0.2, 0.2])
    assert told.as_json["covered_percent"] == pytest.approx(
        100.0 * law.cdf(high, lower_limit=low), rel=1e-3
    )
    expected = 100.0 * law.cdf([high[0], math.log1p(-0.3)], lower_limit=low)
    assert told.as_json["chances"][1]["percent"] == pytest.approx(expected, rel=0.03)


def test_a_setting_and_its_driver_are_each_others_inverse() -> None:
    drivers = np.array([-0.7, -0.4, 1.2, 0.3, 90.0])
    settings = shocks.settings_of(drivers)
    for key, driver in zip(shocks.DRIVERS, drivers, strict=True):
        here = np.array([settings[key]], float)
        assert shocks.driver_of(key, here)[0] == pytest.approx(driver)
        step = 1e-6 * np.abs(here)
        slope = (2 * step) / (
            shocks.driver_of(key, here + step) - shocks.driver_of(key, here - step)
        )
        assert shocks.log_slope(key, here)[0] == pytest.approx(math.log(abs(slope[0])), abs=1e-6)


def test_whole_days_are_drawn_from_the_stretch_that_is_rounded_to_them() -> None:
    days = Factor(low=-30, high=90).model_dump(mode="json")
    assert stored.drawn_from(shocks.LATE, days).support() == (-30.5, 90.5)


def test_the_sentence_says_what_is_unlike_the_stated_shocks() -> None:
    runs = sweep({shocks.RENTS: Factor(low=-0.6, high=0.0)}, lambda frame: 0.0 * frame["run_id"])
    runs.manifest["scenario"]["crypto"]["crash_days"] = 180
    runs.manifest["scenario"]["opening"]["beliefs"] = False
    told = asked(runs)
    assert "crypto.crash_days is 180, not 365" in told.sentence
    assert "Books and beliefs were not drawn" in told.sentence
    assert told.as_json["drivers"] == []


RENTS_ONLY = {shocks.RENTS: Factor(low=-0.6, high=0.0)}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factors": ["books.leverage"]}, "varies books.leverage, which the stated distribution"),
        ({"factors": []}, "varies no shock; allowed factors: crypto.crash_depth"),
        ({"method": "grid"}, "its design is 'grid', which draws from no density"),
        ({"metrics": [LOSS_WITHOUT]}, f"its runs do not say {LOSS}; sweep with resolve = true"),
        (
            {"counts": lambda: {"planned": 9, "ok": 4, "error": 0, "killed": 0}},
            "holds 4 of 9 runs; give the sweep's command again",
        ),
    ],
)
def test_what_cannot_be_weighed_is_refused_in_a_sentence(
    changed: dict[str, Any], message: str
) -> None:
    runs = sweep(RENTS_ONLY, lambda frame: 0.0 * frame["run_id"], 8, **changed)
    with pytest.raises(InputError, match=message):
        stored._law(runs)  # type: ignore[arg-type]


def test_listed_values_have_no_density() -> None:
    runs = sweep({shocks.RENTS: Factor(values=(-0.5, 0.0))}, lambda frame: 0.0 * frame["run_id"], 8)
    with pytest.raises(InputError, match="takes listed values, which have no density"):
        stored._law(runs)  # type: ignore[arg-type]


def test_from_makes_no_runs_and_is_refused_with_what_asks_for_them(tmp_path: Path) -> None:
    import typer

    app = typer.Typer(pretty_exceptions_enable=False)
    add(app, *QUESTIONS["reverse-stress"])
    app.command("other")(lambda: None)
    asked = ["reverse-stress", "--from", str(tmp_path)]
    for extra, message in ((["--quick"], "leave out --quick"), ([], "holds no sweep")):
        with pytest.raises(InputError, match=message):
            CliRunner().invoke(app, [*asked, *extra], catch_exceptions=False)
