"""Deliberately wrong rules, one at a time: the tests must notice each of them.

uv run python tests/mutants.py [--only NAME] [--new] [--jobs N] [--passed] [--write]

``mutants.toml`` lists mistakes a person could make. Each is put into a copy of the project, and
the tests that speak of that part are run there on uncompiled kernels. The table says which test
noticed; ``--write`` keeps it beside this file, rows of mutants that were not tried as they were,
and ``--new`` tries those that have none. A mutant that survives is a hole in the tests, and
the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from paths import PROJECT

LIST = Path(__file__).with_suffix(".toml")
TABLE = Path(__file__).with_suffix(".md")
COPIED = (
    "__init__.py",
    "agents",
    "market",
    "experiments",
    "tests",
    "pyproject.toml",
    "setup.py",
    "README.md",
)
HEAD = """# Wrong rules and the tests that notice them

Made by `uv run python tests/mutants.py --write`.

| mistake | where | noticed by |
|---|---|---|"""
NOTHING_RAN = 5  # pytest's exit code
LIMIT_S = 600  # a mistake may make a loop endless: that is noticed too


class Mutant(NamedTuple):
    """One mistake: in ``file``, ``right`` becomes ``wrong``; ``tests`` should notice."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str  # files, or file::test, without folder and suffix

    def applied(self, text: str) -> str:
        """The text of the file with the mistake.

        Raises:
            ValueError: the right text is not there exactly once.
        """
        if (times := text.count(self.right)) != 1:
            raise ValueError(f"{self.name}: in {self.file}, '{self.right}' is there {times}x")
        return text.replace(self.right, self.wrong)


def mutants() -> list[Mutant]:
    """All mistakes of the list."""
    return [Mutant(**row) for row in tomllib.loads(LIST.read_text(encoding="utf-8"))["mistake"]]


def copy_project(to: Path) -> Path:
    """The files that the tests need, without environments and caches; returns their folder.

    It is called ``firesale``, for the root of the project is that package.
    """
    to = to / "firesale"
    to.mkdir()
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)
    return to


def environment(folder: Path) -> dict[str, str]:
    """Of a process that imports the copy in ``folder`` rather than what is installed."""
    return os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder.parent)}


def path_of(file: str, project: Path = PROJECT) -> Path:
    """Where a file of tests is, by its name alone.

    Raises:
        ValueError: there is no such file, or more than one.
    """
    (found,) = (project / "tests").rglob(f"{file}.py")
    return found.relative_to(project)


def run_tests(
    folder: Path, tests: str, jobs: int = 0, limit_s: float | None = LIMIT_S
) -> tuple[int, str]:
    """Exit code of pytest on uncompiled kernels, and the first test that failed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        f"{jobs}",
        "-p",
        "no:cacheprovider",
    ]
    for name in tests.split():
        file, _, test = name.partition("::")
        command.append(f"{path_of(file, folder)}" + f"::{test}" * bool(test))
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return 1, "a test that did not end"
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return done.returncode, failed.group(1).removeprefix("tests/") if failed else ""


def try_mutant(mutant: Mutant) -> str:
    """The test that noticed, or an empty string."""
    with tempfile.TemporaryDirectory() as name:
        folder = copy_project(Path(name))
        path = folder / mutant.file
        path.write_text(mutant.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        code, failed = run_tests(folder, mutant.tests)
        if code == NOTHING_RAN:
            raise SystemExit(f"{mutant.name}: none of its tests runs on uncompiled kernels")
        return failed if code == 1 else ""


def check_unchanged(chosen: list[Mutant], jobs: int) -> None:
    """The tests pass without a mutant, or nothing they say would count."""
    names = {test for mutant in chosen for test in mutant.tests.split()}
    alone = {name for name in names if name.partition("::")[0] not in names - {name}}
    with tempfile.TemporaryDirectory() as name:
        folder = copy_project(Path(name))
        code, failed = run_tests(folder, " ".join(sorted(alone)), jobs, limit_s=None)
    if code != 0:
        raise SystemExit(f"without a mutant {failed or 'the run'} fails: mend that first")


def kept_rows() -> dict[str, str]:
    """Rows of the table that is there, by name."""
    if not TABLE.exists():
        return {}
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    return {line[2:].partition(" | `")[0]: line for line in lines[1:]}


def main() -> None:
    """Try all mutants, or those whose name contains a text."""
    parser = argparse.ArgumentParser(description="apply wrong rules and see which test notices")
    parser.add_argument("--only", default="", help="a part of the names of mutants to try")
    parser.add_argument("--new", action="store_true", help="those that were never tried")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at the same time")
    parser.add_argument("--passed", action="store_true", help="the tests have just passed")
    parser.add_argument("--write", action="store_true", help=f"keep the table in {TABLE.name}")
    options = parser.parse_args()
    start = time.monotonic()
    chosen = [mutant for mutant in mutants() if options.only in mutant.name]
    rows = kept_rows()
    if options.new:
        chosen = [mutant for mutant in chosen if mutant.name not in rows]
    if not options.passed:
        check_unchanged(chosen, options.jobs)
    survivors = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, noticed in zip(chosen, pool.map(try_mutant, chosen), strict=True):
            survivors += not noticed
            by = noticed.replace("|", "\\|") or "**nobody**"
            rows[mutant.name] = f"| {mutant.name} | `{mutant.file}` | {by} |"
            print(rows[mutant.name], flush=True)
    minutes = (time.monotonic() - start) / 60.0
    print(f"{len(chosen)} mutants, {survivors} survive; {minutes:.0f} minutes")
    if options.write:
        lines = [HEAD, *(rows[mutant.name] for mutant in mutants() if mutant.name in rows)]
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
