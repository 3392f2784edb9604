"""Soups: random first boards, the same bits on every backend, in any order, with any number of threads.

Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) maps a counter and a key to 128
random bits. The key is the seed; the counter is (block, stream, board index low, board index high). Board i's random
plane p is the row-major bits of its blocks 0, 1, 2..., each block its four words in order, each word highest bit first.
Nothing is carried from one board to the next, so any slice of a data set can be made by itself.

A cell is alive with probability `density`, kept to 1/65536: planes are combined from the lowest set bit of
density * 65536 upwards, `or` for a 1 and `and` for a 0. The usual density of 1/2 needs one plane only.
"""

import operator
from typing import Any

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.life.boards import Cells, check_size, packed_width, unpack
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, age_packed, check_choice
from golfast.threads import over_batch

STREAMS = {"train": 0, "validation": 1, "test": 2}  # disjoint counters: splits never share a board

_DENSITY_BITS = 16
_AGE_PLANE = 0xFF
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@kernel
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox 4x32-10: four counter words and two key words (uint32) to four random words (uint32)."""
    for _ in range(10):
        product0 = _MULTIPLY_0 * uint64(c0)
        product1 = _MULTIPLY_1 * uint64(c2)
        c0 = uint32(product1 >> _HALF) ^ c1 ^ k0
        c1 = uint32(product1 & _LOW)
        c2 = uint32(product0 >> _HALF) ^ c3 ^ k1
        c3 = uint32(product0 & _LOW)
        k0 = uint32(k0 + _WEYL_0)
        k1 = uint32(k1 + _WEYL_1)
    return c0, c1, c2, c3


@kernel
def _plane(index: Any, stream: Any, seed: Any, bits: Any) -> None:
    """Fill `bits`, (4 * blocks + 2,) uint64 whose low halves are the random words of one plane; the last two stay 0."""
    index_low, index_high = uint32(index & _LOW), uint32(index >> _HALF)
    key_low, key_high = uint32(seed & _LOW), uint32(seed >> _HALF)
    for block in range(bits.shape[0] // 4):
        w0, w1, w2, w3 = philox(uint32(block), uint32(stream), index_low, index_high, key_low, key_high)
        bits[4 * block], bits[4 * block + 1] = w0, w1
        bits[4 * block + 2], bits[4 * block + 3] = w2, w3


@kernel
def _fill(boards: Any, width: int, start: int, seed: Any, split: int, density: int, first: int, last: int) -> None:
    """boards[first:last], (N, H, bytes) uint8, from the streams of boards start + first.. ; density in 1/65536."""
    height, row_bytes = boards.shape[1:]
    words = np.zeros((height * width + 127) // 128 * 4 + 2, np.uint64)
    plane = np.zeros_like(words)
    lowest = 0
    while density >> lowest & 1 == 0:
        lowest += 1
    spare = uint64(8 * row_bytes - width)
    for board in range(first, last):
        index = uint64(start + board)
        words[:] = uint64(0)
        for bit in range(lowest, _DENSITY_BITS):
            _plane(index, split << 8 | bit, seed, plane)
            if density >> bit & 1:
                words |= plane
            else:
                words &= plane
        for row in range(height):
            for byte in range(row_bytes):
                position = row * width + 8 * byte
                word, shift = position // 32, uint64(position % 32)
                pair = words[word] << _HALF | words[word + 1]
                boards[board, row, byte] = pair >> (uint64(56) - shift) & uint64(255)
            boards[board, row, row_bytes - 1] &= uint64(255) << spare & uint64(255)


@kernel
def _ages(ages: Any, thresholds: Any, start: int, seed: Any, split: int) -> None:
    key_low, key_high = uint32(seed & _LOW), uint32(seed >> _HALF)
    for board in range(ages.shape[0]):
        index = uint64(start + board)
        low, high = uint32(index & _LOW), uint32(index >> _HALF)
        word = philox(uint32(0), uint32(split << 8 | _AGE_PLANE), low, high, key_low, key_high)[0]
        # thresholds fall; the age is how many lie above the random word
        age = 0
        while age < thresholds.shape[0] and uint64(word) < thresholds[age]:
            age += 1
        ages[board] = age


def check_soup(*, count: int, seed: int, start: int = 0, density: float, fresh: float) -> None:
    """Raise ValueError unless soups can be made of these numbers."""
    for name, number in (("count", count), ("start", start)):
        if operator.index(number) < 0:
            raise ValueError(f"{name} is {number}; it must be 0 or more")
    end = operator.index(start) + operator.index(count)
    if end > 2**63:  # a kernel's sums of board numbers would no longer be exact
        raise ValueError(f"board {end - 1} cannot be: boards are numbered from 0 to 2**63 - 1")
    if not 0 <= operator.index(seed) < 2**64:
        raise ValueError(f"seed is {seed}; it must be from 0 to 2**64 - 1")
    if not 0 <= density <= 1:
        raise ValueError(f"density is {density}; it is the chance that a cell is alive, from 0 to 1")
    if not 1e-4 <= fresh <= 1:
        raise ValueError(f"fresh is {fresh}; it is the chance that a board is of age 0, from 0.0001 to 1")


def soup_ages(count: int, *, seed: int, start: int = 0, split: str = "train", fresh: float = 1.0) -> NDArray[np.int64]:
    """Ages (count,) in generations of boards start.., geometric: P(age = k) = fresh * (1 - fresh)**k.

    Made by comparing a 32-bit random word with the integers floor((1 - fresh)**k * 2**32), so exactly alike everywhere.
    """
    check_soup(count=count, seed=seed, start=start, density=0.5, fresh=fresh)
    check_choice("split", split, tuple(STREAMS))
    thresholds, power = [], 1.0
    while (power := power * (1 - fresh)) * 2**32 >= 1:
        thresholds.append(int(power * 2**32))
    ages = np.empty(count, np.int64)
    _ages(ages, np.array(thresholds, np.uint64), start, np.uint64(seed), STREAMS[split])
    return ages


def soups_packed(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    fresh: float = 1.0,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
) -> NDArray[np.uint8]:
    """Packed first boards start..start + count of a seed: (count, height, ceil(width/8)) uint8. See `soups`."""
    check_size(height, width)
    check_soup(count=count, seed=seed, start=start, density=density, fresh=fresh)
    check_choice("split", split, tuple(STREAMS))
    rule, boundary = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES)
    boards = np.zeros((count, height, packed_width(width)), np.uint8)
    chance = round(density * (1 << _DENSITY_BITS))
    if chance == 1 << _DENSITY_BITS:
        boards[:] = np.packbits(np.ones(width, np.uint8))
    elif chance > 0:
        key, stream = np.uint64(seed), STREAMS[split]
        over_batch(lambda first, last: _fill(boards, width, start, key, stream, chance, first, last), count)
    if fresh != 1:
        ages = soup_ages(count, seed=seed, start=start, split=split, fresh=fresh)
        boards = age_packed(boards, width, ages, rule=rule, boundary=boundary)
    return boards


def soups(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    fresh: float = 1.0,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
) -> Cells:
    """Random first boards: (count, height, width), uint8 0/1.

    Board i of a seed is always the same bits; `start` says which i comes first. The splits "train", "validation" and
    "test" of one seed share no random number. density: the chance that a cell is alive, kept to 1/65536.
    fresh: the chance of age 0; older boards have run for a geometric number of generations under `rule` and `boundary`,
    as in the paper's footnote. The paper's data has fresh=0.1; fresh=1 gives plain soups.

    Raises ValueError for impossible sizes, seeds, chances or names.
    """
    packed = soups_packed(
        count, height, width,
        seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary,
    )  # fmt: skip
    return unpack(packed, width)
