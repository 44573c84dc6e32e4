"""The cache of compiled code on disk, for several processes at once.

Numba's cache does not notice an edit in *another* file that a kernel calls. Each module's compiled
code is therefore kept in a folder named after a hash of that module and of every module it depends
on: an edit recompiles what depends on it, and nothing else.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any

import numba
from llvmlite.binding import get_host_cpu_name
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

from .parts import PartInCache

_ROOT = Path(__file__).absolute().parents[2]  # links stay: numba keeps code by path
_PACKAGE = __name__.split(".")[0]
_COMPILED = ("agents", "market")  # folders in which rules and kernels are
_KEEP_SECONDS = 14 * 86_400.0
_KEEP_LATEST = 3  # of each module, however old
_SECONDS = "firesale-seconds.json"
PATIENCE_S, LOOK_S = 5.0, 0.05  # with whoever holds a lock, before its name is said
MOST_TOLD = 300  # characters of a lock that are read
# Names in the folder of caches.
_OURS = re.compile(r"[\w.]+-[0-9a-f]{16}|warm-[0-9a-f]{16}-[0-9a-f]{8}")
# Where a statement holds others: imports are statements, expressions need not be looked through.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@cache
def _file(module: str) -> Path | None:
    """The file of a module of ours with rules or kernels; None for any other name."""
    top, *parts = module.split(".")
    if top != _PACKAGE or not parts or parts[0] not in _COMPILED:
        return None
    path = _ROOT.joinpath(*parts)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@cache
def imports_of(module: str) -> frozenset[str]:
    """Modules of ours that a module imports, anywhere in it but for type checkers."""
    file = _file(module)
    if file is None:
        return frozenset()
    inside = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1] if node.level else []
            package = ".".join(base + ([node.module] if node.module else []))
            for alias in node.names:  # a module of the package, or a name in it
                name = f"{package}.{alias.name}"
                found.add(name if _file(name) else package)
        for block in _BLOCKS:
            waiting += getattr(node, block, ())
    return frozenset(name for name in found if _file(name) is not None)


@cache
def depends_on(module: str) -> frozenset[str]:
    """A module and all modules of ours that it imports, directly or not."""
    reached = {module}
    waiting = [module]
    while waiting:
        new = imports_of(waiting.pop()) - reached
        reached |= new
        waiting += new
    return frozenset(reached)


def _settings() -> bytes:
    """Python, numba, and what numba is told to compile for."""
    told = ("OPT", "CPU_NAME", "CPU_FEATURES")
    settings = [str(getattr(numba.config, name)) for name in told]
    return " ".join([sys.version, numba.__version__, *settings]).encode()


def _hash_of(digests: Iterable[bytes]) -> str:
    digest = hashlib.sha256(_settings())
    for one in sorted(digests):
        digest.update(one)
    return digest.hexdigest()[:16]


@cache
def _digest_of(file: Path) -> bytes:
    """A file's name and content, read once however many modules depend on it."""
    name = file.relative_to(_ROOT).as_posix().encode()
    return hashlib.sha256(name + b"\0" + file.read_bytes()).digest()


@cache
def module_hash(module: str) -> str:
    """Hash (hex) of a module, of all modules it depends on, and of what numba is told."""
    return _hash_of(_digest_of(file) for name in depends_on(module) if (file := _file(name)))


@cache
def source_hash() -> str:
    """Hash (hex) of all sources with rules or kernels, and of what numba is told."""
    files = (file for top in _COMPILED for file in (_ROOT / top).rglob("*.py"))
    return _hash_of(map(_digest_of, files))


@cache
def cache_root() -> Path:
    """The folder of all caches: the user's choice, the usual place, or a temporary one.

    The first where a file can be locked: some shared file systems have no locks.
    """
    for root in _usual_roots():
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_trusted(root):
                say(f"{root}: others could write there, so it is not used for compiled code.")
                continue
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
            if not root.is_symlink():
                yield root


def is_trusted(folder: Path) -> bool:
    """Whether only this user and the system can put anything there: what is in it will be run.

    The folder must be the user's own; above it a folder that others can write must keep them from
    renaming what is not theirs (sticky). A group of the user's own name is the user.
    """
    if not hasattr(os, "getuid"):
        return True
    me, real = os.getuid(), folder.resolve()
    for place in (real, *real.parents):
        found = place.stat()
        mode = found.st_mode
        others = bool(mode & stat.S_IWOTH)
        others |= bool(mode & stat.S_IWGRP) and found.st_gid not in (0, os.getgid())
        if found.st_uid != me and (place == real or found.st_uid != 0):
            return False
        if others and (place == real or not mode & stat.S_ISVTX):
            return False
    return True


def _forget_old(root: Path) -> None:
    """Remove what no run has used for two weeks; others may keep their files here too.

    Age is counted from the latest use, not by the clock, and of each module the latest few stay: a
    clock that jumped must not cost everything.
    """
    uses: dict[str, list[tuple[float, Path]]] = {}
    for path in root.iterdir():
        with contextlib.suppress(OSError):  # another process was faster
            if _OURS.fullmatch(path.name):
                uses.setdefault(path.name.partition("-")[0], []).append(
                    (path.stat().st_mtime, path)
                )
    now = min(time.time(), max((when for kept in uses.values() for when, _ in kept), default=0.0))
    olds = [use for kept in uses.values() for use in sorted(kept, reverse=True)[_KEEP_LATEST:]]
    for when, old in olds:
        try:
            if now - when <= _KEEP_SECONDS:
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


def seconds() -> dict[str, float]:
    """Seconds of a core that each kernel took when it was last compiled on this machine."""
    try:
        known: dict[str, float] = json.loads((cache_root() / _SECONDS).read_text())
    except (OSError, ValueError):
        return {}
    return known


def note_seconds(took: dict[str, float]) -> None:
    """Remember what compiling took, for the next announcement."""
    with contextlib.suppress(OSError):
        (cache_root() / _SECONDS).write_text(json.dumps(seconds() | took))


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


class _PartCache(_Cache):
    """The same for parts of what Python calls."""

    _impl_class: Any = PartInCache


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
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

    def opened(path: str, _: int) -> int:
        return os.open(path, flags, 0o600)

    with open(folder / "lock", "r+", opener=opened) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            _wait_for(file, folder)
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} on {platform.node()}\n")
            file.flush()
        yield


def _wait_for(file: IO[str], folder: Path) -> None:
    """Wait for a lock; when that takes long, say who holds it: it may have been stopped."""
    import fcntl

    latest = time.monotonic() + PATIENCE_S
    while time.monotonic() < latest:
        time.sleep(LOOK_S)
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.seek(0)
    holder = re.fullmatch(r"process \d+ on [\w.-]+\n", file.read(MOST_TOLD))
    say(
        f"Still waiting for {holder[0].strip() if holder else 'another process'}, which holds "
        f"{folder / 'lock'}; if it has been stopped, end it."
    )
    return fcntl.flock(file, fcntl.LOCK_EX)


def say(text: str) -> None:
    """A line on stderr, if there is a line and a stderr."""
    if text and sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def _cache_of(function: Callable[..., Any], kind: str) -> _Cache | None:
    """Where code of a function is kept; numba reads the folder when a cache is set up.

    Where it cannot write there, numba would keep it beside the source, and not notice an edit in
    another file: then nothing is kept.
    """
    folder = _cache_folder(function.__module__, kind)
    before = getattr(numba.config, "CACHE_DIR")  # noqa: B009
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010
    try:
        kept = (_PartCache if kind == "part" else _Cache)(function)
    except RuntimeError:  # nowhere at all
        return None
    finally:
        setattr(numba.config, "CACHE_DIR", before)  # noqa: B010
    return kept if folder in Path(kept.cache_path).parents else None


def _keep(dispatcher: CPUDispatcher, kind: str) -> None:
    """Cache on disk what is compiled of a function."""
    if (kept := _cache_of(dispatcher.py_func, kind)) is not None:
        setattr(dispatcher, "_cache", kept)  # noqa: B010


def is_kept(function: Callable[..., Any], kind: str) -> bool:
    """Whether code of a function is in the cache, from these very sources in this very place."""
    kept = _cache_of(function, kind)
    name = f"*{function.__name__}-*.nbi"
    return kept is not None and any(Path(kept.cache_path).glob(name))
