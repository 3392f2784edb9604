"""The matrix unit's networks against torch's, in float32: what is left is the rounding to bfloat16."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import mse_loss

from golfast.model import ModelConfig, Network
from golfast.model.amx.engine import Engine, can_run
from golfast.model.amx.tiles import has_tiles

needs_tiles = pytest.mark.skipif(not has_tiles(), reason="this CPU has no matrix unit for bfloat16")

configs = st.builds(
    ModelConfig,
    timesteps=st.integers(1, 3),
    channels=st.sampled_from([1, 2, 15, 16, 17, 20, 21, 32]),
    encoder_layers=st.integers(1, 3),
    core_layers=st.integers(1, 3),
    decoder_layers=st.integers(1, 4),
    shared_core=st.booleans(),
    residual=st.booleans(),
    slope=st.sampled_from([0.0, 0.01, 0.3]),
)


def network_and_engine(config: ModelConfig, height: int, width: int) -> tuple[Network, Engine]:
    torch.manual_seed(0)
    network = Network(config)
    engine = Engine(config, height, width)
    engine.load(network)
    return network, engine


def torch_gradient(network: Network, first: Any, last: Any, autoencoder: bool, autocast: bool) -> tuple[float, Any]:
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        predicted, recreated = network(first)
    loss = mse_loss(predicted.float(), last)
    if autoencoder:
        loss = (loss + mse_loss(recreated.float(), first)) / 2
    loss.backward()
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]
    return loss.item(), torch.cat([part.reshape(-1) for part in parts]).numpy()


@needs_tiles
@settings(max_examples=25, deadline=None)
@given(configs, st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 2**31))
@example(ModelConfig(), 20, 20, True, 0)
@example(ModelConfig(timesteps=2, channels=32, decoder_layers=3, shared_core=False), 3, 40, False, 1)
@example(ModelConfig(timesteps=1, core_layers=1), 1, 33, True, 2)
def test_gradients_are_those_of_autocast(
    config: ModelConfig, height: int, width: int, autoencoder: bool, seed: int
) -> None:
    network, engine = network_and_engine(config, height, width)
    generator = torch.Generator().manual_seed(seed)
    first, last = (torch.rand(2, 3, 1, height, width, generator=generator) < 0.4).float()
    loss = engine.gradient(first, last, autoencoder=autoencoder)
    expected_loss, expected = torch_gradient(network, first, last, autoencoder, autocast=False)
    _, rounded = torch_gradient(network, first, last, autoencoder, autocast=True)
    assert loss == pytest.approx(expected_loss, rel=0.02, abs=1e-4)
    error, allowed = (np.linalg.norm(g - expected) for g in (engine.gradients, rounded))
    # As near to float32 as torch's own bfloat16, or nearly: a sum near 0 may round to either side of the ReLU's knee.
    assert error <= 2 * allowed + 0.02 * np.linalg.norm(expected) + 1e-6


@needs_tiles
def test_a_batch_gives_the_mean_of_its_boards_and_leaves_nothing_behind() -> None:
    _, engine = network_and_engine(ModelConfig(timesteps=2, decoder_layers=2), 6, 9)
    first, last = (torch.rand(2, 4, 1, 6, 9, generator=torch.Generator().manual_seed(3)) < 0.4).float()
    parts = []
    for board in range(4):
        engine.gradient(first[board : board + 1], last[board : board + 1], autoencoder=True)
        parts.append(engine.gradients.copy())
    losses = [engine.gradient(first, last, autoencoder=True) for _ in range(2)]
    assert losses[0] == losses[1]
    np.testing.assert_allclose(engine.gradients, np.mean(parts, axis=0), rtol=0.02, atol=1e-5)


@needs_tiles
def test_imagines_what_the_network_does() -> None:
    network, engine = network_and_engine(ModelConfig(decoder_layers=2), 7, 5)
    first = (torch.rand(5, 1, 7, 5) < 0.4).float()
    with torch.no_grad():
        np.testing.assert_allclose(engine.imagine(first), network.imagine(first), atol=0.02)


def test_what_does_not_fit_is_left_to_torch() -> None:
    assert not can_run(ModelConfig(channels=33))
    assert can_run(ModelConfig()) == has_tiles()
