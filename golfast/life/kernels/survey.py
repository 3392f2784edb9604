"""Statistics of boards up to 64 cells wide, without storing a state.

Boards lie in tiles as in `narrow`. Whether a field of a word is empty is asked of all fields at once, by letting a sum
carry into the field's highest bit.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from golfast.jit import Kernel, inlined, part, specialised
from golfast.life.boards import pack, packed_width
from golfast.life.kernels import proofs
from golfast.life.kernels.narrow import compile_generation, every_field, read_frame, row_bits, write_frame
from golfast.life.kernels.streams import TOGETHER, plan, stage_words
from golfast.life.rule import Rule
from golfast.vector import LANES, XOR3, add, aligned_words, both, count_bits, down, either, load, splat, store, ternary

ADD_DIFFERENCE = 0xF6  # a | (b ^ c)


class Survey(NamedTuple):
    """The kernels of one rule and one boundary."""

    each: Kernel
    total: Kernel
    seek: Kernel
    meet: Kernel


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


@inlined
def _any_alike(open_: Any, differs: Any) -> bool:
    """Whether an open field is without a difference."""
    news = uint64(0)
    for lane in range(LANES):
        news |= open_[lane] & ~differs[lane]
    return bool(news != uint64(0))


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


def prove_each(rule: Rule, torus: bool, each: Kernel) -> bool:
    """Whether the kernel counts the test board's cells as they are by the reference."""
    population, activity = np.zeros(proofs.GENERATIONS + 1, np.int32), np.zeros(proofs.GENERATIONS, np.int32)
    each(_packed(), proofs.GENERATIONS, population, activity, *_place(), 0, 1)
    return [population.tolist(), activity.tolist()] == _counts(rule, torus)


def prove_total(rule: Rule, torus: bool, total: Kernel) -> bool:
    """The same."""
    totals = aligned_words((proofs.GENERATIONS + 1) * 2 * LANES)
    total(_packed(), proofs.GENERATIONS, totals, *_place(), 0, 1)
    living, changing = totals.reshape(-1, 2, LANES).sum(axis=2).T.tolist()
    return [living, changing[1:]] == _counts(rule, torus)


def prove_seek(rule: Rule, torus: bool, seek: Kernel) -> bool:
    """Whether the kernel runs the test board on as the reference does."""
    now, kept, period = _packed(), np.zeros_like(_packed()), np.zeros(1, np.int64)
    seek(now, kept, 1, 1 << 40, 0, period, *_place(), 0, 1)
    return bool((now == pack(proofs.truth(rule, torus)[1]).reshape(-1)).all())


def prove_meet(rule: Rule, torus: bool, meet: Kernel) -> bool:
    """The same."""
    now, ahead, settled = _packed(), np.zeros_like(_packed()), np.zeros(1, np.int64)
    meet(now, ahead, 0, 1, settled, *_place(), 0, 1)
    return bool((now == pack(proofs.truth(rule, torus)[1]).reshape(-1)).all())


def _packed() -> NDArray[np.uint8]:
    return pack(proofs.board()).reshape(-1)


def _place() -> tuple[object, ...]:
    """What kernels are told of where boards lie."""
    row_bits = 8 * packed_width(proofs.WIDTH)
    stage = aligned_words(TOGETHER * stage_words(proofs.HEIGHT, row_bits))
    return plan(proofs.HEIGHT, proofs.WIDTH, row_bits), stage, proofs.HEIGHT, proofs.WIDTH


def _counts(rule: Rule, torus: bool) -> list[list[int]]:
    """Live cells of the test board's states, and cells that change between them."""
    states = proofs.truth(rule, torus)
    return [states.sum(axis=(1, 2)).tolist(), (states[1:] != states[:-1]).sum(axis=(1, 2)).tolist()]


@cache
def survey(rule: Rule, torus: bool) -> Survey:
    """Compile the kernels of a rule. boards: flat uint8 of (N, height, bytes); start is a multiple of a tile."""
    generation = compile_generation(rule, torus)

    @specialised(rule, torus, proof=partial(prove_each, rule, torus))
    def each(
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

    @specialised(rule, torus, proof=partial(prove_total, rule, torus))
    def total(
        boards: Any, generations: int, totals: Any, plan: Any, stage: Any, height: int, width: int, start: int,
        stop: int,
    ) -> None:  # fmt: skip
        """Add to totals, flat (generations + 1, 2, 8) uint64, live cells of each generation and those that changed.

        Lane by lane: the eight are still to be added up. Of the first generation no cell has changed.
        """
        size = height * ((width + 7) // 8)
        tile = LANES * (65 // (width + 1))
        cells, there = aligned_words(height * LANES), aligned_words(LANES)
        offsets = np.empty(tile, np.int64)
        for first in range(start, stop, tile):
            for lane in range(LANES):
                there[lane] = uint64(0)
            for k in range(tile):
                offsets[k] = min(first + k, stop - 1) * size
                if first + k < stop:
                    there[k % LANES] |= row_bits(width) << uint64(k // LANES * (width + 1))
            read_frame(boards, offsets, plan, stage, cells, height, width, size)
            active, living = load(there, 0), splat(uint64(0))
            for row in range(height):  # the places beyond the last board are emptied, and stay so
                x = both(load(cells, row * LANES), active)
                store(cells, row * LANES, x)
                living = add(living, count_bits(x))
            store(totals, 0, add(load(totals, 0), living))
            for step in range(1, generations + 1):
                generation(cells, 0, active, height, width, totals, step * 2 * LANES)

    @specialised(rule, torus, proof=partial(prove_seek, rule, torus))
    def seek(
        now: Any, kept: Any, generations: int, power: int, length: int, period: Any, plan: Any, stage: Any, height: int,
        width: int, start: int, stop: int,
    ) -> None:  # fmt: skip
        """Run boards `now` on, and put into `period` (N,) int64 how long a board took to be as in `kept`, if it was.

        Brent's algorithm for all boards of a tile at once: compare with the state of the last power of two. `kept` was
        `length` generations ago, and will be replaced when that is `power`.
        """
        size = height * ((width + 7) // 8)
        tile = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        tops = every_field(uint64(1) << uint64(width - 1), width)
        cells, others = aligned_words(height * LANES), aligned_words(height * LANES)
        differs, open_ = aligned_words(LANES), aligned_words(LANES)
        offsets = np.empty(tile, np.int64)
        for first in range(start, stop, tile):
            there = min(tile, stop - first)
            for k in range(tile):
                offsets[k] = (first + min(k, there - 1)) * size
            read_frame(now, offsets, plan, stage, cells, height, width, size)
            read_frame(kept, offsets, plan, stage, others, height, width, size)
            open_[:] = tops
            limit, since, left = power, length, there
            for _ in range(generations):
                generation(cells, 0, everything, height, width)
                since += 1
                _differing(cells, others, height, width, differs)
                if _any_alike(open_, differs):
                    for k in range(there):
                        top = uint64(1) << uint64(k // LANES * (width + 1) + width - 1)
                        if open_[k % LANES] & ~differs[k % LANES] & top:
                            period[first + k] = since
                            open_[k % LANES] &= ~top
                            left -= 1
                    if left == 0:
                        break
                if since == limit:
                    others[:] = cells
                    limit, since = 2 * limit, 0
            write_frame(cells, plan, stage, now, offsets, there, 0, size)
            write_frame(others, plan, stage, kept, offsets, there, 0, size)

    @specialised(rule, torus, proof=partial(prove_meet, rule, torus))
    def meet(
        now: Any, ahead: Any, age: int, generations: int, settled: Any, plan: Any, stage: Any, height: int, width: int,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        """Run boards of this age and the same boards a period ahead; the first state that comes again meets itself.

        settled: (N,) int64, set to the generation where that was. There the board in `now` stays.
        """
        size = height * ((width + 7) // 8)
        tile = LANES * (65 // (width + 1))
        bits = row_bits(width)
        everything = splat(every_field(bits, width))
        tops = every_field(uint64(1) << uint64(width - 1), width)
        cells, others = aligned_words(height * LANES), aligned_words(height * LANES)
        differs, open_, active = aligned_words(LANES), aligned_words(LANES), aligned_words(LANES)
        offsets = np.empty(tile, np.int64)
        for first in range(start, stop, tile):
            there = min(tile, stop - first)
            for k in range(tile):
                offsets[k] = (first + min(k, there - 1)) * size
            read_frame(now, offsets, plan, stage, cells, height, width, size)
            read_frame(ahead, offsets, plan, stage, others, height, width, size)
            open_[:] = tops
            active[:] = every_field(bits, width)
            left = there
            for step in range(generations):
                _differing(cells, others, height, width, differs)
                if _any_alike(open_, differs):
                    for k in range(tile):
                        place = uint64(k // LANES * (width + 1))
                        top = uint64(1) << (place + uint64(width - 1))
                        if open_[k % LANES] & ~differs[k % LANES] & top:
                            open_[k % LANES] &= ~top
                            active[k % LANES] &= ~(bits << place)
                            if k < there:
                                settled[first + k] = age + step
                                left -= 1
                    if left == 0:
                        break
                generation(cells, 0, load(active, 0), height, width)
                generation(others, 0, everything, height, width)
            write_frame(cells, plan, stage, now, offsets, there, 0, size)
            write_frame(others, plan, stage, ahead, offsets, there, 0, size)

    return Survey(each, total, seek, meet)
