"""What a visitor can take along as one file: pictures, series, log and scenario."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

from ..report.scenario_text import as_toml
from .pictures import busiest_class, draw_all

if TYPE_CHECKING:
    from .watched import WatchedMarket


def name_of(model: WatchedMarket) -> str:
    """Of the file."""
    simulation = model.simulation
    return f"firesale-{simulation.scenario.name}-seed-{simulation.seed}-day-{model.day}.zip"


def packed(model: WatchedMarket) -> bytes:
    """A ZIP file of the day: ``*.png``, ``series.csv``, ``events.csv``, ``scenario.toml``."""
    results, events = model.results(), model.log()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, picture in draw_all(results, busiest_class(results)):
            pack.writestr(f"{re.sub(r'[^a-z]+', '-', name.lower())}.png", picture.png)
        pack.writestr("series.csv", results.series.to_csv(index=False))
        pack.writestr("events.csv", events.to_csv(index=False))
        pack.writestr("scenario.toml", as_toml(model.simulation.scenario))
    return file.getvalue()
