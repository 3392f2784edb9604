"""Figures by compiled code against torch's."""

import numpy as np
import pytest
import torch

from golfast.data import Recipe, generate
from golfast.imagine import decode, evaluate
from golfast.model import Decoder, ModelConfig, Network, Probes
from golfast.model.compiled.choose import fastest
from golfast.run.precision import choose_compute


def test_compiled_figures_are_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig(timesteps=3, channels=7, core_layers=1)
    if not fastest(config):
        pytest.skip("no engine here")
    torch.manual_seed(5)
    network, adversarial, probes = Network(config), Decoder(config, 2), Probes(config, 3, layers=1)
    for decoder in (network.decoder, adversarial, *probes.decoders):
        decoder.last.weight.data *= 20  # few outputs so near the threshold that rounding decides
    truth, compute = generate(Recipe(split="test", count=300, height=9, width=11, generations=3)), choose_compute("cpu")

    def figures():
        return evaluate(network, truth, 11, compute, adversarial=adversarial, probes=probes)

    ours = figures()
    monkeypatch.setattr(decode, "_compiled", lambda *given: None)
    theirs = figures()
    for mine, other in [(ours, theirs), *((ours[name], theirs[name]) for name in ("adversarial", "probes"))]:
        np.testing.assert_allclose(mine["agreement"], other["agreement"], atol=0.003)
        assert mine["metric"] == pytest.approx(other["metric"], abs=0.01)
