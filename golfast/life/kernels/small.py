"""Boards that fit one vector: a board is a value in a register, in nearly the form in which it is stored.

A tile of many boards (`narrow`) simulates faster, but to take one apart into packed frames costs more than simulating
it. Here the rows of one board lie behind each other, each in whole bytes and at least one spare bit, which is the dead
border; highest bits first, so that the words of a vector are stored with their bytes reversed. A row moves up or down
by a permutation of bytes, and sideways by a shift into which the next lane's bit moves.

A generation of Life on a dead border is 17 operations, a frame one permutation and a store, and a random board 35
operations. The two ports that do them share them about equally, so a 20x20 board, 4 generations and 5 frames need at
least (35 + 4 * 17 + 5) / 2 = 54 cycles.
"""

from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golfast.jit import Kernel, inlined, specialised
from golfast.life.boards import packed_width
from golfast.life.kernels import proofs
from golfast.life.kernels.permute import HAS_PERMUTE, lanes_down, lanes_up, permute_bytes, pick_bits
from golfast.life.kernels.philox import fill_boards, lowest_plane
from golfast.life.kernels.rules import compile_rule
from golfast.life.rule import Rule
from golfast.vector import (
    ADD_MASKED,
    LANES,
    MAJORITY,
    SELECT,
    VECTOR_BYTES,
    XOR3,
    add,
    aligned_words,
    both,
    down,
    from_above,
    from_below,
    load,
    load_bytes,
    splat,
    store_bytes,
    store_vector,
    ternary,
    up,
)

# Rows of a plan, eight words each.
ABOVE, BELOW, CELLS, PACKED, UNPACKED, WEST, EAST, FIRST, LAST, ACROSS = range(10)
SOUP_0, BITS_0, CELLS_0, SOUP_1, BITS_1, CELLS_1 = range(10, 16)
BOARDS_TOGETHER = 4  # boards at a time: one alone would wait for its own operations to end
_SPARE = VECTOR_BYTES - 1  # a byte of no row: always zero
_REVERSED = (
    np.arange(VECTOR_BYTES) ^ 7
)  # the order of a board's bytes in a vector: the first is the highest of its word


class Small(NamedTuple):
    """The kernels of one rule and one boundary."""

    record: Kernel
    grow: Kernel


def is_small(height: int, width: int) -> bool:
    """Whether boards of this size fit a vector, with a byte to spare, and this CPU can permute bytes."""
    return HAS_PERMUTE and height * (width // 8 + 1) < VECTOR_BYTES


@lru_cache(maxsize=64)
def small_plan(height: int, width: int, torus: bool) -> NDArray[np.uint64]:
    """How boards of this size lie in a vector, and how they move: (16 * 8,) uint64, the plan's rows one by one."""
    row_bytes, stride = (width + 7) // 8, width // 8 + 1
    rows, across = np.arange(height), (width - 1) % 8
    cells = np.zeros((VECTOR_BYTES * 8,), np.uint8)
    columns = (rows[:, None] * stride * 8 + np.arange(width)).astype(int)
    cells[columns] = 1
    first, last = np.zeros_like(cells), np.zeros_like(cells)
    first[columns[:, 0]], last[columns[:, -1]] = 1, 1
    # For each byte of the result, the byte it comes from, in the order of the board.
    above, below, packed, unpacked, west, east = np.full((6, VECTOR_BYTES), _SPARE)
    for row in rows:
        for byte in range(stride):
            for moved, there in ((above, row - 1), (below, row + 1)):
                if torus or 0 <= there < height:
                    moved[row * stride + byte] = there % height * stride + byte
        for byte in range(row_bytes):
            packed[row * row_bytes + byte] = row * stride + byte
            unpacked[row * stride + byte] = row * row_bytes + byte
        west[row * stride] = row * stride + (width - 1) // 8
        east[row * stride + (width - 1) // 8] = row * stride
    table = {
        ABOVE: _bytes_to_words(above[_REVERSED] ^ 7),
        BELOW: _bytes_to_words(below[_REVERSED] ^ 7),
        CELLS: _bits_to_words(cells),
        PACKED: _bytes_to_words(packed ^ 7),
        UNPACKED: _bytes_to_words(unpacked[_REVERSED]),
        WEST: _bytes_to_words(west[_REVERSED] ^ 7),
        EAST: _bytes_to_words(east[_REVERSED] ^ 7),
        FIRST: _bits_to_words(first),
        LAST: _bits_to_words(last),
        ACROSS: np.full(LANES, across, np.uint64),
        **_soup_plan(height, width, cells),
    }
    plan: NDArray[np.uint64] = aligned_words(len(table) * LANES)
    plan[:] = np.concatenate([table[row] for row in range(len(table))])
    plan.setflags(write=False)
    return plan


def _soup_plan(height: int, width: int, cells: NDArray[np.uint8]) -> dict[int, NDArray[np.uint64]]:
    """How a stream of random bits, its rows without a gap, is cut into those of a board: each half word by itself.

    The bytes in which a half word's bits lie are brought to its word, as many as fit; from there its bits are picked.
    """
    stride = width // 8 + 1
    table = {}
    for half, (bytes_, bits, mask) in enumerate(((SOUP_0, BITS_0, CELLS_0), (SOUP_1, BITS_1, CELLS_1))):
        places, picked, wanted = np.zeros(VECTOR_BYTES, int), np.zeros(VECTOR_BYTES, int), cells.copy()
        wanted.reshape(LANES, 2, 32)[:, 1 - half] = 0
        for lane in range(LANES):
            # Where the bits of each byte begin in the stream; a byte without cells may hold anything.
            to = [8 * lane + 4 * half + byte for byte in range(4)]
            begin = {byte: byte // stride * width + byte % stride * 8 for byte in to if byte < height * stride}
            at = min(begin.values(), default=0) // 8
            places[8 * lane : 8 * lane + 8] = np.minimum(np.arange(at, at + 8), _SPARE)
            for byte, bit in begin.items():
                picked[byte] = (56 - (bit - 8 * at)) % 64
        table[bytes_] = _bytes_to_words(places[_REVERSED] ^ 7)
        table[bits] = _bytes_to_words(picked[_REVERSED])
        table[mask] = _bits_to_words(wanted)
    return table


def _bytes_to_words(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    return numbers.astype(np.uint8).view("<u8").astype(np.uint64)


def _bits_to_words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.packbits(bits).view(">u8").astype(np.uint64)


@inlined
def load_moves(plan: Any) -> Any:
    """What a generation needs of a plan, for registers."""
    return (
        load(plan, ABOVE * LANES), load(plan, BELOW * LANES), load(plan, CELLS * LANES), load(plan, WEST * LANES),
        load(plan, EAST * LANES), load(plan, FIRST * LANES), load(plan, LAST * LANES), plan[ACROSS * LANES],
    )  # fmt: skip


@inlined
def cut(bits: Any, plan: Any) -> Any:
    """A board from its random bits."""
    part0 = pick_bits(permute_bytes(bits, load(plan, SOUP_0 * LANES)), load(plan, BITS_0 * LANES))
    part1 = pick_bits(permute_bytes(bits, load(plan, SOUP_1 * LANES)), load(plan, BITS_1 * LANES))
    return ternary(ADD_MASKED, both(part0, load(plan, CELLS_0 * LANES)), part1, load(plan, CELLS_1 * LANES))


def compile_small_generation(rule: Rule, torus: bool) -> Any:
    """An inlined function generation(board, moves): the board a generation later."""
    next_row = compile_rule(rule)

    @inlined
    def generation(x: Any, moves: Any) -> Any:
        above, below, cells, to_first, to_last, first, last, across = moves
        west, east = from_above(lanes_up(x), x), from_below(x, lanes_down(x))
        if torus:
            west = ternary(SELECT, first, up(permute_bytes(x, to_first), across), west)
            east = ternary(SELECT, last, down(permute_bytes(x, to_last), across), east)
        s, m = ternary(XOR3, west, x, east), ternary(MAJORITY, west, x, east)
        s0, m0 = permute_bytes(s, above), permute_bytes(m, above)
        s2, m2 = permute_bytes(s, below), permute_bytes(m, below)
        return both(next_row(x, s0, s, s2, m0, m, m2), cells)

    return generation


def prove_record(rule: Rule, torus: bool, record: Kernel) -> bool:
    """Whether the kernel runs the test board as the reference does."""
    states, moves = proofs.blank_states(), small_plan(proofs.HEIGHT, proofs.WIDTH, torus)
    record(states, proofs.GENERATIONS + 1, len(states) // (proofs.GENERATIONS + 1), moves, 0, 1)
    return proofs.are_true(states, rule, torus)


def prove_grow(rule: Rule, torus: bool, grow: Kernel) -> bool:
    """Whether the states of a few soups follow from each other as they do by the reference."""
    states = np.zeros((proofs.SOUPS, proofs.GENERATIONS + 1, proofs.HEIGHT, packed_width(proofs.WIDTH)), np.uint8)
    ages, order = np.zeros(proofs.SOUPS, np.int64), np.minimum(np.arange(proofs.SOUPS + LANES), proofs.SOUPS - 1)
    moves = small_plan(proofs.HEIGHT, proofs.WIDTH, torus)
    grow(
        states.reshape(-1), proofs.GENERATIONS + 1, states[0, 0].size, ages, order, proofs.soup_numbers(), moves, 0,
        proofs.SOUPS,
    )  # fmt: skip
    return bool((states == proofs.true_soups(rule, torus)).all())


@cache
def small(rule: Rule, torus: bool) -> Small:
    """Compile the kernels of a rule; each is compiled on first use and kept on disk.

    States are a flat uint8 array of (N, frames, size); start and stop are board numbers.
    """
    generation = compile_small_generation(rule, torus)

    @inlined
    def four(x0: Any, x1: Any, x2: Any, x3: Any, moves: Any) -> Any:
        return generation(x0, moves), generation(x1, moves), generation(x2, moves), generation(x3, moves)

    @specialised(rule, torus, proof=partial(prove_record, rule, torus))
    def record(states: Any, frames: int, size: int, plan: Any, start: int, stop: int) -> None:
        """Frames 1.. of boards start..stop from frame 0."""
        moves, packed, unpacked = load_moves(plan), load(plan, PACKED * LANES), load(plan, UNPACKED * LANES)
        for first in range(start, stop, BOARDS_TOGETHER):
            at0, at1 = first * frames * size, min(first + 1, stop - 1) * frames * size
            at2, at3 = min(first + 2, stop - 1) * frames * size, min(first + 3, stop - 1) * frames * size
            x0 = permute_bytes(load_bytes(states, at0, size), unpacked)
            x1 = permute_bytes(load_bytes(states, at1, size), unpacked)
            x2 = permute_bytes(load_bytes(states, at2, size), unpacked)
            x3 = permute_bytes(load_bytes(states, at3, size), unpacked)
            for frame in range(1, frames):
                x0, x1, x2, x3 = four(x0, x1, x2, x3, moves)
                store_bytes(states, at0 + frame * size, permute_bytes(x0, packed), size)
                store_bytes(states, at1 + frame * size, permute_bytes(x1, packed), size)
                store_bytes(states, at2 + frame * size, permute_bytes(x2, packed), size)
                store_bytes(states, at3 + frame * size, permute_bytes(x3, packed), size)

    @specialised(rule, torus, proof=partial(prove_grow, rule, torus))
    def grow(
        states: Any, frames: int, size: int, ages: Any, order: Any, soup: Any, plan: Any, start: int, stop: int
    ) -> None:
        """Whole trajectories from random numbers: soups of boards order[start..stop], aged, and all their frames.

        order: some board's number in all places up to the next multiple of eight, too.
        soup: uint64 (number of board 0, stream, density in 1/65536, and the key schedule).
        """
        random, front = aligned_words(LANES * LANES), aligned_words(4 * LANES)
        moves, packed, lowest = load_moves(plan), load(plan, PACKED * LANES), lowest_plane(soup[2])
        for first in range(start, stop, LANES):
            numbers = add(splat(soup[0]), load(order, first))
            fill_boards(random, front, numbers, soup[1], soup[2], lowest, soup[3:])
            for half in range(first, min(first + LANES, stop), BOARDS_TOGETHER):
                board0, board1, board2, board3 = order[half], order[half + 1], order[half + 2], order[half + 3]
                bits = (half - first) * LANES
                x0, x1 = cut(load(random, bits), plan), cut(load(random, bits + LANES), plan)
                x2, x3 = cut(load(random, bits + 2 * LANES), plan), cut(load(random, bits + 3 * LANES), plan)
                youngest = min(min(ages[board0], ages[board1]), min(ages[board2], ages[board3]))
                for _ in range(youngest):
                    x0, x1, x2, x3 = four(x0, x1, x2, x3, moves)
                for _ in range(ages[board0] - youngest):
                    x0 = generation(x0, moves)
                for _ in range(ages[board1] - youngest):
                    x1 = generation(x1, moves)
                for _ in range(ages[board2] - youngest):
                    x2 = generation(x2, moves)
                for _ in range(ages[board3] - youngest):
                    x3 = generation(x3, moves)
                at0, at1 = board0 * frames * size, board1 * frames * size
                at2, at3 = board2 * frames * size, board3 * frames * size
                for frame in range(frames):
                    if frame > 0:
                        x0, x1, x2, x3 = four(x0, x1, x2, x3, moves)
                    at = frame * size
                    if at + VECTOR_BYTES <= frames * size:  # what is too much, the next frames will cover
                        store_vector(states, at0 + at, permute_bytes(x0, packed))
                        store_vector(states, at1 + at, permute_bytes(x1, packed))
                        store_vector(states, at2 + at, permute_bytes(x2, packed))
                        store_vector(states, at3 + at, permute_bytes(x3, packed))
                    else:
                        store_bytes(states, at0 + at, permute_bytes(x0, packed), size)
                        store_bytes(states, at1 + at, permute_bytes(x1, packed), size)
                        store_bytes(states, at2 + at, permute_bytes(x2, packed), size)
                        store_bytes(states, at3 + at, permute_bytes(x3, packed), size)

    return Small(record, grow)
