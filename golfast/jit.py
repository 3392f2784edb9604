"""Numba's compiler with our settings, and with types that a checker can follow."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Kernel = Callable[..., None]

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile on first use and keep on disk; the GIL is released, so `over_batch` can run it on all cores."""
    return cast(_Function, njit(nogil=True, cache=True, error_model="numpy")(function))


def part(function: _Function) -> _Function:
    """Compile as a function of its own, which kernels call: for what is long, or called from several places."""
    return cast(_Function, njit(nogil=True, error_model="numpy")(function))


def inlined(function: _Function) -> _Function:
    """Compile into the caller: for what is a few operations."""
    return cast(_Function, njit(nogil=True, error_model="numpy", forceinline=True)(function))
