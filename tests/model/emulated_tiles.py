"""The matrix unit in plain compiled code, for machines that have none: run as a script, it tests what is for it.

`golfast.model.compiled.amx` is imported with these operations in place of the processor's, and the tests of engines run
against it. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS and its like.
"""

import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from llvmlite import ir
from numba import carray, njit, uint32
from numba.extending import intrinsic

from golfast.model.compiled.amx import tiles

_CONFIG, _ROWS, _BYTES = 64, 16, 64
# Of the one thread that there is: the shapes, then eight tiles.
_UNIT = np.zeros(_CONFIG + 8 * _ROWS * _BYTES, np.uint8)
_ADDRESS, _SIZE = _UNIT.ctypes.data, len(_UNIT)


@intrinsic
def _pointer(context: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return numba.types.voidptr(address), code


@njit
def _unit() -> Any:
    return carray(_pointer(_ADDRESS), (_SIZE,), np.uint8)


@njit
def _tile(number: int) -> Any:
    first = _CONFIG + number * _ROWS * _BYTES
    return _unit()[first : first + _ROWS * _BYTES]


@njit
def _shape(number: int) -> Any:
    unit = _unit()
    return int(unit[48 + number]), int(unit[16 + 2 * number])


@njit
def configure(shapes: Any, index: int) -> None:
    unit = _unit()
    unit[:] = 0
    unit[:_CONFIG] = shapes[index : index + _CONFIG]


@njit
def release() -> None:
    _unit()[:] = 0


@njit
def zero_tile(number: int) -> None:
    _tile(number)[:] = 0


@njit
def load_tile(number: int, array: Any, index: int, stride: int) -> None:
    data, tile, (rows, width) = array.view(np.uint8), _tile(number), _shape(number)
    tile[:] = 0
    for row in range(rows):
        at = index * array.itemsize + row * stride
        tile[row * _BYTES : row * _BYTES + width] = data[at : at + width]


@njit
def store_tile(number: int, array: Any, index: int, stride: int) -> None:
    data, tile, (rows, width) = array.view(np.uint8), _tile(number), _shape(number)
    for row in range(rows):
        at = index * array.itemsize + row * stride
        data[at : at + width] = tile[row * _BYTES : row * _BYTES + width]


@njit
def dot(c: int, a: int, b: int) -> None:
    rows, width = _shape(c)
    sums = _tile(c).view(np.float32)
    ours, theirs = _floats(_tile(a)), _floats(_tile(b))
    pairs = _shape(a)[1] // 4
    for m in range(rows):
        for n in range(width // 4):
            for k in range(2 * pairs):
                sums[m * 16 + n] += ours[m * 32 + k] * theirs[k // 2 * 32 + 2 * n + k % 2]


@njit
def _floats(tile: Any) -> Any:
    """The bfloat16 of a tile as float32."""
    halves = tile.view(np.uint16)
    words = np.empty(halves.shape[0], np.uint32)
    for k in range(halves.shape[0]):
        words[k] = uint32(halves[k]) << uint32(16)
    return words.view(np.float32)


if __name__ == "__main__":
    for operation in (configure, release, zero_tile, load_tile, store_tile, dot):
        setattr(tiles, operation.__name__, operation)
    tiles.has_tiles = lambda: True
    here = Path(__file__).parent
    sys.exit(pytest.main(["-q", "-k", "amx", "-p", "no:cacheprovider", str(here / "test_compiled.py")]))
