"""Objects counted in compiled code, against the census in NumPy."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import census, count_objects_packed, find_pattern, pack, settle_packed, soups_packed, unpack
from golfast.life.apgcode import NO_OBJECT

boundaries = st.sampled_from(["dead", "torus"])


def ash(count, height, width, seed, rule="B3/S23", boundary="dead"):
    boards = soups_packed(count, height, width, seed=seed)
    found, last = settle_packed(boards, width, limit=600, rule=rule, boundary=boundary)
    return last, found.period


@given(
    size=st.tuples(st.integers(1, 24), st.sampled_from([1, 2, 3, 7, 8, 9, 15, 20, 31, 63, 64])),
    seed=st.integers(0, 2**32),
    boundary=boundaries,
    rule=st.sampled_from(
        ["B3/S23", "B3/S23", "B36/S23", "B3678/S34678", "B35678/S5678", "B2/S", "B1/S1", "B3/S012345678"]
    ),
)
@settings(deadline=None, max_examples=50)
def test_counts_are_those_of_the_census(size, seed, boundary, rule):
    last, period = ash(6, *size, seed, rule, boundary)
    settled = (period > 0) & (period <= 40)
    expected = census(unpack(last, size[1])[settled], rule=rule, boundary=boundary)
    period[~settled] = 0
    assert count_objects_packed(last, size[1], period, rule=rule, boundary=boundary) == expected


@pytest.mark.parametrize("boundary", ["dead", "torus"])
def test_many_soups_leave_what_the_census_finds(boundary, monkeypatch):
    last, period = ash(400, 20, 20, 1, boundary=boundary)
    expected = census(unpack(last, 20)[period > 0], boundary=boundary)
    assert {"xs4_33", "xp2_7", "xs6_696"} <= set(expected)
    assert boundary == "torus" or expected[NO_OBJECT] > 0
    for threads in ("1", "3"):
        monkeypatch.setenv("GOLFAST_THREADS", threads)
        assert count_objects_packed(last, 20, period, boundary=boundary) == expected


@pytest.mark.parametrize(("name", "size"), [("pulsar", (17, 70)), ("gosper-gun", (9, 70)), ("xp15_4r4z4r4", (20, 20))])
def test_known_objects_anywhere_on_a_board(name, size):
    """Also beyond 64 columns, and where the border is in the way of another phase than the one that is there."""
    pattern = find_pattern(name).cells
    boards = np.zeros((40, *size), np.uint8)
    random = np.random.default_rng(1)
    for board in boards:
        row, column = (random.integers(0, 1 + side - long) for side, long in zip(size, pattern.shape, strict=True))
        board[row : row + pattern.shape[0], column : column + pattern.shape[1]] = pattern
    expected, periods = Counter(), np.zeros(len(boards), np.int64)
    for number, board in enumerate(boards):
        try:
            expected += census(board, max_period=60)
            periods[number] = 60
        except ValueError:
            continue  # the border has broken it, and it has not settled
    assert count_objects_packed(pack(boards), size[1], periods) == expected
    assert name == "gosper-gun" or expected


def test_more_kinds_than_tables_hold_at_first():
    """Every cell lives on: each soup is an object of its own."""
    rule = "B/S012345678"
    last, period = ash(1500, 6, 7, 3, rule)
    found = count_objects_packed(last, 7, period, rule=rule)
    assert len(found) > 1000
    assert found == census(unpack(last, 7), rule=rule)


def test_the_work_of_a_call_changes_nothing(monkeypatch):
    last, period = ash(200, 16, 16, 5, boundary="torus")
    expected = count_objects_packed(last, 16, period, boundary="torus")
    monkeypatch.setattr("golfast.life.ash._CALL", 1500)
    assert count_objects_packed(last, 16, period, boundary="torus") == expected
    assert expected == census(unpack(last, 16)[period > 0], boundary="torus")


def test_boards_without_a_period_are_left_out():
    last, period = ash(50, 12, 12, 4)
    some = np.where(np.arange(50) < 20, period, 0)
    assert count_objects_packed(last, 12, some) == census(unpack(last[:20], 12))
    assert count_objects_packed(last, 12, 0 * period) == {}


@pytest.mark.parametrize(
    ("packed", "period", "options", "message"),
    [
        (np.zeros((2, 5, 1), np.uint8), [1], {}, "a period each; got \\(2, 5, 1\\) and \\(1,\\)"),
        (np.zeros((1, 5, 2), np.uint8), [1], {}, "packed rows of 8 cells are 1"),
        (np.zeros((1, 5, 1), np.uint8), [1], {"rule": "B0/S"}, "there are no objects under B0/S"),
        (np.zeros((1, 5, 1), np.uint8), [1], {"boundary": "x"}, "boundary 'x' is unknown"),
    ],
)
def test_what_has_no_objects(packed, period, options, message):
    with pytest.raises(ValueError, match=message):
        count_objects_packed(packed, 8, np.array(period), **options)
