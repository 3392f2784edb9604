"""Parametrisations go there and back; legal inputs are legal."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.features import Boards, Box, Jolt, Planes, Probe, Space, parametrise
from golfast.features.transform import square, total_variation

quick = settings(max_examples=30, deadline=None)
ZERO, ONE = torch.tensor(0.0), torch.tensor(1.0)


def random(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", ["pixels", "cells", "softmax", "fourier"])
@given(channels=st.integers(1, 5), height=st.integers(1, 9), width=st.integers(2, 9), seed=st.integers(0, 99))
@quick
def test_parametrisations_go_there_and_back(method, channels, height, width, seed):
    space = Space((channels, height, width), torch.tensor(-2.0), torch.tensor(3.0))
    share = 0.01 + 0.98 * random(seed, 3, channels, height, width)
    if method == "softmax":
        share = share / (channels + 0.5)
    inputs = space.inner(share)
    made = parametrise(method, space)
    torch.testing.assert_close(made.decode(made.encode(inputs)), inputs, atol=2e-4, rtol=1e-4)
    start = made.start(4, torch.Generator().manual_seed(seed))
    decoded = space.share(made.decode(start))
    assert decoded.shape == (4, channels, height, width)
    assert torch.equal(start, made.start(4, torch.Generator().manual_seed(seed)))
    assert ((decoded >= 0) & (decoded <= 1)).all()
    if method == "softmax":
        assert (decoded.sum(1) <= 1 + 1e-5).all()


@given(channels=st.integers(1, 4), height=st.integers(2, 9), width=st.integers(2, 9), seed=st.integers(0, 99))
@quick
def test_maco_keeps_the_magnitude_and_takes_the_phase(channels, height, width, seed):
    space = Space((channels, height, width), ZERO, ONE)
    examples = 0.5 + 0.05 * random(seed, 6, channels, height, width)
    made = parametrise("maco", space, examples=examples)
    magnitude = torch.fft.rfft2(examples, norm="ortho").abs().mean(0)
    torch.testing.assert_close(made.magnitude, magnitude)
    decoded = made.decode(made.encode(examples))  # phases of real inputs: those of a real spectrum, so nothing is lost
    spectrum = torch.fft.rfft2(decoded, norm="ortho")
    inside = (decoded > 0).flatten(1).all(1) & (decoded < 1).flatten(1).all(1)
    torch.testing.assert_close(spectrum.abs()[inside], magnitude.expand_as(spectrum)[inside], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["pixels", "cells"])
def test_plain_numbers_have_parametrisations_too(method):
    space = Space((4,), torch.tensor([-4.8, -3.0, -0.4, -3.0]), torch.tensor([4.8, 3.0, 0.4, 3.0]))
    inputs = space.inner(0.05 + 0.9 * random(0, 7, 4))
    made = parametrise(method, space)
    torch.testing.assert_close(made.decode(made.encode(inputs)), inputs)


def test_what_does_not_fit_is_refused():
    numbers = Space((4,), ZERO, ONE)
    for method in ("fourier", "softmax"):
        with pytest.raises(ValueError, match=f"method '{method}' needs inputs of shape"):
            parametrise(method, numbers)
    with pytest.raises(ValueError, match="method 'dream' is unknown; allowed are: pixels, cells"):
        parametrise("dream", numbers)
    with pytest.raises(ValueError, match="give examples"):
        parametrise("maco", Space((1, 4, 4), ZERO, ONE))
    with pytest.raises(ValueError, match="must be above its least"):
        Space((4,), ONE, ONE)


@given(seed=st.integers(0, 99), spread=st.floats(0.1, 100))
@quick
def test_projections_are_legal_idempotent_and_nearest(seed, spread):
    dream = (random(seed, 5, 4, 6, 7) - 0.5) * spread
    board = Boards().project(dream)
    assert ((board == 0) | (board == 1)).all()
    assert torch.equal(Boards().project(board), board)
    assert ((dream - board).abs() <= (dream - (1 - board)).abs()).all()

    where = torch.ones(4, 6, 7, dtype=torch.bool)
    where[0, :5] = False
    where[3, 3:] = False
    planes = Planes(("one", "one", "at most one", "any"), where)
    game = planes.project(dream)
    assert ((game == 0) | (game == 1)).all()
    assert (game[:, :2].sum((2, 3)) == 1).all()
    assert (game[:, 2].sum((1, 2)) <= 1).all()
    assert (game[:, ~where] == 0).all()
    assert torch.equal(planes.project(game), game)
    bottom = dream[:, 0, 5]
    assert torch.equal(game[:, 0, 5].argmax(1), bottom.argmax(1))

    low, high = torch.tensor([-4.8, -3.0]), torch.tensor([4.8, 3.0])
    state = Box(low, high).project(dream.reshape(-1, 2))
    assert ((state >= low) & (state <= high)).all()
    assert torch.equal(Box(low, high).project(state), state)
    frames = Box(0, 1, step=1 / 255).project(dream)
    assert ((frames >= 0) & (frames <= 1)).all()
    torch.testing.assert_close(frames * 255, (frames * 255).round(), atol=1e-4, rtol=0)
    assert torch.equal(Box(0, 1, step=1 / 255).project(frames), frames)


def test_two_planes_beside_each_other_go_to_the_nearest_pair():
    dream = torch.rand(40, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    where = torch.ones(3, 4, 5, dtype=torch.bool)
    where[0, :, 2] = False
    planes = Planes(("one", "any", "one"), where, [(0, 2)])
    game = planes.project(dream)
    assert torch.equal(planes.project(game), game)
    assert torch.equal(game[:, 1], (dream[:, 1] > 0.5).float())
    cells = [(y, x) for y in range(4) for x in range(5)]
    for seen, ball, trail in zip(dream, game[:, 0], game[:, 2], strict=True):
        pairs = [
            (float(seen[0][a] + seen[2][b]), a, b)
            for a in cells
            for b in cells
            if a[1] != 2 and max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1
        ]
        _, a, b = max(pairs)
        assert ball.sum() == trail.sum() == ball[a] == trail[b] == 1


def test_a_pair_is_only_where_it_may_be():
    generator = torch.Generator().manual_seed(2)
    dream = torch.rand(40, 2, 3, 4, generator=generator)
    ways = torch.rand(3, 3, 3, 4, generator=generator) < 0.3
    planes = Planes(("one", "one"), None, [(0, 1)], ways)
    game = planes.project(dream)
    assert torch.equal(planes.project(game), game)
    cells = [(y, x) for y in range(3) for x in range(4)]
    allowed = [
        (a, b)
        for a in cells
        for b in cells
        if max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1 and ways[b[0] - a[0] + 1, b[1] - a[1] + 1, a[0], a[1]]
    ]
    for seen, ball, trail in zip(dream, game[:, 0], game[:, 1], strict=True):
        _, a, b = max((float(seen[0][a] + seen[1][b]), a, b) for a, b in allowed)
        assert ball.sum() == trail.sum() == ball[a] == trail[b] == 1


def test_inputs_that_a_network_does_not_take_are_told():
    probe = Probe(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match=r"does not take inputs of shape \(1, 4, 8, 8\)"):
        probe.layers(torch.zeros(1, 4, 8, 8))


def test_spaces_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="both must be of kind 'one'"):
        Planes(("one", "any"), beside=[(0, 1)])
    with pytest.raises(ValueError, match="kind 'some'; allowed are: any, one, at most one"):
        Planes(("some",))
    with pytest.raises(ValueError, match="plane 0 must have one cell on, and may use none"):
        Planes(("one",), torch.zeros(1, 2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="where must be bool of shape"):
        Planes(("one",), torch.zeros(2, 2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="inputs of 1 planes are expected"):
        Planes(("any",)).project(torch.zeros(1, 2, 3, 3))
    with pytest.raises(ValueError, match="high must not be below"):
        Box(1, 0)
    with pytest.raises(ValueError, match="step is 0"):
        Box(0, 1, step=0)


def test_jitter_shifts_by_whole_pixels_and_the_rest_turns_and_scales():
    picture = torch.zeros(1, 2, 40, 40)
    picture[0, :, 20, 20] = 1
    generator = torch.Generator().manual_seed(3)
    places = set()
    for _ in range(30):
        moved = Jolt(jitter=2)(picture, generator)
        torch.testing.assert_close(moved.sum(), picture.sum(), atol=1e-3, rtol=0)
        row, column = divmod(int(moved[0, 0].argmax()), 40)
        assert moved[0, 0, row, column] > 0.999
        places.add((row - 20, column - 20))
    assert {abs(step) for place in places for step in place} == {0, 1, 2}
    square_patch = torch.zeros(1, 1, 40, 40)
    square_patch[..., 12:28, 12:28] = 1
    areas = [float(Jolt(scale=0.3)(square_patch, generator).sum()) / 256 for _ in range(20)]
    assert 0.4 < min(areas) < 0.8 < 1.2 < max(areas) < 1.8
    turned = Jolt(rotate=45)(square_patch, generator)
    torch.testing.assert_close(turned.sum(), square_patch.sum(), atol=6.0, rtol=0)
    assert (turned - square_patch).abs().max() > 0.5
    assert Jolt()(picture, generator) is picture


def test_small_inputs_are_not_jolted():
    with pytest.raises(ValueError, match=r"at least 32 x 32 pixels, and these have shape \(1, 20, 20\)"):
        Jolt(jitter=1).check((1, 20, 20))
    Jolt().check((4,))
    for wrong in ({"jitter": -1}, {"scale": 1.0}, {"rotate": 181}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
            Jolt(**wrong)


def test_penalties():
    board = torch.tensor([[0.0, 1.0], [1.0, 1.0]])[None, None]
    torch.testing.assert_close(total_variation(board), torch.tensor([2 / 4]))
    torch.testing.assert_close(square(board), torch.tensor([3 / 4]))
    assert torch.equal(total_variation(torch.ones(3, 4)), torch.zeros(3))
