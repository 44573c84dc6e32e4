"""The folder of a run: chosen before the simulation, filled beside it, put in place at the end.

A crash, an interrupt or a kill leaves no half-written folder: all files are written into a hidden
one, flushed to disk, and appear in their place at once, under one new name.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...market.scenario.errors import InputError
from .files import flush, plain, source_hash, version
from .writing import MOVED, check_name, hidden_folder, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..figures.draw import Drawing
    from ..results.results import Results

OUT = Path("out")
FRAMES = ("series", "events", "book", "sales", "loans", "lenders", "illusion", "absorption")


class RunFolder:
    """Where the files of one run go: a given folder, or a fresh one under ``out/``.

    Example:
        ``RunFolder(None, "crypto-crash").write(results, timings={})`` fills ``out/crypto-crash-1``.
    """

    def __init__(self, given: Path | None, name: str) -> None:
        """Check that the folder can be written, without leaving anything behind.

        Raises:
            InputError: not empty, not a folder, or not writable.
        """
        check_name(given)
        self.given, self.name = given, name
        target = given if given is not None else OUT / name
        try:
            if given is not None and given.exists():
                if not given.is_dir():
                    raise InputError(f"--out {given}: is a file; give a new or an empty folder.")
                remove_leftovers(given)
                if any(given.iterdir()):
                    raise InputError(f"--out {given}: is not empty; give a new or an empty folder.")
            base = next(p for p in (target, *target.absolute().parents) if p.exists())
            if base.is_dir():
                remove_leftovers(base)
            with hidden_folder(base):
                pass
        except OSError as error:
            raise self._unwritable(error) from None

    def write(
        self, results: Results, timings: dict[str, float], figures: Drawing | None = None
    ) -> Path:
        """Write all files of a run, ``figures`` if they are wanted, and return its folder.

        Raises:
            InputError: the folder was filled meanwhile, or the disk is full or has gone.
        """
        return self.fill(lambda part: _fill(part, results, timings, figures))

    def fill(self, write: Callable[[Path], None]) -> Path:
        """Have ``write`` make the files in a hidden folder, and put that in place.

        Raises:
            InputError: the folder was filled meanwhile, or the disk is full or has gone.
        """
        given = self.given
        parent = OUT if given is None else _workplace(given.absolute())
        try:
            parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(parent)
            with hidden_folder(parent) as hidden:
                part = hidden / self.name
                part.mkdir()
                write(part)
                for path in sorted(part.rglob("*"), reverse=True):
                    flush(path)
                flush(part)
                if given is None:
                    folder = self._rename(part, parent)
                elif parent == given.absolute():
                    folder = _move_up(part, given)
                else:
                    folder = _replace(part, given)
                flush(parent)
                return folder
        except OSError as error:
            raise self._unwritable(error) from None

    def _rename(self, part: Path, parent: Path) -> Path:
        """Give the filled folder the next name that is free."""
        for number in itertools.count(1):
            folder = parent / f"{self.name}-{number}"
            if not folder.exists():
                try:
                    return part.rename(folder)
                except OSError:
                    if not folder.exists():  # otherwise another run took the name just now
                        raise
        raise AssertionError("never reached")

    def _unwritable(self, error: OSError) -> InputError:
        reason = error.strerror or str(error)
        where = f"--out {self.given}" if self.given is not None else f"Folder {OUT}"
        return InputError(
            f"{where}: results cannot be written there ({reason}); "
            "name a writable place with --out."
        )


def _workplace(given: Path) -> Path:
    """Where a given folder is filled: beside it, or inside if there is no other place on its disk.

    Inside, too, if it is the current folder: whoever stands in it would stand in none.
    """
    if not given.is_dir():
        return given.parent
    inside = sys.platform == "win32" or given.is_symlink() or given.is_mount()
    inside |= given.samefile(Path.cwd()) or not os.access(given.parent, os.W_OK)
    return given if inside else given.parent


def _replace(part: Path, folder: Path) -> Path:
    """Give the filled folder its name; an empty folder of that name gives way at once."""
    if folder.is_dir():
        shutil.copymode(folder, part)
    try:
        return part.replace(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise InputError(
            f"--out {folder}: was filled while the run went on; nothing is written."
        ) from None


def _move_up(part: Path, folder: Path) -> Path:
    """Move the files into a given, still empty folder, the manifest last."""
    if [path for path in folder.iterdir() if path.name != part.parent.name]:
        raise InputError(f"--out {folder}: was filled while the run went on; nothing is written.")
    paths = sorted(part.iterdir(), key=lambda path: path.name == "manifest.json")
    # Killed on the way, the next command sees by this list what is half there.
    (part.parent / MOVED).write_text(json.dumps([p.name for p in paths]), encoding="utf-8")
    flush(part.parent / MOVED)
    for path in paths:
        path.rename(folder / path.name)
    return folder


def _fill(
    folder: Path, results: Results, timings: dict[str, float], figures: Drawing | None
) -> None:
    """Write every file of a run, the manifest last."""
    from ..causes.causes import as_json
    from ..report.page import report
    from ..report.story import chapters

    start = time.perf_counter()
    if figures:  # first, so that a helper draws while the rest is written
        figures.begin(results)
    text = json.dumps(plain(results.summary), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    if results.causes is not None:
        text = json.dumps(as_json(results.causes), indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "causes.json").write_text(text + "\n", encoding="utf-8")
    for name in FRAMES:
        getattr(results, name).to_parquet(folder / f"{name}.parquet", index=False)
    chapters(results)  # told now, while a helper draws: the report needs titles of figures too
    titles = figures.write(results, folder / "figures") if figures else {}
    drawn = {name: (folder / "figures" / f"{name}.png").read_bytes() for name in titles}
    (folder / "report.html").write_text(report(results, titles, drawn), encoding="utf-8")
    manifest = _manifest(results, timings | {"writing_s": time.perf_counter() - start})
    text = json.dumps(plain(manifest), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _manifest(results: Results, timings: dict[str, float]) -> dict[str, Any]:
    """What is needed to repeat the run, and what it ran on."""
    return {
        "command": "run",
        "scenario": results.scenario.model_dump(mode="json"),
        "seed": results.seed,
        "without": list(results.without),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("firesale", "numpy", "numba", "mesa", "pandas")},
        "source_sha256": source_hash(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
        },
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }
