"""Compiled actors do what the network says."""

import numpy as np
import pytest
import torch

from golfast.rl.act import CompiledActor, TorchActor
from golfast.rl.config import PolicyConfig
from golfast.rl.network import seeded_agent
from golfast.run.precision import choose_compute


def observations(kind, count, shape, seed):
    random = np.random.default_rng(seed)
    if kind == "uint8":
        return (random.random((count, *shape)) < 0.1).astype(np.uint8) * random.integers(
            1, 255, (count, *shape), np.uint8
        )
    return random.normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize(("shape", "width", "layers"), [((4,), 64, 2), ((3, 5, 7), 19, 3), ((2,), 1, 1)])
def test_a_compiled_actor_equals_the_network(kind, shape, width, layers):
    network = seeded_agent(
        shape, 3, PolicyConfig(width=width, layers=layers, shared=False), top=255 if kind == "uint8" else 1, seed=4
    )
    actor = CompiledActor(network, 50, seed=0, greedy=True)
    seen = observations(kind, 50, shape, 1)
    for _ in range(2):
        actor.refresh()
        chosen = actor.act(seen, 0)
        with torch.no_grad():
            logits = network.logits(torch.from_numpy(seen)).numpy()
        np.testing.assert_allclose(actor._logits, logits, atol=1e-5)
        np.testing.assert_array_equal(chosen, actor._logits.argmax(axis=1))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1)


def test_actions_are_drawn_as_often_as_the_policy_has_it():
    network = seeded_agent((2,), 4, PolicyConfig(width=8), seed=2)
    with torch.no_grad():
        network.policy.weight.mul_(300)
    one = np.tile(np.array([[0.3, -1.0]], np.float32), (500, 1))
    chances = torch.softmax(network.logits(torch.from_numpy(one[:1])), 1)[0].detach().numpy()
    for actor in (
        CompiledActor(network, 500, seed=9),
        TorchActor(network, 500, seed=9, compute=choose_compute("cpu", "fp32")),
    ):
        drawn = np.concatenate([actor.act(one, step).copy() for step in range(40)])
        shares = np.bincount(drawn, minlength=4) / len(drawn)
        assert 0.05 < chances.max() < 0.95
        np.testing.assert_allclose(shares, chances, atol=4 * 0.5 / np.sqrt(len(drawn)))
