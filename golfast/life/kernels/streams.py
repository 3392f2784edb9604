"""Between tiles and streams of bits. Re-ordering bits costs more than simulating them, so vectors do that, too.

A board's frame, packed or random, is a stream of bits, highest first, a row every `stride` bits. The streams of eight
boards, transposed so that a vector holds the same 64 bits of each, are cut into the rows of a tile's field, or joined
from them. Each row is one rotation and one or two masked moves; how far and which bits is worked out beforehand.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from golfast.jit import inlined
from golfast.vector import (
    ADD_MASKED,
    LANES,
    both,
    load,
    load_bytes,
    rotate,
    splat,
    store,
    store_bytes,
    swap_bytes,
    ternary,
    transpose,
)

# Columns of a plan; the rotations of the fields follow.
WORD, HERE, BEYOND, ROTATION = range(4)
TOGETHER = 3  # fields that are cut or joined in one go, so that a row is looked up and loaded once for three


def fields(width: int) -> int:
    """Boards to a word: each takes its width and a spare bit, and the last needs no spare."""
    return 65 // (width + 1)


@lru_cache(maxsize=64)
def plan(height: int, width: int, stride: int) -> NDArray[np.uint64]:
    """How rows of a tile lie in streams of this stride: (height, 3 + fields) uint64.

    For each row: the stream's word in which it begins, the bits of that word and of the next that it takes, and for
    each field of the tile the rotation that brings the row from there to its place in the stream.
    """
    table = np.zeros((height, ROTATION + fields(width)), np.uint64)
    for row in range(height):
        word, fill = divmod(row * stride, 64)
        # The row's bits as a number of 128 bits, the word's first bit highest.
        bits = ((1 << width) - 1) << (128 - fill - width)
        rotations = [(64 - fill - width - field * (width + 1)) % 64 for field in range(fields(width))]
        table[row] = [word, bits >> 64, bits & (1 << 64) - 1, *rotations]
    table.setflags(write=False)
    return table


def stage_words(height: int, stride: int) -> int:
    """Words of a stage, the streams of eight boards: whole blocks of 64, and one more for a row that ends there."""
    return (-(-height * stride // 512) * 8 + 1) * LANES


@inlined
def cut_rows(stage: Any, plan: Any, cells: Any, height: int, width: int, first: int, count: int) -> None:
    """Fill fields first..first + count of a tile from as many stages, which lie one behind the other in `stage`.

    cells: the tile's flat words. Field 0 clears what was there.
    """
    size = stage.shape[0] // TOGETHER
    row_bits = ~uint64(0) >> uint64(64 - width)
    bits0 = splat(row_bits << uint64(first * (width + 1)))
    bits1 = splat(row_bits << uint64((first + 1) * (width + 1) & 63))
    bits2 = splat(row_bits << uint64((first + 2) * (width + 1) & 63))
    for row in range(height):
        at = np.int64(plan[row, WORD]) * LANES
        word0, word1, word2 = load(stage, at), load(stage, at + size), load(stage, at + 2 * size)
        if plan[row, BEYOND] != 0:
            here, beyond = splat(plan[row, HERE]), splat(plan[row, BEYOND])
            word0 = ternary(ADD_MASKED, both(word0, here), load(stage, at + LANES), beyond)
            word1 = ternary(ADD_MASKED, both(word1, here), load(stage, at + size + LANES), beyond)
            word2 = ternary(ADD_MASKED, both(word2, here), load(stage, at + 2 * size + LANES), beyond)
        cell = splat(uint64(0))
        if first > 0:
            cell = load(cells, row * LANES)
        # A rotation by n back is one by -n, and only the lowest six bits of it count.
        cell = ternary(ADD_MASKED, cell, rotate(word0, uint64(0) - plan[row, ROTATION + first]), bits0)
        if count > 1:
            cell = ternary(ADD_MASKED, cell, rotate(word1, uint64(0) - plan[row, ROTATION + first + 1]), bits1)
        if count > 2:
            cell = ternary(ADD_MASKED, cell, rotate(word2, uint64(0) - plan[row, ROTATION + first + 2]), bits2)
        store(cells, row * LANES, cell)


@inlined
def join_rows(cells: Any, plan: Any, stage: Any, height: int, first: int, count: int) -> None:
    """The opposite of `cut_rows`; bits between rows are 0."""
    size = stage.shape[0] // TOGETHER
    field1, field2 = min(first + 1, plan.shape[1] - 1 - ROTATION), min(first + 2, plan.shape[1] - 1 - ROTATION)
    word = np.int64(0)
    joined0 = joined1 = joined2 = splat(uint64(0))
    for row in range(height):
        at = np.int64(plan[row, WORD]) * LANES
        if at != word:
            store(stage, word, joined0)
            store(stage, word + size, joined1)
            store(stage, word + 2 * size, joined2)
            joined0 = joined1 = joined2 = splat(uint64(0))
            word = at
        cell = load(cells, row * LANES)
        row0 = rotate(cell, plan[row, ROTATION + first])
        row1 = rotate(cell, plan[row, ROTATION + field1])
        row2 = rotate(cell, plan[row, ROTATION + field2])
        here = splat(plan[row, HERE])
        joined0 = ternary(ADD_MASKED, joined0, row0, here)
        joined1 = ternary(ADD_MASKED, joined1, row1, here)
        joined2 = ternary(ADD_MASKED, joined2, row2, here)
        if plan[row, BEYOND] != 0:
            store(stage, word, joined0)
            store(stage, word + size, joined1)
            store(stage, word + 2 * size, joined2)
            beyond = splat(plan[row, BEYOND])
            joined0, joined1, joined2 = both(row0, beyond), both(row1, beyond), both(row2, beyond)
            word += LANES
    store(stage, word, joined0)
    store(stage, word + size, joined1)
    store(stage, word + 2 * size, joined2)


@inlined
def read_streams(source: Any, offsets: Any, first: int, size: int, stage: Any, into: int) -> None:
    """Fill the stage at stage[into:] with `size` bytes from each of offsets[first : first + 8] of flat uint8."""
    for at in range(0, size, 64):
        n = min(64, size - at)
        w0, w1, w2, w3, w4, w5, w6, w7 = transpose(
            load_bytes(source, offsets[first] + at, n), load_bytes(source, offsets[first + 1] + at, n),
            load_bytes(source, offsets[first + 2] + at, n), load_bytes(source, offsets[first + 3] + at, n),
            load_bytes(source, offsets[first + 4] + at, n), load_bytes(source, offsets[first + 5] + at, n),
            load_bytes(source, offsets[first + 6] + at, n), load_bytes(source, offsets[first + 7] + at, n),
        )  # fmt: skip
        # 64 bytes of a stream are 8 words; a stage has 8 lanes for each.
        store(stage, into + at, swap_bytes(w0))
        store(stage, into + at + 8, swap_bytes(w1))
        store(stage, into + at + 16, swap_bytes(w2))
        store(stage, into + at + 24, swap_bytes(w3))
        store(stage, into + at + 32, swap_bytes(w4))
        store(stage, into + at + 40, swap_bytes(w5))
        store(stage, into + at + 48, swap_bytes(w6))
        store(stage, into + at + 56, swap_bytes(w7))


@inlined
def write_streams(stage: Any, of: int, target: Any, offsets: Any, first: int, shift: int, size: int) -> None:
    """Store `size` bytes of each stream at stage[of:] at offsets[first : first + 8] + shift of flat uint8."""
    for at in range(0, size, 64):
        n = min(64, size - at)
        v0, v1, v2, v3, v4, v5, v6, v7 = transpose(
            swap_bytes(load(stage, of + at)), swap_bytes(load(stage, of + at + 8)),
            swap_bytes(load(stage, of + at + 16)), swap_bytes(load(stage, of + at + 24)),
            swap_bytes(load(stage, of + at + 32)), swap_bytes(load(stage, of + at + 40)),
            swap_bytes(load(stage, of + at + 48)), swap_bytes(load(stage, of + at + 56)),
        )  # fmt: skip
        to = shift + at
        store_bytes(target, offsets[first] + to, v0, n)
        store_bytes(target, offsets[first + 1] + to, v1, n)
        store_bytes(target, offsets[first + 2] + to, v2, n)
        store_bytes(target, offsets[first + 3] + to, v3, n)
        store_bytes(target, offsets[first + 4] + to, v4, n)
        store_bytes(target, offsets[first + 5] + to, v5, n)
        store_bytes(target, offsets[first + 6] + to, v6, n)
        store_bytes(target, offsets[first + 7] + to, v7, n)
