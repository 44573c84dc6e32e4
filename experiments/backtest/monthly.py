"""What a run did month by month beside its failures: prices, the network, coins, calls, spreads."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from ...market.state.hardware import Family
from .calendar import by_month, month_of, months

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ...market.simulation import Simulation

MEANS = {"hashprice_usd_ph_day": "hashprice_usd_ph_day", "network_eh_s": "network_hashrate_eh_s"}
"""Published name to column of the series: means of a month."""
UNIT = {Family.GPU: "used_usd", Family.ASIC: "used_usd_per_th"}


def filled(clearing: NDArray[np.float64], opening_price: float) -> NDArray[np.float64]:
    """Last clearing price by day; before the first trade the price at which the books open."""
    return np.where(np.isfinite(clearing), clearing, opening_price)


def month_ends(values: NDArray[np.float64], opening: dt.date) -> list[float]:
    """A daily series at the last day of each month that was simulated."""
    last = {month_of(day, opening): float(value) for day, value in enumerate(values)}
    return list(last.values())


def figures_by_month(simulation: Simulation, series: pd.DataFrame) -> dict[str, list[float]]:
    """Figures of a finished run by name; lists go by month.

    Hashprice and hashrate are means of a month, coins held by listed miners those of its end,
    margin calls and losses [USD] what the month adds. Second-hand prices are means of the last
    clearing price: ``h100_used_usd`` [USD a GPU], ``lt18_used_usd_per_th`` [USD per TH/s].
    """
    market = simulation.market
    opening = market.crypto.start

    def column(name: str) -> NDArray[np.float64]:
        return series[name].to_numpy(np.float64)

    found = {name: by_month(column(c), opening, mean=True) for name, c in MEANS.items()}
    for k, name in enumerate(market.names.hardware):
        price = float(market.hardware.used_open_usd[k])
        if market.hardware.family[k] in UNIT and price > 0.0 and market.hardware.launch_day[k] == 0:
            unit = UNIT[Family(int(market.hardware.family[k]))]
            path = filled(column(f"clearing_{name}_usd"), price)
            found[f"{name.lower()}_{unit}"] = by_month(path, opening, mean=True)
    found["btc_sold"] = by_month(column("btc_sold_listed"), opening)
    found["btc_mined"] = by_month(column("btc_mined_listed"), opening)
    found["btc_held"] = month_ends(column("btc_held_listed"), opening)
    for name in ("margin_calls", "loss_usd"):
        found[name] = by_month(np.diff(column(name), prepend=0.0), opening)
    return found


class SpreadWatch:
    """Spreads at which issuers' notes are marked, at the end of each month."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.opening = simulation.market.crypto.start
        self._by_month: dict[str, dict[str, float]] = {}

    def day(self) -> None:
        """Look, if this is the last day of its month or of the run."""
        day = self.simulation.day
        month = month_of(day, self.opening)
        if self.simulation.finished or month_of(day + 1, self.opening) != month:
            self._by_month[month] = self.simulation.issuer_spreads()

    def spreads(self, days: int) -> dict[str, list[float]]:
        """By issuer and month of the run; NaN where it has no note that is paid."""
        issuers = sorted({name for row in self._by_month.values() for name in row})
        return {
            name: [
                self._by_month.get(month, {}).get(name, float("nan"))
                for month in months(self.opening, days)
            ]
            for name in issuers
        }
