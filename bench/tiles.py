"""Boards 20 cells wide in the tiles of the narrow kernel (golfast/life/kernels/narrow.py), and back."""

import numpy as np
from numpy.typing import NDArray

from .peers_life import Cells

FIELDS = 3  # boards of 20 cells in a word, a spare bit after each
_STRIDE = 21


def to_tiles(boards: Cells) -> NDArray[np.uint64]:
    """Boards (N, H, 20), N a multiple of 24: (N / 24, H, 8) words. Board k is in lane k % 8 of field k // 8."""
    height, width = boards.shape[1:]
    words = (boards.astype(np.uint64) << np.arange(width, dtype=np.uint64)).sum(axis=2, dtype=np.uint64)
    fields = words.reshape(-1, FIELDS, 8, height) << (np.arange(FIELDS, dtype=np.uint64) * _STRIDE)[:, None, None]
    return np.ascontiguousarray(np.bitwise_or.reduce(fields, axis=1).transpose(0, 2, 1))


def from_tiles(tiles: NDArray[np.uint64], width: int) -> Cells:
    """The opposite of `to_tiles`."""
    count, height, _ = tiles.shape
    shifts = (np.arange(FIELDS, dtype=np.uint64) * _STRIDE)[:, None] + np.arange(width, dtype=np.uint64)
    bits = tiles[..., None, None] >> shifts & np.uint64(1)  # (tiles, H, 8, fields, W)
    return bits.astype(np.uint8).transpose(0, 3, 2, 1, 4).reshape(count * FIELDS * 8, height, width)
