"""Boards in a terminal: two rows of cells in a line of ▀, ▄ and █."""

import numpy as np
from numpy.typing import NDArray

_SIGNS = np.array([" ", "▀", "▄", "█"])
_GAP = 3


def strip_lines(states: NDArray[np.uint8], *, columns: int = 100, lines: int = 32) -> list[str]:
    """States side by side, as text: half a line for a row of cells.

    states: (T, H, W), 0 or 1. Boards are cut to `columns` and 2 * `lines` rows, and states that do not fit are left
    out, the first ones kept; a last line says what was.
    """
    count, height, width = states.shape
    shown = states[: max(1, (columns + _GAP) // (width + _GAP)), : 2 * lines, :columns]
    text = [(" " * _GAP).join(across).rstrip() for across in zip(*map(block_lines, shown), strict=True)]
    if shown.shape != states.shape:
        cut = f"{len(shown)} of {count} states, {shown.shape[1]} x {shown.shape[2]} of {height} x {width} cells"
        text.append(f"({cut})")
    return text


def block_lines(board: NDArray[np.uint8]) -> list[str]:
    """A board (H, W), 0 or 1, as ceil(H/2) lines of W signs."""
    rows = np.pad(board, ((0, len(board) % 2), (0, 0)))
    return ["".join(line) for line in _SIGNS[rows[::2] + 2 * rows[1::2]]]
