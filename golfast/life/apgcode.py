"""Names for what a soup leaves behind: apgcodes, as the census at https://catagolue.hatsya.com counts them.

An apgcode is a kind and a number, xs and the population of a still life, xp or xq and the period of an oscillator or a
spaceship, and then the cells (`golfast.life.patterns.wechsler`) in the phase and orientation where they are shortest
to write. The definition is https://conwaylife.com/wiki/Apgcode.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import Cells, check_cells
from golfast.life.patterns.wechsler import format_wechsler, parse_apgcode
from golfast.life.reference import step
from golfast.life.rule import Rule

__all__ = ["NO_OBJECT", "apgcode", "census", "objects", "parse_apgcode"]

MAX_PERIOD = 1000
NO_OBJECT = "PATHOLOGICAL"  # the word that apgsearch has for what it cannot name

_MAX_BOX = 1 << 16  # cells; a pattern that grows beyond this, and beyond four times its first box, will not come back
_NAMED_BOX = 40  # cells a side: Catagolue spells no phase that is larger


def apgcode(cells: object, *, rule: str | Rule = "B3/S23", max_period: int = MAX_PERIOD) -> str:
    """The apgcode of the still life, oscillator or spaceship that these cells (H, W) are on an infinite plane.

    The same for every phase, orientation and place of the object; "xs0_0" if no cell is alive. An object whose every
    phase is larger than 40 cells a side, for which Catagolue has only a hash, is spelled like the others.

    Raises ValueError if the pattern does not come back to itself, moved or not, within `max_period` generations (it is
    no object, though it may settle into some: run it first and ask `census`), if it is several objects that never
    touch, and for rules with B0, under which the plane does not stay empty.
    """
    cells, rule = _board(cells), _checked(rule)
    if not cells.any():
        return "xs0_0"
    orbit = _orbit_of(cells, rule, max_period)
    if orbit.objects > 1:
        raise ValueError(f"the pattern is {orbit.objects} objects that never touch; an apgcode names one")
    return orbit.code


def objects(
    cells: object, *, rule: str | Rule = "B3/S23", boundary: str = "dead", max_period: int = MAX_PERIOD
) -> list[Cells]:
    """The objects on a settled board (H, W), each cut out to its box, uint8, in the order of their first cells.

    Two live cells belong together if at any time in the board's period they, or what became of them, are at most two
    cells apart, for then some cell feels both. So each object lives on as if it were alone. apgsearch goes further: it
    takes pseudo-objects apart too, whose parts do touch but would live the same without each other, such as the
    bi-block, which is one object here. On a torus, objects that lie across the edge are put together.

    Raises ValueError if the board does not return within `max_period` generations, and for rules with B0.
    """
    return [placed.cells for placed in _objects(_board(cells), _checked(rule), boundary, max_period)]


def census(
    cells: object, *, rule: str | Rule = "B3/S23", boundary: str = "dead", max_period: int = MAX_PERIOD
) -> Counter[str]:
    """How often each object, by its apgcode, is on one settled board (H, W), or on all of several (..., H, W).

    What `objects` finds, named by `apgcode`. Objects that are what they are only through the border of their board, so
    that on a plane they would do something else, are counted as `NO_OBJECT`.

    Raises ValueError as `objects` does.
    """
    boards, rule = check_cells(cells), _checked(rule)
    found: Counter[str] = Counter()
    for board in boards.reshape(-1, *boards.shape[-2:]):
        for placed in _objects(board, rule, boundary, max_period):
            found[_name(placed, board, rule, boundary, max_period)] += 1
    return found


class _Placed(NamedTuple):
    """An object cut out of its board, where its box begins at (row, column)."""

    row: int
    column: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class _Orbit:
    """What a periodic pattern does on a plane.

    top, left, bottom and right bound the live cells of a whole period, counted from the first phase's box; tall and
    wide are the sides of the largest phase.
    """

    code: str
    moves: bool
    objects: int
    top: int
    left: int
    bottom: int
    right: int
    tall: int
    wide: int


def _name(placed: _Placed, board: Cells, rule: Rule, boundary: str, max_period: int) -> str:
    try:
        orbit = _orbit_of(placed.cells, rule, max_period)
    except ValueError:
        return NO_OBJECT
    height, width = board.shape
    if boundary == "torus":  # its own image must stay out of its reach
        alone = orbit.tall <= height - 2 and orbit.wide <= width - 2
    else:
        alone = not orbit.moves and (
            placed.row + orbit.top >= 0
            and placed.column + orbit.left >= 0
            and placed.row + orbit.bottom <= height
            and placed.column + orbit.right <= width
        )
    return orbit.code if alone and orbit.objects == 1 else NO_OBJECT


def _board(cells: object) -> Cells:
    board = check_cells(cells)
    if board.ndim != 2:
        raise ValueError(f"one board has shape (height, width); got shape {board.shape}")
    return board


def _checked(rule: str | Rule) -> Rule:
    rule = Rule.parse(rule)
    if rule.birth & 1:
        raise ValueError(f"there are no objects under {rule}: with B0 an empty plane does not stay empty")
    return rule


def _orbit_of(cells: Cells, rule: Rule, max_period: int) -> _Orbit:
    first, _, _ = _trimmed(cells)
    return _orbit(first.tobytes(), first.shape[0], rule, max_period)


@lru_cache(maxsize=1 << 12)  # most of what a census meets it has met before
def _orbit(first: bytes, height: int, rule: Rule, max_period: int) -> _Orbit:
    start = np.frombuffer(first, np.uint8).reshape(height, -1)
    phases, rows, columns = [start], [0], [0]
    largest = max(_MAX_BOX, 4 * start.size)
    for _ in range(max_period):
        now, row, column = _trimmed(step(np.pad(phases[-1], 1), rule, "dead"))
        row, column = rows[-1] + row - 1, columns[-1] + column - 1
        if not now.size:
            raise ValueError("the pattern dies out")
        if np.array_equal(now, start):
            break
        if now.size > largest:
            raise ValueError("the pattern grows without coming back to itself")
        phases.append(now)
        rows.append(row)
        columns.append(column)
    else:
        raise ValueError(f"the pattern does not come back to itself within {max_period} generations")
    moves = (row, column) != (0, 0)
    top, left = min(rows), min(columns)
    bottom = max(start + phase.shape[0] for start, phase in zip(rows, phases, strict=True))
    right = max(start + phase.shape[1] for start, phase in zip(columns, phases, strict=True))
    board = np.zeros((bottom - top, right - left), np.uint8)
    board[-top : start.shape[0] - top, -left : start.shape[1] - left] = start
    parts = np.unique(_together(board, rule, "dead", len(phases))[board == 1])
    kind = f"xq{len(phases)}" if moves else f"xp{len(phases)}" if len(phases) > 1 else f"xs{int(start.sum())}"
    return _Orbit(
        code=f"{kind}_{_shortest(phases)}",
        moves=moves,
        objects=len(parts),
        top=top,
        left=left,
        bottom=bottom,
        right=right,
        tall=max(phase.shape[0] for phase in phases),
        wide=max(phase.shape[1] for phase in phases),
    )


def _shortest(phases: list[Cells]) -> str:
    """The canonical spelling: the shortest of all phases and orientations, and the first of these by ASCII."""
    spelled = [phase for phase in phases if max(phase.shape) <= _NAMED_BOX] or phases
    spellings = (
        format_wechsler(turned[::down, ::right])
        for phase in spelled
        for turned in (phase, phase.T)
        for down in (1, -1)
        for right in (1, -1)
    )
    return min(spellings, key=lambda spelling: (len(spelling), spelling))


def _trimmed(cells: Cells) -> tuple[Cells, int, int]:
    """The box around the live cells, and the row and column where it begins; without live cells it has no size."""
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    if not rows.size:
        return cells[:0, :0], 0, 0
    return cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(rows[0]), int(columns[0])


def _objects(board: Cells, rule: Rule, boundary: str, max_period: int) -> list[_Placed]:
    if boundary not in ("dead", "torus"):
        raise ValueError(f'boundary {boundary!r} is neither "dead" nor "torus"')
    now, period = step(board, rule, boundary), 1
    while not np.array_equal(now, board):
        if period >= max_period:
            raise ValueError(f"the board has not settled: it does not return within {max_period} generations")
        now, period = step(now, rule, boundary), period + 1
    labels = _together(board, rule, boundary, period)
    found = []
    for label in dict.fromkeys(labels[labels > 0].tolist()):
        alone = (labels == label).astype(np.uint8)
        if boundary == "torus":
            alone = _unrolled(alone)
        cells, row, column = _trimmed(alone)
        found.append(_Placed(row, column, np.ascontiguousarray(cells)))
    return found


def _together(board: Cells, rule: Rule, boundary: str, generations: int) -> NDArray[np.int64]:
    """A label for each live cell (H, W), int64, 0 for dead ones; equal where cells belong together.

    Every cell starts with a label of its own, and its offspring inherits it. Wherever two labels meet in the
    neighbourhood of one cell they become one. Labels that never meet belong to patterns that never do.
    """
    labels = np.zeros(board.shape, np.int64)
    labels[board == 1] = np.arange(1, np.count_nonzero(board) + 1)
    first = labels
    parent = np.arange(labels.max(initial=0) + 1)  # parent[label] is the label that stands for it

    def stands_for(label: int) -> int:
        while parent[label] != label:
            label = int(parent[label])
        return label

    height, width = board.shape
    for _ in range(generations):
        padded = np.pad(labels, 1, mode="wrap" if boundary == "torus" else "constant")
        near = np.stack([padded[r : r + height, c : c + width] for r in range(3) for c in range(3)])
        top = near.max(axis=0)
        meet = (near > 0) & (near != top)
        if meet.any():
            pairs = np.unique(np.stack([near[meet], np.broadcast_to(top, near.shape)[meet]], axis=1), axis=0)
            for one, other in pairs.tolist():
                one, other = stands_for(one), stands_for(other)
                parent[max(one, other)] = min(one, other)
            while not np.array_equal(parent, parent[parent]):
                parent = parent[parent]
        board = step(board, rule, boundary)
        labels = np.where(board == 1, parent[top], 0)
    return parent[first]


def _unrolled(alone: Cells) -> Cells:
    """An object of a torus, moved so that the widest empty gap of rows, and of columns, comes last."""
    for axis in (0, 1):
        taken = np.flatnonzero(alone.any(axis=1 - axis))
        gaps = np.diff(taken, append=taken[0] + alone.shape[axis])
        alone = np.roll(alone, -taken[(np.argmax(gaps) + 1) % len(taken)], axis=axis)
    return alone
