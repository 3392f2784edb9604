"""The metric (variant "matched") as people write it with loops and with NumPy."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def metric_loops(imagined: NDArray[np.float32], truth: NDArray[np.uint8], *, threshold: float = 0.95) -> Floats:
    """Sequence by sequence and pair by pair: (N, n, H, W) imagined, (N, m, H, W) true, (N,) values."""
    values = []
    for pictures, states in zip(imagined, truth, strict=True):
        between = states[1:-1]
        matches = np.zeros((len(pictures), len(between)), bool)
        for i, picture in enumerate(pictures):
            for j, state in enumerate(between):
                matches[i, j] = np.mean((picture > 0.5) == (state == 1)) >= threshold
        values.append(_value(matches[None])[0])
    return np.array(values)


def metric_numpy(imagined: NDArray[np.float32], truth: NDArray[np.uint8], *, threshold: float = 0.95) -> Floats:
    """All sequences and pairs at once."""
    same = (imagined > 0.5)[:, :, None] == (truth == 1)[:, None, 1:-1]
    return _value(same.mean(axis=(-2, -1)) >= threshold)


def metric_numpy_packed(
    imagined: NDArray[np.uint8], truth: NDArray[np.uint8], cells: int, *, threshold: float = 0.95
) -> Floats:
    """All at once on packed boards (N, n, H, bytes) and (N, m, H, bytes) whose spare bits are 0."""
    different = np.bitwise_count(imagined[:, :, None] ^ truth[:, None, 1:-1]).sum(axis=(-2, -1), dtype=np.int64)
    return _value((cells - different) / cells >= threshold)


def _value(matches: NDArray[np.bool_]) -> Floats:
    """(N, n, k) which picture matches which state; the most that can be matched, by trying every assignment."""
    any_match = matches.any(axis=2).sum(axis=1)
    if matches.shape[1] > matches.shape[2]:
        matches = matches.transpose(0, 2, 1)
    few, many = matches.shape[1:]
    most = np.zeros(len(matches), np.int64)
    for chosen in permutations(range(many), few):
        most = np.maximum(most, matches[:, range(few), chosen].sum(axis=1))
    return (most + 0.5 * (any_match - most)) / few
