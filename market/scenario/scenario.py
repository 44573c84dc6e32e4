"""Scenarios: what a run assumes, read from TOML, checked, and changed by ``key=value`` settings.

A scenario file names only what differs from the defaults below. Every field carries its unit in its
name or its description. Unknown keys, wrong types and values out of range are refused with one
sentence (:class:`market.scenario.errors.InputError`).
"""

from __future__ import annotations

import html
import itertools
import numbers
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from .errors import InputError, shown
from .firms import Credit, Entry, Investment, Lenders, Miners, Sites, Tenants
from .launches import Launches
from .nearest import did_you_mean
from .needs import ALWAYS, Switch, idle, unmet, written
from .numbers import declared
from .sections import (
    Channels,
    Compute,
    Crypto,
    Facts,
    KnockOut,
    Liquidation,
    Macro,
    Marks,
    Opening,
    Policy,
    Section,
)
from .synthetic import FEWEST_PARTIES, MOST_PARTIES, Synthetic
from .text_files import read_toml

SCENARIO_FOLDER = Path(__file__).resolve().parent / "packaged"

PLANNED_SECTIONS = ("tranches",)
# By stress alone: a thousandfold price or demand, in logs; a rate or spread of 100 % a year.
MOST = {"btc_loading": 7.0, "demand_loading": 7.0, "rate_loading": 1.0, "spread_loading": 1.0}


class Scenario(Section):
    """One complete set of assumptions; equal scenarios and seeds give equal results.

    Example:
        ``Scenario.load("crypto-crash").with_settings({"crypto.crash_depth": 0.6}, days=365)``
    """

    name: str = Field("unnamed", pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = ""
    description: str = ""
    days: int = Field(730, ge=1, le=36500)
    opening: Opening = Opening()
    synthetic: Synthetic = Synthetic()
    facts: Facts = Facts()
    crypto: Crypto = Crypto()
    compute: Compute = Compute()
    macro: Macro = Macro()
    knock_out: KnockOut = KnockOut()
    credit: Credit = Credit()
    lenders: Lenders = Lenders()
    tenants: Tenants = Tenants()
    sites: Sites = Sites()
    investment: Investment = Investment()
    entry: Entry = Entry()
    launches: Launches = Launches()
    miners: Miners = Miners()
    marks: Marks = Marks()
    liquidation: Liquidation = Liquidation()
    channels: Channels = Channels()
    policy: Policy = Policy()

    @model_validator(mode="before")
    @classmethod
    def _planned(cls, data: Any) -> Any:
        for name in PLANNED_SECTIONS:
            if isinstance(data, dict) and name in data:
                raise ValueError(f"'{name}' is not part of this version; remove it")
        return data

    @model_validator(mode="after")
    def _history_needs_file(self) -> Scenario:
        if self.crypto.path == "history" and self.crypto.history is None:
            raise ValueError("crypto.path is 'history' but crypto.history names no CSV file")
        if self.crypto.network == "history" and self.crypto.path != "history":
            raise ValueError(
                f"crypto.network is 'history' but crypto.path is '{self.crypto.path}'; "
                "the network's hashrate is replayed with prices or modelled"
            )
        return self

    @model_validator(mode="after")
    def _population_has_everybody(self) -> Scenario:
        if self.opening.start == "synthetic":
            total = round(self.synthetic.parties * self.opening.scale)
            if not FEWEST_PARTIES <= total <= MOST_PARTIES:
                raise ValueError(
                    f"synthetic.parties times opening.scale is {total:,}; "
                    f"it must be from {FEWEST_PARTIES} to {MOST_PARTIES:,}"
                )
        return self

    @model_validator(mode="after")
    def _stress_can_be_meant(self) -> Scenario:
        for size, (loading, most) in itertools.product(("shock", "volatility"), MOST.items()):
            stress = getattr(self.macro, size) * getattr(self.macro, loading)
            if abs(stress) > most:
                raise ValueError(
                    f"macro.{size} times macro.{loading} is {stress:g}; it must be from "
                    f"{-most:g} to {most:g}: beyond, no price, demand or rate is one"
                )
        return self

    @model_validator(mode="after")
    def _fits_the_books(self) -> Scenario:
        for key, usual in ALWAYS.items():
            reason = idle(key, self._values_of)
            if reason and self.value_of(key) != usual:
                raise ValueError(f"{reason} too, or {key}={written(usual)}")
        return self

    def __repr__(self) -> str:
        changed = [key for key in self.differences(type(self)()) if "." in key]
        return f"<Scenario {self.name}: {self.days:,} days, {len(changed)} settings of its own>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        usual = type(self)()
        rows = "".join(
            f"<tr><td>{key}</td><td>{html.escape(str(self.value_of(key)))}</td>"
            f"<td>{html.escape(str(usual.value_of(key)))}</td></tr>"
            for key in self.differences(usual)
            if "." in key
        )
        return (
            f"<b>{html.escape(self.title or self.name)}</b>, {self.days:,} days"
            f"<table><tr><th>setting</th><th>here</th><th>default</th></tr>{rows}</table>"
        )

    @property
    def longest_claim_days(self) -> int:
        """Days after its default by which a claim is settled.

        Machines and sites are sold or have ended by then, the court is done, and a day later the
        claim is closed. Without cross-default a claim may wait as long for a borrower that stands,
        and then for its estate.
        """
        credit, sites = self.credit, self.liquidation.site_days
        last = max(credit.bankruptcy_days, credit.estate_max_days + sites) + 1
        return last if self.channels.cross_default else 2 * last

    @classmethod
    def load(cls, name_or_path: str | Path) -> Scenario:
        """Read a scenario by name (``crypto-crash``) or from a TOML file.

        Raises:
            InputError: unknown name, unreadable or broken file, unknown key or bad value.
        """
        return cls.from_dict(*_read_toml(name_or_path))

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str) -> Scenario:
        """Check nested data; ``where`` names its origin in the error sentence.

        Raises:
            InputError: the first problem, in one sentence; also of a setting that is not what it
                is without being set, and has no effect.
        """
        scenario = cls.recorded(data, where)
        scenario.refuse_idle(cls(), where)
        return scenario

    @classmethod
    def recorded(cls, data: dict[str, Any], where: str) -> Scenario:
        """A scenario as a run wrote it down: valid, though some of it may have no effect.

        A file's settings can have lost theirs by what was set on top.

        Raises:
            InputError: the first problem, in one sentence.
        """
        data = dict(data)
        crypto = data.get("crypto")
        if isinstance(crypto, dict) and crypto.get("history") and "path" not in crypto:
            data["crypto"] = {**crypto, "path": "history"}
        try:
            return cls.model_validate(declared(cls, data, where))
        except ValidationError as error:
            raise InputError(_sentence(cls, error, where)) from None

    def with_settings(
        self, settings: Mapping[str, Any] | Iterable[str] = (), /, **values: Any
    ) -> Scenario:
        """A copy with settings applied in order.

        Args:
            settings: values by dotted key or by section, as ``{"crypto.crash_depth": 0.6}`` or
                ``{"crypto": {"crash_depth": 0.6}}``; or the command line's ``key=value`` texts.
            values: the same as keywords: ``days=365``, ``crypto={"crash_depth": 0.6}``.

        Raises:
            InputError: not of that form, unknown key, wrong type, out of range, or without effect.
        """
        changed = self
        if isinstance(settings, Mapping):
            values = {**settings, **values}
        elif settings:
            texts = [settings] if isinstance(settings, str) else settings
            changed = self.with_values(read_settings(texts), "--set")
        return changed.with_values(_by_key(values), "with_settings") if values else changed

    def with_values(self, values: Mapping[str, Any], where: str) -> Scenario:
        """A copy with some values changed by their dotted keys, each of which has an effect.

        To set what already is so changes nothing and is let be.

        Raises:
            InputError: unknown key, wrong type, out of range, or without effect.
        """
        changed = self.changed(values, where)
        changed.refuse_idle(self, where)
        return changed

    def changed(self, values: Mapping[str, Any], where: str) -> Scenario:
        """A copy with some values changed by their dotted keys, whether or not that does anything.

        Raises:
            InputError: unknown key, wrong type or out of range.
        """
        data = self.model_dump(exclude_unset=True)
        if values.get("crypto.history") and "crypto.path" not in values:
            values = {**values, "crypto.path": "history"}
        for key, value in values.items():
            *sections, leaf = key.split(".")
            target = data
            for section in sections:
                target = target.setdefault(section, {})
                if not isinstance(target, dict):
                    raise InputError(f"{where}: {key}: '{section}' is a value, not a section.")
            target[leaf] = value
        return type(self).recorded(data, where)

    def value_of(self, key: str) -> Any:
        """A setting by its dotted key."""
        value: Any = self
        for name in key.split("."):
            value = getattr(value, name)
        return value

    def _values_of(self, key: str) -> tuple[Any, ...]:
        return (self.value_of(key),)

    def missing(self, key: str) -> tuple[Switch, ...]:
        """Switches of which one must be set otherwise for a setting to have an effect."""
        return unmet(key, self._values_of)

    def differences(self, before: Scenario) -> list[str]:
        """Dotted keys of settings that are not as before."""
        return [key for key in setting_keys() if self.value_of(key) != before.value_of(key)]

    def refuse_idle(self, before: Scenario, where: str) -> None:
        """Refuse what was changed since ``before`` and has no effect; not so the way to a default.

        Raises:
            InputError: what it is, why, and what to set too.
        """
        usual = self.differences(type(self)())
        for key in self.differences(before):
            if key in usual and (reason := idle(key, self._values_of)):
                raise InputError(f"{where}: {reason} too.")


def _by_key(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Values by dotted key, of sections too; NumPy's numbers as Python's."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _by_key(value, f"{before}{key}.")
        elif isinstance(value, bool):
            found[before + key] = value
        elif isinstance(value, numbers.Integral):
            found[before + key] = int(value)
        elif isinstance(value, numbers.Real):
            found[before + key] = float(value)
        else:
            found[before + key] = value
    return found


def setting_keys(model: Any = Scenario, before: str = "") -> Iterator[str]:
    """Dotted keys of all settings, in order."""
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from setting_keys(field.annotation, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def read_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Values by dotted key out of ``section.key=value`` texts; of one key, the last.

    Raises:
        InputError: not of that form.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not key.strip():
            raise InputError(
                f"--set '{setting}' is not of the form key=value, "
                "for example crypto.crash_depth=0.6."
            )
        values[key.strip()] = _parse_value(text.strip())
        if key.strip() == "crypto.history":
            values["crypto.path"] = "history"
    return values


def scenario_names() -> list[str]:
    """Names of the scenarios that come with the project, sorted."""
    return sorted(path.stem for path in SCENARIO_FOLDER.glob("*.toml"))


def _read_toml(name_or_path: str | Path) -> tuple[dict[str, Any], str]:
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in scenario_names():
            raise InputError(
                f"There is no scenario '{name_or_path}'"
                f"{did_you_mean(str(name_or_path), scenario_names())}; allowed: "
                f"{', '.join(scenario_names())}, or the path of a .toml file."
            )
        path = SCENARIO_FOLDER / f"{name_or_path}.toml"
    data = read_toml(path, f"Scenario file {path}")
    data.setdefault("name", path.stem)
    return data, str(path.name)


def _parse_value(text: str) -> Any:
    """TOML's idea of a value; anything else is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # not TOML, too many digits, nested too deeply
        return text


def _sentence(model: type[BaseModel], error: ValidationError, where: str) -> str:
    """The first problem of a validation as one sentence: what, where, what is allowed."""
    problem = error.errors()[0]
    names = [str(part) for part in problem["loc"]]
    key = ".".join(names)
    if problem["type"] == "extra_forbidden":
        section: Any = model
        for name in names[:-1]:
            section = section.model_fields[name].annotation
        return (
            f"{where}: there is no key '{key}'{did_you_mean(key, _all_names(model))}; "
            f"allowed here: {', '.join(section.model_fields)}."
        )
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{where}: {key + ': ' if key else ''}{message}."
    if problem["type"] in ("model_type", "dict_type"):
        message = "it is a section, not a value"
    message = message[0].lower() + message[1:]
    meant = ""
    if problem["type"] == "literal_error":
        field: Any = None
        for name in names:
            field = (field.annotation if field else model).model_fields[name]
        meant = did_you_mean(shown(problem["input"]).strip("'"), get_args(field.annotation))
    return f"{where}: {key} = {shown(problem['input'])} is not allowed{meant}; {message}."


def _all_names(model: type[BaseModel]) -> list[str]:
    """Settings, and the sections they are in."""
    keys = list(setting_keys(model))
    sections = [".".join(parts[:n]) for parts in map(_parts, keys) for n in range(1, len(parts))]
    return list(dict.fromkeys([*keys, *sections]))


def _parts(key: str) -> list[str]:
    return key.split(".")
