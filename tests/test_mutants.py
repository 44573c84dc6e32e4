"""The list of mistakes fits the code: each can still be made, and somebody is asked to notice."""

from __future__ import annotations

import pytest
from mutants import PROJECT, Mutant, mutants


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_the_mistake_can_be_made(mutant: Mutant) -> None:
    text = (PROJECT / mutant.file).read_text(encoding="utf-8")
    wrong = mutant.applied(text)
    assert wrong != text
    compile(wrong, mutant.file, "exec")
    for name in mutant.tests.split():
        file, _, test = name.partition("::")
        there = (PROJECT / "tests" / f"{file}.py").read_text(encoding="utf-8")
        assert f"def {test or 'test_'}" in there


def test_no_mistake_is_listed_twice() -> None:
    names = [mutant.name for mutant in mutants()]
    assert len(set(names)) == len(names) >= 80
