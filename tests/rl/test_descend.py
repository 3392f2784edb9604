"""What is written out by hand against autograd and torch's optimisers."""

import numpy as np
import pytest
import torch

from golfast.rl.by_hand import ByHand
from golfast.rl.config import DescentConfig, PolicyConfig
from golfast.rl.convolved import Convolved
from golfast.rl.descend import Autograd
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


@pytest.mark.parametrize(
    ("kind", "shape", "dtype", "top"),
    [
        ("small-cnn", (4, 84, 84), np.uint8, 255),
        ("cnn", (2, 36, 40), np.uint8, 255),
        ("cnn", (5, 10, 10), np.uint8, 1),
        ("cnn", (3, 7, 9), np.float32, 1),
    ],
)
@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_what_was_kept_is_learned_from_as_autograd_does(kind, shape, dtype, top, optimiser):
    policy, config = PolicyConfig(kind=kind, width=24), DescentConfig(name=optimiser, clip=0.5)
    plain, ours = (seeded_agent(shape, 3, policy, top=top, seed=1) for _ in range(2))
    compute = choose_compute("cpu", "fp32")
    autograd, kept = Autograd(plain, config, compute), Convolved(ours, config, compute)
    random = np.random.default_rng(2)
    for step in range(5):
        seen = random.integers(0, top + 1, (12, *shape)).astype(dtype)
        expected = autograd.forward(seen)
        if step % 2:
            for part in np.split(seen, 3):
                kept.look(part)
            found = kept.looked()
        else:
            found = kept.forward(seen)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
        gradients = [torch.from_numpy(random.normal(size=size).astype(np.float32)) for size in ((8, 3), (8,))]
        norms = [descent.step(*gradients, 1e-3 / (step + 1)) for descent in (autograd, kept)]
        assert norms[1] == pytest.approx(norms[0], rel=1e-3)
        if step == 2:  # and goes on from a checkpoint
            other = Convolved(seeded_agent(shape, 3, policy, top=top, seed=9), config, compute)
            other._network.load_state_dict(ours.state_dict())
            other.load(kept.state())
            kept, ours = other, other._network
    for expected, found in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_lower_precision_differs_by_its_rounding_alone():
    if choose_compute("cpu").precision != "bf16":
        pytest.skip("this CPU does not multiply bf16")
    shape, policy = (4, 84, 84), PolicyConfig(kind="small-cnn", width=64)
    plain, ours = (seeded_agent(shape, 3, policy, top=255, seed=1) for _ in range(2))
    compute = choose_compute("cpu", "bf16")
    autograd, kept = (
        kind(network, DescentConfig(), compute) for kind, network in ((Autograd, plain), (Convolved, ours))
    )
    random = np.random.default_rng(2)
    seen = random.integers(0, 256, (12, *shape)).astype(np.uint8)
    torch.testing.assert_close(kept.forward(seen), autograd.forward(seen), rtol=0, atol=0)
    gradients = [torch.from_numpy(random.normal(size=size).astype(np.float32)) for size in ((12, 3), (12,))]
    norms = [descent.step(*gradients, 1e-3) for descent in (autograd, kept)]
    assert norms[1] == pytest.approx(norms[0], rel=0.02)
    for parameter in ours.parameters():
        gradient, expected = (
            kept._flat.gradient(parameter),
            next(
                one.grad for one, other in zip(plain.parameters(), ours.parameters(), strict=True) if other is parameter
            ),
        )
        assert torch.nn.functional.cosine_similarity(gradient.reshape(-1), expected.reshape(-1), dim=0) > 0.999


def test_a_checkpoint_of_another_kind_is_told():
    compute = choose_compute("cpu", "fp32")
    network = seeded_agent((3, 10, 10), 3, PolicyConfig(kind="cnn", width=8), seed=1)
    with pytest.raises(ValueError, match="made on another device or by another version of golfast"):
        Convolved(network, DescentConfig(), compute).load({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="made on another device or by another version of golfast"):
        Autograd(network, DescentConfig(), compute).load(Convolved(network, DescentConfig(), compute).state())
