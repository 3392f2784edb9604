"""What the metric is of pictures that know nothing."""

import numpy as np
import pytest

from golfast.imagine import VARIANTS, interpretability
from golfast.imagine.baselines import MARGIN, baselines, recorded, stands_out, told_beside
from golfast.life import PATTERNS, parse_pattern, simulate


@pytest.mark.parametrize(("width", "imagined", "generations"), [(20, 2, 3), (13, 1, 4), (20, 4, 2)])
def test_they_are_the_metric_of_dead_boards_and_of_the_input(width, imagined, generations):
    cells = (np.random.default_rng(0).random((50, generations + 1, 9, width)) < 0.04).astype(np.uint8)
    found = baselines(np.packbits(cells, axis=-1), width, imagined, threshold=0.9)
    drawn = {"dead": np.zeros((50, imagined, 9, width), np.uint8), "copied": cells[:, :1].repeat(imagined, axis=1)}
    for name, boards in drawn.items():
        for variant in VARIANTS:
            value = np.mean(interpretability(boards, cells, threshold=0.9, variant=variant))
            assert found[name]["metric_variants"][variant] == pytest.approx(value)
        assert found[name]["metric"] == found[name]["metric_variants"]["matched"] > 0


def test_without_states_in_between_they_are_undefined():
    packed = np.zeros((5, 2, 9, 2), np.uint8)
    assert baselines(packed, 12, 2)["dead"]["metric"] is None
    assert baselines(np.zeros((5, 4, 9, 2), np.uint8), 12, 0)["copied"]["metric"] is None


def test_a_glider_does_not_tell_a_network_from_dead_boards():
    """The truth itself earns 1, and so do dead boards, which is said."""
    truth = simulate(parse_pattern(PATTERNS["glider"]).place(20, 20)[None], 3)
    told = told_beside(truth[:, 1:], truth)
    assert told == "metric 1.00; dead boards 1.00, the input copied 1.00: it does not stand out"
    soup = (np.random.default_rng(1).random((4, 4, 20, 20)) < 0.5).astype(np.uint8)
    assert told_beside(soup[:, 1:], soup) == "metric 1.00; dead boards 0.00, the input copied 0.00"
    assert "undefined" in told_beside(soup[:, 1:2], soup)
    assert stands_out(0.5 + 2 * MARGIN, [0.1, 0.5])
    assert not stands_out(0.5, [0.1, 0.5])


@pytest.mark.parametrize(
    "known",
    [
        None,
        3,
        "x",
        [],
        {"dead": None},
        {"dead": {"metric_variants": 1}},
        {"x": {"metric_variants": {"matched": 1.0}}},
        {"dead": {"metric_variants": {"matched": "0.5"}}},
        {"dead": {"metric_variants": {"matched": None}}},
        {"dead": {"metric_variants": {"matched": 10**400}}},
    ],
)
def test_what_is_recorded_is_taken_as_far_as_it_is_ours(known):
    assert recorded(known) == {}
    whole = baselines(np.zeros((5, 4, 9, 2), np.uint8), 12, 2)
    assert recorded(whole) == {"dead": 1.0, "copied": 1.0}
