"""Reverse stress from a finished sweep: its runs weighed by the stated distribution of shocks.

Each run counts with the density of its shocks under the stated distribution over the density that
the sweep drew them from. What the sweep never draws it says nothing about: how much of the stated
distribution it covers stands with every chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ...market.scenario.errors import InputError
from ..answers.finding import LOSS, LOSS_WITHOUT, Number, Table
from ..answers.question import Told
from .shocks import (
    ASKED,
    CORRELATIONS,
    DEVIATIONS,
    DRIVERS,
    FIXED,
    LATE,
    MEANS,
    THRESHOLDS,
    driver_of,
    log_slope,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ..sweeps.factors import Distribution
    from ..sweeps.queries import Runs

BILLION = 1e9


class Law(NamedTuple):
    """The stated distribution of the drivers that a sweep moves."""

    keys: tuple[str, ...]
    means: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Weighed(NamedTuple):
    """Runs of a sweep as draws of the stated distribution."""

    scores: NDArray[np.float64]  # [run, driver], deviations from what is expected
    distance: NDArray[np.float64]  # squared, from what is expected (Mahalanobis)
    loss: NDArray[np.float64]  # [run, with and without the largest borrower], $bn
    log_weight: NDArray[np.float64]
    groups: NDArray[np.int64] | None  # runs that are not independent
    covered: float  # share of the stated distribution that the sweep draws from


def of_sweep(folder: Path) -> Told:
    """Chances of large losses, and the shocks behind them, from a finished sweep.

    Raises:
        InputError: no sweep, one that is not finished, not sampled, varies something else than the
            stated shocks, or does not hold settled losses.
    """
    from ..sweeps.queries import Runs

    runs = Runs.open(folder)
    law = _law(runs)
    return _told(runs, law, _weighed(runs, law))


def _law(runs: Runs) -> Law:
    import numpy as np

    from ..sweeps.plan import SAMPLED

    counts, where = runs.counts(), runs.folder
    if counts["ok"] + counts["error"] + counts["killed"] < counts["planned"]:
        raise InputError(
            f"{where}: holds {counts['ok']:,} of {counts['planned']:,} runs; give the sweep's "
            "command again, it goes on."
        )
    allowed = ", ".join(DRIVERS)
    if other := [key for key in runs.factors if key not in DRIVERS]:
        raise InputError(
            f"{where}: varies {other[0]}, which the stated distribution of shocks does not have; "
            f"allowed factors: {allowed}."
        )
    if not runs.factors:
        raise InputError(f"{where}: varies no shock; allowed factors: {allowed}.")
    if runs.method not in SAMPLED:
        raise InputError(
            f"{where}: its design is '{runs.method}', which draws from no density; sweep again "
            f"with one of {', '.join(SAMPLED)}."
        )
    for key, factor in runs.manifest["plan"]["factors"].items():
        if factor["values"] is not None:
            raise InputError(
                f"{where}: {key} takes listed values, which have no density; sweep it from low to "
                "high."
            )
    for column in (LOSS, LOSS_WITHOUT):
        if column not in runs.metrics:
            raise InputError(
                f"{where}: its runs do not say {column}; sweep with resolve = true and keep that "
                "output."
            )
    places = [list(DRIVERS).index(key) for key in runs.factors]
    deviations = np.array(DEVIATIONS)[places]
    return Law(
        tuple(runs.factors),
        np.array(MEANS)[places],
        np.array(CORRELATIONS)[np.ix_(places, places)] * np.outer(deviations, deviations),
    )


def drawn_from(key: str, factor: dict[str, Any]) -> Distribution:
    """What a sweep draws a factor from; whole days as the stretch that is rounded to them."""
    from ..sweeps.factors import Factor

    whole = Factor.model_validate(factor)
    found = whole.importance or whole
    if key == LATE and found.distribution == "uniform":
        ends = {"low": (found.low or 0.0) - 0.5, "high": (found.high or 0.0) + 0.5}
        return found.model_copy(update=ends)
    return found


def _weighed(runs: Runs, law: Law) -> Weighed:
    import numpy as np
    from scipy.stats import multivariate_normal

    from ..sweeps.queries import groups_of, quoted, text

    columns = ", ".join(map(quoted, (*law.keys, LOSS, LOSS_WITHOUT)))
    frame = runs.connection.execute(
        f"SELECT run_id, point_id, replicate, {columns} FROM good WHERE arm = "
        f"{text(runs.arms[0])} AND {quoted(LOSS)} IS NOT NULL ORDER BY run_id"
    ).df()
    sampled = np.zeros(len(frame))
    drivers, ends = [], []
    for key in law.keys:
        factor = drawn_from(key, runs.manifest["plan"]["factors"][key])
        setting = frame[key].to_numpy(float)
        sampled += factor.log_density(setting) + log_slope(key, setting)
        drivers.append(driver_of(key, setting))
        ends.append(np.sort(driver_of(key, np.array(factor.support()))))
    points = np.column_stack(drivers)
    apart = points - law.means
    stated = multivariate_normal(law.means, law.covariance)
    low, high = np.array(ends).T
    return Weighed(
        apart / np.sqrt(np.diag(law.covariance)),
        np.einsum("ij,jk,ik->i", apart, np.linalg.inv(law.covariance), apart),
        frame[[LOSS, LOSS_WITHOUT]].to_numpy(float) / BILLION,
        np.atleast_1d(stated.logpdf(points)) - sampled,
        groups_of(runs, frame),
        float(stated.cdf(high, lower_limit=low)),
    )


def chance(made: Weighed, hit: NDArray[np.bool_]) -> Number:
    """Chance of what the sweep covers and what happens there, in per cent of all years."""
    from ..look.intervals import share

    inside = share(hit, groups=made.groups, log_weight=made.log_weight)
    return Number.of(inside, "%", 0.01 / made.covered)


def _told(runs: Runs, law: Law, made: Weighed) -> Told:
    from ..look.intervals import effective_size

    worth = effective_size(made.log_weight, made.groups)
    rows = []
    for threshold in THRESHOLDS:
        hits = made.loss > threshold
        rows.append(
            (threshold, chance(made, hits[:, 0]), chance(made, hits[:, 1]), float(hits[:, 0].sum()))
        )
    covered, asked = 100.0 * made.covered, chance(made, made.loss[:, 0] > ASKED)
    scenario = runs.manifest["scenario"]
    arm = f", arm {runs.arms[0]}" if runs.arms[0] else ""
    sentence = (
        f"{runs.folder} ({runs.manifest['name']}{arm}, {scenario['days']:,} days): "
        f"{len(made.loss):,} runs, worth {worth:,.0f} draws of the stated distribution of shocks, "
        f"cover {covered:.2g} % of it. There lenders lose more than ${ASKED:.0f}bn with a chance "
        f"of {asked.text('.2g')}; what the sweep does not cover may add up to "
        f"{100.0 - covered:.2g} points."
    )
    if still := [name for key, name in DRIVERS.items() if key not in law.keys]:
        sentence += f" Not moved by the sweep: {'; '.join(still)}."
    if others := _differs(scenario):
        sentence += f" Unlike in the stated shocks: {', '.join(others)}."
    if not scenario["opening"]["beliefs"]:
        sentence += " Books and beliefs were not drawn: only luck varies beside the shocks."
    chances = Table(
        "Chance of that loss and of shocks that the sweep covers, 95 %",
        ("more than, $bn", "chance, %", "without the largest borrower", "runs"),
        (".0f", ".2g", ".2g", ",.0f"),
        tuple(rows),
    )
    points = _points(law, made)
    return Told(
        sentence,
        (chances, *points),
        {
            "sweep": str(runs.folder),
            "runs": len(made.loss),
            "worth_runs": worth,
            "covered_percent": covered,
            "chances": [
                {"more_than_usd_bn": row[0], "percent": row[1].value, "low": row[1].low,
                 "high": row[1].high, "without_largest_percent": row[2].value}
                for row in rows
            ],
            "drivers": [
                {"driver": row[0], "likeliest": row[1], "mean": row[2].value}
                for table in points for row in table.rows
            ],
        },
    )  # fmt: skip


def _differs(scenario: dict[str, Any]) -> list[str]:
    """Settings that stand beside the shocks and are others in the sweep's scenario."""
    found = []
    for key, stated in FIXED.items():
        section, _, name = key.partition(".")
        if (here := scenario[section][name]) != stated:
            found.append(f"{key} is {here}, not {stated}")
    return found


def _points(law: Law, made: Weighed) -> tuple[Table, ...]:
    """The likeliest shock among those that breach, and their mean, by driver."""
    import numpy as np

    from ..look.intervals import mean_of

    hit = made.loss[:, 0] > ASKED
    if not hit.any():
        return ()
    scores, weight = made.scores[hit], made.log_weight[hit]
    groups = None if made.groups is None else made.groups[hit]
    nearest = int(np.argmin(made.distance[hit]))
    share = np.exp(weight - weight.max()) / np.exp(weight - weight.max()).sum()
    rows = []
    for place, key in enumerate(law.keys):
        centre = Number.of(mean_of(scores[:, place], weight, groups=groups))
        spread = math.sqrt(float(share @ (scores[:, place] - centre.value) ** 2))
        rows.append((DRIVERS[key], float(scores[nearest, place]), centre, spread))
    return (
        Table(
            f"Shocks that cost more than ${ASKED:.0f}bn: the likeliest of those run, and all of "
            "them, in deviations from what is expected",
            ("driver", "likeliest", "mean of all", "spread of all"),
            ("", "+.2f", "+.2f", ".2f"),
            tuple(rows),
        ),
    )
