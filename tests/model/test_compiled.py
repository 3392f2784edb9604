"""Compiled networks against torch's, which round what the engines round."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kept
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import leaky_relu, mse_loss, softplus

from golfast.model import Decoder, Discriminator, ModelConfig, Network
from golfast.model.compiled.amx.tiles import has_tiles
from golfast.model.compiled.avx512.products import has_dot_products
from golfast.model.compiled.choose import KINDS, fastest
from golfast.model.compiled.decoder import CompiledDecoder
from golfast.model.compiled.discriminator import CompiledDiscriminator
from golfast.model.compiled.network import CompiledImagination, CompiledNetwork

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


def network_and_engine(name: str, config: ModelConfig, height: int, width: int) -> tuple[Network, CompiledNetwork]:
    torch.manual_seed(0)
    network = Network(config)
    engine = CompiledNetwork(name, config, height, width)
    engine.load(network)
    return network, engine


def loss_of(network: Network, first: Any, last: Any, autoencoder: bool) -> Any:
    hidden = kept.hidden_states(network, first)
    loss = mse_loss(kept.draw(network.decoder, hidden[-1]), last)
    return (loss + mse_loss(kept.draw(network.decoder, hidden[0]), first)) / 2 if autoencoder else loss


@engines
@settings(max_examples=25, deadline=None)
@given(configs, st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 2**31))
@example(ModelConfig(), 20, 20, True, 0)
@example(ModelConfig(timesteps=2, channels=32, decoder_layers=3, shared_core=False), 3, 40, False, 1)
@example(ModelConfig(timesteps=1, core_layers=1), 1, 33, True, 2)
@example(ModelConfig(timesteps=2, channels=1, encoder_layers=2, decoder_layers=3), 9, 4, False, 3)
def test_gradients_are_torchs_of_what_is_kept(
    engine: str, config: ModelConfig, height: int, width: int, autoencoder: bool, seed: int
) -> None:
    if not KINDS[engine].can_run(config):
        return
    network, compiled = network_and_engine(engine, config, height, width)
    generator = torch.Generator().manual_seed(seed)
    first, last = (torch.rand(2, 3, 1, height, width, generator=generator) < 0.4).float()
    loss = compiled.gradient(first, last, autoencoder=autoencoder)
    rounded = kept.kept(network)
    expected = loss_of(rounded, first, last, autoencoder)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-3, abs=1e-5)
    assert_near(compiled.engine.gradients, kept.gradients(rounded))


def assert_near(found: Any, expected: Any) -> None:
    """But for gradients that are rounded once more, or once less, and sums in another order."""
    assert np.linalg.norm(found - expected.detach().numpy()) <= 0.005 * np.linalg.norm(expected.detach()) + 1e-6


@engines
def test_a_batch_gives_the_mean_of_its_boards_and_leaves_nothing_behind(engine: str) -> None:
    _, compiled = network_and_engine(engine, ModelConfig(timesteps=2, decoder_layers=2), 6, 9)
    first, last = (torch.rand(2, 4, 1, 6, 9, generator=torch.Generator().manual_seed(3)) < 0.4).float()
    parts = []
    for board in range(4):
        compiled.gradient(first[board : board + 1], last[board : board + 1], autoencoder=True)
        parts.append(compiled.engine.gradients.copy())
    losses = [compiled.gradient(first, last, autoencoder=True) for _ in range(2)]
    assert losses[0] == losses[1]
    np.testing.assert_allclose(compiled.engine.gradients, np.mean(parts, axis=0), rtol=0.02, atol=1e-5)


@engines
def test_imagines_what_the_network_does(engine: str) -> None:
    network, compiled = network_and_engine(engine, ModelConfig(decoder_layers=2), 7, 5)
    first = (torch.rand(5, 1, 7, 5) < 0.4).float()
    with torch.no_grad():
        np.testing.assert_allclose(compiled.imagine(first), network.imagine(first), atol=0.02)


decoders = st.tuples(st.sampled_from([1, 6, 17, 32]), st.integers(1, 3), st.sampled_from([0.0, 0.3]))


@engines
@settings(max_examples=15, deadline=None)
@given(decoders, st.integers(1, 9), st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**31))
@example((20, 2, 0.01), 20, 20, 5, 0)
def test_a_decoder_draws_and_learns_as_torchs(
    engine: str, shape: tuple[int, int, float], height: int, width: int, count: int, seed: int
) -> None:
    channels, layers, slope = shape
    config = ModelConfig(channels=channels, slope=slope)
    torch.manual_seed(seed)
    decoder = Decoder(config, layers)
    compiled = CompiledDecoder(engine, config, layers, 5, height, width)
    compiled.engine.load(decoder)
    for _ in range(2):  # the second time nothing of the first is left
        hidden = torch.randn(count, channels, height, width).bfloat16()
        bits = hidden.flatten(2).view(torch.int16).numpy().view(np.uint16)
        blames = torch.randn(count, height * width) / (count * height * width)
        drawn = compiled.draw(bits)
        compiled.learn(blames.numpy())
        rounded = kept.kept(decoder)
        expected = kept.draw(rounded, hidden.float()).flatten(1)
        expected.backward(blames)
        assert_near(drawn, expected)
        assert_near(compiled.engine.gradients, kept.gradients(rounded))


@engines
def test_several_decoders_draw_hidden_states_that_are_computed_once(engine: str) -> None:
    config = ModelConfig(timesteps=3, channels=9, core_layers=2, decoder_layers=2)
    torch.manual_seed(2)
    network, deep, flat = Network(config), Decoder(config, 4), Decoder(config, 1)
    draws = [[(t, network.decoder) for t in (1, 2, 3)], [(0, deep), (3, deep), (2, network.decoder)], [(2, flat)]]
    cells = (torch.rand(5, 1, 7, 6) < 0.4).float()
    drawn = CompiledImagination(engine, network, draws, 7, 6)(cells.squeeze(1).numpy())
    with torch.no_grad():
        hidden = network.hidden_states(cells)
        for pictures, draw in zip(drawn, draws, strict=True):
            expected = torch.cat([decoder(hidden[timestep]) for timestep, decoder in draw], dim=1)
            np.testing.assert_allclose(pictures, expected, atol=0.03)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 21),
    st.integers(1, 21),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.integers(1, 9),
    st.integers(1, 17),
    st.integers(0, 2**31),
)
@example(20, 20, (4, 8, 16), 8, 16, 0)
def test_a_discriminator_judges_and_learns_as_torchs(
    height: int, width: int, channels: tuple[int, int, int], real: int, fakes: int, seed: int
) -> None:
    torch.manual_seed(seed)
    network, compiled = Discriminator(height, width, channels=channels), CompiledDiscriminator(height, width, channels)
    compiled.load(network)
    states = (torch.rand(real, height * width) < 0.4).float()
    drawn = torch.rand(fakes, height * width).requires_grad_()
    masks = compiled.draw_masks(real + fakes)
    assert {round(float(value), 4) for mask in masks for value in np.unique(mask)} <= {0.0, round(1 / 0.7, 4)}
    pictures = torch.cat([states, drawn]).view(-1, 1, height, width)
    for layer, mask in zip([m for m in network.layers if isinstance(m, torch.nn.Conv2d)], masks, strict=True):
        pictures = leaky_relu(layer(pictures), 0.3) * torch.from_numpy(mask).permute(3, 0, 1, 2)
    on_real, on_fakes = network.layers[-1](pictures.flatten(1)).split([real, fakes])
    caught = softplus(-on_real).mean() + softplus(on_fakes).mean()
    expected = torch.autograd.grad(caught, list(network.parameters()), retain_graph=True)
    wished = torch.autograd.grad(softplus(-on_fakes).mean(), drawn)[0]
    found = compiled.judge(states.numpy(), drawn.detach().numpy(), masks)
    np.testing.assert_allclose(found, wished, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(compiled.gradients, torch.cat([g.reshape(-1) for g in expected]), rtol=1e-4, atol=1e-6)


def test_the_fastest_that_fits_is_taken() -> None:
    small = "amx" if has_tiles() else "avx512" if has_dot_products() else None
    assert fastest(ModelConfig()) == small
    vectors = has_dot_products() and not has_tiles()
    assert fastest(ModelConfig(channels=64)) == ("avx512" if vectors else None)
    assert fastest(ModelConfig(channels=65)) is None
    assert fastest(ModelConfig(padding="circular")) is None


@pytest.mark.skipif(has_tiles(), reason="the matrix unit itself is tested")
@pytest.mark.skipif(not has_dot_products(), reason="no AVX-512 with bf16 here, which goes with the matrix unit")
def test_what_is_for_the_matrix_unit_on_an_emulated_one(tmp_path: Path) -> None:
    """In a process and a cache of its own: what is compiled there is not what the unit needs."""
    script = Path(__file__).with_name("emulated_tiles.py")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
