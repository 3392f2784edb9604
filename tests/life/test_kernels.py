"""Every kernel against the reference, bit for bit, and the reference against the words of the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import BOUNDARIES, Rule, kernels, pack, simulate, unpack
from golfast.life.reference import step, trajectories
from golfast.life.simulate import age_packed

# Each rule is compiled for each boundary, which takes seconds, so they are few: Conway's; parity, where every single
# neighbour counts; and one with births on 0, where cells beyond the border and the last column must stay dead, and
# with digit 8. What a rule's digits mean is tested for all rules below, without the compiler.
RULES = ["B3/S23", "B1357/S02468", "B028/S0458"]

worlds = pytest.mark.parametrize(("rule", "boundary"), [(rule, boundary) for rule in RULES for boundary in BOUNDARIES])

# Words are 64 cells wide, bytes 8, tiles 8 boards: at their edges errors live.
widths = st.sampled_from([1, 2, 3, 7, 8, 9, 31, 33, 63, 64, 65, 66, 127, 128, 129]) | st.integers(1, 140)
heights = st.sampled_from([1, 2, 3]) | st.integers(1, 24)
counts = st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17]) | st.integers(1, 33)


@st.composite
def batches(draw):
    """Boards (N, H, W)."""
    count, height, width = draw(counts), draw(heights), draw(widths)
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.9, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return (random.random((count, height, width)) < density).astype(np.uint8)


def by_the_words(board, rule, boundary):
    """One generation, cell by cell and neighbour by neighbour."""
    height, width = len(board), len(board[0])
    births, survivals = (part[1:] for part in str(rule).split("/"))

    def alive(row, column):
        if boundary == "torus":
            return board[row % height][column % width]
        return board[row][column] if 0 <= row < height and 0 <= column < width else 0

    def next_cell(row, column):
        around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
        neighbours = sum(alive(row + down, column + right) for down, right in around)
        return int(str(neighbours) in (survivals if board[row][column] else births))

    return [[next_cell(row, column) for column in range(width)] for row in range(height)]


@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.integers(0, 511), st.integers(0, 511))
@settings(deadline=None)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_the_reference_does_what_the_rule_says(boundary, data, height, width, birth, survival):
    row = st.lists(st.integers(0, 1), min_size=width, max_size=width)
    board = data.draw(st.lists(row, min_size=height, max_size=height))
    rule = Rule(birth, survival)
    result = step(np.array(board, np.uint8), rule, boundary)
    assert result.dtype == np.uint8
    assert result.tolist() == by_the_words(board, rule, boundary)


@given(st.integers(0, 511), st.integers(0, 511))
@settings(deadline=None)
def test_the_word_step_is_right_for_every_rule_and_neighbourhood(birth, survival):
    # All 512 neighbourhoods, a bit each: nine planes (north-west, north, .. south-east), eight words a plane.
    number = np.arange(512)
    planes = [np.packbits(number >> place & 1).view(">u8").astype(np.uint64) for place in range(9)]
    neighbours = sum(number >> place & 1 for place in range(9) if place != 4)
    expected = np.where(number >> 4 & 1, survival, birth) >> neighbours & 1
    nw, n, ne, w, cell, e, sw, s, se = planes
    above = nw ^ n ^ ne, (nw & n) | (ne & (nw ^ n))
    below = sw ^ s ^ se, (sw & s) | (se & (sw ^ s))
    # The plain Python beneath the compiled functions: to compile for 2**18 rules would take days.
    full_add, next_word = kernels._full_add.py_func, kernels._next_word.py_func
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_full_add", full_add)
        after = np.array([next_word(*rows, birth, survival) for rows in zip(cell, w, e, *above, *below, strict=True)])
    np.testing.assert_array_equal(np.unpackbits(after.astype(">u8").view(np.uint8)), expected)


@worlds
def test_kernels_step_every_small_board_like_the_reference(rule, boundary):
    boards = (np.arange(512)[:, None] >> np.arange(9) & 1).astype(np.uint8).reshape(512, 3, 3)
    expected = step(boards, Rule.parse(rule), boundary)
    np.testing.assert_array_equal(simulate(boards, 1, rule=rule, boundary=boundary, keep="last"), expected)
    # and through the middle of a wide board, where the cells lie on both sides of a word's edge
    wide = np.zeros((512, 5, 130), np.uint8)
    wide[:, 1:4, 62:65] = boards
    expected = step(wide, Rule.parse(rule), boundary)
    np.testing.assert_array_equal(simulate(wide, 1, rule=rule, boundary=boundary, keep="last"), expected)


@given(boards=batches(), generations=st.integers(0, 7))
@settings(deadline=None, max_examples=25)
@worlds
def test_kernels_run_like_the_reference(rule, boundary, boards, generations):
    expected = trajectories(boards, generations, Rule.parse(rule), boundary)
    states = simulate(boards, generations, rule=rule, boundary=boundary, backend="numba")
    np.testing.assert_array_equal(states, expected)
    last = simulate(boards, generations, rule=rule, boundary=boundary, backend="numba", keep="last")
    np.testing.assert_array_equal(last, expected[:, -1])


@given(boards=batches(), data=st.data())
@settings(deadline=None, max_examples=15)
@worlds
def test_boards_age_each_by_its_own_number(rule, boundary, boards, data):
    count, _, width = boards.shape
    ages = np.array(data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), np.int64)
    packed = pack(boards)
    before = packed.copy()
    aged = age_packed(packed, width, ages, rule=Rule.parse(rule), boundary=boundary)
    expected = trajectories(boards, int(ages.max()), Rule.parse(rule), boundary)[np.arange(count), ages]
    np.testing.assert_array_equal(unpack(aged, width), expected)
    np.testing.assert_array_equal(aged, pack(expected))  # no bit beyond the width either
    np.testing.assert_array_equal(packed, before)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
@pytest.mark.parametrize("width", [20, 70])
def test_the_number_of_threads_changes_nothing(threads, width, monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", threads)
    boards = np.random.default_rng(7).integers(0, 2, (101, 11, width), np.uint8)
    expected = trajectories(boards, 5, Rule.parse("B3/S23"), "torus")
    np.testing.assert_array_equal(simulate(boards, 5, boundary="torus"), expected)
    ages = np.arange(101) * 37 % 6
    aged = age_packed(pack(boards), width, ages, rule=Rule.parse("B3/S23"), boundary="torus")
    np.testing.assert_array_equal(unpack(aged, width), expected[np.arange(101), ages])
