"""What is written out by hand against autograd and torch's optimisers."""

import numpy as np
import pytest
import torch

from golfast.rl.config import DescentConfig, PolicyConfig
from golfast.rl.descend import Autograd, ByHand
from golfast.rl.network import seeded_agent
from golfast.rl.sparse import is_sparse
from golfast.run.precision import choose_compute


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
@pytest.mark.parametrize("clip", [0.0, 0.5])
@pytest.mark.parametrize(("shared", "layers"), [(True, 1), (True, 3), (False, 2)])
def test_by_hand_equals_autograd(optimiser, clip, shared, layers):
    policy = PolicyConfig(width=11, layers=layers, shared=shared)
    config = DescentConfig(name=optimiser, clip=clip, lr=1e-2)
    plain, ours = (seeded_agent((2, 3, 4), 3, policy, seed=1) for _ in range(2))
    autograd, by_hand = Autograd(plain, config, choose_compute("cpu", "fp32")), ByHand(ours, config)
    random = np.random.default_rng(2)
    for step in range(6):
        seen = (random.random((50, 2, 3, 4)) < (0.1 if step % 2 else 0.5)).astype(np.uint8)  # sparse, and not
        assert is_sparse(seen) == step % 2
        outputs = [descent.forward(seen) for descent in (autograd, by_hand)]
        for expected, found in zip(*outputs, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        gradients = [torch.from_numpy(random.normal(size=size).astype(np.float32)) for size in ((40, 3), (40,))]
        norms = [descent.step(*gradients, 0.01 / (step + 1)) for descent in (autograd, by_hand)]
        assert norms[1] == pytest.approx(norms[0], rel=1e-4)
        if step == 3:  # and goes on from a checkpoint
            other = ByHand(seeded_agent((2, 3, 4), 3, policy, seed=9), config)
            other._network.load_state_dict(ours.state_dict())
            other.load(by_hand.state())
            by_hand, ours = other, other._network
    for expected, found in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
