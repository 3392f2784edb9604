"""Compiled comparison of boards, and the two matchings that score it.

Cells become bits once, 64 to a word; then a pair of boards costs an XOR and a popcount a word. Which bit a cell takes
plays no part, so a board is read as one run of cells, without regard to rows. Boards come as a flat array and the
strides, in elements, of sequences and of boards within them: a slice such as `decoded[:, :-1]` is read where it lies.
"""

from typing import Any

import numpy as np
from numba import uint64

from golfast.imagine.bits import cells_at, popcount
from golfast.jit import kernel

ZERO = np.uint64(0)
ONE = np.uint64(1)
MOST_STATES = 64  # bits of the masks of `match`
TAKEN = -1
NONE = -2


@kernel
def _pack(source: Any, at: int, cells: int, above: Any, largest: Any, words: Any, row: int) -> Any:
    """Fill words[row] from one board, a bit for each cell > above; not 0 if a cell is NaN or > largest."""
    odd = ZERO
    if cells < 64:
        word = ZERO
        for bit in range(cells):
            value = source[at + bit]
            word |= uint64(value > above) << uint64(bit)
            odd |= uint64(not value <= largest)
        words[row, 0] = word
        return odd
    full, rest = cells // 64, cells % 64
    for index in range(full):
        words[row, index], high = cells_at(source, at + 64 * index, above, largest)
        odd |= high
    if rest:  # the last 64 cells, less those that are in the word before
        word, high = cells_at(source, at + cells - 64, above, largest)
        words[row, full] = word >> uint64(64 - rest)
        odd |= high
    return odd


@kernel
def cell_distances(
    imagined: Any,
    imagined_strides: Any,
    imagined_range: Any,
    truth: Any,
    truth_strides: Any,
    truth_range: Any,
    cells: int,
    different: Any,
    living: Any,
    odd: Any,
    start: int,
    stop: int,
) -> None:
    """different[k, i, j] (N, n, m): cells in which imagined board i and true board j of sequence k differ.

    A range is (above, largest): cells > above are alive; odd[0] or odd[1] is set if one is NaN or > largest.
    living (N, n + m) gets the living cells of the imagined, then of the true boards.
    """
    n, m = different.shape[1:]
    words = (cells + 63) // 64
    bits = np.empty((n + m, words), np.uint64)
    odd_imagined = odd_truth = ZERO
    for k in range(start, stop):
        for i in range(n):
            at = k * imagined_strides[0] + i * imagined_strides[1]
            odd_imagined |= _pack(imagined, at, cells, imagined_range[0], imagined_range[1], bits, i)
        for j in range(m):
            at = k * truth_strides[0] + j * truth_strides[1]
            odd_truth |= _pack(truth, at, cells, truth_range[0], truth_range[1], bits, n + j)
        for board in range(n + m):
            count = ZERO
            for w in range(words):
                count += popcount(bits[board, w])
            living[k, board] = count
        for i in range(n):
            for j in range(m):
                count = ZERO
                for w in range(words):
                    count += popcount(bits[i, w] ^ bits[n + j, w])
                different[k, i, j] = count
    if odd_imagined:
        odd[0] = True
    if odd_truth:
        odd[1] = True


@kernel
def match(
    different: Any, first: int, states: int, allowed: int, partners: Any, earned: Any, start: int, stop: int
) -> None:
    """A maximum matching of imagined with true states, those that differ in at most `allowed` cells being a pair.

    different (N, n, m); true states first..first + states - 1 count, at most 64. partners (N, n): the own true state,
    TAKEN if all it could have belong to others, NONE if it has none. earned (N,): 1 for a partner, 0.5 for TAKEN.

    Kuhn (1955): each imagined state in turn looks, breadth first, for a free state along a chain of owners who can
    move on to another. Sets of states are bit masks.
    """
    n = different.shape[1]
    masks = np.empty(n, np.uint64)
    queue = np.empty(states + 1, np.int64)
    owner = np.empty(states, np.int64)
    asker = np.empty(states, np.int64)
    for k in range(start, stop):
        taken = ZERO
        total = 0.0
        for i in range(n):
            mask = ZERO
            for j in range(states):
                mask |= uint64(different[k, i, first + j] <= allowed) << uint64(j)
            masks[i] = mask
            if mask == ZERO:
                partners[k, i] = NONE
                continue
            partners[k, i] = TAKEN
            total += 0.5
            seen = ZERO
            queue[0] = i
            head, tail = 0, 1
            while head < tail:
                row = queue[head]
                head += 1
                fresh = masks[row] & ~seen
                free = fresh & ~taken
                if free != ZERO:
                    total += 0.5
                    state = popcount((free & (~free + ONE)) - ONE)  # the lowest bit's place
                    taken |= ONE << state
                    while True:  # each of the chain hands its state to the one who asked for it
                        given_up = partners[k, row] - first
                        partners[k, row] = first + np.int64(state)
                        owner[state] = row
                        if row == i:
                            break
                        state = uint64(given_up)
                        row = asker[state]
                    break
                seen |= fresh
                while fresh != ZERO:
                    state = popcount((fresh & (~fresh + ONE)) - ONE)
                    fresh &= fresh - ONE
                    asker[state] = row
                    queue[tail] = owner[state]
                    tail += 1
        earned[k] = total


@kernel
def assign(gain: Any, totals: Any, start: int, stop: int) -> None:
    """totals[k] = the greatest sum of gain[k, i, j] in which every i has a j of its own. gain: (N, n, m) with n <= m.

    The Hungarian method with shortest augmenting paths and potentials (Kuhn 1955, Munkres 1957), O(n² m).
    """
    n, m = gain.shape[1:]
    row_potential = np.empty(n)
    column_potential = np.empty(m + 1)
    row_of = np.empty(m + 1, np.int64)  # column m stands for the row that looks for a column
    before = np.empty(m, np.int64)
    slack = np.empty(m)
    done = np.empty(m + 1, np.bool_)
    for k in range(start, stop):
        row_potential[:] = 0.0
        column_potential[:] = 0.0
        row_of[:] = -1
        for i in range(n):
            row_of[m] = i
            slack[:] = np.inf
            done[:] = False
            column = m
            while row_of[column] >= 0:
                done[column] = True
                row = row_of[column]
                nearest, step = -1, np.inf
                for j in range(m):
                    if not done[j]:
                        cost = -gain[k, row, j] - row_potential[row] - column_potential[j]
                        if cost < slack[j]:
                            slack[j] = cost
                            before[j] = column
                        if slack[j] < step:
                            nearest, step = j, slack[j]
                for j in range(m + 1):
                    if done[j]:
                        row_potential[row_of[j]] += step
                        column_potential[j] -= step
                    elif j < m:
                        slack[j] -= step
                column = nearest
            while column != m:
                row_of[column] = row_of[before[column]]
                column = before[column]
        total = 0.0
        for j in range(m):
            if row_of[j] >= 0:
                total += gain[k, row_of[j], j]
        totals[k] = total
