"""The file format: one HDF5 file, readable by anybody with h5py and numpy.

    /states            (N, T, H, ceil(W/8)) uint8, `numpy.packbits` along W, contiguous
    /checksums         (blocks,) uint32, CRC-32 of each block of /states
    /blocks_complete   (1,) uint64, how many blocks have been written, in order
    attributes         format, format_version, the recipe's fields, block (trajectories a block), golfast_version,
                       recipe (the same fields as TOML)

All three arrays are laid out when the file is created and HDF5 is then left alone: blocks go straight to their place
in the file. So HDF5's own structure is never in the middle of a change when a job is killed. Until the last block is
in, the file is called <name>.partial.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from golfast import __version__
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.run.config import from_mapping, to_mapping, to_toml

FORMAT = "golfast-trajectories"
FORMAT_VERSION = 1
BLOCK_BYTES = 4 << 20  # what a kill can lose: small beside a set, large beside a system call


def partial_path(path: Path) -> Path:
    """Where the file at `path` is while it is being made."""
    return path.with_name(path.name + ".partial")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a file. Offsets are bytes from its start."""

    recipe: Recipe
    block: int
    states_offset: int
    checksums_offset: int
    complete_offset: int

    @property
    def blocks(self) -> int:
        """How many blocks the whole file has."""
        return -(-self.recipe.count // self.block)

    def span(self, index: int) -> tuple[int, int]:
        """Trajectories start..stop of a block."""
        return index * self.block, min((index + 1) * self.block, self.recipe.count)


def create(path: Path, recipe: Recipe) -> None:
    """Write an empty file: attributes, and the place of every array."""
    block = max(1, BLOCK_BYTES // recipe.trajectory_bytes)
    with h5py.File(path, "w", libver=("earliest", "v110"), locking=False) as file:
        attributes = {"format": FORMAT, "format_version": FORMAT_VERSION, **to_mapping(recipe)}
        attributes |= {"block": block, "golfast_version": __version__, "recipe": to_toml(recipe)}
        for name, value in attributes.items():
            file.attrs[name] = value
        blocks = -(-recipe.count // block)
        for name, shape, dtype in (
            ("states", recipe.shape, np.uint8),
            ("checksums", (blocks,), np.dtype("<u4")),
            ("blocks_complete", (1,), np.dtype("<u8")),
        ):
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_layout(h5py.h5d.CONTIGUOUS)
            properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)  # a sparse file: no byte is written twice
            properties.set_obj_track_times(False)  # the bytes of a file depend on its recipe alone
            space = h5py.h5s.create_simple(shape)
            h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, properties)


def open_layout(path: Path) -> Layout:
    """Read where things are. Failure, in one sentence, if the file is not a whole HDF5 file of this format."""
    if not path.exists():
        raise FileNotFoundError(2, "no such file", str(path))
    try:
        with h5py.File(path, "r", locking=False) as file:
            if file.attrs.get("format") != FORMAT:
                raise Failure(f"{path} is an HDF5 file, but not golfast's: it has no attribute format={FORMAT!r}")
            version = int(file.attrs["format_version"])
            if version > FORMAT_VERSION:
                raise Failure(
                    f"{path} has format version {version}; this golfast reads up to {FORMAT_VERSION}: update it"
                )
            recipe = _recipe(file)
            offsets = [file[name].id.get_offset() for name in ("states", "checksums", "blocks_complete")]
            block = int(file.attrs["block"])
            if file["states"].shape != recipe.shape or file["states"].dtype != np.uint8 or None in offsets:
                raise Failure(f"{path} is damaged: /states is {file['states'].shape}, its recipe says {recipe.shape}")
            if block < 1 or file["checksums"].shape != (-(-recipe.count // block),):
                raise Failure(f"{path} is damaged: {file['checksums'].shape} checksums for blocks of {block}")
            layout = Layout(recipe, block, *map(int, offsets))
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].strip("'\"")
        raise Failure(f"{path} is not a whole golfast dataset: truncated, damaged, or not HDF5 ({reason})") from None
    return layout


def read_complete(path: Path, layout: Layout) -> int:
    """How many blocks say they are complete."""
    with path.open("rb") as file:
        file.seek(layout.complete_offset)
        return min(int.from_bytes(file.read(8), "little"), layout.blocks)


def read_checksums(path: Path, layout: Layout) -> NDArray[np.uint32]:
    """The stored checksum of every block: (blocks,) uint32."""
    return np.fromfile(path, "<u4", layout.blocks, offset=layout.checksums_offset).astype(np.uint32)


def map_states(path: Path, layout: Layout) -> NDArray[np.uint8]:
    """`/states` as a read-only memory map: (N, T, H, ceil(W/8)) uint8."""
    return np.memmap(path, np.uint8, "r", offset=layout.states_offset, shape=layout.recipe.shape)


def checksum(block: NDArray[np.uint8]) -> int:
    """CRC-32 of a block's bytes, as zlib computes it."""
    return zlib.crc32(np.ascontiguousarray(block).reshape(-1).data)


def _recipe(file: h5py.File) -> Recipe:
    def plain(value: object) -> object:
        return value.item() if isinstance(value, np.generic) else value

    return from_mapping(Recipe, {name: plain(file.attrs[name]) for name in to_mapping(Recipe())})
