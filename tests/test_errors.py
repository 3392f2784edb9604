"""Names that do not exist."""

import pytest

from golfast.errors import meant, nearest


@pytest.mark.parametrize(
    ("given", "near"),
    [("trian", "train"), ("TRAIN", "train"), ("Simulat", "simulate"), ("xyzzy", None), ("", None)],
)
def test_the_nearest_name(given, near):
    assert nearest(given, ["train", "simulate"]) == near
    assert meant(given, ["train", "simulate"]) == (f"did you mean {near!r}?" if near else "known are: train, simulate")
