"""The metric: 10,000 sequences of three model and three game timesteps, as every reported value takes."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.data import Recipe, generate
from golfast.imagine import evaluate, imagine_packed
from golfast.imagine.decode import BATCH
from golfast.imagine.evaluate import figures
from golfast.imagine.metric import interpretability, interpretability_packed
from golfast.model import Network
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig

from .beside import Side, compare, seconds
from .limits import reading
from .peers_metric import metric_loops, metric_numpy, metric_numpy_packed

SEQUENCES, LOOPED = 10_000, 500
EVALUATIONS = 10
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
    """Ten evaluations, each of sequences of its own: one would be over before a clock has seen much of it."""
    drawn, states = _sequences(EVALUATIONS)
    cells, width, board = (drawn > 0.5).astype(np.uint8), RECIPE.width, RECIPE.height * RECIPE.width
    imagined, truth = np.packbits(cells, axis=-1), np.packbits(states, axis=-1)
    spans = [slice(start, start + SEQUENCES) for start in range(0, len(cells), SEQUENCES)]
    one, some = spans[0], slice(LOOPED)

    def ours() -> list[NDArray[np.float64]]:
        return [interpretability_packed(imagined[span], truth[span], width) for span in spans]

    values = np.concatenate(ours())
    np.testing.assert_array_equal(values[one], metric_numpy(cells[one], states[one]))
    np.testing.assert_array_equal(values, metric_numpy_packed(imagined, truth, board))
    np.testing.assert_array_equal(values[some], metric_loops(cells[some], states[some]))
    compare(
        benchmark,
        "the metric on packed bits",
        Side("golfast", ours, len(cells)),
        [
            Side(
                "NumPy bitwise_count, packed", lambda: metric_numpy_packed(imagined[one], truth[one], board), SEQUENCES
            ),
            Side("NumPy, whole batch, uint8 cells", lambda: metric_numpy(cells[one], states[one]), SEQUENCES),
            Side("Python loops over NumPy, uint8 cells", lambda: metric_loops(cells[some], states[some]), LOOPED),
        ],
        unit=UNIT,
        limits=[reading(imagined.nbytes + truth[:, 1:-1].nbytes, len(cells))],
    )


def bench_evaluation(benchmark: Any) -> None:
    """All that `golfast evaluate` reports, beside the forward pass that it cannot do without."""
    config, compute = TrainConfig(), choose_compute("cpu")
    network, truth = Network(config.model), generate(RECIPE)
    width = RECIPE.width
    first = np.unpackbits(truth[:, 0], axis=-1, count=width)
    cells = torch.from_numpy(first).unsqueeze(1).float()
    drawn = imagine_packed(network, lambda start, stop: first[start:stop], SEQUENCES, compute)

    def forward() -> None:
        with torch.no_grad(), compute.autocast():
            for batch in cells.split(BATCH):
                network.imagine(batch)

    def whole() -> object:
        return evaluate(network, truth, width, compute)

    compare(
        benchmark,
        f"evaluation of {SEQUENCES:,} sequences, {compute.precision}",
        Side("golfast", whole, SEQUENCES),
        [Side("the forward pass alone", forward, SEQUENCES)],
        unit=UNIT,
        rounds=5,
        share_of_the_figures=seconds(lambda: figures(drawn, truth, width), 20) / seconds(whole, 1),
    )


def _sequences(times: int = 1) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Pictures of the states in between with more and more cells wrong, (N, 2, H, W), and the true states."""
    recipe = replace(RECIPE, count=times * SEQUENCES)
    truth = np.unpackbits(generate(recipe), axis=-1, count=recipe.width)
    rng = np.random.default_rng(3)
    share = np.tile(np.linspace(0, 0.1, SEQUENCES, dtype=np.float32), times)[:, None, None, None]
    shape = truth[:, 1:-1].shape
    wrong = rng.random(shape, np.float32) < share
    noise = rng.random(shape, np.float32) * np.float32(0.8) - np.float32(0.4)
    return (truth[:, 1:-1] ^ wrong) + noise, truth
