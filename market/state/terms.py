"""A scenario's settings as kernels read them, spelled as in ``--set``.

``market.terms.liquidation.legal_days`` is the number that ``--set liquidation.legal_days`` changes:
every ``float``, ``int`` and ``bool`` of a section is there. Settings that are words are not; what
kernels need of those, and what follows from several settings, is ``market.terms.derived``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ..scenario.scenario import Scenario
from ..scenario.sections import IMPACT_LAWS
from .handle import Numbers, numbers


@numbers
class Derived(Numbers):
    """What follows from several settings, or from one in other units."""

    __slots__ = ()
    CONSTANT = True

    growth_advance_rate: float  # under the haircut floor
    most_advance: float  # of any secured loan, under the haircut floor
    growth_years: float  # under the cap on tenors
    tenor_cap_days: int
    hazard_per_day: float
    loan_impact_law: int  # place in IMPACT_LAWS
    btc_impact_law: int
    last_resort_gpus: bool  # what the buyer of last resort takes
    last_resort_rigs: bool
    btc_impact_kept: float  # share of an impact that is left a day later
    mark_evidence_weight: float  # under the rule for marks
    network_replayed: bool  # hashrate is that of the history
    rents_imposed: bool  # rents by class are those of the history, whatever supply does
    btc_shock_day: int  # the first day that each scripted shock moves, 0: none is scripted
    rent_shock_day: int
    money_shock_day: int


if TYPE_CHECKING:

    class Terms(Scenario):
        """All settings of a scenario that are numbers, and :class:`Derived`."""

        derived: Derived

else:

    def _numbers_of(model: type[BaseModel], **more: type) -> type[Numbers]:
        hints: dict[str, type] = dict(more)
        nested: dict[str, type] = {}
        for name, field in model.model_fields.items():
            kind = field.annotation
            if kind in (float, int, bool):
                hints[name] = kind
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                hints[name] = nested[kind.__name__] = _numbers_of(kind)
        made = type(
            model.__name__,
            (Numbers,),
            {
                "__annotations__": hints,
                "__doc__": model.__doc__,
                "CONSTANT": True,
                "__slots__": (),
                **nested,
            },
        )
        made.__module__, made.__qualname__ = __name__, f"Terms.{model.__name__}"
        return numbers(made)

    Terms = _numbers_of(Scenario, derived=Derived)
    Terms.__name__ = Terms.__qualname__ = "Terms"


def terms_of(scenario: Scenario) -> Terms:
    """The terms of a scenario."""
    credit, policy = scenario.credit, scenario.policy
    crypto, compute, macro = scenario.crypto, scenario.compute, scenario.macro
    rents_move = compute.path == "scripted" and compute.rent_change_per_year != 0.0
    tightens = macro.path == "factor" and macro.shock != 0.0
    evidence = scenario.marks.evidence_weight if scenario.channels.mark_to_market else 0.0
    terms: Any = Terms()  # type: ignore[call-arg]
    _fill(terms, scenario)
    terms.derived = Derived(
        growth_advance_rate=min(credit.growth_advance_rate, 1.0 - policy.haircut_floor),
        most_advance=min(credit.most_advance_rate, 1.0 - policy.haircut_floor),
        growth_years=min(credit.growth_years, policy.tenor_cap_years),
        tenor_cap_days=round(365.0 * policy.tenor_cap_years),
        hazard_per_day=1.0 - math.exp(-credit.hazard_per_year / 365.0),
        loan_impact_law=IMPACT_LAWS.index(scenario.lenders.loan_impact_law),
        last_resort_gpus=policy.buyer_families != "asic",
        last_resort_rigs=policy.buyer_families != "gpu",
        btc_impact_law=IMPACT_LAWS.index(crypto.impact_law),
        btc_impact_kept=0.5 ** (1.0 / crypto.impact_half_life_days),
        mark_evidence_weight={"market": 1.0, "schedule": 0.0}.get(policy.mark_rule, evidence),
        network_replayed=crypto.network == "history",
        rents_imposed=compute.path == "history",
        btc_shock_day=crypto.crash_start_day + 1 if crypto.path == "crash" else 0,
        rent_shock_day=compute.shock_start_day + 1 if rents_move else 0,
        money_shock_day=macro.start_day + 1 if tightens else 0,
    )
    filled: Terms = terms
    return filled


def _fill(into: Any, section: BaseModel) -> None:
    for name, *_ in into._fields_:
        if name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                _fill(getattr(into, name), value)
            else:
                setattr(into, name, value)
