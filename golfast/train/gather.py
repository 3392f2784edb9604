"""First and last states of chosen trajectories, from packed sets straight to where a batch needs them."""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, kernel

# The eight cells of every byte as floats: a byte is unpacked by one copy of 32 bytes.
CELLS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)

_EIGHT = np.uint64(8)


@kernel
def gather_cells(states: Any, start: int, chosen: Any, table: Any, cells: Any) -> None:
    """Unpack the trajectories that are in `states` into their places of a batch, and leave the others alone.

    states: (n, T, H, ceil(W/8)) uint8, numbers start..start + n of the set. chosen: (B,) int64, numbers of the set.
    table: CELLS. cells: (2, B, H, W) float32, to be filled with the first states and the last.
    """
    count, length, height = states.shape[:3]
    width = uint64(cells.shape[3])
    whole = width // _EIGHT
    for k in range(chosen.shape[0]):
        index = chosen[k] - start
        if 0 <= index < count:
            for side in range(2):
                source, target = states[index, side * (length - 1)], cells[side, k]
                for row in range(uint64(height)):  # unsigned: Numba need not ask whether an index counts from the end
                    for byte in range(whole):
                        _unpack(table, uint64(source[row, byte]), target, row, byte * _EIGHT)
                    for column in range(whole * _EIGHT, width):
                        target[row, column] = table[uint64(source[row, whole]), column - whole * _EIGHT]


@inlined
def _unpack(table: Any, value: Any, target: Any, row: Any, column: Any) -> None:
    """All loads before any store: only then may the compiler make one of eight."""
    a, b, c, d = table[value, uint64(0)], table[value, uint64(1)], table[value, uint64(2)], table[value, uint64(3)]
    e, f, g, h = table[value, uint64(4)], table[value, uint64(5)], table[value, uint64(6)], table[value, uint64(7)]
    target[row, column], target[row, column + uint64(1)] = a, b
    target[row, column + uint64(2)], target[row, column + uint64(3)] = c, d
    target[row, column + uint64(4)], target[row, column + uint64(5)] = e, f
    target[row, column + uint64(6)], target[row, column + uint64(7)] = g, h


@kernel
def gather_bytes(states: Any, start: int, chosen: Any, packed: Any) -> None:
    """The same, left packed: packed is (B, 2, H, ceil(W/8)) uint8."""
    count, length = states.shape[:2]
    for k in range(chosen.shape[0]):
        index = chosen[k] - start
        if 0 <= index < count:
            packed[k, 0] = states[index, 0]
            packed[k, 1] = states[index, length - 1]
