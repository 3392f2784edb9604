"""Reading a dataset: whole ones only, packed, at random."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.data.layout import (
    Layout,
    check_complete,
    check_digest,
    checksum,
    open_layout,
    partial_path,
    read_checksums,
)
from golfast.data.manifest import Manifest, manifest_path, read_manifest
from golfast.data.recipe import Recipe
from golfast.data.states import Chained, States, open_states
from golfast.errors import Failure
from golfast.life import unpack
from golfast.run.config import difference


class Stored:
    """One file of a dataset, open for reading.

    `states` are its trajectories, (N, T, H, ceil(W/8)) uint8; `digest` names its contents.
    """

    path: Path
    layout: Layout
    digest: str
    states: States

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, or Failure if it is not a whole file of this format, its states apart."""
        if not path.exists() and partial_path(path).exists():
            raise Failure(
                f"{path} is not finished: {partial_path(path)} is what a job has made of it; give it --resume"
            )
        self.path, self.layout = path.absolute(), open_layout(path)
        check_complete(path, self.layout)
        self.digest = check_digest(path, self.layout)
        self._sums = read_checksums(path, self.layout)
        self.states = open_states(path, self.layout, self.digest)

    def read(self, start: int, stop: int, out: NDArray[np.uint8]) -> None:
        """Copy trajectories start..stop into `out`, of the same shape. Failure if a block they lie in is damaged."""
        layout = self.layout
        for index in range(start // layout.block, -(-stop // layout.block)):
            first, last = layout.span(index)
            block = self.states[first:last]  # an archive checks what it decodes
            if layout.profile == "train" and checksum(block) != self._sums[index]:
                raise Failure(f"{self.path} is damaged: the checksum of {layout.describe(index)} is wrong")
            low, high = max(start, first), min(stop, last)
            out[low - start : high - start] = block[low - first : high - first]


class Trajectories:
    """A dataset, open for reading: one file, or the shards that a manifest names.

    `recipe` says what is in it. `packed` is the whole set, (N, T, H, ceil(W/8)) uint8, read-only, not loaded: index it
    as any array, along N with a slice or an array of numbers, and only what is touched is read. For one file of profile
    "train" it is a memory map.

    The files' absolute paths are kept, so the working directory may change. A set is pickled, and so sent to the
    workers of a DataLoader, as these paths, and opened anew where it arrives: Failure if a file is another one by then.
    """

    recipe: Recipe
    packed: States
    files: tuple[Stored, ...]
    _paths: tuple[Path, ...]

    def __init__(self, path: Path | str) -> None:
        """Open a file, a manifest, or the folder with one.

        Raises FileNotFoundError, or Failure if it is not a whole dataset of this format, or if a shard is missing or is
        not the one that the manifest names. The states themselves are not looked at: that is what `verify` is for.
        """
        path = Path(path).absolute()
        self._paths = (path,)
        manifest = manifest_path(path)
        if manifest is None:
            self._open([Stored(path)])
        else:
            contents = read_manifest(manifest)
            self._open([_open_shard(manifest, contents, index) for index in range(len(contents.shards))])

    @classmethod
    def joined(cls, paths: Iterable[Path | str]) -> "Trajectories":
        """Several datasets as one, in the order of their boards' numbers.

        Raises ValueError if they are not consecutive parts of one set, naming what is between them.
        """
        if isinstance(paths, str | os.PathLike) or not isinstance(paths, Iterable):
            raise ValueError(f"the datasets to join are {paths!r}; give a list of paths")
        parts = [Trajectories(path) for path in paths]
        files = [file for part in parts for file in part.files]
        if not files:
            raise ValueError("there is nothing to join; name at least one dataset")
        files.sort(key=lambda file: file.layout.recipe.start)
        for one, other in pairwise(files):
            _check_consecutive(one, other)
        joined = cls.__new__(cls)
        joined._paths = tuple(path for part in parts for path in part._paths)
        joined._open(files)
        return joined

    def __reduce__(self) -> Any:
        return _reopened, (self._paths, self._digest)

    @property
    def _digest(self) -> str:
        """Of the digests of all files."""
        return hashlib.sha256("".join(file.digest for file in self.files).encode()).hexdigest()

    def _open(self, files: Sequence[Stored]) -> None:
        self.files = tuple(files)
        self._starts = np.cumsum([0, *(file.layout.recipe.count for file in files)])
        self.recipe = files[0].layout.recipe.part(0, int(self._starts[-1]))
        self.packed = files[0].states if len(files) == 1 else Chained([file.states for file in files])

    def __len__(self) -> int:
        return self.recipe.count

    def batch(self, indices: NDArray[np.integer] | slice, states: slice = slice(None)) -> NDArray[np.uint8]:
        """Packed trajectories of these indices: (B, T, H, ceil(W/8)) uint8, a copy.

        Raises ValueError if the indices are not whole numbers, a mask or a slice; IndexError if one is not there, or if
        the mask is not of N.
        """
        numbers = indices if isinstance(indices, slice) else np.asarray(indices)
        if not isinstance(numbers, slice) and numbers.size and numbers.dtype.kind not in "iub":
            raise ValueError(f"the indices of trajectories are {indices!r}; give whole numbers, a mask or a slice")
        return np.array(self.packed[indices, states])

    def cells(self, indices: NDArray[np.integer] | slice) -> NDArray[np.uint8]:
        """Unpacked trajectories of these indices: (B, T, H, W) uint8 0/1."""
        return unpack(self.batch(indices), self.recipe.width)

    def read(self, start: int, stop: int, out: NDArray[np.uint8]) -> None:
        """Copy trajectories start..stop into `out`, (stop - start, T, H, ceil(W/8)) uint8, checked.

        Raises Failure if the checksum of a block they lie in is wrong.
        """
        for file, first, last in zip(self.files, self._starts[:-1], self._starts[1:], strict=True):
            low, high = max(start, first), min(stop, last)
            if low < high:
                file.read(low - first, high - first, out[low - start : high - start])


def _reopened(paths: tuple[Path, ...], digest: str) -> Trajectories:
    """The set that was pickled, in this process."""
    dataset = Trajectories(paths[0]) if len(paths) == 1 else Trajectories.joined(paths)
    if dataset._digest != digest:
        raise Failure(f"{paths[0]} is not the dataset that was opened: its digest is another; open it anew")
    return dataset


def _open_shard(manifest: Path, contents: Manifest, index: int) -> Stored:
    shard = contents.shards[index]
    path = manifest.parent / shard.file
    if not path.exists():
        raise Failure(
            f"{manifest} names the shard {shard.file}, which is not there; copy it there, or make it again with "
            f"`golfast data make {manifest.parent} --shards {len(contents.shards)} --shard {index} --resume`"
        )
    file = Stored(path)
    wanted = contents.part(index)
    if file.layout.recipe != wanted:
        what = "; ".join(difference(file.layout.recipe, wanted))
        raise Failure(f"{path} is not the shard that {manifest.name} names: {what}")
    if file.digest != shard.digest:
        raise Failure(f"{path} is not the shard that {manifest.name} names: its digest is {file.digest[:12]}...")
    return file


def _check_consecutive(one: Stored, other: Stored) -> None:
    ours, theirs = one.layout.recipe, other.layout.recipe
    end = ours.start + ours.count
    expected = ours.part(ours.count, ours.count + theirs.count)
    if theirs == expected:
        return
    what = [word for word in difference(ours.part(0, theirs.count), theirs) if not word.startswith("start ")]
    if what:
        raise ValueError(f"{one.path} and {other.path} are not parts of one set: {'; '.join(what)}")
    gap = "boards between them are missing" if theirs.start > end else "they have boards in common"
    raise ValueError(f"{one.path} ends before board {end} and {other.path} begins with board {theirs.start}: {gap}")
