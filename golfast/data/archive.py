"""The profile "archive": /states in chunks of one block each, every chunk a zstd frame.

Chunks are compressed and decoded here, on several threads, and not inside HDF5, whose one lock would have them wait for
each other. Others read such a file with h5py, once `import hdf5plugin` has taught it the filter.
"""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import zstandard
from numpy.typing import NDArray

from golfast.data.disk import write_at
from golfast.data.layout import (
    block_size,
    checksum,
    compute_digest,
    create_checks,
    new_file,
    open_layout,
    partial_path,
    write_attributes,
)
from golfast.data.overlap import check_workers, in_order
from golfast.data.recipe import Recipe
from golfast.data.writer import Progress, Source, finish, is_done, locked, telling_full
from golfast.run.locks import check_lockable

ZSTD = 32015  # its number in The HDF Group's registry of filters
LEVEL = 1  # higher ones gain little on packed cells


def write_archive(
    path: Path,
    recipe: Recipe,
    source: Source,
    *,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Write the dataset of a recipe, profile "archive", taking its trajectories from `source`.

    As `write_train`, with one difference: HDF5 places the chunks, so what a killed job left is of no use, and `resume`
    starts again. For a set so large that this hurts, archive its shards.

    Memory: at most 2 * workers chunks, compressed, and `workers` blocks.
    """
    workers = check_workers(workers)
    if is_done(path, recipe, "archive", resume=resume, overwrite=overwrite):
        progress(recipe.count)
        return path
    partial = partial_path(path)
    check_lockable(partial.parent)
    with (
        locked(partial, create=True) as file,
        telling_full(partial, "free some space, and give --resume to start again"),
    ):
        _write_chunks(partial, recipe, source, workers, progress)
        layout = open_layout(partial)
        write_at(file, bytes.fromhex(compute_digest(partial, layout)), layout.offsets["digest"])
        os.fsync(file)
        finish(file, partial, path)
    return path


def decode(frame: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """A chunk's states, `shape` uint8, read-only; None if the frame is damaged."""
    size = int(np.prod(shape))
    try:
        if zstandard.frame_content_size(frame) != size:  # what the frame says is allocated, whatever is asked for
            return None
        data = zstandard.ZstdDecompressor().decompress(frame, max_output_size=size)
    except zstandard.ZstdError:
        return None
    return np.frombuffer(data, np.uint8).reshape(shape) if len(data) == size else None


def _write_chunks(partial: Path, recipe: Recipe, source: Source, workers: int, progress: Progress) -> None:
    rows = min(block_size(recipe), recipe.count)
    with new_file(partial) as file:
        write_attributes(file, recipe, "archive")
        create_checks(file, recipe, "checksums", "stored_checksums")
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((rows, *recipe.shape[1:]))
        # Optional, so that the file can be created where HDF5 does not know the filter.
        properties.set_filter(ZSTD, h5py.h5z.FLAG_OPTIONAL, (LEVEL,))
        properties.set_obj_track_times(False)
        kind, space = h5py.h5t.py_create(np.dtype(np.uint8)), h5py.h5s.create_simple(recipe.shape)
        states = h5py.h5d.create(file.id, b"states", kind, space, properties)
        starts = range(0, recipe.count, rows)
        sums, stored = np.empty(len(starts), "<u4"), np.empty(len(starts), "<u4")
        frames = in_order(_compressing(recipe, source, rows), starts, workers)
        for index, (start, (frame, total)) in enumerate(zip(starts, frames, strict=True)):
            states.write_direct_chunk((start, 0, 0, 0), frame)
            sums[index], stored[index] = total, checksum(np.frombuffer(frame, np.uint8))
            progress(min(start + rows, recipe.count))
        file["checksums"][:], file["stored_checksums"][:] = sums, stored
        file["blocks_complete"][:] = len(starts)


def _compressing(recipe: Recipe, source: Source, rows: int) -> Callable[[int], tuple[bytes, int]]:
    def compress(start: int) -> tuple[bytes, int]:
        """The chunk that begins at a trajectory, and the checksum of its states."""
        stop = min(start + rows, recipe.count)
        block = np.zeros((rows, *recipe.shape[1:]), np.uint8)  # HDF5's last chunk is as large as the others
        source(start, stop, block[: stop - start])
        frame = zstandard.ZstdCompressor(level=LEVEL).compress(block.reshape(-1).data)
        return frame, checksum(block[: stop - start])

    return compress
