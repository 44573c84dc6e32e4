"""A run in an interpreter: one line, and in a notebook a small table."""

from __future__ import annotations

import html
from typing import Any

from ...market.record.meanings import meaning_of

SHOWN = (
    "defaults.miner",
    "defaults.neocloud",
    "defaults.lender",
    "loss_usd.total",
    "loss_usd.unresolved_share",
    "ltv.reported",
    "ltv.second_hand",
    "ltv.realisable",
)  # of the summary, in a notebook


class Printed:
    """What a run's results look like when they are printed."""

    def __repr__(self: Any) -> str:
        return (
            f"<Results of {self.scenario.name}, seed {self.seed}: {self.last_day:,} days, "
            f"{len(self.defaults):,} defaults, {len(self.loans):,} loans>"
        )

    def _repr_html_(self: Any) -> str:
        rows = []
        for entry in SHOWN:
            section, _, name = entry.partition(".")
            number, means = self.summary[section][name], meaning_of(entry)
            shown = "–" if number is None else f"{number:,.4g}"
            rows.append(
                f"<tr><td>{entry}</td><td>{shown}</td><td>{means.unit}</td>"
                f"<td>{html.escape(means.meaning)}</td></tr>"
            )
        return f"{html.escape(repr(self))}<table>{''.join(rows)}</table>"
