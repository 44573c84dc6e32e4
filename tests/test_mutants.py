"""The list of mistakes fits the code: each can still be made, and somebody is asked to notice."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from mutants import PROJECT, Mutant, copy_project, environment, mutants, path_of


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_the_mistake_can_be_made(mutant: Mutant) -> None:
    text = (PROJECT / mutant.file).read_text(encoding="utf-8")
    wrong = mutant.applied(text)
    assert wrong != text
    compile(wrong, mutant.file, "exec")
    for name in mutant.tests.split():
        file, _, test = name.partition("::")
        there = (PROJECT / path_of(file)).read_text(encoding="utf-8")
        assert f"def {test or 'test_'}" in there


@cache
def names_in_the_engine() -> set[str]:
    paths = [path for top in ("agents", "market") for path in (PROJECT / top).rglob("*.py")]
    return {name for path in paths for name in re.findall(r"\w+", path.read_text("utf-8"))}


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_the_mistake_speaks_of_what_is_there(mutant: Mutant) -> None:
    """A name that does not exist would be noticed by whoever runs it: that tests nothing."""
    text = (PROJECT / mutant.file).read_text(encoding="utf-8")
    names = set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", mutant.wrong))
    assert names <= set(re.findall(r"\w+", text)) | set(dir(builtins))
    assert set(re.findall(r"\.([A-Za-z_]\w*)", mutant.wrong)) <= names_in_the_engine()


def test_no_mistake_is_listed_twice() -> None:
    names = [mutant.name for mutant in mutants()]
    assert len(set(names)) == len(names) >= 80


def test_the_copy_is_what_runs(tmp_path: Path) -> None:
    """Not the package that is installed, nor the checkout: a mistake would not be seen there."""
    folder = copy_project(tmp_path)
    code = (
        "import firesale; from firesale.market import day; print(firesale.__file__, day.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    homes = [Path(line) for line in done.stdout.split()]
    assert homes == [folder / "__init__.py", folder / "market" / "day.py"]
