"""Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), for eight boards at once."""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, part
from golfast.vector import XOR3, both, either, high_halves, multiply_low, splat, store, ternary, up

DENSITY_BITS = 16
MULTIPLY = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
_MULTIPLY_0, _MULTIPLY_1 = MULTIPLY


def key_schedule(seed: int) -> list[int]:
    """The keys of the ten rounds of a seed, low half and high half in turn: 20 numbers of 32 bits.

    They are the same for all boards, and from memory they cost the vector units nothing.
    """
    low, high = seed & 0xFFFFFFFF, seed >> 32
    return [
        (key + turn * int(weyl)) & 0xFFFFFFFF for turn in range(10) for key, weyl in zip((low, high), WEYL, strict=True)
    ]


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


@part
def fill_stage(stage: Any, numbers: Any, stream: Any, density: Any, keys: Any) -> None:
    """The random streams of eight boards, into a stage (flat words, a whole number of blocks of 16, and one word more).

    A bit is set with probability density / 65536: planes of random bits are combined from the lowest set bit of the
    density upwards, `or` for a 1 and `and` for a 0.
    """
    lowest = uint64(0)
    while lowest < uint64(DENSITY_BITS) and density >> lowest & uint64(1) == uint64(0):
        lowest += uint64(1)
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
