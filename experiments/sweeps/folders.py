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
    check_name(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--out {folder}: is a file; name a new folder.")
        if not folder.exists() or (folder / MANIFEST).exists():
            return
        if not all(map(_is_leftover, folder.iterdir())) and not (folder / PARTS).is_dir():
            raise InputError(f"--out {folder}: is not empty and holds no sweep; name another.")
    except OSError as error:
        raise unwritable(folder, error) from None


def accept_several(folder: Path) -> None:
    """The same of a folder that is to hold several sweeps, a level or two below.

    Raises:
        InputError: it is something else.
    """
    check_name(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--out {folder}: is a file; name a new folder.")
        marks = [f"{at}/{mark}" for at in ("*", "*/*") for mark in (MANIFEST, PARTS)]
        sweeps = (path for mark in marks for path in folder.glob(mark))
        files = (path for path in folder.rglob("*") if path.is_file() and not _is_leftover(path))
        if not next(sweeps, None) and next(files, None):
            raise InputError(f"--out {folder}: is not empty and holds no sweeps; name another.")
    except OSError as error:
        raise unwritable(folder, error) from None


def _is_leftover(path: Path) -> bool:
    """Whether a killed command may have left this file."""
    return path.name == LOCK or path.name.endswith(".tmp")
