"""Numba's compiler with our settings, and with types that a checker can follow."""

import hashlib
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Kernel = Callable[..., None]

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile on first use and keep on disk; the GIL is released, so `over_batch` can run it on all cores."""
    return specialised()(function)


def specialised(*constants: object) -> Callable[[_Function], _Function]:
    """A kernel that a factory makes for these constants (things with a telling `repr`), kept on disk by them.

    Numba would tell such kernels apart by what they close over, and finds no two compiled functions alike: it would
    compile anew in every process. Where nothing can be kept, because neither this package's folder nor the user's can
    be written to, that is so for all kernels; NUMBA_CACHE_DIR names a folder that can.
    """

    def decorate(function: _Function) -> _Function:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            compiled: Any = njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache can be written to, as in a read-only container
            return cast(_Function, njit(**options)(function))
        kept = compiled._cache
        code = hashlib.sha256(compiled.py_func.__code__.co_code).hexdigest()
        kept._index_key = lambda signature, target: (signature, target.magic_tuple(), (code, repr(constants)))
        # Numba compiles anew when the kernel's own file has changed, and does not see the files of the parts it calls.
        kept._cache_file._source_stamp = (kept._cache_file._source_stamp, _sources())
        return cast(_Function, compiled)

    return decorate


@cache
def _sources() -> int:
    """A number that changes when any source of golfast does."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return zlib.crc32(repr([(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files]).encode())


def part(function: _Function) -> _Function:
    """Compile as a function of its own, which kernels call: for what is long, or called from several places."""
    return cast(_Function, njit(nogil=True, error_model="numpy")(function))


def inlined(function: _Function) -> _Function:
    """Compile into the caller: for what is a few operations."""
    return cast(_Function, njit(nogil=True, error_model="numpy", forceinline=True)(function))
