"""Is a dataset what it was when it was written, and what its recipe says?"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golfast.data.generate import generate
from golfast.data.layout import (
    Layout,
    check_complete,
    check_digest,
    checksum,
    map_states,
    open_layout,
    read_checksums,
)
from golfast.data.manifest import manifest_path, read_manifest
from golfast.data.overlap import check_workers, in_order
from golfast.data.reader import Trajectories
from golfast.data.states import Archived
from golfast.data.writer import counted_from
from golfast.errors import Failure


def verify(
    path: Path | str,
    *,
    regenerate: bool = False,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Check every byte of a file, or of a set of shards, against its checksums.

    regenerate: also make every block anew from the recipe, and compare bit for bit. `workers`: threads, as many as
    there are cores if left out. `progress` is called with the number of trajectories checked.

    Returns the number of blocks checked. Raises Failure that names the first wrong block, its trajectories, and the
    first cell that is not what the recipe makes; or that says what else is damaged, unfinished, missing or foreign.
    """
    path, workers = Path(path), check_workers(workers)
    manifest = manifest_path(path)
    if manifest is None:
        return _verify_file(path, regenerate, workers, progress)
    contents = read_manifest(manifest)
    if manifest.read_bytes() != contents.text.encode():
        raise Failure(f"{manifest} was changed: it is not byte for byte as golfast writes it")
    blocks = done = 0
    for shard in contents.shards:
        file = manifest.parent / shard.file
        if file.exists():  # if it does not, the last line says so
            blocks += _verify_file(file, regenerate, workers, counted_from(progress, done))
            done += shard.count
    Trajectories(manifest)
    return blocks


def _verify_file(path: Path, regenerate: bool, workers: int, progress: Callable[[int], None]) -> int:
    layout = open_layout(path)
    check_complete(path, layout)
    check_block = _archive_checker(path, layout) if layout.profile == "archive" else _train_checker(path, layout)

    def check(index: int) -> int:
        start, stop = layout.span(index)
        states = check_block(index)
        if regenerate and not np.array_equal(states, made := generate(layout.recipe, start, stop)):
            where = _difference(layout, index, states, made)
            raise Failure(f"{path} is not what its recipe makes: {layout.describe(index)} differs{where}")
        return stop

    for stop in in_order(check, range(layout.blocks), workers):
        progress(stop)
    check_digest(path, layout)
    return layout.blocks


def _train_checker(path: Path, layout: Layout) -> Callable[[int], NDArray[np.uint8]]:
    states, sums = map_states(path, layout), read_checksums(path, layout)

    def check(index: int) -> NDArray[np.uint8]:
        start, stop = layout.span(index)
        block = states[start:stop]
        if checksum(block) != sums[index]:
            where = _difference(layout, index, block, generate(layout.recipe, start, stop))
            what = f"the checksum of {layout.describe(index)} is wrong{where}"
            raise Failure(f"{path} is damaged: {what}; make the file again")
        return block

    return check


def _archive_checker(path: Path, layout: Layout) -> Callable[[int], NDArray[np.uint8]]:
    archived, sums = Archived(path, layout), read_checksums(path, layout, "stored_checksums")

    def check(index: int) -> NDArray[np.uint8]:
        if checksum(np.frombuffer(archived.read_chunk(index), np.uint8)) != sums[index]:
            at, size = layout.stored[index]
            what = f"the checksum of {layout.describe(index)} is wrong, in bytes {at} to {at + size - 1} of the file"
            raise Failure(f"{path} is damaged: {what}; make the file again")
        return archived.decode_block(index)

    return check


def _difference(layout: Layout, index: int, found: NDArray[np.uint8], made: NDArray[np.uint8]) -> str:
    """Where the cells of a block first differ from what the recipe makes, in words."""
    changed = found ^ made
    if not changed.any():
        return ", though its cells are what the recipe makes: the stored checksum was changed"
    trajectory, state, row, byte = (int(place[0]) for place in np.nonzero(changed))
    column = 8 * byte + 8 - int(changed[trajectory, state, row, byte]).bit_length()
    place = f"trajectory {layout.span(index)[0] + trajectory}, state {state + 1}, row {row + 1}, column {column + 1}"
    return f" in {int(np.bitwise_count(changed).sum())} cells, the first in {place}"
