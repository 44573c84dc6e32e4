"""How rules and kernels are compiled with numba; where the code is kept: :mod:`.cache`."""

from __future__ import annotations

import dis
import re
from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any, cast

import numba
from numba.core.registry import CPUDispatcher

from .cache import _keep, is_kept
from .parts import PartCompiler, widened

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
# Codes of the steps that take a part; a step is two bytes, its code and its argument.
_SLICES = frozenset(dis.opmap[name] for name in ("BUILD_SLICE", "BINARY_SLICE", "STORE_SLICE"))


def _makes_arrays(function: Callable[..., Any]) -> bool:
    """Whether a function may make an array, or get one back from a kernel that it calls.

    Numba refuses to compile one that does and was not recognised.
    """
    code = function.__code__
    return (
        not _MAKERS.isdisjoint(code.co_names)
        or not _SLICES.isdisjoint(code.co_code[::2])
        or any(one.makes_arrays and not _gives_numbers(one.py_func) for one in called_by(function))
    )


def _gives_numbers(function: Callable[..., Any]) -> bool:
    """Whether a function says that it returns numbers, or nothing."""
    said = re.findall(r"\w+", str(function.__annotations__.get("return")))
    return {"None", "bool", "int", "float", "tuple"}.issuperset(said)


def called_by(function: Callable[..., Any]) -> list[_Kernel]:
    """Kernels that a function names: those it may call."""
    globals_, said = function.__globals__, function.__code__.co_names
    if not any(isinstance(globals_.get(name), _Kernel | ModuleType) for name in said):
        return []  # most rules: no need to take the function apart, which is slow
    names = {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}
    known = [globals_.get(name) for name in sorted(names)]
    modules = [one for one in known if isinstance(one, ModuleType)]
    known += [getattr(module, name, None) for module in modules for name in said]
    return [one for one in known if isinstance(one, _Kernel)]


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
        options = {**_OPTIONS, "no_cpython_wrapper": True, "forceinline": forceinline}
        super().__init__(py_func, targetoptions=options, pipeline_class=PartCompiler)
        self._entrance: CPUDispatcher | None = None

    @cached_property
    def makes_arrays(self) -> bool:
        """Whether it or what it calls may make an array.

        Not known before its module is loaded: what it calls may stand below it.
        """
        return _makes_arrays(self.py_func)

    def compile(self, sig: Any) -> Any:
        """Compile as a part of other kernels, or find it compiled."""
        self.targetoptions["_nrt"] = self.makes_arrays
        return super().compile(sig)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What numba asks for where another kernel calls this one."""
        return super().get_call_template(tuple(map(widened, args)), kws)

    @property
    def entrance(self) -> CPUDispatcher:
        """What Python calls."""
        if self._entrance is None:
            self._entrance = CPUDispatcher(
                self.py_func, targetoptions={**_OPTIONS, "_nrt": self.makes_arrays}
            )
            _keep(self._entrance, "entrance")
        return self._entrance

    def is_kept(self, kind: str) -> bool:
        """Whether it was compiled before, as ``part`` or ``entrance``, from these very sources."""
        return is_kept(self.py_func, kind)

    @property
    def is_called(self) -> bool:
        """Whether Python has called it in this process."""
        return self._entrance is not None

    def __call__(self, *args: Any) -> Any:
        """Call from Python."""
        return self.entrance(*args)


def not_compiled() -> bool:
    """Whether kernels run as plain Python (``NUMBA_DISABLE_JIT=1``)."""
    return bool(getattr(numba.config, "DISABLE_JIT"))  # noqa: B009


def compiled[F: Callable[..., Any]](function: F) -> F:
    """Compile with numba: cached on disk, releasing the GIL, IEEE arithmetic, one thread.

    One core saturates the memory of the machines this was measured on, so kernels are sequential
    and every sum has one order: results do not depend on the number of threads.
    """
    if not_compiled():
        return function
    kernel = _Kernel(function)
    _keep(kernel, "part")
    return cast(F, kernel)


ENTRANCES: list[_Kernel] = []
"""Kernels that Python calls: they are compiled ahead."""


def entrance[F: Callable[..., Any]](function: F) -> F:
    """Compile as :func:`compiled` does, and ahead of the first day: Python calls this kernel.

    Its annotations say what it will be called with.
    """
    kernel = compiled(function)
    if isinstance(kernel, _Kernel):
        ENTRANCES.append(kernel)
    return kernel


def inlined[F: Callable[..., Any]](function: F) -> F:
    """Compile into the caller: for short functions in hot loops.

    Handing over a table means copying the addresses and sizes of all its columns.
    """
    if not_compiled():
        return function
    kernel = _Kernel(function, forceinline=True)
    _keep(kernel, "part")
    return cast(F, kernel)
