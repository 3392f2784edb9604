"""The order of an epoch: a keyed bijection of 0..n - 1, computed number by number, so that nothing of size n is kept.

A Feistel network over the fewest bits that hold n, its halves as equal as can be, eight rounds; numbers that come out
at n or above go through again ("cycle walking"; Black and Rogaway, "Ciphers with arbitrary finite domains", 2002), less
than once on average. Integers only, so the order is the same everywhere.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from golfast.jit import inlined, kernel

ROUNDS = 8
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # of SplitMix64


@lru_cache(4)
def epoch_keys(seed: int, epoch: int) -> NDArray[np.uint64]:
    """The keys of an epoch's order, (8,) uint64, from Philox 4x64 under the seed and the epoch."""
    return np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw(ROUNDS)


@kernel
def shuffled(start: int, stride: int, keys: Any, count: int, out: Any) -> None:
    """out[k, j] = the number at place start + k * stride + j of the order of 0..count - 1; out is (K, B) int64.

    Numbers go through side by side, which the compiler makes vectors of; those that must go again are moved together.
    """
    bits = 0
    while count - 1 >> bits:
        bits += 1
    low_bits = uint64(bits // 2)
    low_mask = (uint64(1) << low_bits) - uint64(1)
    high_mask = (uint64(1) << uint64(bits) - low_bits) - uint64(1)
    rounds = keys[0], keys[1], keys[2], keys[3], keys[4], keys[5], keys[6], keys[7]
    places, numbers = np.empty(out.size, np.int64), np.empty(out.size, np.uint64)
    left, columns = out.size, out.shape[1]
    for k in range(out.shape[0]):
        for j in range(columns):
            places[k * columns + j] = k * columns + j
            numbers[k * columns + j] = uint64(start + k * stride + j)
    flat = out.reshape(-1)
    while left > 0:
        for i in range(left):
            numbers[i] = _through(numbers[i], rounds, low_bits, low_mask, high_mask)
        again = 0
        for i in range(left):
            place, number = places[i], numbers[i]
            flat[place] = number
            places[again], numbers[again] = place, number
            again += number >= uint64(count)
        left = again


@inlined
def _through(number: Any, keys: Any, low_bits: Any, low_mask: Any, high_mask: Any) -> Any:
    """A number after eight rounds."""
    high, low = number >> low_bits, number & low_mask
    high ^= _mixed(low ^ keys[0]) & high_mask
    low ^= _mixed(high ^ keys[1]) & low_mask
    high ^= _mixed(low ^ keys[2]) & high_mask
    low ^= _mixed(high ^ keys[3]) & low_mask
    high ^= _mixed(low ^ keys[4]) & high_mask
    low ^= _mixed(high ^ keys[5]) & low_mask
    high ^= _mixed(low ^ keys[6]) & high_mask
    low ^= _mixed(high ^ keys[7]) & low_mask
    return high << low_bits | low


@inlined
def _mixed(word: Any) -> Any:
    word = (word ^ word >> uint64(30)) * _MIX_1
    word = (word ^ word >> uint64(27)) * _MIX_2
    return word ^ word >> uint64(31)
