"""Compile the model before the first day, on several cores, once per machine and source.

Numba compiles a function when it is first called, on one core. What a kernel is called with follows
from its annotations, so other processes compile meanwhile: each kernel once, after those that it
calls, and at last what Python calls, with all its parts linked in. The code goes into the cache on
disk, where this process finds it.

Whatever is missed here, or fails, is compiled when it is called.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache as once
from inspect import signature
from threading import Condition, Event
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
from numba import from_dtype, types

from ..agents.columns import column_of
from ..agents.compiling import cache, kernels, process
from ..agents.compiling.quick import make_numba_quick
from .state.handle import Place, layout_of, place_of
from .state.market import Market

COMPILING = "Compiling {what} for this machine, once: about {seconds} s ..."
WAITING = "Another process compiles the model for this machine; waiting for it ..."
MOST_PROCESSES = 4  # more wait for each other
LOOK_S = 0.2
USUAL_S = 0.15e-3  # of one core for a byte of Python code never compiled here; a round figure
LINK_S = 0.04e-3  # and for linking it into what Python calls
# Finds what this process has found, and nothing in the folder it happens to be in.
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path[:] = {path!r}
from firesale.market.compile_ahead import serve
serve()
"""

NUMBERS = {
    float: types.float64,
    int: types.int64,
    bool: types.boolean,
    np.uint64: types.uint64,
}


class Job(NamedTuple):
    """A kernel to compile, as a part of others or as what Python calls."""

    module: str
    function: str
    kind: str  # "part" or "entrance"

    @property
    def kernel(self) -> Any:
        """The kernel."""
        return getattr(importlib.import_module(self.module), self.function)


def compile_ahead() -> None:
    """Compile the model, unless these sources were compiled on this machine before.

    Says so on stderr first: it is the one long wait there is.
    """
    if cache.is_warm() or kernels.not_compiled():
        return
    with (
        contextlib.suppress(OSError),  # nowhere to keep it
        cache.alone(cache.cache_root() / "ahead", WAITING),
    ):
        if not cache.is_warm():  # nobody else did it meanwhile
            model = jobs(kernels.ENTRANCES)
            wanted = not_kept(model)
            if wanted:
                with _said(wanted, len(model)) as ended:
                    cache.note_seconds(_compile_all(wanted, ended))
            cache.note_warm()


def jobs(entrances: Iterable[Any]) -> dict[Job, set[Job]]:
    """All there is to compile, and for each job those that come before it."""
    found: dict[Job, set[Job]] = {}

    @once
    def parts_called(kernel: Any) -> frozenset[Job]:
        """Nearest kernels that a kernel calls, of which annotations say what with."""
        parts: set[Job] = set()
        for one in kernels.called_by(kernel.py_func):
            below = parts_called(one)
            if _is_told(one):
                job = Job(one.py_func.__module__, one.py_func.__name__, "part")
                found[job] = set(below)
                parts.add(job)
            else:
                parts |= below
        return frozenset(parts)

    for entrance in entrances:
        name = entrance.py_func.__module__, entrance.py_func.__name__
        found[Job(*name, "entrance")] = set(parts_called(entrance))
    return found


def not_kept(model: dict[Job, set[Job]]) -> dict[Job, set[Job]]:
    """Of all jobs those whose code is not in the cache."""
    wanted = {job for job in model if not job.kernel.is_kept(job.kind)}
    return {job: before & wanted for job, before in model.items() if job in wanted}


def _is_told(kernel: Any) -> bool:
    try:
        signature_of(kernel, part=True)
    except (KeyError, NameError):
        return False
    return True


def seconds_of(wanted: Iterable[Job]) -> dict[Job, float]:
    """Seconds of a core that each job took when it last ran here, or usually takes."""
    known = cache.seconds()
    return {job: known.get(" ".join(job), _usual_s(job)) for job in wanted}


def _usual_s(job: Job) -> float:
    function = job.kernel.py_func
    own = USUAL_S * len(function.__code__.co_code)
    return own + LINK_S * size_of(function, set()) if job.kind == "entrance" else own


def size_of(function: Any, seen: set[Any]) -> int:
    """Bytes of Python code of a function and of all kernels it calls, each once."""
    if function in seen:
        return 0
    seen.add(function)
    called = kernels.called_by(function)
    return len(function.__code__.co_code) + sum(size_of(one.py_func, seen) for one in called)


def announcement(wanted: Iterable[Job], of: int) -> str:
    """What is said before compiling: how many ``of`` all kernels, and how long that takes here."""
    took = seconds_of(wanted)
    what = "the model" if len(took) == of else f"{len(took)} of {of} kernels"
    last = max((took[job] for job in took if job.kind == "entrance"), default=0.0)
    usual = last + (sum(took.values()) - last) / process.cores()
    return COMPILING.format(what=what, seconds=max(5, 5 * round(usual / 5)))


@contextlib.contextmanager
def _said(wanted: dict[Job, set[Job]], of: int) -> Any:
    """Say what is compiled, on a terminal with what is left; gives what to call after each job."""
    if sys.stderr is None or not sys.stderr.isatty():
        cache.say(announcement(wanted, of))
        yield lambda job: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    took = seconds_of(wanted)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    console.print(announcement(wanted, of), highlight=False)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("compiling", total=sum(took.values()))
        yield lambda job: progress.advance(task, took[job])


class _Order:
    """Which job is next: those that most waits for, after what comes before them."""

    def __init__(self, wanted: dict[Job, set[Job]]) -> None:
        self.waits = {job: set(before) for job, before in wanted.items()}
        took, after = seconds_of(wanted), {job: set[Job]() for job in wanted}
        for job, before in wanted.items():
            for one in before:
                after[one].add(job)

        @once
        def path_s(job: Job) -> float:
            return took[job] + max(map(path_s, after[job]), default=0.0)

        self.path_s = {job: path_s(job) for job in wanted}
        self.running = 0
        self.ended = False
        self.change = Condition()

    def next(self) -> Job | None:
        """A job whose turn it is, when there is one; None when all are done."""
        with self.change:
            while not self.ended:
                ready = [job for job, before in self.waits.items() if not before]
                if ready:
                    job = max(ready, key=self.path_s.__getitem__)
                    del self.waits[job]
                    self.running += 1
                    return job
                if not self.running:
                    return None
                self.change.wait(LOOK_S)
        return None

    def done(self, job: Job) -> None:
        """A job is done, or whoever did it has ended: then it is done when it is called."""
        with self.change:
            self.running -= 1
            for before in self.waits.values():
                before.discard(job)
            self.change.notify_all()

    def end(self) -> None:
        """Nothing more is begun."""
        with self.change:
            self.ended = True
            self.change.notify_all()


def _compile_all(
    wanted: dict[Job, set[Job]], done: Callable[[Job], None] = lambda job: None
) -> dict[str, float]:
    """Compile kernels; seconds of a core that each took."""
    took: dict[str, float] = {}
    children: list[subprocess.Popen[bytes]] = []
    ended, order = Event(), _Order(wanted)

    def finished(job: Job, seconds: float) -> None:
        took[" ".join(job)] = seconds
        done(job)

    count = min(process.cores(), MOST_PROCESSES)
    with ThreadPoolExecutor(count) as pool:
        try:
            driving = [pool.submit(_drive, order, finished, children, ended) for _ in range(count)]
            while wait(driving, LOOK_S).not_done:  # a wait without end can miss an interrupt
                pass
        finally:  # of nothing, or after an interrupt, which children may not have got
            ended.set()
            order.end()
            for child in children:
                child.terminate()
    return took


def signature_of(kernel: Any, part: bool = False) -> tuple[types.Type, ...]:
    """Types of a kernel's arguments, from its annotations; arrays are vectors.

    A part gets tables of the market as places on the handle, what kernels make as it is.

    Raises:
        KeyError: an annotation that does not say enough.
    """
    hints = get_type_hints(kernel.py_func, include_extras=True)
    return tuple(_type(hints[name], part) for name in signature(kernel.py_func).parameters)


def _type(hint: Any, part: bool) -> types.Type:
    if hint in NUMBERS:
        return NUMBERS[hint]
    if handle := getattr(hint, "_numba_type_", None):
        return handle
    if get_origin(hint) is tuple:
        return types.Tuple([_type(item, part) for item in get_args(hint)])
    if fields := getattr(hint, "_fields", None):
        if part and hint in _tables_of(Market):
            return place_of(hint)
        hints = get_type_hints(hint, include_extras=True)
        members = [_type(hints[name], part) for name in fields]
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


@once
def _tables_of(kind: type) -> frozenset[type]:
    """Classes of the tables that a market or a table has on the handle, and of those in them."""
    members = [member.type for member in layout_of(kind).values()]
    within = frozenset(member.kind for member in members if isinstance(member, Place))
    return within.union(*map(_tables_of, within))


def serve() -> None:
    """Compile what is asked for on stdin; on stdout a line for each, the seconds it took."""
    process.collect_rarely()
    make_numba_quick()
    for line in iter(sys.stdin.buffer.readline, b""):
        job = Job(*line.decode().split())
        start = time.process_time()
        with contextlib.suppress(Exception):  # who calls it will see why
            kernel, part = job.kernel, job.kind == "part"
            (kernel if part else kernel.entrance).compile(signature_of(kernel, part))
        try:
            os.write(sys.stdout.fileno(), f"{time.process_time() - start:.2f}\n".encode())
        except BrokenPipeError:
            return


def _drive(
    order: _Order,
    finished: Callable[[Job, float], None],
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
        while (job := order.next()) is not None:
            try:
                child.stdin.write(f"{' '.join(job)}\n".encode())
                child.stdin.flush()
                if not (answer := child.stdout.readline()):
                    return
                finished(job, float(answer))
            finally:
                order.done(job)
        child.stdin.close()
