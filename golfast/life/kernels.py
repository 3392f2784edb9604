"""Compiled steps on packed words: a row is a few 64-bit words, first cell at the highest bit, and bits are summed.

One word operation counts neighbours for up to 64 cells. Each row is added up sideways once (west + cell + east, a
full adder) and the sums of three rows are added again, so no cell is looked at nine times. The rule and the boundary
are compile-time constants; a kernel is compiled on first use of a rule and kept on disk.

Boards up to 64 cells wide (`narrow`) go eight at a time, one board per vector lane. Wider ones (`wide`) go row by row,
the lanes running along the row.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, kernel
from golfast.life.rule import Rule

LANES = 8  # boards per tile: one 512-bit vector of words
ONE = np.uint64(1)
TOP = np.uint64(63)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

Kernel = Callable[..., None]


@inlined
def _full_add(a: Any, b: Any, c: Any) -> Any:
    return a ^ b ^ c, (a & b) | (c & (a ^ b))


@inlined
def _next_word(
    cell: Any, west: Any, east: Any, low1: Any, high1: Any, low2: Any, high2: Any, birth: int, survival: int
) -> Any:
    """The next state of 64 cells from their row, its two shifts, and the sideways sums of the rows above and below."""
    low3, high3 = west ^ east, west & east
    sum0, carry0 = _full_add(low1, low2, low3)
    # Four bits of weight two: three of the rows, one carried.
    a, b = high1 ^ high2, high1 & high2
    c, d = high3 ^ carry0, high3 & carry0
    sum1, e = a ^ c, a & c
    sum2, sum3 = _full_add(b, d, e)
    born, kept = uint64(0), uint64(0)
    for n in range(9):  # unrolled: the masks are constants, so only the terms of the rule remain
        if (birth | survival) >> n & 1:
            equal = sum0 if n & 1 else ~sum0
            equal &= sum1 if n & 2 else ~sum1
            equal &= sum2 if n & 4 else ~sum2
            equal &= sum3 if n & 8 else ~sum3
            if birth >> n & 1:
                born |= equal
            if survival >> n & 1:
                kept |= equal
    return (cell & kept) | (~cell & born)


@inlined
def _shifted(x: Any, last: Any, torus: bool) -> Any:
    """The west and the east neighbours of one-word rows whose last column is bit `last`."""
    west, east = x >> ONE, x << ONE
    if torus:
        west |= (x >> last & ONE) << TOP
        east |= x >> TOP << last
    return west, east


@inlined
def _tile_step(
    cells: Any, low: Any, high: Any, height: int, width: int, birth: int, survival: int, torus: bool
) -> None:
    """One generation of LANES boards, in place. cells: (height * LANES,) words; low, high: two rows longer."""
    last = uint64(64 - width)
    valid = ALL << last
    words = height * LANES
    for k in range(words):
        x = cells[k]
        west, east = _shifted(x, last, torus)
        low[k + LANES], high[k + LANES] = _full_add(west, x, east)
    for k in range(LANES):  # the rows beyond the first and the last
        low[k] = low[words + k] if torus else uint64(0)
        high[k] = high[words + k] if torus else uint64(0)
        low[words + LANES + k] = low[LANES + k] if torus else uint64(0)
        high[words + LANES + k] = high[LANES + k] if torus else uint64(0)
    for k in range(words):
        x = cells[k]
        west, east = _shifted(x, last, torus)
        below = k + 2 * LANES
        cells[k] = valid & _next_word(x, west, east, low[k], high[k], low[below], high[below], birth, survival)


@kernel
def _load_tile(packed: Any, boards: Any, cells: Any) -> None:
    height, row_bytes = packed.shape[1:]
    for lane in range(LANES):
        board = boards[lane]
        for row in range(height):
            word = uint64(0)
            for byte in range(row_bytes):
                word |= uint64(packed[board, row, byte]) << uint64(56 - 8 * byte)
            cells[row * LANES + lane] = word


@kernel
def _store_lane(cells: Any, lane: int, packed: Any) -> None:
    height, row_bytes = packed.shape
    for row in range(height):
        word = cells[row * LANES + lane]
        for byte in range(row_bytes):
            packed[row, byte] = word >> uint64(56 - 8 * byte) & uint64(255)


@cache
def narrow(rule: Rule, torus: bool) -> tuple[Kernel, Kernel]:
    """Kernels for boards up to 64 cells wide: `record` every generation, and `age` each board by its own number."""
    birth, survival = rule.birth, rule.survival

    @kernel
    def record(states: Any, width: int, start: int, stop: int) -> None:
        """Fill states[start:stop, 1:] (N, T, H, bytes) from states[start:stop, 0]."""
        height = states.shape[2]
        cells = np.empty(height * LANES, np.uint64)
        low = np.empty((height + 2) * LANES, np.uint64)
        high = np.empty((height + 2) * LANES, np.uint64)
        boards = np.empty(LANES, np.int64)
        for first in range(start, stop, LANES):
            for lane in range(LANES):
                boards[lane] = min(first + lane, stop - 1)  # a short tile repeats its last board
            _load_tile(states[:, 0], boards, cells)
            for generation in range(1, states.shape[1]):
                _tile_step(cells, low, high, height, width, birth, survival, torus)
                for lane in range(min(LANES, stop - first)):
                    _store_lane(cells, lane, states[first + lane, generation])

    @kernel
    def age(boards: Any, ages: Any, order: Any, width: int, start: int, stop: int) -> None:
        """Advance boards[order[k]] (N, H, bytes) by ages[order[k]] generations, in place, for k in start..stop.

        `order` sorts by age, so that a tile's boards are done at nearly the same time.
        """
        height = boards.shape[1]
        cells = np.empty(height * LANES, np.uint64)
        low = np.empty((height + 2) * LANES, np.uint64)
        high = np.empty((height + 2) * LANES, np.uint64)
        tile = np.empty(LANES, np.int64)
        for first in range(start, stop, LANES):
            for lane in range(LANES):
                tile[lane] = order[min(first + lane, stop - 1)]
            _load_tile(boards, tile, cells)
            for generation in range(1, ages[tile[LANES - 1]] + 1):
                _tile_step(cells, low, high, height, width, birth, survival, torus)
                for lane in range(min(LANES, stop - first)):
                    if ages[tile[lane]] == generation:
                        _store_lane(cells, lane, boards[tile[lane]])

    return record, age


@inlined
def _around(row: Any, k: int, last: Any, torus: bool) -> Any:
    """Word k of a row of words, with its west and its east neighbours."""
    words = row.shape[0]
    x = row[k]
    west, east = x >> ONE, x << ONE
    if k > 0:
        west |= row[k - 1] << TOP
    elif torus:
        west |= (row[words - 1] >> last) << TOP
    if k < words - 1:
        east |= row[k + 1] >> TOP
    elif torus:
        east |= row[0] >> TOP << last
    return x, west, east


@cache
def wide(rule: Rule, torus: bool) -> Kernel:
    """A kernel for boards of any width: one generation of the rows start..stop of all boards, counted together."""
    birth, survival = rule.birth, rule.survival

    @kernel
    def step(source: Any, target: Any, width: int, start: int, stop: int) -> None:
        """source, target: (N, H, words) words."""
        height, words = source.shape[1:]
        last = uint64(64 * words - width)
        valid = ALL << last
        for index in range(start, stop):
            board, row = index // height, index % height
            here = source[board, row]
            above = source[board, row - 1 if row > 0 else height - 1]
            below = source[board, row + 1 if row < height - 1 else 0]
            see_above = torus or row > 0
            see_below = torus or row < height - 1
            for k in range(words):
                low1 = high1 = low2 = high2 = uint64(0)
                if see_above:
                    x, west, east = _around(above, k, last, torus)
                    low1, high1 = _full_add(west, x, east)
                if see_below:
                    x, west, east = _around(below, k, last, torus)
                    low2, high2 = _full_add(west, x, east)
                x, west, east = _around(here, k, last, torus)
                target[board, row, k] = _next_word(x, west, east, low1, high1, low2, high2, birth, survival)
            target[board, row, words - 1] &= valid

    return step
