"""Population and activity of many boards, against all of their states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import Rule, Tally, soups, tally, tally_soups
from golfast.life.reference import trajectories

WIDTHS = [1, 2, 7, 8, 9, 20, 21, 31, 32, 63, 64, 65, 127, 128, 130]
RULES = ["B3/S23", "B36/S23", "B0/S", "B03/S023", "B012345678/S", "B2468/S013578"]
sizes = st.tuples(st.integers(1, 60), st.sampled_from([1, 2, 3, 8, 21]), st.sampled_from(WIDTHS))


def agrees(found, boards, generations, rule, boundary):
    states = trajectories(boards, generations, Rule.parse(rule), boundary)
    np.testing.assert_array_equal(found.population, states.sum(axis=(0, 2, 3), dtype=np.int64))
    np.testing.assert_array_equal(found.activity, (states[:, 1:] != states[:, :-1]).sum(axis=(0, 2, 3)))
    assert found.population.dtype == found.activity.dtype == np.int64
    assert (found.boards, found.cells) == (len(boards), boards[0].size)
    np.testing.assert_allclose(found.mean_population, states.sum(axis=(2, 3)).mean(axis=0))


@given(
    sizes=sizes,
    seed=st.integers(0, 2**32),
    rule=st.sampled_from(RULES),
    boundary=st.sampled_from(["dead", "torus"]),
    generations=st.integers(0, 5),
)
@settings(deadline=None, max_examples=80)
def test_a_tally_is_of_the_states(sizes, seed, rule, boundary, generations):
    boards = soups(*sizes, seed=seed, density=0.4)
    agrees(tally(boards, generations, rule=rule, boundary=boundary), boards, generations, rule, boundary)


@pytest.mark.parametrize("size", [(7, 20), (5, 70)])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_soups_are_counted_block_by_block(size, threads, monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", threads)
    monkeypatch.setattr("golfast.life.population._BLOCK", 1000)
    monkeypatch.setattr("golfast.life.population.CALL", 500)
    found = tally_soups(301, *size, 6, seed=5, start=17, split="test", density=0.3)
    agrees(found, soups(301, *size, seed=5, start=17, split="test", density=0.3), 6, "B3/S23", "dead")
    assert isinstance(found, Tally)


def test_no_boards_have_no_mean():
    nothing = tally_soups(0, 5, 5, 2, seed=1)
    assert (nothing.boards, nothing.population.tolist(), nothing.activity.tolist()) == (0, [0, 0, 0], [0, 0])
    assert np.isnan(nothing.mean_population).all()


@pytest.mark.parametrize(
    ("boards", "options", "message"),
    [
        (np.zeros((5, 5)), {}, "shape \\(N, H, W\\); got shape \\(5, 5\\)"),
        (np.full((1, 5, 5), 2), {}, "cells are 0 or 1"),
        (np.zeros((1, 5, 5)), {"rule": "x"}, "is not of the form"),
        (np.zeros((1, 5, 5)), {"boundary": "x"}, "boundary 'x' is unknown"),
    ],
)
def test_what_cannot_be_counted(boards, options, message):
    with pytest.raises(ValueError, match=message):
        tally(boards, 3, **options)
    with pytest.raises(ValueError, match="generations is -1"):
        tally(np.zeros((1, 5, 5)), -1)
