"""Runs that are killed at every touch of the disk: a process of its own, which forks one for each.

    python killed_runs.py SIGNAL STEP OUT [COMMAND]    (OUT: fresh, empty or none)

Each child runs ``firesale run`` (or ``book``, ``backtest``, ``price``) in a folder of its own and
sends itself the signal at its n-th touch of the disk there, for n = 1, 1 + STEP, ... until a run
comes to its end. Prints a line for each: n, how the process ended, and what it left behind. What
takes long and writes nothing is done once for all.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from firesale.experiments import cli
from firesale.experiments.run.run import simulate
from firesale.market.scenario.scenario import Scenario

RUN = ["run", "crypto-crash", "--days", "3", "--no-figures"]
TOUCHES = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree", "os.listdir")


def run_and_die(at: Path, number: int, at_touch: int, command: list[str]) -> None:
    """Run in this process and send it the signal at a touch of the disk below ``at``."""
    os.chdir(at)
    touches = itertools.count(1)

    def hook(event: str, details: tuple[Any, ...]) -> None:
        if event not in TOUCHES or not isinstance(details[0], str | os.PathLike):
            return
        path = os.path.abspath(details[0])  # noqa: PTH100
        if path.startswith(str(at)) and next(touches) == at_touch:
            os.kill(os.getpid(), number)

    sys.addaudithook(hook)
    cli.main(command)


def left_behind(at: Path) -> list[str]:
    """Files and folders, those of a hidden folder as one."""
    found = {path.relative_to(at) for path in at.rglob("*") if path.is_file() or path.is_dir()}
    hidden = [path for path in found if any(part.startswith(".firesale-") for part in path.parts)]
    return sorted({str(path) for path in found - set(hidden)}) + ["hidden"] * bool(hidden)


def prepared_run() -> list[str]:
    """A run of three days, loaded once for all."""
    simulate(Scenario.load(RUN[1]).with_settings(["days=3"]), 1, quiet=True)
    return RUN


def prepared_book() -> list[str]:
    """The memo of a tape, whose runs are made once."""
    from firesale.experiments.book import write
    from firesale.experiments.book.memo import Asked
    from firesale.experiments.book.runs import horizon_days
    from firesale.market.opening.tape.join import open_tape

    tape = Path(write.__file__).parent / "examples" / "rig-bank.csv"
    asked, joined = Asked(tape, ("baseline",), 2, True), open_tape(tape)
    days = horizon_days(joined.books, joined.loans, 365)
    made = write._run(asked, joined, [write._scenario("baseline", days)], True)
    write._run = lambda *_: made
    return ["book", "run", str(tape), "--scenario", "baseline", "--runs", "2", "--quick"]


def prepared_backtest() -> list[str]:
    """A back-test, whose runs are made once."""
    from firesale.experiments.backtest import command
    from firesale.experiments.backtest.crises import crisis_of

    crisis = crisis_of("2022")
    base = Scenario.load(crisis.scenario).with_settings(["opening.sample=true"])
    made = command.run_ensemble(command.Plan(crisis, base, (), 2, False, False), 1)
    command.run_ensemble = lambda *_: made
    return ["backtest", "2022", "--runs", "2"]


PREPARED = {"run": prepared_run, "book": prepared_book, "backtest": prepared_backtest}


def main() -> None:
    """Kill runs until one comes to its end."""
    number, step, out = getattr(signal, sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    command = PREPARED[sys.argv[4] if len(sys.argv) > 4 else "run"]()
    for touch in itertools.count(1, step):
        with tempfile.TemporaryDirectory() as name:
            at = Path(name).resolve()
            if out == "empty":
                (at / "here").mkdir()
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                try:
                    where = [] if out == "none" else ["--out", "here"]
                    run_and_die(at, number, touch, [*command, *where])
                except SystemExit as end:
                    os._exit(int(end.code or 0))
                finally:
                    os._exit(99)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(json.dumps([touch, status, left_behind(at)]), file=sys.__stdout__, flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main()
