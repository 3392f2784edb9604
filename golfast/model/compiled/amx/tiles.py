"""The matrix unit of recent x86 cores (AMX), as operations that compiled code can call.

Eight tile registers of up to 16 rows of 64 bytes. `dot` is c += a @ b for a of (16, 32) bfloat16, b of 32 bfloat16 rows
kept as 16 rows of pairs, and c of (16, 16) float32: 8,192 multiplications in 16 cycles. Tiles are numbered by literals,
and their shapes are data that `configure` loads, so one compiled kernel serves all shapes. Source: Intel 64 and IA-32
Architectures Software Developer's Manual, volume 1, chapter 18.
"""

import ctypes
import platform
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

import numba
import numba.core.cgutils
import numba.extending
import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from golfast.vector import cpu_has

types: Any = numba.types
cgutils: Any = numba.core.cgutils

TILE_ROWS, TILE_BYTES = 16, 64

_I8, _I64 = ir.IntType(8), ir.IntType(64)
_POINTER = _I8.as_pointer()
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18


@cache
def has_tiles() -> bool:
    """Whether this process may use the matrix unit for bfloat16; Linux wants to be asked, once a process."""
    if not all(cpu_has(name) for name in ("amx-tile", "amx-bf16", "avx512f", "avx512bw", "avx512bf16")):
        return False
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


def tile_shapes(shapes: Sequence[tuple[int, int]]) -> NDArray[np.uint8]:
    """What `configure` takes, for (rows, bytes a row) of each tile from 0 on: 64 bytes."""
    config = np.zeros(64, np.uint8)
    config[0] = 1
    for tile, (rows, row_bytes) in enumerate(shapes):
        assert 1 <= rows <= TILE_ROWS
        assert 4 <= row_bytes <= TILE_BYTES
        config[16 + 2 * tile], config[48 + tile] = row_bytes, rows
    return config


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """An intrinsic that is given the values of constant arguments; a checker sees what kernels call."""
    return cast(Callable[..., Any], numba.extending.intrinsic(prefer_literal=True)(function))


@_operation
def configure(context: Any, shapes: Any, index: Any) -> Any:
    """Give the tiles the shapes at shapes[index : index + 64], made by `tile_shapes`; all tiles become zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return _call(context, builder, "ldtilecfg", [address])

    return types.void(shapes, types.intp), code


@_operation
def release(context: Any) -> Any:
    """Give the tiles back; a thread that has none is switched faster."""
    return types.void(), lambda context, builder, signature, arguments: _call(context, builder, "tilerelease", [])


@_operation
def load_tile(context: Any, tile: Any, array: Any, index: Any, stride: Any) -> Any:
    """Fill a tile from a flat array, from element `index` on, `stride` bytes from row to row."""
    number = tile.literal_value

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        return _call(context, builder, "tileloadd64", [_I8(number), address, arguments[3]])

    return types.void(tile, array, types.intp, types.intp), code


@_operation
def store_tile(context: Any, tile: Any, array: Any, index: Any, stride: Any) -> Any:
    """Put a tile into a flat array, from element `index` on, `stride` bytes from row to row."""
    number = tile.literal_value

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[1], arguments[1], arguments[2])
        return _call(context, builder, "tilestored64", [_I8(number), address, arguments[3]])

    return types.void(tile, array, types.intp, types.intp), code


@_operation
def zero_tile(context: Any, tile: Any) -> Any:
    """Make a tile zero."""
    number = tile.literal_value
    return types.void(tile), lambda context, builder, signature, arguments: _call(
        context, builder, "tilezero", [_I8(number)]
    )


@_operation
def dot(context: Any, c: Any, a: Any, b: Any) -> Any:
    """Tile c += tile a @ tile b."""
    numbers = [_I8(tile.literal_value) for tile in (c, a, b)]
    return types.void(c, a, b), lambda context, builder, signature, arguments: _call(
        context, builder, "tdpbf16ps", numbers
    )


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    return builder.bitcast(builder.gep(context.make_array(array_type)(context, builder, array).data, [index]), _POINTER)


def _call(context: Any, builder: Any, name: str, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), arguments)
    return context.get_dummy_value()
