"""What soups leave behind: the objects on many settled boards, counted by their apgcodes."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.life.apgcode import Placed, checked_rule, name_of
from golfast.life.boards import check_packed
from golfast.life.kernels.ash import HEADER, count_objects
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, check_choice
from golfast.threads import over_batch

_CALL = 1 << 26  # cells times generations of one call of a kernel, a quarter of a second: Ctrl-C waits for it
_SMALLEST = 64  # boards of one span: each meets the common objects for the first time


def count_objects_packed(
    packed: NDArray[np.uint8],
    width: int,
    period: NDArray[np.int64],
    *,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
) -> Counter[str]:
    """How often each object, by its apgcode, is on settled boards: what `census` counts, in compiled code.

    packed: (N, H, ceil(width/8)) uint8, boards that come again; period: (N,) after how many generations, as
    `settle_packed` finds it (a multiple will do; 0 leaves a board out). Raises ValueError for boards of other shapes,
    names that are unknown, and rules with B0.
    """
    width, rule, periods = check_packed(packed, width), checked_rule(rule), np.asarray(period, np.int64)
    if packed.ndim != 3 or periods.shape != packed.shape[:1]:
        raise ValueError(
            f"packed boards have shape (N, height, bytes) and a period each; got {packed.shape} and {periods.shape}"
        )
    torus = check_choice("boundary", boundary, BOUNDARIES) == "torus"
    chosen = periods > 0
    periods = periods[chosen]
    height, flat = packed.shape[1], packed[chosen].reshape(-1)
    parts: list[Any] = []
    for begin, end in _calls(periods, height * width):

        def run(start: int, stop: int, begin: int = begin) -> None:
            span = begin + start, begin + stop
            parts.append(count_objects(flat, periods, height, width, rule.birth, rule.survival, torus, *span))

        over_batch(run, end - begin, smallest=_SMALLEST)
    entries: dict[bytes, list[int]] = {}
    for words, begins, counts, firsts in parts:
        for begin, end, count, first in zip(begins[:-1], begins[1:], counts, firsts, strict=True):
            entries.setdefault(words[begin:end].tobytes(), [0, int(first)])[0] += int(count)
    found: Counter[str] = Counter()
    for entry, (count, first) in entries.items():
        found[_name(np.frombuffer(entry, np.uint64), packed.shape[1], width, rule, boundary, first)] += count
    return found


def _calls(periods: NDArray[np.int64], cells: int) -> Iterator[tuple[int, int]]:
    """Boards that go through a kernel at once."""
    calls = np.cumsum(periods) * cells // _CALL
    cuts = [0, *(np.flatnonzero(np.diff(calls)) + 1).tolist(), len(periods)]
    return pairwise(cuts)


def _name(entry: NDArray[np.uint64], height: int, width: int, rule: Rule, boundary: str, period: int) -> str:
    """The name of an entry. On a dead border it is on a board as large as it is sure to matter."""
    tall, wide, above, left, below, right = (int(word) for word in entry[:HEADER])
    bits = np.unpackbits(entry[HEADER:].view(np.uint8), bitorder="little")[: tall * wide]
    size = (height, width) if boundary == "torus" else (above + tall + below, left + wide + right)
    return name_of(Placed(above, left, bits.reshape(tall, wide)), size, rule, boundary, period)
