"""Statistics of boards up to 64 cells wide, without storing a state.

Boards lie in tiles as in `narrow`. Whether a field of a word is empty is asked of all fields at once, by letting a sum
carry into the field's highest bit.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import uint64

from golfast.jit import Kernel, part, specialised
from golfast.life.kernels.narrow import compile_generation, every_field, read_frame, row_bits, still_active
from golfast.life.rule import Rule
from golfast.vector import LANES, XOR3, add, aligned_words, both, count_bits, down, either, load, splat, store, ternary

ADD_DIFFERENCE = 0xF6  # a | (b ^ c)


class Survey(NamedTuple):
    """The kernels of one rule and one boundary."""

    tally: Kernel
    settle: Kernel


@part
def _differing(cells: Any, others: Any, height: int, width: int, result: Any) -> None:
    """Set in the words `result` (8,) the highest bit of each field in which two tiles differ."""
    top = uint64(1) << uint64(width - 1)
    tops, body = every_field(top, width), every_field(top - uint64(1), width)
    different = splat(uint64(0))
    for row in range(height):
        different = ternary(ADD_DIFFERENCE, different, load(cells, row * LANES), load(others, row * LANES))
    carried = either(add(both(different, splat(body)), splat(body)), different)
    store(result, 0, both(carried, splat(tops)))


@part
def _add_counts(cells: Any, height: int, width: int, boards: int, counts: Any, at: int, step: int) -> None:
    """Put the live cells of each board of a tile at counts[at], counts[at + step]..."""
    bits = splat(row_bits(width))
    total = aligned_words(LANES)
    for field in range((boards + LANES - 1) // LANES):
        place = uint64(field * (width + 1))
        sum_ = splat(uint64(0))
        for row in range(height):
            sum_ = add(sum_, count_bits(both(down(load(cells, row * LANES), place), bits)))
        store(total, 0, sum_)
        for lane in range(min(LANES, boards - field * LANES)):
            counts[at + (field * LANES + lane) * step] = total[lane]


@cache
def survey(rule: Rule, torus: bool) -> Survey:
    """Compile the kernels of a rule. boards: flat uint8 of (N, height, bytes); start is a multiple of a tile."""
    generation = compile_generation(rule, torus)

    @specialised(rule, torus)
    def tally(
        boards: Any, generations: int, population: Any, activity: Any, plan: Any, stage: Any, height: int, width: int,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        """population: flat (N, generations + 1) int32, live cells; activity: (N, generations), cells that change."""
        size = height * ((width + 7) // 8)
        tile = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        cells, before = aligned_words(height * LANES), aligned_words(height * LANES)
        offsets = np.empty(tile, np.int64)
        for first in range(start, stop, tile):
            there = min(tile, stop - first)
            for k in range(tile):
                offsets[k] = (first + min(k, there - 1)) * size
            read_frame(boards, offsets, plan, stage, cells, height, width, size)
            for step in range(generations + 1):
                _add_counts(cells, height, width, there, population, first * (generations + 1) + step, generations + 1)
                if step < generations:
                    before[:] = cells
                    generation(cells, 0, everything, height, width)
                    for row in range(height):
                        changed = ternary(XOR3, load(cells, row * LANES), load(before, row * LANES), splat(uint64(0)))
                        store(before, row * LANES, changed)
                    _add_counts(before, height, width, there, activity, first * generations + step, generations)

    @specialised(rule, torus)
    def settle(
        boards: Any, limit: int, settled: Any, period: Any, plan: Any, stage: Any, height: int, width: int, start: int,
        stop: int,
    ) -> None:  # fmt: skip
        """settled, period: (N,) int64; -1 and 0 where the first `limit` generations do not show a repetition.

        Brent's algorithm for all boards of a tile at once: compare with the state of the last power of two.
        """
        size = height * ((width + 7) // 8)
        tile = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        tops = every_field(uint64(1) << uint64(width - 1), width)
        words = height * LANES
        first_cells, cells, others = aligned_words(words), aligned_words(words), aligned_words(words)
        differs, open_ = aligned_words(LANES), aligned_words(LANES)
        active = aligned_words(LANES)
        offsets, order = np.empty(tile, np.int64), np.empty(tile, np.int64)
        periods = np.empty(tile, np.int64)
        for first in range(start, stop, tile):
            there = min(tile, stop - first)
            for k in range(tile):
                offsets[k] = (first + min(k, there - 1)) * size
                order[k] = k
                periods[k] = 0
            read_frame(boards, offsets, plan, stage, first_cells, height, width, size)
            # The period: how far from a state to its next appearance.
            cells[:], others[:] = first_cells, first_cells
            open_[:] = tops
            power, length, left = 1, 0, tile
            for _ in range(limit):
                generation(cells, 0, everything, height, width)
                length += 1
                _differing(cells, others, height, width, differs)
                news = uint64(0)
                for lane in range(LANES):
                    news |= open_[lane] & ~differs[lane]
                if news:
                    for k in range(tile):
                        top = uint64(1) << uint64(k // LANES * (width + 1) + width - 1)
                        if open_[k % LANES] & ~differs[k % LANES] & top:
                            periods[k] = length
                            open_[k % LANES] &= ~top
                            left -= 1
                    if left == 0:
                        break
                if length == power:
                    others[:] = cells
                    power, length = 2 * power, 0
            # The first state that comes again: one period ahead, it meets itself.
            cells[:], others[:] = first_cells, first_cells
            age = 1
            count = still_active(periods, order, 0, tile - 1, age, active, width)
            while count > 0:
                generation(cells, 0, load(active, 0), height, width)
                age += 1
                count = still_active(periods, order, 0, tile - 1, age, active, width)
            for k in range(there):
                period[first + k] = periods[k]
                settled[first + k] = -1
            left = there
            for k in range(there):
                left -= periods[k] == 0
            at = 0
            while left > 0:
                _differing(cells, others, height, width, differs)
                for k in range(there):
                    top = uint64(1) << uint64(k // LANES * (width + 1) + width - 1)
                    if periods[k] > 0 and settled[first + k] < 0 and not differs[k % LANES] & top:
                        settled[first + k] = at
                        left -= 1
                generation(cells, 0, everything, height, width)
                generation(others, 0, everything, height, width)
                at += 1

    return Survey(tally, settle)
