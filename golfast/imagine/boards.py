"""What the metric takes for boards: arrays of cells and packed ones, checked, and flat as the kernels read them."""

import operator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from golfast.run.arrays import as_array

BYTES = (np.uint8(0), np.uint8(1))  # alive above the first, nothing beyond the second


def imagined_cells(imagined: object) -> tuple[NDArray[Any], tuple[Any, Any]]:
    """The array in a type that a kernel reads, and its range: alive above the first, no cell beyond the second."""
    array = _numbers("imagined", imagined)
    if array.dtype.kind == "f":
        single = array.dtype.itemsize <= 4  # half precision fits, and so is single precision itself
        array = array.astype(np.float32 if single else np.float64, copy=False)
        return array, (array.dtype.type(0.5), array.dtype.type(np.inf))
    return _as_bytes(array, "imagined holds whole numbers other than 0 and 1"), BYTES


def true_cells(truth: object) -> NDArray[np.uint8]:
    """The array as bytes that are to be 0 and 1."""
    return _as_bytes(_numbers("truth", truth), "truth holds values other than 0 and 1")


def _as_bytes(array: NDArray[Any], otherwise: str) -> NDArray[np.uint8]:
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        return array.view(np.uint8)  # the kernel looks at the values
    if not ((array == 0) | (array == 1)).all():
        raise ValueError(otherwise)
    return array.astype(np.uint8)


def _numbers(name: str, given: object) -> NDArray[Any]:
    array = as_array(name, given)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} is an array of {array.dtype}; cells are numbers or booleans")
    if array.ndim != 4:
        raise ValueError(f"{name} has shape (N, states, H, W); got shape {array.shape}")
    return array


def packed_boards(name: str, given: object, width: int) -> NDArray[np.uint8]:
    """The array, if it is one of packed boards of this width. ValueError if not."""
    array, row_bytes = as_array(f"packed {name}", given), (width + 7) // 8
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != row_bytes:
        raise ValueError(
            f"packed {name} of width {width} is uint8 of shape (N, states, H, {row_bytes}); "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


@lru_cache(8)
def valid_bits(height: int, width: int) -> NDArray[np.uint8]:
    """1 for each bit of a packed board that is a cell: (H * ceil(W/8),) uint8."""
    bits = np.tile(np.packbits(np.ones(width, np.uint8)), height)
    bits.flags.writeable = False
    return bits


def check_shapes(h: NDArray[Any], s: NDArray[Any]) -> None:
    """ValueError unless both hold as many sequences, of boards of the same shape."""
    if len(h) != len(s):
        raise ValueError(f"imagined holds {len(h)} sequences, but truth {len(s)}")
    if h.shape[2:] != s.shape[2:]:
        raise ValueError(
            f"imagined boards have shape {h.shape[2:]}, but true ones {s.shape[2:]}; whole shapes: {h.shape}, {s.shape}"
        )
    if 0 in h.shape[2:]:
        raise ValueError(f"boards of {h.shape[2]} x {h.shape[3]} cells have nothing to compare")


def check_width(width: int) -> int:
    """The width as an int. ValueError if it is none of a board."""
    try:
        number = operator.index(width)
    except TypeError:
        raise ValueError(f"width is a whole number of cells; got {width!r}") from None
    if number < 1:
        raise ValueError(f"width is {number}; it must be 1 or more")
    return number


def flat(boards: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """(N, k, H, W) as one read-only run of memory with the strides, in elements, of its first two axes.

    Copies only if a board does not lie in one piece.
    """
    size, strides = boards.itemsize, boards.strides[:2]
    whole = boards.size == 0 or boards[0, 0].flags.c_contiguous
    if not (
        whole and boards.flags.aligned and boards.dtype.isnative and all(s >= 0 and s % size == 0 for s in strides)
    ):
        boards = np.ascontiguousarray(boards, dtype=boards.dtype.newbyteorder("="))
    sequence, board = (stride // size for stride in boards.strides[:2])
    count, k, height, width = boards.shape
    extent = (count - 1) * sequence + (k - 1) * board + height * width if boards.size else 0
    return as_strided(boards, (extent,), (size,), writeable=False), (sequence, board)
