"""Parts of a sweep: files whose names say their runs and the SHA-256 of what is in them.

A part says in its metadata of which sweep it is. One whose content is not what its name says, that
is of another sweep or no part at all, is damage: told with its file, and left out only on request.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...market.scenario.errors import InputError
from ..run.writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .design import RunPoint

PARTS, PATHS = "parts", "trajectories"
MOST_LOOSE_PARTS = 400
"""More parts than that are merged into one: a part costs about 20 kB however few its rows."""
MERGED = "merged-"
SWEEP = b"firesale.sweep"
"""Metadata of a part: the key of its sweep."""
NAME = re.compile(r"(?:runs-(\d{10,})-(\d{10,})|merged)-[0-9a-f]{12}-([0-9a-f]{64})\.parquet")
FOLDERS = {PARTS: "run_id", PATHS: "run_id, day"}


@dataclass(frozen=True)
class Damage:
    """A file that is not a part of this sweep, and why."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def part_name(run_ids: list[int]) -> str:
    """The same run ids have the same name, whoever runs them and how often."""
    digest = hashlib.sha256(np.array(run_ids, np.int64).tobytes()).hexdigest()[:12]
    return f"runs-{min(run_ids):010d}-{max(run_ids):010d}-{digest}"


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of a batch as a table."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "error"))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    columns["error"] = pa.array([row["error"] for row in rows], pa.string())
    return pa.table(columns)


def paths_of(points: list[RunPoint], paths: list[pa.Table | None]) -> pa.Table | None:
    """The series that a batch keeps, one row per run and day; None if it keeps none."""
    tables = [
        path.add_column(0, "run_id", pa.array([point.run_id] * len(path), pa.int64()))
        for point, path in zip(points, paths, strict=True)
        if path is not None
    ]
    return pa.concat_tables(tables) if tables else None


def _column(values: list[Any]) -> pa.Array:
    """Numbers that are all unknown are still numbers."""
    unknown = all(value is None for value in values)
    return pa.array(values, pa.float64()) if unknown else pa.array(values)


def write_table(path: Path, table: pa.Table) -> int:
    """Write a table under a name; returns its bytes."""
    return write_atomically(path, lambda aside: pq.write_table(table, aside, compression="zstd"))


def write_named(folder: Path, name: str, table: pa.Table, sweep: str) -> int:
    """Write a part of a sweep, and put what is in it into its name; returns its bytes.

    The same rows of the same runs give the same file.
    """
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), SWEEP: sweep.encode()})

    def named(aside: Path) -> Path:
        with aside.open("rb") as file:
            return folder / f"{name}-{hashlib.file_digest(file, 'sha256').hexdigest()}.parquet"

    return write_atomically(
        folder / name, lambda aside: pq.write_table(table, aside, compression="zstd"), named
    )


# ------------------------------------------------------------------ reading


def has_parts(folder: Path) -> bool:
    """Whether any run is stored."""
    return any(_files(folder / PARTS))


def whole_parts(folder: Path, name: str, sweep: str, salvage: bool = False) -> list[Path]:
    """Files of a sweep's parts, each read and found to be what it says.

    With ``salvage`` those that are not are left out.

    Raises:
        InputError: one of them is damaged.
    """
    found, damaged = look(folder, name, sweep)
    if damaged and not salvage:
        others = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise InputError(
            f"{damaged[0]}{others}; put back what was there, or give the same command with "
            "--salvage to leave it out."
        )
    return found


def look(folder: Path, name: str, sweep: str) -> tuple[list[Path], list[Damage]]:
    """The whole parts in one of a sweep's folders, and what else is there."""
    place = folder / name
    whole: list[Path] = []
    damaged: list[Damage] = []
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        return [], [Damage(place, "is not a folder of parts, but a file or a link")]
    for path in _files(place):
        why = _trouble(path, sweep)
        if why:
            damaged.append(Damage(path, why))
        else:
            whole.append(path)
    return whole, damaged


def _files(place: Path) -> Iterable[Path]:
    """All that is in a folder of parts but what is hidden: that is on its way."""
    if not place.is_dir():
        return []
    return (path for path in sorted(place.iterdir()) if not path.name.startswith("."))


def _trouble(path: Path, sweep: str) -> str:
    """Why a file is no part of a sweep; empty if it is one."""
    named = NAME.fullmatch(path.name)
    if path.is_symlink() or not path.is_file():
        return "is a folder or a link, not a part of this sweep"
    if named is None:
        return "is not a part of a sweep"
    try:
        status = path.stat()
        digest, of = _content(path, status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if digest != named[3]:
        return "is damaged (its content is not what it was written with)"
    if of != sweep:
        return "is a part of another sweep"
    return ""


@lru_cache(maxsize=100_000)
def _content(path: Path, *_: int) -> tuple[str, str]:
    """SHA-256 of a file and the sweep it says it is of, read once as long as it does not change."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, ValueError, pa.ArrowException):
        metadata = {}
    return digest, metadata.get(SWEEP, b"").decode(errors="replace")


def dataset(files: list[Path]) -> Any:
    """Parts as one table for DuckDB: names of files are read as they stand, columns by name.

    Raises:
        InputError: parts do not go together.
    """
    import pyarrow.dataset as ds
    from pyarrow.fs import LocalFileSystem

    try:
        schemas = [pq.read_schema(path).remove_metadata() for path in files]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        names = [str(path.absolute()) for path in files]
        return ds.dataset(names, schema, "parquet", LocalFileSystem(), partitioning=None)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"{files[0].parent}: its parts do not go together ({_line(error)}); name another "
            "folder, or give the same command with --salvage."
        ) from None


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:150] if str(error) else type(error).__name__


def merge(folder: Path, sweep: str, most: int = MOST_LOOSE_PARTS) -> None:
    """Put parts together once there are more than ``most``.

    The merged part is in place before the others go; what a crash leaves is read once anyway.
    """
    for name, key in FOLDERS.items():
        loose = [path for path in _files(folder / name) if not path.name.startswith(MERGED)]
        if len(loose) <= most:
            continue
        loose = [path for path in loose if not _trouble(path, sweep)]
        tables = [pq.read_table(path).replace_schema_metadata() for path in loose]
        table = pa.concat_tables(tables, promote_options="default")
        table = table.sort_by([(column, "ascending") for column in key.split(", ")])
        digest = hashlib.sha256("".join(path.name for path in loose).encode()).hexdigest()[:12]
        write_named(folder / name, f"{MERGED}{digest}", table, sweep)
        for path in loose:
            path.unlink(missing_ok=True)


def set_aside(folder: Path, sweep: str) -> list[Path]:
    """Move what is no whole part of this sweep into ``damaged/``; returns where to."""
    damages = [damage for name in FOLDERS for damage in look(folder, name, sweep)[1]]
    return [move_away(damage.path, folder) for damage in damages]


def move_away(path: Path, folder: Path) -> Path:
    """Move something into a sweep's ``damaged/``; returns where to."""
    place = folder / "damaged"
    place.mkdir(exist_ok=True)
    target = place / f"{sum(1 for _ in place.iterdir())}-{path.name}"
    path.rename(target)
    return target
