"""The folder of a sweep: design, manifest and parts, written such that nothing is ever half there.

Every file is written aside, flushed to disk and renamed. A batch that is run twice writes the same
part under the same name; rows that still come twice are read once, a finished one first. What is
read is what was written: parts have the SHA-256 of their content in their name (see
:mod:`experiments.sweeps.parts`), the manifest has its own and that of the design.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...market.scenario.errors import InputError
from ..run import files as run_folder
from ..run.writing import LOCK, locked, unwritable, write_text
from . import parts
from .folders import MANIFEST, accept
from .parts import MERGED, PARTS, PATHS, has_parts, part_name

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from .design import RunPoint
    from .plan import Plan

__all__ = [
    "LOCK", "MANIFEST", "MERGED", "PARTS", "PATHS", "connect", "has_parts", "locked", "open_folder",
    "read_manifest", "unwritable", "write_part", "write_text", "write_trajectories",
]  # fmt: skip

FORMAT = 2
DESIGN = "design.parquet"
FAILURES = "failures.jsonl"
DECISIVE = ("numpy", "numba", "scipy")  # another version of these may change a run's bits
PYTHON = ".".join(platform.python_version_tuple()[:2])
NOTED = ("pandas", "pyarrow", "duckdb", "distributed", "SALib")
SEAL = "sha256"  # in a manifest: of all that stands before it


@cache
def source_hash() -> str:
    """SHA-256 of all code and data that decide a run's row (hex)."""
    digest = hashlib.sha256(run_folder.source_hash().encode())
    for name in ("books", "design", "execute", "factors", "own", "terms"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def write_part(folder: Path, rows: list[dict[str, Any]]) -> int:
    """Write the rows of a batch; the name follows from its runs and content. Returns its bytes."""
    name = part_name([row["run_id"] for row in rows])
    return parts.write_named(folder / PARTS, name, parts.table_of(rows), _sweep(folder))


def write_trajectories(folder: Path, points: list[RunPoint], paths: list[pa.Table | None]) -> int:
    """Write the series that a batch keeps, one row per run and day. Returns its bytes."""
    table = parts.paths_of(points, paths)
    if table is None:
        return 0
    name = part_name([point.run_id for point in points])
    return parts.write_named(folder / PATHS, name, table, _sweep(folder))


def _sweep(folder: Path) -> str:
    return key_of(read_manifest(folder))


def key_of(manifest: dict[str, Any]) -> str:
    """Which sweep a part is of: the plan, the source and the packages that decide results."""
    decides = {name: manifest[name] for name in ("identity", "source_sha256", "versions")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def failure_of(row: dict[str, Any]) -> dict[str, Any]:
    """What ``failures.jsonl`` says of a row."""
    names = ("run_id", "design_id", "replicate", "seed", "status", "error")
    return {name: row[name] for name in names}


# ------------------------------------------------------------------ opening and resuming


def open_folder(plan: Plan, folder: Path, salvage: bool = False) -> pa.Table:
    """Begin a sweep in a folder, or check that the folder holds this very one; returns the design.

    With ``salvage`` a damaged manifest or design is written anew from the plan, and what is no
    whole part of this very sweep is moved into ``damaged/``.

    Raises:
        InputError: another sweep, another source, another folder's files, damaged or not writable.
    """
    from .design import design_table

    accept(folder)
    try:
        manifest = _manifest_there(folder, salvage)
        if manifest is None and has_parts(folder) and not salvage:
            raise InputError(
                f"--out {folder}: holds runs but no {MANIFEST} that says of which plan; put it "
                "back, give the same command with --salvage to write it anew, or name another "
                "folder."
            )
        if manifest is not None:
            if has_parts(folder):
                _check_same(plan, manifest, folder)
            else:
                manifest = None  # nothing is lost: begin again, be it with another plan
        elif salvage and has_parts(folder) and not _has_its_own(plan, folder):
            raise InputError(f"{folder}: no part there is whole and of this plan; name another.")
        _make_rooms(plan, folder, salvage)
        design = design_table(plan)
        if manifest is None or salvage:
            for path in (folder / DESIGN, folder / MANIFEST):
                if path.is_symlink() or (path.exists() and not path.is_file()):
                    parts.move_away(path, folder)
            parts.write_table(folder / DESIGN, design)
            manifest = _manifest(plan) | {"design_sha256": _digest(folder / DESIGN)}
            _write_manifest(folder, manifest)
        elif manifest["analysis"] != plan.analysis.model_dump(mode="json"):
            manifest["analysis"] = plan.analysis.model_dump(mode="json")  # decides no result
            _write_manifest(folder, manifest)
        if not read_design(folder, manifest).equals(design):
            raise _damaged(folder / DESIGN, "is not what the plan gives")
        if salvage:
            parts.set_aside(folder, key_of(manifest))
            _make_rooms(plan, folder, salvage)
        return design
    except OSError as error:
        raise unwritable(folder, error) from None


def _has_its_own(plan: Plan, folder: Path) -> bool:
    return bool(parts.look(folder, PARTS, key_of(_manifest(plan)))[0])


def _make_rooms(plan: Plan, folder: Path, salvage: bool) -> None:
    """Folders for parts; what a killed worker left half there goes."""
    for name in (PARTS, PATHS) if plan.trajectories else (PARTS,):
        place = folder / name
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            if salvage:
                continue  # it is moved away and the folder made then
            raise InputError(
                f"{place}: is a file or a link where a folder of this sweep should be; move it "
                "away and give the same command again."
            )
        place.mkdir(parents=True, exist_ok=True)
        for leftover in place.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
    for leftover in folder.glob(".*.tmp"):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)


def read_design(folder: Path, manifest: dict[str, Any]) -> pa.Table:
    """The design of a sweep.

    Raises:
        InputError: it is missing, or not the one that the manifest was written with.
    """
    path = folder / DESIGN
    try:
        if path.is_symlink() or not path.is_file():
            raise _damaged(path, "is missing, or a link")
        if _digest(path) != manifest["design_sha256"]:
            raise _damaged(path, "was changed or damaged since it was written")
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"cannot be read ({type(error).__name__})") from None


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"{path}: {why}; put back what was there, or give the command of the sweep with "
        "--salvage, to write it anew from the plan."
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest_there(folder: Path, salvage: bool) -> dict[str, Any] | None:
    if not (folder / MANIFEST).exists():
        return None
    try:
        return read_manifest(folder)
    except InputError:
        if salvage and not _command(folder):
            return None
        raise


def _command(folder: Path) -> str:
    """Which command's folder this is, if it is not a sweep's."""
    try:
        if not (folder / MANIFEST).is_file():  # a pipe would have us wait
            return ""
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return str(manifest.get("command") or "")
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a sweep, as it was written.

    Raises:
        InputError: no sweep there, or a manifest that was changed.
    """
    path = folder / MANIFEST
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise _damaged(path, "is a link or a folder")
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"{folder}: holds no sweep; there is no {MANIFEST}.") from None
    except ValueError:
        raise _damaged(path, "is damaged") from None
    if command := _command(folder):
        what = {"run": "a run", "backtest": "a back-test"}.get(command, command)
        raise InputError(
            f"{folder}: holds {what}, not a sweep; open its report.html, or name the folder of a "
            "sweep, such as out/sweep-quick."
        )
    try:
        manifest = json.loads(text)
        version = manifest.get("format")
    except (ValueError, AttributeError, RecursionError):
        raise _damaged(path, "is damaged") from None
    if version != FORMAT:
        raise InputError(
            f"{folder}: its {MANIFEST} is not one of this version; analyse it with the version "
            "that wrote it, or begin again in a new folder."
        )
    if text != _sealed(manifest):
        raise _damaged(path, "was changed or damaged since it was written")
    found: dict[str, Any] = manifest
    return found


def _sealed(manifest: dict[str, Any]) -> str:
    """A manifest as text, with the SHA-256 of the rest at its end."""
    rest = {name: value for name, value in manifest.items() if name != SEAL}
    seal = hashlib.sha256(json.dumps(rest).encode()).hexdigest()
    return json.dumps({**rest, SEAL: seal}, indent=2) + "\n"


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    write_text(folder / MANIFEST, _sealed(manifest))


def _manifest(plan: Plan) -> dict[str, Any]:
    """What is needed to repeat the sweep, and what it was begun on."""
    from .design import count_runs

    resolved = plan.resolved()
    return {
        "format": FORMAT,
        "program": "firesale",
        "name": plan.name,
        "title": plan.title,
        "runs": count_runs(plan),
        "identity": plan.identity(),
        "source_sha256": source_hash(),
        "versions": {"python": PYTHON, **_versions(DECISIVE)},
        "noted_versions": {"firesale": run_folder.version("firesale"), **_versions(NOTED)},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "scenario": resolved.pop("scenario"),
        "plan": resolved,
        "analysis": plan.analysis.model_dump(mode="json"),
    }


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {name: run_folder.version(name) for name in names}


def _check_same(plan: Plan, manifest: dict[str, Any], folder: Path) -> None:
    """A sweep goes on only with the plan, the source and the packages it was begun with."""
    now = _manifest(plan)
    fresh = "name a new folder with --out to begin afresh"
    if now["identity"] != manifest["identity"]:
        before, after = ({**m["scenario"], **m["plan"]} for m in (manifest, now))
        changed = ", ".join(differences(before, after)[:3]) or "its contents"
        raise InputError(f"{folder}: was begun with another plan (changed: {changed}); {fresh}.")
    if now["source_sha256"] != manifest["source_sha256"]:
        raise InputError(
            f"{folder}: was begun with another source of agents, market or sweeps; its runs would "
            f"not be comparable; go back to that source, or {fresh}."
        )
    for name, version in manifest["versions"].items():
        if now["versions"].get(name) != version:
            raise InputError(
                f"{folder}: was begun with {name} {version}, this is {now['versions'].get(name)}; "
                f"its runs would not be comparable; {fresh}."
            )


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Dotted names of what differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys([*before, *after]))
        found = [
            differences(before.get(n), after.get(n), f"{path}.{n}" if path else n) for n in names
        ]
        return [name for part in found for name in part]
    return [] if before == after else [path]


# ------------------------------------------------------------------ reading


def connect(folder: Path, salvage: bool = False) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the view ``runs``: every run once, a finished row before a failed.

    Where the folder keeps trajectories there is a view ``paths`` (run_id, day, columns). Only whole
    parts of this very sweep are read; with ``salvage`` the others are left out.

    Raises:
        InputError: no sweep, or one with a damaged part.
    """
    import duckdb

    sweep = _sweep(folder)
    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    for view, (name, key) in zip(("runs", "paths"), parts.FOLDERS.items(), strict=True):
        files = parts.whole_parts(folder, name, sweep, salvage)
        if not files:
            continue
        order = "(status <> 'ok')::INT" if view == "runs" else "run_id"
        connection.register(f"{view}_parts", parts.dataset(files))
        connection.execute(
            f"CREATE VIEW {view} AS SELECT * FROM {view}_parts "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
        )
    return connection


def stored_ids(folder: Path, finished_only: bool = False) -> NDArray[np.int64]:
    """Run ids that are stored, ascending; with ``finished_only`` without failed ones."""
    if not has_parts(folder):
        return np.zeros(0, np.int64)
    only = "WHERE status = 'ok'" if finished_only else ""
    with connect(folder) as connection:
        found = connection.execute(f"SELECT DISTINCT run_id FROM runs {only} ORDER BY 1")
        return np.asarray(found.fetchnumpy()["run_id"], np.int64)


def write_failures(folder: Path) -> int:
    """Bring ``failures.jsonl`` in line with the parts; returns how many there are."""
    failures: list[dict[str, Any]] = []
    if has_parts(folder):
        with connect(folder) as connection:
            names = "run_id, design_id, replicate, seed, status, error"
            found = connection.sql(f"SELECT {names} FROM runs WHERE status <> 'ok' ORDER BY run_id")
            failures = found.to_arrow_table().to_pylist()
    text = "".join(json.dumps(failure, ensure_ascii=False) + "\n" for failure in failures)
    write_text(folder / FAILURES, text)
    return len(failures)


def merge_parts(folder: Path, most: int = parts.MOST_LOOSE_PARTS) -> None:
    """Put parts together once there are more than ``most``."""
    parts.merge(folder, _sweep(folder), most)
