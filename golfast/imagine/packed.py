"""Compiled comparison of packed boards: an XOR and a popcount for 64 bytes, and eight pairs counted together.

The count of a pair lies in the lanes of a vector. To add up the lanes of one takes as long as of eight at once, so the
pairs of eight sequences are taken together, by eights. Boards come as in `kernels`: flat, with the strides of sequences
and of boards.
"""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, kernel
from golfast.vector import (
    LANES,
    VECTOR_BYTES,
    add,
    at_most,
    count_bits,
    fetch_for_reading,
    load_bytes,
    load_word,
    store,
    sums,
    ternary,
)

DIFFERENT_AND = 0x28  # (a ^ b) & c
MOST_PAIRS = 12  # of a sequence, so that a table can have a value for each set of matches

_ZERO, _ONE, _SEVEN = np.uint64(0), np.uint64(1), np.uint64(7)


@kernel
def packed_distances(
    imagined: Any, imagined_strides: Any, truth: Any, truth_strides: Any, valid: Any,
    n: int, m: int, different: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """different (N * n * m,) uint64: cells in which imagined board i and true board j of sequence k differ.

    valid (bytes of a board,): 1 where a bit is a cell.
    """
    pairs = n * m
    ours, theirs = np.empty(LANES * pairs, np.int64), np.empty(LANES * pairs, np.int64)
    last = np.empty(LANES, np.uint64)
    for k in range(start, stop, LANES):
        sequences = min(LANES, stop - k)
        if k == start or sequences < LANES:
            _places(n, m, imagined_strides, truth_strides, sequences, ours, theirs)
        a, b = k * imagined_strides[0], k * truth_strides[0]
        _fetch_next(imagined, a, imagined_strides[0])
        _fetch_next(truth, b, truth_strides[0])
        for first in range(0, sequences * pairs, LANES):
            found = _eight(imagined, a, ours, truth, b, theirs, first, valid)
            left = sequences * pairs - first
            if left >= LANES:
                store(different, k * pairs + first, found)
            else:
                store(last, 0, found)
                for j in range(left):
                    different[k * pairs + first + j] = last[j]


@kernel
def packed_values(
    imagined: Any, imagined_strides: Any, truth: Any, truth_strides: Any, valid: Any,
    n: int, m: int, allowed: int, table: Any, values: Any, start: int, stop: int,
) -> None:  # fmt: skip
    """values[k] = table[mask], of whatever type, bit i * m + j of the mask being 1 where h_i matches s_j.

    A pair matches if it differs in at most `allowed` cells; n * m is at most 12.
    """
    pairs = n * m
    ours, theirs = np.empty(LANES * pairs, np.int64), np.empty(LANES * pairs, np.int64)
    matches = np.zeros(pairs + 8, np.uint8)  # a bit for each pair of eight sequences, and room to read a word at any
    mask = (_ONE << uint64(pairs)) - _ONE
    for k in range(start, stop, LANES):
        sequences = min(LANES, stop - k)
        if k == start or sequences < LANES:
            _places(n, m, imagined_strides, truth_strides, sequences, ours, theirs)
        a, b = k * imagined_strides[0], k * truth_strides[0]
        _fetch_next(imagined, a, imagined_strides[0])
        _fetch_next(truth, b, truth_strides[0])
        for eight in range(pairs):
            found = _eight(imagined, a, ours, truth, b, theirs, LANES * eight, valid)
            matches[eight] = at_most(found, uint64(allowed))
        for t in range(sequences):
            bit = uint64(t * pairs)
            word = load_word(matches, bit >> uint64(3))
            values[k + t] = table[word >> (bit & _SEVEN) & mask]


@inlined
def _fetch_next(boards: Any, at: int, stride: int) -> None:
    """Begin to bring the eight sequences after those at `at` near. Worth a quarter of the time from main memory."""
    for line in range(at + LANES * stride, at + 2 * LANES * stride, VECTOR_BYTES):
        fetch_for_reading(boards, line)


@inlined
def _places(n: int, m: int, imagined_strides: Any, truth_strides: Any, sequences: int, ours: Any, theirs: Any) -> None:
    """Where the boards of each pair of eight sequences lie, the last sequence again where there are fewer."""
    at = 0
    for t in range(LANES):
        k = min(t, sequences - 1)
        for i in range(n):
            for j in range(m):
                ours[at] = k * imagined_strides[0] + i * imagined_strides[1]
                theirs[at] = k * truth_strides[0] + j * truth_strides[1]
                at += 1


@inlined
def _eight(imagined: Any, a: int, ours: Any, truth: Any, b: int, theirs: Any, first: int, valid: Any) -> Any:
    """The cells in which each of eight pairs differs, a lane for each."""
    p = uint64(first)
    return sums(
        _different(imagined, a + ours[p], truth, b + theirs[p], valid),
        _different(imagined, a + ours[p + uint64(1)], truth, b + theirs[p + uint64(1)], valid),
        _different(imagined, a + ours[p + uint64(2)], truth, b + theirs[p + uint64(2)], valid),
        _different(imagined, a + ours[p + uint64(3)], truth, b + theirs[p + uint64(3)], valid),
        _different(imagined, a + ours[p + uint64(4)], truth, b + theirs[p + uint64(4)], valid),
        _different(imagined, a + ours[p + uint64(5)], truth, b + theirs[p + uint64(5)], valid),
        _different(imagined, a + ours[p + uint64(6)], truth, b + theirs[p + uint64(6)], valid),
        _different(imagined, a + ours[p + uint64(7)], truth, b + theirs[p + uint64(7)], valid),
    )


@inlined
def _different(imagined: Any, a: int, truth: Any, b: int, valid: Any) -> Any:
    """The cells in which two boards differ, spread over the lanes of a vector."""
    size = valid.shape[0]
    first = min(size, VECTOR_BYTES)
    one, other = load_bytes(imagined, a, first), load_bytes(truth, b, first)
    total = count_bits(ternary(DIFFERENT_AND, one, other, load_bytes(valid, 0, first)))
    for at in range(VECTOR_BYTES, size, VECTOR_BYTES):
        rest = min(size - at, VECTOR_BYTES)
        one, other = load_bytes(imagined, a + at, rest), load_bytes(truth, b + at, rest)
        total = add(total, count_bits(ternary(DIFFERENT_AND, one, other, load_bytes(valid, at, rest))))
    return total
