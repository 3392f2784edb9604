"""The file format: one HDF5 file, readable by anybody with h5py and numpy.

    /states            (N, T, H, ceil(W/8)) uint8, `numpy.packbits` along W
    /checksums         (blocks,) uint32, CRC-32 of each block of /states
    /blocks_complete   (1,) uint64, how many blocks have been written, in order
    /digest            (32,) uint8, SHA-256 of every byte of the file outside /states and /digest; while the file is
                       being made, also outside /checksums and /blocks_complete, which change then
    attributes         format, format_version, profile, the recipe's fields, block (trajectories a block),
                       golfast_version, recipe (the same fields as TOML)

Profile "train": /states is contiguous. Profile "archive": it is in chunks of a block each, zstd (HDF5's filter 32015),
and /stored_checksums (blocks,) uint32 has the CRC-32 of each chunk as it lies in the file. So every byte of a file is
under a checksum, and a set has the same /checksums in either profile.
"""

import hashlib
import os
import zlib
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from golfast import __version__
from golfast.data.disk import PAGE
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.run.config import from_mapping, to_mapping, to_toml
from golfast.run.untrusted import check_regular

FORMAT = "golfast-trajectories"
FORMAT_VERSION = 1
PROFILES = ("train", "archive")
BLOCK_BYTES = 4 << 20  # what a kill can lose: small beside a set, large beside a system call
_MOST_BLOCK = BLOCK_BYTES  # of a file that is read: no version has made larger ones
_READ = 1 << 20
_TOLD = 200  # characters
_STRUCTURE = 1 << 20  # bytes of a file outside its blocks, at most: what HDF5 needs, and for each block
_STRUCTURE_PER_BLOCK = 2 * PAGE  # its checksums, its place, and what is left free before the next page


def partial_path(path: Path) -> Path:
    """Where the file at `path` is while it is being made."""
    return path.with_name(path.name + ".partial")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where things are in a file. Offsets are bytes from its start."""

    recipe: Recipe
    profile: str
    block: int
    """Trajectories of a block; the last one may have fewer."""
    stored: NDArray[np.int64]
    """Offset and size of what holds /states: (1, 2) in profile train, a chunk a block (blocks, 2) in archive."""
    offsets: dict[str, int]
    """Of the other arrays."""

    @property
    def blocks(self) -> int:
        """How many blocks the whole file has."""
        return -(-self.recipe.count // self.block)

    @property
    def states_offset(self) -> int:
        """Where /states begins."""
        return int(self.stored[0, 0])

    def span(self, index: int) -> tuple[int, int]:
        """Trajectories start..stop of a block."""
        return index * self.block, min((index + 1) * self.block, self.recipe.count)

    def describe(self, index: int) -> str:
        """A block in words."""
        start, stop = self.span(index)
        return f"block {index} of {self.blocks} (trajectories {start} to {stop - 1})"


def block_size(recipe: Recipe) -> int:
    """Trajectories of a block: whole pages of them, if such a block is not too large, for they are written faster."""
    most, together = max(1, BLOCK_BYTES // recipe.trajectory_bytes), PAGE // gcd(PAGE, recipe.trajectory_bytes)
    return most // together * together or most


def new_file(path: Path) -> h5py.File:
    """An empty HDF5 file, in the form in which HDF5 keeps checksums of its own structure (since 1.10).

    What takes a page or more begins with one.
    """
    pages = {"alignment_threshold": PAGE, "alignment_interval": PAGE}
    return _hdf5(path, "w", libver=("v110", "v110"), **pages)


def write_attributes(file: h5py.File, recipe: Recipe, profile: str) -> None:
    """The root attributes of a new file."""
    attributes = {"format": FORMAT, "format_version": FORMAT_VERSION, "profile": profile, **to_mapping(recipe)}
    attributes |= {"block": block_size(recipe), "golfast_version": __version__, "recipe": to_toml(recipe)}
    for name, value in attributes.items():
        # HDF5 keeps strings of variable length, h5py's default, in the one place that has no checksum of its own:
        # a flipped bit there can crash or hang it.
        file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value


def create_contiguous(file: h5py.File, name: str, shape: tuple[int, ...], dtype: Any) -> None:
    """Lay out an array whose bytes will be written past HDF5."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)  # a sparse file: no byte is written twice
    properties.set_obj_track_times(False)  # the bytes of a file depend on its recipe alone
    kind = h5py.h5t.py_create(np.dtype(dtype))
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(shape), properties)


def create_checks(file: h5py.File, recipe: Recipe, *names: str) -> None:
    """Lay out /blocks_complete, /digest and, under these names, arrays of one checksum a block."""
    for name in names:
        create_contiguous(file, name, (-(-recipe.count // block_size(recipe)),), "<u4")
    create_contiguous(file, "blocks_complete", (1,), "<u8")
    create_contiguous(file, "digest", (32,), np.uint8)


def open_layout(path: Path) -> Layout:
    """Read where things are. Failure, in one sentence, if the file is not a whole HDF5 file of this format."""
    if not path.exists():
        raise FileNotFoundError(2, "no such file", str(path))
    check_regular(path)
    try:
        with _hdf5(path, "r") as file:
            return _read_layout(path, file)
    except (Failure, PermissionError, KeyboardInterrupt):
        raise
    except Exception as error:  # a damaged header makes HDF5 and h5py raise whatever they meet first
        raise Failure(
            f"{path} is not a whole golfast dataset: truncated, damaged, or not HDF5 ({brief(error)})"
        ) from None


def brief(error: BaseException) -> str:
    """What an exception says of a damaged file, fit for a message: it may repeat the file's contents."""
    try:
        text = str(error) or type(error).__name__
    except RecursionError:
        text = type(error).__name__
    text = text.split("\n", 1)[0][:_TOLD]
    return "".join(letter if letter.isprintable() else "?" for letter in text).strip("'\"")


def read_complete(path: Path, layout: Layout) -> int:
    """How many blocks say they are complete."""
    there = layout.blocks if layout.profile == "train" else len(layout.stored)
    with path.open("rb") as file:
        file.seek(layout.offsets["blocks_complete"])
        return min(int.from_bytes(file.read(8), "little"), there)


def check_complete(path: Path, layout: Layout) -> None:
    """Failure unless all blocks are there."""
    complete = read_complete(path, layout)
    if complete < layout.blocks:
        raise Failure(f"{path} is not finished: {complete} of {layout.blocks} blocks are there; make it again")


def read_checksums(path: Path, layout: Layout, name: str = "checksums") -> NDArray[np.uint32]:
    """A stored checksum of every block: (blocks,) uint32."""
    return np.fromfile(path, "<u4", layout.blocks, offset=layout.offsets[name]).astype(np.uint32)


def map_states(path: Path, layout: Layout) -> NDArray[np.uint8]:
    """`/states` of profile "train" as a read-only memory map: (N, T, H, ceil(W/8)) uint8."""
    return np.memmap(path, np.uint8, "r", offset=layout.states_offset, shape=layout.recipe.shape)


def checksum(block: NDArray[np.uint8]) -> int:
    """CRC-32 of a block's bytes, as zlib computes it."""
    return zlib.crc32(np.ascontiguousarray(block).reshape(-1).data)


def read_digest(path: Path, layout: Layout) -> str:
    """The stored digest, 64 hexadecimal digits."""
    with path.open("rb") as file:
        file.seek(layout.offsets["digest"])
        return file.read(32).hex()


def compute_digest(path: Path, layout: Layout, *, unfinished: bool = False) -> str:
    """SHA-256 of every byte of the file outside /states and /digest, 64 hexadecimal digits.

    It covers the recipe and the checksums of all blocks, so it names the set's contents too. unfinished: the digest
    that the file has while blocks are being added, of what does not change then.
    """
    digest = hashlib.sha256()
    sizes = {"digest": 32, **({"checksums": 4 * layout.blocks, "blocks_complete": 8} if unfinished else {})}
    arrays = [(layout.offsets[name], size) for name, size in sizes.items()]
    skipped = sorted([*arrays, *((int(at), int(size)) for at, size in layout.stored)])
    with path.open("rb") as file:
        for start, size in [*skipped, (os.fstat(file.fileno()).st_size, 0)]:
            while file.tell() < start and (part := file.read(min(_READ, start - file.tell()))):
                digest.update(part)
            file.seek(max(file.tell(), start + size))
    return digest.hexdigest()


def check_begun(path: Path, layout: Layout) -> None:
    """Failure if anything but the blocks of a file that is being made has changed since it was begun."""
    begun, whole = (compute_digest(path, layout, unfinished=unfinished) for unfinished in (True, False))
    # A job killed at its last step leaves the whole file's digest, or a part of it.
    if read_digest(path, layout) not in {whole[:digits] + begun[digits:] for digits in range(0, 65, 2)}:
        raise Failure(
            f"{path} is damaged outside its states: an attribute or HDF5's own structure is not what was written"
        )


def check_digest(path: Path, layout: Layout) -> str:
    """The digest, if the file still has it; Failure if anything but the states has changed."""
    stored = read_digest(path, layout)
    if compute_digest(path, layout) != stored:
        raise Failure(
            f"{path} is damaged outside its states: an attribute, a checksum or HDF5's own structure is not what was "
            "written; make the file again"
        )
    return stored


def _hdf5(path: Path, mode: str, **options: Any) -> h5py.File:
    """Open a file that HDF5 is not to lock. Failure if it does so all the same, and cannot."""
    try:
        return h5py.File(path, mode, locking=False, **options)
    except OSError as error:
        if "unable to lock file" not in str(error):
            raise
        raise Failure(
            f"HDF5 cannot lock {path}, and need not: golfast keeps other jobs out by itself; unset "
            "HDF5_USE_FILE_LOCKING, or set it to FALSE"
        ) from None


def _read_layout(path: Path, file: h5py.File) -> Layout:
    if _plain(file.attrs.get("format")) != FORMAT:
        raise Failure(f"{path} is an HDF5 file, but not golfast's: it has no attribute format={FORMAT!r}")
    version = _whole(file, "format_version")
    if version > FORMAT_VERSION:
        raise Failure(f"{path} has format version {version}; this golfast reads up to {FORMAT_VERSION}: update it")
    recipe, profile, block = _recipe(file), _plain(file.attrs["profile"]), _whole(file, "block")
    if block > 1 and min(block, recipe.count) * recipe.trajectory_bytes > _MOST_BLOCK:
        raise Failure(f"{path} is damaged: golfast makes no blocks of {block} trajectories of this size")
    states = _array(path, file, "states")
    if states.shape != recipe.shape or states.dtype != np.uint8:
        raise Failure(f"{path} is damaged: /states is {states.shape}, its recipe says {recipe.shape}")
    blocks = -(-recipe.count // block)
    names = ["checksums"] if profile == "train" else ["checksums", "stored_checksums"]
    for name in names:
        sums = _array(path, file, name)
        if sums.shape != (blocks,) or sums.dtype != np.dtype("<u4"):
            raise Failure(f"{path} is damaged: /{name} is {sums.shape} for {blocks} blocks of {block}")
    if profile == "train" and states.chunks is None:
        stored = [(states.id.get_offset(), recipe.count * recipe.trajectory_bytes)]
    elif profile == "archive" and states.chunks == (min(block, recipe.count), *recipe.shape[1:]):
        chunks: list[Any] = []
        states.id.chunk_iter(chunks.append)
        chunks.sort(key=lambda chunk: chunk.chunk_offset)
        if [chunk.chunk_offset[0] for chunk in chunks] != [block * index for index in range(len(chunks))]:
            raise Failure(f"{path} is damaged: the chunks of /states are not its blocks")
        stored = [(chunk.byte_offset, chunk.size) for chunk in chunks]
        most = min(block, recipe.count) * recipe.trajectory_bytes
        if max((size for _, size in stored), default=0) > most + most // 128 + 1024:
            raise Failure(f"{path} is damaged: a chunk of /states is larger than its block could be")
    else:
        raise Failure(
            f"{path} is damaged: its states do not lie as its profile {str(profile)[:20]!r} says, or it is not one of "
            f"{', '.join(PROFILES)}"
        )
    offsets = {name: int(_array(path, file, name).id.get_offset()) for name in [*names, "blocks_complete", "digest"]}
    layout = Layout(recipe, profile, block, np.array(stored, np.int64).reshape(-1, 2), offsets)
    sizes = {"blocks_complete": 8, "digest": 32}
    ranges = [*stored, *((at, sizes.get(name, 4 * blocks)) for name, at in offsets.items())]
    if min(at for at, _ in ranges) < 0 or max(at + size for at, size in ranges) > path.stat().st_size:
        raise Failure(f"{path} is damaged: its arrays lie outside of it")
    outside = path.stat().st_size - sum(size for _, size in stored)
    if not 0 <= outside <= _STRUCTURE + _STRUCTURE_PER_BLOCK * blocks:  # all of it is read, for the digest
        raise Failure(f"{path} is damaged: {outside:,} of its bytes are not states, more than golfast writes")
    return layout


def _array(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """An array whose numbers lie in this file. Failure if it is elsewhere; nothing that it names is opened."""
    link = file.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise Failure(f"{path} is not a dataset of golfast's: /{name} is a link to something else")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise Failure(f"{path} is not a dataset of golfast's: the numbers of /{name} are not in this file")
    return array


def _recipe(file: h5py.File) -> Recipe:
    return from_mapping(Recipe, {name: _plain(file.attrs[name]) for name in to_mapping(Recipe())})


def _whole(file: h5py.File, name: str) -> int:
    """An attribute that is a whole number, 1 or more."""
    value = _plain(file.attrs[name])
    if type(value) is not int or value < 1:
        raise ValueError(f"its attribute {name} is not a whole number")
    return value


def _plain(value: Any) -> Any:
    """An attribute as Python's own string or number."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value
