"""Books of a user's own in a sweep: read once, known by their content, kept beside its runs.

A plan names a folder of opening tables or a loan tape. What was read goes into the sweep's
identity as a SHA-256, and a copy into its folder, where all workers find it.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...market.opening.own_books import own_books
from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ...market.scenario.text_files import read_bytes
from ..run.writing import write_atomically
from . import books as cells

if TYPE_CHECKING:
    from ...market.opening.books import Books

START = "opening.start"
COPY = "books-"


class Kept(NamedTuple):
    """Where books are, and the SHA-256 of what they were when the sweep began."""

    place: str
    sha256: str


def found(given: str, folder: Path, base: Scenario, where: str) -> str:
    """The full path of a plan's books, beside the plan or from here; read, so mistakes are told.

    Raises:
        InputError: nothing there, a mistake in a table or a tape, or a scenario of other books.
    """
    path = next((p for p in (folder / given, Path(given)) if p.exists()), None)
    if path is None:
        raise InputError(
            f"{where}: books: {given} is not there; it must be a folder of opening tables or a "
            "loan tape (.csv, .xlsx)."
        )
    if base.opening.start != "2025":
        own_books(path, base)  # says why not
    at = kept(str(path.resolve()))
    books_of(at)
    return at.place


def kept(place: str) -> Kept:
    """Books as they are now.

    Raises:
        InputError: they cannot be read.
    """
    return Kept(place, digest(Path(place)))


def digest(place: Path) -> str:
    """SHA-256 of a tape, or of a folder's tables with their names (hex)."""
    if not place.is_dir():
        return hashlib.sha256(read_bytes(place, str(place))).hexdigest()
    whole = hashlib.sha256()
    for table in sorted(place.glob("*.csv")):
        part = hashlib.sha256(read_bytes(table, str(table))).hexdigest()
        whole.update(f"{table.name} {part}\n".encode())
    return whole.hexdigest()


def books_of(at: Kept | None) -> Books | None:
    """The books themselves; None for the packaged ones.

    Raises:
        InputError: they are no longer what they were.
    """
    if at is None:
        return None
    if digest(Path(at.place)) != at.sha256:
        raise InputError(
            f"{at.place}: was changed since the sweep began; put back what was there, or begin "
            "again in a new folder."
        )
    return _read(at)


@lru_cache(maxsize=2)
def _read(at: Kept) -> Books:
    return own_books(at.place, Scenario())


def of(place: str | None) -> Books | None:
    """The books that a plan names; None for the packaged ones."""
    return books_of(None if place is None else kept(place))


def copy_into(place: str | None, folder: Path) -> None:
    """Put a copy of a plan's books into its sweep's folder."""
    if place is None:
        return
    source = Path(place)
    room = _room(folder, digest(source))
    room.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.csv")) if source.is_dir() else [source]:
        if not (room / path.name).is_file():
            write_atomically(room / path.name, partial(shutil.copyfile, path))


def for_workers(place: str | None, folder: Path) -> Kept | None:
    """Where workers find a plan's books: in the sweep's folder once they are there."""
    if place is None:
        return None
    now = kept(place)
    room = _room(folder, now.sha256)
    if not room.is_dir():
        return now
    copy = room if Path(place).is_dir() else room / Path(place).name
    return Kept(str(copy.resolve()), now.sha256)


def _room(folder: Path, sha256: str) -> Path:
    return folder / f"{COPY}{sha256[:16]}"


def opened(
    scenario: Scenario, seed: int, scores: dict[str, float], books: Books | None
) -> tuple[Scenario, Books | None]:
    """Scenario and books of a run: with errors of some cells all others are drawn here too."""
    if not scores:
        return scenario, books
    drawn = cells.perturbed_tables(scores, seed if scenario.opening.sample else None, books)
    return scenario.changed({"opening.sample": False}, "books"), drawn


def check_start(place: str | None, starts: set[object], where: str) -> None:
    """Own books are of 2025: a plan that has them opens no others.

    Raises:
        InputError: another starting point among a plan's values.
    """
    other = sorted(str(start) for start in starts - {None, "2025"})
    if place is not None and other:
        raise InputError(
            f"{where}: books: {START} = '{other[0]}' opens books of its own; leave it at 2025."
        )
