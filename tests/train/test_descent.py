"""Compiled optimisers against torch's, and a compiled training against itself interrupted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import Adam, Muon

from golfast.data import Recipe, generate
from golfast.model import ModelConfig
from golfast.model.compiled.choose import KINDS, fastest
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, choose_compute
from golfast.train import TrainConfig, as_run, train
from golfast.train.config import COMPILED
from golfast.train.descent import Descent


def test_moves_as_torch_does() -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(20 * 45 + 13, generator=generator)
    ours = start.numpy().copy()
    descent = Descent(ours, [(0, 20, 45)], [(900, 910), (910, 913)])
    matrix, rest = start[:900].view(20, 45).clone().requires_grad_(), start[900:].clone().requires_grad_()
    muon = Muon([matrix], lr=0.02, momentum=0.95, weight_decay=0, adjust_lr_fn="original")
    adam = Adam([rest], lr=2e-3, betas=(0.9, 0.99))
    for step in range(12):
        gradient = torch.randn(913, generator=generator) * 0.1
        clipped = gradient.clamp(-0.1, 0.1)
        matrix.grad, rest.grad = clipped[:900].view(20, 45).clone(), clipped[900:].clone()
        muon.step()
        adam.step()
        descent.step(
            gradient.numpy(), step, most=0.1, adam_rate=2e-3, beta2=0.99, muon_rate=0.02, momentum=0.95
        )  # fmt: skip
    np.testing.assert_allclose(ours[900:], rest.detach(), rtol=1e-5, atol=1e-7)
    # torch makes Muon's update orthogonal in bfloat16: 12 steps of 0.02, each with an error of a few thousandths.
    np.testing.assert_allclose(ours[:900], matrix.detach().reshape(-1), atol=2e-3)


def test_without_clipping_gradients_are_taken_as_they_are() -> None:
    weights = np.zeros(3, np.float32)
    gradients = np.array([5, -7, 0], np.float32)
    Descent(weights, [], [(0, 3)]).step(
        gradients, 0, most=0, adam_rate=0.1, beta2=0.999, muon_rate=0, momentum=0
    )  # fmt: skip
    np.testing.assert_allclose(weights, [-0.1, 0.1, 0], rtol=1e-5)
    assert gradients.tolist() == [5, -7, 0]


def small(**changes: object) -> TrainConfig:
    return TrainConfig(
        batch=8,
        steps=40,
        stop=2,
        evaluate_every=10,
        evaluate_on=16,
        checkpoint_every=10,
        precision="bf16",
        data=Recipe(height=6, width=7, generations=2, count=64),
        model=ModelConfig(timesteps=2, channels=6, core_layers=2),
        **changes,
    )


@pytest.mark.parametrize("engine", COMPILED)
def test_a_compiled_training_learns_as_torchs_does_and_resumes_to_the_same_bits(tmp_path: Path, engine: str) -> None:
    if not KINDS[engine].can_run(small().model):
        pytest.skip(f"needs {KINDS[engine].needs}")
    compute = choose_compute("cpu", "bf16")
    config = as_run(small(engine=engine), compute)
    packed = generate(config.data)
    whole = train(config, RunFolder(tmp_path / "whole"), packed, compute=compute)

    class StoppedError(Exception):
        pass

    def stop(record: dict[str, object]) -> None:
        if record["step"] == 20:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(config, RunFolder(tmp_path / "parts"), packed, compute=compute, watch=stop)
    resumed = train(config, RunFolder(tmp_path / "parts"), packed, compute=compute, resume=True)
    for ours, again in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(ours, again)
    by_torch = train(
        dataclasses.replace(config, engine="torch"), RunFolder(tmp_path / "torch"), packed, compute=compute
    )
    for ours, theirs in zip(whole.network.parameters(), by_torch.network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("engine", COMPILED)
def test_an_engine_that_cannot_run_says_what_to_do(engine: str) -> None:
    with pytest.raises(ValueError, match=rf"engine '{engine}' was asked for; .* use engine 'torch'"):
        as_run(small(engine=engine), Compute(torch.device("cpu"), torch.float32))
    with pytest.raises(ValueError, match="engine is 'tpu'; allowed are: auto, torch, amx, avx512, stacked"):
        small(engine="tpu")


def test_auto_is_the_fastest_engine_that_can_run() -> None:
    bf16 = Compute(torch.device("cpu"), torch.bfloat16)
    assert as_run(small(), bf16).engine == (fastest(small().model) or "torch")
    assert as_run(small(), Compute(torch.device("cpu"), torch.float32)).engine == "torch"
    wide = dataclasses.replace(small(), model=ModelConfig(channels=65))
    assert as_run(wide, bf16).engine == "torch"
