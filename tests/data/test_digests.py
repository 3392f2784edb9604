"""The bits that a recipe makes are the ones that the published results were made of."""

import hashlib
from pathlib import Path

import pytest

from golfast.life import soup_trajectories_packed

DIGESTS = Path(__file__).parents[2] / "results" / "data-digests.txt"
ROWS = [line.split() for line in DIGESTS.read_text().split("digest\n")[1].splitlines()]


@pytest.mark.parametrize("row", [row for row in ROWS if int(row[5]) <= 500], ids=lambda row: "-".join(row[:4]))
def test_recipes_make_the_bits_that_results_were_made_of(row):
    rule, boundary, size, generations, split, count, digest = row
    height, width = map(int, size.split("x"))
    states = soup_trajectories_packed(
        int(count), height, width, int(generations), seed=0, split=split, fresh=0.1, rule=rule, boundary=boundary
    )
    assert hashlib.sha256(states.tobytes()).hexdigest()[:32] == digest
