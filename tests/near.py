"""Tests near what changed: ``make check`` runs them, ``make test`` runs all.

    uv run python tests/near.py [--since REF] [--list] [options of pytest]

Near to a changed file are the tests that import it, and those of its room: ``tests/market/debt``
for a module of ``market/debt``. For a file of data it is the modules that open its folder which
count. Changed is what differs from where the branch left ``main``, and what is not committed. A
rule moves runs of whole markets too, and rooms beyond its own: those are left out here, so the
whole suite comes before a merge.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from house import MODULES, PROJECT, imported, module_in, reached

TESTS = {
    path.relative_to(PROJECT).as_posix(): path for path in sorted((PROJECT / "tests").rglob("*.py"))
}
HELPERS = {path.stem: name for name, path in TESTS.items() if path.parent.name == "tests"}
HOUSE = "tests/test_house.py"  # which room may import which: near to every module
WHOLE = ("test_run_", "test_cli", "test_view_", "test_pages", "test_sweep_", "test_published",
         "test_figures", "test_baseline", "test_compilation", "test_mutants")  # fmt: skip
"""Files of tests that run whole markets, servers or sweeps for minutes: only those of the room."""


def changed(since: str | None) -> list[str]:
    """Files that differ from where the branch began, those that git does not know yet too.

    Raises:
        SystemExit: this is no git checkout, or there is no such ref.
    """
    asked = [since] if since else ["main", "origin/main", "HEAD"]
    base = next(filter(None, (_git("merge-base", "HEAD", ref) for ref in asked)), "")
    if not base:
        sys.exit(f"near.py: git knows no {' or '.join(asked)} here; name a ref with --since.")
    told = _git("diff", "--name-only", base.strip()) + _git(
        "ls-files", "--others", "--exclude-standard"
    )
    return sorted(set(told.splitlines()))


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


@cache
def importers() -> dict[str, set[str]]:
    """By module, or helper of tests, the files of tests that import it."""
    found: dict[str, set[str]] = {}
    for name, path in TESTS.items():
        for one in imported(ast.parse(path.read_text(encoding="utf-8")), []):
            ours = MODULES.get(module_in(one.name)) if one.ours else None
            helper = HELPERS.get(one.name.partition(".")[0], "")
            place = ours.relative_to(PROJECT).as_posix() if ours else helper
            found.setdefault(place, set()).add(name)
    return found


def readers(file: str) -> set[str]:
    """Modules that open a folder in which a file of data lies."""
    folders = {".".join(up.parts) for up in Path(file).parents if up.parts}
    return {
        path.relative_to(PROJECT).as_posix()
        for name, path in MODULES.items()
        if reached(name) & folders
    }


def room(file: str) -> str:
    """The folder of tests that mirrors a module's room; empty where it has none."""
    path = Path(file)
    return f"tests/{'/'.join(path.parts[:2])}" if len(path.parts) > 2 else ""


def near(files: list[str]) -> list[str]:
    """Files of tests near to some files of the checkout."""
    modules = set(files)
    for file in files:
        if not file.endswith(".py"):
            modules |= readers(file)
    found = modules & TESTS.keys()
    for module in modules:
        found |= {name for name in TESTS if str(Path(name).parent) == room(module)}
        by_import = importers().get(module, set())
        found |= {name for name in by_import if not Path(name).name.startswith(WHOLE)}
    if any(module.endswith(".py") for module in modules):
        found.add(HOUSE)
    return sorted(name for name in found if Path(name).name.startswith("test_"))


def main() -> int:
    """Run the tests near what changed; the exit code is pytest's."""
    parser = argparse.ArgumentParser(description="Run the tests near what changed.")
    parser.add_argument("--since", metavar="REF", help="changed since this ref; else main")
    parser.add_argument("--list", action="store_true", help="only name them")
    arguments, more = parser.parse_known_args()
    files = changed(arguments.since)
    found = near([file for file in files if (PROJECT / file).exists()])
    if arguments.list:
        print(*found, sep="\n")
        return 0
    if not found:
        print(f"{len(files)} files changed, no tests near them; make test runs all.")
        return 0
    print(f"{len(files)} files changed: {len(found)} files of tests near them; make test runs all.")
    tests = [sys.executable, "-m", "pytest", "-q", *more, *found]
    return subprocess.run(tests, cwd=PROJECT).returncode


if __name__ == "__main__":
    sys.exit(main())
