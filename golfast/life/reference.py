"""The obvious step, in NumPy. Every kernel equals it bit for bit."""

import numpy as np

from golfast.life.boards import Cells
from golfast.life.rule import Rule


def step(cells: Cells, rule: Rule, boundary: str) -> Cells:
    """The next generation of boards (..., H, W), uint8 0/1.

    boundary "dead": cells beyond the border are dead, always. boundary "torus": opposite edges touch, so that on a
    board 1 or 2 cells wide a cell counts the same neighbour more than once, or itself.
    """
    height, width = cells.shape[-2:]
    around = [(0, 0)] * (cells.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(cells, around, mode="wrap" if boundary == "torus" else "constant")
    neighbours = sum(
        padded[..., row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
        if (row, column) != (1, 1)
    )
    mask = np.where(cells == 1, rule.survival, rule.birth)
    return (mask >> neighbours & 1).astype(np.uint8)


def trajectories(cells: Cells, generations: int, rule: Rule, boundary: str) -> Cells:
    """Boards (N, H, W) and their next `generations` states: (N, generations + 1, H, W), uint8 0/1."""
    states = [cells]
    for _ in range(generations):
        states.append(step(states[-1], rule, boundary))
    return np.stack(states, axis=1)
