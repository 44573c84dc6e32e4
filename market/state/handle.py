"""One handle for a market: what compiled kernels get instead of each of its tables.

A kernel takes ``market`` and names what it works on: ``loans, parties = market.loans,
market.parties``. Uncompiled, ``market`` is the plain object. Compiled, it is an address at which
the places of all columns are written down, and ``loans.status`` reads one of them: what a kernel
does not use costs nothing, neither at the call nor in compiling.

What is where follows from annotations alone (:func:`layout_of`). Of a column its first address and
its length are written down (of a matrix both lengths), of :class:`Numbers` their address. So all
markets have one type, and what is compiled for one serves all.

No references to columns are counted: who calls a kernel holds the tables, so no kernel may return a
part of a table. No table is replaced while a kernel runs, so the compiler may keep places in
registers.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
    unbox,
)

from ...agents.columns import column_of

WORD = 8  # bytes
BYTE = ir.IntType(8)
_NUMBERS: dict[type, tuple[type[ctypes._SimpleCData[Any]], types.Type]] = {
    float: (ctypes.c_double, types.float64),
    int: (ctypes.c_int64, types.int64),
    bool: (ctypes.c_bool, types.boolean),
}


class Numbers(ctypes.Structure):
    """Base of classes of named numbers that kernels read, and may write, in place.

    With ``__slots__ = ()`` in each class, so that a misspelt name is refused.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_buffer_copy, (bytes(self),)

    def items(self) -> list[tuple[str, Any]]:
        """Names and values."""
        return [(name, getattr(self, name)) for name, *_ in self._fields_]


def numbers[T: type[Numbers]](kind: T) -> T:
    """Lay out what a class declares: ``float``, ``int``, ``bool``, or other such classes."""
    hints = get_type_hints(kind)
    kind._fields_ = [(name, _NUMBERS[h][0] if h in _NUMBERS else h) for name, h in hints.items()]
    return kind


class Place(types.Type):
    """The compiled type of an address at which the members of a class are."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.members = layout_of(kind)
        digest = hashlib.sha256(repr(self.members).encode()).hexdigest()
        super().__init__(name=f"{kind.__name__}({digest[:16]})")

    def __reduce__(self) -> tuple[Any, ...]:
        return place_of, (self.kind,)


@cache
def place_of(kind: type) -> Place:
    """The compiled type of a market, a table or of numbers."""
    return Place(kind)


class Member(NamedTuple):
    """What lies at an address: its compiled type, its first byte, of a column its dtype."""

    type: Any
    at: int
    dtype: Any = None


@cache
def layout_of(kind: type) -> dict[str, Member]:
    """Each member that kernels may ask for; what only Python sees is left out."""
    hints = get_type_hints(kind, include_extras=True)
    if issubclass(kind, Numbers):
        return {
            name: Member(
                _NUMBERS[h][1] if h in _NUMBERS else place_of(h), getattr(kind, name).offset
            )
            for name, h in hints.items()
        }
    layout: dict[str, Member] = {}
    at = 0
    for name, hint in hints.items():
        if column := column_of(hint):
            dtype, rule = column
            array = types.Array(from_dtype(dtype), rule.dimensions, "C")
            layout[name] = Member(array, at, dtype)
        elif isinstance(hint, type) and issubclass(hint, tuple | Numbers):
            layout[name] = Member(place_of(hint), at)
        else:
            continue
        at += size_of(layout[name])
    return layout


def size_of(member: Member) -> int:
    """Bytes that the place of a member of a market or a table takes."""
    if isinstance(member.type, types.Array):
        return WORD * (1 + member.type.ndim)
    if issubclass(member.type.kind, Numbers):
        return WORD
    return sum(map(size_of, layout_of(member.type.kind).values()))


def places(held: Any, kind: type) -> list[int]:
    """Write down where everything is that kernels may ask a market or a table for.

    Raises:
        TypeError: an array is not of the declared type, or does not lie in one piece.
    """
    words: list[int] = []
    for name, member in layout_of(kind).items():
        words += place(getattr(held, name), member, name)
    return words


def place(value: Any, member: Member, name: str) -> list[int]:
    """Where one member is: the words of its place.

    Raises:
        TypeError: as :func:`places`.
    """
    if member.dtype is not None:
        fits = value.dtype == member.dtype and value.ndim == member.type.ndim
        if not (fits and value.flags.c_contiguous):
            raise TypeError(f"{name} must be {member.type}, not {value.dtype} of {value.ndim}")
        return [value.__array_interface__["data"][0], *value.shape]
    if issubclass(member.type.kind, Numbers):
        return [ctypes.addressof(value)]
    return places(value, member.type.kind)


# ------------------------------------------------------------------ what the compiler is told

register_model(Place)(models.OpaqueModel)


@unbox(Place)
def _address(_: Any, market: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(market, "address")
    pointer = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return NativeValue(pointer)


@infer_getattr
class _Members(AttributeTemplate):
    key = Place

    def generic_resolve(self, place: Any, name: str) -> Any:  # type: ignore[override]
        member = place.members.get(name)
        return None if member is None else member.type


def _at(builder: Any, address: Any, byte: int, type_: Any = BYTE) -> Any:
    """A pointer to something so many bytes behind an address."""
    place = builder.gep(address, [ir.Constant(ir.IntType(64), byte)])
    return builder.bitcast(place, type_.as_pointer())


def _load(builder: Any, pointer: Any, constant: bool) -> Any:
    value = builder.load(pointer)
    if constant:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


@lower_getattr_generic(Place)
def _get(context: Any, builder: Any, place: Place, address: Any, name: str) -> Any:
    member, byte, dtype = place.members[name]
    if isinstance(member, types.Array):
        return _array(context, builder, member, dtype.itemsize, _at(builder, address, byte))
    if not isinstance(member, Place):
        model = context.data_model_manager[member]
        constant = getattr(place.kind, "CONSTANT", False)
        return model.from_data(
            builder, _load(builder, _at(builder, address, byte, model.get_data_type()), constant)
        )
    nested = _at(builder, address, byte)
    if issubclass(member.kind, Numbers) and not issubclass(place.kind, Numbers):
        pointer = builder.bitcast(nested, BYTE.as_pointer().as_pointer())
        return _load(builder, pointer, True)
    return nested


def _array(context: Any, builder: Any, type_: types.Array, size: int, address: Any) -> Any:
    """An array without an owner, from its place, and from the bytes of an item."""
    model, word = context.data_model_manager[type_], ir.IntType(64)
    data = _at(builder, address, 0, context.get_data_type(type_.dtype).as_pointer())
    shape = [
        _load(builder, _at(builder, address, WORD * (1 + axis), word), True)
        for axis in range(type_.ndim)
    ]
    steps = [ir.Constant(word, 1)]  # items from one to the next, last axis first
    for length in reversed(shape):
        steps.append(builder.mul(steps[-1], length))
    *steps, count = steps
    strides = [builder.mul(step, ir.Constant(word, size)) for step in reversed(steps)]
    array = ir.Constant(model.get_value_type(), None)
    for name, value in (
        ("nitems", count),
        ("itemsize", ir.Constant(word, size)),
        ("data", _load(builder, data, True)),
        ("shape", cgutils.pack_array(builder, shape)),
        ("strides", cgutils.pack_array(builder, strides)),
    ):
        array = builder.insert_value(array, value, model.get_field_position(name))
    return array


@lower_setattr_generic(Place)
def _set(context: Any, builder: Any, signature: Any, values: Any, name: str) -> None:
    place, given = signature.args
    member, byte, _ = place.members[name]
    model = context.data_model_manager[member]
    value = context.cast(builder, values[1], given, member)
    pointer = _at(builder, values[0], byte, model.get_data_type())
    builder.store(model.as_data(builder, value), pointer)
