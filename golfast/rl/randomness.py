"""Random numbers in compiled code: SplitMix64 (Steele, Lea and Flood 2014).

A game carries one 64-bit state; an action's number follows from seed, step and game alone, so that nothing needs
saving.
"""

import numpy as np
from numpy.typing import NDArray

from golfast.jit import inlined

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


@inlined
def mixed(z: np.uint64) -> np.uint64:
    """64 bits, well mixed; one to one."""
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@inlined
def uniform_at(key: np.uint64, index: np.uint64) -> float:
    """Number `index` of the stream `key`, in [0, 1)."""
    return np.float64(mixed(key + (index + np.uint64(1)) * _GOLDEN) >> np.uint64(11)) * _UNIT


@inlined
def uniform(random: NDArray[np.uint64], i: int) -> float:
    """The next number of stream i, in [0, 1)."""
    random[i] += _GOLDEN
    return np.float64(mixed(random[i]) >> np.uint64(11)) * _UNIT


def streams(seed: int, count: int) -> NDArray[np.uint64]:
    """The first states of `count` streams."""
    return np.random.SeedSequence(seed).generate_state(count, np.uint64).astype(np.uint64)


def derived(seed: int, *path: int) -> int:
    """A seed in 0..2**31 - 1 of its own for each path, such as (step,)."""
    return int(np.random.SeedSequence(seed, spawn_key=path).generate_state(1)[0] >> 1)
