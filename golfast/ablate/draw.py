"""Random search: config values that are drawn anew for each seed."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from golfast.errors import shown

Range = tuple[int, int] | tuple[float, float]
"""The least and the greatest value. Whole numbers are drawn evenly, others evenly in their logarithm."""


def drawn(seed: int, ranges: Mapping[str, Range]) -> dict[str, Any]:
    """Config keys and values of a seed, both ends of each range included.

    A key's value follows from seed, key and range alone, the same everywhere and always: so rows that draw the same
    keys have the same values for the same seeds, whatever else they draw. Numbers that are not whole have six digits.
    """
    return {key: _at(_share(seed, key), *ranges[key]) for key in ranges}


def check_range(key: str, given: Any) -> Range:
    """`given`, as a spec has it, as a range. ValueError for what is none."""
    allowed = "[least, greatest], both whole numbers or both numbers above 0"
    if not isinstance(given, list) or len(given) != 2 or len({type(end) for end in given}) != 1:
        raise ValueError(f"{key} takes {allowed}; got {shown(given)}")
    least, greatest = given
    fits = type(least) is int or (type(least) is float and least > 0 and greatest < math.inf)
    if not fits or not least <= greatest:
        raise ValueError(f"{key} takes {allowed}; got {shown(given)}")
    return least, greatest


def _share(seed: int, key: str) -> float:
    """A number in [0, 1) of a seed and a key (Philox 4x64)."""
    word = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    (raw,) = np.random.Philox(key=np.array([seed, word], np.uint64)).random_raw(1)
    return (int(raw) >> 11) * 2.0**-53


def _at(share: float, least: float, greatest: float) -> float:
    if isinstance(least, int):
        return least + int(share * (greatest - least + 1))
    value = float(f"{least * (greatest / least) ** share:.6g}")
    return min(max(value, least), greatest)
