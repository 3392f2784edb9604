"""Reading the layers of networks as people write them, each beside a hook that copies what it hears at once."""

import copy
import dataclasses
import warnings
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu_, relu_

from golfast.features import Boards, Probe, Space, World, channel, field_of_view, maximise, neuron, study, survey

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
IMAGES = torch.randn(6, 2, 8, 8, generator=torch.Generator().manual_seed(2))


def scripted(net, *, trace=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(net.eval(), X) if trace else torch.jit.script(net)


def frozen(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.freeze(scripted(net.eval()))


def mlp(*between):
    return nn.Sequential(nn.Linear(3, 5), *between, nn.Linear(5, 2))


class Forward(nn.Module):
    """Layers a, b and c of 3, 3 and 2 units, used as a function says."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.act, self.same, self.norm = nn.ReLU(inplace=True), nn.Identity(), nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.function = function
        self.depth, self.log, self.last = 0, [], None

    def forward(self, x):
        return self.function(self, x)


def plus_one(net, x):
    hidden = net.a(x)
    hidden += 1
    return net.c(hidden)


def chain(net, x):
    hidden = leaky_relu_(relu_(net.a(x)).add_(2.0), 0.1)
    return net.c(net.b(hidden).mul_(0))


def ignored(net, x):
    hidden = net.a(x)
    net.act(hidden)  # in place: what it returns is not looked at
    return net.c(hidden)


def aliases(net, x):
    hidden = net.same(net.drop(net.same(net.a(x))))
    hidden.clamp_(0)
    return net.c(hidden)


def twice(net, x):
    return net.c(net.act(net.a(net.act(net.a(x)))))


def reshaped(net, x):
    hidden = net.a(x)
    hidden.t_().t_().unsqueeze_(1)
    return net.c(hidden.squeeze_(1).relu_())


def own_input(net, x):
    return net.c(net.b(net.act(x)))


def part_of_it(net, x):
    hidden = net.a(x)
    hidden[:, 0] = 7
    return net.c(hidden)


def shared_memory(net, x):
    hidden = net.b(x)
    hidden.copy_(net.a(x))
    return net.c(hidden)


def normed(net, x):
    return net.c(net.drop(net.norm(net.a(x)).relu_()))


class Rows(nn.Module):
    """Puts out tuples, lists, dictionaries and dataclasses within each other."""

    @dataclasses.dataclass
    class Output:
        logits: torch.Tensor
        hidden: tuple
        none: None = None

    def __init__(self, kind):
        super().__init__()
        self.a, self.kind, self.act = nn.Linear(3, 4), kind, nn.ReLU(inplace=True)

    def forward(self, x):
        first = self.a(x)
        second = self.act(first - 1)
        return {
            "tuple": (first, (second, "word")),
            "list": [[first], second],
            "dict": {"logits": first, "loss": second.mean(), "hidden": [second, first]},
            "ordered": OrderedDict(logits=first, hidden=second),
            "data": Rows.Output(first, (second, first)),
            "mixed": (second, {"logits": first, 7: second}),
        }[self.kind]


class After(nn.Module):
    """Changes in place what an inner module put out."""

    def __init__(self, kind):
        super().__init__()
        self.inner, self.end = Rows(kind), nn.Linear(4, 1)

    def forward(self, x):
        found = self.inner(x)
        tensors = [tensor for tensor in leaves(found) if tensor.dim() == 2]
        out = self.end(tensors[0])
        for tensor in tensors:
            tensor.mul_(0)
        return out


def leaves(output):
    """All tensors in an output, each once for every place it has."""
    if isinstance(output, torch.Tensor):
        return [output]
    if dataclasses.is_dataclass(output):
        output = {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, tuple | list) else ()
    return [tensor for part in inner for tensor in leaves(part)]


def block(norm):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), norm, nn.ReLU(inplace=True), nn.Hardswish(inplace=True),
        nn.Dropout2d(0.5, inplace=True), nn.Conv2d(4, 3, 3), nn.ReLU6(inplace=True), nn.Flatten(), nn.Linear(108, 2),
    )  # fmt: skip


ZOO = {
    "in place": mlp(nn.ReLU(inplace=True)),
    "in-place chain": mlp(nn.ReLU(inplace=True), nn.Dropout(0.3, inplace=True), nn.LeakyReLU(inplace=True)),
    "in place first": nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2), nn.Sigmoid()),
    "in place only": nn.Sequential(nn.ReLU(inplace=True)),
    "one in place": nn.ReLU(inplace=True),
    "nested": nn.Sequential(mlp(nn.ELU(inplace=True)), nn.SELU(inplace=True), nn.Sequential(nn.Hardtanh(inplace=True))),
    "no in place": mlp(nn.Tanh()),
    "batch norm": block(nn.BatchNorm2d(4)),
    "instance norm": block(nn.InstanceNorm2d(4, track_running_stats=True)),
    "group norm": block(nn.GroupNorm(2, 4)),
    "conv half": block(nn.BatchNorm2d(4)).half(),
    "conv bf16": block(nn.BatchNorm2d(4)).bfloat16(),
    "half": mlp(nn.ReLU(inplace=True)).half(),
    "bf16": mlp(nn.SiLU(inplace=True)).bfloat16(),
    "double": mlp(nn.ReLU(inplace=True)).double(),
    "lstm": nn.LSTM(3, 4),
    "gru cell": nn.Sequential(nn.GRUCell(3, 4), nn.ReLU(inplace=True)),
    "script within": nn.Sequential(scripted(mlp(nn.ReLU(inplace=True))), nn.ReLU(inplace=True)),
    "trace within": nn.Sequential(scripted(mlp(nn.ReLU(inplace=True)), trace=True), nn.ReLU(inplace=True)),
    "weight norm": nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), nn.ReLU(inplace=True)),
    "spectral norm": nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)), nn.ReLU(inplace=True)),
    **{
        function.__name__: Forward(function)
        for function in (
            plus_one,
            chain,
            ignored,
            aliases,
            twice,
            reshaped,
            own_input,
            part_of_it,
            shared_memory,
            normed,
        )
    },
    **{f"{kind} in place": After(kind) for kind in ("tuple", "list", "dict", "ordered", "data", "mixed")},
    "names": nn.Sequential(OrderedDict(output=nn.Linear(3, 3), act=nn.ReLU(inplace=True), end=nn.Linear(3, 2))),
}


def heard(net, inputs):
    """What a plain hook hears in evaluation mode: of each use of each module its tensors, copied."""
    net, found, hooks = copy.deepcopy(net).eval(), {}, []
    for name, module in net.named_modules():
        if not isinstance(module, torch.jit.ScriptModule):
            hooks.append(module.register_forward_hook(
                lambda _m, _i, output, name=name: found.setdefault(name, []).append(
                    [tensor.detach().clone() for tensor in leaves(output)]
                )
            ))  # fmt: skip
    dtype = next((parameter.dtype for parameter in net.parameters()), inputs.dtype)
    net(inputs.to(dtype).clone())
    return found


def address_of(name, use, part, uses, parts):
    """An address as the docstring says, where no name needs more."""
    name = "output" if name == "" else ".output" if name == "output" else name
    return name + (f"@{use + 1}" if uses > 1 else "") + (f":{part}" if parts > 1 else "")


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", ZOO)
def test_every_layer_is_read_as_it_was_put_out(name, training):
    torch.manual_seed(0)
    net = copy.deepcopy(ZOO[name]).train(training)
    inputs = IMAGES if isinstance(net, nn.Sequential) and any(isinstance(m, nn.Conv2d) for m in net.modules()) else X
    kept, before = copy.deepcopy(net.state_dict()), inputs.clone()
    truth, probe = heard(net, inputs), Probe(net)
    expected = {}
    for layer, uses in truth.items():
        for use, tensors in enumerate(uses):
            for part, tensor in enumerate(tensors):
                # Numbers name all parts but those of dictionaries, which the next test is of.
                if not (name.partition(" ")[0] in {"dict", "ordered", "data", "mixed"} and layer == "inner"):
                    expected[address_of(layer, use, part, len(uses), len(tensors))] = tensor
    for address, value in expected.items():  # alone, beside the last, and beside all
        for others in ([], [list(expected)[-1]], list(expected)):
            found = probe.read(inputs, [*others, address])
            assert torch.equal(found[address], value), (address, others)
    listed = probe.layers(inputs)
    for address, value in expected.items():
        assert (address in listed) == (value.dim() in (2, 4) and len(value) == len(inputs)), address
    assert torch.equal(inputs, before)
    assert all(module.training == training for module in net.modules())
    assert all(torch.equal(value, kept[key]) for key, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
    assert not nn.modules.module._global_forward_hooks


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("tuple", {"0": "first", "1": "second"}),
        ("list", {"0": "first", "1": "second"}),
        ("dict", {"logits": "first", "hidden.0": "second", "hidden.1": "first"}),
        ("ordered", {"logits": "first", "hidden": "second"}),
        ("data", {"logits": "first", "hidden.0": "second", "hidden.1": "first"}),
        ("mixed", {"0": "second", "logits": "first", "7": "second"}),
    ],
)
def test_parts_of_an_output_are_named(kind, parts):
    net = Rows(kind)
    truth = {"first": net.a(X), "second": torch.relu(net.a(X) - 1)}
    probe = Probe(net)
    addresses = [address for address in probe.layers(X) if address.startswith("output")]
    assert addresses == [f"output:{part}" for part in parts]
    found = probe.read(X, addresses)
    for part, which in parts.items():
        assert torch.equal(found[f"output:{part}"], truth[which])
    assert torch.equal(probe.read(X, ["output"])["output"], next(iter(found.values())))  # the first, if none is named


@pytest.mark.parametrize("name", [name for name in ZOO if name not in {"one in place", "in place only", "lstm"}])
def test_gradients_are_those_of_the_plain_module(name):
    torch.manual_seed(0)
    net = copy.deepcopy(ZOO[name]).eval()
    inputs = IMAGES if isinstance(net, nn.Sequential) and any(isinstance(m, nn.Conv2d) for m in net.modules()) else X
    dtype = next((parameter.dtype for parameter in net.parameters()), inputs.dtype)
    one, other = (inputs.clone().requires_grad_() for _ in range(2))
    value = Probe(net).read(one, ["output"])["output"].float().square().sum()
    plain = net(other.to(dtype).clone()).float().square().sum()
    try:
        (expected,) = torch.autograd.grad(plain, [other])
    except RuntimeError:  # one in-place module after another: torch itself has no gradient
        return
    assert torch.equal(torch.autograd.grad(value, [one])[0], expected)


def test_a_layer_before_an_in_place_one_is_not_called_dead():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2), nn.ReLU(inplace=True))
    with torch.no_grad():
        net[0].bias.fill_(-9)  # all units below zero: alive before the ReLU, at rest behind it
    probe, examples = Probe(net), torch.randn(300, 3)
    before = examples.clone()
    activities = survey(probe, list(probe.layers(examples[:2]).values()), examples)
    assert not activities["0"].dead.any()
    assert activities["1"].dead.all()
    torch.testing.assert_close(activities["0"].values, net[0](examples).detach())
    assert torch.equal(examples, before)
    first = Probe(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2)))  # writes into what it is given
    survey(first, list(first.layers(examples[:2]).values()), examples)
    found = maximise(first, neuron("1", 0), Space((3,), torch.tensor(-1.0), torch.tensor(1.0)), batch=2)
    assert torch.equal(examples, before)
    assert found.score.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_in_half_precision_is_studied(dtype):
    torch.manual_seed(0)
    boards = (torch.rand(300, 1, 8, 8) < 0.4).to(torch.uint8)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(4, 3, 3, padding=1))
    probe, whole = Probe(copy.deepcopy(net).to(dtype)), Probe(net)
    world = World(Space((1, 8, 8), torch.tensor(0.0), torch.tensor(1.0)), Boards(), boards)
    layer = probe.find("2", boards[:2].float())
    activity, expected = (survey(one, [layer], boards)["2"] for one in (probe, whole))
    torch.testing.assert_close(activity.values, expected.values, rtol=0.03, atol=0.02)
    done = study(probe, activity, world)
    assert done.figures()["reached"] >= 2
    assert channel("2", 0).score(probe.read(boards[:2].float(), ["2"])).dtype == torch.float32


def test_names_that_look_like_addresses():
    names = ["conv", "conv@2", "a:1", "a", "output", "output@1", "a@1:0"]
    net = nn.ModuleDict({name: nn.Linear(3, 3) for name in names})

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for name, layer in net.items():
                self.add_module(name, layer)

        def forward(self, x):
            for name in [*names, "conv"]:
                x = self._modules[name](x)
            return x + 1

    probe = Probe(Net())
    layers = probe.layers(X)
    assert len(layers) == 9  # `conv` twice, and the whole
    assert "conv@02" in layers  # since "conv@2" is another
    found = probe.read(X, layers)
    x = X
    ours = {"conv": "conv@1", "output": ".output"}
    for address, name in [*((ours.get(name, name), name) for name in names), ("conv@02", "conv")]:
        x = net[name](x)
        assert torch.equal(found[address], x), address
        assert torch.equal(probe.read(X, [address])[address], x)
        assert probe.find(address, X).address == address
    assert torch.equal(found["output"], x + 1)
    with pytest.raises(ValueError, match=r"there is no layer 'conv@3'; did you mean"):
        probe.read(X, ["conv@3"])


def deeper(net, x):
    net.depth += 1
    hidden = net.b(net.a(x))
    net.depth -= 1
    return net.c(hidden)


def logged(net, x):
    net.log.append("begun")
    hidden = net.b(net.a(x))
    net.log.clear()
    return net.c(hidden)


def remembered(net, x):
    net.last = net.a(x)
    out = net.c(net.b(net.last))
    net.last = None
    return out


def counted(net, x):
    net.buffer.add_(1)
    out = net.c(net.b(net.a(x)))
    net.buffer.sub_(1)
    return out


def within(net, x):
    net.box.inner["depth"] = [1]
    out = net.c(net.b(net.a(x)))
    del net.box.inner["depth"]
    return out


class Box:
    def __init__(self):
        self.inner = {}


@pytest.mark.parametrize("function", [deeper, logged, remembered, counted, within])
def test_what_a_forward_keeps_is_as_a_whole_run_leaves_it(function):
    net = Forward(function)
    net.register_buffer("buffer", torch.zeros(1))
    net.box = Box()
    probe = Probe(net)
    for addresses in (["a"], ["b"], ["a", "b"], ["a"]):
        found = probe.read(X, addresses)
        assert torch.equal(found[addresses[0]], net.a(X) if addresses[0] == "a" else net.b(net.a(X)))
        assert (net.depth, net.log, net.last, net.buffer.item(), net.box.inner) == (0, [], None, 0.0, {})
    with torch.inference_mode():
        probe.read(X, ["a"])
        Probe(net).read(X, ["a"])
    assert (net.depth, net.log, net.last, net.buffer.item(), net.box.inner) == (0, [], None, 0.0, {})


def test_a_forward_that_catches_all_is_read_right():
    def careful(net, x):
        hidden = net.a(x)
        try:
            hidden = net.b(hidden)
        except Exception:
            hidden = hidden.fill_(7)
        return net.c(hidden.relu_())

    def translated(net, x):
        try:
            return net.c(net.b(net.a(x)))
        except Exception as error:
            raise RuntimeError("a layer failed") from error

    for function in (careful, translated):
        net = Forward(function)
        for addresses in (["a"], ["b"], ["a", "b"]):
            found = Probe(net).read(X, addresses)
            for address, value in found.items():
                assert torch.equal(value, net.a(X) if address == "a" else net.b(net.a(X)))


def test_modes_are_brought_back_part_by_part():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    class Merging(nn.Linear):
        merged = False

        def train(self, mode=True):
            self.merged = not mode
            return super().train(mode)

    net = nn.Sequential(nn.Linear(3, 3), Frozen(3), nn.Dropout(), Merging(3, 3), nn.BatchNorm1d(3)).train()
    net[2].eval()
    modes = [module.training for module in net.modules()]
    torch.manual_seed(5)
    random = torch.get_rng_state()
    first, second = (Probe(net).read(X, ["4"])["4"] for _ in range(2))
    assert torch.equal(first, second)  # no dropout
    assert [module.training for module in net.modules()] == modes
    assert not net[3].merged  # as its own `train` has it
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(net[4].running_mean, torch.zeros(3))
    with pytest.raises(ValueError, match="does not take inputs of shape"):
        Probe(net).read(torch.zeros(2, 4), ["4"])
    assert [module.training for module in net.modules()] == modes


@pytest.mark.parametrize("kind", ["script", "trace", "freeze"])
def test_torchscript_is_one_layer(kind):
    torch.manual_seed(0)
    net = mlp(nn.ReLU(inplace=True), nn.Dropout())
    made = {
        "script": lambda: scripted(net),
        "trace": lambda: scripted(net, trace=True),
        "freeze": lambda: frozen(net),
    }[kind]()
    probe, value = Probe(made), net.eval()(X)
    assert list(probe.layers(X)) == ["output"]
    torch.testing.assert_close(probe.read(X, ["output"])["output"], value)
    outer = nn.Sequential(made, nn.ReLU(inplace=True)).train()
    torch.testing.assert_close(Probe(outer).read(X, ["0", "1"])["0"], value)
    assert outer.training
    if kind != "freeze":  # which has no modules left
        with pytest.raises(ValueError, match="layer '0' is within TorchScript"):
            probe.read(X, ["0"])
        with pytest.raises(ValueError, match=r"layer '0.0' is within TorchScript"):
            Probe(outer).find("0.0", X)


def test_a_layer_without_gradient_is_told():
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 2)

        def forward(self, x):
            return self.a(x.detach())

    probe, space = Probe(Rounded()), Space((3,), torch.tensor(-1.0), torch.tensor(1.0))
    for wanted in (True, False):
        probe.module.requires_grad_(wanted)
        with pytest.raises(ValueError, match="no gradient to the network's input"):
            field_of_view(probe, probe.find("a", X), space, X)
