"""The command line: ``firesale`` and its commands.

Bad input gets one sentence on stderr and exit code 2. Heavy imports wait until they are needed.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..agents.compiling import process
from .backtest.commands import backtest
from .book.commands import book
from .questions.commands import experiment
from .report.scenario_commands import NAME, load, scenarios
from .run.border import BAD_INPUT, INTERRUPTED, guarded
from .run.files import version
from .validation.commands import validate

__all__ = ["BAD_INPUT", "INTERRUPTED", "app", "main"]

app = typer.Typer(
    name="firesale",
    help="Simulate the credit market that finances compute hardware.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Example: firesale run crypto-crash",
)
app.add_typer(scenarios, name="scenarios")
app.add_typer(experiment, name="experiment")
app.add_typer(book, name="book")

START = Annotated[
    str | None, typer.Option(metavar="BOOKS", help="Opening books: 2025, 2021 or synthetic.")
]
BOOKS = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="Your books: a folder of opening tables, or a loan tape to add."
    ),
]
SCALE = Annotated[
    float | None, typer.Option(help="Multiplies the population, 0.1 to 100; totals stay.")
]
SETTINGS = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one assumption; repeatable."),
]


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"firesale {version('firesale')}")
        raise typer.Exit


@app.callback()
def _firesale(
    version_: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options that need no command."""


@app.command(
    epilog="Example: firesale run crypto-crash --seed 7 --days 365 --set crypto.crash_depth=0.6"
)
def run(
    scenario: NAME,
    start: START = None,
    seed: Annotated[int, typer.Option(help="Random seed, 0 or more.")] = 1,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="A-B",
            help="All seeds from A to B instead: a table of runs and their spread; with changes "
            "also the scenario without them, on the same seeds.",
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days to simulate.")] = None,
    scale: SCALE = None,
    settings: SETTINGS = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder; without it a fresh one in out/."),
    ] = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures.")] = True,
    json_: Annotated[
        bool, typer.Option("--json", help="Print summary.json instead of the summary in words.")
    ] = False,
    resolve: Annotated[
        bool,
        typer.Option("--resolve", help="Go on after the last day until open claims are settled."),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PARTY",
            help="The world in which this borrower or lender does not fail: what it lacks comes "
            "from outside; repeatable.",
        ),
    ] = None,
    companions: Annotated[
        bool,
        typer.Option(
            "--companions/--no-companions",
            help="Run again with interactions held still, to say what came of itself; not of large "
            "markets.",
        ),
    ] = True,
    books: BOOKS = None,
    anonymous: Annotated[
        bool,
        typer.Option("--anonymous", help="Codes instead of names in every file; amounts stay."),
    ] = False,
) -> None:
    """Simulate a scenario; write tables, figures and a report."""
    process.collect_rarely()
    from .run.run import Asked, run_scenario

    chosen = named = load(scenario)
    for option, key, value in (
        ("--start", "opening.start", start),
        ("--scale", "opening.scale", scale),
        ("--days", "days", days),
    ):
        if value is not None:
            chosen = chosen.with_values({key: value}, option)
    chosen = chosen.with_settings(settings or [])
    asked = Asked(figures, json_, resolve, companions, tuple(without or ()), books, anonymous)
    if seeds is None:
        run_scenario(chosen, seed, out, named, asked)
        return
    from .run.seeds import run_seeds, seeds_of

    run_seeds(chosen, seeds_of(seeds), out, named, asked)


@app.command(
    epilog="Example: firesale sweep quick --workers 2; then firesale analyse out/sweep-quick"
)
def sweep(
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="The path of a .toml file, or a plan's name.")
    ],
    cluster: Annotated[
        str,
        typer.Option(
            metavar="WHERE", help="serial, local, slurm, or the HOST:PORT of a Dask scheduler."
        ),
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Processes here (all cores), or most SLURM jobs.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder, or one to go on in; else out/sweep-PLAN."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say runs, hours and gigabytes; run nothing.")
    ] = False,
    retry_failures: Annotated[
        bool, typer.Option("--retry-failures", help="Run failed runs again too.")
    ] = False,
    salvage: Annotated[
        bool,
        typer.Option("--salvage", help="Move damaged files away and make their runs again."),
    ] = False,
    beliefs: Annotated[
        bool | None,
        typer.Option(
            "--beliefs/--no-beliefs",
            help="Draw judgements and books within beliefs in each run; else as the plan says, on.",
            show_default=False,
        ),
    ] = None,
    books: BOOKS = None,
) -> None:
    """Run a plan of many runs. The same command again does what is missing."""
    from .sweeps import commands
    from .sweeps.plan import Plan

    chosen = Plan.load(plan, beliefs, books)
    commands.sweep(
        chosen,
        cluster,
        workers,
        out,
        dry_run=dry_run,
        retry_failures=retry_failures,
        salvage=salvage,
    )


@app.command(epilog='Example: firesale analyse out/sweep-quick --event "defaults.miner >= 10"')
def analyse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a sweep.")],
    event: Annotated[
        str | None,
        typer.Option(metavar="EVENT", help="As 'linked.largest >= 3'; else the plan's."),
    ] = None,
    loss: Annotated[
        str | None, typer.Option(metavar="METRIC", help="For VaR and ES; else the plan's.")
    ] = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Leave damaged files out, and say what is missing.")
    ] = False,
) -> None:
    """Say what a sweep found: chances, losses, what drives them."""
    from .sweeps import commands

    commands.analyse(folder, event, loss, salvage=salvage)


@app.command(epilog="Example: firesale price grid --quick; then firesale price joint-crash")
def price(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="[SCENARIO|GRID]",
            help="'grid' (scenarios with weights), the .toml file of a grid, or one scenario.",
        ),
    ] = "grid",
    quick: Annotated[bool, typer.Option("--quick", help="A few runs: rough, in minutes.")] = False,
    runs: Annotated[
        int | None, typer.Option(min=2, help="In all; cells of a grid get them by weight.")
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=QUERY", help="A pool of your own to cut; repeatable."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object, no words.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder, or one to go on in; else out/price-NAME."),
    ] = None,
    cluster: Annotated[
        str, typer.Option(metavar="WHERE", help="As for sweeps: serial, local, slurm, HOST:PORT.")
    ] = "local",
    workers: Annotated[int | None, typer.Option(help="Processes here; all cores.")] = None,
    beliefs: Annotated[
        bool, typer.Option("--beliefs/--no-beliefs", help="Draw books and judgements in each run.")
    ] = True,
    books: BOOKS = None,
) -> None:
    """Price every loan of the book: break-even spreads, tranches."""
    from .pricing import command

    command.price_command(
        scenario,
        out,
        command.Where(cluster, workers, runs, quick, books),
        command.pools_of(pool or []),
        beliefs=beliefs,
        as_json_only=json_,
    )


app.command(epilog="Example: firesale backtest 2022 --runs 40 --counterfactuals")(backtest)
app.command(epilog="Example: firesale validate --page experiments/REPORT_CARD.md")(validate)


@app.command(epilog="Example: firesale view joint-crash")
def view(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="[SCENARIO]", help="A scenario's name, or the path of a .toml file."
        ),
    ] = "crypto-crash",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to serve on; others than this machine's need a token.")
    ] = "127.0.0.1",
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open a browser on the page.")
    ] = True,
    start: START = None,
    scale: SCALE = None,
    settings: SETTINGS = None,
    books: BOOKS = None,
) -> None:
    """Watch a scenario in the browser. Step, play, reset, and change what is assumed."""
    from .view.serve import serve

    changes = []
    for option, key, value in (
        ("--start", "opening.start", start),
        ("--scale", "opening.scale", scale),
    ):
        if value is not None:
            load(scenario).with_values({key: value}, option)  # a refusal names the option
            changes.append(f"{key}={value}")
    serve(scenario, port, open_, [*changes, *(settings or [])], books, host)


@app.command(epilog="Example: firesale bench --parties 100000 --parties 1000000")
def bench(
    parties: Annotated[
        list[int] | None,
        typer.Option(help="Size of a market to measure; repeatable. Else 10^3 to 10^7."),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Measure what compiling the model costs, only.")
    ] = False,
) -> None:
    """Measure what a day costs here. Beside it: this machine's memory, and plain agents."""
    from .bench import command

    if compile_ and parties:
        raise typer.BadParameter(
            "it measures no market; leave out --parties.", param_hint="--compile"
        )
    if compile_:
        command.bench_compiling(as_json=json_)
    else:
        command.bench(parties or [], as_json=json_)


@app.command(epilog="Example: firesale compare out/baseline-1 out/joint-crash-1")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run, memo or sweep.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another of the same kind.")],
    everything: Annotated[bool, typer.Option("--all", help="What is the same too.")] = False,
) -> None:
    """Put two runs, memos or sweeps side by side. What differs, and by how much."""
    from .sweeps.side_by_side import compare as compared

    typer.echo(compared(first, second, everything))


@app.command(epilog="Example: firesale explain linked")
def explain(
    word: Annotated[
        str, typer.Argument(metavar="[WORD]", help="Only what has this word in it.")
    ] = "",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="All as the page experiments/FIGURES.md.")
    ] = False,
) -> None:
    """Say what numbers mean, their units, and where they come from."""
    from .report.explain import as_markdown, print_tables

    if markdown:
        typer.echo(as_markdown(), nl=False)
    else:
        print_tables(word)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; see :func:`experiments.run.border.guarded`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII
    with contextlib.suppress(ValueError):  # in a thread, which gets no signals
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as an interrupt: tidy up
    # At its end a process need not look for circles among all it holds: that took half a second.
    atexit.register(gc.freeze)
    arguments = sys.argv[1:] if arguments is None else arguments

    def command() -> Any:
        group: Callable[..., Any] = typer.main.get_command(app)
        return group(arguments or ["--help"], prog_name="firesale", standalone_mode=False)

    guarded(command)


if __name__ == "__main__":
    main()
