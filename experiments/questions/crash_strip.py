"""The lending network through a crash, in six frames.

uv run python -m firesale.experiments.questions.crash_strip
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...agents.party import Kind
from ...market.scenario.scenario import Scenario
from ...market.simulation import Simulation
from ..figures.network import COLORS, MEANINGS, draw_network
from ..look import plots, words
from ..results.network import Network, Standing, network_of

FRAMES = 6
SCALE = 0.7
COLORS_KEPT = 200  # of the picture: enough for the eye, and a third of the size


@plots.styled
def strip(frames: list[tuple[int, str, Network]], title: str) -> Figure:
    """Frames ``(day, date, network)`` side by side, three in a row."""
    rows = -(-len(frames) // 3)
    figure = Figure(figsize=(11.0, 3.2 * rows + 0.95), dpi=100)
    high = figure.get_figheight()
    panels = figure.subplots(
        rows,
        3,
        squeeze=False,
        gridspec_kw={
            "left": 0.005,
            "right": 0.995,
            "wspace": 0.02,
            "hspace": 0.16,
            "bottom": 0.36 / high,
            "top": 1 - 0.78 / high,
        },
    )
    figure.text(0.006, 1 - 0.1 / high, title, va="top", fontsize=13, fontweight="bold")
    for axes, (day, date, network) in zip(panels.flat, frames, strict=False):
        draw_network(axes, network, scale=SCALE)
        borrowers = network.of_kind(Kind.MINER, Kind.NEOCLOUD)
        lenders = int(network.of_kind(Kind.LENDER)[Standing.FAILED])
        note = f"{borrowers[Standing.DEFAULTED]} of {borrowers.sum()} in default"
        note += f", {words.times(lenders, 'lender')} failed or closed" if lenders else ""
        axes.set_title(f"Day {day}, {date}\n{note}", fontsize=9, pad=2)
    handles = [
        Line2D([], [], ls="", marker="o", ms=8, mfc=color, mec=plots.BLACK, mew=0.6, label=meaning)
        for color, meaning in zip(COLORS, MEANINGS, strict=True)
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9
    )
    return figure


def main(
    scenario: Annotated[str, typer.Argument()] = "joint-crash",
    seed: int = 1,
    out: Path = Path("experiments/pictures/crash-strip.png"),
) -> None:
    """Run a scenario and draw the strip."""
    chosen = Scenario.load(scenario)
    simulation = Simulation(chosen, seed)
    frames = []
    for k in range(FRAMES):
        while simulation.day < round(k * chosen.days / (FRAMES - 1)):
            simulation.step()
        frames.append((simulation.day, words.date(simulation.date), network_of(simulation)))
    title = f"{chosen.title}. Miners left, lenders in the middle, neoclouds right"
    save_small(strip(frames, title), out)


def save_small(figure: Figure, path: Path) -> None:
    """Write a figure as PNG with few colours."""
    from PIL import Image

    data = io.BytesIO()
    figure.savefig(data, format="png")
    with Image.open(data) as picture:
        picture.convert("RGB").quantize(
            COLORS_KEPT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        ).save(path, optimize=True)


if __name__ == "__main__":
    from ..run.border import script

    script(main)
