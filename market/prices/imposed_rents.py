"""Rents as they were: an index of spot rents by class becomes paths.

The books know the level of each rent at the opening, from listings; the index knows how rents moved
since, from other channels. So its *changes* are replayed on the books' levels: a difference between
two price lists is no rise of rents. A class without an index moves as the class whose rent at the
opening is nearest to its own; before the first month of an index its rent stays.
"""

from __future__ import annotations

import csv
import math
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ..scenario.errors import InputError
from ..state.paths import ComputePaths
from .history import DATA, OpeningQuotes

RENTS_FILE = DATA / "2026" / "gpu_rents_monthly.csv"
REFERENCE = "H100"
KNOWN_WITHIN_DAYS = 92  # of the opening, and to the end of a run: the first and the last figure


def imposed_rents(days: int, opening: OpeningQuotes) -> ComputePaths:
    """Rents of the run by day and class.

    Raises:
        InputError: the index does not reach over the run.
    """
    indices = rent_index()
    for name, months in indices.items():
        first, last = (month - opening.date for month in (min(months), max(months)))
        if not 0 <= first.days <= KNOWN_WITHIN_DAYS or last.days < days - KNOWN_WITHIN_DAYS:
            raise InputError(
                f"compute.path = 'history': {RENTS_FILE.name} knows the rent of {name} from "
                f"{min(months)} to {max(months)}; {days} days from {opening.date} are not within "
                "that."
            )
    paths = {name: _by_day(months, days, opening.date) for name, months in indices.items()}
    table = np.ones((days + 1, len(opening.quality)))
    for column, quality in enumerate(opening.quality.values()):
        if quality > 0.0:
            like = nearest(quality, {name: opening.quality[name] for name in indices})
            table[:, column] = paths[like] / paths[REFERENCE]
    return ComputePaths(paths[REFERENCE], table)


def nearest(quality: float, known: dict[str, float]) -> str:
    """The class of the nearest rent, in ratios."""
    return min(known, key=lambda name: abs(math.log(known[name] / quality)))


def rent_index() -> dict[str, dict[date, float]]:
    """Rent by class and month [USD per GPU-hour]; a month's figure stands at its middle."""
    with RENTS_FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, dict[date, float]] = {}
    for row in rows:
        month = date.fromisoformat(f"{row['month']}-15")
        found.setdefault(row["class"], {})[month] = float(row["rent_usd_gpu_h"])
    return found


def _by_day(months: dict[date, float], days: int, opening: date) -> NDArray[np.float64]:
    """An index by day over its first figure; between months on a straight line of logs."""
    at = [(month - opening).days for month in months]
    logs = np.log(list(months.values()))
    path: NDArray[np.float64] = np.exp(np.interp(np.arange(days + 1), at, logs) - logs[0])
    return path
