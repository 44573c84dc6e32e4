"""Files written whole or not at all, and what is said of their source."""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def source_hash() -> str:
    """SHA-256 of the code and data that decide a run's result: ``agents`` and ``market``."""
    from ... import agents, market

    digest = hashlib.sha256()
    for package in (agents, market):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".csv"):
                digest.update(f"{root.name}/{path.relative_to(root).as_posix()}\0".encode())
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def table_hashes(patterns: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files of ``market`` by path, as ``market/data/2025/loans.csv``, sorted.

    Args:
        patterns: as ``data/2025/*.csv``, below ``market``.
    """
    from ... import market

    root = Path(str(market.__file__)).parent
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return {
        f"market/{path.relative_to(root).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(found)
    }


def version(distribution: str) -> str:
    """The installed version of a package, or ``not installed``."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def plain(value: Any) -> Any:
    """A value as JSON knows it: NaN and infinities become ``null``, NumPy numbers plain ones."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in (sorted(value) if isinstance(value, set) else value)]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def flush(path: Path) -> None:
    """Have the system write a file, or the list of a folder's files, to disk."""
    if path.is_dir() and sys.platform == "win32":
        return  # folders cannot be opened there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
