"""The metric: 10,000 sequences of three model and three game timesteps, as every reported value takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.data import Recipe, generate
from golfast.imagine.metric import interpretability, interpretability_packed

from .beside import Side, compare
from .limits import reading
from .peers_metric import metric_loops, metric_numpy, metric_numpy_packed

SEQUENCES, LOOPED = 10_000, 500
TIMES = 10
RECIPE = Recipe(count=SEQUENCES, split="validation")
UNIT = "sequences/s"


def bench_floats(benchmark: Any) -> None:
    imagined, truth = _sequences()
    values = interpretability(imagined, truth)
    np.testing.assert_array_equal(values, metric_numpy(imagined, truth))
    np.testing.assert_array_equal(values[:LOOPED], metric_loops(imagined[:LOOPED], truth[:LOOPED]))
    compare(
        benchmark,
        "the metric from what a network draws, float32",
        Side("golfast", lambda: interpretability(imagined, truth), SEQUENCES),
        [
            Side("NumPy, whole batch", lambda: metric_numpy(imagined, truth), SEQUENCES),
            Side("Python loops over NumPy", lambda: metric_loops(imagined[:LOOPED], truth[:LOOPED]), LOOPED),
        ],
        unit=UNIT,
        limits=[reading(imagined.nbytes + truth[:, 1:-1].nbytes, SEQUENCES)],
    )


def bench_packed(benchmark: Any) -> None:
    """Ten evaluations, each of memory of its own: one would be over before a clock has seen much of it."""
    drawn, states = _sequences()
    cells, width, board = (drawn > 0.5).astype(np.uint8), RECIPE.width, RECIPE.height * RECIPE.width
    imagined, truth = (np.tile(np.packbits(boards, axis=-1), (TIMES, 1, 1, 1, 1)) for boards in (cells, states))

    def ours() -> list[NDArray[np.float64]]:
        return [interpretability_packed(imagined[k], truth[k], width) for k in range(TIMES)]

    def bitwise_count() -> list[NDArray[np.float64]]:
        return [metric_numpy_packed(imagined[k], truth[k], board) for k in range(TIMES)]

    expected = metric_numpy(cells, states)
    np.testing.assert_array_equal(metric_loops(cells[:LOOPED], states[:LOOPED]), expected[:LOOPED])
    for values in [*ours(), *bitwise_count()]:
        np.testing.assert_array_equal(values, expected)
    compare(
        benchmark,
        "the metric on packed bits",
        Side("golfast", ours, TIMES * SEQUENCES),
        [
            Side("NumPy bitwise_count, packed", bitwise_count, TIMES * SEQUENCES),
            Side("NumPy, whole batch, uint8 cells", lambda: metric_numpy(cells, states), SEQUENCES),
            Side("Python loops over NumPy, uint8 cells", lambda: metric_loops(cells[:LOOPED], states[:LOOPED]), LOOPED),
        ],
        unit=UNIT,
        limits=[reading(imagined.nbytes + truth[:, :, 1:-1].nbytes, TIMES * SEQUENCES)],
    )


def _sequences() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Pictures of the states in between with more and more cells wrong, (N, 2, H, W), and the true states."""
    truth = np.unpackbits(generate(RECIPE), axis=-1, count=RECIPE.width)
    rng = np.random.default_rng(3)
    share = np.linspace(0, 0.1, SEQUENCES)[:, None, None, None]
    wrong = rng.random(truth[:, 1:-1].shape) < share
    noise = rng.uniform(-0.4, 0.4, wrong.shape)
    return ((truth[:, 1:-1] ^ wrong) + noise).astype(np.float32), truth
