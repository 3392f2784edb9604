"""In how many cells each imagined board differs from each true one, from cells and from packed bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.imagine import kernels, packed
from golfast.imagine.boards import BYTES, check_shapes, flat, imagined_cells, packed_boards, true_cells, valid_bits
from golfast.threads import over_batch

SPAN_BYTES = 1 << 22  # a thread takes about as long to start as to read this

Integers = NDArray[np.int64]


class Comparison:
    """Imagined boards (N, n, H, W) beside true ones (N, m, H, W)."""

    cells: int
    """Of a board."""
    different: Integers
    """(N, n, m): cells in which h_i and s_j differ, once `compare` or `run` has counted them."""
    smallest: int
    """Sequences worth a thread."""

    def __init__(self, imagined: NDArray[Any], truth: NDArray[Any], width: int) -> None:
        check_shapes(imagined, truth)
        self.cells = imagined.shape[2] * width
        self.different = np.empty((len(imagined), imagined.shape[1], truth.shape[1]), np.int64)
        self.smallest = smallest(imagined[:1].nbytes + truth[:1].nbytes)

    def compare(self, start: int, stop: int) -> None:
        """Count for sequences start..stop."""
        raise NotImplementedError

    def check(self) -> None:
        """ValueError if what was compared are no cells."""

    def living(self) -> Integers:
        """Living cells of the imagined, then of the true boards, (N, n + m), after `run`."""
        raise NotImplementedError

    def run(self) -> Integers:
        """Count for all sequences."""
        over_batch(self.compare, len(self.different), smallest=self.smallest)
        self.check()
        return self.different


class OfCells(Comparison):
    """Of arrays of cells, as `interpretability` takes them."""

    def __init__(self, imagined: object, truth: object) -> None:
        h, h_range = imagined_cells(imagined)
        s = true_cells(truth)
        super().__init__(h, s, h.shape[3])
        self._floating = h.dtype.kind == "f"
        self._living = np.empty((len(h), h.shape[1] + s.shape[1]), np.int64)
        self._odd = np.zeros(2, np.bool_)  # a cell of the imagined, of the true boards is none
        self._sides = (*flat(h), h_range, *flat(s), BYTES)

    def compare(self, start: int, stop: int) -> None:
        """Count for sequences start..stop."""
        kernels.cell_distances(*self._sides, self.cells, self.different, self._living, self._odd, start, stop)

    def check(self) -> None:
        """ValueError if a cell is NaN, or neither 0 nor 1."""
        if self._odd[0]:
            if not self._floating:
                raise ValueError("imagined holds whole numbers other than 0 and 1")
            raise ValueError("imagined holds NaN, which is neither alive nor dead")
        if self._odd[1]:
            raise ValueError("truth holds values other than 0 and 1")

    def living(self) -> Integers:
        """Living cells of the imagined, then of the true boards, (N, n + m), after `run`."""
        return self._living


class OfPacked(Comparison):
    """Of boards packed along their rows of `width` cells; bits beyond the width are ignored."""

    def __init__(self, imagined: object, truth: object, width: int) -> None:
        h, s = packed_boards("imagined", imagined, width), packed_boards("truth", truth, width)
        super().__init__(h, s, width)
        self._sides = flat(h), flat(s)
        self._valid = valid_bits(h.shape[2], width)

    def compare(self, start: int, stop: int) -> None:
        """Count for sequences start..stop."""
        ours, theirs = self._sides
        self._count(ours, theirs, self.different, start, stop)

    def values(self, allowed: int, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,): of the table, what stands at the number whose bit i * m + j is 1 where at most `allowed` cells differ.

        No more than `packed.MOST_PAIRS` pairs.
        """
        (h, h_strides), (s, s_strides) = self._sides
        count, n, m = self.different.shape
        values = np.empty(count)

        def span(start: int, stop: int) -> None:
            sides = h, h_strides, s, s_strides, self._valid
            packed.packed_values(*sides, n, m, allowed, table, values, start, stop)

        over_batch(span, count, smallest=self.smallest)
        return values

    def living(self) -> Integers:
        """The same, counted now: the cells in which each board differs from an empty one."""
        count, n, m = self.different.shape
        empty = np.zeros(len(self._valid), np.uint8), (0, 0)
        empty[0].flags.writeable = False
        sides = []
        for side, boards in zip(self._sides, (n, m), strict=True):
            living = np.empty((count, boards, 1), np.int64)
            self._count(side, empty, living, 0, count)
            sides.append(living[..., 0])
        return np.concatenate(sides, axis=1)

    def _count(self, ours: Any, theirs: Any, different: Integers, start: int, stop: int) -> None:
        n, m = different.shape[1:]
        counts = different.reshape(-1).view(np.uint64)
        (h, h_strides), (s, s_strides) = ours, theirs
        packed.packed_distances(h, h_strides, s, s_strides, self._valid, n, m, counts, start, stop)


def smallest(sequence_bytes: int) -> int:
    """Sequences of so many bytes that are worth a thread."""
    return max(1, SPAN_BYTES // max(1, sequence_bytes))
