"""The folder of a sweep: design, manifest and parts, written such that nothing is ever half there.

Every file is written aside, flushed to disk and renamed. A batch that is run twice writes the same
part under the same name; rows that still come twice are read once, a finished one first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...market.scenario.errors import InputError
from ..run import files as run_folder

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from .design import RunPoint
    from .plan import Plan

FORMAT = 1
MANIFEST, DESIGN, PARTS, PATHS = "manifest.json", "design.parquet", "parts", "trajectories"
FAILURES, LOCK = "failures.jsonl", ".lock"
DECISIVE = ("numpy", "numba", "scipy")  # another version of these may change a run's bits
PYTHON = ".".join(platform.python_version_tuple()[:2])
NOTED = ("pandas", "pyarrow", "duckdb", "distributed", "SALib")
MOST_LOOSE_PARTS = 400
"""More parts than that are merged into one: a part costs about 20 kB however few its rows."""
MERGED = "merged-"


@cache
def source_hash() -> str:
    """SHA-256 of all code and data that decide a run's row (hex)."""
    digest = hashlib.sha256(run_folder.source_hash().encode())
    for name in ("books", "design", "execute", "factors"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def write_atomically(path: Path, write: Callable[[Path], Any]) -> int:
    """Have ``write`` fill a file beside ``path``, flush it and put it in place; returns its bytes.

    Raises:
        OSError: the disk is full or has gone; then nothing is left behind.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".tmp", dir=path.parent)
    os.close(descriptor)
    aside = Path(name)
    try:
        write(aside)
        run_folder.flush(aside)
        size = aside.stat().st_size
        aside.chmod(0o644)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    run_folder.flush(path.parent)
    return size


def write_text(path: Path, text: str) -> int:
    """Write a text file atomically."""
    return write_atomically(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def write_part(folder: Path, rows: list[dict[str, Any]]) -> int:
    """Write the rows of a batch; the name follows from its run ids. Returns its bytes."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "error"))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    columns["error"] = pa.array([row["error"] for row in rows], pa.string())
    path = folder / PARTS / f"{part_name([row['run_id'] for row in rows])}.parquet"
    return _write_table(path, pa.table(columns))


def write_trajectories(folder: Path, points: list[RunPoint], paths: list[pa.Table | None]) -> int:
    """Write the series that a batch keeps, one row per run and day. Returns its bytes."""
    tables = [
        path.add_column(0, "run_id", pa.array([point.run_id] * len(path), pa.int64()))
        for point, path in zip(points, paths, strict=True)
        if path is not None
    ]
    if not tables:
        return 0
    name = part_name([point.run_id for point in points])
    return _write_table(folder / PATHS / f"{name}.parquet", pa.concat_tables(tables))


def part_name(run_ids: list[int]) -> str:
    """The same run ids have the same name, whoever runs them and how often."""
    digest = hashlib.sha256(np.array(run_ids, np.int64).tobytes()).hexdigest()[:12]
    return f"runs-{min(run_ids):010d}-{max(run_ids):010d}-{digest}"


def _column(values: list[Any]) -> pa.Array:
    """Numbers that are all unknown are still numbers."""
    unknown = all(value is None for value in values)
    return pa.array(values, pa.float64()) if unknown else pa.array(values)


def _write_table(path: Path, table: pa.Table) -> int:
    return write_atomically(path, lambda aside: pq.write_table(table, aside, compression="zstd"))


def failure_of(row: dict[str, Any]) -> dict[str, Any]:
    """What ``failures.jsonl`` says of a row."""
    names = ("run_id", "design_id", "replicate", "seed", "status", "error")
    return {name: row[name] for name in names}


# ------------------------------------------------------------------ opening and resuming


def open_folder(plan: Plan, folder: Path) -> pa.Table:
    """Begin a sweep in a folder, or check that the folder holds this very one; returns the design.

    Raises:
        InputError: another sweep, another source, another folder's files, or not writable.
    """
    from .design import design_table

    try:
        manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
        if manifest is not None:
            if has_parts(folder):
                _check_same(plan, manifest, folder)
            else:
                manifest = None  # nothing is lost: begin again, be it with another plan
        elif folder.exists() and any(path.name != LOCK for path in folder.iterdir()):
            if not (folder / PARTS).is_dir():
                raise InputError(f"--out {folder}: is not empty and holds no sweep; name another.")
            if has_parts(folder):
                raise InputError(
                    f"--out {folder}: holds runs but no {MANIFEST} that says of which plan; put it "
                    "back, or name another folder."
                )
        for name in (PARTS, PATHS) if plan.trajectories else (PARTS,):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for leftover in (folder / name).glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
        if manifest is not None and manifest["analysis"] != plan.analysis.model_dump(mode="json"):
            manifest["analysis"] = plan.analysis.model_dump(mode="json")  # decides no result
            write_text(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
        if manifest is None:
            _write_table(folder / DESIGN, design_table(plan))
            write_text(folder / MANIFEST, json.dumps(_manifest(plan), indent=2) + "\n")
        return pq.read_table(folder / DESIGN)
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: OSError) -> InputError:
    """The sentence for a disk that is full or has gone."""
    reason = error.strerror or str(error)
    return InputError(
        f"{folder}: cannot be written ({reason}); what is there is whole: make room, or "
        "whatever it needs, and give the same command again to go on."
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a sweep.

    Raises:
        InputError: no sweep there.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{folder}: holds no sweep; there is no {MANIFEST}.") from None
    except ValueError:
        manifest = {}
    if command := manifest.get("command"):
        what = {"run": "a run", "backtest": "a back-test"}.get(command, command)
        raise InputError(
            f"{folder}: holds {what}, not a sweep; open its report.html, or name the folder of a "
            "sweep, such as out/sweep-quick."
        )
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder}: its {MANIFEST} is not one of this version.")
    return manifest


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
        changed = ", ".join(_differences(before, after)[:3]) or "its contents"
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


def _differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Dotted names of what differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys([*before, *after]))
        found = [
            _differences(before.get(n), after.get(n), f"{path}.{n}" if path else n) for n in names
        ]
        return [name for part in found for name in part]
    return [] if before == after else [path]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second driver out of a folder; the lock goes with the process, however it ends.

    Raises:
        InputError: another sweep works there, or the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise unwritable(folder, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another sweep is at work there; wait for it.") from None
        yield


# ------------------------------------------------------------------ reading


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the view ``runs``: every run once, a finished row before a failed.

    Where the folder keeps trajectories there is a view ``paths`` (run_id, day, columns).
    """
    import duckdb

    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    for view, name, key in (("runs", PARTS, "run_id"), ("paths", PATHS, "run_id, day")):
        if not any((folder / name).glob("*.parquet")):
            continue
        files = str(folder / name / "*.parquet").replace("'", "''")
        order = "(status <> 'ok')::INT" if view == "runs" else "run_id"
        connection.execute(
            f"CREATE VIEW {view} AS SELECT * FROM read_parquet('{files}', union_by_name = true) "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
        )
    return connection


def has_parts(folder: Path) -> bool:
    """Whether any run is stored."""
    return any((folder / PARTS).glob("*.parquet"))


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


def merge_parts(folder: Path, most: int = MOST_LOOSE_PARTS) -> None:
    """Put parts together once there are more than ``most``.

    The merged part is in place before the others go; what a crash leaves is read once anyway.
    """
    for name in (PARTS, PATHS):
        loose = sorted(p for p in (folder / name).glob("*.parquet") if MERGED not in p.name)
        if len(loose) <= most:
            continue
        tables = [pq.read_table(path) for path in loose]
        table = pa.concat_tables(tables, promote_options="default")
        keys = ["run_id", "day"] if name == PATHS else ["run_id"]
        table = table.sort_by([(key, "ascending") for key in keys])
        digest = hashlib.sha256("".join(path.name for path in loose).encode()).hexdigest()[:12]
        _write_table(folder / name / f"{MERGED}{digest}.parquet", table)
        for path in loose:
            path.unlink(missing_ok=True)
