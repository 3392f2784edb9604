"""Products with observations that are mostly zeros, such as planes of a board: a row of the matrix for each other.

A 10x10 board of four planes has 400 numbers, of which some 33 are not 0: a twelfth of a dense product's work.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.jit import kernel, part

TOGETHER = 4  # rows that are added at once
_SHARE = 4  # a quarter of the numbers, above which a dense product is faster


def is_sparse(observations: NDArray[Any]) -> bool:
    """Whether products with these are faster by rows."""
    return bool(observations.dtype == np.uint8 and _SHARE * np.count_nonzero(observations) < observations.size)


@kernel
def product(
    observations: NDArray[Any],
    scale: np.float32,
    matrix: NDArray[np.float32],
    bias: NDArray[np.float32],
    found: NDArray[np.float32],
) -> None:
    """found (B, out) = scale * observations (B, in) @ matrix (in, out) + bias."""
    inputs, outputs = matrix.shape
    weights = matrix.reshape(-1)
    signals, rows = np.empty(inputs + TOGETHER, np.float32), np.empty(inputs + TOGETHER, np.int64)
    for b in range(len(observations)):
        target = found[b]
        for j in range(outputs):
            target[j] = bias[j]
        count = nonzero(observations[b], inputs, scale, 0, outputs, signals, rows)
        for k in range(0, count, TOGETHER):
            add_rows(
                target, weights, outputs, rows[k], rows[k + 1], rows[k + 2], rows[k + 3],
                signals[k], signals[k + 1], signals[k + 2], signals[k + 3],
            )  # fmt: skip


@kernel
def outer(
    observations: NDArray[Any], scale: np.float32, gradient: NDArray[np.float32], found: NDArray[np.float32]
) -> None:
    """found (in, out) = scale * observations (B, in) transposed @ gradient (B, out)."""
    inputs, outputs = found.shape
    found[:] = 0
    for b in range(len(observations)):
        slope = gradient[b]
        for i in range(inputs):
            if observations[b, i] != 0:
                signal = np.float32(observations[b, i]) * scale
                target = found[i]
                for j in range(outputs):
                    target[j] += signal * slope[j]


@part
def nonzero(
    inputs: NDArray[Any],
    count: int,
    scale: np.float32,
    place: int,
    outputs: int,
    signals: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> int:
    """What is not zero, and where its row of the matrix is; filled up with zeros to a multiple of `TOGETHER`."""
    found = 0
    for i in range(count):
        signals[found] = np.float32(inputs[i]) * scale
        rows[found] = place + i * outputs
        found += inputs[i] != 0
    while found % TOGETHER:
        signals[found] = 0
        rows[found] = place
        found += 1
    return found


@part
def add_rows(
    target: NDArray[np.float32],
    weights: NDArray[np.float32],
    outputs: int,
    row0: int,
    row1: int,
    row2: int,
    row3: int,
    signal0: np.float32,
    signal1: np.float32,
    signal2: np.float32,
    signal3: np.float32,
) -> None:
    """Add four rows of a matrix at once, so that the target is loaded and stored a quarter as often."""
    w0, w1 = weights[row0 : row0 + outputs], weights[row1 : row1 + outputs]
    w2, w3 = weights[row2 : row2 + outputs], weights[row3 : row3 + outputs]
    for j in range(outputs):
        target[j] += (signal0 * w0[j] + signal1 * w1[j]) + (signal2 * w2[j] + signal3 * w3[j])
