"""What becomes of many boards: population, activity, when they settle and with which period. No state is stored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golfast.jit import Kernel
from golfast.life.boards import check_cells, pack
from golfast.life.kernels.streams import TOGETHER, fields, plan, stage_words
from golfast.life.kernels.survey import Survey, survey
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, age_packed, check_choice, check_generations, generations_a_call
from golfast.threads import over_batch
from golfast.vector import LANES, aligned_words

WIDEST = 64
_BEYOND = 8  # generations after a power of two in which most boards that have settled by then are found


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
    """Population and activity of boards as they run, each board's by itself; `tally` adds those of all boards up.

    boards: (N, H, W) cells 0 or 1, W at most 64. Returns live cells, (N, generations + 1) int32, and cells that change
    from a generation to the next, (N, generations) int32. Raises ValueError for other shapes, rules or names.
    """
    packed, width = _prepare(boards)
    kernels = kernels_for(rule, boundary)
    count, height, row_bytes = packed.shape
    generations = check_generations(generations)
    population = np.zeros((count, generations + 1), np.int32)
    activity = np.zeros((count, generations), np.int32)
    flat, rows = packed.reshape(-1), plan(height, width, 8 * row_bytes)
    living, changing = population.reshape(-1), activity.reshape(-1)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        kernels.each(flat, generations, living, changing, rows, stage, height, width, start, stop)

    over_batch(run, count, smallest=LANES * fields(width))
    return population, activity


def settle(boards: object, *, limit: int = 10_000, rule: str | Rule = "B3/S23", boundary: str = "dead") -> Census:
    """When boards settle, and with which period.

    boards: (N, H, W) cells 0 or 1, W at most 64. limit: generations to look at; a period is found when it has been seen
    once within them. Brent's cycle detection: a board that settles at t with period p is found by 2 * max(t, p) + p.
    Raises ValueError for other shapes, rules or names.
    """
    packed, width = _prepare(boards)
    census, _ = settle_packed(packed, width, limit=limit, rule=rule, boundary=boundary)
    return census


def settle_packed(
    packed: NDArray[np.uint8], width: int, *, limit: int = 10_000, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> tuple[Census, NDArray[np.uint8]]:
    """`settle` for packed boards (N, H, ceil(width/8)) uint8; also the boards where they settle, of that shape.

    A board that does not is empty there. Boards run on by a few generations at a time, and those that are found leave,
    so that none waits for the slowest beside it.
    """
    limit, rule = check_generations(limit, "limit"), Rule.parse(rule)
    kernels = kernels_for(rule, boundary)
    settled, period = np.full(len(packed), -1, np.int64), np.zeros(len(packed), np.int64)
    order = _seek(packed, width, limit, kernels, period)
    last = np.zeros_like(packed)
    now = packed[order]
    ahead = age_packed(now, width, period[order], rule=rule, boundary=boundary)
    _meet(now, ahead, width, kernels, order, settled, last)
    return Census(settled, period), last


def _seek(
    packed: NDArray[np.uint8], width: int, limit: int, kernels: Survey, period: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Fill in the periods that show within the limit; the numbers of their boards, those found first first."""
    open_, found_first = np.arange(len(packed)), [np.empty(0, np.int64)]
    now, kept = packed.copy(), packed.copy()
    age, power, length, until = 0, 1, 0, 32 + _BEYOND
    while len(open_) and age < limit:
        step = min(until - age, limit - age, generations_a_call(now, width))
        found = np.zeros(len(open_), np.int64)
        _run(kernels.seek, width, now, kept, step, power, length, found)
        age, length = age + step, length + step
        while length >= power:
            power, length = 2 * power, length - power
        if age == until:
            until = 2 * until - _BEYOND
        if found.any():
            period[open_] = found
            found_first.append(open_[found > 0])
            open_, now, kept = open_[found == 0], now[found == 0], kept[found == 0]
    return np.concatenate(found_first)


def _meet(
    now: NDArray[np.uint8], ahead: NDArray[np.uint8], width: int, kernels: Survey, order: NDArray[np.int64],
    settled: NDArray[np.int64], last: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fill in when boards `order` settle, and as what, from their first states and those a period ahead."""
    age, until = 0, 32
    while len(order):
        step = min(until - age, generations_a_call(now, width))
        met = np.full(len(order), -1, np.int64)
        _run(kernels.meet, width, now, ahead, age, step, met)
        age += step
        if age == until:
            until += until // 2
        if (met >= 0).any():
            settled[order] = met
            last[order[met >= 0]] = now[met >= 0]
            order, now, ahead = order[met < 0], now[met < 0], ahead[met < 0]


def _run(kernel: Kernel, width: int, one: NDArray[np.uint8], other: NDArray[np.uint8], *numbers: object) -> None:
    """Call a kernel on all cores."""
    count, height, row_bytes = one.shape
    flat, others, rows = one.reshape(-1), other.reshape(-1), plan(height, width, 8 * row_bytes)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        kernel(flat, others, *numbers, rows, stage, height, width, start, stop)

    over_batch(run, count, smallest=LANES * fields(width))


def kernels_for(rule: str | Rule, boundary: str) -> Survey:
    """The compiled kernels of a rule and a boundary."""
    return survey(Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus")


def _prepare(boards: object) -> tuple[NDArray[np.uint8], int]:
    cells = check_cells(boards)
    if cells.ndim != 3 or cells.shape[2] > WIDEST:
        raise ValueError(f"boards have shape (N, H, W) with W at most {WIDEST}; got shape {cells.shape}")
    return pack(cells), cells.shape[2]
