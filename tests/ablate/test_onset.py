"""When imagination appears, from curves made by hand."""

import pytest

from golfast.ablate.onset import imagined, onset, words


def curve(*shares):
    return [{"step": 100 * k, "accuracy": [1.0], "imagined": share} for k, share in enumerate(shares)]


def test_a_curve_has_the_looks_that_asked():
    assert imagined([{"step": 0, "accuracy": [0.5]}, *curve(None, 0.5)]) == [(100, 0.5)]
    assert onset([curve(None, None), []]) is None


def test_what_curves_say_of_their_end():
    found = onset([curve(0, 0.9, 0.9, 1.0, 1.0), curve(0, 0.1, 0.8, 0.2, 0.1)])
    assert (found.runs, found.final, found.most) == (2, [1.0, 0.1], [1.0, 0.8])
    assert found.foretold == [None] * 3  # two runs are too few
    assert words(found).startswith(
        "1 of 2 runs end with at least half of their pictures true; the mean share is 0.55. 1 "
    )


def test_how_early_it_is_decided():
    ends = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    runs = [curve(0, 0.5, end / 2, 1 - end, end) for end in ends]
    assert onset(runs).foretold == [None, pytest.approx(1.0), pytest.approx(-1.0)]
    assert "1.00 at 50%, -1.00 at 75%" in words(onset(runs))
