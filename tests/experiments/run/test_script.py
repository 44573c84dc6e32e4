"""Modules with a command of their own, ``python -m firesale.…``."""

from __future__ import annotations

import sys
from typing import Annotated

import pytest
import typer

from firesale.experiments.run.border import script
from firesale.market.scenario.errors import InputError


def asks(seeds: Annotated[int, typer.Option(min=2, help="How many.")] = 2) -> None:
    """Ask something."""
    if seeds == 13:
        raise InputError("13 is not allowed.")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ([], 0, ""),
        (["-h"], 0, "Usage: "),
        (["--seeds", "1"], 2, "--seeds"),
        (["--seeds", "13"], 2, "13 is not allowed."),
        (["--sedes", "2"], 2, "--sedes"),
    ],
)
def test_help_and_refusals_are_those_of_firesale(
    given: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["asks", *given])
    with pytest.raises(SystemExit) as done:
        script(asks)
    out, err = capsys.readouterr()
    assert done.value.code == code and said in out + err
    assert "╭" not in out + err and "Traceback" not in err
    assert code == 0 or len(err.splitlines()) == 1
