"""Parts: kernels that only kernels call, kept as LLVM code without machine code of their own.

Numba optimises each function with all that it calls, and makes machine code of the whole, again at
every level of calls. Here only what Python calls is optimised and made machine code of, once, with
all its parts linked in: a third of what compiling takes.

This reaches into numba: :class:`numba.core.codegen.JITCodeLibrary`, whose steps are overridden one
by one, and the kernel's entry in the cache, which holds LLVM bitcode.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from numba import types
from numba.core.caching import CompileResultCacheImpl
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, compile_result


class _Nowhere:
    """What is not in memory has no place for the globals of its Python function."""

    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """Kernels raise nothing that would need them."""


class PartLibrary(JITCodeLibrary):
    """LLVM code of a kernel, to be linked into others."""

    codegen = _Nowhere()

    @classmethod
    def of_bitcode(cls, codegen: Any, name: str, bitcode: bytes) -> PartLibrary:
        """A part as the cache keeps it."""
        part = cls(codegen, name)
        part._final_module = binding.parse_bitcode(bitcode)
        part._finalize_final_module()
        return part

    def serialize_using_object_code(self) -> tuple[str, bytes]:
        """What the cache keeps of a part: its name and its LLVM code."""
        self._ensure_finalized()
        return self.name, self._final_module.as_bitcode()

    def get_pointer_to_function(self, name: str) -> int:
        """No machine code: a null pointer."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None:
        """Left to those that this is linked into."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class PartCompiler(Compiler):
    """Numba's compiler, whose result is a part."""

    def compile_extra(self, func: Any) -> Any:
        """Compile a Python function."""
        self.state.library = PartLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)


class PartInCache(CompileResultCacheImpl):
    """How a part is read back from the cache."""

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """The compiled part, out of what ``CompileResult._reduce`` wrote."""
        (name, bitcode), fndesc, env, signature, objectmode, lifted, note, reload_init, envs = (
            payload
        )
        library = PartLibrary.of_bitcode(target_context.codegen(), name, bitcode)
        return compile_result(
            target_context=target_context,
            typing_context=target_context.typing_context,
            library=library,
            environment=env,
            entry_point=target_context.get_executable(library, fndesc, env),
            fndesc=fndesc,
            type_annotation=note,
            signature=signature,
            objectmode=objectmode,
            lifted=lifted,
            reload_init=reload_init,
            referenced_envs=envs,
        )


def widened(type_: Any) -> Any:
    """Signed whole numbers as 64 bits: a kernel is compiled once for columns of any width."""
    plain: Any = types.unliteral(type_)
    if type(plain) in (types.Tuple, types.UniTuple):
        return types.Tuple([widened(item) for item in plain])
    whole = plain in types.signed_domain or isinstance(plain, types.IntEnumMember)
    return types.int64 if whole else plain
