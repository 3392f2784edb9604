"""What a kernel that was loaded from disk must compute before it is used: small boards on which every rule differs.

Each board has dead and living cells with every number of neighbours, so two rules that differ at all differ after one
generation (a test counts them). The answers come from `reference`.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from golfast.life import reference
from golfast.life.boards import Cells, pack
from golfast.life.kernels.philox import key_schedule
from golfast.life.rule import Rule

HEIGHT, WIDTH = 20, 20
WIDE = 84  # for kernels of boards wider than a word
GENERATIONS = 1
SOUPS = 4
_SEED, _NUMBER, _DENSITY = 1, 7, 1 << 15


@cache
def board(width: int = WIDTH) -> Cells:
    """A board (HEIGHT, width) uint8 0/1 with every kind of neighbourhood, on either border."""
    cells: Cells = reference.soups(np.array([_NUMBER], np.uint64), HEIGHT, width, _SEED, 0, _DENSITY)[0]
    cells[2:5, 2:5], cells[8:11, 3:6], cells[15, 3:6], cells[14:17:2, 3:6] = 1, 1, 1, 1
    cells[9, 4] = 0  # a dead cell with eight neighbours, beside a living one
    cells[13:18, 9:14] = 0  # and both with none
    cells[15, 11] = 1
    return cells


@cache
def truth(rule: Rule, torus: bool, width: int = WIDTH) -> Cells:
    """The board and its next states: (GENERATIONS + 1, HEIGHT, width)."""
    boundary = "torus" if torus else "dead"
    states: Cells = reference.trajectories(board(width)[None], GENERATIONS, rule, boundary)[0]
    return states


def blank_states() -> NDArray[np.uint8]:
    """Packed states of one trajectory, flat, of which only the first is there."""
    states = np.zeros((GENERATIONS + 1, *pack(board()).shape), np.uint8)
    states[0] = pack(board())
    return states.reshape(-1)


def are_true(states: NDArray[np.uint8], rule: Rule, torus: bool) -> bool:
    """Whether packed states, flat, are the board's."""
    return bool((states == pack(truth(rule, torus)).reshape(-1)).all())


def soup_numbers() -> NDArray[np.uint64]:
    """What a kernel is told of soups: the number of the first, stream, density in 1/65536, and the key schedule."""
    return np.array([_NUMBER, 0, _DENSITY, *key_schedule(_SEED)], np.uint64)


@cache
def true_soups(rule: Rule, torus: bool) -> NDArray[np.uint8]:
    """Those soups and their next states, packed: (SOUPS, GENERATIONS + 1, HEIGHT, bytes)."""
    numbers = np.arange(_NUMBER, _NUMBER + SOUPS, dtype=np.uint64)
    cells = reference.soups(numbers, HEIGHT, WIDTH, _SEED, 0, _DENSITY)
    return pack(reference.trajectories(cells, GENERATIONS, rule, "torus" if torus else "dead"))
