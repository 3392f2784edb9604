"""Compiled networks against torch's, in float32: what is left is the rounding to bfloat16."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import mse_loss

from golfast.model import ModelConfig, Network
from golfast.model.compiled.amx.tiles import has_tiles
from golfast.model.compiled.avx512.products import has_dot_products
from golfast.model.compiled.choose import KINDS, fastest
from golfast.model.compiled.engine import Engine

engines = pytest.mark.parametrize(
    "engine",
    [
        pytest.param("amx", marks=pytest.mark.skipif(not has_tiles(), reason="no matrix unit for bfloat16 here")),
        pytest.param("avx512", marks=pytest.mark.skipif(not has_dot_products(), reason="no AVX-512 with bf16 here")),
    ],
)

configs = st.builds(
    ModelConfig,
    timesteps=st.integers(1, 3),
    channels=st.sampled_from([1, 2, 15, 16, 17, 20, 21, 32, 43]),
    encoder_layers=st.integers(1, 3),
    core_layers=st.integers(1, 3),
    decoder_layers=st.integers(1, 4),
    shared_core=st.booleans(),
    residual=st.booleans(),
    slope=st.sampled_from([0.0, 0.01, 0.3]),
)


def network_and_engine(name: str, config: ModelConfig, height: int, width: int) -> tuple[Network, Engine]:
    torch.manual_seed(0)
    network = Network(config)
    engine = KINDS[name].make(config, height, width)
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


@engines
@settings(max_examples=25, deadline=None)
@given(configs, st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 2**31))
@example(ModelConfig(), 20, 20, True, 0)
@example(ModelConfig(timesteps=2, channels=32, decoder_layers=3, shared_core=False), 3, 40, False, 1)
@example(ModelConfig(timesteps=1, core_layers=1), 1, 33, True, 2)
@example(ModelConfig(timesteps=2, channels=1, encoder_layers=2, decoder_layers=3), 9, 4, False, 3)
def test_gradients_are_those_of_autocast(
    engine: str, config: ModelConfig, height: int, width: int, autoencoder: bool, seed: int
) -> None:
    if not KINDS[engine].can_run(config):
        return
    network, compiled = network_and_engine(engine, config, height, width)
    generator = torch.Generator().manual_seed(seed)
    first, last = (torch.rand(2, 3, 1, height, width, generator=generator) < 0.4).float()
    loss = compiled.gradient(first, last, autoencoder=autoencoder)
    expected_loss, expected = torch_gradient(network, first, last, autoencoder, autocast=False)
    _, rounded = torch_gradient(network, first, last, autoencoder, autocast=True)
    assert loss == pytest.approx(expected_loss, rel=0.02, abs=1e-4)
    error, allowed = (np.linalg.norm(g - expected) for g in (compiled.gradients, rounded))
    # As near to float32 as torch's own bfloat16, or nearly: a sum near 0 may round to either side of the ReLU's knee.
    assert error <= 2 * allowed + 0.02 * np.linalg.norm(expected) + 1e-6


@engines
def test_a_batch_gives_the_mean_of_its_boards_and_leaves_nothing_behind(engine: str) -> None:
    _, compiled = network_and_engine(engine, ModelConfig(timesteps=2, decoder_layers=2), 6, 9)
    first, last = (torch.rand(2, 4, 1, 6, 9, generator=torch.Generator().manual_seed(3)) < 0.4).float()
    parts = []
    for board in range(4):
        compiled.gradient(first[board : board + 1], last[board : board + 1], autoencoder=True)
        parts.append(compiled.gradients.copy())
    losses = [compiled.gradient(first, last, autoencoder=True) for _ in range(2)]
    assert losses[0] == losses[1]
    np.testing.assert_allclose(compiled.gradients, np.mean(parts, axis=0), rtol=0.02, atol=1e-5)


@engines
def test_imagines_what_the_network_does(engine: str) -> None:
    network, compiled = network_and_engine(engine, ModelConfig(decoder_layers=2), 7, 5)
    first = (torch.rand(5, 1, 7, 5) < 0.4).float()
    with torch.no_grad():
        np.testing.assert_allclose(compiled.imagine(first), network.imagine(first), atol=0.02)


def test_the_fastest_that_fits_is_taken() -> None:
    small = "amx" if has_tiles() else "avx512" if has_dot_products() else None
    assert fastest(ModelConfig()) == small
    assert fastest(ModelConfig(channels=64)) == ("avx512" if has_dot_products() else None)
    assert fastest(ModelConfig(channels=65)) is None
