"""Boards of like age side by side, so that what is done together has the same number of generations to go."""

from typing import Any

import numpy as np

from golfast.jit import kernel

_BUCKETS = 1024


@kernel
def sort_windows(ages: Any, order: Any, window: int, start: int, stop: int) -> None:
    """Put into order[start:stop] the numbers start..stop, those of each window sorted by age, the first first.

    By counting. Ages too large for the buckets are told apart less finely, as they need be: relative to their size.
    """
    places = np.empty(_BUCKETS + 1, np.int64)
    for first in range(start, stop, window):
        last = min(first + window, stop)
        oldest, shift = 0, 0
        for board in range(first, last):
            oldest = max(oldest, ages[board])
        while oldest >> shift >= _BUCKETS:
            shift += 1
        buckets = (oldest >> shift) + 1
        places[: buckets + 1] = 0
        for board in range(first, last):
            places[(ages[board] >> shift) + 1] += 1
        for bucket in range(buckets):
            places[bucket + 1] += places[bucket]
        for board in range(first, last):
            bucket = ages[board] >> shift
            order[first + places[bucket]] = board
            places[bucket] += 1
