"""Making a dataset: block by block, to its place in the file, so that a kill loses at most one block."""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from golfast.data.generate import generate
from golfast.data.layout import (
    Layout,
    checksum,
    create,
    map_states,
    open_layout,
    partial_path,
    read_checksums,
    read_complete,
)
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.run.config import difference
from golfast.run.files import replacing

Progress = Callable[[int], None]


def make(
    path: Path | str,
    recipe: Recipe,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda done: None,
) -> Path:
    """Make the dataset of a recipe at `path`.

    While it is being made it is called <path>.partial; the last step gives it its name. `resume` goes on with what a
    killed job left, to the same bytes. An existing file is left alone, whatever happens, unless `overwrite` is set, and
    then until the new one is whole. `progress` is called with the number of trajectories done.

    Returns the path. Raises ValueError if the file exists, or if a partial file is of another recipe; Failure if the
    disk is too small or another job is making the same file; OSError if it cannot be written.
    """
    path = Path(path)
    partial = partial_path(path)
    if path.exists() and not overwrite:
        if resume and not partial.exists() and open_layout(path).recipe == recipe:
            progress(recipe.count)
            return path
        raise ValueError(f"{path} exists; give another name, or --overwrite to replace it once the new one is whole")
    if partial.exists() and not (resume or overwrite):
        raise ValueError(f"{partial} was left by a job that did not end; --resume goes on, --overwrite starts again")
    _check_space(path, recipe)
    if partial.exists() and not resume:
        with _locked(partial):  # not under the feet of a job that is making it
            partial.unlink()
    if not partial.exists():
        partial.parent.mkdir(parents=True, exist_ok=True)
        with replacing(partial) as temporary:
            create(temporary, recipe)
    layout = open_layout(partial)
    if layout.recipe != recipe:
        what = "; ".join(difference(recipe, layout.recipe))
        raise ValueError(f"{partial} is of another recipe: {what}; resume with that one, or give --overwrite")
    with _locked(partial) as file:
        _write_blocks(file, partial, layout, progress)
        os.fsync(file)
        partial.replace(path)
    return path


def _write_blocks(file: int, partial: Path, layout: Layout, progress: Progress) -> None:
    first = _intact_blocks(partial, layout)
    try:
        for index in range(first, layout.blocks):
            start, stop = layout.span(index)
            progress(start)
            block = generate(layout.recipe, start, stop)
            # The data, then its checksum, then the count: the count never covers what is not there.
            _write_at(file, block.reshape(-1).data, layout.states_offset + start * layout.recipe.trajectory_bytes)
            _write_at(file, checksum(block).to_bytes(4, "little"), layout.checksums_offset + 4 * index)
            _write_at(file, (index + 1).to_bytes(8, "little"), layout.complete_offset)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Failure(
                f"the disk is full at {partial} ({error.strerror}); what is written is kept: "
                "free some space and give --resume"
            ) from None
        raise
    progress(layout.recipe.count)


def _intact_blocks(partial: Path, layout: Layout) -> int:
    """How many blocks from the start are complete and right. After a power cut the count may be ahead of the data."""
    states, sums = map_states(partial, layout), read_checksums(partial, layout)
    for index in range(read_complete(partial, layout)):
        start, stop = layout.span(index)
        if checksum(states[start:stop]) != sums[index]:
            return index
    return read_complete(partial, layout)


def _write_at(file: int, data: memoryview | bytes, offset: int) -> None:
    view = memoryview(data)
    while len(view):
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _check_space(path: Path, recipe: Recipe) -> None:
    needed = recipe.count * recipe.trajectory_bytes
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    partial = partial_path(path)
    present = partial.stat().st_blocks * 512 if partial.exists() else 0
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise Failure(
            f"{path} needs {needed / 1e9:.2f} GB and its disk has {free / 1e9:.2f} GB free; make room, or lower count"
        )


@contextmanager
def _locked(partial: Path) -> Iterator[int]:
    file = os.open(partial, os.O_RDWR)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another job is making {partial}; wait for it, or end it") from None
        yield file
    finally:
        os.close(file)
