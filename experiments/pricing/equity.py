"""The same fleet with a tenth of its debt: what lenders lose, and what the economy does.

Machines lose value whoever has paid for them. What debt adds is what failures cost beyond that:
courts, transport and storage, and machines that stand idle between two owners. A tenth of the debt
is the least that the books can be opened with; owners pay for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..look.pages import mean_interval, shown, table

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from .grid import Grid

LEVERAGES = {"as it is": 1.0, "a tenth of the debt": 0.1}
HOURS = 24.0


class Outcome(NamedTuple):
    """What one run costs whom [USD m]."""

    lenders: float  # lost on loans, once settled
    courts: float  # legal cost, transport and storage until the horizon
    machines: float  # fall in value of the fleet of the opening, at lenders' marks
    failures: float  # firms
    gpu_years: float  # thousands, online at their owners


def run(scenario: Scenario, seed: int, leverage: float) -> Outcome:
    """One run of one financing."""
    from ...agents.party import Outside
    from ...market.simulation import Simulation
    from ..sweeps.books import LEVERAGE, perturbed_tables

    books = perturbed_tables({LEVERAGE: leverage}, None)
    simulation = Simulation(scenario, seed, books, keeps_book=False)
    market = simulation.market
    units, opening = market.holdings.units.copy(), market.marks_usd.copy()
    classes = market.holdings.hardware.copy()
    firms = market.borrower_count
    owned = slice(0, int(market.holdings.first[firms]))
    summary = simulation.run().resolve().summary()
    fall = (opening - market.marks_usd)[classes[owned]]
    courts = market.parties.cash_usd[market.first_outside + Outside.COURTS]
    online = market.kept.series.gpus_online[: market.day + 1]
    return Outcome(
        summary["loss_usd"]["resolved_total"] / 1e6,
        float(courts) / 1e6,
        float(np.sum(units[owned] * fall)) / 1e6,
        float(market.has_defaulted.sum()),
        float(online.sum()) / 365.0 / 1e3,
    )


def lines_of(grid: Grid, seeds: int) -> list[str]:
    """The section of the page, in ordinary times and in a joint crash."""
    base = grid.plan(0, False).base
    rows = []
    for cell in grid.cells:
        if cell.name not in (*grid.ordinary, *grid.joint[:1]):
            continue
        scenario = base.changed(cell.settings, cell.name)
        for name, leverage in LEVERAGES.items():
            made = [run(scenario, seed, leverage) for seed in range(1, seeds + 1)]
            columns = zip(*made, strict=True)
            cells = [shown(*mean_interval(column), ",.0f") for column in columns]
            rows.append([cell.name, name, *cells])
    head = [
        "cell", "financed", "lenders lose, $m", "courts, transport, storage, $m",
        "fall in value of the opening fleet, $m", "firms fail", "GPU-years online, thousands",
    ]  # fmt: skip
    return [
        "## Equity instead of debt", "",
        f"The same books with all debt and lines at a tenth, {seeds} seeds, no beliefs drawn. "
        "Machines fall in value whoever paid for them; what debt adds for the economy is what is "
        "spent on failures, and machines that do not run.", "",
        *table(head, rows), "",
    ]  # fmt: skip
