"""One call draws what units of any image network look for."""

import numpy as np
import pytest
import torch
from torch import nn

from golfast.features import Boards, ColourLook, FramesLook, OptimiseConfig, Probe, Space, World, neuron, picture
from golfast.features.looks import UNSEEN, View, plain_look

QUICK = OptimiseConfig(method="pixels", steps=12, trials=0)


def colour_network():
    """Unit 0 looks for red, unit 1 for blue and for no green, in 3 x 3 places; unit 2 is random."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 3, 3, padding=1)
    with torch.no_grad():
        first.weight[:2] = 0
        first.weight[0, 0], first.weight[0, 1:], first.weight[1, 2], first.weight[1, :2] = 1, -1, 1, -1
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 2))


def colours(image):
    found, counts = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(colour): int(count) for colour, count in zip(found.tolist(), counts.tolist(), strict=True)}


def test_a_colour_network_is_drawn_in_its_colours_in_one_call():
    red = picture(colour_network(), "0", 0, config=QUICK, side=60)
    seen = colours(red)
    assert seen[(255, 0, 0)] > 9 * 8 * 8
    assert seen[UNSEEN] > 400
    assert (0, 0, 255) not in seen
    two = picture(colour_network(), "0", [0, 1], config=QUICK, side=60)
    for same in (torch.tensor([0, 1]), np.array([0, 1])):
        assert picture(colour_network(), "0", same, config=QUICK, side=60).tobytes() == two.tobytes()
    both = colours(two)
    assert both[(255, 0, 0)] > 9 * 8 * 8
    assert both[(0, 0, 255)] > 9 * 8 * 8


def test_what_the_network_does_not_say_is_given():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 7, 4))
    with pytest.raises(ValueError, match=r"does not say what inputs it takes; give space=Space\(shape, low, high\)"):
        picture(net, "1", 0)
    assert picture(net, "1", 0, space=Space((3, 6, 7), 0.0, 1.0), config=QUICK).height > 200
    assert picture(net, "1", 0, examples=torch.rand(3, 3, 6, 7), config=QUICK).height > 200
    flat = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 26, 3))  # of 28 x 28, found by trying
    assert picture(flat, "2", 1, config=QUICK).height > 200
    assert picture(nn.Linear(5, 2), "output", 1, space=Space((5,), -1, 1), config=QUICK).height > 50
    series = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU())
    assert picture(series, "0", 1, space=Space((2, 6), 0, 1), config=QUICK).height > 50


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: picture(net, "nine", 0), "there is no layer 'nine'.* layers are: 0 "),
        (lambda net: picture(net, "0", 3), "layer 0 has units 0 to 2; there is no unit 3"),
        (lambda net: picture(net, "0", []), "choose at least one"),
        (lambda net: picture(net, "0", True), "layer 0 has units 0 to 2; there is no unit True"),
        (lambda net: picture(net, "0", [0, False]), "layer 0 has units 0 to 2; there is no unit False"),
        (lambda net: picture(net, "0", 1.5), "layer 0 has units 0 to 2; there is no unit 1.5"),
        (lambda net: picture(net, "0", "1"), "layer 0 has units 0 to 2; there is no unit '1'"),
        (lambda net: picture(net, "0", 0, at=(99, 0)), "place 99, 0 is outside layer 0 of 64 x 64 places"),
        (
            lambda net: picture(net, "0", 0, examples=torch.rand(2, 9, 9, 3)),
            r"with their channels last; .* \(3, 9, 9\)",
        ),
        (lambda net: picture(net, "0", 0, space=Space((9, 9, 3), 0, 1)), "with their channels last"),
        (lambda net: World(Space((9, 8, 4), 0, 1), Boards(), torch.zeros(5, 9, 8, 4)), "with their channels last"),
        (lambda net: Probe(net).layers(torch.rand(2, 9, 9, 3)), "these look as if they came last"),
        (lambda net: picture(net, "0", 0, examples=torch.rand(0, 3, 9, 9)), "examples are a batch of inputs"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(colour_network())


@pytest.mark.parametrize("shape", [(4,), (2, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_numbers_are_bounds_of_any_shape(shape):
    space = Space(shape, -1, 3.0)
    assert space.shape == shape
    assert space.low.dtype == space.high.dtype == torch.float32
    assert torch.equal(space.inner(torch.full(shape, 0.5)), torch.ones(shape))
    assert Space(list(shape), np.float64(-1), [3]).shape == shape
    with pytest.raises(ValueError, match="must be above its least"):
        Space(shape, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"low has shape \(7,\), which does not fit"):
        Space(shape, torch.zeros(7), 1.0)


@pytest.mark.parametrize("wrong", [float("inf"), float("-inf"), float("nan"), [[[0.5]], [[np.inf]], [[0.5]]]])
def test_bounds_are_finite(wrong):
    with pytest.raises(ValueError, match=r"^high is infinite or not a number somewhere; give"):
        Space((3, 16, 16), 0.0, wrong)
    with pytest.raises(ValueError, match=r"^low is infinite or not a number somewhere; give"):
        Space((3, 16, 16), wrong, 1.0)
    with pytest.raises(ValueError, match="wider than its floating numbers go"):
        Space((3, 16, 16), -3e38, 3e38)


@pytest.mark.parametrize("unit", [True, 1.0, torch.tensor([True, False])])
def test_an_objective_takes_numbers_of_units(unit):
    with pytest.raises(ValueError, match="layer 0 has units 0 to 2; there is no unit"):
        neuron("0", unit).score({"0": torch.zeros(2, 3)})


def test_three_channels_are_drawn_as_colour():
    mean, spread = torch.tensor([0.4, 0.5, 0.6])[:, None, None], 0.25
    image = torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(0))
    look = plain_look((3, 5, 6), -mean / spread, (1 - mean) / spread)  # as networks of ImageNet take them
    assert isinstance(look, ColourLook)
    pixels = np.asarray(look.draw((image - mean) / spread, side=60, view=None))
    assert np.array_equal(pixels[6:-1:10, 6:-1:10], (image.permute(1, 2, 0) * 255).round().byte().numpy())
    view = View((1, 3), (0, 6), np.ones((5, 6), bool))
    assert look.draw((image - mean) / spread, side=60, view=view).height == 22
    assert isinstance(plain_look((4, 9, 9), torch.tensor(0.0), torch.tensor(1.0)), FramesLook)
    grey = plain_look((1, 2, 2), torch.tensor(-1.0), torch.tensor(1.0))
    assert np.asarray(grey.draw(torch.tensor([[[-1.0, 1.0], [0.0, 1.0]]]), side=8, view=None))[2, 2].tolist() == [0] * 3
