"""The compiled gradients against autograd's."""

import numpy as np
import pytest
import torch

from golfast.rl.loss import Weights, loss_gradients, plain_loss


@pytest.mark.parametrize("clip", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_gradients_equal_autograd(clip, seed):
    random = np.random.default_rng(seed)
    count, choices = 40, 1 + seed
    logits = torch.from_numpy(random.normal(0, 3, (count, choices)).astype(np.float32)).requires_grad_()
    values = torch.from_numpy(random.normal(size=count).astype(np.float32)).requires_grad_()
    actions = random.integers(0, choices, count)
    found, targets = (random.normal(size=count).astype(np.float32) for _ in range(2))
    counts = random.random(count) < 0.8
    log = torch.log_softmax(logits.detach(), 1).numpy()[np.arange(count), actions]
    before = (log + random.normal(0, 0.3, count)).astype(np.float32) if clip else None
    weights = Weights(entropy=0.05, critic=0.7, clip=clip)
    there = [torch.from_numpy(array) for array in (actions, found, targets, counts)]
    loss, expected = plain_loss(logits, values, *there, None if before is None else torch.from_numpy(before), weights)
    loss.backward()
    at_logits, at_values, figures = loss_gradients(
        logits.detach(), values.detach(), actions, found, targets, counts, before, weights
    )
    torch.testing.assert_close(at_logits, logits.grad, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(at_values, values.grad, rtol=1e-4, atol=1e-7)
    assert figures == pytest.approx(expected, abs=1e-5)
