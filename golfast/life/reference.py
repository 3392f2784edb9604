"""The obvious step, and the obvious soup, in NumPy. Every kernel equals them bit for bit."""

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import Cells
from golfast.life.rule import Rule


def step(cells: Cells, rule: Rule, boundary: str) -> Cells:
    """The next generation of boards (..., H, W), uint8 0/1.

    boundary "dead": cells beyond the border are dead, always. boundary "torus": opposite edges touch, so that on a
    board 1 or 2 cells wide a cell counts the same neighbour more than once, or itself.
    """
    mask = np.where(cells == 1, rule.survival, rule.birth)
    return (mask >> neighbours(cells, boundary) & 1).astype(np.uint8)


def neighbours(cells: Cells, boundary: str) -> Cells:
    """How many of its eight neighbours live, for each cell of boards (..., H, W): uint8 0..8."""
    height, width = cells.shape[-2:]
    around = [(0, 0)] * (cells.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(cells, around, mode="wrap" if boundary == "torus" else "constant")
    count = np.zeros_like(cells)
    for row in range(3):
        for column in range(3):
            if (row, column) != (1, 1):
                count += padded[..., row : row + height, column : column + width]
    return count


def trajectories(cells: Cells, generations: int, rule: Rule, boundary: str) -> Cells:
    """Boards (N, H, W) and their next `generations` states: (N, generations + 1, H, W), uint8 0/1."""
    states = [cells]
    for _ in range(generations):
        states.append(step(states[-1], rule, boundary))
    return np.stack(states, axis=1)


def soups(numbers: NDArray[np.uint64], height: int, width: int, seed: int, stream: int, chance: int) -> Cells:
    """Boards of these numbers (N,), as golfast/life/soup.py describes them: (N, height, width), uint8 0/1.

    stream: the counter's second word for plane 0. chance: that a cell is alive, in 1/65536.
    """
    cells = np.full((len(numbers), height * width), chance >> 16, np.uint8)
    lowest = (chance & -chance).bit_length() - 1
    for plane in range(lowest, 16) if chance else ():
        blocks = [philox(block, stream | plane, numbers, seed) for block in range(-(-height * width // 128))]
        words = np.concatenate(blocks, axis=1).astype(">u4")
        bits = np.unpackbits(words.view(np.uint8), axis=1)[:, : height * width]
        cells = cells | bits if chance >> plane & 1 else cells & bits
    return cells.reshape(-1, height, width)


def ages(numbers: NDArray[np.uint64], seed: int, stream: int, thresholds: list[int]) -> NDArray[np.int64]:
    """Ages (N,) of boards of these numbers: how many of the thresholds exceed a board's random word."""
    words = philox(0, stream, numbers, seed)[:, :1]
    found: NDArray[np.int64] = (words < np.array(thresholds, np.uint64)).sum(axis=1, dtype=np.int64)
    return found


def philox(block: int, stream: int, numbers: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Philox 4x32-10 of the counters (block, stream, number): four words of 32 bits for each, (N, 4)."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1 = np.full(len(numbers), block, np.uint64), np.full(len(numbers), stream, np.uint64)
    c2, c3 = numbers & low, numbers >> half
    for turn in range(10):
        key0, key1 = ((key + turn * add) & 0xFFFFFFFF for key, add in ((seed, 0x9E3779B9), (seed >> 32, 0xBB67AE85)))
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = second >> half ^ c1 ^ np.uint64(key0), second & low
        c2, c3 = first >> half ^ c3 ^ np.uint64(key1), first & low
    return np.stack([c0, c1, c2, c3], axis=1)
