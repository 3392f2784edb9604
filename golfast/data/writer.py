"""Making a dataset: block by block, to its place in the file, so that a kill loses a fraction of a second.

What takes time in a block is making it, its checksum, and writing it. Several threads have a block each: as many as
there are workers make one, and four more wait for the disk, so all of these overlap, and the disk is kept busy.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore

import numpy as np
from numpy.typing import NDArray

from golfast.data.disk import BlockWriter, page_aligned, write_at
from golfast.data.generate import generate
from golfast.data.layout import (
    Layout,
    check_begun,
    check_digest,
    checksum,
    compute_digest,
    create_checks,
    create_contiguous,
    map_states,
    new_file,
    open_layout,
    partial_path,
    read_checksums,
    read_complete,
    write_attributes,
)
from golfast.data.overlap import check_workers, in_order
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.run.config import difference
from golfast.run.files import replacing
from golfast.run.locks import check_lockable, lock
from golfast.run.untrusted import check_regular

_WRITING = 4  # threads that wait for the disk, so that it has the next block before it is done with this one
_HDF5_ERRNO = re.compile(r"errno = ([0-9]+)")
_TELL_EVERY = 0.1  # seconds, which a kill may lose

Progress = Callable[[int], None]
Source = Callable[[int, int, NDArray[np.uint8]], object]
"""source(start, stop, out): put trajectories start..stop into out, (stop - start, T, H, ceil(W/8)) uint8."""


def make(
    path: Path | str,
    recipe: Recipe,
    *,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Make the dataset of a recipe at `path`.

    While it is being made it is called <path>.partial; the last step gives it its name. `resume` goes on with what a
    killed job left, to the same bytes. An existing file is left alone, whatever happens, unless `overwrite` is set, and
    then until the new one is whole. `workers`: threads, as many as there are cores if left out. `progress` is called
    with the number of trajectories done.

    Memory does not grow with the set: `workers` + 4 blocks of at most 4 MiB (of one trajectory, if that is larger),
    and what `generate` needs to make one on each thread, which is some blocks more, and what the system's allocator
    keeps of those.

    Returns the path. Raises ValueError if the file exists, or if a partial file is of another recipe; Failure if the
    disk is too small or another job is making the same file; OSError if it cannot be written.
    """

    recipe = Recipe.check(recipe)

    def source(start: int, stop: int, out: NDArray[np.uint8]) -> None:
        generate(recipe, start, stop, out=out)

    return write_train(
        Path(path), recipe, source, resume=resume, overwrite=overwrite, workers=workers, progress=progress
    )


def write_train(
    path: Path,
    recipe: Recipe,
    source: Source,
    *,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Write the dataset of a recipe, profile "train", taking its trajectories from `source`. Otherwise as `make`."""
    workers = check_workers(workers)
    if is_done(path, recipe, "train", resume=resume, overwrite=overwrite):
        progress(recipe.count)
        return path
    partial = partial_path(path)
    _check_space(path, recipe)
    if partial.exists() and not resume:
        with locked(partial):  # not under the feet of a job that is making it
            partial.unlink()
    if not partial.exists():
        check_lockable(partial.parent)
        with telling_full(partial, "free some space"), replacing(partial) as temporary:
            _create(temporary, recipe)
    layout = _open_or_advise(partial)
    if layout.recipe != recipe:
        what = "; ".join(difference(recipe, layout.recipe))
        raise ValueError(f"{partial} is of another recipe: {what}; resume with that one, or give --overwrite")
    if layout.profile != "train":
        raise ValueError(f"{partial} has the profile {layout.profile}; give --overwrite to start again")
    with _advising():
        check_begun(partial, layout)
    with locked(partial) as file, telling_full(partial, "what is written is kept: free some space and give --resume"):
        _write_blocks(file, partial, layout, source, workers, progress)
        write_at(file, bytes.fromhex(compute_digest(partial, layout)), layout.offsets["digest"])
        os.fsync(file)
        finish(file, partial, path)
    return path


def is_done(path: Path, recipe: Recipe, profile: str, *, resume: bool, overwrite: bool) -> bool:
    """Whether there is nothing left to do. ValueError if something at `path` must be left alone.

    Failure if what a killed job would have left is no file: it would be written through a link.
    """
    check_place(path)
    partial = partial_path(path)
    if partial.is_symlink():
        raise Failure(f"{partial} is not a file that a job left but a link; remove it")
    if partial.exists():
        check_regular(partial)
    if path.exists() and not overwrite:
        if resume and not partial.exists():
            layout = _open_or_advise(path)
            if layout.recipe == recipe and layout.profile == profile:
                check_digest(path, layout)
                return True
        raise ValueError(f"{path} exists; give another name, or --overwrite to replace it once the new one is whole")
    if partial.exists() and not (resume or overwrite):
        with locked(partial):  # otherwise it is being made just now, and that is what is said
            pass
        raise ValueError(f"{partial} was left by a job that did not end; --resume goes on, --overwrite starts again")
    return False


def check_place(path: Path) -> None:
    """ValueError unless a dataset can be written to `path` and read from there again."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it, or give a number of shards for a folder of them")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file that can be replaced")
    if path.suffix == ".toml":
        raise ValueError(f"{path} would be read as a manifest of shards; give another ending, such as .h5")


def _open_or_advise(path: Path) -> Layout:
    with _advising():
        return open_layout(path)


@contextmanager
def _advising() -> Iterator[None]:
    try:
        yield
    except Failure as error:
        raise Failure(f"{error}; give --overwrite to start again") from None


def counted_from(progress: Progress, before: int) -> Progress:
    """The progress of a part that begins after so many trajectories."""
    return lambda done: progress(before + done)


@contextmanager
def locked(partial: Path, *, create: bool = False) -> Iterator[int]:
    """A partial file, open for writing, while nobody else makes it.

    Failure if somebody does, or if it cannot be locked.
    """
    file = os.open(partial, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o666)
    try:
        lock(file, partial, busy=f"another job is making {partial}; wait for it, or end it")
        yield file
    finally:
        os.close(file)


def finish(file: int, partial: Path, path: Path) -> None:
    """Give a file that is whole its name. Failure if a job that began in the same instant has taken its place."""
    if not (partial.exists() and os.path.samestat(os.fstat(file), partial.stat())):
        raise Failure(f"another job is making {partial}, and went on in this one's place")
    partial.replace(path)


@contextmanager
def telling_full(partial: Path, advice: str) -> Iterator[None]:
    """A full disk as a Failure that says what to do."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        if found := _HDF5_ERRNO.search(str(error)):  # when it closes a file, HDF5 raises a RuntimeError of many lines
            number = int(found[1])
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Failure(f"the disk is full at {partial} ({os.strerror(number)}); {advice}") from None
        raise


def _create(path: Path, recipe: Recipe) -> None:
    """An empty file: attributes, the place of every array, and the digest of these."""
    with new_file(path) as file:
        write_attributes(file, recipe, "train")
        create_contiguous(file, "states", recipe.shape, np.uint8)
        create_checks(file, recipe, "checksums")
    layout = open_layout(path)
    with path.open("r+b") as raw:
        write_at(raw.fileno(), bytes.fromhex(compute_digest(path, layout, unfinished=True)), layout.offsets["digest"])


def _write_blocks(file: int, partial: Path, layout: Layout, source: Source, workers: int, progress: Progress) -> None:
    shape = min(layout.block, layout.recipe.count), *layout.recipe.shape[1:]
    buffers: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(workers + _WRITING):
        buffers.put(page_aligned(shape))
    cores = Semaphore(workers)

    def put(index: int) -> int:
        start, stop = layout.span(index)
        buffer = buffers.get()
        try:
            block = buffer[: stop - start]
            with cores:
                source(start, stop, block)
                total = checksum(block)
            writer.write(block, layout.states_offset + start * layout.recipe.trajectory_bytes)
        finally:
            buffers.put(buffer)
        return total

    first = _intact_blocks(partial, layout, workers)
    progress(layout.span(first)[0])
    with BlockWriter(partial, file) as writer, closing(_Record(file, layout, first)) as record:
        # Blocks end in any order; here they come back in theirs, so the count never covers what is not there.
        for index, total in enumerate(in_order(put, range(first, layout.blocks), workers + _WRITING), first):
            record.add(total)
            progress(layout.span(index)[1])


class _Record:
    """Which blocks are there, and their checksums.

    The file is told now and then only, for that must wait for the blocks that are being written.
    """

    def __init__(self, file: int, layout: Layout, count: int) -> None:
        """count: blocks that are there already."""
        self._file, self._layout, self._count = file, layout, count
        self._sums: list[int] = []
        self._told = time.monotonic()

    def add(self, total: int) -> None:
        """The next block is there, and has this checksum."""
        self._sums.append(total)
        if time.monotonic() - self._told >= _TELL_EVERY:
            self.close()

    def close(self) -> None:
        """Tell all that was not told yet."""
        if self._sums:
            sums = np.array(self._sums, "<u4").tobytes()
            write_at(self._file, sums, self._layout.offsets["checksums"] + 4 * self._count)
            self._count += len(self._sums)
            write_at(self._file, self._count.to_bytes(8, "little"), self._layout.offsets["blocks_complete"])
            self._sums = []
        self._told = time.monotonic()


def _intact_blocks(partial: Path, layout: Layout, workers: int) -> int:
    """How many blocks from the start are complete and right. After a power cut the count may be ahead of the data."""
    states, sums = map_states(partial, layout), read_checksums(partial, layout)

    def intact(index: int) -> bool:
        start, stop = layout.span(index)
        return checksum(states[start:stop]) == int(sums[index])

    complete = read_complete(partial, layout)
    for index, right in enumerate(in_order(intact, range(complete), workers)):
        if not right:
            return index
    return complete


def _check_space(path: Path, recipe: Recipe) -> None:
    partial = partial_path(path)
    present = partial.stat().st_blocks * 512 if partial.exists() else 0
    check_space(path, recipe.count * recipe.trajectory_bytes, present)


def check_space(path: Path, needed: int, present: int = 0) -> None:
    """Failure if the disk of `path` has no room for `needed` bytes, of which some are present."""
    folder = path.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise Failure(
            f"{path} needs {needed / 1e6:,.1f} MB and its disk has {free / 1e6:,.1f} MB free; make room, or lower count"
        )
