"""A training step of the default config: three timesteps, batches of 24."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from golfast.data import generate
from golfast.model import Network
from golfast.model.conv import Conv3x3
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig, as_run
from golfast.train.descent import clip
from golfast.train.feed import Feed
from golfast.train.loop import _Training

from .beside import Side, compare
from .limits import multiplying
from .peers_train import Plain, plain_step

CONFIG = TrainConfig()
STEPS = 5  # in a round, so that one round's weather is another's
TARGET = 7  # times the plain way
TOLERANCE = {"fp32": 1e-5, "bf16": 2e-2}  # of losses, relative


def bench_step(benchmark: Any, tmp_path: Path) -> None:
    config = as_run(CONFIG, choose_compute("cpu"))
    _bench(benchmark, tmp_path, config)


def bench_step_by_torch(benchmark: Any, tmp_path: Path) -> None:
    if as_run(CONFIG, choose_compute("cpu")).engine == "torch":
        pytest.skip("no compiled engine runs on this CPU: the row above is torch's")
    _bench(benchmark, tmp_path, dataclasses.replace(CONFIG, engine="torch"))


def _bench(benchmark: Any, tmp_path: Path, config: TrainConfig) -> None:
    compute = choose_compute("cpu")
    packed = generate(CONFIG.data, 0, 4_800)
    training = _Training(config, RunFolder(tmp_path), packed, compute)
    feed = Feed(packed, CONFIG.data.width, batch=CONFIG.batch, seed=CONFIG.seed, device=torch.device("cpu"))
    batch = feed.batch(0)
    plain = Plain(CONFIG)
    _copy_weights(training.network, plain)
    _check_gradients(training.network, plain, *batch)
    losses = {"golfast": float(training.step())}
    peers = []
    for name, options in {
        "plain PyTorch, fp32": {},
        "PyTorch, bf16 and channels_last": {"channels_last": True, "bf16": True},
    }.items():
        network = Plain(CONFIG)
        network.load_state_dict(plain.state_dict())
        step = plain_step(network, CONFIG, **options)
        losses[name] = float(step(*batch))
        peers.append(Side(name, _stepping(step, feed), STEPS))
    for name, loss in losses.items():
        _same(name, loss, losses["plain PyTorch, fp32"], TOLERANCE[compute.precision if name == "golfast" else "bf16"])

    def ours() -> None:
        for _ in range(STEPS):
            training.step()

    compare(
        benchmark,
        f"a training step: {CONFIG.model.timesteps} timesteps, batch {CONFIG.batch}, {compute.precision}, "
        f"engine {config.engine}",
        Side("golfast", ours, STEPS),
        peers,
        unit="steps/s",
        limits=[multiplying(torch.bfloat16 if compute.bf16 else torch.float32, operations())],
        targets={} if config.engine == "torch" else {"plain PyTorch, fp32": TARGET},
        precision=compute.precision,
        milliseconds=_parts(training, *batch),
    )


def _parts(training: _Training, first: Tensor, last: Tensor) -> dict[str, float]:
    """Medians of what the parts of a step take, in milliseconds."""
    parts = {"batch": lambda: training.feed.batch(training.journal.step)}
    parts |= (
        _parts_of_torch(training, first, last) if training.optimisers else _parts_of_compiled(training, first, last)
    )
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(9):
        for name, run in parts.items():
            began = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - began))
        training.journal.step += 1
    return {name: median(values) for name, values in times.items()}


def _parts_of_torch(training: _Training, first: Tensor, last: Tensor) -> dict[str, Callable[[], object]]:
    optimisers, losses = training.optimisers, []
    assert optimisers is not None
    return {
        "forward": lambda: losses.append(training.loss(first, last)),
        "backward": lambda: optimisers.backward(losses.pop()),
        "clipping": optimisers.clip,
        "optimisers": lambda: optimisers.move(training.journal.step),
    }


def _parts_of_compiled(training: _Training, first: Tensor, last: Tensor) -> dict[str, Callable[[], object]]:
    """Forward and backward are one loop over the boards, so they have one time."""
    assert training.compiled is not None
    network, move, optimiser = training.compiled._ours, training.compiled._descent.step, CONFIG.optimiser
    gradients = network.engine.gradients
    still = {"adam_rate": 0, "beta2": 0.999, "muon_rate": 0, "momentum": optimiser.momentum}
    return {
        "forward and backward": lambda: network.gradient(first, last, autoencoder=True),
        "clipping": lambda: clip(gradients, optimiser.clip),
        "optimisers": lambda: move(gradients, 1, most=0, **still),
    }


def _stepping(step: Callable[[Tensor, Tensor], Tensor], feed: Feed) -> Callable[[], None]:
    """Steps on cells that are in memory as float32 already: the peers need not load anything."""
    batches = [feed.batch(k) for k in range(STEPS)]

    def run() -> None:
        for first, last in batches:
            step(first, last)

    return run


def _layers(network: Network) -> list[Conv3x3]:
    """Our convolutions in the order of `Plain.convolutions`."""
    core, decoder = network.cores[0], network.decoder
    return [*network.encoder.layers, *core.stack.layers, *decoder.stack.layers, decoder.last]


def _as_kernel(layer: Conv3x3, matrix: Tensor) -> Tensor:
    return matrix.view(layer.outputs, 3, 3, layer.inputs).permute(0, 3, 1, 2)


def _copy_weights(network: Network, plain: Plain) -> None:
    with torch.no_grad():
        for layer, convolution in zip(_layers(network), plain.convolutions(), strict=True):
            convolution.weight.copy_(_as_kernel(layer, layer.weight))
            convolution.bias.copy_(layer.bias)


def _check_gradients(network: Network, plain: Plain, first: Tensor, last: Tensor) -> None:
    """The peer trains the same function of the same weights: in fp32, gradients agree to a part in 10,000."""
    for module in (network, plain):
        predicted, recreated = module(first)
        ((mse_loss(predicted, last) + mse_loss(recreated, first)) / 2).backward()
    for layer, convolution in zip(_layers(network), plain.convolutions(), strict=True):
        given = _as_kernel(layer, layer.weight.grad)
        torch.testing.assert_close(convolution.weight.grad, given, rtol=1e-4, atol=1e-4 * float(given.abs().max()))
    for module in (network, plain):
        module.zero_grad()


def _same(name: str, loss: float, expected: float, tolerance: float) -> None:
    assert abs(loss - expected) <= tolerance * expected, f"{name}: a loss of {loss}, where {expected} is right"


def operations() -> int:
    """Floating-point operations that the convolutions of a step need, forward and backward."""
    model, cells = CONFIG.model, CONFIG.batch * CONFIG.data.height * CONFIG.data.width
    product = 2 * 9 * cells  # of one input with one output channel
    wide = product * model.channels**2
    inside = (model.encoder_layers - 1) + model.timesteps * model.core_layers + 2 * (model.decoder_layers - 1)
    # Backward is two products the size of the forward one; the first layer's input needs no gradient.
    return 3 * inside * wide + product * model.channels * (2 + 2 * 3)
