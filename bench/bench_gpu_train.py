"""Training and evaluation on a GPU. Left out with a note where torch sees no CUDA device.

The default config: three timesteps, batches of 24, 20 channels. A side has ended when the device has.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golfast.data import Recipe, generate
from golfast.imagine import EVALUATED, evaluate
from golfast.imagine.decode import BATCH
from golfast.model import Network, products
from golfast.model.products import Convolution
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, choose_compute
from golfast.train import Feed, TrainConfig
from golfast.train.loop import _Training
from golfast.train.optimise import seeded_network
from golfast.train.stack.step import StackedStep

from .bench_train import operations
from .beside import Limit, Side, compare

CONFIG = TrainConfig()
STEPS = 20  # in a round
COUNT = 4_800
ROUNDS = 5
STACK_TARGET = 20  # times the throughput of one network after another


@pytest.fixture
def compute() -> Compute:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    return choose_compute("cuda")


def bench_one_network(benchmark: Any, tmp_path: Path, compute: Compute) -> None:
    graph, eager = (_stack(1, compute, graph=graph) for graph in (True, False))
    stored = _stack(1, compute, convolve=products.convolve)
    _check_losses(graph, eager, stored)
    compare(
        benchmark,
        f"a training step on the GPU as one graph, {compute.precision}",
        _side("golfast", graph, compute),
        [
            _side("the same step, launched kernel by kernel", eager, compute),
            _side("the same as one graph, convolutions by torch", stored, compute),
            _torch(tmp_path, compute),
        ],
        unit="steps/s",
        limits=[_multiplying(compute)],
        rounds=ROUNDS,
        precision=compute.precision,
    )


def bench_stack_of_16(benchmark: Any, tmp_path: Path, compute: Compute) -> None:
    _bench_stack(benchmark, tmp_path, compute, 16)


def bench_stack_of_64(benchmark: Any, tmp_path: Path, compute: Compute) -> None:
    _bench_stack(benchmark, tmp_path, compute, 64)


def bench_stack_of_256(benchmark: Any, tmp_path: Path, compute: Compute) -> None:
    _bench_stack(benchmark, tmp_path, compute, 256)


def bench_evaluation(benchmark: Any, compute: Compute) -> None:
    recipe = Recipe(count=EVALUATED, split="validation")
    network = seeded_network(Network, CONFIG.model, seed=0).to(compute.device)
    truth = generate(recipe)
    first = np.unpackbits(truth[:, 0], axis=-1, count=recipe.width)
    cells = torch.from_numpy(first).unsqueeze(1).float().to(compute.device)

    def forward() -> None:
        with torch.no_grad(), compute.autocast():
            for batch in cells.split(BATCH):
                network.imagine(batch)

    compare(
        benchmark,
        f"evaluation of {EVALUATED:,} sequences on the GPU, {compute.precision}",
        Side("golfast", lambda: evaluate(network, truth, recipe.width, compute), EVALUATED),
        [Side("the forward pass alone", _ended(compute, forward), EVALUATED)],
        unit="sequences/s",
        rounds=ROUNDS,
    )


def _bench_stack(benchmark: Any, folder: Path, compute: Compute, count: int) -> None:
    stack, alone = _stack(count, compute), _stack(1, compute)
    stored = _stack(count, compute, convolve=products.convolve)
    _check_losses(stack, alone, stored)
    torchs = _torch(folder, compute)
    compare(
        benchmark,
        f"training {count} networks as one on the GPU, {compute.precision}",
        _side("golfast", stack, compute, networks=count),
        [
            _side("one after another, each step a graph", alone, compute),
            torchs,
            _side("as one, convolutions by torch", stored, compute, networks=count),
        ],
        unit="steps of a network/s",
        limits=[_multiplying(compute)],
        targets={"one after another, each": STACK_TARGET, "one after another by": STACK_TARGET},
        rounds=ROUNDS,
        precision=compute.precision,
    )


def _stack(count: int, compute: Compute, *, graph: bool = True, convolve: Convolution | None = None) -> StackedStep:
    """Networks of the same first weights, each with batches of its own."""
    packed = generate(CONFIG.data, 0, COUNT)
    feed = Feed(packed, CONFIG.data.width, batch=CONFIG.batch, seed=0, device=torch.device("cpu"))
    step = StackedStep([CONFIG] * count, feed.upload(compute.device), compute, graph=graph, convolve=convolve)
    first = step.network.pack(dict(seeded_network(Network, CONFIG.model, seed=0).named_parameters()))
    for place in range(count):
        step.put(place, {"weights": first})
    return step


def _order(count: int) -> torch.Tensor:
    return torch.randint(0, COUNT, (STEPS, count, CONFIG.batch), generator=torch.Generator().manual_seed(0))


def _check_losses(*steps: StackedStep) -> None:
    """On the same batch a network of the same weights has the same loss, whatever it is stacked with."""
    order, found = _order(1)[:1], []
    for step in steps:
        count = len(step.rows.weights)
        step.run(order.expand(-1, count, -1), torch.ones(1, count))
        found += step.rows.losses.tolist()
    assert max(found) - min(found) <= 0.02 * max(found), f"losses should be the same, and are {sorted(found)}"


def _side(name: str, step: StackedStep, compute: Compute, *, networks: int = 1) -> Side:
    order, factors = _order(networks), torch.full((STEPS, networks), 0.01)
    return Side(name, _ended(compute, lambda: step.run(order, factors)), STEPS * networks)


def _torch(folder: Path, compute: Compute) -> Side:
    """The loop for one network: autograd, torch's optimisers, kernel by kernel."""
    packed = generate(CONFIG.data, 0, COUNT)
    training = _Training(TrainConfig(engine="torch"), RunFolder(folder), packed, compute.unscaled)

    def run() -> None:
        for _ in range(STEPS):
            training.step()

    return Side("one after another by torch, eager", _ended(compute, run), STEPS)


def _multiplying(compute: Compute) -> Limit:
    """Floating-point operations of a large matrix product in the same precision."""
    side = 8192 if compute.device.type == "cuda" else 512
    a, b = (torch.randn(side, side, device=compute.device).to(compute.dtype) for _ in range(2))
    name = f"{str(compute.dtype).removeprefix('torch.')} matmul"
    return Limit(name, _ended(compute, lambda: a @ b), 2 * side**3, operations())


def _ended(compute: Compute, run: Callable[[], object]) -> Callable[[], None]:
    def whole() -> None:
        run()
        if compute.device.type == "cuda":
            torch.cuda.synchronize(compute.device)

    return whole
