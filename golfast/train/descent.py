"""The optimisers as one compiled call on flat arrays: clipping, Adam, Muon.

What `golfast.train.optimise` does with torch's optimisers, for networks so small that calling those costs more than
their arithmetic. Adam: Kingma and Ba, 2015. Muon: Jordan et al., 2024, with the coefficients of `torch.optim.Muon`;
its iteration runs in float32 here and in bfloat16 there.
"""

from typing import Any

import numpy as np
from numba import float32, float64
from numpy.typing import NDArray

from golfast.jit import kernel, part

_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_TINY = 1e-7
_BETA1 = 0.9


@kernel
def clip(gradients: Any, most: float) -> None:
    """Bring each value to +- most."""
    for k in range(gradients.shape[0]):
        gradients[k] = min(max(gradients[k], float32(-most)), float32(most))


@kernel
def adam(
    weights: Any,
    gradients: Any,
    means: Any,
    squares: Any,
    spans: Any,
    rate: float,
    beta1: float,
    beta2: float,
    step: int,
) -> None:
    """Adam on the spans (k, 2) of flat parameters, with epsilon 1e-8; `step` counts from 0."""
    rate = rate / (1 - beta1 ** (step + 1))
    correction = 1 / (1 - beta2 ** (step + 1))
    first, second = float32(1 - beta1), float32(1 - beta2)
    for span in range(spans.shape[0]):
        for k in range(spans[span, 0], spans[span, 1]):
            gradient = gradients[k]
            means[k] += first * (gradient - means[k])
            squares[k] += second * (gradient * gradient - squares[k])
            weights[k] -= float32(rate * means[k] / (np.sqrt(float64(squares[k]) * correction) + 1e-8))


@kernel
def muon(weights: Any, gradients: Any, momenta: Any, matrices: Any, rate: float, momentum: float) -> None:
    """Muon on matrices (start, rows, columns) of flat parameters, rows <= columns: (k, 3)."""
    keep = float32(momentum)
    for matrix in range(matrices.shape[0]):
        start, rows, columns = matrices[matrix, 0], matrices[matrix, 1], matrices[matrix, 2]
        update = np.empty((rows, columns), np.float32)
        for row in range(rows):
            for column in range(columns):
                k = start + row * columns + column
                momenta[k] += (float32(1) - keep) * (gradients[k] - momenta[k])
                update[row, column] = gradients[k] + keep * (momenta[k] - gradients[k])
        _orthogonalise(update)
        for row in range(rows):
            for column in range(columns):
                weights[start + row * columns + column] -= float32(rate) * update[row, column]


@part
def _orthogonalise(x: Any) -> None:
    """Bring the singular values of a matrix near 1, in place, by a Newton-Schulz iteration of degree five."""
    rows, columns = x.shape
    total = 0.0
    for row in range(rows):
        for column in range(columns):
            total += float64(x[row, column]) * x[row, column]
    scale = float32(1 / max(np.sqrt(total), _TINY))
    for row in range(rows):
        for column in range(columns):
            x[row, column] *= scale
    a, b, c = float32(_COEFFICIENTS[0]), float32(_COEFFICIENTS[1]), float32(_COEFFICIENTS[2])
    turned, result = np.empty((columns, rows), np.float32), np.empty((rows, columns), np.float32)
    gram, mixed = np.empty((rows, rows), np.float32), np.empty((rows, rows), np.float32)
    for _ in range(_ITERATIONS):
        turned[:] = x.T
        _product(x, turned, gram)
        _product(gram, gram, mixed)
        for i in range(rows):
            for j in range(rows):
                mixed[i, j] = b * gram[i, j] + c * mixed[i, j]
            mixed[i, i] += a
        _product(mixed, x, result)
        x[:] = result


@part
def _product(a: Any, b: Any, out: Any) -> None:
    """out = a @ b, four rows of b at a time, so that a row of the result is fetched a quarter as often."""
    inner = a.shape[1] // 4 * 4
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            out[i, j] = float32(0)
        for k in range(0, inner, 4):
            f0, f1, f2, f3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            for j in range(b.shape[1]):
                out[i, j] += f0 * b[k, j] + f1 * b[k + 1, j] + f2 * b[k + 2, j] + f3 * b[k + 3, j]
        for k in range(inner, a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] += a[i, k] * b[k, j]


class Descent:
    """The state of the optimisers of flat parameters."""

    def __init__(
        self, weights: NDArray[np.float32], matrices: list[tuple[int, int, int]], spans: list[tuple[int, int]]
    ) -> None:
        """matrices: (start, rows, columns) of what Muon moves; spans: (start, stop) of what Adam does."""
        assert all(rows <= columns for _, rows, columns in matrices)
        self._weights = weights
        self._matrices = np.array(matrices, np.int64).reshape(-1, 3)
        self._spans = np.array(spans, np.int64).reshape(-1, 2)
        self.means, self.squares = np.zeros_like(weights), np.zeros_like(weights)

    def step(
        self,
        gradients: NDArray[np.float32],
        step: int,
        *,
        most: float,
        adam_rate: float,
        beta2: float,
        muon_rate: float,
        momentum: float,
    ) -> None:
        """Move the weights down the gradients, which are clipped to +- most in place (0: not)."""
        if most:
            clip(gradients, most)
        adam(self._weights, gradients, self.means, self.squares, self._spans, adam_rate, _BETA1, beta2, step)
        if len(self._matrices):
            muon(self._weights, gradients, self.means, self._matrices, muon_rate, momentum)


class Adam:
    """The state of Adam for all of a flat array of weights."""

    def __init__(self, weights: NDArray[np.float32], betas: tuple[float, float]) -> None:
        """betas: the decays of its two running means."""
        self._weights, self._betas = weights, betas
        self._spans = np.array([(0, len(weights))])
        self.means, self.squares = np.zeros_like(weights), np.zeros_like(weights)

    def step(self, gradients: NDArray[np.float32], rate: float, step: int) -> None:
        """Move the weights down the gradients; `step` counts from 0."""
        adam(self._weights, gradients, self.means, self.squares, self._spans, rate, *self._betas, step)
