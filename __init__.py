"""firesale: an agent-based simulator of the credit market that finances compute hardware.

The front door. Its names are loaded when first used, so that ``import firesale`` stays cheap:

- ``Scenario``: what is assumed; ``Scenario.load("crypto-crash")``
- ``CreditMarket``: a market as a ``mesa.Model``
- ``Simulation``: the same engine without a shell
- ``run_ensemble``: scenarios, a ``RunConfiguration`` and an executor, to a row for each run
- ``synthetic``: a scenario that opens with a population of any size
- ``InputError``: what is raised over bad input, in one sentence
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .experiments.run.ensemble import RunConfiguration, run_ensemble
    from .market.model import CreditMarket
    from .market.opening.synthetic.open import synthetic
    from .market.scenario.errors import InputError
    from .market.scenario.scenario import Scenario
    from .market.simulation import Simulation

    __version__: str

__all__ = [
    "CreditMarket", "InputError", "RunConfiguration", "Scenario", "Simulation", "__version__",
    "run_ensemble", "synthetic",
]  # fmt: skip

_HOMES = {
    "CreditMarket": ".market.model",
    "InputError": ".market.scenario.errors",
    "RunConfiguration": ".experiments.run.ensemble",
    "Scenario": ".market.scenario.scenario",
    "Simulation": ".market.simulation",
    "run_ensemble": ".experiments.run.ensemble",
    "synthetic": ".market.opening.synthetic.open",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("firesale")
    if name not in _HOMES:
        raise AttributeError(f"module 'firesale' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name], __name__), name)
