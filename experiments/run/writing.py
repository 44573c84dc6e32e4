"""The one way to write: whole files under a name of their own, and a lock that says who holds it.

What a command leaves when it is killed are hidden folders and files; the next one removes those
whose owner is gone, which it sees by their lock, not by a clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ...market.scenario.errors import InputError
from .files import flush

LOCK = ".lock"
HIDDEN = ".firesale-"
"""How folders begin that are filled out of sight."""
MOVED = "moved.json"
"""In a hidden folder: names that were about to be moved into the folder around it."""
MOST_TOLD = 300  # characters of a lock that are read


def write_atomically(
    path: Path, write: Callable[[Path], Any], named: Callable[[Path], Path] | None = None
) -> int:
    """Have ``write`` fill a file beside ``path``, flush it and put it in place; returns its bytes.

    ``named`` gives another place, once the file is there to be looked at.

    Raises:
        OSError: the disk is full or has gone; then nothing is left behind.
    """
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.name[:40]}-", suffix=".tmp", dir=path.parent
    )
    os.close(descriptor)
    aside = Path(name)
    try:
        write(aside)
        flush(aside)
        size = aside.stat().st_size
        aside.chmod(0o644)
        aside.replace(path if named is None else named(aside))
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush(path.parent)
    return size


def write_text(path: Path, text: str) -> int:
    """Write a text file atomically."""
    return write_atomically(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def check_name(path: Path | None) -> None:
    """Refuse what no file can be called.

    Raises:
        InputError: there is a NUL in it.
    """
    if path is not None and "\0" in str(path):
        raise InputError(f"--out {str(path)!r}: is not the name of a file.")


def unwritable(folder: Path, error: OSError) -> InputError:
    """The sentence for a disk that is full or has gone."""
    reason = error.strerror or str(error)
    return InputError(
        f"{folder}: cannot be written ({reason}); what is there is whole: make room, or "
        "whatever it needs, and give the same command again to go on."
    )


@contextlib.contextmanager
def locked(folder: Path, what: str = "another sweep", name: str = LOCK) -> Iterator[None]:
    """Keep a second one out of a folder; the lock goes with the process, however it ends.

    The file is opened without being emptied and never through a link; who holds it stands in it.

    Raises:
        InputError: ``what`` works there already, and who; or the folder cannot be written, or
            holds a file of that name that is no lock.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _opened(folder / name)
    except OSError as error:
        raise unwritable(folder, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: {what} is at work there{_holder(file)}; wait for it."
            ) from None
        text = file.read(MOST_TOLD)
        if text and _who(text) is None:
            raise InputError(f"{folder / name}: is no lock of this program; move it away.")
        me = {
            "program": "firesale",
            "process": os.getpid(),
            "machine": platform.node(),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        _sign(file.fileno(), f"{json.dumps(me)}\n".encode())
        yield


def _sign(descriptor: int, text: bytes) -> None:
    """Write who holds a lock, whole or not at all: on a full disk it holds without a name."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        if os.pwrite(descriptor, text, 0) < len(text):
            os.ftruncate(descriptor, 0)


def _opened(path: Path) -> IO[str]:
    """A lock's file, open for reading and writing.

    Raises:
        InputError: it is a link, or no file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError:
        if path.is_symlink() or path.is_dir():
            raise InputError(f"{path}: is a link or a folder, not a lock; move it away.") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path}: is no file; move it away.")
    return os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace")


def _who(text: str) -> dict[str, Any] | None:
    """What a lock says of its holder; None if that is not one of ours."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("program") == "firesale" else None


def _holder(file: IO[str]) -> str:
    who = _who(file.read(MOST_TOLD)) or {}
    told = [f"{key} {who[key]}" for key in ("process", "machine", "since") if who.get(key)]
    return f" ({', '.join(told)})" if told else ""


# ------------------------------------------------------------------ hidden folders


@contextlib.contextmanager
def hidden_folder(parent: Path, prefix: str = HIDDEN) -> Iterator[Path]:
    """A folder out of sight in ``parent``, gone afterwards; whoever comes later sees it is ours."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        held = _hold(path)
        if held is not None:
            break
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if held >= 0:
            os.close(held)


def remove_leftovers(parent: Path, prefix: str = HIDDEN) -> None:
    """Remove hidden folders whose owner was killed, and what it had begun to move out of them."""
    try:
        found = [p for p in parent.iterdir() if p.name.startswith(prefix)]
    except OSError:
        return
    for path in found:
        if path.is_symlink() or not path.is_dir():
            continue
        held = _hold(path)
        if held is None or held < 0:  # somebody is at work in it, or nobody can tell
            continue
        with contextlib.suppress(OSError):
            _take_back(path, parent)
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _take_back(hidden: Path, parent: Path) -> None:
    """Files that were moved into ``parent`` before the last one, its manifest, are no run."""
    try:
        names = json.loads((hidden / MOVED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if (parent / "manifest.json").exists():
        return
    for name in names:
        path = parent / Path(name).name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _hold(path: Path) -> int | None:
    """Lock a folder: its descriptor, -1 where there are no locks, None if it is held or gone."""
    try:
        import fcntl
    except ImportError:
        return -1
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:  # noqa: PTH116
            return descriptor
    except BlockingIOError:
        pass
    except FileNotFoundError:  # removed between making and holding it
        pass
    except OSError:  # a file system without locks: nobody can tell, so nobody removes
        os.close(descriptor)
        return -1
    os.close(descriptor)
    return None
