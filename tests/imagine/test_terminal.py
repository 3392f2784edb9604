"""True states above imagined ones, in a terminal of any size."""

import numpy as np
import pytest

from golfast.imagine.terminal import imagined_lines

RANDOM = np.random.default_rng(0)
TRUTH = (RANDOM.random((4, 20, 20)) < 0.4).astype(np.uint8)
DRAWN = TRUTH[1:] * 200 + 20
SIGNS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def cells(lines, start, width):
    """The board that stands at a column of some lines."""
    text = [line.ljust(start + width)[start : start + width] for line in lines]
    return np.array([[SIGNS[sign][k] for sign in line] for line in text for k in range(2)])


def test_each_timestep_stands_under_the_state_that_it_is_to_be():
    lines = imagined_lines(TRUTH, DRAWN, 100, 30)
    assert lines[0].split() == "state 1 state 2 state 3 state 4".split()
    assert lines[11].split() == "imagined: timestep 1 timestep 2 timestep 3".split()
    for place in range(4):
        assert (cells(lines[1:11], 22 * place, 20) == TRUTH[place]).all()
        assert (cells(lines[12:], 22 * place, 20) == (TRUTH[place] if place else 0)).all()
    assert lines[0].index("state 3") == lines[11].index("timestep 2")


def test_what_does_not_fit_is_left_out_or_cut():
    sixty = imagined_lines(TRUTH, DRAWN, 60, 18)
    assert sixty[0].split() == "state 2 state 3 state 4".split()
    assert len(sixty) == 18
    assert (cells(sixty[1:9], 20, 18) == TRUTH[2, :16, :18]).all()
    assert imagined_lines(TRUTH, DRAWN, 100, 7) == []
    assert imagined_lines(TRUTH, DRAWN, 11, 30) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 11), (40, 40), (7, 300)])
@pytest.mark.parametrize(("states", "steps"), [(4, 3), (3, 3), (5, 2), (2, 1), (9, 8)])
def test_it_fits_whatever_is_drawn(shape, states, steps):
    truth = (RANDOM.random((states, *shape)) < 0.5).astype(np.uint8)
    drawn = RANDOM.integers(0, 256, (steps, *shape)).astype(np.uint8)
    for columns in (12, 40, 60, 79, 100, 200):
        for room in (2, 8, 17, 24, 100):
            lines = imagined_lines(truth, drawn, columns, room)
            assert len(lines) <= room
            assert all(len(line) <= max(columns, 12) for line in lines)
