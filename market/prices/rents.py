"""The rent of compute: demand for work, efficiency, supply, and the law that joins them.

    rent = (W * A^(eps - 1) / S)^(1 / eps)      per effective GPU-hour, in H100s

W is demand for work, A the work a GPU-hour yields (software and models), S the effective supply
online. Efficiency lowers rents if eps < 1 and raises them if eps > 1: the thesis is a parameter.
The supply signed at the opening brings its own demand (those contracts are why it is built); what
is beyond it is adoption, logistic in time.

That rent is the price of work. A GPU of class k earns it for the work it does and pays its power:

    rent_k   = quality_k * rent
    margin_k = quality_k * rent - power_k
             = quality_k * (margin_f / quality_f) - (power_k - power_f * quality_k / quality_f)

with f the class on the frontier: an old class earns what the frontier's work is worth net of power,
less the power it draws beyond the frontier's for the same work. As rents fall its margin falls
faster, and at nothing it is switched off (:mod:`market.operators.production`). No class ages by
decree: the frontier's cost of work decides through the supply that enters while its q is above one
(:mod:`market.state.frontier`).

Law: the two equations. Assumed: eps; that work done is in proportion to the rents of the opening
day, and stays so (``quality``; of announced classes our guess); and how fast supply answers q.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import compiled
from ..scenario.sections import Compute
from ..state.paths import ComputePaths
from ..state.randomness import Stream
from .noise import DRAWN, Shocks, reverting_noise, shocks


@compiled
def rent_usd_h(demand: float, efficiency: float, supply: float, elasticity: float) -> float:
    """The law, in units where opening demand, efficiency, supply and rent are one."""
    return (demand * efficiency ** (elasticity - 1.0) / supply) ** (1.0 / elasticity)


@compiled
def rent_after_supply(
    rent_planned: float, planned: float, actual: float, elasticity: float
) -> float:
    """The law at another supply: rent moves by (planned / actual)^(1 / elasticity)."""
    return rent_planned * (planned / max(actual, 1e-9)) ** (1.0 / elasticity)


def compute_paths(
    settings: Compute,
    days: int,
    seed: int,
    macro_log: NDArray[np.float64] | None = None,
    given: Shocks = DRAWN,
) -> ComputePaths:
    """Rents as they would be if supply came and stayed as planned.

    ``macro_log`` is added to the log demand of the law.
    """
    day = np.arange(days + 1, dtype=float)
    draws = shocks(seed, Stream.DEMAND_NOISE, days, given)
    noise = reverting_noise(draws, settings.reversion_per_year, settings.volatility)
    if settings.path == "scripted":
        window = np.clip(day - settings.shock_start_day, 0.0, settings.shock_days)
        rent = np.exp(math.log1p(settings.rent_change_per_year) * window / 365.0)
        return ComputePaths(rent * np.exp(noise / settings.elasticity))
    efficiency = np.exp(settings.efficiency_growth * day / 365.0)
    demand = adoption(day / 365.0, settings.adoption_growth, settings.adoption_ceiling)
    if macro_log is not None:
        demand = demand * np.exp(macro_log)
    return ComputePaths(
        np.array(
            [
                rent_usd_h(float(w), float(a), 1.0, settings.elasticity)
                for w, a in zip(demand * np.exp(noise), efficiency, strict=True)
            ]
        )
    )


def adoption(years: NDArray[np.float64], growth: float, ceiling: float) -> NDArray[np.float64]:
    """Logistic demand beyond signed supply, one at the opening, initial log growth ``growth``."""
    rate = growth / (1.0 - 1.0 / ceiling)
    return ceiling / (1.0 + (ceiling - 1.0) * np.exp(np.minimum(-rate * years, 700.0)))
