"""Units come after the batch, whatever a layer puts out."""

import pytest
import torch
from torch import nn

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
