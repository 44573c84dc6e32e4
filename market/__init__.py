"""Where agents meet: books, prices, loans, covenants, default, liquidation, credit.

The public names are loaded when first used, so that importing ``market`` stays cheap:
``CreditMarket`` (the Mesa shell), ``Simulation`` (the engine without it), ``Scenario``, and
``synthetic`` (a scenario that opens with a population of any size).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market.errors import InputError
    from market.model import CreditMarket
    from market.opening_synthetic import synthetic
    from market.scenario import Scenario
    from market.simulation import Simulation

__all__ = ["CreditMarket", "InputError", "Scenario", "Simulation", "synthetic"]

_HOMES = {
    "CreditMarket": "market.model",
    "InputError": "market.errors",
    "Scenario": "market.scenario",
    "Simulation": "market.simulation",
    "synthetic": "market.opening_synthetic",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'market' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
