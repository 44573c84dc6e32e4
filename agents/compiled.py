"""How kernels and rules are compiled, and where the compiled code is kept.

Numba's cache on disk does not notice an edit in *another* file that a kernel calls. The cache
folder is therefore named after a hash of every source file of ``agents`` and ``market``: any edit
starts a fresh folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_KEEP_FOLDERS = 4
_KEEP_SECONDS = 86_400.0


def source_hash() -> str:
    """Hash of all Python sources of ``agents`` and ``market`` and of the Python version (hex)."""
    digest = hashlib.sha256(sys.version.encode())
    for package in ("agents", "market"):
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "firesale"
    try:
        folder = base / source_hash()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:
        return Path(tempfile.gettempdir()) / f"firesale-{source_hash()}"
    os.utime(folder)
    used = {path: path.stat().st_mtime for path in base.iterdir()}
    for path in sorted(used, key=lambda path: used[path])[:-_KEEP_FOLDERS]:
        if time.time() - used[path] > _KEEP_SECONDS:  # nobody is compiling into it
            shutil.rmtree(path, ignore_errors=True)
    return folder


def is_warm() -> bool:
    """Whether compiled code of these sources is on disk already."""
    return any(Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbi"))


os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_folder()))

from numba import njit as _njit  # noqa: E402  (the cache folder must be set first)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile with numba: cached on disk, releasing the GIL, IEEE arithmetic, one thread.

    One core saturates the memory of the machines this was measured on, so kernels are sequential
    and every sum has one order: results do not depend on the number of threads.
    """
    return _njit(cache=True, nogil=True, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into the caller: for transfers in hot loops, where passing a table costs more."""
    return _njit(inline="always", error_model="numpy")(function)
