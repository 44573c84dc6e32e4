"""Plans: one TOML file says what a sweep runs; read, checked, and reduced to what decides results.

Example:
    ``Plan.load("experiments/plans/quick.toml").identity()`` is what a sweep's folder is held to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from ...market.scenario.errors import InputError
from ...market.scenario.nearest import did_you_mean
from ...market.scenario.scenario import Scenario
from ...market.scenario.sections import PACKAGED_HISTORIES, Section
from ...market.scenario.text_files import read_bytes, read_toml
from . import books, own
from .factors import Factor, believed, check_key, flatten, is_whole, plain_factor, plain_values
from .idle import refuse_idle
from .refusals import keys, sentence
from .slurm import Slurm

PLAN_FOLDER = Path(__file__).resolve().parent.parent / "plans"
SAMPLED = ("latin-hypercube", "sobol", "random")
INDICES = ("sobol-indices", "morris")
EVENT = re.compile(r"^\s*([a-z][\w.]*)\s*(>=|>|<=|<|=)\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*$")
MOST_RUNS = 10**9
START = "opening.start"
BELIEFS = "opening.beliefs"


def parse_event(text: str) -> tuple[str, str, float]:
    """``linked.largest >= 3`` as metric, comparison and number.

    Raises:
        ValueError: not of that form.
    """
    with contextlib.suppress(ValueError):
        match = EVENT.match(text)
        if match and math.isfinite(float(match[3])):
            return match[1], match[2], float(match[3])
    raise ValueError(f"'{text}' is not an event such as 'linked.largest >= 3'")


class Design(Section):
    """How points are laid out over the factors."""

    method: Literal[
        "grid", "list", "latin-hypercube", "sobol", "random", "sobol-indices", "morris"
    ] = Field(
        "grid",
        description="grid: every combination; list: n-th values together; latin-hypercube, sobol, "
        "random: sampled; sobol-indices, morris: laid out for sensitivity indices",
    )
    points: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNS,
        description="how many; for sobol-indices the base sample, for morris the trajectories",
    )

    @model_validator(mode="after")
    def _points(self) -> Design:
        if self.method in ("grid", "list"):
            if self.points is not None:
                raise ValueError(f"a '{self.method}' design counts its points itself")
        elif self.points is None:
            raise ValueError(f"a '{self.method}' design needs points")
        if self.method == "sobol-indices" and self.points and self.points & (self.points - 1):
            raise ValueError(f"points = {self.points} is not a power of two, as its sequence needs")
        return self


class Trajectories(Section):
    """Daily series kept of every run, beside its one row of numbers."""

    columns: tuple[str, ...] = Field(min_length=1, description="of a run's series")
    every_days: int = Field(7, ge=1, le=36500)

    @model_validator(mode="after")
    def _each_once(self) -> Trajectories:
        if "day" in self.columns:
            raise ValueError("the column 'day' is kept anyway")
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise ValueError(f"the column '{twice[0]}' stands there twice")
        return self


class Analysis(Section):
    """What ``firesale analyse`` asks; may change without repeating runs."""

    event: str = Field("linked.largest >= 3", description="metric, comparison, number")
    loss: str = Field("loss_usd.total", description="metric for VaR, ES and sensitivities")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="of all intervals")
    tail: float = Field(0.95, gt=0.5, lt=1.0, description="level of VaR and ES")
    cliff: float = Field(0.5, gt=0.0, lt=1.0, description="probability at which a cliff is drawn")
    bins: int = Field(6, ge=2, le=50, description="per factor, where points are no grid")
    phase: tuple[tuple[str, str], ...] = Field((), description="pairs of factors to draw")

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("phase"), list):
            pairs = [tuple(pair) if isinstance(pair, list) else pair for pair in data["phase"]]
            return data | {"phase": tuple(pairs)}
        return data

    @model_validator(mode="after")
    def _event(self) -> Analysis:
        parse_event(self.event)
        return self


class Plan(Section):
    """A sweep: a scenario, what is varied, how often, and what is kept."""

    name: str = Field("unnamed", pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = ""
    description: str = ""
    scenario: str = Field(description="a scenario's name, or the path of a .toml file")
    settings: dict[str, Any] = Field({}, description="changes of the scenario for all runs")
    books: str | None = Field(
        None, min_length=1, description="your own: a folder of opening tables, or a loan tape"
    )
    seed: int = Field(1, ge=0, lt=2**63)
    replicates: int = Field(1, ge=1, le=1_000_000, description="runs at each point of the design")
    shared_seeds: bool = Field(
        False, description="true: every point sees the same draws, not only every arm"
    )
    resolve: bool = Field(
        False, description="true: every run goes on after its last day until claims are settled"
    )
    companions: bool = Field(False, description="true: every run says what came through others")
    run_limit_s: float | None = Field(
        None,
        gt=0.0,
        le=1e9,
        description="a run that takes longer is given up and recorded as failed; without it 20 "
        "times the slowest run so far, by days and parties, and at least 60",
    )
    design: Design = Design()
    factors: dict[str, Factor] = Field({}, description="what is varied, by scenario key")
    arms: dict[str, dict[str, Any]] = Field(
        {}, description="policies compared under common random numbers"
    )
    outputs: tuple[str, ...] = Field(("*",), min_length=1, description="patterns of metrics kept")
    trajectories: Trajectories | None = None
    analysis: Analysis = Analysis()
    slurm: Slurm = Slurm()
    base: Scenario = Field(default=Scenario(), exclude=True, description="filled when read")

    @classmethod
    def load(
        cls, name_or_path: str | Path, beliefs: bool | None = None, books: Path | None = None
    ) -> Self:
        """Read a plan by name (``quick``) or from a TOML file.

        ``beliefs``: whether runs draw within what is believed, whatever the plan says; ``books``:
        a folder of tables or a loan tape, instead of the plan's.

        Raises:
            InputError: the first problem of the plan, or of its scenario, in one sentence.
        """
        path, data = _read(name_or_path)
        if books is not None:
            data["books"] = str(books.absolute())
        return cls.from_dict(data, path.name, path.parent, beliefs)

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], where: str, folder: Path, beliefs: bool | None = None
    ) -> Self:
        """Check nested data; files are looked for in ``folder`` first, then in the current one.

        A sweep states probabilities, so that its runs draw within beliefs unless it says otherwise.

        Raises:
            InputError: the first problem, in one sentence.
        """
        data = dict(data)
        if "base" in data:
            raise InputError(f"{where}: there is no key 'base'; allowed here: {keys(cls)}.")
        factors = data.get("factors", {})
        if isinstance(factors, dict):
            flat = flatten(factors, tuple(Factor.model_fields))
            data["factors"] = {
                key: books.with_default(key, plain_factor(key, value, f"{where}: factors"))
                for key, value in flat.items()
            }
        if isinstance(arms := data.get("arms"), dict):
            data["arms"] = {
                name: plain_values(settings, f"{where}: arms.{name}")
                for name, settings in arms.items()
            }
        try:
            plan = cls.model_validate(_tuples(data))
        except ValidationError as error:
            raise InputError(sentence(cls, error, where)) from None
        chosen = plan.scenario
        if chosen.endswith(".toml") and not Path(chosen).is_absolute():
            chosen = str(folder / chosen if (folder / chosen).exists() else chosen)
        loaded = Scenario.load(chosen)
        settings = {BELIEFS: True} | flatten(plan.settings)
        settings |= {} if beliefs is None else {BELIEFS: beliefs}
        base = loaded.changed(settings, f"{where}: settings")
        if base.crypto.history not in (None, *PACKAGED_HISTORIES):
            base = _absolute_history(base, folder, where)
        believes = {
            key: believed(factor, base, key, f"{where}: factors")
            for key, factor in plan.factors.items()
        }
        place = plan.books and own.found(plan.books, folder, base, where)
        plan = plan.model_copy(update={"base": base, "factors": believes, "books": place})
        plan._check(where)
        refuse_idle(loaded, base, plan.factors, plan.arms, where)
        return plan

    def _check(self, where: str) -> None:
        """What concerns several parts of the plan at once."""
        varied: list[str] = []
        tables = own.of(self.books)
        for key, factor in self.factors.items():
            varied += [key, *factor.also]
            if any(is_whole(name) != is_whole(key) for name in factor.also):
                raise InputError(f"{where}: factors.{key}: 'also' mixes whole numbers and others.")
            for name in (key, *factor.also):
                if books.is_cell(name):
                    books.check_cell(name, factor, f"{where}: factors.{name}", tables)
                else:
                    check_key(self.base, name, factor, f"{where}: factors")
        if twice := sorted({key for key in varied if varied.count(key) > 1}):
            raise InputError(f"{where}: factors: '{twice[0]}' is set twice.")
        for name, settings in self.arms.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
                raise InputError(
                    f"{where}: arms: '{name}' is not a name (small letters, digits, -)."
                )
            values = flatten(settings)
            for key in filter(books.is_cell, values):
                one = f"{where}: arms.{name}.{key}"
                books.check_cell(key, books.set_to(values[key], one), one, tables)
            plain = {key: value for key, value in values.items() if not books.is_cell(key)}
            self.base.changed(plain, f"{where}: arms.{name}")
            if both := sorted(set(values) & set(varied)):
                raise InputError(f"{where}: arms.{name}: '{both[0]}' is a factor too.")
        self._check_books(where)
        self._check_design(where)
        for pair in self.analysis.phase:
            if pair[0] == pair[1]:
                raise InputError(f"{where}: analysis.phase: '{pair[0]}' is paired with itself.")
            for key in pair:
                if key not in self.factors:
                    known = ", ".join(self.factors) or "none"
                    raise InputError(
                        f"{where}: analysis.phase: '{key}' is not a factor of this plan ({known})."
                    )

    def _check_books(self, where: str) -> None:
        """Cells are those of the books of 2025, which synthetic ones are divided from."""
        starts: set[Any] = {self.base.opening.start}
        for key, factor in self.factors.items():
            if START in (key, *factor.also):
                starts = set(factor.values or ())
        starts |= {flatten(settings).get(START) for settings in self.arms.values()}
        own.check_start(self.books, starts, where)
        names = {
            name: f"factors.{name}"
            for key, factor in self.factors.items()
            for name in (key, *factor.also)
        }
        for arm, settings in self.arms.items():
            names |= {key: f"arms.{arm}.{key}" for key in flatten(settings)}
        cell = next(filter(books.is_cell, names), None)
        if cell is not None and "2021" in starts:
            raise InputError(
                f"{where}: {names[cell]}: is a part of the books of 2025; {START} = '2021' opens "
                "others."
            )

    def _check_design(self, where: str) -> None:
        method = self.design.method
        if not self.factors and method != "grid":
            raise InputError(f"{where}: design: a '{method}' design needs at least one factor.")
        for key, factor in self.factors.items():
            problem = ""
            if method in ("grid", "list"):
                if factor.importance is not None:
                    problem = f"importance sampling needs a sampled design, not '{method}'"
                elif method == "list" and factor.values is None:
                    problem = "a list design needs values"
                elif method == "grid":
                    try:
                        factor.grid()
                    except ValueError as error:
                        problem = str(error)
            elif factor.steps is not None:
                problem = f"steps belong to a grid, not to '{method}'"
            elif factor.importance is not None and method in INDICES:
                problem = f"importance sampling does not go with '{method}'"
            if problem:
                raise InputError(f"{where}: factors.{key}: {problem}.")
        steps = [len(factor.grid()) for factor in self.factors.values()] if method == "grid" else []
        runs = (self.design.points or math.prod(steps)) * len(self.arm_names) * self.replicates
        if runs > MOST_RUNS:
            raise InputError(f"{where}: {runs:,} runs are not allowed; at most {MOST_RUNS:,}.")
        lengths = {key: len(factor.values or ()) for key, factor in self.factors.items()}
        if method == "list" and len(set(lengths.values())) > 1:
            text = ", ".join(f"{key} {length}" for key, length in lengths.items())
            raise InputError(f"{where}: a list design needs equally many values ({text}).")

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Names of the policy arms; one without a name where the plan has none."""
        return tuple(self.arms) or ("",)

    def resolved(self) -> dict[str, Any]:
        """Everything that decides results, with the scenario in full, as plain JSON values."""
        scenario = self.base.model_dump(mode="json", exclude={"title", "description"})
        # The hash of the source covers what is packaged.
        if self.base.crypto.history not in (None, *PACKAGED_HISTORIES):
            path = Path(self.base.crypto.history or "")
            content = read_bytes(path, f"crypto.history: {path}")
            scenario["crypto"]["history"] = "sha256:" + hashlib.sha256(content).hexdigest()
        kept = {"seed", "replicates", "shared_seeds", "design", "factors", "arms", "outputs"}
        kept |= {"trajectories", "resolve", "companions"}
        plan = self.model_dump(mode="json", include=kept)
        read = {"books": f"sha256:{own.kept(self.books).sha256}"} if self.books else {}
        return {"scenario": scenario, **plan, **read}

    def identity(self) -> str:
        """A hash of :meth:`resolved` (hex)."""
        text = json.dumps(self.resolved(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def plan_names() -> list[str]:
    """Names of the plans that come with the project, sorted."""
    return sorted(path.stem for path in PLAN_FOLDER.glob("*.toml"))


def _read(name_or_path: str | Path) -> tuple[Path, dict[str, Any]]:
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in plan_names():
            meant = did_you_mean(str(name_or_path), plan_names())
            raise InputError(
                f"There is no plan '{name_or_path}'{meant}; allowed: {', '.join(plan_names())}, "
                "or the path of a .toml file."
            )
        path = PLAN_FOLDER / f"{name_or_path}.toml"
    data = read_toml(path, f"Plan {path}")
    data.setdefault("name", path.stem)
    return path, data


def _absolute_history(base: Scenario, folder: Path, where: str) -> Scenario:
    """Name the history file such that workers elsewhere find it, and see that it is there."""
    given = Path(base.crypto.history or "")
    path = next((p for p in (folder / given, given) if p.is_file()), None)
    if path is None:
        raise InputError(f"{where}: crypto.history: {given} cannot be read (no such file).")
    found = {"crypto.history": str(path.resolve()), "crypto.path": base.crypto.path}
    return base.changed(found, where)


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    """TOML's arrays as tuples where the plan's fields are tuples."""
    result = dict(data)
    if isinstance(result.get("outputs"), list):
        result["outputs"] = tuple(result["outputs"])
    for section, names in (("trajectories", ("columns",)), ("slurm", ("prologue", "directives"))):
        table = result.get(section)
        if isinstance(table, dict):
            arrays = {n: tuple(table[n]) for n in names if isinstance(table.get(n), list)}
            result[section] = table | arrays
    return result
