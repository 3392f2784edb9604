"""Numba's compiler with our settings, and types that a checker can follow; `kernel_cache.py` keeps what it makes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import config

from golfast.kernel_cache import Kernel as Kernel
from golfast.kernel_cache import KernelCache, Proof

_one_at_a_time = threading.RLock()
_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile on first use and keep on disk; the GIL is released, so `over_batch` can run it on all cores."""
    return specialised()(function)


def specialised(*constants: object, proof: Proof | None = None) -> Callable[[_Function], _Function]:
    """A kernel that a factory makes for these constants (things with a telling `repr`), kept on disk by them.

    proof: a trial run whose result is known. It is made once in each process, before the kernel is used.

    Where nothing can be kept, because no folder can be written to, a kernel is compiled anew in every process;
    NUMBA_CACHE_DIR names a folder that can.
    """

    def decorate(function: _Function) -> _Function:
        compiled = _compile_lazily(function)
        compiled._cache = KernelCache(compiled.py_func, constants, proof)
        return cast(_Function, compiled)

    return decorate


def part(function: _Function) -> _Function:
    """Compile as a function of its own, which kernels call: for what is long, or called from several places."""
    return cast(_Function, _compile_lazily(function))


def inlined(function: _Function) -> _Function:
    """Compile into whatever calls it: for what is short, or must keep its values in registers."""
    return cast(_Function, _compile_lazily(function, forceinline=True))


def _compile_lazily(function: Callable[..., object], **options: Any) -> Any:
    with _compiler_on():
        compiled: Any = njit(nogil=True, error_model="numpy", **options)(function)
    compile_now = compiled._compiler.compile

    def compile_(*types: Any) -> Any:
        with _compiler_on():
            result = compile_now(*types)
        if isinstance(compiled._cache, KernelCache):
            compiled._cache.check_new(result)
        return result

    compiled._compiler.compile = compile_
    return compiled


@contextmanager
def _compiler_on() -> Iterator[None]:
    """Compile although NUMBA_DISABLE_JIT=1, which coverage tools ask for: vectors exist in compiled code only."""
    settings: Any = config
    with _one_at_a_time:
        disabled, settings.DISABLE_JIT = settings.DISABLE_JIT, 0
        try:
            yield
        finally:
            settings.DISABLE_JIT = disabled
