"""Boards of any width, several generations per pass over memory.

Boards lie as bands of rows, eight side by side (`bands`). A pass takes every band through several generations, a strip
of columns at a time; rows are fed in a few at a time, and each batch goes through all generations before the next is
read, so what lies between stays in the cache next to the core. A generation needs a cell more on every side: a strip
computes a word more at either end, whose cells spoil one by one, and a band reads as many rows beyond either end as the
pass has generations. What becomes of those is dropped.
"""

from functools import cache, partial
from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from golfast.jit import Kernel, inlined, part, specialised
from golfast.life.boards import Cells
from golfast.life.kernels import proofs
from golfast.life.kernels.bands import start
from golfast.life.kernels.rules import compile_rule
from golfast.life.rule import Rule
from golfast.vector import (
    LANES,
    MAJORITY,
    XOR3,
    aligned_words,
    both,
    down,
    either,
    from_above,
    from_below,
    load,
    splat,
    store,
    ternary,
    up,
)

BATCH = 8  # rows that go through the generations together: the sums of two rows are saved and restored once a batch
STRIP = 24  # words that go together: twice a batch of them, and what is saved, fit in the cache next to the core
KEPT = 5  # words saved per column and generation: two low sums, two high sums, and the middle row
MOST_TOGETHER = 64  # generations of a pass: a word beyond a strip's end has as many cells


@inlined
def _word(source: Any, places: Any, together: bool, word: int, scratch: Any) -> Any:
    """Word `word` of the rows that begin at `places` (8,), or side by side at the first of them; -1 is a dead row."""
    if together:
        return load(source, places[0] + word * LANES)
    for lane in range(LANES):
        scratch[lane] = source[places[lane] + word * LANES] if places[lane] >= 0 else uint64(0)
    return load(scratch, 0)


@inlined
def _copy(source: Any, of: int, target: Any, to: int, words: int) -> None:
    for word in range(words):
        store(target, to + word * LANES, load(source, of + word * LANES))


def prove_evolve(rule: Rule, torus: bool, evolve: Kernel) -> bool:
    """Whether the kernel runs a test board as the reference does, as one band that is repeated in every lane."""
    words = -(-proofs.WIDE // 64)

    def band(cells: Cells) -> NDArray[np.uint64]:
        padded = np.pad(cells, ((0, 0), (0, 64 * words - proofs.WIDE)))
        return np.packbits(padded, axis=1).view(">u8").astype(np.uint64)

    source, target = aligned_words(proofs.HEIGHT * words * LANES), aligned_words(proofs.HEIGHT * words * LANES)
    source.reshape(proofs.HEIGHT, words, LANES)[:] = band(proofs.board(proofs.WIDE))[:, :, None]
    evolve(source, target, 1, 1, proofs.HEIGHT, proofs.HEIGHT, proofs.WIDE, 1, proofs.GENERATIONS, 0, 1)
    found = target.reshape(proofs.HEIGHT, words, LANES)[:, :, 0]
    return bool((found == band(proofs.truth(rule, torus, proofs.WIDE)[-1])).all())


@cache
def wide(rule: Rule, torus: bool) -> Kernel:
    """Compile the kernel of a rule: a pass of several generations over groups of eight bands."""
    next_row = compile_rule(rule)

    @part
    def find(places: Any, group: int, row: int, bands: int, per_board: int, band: int, height: int, words: int) -> bool:
        """Where row `row` of a group's bands is, which may be beyond their ends; whether that is side by side."""
        if 0 <= row < band:
            places[0] = (group * band + row) * words * LANES
            return True
        for lane in range(LANES):
            number = min(group * LANES + lane, bands - 1)
            wanted = start(number, per_board, band, height) + row
            if torus:
                wanted %= height
            places[lane] = -1
            if 0 <= wanted < height:
                here = min(wanted // band, per_board - 1)
                number += here - number % per_board
                down_there = wanted - start(here, per_board, band, height)
                places[lane] = (number // LANES * band + down_there) * words * LANES + number % LANES
        return False

    @part
    def bury(
        rows: Any, at: int, columns: int, group: int, row: int, bands: int, per_board: int, band: int, height: int,
        alive: Any,
    ) -> None:  # fmt: skip
        """Cells of row `row` that are beyond the border are dead."""
        outside = False
        for lane in range(LANES):
            wanted = start(min(group * LANES + lane, bands - 1), per_board, band, height) + row
            dead = wanted < 0 or wanted >= height
            outside = outside or dead
            alive[lane] = uint64(0) if dead else ~uint64(0)
        if outside:
            for column in range(columns):
                store(rows, at + column * LANES, both(load(rows, at + column * LANES), load(alive, 0)))

    @specialised(rule, torus, proof=partial(prove_evolve, rule, torus))
    def evolve(
        source: Any, target: Any, bands: int, per_board: int, band: int, height: int, width: int, strips: int,
        generations: int, first: int, stop: int,
    ) -> None:  # fmt: skip
        """Strips first..stop of groups of bands, as `spread` leaves them, `generations` later (at most MOST_TOGETHER).

        Every group has `strips` of them, of at most STRIP words; those of a group follow one another.
        """
        words = (width + 63) // 64
        strip = -(-words // strips)
        used = uint64(width % 64)
        valid = splat(~uint64(0) << uint64(-width % 64))
        line = (strip + 4) * LANES  # a word more at either end, and one beyond that
        here, there = aligned_words(BATCH * line), aligned_words(BATCH * line)
        kept = aligned_words(generations * (strip + 2) * KEPT * LANES)
        places, scratch = np.empty(LANES, np.int64), np.empty(LANES, np.uint64)
        for number in range(first, stop):
            group, west_end = number // strips, number % strips * strip
            if west_end < words:
                east_end = min(west_end + strip, words)
                low, high = max(west_end - 1, 0), min(east_end + 1, words)  # what is there of the strip and around it
                begins = 2 if torus and west_end == 0 else 1  # column of word `low`
                columns = begins - 1 + high - low + (1 if torus and east_end == words else 0)
                kept[:] = uint64(0)
                here[:] = uint64(0)
                there[:] = uint64(0)
                # The batch that begins at row `top` leaves the pass as rows top - generations..
                for top in range(-generations, band + generations, BATCH):
                    for k in range(BATCH):
                        at = k * line + begins * LANES
                        together = find(places, group, top + k, bands, per_board, band, height, words)
                        if together:
                            _copy(source, places[0] + low * LANES, here, at, high - low)
                        else:
                            for word in range(low, high):
                                store(here, at + (word - low) * LANES, _word(source, places, False, word, scratch))
                        if torus and west_end == 0:
                            west = _word(source, places, together, words - 1, scratch)
                            if used:
                                before = _word(source, places, together, words - 2, scratch)
                                west = either(up(before, used), down(west, uint64(64) - used))
                            store(here, at - LANES, west)
                        if torus and east_end == words:
                            end = at + (words - 1 - low) * LANES
                            east = _word(source, places, together, 0, scratch)
                            if used:
                                store(here, end, either(load(here, end), down(east, used)))
                                east = up(east, uint64(64) - used)
                            store(here, end + LANES, east)
                    # Above a band, a generation more spoils a row more: its first batches need not go all the way.
                    worth = (top + generations + BATCH) // 2
                    for generation in range(min(generations, worth)):
                        for column in range(columns):
                            save = (generation * columns + column) * KEPT * LANES
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
                        if not torus:
                            for k in range(BATCH):
                                if high == words:
                                    end = k * line + (words - low) * LANES
                                    store(there, end, both(load(there, end), valid))
                                row = top + k - generation - 1
                                if row < 0 or row >= band:
                                    bury(
                                        there, k * line + LANES, columns, group, row, bands, per_board, band, height,
                                        scratch,
                                    )  # fmt: skip
                        here, there = there, here
                    for k in range(BATCH):
                        row = top + k - generations
                        if 0 <= row < band:
                            at = k * line + (begins + west_end - low) * LANES
                            if east_end == words:
                                end = at + (words - 1 - west_end) * LANES
                                store(here, end, both(load(here, end), valid))
                            to = ((group * band + row) * words + west_end) * LANES
                            _copy(here, at, target, to, east_end - west_end)

    return evolve
