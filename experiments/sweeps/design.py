"""Designs: the points of a plan as one table, the seeds of its runs, and the numbers of both.

The table is written once into the sweep's folder and read from there ever after. One row is one
point under one policy arm: ``design_id = point_id · arms + arm``, and
``run_id = design_id · replicates + replicate``.
"""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ..look.memory import free_bytes, parties_of
from .books import is_cell
from .factors import Factor, Value, flatten, is_text, is_whole
from .plan import INDICES, Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

MORRIS_LEVELS = 4
BYTES_OF_A_CELL = 60  # while a design is laid out: a Python number, its place, and the table
FEW_POINTS = 16  # a power of two, as some designs need
EDGE = 0.01  # where a distribution has no end, Morris' outermost levels are these quantiles
POPULATION = ("opening.start", "opening.scale", "synthetic.parties")
UNIT = "unit."
"""Prefix of columns with coordinates in the unit cube, which Morris' effects are measured in."""


@dataclass(frozen=True)
class RunPoint:
    """One run: where it stands in the design, under which arm, and its seed."""

    run_id: int
    design_id: int
    replicate: int
    arm: str
    seed: int
    log_weight: float
    factors: dict[str, Value]


def design_table(plan: Plan) -> pa.Table:
    """The design: ``design_id, point_id, arm, log_weight`` and one column for each factor.

    The same plan gives the same table. Morris' design has its unit coordinates too.
    """
    unit = _unit_points(plan)
    columns: dict[str, list[Value]] = {}
    count = 1 if unit is None else len(unit)
    if unit is None:
        columns = _listed(plan)
        count = len(next(iter(columns.values()), [None]))
    else:
        for place, (key, factor) in enumerate(plan.factors.items()):
            columns[key] = factor.values_at(_inner(plan, factor, unit[:, place]), is_whole(key))
    columns = {
        k: [str(v) for v in values] if is_text(k) else values for k, values in columns.items()
    }
    log_weight = np.zeros(count)
    for key, factor in plan.factors.items():
        if factor.importance is not None:
            log_weight += factor.log_weight(np.array(columns[key], float))
    arms = plan.arm_names
    table: dict[str, Any] = {
        "design_id": np.arange(count * len(arms)),
        "point_id": np.repeat(np.arange(count), len(arms)),
        "arm": pa.array(list(arms) * count, pa.string()),
        "log_weight": np.repeat(log_weight, len(arms)),
    }
    for key, values in columns.items():
        table[key] = pa.array([v for v in values for _ in arms], _type_of(key, values))
    if plan.design.method == "morris" and unit is not None:
        for place, key in enumerate(plan.factors):
            table[UNIT + key] = np.repeat(unit[:, place], len(arms))
    return pa.table(table)


def seed_of(plan: Plan, point_id: int, replicate: int) -> int:
    """The seed of a run, from the plan's seed, its point and its replicate only.

    Arms of a point share it; with ``shared_seeds`` all points do.
    """
    entropy = [plan.seed, 0 if plan.shared_seeds else 1 + point_id, replicate]
    (word,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))


def run_points(plan: Plan, design: pa.Table, run_ids: NDArray[np.int64]) -> list[RunPoint]:
    """The runs of some numbers, in that order."""
    rows = design.take(pa.array(run_ids // plan.replicates)).to_pylist()
    return [
        RunPoint(
            run_id=int(run_id),
            design_id=row["design_id"],
            replicate=int(run_id % plan.replicates),
            arm=row["arm"],
            seed=seed_of(plan, row["point_id"], int(run_id % plan.replicates)),
            log_weight=row["log_weight"],
            factors={key: row[key] for key in plan.factors},
        )
        for run_id, row in zip(run_ids, rows, strict=True)
    ]


def count_runs(plan: Plan) -> int:
    """How many runs a plan asks for, without laying out its design."""
    many = len(plan.factors)
    points = plan.design.points or 0
    match plan.design.method:
        case "grid":
            points = math.prod(len(factor.grid()) for factor in plan.factors.values())
        case "list":
            points = len(next(iter(plan.factors.values())).values or ())
        case "sobol-indices":
            points *= many + 2
        case "morris":
            points *= many + 1
    return points * len(plan.arm_names) * plan.replicates


def check_design(plan: Plan) -> None:
    """Refuse a design that does not fit into memory when it is laid out.

    Raises:
        InputError: how much it needs, and how much is free.
    """
    points = count_runs(plan) // plan.replicates
    needed = points * (4 + 2 * len(plan.factors)) * BYTES_OF_A_CELL
    free = free_bytes() if needed > 1e8 else math.inf
    if needed > free:
        raise InputError(
            f"{plan.name}: a design of {points:,} points needs about {needed / 1e9:.0f} GB of "
            f"memory, and {free / 1e9:.1f} GB are free; ask for fewer points, or more replicates "
            "of each."
        )


def largest_of(plan: Plan) -> Scenario:
    """The base scenario with the largest population that a factor or an arm may ask for.

    Factors and arms need not be at their worst together: what this says is never too little.
    """
    asked: dict[str, set[Any]] = {key: {plan.base.value_of(key)} for key in POPULATION}
    for key, factor in plan.factors.items():
        most = factor.values or (factor.support()[1],)
        for name in (key, *factor.also):
            if name in asked:
                asked[name] |= set(most)
    for settings in plan.arms.values():
        for name, value in flatten(settings).items():
            if name in asked:
                asked[name].add(value)
    starts = asked.pop("opening.start")
    large = plan.base.model_copy(
        update={
            "synthetic": plan.base.synthetic.model_copy(
                update={"parties": math.ceil(max(asked["synthetic.parties"]))}
            ),
            "opening": plan.base.opening.model_copy(update={"scale": max(asked["opening.scale"])}),
        }
    )
    opened = [
        large.model_copy(update={"opening": large.opening.model_copy(update={"start": str(start)})})
        for start in starts
    ]
    return max(opened, key=parties_of)


def sample_of(plan: Plan) -> Plan:
    """The same plan with a few points of its design: enough to see what a run of it costs."""
    if plan.design.method == "list":
        return plan
    if plan.design.method != "grid":
        points = min(plan.design.points or 1, FEW_POINTS)
        return plan.model_copy(update={"design": plan.design.model_copy(update={"points": points})})
    few = {}
    for place, (key, factor) in enumerate(plan.factors.items()):
        values = factor.grid()
        ends = (values[0], values[-1]) if place < 4 and len(values) > 1 else values[:1]
        few[key] = factor.model_copy(update={"values": ends, "steps": None})
    return plan.model_copy(update={"factors": few})


def problem_of(plan: Plan) -> dict[str, Any]:
    """The factors as SALib describes a problem, in the unit cube."""
    names = list(plan.factors)
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _unit_points(plan: Plan) -> NDArray[np.float64] | None:
    """Points in the unit cube, shape (points, factors); None for designs that list their values."""
    method, points, many = plan.design.method, plan.design.points or 0, len(plan.factors)
    rng = np.random.default_rng([plan.seed, 0x0DE5])
    if method == "random":
        return rng.random((points, many))
    if method in INDICES:
        return _salib_points(plan, int(rng.integers(2**31)))
    if method == "latin-hypercube":
        from scipy.stats import qmc

        return np.asarray(qmc.LatinHypercube(many, rng=rng).random(points))
    if method == "sobol":
        from scipy.stats import qmc

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # balance needs a power of two points
            return np.asarray(qmc.Sobol(many, rng=rng).random(points))
    return None


def _salib_points(plan: Plan, seed: int) -> NDArray[np.float64]:
    points = plan.design.points or 0
    if plan.design.method == "morris":
        from SALib.sample import morris

        return np.asarray(
            morris.sample(problem_of(plan), points, num_levels=MORRIS_LEVELS, seed=seed)
        )
    from SALib.sample import sobol

    return np.asarray(sobol.sample(problem_of(plan), points, calc_second_order=False, seed=seed))


def _inner(plan: Plan, factor: Factor, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities whose quantiles are finite."""
    if factor.values is not None or all(map(math.isfinite, factor.support())):
        return unit
    if plan.design.method == "morris":
        return EDGE + (1.0 - 2.0 * EDGE) * unit
    return np.clip(unit, 1e-12, 1.0 - 1e-12)


def _listed(plan: Plan) -> dict[str, list[Value]]:
    """Values of a grid, last factor fastest, or of a list."""
    if plan.design.method == "list":
        return {key: list(factor.values or ()) for key, factor in plan.factors.items()}
    values = [
        [round(v) if is_whole(key) and isinstance(v, float) else v for v in factor.grid()]
        for key, factor in plan.factors.items()
    ]
    rows = list(itertools.product(*values))
    return {key: [row[k] for row in rows] for k, key in enumerate(plan.factors)}


def _type_of(key: str, values: list[Value]) -> pa.DataType:
    if any(isinstance(value, bool) for value in values):
        return pa.bool_()
    if any(isinstance(value, str) for value in values):
        return pa.string()
    return pa.int64() if is_whole(key) and not is_cell(key) else pa.float64()
