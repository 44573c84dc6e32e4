"""What numba does again and again while it compiles, done once or left out.

Numba has no settings for it, so methods of numba's are replaced here, and only in a process that
does nothing but compile our kernels (``market/compile_ahead.py``): nobody else's code is touched,
and where a kernel is compiled when it is called, numba does it its own way. Both give the same
results. Written for numba 0.68: another version is left to its own ways, more slowly.

Most of what compiling takes is neither analysis nor LLVM, but looking up what was looked up before.
"""

from __future__ import annotations

import operator
from typing import Any

import numba
from llvmlite.binding import ffi
from numba import types
from numba.core import base, codegen, cpu, ir, postproc, transforms
from numba.core.imputils import lower_builtin
from numba.core.targetconfig import ConfigStack
from numba.core.types.functions import BaseFunction
from numba.np import arrayobj

from .parts import PartCompiler, PartLibrary

KNOWN = "0.68."  # numba whose insides these are


def make_numba_quick() -> None:
    """Compile faster in this process, from here on; call it once."""
    if not numba.__version__.startswith(KNOWN):
        return
    _remember_types()
    _list_variables_directly()
    _find_elements_directly()
    _leave_out_what_nobody_reads()
    _keep_parts_of_numba_as_parts()


def _put(class_: type, name: str, method: Any) -> None:
    """Replace a method of numba's; not by assignment, which type checkers refuse."""
    setattr(class_, name, method)


def _remember_types() -> None:
    """Ask once, not at each place, what an operator or function of numba's gives for some types.

    For each of the sixteen ways to read ``a[i]`` numba compares all options of the compiler.
    """
    ask: Any = BaseFunction.get_call_type
    known: dict[Any, Any] = {}

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws:
            return ask(self, context, args, kws)
        options = ConfigStack.top_or_none()  # of whoever calls: they cannot be hashed
        key = self, context, tuple(args), options and str(options._values)
        if key not in known:
            signature = ask(self, context, args, kws)
            known[key] = signature, self._impl_keys[signature.args]
        signature, implementation = known[key]
        self._impl_keys[signature.args] = implementation
        return signature

    _put(BaseFunction, "get_call_type", get_call_type)


def _list_variables_directly() -> None:
    """Find the variables of a statement by the types of its fields, most of which are plain."""
    plain = (str, ir.Loc, type(None), bool, int)

    def variables(self: Any, value: Any) -> list[Any]:
        kind = type(value)
        if kind is ir.Var:
            return [value]
        if kind in plain:
            return []
        if kind is dict:
            value = value.values()
        elif kind is not list and kind is not tuple:
            return value.list_vars() if isinstance(value, ir.Inst) else []
        return [one for item in value for one in variables(self, item)]

    _put(ir.Inst, "_rec_list_vars", variables)


def _find_elements_directly() -> None:
    """Take address and length of a vector out of its value.

    Numba first stores all that an array has, and leaves it to LLVM to find that nobody reads it.
    """

    def field(context: Any, builder: Any, type_: Any, array: Any, name: str, *axis: int) -> Any:
        at = context.data_model_manager[type_].get_field_position(name)
        return builder.extract_value(array, [at, *axis])

    def place(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array, index = sig.args[:2]
        length = field(context, builder, array, args[0], "shape", 0)
        i = arrayobj.fix_integer_index(context, builder, index, args[1], length)
        return builder.gep(field(context, builder, array, args[0], "data"), [i])

    def is_vector(type_: Any) -> bool:
        return bool(type_.ndim == 1 and type_.layout == "C")

    @lower_builtin(operator.getitem, types.Array, types.Integer)
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if not is_vector(sig.args[0]):
            return arrayobj.getitem_arraynd_intp(context, builder, sig, args)
        at = place(context, builder, sig, args)
        return arrayobj.load_item(context, builder, sig.args[0], at)

    @lower_builtin(operator.setitem, types.Array, types.Integer, types.Any)
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array, _, given = sig.args
        if not is_vector(array) or isinstance(given, types.Buffer):
            return arrayobj.setitem_array(context, builder, sig, args)
        value = context.cast(builder, args[2], given, array.dtype)
        at = place(context, builder, sig, args)
        return arrayobj.store_item(context, builder, array, value, at)

    @lower_builtin(len, types.Array)
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return field(context, builder, sig.args[0], args[0], "shape", 0)


def _leave_out_what_nobody_reads() -> None:
    """Events at each call of LLVM, the life of variables after each pass, entrances for C."""
    ffi.lib._lock._cblist.clear()

    analyse = postproc.PostProcessor.run

    def run(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
        code = self.func_ir
        if emit_dels or code.is_generator:
            return analyse(self, emit_dels, extend_lifetimes)
        code.blocks = transforms.canonicalize_cfg(code.blocks)
        code.variable_lifetime = postproc.VariableLifetime(code.blocks)  # known when asked for
        code.generator_info = None
        return None

    _put(postproc.PostProcessor, "run", run)
    _put(cpu.CPUContext, "create_cfunc_wrapper", lambda *_: None)

    find = base.BaseContext.get_function

    def get_function(self: Any, function: Any, *args: Any, **kws: Any) -> Any:
        if isinstance(function, str) and function == "__array__":  # looked for at each array
            raise NotImplementedError
        return find(self, function, *args, **kws)

    _put(base.BaseContext, "get_function", get_function)


def _keep_parts_of_numba_as_parts() -> None:
    """What a part uses of numba's own is no more than a part either."""
    compile_part = PartCompiler.compile_extra

    def compile_extra(self: Any, function: Any) -> Any:
        usual = codegen.JITCPUCodegen._library_class
        codegen.JITCPUCodegen._library_class = PartLibrary
        try:
            return compile_part(self, function)
        finally:
            codegen.JITCPUCodegen._library_class = usual

    _put(PartCompiler, "compile_extra", compile_extra)
