"""Counts of when boards settle say what the boards themselves do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golfast.life import Census, Lifetimes


@given(
    st.lists(st.lists(st.tuples(st.integers(-1, 60), st.integers(0, 9)), max_size=30), min_size=1, max_size=4),
    st.floats(0, 100),
)
def test_counts_of_blocks_have_the_percentiles_of_all_boards(blocks, share):
    parts = [np.array(block, np.int64).reshape(-1, 2).T for block in blocks]
    lifetimes = Lifetimes(Census(settled, period) for settled, period in parts)
    settled, period = np.concatenate(parts, axis=1)
    known = settled[settled >= 0]
    assert (lifetimes.boards, lifetimes.settled.total()) == (len(settled), len(known))
    assert lifetimes.periods == {int(kind): int((period == kind).sum()) for kind in np.unique(period[period > 0])}
    if len(known):
        exact = np.percentile(known, share)
        assert lifetimes.percentile(share) in {int(exact - 1e-9), int(exact + 1e-9)}
        assert lifetimes.percentile(100) == known.max()


def test_what_has_not_settled_has_no_percentiles():
    with pytest.raises(ValueError, match="no board has settled"):
        Lifetimes().percentile(50)
