"""Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), for eight boards at once."""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, part
from golfast.life.kernels.permute import even_lanes, load_pair, odd_lanes
from golfast.vector import (
    LANES,
    MAJORITY,
    XOR3,
    both,
    down,
    either,
    exclusive,
    high_halves,
    load,
    multiply_low,
    ramp,
    splat,
    store,
    ternary,
    up,
    veiled,
)

DENSITY_BITS = 16
MULTIPLY = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
_MULTIPLY_0, _MULTIPLY_1 = MULTIPLY


@lru_cache(maxsize=64)
def key_schedule(seed: int) -> tuple[int, ...]:
    """The keys of the ten rounds of a seed, low half and high half in turn: 20 numbers of 32 bits.

    They are the same for all boards, and from memory they cost the vector units nothing.
    """
    halves = seed & 0xFFFFFFFF, seed >> 32
    return tuple(
        (key + turn * int(weyl)) & 0xFFFFFFFF for turn in range(10) for key, weyl in zip(halves, WEYL, strict=True)
    )


@inlined
def philox8(block: Any, stream: Any, numbers: Any, keys: Any) -> Any:
    """One call for each lane's board number; two vectors of 64 random bits, first word highest.

    keys: an array with the key schedule. Words live in the low halves; what is above is rubbish that no product sees.
    """
    c0, c1, c2, c3 = splat(block), splat(stream), numbers, high_halves(numbers)
    multiply_0, multiply_1 = splat(_MULTIPLY_0), splat(_MULTIPLY_1)
    for turn in range(10):
        product_0, product_1 = multiply_low(multiply_0, c0), multiply_low(multiply_1, c2)
        c0 = ternary(XOR3, high_halves(product_1), c1, splat(keys[2 * turn]))
        c2 = ternary(XOR3, high_halves(product_0), c3, splat(keys[2 * turn + 1]))
        c1, c3 = product_1, product_0
    low = splat(LOW)
    return either(up(c0, HALF), both(c1, low)), either(up(c2, HALF), both(c3, low))


@inlined
def lowest_plane(density: Any) -> int:
    """The first plane of random bits that counts: the lowest set bit of the density, or none of them."""
    lowest = 0
    while lowest < DENSITY_BITS and density >> uint64(lowest) & uint64(1) == uint64(0):
        lowest += 1
    return lowest


@part
def fill_stage(stage: Any, numbers: Any, stream: Any, density: Any, keys: Any) -> None:
    """The random streams of eight boards, into a stage (flat words, a whole number of blocks of 16, and one word more).

    A bit is set with probability density / 65536: planes of random bits are combined from the lowest set bit of the
    density upwards, `or` for a 1 and `and` for a 0.
    """
    lowest = uint64(lowest_plane(density))
    for block in range(stage.shape[0] // 16):
        bits0 = bits1 = splat(~uint64(0) if density >> uint64(DENSITY_BITS) else uint64(0))
        plane = lowest
        while plane < uint64(DENSITY_BITS):
            new0, new1 = philox8(uint64(block), stream << uint64(8) | plane, numbers, keys)
            if density >> plane & uint64(1):
                bits0, bits1 = either(bits0, new0), either(bits1, new1)
            else:
                bits0, bits1 = both(bits0, new0), both(bits1, new1)
            plane += uint64(1)
        store(stage, block * 16, bits0)
        store(stage, block * 16 + 8, bits1)


@inlined
def _round(words: Any, key_0: Any, key_1: Any) -> Any:
    c0, c1, c2, c3 = words
    product_0, product_1 = multiply_low(splat(_MULTIPLY_0), c0), multiply_low(splat(_MULTIPLY_1), c2)
    c0 = ternary(XOR3, high_halves(product_1), c1, splat(key_0))
    return c0, product_1, ternary(XOR3, high_halves(product_0), c3, splat(key_1)), product_0


@inlined
def _third_round(front: Any, board: int, block_high: Any, block_product: Any, keys: Any) -> Any:
    """The counters of two boards from the third round on."""
    product = multiply_low(splat(_MULTIPLY_1), exclusive(block_high, load_pair(front, LANES + board)))
    c0 = ternary(XOR3, high_halves(product), load_pair(front, board), splat(keys[2]))
    c2 = ternary(XOR3, load_pair(front, 3 * LANES + board), block_product, splat(keys[3]))
    return c0, product, c2, load_pair(front, 2 * LANES + board)


@inlined
def _last_round(words: Any, boards: Any, at: int, keys: Any, adding: Any) -> None:
    """Two boards' words side by side, as products have them: their high halves need not be brought down first.

    The products of the round before are veiled, or LLVM would make of product and shift one slow product of 64 bits.
    """
    c0, c1, c2, c3 = words
    words_0 = ternary(XOR3, multiply_low(splat(_MULTIPLY_1), c2), up(veiled(c1), HALF), splat(keys[18] << HALF))
    words_1 = ternary(XOR3, multiply_low(splat(_MULTIPLY_0), c0), up(veiled(c3), HALF), splat(keys[19] << HALF))
    # The majority of three is a | b if the third is 1, and a & b if it is 0.
    store(boards, at, ternary(MAJORITY, load(boards, at), even_lanes(words_0, words_1), adding))
    store(boards, at + LANES, ternary(MAJORITY, load(boards, at + LANES), odd_lanes(words_0, words_1), adding))


@inlined
def fill_boards(boards: Any, front: Any, numbers: Any, stream: Any, density: Any, lowest: int, keys: Any) -> None:
    """The first 512 random bits of eight boards, each a vector: (64,) words, the first bit highest.

    A vector does four blocks of two boards, since its halves are then a step away from whole boards. What does not
    depend on the block is done for eight boards at once, in `front` (32 words): the first product of each of the first
    two rounds. All four vectors go together, or each would wait for its own products.
    """
    number_product = multiply_low(splat(_MULTIPLY_1), numbers)
    block_product = multiply_low(splat(_MULTIPLY_0), down(ramp(), uint64(1)))
    block_high = exclusive(high_halves(block_product), splat(keys[1]))
    store(front, 0, number_product)
    store(front, LANES, high_halves(numbers))
    for board in range(LANES):
        store(boards, board * LANES, splat(~uint64(0) if density >> uint64(DENSITY_BITS) else uint64(0)))
    for place in range(lowest, DENSITY_BITS):
        plane = uint64(place)
        c0 = ternary(XOR3, high_halves(number_product), splat(stream << uint64(8) | plane), splat(keys[0]))
        product = multiply_low(splat(_MULTIPLY_0), c0)
        store(front, 2 * LANES, product)
        store(front, 3 * LANES, high_halves(product))
        words_0 = _third_round(front, 0, block_high, block_product, keys)
        words_1 = _third_round(front, 2, block_high, block_product, keys)
        words_2 = _third_round(front, 4, block_high, block_product, keys)
        words_3 = _third_round(front, 6, block_high, block_product, keys)
        for turn in range(2, 9):
            key_0, key_1 = keys[2 * turn], keys[2 * turn + 1]
            words_0, words_1 = _round(words_0, key_0, key_1), _round(words_1, key_0, key_1)
            words_2, words_3 = _round(words_2, key_0, key_1), _round(words_3, key_0, key_1)
        adding = splat(uint64(0) - (density >> plane & uint64(1)))
        _last_round(words_0, boards, 0, keys, adding)
        _last_round(words_1, boards, 2 * LANES, keys, adding)
        _last_round(words_2, boards, 4 * LANES, keys, adding)
        _last_round(words_3, boards, 6 * LANES, keys, adding)
