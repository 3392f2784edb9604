import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import Rule, pack, parse_apgcode, parse_pattern, reference, simulate, simulate_packed, soups, unpack
from golfast.life.simulate import age_packed, check_choice, check_generations

BLINKER = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]])


ON_CPU = ("auto", "numba", "reference")  # tests/life/test_cuda.py is about the other one


@pytest.mark.parametrize("backend", ON_CPU)
def test_states_come_first_to_last(backend):
    states = simulate(BLINKER, 2, backend=backend)
    assert states.dtype == np.uint8
    np.testing.assert_array_equal(states, [BLINKER, BLINKER.T, BLINKER])


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("width", [3, 70])
def test_any_leading_axes_are_kept(backend, leading, width):
    boards = np.random.default_rng(1).integers(0, 2, (*leading, 4, width), np.uint8)
    states = simulate(boards, 2, backend=backend)
    assert states.shape == (*leading, 3, 4, width)
    last = simulate(boards, 2, backend=backend, keep="last")
    assert last.shape == boards.shape
    for index in np.ndindex(leading):
        np.testing.assert_array_equal(states[index], simulate(boards[index], 2, backend="reference"))
        np.testing.assert_array_equal(last[index], states[index][-1])


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("width", [3, 70])
def test_no_generations_give_the_boards_back_and_leave_them_alone(backend, width):
    boards = np.random.default_rng(2).integers(0, 2, (2, 4, width), np.uint8)
    before = boards.copy()
    np.testing.assert_array_equal(simulate(boards, 0, backend=backend), before[:, None])
    last = simulate(boards, 0, backend=backend, keep="last")
    np.testing.assert_array_equal(last, before)
    simulate(boards, 3, backend=backend)
    np.testing.assert_array_equal(boards, before)


def test_boards_of_booleans_and_floats_run_like_cells():
    for dtype in (bool, float, np.int64):
        np.testing.assert_array_equal(simulate(BLINKER.astype(dtype), 1, keep="last"), BLINKER.T)


def test_boundaries_differ_where_a_pattern_crosses_the_border():
    edge = np.zeros((5, 5), np.uint8)
    edge[0, 1:4] = 1
    dead, torus = (simulate(edge, 1, boundary=boundary, keep="last") for boundary in ("dead", "torus"))
    assert dead[:, 2].tolist() == [1, 1, 0, 0, 0]
    assert torus[:, 2].tolist() == [1, 1, 0, 0, 1]


@pytest.mark.parametrize("width", [3, 64, 65, 130])
def test_packed_boards_give_packed_trajectories(width):
    boards = np.random.default_rng(3).integers(0, 2, (9, 4, width), np.uint8)
    packed = simulate_packed(pack(boards), width, 3, rule="life", boundary="torus")
    assert packed.dtype == np.uint8
    expected = simulate(boards, 3, boundary="torus", backend="reference")
    np.testing.assert_array_equal(packed, pack(expected))
    np.testing.assert_array_equal(unpack(packed, width), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"boards": [0, 1]}, "boards have shape"),
        ({"boards": None}, "boards have shape .*; got None"),
        ({"boards": ["a", "b"]}, r"boards have shape .*; got \['a', 'b'\]"),
        ({"boards": [[0], [1, 0]]}, r"boards are an array of numbers; got \[\[0\], \[1, 0\]\], of rows that differ"),
        ({"boards": [[0.5]]}, "cells are 0 or 1; got other values in an array of float64"),
        ({"boards": [[2]]}, "cells are 0 or 1"),
        ({"generations": np.zeros((2, 2))}, r"generations is a whole number; got array\(.*\)$"),
        ({"rule": 3}, "a rule is a string such as 'B3/S23'; got 3"),
        ({"keep": ["all"]}, r"keep \['all'\] is unknown"),
        ({"generations": -1}, "generations is -1; it must be from 0 to"),
        ({"generations": 1.0}, r"generations is a whole number; got 1\.0"),
        ({"generations": "3"}, "generations is a whole number; got '3'"),
        ({"rule": "B9"}, "rule 'B9' is not of the form"),
        ({"boundary": "open"}, "boundary 'open' is unknown; allowed are: dead, torus"),
        ({"keep": "first"}, "keep 'first' is unknown; allowed are: all, last"),
        ({"backend": "abacus"}, "backend 'abacus' is unknown; allowed are: auto, numba, cupy, reference"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        simulate(**{"boards": BLINKER, "generations": 1} | options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unpack(None, 8), "packed rows are an array of uint8; got None"),
        (lambda: unpack(np.zeros((1, 1), np.uint8), "8"), "width is a whole number; got '8'"),
        (lambda: soups("3", 4, 4, seed=1), "count is a whole number; got '3'"),
        (lambda: soups(3, 4.5, 4, seed=1), r"height is a whole number; got 4\.5"),
        (lambda: soups(3, 4, 4, seed=None), "seed is a whole number; got None"),
        (lambda: soups(3, 4, 4, seed=1, density="x"), "density is 'x'; it is the chance that a cell is alive"),
        (lambda: soups(3, 4, 4, seed=1, fresh=None), "fresh is None; it is the chance that a board is of age 0"),
        (lambda: parse_pattern(None), "a pattern is text; got None"),
        (lambda: parse_apgcode(b"xs4_33"), "a pattern is text; got b'xs4_33'"),
    ],
)
def test_other_types_are_refused_in_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("shape", "dtype", "width", "message"),
    [
        ((1, 3, 2), np.uint8, 8, r"packed rows of 8 cells are 1 uint8 bytes wide; got uint8 of shape \(1, 3, 2\)"),
        ((1, 3, 1), np.uint8, 70, "packed rows of 70 cells are 9 uint8 bytes wide"),
        ((1, 3, 1), np.int64, 8, "packed rows of 8 cells are 1 uint8 bytes wide; got int64"),
        ((1, 3, 0), np.uint8, 0, "packed rows of 0 cells"),
        ((3, 1), np.uint8, 8, r"packed boards have shape \(N, height, bytes\); got shape \(3, 1\)"),
    ],
)
def test_packed_boards_of_another_shape_are_refused(shape, dtype, width, message):
    with pytest.raises(ValueError, match=message):
        simulate_packed(np.zeros(shape, dtype), width, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generations": -1}, "generations is -1"),
        ({"rule": "B9"}, "rule 'B9'"),
        ({"boundary": "open"}, "boundary 'open' is unknown"),
    ],
)
def test_packed_runs_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        simulate_packed(**{"boards": pack(BLINKER[None]), "width": 3, "generations": 1} | options)


@pytest.mark.parametrize("threads", ["0", "-1", "two", "", "1.5", "²"])
def test_a_senseless_number_of_threads_is_refused(threads, monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", threads)
    with pytest.raises(ValueError, match=r"GOLFAST_THREADS=.* is not a positive whole number of threads"):
        simulate(BLINKER, 1)


def test_checks_return_what_they_checked():
    assert check_generations(np.int64(3)) == 3
    assert isinstance(check_generations(np.int64(3)), int)
    assert check_choice("boundary", "torus", ("dead", "torus")) == "torus"


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ValueError, match=r"pip install 'golfast\[gpu\]'"):
        simulate(np.zeros((3, 3)), 1, backend="cupy")


@given(
    ages=st.lists(st.integers(0, 200), max_size=12),
    width=st.sampled_from([5, 64, 65, 130]),
    boundary=st.sampled_from(["dead", "torus"]),
    most=st.sampled_from([1, 1 << 10, 1 << 25]),
)
@settings(deadline=None, max_examples=40)
def test_boards_age_each_by_its_own_number_of_generations(ages, width, boundary, most):
    boards = np.random.default_rng(width).integers(0, 2, (len(ages), 7, width), np.uint8)
    rule = Rule.parse("B36/S23")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["golfast.life.simulate"], "CALL", most)
        aged = age_packed(pack(boards), width, np.array(ages, np.int64), rule=rule, boundary=boundary)
    for board, age, found in zip(boards, ages, unpack(aged, width), strict=True):
        np.testing.assert_array_equal(found, reference.trajectories(board[None], age, rule, boundary)[0, -1])
