"""``firesale bench``: measure, and say it in words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import typer

from ...market.scenario.errors import InputError
from ...market.scenario.synthetic import FEWEST_PARTIES, MOST_PARTIES
from ..look import memory
from ..run.progress import progress
from . import cases, machine, sweeps, twin
from .cases import Timing

MESA_PARTIES = 10_000
MOST_TWIN_PARTIES = 1_000_000
MORE_TICKS = 2


def bench(parties: list[int], *, as_json: bool, mesa_parties: int = MESA_PARTIES) -> None:
    """Measure this machine and print what was found.

    Args:
        parties: sizes of the markets to measure; all powers of ten from 10^3 to 10^7 if empty.
        as_json: print one JSON object and nothing else.
        mesa_parties: size at which engine and twin are compared.

    Raises:
        InputError: a size is too small, too large, or does not fit into this machine's memory.
    """
    sizes = sizes_to_measure(parties)
    more = 0 if as_json else MORE_TICKS
    with progress(cases.ticks(sizes) + 4 + more, quiet=False) as show:
        done = 0

        def tick(text: str) -> None:
            nonlocal done
            done += 1
            show(done, text)

        show(0, "Measuring memory")
        stream = machine.stream_gb_s()
        tick("Compiling, if need be")
        cases.warm_up()
        tick("Plain Mesa agents")
        slow = twin.time_twin(mesa_parties)
        timings: list[Timing] = []
        for size in sizes:
            for scenario in ("calm", "crash"):
                timings.append(cases.measure(size, scenario, tick))
            stream = max(stream, machine.stream_gb_s())  # others may have used the memory before
        alike = [t for t in timings if t.parties == mesa_parties and t.scenario == "calm"]
        same = alike[0] if alike else cases.measure(mesa_parties, "calm", lambda text: None)
        found = [timing.against(stream) for timing in timings]
        tick("Starting up")
        startup = cases.run_startup_s()
        tick("Whole runs of the market of 2025")
        run_s = sweeps.run_s()
        rate, cores = sweeps.runs_per_second()
        result = {
            "machine": {"stream_gb_s": stream},
            "cases": [case.as_json() for case in found],
            "mesa_ratio": slow.seconds_per_day / same.seconds_per_day,
            "scaling_exponent": cases.scaling_exponent(found),
            "run_startup_s": startup,
            "ensemble": {"run_s": run_s, "cores": cores, "runs_per_s_core": rate / cores},
        }
        if not as_json:
            lines = _more(slow, timings, tick)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    _say(result, lines)


def bench_compiling(*, as_json: bool) -> None:
    """Compile the model anew and print what that took."""
    from . import compiling

    found = compiling.time_compiling()
    typer.echo(
        json.dumps(found.as_json(), indent=2) if as_json else "\n".join(compiling.say(found))
    )


def sizes_to_measure(parties: list[int]) -> list[int]:
    """Sizes to measure, ascending; of the usual ones those that fit into memory."""
    for size in parties:
        if not FEWEST_PARTIES <= size <= MOST_PARTIES:
            raise InputError(
                f"--parties: {size} is not allowed; "
                f"it must be from {FEWEST_PARTIES} to {MOST_PARTIES:,}."
            )
    free = memory.free_bytes()
    fit = [size for size in parties or cases.SIZES if size * memory.NEEDED_BYTES <= free]
    lost = sorted(set(parties or cases.SIZES) - set(fit))
    if lost and (parties or not fit):
        raise InputError(
            f"--parties: {lost[0]:,} parties need about {lost[0] * memory.NEEDED_BYTES / 1e9:.1f} "
            f"GB of memory, and {free / 1e9:.1f} GB are free."
        )
    for size in lost:
        typer.echo(f"Left out: {size:,} parties do not fit into free memory.", err=True)
    return sorted(set(fit))


def _more(slow: twin.TwinTime, timings: list[Timing], tick: Callable[[str], None]) -> list[str]:
    """Sentences on what is measured beside the cases; calls ``tick`` ``MORE_TICKS`` times."""
    large = max(timings, key=lambda one: one.parties)
    tick("As many plain Mesa agents as a minute allows")
    largest = twin.largest_in_a_minute(slow, MOST_TWIN_PARTIES)
    lines = [
        f"Building: {large.parties / large.building_s:,.0f} parties a second "
        f"({large.parties:,} in {large.building_s:.1f} s).",
        f"Plain Mesa agents: {slow.us_per_party_day:.1f} us per party-day at {slow.parties:,} "
        f"parties; opening and a week of {largest.parties:,} take {largest.total_s:.0f} s, "
        f"{largest.us_per_party_day:.1f} us per party-day. Their time goes to:",
    ]
    tick("Where their time goes")
    lines += [f"  {share:5.1%}  {name}" for name, share in twin.profile_twin(slow.parties)]
    return lines


def _say(result: dict[str, Any], lines: list[str]) -> None:
    """The result as a table and a few sentences."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 110
    stream = result["machine"]["stream_gb_s"]
    console.print(f"Memory streams at {stream:.1f} GB/s (triad, one core).")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in (
        "Parties", "Loans", "Scenario", "s per day", "M party-days/s", "State MB",
        "Bytes/borrower", "x streaming",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name == "Scenario" else "right")
    for case in result["cases"]:
        table.add_row(
            f"{case['parties']:,}",
            f"{case['loans']:,}",
            case["scenario"],
            f"{case['seconds_per_day']:.4g}",
            f"{case['party_days_per_s'] / 1e6:.3g}",
            f"{case['state_bytes'] / 1e6:,.1f}",
            f"{case['bytes_per_borrower']:,.0f}",
            f"{case['stream_ratio']:.1f}",
        )
    console.print(table)
    exponent = result["scaling_exponent"]
    if exponent is not None:
        console.print(f"Time in calm grows with the power {exponent:.3f} of the parties.")
    console.print(
        f"{result['mesa_ratio']:.0f} times as fast as plain Mesa agents of the same rules. "
        f"From start to the first simulated day: {result['run_startup_s']:.2f} s."
    )
    runs = result["ensemble"]
    console.print(
        f"The market of 2025: 730 days in {runs['run_s']:.2f} s after start-up; "
        f"{runs['runs_per_s_core']:.2f} whole runs a second on each of {runs['cores']} cores."
    )
    for line in lines:
        console.print(line)
