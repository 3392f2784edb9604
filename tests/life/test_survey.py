"""Statistics without states, against states."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import Rule, count_cells, find_pattern, pack, settle, settle_packed, simulate, soups, unpack
from golfast.life.reference import step, trajectories

sizes = st.tuples(st.integers(1, 60), st.integers(1, 9), st.sampled_from([1, 2, 7, 12, 20, 31, 32, 63, 64]))


def watched(board, limit, rule, boundary):
    """When a board settles and its period, by remembering every state."""
    seen, generation = {}, 0
    while generation <= limit:
        key = board.tobytes()
        if key in seen:
            return seen[key], generation - seen[key]
        seen[key] = generation
        board = step(board, rule, boundary)
        generation += 1
    return -1, 0


@given(
    sizes=sizes, seed=st.integers(0, 2**32), boundary=st.sampled_from(["dead", "torus"]), generations=st.integers(0, 5)
)
@settings(deadline=None, max_examples=30)
def test_counts_are_of_the_states(sizes, seed, boundary, generations):
    boards = soups(*sizes, seed=seed)
    states = trajectories(boards, generations, Rule.parse("B3/S23"), boundary)
    population, activity = count_cells(boards, generations, boundary=boundary)
    np.testing.assert_array_equal(population, states.sum(axis=(2, 3)))
    np.testing.assert_array_equal(activity, (states[:, 1:] != states[:, :-1]).sum(axis=(2, 3)))


@given(sizes=sizes, seed=st.integers(0, 2**32), boundary=st.sampled_from(["dead", "torus"]))
@settings(deadline=None, max_examples=30)
def test_boards_settle_when_a_state_comes_again(sizes, seed, boundary):
    boards = soups(*sizes, seed=seed)
    census = settle(boards, limit=3000, boundary=boundary)
    for board, settled, period in zip(boards, census.settled, census.period, strict=True):
        when, length = watched(board, 1000, Rule.parse("B3/S23"), boundary)
        if when >= 0:
            assert (settled, period) == (when, length)


@given(
    sizes=sizes,
    seed=st.integers(0, 2**32),
    boundary=st.sampled_from(["dead", "torus"]),
    rule=st.sampled_from(["B3/S23", "B03/S023"]),
    limit=st.integers(0, 300),
    call=st.sampled_from([1, 300, 1 << 25]),
)
@settings(deadline=None, max_examples=30)
def test_boards_stay_where_they_settle_whatever_runs_at_once(sizes, seed, boundary, rule, limit, call):
    boards = soups(*sizes, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["golfast.life.simulate"], "CALL", call)
        census, last = settle_packed(pack(boards), sizes[2], limit=limit, rule=rule, boundary=boundary)
    last = unpack(last, sizes[2])
    for board, end, settled, period in zip(boards, last, census.settled, census.period, strict=True):
        if settled < 0:
            assert period == 0
            assert not end.any()
            assert watched(board, limit // 3 - 1, Rule.parse(rule), boundary) == (-1, 0)
        else:
            assert watched(board, settled + period, Rule.parse(rule), boundary) == (settled, period)
            states = trajectories(board[None], settled, Rule.parse(rule), boundary)
            np.testing.assert_array_equal(end, states[0, -1])


def test_known_lives():
    glider = find_pattern("glider").place(8, 8)
    pulsar = find_pattern("pulsar").place(20, 20)
    assert settle(glider[None], boundary="torus").period.tolist() == [32]
    assert settle(glider[None], boundary="torus").settled.tolist() == [0]
    assert settle(pulsar[None]).period.tolist() == [3]
    assert settle(np.zeros((1, 5, 5))).period.tolist() == [1]
    census = settle(find_pattern("r-pentomino").place(64, 64)[None], limit=20)
    assert (census.settled.tolist(), census.period.tolist()) == ([-1], [0])


def test_the_number_of_threads_changes_nothing(monkeypatch):
    boards = soups(1000, 10, 10, seed=3)
    monkeypatch.setenv("GOLFAST_THREADS", "1")
    one = settle(boards)
    monkeypatch.setenv("GOLFAST_THREADS", "3")
    three = settle(boards)
    np.testing.assert_array_equal(one.settled, three.settled)
    np.testing.assert_array_equal(one.period, three.period)
    again = simulate(boards, int(one.settled.max()) + 12, keep="all")
    rows = np.arange(1000)
    short = one.period <= 12
    later = one.settled + np.where(short, one.period, 0)
    np.testing.assert_array_equal(again[rows, one.settled], again[rows, later])
    assert short.mean() > 0.9


@pytest.mark.parametrize(
    ("boards", "options", "message"),
    [
        (np.zeros((2, 5, 65)), {}, "W at most 64; got shape"),
        (np.zeros((5, 5)), {}, "W at most 64; got shape"),
        (np.zeros((1, 5, 5)), {"rule": "x"}, "is not of the form"),
        (np.zeros((1, 5, 5)), {"boundary": "x"}, "boundary 'x' is unknown"),
        (np.zeros((1, 5, 5)), {"limit": -1}, "limit is -1"),
    ],
)
def test_what_cannot_be_surveyed(boards, options, message):
    with pytest.raises(ValueError, match=message):
        settle(boards, **options)
