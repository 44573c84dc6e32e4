"""All attacks of ``hostile.py``, counted: the table in ``attacks.md``.

    uv run python tests/attacks.py [--only KIND] [--share 0.1] [--seed 1] [--write]

Each kind runs in a process of its own, which another watches: a case that says nothing for too long
counts as hung and is killed, one that kills its process counts as raised. Exit code 1 if anything
raised, hung, did not conserve or left half a file.
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hostile import HALF, KINDS, NOT_CONSERVING, RAN, REFUSED, draw_of
from paths import PROJECT

from firesale.agents.compiling.cache import source_hash

TABLE = Path(__file__).with_suffix(".md")
CASES = {
    "settings": 2500, "options": 3000, "scenarios": 2500, "histories": 1000, "plans": 1500,
    "books": 2500, "tapes": 1000, "grids": 1000, "sweep folders": 500, "visitors of the page": 100,
}  # fmt: skip
RAISED, HUNG = "raised", "hung"
ENDS = (REFUSED, RAN, RAISED, HUNG, NOT_CONSERVING, HALF)
FIRST_S, CASE_S = 1800.0, 300.0  # patience with the first case, which may compile, and with others
HEAD = """# Attacks

Made by `uv run python tests/attacks.py --write`, which `.ci/full` runs; what a case of each kind is
says `tests/hostile.py`. Seeded: the same cases every time. `sources` is a hash of the code at the
time of a row: rows need not be of one day.

| kind | cases | refused | ran | raised | hung | not conserving | half-written | seed | sources |
|---|---|---|---|---|---|---|---|---|---|"""


def work(kind: str, seed: int, first: int, count: int) -> None:
    """Cases one after another, a line for each."""
    out = sys.stdout
    sys.stdout = sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, count):
            try:
                told = KINDS[kind](draw_of(kind, seed, number), Path(folder))
            except Exception:
                told = RAISED
                print(f"{kind} {seed} {number}\n{traceback.format_exc()}", file=sys.stderr)
            print(json.dumps([number, told]), file=out, flush=True)


def watched(kind: str, seed: int, first: int, count: int) -> Iterator[tuple[int, str]]:
    """The same in another process, started anew after a case that hangs or kills it."""
    while first < count:
        arguments = ("--work", kind, "--seed", str(seed), "--from", str(first), "--to", str(count))
        lines: queue.Queue[str] = queue.Queue()
        with subprocess.Popen(
            (sys.executable, __file__, *arguments), stdout=subprocess.PIPE, text=True, cwd=PROJECT
        ) as child:
            assert child.stdout is not None
            reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
            reader.start()
            patience = FIRST_S
            while first < count:
                try:
                    line = lines.get(timeout=patience)
                except queue.Empty:
                    child.kill()
                    yield first, HUNG
                    first += 1
                    break
                if not line:  # it has died
                    yield first, RAISED
                    first += 1
                    break
                number, told = json.loads(line)
                yield number, told
                first, patience = number + 1, CASE_S


def _read(stream: Iterator[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def row(kind: str, told: Counter[str], seed: int) -> str:
    """A line of the table."""
    assert set(told) <= set(ENDS), told
    numbers = [sum(told.values()), *(told[end] for end in ENDS)]
    cells = " | ".join(f"{number:,}" for number in numbers)
    return f"| {kind} | {cells} | {seed} | `{source_hash()}` |"


def kept() -> dict[str, str]:
    """The rows of the table as they are."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return {line.split("|")[1].strip(): line for line in lines if "| cases |" not in line}


def main() -> None:
    """Attack, count, and write it down."""
    parser = argparse.ArgumentParser(description="all attacks, counted")
    parser.add_argument("--only", default="", help="a kind")
    parser.add_argument("--share", type=float, default=1.0, help="of the cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="the table in attacks.md")
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first case")
    parser.add_argument("--to", type=int, default=0, help="the case after the last")
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.seed, asked.first, asked.to)
        return
    fine, rows = True, kept()
    source_hash()  # remembered: whoever edits a file while attacks run does not change a row
    for kind in [name for name in KINDS if asked.only in ("", name)]:
        count = asked.to or round(CASES[kind] * asked.share)
        told: Counter[str] = Counter()
        for number, end in watched(kind, asked.seed, asked.first, count):
            told[end] += 1
            if end not in (RAN, REFUSED):
                fine = False
                print(f"{kind}, case {number}: {end}", flush=True)
        rows[kind] = row(kind, told, asked.seed)
        print(rows[kind], flush=True)
        if asked.write:
            rows = kept() | {kind: rows[kind]}  # others may have written theirs meanwhile
            lines = [HEAD, *(rows[name] for name in KINDS if name in rows)]
            TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("none left" if fine else "some are left")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
