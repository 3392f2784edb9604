"""All that `golfast evaluate` reports of a network, beside torch's forward pass alone."""

from typing import Any

import numpy as np
import torch

from golfast.data import Recipe, generate
from golfast.imagine import EVALUATED, evaluate, imagine_packed
from golfast.imagine.decode import BATCH
from golfast.imagine.evaluate import figures
from golfast.model import Network
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig

from .beside import Side, compare, seconds

RECIPE = Recipe(count=EVALUATED, split="validation")
UNIT = "sequences/s"


def bench_evaluation(benchmark: Any) -> None:
    config, compute = TrainConfig(), choose_compute("cpu")
    network, truth = Network(config.model), generate(RECIPE)
    width = RECIPE.width
    first = np.unpackbits(truth[:, 0], axis=-1, count=width)
    cells = torch.from_numpy(first).unsqueeze(1).float()
    drawn = imagine_packed(network, lambda start, stop: first[start:stop], EVALUATED, compute)

    def forward() -> None:
        with torch.no_grad(), compute.autocast():
            for batch in cells.split(BATCH):
                network.imagine(batch)

    def whole() -> object:
        return evaluate(network, truth, width, compute)

    compare(
        benchmark,
        f"evaluation of {EVALUATED:,} sequences, {compute.precision}",
        Side("golfast", whole, EVALUATED),
        [Side("PyTorch's forward pass alone", forward, EVALUATED)],
        unit=UNIT,
        rounds=5,
        share_of_the_figures=seconds(lambda: figures(drawn, truth, width), 20) / seconds(whole, 1),
    )
