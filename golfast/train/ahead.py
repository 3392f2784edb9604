"""Asking the system for what the next batches need, from sets that are larger than memory."""

import os
import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from golfast.data import States

AHEAD = 32  # batches: what a disk reads in a step or two


def memory_bytes() -> int:
    """Memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _place(part: np.memmap) -> int:
    """Where an array begins in its file. The offset of a slice is that of the whole."""
    whole = part
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    return int(whole.offset + part.ctypes.data - whole.ctypes.data)


class ReadAhead:
    """Tells the system which trajectories will be wanted, so that it reads many at once while a step is computed."""

    def __init__(self, parts: Sequence[States], starts: NDArray[np.int64]) -> None:
        """parts: sets of which the memory maps are asked for; starts: number of each one's first trajectory."""
        self._starts = starts
        self._maps: list[tuple[int, int, int] | None] = []  # file, where its states begin, bytes of a trajectory
        for part in parts:
            if isinstance(part, np.memmap) and part.filename is not None:
                file = os.open(part.filename, os.O_RDONLY)
                weakref.finalize(self, os.close, file)
                self._maps.append((file, _place(part), part.strides[0]))
            else:
                self._maps.append(None)

    def want(self, chosen: NDArray[np.int64]) -> None:
        """Ask for the trajectories of these numbers. Returns at once."""
        owners = np.searchsorted(self._starts, chosen, side="right") - 1
        for owner, number in zip(owners.tolist(), (chosen - self._starts[owners]).tolist(), strict=True):
            if place := self._maps[owner]:
                file, offset, size = place
                os.posix_fadvise(file, offset + number * size, size, os.POSIX_FADV_WILLNEED)
