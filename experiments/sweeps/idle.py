"""Refuse what a plan sets or varies though it can have no effect in any of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...market.scenario.errors import InputError
from ...market.scenario.needs import idle
from . import books
from .factors import Factor, flatten

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

QUARTILES = np.array([0.25, 0.5, 0.75])


def refuse_idle(
    loaded: Scenario,
    base: Scenario,
    factors: Mapping[str, Factor],
    arms: Mapping[str, Mapping[str, Any]],
    where: str,
) -> None:
    """A setting of the plan, a factor or a policy is refused if no run lets it have an effect.

    Args:
        loaded: the plan's scenario before its settings.
        base: and with them.
        factors: what is varied.
        arms: policies, each with the settings it changes.
        where: the plan's name, for the sentence.

    Raises:
        InputError: what has no effect, why, and what to set too.
    """
    varied = {
        name: _some_values(factor)
        for key, factor in factors.items()
        for name in (key, *factor.also)
    }
    policies = {
        name: {k: v for k, v in flatten(dict(settings)).items() if not books.is_cell(k)}
        for name, settings in arms.items()
    }

    def in_any_run(key: str) -> Sequence[Any]:
        if key in varied:
            return varied[key]
        own = [policy[key] for policy in policies.values() if key in policy]
        return own if policies and len(own) == len(policies) else [base.value_of(key), *own]

    usual = base.differences(type(base)())
    for key in base.differences(loaded):
        if key in usual:
            _refuse(idle(key, in_any_run), f"{where}: settings")
    for key in varied:
        if not books.is_cell(key):
            _refuse(idle(key, in_any_run), f"{where}: factors")
    for name, policy in policies.items():

        def in_its_runs(key: str, policy: dict[str, Any] = policy) -> Sequence[Any]:
            return [policy[key]] if key in policy else varied.get(key, [base.value_of(key)])

        for key in base.changed(policy, where).differences(base):
            if key in policy:
                _refuse(idle(key, in_its_runs), f"{where}: arms.{name}")


def _refuse(reason: str, where: str) -> None:
    if reason:
        raise InputError(f"{where}: {reason} too.")


def _some_values(factor: Factor) -> list[Any]:
    """Values that a factor may have, enough to see whether it is ever on."""
    if factor.values is not None:
        return list(factor.values)
    return [float(value) for value in factor.quantile(QUARTILES)]
