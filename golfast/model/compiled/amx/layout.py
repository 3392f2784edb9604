"""How boards, weights and gradients lie in memory for the matrix unit.

A board is a plane: a stream of pixels, row by row, each a row of 32 bfloat16 channels (64 bytes, a tile's row) of which
a layer uses the first few. One zero pixel ends each row of cells and a row of zeros lies above and below, so a tap of a
3x3 convolution is an offset into the stream, and what lies beyond the border is read as the zeros it should be.

The weights of a layer are 9 taps of up to two tiles, (input pairs, 16 outputs, 2) bfloat16; their gradient is 9 taps
of up to two by two tiles, (16 outputs, 16 inputs) float32.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golfast.model.compiled.amx.tiles import TILE_ROWS, tile_shapes
from golfast.model.compiled.plane import Plane

MOST_CHANNELS = 32
ROW = MOST_CHANNELS  # elements of a pixel
TAPS = 9
TOGETHER = 32  # pixels computed at a time: two tiles
TILE = 512  # elements of a bfloat16 tile
LAYER_WEIGHTS = TAPS * 2 * TILE  # elements of a layer's weights
LAYER_GRADIENT = TAPS * 4 * 256


@dataclass(frozen=True)
class Geometry(Plane):
    """Where the cells of a board are in a plane."""

    @property
    def margin(self) -> int:
        """Pixels before the first cell."""
        return self.width + 2 + self.width % 2  # even, so that a pair of pixels begins with the first cell

    @property
    def blocks(self) -> int:
        """Blocks of 32 pixels that hold all cells."""
        return -(-self.span // TOGETHER)

    @property
    def pixels(self) -> int:
        """Pixels of a plane."""
        return self.margin + self.blocks * TOGETHER + self.width + 4

    @cached_property
    def live(self) -> NDArray[np.uint8]:
        """1 for pixels that are cells, 0 for those of the border, (pixels,)."""
        live = np.zeros(self.pixels, np.uint8)
        live[self.cells] = 1
        return live


def conv_shapes(inputs: int, outputs: int) -> NDArray[np.uint8]:
    """Tile shapes of a convolution: sums 0..3 (block, half of the outputs), pixels 4 and 5, weights 6 and 7."""
    first, second = min(outputs, 16), max(outputs - 16, 1)
    pairs = -(-inputs // 2)
    sums = [(TILE_ROWS, 4 * first), (TILE_ROWS, 4 * second)] * 2
    return tile_shapes([*sums, (TILE_ROWS, 4 * pairs), (TILE_ROWS, 4 * pairs), (pairs, 4 * first), (pairs, 4 * second)])


def gradient_shapes(inputs: int, outputs: int) -> NDArray[np.uint8]:
    """Tile shapes of a weight's gradient: sums 0..3 (half of the outputs, of the inputs), outputs 4, 5, inputs 6, 7."""
    rows, more_rows = min(outputs, 16), max(outputs - 16, 1)
    columns, more_columns = 4 * min(inputs, 16), 4 * max(inputs - 16, 1)
    sums = [(rows, columns), (rows, more_columns), (more_rows, columns), (more_rows, more_columns)]
    return tile_shapes([*sums, (rows, 64), (more_rows, 64), (TILE_ROWS, columns), (TILE_ROWS, more_columns)])
