"""Boards in a terminal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from golfast.data.blocks import strip_lines


def test_two_rows_of_cells_are_a_line():
    board = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1]], np.uint8)
    assert strip_lines(np.stack([board, 1 - board])) == ["▀▄█    ▄▀ █", "▀▀ ▀     ▀"]


@given(st.integers(1, 6), st.integers(1, 90), st.integers(1, 120))
def test_what_does_not_fit_is_left_out_and_told(count, height, width):
    lines = strip_lines(np.ones((count, height, width), np.uint8))
    fits = height <= 64 and count * (width + 3) <= 103
    assert max(map(len, lines[:-1] or lines)) <= 100
    assert lines[-1].startswith("(") == (not fits)
    assert len(lines) == -(-min(height, 64) // 2) + (not fits)
