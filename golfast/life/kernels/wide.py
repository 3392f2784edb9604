"""Boards of any width, several generations per pass over memory.

A board is cut into bands of rows, and eight bands (of one board or of several) go side by side in the lanes of a
vector, so that the neighbours of a word are always in the same lane. Rows are fed in a few at a time; each batch goes
through all generations of the pass before the next is read, so what lies between stays in cache. A generation needs a
row above and one below, so a band reads as many rows beyond either end as the pass has generations; what becomes of
those is dropped.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import Kernel, part, specialised
from golfast.life.kernels.rules import compile_rule
from golfast.life.rule import Rule
from golfast.vector import (
    LANES,
    MAJORITY,
    XOR3,
    both,
    down,
    either,
    from_above,
    from_below,
    load,
    load_bytes,
    splat,
    store,
    store_bytes,
    swap_bytes,
    ternary,
    transpose,
)

BATCH = 8  # rows that go through the generations together: the sums of two rows are saved and restored once a batch
KEPT = 5  # words saved per column and generation: two low sums, two high sums, and the middle row


@part
def _read_row(source: Any, offsets: Any, row_bytes: int, target: Any, at: int) -> None:
    """One row of eight bands, (words, 8) at target[at:]; a negative offset is a row of dead cells."""
    for byte in range(0, row_bytes, 64):
        n = min(64, row_bytes - byte)
        w0, w1, w2, w3, w4, w5, w6, w7 = transpose(
            load_bytes(source, offsets[0] + byte, n if offsets[0] >= 0 else 0),
            load_bytes(source, offsets[1] + byte, n if offsets[1] >= 0 else 0),
            load_bytes(source, offsets[2] + byte, n if offsets[2] >= 0 else 0),
            load_bytes(source, offsets[3] + byte, n if offsets[3] >= 0 else 0),
            load_bytes(source, offsets[4] + byte, n if offsets[4] >= 0 else 0),
            load_bytes(source, offsets[5] + byte, n if offsets[5] >= 0 else 0),
            load_bytes(source, offsets[6] + byte, n if offsets[6] >= 0 else 0),
            load_bytes(source, offsets[7] + byte, n if offsets[7] >= 0 else 0),
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


@cache
def wide(rule: Rule, torus: bool) -> Kernel:
    """Compile the kernel of a rule: a pass of several generations over groups of eight bands."""
    next_row = compile_rule(rule)

    @part
    def close(rows: Any, at: int, words: int, width: int) -> None:
        """Give a row of words 0..words - 1 at rows[at + 8:] its neighbours: a word before it, a word behind it."""
        first, last = at + LANES, at + words * LANES
        west, east = splat(uint64(0)), splat(uint64(0))
        if torus:
            used = width % 64
            if used == 0:
                west, east = load(rows, last), load(rows, first)
            else:
                end = load(rows, last)
                west = down(end, uint64(64 - used))
                store(rows, last, either(end, down(load(rows, first), uint64(used))))
        store(rows, at, west)
        store(rows, last + LANES, east)

    @specialised(rule, torus)
    def evolve(
        source: Any, target: Any, boards: Any, starts: Any, band: int, height: int, width: int, generations: int,
        source_stride: int, target_stride: int, first: int, stop: int,
    ) -> None:  # fmt: skip
        """Rows starts[k]..starts[k] + band of boards[k], `generations` later, for bands k of groups first..stop of 8.

        source, target: flat uint8, packed boards of (height, bytes); a board begins every `stride` bytes. boards,
        starts: (groups * 8,).
        """
        row_bytes = (width + 7) // 8
        words = (row_bytes + 7) // 8
        valid = splat(~uint64(0) << uint64(-width % 64))
        line = (-(-row_bytes // 64) * 8 + 2) * LANES  # a row: whole blocks, and a word at either end
        here = np.zeros(BATCH * line, np.uint64)
        there = np.zeros(BATCH * line, np.uint64)
        kept = np.empty(generations * words * KEPT * LANES, np.uint64)
        offsets = np.empty(LANES, np.int64)
        alive = np.empty(LANES, np.uint64)
        for group in range(first, stop):
            of = group * LANES
            kept[:] = uint64(0)
            # The batch that begins at row `top` leaves the pass as rows top - generations..
            for top in range(-generations, band + generations, BATCH):
                for k in range(BATCH):
                    for lane in range(LANES):
                        row = starts[of + lane] + top + k
                        if torus:
                            row %= height
                        offsets[lane] = boards[of + lane] * source_stride + row * row_bytes
                        if not torus and (row < 0 or row >= height):
                            offsets[lane] = -1
                    _read_row(source, offsets, row_bytes, here, k * line + LANES)
                    close(here, k * line, words, width)
                for generation in range(generations):
                    for column in range(words):
                        save = (generation * words + column) * KEPT * LANES
                        s0, s1 = load(kept, save), load(kept, save + 8)
                        m0, m1 = load(kept, save + 16), load(kept, save + 24)
                        x1 = load(kept, save + 32)
                        at = (column + 1) * LANES
                        for _ in range(BATCH):
                            x2 = load(here, at)
                            west = from_above(load(here, at - LANES), x2)
                            east = from_below(x2, load(here, at + LANES))
                            s2, m2 = ternary(XOR3, west, x2, east), ternary(MAJORITY, west, x2, east)
                            store(there, at, next_row(x1, s0, s1, s2, m0, m1, m2))
                            s0, m0, s1, m1, x1 = s1, m1, s2, m2, x2
                            at += line
                        store(kept, save, s0)
                        store(kept, save + 8, s1)
                        store(kept, save + 16, m0)
                        store(kept, save + 24, m1)
                        store(kept, save + 32, x1)
                    for k in range(BATCH):
                        end = k * line + words * LANES
                        store(there, end, both(load(there, end), valid))
                        if not torus:  # rows beyond the border stay dead
                            outside = False
                            for lane in range(LANES):
                                row = starts[of + lane] + top + k - generation - 1
                                dead = row < 0 or row >= height
                                outside = outside or dead
                                alive[lane] = uint64(0) if dead else ~uint64(0)
                            if outside:
                                for column in range(words):
                                    at = k * line + (column + 1) * LANES
                                    store(there, at, both(load(there, at), load(alive, 0)))
                        close(there, k * line, words, width)
                    here, there = there, here
                for k in range(BATCH):
                    row = top + k - generations
                    if 0 <= row < band:
                        for lane in range(LANES):
                            offsets[lane] = boards[of + lane] * target_stride + (starts[of + lane] + row) * row_bytes
                        end = k * line + words * LANES
                        store(here, end, both(load(here, end), valid))  # without what `close` put behind the row
                        _write_row(here, k * line + LANES, row_bytes, target, offsets)

    return evolve
