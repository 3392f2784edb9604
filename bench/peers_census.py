"""A census in NumPy: the whole batch at once, boards that are done taken out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .peers_life import Cells, step_numpy

Step = Callable[[Cells], Cells]


def settle_numpy(boards: Cells, limit: int, step: Step = step_numpy) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When boards (N, H, W) settle, -1 if never, and with which period, 0 if unknown: Brent's algorithm, as ours."""
    settled, period = np.full(len(boards), -1), np.zeros(len(boards), np.int64)
    open_, now, kept, power, length = np.arange(len(boards)), boards, boards, 1, 0
    for _ in range(limit):
        now, length = step(now), length + 1
        alike = (now == kept).all(axis=(1, 2))
        period[open_[alike]] = length
        open_, now, kept = open_[~alike], now[~alike], kept[~alike]
        if length == power:
            kept, power, length = now, 2 * power, 0
    ahead = boards.copy()
    for age in range(int(period.max(initial=0))):
        ahead[period > age] = step(ahead[period > age])
    open_, now, at = np.flatnonzero(period), boards[period > 0], 0
    ahead = ahead[period > 0]
    while len(open_):
        alike = (now == ahead).all(axis=(1, 2))
        settled[open_[alike]] = at
        open_, now, ahead, at = open_[~alike], step(now[~alike]), step(ahead[~alike]), at + 1
    return settled, period


def tally_numpy(boards: Cells, generations: int, step: Step = step_numpy) -> tuple[list[int], list[int]]:
    """Live cells of all boards, generation by generation, and cells that change from one to the next."""
    population, activity = [int(boards.sum(dtype=np.int64))], []
    for _ in range(generations):
        new = step(boards)
        population.append(int(new.sum(dtype=np.int64)))
        activity.append(int((new != boards).sum()))
        boards = new
    return population, activity
