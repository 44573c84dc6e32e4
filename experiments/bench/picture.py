"""Time against size, with the line of memory speed, from what ``firesale bench --json`` has found.

uv run firesale bench --json > bench.json
uv run python -m firesale.experiments.bench.picture bench.json experiments/pictures/speed.png
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

NAMES = {"calm": "a calm day", "crash": "a day in the worst week of a crash"}


def draw(result: dict[str, Any]) -> Any:
    """The figure of one bench."""
    from ..look import plots as style

    cases, stream = result["cases"], result["machine"]["stream_gb_s"] * 1e9
    calm = [case for case in cases if case["scenario"] == "calm"]
    largest = calm[-1]
    figure, (axes,) = style.new_figure(
        f"A calm day of {_number(largest['parties'])} parties takes "
        f"{largest['seconds_per_day']:.2g} s, {largest['stream_ratio']:.1f} times what it takes "
        "to read and write their state once",
        "Seconds a simulated day, by population; memory streams at "
        f"{stream / 1e9:.1f} GB/s (one core, triad).",
        style.Layout(right_in=2.3),
    )
    axes.set(xscale="log", yscale="log", xlabel="parties", ylabel="seconds a day")
    ends = []
    for scenario, color in (("calm", style.BLUE), ("crash", style.RED)):
        mine = [case for case in cases if case["scenario"] == scenario]
        x = [case["parties"] for case in mine]
        y = [case["seconds_per_day"] for case in mine]
        axes.plot(x, y, color=color, marker="o", ms=4)
        ends.append((y[-1], NAMES[scenario], color))
    x = [case["parties"] for case in calm]
    y = [2 * case["state_bytes"] / stream for case in calm]
    axes.plot(x, y, color=style.GREY, ls=(0, (4, 2)), lw=1.3)
    ends.append((y[-1], "the state once through memory", style.GREY))
    same = next((case for case in calm if case["parties"] == 10_000), calm[0])
    slow = same["seconds_per_day"] * result["mesa_ratio"] / same["parties"]
    y = [slow * parties for parties in x]
    axes.plot(x, y, color=style.ORANGE, lw=1.3)
    ends.append((y[-1], "plain Mesa agents (from 10⁴)", style.ORANGE))
    _write_ends(axes, x[-1], ends)
    return figure


def _write_ends(axes: Any, x: float, ends: list[tuple[float, str, str]]) -> None:
    """Labels at the right end of lines on a logarithmic axis, pushed apart."""
    import numpy as np

    from ..look import plots as style

    order = sorted(ends)
    places = style.spread([float(np.log10(y)) for y, _, _ in order], 0.28)
    for (_, text, color), place in zip(order, places, strict=True):
        axes.annotate(
            text, (x, 10**place), (8, 0), textcoords="offset points", color=color, va="center"
        )


def table(result: dict[str, Any]) -> str:
    """The numbers of a bench as a table in Markdown."""
    lines = [
        "| parties | loans | | a day | party-days a second | state | a borrower | × streaming |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        lines.append(
            f"| {_number(case['parties'])} | {case['loans']:,} | {case['scenario']} "
            f"| {1e3 * case['seconds_per_day']:,.3g} ms "
            f"| {case['party_days_per_s'] / 1e6:.2f} m | {case['state_bytes'] / 1e6:,.1f} MB "
            f"| {case['bytes_per_borrower']:,.0f} B | {case['stream_ratio']:.1f} |"
        )
    return "\n".join(lines)


def _number(parties: int) -> str:
    power = len(str(parties)) - 1
    if parties == 10**power and power >= 4:
        return "10" + str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{parties:,}"


def main(
    found: Annotated[Path, typer.Argument(help="What firesale bench --json has printed.")],
    out: Annotated[Path, typer.Argument(help="The picture to write.")],
) -> None:
    """Draw the picture of a bench."""
    from ..look import plots as style

    result = json.loads(found.read_text())
    figure = style.styled(draw)(result)
    figure.savefig(out)
    typer.echo(table(result))


if __name__ == "__main__":
    from ..run.border import script

    script(main)
