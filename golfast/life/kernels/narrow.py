"""Boards up to 64 cells wide, many at a time.

A tile is (height, 8) words. A word holds one row of several boards, their widths and a spare zero bit between them,
which is the dead border: three boards of width 20. A vector of eight words is a row of 24 such boards. Rows roll by:
each is added up sideways once, and the sums of three rows stay in registers, so a generation of Life is nine
three-input operations and two shifts for each row of a tile. Board k of a tile is in lane k % 8 of field k // 8.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from golfast.jit import Kernel, inlined, part, specialised
from golfast.life.boards import pack, packed_width
from golfast.life.kernels import proofs
from golfast.life.kernels.philox import fill_stage
from golfast.life.kernels.rules import compile_rule
from golfast.life.kernels.streams import (
    TOGETHER,
    cut_rows,
    join_rows,
    plan,
    read_streams,
    stage_words,
    write_streams,
)
from golfast.life.rule import Rule
from golfast.vector import (
    LANES,
    MAJORITY,
    SELECT,
    XOR3,
    add,
    aligned_words,
    count_bits,
    down,
    exclusive,
    fetch_for_writing,
    load,
    splat,
    store,
    ternary,
    up,
)


class Narrow(NamedTuple):
    """The kernels of one rule and one boundary."""

    record: Kernel
    age: Kernel
    grow: Kernel
    advance: Kernel


@inlined
def row_bits(width: int) -> Any:
    """A word with the lowest `width` bits set."""
    return ~uint64(0) >> uint64(64 - width)


@inlined
def every_field(bits: Any, width: int) -> Any:
    """A word with `bits` in each field."""
    word = uint64(0)
    for field in range(65 // (width + 1)):
        word |= bits << uint64(field * (width + 1))
    return word


def compile_generation(rule: Rule, torus: bool) -> Any:
    """A function generation(cells, first, active, height, width): one step of the tile from cells[first] on, in place.

    Only cells whose bit is set in `active` change; spare bits are never active, and stay 0. Given uint64 `counts` and
    `at`, it adds the live cells of each lane to counts[at : at + 8], and those that changed to the next eight.
    """
    next_row = compile_rule(rule)

    @inlined
    def sideways(x: Any, across: Any, east_edge: Any, west_edge: Any) -> Any:
        west, east = down(x, uint64(1)), up(x, uint64(1))
        if torus:
            west = ternary(SELECT, west_edge, up(x, across), west)
            east = ternary(SELECT, east_edge, down(x, across), east)
        return ternary(XOR3, west, x, east), ternary(MAJORITY, west, x, east)

    @part
    def generation(
        cells: Any, first: int, active: Any, height: int, width: int, counts: Any = None, at: int = 0
    ) -> None:
        living = changing = splat(uint64(0))
        across = uint64(width - 1)
        east_edge = splat(every_field(uint64(1), width))
        west_edge = splat(every_field(uint64(1) << across, width))
        x1 = load(cells, first)
        s1, m1 = sideways(x1, across, east_edge, west_edge)
        s0 = m0 = s_first = m_first = splat(uint64(0))
        if torus:  # the first row is above the last one, and will have changed by then
            s0, m0 = sideways(load(cells, first + (height - 1) * LANES), across, east_edge, west_edge)
            s_first, m_first = s1, m1
        for row in range(height - 1):
            x2 = load(cells, first + (row + 1) * LANES)
            s2, m2 = sideways(x2, across, east_edge, west_edge)
            new = ternary(SELECT, active, next_row(x1, s0, s1, s2, m0, m1, m2), x1)
            store(cells, first + row * LANES, new)
            if counts is not None:
                living, changing = add(living, count_bits(new)), add(changing, count_bits(exclusive(new, x1)))
            s0, m0, s1, m1, x1 = s1, m1, s2, m2, x2
        new = ternary(SELECT, active, next_row(x1, s0, s1, s_first, m0, m1, m_first), x1)
        store(cells, first + (height - 1) * LANES, new)
        if counts is not None:
            living, changing = add(living, count_bits(new)), add(changing, count_bits(exclusive(new, x1)))
            store(counts, at, add(load(counts, at), living))
            store(counts, at + LANES, add(load(counts, at + LANES), changing))

    return generation


@part
def write_frame(
    cells: Any, plan: Any, stage: Any, states: Any, offsets: Any, boards: int, shift: int, size: int
) -> None:
    """Store a tile as packed frames of `size` bytes at the offsets of its boards, plus `shift`.

    The places beyond the last board repeat it, cells and offset, so storing them again does no harm.
    """
    height = cells.shape[0] // LANES
    part = stage.shape[0] // TOGETHER
    used = (boards + LANES - 1) // LANES
    for first in range(0, used, TOGETHER):
        count = min(TOGETHER, used - first)
        join_rows(cells, plan, stage, height, first, count)
        for k in range(count):
            write_streams(stage, k * part, states, offsets, (first + k) * LANES, shift, size)


@part
def read_frame(
    states: Any, offsets: Any, plan: Any, stage: Any, cells: Any, height: int, width: int, size: int
) -> None:
    """Fill a tile from packed frames of `size` bytes at the offsets of its boards."""
    part = stage.shape[0] // TOGETHER
    every = 65 // (width + 1)
    for first in range(0, every, TOGETHER):
        count = min(TOGETHER, every - first)
        for k in range(count):
            read_streams(states, offsets, (first + k) * LANES, size, stage, k * part)
        cut_rows(stage, plan, cells, height, width, first, count)


@part
def still_active(ages: Any, order: Any, first: int, last: int, generation: int, active: Any, width: int) -> int:
    """Set in the words `active` (8,) the fields of boards that have this generation to go; how many there are."""
    count = 0
    bits = row_bits(width)
    for lane in range(LANES):
        active[lane] = uint64(0)
    for k in range(LANES * (65 // (width + 1))):
        if ages[order[min(first + k, last)]] >= generation:
            active[k % LANES] |= bits << uint64(k // LANES * (width + 1))
            count += 1
    return count


def prove_record(rule: Rule, torus: bool, record: Kernel) -> bool:
    """Whether the kernel runs the test board as the reference does."""
    states = proofs.blank_states()
    record(states, proofs.GENERATIONS + 1, _plan(), _stage(), proofs.HEIGHT, proofs.WIDTH, 0, 1)
    return proofs.are_true(states, rule, torus)


def prove_age(rule: Rule, torus: bool, age: Kernel) -> bool:
    """The same."""
    states = pack(proofs.board()).reshape(-1)
    ages, order = np.full(1, proofs.GENERATIONS), np.zeros(1, np.int64)
    age(states, ages, order, _plan(), _stage(), proofs.HEIGHT, proofs.WIDTH, 0, 1)
    return bool((states == pack(proofs.truth(rule, torus)[-1]).reshape(-1)).all())


def prove_grow(rule: Rule, torus: bool, grow: Kernel) -> bool:
    """Whether the states of a few soups follow from each other as they do by the reference."""
    states = np.zeros((proofs.SOUPS, proofs.GENERATIONS + 1, proofs.HEIGHT, packed_width(proofs.WIDTH)), np.uint8)
    ages, order = np.zeros(proofs.SOUPS, np.int64), np.minimum(np.arange(proofs.SOUPS + LANES), proofs.SOUPS - 1)
    soup_stage = aligned_words(TOGETHER * ((proofs.HEIGHT * proofs.WIDTH + 127) // 128 * 2 + 1) * LANES)
    soup_plan = plan(proofs.HEIGHT, proofs.WIDTH, proofs.WIDTH)
    grow(
        states.reshape(-1), proofs.GENERATIONS + 1, ages, order, proofs.soup_numbers(), soup_plan, soup_stage, _plan(),
        _stage(), proofs.HEIGHT, proofs.WIDTH, 0, proofs.SOUPS,
    )  # fmt: skip
    return bool((states == proofs.true_soups(rule, torus)).all())


def prove_advance(rule: Rule, torus: bool, advance: Kernel) -> bool:
    """Whether the kernel runs a tile with the test board in its first place as the reference does."""
    tile = aligned_words(proofs.HEIGHT * LANES).reshape(1, proofs.HEIGHT, LANES)
    weights = np.uint64(1) << np.arange(proofs.WIDTH, dtype=np.uint64)
    tile[0, :, 0] = proofs.board() @ weights  # east for west, which makes no difference to any rule
    advance(tile, proofs.GENERATIONS, proofs.HEIGHT, proofs.WIDTH, 0, 1)
    return bool((tile[0, :, 0] == proofs.truth(rule, torus)[-1] @ weights).all())


def _plan() -> NDArray[np.uint64]:
    return plan(proofs.HEIGHT, proofs.WIDTH, 8 * packed_width(proofs.WIDTH))


def _stage() -> NDArray[np.uint64]:
    stage: NDArray[np.uint64] = aligned_words(TOGETHER * stage_words(proofs.HEIGHT, 8 * packed_width(proofs.WIDTH)))
    return stage


@cache
def narrow(rule: Rule, torus: bool) -> Narrow:
    """Compile the kernels of a rule; each is compiled on first use and kept on disk.

    States are a flat uint8 array of (N, frames, height, bytes); `plan` is of the packed frames' stride; start and stop
    are board numbers, start a multiple of a tile.
    """
    generation = compile_generation(rule, torus)

    @part
    def advance_to(
        cells: Any, active: Any, ages: Any, order: Any, first: int, last: int, height: int, width: int
    ) -> None:
        """Run each board of a tile for its own age."""
        boards = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        youngest = ages[order[first]]
        for k in range(first + 1, min(first + boards, last + 1)):
            youngest = min(youngest, ages[order[k]])
        age, count = 0, boards
        while True:
            age += 1
            if age > youngest:
                count = still_active(ages, order, first, last, age, active, width)
                if count == 0:
                    break
            if count == boards:
                generation(cells, 0, everything, height, width)
            else:
                generation(cells, 0, load(active, 0), height, width)

    @specialised(rule, torus, proof=partial(prove_record, rule, torus))
    def record(states: Any, frames: int, plan: Any, stage: Any, height: int, width: int, start: int, stop: int) -> None:
        """Frames 1.. of boards start..stop from frame 0."""
        size = height * ((width + 7) // 8)
        boards = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        cells = aligned_words(height * LANES)
        offsets = np.empty(boards, np.int64)
        for first in range(start, stop, boards):
            for k in range(boards):
                offsets[k] = min(first + k, stop - 1) * frames * size
            read_frame(states, offsets, plan, stage, cells, height, width, size)
            # Where the next tile will be stored is on its way while this one is computed.
            for line in range((first + boards) * frames * size, (first + 2 * boards) * frames * size, 64):
                fetch_for_writing(states, line)
            for frame in range(1, frames):
                generation(cells, 0, everything, height, width)
                write_frame(cells, plan, stage, states, offsets, min(boards, stop - first), frame * size, size)

    @specialised(rule, torus, proof=partial(prove_age, rule, torus))
    def age(
        states: Any, ages: Any, order: Any, plan: Any, stage: Any, height: int, width: int, start: int, stop: int
    ) -> None:
        """Run boards order[start..stop] of states (one frame each) for their ages, in place; `order` sorts by age."""
        size = height * ((width + 7) // 8)
        boards = LANES * (65 // (width + 1))
        cells = aligned_words(height * LANES)
        active = aligned_words(LANES)
        offsets = np.empty(boards, np.int64)
        for first in range(start, stop, boards):
            for k in range(boards):
                offsets[k] = order[min(first + k, stop - 1)] * size
            read_frame(states, offsets, plan, stage, cells, height, width, size)
            advance_to(cells, active, ages, order, first, stop - 1, height, width)
            write_frame(cells, plan, stage, states, offsets, min(boards, stop - first), 0, size)

    @specialised(rule, torus, proof=partial(prove_grow, rule, torus))
    def grow(
        states: Any, frames: int, ages: Any, order: Any, soup: Any, soup_plan: Any, soup_stage: Any, plan: Any,
        stage: Any, height: int, width: int, start: int, stop: int,
    ) -> None:  # fmt: skip
        """Whole trajectories from random numbers: soups of boards order[start..stop], aged, and all their frames.

        soup: uint64 (number of board 0, stream, density in 1/65536, and the key schedule).
        """
        size = height * ((width + 7) // 8)
        boards = LANES * (65 // (width + 1))
        everything = splat(every_field(row_bits(width), width))
        cells = aligned_words(height * LANES)
        active = aligned_words(LANES)
        offsets = np.empty(boards, np.int64)
        numbers = aligned_words(boards)
        for first in range(start, stop, boards):
            for k in range(boards):
                board = order[min(first + k, stop - 1)]
                offsets[k] = board * frames * size
                numbers[k] = soup[0] + uint64(board)
                # Where the trajectory will be stored is on its way while its soup is made.
                for line in range(offsets[k], offsets[k] + frames * size, 64):
                    fetch_for_writing(states, line)
            part = soup_stage.shape[0] // TOGETHER
            for field in range(0, boards // LANES, TOGETHER):
                together = min(TOGETHER, boards // LANES - field)
                for k in range(together):
                    random = soup_stage[k * part : (k + 1) * part]
                    fill_stage(random, load(numbers, (field + k) * LANES), soup[1], soup[2], soup[3:])
                cut_rows(soup_stage, soup_plan, cells, height, width, field, together)
            advance_to(cells, active, ages, order, first, stop - 1, height, width)
            count = min(boards, stop - first)
            for frame in range(frames):
                if frame > 0:
                    generation(cells, 0, everything, height, width)
                write_frame(cells, plan, stage, states, offsets, count, frame * size, size)

    @specialised(rule, torus, proof=partial(prove_advance, rule, torus))
    def advance(tiles: Any, generations: int, height: int, width: int, start: int, stop: int) -> None:
        """Tiles start..stop of (tiles, height, 8) words, in place, nothing stored between: the bare simulation."""
        everything = splat(every_field(row_bits(width), width))
        # All tiles as one array: to take one out would count a reference, for which threads wait for each other.
        cells = tiles.reshape(-1)
        for tile in range(start, stop):
            for _ in range(generations):
                generation(cells, tile * height * LANES, everything, height, width)

    return Narrow(record, age, grow, advance)
