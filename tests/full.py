"""What takes longer than the usual checks: the second pass, the mutants, long tests, attacks.

uv run python tests/full.py [--only NAME]    (or .ci/full; two hours on two cores)

The second pass runs the tests on uncompiled kernels, where every branch of a rule can be counted;
``agents`` and ``market`` need 95 %. The last result of each part is kept in ``full.md``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from paths import PROJECT

from firesale.agents.compiling.cache import source_hash

TABLE = Path(__file__).with_suffix(".md")
HEAD = "| what | result | minutes | sources |\n|---|---|---|---|"
PASSED = r"\d+ passed.*"
SHORT = "not slow and not long or uncompiled"


class Part(NamedTuple):
    """One part: what it is called, what it runs, and the line of its output that tells."""

    name: str
    arguments: tuple[str, ...]  # of python
    environment: dict[str, str]
    says: str


def parts(cores: int) -> list[Part]:
    """All parts, in order."""
    report, total = ("-m", "coverage", "report"), r"TOTAL.*?([\d.]+ ?%)$"
    return [
        Part(
            "second pass: tests on uncompiled kernels",
            (
                "-m",
                "coverage",
                "run",
                "-m",
                "pytest",
                "-q",
                "-m",
                "not slow and not long or uncompiled",
            ),
            {"NUMBA_DISABLE_JIT": "1"},
            PASSED,
        ),
        Part("second pass: together", ("-m", "coverage", "combine", "--quiet"), {}, ""),
        Part("second pass: branches of `agents`", (*report, "--include=agents/*"), {}, total),
        Part("second pass: branches of `market`", (*report, "--include=market/*"), {}, total),
        Part(
            "mutants",
            ("tests/mutants.py", "--passed", "--write", f"--jobs={cores}"),  # in the second pass
            {},
            r"\d+ mutants, \d+ survive",
        ),
        Part("long tests", ("-m", "pytest", "-q", "-m", "long", "--dist", "worksteal"), {}, PASSED),
        Part("attacks", ("tests/attacks.py", "--write"), {}, r"none left|some are left"),
        Part("killed at random", ("tests/disturbed.py",), {}, r"\d+ trials, \d+ go wrong"),
        Part(
            "without room on disk",
            ("tests/disturbed.py", "--full-disk"),
            {},
            r"\d+ trials, \d+ go wrong",
        ),
        Part("fifty visitors at once", ("tests/crowd.py",), {}, r"^crowd: .*"),
        Part("lowest versions", ("tests/lowest.py",), {}, r"\d+ steps on the lowest.*fail"),
        Part("audit of dependencies", ("tests/audit.py",), {}, r"^audit: .*"),
    ]


def run(part: Part) -> tuple[str, bool, float]:
    """Run one part; what it said, whether all was well, and the minutes it took."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, *part.arguments],
        cwd=PROJECT,
        env=os.environ | part.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, flush=True)
    found = re.findall(part.says, done.stdout, re.MULTILINE) if part.says else []
    said = re.sub(r" in [\d.]+s.*", "", found[-1]) if found else "did not end" * bool(part.says)
    return said, done.returncode == 0, (time.monotonic() - start) / 60.0


def kept() -> dict[str, str]:
    """The rows of the table, by the part that each is about."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    rows = (line for line in text.splitlines() if line.startswith("| "))
    return {row.split("|")[1].strip(): row for row in rows}


def main() -> None:
    """Run all parts, or those whose name contains a text, and keep their results."""
    parser = argparse.ArgumentParser(description="second pass, mutants, long tests, attacks")
    parser.add_argument("--only", default="", help="a part of the names of parts to run")
    only = parser.parse_args().only
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    every = parts(min(cores, 4))
    chosen = [part for part in every if only in part.name]
    if any(part.says == PASSED and part.environment for part in chosen):
        for old in PROJECT.glob(".coverage*"):
            old.unlink()
    rows, fine = kept(), True
    for part in chosen:
        said, good, minutes = run(part)
        fine &= good
        if part.says:
            verdict = said if good else f"**{said}**"
            rows[part.name] = f"| {part.name} | {verdict} | {minutes:.0f} | `{source_hash()}` |"
            print(rows[part.name], flush=True)
    lines = ["# The last run of what takes long\n", "Made by `.ci/full`.\n", HEAD]
    lines += [rows[part.name] for part in every if part.name in rows]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
