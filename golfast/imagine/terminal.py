"""What a network imagines, in a terminal: two rows of cells in a line, as `golfast.data.blocks` draws them."""

import numpy as np
from numpy.typing import NDArray

from golfast.data.blocks import block_lines

_GAP = 2
_NARROWEST, _FEWEST_LINES = 12, 3  # of a board that still shows something


def imagined_lines(truth: NDArray[np.uint8], drawn: NDArray[np.uint8], columns: int, lines: int) -> list[str]:
    """True states above what is imagined of them, labelled; at most so many columns and lines, or none at all.

    truth: (m, H, W) 0 or 1, s_1..s_m. drawn: greys (T, H, W), what timesteps 1..T draw: timestep i stands under
    s_{i+1}. Where not all fit the first state is left out, then boards are cut, then the last ones are left out.
    """
    states, steps = len(truth), len(drawn)
    height, width = truth.shape[1:]
    high = min(-(-height // 2), (lines - 2) // 2)
    if high < _FEWEST_LINES or columns < _NARROWEST:
        return []
    places = range(max(states, steps + 1))
    if len(places) * (width + _GAP) - _GAP > columns:
        places = places[1:]
    places = places[: max(1, (columns + _GAP) // (min(width, _NARROWEST) + _GAP))]
    wide = min(width, (columns + _GAP) // len(places) - _GAP)
    names = [f"state {place + 1}" if place < states else "" for place in places]
    heads = ["imagined:" if place == 0 else f"timestep {place}" if place <= steps else "" for place in places]
    imagined = drawn > 127
    above = [truth[place] if place < states else None for place in places]
    below = [imagined[place - 1] if 0 < place <= steps else None for place in places]
    cell = max(wide, *(len(word) for word in (*names, *heads))) if wide < _NARROWEST else wide

    def row(words: list[str]) -> str:
        return (" " * _GAP).join(f"{word[:cell]:<{cell}}" for word in words).rstrip()

    def boards(shown: list[NDArray[np.uint8] | NDArray[np.bool_] | None]) -> list[str]:
        each = [
            [" " * wide] * high if board is None else block_lines(board[: 2 * high, :wide].astype(np.uint8))
            for board in shown
        ]
        return [row([board[line] for board in each]) for line in range(high)]

    return [row(names), *boards([*above]), row(heads), *boards([*below])]
