"""Packed states that are not one array in memory or in a map, but are indexed as one."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golfast.data.archive import decode
from golfast.data.layout import (
    Layout,
    check_complete,
    check_digest,
    checksum,
    map_states,
    open_layout,
    read_checksums,
    read_digest,
)
from golfast.errors import Failure

_KEPT = 4  # decoded blocks
_ZERO = np.zeros((), np.uint8)


class States(Protocol):
    """Packed trajectories, (N, T, H, ceil(W/8)) uint8: a NumPy array, or something that reads what is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, T, H, ceil(W/8))."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]: ...


class Mapped(np.memmap[Any, np.dtype[np.uint8]]):
    """The states of a file of profile "train": a memory map that is pickled as the path of its file."""

    whole: tuple[Path, str] | None = None
    """Path and digest of the file, where this is all its states and not a part of them."""

    def __getitem__(self, key: Any, /) -> Any:
        return self.view(np.ndarray)[key]  # plain arrays, as `_Gathered` gives: quicker, and of numbers when pickled

    def __reduce__(self) -> Any:
        return super().__reduce__() if self.whole is None else (_reopened, self.whole)


class _Gathered:
    """Indexing as NumPy does it, of which only the trajectories that are asked for are read, by `gather`."""

    shape: tuple[int, int, int, int]
    ndim = 4
    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("these states are not in memory, so as an array they are a copy")
        return self[:] if dtype is None else self[:].astype(dtype)

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]:
        parts = list(key) if isinstance(key, tuple) else [key]
        if _is_plain(parts, self.shape):  # a batch: what is read most
            return self._gathered(parts[0], parts[1:])
        np.broadcast_to(_ZERO, self.shape)[key]  # raises what NumPy raises, before anything is read
        at, parts = _expanded(parts, len(self.shape))
        first = parts[at]
        if isinstance(first, slice):
            found = self.gather(np.arange(*first.indices(len(self))))
            parts[at] = slice(None)
        else:
            numbers = self._from_start(np.asarray(first))
            unique, places = np.unique(numbers, return_inverse=True)
            found = self.gather(unique)
            parts[at] = places.reshape(numbers.shape) if numbers.ndim else 0
        result: NDArray[np.uint8] = found[tuple(parts)]
        return result

    def _from_start(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        numbers = numbers.astype(np.int64)  # before anything is added, which small integers have no room for
        return np.where(numbers < 0, numbers + len(self), numbers)

    def _gathered(self, numbers: NDArray[Any], rest: list[Any]) -> NDArray[np.uint8]:
        numbers = self._from_start(numbers)
        found = self.gather(numbers.reshape(-1)).reshape(*numbers.shape, *self.shape[1:])
        result: NDArray[np.uint8] = found[(*(slice(None),) * numbers.ndim, *rest)]
        return result

    def gather(self, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Trajectories of these numbers, (n, T, H, ceil(W/8)) uint8."""
        raise NotImplementedError


def _is_plain(parts: list[Any], shape: tuple[int, ...]) -> bool:
    """Whether a key is an array of trajectories' numbers, all of which there are, and slices."""
    first = parts[0] if parts else None
    return (
        isinstance(first, np.ndarray)
        and first.dtype.kind in "iu"
        and first.size > 0
        and len(parts) <= len(shape)
        and all(isinstance(part, slice) for part in parts[1:])
        and bool(-shape[0] <= first.min() and first.max() < shape[0])
    )


def _expanded(parts: list[Any], axes: int) -> tuple[int, list[Any]]:
    """A key that NumPy takes, with slices for its ellipsis and numbers for its mask of trajectories.

    Also where in it the first axis is indexed.
    """
    used = [_axes(part) for part in parts]
    at = next((index for index, part in enumerate(parts) if part is Ellipsis), None)
    if at is not None:
        parts = [*parts[:at], *[slice(None)] * (axes - sum(used)), *parts[at + 1 :]]
        used = [_axes(part) for part in parts]
    if not any(used):
        return len(parts), [*parts, slice(None)]
    at = next(index for index, count in enumerate(used) if count)
    if not isinstance(parts[at], slice):
        numbers = np.asarray(parts[at])
        if numbers.dtype == np.bool_:  # NumPy puts the numbers of what is true, axis by axis, in a mask's place
            parts = [*parts[:at], *numbers.nonzero(), *parts[at + 1 :]]
        elif not numbers.size:  # an empty list
            parts = [*parts[:at], numbers.astype(np.int64), *parts[at + 1 :]]
    return at, parts


def _axes(part: Any) -> int:
    """How many axes a part of a key indexes."""
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, slice):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == np.bool_ else 1


class Archived(_Gathered):
    """The states of a file of profile "archive": a block is decoded, and checked, for the first of its trajectories.

    The last four blocks are kept, so reading in order costs one pass. Reading at random costs a block (some
    milliseconds) for each trajectory; convert a set to profile "train" for that.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.shape = layout.recipe.shape
        self._path, self._layout = path.absolute(), layout
        self._digest, self._sums = read_digest(path, layout), read_checksums(path, layout)
        self._block = lru_cache(_KEPT)(self.decode_block)

    def __reduce__(self) -> Any:
        return _reopened, (self._path, self._digest)

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


def open_states(path: Path, layout: Layout, digest: str) -> States:
    """The states of one file, which is whole and has this digest."""
    if layout.profile != "train":
        return Archived(path, layout)
    mapped = map_states(path, layout).view(Mapped)
    mapped.whole = path.absolute(), digest
    return mapped


def _reopened(path: Path, digest: str) -> States:
    """The states that were pickled, in this process. Failure if the file is another one by now."""
    layout = open_layout(path)
    if read_digest(path, layout) != digest:
        raise Failure(f"{path} is not the dataset that was opened: its digest is another; open it anew")
    check_complete(path, layout)
    check_digest(path, layout)
    return open_states(path, layout, digest)
