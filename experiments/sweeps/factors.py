"""Factors: what a plan varies, checked against the scenario's schema, and how it is distributed.

A factor is named as in a scenario file (``crypto.crash_depth``), or ``books.TABLE[.ROW].COLUMN``
for an uncertain cell of the opening books (:mod:`experiments.sweeps.books`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ...market.opening.beliefs import belief_about
from ...market.scenario.errors import InputError
from ...market.scenario.numbers import of_kind
from ...market.scenario.scenario import Scenario
from ...market.scenario.sections import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydantic.fields import FieldInfo

NEEDS = {
    "values": ("values",),
    "uniform": ("low", "high"),
    "log-uniform": ("low", "high"),
    "normal": ("mean", "deviation"),
    "lognormal": ("median", "log_deviation"),
    "triangular": ("low", "mode", "high"),
    "belief": (),
}
"""What each distribution must be given; normal ones may also be cut off at ``low`` and ``high``.

A ``belief`` is what the table of beliefs says of a setting: :func:`believed`."""
IN_ITS_UNIT = ("low", "high", "mode", "mean", "deviation", "median")
"""Parameters of distributions in the unit of the key."""
CUT = ("normal", "lognormal")
LEAST_LEFT = 1e-6
"""What a cut must leave of a distribution: of less, quantiles are lost to rounding."""

SUFFIX = re.compile(
    r"_(usd_per_gpu_day|usd_per_gpu|usd_per_th|usd|days|years|per_year|per_quarter|share|gpus)$"
)

type Value = float | int | bool | str


def _real(value: Any) -> Any:
    """A whole number as a real one; endless if it has more digits than any."""
    if type(value) is not int:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


class Distribution(Section):
    """How one number is distributed; parameters are in the unit of its scenario key."""

    distribution: Literal[
        "values", "uniform", "log-uniform", "normal", "lognormal", "triangular", "belief"
    ] = "uniform"
    values: tuple[Value, ...] | None = Field(None, min_length=1, description="equally likely")
    low: float | None = None
    high: float | None = None
    mode: float | None = None
    mean: float | None = None
    deviation: float | None = Field(None, gt=0.0)
    median: float | None = Field(None, gt=0.0)
    log_deviation: float | None = Field(None, gt=0.0)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_values(cls, data: Any) -> Any:
        """A list of values needs no name for its distribution; TOML's arrays become tuples."""
        if isinstance(data, dict):
            numbers = {"low", "high", "mode", "mean", "deviation", "median", "log_deviation"}
            data = {k: _real(v) if k in numbers else v for k, v in data.items()}
            data = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
            if "values" in data:
                data.setdefault("distribution", "values")
        return data

    @model_validator(mode="after")
    def _complete(self) -> Distribution:
        given = {
            name for names in NEEDS.values() for name in names if getattr(self, name) is not None
        }
        needs = set(NEEDS[self.distribution])
        if missing := sorted(needs - given):
            raise ValueError(f"a distribution '{self.distribution}' needs {' and '.join(missing)}")
        allowed = needs | ({"low", "high"} if self.distribution in CUT else set())
        if extra := sorted(given - allowed):
            raise ValueError(
                f"a distribution '{self.distribution}' has no {' and no '.join(extra)}"
            )
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        if self.distribution == "log-uniform" and self.low is not None and self.low <= 0.0:
            raise ValueError(f"low = {self.low:g} is not above 0, as 'log-uniform' needs it")
        if self.mode is not None and not (self.low or 0.0) <= self.mode <= (self.high or 0.0):
            raise ValueError(f"mode = {self.mode:g} is not between low and high")
        if self.distribution in CUT and (self.low is not None or self.high is not None):
            _, below, upto = self._cut()
            if upto - below < LEAST_LEFT:
                raise ValueError(
                    f"between low and high there is less than {LEAST_LEFT:g} of the distribution"
                )
        return self

    def _frozen(self) -> Any:
        """The distribution before it is cut off, as scipy knows it."""
        from scipy import stats

        low, high = self.low or 0.0, self.high or 0.0
        match self.distribution:
            case "uniform":
                return stats.uniform(low, high - low)
            case "log-uniform":
                return stats.loguniform(low, high)
            case "normal":
                return stats.norm(self.mean, self.deviation)
            case "lognormal":
                return stats.lognorm(self.log_deviation, scale=self.median)
            case _:
                span = high - low
                return stats.triang(((self.mode or 0.0) - low) / span, low, span)

    def _cut(self) -> tuple[Any, float, float]:
        """The distribution, and the probabilities between which it is cut."""
        frozen = self._frozen()
        if self.distribution not in CUT:
            return frozen, 0.0, 1.0
        low = 0.0 if self.low is None else float(frozen.cdf(self.low))
        high = 1.0 if self.high is None else float(frozen.cdf(self.high))
        return frozen, low, high

    def support(self) -> tuple[float, float]:
        """Lowest and highest number that can come."""
        low, high = self._frozen().support()
        if self.distribution in CUT:
            low = low if self.low is None else max(low, self.low)
            high = high if self.high is None else min(high, self.high)
        return float(low), float(high)

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers at probabilities ``u`` in (0, 1), any shape."""
        frozen, low, high = self._cut()
        return np.asarray(frozen.ppf(low + np.asarray(u) * (high - low)), float)

    def log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of the density at ``x``; −inf outside the support."""
        frozen, low, high = self._cut()
        lowest, highest = self.support()
        inside = (x >= lowest) & (x <= highest)
        density = np.asarray(frozen.logpdf(x), float) - math.log(high - low)
        return np.where(inside, density, -np.inf)


class Factor(Distribution):
    """One factor of a plan: its distribution, its steps in a grid, and how it is sampled.

    Example:
        ``crypto.crash_depth = { low = 0.3, high = 0.9, steps = 7 }``
    """

    steps: int | None = Field(None, ge=2, le=10_000, description="of a grid, evenly spaced")
    unit: str | None = Field(None, min_length=1, description="checked against the scenario's")
    also: tuple[str, ...] = Field((), description="further keys that get the same value")
    importance: Distribution | None = Field(
        None, description="sample from this instead; weights go to the column log_weight"
    )

    @model_validator(mode="after")
    def _importance_covers(self) -> Factor:
        if self.importance is None:
            return self
        if "values" in (self.distribution, self.importance.distribution):
            raise ValueError("importance sampling needs two continuous distributions, not values")
        low, high = self.support()
        lowest, highest = self.importance.support()
        if lowest > low or highest < high:
            raise ValueError("the distribution under 'importance' does not cover the factor's own")
        return self

    def grid(self) -> tuple[Value, ...]:
        """Its values in a grid: as listed, or ``steps`` of them from low to high."""
        if self.values is not None:
            return self.values
        if self.steps is None:
            raise ValueError("a grid needs values, or low, high and steps")
        low, high = self.support()
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("a grid needs low and high")
        if self.distribution == "log-uniform":
            return tuple(np.geomspace(low, high, self.steps).tolist())
        return tuple(np.linspace(low, high, self.steps).tolist())

    def values_at(self, u: NDArray[np.float64], whole: bool) -> list[Value]:
        """Values at probabilities ``u``, shape (n,); ``whole`` numbers where the key is an int."""
        if self.values is not None:
            place = np.minimum((u * len(self.values)).astype(int), len(self.values) - 1)
            return [self.values[k] for k in place]
        if whole and self.distribution == "uniform":
            low, high = math.ceil(self.low or 0.0), math.floor(self.high or 0.0)
            return [int(v) for v in np.minimum(low + np.floor(u * (high - low + 1)), high)]
        numbers = (self.importance or self).quantile(u)
        return [round(v) for v in numbers] if whole else numbers.tolist()

    def log_weight(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of own density over the density sampled from, shape of ``x``."""
        if self.importance is None:
            return np.zeros(len(x))
        return self.log_density(x) - self.importance.log_density(x)


def believed(factor: Factor, scenario: Scenario, key: str, where: str) -> Factor:
    """A factor whose distribution is the belief about its key, where it is said to be that.

    Raises:
        InputError: there is no belief about the key in this scenario.
    """
    if factor.distribution != "belief":
        return factor
    row = belief_about(scenario, key)
    if row is None:
        raise InputError(
            f"{where}.{key}: the table of beliefs has no range for it in this scenario; give low "
            "and high."
        )
    return Factor(
        distribution=row.distribution,
        low=row.low,
        high=row.high,
        mode=row.central if row.distribution == "triangular" else None,
        unit=factor.unit,
        also=factor.also,
    )


def field_of(key: str) -> FieldInfo | None:
    """The schema's entry of a scenario key; None if there is none, or it is a section."""
    model: Any = Scenario
    *sections, leaf = key.split(".")
    for section in sections:
        if not hasattr(model, "model_fields") or section not in model.model_fields:
            return None
        model = model.model_fields[section].annotation
    found = getattr(model, "model_fields", {}).get(leaf)
    return None if found is None or hasattr(found.annotation, "model_fields") else found


def is_text(key: str) -> bool:
    """Whether a key takes text, as ``opening.start`` does, which a plan may write as 2025."""
    found = field_of(key)
    return found is not None and found.annotation in (str, str | None)


def is_whole(key: str) -> bool:
    """Whether a key takes whole numbers only."""
    found = field_of(key)
    return found is not None and found.annotation is int


def check_unit(key: str, unit: str, where: str) -> None:
    """Refuse a unit that is neither the end of the key's name nor a word of its description.

    Raises:
        InputError: the schema has another unit, or none.
    """
    found = field_of(key)
    description = (found.description if found else None) or ""
    match = SUFFIX.search(key)
    if (match and unit == match[1]) or re.search(rf"\b{re.escape(unit)}\b", description):
        return
    about = f"{key} is in {match[1]}" if match else f"{key} has no unit"
    if description:
        about += f" (as the scenario says: {description})"
    raise InputError(f"{where}: unit = '{unit}' is not allowed; {about}.")


def check_key(scenario: Scenario, key: str, factor: Factor, where: str) -> None:
    """Refuse a factor that the scenario's schema does not know or does not allow.

    Raises:
        InputError: unknown key, wrong type, or a value out of range.
    """
    if field_of(key) is None:
        scenario.changed({key: 0.0}, where)  # refused in the schema's own words
    if factor.unit is not None:
        check_unit(key, factor.unit, where)
    if factor.values is not None:
        for value in factor.values:
            scenario.changed({key: value}, where)
        return
    if is_whole(key):
        if factor.importance is not None:
            raise InputError(f"{where}: importance sampling needs a key that takes fractions.")
        if factor.distribution == "uniform" and math.ceil(factor.low or 0) > (factor.high or 0):
            raise InputError(f"{where}: there is no whole number between low and high.")
    for distribution in filter(None, (factor, factor.importance)):
        _check_support(scenario, key, distribution, where)


def _check_support(scenario: Scenario, key: str, distribution: Distribution, where: str) -> None:
    """Both ends must be allowed; an open end must be where the schema has no bound."""
    found = field_of(key)
    bounds = {
        name: getattr(rule, name)
        for rule in (found.metadata if found else ())
        for name in ("ge", "gt", "le", "lt")
        if getattr(rule, name, None) is not None
    }
    for end, closed, opened, word in (
        (distribution.support()[0], "ge", "gt", "low"),
        (distribution.support()[1], "le", "lt", "high"),
    ):
        if math.isfinite(end):
            if end == bounds.get(opened) and distribution.distribution == "lognormal":
                continue  # a lognormal number is above 0, never 0
            value = (math.ceil(end) if word == "low" else math.floor(end)) if is_whole(key) else end
            scenario.changed({key: value}, where)
        elif closed in bounds or opened in bounds:
            bound = bounds.get(closed, bounds.get(opened))
            raise InputError(
                f"{where}: a '{distribution.distribution}' distribution without '{word}' goes "
                f"beyond {bound:g}, the bound of {key}; give {word} = {bound:g} or nearer."
            )


def plain_factor(key: str, value: Any, where: str) -> Any:
    """A factor's table with its values and ends as numbers, where they are written as 77% or 5bn.

    Raises:
        InputError: a form that the key does not take.
    """
    if not isinstance(value, dict):
        return value
    result = {}
    for name, item in value.items():
        if name == "importance":
            result[name] = plain_factor(key, item, where)
        elif name == "values" and isinstance(item, list):
            result[name] = [plain_value(key, one, where) for one in item]
        else:
            result[name] = plain_value(key, item, where) if name in IN_ITS_UNIT else item
    return result


def plain_values(values: Any, where: str, before: str = "") -> Any:
    """Nested settings with their numbers so.

    Raises:
        InputError: a form that a key does not take.
    """
    if not isinstance(values, dict):
        return plain_value(before.removesuffix("."), values, where)
    return {key: plain_values(item, where, f"{before}{key}.") for key, item in values.items()}


def plain_value(key: str, value: Any, where: str) -> Any:
    """One value so; as it is, where it is no text or the key is unknown.

    Raises:
        InputError: a form that the key does not take.
    """
    field = field_of(key) if isinstance(value, str) else None
    return value if field is None else of_kind(key, field, value, where)


def flatten(data: dict[str, Any], leaves: Sequence[str] = ()) -> dict[str, Any]:
    """Nested tables as dotted keys.

    With ``leaves``, a table is a leaf when it is empty or has only those keys.

    Example:
        ``flatten({"crypto": {"drift": 0.1}})`` gives ``{"crypto.drift": 0.1}``.
    """
    result: dict[str, Any] = {}
    for key, value in data.items():
        leaf = not isinstance(value, dict) or (leaves and (not value or _is_leaf(value, leaves)))
        if leaf:
            result[key] = value
        else:
            result |= {f"{key}.{name}": item for name, item in flatten(value, leaves).items()}
    return result


def _is_leaf(value: dict[str, Any], leaves: Sequence[str]) -> bool:
    return any(key in leaves for key in value) or not any(
        isinstance(item, dict) for item in value.values()
    )
