"""Compile what Python calls before the first day, on several cores, once per machine and source.

Numba compiles a function when it is first called, on one core: a minute and a half for all of them.
What the arguments will be is known as soon as the tables of a market are there, so other processes
compile meanwhile and put the code into the cache on disk, where this process finds it.

Whatever is missed here, or fails, is compiled when it is called.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from inspect import signature
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, get_args, get_type_hints

import numpy as np
from numba import from_dtype, types

from ..agents.columns import column_of
from ..agents.compiling import cache, kernels

COMPILING = "Compiling {what} for this machine, once: about {seconds} s ..."
WAITING = "Another process compiles the model for this machine; waiting for it ..."
MOST_PROCESSES = 4  # each compiles anew what two functions both call
LOOK_S = 0.5
USUAL_S = 2.0  # of one core for a kernel never compiled here; a round figure
RARE_COLLECTIONS = 100_000  # numba makes many objects and few cycles
# Finds what this process has found, and nothing in the folder it happens to be in.
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path[:] = {path!r}
from firesale.market.compile_ahead import serve
serve()
"""

NUMBERS = {float: types.float64, int: types.int64, bool: types.boolean}


def compile_ahead() -> None:
    """Compile what Python calls, unless these sources were compiled on this machine before.

    Says so on stderr first: it is the one long wait there is.
    """
    if cache.is_warm() or kernels.not_compiled():
        return
    with (
        contextlib.suppress(OSError),  # nowhere to keep it
        cache.alone(cache.cache_root() / "ahead", WAITING),
    ):
        if not cache.is_warm():  # nobody else did it meanwhile
            wanted = [one for one in kernels.ENTRANCES if not one.is_kept()]
            if wanted:
                cache.say(announcement(wanted))
                cache.note_seconds(_compile_all(wanted))
            cache.note_warm()


def announcement(wanted: Sequence[Any]) -> str:
    """What is said before compiling: how much of the model, and how long that takes here."""
    whole = len(wanted) == len(kernels.ENTRANCES)
    what = "the model" if whole else f"{len(wanted)} of {len(kernels.ENTRANCES)} kernels"
    known = cache.seconds()
    cpu_s = sum(known.get(one.py_func.__name__, USUAL_S) for one in wanted)
    return COMPILING.format(what=what, seconds=max(5, 5 * round(cpu_s / cores() / 5)))


def _compile_all(wanted: Sequence[Any]) -> dict[str, float]:
    """Compile kernels; seconds of a core that each took."""
    took: dict[str, float] = {}
    children: list[subprocess.Popen[bytes]] = []
    ended = Event()
    waiting: SimpleQueue[tuple[str, str]] = SimpleQueue()
    for kernel in sorted(wanted, key=size_of, reverse=True):  # those that take long early
        waiting.put((kernel.py_func.__module__, kernel.py_func.__name__))
    count = min(cores(), MOST_PROCESSES)
    with ThreadPoolExecutor(count) as pool:
        try:
            driving = [pool.submit(_drive, waiting, took, children, ended) for _ in range(count)]
            while wait(driving, LOOK_S).not_done:  # a wait without end can miss an interrupt
                pass
        finally:  # of nothing, or after an interrupt, which children may not have got
            ended.set()
            with contextlib.suppress(Empty):
                while True:
                    waiting.get_nowait()
            for child in children:
                child.terminate()
    return took


def size_of(kernel: Any) -> int:
    """Bytes of Python code of a kernel and of all it calls, once for each call."""
    called = kernels.called_by(kernel.py_func)
    return len(kernel.py_func.__code__.co_code) + sum(map(size_of, called))


def signature_of(kernel: Any) -> tuple[types.Type, ...]:
    """Types of a kernel's arguments, from its annotations; arrays are vectors.

    Raises:
        KeyError: an annotation that does not say enough.
    """
    hints = get_type_hints(kernel.py_func, include_extras=True)
    return tuple(_type(hints[name]) for name in signature(kernel.py_func).parameters)


def _type(hint: Any) -> types.Type:
    if hint in NUMBERS:
        return NUMBERS[hint]
    if handle := getattr(hint, "_numba_type_", None):
        return handle
    if fields := getattr(hint, "_fields", None):
        hints = get_type_hints(hint, include_extras=True)
        members = [_type(hints[name]) for name in fields]
        same = len(set(members)) == 1
        return (
            types.NamedUniTuple(members[0], len(members), hint)
            if same
            else types.NamedTuple(members, hint)
        )
    if column := column_of(hint):
        return types.Array(from_dtype(column[0]), column[1].dimensions, "C")
    item = hint
    while parts := get_args(item):  # NDArray[item], however this version of numpy spells it
        item = parts[-1]
    if item is hint or not issubclass(item, np.generic):
        raise KeyError(f"{hint} does not say what it holds")
    return types.Array(from_dtype(np.dtype(item)), 1, "C")


def serve() -> None:
    """Compile what is asked for on stdin; on stdout a line for each, the seconds it took."""
    gc.set_threshold(RARE_COLLECTIONS, 20, 100)
    for line in iter(sys.stdin.buffer.readline, b""):
        module, name = line.decode().split()
        start = time.process_time()
        with contextlib.suppress(Exception):  # who calls it will see why
            kernel = getattr(importlib.import_module(module), name)
            kernel.entrance.compile(signature_of(kernel))
        try:
            os.write(sys.stdout.fileno(), f"{time.process_time() - start:.2f}\n".encode())
        except BrokenPipeError:
            return


def _drive(
    waiting: SimpleQueue[tuple[str, str]],
    took: dict[str, float],
    children: list[subprocess.Popen[bytes]],
    ended: Event,
) -> None:
    """Let one process compile what nobody has begun, until nothing waits."""
    code = CHILD.format(path=[*map(str, sys.path)])
    with (
        contextlib.suppress(OSError),  # it ended too early: what it did not compile is done later
        subprocess.Popen(
            [sys.executable, "-I" if sys.flags.isolated else "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NUMBA_CACHE_DIR": str(cache.cache_root())},
        ) as child,
    ):
        children.append(child)
        if ended.is_set():  # while this one was being started
            child.terminate()
        assert child.stdin is not None and child.stdout is not None
        with contextlib.suppress(Empty):
            while True:
                module, name = waiting.get_nowait()
                child.stdin.write(f"{module} {name}\n".encode())
                child.stdin.flush()
                if not (answer := child.stdout.readline()):
                    return
                took[name] = float(answer)
        child.stdin.close()


def cores() -> int:
    """Those that this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1
