"""How boards, weights and gradients lie in memory for AVX-512: pixels in lanes.

A board's plane is kept twice: as pairs of channels, (pairs, pixels) words of two bfloat16, which convolutions read; and
as rows, (channels, pixels) bfloat16, which the gradients of weights read. Pixels are a stream, row by row, with one
zero pixel after each row of cells and a margin of zeros before and behind, so a tap of a 3x3 convolution is an offset
into the stream, and what lies beyond the border is read as the zeros it should be. Channels are padded to whole groups
of four by channels that stay zero.

The weights of a convolution are, for each group of four outputs, (input pairs, 9 taps, 4 outputs) words of two
bfloat16; their gradient is, for each group of four outputs and each of four inputs, 9 taps of (4 outputs, 4 inputs)
sums, each a vector of sixteen float32 that are to be added up.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golfast.model.compiled.plane import Plane

TAPS = 9
LANES = 16
VECTORS = 3  # of pixels, computed at a time
TOGETHER = VECTORS * LANES
GROUP = 4  # channels computed at a time
ROW_LANES = 2 * LANES  # pixels of a row in a vector


def padded(channels: int) -> int:
    """Channels with those that fill the last group."""
    return -(-channels // GROUP) * GROUP


def pairs(channels: int) -> int:
    """Pairs of channels that hold something."""
    return -(-channels // 2)


@dataclass(frozen=True)
class Geometry(Plane):
    """Where the cells of a board are in a plane."""

    @property
    def margin(self) -> int:
        """Pixels before the first cell: enough for the taps, and a whole number of vectors."""
        return -(-(self.width + 2) // ROW_LANES) * ROW_LANES

    @property
    def blocks(self) -> int:
        """Blocks of pixels computed together that hold all cells."""
        return -(-self.span // TOGETHER)

    @property
    def row_vectors(self) -> int:
        """Vectors of a row that hold all cells."""
        return -(-self.span // ROW_LANES)

    @property
    def pixels(self) -> int:
        """Pixels of a plane: an odd number of cache lines a row, since rows a power of two apart evict each other."""
        need = self.margin + max(self.blocks * TOGETHER, self.row_vectors * ROW_LANES) + self.width + 2
        lines = -(-need // ROW_LANES)
        return (lines + 1 - lines % 2) * ROW_LANES

    @cached_property
    def live(self) -> NDArray[np.uint32]:
        """Which pixels of each vector are cells: (pixels / 16,), bit k for the vector's pixel k."""
        live = np.zeros(self.pixels, np.uint32)
        live[self.cells] = 1
        return np.asarray((live.reshape(-1, LANES) << np.arange(LANES, dtype=np.uint32)).sum(1, dtype=np.uint32))
