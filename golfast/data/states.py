"""Packed states that are not one array in memory or in a map, but are indexed as one."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golfast.data.archive import decode
from golfast.data.layout import Layout, checksum, read_checksums
from golfast.errors import Failure

_KEPT = 4  # decoded blocks


class States(Protocol):
    """Packed trajectories, (N, T, H, ceil(W/8)) uint8: a NumPy array, or something that reads what is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, T, H, ceil(W/8))."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]: ...


class _Gathered:
    """Indexing along the first axis as NumPy does it, by `gather`; further axes are NumPy's own."""

    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, slice):
            wanted = np.arange(*first.indices(len(self)))
        else:
            wanted = np.asarray(first)
            if wanted.dtype == np.bool_:
                wanted = np.flatnonzero(wanted)
            if wanted.size and not (-len(self) <= wanted.min() and wanted.max() < len(self)):
                raise IndexError(f"there are {len(self)} trajectories; got index {wanted.min()} to {wanted.max()}")
            wanted = np.where(wanted < 0, wanted + len(self), wanted).astype(np.int64)
        found = self.gather(wanted.reshape(-1)).reshape(*wanted.shape, *self.shape[1:])
        result: NDArray[np.uint8] = found[(*(slice(None),) * wanted.ndim, *rest)]
        return result

    def gather(self, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Trajectories of these numbers, (n, T, H, ceil(W/8)) uint8."""
        raise NotImplementedError


class Archived(_Gathered):
    """The states of a file of profile "archive": a block is decoded, and checked, for the first of its trajectories.

    The last four blocks are kept, so reading in order costs one pass. Reading at random costs a block (some
    milliseconds) for each trajectory; convert a set to profile "train" for that.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.shape = layout.recipe.shape
        self._path, self._layout = path, layout
        self._sums = read_checksums(path, layout)
        self._block = lru_cache(_KEPT)(self.decode_block)

    def gather(self, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Trajectories of these numbers, (n, T, H, ceil(W/8)) uint8."""
        found = np.empty((len(wanted), *self.shape[1:]), np.uint8)
        blocks = wanted // self._layout.block
        for index in np.unique(blocks):
            here = blocks == index
            found[here] = self._block(int(index))[wanted[here] - index * self._layout.block]
        return found

    def read_chunk(self, index: int) -> bytes:
        """A chunk as it lies in the file."""
        at, size = map(int, self._layout.stored[index])
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(size)

    def decode_block(self, index: int) -> NDArray[np.uint8]:
        """A block's states, (n, T, H, ceil(W/8)) uint8. Failure if it is damaged."""
        start, stop = self._layout.span(index)
        rows = min(self._layout.block, self.shape[0])
        states = decode(self.read_chunk(index), (rows, *self.shape[1:]))
        if states is None or checksum(states[: stop - start]) != self._sums[index]:
            raise Failure(f"{self._path} is damaged: {self._layout.describe(index)} does not decode to what it was")
        return states[: stop - start]


class Chained(_Gathered):
    """The states of several sets, one after the other."""

    parts: tuple[States, ...]
    starts: NDArray[np.int64]
    """Number of each part's first trajectory."""

    def __init__(self, parts: Sequence[States]) -> None:
        self.parts = tuple(parts)
        lengths = [len(part) for part in parts]
        self.starts = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
        _, states, height, row_bytes = parts[0].shape
        self.shape = sum(lengths), states, height, row_bytes

    def gather(self, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Trajectories of these numbers, (n, T, H, ceil(W/8)) uint8."""
        found = np.empty((len(wanted), *self.shape[1:]), np.uint8)
        owners = np.searchsorted(self.starts, wanted, side="right") - 1
        for owner in np.unique(owners):
            here = owners == owner
            found[here] = self.parts[owner][wanted[here] - self.starts[owner]]
        return found
