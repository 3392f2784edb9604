"""Between cells, a byte each, and packed rows: eight cells are one word, and one product moves them all.

Read as a little-endian word, cell i of eight is bit 8i; times 2**(63 - 9i) it comes to bit 63 - i, the place that
`numpy.packbits` gives it in a byte. And back: times 2**(9i), bit 7 - i of a byte comes to bit 8i + 7.
"""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import kernel
from golfast.vector import load_word, store_word

SPREAD = np.uint64(0x8040201008040201)
LOWEST = np.uint64(0x0101010101010101)


@kernel
def pack_rows(cells: Any, packed: Any, width: int, wrong: Any, start: int, stop: int) -> None:
    """Rows start..stop: flat uint8 cells (rows * width) to flat packed rows; wrong[0] is set by other than 0 and 1."""
    row_bytes = (width + 7) // 8
    bad = uint64(0)
    for row in range(start, stop):
        at, to = row * width, row * row_bytes
        for byte in range(width // 8):
            word = load_word(cells, at + 8 * byte)
            bad |= word & ~LOWEST
            packed[to + byte] = word * SPREAD >> uint64(56)
        if width % 8:
            bits = uint64(0)
            for column in range(width // 8 * 8, width):
                cell = uint64(cells[at + column])
                bad |= cell & ~uint64(1)
                bits |= cell << uint64(7 - column % 8)
            packed[to + row_bytes - 1] = bits & uint64(255)
    if bad:
        wrong[0] = 1


@kernel
def unpack_rows(packed: Any, cells: Any, width: int, start: int, stop: int) -> None:
    """Rows start..stop: flat packed rows to flat uint8 cells (rows * width)."""
    row_bytes = (width + 7) // 8
    for row in range(start, stop):
        at, to = row * row_bytes, row * width
        for byte in range(width // 8):
            bits = uint64(packed[at + byte])
            store_word(cells, to + 8 * byte, bits * SPREAD >> uint64(7) & LOWEST)
        for column in range(width // 8 * 8, width):
            cells[to + column] = packed[at + row_bytes - 1] >> (7 - column % 8) & 1
