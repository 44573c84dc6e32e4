"""Whether a folder may be filled with runs: nothing of somebody else's is touched."""

from __future__ import annotations

from pathlib import Path

from ...market.scenario.errors import InputError
from ..run.writing import LOCK, check_name, unwritable
from .parts import PARTS

MANIFEST = "manifest.json"


def accept(folder: Path) -> None:
    """See that a folder is new, empty, or a sweep's, before anything is written there.

    Raises:
        InputError: it is something else.
    """
    _insist(folder, ("",), "no sweep")


def accept_several(folder: Path) -> None:
    """The same of a folder that is to hold several sweeps, a level or two below.

    Raises:
        InputError: it is something else.
    """
    _insist(folder, ("*/", "*/*/"), "no sweeps")


def _insist(folder: Path, levels: tuple[str, ...], lacking: str) -> None:
    """Refuse a folder with files in it and no sweep at one of some levels."""
    check_name(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--out {folder}: is a file; name a new folder.")
        marks = (f"{level}{mark}" for level in levels for mark in (MANIFEST, PARTS))
        if any(next(folder.glob(mark), None) for mark in marks):
            return
        if any(path.is_file() and not _is_leftover(path) for path in folder.rglob("*")):
            raise InputError(f"--out {folder}: is not empty and holds {lacking}; name another.")
    except OSError as error:
        raise unwritable(folder, error) from None


def _is_leftover(path: Path) -> bool:
    """Whether a killed command may have left this file."""
    return path.name == LOCK or path.name.endswith(".tmp")
