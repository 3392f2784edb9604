"""Optimisers of many networks against those of one, and loss scaling."""

import numpy as np
import torch

from golfast.train import OptimiserConfig
from golfast.train.descent import Descent
from golfast.train.stack.optimise import Rates, Rows, descend, orthogonal

CPU = torch.device("cpu")
MATRICES = 2, 4, 9
SIZE = 2 * 4 * 9 + 5
CONFIGS = [
    OptimiserConfig(),
    OptimiserConfig(lr=0.1, adam_lr=0.03, momentum=0.5, beta2=0.9, clip=0.05),
    OptimiserConfig(clip=0.0, lr=0.005),
]


def test_each_moves_as_one_does() -> None:
    """Against the compiled optimisers, which are tested against torch's."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(len(CONFIGS), SIZE, generator=generator)
    rows = Rows.made(len(CONFIGS), SIZE, CPU, scaled=False)
    rows.weights.copy_(start)
    rates = Rates.of(CONFIGS, CPU)
    ours = [row.numpy().copy() for row in start]
    descents = [Descent(row, [(0, 4, 9), (36, 4, 9)], [(72, SIZE)]) for row in ours]
    for step in range(30):
        gradients = torch.randn(len(CONFIGS), SIZE, generator=generator) * 0.1
        factor = torch.rand(len(CONFIGS), generator=generator)
        descend(rows, gradients, factor, rates, MATRICES, scaled=False, half=False)
        for k, (descent, config) in enumerate(zip(descents, CONFIGS, strict=True)):
            descent.step(
                gradients[k].numpy().copy(),
                step,
                most=config.clip,
                adam_rate=config.adam_lr * float(factor[k]),
                beta2=config.beta2,
                muon_rate=config.lr * float(factor[k]),
                momentum=config.momentum,
            )
    np.testing.assert_allclose(rows.weights.numpy(), np.stack(ours), rtol=1e-4, atol=1e-5)


def test_adam_alone_moves_all() -> None:
    generator = torch.Generator().manual_seed(2)
    rows = Rows.made(1, SIZE, CPU, scaled=False)
    weights = torch.zeros(SIZE, requires_grad=True)
    adam = torch.optim.Adam([weights], lr=CONFIGS[1].adam_lr, betas=(0.9, CONFIGS[1].beta2))
    for _ in range(20):
        gradients = torch.randn(1, SIZE, generator=generator)
        weights.grad = gradients[0].clamp(-0.05, 0.05)
        adam.step()
        descend(rows, gradients, torch.ones(1), Rates.of(CONFIGS[1:2], CPU), (0, 0, 0), scaled=False, half=False)
    torch.testing.assert_close(rows.weights[0], weights.detach(), rtol=1e-5, atol=1e-6)


def test_updates_are_made_orthogonal() -> None:
    x = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(3))
    for half, most in ((False, 1.25), (True, 1.3)):
        values = torch.linalg.svdvals(orthogonal(x, half=half))
        assert values.min() > 0.6
        assert values.max() < most


def test_what_overflows_is_left_as_it_was_and_scaled_less() -> None:
    rows = Rows.made(3, SIZE, CPU, scaled=True)
    assert rows.scale.tolist() == [65536.0] * 3
    rates = Rates.of(CONFIGS, CPU)
    factor = torch.ones(3)
    small = torch.full((3, SIZE), 0.01)
    descend(rows, small * rows.scale[:, None], factor, rates, MATRICES, scaled=True, half=False)
    before = {name: tensor.clone() for name, tensor in rows.each().items()}
    for bad in (torch.inf, torch.nan):
        gradients = small * rows.scale[:, None]
        gradients[1, 7] = bad
        descend(rows, gradients, factor, rates, MATRICES, scaled=True, half=False)
    assert rows.scale.tolist() == [65536.0, 16384.0, 65536.0]
    assert rows.fine.tolist() == [3, 0, 3]
    assert rows.moved.tolist() == [3, 1, 3]
    for name in ("weights", "means", "squares"):
        assert torch.equal(getattr(rows, name)[1], before[name][1])
        assert not torch.equal(getattr(rows, name)[0], before[name][0])
    assert rows.weights.isfinite().all()


def test_the_scale_changes_no_step_and_grows_when_all_is_well() -> None:
    scaled, plain = (Rows.made(3, SIZE, CPU, scaled=on) for on in (True, False))
    scaled.fine.fill_(1998)
    rates, generator = Rates.of(CONFIGS, CPU), torch.Generator().manual_seed(5)
    seen = []
    for _ in range(4):
        gradients = torch.randn(3, SIZE, generator=generator)
        descend(scaled, gradients * scaled.scale[:, None], torch.ones(3), rates, MATRICES, scaled=True, half=False)
        descend(plain, gradients, torch.ones(3), rates, MATRICES, scaled=False, half=False)
        seen.append((scaled.scale[0].item(), scaled.fine[0].item()))
    assert seen == [(65536.0, 1999), (131072.0, 0), (131072.0, 1), (131072.0, 2)]
    assert torch.equal(scaled.weights, plain.weights)  # powers of two round nothing
