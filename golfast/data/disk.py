"""Blocks to their places on a disk, at the disk's speed.

A plain write copies into the system's cache, and the system copies from there to the disk; on a fast disk the first
takes as long as the second, and both take cores from whatever makes the blocks. Whole pages, from memory that begins
with a page, can go past the cache (O_DIRECT, "direct I/O"). Where a system or file system knows no such thing, and for
the few bytes around, it is a plain write, which the system is told to bring to the disk at once.
"""

import contextlib
import errno
import mmap
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PAGE = 4096  # what any disk takes whole


def page_aligned(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Zeros, uint8, from a page's border on: of huge pages if the system has them, for a disk takes those in one go."""
    memory = mmap.mmap(-1, int(np.prod(shape)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8).reshape(shape)


def write_at(file: int, data: memoryview | bytes, offset: int) -> None:
    """Write all of `data` at a place in a file."""
    view = memoryview(data)
    while len(view):
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


class BlockWriter:
    """Writes blocks into a file that is there already. Several threads may use it."""

    def __init__(self, path: Path, file: int) -> None:
        """file: the same file, open for writing; it stays open."""
        self._file = file
        self._direct: int | None = None
        if hasattr(os, "O_DIRECT"):
            try:
                self._direct = os.open(path, os.O_WRONLY | os.O_DIRECT)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise

    def __enter__(self) -> "BlockWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._direct is not None:
            os.close(self._direct)

    def write(self, block: NDArray[np.uint8], offset: int) -> None:
        """Write a C-contiguous array at a place in the file. Raises OSError."""
        data, whole = block.reshape(-1).data, 0
        if self._direct is not None and offset % PAGE == 0 and block.ctypes.data % PAGE == 0:
            whole = len(data) // PAGE * PAGE
            try:
                write_at(self._direct, data[:whole], offset)
            except OSError as error:
                if error.errno != errno.EINVAL:  # the file system wants something larger than pages, or nothing at all
                    raise
                whole = 0
        if whole < len(data):
            write_at(self._file, data[whole:], offset + whole)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(self._file, offset + whole, len(data) - whole, os.POSIX_FADV_DONTNEED)
