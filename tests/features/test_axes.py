"""Units come after the batch, whatever a layer puts out."""

import random
from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional

from golfast.features import (
    Box,
    NumbersLook,
    OptimiseConfig,
    Probe,
    Space,
    World,
    channel,
    draw_sheet,
    neuron,
    study,
    survey,
)

SERIES = torch.randn(40, 9, 4, generator=torch.Generator().manual_seed(1))  # batch, time, features


class Recurrent(nn.Module):
    """A recurrent layer and a linear one, of all times and of the last; a dictionary comes out."""

    def __init__(self, kind, *, batch_first):
        super().__init__()
        self.first, self.rnn, self.act, self.head = (
            batch_first,
            kind(4, 7, batch_first=batch_first),
            nn.Tanh(),
            nn.Linear(7, 3),
        )

    def forward(self, x):
        hidden = self.rnn(x if self.first else x.transpose(0, 1))[0]
        hidden = self.act(hidden if self.first else hidden.transpose(0, 1))
        return {"all": self.head(hidden), "last": self.head(hidden[:, -1])}


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_layers(kind, batch_first):
    torch.manual_seed(0)
    net = Recurrent(kind, batch_first=batch_first)
    probe = Probe(net)
    shapes = {address: layer.shape for address, layer in probe.layers(SERIES[:5]).items()}
    assert shapes["rnn:0"] == shapes["act"] == (7, 9)
    assert shapes["rnn:1"] == (7, 1)
    assert shapes["output:all"] == (3, 9)
    assert shapes["output:last"] == (3,)
    found = probe.read(SERIES, ["act", "output:all"])
    with torch.no_grad():
        torch.testing.assert_close(found["output:all"], net(SERIES)["all"].transpose(1, 2))
        hidden = net.rnn(SERIES if batch_first else SERIES.transpose(0, 1))[0]
    torch.testing.assert_close(found["act"], (hidden if batch_first else hidden.transpose(0, 1)).transpose(1, 2).tanh())
    torch.testing.assert_close(neuron("act", 5, at=(2,)).score(found), found["act"][:, 5, 2])
    torch.testing.assert_close(neuron("act", 5).score(found), found["act"][:, 5, 4])
    torch.testing.assert_close(channel("act", 5).score(found), found["act"][:, 5].mean(1))
    for at, words in (((9,), "place 9 is outside layer act of 9 places"), ((1, 1), "place 1, 1 is outside layer act")):
        with pytest.raises(ValueError, match=words):
            neuron("act", 5, at=at).score(found)


class Turned(nn.Module):
    """Convolutions along time of what comes as (batch, time, features), and goes out so."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act, self.mix = (
            nn.Conv1d(4, 6, 3, padding=1),
            nn.BatchNorm1d(6),
            nn.ReLU(),
            nn.Linear(6, 5),
        )
        self.out = nn.GELU()

    def forward(self, x):
        return self.out(self.mix(self.act(self.norm(self.conv(x.transpose(1, 2)))).transpose(1, 2)))


def test_convolutions_along_one_axis_beside_linear_layers():
    probe = Probe(Turned())
    shapes = {address: layer.shape for address, layer in probe.layers(SERIES[:5]).items()}
    assert shapes == {"conv": (6, 9), "norm": (6, 9), "act": (6, 9), "mix": (5, 9), "out": (5, 9), "output": (5, 9)}
    square = torch.randn(5, 6, 4)  # as many times as units: the kind decides
    assert torch.equal(probe.read(square, ["conv"])["conv"], probe.module.conv(square.transpose(1, 2)))
    mixed = probe.read(square, ["mix"])["mix"]
    assert mixed.shape == (5, 5, 6)


def test_transformers():
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    )
    shapes = {address: layer.shape for address, layer in Probe(encoder).layers(SERIES[:5]).items()}
    assert shapes["layers.0.linear1"] == shapes["layers.1.dropout"] == (16, 9)
    assert shapes["layers.0"] == shapes["layers.0.norm1"] == shapes["output"] == (4, 9)


def test_a_recurrent_layer_is_studied_and_drawn():
    torch.manual_seed(0)
    probe = Probe(Recurrent(nn.GRU, batch_first=True))
    space = Space((9, 4), -3.0, 3.0)
    world = World(space, Box(-3.0, 3.0), SERIES.clamp(-3, 3))
    layer = probe.find("act", SERIES[:2])
    activity = survey(probe, [layer], world.examples)["act"]
    assert activity.at == (4,)
    found = study(probe, activity, world, config=OptimiseConfig(steps=8, trials=8, rounds=4))
    assert found.figures()["units"] == 7
    assert found.figures()["reached"] == found.figures()["live"] == 7
    assert not found.matters[5:].any()  # it has not seen what comes later
    look = NumbersLook([str(k) for k in range(36)], [-3.0] * 36, [3.0] * 36)
    assert draw_sheet(found, world, look, title="a recurrent layer").height > 300


class Program(nn.Module):
    """Layers used as a function says, registered in an order of their own."""

    def __init__(self, function, **layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def shapes_of(net, inputs):
    return {address: layer.shape for address, layer in Probe(net).layers(inputs).items()}


def convolutions(net, x):
    x = net.pool(net.relu(net.conv1(x)))
    return net.fc(net.drop(net.relu(net.conv2(x))).mean(2))


def text(net, x):
    x = net.drop(net.embed(x.long().clamp(0, 9))).transpose(1, 2)
    return net.fc(torch.cat([net.act(conv(x)).amax(2) for conv in (net.conv1, net.conv2)], 1))


ONE_AXIS = {"conv1": nn.Conv1d(3, 8, 3, padding=1), "conv2": nn.Conv1d(8, 8, 3, padding=1), "fc": nn.Linear(8, 4),
            "relu": nn.ReLU(), "pool": nn.MaxPool1d(2), "drop": nn.Dropout()}  # fmt: skip


@pytest.mark.parametrize("order", [list(ONE_AXIS), list(ONE_AXIS)[::-1], sorted(ONE_AXIS, key=lambda name: name[1:])])
@pytest.mark.parametrize("length", [10, 16, 8])
def test_the_order_of_use_decides_not_that_of_registration(order, length):
    net = Program(convolutions, **{name: ONE_AXIS[name] for name in order}).eval()
    inputs = torch.randn(2, 3, length)
    shapes = shapes_of(net, inputs)
    assert shapes["relu@1"] == (8, length)
    assert shapes["pool"] == shapes["relu@2"] == shapes["drop"] == (8, length // 2)
    probe, first = Probe(net), net.conv1(inputs).relu()
    for _ in range(2):  # followed, and then known
        with torch.inference_mode():
            torch.testing.assert_close(probe.read(inputs, ["relu@1"])["relu@1"], first)
    torch.testing.assert_close(Probe(net).read(inputs, ["relu@1"])["relu@1"], first)


def test_an_embedding_and_convolutions_that_share_an_activation():
    net = Program(text, act=nn.GELU(), embed=nn.Embedding(10, 6), drop=nn.Dropout(),
                  conv1=nn.Conv1d(6, 7, 3), conv2=nn.Conv1d(6, 7, 5), fc=nn.Linear(14, 2))  # fmt: skip
    shapes = shapes_of(net, torch.randint(0, 9, (2, 11)).float())
    assert shapes["embed"] == shapes["drop"] == (6, 11)
    assert (shapes["act@1"], shapes["act@2"]) == ((7, 9), (7, 7))


def test_an_activation_before_all_else():
    assert shapes_of(nn.Sequential(nn.Dropout(), nn.Conv1d(3, 8, 1)), torch.randn(2, 3, 10))["0"] == (3, 10)
    assert shapes_of(nn.Sequential(nn.Dropout(), nn.Linear(3, 8)), torch.randn(2, 10, 3))["0"] == (3, 10)
    assert shapes_of(nn.Sequential(nn.ReLU()), torch.randn(2, 3, 5, 6)) == {"0": (3, 5, 6), "output": (3, 5, 6)}


def test_the_whole_is_judged_by_what_ran_last():
    series = torch.randn(2, 3, 9)
    first = Program(lambda net, x: net.conv(x).tanh(), conv=nn.Conv1d(3, 9, 1), unused=nn.Linear(9, 9))
    assert torch.equal(Probe(first).read(series, ["output"])["output"], first(series))
    last = Program(lambda net, x: net.fc(net.conv(x).transpose(1, 2)), fc=nn.Linear(9, 9), conv=nn.Conv1d(3, 9, 1))
    assert torch.equal(Probe(last).read(series, ["output"])["output"], last(series).transpose(1, 2))
    turned = Program(lambda net, x: net.same(net.conv(x).transpose(1, 2)), same=nn.Identity(), conv=nn.Conv1d(3, 9, 1))
    for address in ("same", "output"):  # as many places as units: the memory says it
        assert torch.equal(Probe(turned).read(series, [address])[address], turned.conv(series))


def test_rows_and_columns_with_channels_last():
    images = torch.randn(2, 5, 6, 3)
    linear = nn.Linear(3, 8)
    assert torch.equal(Probe(linear).read(images, ["output"])["output"], linear(images).movedim(-1, 1))
    swin = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 8), nn.GELU(), nn.Dropout(), nn.RMSNorm(8), nn.Linear(8, 3))
    shapes = shapes_of(swin, images)
    assert [shapes[str(k)][0] for k in range(6)] == [3, 8, 8, 8, 8, 3]
    assert all(shape[1:] == (5, 6) for shape in shapes.values())


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("side", [6, 5])  # 6: as many rows and columns as channels
def test_a_block_of_convnext(side):
    def block(net, x):
        x = net.stem(x)
        inner = net.conv(x).permute(0, 2, 3, 1)
        inner = net.two(net.act(net.one(net.norm(net.same(inner))))).permute(0, 3, 1, 2)
        return net.pool(net.norm2(x + net.same(inner)))

    layers = {"act": nn.GELU(), "same": nn.Identity(), "pool": nn.AvgPool2d(1), "stem": nn.Conv2d(3, 6, 1),
              "norm": nn.LayerNorm(6), "one": nn.Linear(6, 24), "two": nn.Linear(24, 6), "norm2": LayerNorm2d(6),
              "conv": nn.Conv2d(6, 6, 3, padding=1, groups=6)}  # fmt: skip
    net = Program(block, **layers)
    images = torch.randn(2, 3, side, side)
    found = Probe(net).read(images, ["one", "act", "same@1", "same@2", "norm2", "output"])
    assert found["act"].shape == (2, 24, side, side)
    torch.testing.assert_close(found["act"], functional.gelu(found["one"]))
    torch.testing.assert_close(found["same@1"], net.conv(net.stem(images)))
    torch.testing.assert_close(found["output"], net(images))


def test_a_gate_of_linear_layers_and_a_norm_of_places_leave_channels_first():
    def gated(net, x):
        x = net.norm(net.conv(x))
        return net.relu(x * net.fc(x.mean((2, 3))).sigmoid()[:, :, None, None])

    net = Program(gated, conv=nn.Conv2d(3, 7, 1), norm=nn.LayerNorm([7, 5, 6]), fc=nn.Linear(7, 7), relu=nn.ReLU())
    shapes = shapes_of(net, torch.randn(2, 3, 5, 6))
    assert shapes["norm"] == shapes["relu"] == shapes["output"] == (7, 5, 6)


def test_a_forward_that_goes_another_way_is_followed_anew():
    def either(net, x):
        if x.mean() > 0:
            return net.act(net.conv(x))
        return net.act(net.fc(x.transpose(1, 2)))

    net = Program(either, conv=nn.Conv1d(3, 5, 1), fc=nn.Linear(3, 5), act=nn.ReLU())
    probe, inputs = Probe(net), torch.rand(2, 3, 9)
    for signed in (inputs, -inputs, -inputs, inputs):
        assert probe.read(signed, ["act"])["act"].shape == (2, 5, 9)


def random_network(seed):
    """A network of random layers in a random order of registration, an input, and what each use puts out, units first.

    Tensors have their units where the last convolution or linear layer left them, or on the other end once turned.
    """
    chance = random.Random(seed)
    torch.manual_seed(seed)
    places = sides = tuple(chance.randint(5, 9) for _ in range(chance.randint(1, 2)))
    kinds = {1: (nn.Conv1d, nn.BatchNorm1d, nn.AvgPool1d), 2: (nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d)}[len(places)]
    shared = {"relu": nn.ReLU(), "drop": nn.Dropout(), "gelu": nn.GELU(), "inplace": nn.ReLU(inplace=True)}
    layers, steps, units = dict(shared), [], chance.randint(3, 8)
    first, start = chance.random() < 0.6, units
    last = not first
    turned = False
    for number in range(chance.randint(3, 9)):
        name = f"layer{number}"
        word = "mix" if number == 0 else chance.choice(["mix", "norm", "pool", "turn", "function", *shared, *shared])
        if (turned and word == "function") or (word == "turn" and steps[-1][0] == "function"):
            continue  # of a new tensor that was turned, with as many places as units, nobody can tell
        if word == "pool" and (last or min(places) < 3):
            continue
        if word == "turn":
            last, turned = not last, not turned
        elif word == "mix":
            width = chance.randint(3, 8)
            layers[name] = nn.Linear(units, width) if last else kinds[0](units, width, 1)
            units, turned = width, False
        elif word == "norm":
            layers[name] = nn.LayerNorm(units) if last else chance.choice([kinds[1](units), nn.GroupNorm(1, units)])
            turned = False
        elif word == "pool":
            layers[name], turned = kinds[2](2, 1, 0), False
            places = tuple(side - 1 for side in places)
        steps.append((word if word in ("turn", "function", *shared) else name, last))

    def forward(net, x):
        for step, last_now in steps:
            if step == "turn":
                x = x.movedim(1, -1) if last_now else x.movedim(-1, 1)
            elif step == "function":
                x = functional.softplus(x)
            else:
                x = getattr(net, step)(x)
                net.truth.append((step, (x.movedim(-1, 1) if last_now else x).detach().clone()))
        return x

    names = [step for step, _ in steps if step in layers]
    order = chance.sample(sorted(set(names)), len(set(names)))
    net = Program(forward, **{name: layers[name] for name in order}).eval()
    net.truth = []
    inputs = torch.randn(2, start, *sides)
    return net, inputs if first else inputs.movedim(1, -1), names


@pytest.mark.parametrize("seeds", [range(k, k + 20) for k in range(0, 60, 20)], ids=str)
def test_random_networks_are_read_as_they_were_built(seeds):
    for seed in seeds:
        net, inputs, names = random_network(seed)
        with torch.no_grad():
            net(inputs)
        truth, uses, often = list(net.truth), Counter(), Counter(names)
        expected = {}
        for name, value in truth:
            uses[name] += 1
            expected[f"{name}@{uses[name]}" if often[name] > 1 else name] = value
        shapes = shapes_of(net, inputs)
        probe = Probe(net)
        for address, value in expected.items():
            assert shapes[address] == value.shape[1:], (seed, address)
            for _ in range(2):
                assert torch.equal(probe.read(inputs, [address])[address], value), (seed, address)
