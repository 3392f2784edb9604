"""Numba's compiler with our settings, and with types that a checker can follow."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile on first use and keep on disk; the GIL is released, so `over_batch` can run it on all cores."""
    return cast(_Function, njit(nogil=True, cache=True)(function))


def inlined(function: _Function) -> _Function:
    """Compile into the caller, where arguments that are constants fold away."""
    return cast(_Function, njit(inline="always")(function))
