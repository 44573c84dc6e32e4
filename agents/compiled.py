"""How kernels and rules are compiled, and where the compiled code is kept.

Numba's cache on disk does not notice an edit in *another* file that a kernel calls. Each module's
compiled code is therefore kept in a folder named after a hash of that module and of every module
of ``agents`` and ``market`` it imports, directly or not: an edit recompiles what depends on it, and
nothing else.
"""

from __future__ import annotations

import contextlib
import dis
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
from llvmlite.binding import get_host_cpu_name  # type: ignore[import-untyped]
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

_ROOT = Path(__file__).absolute().parent.parent  # links stay: numba keeps code by path
_PACKAGES = ("agents", "market")
_KEEP_SECONDS = 14 * 86_400.0
# Names in the folder of caches.
_OURS = re.compile(r"[\w.]+-[0-9a-f]{16}|warm-[0-9a-f]{16}-[0-9a-f]{8}")
_IMPORT = re.compile(
    r"^ *(?:from ((?:agents|market)(?:\.\w+)*) import (\([^)]*\)|.+)"
    r"|import ((?:agents|market)(?:\.\w+)*))",
    re.MULTILINE,
)


@cache
def _source(module: str) -> bytes | None:
    """Source of a module of ours, or nothing if there is no such module."""
    path = _ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_bytes()
    return None


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of ours that a module imports by name."""
    found: set[str] = set()
    for package, names, plain in _IMPORT.findall((_source(module) or b"").decode()):
        found.add(plain or package)
        found |= {f"{package}.{name}" for name in re.findall(r"\w+", names) if package}
    return frozenset(name for name in found if _source(name) is not None)


@cache
def module_hash(module: str) -> str:
    """Hash (hex) of a module, of all modules it depends on, and of Python and numba."""
    reached = {module}
    waiting = [module]
    while waiting:
        new = _imports(waiting.pop()) - reached
        reached |= new
        waiting += new
    digest = hashlib.sha256(f"{sys.version} numba {numba.__version__}".encode())
    for name in sorted(reached):
        digest.update(name.encode())
        digest.update(_source(name) or b"")
    return digest.hexdigest()[:16]


@cache
def source_hash() -> str:
    """Hash of all Python sources of ``agents`` and ``market`` and of the Python version (hex)."""
    digest = hashlib.sha256(sys.version.encode())
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def cache_root() -> Path:
    """The folder of all caches: the user's choice, the usual place, or a temporary one.

    The first where a file can be locked: some shared file systems have no locks.
    """
    for root in _usual_roots():
        try:
            with alone(root):
                _forget_old(root)
        except OSError:
            continue
        return root
    return Path(tempfile.mkdtemp(prefix="firesale-"))


def _usual_roots() -> Iterator[Path]:
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given).absolute()
    if given := os.environ.get("XDG_CACHE_HOME"):
        yield Path(given).absolute() / "firesale"
    else:
        with contextlib.suppress(RuntimeError):  # a user without a home
            yield Path.home() / ".cache" / "firesale"
    if hasattr(os, "getuid"):
        with contextlib.suppress(OSError):
            root = Path(tempfile.gettempdir()) / f"firesale-{os.getuid()}"
            root.mkdir(mode=0o700, exist_ok=True)
            if root.stat().st_uid == os.getuid():  # what is in there will be run
                yield root


def _forget_old(root: Path) -> None:
    """Remove what no run has used for two weeks; others may keep their files here too."""
    for old in root.iterdir():
        try:
            if not _OURS.fullmatch(old.name):
                continue
            if time.time() - old.stat().st_mtime <= _KEEP_SECONDS:
                continue
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink()
        except OSError:
            continue  # another process was faster


@cache
def _cache_folder(module: str, kind: str) -> Path:
    folder = cache_root() / f"{module}-{module_hash(module)}"
    with contextlib.suppress(OSError):  # somebody else's, or a full disk
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    return folder / kind


def _mark() -> Path:
    # numba keeps code by its own version, by path and by processor
    where = f"{numba.__version__} {_ROOT} {get_host_cpu_name()}"
    place = hashlib.sha256(where.encode()).hexdigest()[:8]
    return cache_root() / f"warm-{source_hash()}-{place}"


def is_warm() -> bool:
    """Whether these very sources were compiled on this machine before."""
    try:
        os.utime(_mark())  # kept as long as it is used
    except OSError:
        return False
    return True


def note_warm() -> None:
    """Remember that these sources are compiled."""
    try:
        _mark().write_text("compiled\n")
    except OSError:  # a full disk: the next run will compile too, and say so
        _mark().unlink(missing_ok=True)


_OPTIONS = {
    "nopython": True,
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}


# What a kernel uses where it makes arrays or parts of them.
_MAKERS = frozenset(
    ("arange", "argsort", "array", "asarray", "astype", "ascontiguousarray")
    + ("clip", "concatenate", "copy", "cumsum", "diff", "empty", "flatnonzero", "full")
    + ("interp", "maximum", "minimum", "nonzero", "ones", "repeat", "searchsorted", "sort")
    + ("where", "zeros")
)
_SLICES = frozenset(("BUILD_SLICE", "BINARY_SLICE"))


def _makes_arrays(function: Callable[..., Any]) -> bool:
    """Whether a function may make an array, itself or through a kernel that it calls.

    Numba refuses to compile one that does and was not recognised.
    """
    names = function.__code__.co_names
    used = [function.__globals__.get(name) for name in names]
    modules = [one for one in used if isinstance(one, ModuleType)]
    used += [getattr(module, name, None) for module in modules for name in names]
    return (
        not _MAKERS.isdisjoint(names)
        or any(step.opname in _SLICES for step in dis.get_instructions(function))
        or any(one.makes_arrays for one in used if isinstance(one, _Kernel))
    )


class _Kernel(CPUDispatcher):
    """A compiled function that other compiled functions call, without an entrance for Python.

    The entrance takes every array out of every table and puts it back: for functions of whole
    tables it is most of what there is to compile. It is made, as a function of its own, when Python
    calls for the first time.

    A kernel that makes no array counts no references to arrays either. Numba would count those to
    every column of a table that a function with branches gets, one atomic addition each: of a day
    of many parties that was nine tenths.
    """

    def __init__(self, py_func: Callable[..., Any], forceinline: bool = False) -> None:
        self.makes_arrays = _makes_arrays(py_func)
        self._options = {**_OPTIONS, "_nrt": self.makes_arrays}
        options = {**self._options, "no_cpython_wrapper": True, "forceinline": forceinline}
        super().__init__(py_func, targetoptions=options)
        self._entrance: CPUDispatcher | None = None

    @property
    def entrance(self) -> CPUDispatcher:
        """What Python calls."""
        if self._entrance is None:
            self._entrance = CPUDispatcher(self.py_func, targetoptions=dict(self._options))
            _keep(self._entrance, "entrance")
        return self._entrance

    @property
    def is_called(self) -> bool:
        """Whether Python has called it in this process."""
        return self._entrance is not None

    def __call__(self, *args: Any) -> Any:
        """Call from Python."""
        return self.entrance(*args)


class _Cache(FunctionCache):
    """Numba's cache on disk for several processes that compile at once.

    Two that store the same function for other types at the same moment give both the same file, and
    who asks for one later may get the other. What cannot be stored or read is compiled anew.
    """

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError), alone(Path(self.cache_path)):  # a full disk
            super().save_overload(sig, data)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # pickle raises anything over a file that was cut off
            with contextlib.suppress(OSError), alone(Path(self.cache_path)):
                self.flush()
            return None


@contextlib.contextmanager
def alone(folder: Path, waiting: str = "") -> Iterator[None]:
    """Wait until no other process is in here; the lock goes with the process, however it ends.

    Args:
        folder: what only one may use; made if need be.
        waiting: what to say on stderr if somebody else is in there.

    Raises:
        OSError: no file can be written, or none be locked, in this place.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """A line on stderr, if there is a line and a stderr."""
    if text and sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def _keep(dispatcher: CPUDispatcher, kind: str) -> None:
    """Cache what is compiled on disk; numba reads the folder when a function's cache is set up.

    Where it cannot write there, numba would keep it beside the source, and not notice an edit in
    another file: then nothing is kept.
    """
    folder = _cache_folder(dispatcher.py_func.__module__, kind)
    before = getattr(numba.config, "CACHE_DIR")  # noqa: B009
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010
    try:
        kept = _Cache(dispatcher.py_func)
    except RuntimeError:  # nowhere at all
        return
    finally:
        setattr(numba.config, "CACHE_DIR", before)  # noqa: B010
    if folder in Path(kept.cache_path).parents:
        setattr(dispatcher, "_cache", kept)  # noqa: B010


def not_compiled() -> bool:
    """Whether kernels run as plain Python (``NUMBA_DISABLE_JIT=1``)."""
    return bool(getattr(numba.config, "DISABLE_JIT"))  # noqa: B009


def compiled(function: Callable[..., Any]) -> Any:
    """Compile with numba: cached on disk, releasing the GIL, IEEE arithmetic, one thread.

    One core saturates the memory of the machines this was measured on, so kernels are sequential
    and every sum has one order: results do not depend on the number of threads.
    """
    if not_compiled():
        return function
    kernel = _Kernel(function)
    _keep(kernel, "kernel")
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into the caller: for short functions in hot loops.

    Handing over a table means copying the addresses and sizes of all its columns.
    """
    if not_compiled():
        return function
    kernel = _Kernel(function, forceinline=True)
    _keep(kernel, "kernel")
    return kernel
