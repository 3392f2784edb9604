"""One big board as others run it: each peer is given a board and says how to run it on."""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .peers_life import Cells, jax_on_one_core, simulate_conv2d, simulate_scipy

COMPILER = shutil.which("g++") or shutil.which("clang++")
SOURCE = Path(__file__).with_name("life.cpp")


def last_roll(board: Cells, generations: int) -> Cells:
    """Eight numpy.roll of a byte a cell, added up, as most people write a torus."""
    for _ in range(generations):
        neighbours = sum(
            np.roll(board, (row, column), axis=(0, 1))
            for row in (-1, 0, 1)
            for column in (-1, 0, 1)
            if (row, column) != (0, 0)
        )
        board = ((neighbours == 3) | ((neighbours == 2) & (board == 1))).astype(np.uint8)
    return board


def last_scipy(board: Cells, generations: int, *, torus: bool) -> Cells:
    """scipy.signal.convolve2d."""
    return simulate_scipy(board[None], generations, boundary="torus" if torus else "dead")[0, -1]


def last_torch(board: Cells, generations: int, *, torus: bool) -> Cells:
    """torch conv2d in float32."""
    return simulate_conv2d(board[None], generations, boundary="torus" if torus else "dead")[0, -1]


def last_jax(board: Cells, generations: int, *, torus: bool) -> Cells:
    """jax.jit over uint8 slices."""
    return np.asarray(jax_on_one_core().jit_last(board, generations, torus))


class Compiled:
    """life.cpp, made with -O3 -march=native: a library of one function."""

    def __init__(self, library: ctypes.CDLL, board: Cells, *, torus: bool) -> None:
        """board: (H, W) cells, W a multiple of 64."""
        height, width = board.shape
        words = np.packbits(board, axis=1, bitorder="little").view("<u8")
        self.torus, self.height, self.words = torus, height, width // 64
        self.boards = [np.zeros((height + 2, width // 64 + 2), np.uint64) for _ in range(2)]
        self.boards[0][1:-1, 1:-1] = words
        self.step = library.life_step
        self.step.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_int]

    def run(self, generations: int) -> None:
        """Run it on, in place."""
        here, there = self.boards
        for _ in range(generations):
            self.step(here.ctypes.data, there.ctypes.data, self.height, self.words, int(self.torus))
            here, there = there, here
        self.boards = [here, there]

    def cells(self) -> Cells:
        """The board as it is now, (H, W)."""
        words = np.ascontiguousarray(self.boards[0][1:-1, 1:-1])
        return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")


@contextmanager
def compiled() -> Iterator[ctypes.CDLL]:
    """The library of life.cpp, for as long as the block lasts; there must be a COMPILER."""
    assert COMPILER is not None
    with tempfile.TemporaryDirectory(prefix="golfast-bench-") as folder:
        library = Path(folder) / "life.so"
        command = [COMPILER, "-O3", "-march=native", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True)
        yield ctypes.CDLL(str(library))


def lifelib_plane(board: Cells) -> tuple[Callable[[int], None], Callable[[], Cells]]:
    """python-lifelib (C++, compiled on its first use, which takes a minute or two), which has no borders but the plane.

    Returns a function that runs the pattern on, from where it is (asked for the same again, lifelib remembers the
    answer), and one that gives the cells of the board's own place.
    """
    import lifelib

    tree = lifelib.load_rules("b3s23").lifetree(n_layers=1, memory=2000)
    height, width = board.shape
    pattern = tree.pattern("")
    pattern[0:width, 0:height] = board  # columns first in the index, and rows first in the array

    def run(generations: int) -> None:
        nonlocal pattern
        pattern = pattern.advance(generations)

    def cells() -> Cells:
        columns, rows = np.asarray(pattern.coords()).T
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = np.zeros((height, width), np.uint8)
        found[rows[inside], columns[inside]] = 1
        return found

    return run, cells
