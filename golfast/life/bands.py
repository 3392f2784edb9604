"""Boards wider than a word, in the form that their kernel runs on: cut into bands, eight of them side by side."""

import numpy as np
from numpy.typing import NDArray

from golfast.life.kernels.bands import collect, count, spread
from golfast.life.kernels.wide import STRIP, wide
from golfast.life.rule import Rule
from golfast.threads import over_batch, over_passes, over_ring, thread_count
from golfast.vector import LANES, aligned

PASS = 32  # generations per pass: more read more rows beyond a band, fewer read and write each row more often
WORTH_SHARING = 12  # words of a row for each thread: with fewer, the words beyond a strip's ends cost more than rows do
WORTH_WAITING = 1 << 14  # words of all boards: with fewer, a pass ends sooner than threads have waited for each other


class Bands:
    """Packed boards (N, H, ceil(width/8)) uint8 that are run on and read as often as one likes."""

    def __init__(self, boards: NDArray[np.uint8], width: int, rule: Rule, torus: bool) -> None:
        """boards: more than 64 cells wide. They are copied."""
        count, self._height, row_bytes = boards.shape
        self._width, self._evolve = width, wide(rule, torus)
        words = -(-row_bytes // 8)
        threads = thread_count() if count * self._height * words >= WORTH_WAITING else 1
        self._strips, self._alone = -(-words // STRIP), threads == 1
        if words >= WORTH_SHARING * threads:
            # Threads share a band's strips: columns beyond a strip's ends cost less than rows beyond a band's.
            self._strips, threads = -(-self._strips // threads) * threads, 1
        # Enough bands for every lane of every thread, and no more: each costs rows beyond its ends.
        wanted = LANES * threads
        self._per_board = max(1, min(-(-wanted // max(count, 1)), self._height))
        self._band = -(-self._height // self._per_board)
        self._bands = count * self._per_board
        self._groups = -(-self._bands // LANES)
        size = self._groups * self._band * words * LANES
        self._here, self._there = aligned(size, np.uint64), aligned(size, np.uint64)
        source = np.ascontiguousarray(boards).reshape(-1)
        self._run(lambda first, stop: spread(source, self._here, *self._shape, first, stop))

    @property
    def _shape(self) -> tuple[int, int, int, int, int]:
        return self._bands, self._per_board, self._band, self._height, self._width

    def advance(self, generations: int) -> None:
        """Run all boards on."""
        boards, passes = [self._here, self._there], -(-generations // PASS)

        def run(number: int, first: int, stop: int) -> None:
            source, target = boards[number % 2], boards[(number + 1) % 2]
            together = min(PASS, generations - number * PASS)
            self._evolve(source, target, *self._shape, self._strips, together, first, stop)

        spans = self._groups * self._strips
        if self._alone:
            for number in range(passes):
                run(number, 0, spans)
        elif self._groups == 1:  # the strips of one board: each needs only those beside it
            over_ring(run, passes, spans)
        else:
            over_passes(run, passes, spans)
        self._here, self._there = boards[passes % 2], boards[(passes + 1) % 2]

    def read(self, target: NDArray[np.uint8]) -> None:
        """Write the boards as they are now to (N, H, ceil(width/8)) uint8; any stride between boards, none within."""
        if not target.size:
            return
        stride = target.strides[0]
        # A one-dimensional view from the first byte to the last, so that a kernel can address any board.
        size = stride * (len(target) - 1) + target[0].size
        flat = np.lib.stride_tricks.as_strided(target, (size,), (1,))
        self._run(lambda first, stop: collect(self._here, flat, stride, *self._shape, first, stop))

    def count(self) -> tuple[int, int]:
        """Live cells of all boards, and cells that have changed; after `advance(1)` since the generation before."""
        parts = list[NDArray[np.uint64]]()

        def run(first: int, stop: int) -> None:
            totals = aligned(2 * LANES, np.uint64)
            count(self._here, self._there, totals, *self._shape, first, stop)
            parts.append(totals)

        self._run(run)
        living, changed = np.sum(parts, axis=0).reshape(2, LANES).sum(axis=1)
        return int(living), int(changed)

    def _run(self, kernel: object) -> None:
        over_batch(kernel, self._groups)  # type: ignore[arg-type]
