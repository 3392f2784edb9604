"""Patterns of which everybody knows what becomes of them."""

import numpy as np
import pytest

from golfast.life import find_pattern, simulate

WIDTHS = [20, 90]  # one word a row, and two


def last(board, generations, **options):
    return simulate(board, generations, keep="last", **options)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_glider_moves_one_cell_down_and_right_in_four_generations(width):
    states = simulate(find_pattern("glider").place(20, width, row=2, column=3), 12)
    for generation in (4, 8, 12):
        expected = find_pattern("glider").place(20, width, row=2 + generation // 4, column=3 + generation // 4)
        np.testing.assert_array_equal(states[generation], expected)
    assert not any((states[generation] == states[0]).all() for generation in range(1, 13))


@pytest.mark.parametrize("side", WIDTHS)
def test_on_a_torus_the_glider_comes_home(side):
    board = find_pattern("glider").place(side, side)
    states = simulate(board, 4 * side, boundary="torus")
    home = [generation for generation in range(1, 4 * side + 1) if (states[generation] == board).all()]
    assert home == [4 * side]
    for moved in range(side):
        np.testing.assert_array_equal(states[4 * moved], np.roll(board, (moved, moved), (0, 1)))


@pytest.mark.parametrize("side", WIDTHS)
def test_at_a_dead_border_the_glider_ends_as_a_block(side):
    end = last(find_pattern("glider").place(side, side), 4 * side)
    np.testing.assert_array_equal(end, find_pattern("block").place(side, side, row=side - 2, column=side - 2))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_lightweight_spaceship_moves_two_cells_in_four_generations(width):
    board = find_pattern("lwss").place(20, width)
    after = last(board, 4)
    assert any((after == np.roll(board, shift, axis=1)).all() for shift in (-2, 2))


@pytest.mark.parametrize(("name", "period"), [("block", 1), ("blinker", 2), ("pulsar", 3)])
@pytest.mark.parametrize("width", WIDTHS)
def test_oscillators_have_their_period(name, period, width):
    states = simulate(find_pattern(name).place(20, width), 6)
    recurs = [generation for generation in range(1, 7) if (states[generation] == states[0]).all()]
    assert recurs == list(range(period, 7, period))


def test_diehard_dies_after_130_generations():
    board = find_pattern("diehard").place(64, 64)
    assert last(board, 129).any()
    assert not last(board, 130).any()


def test_the_r_pentomino_leaves_116_cells_after_1103_generations():
    # Nothing moves faster than a cell a generation, so on a board this large the border cannot be felt.
    side = 3 + 2 * 1103
    populations = simulate(last(find_pattern("r-pentomino").place(side, side), 1100), 6).sum((1, 2))
    assert populations[3] == 116
    assert set(populations[3:]) == {116}  # blocks, blinkers, gliders: they change, their number of cells does not
    assert populations[2] != 116


def test_the_gosper_gun_fires_a_glider_every_thirty_generations():
    # The box holds the gun and no glider; the first glider is far from the border at the end.
    gun = find_pattern("gosper-gun")
    box = np.s_[5:14, 5:41]
    states = simulate(gun.place(120, 120, row=5, column=5), 300)
    first, later = states[30], states[60::30]
    recurs = [generation for generation in range(1, 301) if (states[generation][box] == gun.cells).all()]
    assert recurs == list(range(30, 301, 30))
    assert states[::30].sum((1, 2)).tolist() == [36 + 5 * fired for fired in range(11)]
    # What is outside the box is the train of gliders: each moves on 30/4 cells while the next one is fired.
    outside = states[::2].copy()
    outside[(..., *box)] = 0
    np.testing.assert_array_equal(first[box], later[0][box])
    for fired in range(1, 5):
        here, there = outside[15 * (2 * fired)], outside[15 * (2 * fired + 2)]
        # after 60 generations the whole train has moved by 15 cells, and two gliders have joined it
        moved = np.zeros_like(here)
        moved[15:, 15:] = here[:-15, :-15]
        assert (there >= moved).all()
        assert there.sum() == moved.sum() + 10
