import pytest
import torch
from torch import nn

from golfast.features import Probe, channel, direction, diversity, logit, neuron, value, whole_layer


class Two(nn.Module):
    """Convolution, then a head of two parts: (logits, value)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.policy = nn.Linear(3 * 16, 4)
        self.value = nn.Linear(3 * 16, 1)

    def forward(self, x):
        hidden = torch.relu(self.conv(torch.tanh(self.conv(x)[:, :2]))).flatten(1)
        return self.policy(hidden), self.value(hidden)


@pytest.fixture(scope="module")
def probe():
    torch.manual_seed(0)
    return Probe(Two())


X = torch.randn(5, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def score(probe, objective, inputs=X):
    return objective.score(probe.read(inputs, objective.layers))


def test_layers_are_found_by_name_use_and_output(probe):
    layers = probe.layers(X)
    assert {address: layer.shape for address, layer in layers.items()} == {
        "conv@1": (3, 4, 4),
        "conv@2": (3, 4, 4),
        "policy": (4,),
        "value": (1,),
        "output:0": (4,),
        "output:1": (1,),
    }
    found = probe.read(X, ["conv@2", "output:1", "conv@1"])
    assert torch.equal(found["conv@1"], probe.module.conv(X))
    assert torch.equal(found["output:1"], probe.module(X)[1])
    assert not torch.equal(found["conv@1"], found["conv@2"])


def test_reading_stops_early_and_leaves_the_module_as_it_was(probe):
    module = probe.module
    module.train()
    probe.read(X, ["conv@1"])
    assert module.training
    assert module.conv.training
    assert not module.conv._forward_hooks
    ran = []
    handle = module.policy.register_forward_hook(lambda *_: ran.append(1))
    probe.read(X, ["conv@2"])
    handle.remove()
    module.eval()
    assert ran == []


@pytest.mark.parametrize("address", ["konv", "conv@3", "policy:1", ""])
def test_an_unknown_layer_lists_the_layers(probe, address):
    with pytest.raises(ValueError, match=r"there is no layer .* layers are: conv@1 \(3 units\), conv@2 \(3 uni"):
        probe.read(X, [address])
    with pytest.raises(ValueError, match="there is no layer"):
        probe.find(address, X)


def test_objectives_are_what_they_say(probe):
    conv, policy, worth = (found.detach() for found in probe.read(X, ["conv@1", "policy", "value"]).values())
    assert torch.equal(score(probe, neuron("conv@1", 2)), conv[:, 2, 2, 2])
    assert torch.equal(score(probe, neuron("conv@1", 0, at=(3, 1))), conv[:, 0, 3, 1])
    assert torch.equal(score(probe, neuron("conv@1", [0, 1, 2, 1, 0])), conv[range(5), [0, 1, 2, 1, 0], 2, 2])
    torch.testing.assert_close(score(probe, channel("conv@1", 1)), conv[:, 1].mean((1, 2)))
    torch.testing.assert_close(score(probe, whole_layer("conv@1")), conv.square().mean((1, 2, 3)))
    torch.testing.assert_close(score(probe, logit("policy", 3)), policy[:, 3])
    torch.testing.assert_close(score(probe, value("value")), worth[:, 0])
    along = torch.tensor([1.0, -2.0, 0.5])
    torch.testing.assert_close(score(probe, direction("conv@1", along)), conv[:, :, 2, 2] @ along)
    share = torch.cosine_similarity(policy, torch.ones(4).expand(5, 4), dim=1).clamp(min=0.1)
    torch.testing.assert_close(score(probe, direction("policy", torch.ones(4), cosine=2)), policy.sum(1) * share**2)


def test_sums_differences_and_multiples(probe):
    a, b = logit("policy", 2), value("value")
    both = 2 * (a - b) + -a * 0.5 + b
    assert both.layers == {"policy", "value"}
    torch.testing.assert_close(score(probe, both), 1.5 * score(probe, a) - score(probe, b))


@pytest.mark.parametrize(
    "objective",
    [
        neuron("conv@2", [0, 1, 2, 1, 0]),
        channel("conv@2", 1),
        whole_layer("conv@1"),
        direction("conv@2", torch.ones(3), cosine=1),
        logit("policy", 1) - value("value"),
    ],
)
def test_gradients_are_those_of_finite_differences_and_each_input_has_its_own(probe, objective):
    with torch.no_grad():
        double = Probe(Two().double())
        double.module.load_state_dict(probe.module.state_dict())
    inputs = X.double().requires_grad_()
    scores = score(double, objective, inputs)
    (gradient,) = torch.autograd.grad(scores.sum(), [inputs])
    assert gradient.abs().flatten(1).sum(1).min() > 0
    step = torch.zeros_like(inputs)
    step[3, 1, 2, 2] = 1e-6
    with torch.no_grad():
        ahead, behind = score(double, objective, inputs + step), score(double, objective, inputs - step)
    torch.testing.assert_close((ahead - behind)[3] / 2e-6, gradient[3, 1, 2, 2], atol=1e-6, rtol=1e-5)
    others = torch.tensor([0, 1, 2, 4])
    assert torch.equal(ahead[others], behind[others])


def test_diversity_is_worst_for_equals_and_knows_its_groups(probe):
    alike = X[:2].repeat(3, 1, 1, 1)  # inputs 0, 2, 4 are one group, 1, 3, 5 the other
    torch.testing.assert_close(score(probe, diversity("conv@1", groups=2), alike), -torch.ones(6))
    varied = torch.cat([alike[:4], X[3:5]])
    mixed = score(probe, diversity("conv@1", groups=2), varied)
    assert mixed.min() > -1
    found = probe.read(varied, ["conv@1"])["conv@1"].detach().flatten(2)
    grams = torch.nn.functional.normalize((found @ found.mT).flatten(1), dim=1)
    expected = -(grams[0] @ grams[2] + grams[0] @ grams[4]) / 2
    torch.testing.assert_close(mixed[0], expected)
    assert torch.equal(score(probe, diversity("policy", groups=5), X), torch.zeros(5))


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (neuron("conv@1", 3), "units 0 to 2; there is no unit 3"),
        (neuron("conv@1", -1), "there is no unit -1"),
        (neuron("conv@1", 0, at=(4, 0)), "place 4, 0 is outside layer conv@1 of 4 x 4"),
        (neuron("policy", 0, at=(0, 0)), "has no rows and columns"),
        (neuron("conv@1", [0, 1]), "2 units were given for a batch of 5"),
        (direction("conv@1", torch.ones(4)), "has 3 units, and the direction 4 numbers"),
        (diversity("conv@1", groups=2), "a batch of 5 inputs does not divide into 2 groups"),
    ],
)
def test_what_there_is_not_is_refused(probe, objective, message):
    with pytest.raises(ValueError, match=message):
        score(probe, objective)
