"""All that compiled phases read, in one piece, so that handing it over costs next to nothing.

Numba takes a tuple apart at each call: a fifth of a microsecond an array, some sixty for a market,
whatever they hold. :class:`Shared` is taken apart once: compiled functions get the address at which
they find where each column is (:func:`contents`). No references to columns are counted: who calls
them holds the tables, and so none of them may return a part of a table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba._dispatcher import compute_fingerprint
from numba.core import cgutils
from numba.extending import NativeValue, intrinsic, models, register_model, unbox
from numpy.typing import NDArray

from ...agents.borrower import Borrowers
from ...agents.buyer import Buyers
from ...agents.compiling.kernels import compiled
from ...agents.lender import Lenders
from ...agents.miner import Miners
from ...agents.neocloud import Neoclouds
from ...agents.party import Parties
from .context import Terms, Today
from .contracts import Contracts
from .events import Log
from .hardware import Hardware, Holdings
from .ledger import Ledger
from .loans import Loans, Perimeters
from .lots import Lots
from .orders import Orders

_NOT_COMPILED = bool(getattr(numba.config, "DISABLE_JIT"))  # noqa: B009


class Tables(NamedTuple):
    """Every table of a market, and the arrays by hardware class that kernels read."""

    parties: Parties
    borrowers: Borrowers
    miners: Miners
    neoclouds: Neoclouds
    lenders: Lenders
    buyers: Buyers
    hardware: Hardware
    holdings: Holdings
    loans: Loans
    perimeters: Perimeters
    contracts: Contracts
    orders: Orders
    lots: Lots
    ledger: Ledger
    log: Log
    marks_usd: NDArray[np.float64]
    schedule_usd: NDArray[np.float64]
    clearing_usd: NDArray[np.float64]
    clearing_day: NDArray[np.int32]
    clearing_event: NDArray[np.int64]
    outside_online: NDArray[np.float64]


class Shared:
    """Tables, terms and the numbers of the day at one address; made by :func:`share`."""

    def __init__(self, tables: Tables, terms: Terms, today: Today) -> None:
        self._held = (tables, terms)  # their memory is at the address, not a copy of it
        self._numba_type_ = type_of(tables, terms, today)
        self.address = 0  # known once there is room
        self._room = np.zeros(_bytes_needed(self), np.uint8)
        self.address = self._room.ctypes.data

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copied market has other memory: it shares its own tables when it needs to."""


class _SharedType(types.Type):
    """What the compiler knows of :class:`Shared`: the types of what it holds."""

    def __init__(self, tables: types.Type, terms: types.Type, today: types.Type) -> None:
        self.held = types.Tuple((tables, terms, today))
        digest = hashlib.sha256(str(self.held).encode()).hexdigest()
        super().__init__(name=f"Shared({digest[:16]})")


_types: dict[bytes, _SharedType] = {}


def type_of(*held: Any) -> _SharedType:
    """The type of a market; to look at each of its columns takes as long as ten days of it."""
    layout = compute_fingerprint(held)
    if layout not in _types:
        _types[layout] = _SharedType(*map(numba.typeof, held))
    return _types[layout]


register_model(_SharedType)(models.OpaqueModel)


@unbox(_SharedType)
def _address(_: Any, shared: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(shared, "address")
    pointer = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return NativeValue(pointer)


def _place(context: Any, builder: Any, shared: Any, address: Any, number: int) -> Any:
    """Where the tables (0), the terms (1) or the numbers of the day (2) are."""
    held = context.get_value_type(shared.held)
    return cgutils.gep(builder, builder.bitcast(address, held.as_pointer()), 0, number)


def _unowned(builder: Any, type_: Any, value: Any, at: tuple[int, ...]) -> Any:
    """The value, its arrays without an owner: the compiler leaves out what it counts for one."""
    if isinstance(type_, types.Array):
        (owner, *_) = builder.extract_value(value, at).type.elements
        return builder.insert_value(value, owner(None), (*at, 0))
    for number in range(len(type_) if isinstance(type_, types.BaseTuple) else 0):
        value = _unowned(builder, type_[number], value, (*at, number))
    return value


def contents(shared: Any) -> tuple[Tables, Terms, Today]:
    """Tables, terms and the numbers of the day, for use in a compiled function."""
    return shared.tables, shared.terms, shared.today


def _contents(_: Any, shared: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = [
            builder.load(_place(context, builder, shared, arguments[0], number))
            for number in range(len(shared.held))
        ]
        packed = context.make_tuple(builder, shared.held, values)
        return _unowned(builder, shared.held, packed, ())

    return shared.held(shared), build


def _size(_: Any, shared: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        size = context.get_abi_sizeof(context.get_value_type(shared.held))
        return context.get_constant(types.intp, size)

    return types.intp(shared), build


def _put(_: Any, shared: Any, number: Any, value: Any) -> Any:
    which = number.literal_value

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kept = context.cast(builder, arguments[2], value, shared.held[which])
        builder.store(kept, _place(context, builder, shared, arguments[0], which))
        return context.get_dummy_value()

    return types.none(shared, number, value), build


_size_of: Any = intrinsic(_size)  # bytes of what is held at the address
_store: Any = intrinsic(prefer_literal=True)(_put)  # tables, terms or numbers of the day
if not _NOT_COMPILED:
    contents = intrinsic(_contents)  # type: ignore[assignment]


@compiled
def _bytes_needed(shared: Shared) -> int:
    needed: int = _size_of(shared)
    return needed


@compiled
def _fill(shared: Shared, tables: Tables, terms: Terms, today: Today) -> None:
    _store(shared, 0, tables)
    _store(shared, 1, terms)
    _store(shared, 2, today)


@compiled
def _set_today(shared: Shared, today: Today) -> None:
    _store(shared, 2, today)


@dataclass
class _Plain:
    """What stands for :class:`Shared` where nothing is compiled."""

    tables: Tables
    terms: Terms
    today: Today


def share(tables: Tables, terms: Terms, today: Today) -> Shared | _Plain:
    """Put them all at one address: the arrays' memory is shared, not copied."""
    if _NOT_COMPILED:
        return _Plain(tables, terms, today)
    shared = Shared(tables, terms, today)
    _fill(shared, tables, terms, today)
    return shared


def set_today(shared: Any, today: Today) -> None:
    """Put the numbers of a day in place of the last ones."""
    if _NOT_COMPILED:
        shared.today = today
    else:
        _set_today(shared, today)
