"""Boards as cells and as bits: checks, packing, unpacking."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.errors import shown as shown
from golfast.life.kernels.cells import pack_rows, unpack_rows
from golfast.threads import over_batch

MAX_SIDE = 1 << 20  # a side beyond this is a typing error, not a board

_ROWS = 1 << 16  # rows worth a thread of their own

Cells = NDArray[np.uint8]


def whole_number(name: str, value: object) -> int:
    """`value` as an int; ValueError, naming it, unless it is a whole number."""
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name} is a whole number; got {shown(value)}") from None


def check_size(height: int, width: int) -> tuple[int, int]:
    """Both as ints; ValueError unless a board of this height and width can be."""
    sides = whole_number("height", height), whole_number("width", width)
    for name, side in zip(("height", "width"), sides, strict=True):
        if not 1 <= side <= MAX_SIDE:
            raise ValueError(f"board {name} {side} is impossible: it must be from 1 to {MAX_SIDE}")
    return sides


def as_array(what: str, given: object) -> NDArray[Any]:
    """`given` as an array of whatever type and shape; ValueError if NumPy cannot make one of it."""
    try:
        return np.asarray(given)
    except ValueError:
        raise ValueError(f"{what} are an array of numbers; got {shown(given)}, of rows that differ in length") from None
    except (TypeError, RuntimeError) as error:  # tensors of another library: on a GPU, with gradients, of bfloat16
        kind = type(given).__name__
        raise ValueError(f"{what} are an array of numbers; NumPy can make none of this {kind}: {error}") from None


def as_boards(cells: object) -> NDArray[Any]:
    """`cells` as an array (..., H, W) of whatever type; ValueError if it has not two dimensions."""
    array = as_array("boards", cells)
    if array.ndim < 2:
        got = f"shape {array.shape}" if array.dtype.kind in "biuf" else shown(cells)
        raise ValueError(f"boards have shape (..., height, width); got {got}")
    check_size(array.shape[-2], array.shape[-1])
    return array


def check_cells(cells: object) -> Cells:
    """`cells` as a C-contiguous uint8 array of 0s and 1s, shape (..., H, W); ValueError if it is not that.

    Booleans and any integer or float type are taken as long as every value is 0 or 1.
    """
    array = as_boards(cells)
    if array.dtype.kind not in "biuf" or (array.dtype.kind != "b" and not ((array == 0) | (array == 1)).all()):
        raise ValueError(f"cells are 0 or 1; got other values in an array of {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.uint8)


def packed_width(width: int) -> int:
    """Bytes of one packed row of `width` cells."""
    return (width + 7) // 8


def pack(cells: object) -> Cells:
    """Cells (..., H, W) to packed rows (..., H, ceil(W/8)), uint8: `numpy.packbits` along W, first cell highest."""
    array = as_boards(cells)
    if array.dtype not in (np.uint8, np.bool_):
        array = check_cells(array)
    array = np.ascontiguousarray(array)
    packed = np.empty((*array.shape[:-1], packed_width(array.shape[-1])), np.uint8)
    flat, target, wrong, width = array.view(np.uint8).reshape(-1), packed.reshape(-1), np.zeros(1), array.shape[-1]
    rows = array.size // width
    over_batch(lambda start, stop: pack_rows(flat, target, width, wrong, start, stop), rows, smallest=_ROWS)
    if wrong[0]:
        raise ValueError(f"cells are 0 or 1; got other values in an array of {array.dtype}")
    return packed


def unpack(packed: NDArray[np.uint8], width: int) -> Cells:
    """Packed rows (..., H, ceil(width/8)) to cells (..., H, width), both uint8. ValueError if the widths disagree."""
    width = check_packed(packed, width)
    cells = np.empty((*packed.shape[:-1], width), np.uint8)
    source, flat = np.ascontiguousarray(packed).reshape(-1), cells.reshape(-1)
    over_batch(lambda start, stop: unpack_rows(source, flat, width, start, stop), cells.size // width, smallest=_ROWS)
    return cells


def check_packed(packed: NDArray[np.uint8], width: int) -> int:
    """`width` as an int; ValueError unless these are packed rows of `width` cells."""
    width = whole_number("width", width)
    if not isinstance(packed, np.ndarray):
        raise ValueError(f"packed rows are an array of uint8; got {shown(packed)}")
    if width < 1 or packed.dtype != np.uint8 or packed.ndim < 1 or packed.shape[-1] != packed_width(width):
        raise ValueError(
            f"packed rows of {width} cells are {packed_width(width)} uint8 bytes wide; "
            f"got {packed.dtype} of shape {packed.shape}"
        )
    return width
