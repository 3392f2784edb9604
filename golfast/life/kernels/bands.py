"""Boards of any width as bands of rows, eight bands (of one board or of several) side by side in the lanes of vectors.

The neighbours of a word are then always in the same lane. The layout is (groups of eight bands, rows, words, 8) words,
the first cell of a word highest.
"""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import kernel, part
from golfast.vector import (
    LANES,
    add,
    aligned_words,
    both,
    count_bits,
    exclusive,
    load,
    load_bytes,
    splat,
    store,
    store_bytes,
    swap_bytes,
    transpose,
)


@part
def _read_row(source: Any, offsets: Any, row_bytes: int, target: Any, at: int) -> None:
    """One row of eight bands, (words, 8) at target[at:], in whole blocks of eight words."""
    for byte in range(0, row_bytes, 64):
        n = min(64, row_bytes - byte)
        w0, w1, w2, w3, w4, w5, w6, w7 = transpose(
            load_bytes(source, offsets[0] + byte, n),
            load_bytes(source, offsets[1] + byte, n),
            load_bytes(source, offsets[2] + byte, n),
            load_bytes(source, offsets[3] + byte, n),
            load_bytes(source, offsets[4] + byte, n),
            load_bytes(source, offsets[5] + byte, n),
            load_bytes(source, offsets[6] + byte, n),
            load_bytes(source, offsets[7] + byte, n),
        )
        to = at + byte
        store(target, to, swap_bytes(w0))
        store(target, to + 8, swap_bytes(w1))
        store(target, to + 16, swap_bytes(w2))
        store(target, to + 24, swap_bytes(w3))
        store(target, to + 32, swap_bytes(w4))
        store(target, to + 40, swap_bytes(w5))
        store(target, to + 48, swap_bytes(w6))
        store(target, to + 56, swap_bytes(w7))


@part
def _write_row(source: Any, at: int, row_bytes: int, target: Any, offsets: Any) -> None:
    """The opposite of `_read_row`."""
    for byte in range(0, row_bytes, 64):
        n = min(64, row_bytes - byte)
        of = at + byte
        v0, v1, v2, v3, v4, v5, v6, v7 = transpose(
            swap_bytes(load(source, of)), swap_bytes(load(source, of + 8)),
            swap_bytes(load(source, of + 16)), swap_bytes(load(source, of + 24)),
            swap_bytes(load(source, of + 32)), swap_bytes(load(source, of + 40)),
            swap_bytes(load(source, of + 48)), swap_bytes(load(source, of + 56)),
        )  # fmt: skip
        store_bytes(target, offsets[0] + byte, v0, n)
        store_bytes(target, offsets[1] + byte, v1, n)
        store_bytes(target, offsets[2] + byte, v2, n)
        store_bytes(target, offsets[3] + byte, v3, n)
        store_bytes(target, offsets[4] + byte, v4, n)
        store_bytes(target, offsets[5] + byte, v5, n)
        store_bytes(target, offsets[6] + byte, v6, n)
        store_bytes(target, offsets[7] + byte, v7, n)


@part
def start(bands: int, per_board: int, band: int, height: int) -> int:
    """The first row, on its board, of a band of this number; the last of a board overlaps the one before."""
    return min(bands % per_board * band, height - band)


@kernel
def spread(
    source: Any, target: Any, bands: int, per_board: int, band: int, height: int, width: int, first: int, stop: int
) -> None:
    """Packed boards, flat, to groups first..stop of bands side by side; beyond the last band it is repeated."""
    row_bytes = (width + 7) // 8
    words = (row_bytes + 7) // 8
    line = aligned_words((words + 7) // 8 * 8 * LANES)
    offsets = np.empty(LANES, np.int64)
    for row in range(first * band, stop * band):
        for lane in range(LANES):
            number = min(row // band * LANES + lane, bands - 1)
            board_row = start(number, per_board, band, height) + row % band
            offsets[lane] = (number // per_board * height + board_row) * row_bytes
        _read_row(source, offsets, row_bytes, line, 0)
        target[row * words * LANES : (row + 1) * words * LANES] = line[: words * LANES]


@kernel
def collect(
    source: Any, target: Any, stride: int, bands: int, per_board: int, band: int, height: int, width: int, first: int,
    stop: int,
) -> None:  # fmt: skip
    """The opposite of `spread`, into packed boards that begin every `stride` bytes."""
    row_bytes = (width + 7) // 8
    words = (row_bytes + 7) // 8
    line = aligned_words((words + 7) // 8 * 8 * LANES)
    offsets = np.empty(LANES, np.int64)
    for row in range(first * band, stop * band):
        for lane in range(LANES):
            number = min(row // band * LANES + lane, bands - 1)
            board_row = start(number, per_board, band, height) + row % band
            offsets[lane] = number // per_board * stride + board_row * row_bytes
        line[: words * LANES] = source[row * words * LANES : (row + 1) * words * LANES]
        _write_row(line, 0, row_bytes, target, offsets)


@kernel
def count(
    boards: Any, before: Any, totals: Any, bands: int, per_board: int, band: int, height: int, width: int, first: int,
    stop: int,
) -> None:  # fmt: skip
    """Add to totals, flat (2, 8) uint64, the live cells of each lane, and those that are not as in `before`."""
    words = (width + 63) // 64
    once = aligned_words(LANES)
    living = changing = splat(uint64(0))
    for row in range(first * band, stop * band):
        for lane in range(LANES):
            number = row // band * LANES + lane
            board_row = start(number, per_board, band, height) + row % band
            # Neither what repeats the last band, nor rows in which a board's last band overlaps the one before.
            counts = number < bands and board_row >= number % per_board * band
            once[lane] = ~uint64(0) if counts else uint64(0)
        mask = load(once, 0)
        for at in range(row * words * LANES, (row + 1) * words * LANES, LANES):
            x = load(boards, at)
            living = add(living, count_bits(both(x, mask)))
            changing = add(changing, count_bits(both(exclusive(x, load(before, at)), mask)))
    store(totals, 0, add(load(totals, 0), living))
    store(totals, LANES, add(load(totals, LANES), changing))
