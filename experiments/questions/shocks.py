"""The stated joint distribution of shocks over a year: bitcoin, rents, money, new classes.

Drivers are jointly normal; a point of them is a handful of settings of a scenario. Estimated is
bitcoin's deviation (daily closes since 2020), all else is believed: change it here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THRESHOLDS = (1.0, 5.0, 20.0)  # $bn that lenders lose
ASKED = 5.0
RENT_DAYS = 365
BITCOIN, RENTS, MONEY = "crypto.crash_depth", "compute.rent_change_per_year", "macro.shock"
PRICE, LATE = "launches.vr200.price_factor", "launches.vr200.shift_days"
DRIVERS = {
    BITCOIN: "bitcoin over a year, log",
    RENTS: "rents over a year, log",
    MONEY: "stress of money",
    PRICE: "price of new classes, log",
    LATE: "new classes late, days",
}
MEANS = (0.0, -0.15, 0.0, 0.0, 60.0)
DEVIATIONS = (0.62, 0.35, 1.0, 0.20, 120.0)
CORRELATIONS = (
    (1.0, 0.2, -0.4, 0.0, 0.0),
    (0.2, 1.0, -0.3, 0.2, 0.2),
    (-0.4, -0.3, 1.0, 0.0, 0.0),
    (0.0, 0.2, 0.0, 1.0, 0.0),
    (0.0, 0.2, 0.0, 0.0, 1.0),
)
ALSO = {PRICE: ("launches.vr300.price_factor",), LATE: ("launches.vr300.shift_days",)}
"""Settings that move with one of those."""
FIXED: dict[str, Any] = {
    "crypto.path": "crash",
    "crypto.crash_start_day": 30,
    "crypto.crash_days": 365,
    "crypto.hashrate_growth": 0.59,
    "crypto.hashrate_answer": 0.0,
    "crypto.hashrate_growth_start_day": 30,
    "crypto.hashrate_growth_days": 365,
    "compute.path": "scripted",
    "compute.elasticity": 0.7,
    "compute.shock_start_day": 30,
    "compute.volatility": 0.20,
}
"""What `joint-crash` says beside its shocks."""


def drivers_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal coordinates [point, driver] as correlated drivers in their units."""
    import numpy as np

    root = np.linalg.cholesky(np.array(CORRELATIONS))
    found: NDArray[np.float64] = np.array(MEANS) + points @ root.T * np.array(DEVIATIONS)
    return found


def scores_of(drivers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drivers [point, driver] in deviations from what is expected."""
    import numpy as np

    found: NDArray[np.float64] = (drivers - np.array(MEANS)) / np.array(DEVIATIONS)
    return found


def settings_of(drivers: NDArray[np.float64]) -> dict[str, float | int]:
    """One point of drivers as settings of a scenario: a rise of bitcoin, or ease, is no shock."""
    bitcoin, rents, money, price, late = (float(x) for x in drivers)
    return {
        BITCOIN: min(0.999, -math.expm1(min(0.0, bitcoin))),
        RENTS: min(4.9, max(-0.99, math.expm1(rents))),
        MONEY: min(10.0, max(0.0, money)),
        PRICE: min(20.0, max(0.05, math.exp(price))),
        LATE: round(min(1500.0, max(-330.0, late))),
    }


def driver_of(key: str, setting: NDArray[np.float64]) -> NDArray[np.float64]:
    """The driver behind a setting that is a shock; the inverse of :func:`settings_of`."""
    import numpy as np

    with np.errstate(divide="ignore"):
        if key == BITCOIN:
            return np.log1p(-setting)
        if key == RENTS:
            return np.log1p(setting)
        return np.log(setting) if key == PRICE else setting


def log_slope(key: str, setting: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of how much a setting moves with its driver: what turns its density into that."""
    import numpy as np

    return driver_of(key, setting) if key in (BITCOIN, RENTS, PRICE) else np.zeros(len(setting))


def lasting(stress: float) -> dict[str, int]:
    """How long shocks last [days]; stress of money that never comes has no plateau."""
    return {"compute.shock_days": RENT_DAYS} | ({"macro.plateau_days": 365} if stress else {})


def in_words(drivers: NDArray[np.float64]) -> str:
    """``bitcoin down 45 %, rents -40 % and 0.8 units of stress of money``."""
    chosen, gap = settings_of(drivers), "\N{NO-BREAK SPACE}%"
    return (
        f"bitcoin down {abs(100 * chosen[BITCOIN]):.0f}{gap}, rents "
        f"{100 * chosen[RENTS]:+.0f}{gap} and {chosen[MONEY]:.1f} units of stress of money"
    )
