"""Boards as cells and as bits: checks, packing, unpacking."""

import numpy as np
from numpy.typing import NDArray

from golfast.life.kernels.cells import pack_rows, unpack_rows
from golfast.threads import over_batch

MAX_SIDE = 1 << 20  # a side beyond this is a typing error, not a board

_ROWS = 1 << 16  # rows worth a thread of their own

Cells = NDArray[np.uint8]


def check_size(height: int, width: int) -> None:
    """Raise ValueError unless a board of this height and width can be."""
    for name, side in (("height", height), ("width", width)):
        if not 1 <= side <= MAX_SIDE:
            raise ValueError(f"board {name} {side} is impossible: it must be from 1 to {MAX_SIDE}")


def check_cells(cells: object) -> Cells:
    """`cells` as a C-contiguous uint8 array of 0s and 1s, shape (..., H, W); ValueError if it is not that.

    Booleans and any integer or float type are taken as long as every value is 0 or 1.
    """
    array = np.asarray(cells)
    if array.ndim < 2:
        raise ValueError(f"boards have shape (..., height, width); got shape {array.shape}")
    check_size(array.shape[-2], array.shape[-1])
    if array.dtype.kind not in "biuf" or (array.dtype.kind != "b" and not ((array == 0) | (array == 1)).all()):
        raise ValueError(f"cells are 0 or 1; got other values in an array of {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.uint8)


def packed_width(width: int) -> int:
    """Bytes of one packed row of `width` cells."""
    return (width + 7) // 8


def pack(cells: object) -> Cells:
    """Cells (..., H, W) to packed rows (..., H, ceil(W/8)), uint8: `numpy.packbits` along W, first cell highest."""
    array = np.asarray(cells)
    if array.dtype not in (np.uint8, np.bool_) or array.ndim < 2:
        array = check_cells(array)
    check_size(*array.shape[-2:])
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
    check_packed(packed, width)
    cells = np.empty((*packed.shape[:-1], width), np.uint8)
    source, flat = np.ascontiguousarray(packed).reshape(-1), cells.reshape(-1)
    over_batch(lambda start, stop: unpack_rows(source, flat, width, start, stop), cells.size // width, smallest=_ROWS)
    return cells


def check_packed(packed: NDArray[np.uint8], width: int) -> None:
    """Raise ValueError unless these are packed rows of `width` cells."""
    if width < 1 or packed.dtype != np.uint8 or packed.ndim < 1 or packed.shape[-1] != packed_width(width):
        raise ValueError(
            f"packed rows of {width} cells are {packed_width(width)} uint8 bytes wide; "
            f"got {packed.dtype} of shape {packed.shape}"
        )
