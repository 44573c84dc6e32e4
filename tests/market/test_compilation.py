"""What is compiled before the first day, and the cache that several processes write."""

from __future__ import annotations

import copy
import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harsh import HARSH
from numba import typeof, types
from numpy.typing import NDArray
from paths import PROJECT

from firesale.agents.compiling import cache, kernels
from firesale.market import compile_ahead
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state import money
from firesale.market.state.handle import WORD, Member, layout_of, place, place_of, places, size_of
from firesale.market.state.market import Market

pytestmark = pytest.mark.compiled

# The first market of a new machine.
FIRST_MARKET = """
from firesale import Scenario, Simulation
from firesale.agents.compiling.kernels import ENTRANCES
from firesale.market import simulation
from firesale.market.state import frontier, money

ENTRANCES[:] = [money.take_stock, frontier.value_to_price]
simulation.open_books = lambda market, tables: None
for _ in range(2):
    market = Simulation(Scenario.load("calm")).market
    money.take_stock(market)
    print(money.take_stock.entrance.stats.cache_hits and "found")
"""

# Compiled as by those that compile ahead: elements found from both ends, of any width; a part of a
# vector; a matrix; a length; minima, of which numba has several.
QUICK = """
import numpy as np
from firesale.agents.compiling.kernels import compiled
from firesale.agents.compiling.quick import make_numba_quick

make_numba_quick()

def work(reals, shorts, flags, matrix, k):
    flags[k] = reals[-1] > reals[k]
    shorts[-2] = shorts[k] + len(reals)
    reals[k] += matrix[1, -1] + min(reals[0], matrix[0, k]) + reals[1:3].sum()
    matrix[k, 0] = np.zeros(len(flags))[k] + max(shorts[0], k)
    return reals[k] - len(matrix)

def tables():
    reals, shorts = np.arange(4) / 3.0, np.arange(4, dtype=np.int32)
    return reals, shorts, np.zeros(4, bool), np.arange(9.0).reshape(3, 3) ** 0.5

plain, quick = tables(), tables()
for k in (1, 2):
    assert compiled(work)(*quick, k) == work(*plain, k)
assert all(map(np.array_equal, plain, quick))
"""


@pytest.fixture(scope="module")
def crashed() -> Simulation:
    """Markets in which everything happens; the last of them."""
    crash = Scenario.load("joint-crash")
    Simulation(crash.with_settings(list(HARSH))).run().issuer_spreads()
    policies = ("policy.mark_rule=market", "policy.buyer_of_last_resort_usd=1e9")
    Simulation(crash.with_settings([*HARSH, *policies])).run().summary()
    return Simulation(crash).run()


@pytest.mark.parametrize("kernel", kernels.ENTRANCES, ids=lambda kernel: kernel.py_func.__name__)
def test_what_is_compiled_ahead_is_what_is_called(crashed: Simulation, kernel: Any) -> None:
    assert kernel.is_called
    assert compile_ahead.signature_of(kernel) in kernel.entrance.signatures


def test_each_part_is_compiled_for_what_callers_give_it(crashed: Simulation) -> None:
    """As its annotations say, or it would be compiled ahead in vain and again when called."""
    model = compile_ahead.jobs(kernels.ENTRANCES)
    for kernel in (job.kernel for job in model if job.kind == "part"):
        kept = kernel._cache._cache_file._load_index()  # by signature and processor
        told = compile_ahead.signature_of(kernel, part=True)
        of_market = {signature for signature, *_ in kept if place_of(Market) in signature}
        assert told in {signature for signature, *_ in kept}, kernel.py_func
        assert of_market <= {told}, kernel.py_func


def test_a_new_machine_is_told_once_and_finds_what_was_compiled(tmp_path: Path) -> None:
    """Also where the current folder holds other modules of these names."""
    for name in ("firesale", "market", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIRST_MARKET],
        cwd=tmp_path,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == compile_ahead.COMPILING.format(what="the model", seconds=5) + "\n"
    assert done.stdout == "found\nfound\n"


def test_what_is_compiled_quickly_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "quickly.py").write_text(QUICK)  # numba asks for a file
    subprocess.run(
        [sys.executable, "-P", tmp_path / "quickly.py"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        check=True,
    )


def test_each_kernel_is_compiled_once_after_those_that_it_calls() -> None:
    model = compile_ahead.jobs(kernels.ENTRANCES)
    assert {job.function for job in model if job.kind == "entrance"} == {
        kernel.py_func.__name__ for kernel in kernels.ENTRANCES
    }
    order, done = compile_ahead._Order(model), []
    while (job := order.next()) is not None:
        assert model[job] <= set(done)
        done.append(job)
        order.done(job)
    assert len(done) == len(set(done)) == len(model) > 250


def test_an_interrupt_of_this_process_alone_ends_those_that_compile_for_it(tmp_path: Path) -> None:
    """As ``kill`` sends it; from a terminal it reaches all of them."""
    script = f"""
from firesale.agents.compiling.kernels import ENTRANCES
from firesale.market import compile_ahead, simulation
compile_ahead.CHILD = "import time; open({str(tmp_path / "begun")!r}, 'w'); time.sleep(600)"
compile_ahead._compile_all(compile_ahead.jobs(ENTRANCES))
"""
    started = subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "begun").exists():
        assert started.poll() is None
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode != 0 and "KeyboardInterrupt" in said


@pytest.mark.parametrize("start", ["2025", "2021", "synthetic"])
def test_every_starting_point_has_tables_of_the_declared_types(start: str) -> None:
    """Kernels are compiled once, for these: in others they would read what is not there."""
    scenario = Scenario.load("calm").with_settings([f"opening.start={start}"])
    market = Simulation(scenario).market
    assert typeof(market) is place_of(Market)
    assert places(market, Market) == places_written_down(market)


def places_written_down(market: Market) -> list[int]:
    """What kernels find at a market's address."""
    size = size_of(Member(place_of(Market), 0)) // WORD
    return list((ctypes.c_int64 * size).from_address(market.address))


def test_an_array_of_another_type_is_refused() -> None:
    """Be it there when places are written down, or come later in place of another."""
    market = Simulation(Scenario.load("calm")).market
    status = market.loans.status
    # Another type, another number of dimensions, and not in one piece.
    for wrong in (status.astype(np.int64), status[:, None].copy(), np.repeat(status, 2)[::2]):
        loans = market.loans._replace(status=wrong)
        with pytest.raises(TypeError, match="status must be"):
            places(replace(market, loans=loans), Market)
        with pytest.raises(TypeError, match="status must be"):
            assert replace(market, loans=loans).address
        with pytest.raises(TypeError, match="status must be"):
            market.loans = loans
    with pytest.raises(TypeError, match="marks_usd must be"):
        market.marks_usd = market.marks_usd.astype(np.float32)


def test_an_annotation_that_says_too_little_is_refused() -> None:
    def vague(values: np.ndarray) -> None: ...

    def clear(values: NDArray[np.bool_], k: int, share: float, sure: bool) -> None: ...

    class Kernel:
        def __init__(self, py_func: Any) -> None:
            self.py_func = py_func

    with pytest.raises(KeyError, match="does not say what it holds"):
        compile_ahead.signature_of(Kernel(vague))
    values = np.zeros(3, np.bool_)
    assert compile_ahead.signature_of(Kernel(clear)) == tuple(map(typeof, (values, 1, 0.5, True)))


def test_two_processes_do_not_write_a_cache_at_once(tmp_path: Path) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with cache.alone(tmp_path):
            order.append("second")

    with cache.alone(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_kernel_is_stored_when_nobody_else_stores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from firesale.agents.miner import online_share

    alone: list[Path] = []
    real = cache.alone

    def noted(folder: Path) -> Any:
        assert not list(folder.glob("*.nbi"))
        alone.append(folder)
        return real(folder)

    monkeypatch.setattr(cache, "_cache_folder", lambda module, kind: tmp_path / kind)
    monkeypatch.setattr(cache, "alone", noted)
    kernels.compiled(online_share.py_func).entrance.compile((types.float64,) * 4)
    assert len(alone) == 1
    assert list(alone[0].glob("*.nbi"))


def kept_kernel(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """A compiled function whose code is kept in that folder."""
    from firesale.agents.miner import online_share

    monkeypatch.setattr(cache, "_cache_folder", lambda module, kind: folder / kind)
    return kernels.compiled(online_share.py_func).entrance


def test_a_file_of_the_cache_that_was_cut_off_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinds = (types.float64,) * 4
    kept_kernel(monkeypatch, tmp_path).compile(kinds)
    for suffix in ("nbc", "nbi"):
        for file in tmp_path.rglob(f"*.{suffix}"):
            file.write_bytes(file.read_bytes()[:40])
        assert kept_kernel(monkeypatch, tmp_path).compile(kinds) is not None
        again = kept_kernel(monkeypatch, tmp_path)
        again.compile(kinds)
        assert sum(again.stats.cache_hits.values()) == 1


def test_a_full_disk_costs_time_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kernel = kept_kernel(monkeypatch, tmp_path)
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert kernel.compile((types.float64,) * 4) is not None


def test_where_nothing_can_be_kept_nothing_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setattr(cache, "cache_root", lambda: tmp_path / "taken")
    compile_ahead.compile_ahead()
    assert not cache.is_warm()


def test_nothing_is_kept_beside_the_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Numba does so where it cannot write; it would not notice an edit in another file."""
    (tmp_path / "taken").touch()
    kernel = kept_kernel(monkeypatch, tmp_path / "taken")
    kernel.compile((types.float64,) * 4)
    assert kernel._cache.cache_path is None


def test_of_old_files_in_the_cache_s_folder_only_ours_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = [
        "firesale.agents.miner-0123456789abcdef",
        "warm-0123456789abcdef-01234567",
        "thesis",
        "a.txt",
    ]
    for name in names:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    new = {f"{name}-{k:016x}" for name in ("firesale.agents.miner", "warm") for k in range(3)}
    new = {f"{name}-{'0' * 8}" if name.startswith("warm") else name for name in new}
    for name in new:
        (tmp_path / name).mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache.cache_root.__wrapped__() == tmp_path
    assert {file.name for file in tmp_path.iterdir()} == {"thesis", "a.txt", "lock", *new}


def test_a_folder_without_locks_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As some shared file systems are; two processes would spoil each other's files there."""
    fcntl = pytest.importorskip("fcntl")
    real = fcntl.flock

    def flock(file: Any, how: int) -> None:
        if "shared" in file.name:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "shared"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert cache.cache_root.__wrapped__() == tmp_path / "own" / "firesale"


def test_arrays_of_a_kernel_that_stands_below_are_kept() -> None:
    """A kernel hands on what one makes that its module defines later."""
    market = Simulation(Scenario.load("calm")).market
    first = money.take_stock(market)
    before = [np.array(part) for part in first]
    for _ in range(2_000):
        money.take_stock(market)
    assert all(np.array_equal(*pair) for pair in zip(before, first, strict=True))


def test_a_copy_of_a_market_has_places_of_its_own() -> None:
    """Or what is put into the copy would change what kernels see of the first."""
    first = Simulation(Scenario.load("calm")).market
    for copied in (copy.copy(first), copy.deepcopy(first)):
        assert copied.address != first.address
        copied.hold_usd = copied.hold_usd + 1.0
        member = layout_of(Market)["hold_usd"]
        assert place(first.hold_usd, member, "hold_usd")[0] in places(first, Market)
        at = member.at // WORD
        assert first.__dict__["_written"].words[at] == place(first.hold_usd, member, "hold_usd")[0]


def test_what_does_not_fit_is_refused_and_not_kept() -> None:
    market = Simulation(Scenario.load("calm")).market
    assert market.address
    before = market.hold_usd
    with pytest.raises(TypeError, match="hold_usd"):
        market.hold_usd = before.astype(np.float32)
    assert market.hold_usd is before
