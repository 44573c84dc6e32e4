"""Days from the opening as months of the calendar."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def month_of(day: int, opening: dt.date) -> str:
    """The month of a day as ``YYYY-MM``."""
    return f"{opening + dt.timedelta(days=day):%Y-%m}"


def months(opening: dt.date, days: int) -> list[str]:
    """All months from the opening day to the last, in order."""
    return list(dict.fromkeys(month_of(day, opening) for day in range(days + 1)))


def by_month(values: NDArray[np.float64], opening: dt.date, *, mean: bool = False) -> list[float]:
    """Sums (or means of what is known) of a daily series by calendar month, day 0 the opening."""
    names = np.array([month_of(day, opening) for day in range(len(values))])
    result = []
    for name in dict.fromkeys(names.tolist()):
        part = values[names == name]
        if mean:
            part = part[np.isfinite(part)]
            result.append(float(part.mean()) if len(part) else float("nan"))
        else:
            result.append(float(part.sum()))
    return result
