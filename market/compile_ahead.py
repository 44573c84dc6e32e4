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
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from inspect import signature
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np
from numba import typeof, types

from ..agents.compiling import cache, kernels

if TYPE_CHECKING:
    from .state.context import Terms, Today
    from .state.sharing import Tables

COMPILING = "Compiling the model for this machine, once: about a minute ..."
WAITING = "Another process compiles the model for this machine; waiting for it ..."
MOST_PROCESSES = 4  # each compiles anew what two functions both call
LOOK_S = 0.5
RARE_COLLECTIONS = 100_000  # numba makes many objects and few cycles
# Functions that Python calls, those early that take long.
CALLED = {
    "firesale.market.clearing.vector": ("clear_csr",),
    "firesale.market.record.daily_figures": ("_all",),
    "firesale.market.compiled_sales": (
        *("keep_lots", "auction_removed", "auction_in_place", "free_sites", "host_lots"),
        "asks_for",
    ),
    "firesale.market.compiled_phases": (
        *("strain_lenders", "raise_liquidity", "deliver", "roll_over", "test_covenants"),
        *("invest", "run_machines", "declare_defaults", "underwrite", "close_books"),
        *("service_debt", "take_stock", "decisions_due", "value_claims", "set_supply"),
        *("set_marks", "resold_th"),
    ),
    "firesale.market.state.sharing": ("_fill", "_set_today", "_bytes_needed"),
    "firesale.market.debt.surrender": ("hand_over",),
    "firesale.market.liquidation.bids": ("implied_view", "set_private_views"),
    "firesale.market.lenders.failure": ("closing", "failing"),
}
# Finds what this process has found, and nothing in the folder it happens to be in.
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path[:] = {path!r}
from firesale.market.compile_ahead import serve
serve()
"""

type Kinds = dict[Any, types.Type]


def compile_ahead(tables: Tables, terms: Terms, today: Today) -> None:
    """Compile all of :data:`CALLED`, unless these sources were compiled on this machine before.

    Says so on stderr first: it is the one long wait there is.
    """
    if cache.is_warm() or kernels.not_compiled():
        return
    with (
        contextlib.suppress(OSError),  # nowhere to keep it
        cache.alone(cache.cache_root() / "ahead", WAITING),
    ):
        if not cache.is_warm():  # nobody else did it meanwhile
            cache.say(COMPILING)
            _compile_all(kinds_of(tables, terms, today))
            cache.note_warm()


def _compile_all(kinds: Kinds) -> None:
    sent = pickle.dumps(kinds)
    children: list[subprocess.Popen[bytes]] = []
    ended = Event()
    waiting: SimpleQueue[tuple[str, str]] = SimpleQueue()
    for module, names in CALLED.items():
        for name in names:
            waiting.put((module, name))
    count = min(cores(), MOST_PROCESSES)
    with ThreadPoolExecutor(count) as pool:
        try:
            driving = [pool.submit(_drive, sent, waiting, children, ended) for _ in range(count)]
            while wait(driving, LOOK_S).not_done:  # a wait without end can miss an interrupt
                pass
        finally:  # of nothing, or after an interrupt, which children may not have got
            ended.set()
            with contextlib.suppress(Empty):
                while True:
                    waiting.get_nowait()
            for child in children:
                child.terminate()


def kinds_of(tables: Tables, terms: Terms, today: Today) -> Kinds:
    """Numba's type of every class that kernels take."""
    from .state.sharing import Shared, type_of

    held = (tables, terms, today)
    named = {type(one): typeof(one) for one in (*held, *tables) if isinstance(one, tuple)}
    numbers = {float: types.float64, int: types.int64, bool: types.boolean}
    return numbers | named | {Shared: type_of(*held)}


def signature_of(kernel: Any, kinds: Kinds) -> tuple[types.Type, ...]:
    """Types of a kernel's arguments, from its annotations; arrays are vectors.

    Raises:
        KeyError: an annotation that does not say enough.
    """
    hints = get_type_hints(kernel.py_func)
    return tuple(_type(hints[name], kinds) for name in signature(kernel.py_func).parameters)


def _type(hint: Any, kinds: Kinds) -> types.Type:
    if hint in kinds:
        return kinds[hint]
    if fields := getattr(hint, "_fields", None):
        hints = get_type_hints(hint)
        members = [_type(hints[name], kinds) for name in fields]
        same = len(set(members)) == 1
        return (
            types.NamedUniTuple(members[0], len(members), hint)
            if same
            else types.NamedTuple(members, hint)
        )
    item = hint
    while parts := get_args(item):  # NDArray[item], however this version of numpy spells it
        item = parts[-1]
    if item is hint or not issubclass(item, np.generic):
        raise KeyError(f"{hint} does not say what it holds")
    return types.Array(typeof(np.zeros(1, item)).dtype, 1, "C")


def serve() -> None:
    """Compile what is asked for on stdin; an empty line for each on stdout. Runs in a process."""
    gc.set_threshold(RARE_COLLECTIONS, 20, 100)
    try:
        kinds = pickle.load(sys.stdin.buffer)
    except EOFError:
        return  # who asks has gone
    for line in iter(sys.stdin.buffer.readline, b""):
        module, name = line.decode().split()
        with contextlib.suppress(Exception):  # who calls it will see why
            kernel = getattr(importlib.import_module(module), name)
            kernel.entrance.compile(signature_of(kernel, kinds))
        try:
            os.write(sys.stdout.fileno(), b"\n")
        except BrokenPipeError:
            return


def _drive(
    kinds: bytes,
    waiting: SimpleQueue[tuple[str, str]],
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
        child.stdin.write(kinds)
        with contextlib.suppress(Empty):
            while True:
                child.stdin.write(" ".join(waiting.get_nowait()).encode() + b"\n")
                child.stdin.flush()
                if not child.stdout.readline():
                    return
        child.stdin.close()


def cores() -> int:
    """Those that this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1
