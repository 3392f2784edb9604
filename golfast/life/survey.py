"""What becomes of many boards: population, activity, when they settle and with which period. No state is stored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import check_cells, pack
from golfast.life.kernels.streams import TOGETHER, fields, plan, stage_words
from golfast.life.kernels.survey import Survey, survey
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, check_choice, check_generations
from golfast.threads import over_batch
from golfast.vector import LANES, aligned_words

WIDEST = 64


@dataclass(frozen=True, slots=True)
class Census:
    """When boards settle. A board settles at the first generation whose state comes again, `period` later."""

    settled: NDArray[np.int64]
    """(N,) generation; -1 for boards that had shown no repetition within the limit."""
    period: NDArray[np.int64]
    """(N,) generations; 1 is a still life or an empty board, 0 unknown."""


def count_cells(
    boards: object, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Population and activity of boards as they run.

    boards: (N, H, W) cells 0 or 1, W at most 64. Returns live cells, (N, generations + 1) int32, and cells that change
    from a generation to the next, (N, generations) int32. Raises ValueError for other shapes, rules or names.
    """
    packed, width, kernels = _prepare(boards, rule, boundary)
    count, height, row_bytes = packed.shape
    generations = check_generations(generations)
    population = np.zeros((count, generations + 1), np.int32)
    activity = np.zeros((count, generations), np.int32)
    flat, rows = packed.reshape(-1), plan(height, width, 8 * row_bytes)
    living, changing = population.reshape(-1), activity.reshape(-1)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        kernels.tally(flat, generations, living, changing, rows, stage, height, width, start, stop)

    over_batch(run, count, smallest=LANES * fields(width))
    return population, activity


def settle(boards: object, *, limit: int = 10_000, rule: str | Rule = "B3/S23", boundary: str = "dead") -> Census:
    """When boards settle, and with which period.

    boards: (N, H, W) cells 0 or 1, W at most 64. limit: generations to look at; a period is found when it has been seen
    once within them. Brent's cycle detection: a board that settles at t with period p is found by 2 * max(t, p) + p.
    Raises ValueError for other shapes, rules or names.
    """
    packed, width, kernels = _prepare(boards, rule, boundary)
    return settle_packed(packed, width, limit=limit, kernels=kernels)


def settle_packed(packed: NDArray[np.uint8], width: int, *, limit: int, kernels: Survey) -> Census:
    """`settle` for packed boards (N, H, ceil(width/8)) uint8 and the kernels of a rule."""
    count, height, row_bytes = packed.shape
    limit = check_generations(limit)
    settled, period = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    flat, rows = packed.reshape(-1), plan(height, width, 8 * row_bytes)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        kernels.settle(flat, limit, settled, period, rows, stage, height, width, start, stop)

    over_batch(run, count, smallest=LANES * fields(width))
    return Census(settled, period)


def kernels_for(rule: str | Rule, boundary: str) -> Survey:
    """The compiled kernels of a rule and a boundary."""
    return survey(Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus")


def _prepare(boards: object, rule: str | Rule, boundary: str) -> tuple[NDArray[np.uint8], int, Survey]:
    cells = check_cells(boards)
    if cells.ndim != 3 or cells.shape[2] > WIDEST:
        raise ValueError(f"boards have shape (N, H, W) with W at most {WIDEST}; got shape {cells.shape}")
    return pack(cells), cells.shape[2], kernels_for(rule, boundary)
