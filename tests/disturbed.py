"""Commands that are killed or find the disk full, and are given again: as if nobody had disturbed.

    uv run python tests/disturbed.py [--trials 54] [--seed 1] [--only COMMAND] [--full-disk]

Each trial forks a process that has what takes long already made, kills it (SIGKILL) at an instant
drawn over the time that the command takes, gives the command again until it ends, and compares
every file with those of a command that nobody disturbed, bit by bit; only what a file says of
seconds and of the clock is left out. With ``--full-disk`` no file may have more than so many bytes
instead: the command must say so in a sentence. Prints a table; exit code 1 if anything differs or
is left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from killed_runs import RUN, prepared_backtest, prepared_book, prepared_run

LIMIT_S = 600
AT_ONCE = ("run", "book run", "backtest", "analyse")  # fill a folder at once, the first three a new
ROOMS = (1, 3_000, 30_000, 200_000)  # bytes of a file
KILLED, BEFORE, SENTENCE = "killed", "ended before", "refused in a sentence"
CLOCK = re.compile(  # what depends on the hour, or on how fast the machine was
    rb'("(begun|seconds|since|[a-z_]+_s)": )[^,\n}]+|"sha256": "\w+"'
    rb"|\d+\.\d+ runs a second|[\d.]+ (s|min|minutes)\b"
)
NOT_COMPARED = (".lock", ".analysis-lock", "clock.json")
PARTS, SERIES = "parts", "trajectories"  # folders of a sweep whose files depend on speed
PLAN = """
scenario = "crypto-crash"
replicates = 8
[settings]
days = 6
[factors]
crypto.crash_depth = { values = [0.3, 0.7] }
[analysis]
event = "defaults.miner >= 0"
"""
GRID = """
scenario = "joint-crash"
[settings]
days = 30
"credit.hazard_per_year" = 1.0
"credit.estate_max_days" = 30
[bitcoin.ordinary]
[rents.ordinary]
[stress.none]
[cells.crash]
weight = 1.0
reason = "the only one"
"""


class Trial(NamedTuple):
    """How a command is given, and the folder that it fills."""

    arguments: list[str]
    folder: str
    before: list[list[str]]  # commands that have ended by then


def prepare(at: Path, only: str) -> dict[str, Trial]:
    """The commands, in a folder with what they read; what takes long in each is made here."""
    from firesale.experiments.pricing import grid

    grid.BLOCK_RUNS = 4
    (at / "plan.toml").write_text(PLAN, encoding="utf-8")
    (at / "grid.toml").write_text(GRID, encoding="utf-8")
    sweep = ["sweep", str(at / "plan.toml"), "--cluster", "serial", "--out", "sweep"]
    price = ["price", str(at / "grid.toml"), "--cluster", "serial", "--runs", "8", "--out", "here"]
    out = ["--out", "here"]
    prepared_run()  # compiled or loaded for all of them
    making = {
        "run": lambda: Trial([*RUN, *out], "here", []),
        "sweep": lambda: Trial(sweep, "sweep", []),
        "analyse": lambda: Trial(["analyse", "sweep"], "sweep/analysis", [sweep]),
        "price": lambda: Trial(price, "here", []),
        "book run": lambda: Trial([*prepared_book(), *out], "here", []),
        "backtest": lambda: Trial([*prepared_backtest(), *out], "here", []),
    }
    return {name: make() for name, make in making.items() if only in ("", name)}


class Ended(NamedTuple):
    """How a command ended: its exit code (-9 if it was killed), seconds, and what it said."""

    code: int
    seconds: float
    said: str


def given(
    arguments: list[str], at: Path, kill_after_s: float | None = None, most_bytes: int = 0
) -> Ended:
    """A command in a process of its own, whose files may have no more than so many bytes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        from firesale.experiments import cli

        signal.alarm(LIMIT_S)
        os.chdir(at)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        sys.stdout, sys.stderr = (open(k, "w", closefd=False) for k in (1, 2))  # noqa: SIM115
        code = 99
        try:
            if most_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
            cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    start = time.monotonic()
    if kill_after_s is not None:
        while time.monotonic() - start < kill_after_s:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.002)
        else:
            os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Ended(code, time.monotonic() - start, said)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; text without what tells the hour or the machine's speed.

    Parts of a sweep are as large as the machine is fast: of them all rows, in order.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == PARTS:
            found[name] = rows(path.parent)
        elif (
            path.is_file()
            and path.name not in NOT_COMPARED
            and path.parent.name not in (PARTS, SERIES)
        ):
            data = sheets(path) if path.suffix == ".xlsx" else path.read_bytes()
            text = path.suffix in (".json", ".html", ".md")
            found[name] = CLOCK.sub(b"", data) if text else data
    return found


def sheets(path: Path) -> bytes:
    """All of a workbook but when it was written, which stands in its frame and its properties."""
    with zipfile.ZipFile(path) as book:
        names = sorted(name for name in book.namelist() if name != "docProps/core.xml")
        return b"".join(name.encode() + book.read(name) for name in names)


def rows(folder: Path) -> bytes:
    """All rows and series of a sweep; read in another process, which may have threads."""
    with tempfile.NamedTemporaryFile() as file:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                signal.alarm(LIMIT_S)
                from firesale.experiments.sweeps import store

                with store.connect(folder) as connection, open(file.name, "w") as out:  # noqa: PTH123
                    views = ["runs"] + ["paths"] * (folder / SERIES).is_dir()
                    for view in views:
                        connection.execute(f"SELECT * FROM {view} ORDER BY ALL").df().to_csv(out)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, folder
        return Path(file.name).read_bytes()


def left_over(at: Path) -> list[str]:
    """What no command should leave: hidden folders, half-written files."""
    hidden = re.compile(r"^\.(firesale|analysis)-(?!lock)|\.tmp$")
    return [str(path.relative_to(at)) for path in at.rglob("*") if hidden.search(path.name)]


def whole_or_none(at: Path, trial: Trial, truth: dict[str, bytes]) -> bool:
    """Whether a killed command that fills a folder at once has left the whole of it, or nothing."""
    left = content(at / trial.folder) if (at / trial.folder).is_dir() else {}
    return not left or left == truth


def undisturbed(trial: Trial) -> tuple[dict[str, bytes], float]:
    """What a command makes if it is let be, and how long it takes."""
    with tempfile.TemporaryDirectory() as name:
        at = Path(name).resolve()
        for arguments in [*trial.before, trial.arguments]:
            ended = given(arguments, at)
            assert ended.code == 0, ended
        return content(at / trial.folder), ended.seconds


def killed(
    name: str, trial: Trial, truth: dict[str, bytes], draw: random.Random, seconds: float
) -> str:
    """Kill a command, give it again; how that went."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder).resolve()
        for arguments in trial.before:
            assert given(arguments, at).code == 0
        first = given(trial.arguments, at, draw.uniform(0.0, 1.1 * seconds))
        if first.code not in (0, -signal.SIGKILL):
            return f"exit code {first.code}: {first.said[-300:]}"
        if first.code:
            if name in AT_ONCE and not whole_or_none(at, trial, truth):
                return "half-written"
            if not (name in AT_ONCE[:3] and content(at / trial.folder)):  # which is not to be empty
                again = given(trial.arguments, at)
                if again.code:
                    return f"exit code {again.code}: {again.said[-300:]}"
        return compared(at, trial, truth) or (KILLED if first.code else BEFORE)


def compared(at: Path, trial: Trial, truth: dict[str, bytes]) -> str:
    """What differs from undisturbed or is left over; nothing if all is well."""
    found = content(at / trial.folder)
    if different := differing(truth, found):
        return f"differs: {', '.join(different)}"
    left = left_over(at)
    return f"left over: {', '.join(left)}" if left else ""


SAID = ("cannot be written", "There is no room to write")


def without_room(name: str, trial: Trial, truth: dict[str, bytes], most_bytes: int) -> str:
    """Give a command a disk on which files stay small, then room; how that went."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder).resolve()
        for arguments in trial.before:
            assert given(arguments, at).code == 0
        before = content(at / trial.folder)
        first = given(trial.arguments, at, most_bytes=most_bytes)
        if first.code == 0:
            return compared(at, trial, truth) or BEFORE
        sentence = first.said.rstrip().rpartition("\n")[2]
        said = any(words in sentence for words in SAID)
        if first.code != 2 or not said or "Traceback" in first.said:
            return f"exit code {first.code}: {first.said[-300:]}"
        if left := left_over(at):
            return f"left over: {', '.join(left)}"
        if name in AT_ONCE and content(at / trial.folder) != before:
            return "half-written"
        again = given(trial.arguments, at)
        if again.code:
            return f"given again, exit code {again.code}: {again.said[-300:]}"
        return compared(at, trial, truth) or SENTENCE


def differing(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Names of files that are not the same."""
    return sorted(k for k in first.keys() | second.keys() if first.get(k) != second.get(k))


def main() -> None:
    """All trials, and a table of how they ended."""
    parser = argparse.ArgumentParser(description="commands that are disturbed")
    parser.add_argument("--trials", type=int, default=54, help="shared out evenly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one command")
    parser.add_argument("--full-disk", action="store_true", help="no kills, but small files")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", "This process .* is multi-threaded")  # its threads are idle
    well = (SENTENCE, BEFORE) if asked.full_disk else (KILLED, BEFORE)
    count = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        trials = prepare(Path(folder).resolve(), asked.only)
        print(f"| command | trials | {well[0]} | {well[1]} | equal to undisturbed | not |")
        print("|---|---|---|---|---|---|", flush=True)
        for name, trial in trials.items():
            draw = random.Random(f"{name} {asked.seed}")
            truth, seconds = undisturbed(trial)
            if differ := differing(truth, undisturbed(trial)[0]):
                sys.exit(f"{name}: two undisturbed ones differ in {', '.join(differ)}")
            if asked.full_disk:
                told = [without_room(name, trial, truth, room) for room in ROOMS]
            else:
                each = -(-asked.trials // 6)
                told = [killed(name, trial, truth, draw, seconds) for _ in range(each)]
            ends = Counter(told)
            good = sum(ends[end] for end in well)
            counts = (len(told), ends[well[0]], ends[well[1]], good, len(told) - good)
            print(f"| {name} | {' | '.join(map(str, counts))} |", flush=True)
            for end in ends.keys() - set(well):
                print(f"{name}: {json.dumps(end)}", flush=True)
            count, wrong = count + len(told), wrong + len(told) - good
    print(f"{count} trials, {wrong} go wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
