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

from golfast.life.boards import Cells, check_cells, whole_number
from golfast.life.patterns.wechsler import format_wechsler, parse_apgcode
from golfast.life.reference import step
from golfast.life.rule import Rule

__all__ = ["NO_OBJECT", "apgcode", "census", "objects", "parse_apgcode"]

Labels = NDArray[np.int64]

MAX_PERIOD = 1000
NO_OBJECT = "PATHOLOGICAL"  # the word that apgsearch has for what it cannot name

_MAX_BOX = 1 << 16  # cells; a pattern that grows beyond this, and beyond four times its first box, will not come back
_NAMED_BOX = 40  # cells a side: Catagolue spells no phase that is larger


def apgcode(cells: object, *, rule: str | Rule = "B3/S23", max_period: int = MAX_PERIOD) -> str:
    """The apgcode of the still life, oscillator or spaceship that these cells (H, W) are on an infinite plane.

    The same for every phase, orientation and place of the object; "xs0_0" if no cell is alive. An object whose every
    phase is larger than 40 cells a side, for which Catagolue has only a hash, is spelled like the others. So are
    pseudo-objects such as the bi-block, though `census` counts their parts.

    Raises ValueError if the pattern does not come back to itself, moved or not, within `max_period` generations (it is
    no object, though it may settle into some: run it first and ask `census`), if it is several objects that are never
    so near that one cell has both for neighbours, and for rules with B0, under which the plane does not stay empty.
    """
    cells, rule = _board(cells), checked_rule(rule)
    if not cells.any():
        return "xs0_0"
    orbit = _orbit_of(cells, rule, max_period)
    if orbit.objects > 1:
        raise ValueError(
            f"the pattern is {orbit.objects} objects that never come near one another; an apgcode names one"
        )
    return orbit.code


def objects(
    cells: object, *, rule: str | Rule = "B3/S23", boundary: str = "dead", max_period: int = MAX_PERIOD
) -> list[Cells]:
    """The objects on a settled board (H, W), each cut out to its box, uint8, in the order of their first cells.

    The board is cut as finely as its objects live on as if each were alone: cells belong together if at any time in
    the board's period they, or what became of them, touch, or if something is born or not born because both are near.
    So the bi-block is two blocks and a traffic light four blinkers. That is simpler than apgsearch's separation of
    pseudo-objects, which tries how parts can be grouped: where three or more meet at one cell, they are one object here
    even if fewer of them explain what happens there, and parts that touch are never taken apart. On a torus, objects
    that lie across the edge are put together.

    Raises ValueError if the board does not return within `max_period` generations, and for rules with B0.
    """
    _, placed = _objects(_board(cells), checked_rule(rule), boundary, max_period)
    return [one.cells for one in placed]


def census(
    cells: object, *, rule: str | Rule = "B3/S23", boundary: str = "dead", max_period: int = MAX_PERIOD
) -> Counter[str]:
    """How often each object, by its apgcode, is on one settled board (H, W), or on all of several (..., H, W).

    What `objects` finds, named by `apgcode`. Objects that are what they are only through the border of their board, so
    that on a plane they would do something else, are counted as `NO_OBJECT`.

    Raises ValueError as `objects` does.
    """
    boards, rule = check_cells(cells), checked_rule(rule)
    found: Counter[str] = Counter()
    for board in boards.reshape(-1, *boards.shape[-2:]):
        period, placed = _objects(board, rule, boundary, max_period)
        for one in placed:  # none of them can take longer than all of them together
            found[name_of(one, board.shape, rule, boundary, period)] += 1
    return found


class Placed(NamedTuple):
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


def name_of(placed: Placed, size: tuple[int, ...], rule: Rule, boundary: str, max_period: int) -> str:
    """The apgcode of an object cut out of a board of this size (height, width), or NO_OBJECT."""
    try:
        orbit = _orbit_of(placed.cells, rule, max_period)
    except ValueError:
        return NO_OBJECT
    height, width = size
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


def checked_rule(rule: str | Rule) -> Rule:
    """A rule under which there are objects; ValueError for the others, those with B0."""
    rule = Rule.parse(rule)
    if rule.birth & 1:
        raise ValueError(f"there are no objects under {rule}: with B0 an empty plane does not stay empty")
    return rule


def _orbit_of(cells: Cells, rule: Rule, max_period: int) -> _Orbit:
    first, _, _ = _trimmed(cells)
    max_period = whole_number("max_period", max_period)
    orbit = _orbit(first.tobytes(), first.shape[0], rule, max_period)
    if isinstance(orbit, str):
        raise ValueError(orbit)
    return orbit


@lru_cache(maxsize=1 << 12)  # most of what a census meets it has met before
def _orbit(first: bytes, height: int, rule: Rule, max_period: int) -> _Orbit | str:
    """What this trimmed pattern does, or else why it is no object; returned, so that it is remembered as well."""
    start = np.frombuffer(first, np.uint8).reshape(height, -1)
    phases, rows, columns = [start], [0], [0]
    largest = max(_MAX_BOX, 4 * start.size)
    for _ in range(max_period):
        now, row, column = _trimmed(step(np.pad(phases[-1], 1), rule, "dead"))
        row, column = rows[-1] + row - 1, columns[-1] + column - 1
        if not now.size:
            return "the pattern dies out"
        phases.append(now)
        rows.append(row)
        columns.append(column)
        if np.array_equal(now, start):
            break
        if now.size > largest:
            return "the pattern grows without coming back to itself"
    else:
        return f"the pattern does not come back to itself within {max_period} generations"
    period, shift = len(phases) - 1, (rows[-1], columns[-1])
    top, left = min(rows), min(columns)
    bottom = max(row + phase.shape[0] for row, phase in zip(rows, phases, strict=True))
    right = max(column + phase.shape[1] for column, phase in zip(columns, phases, strict=True))
    board = np.zeros((bottom - top, right - left), np.uint8)
    board[-top : start.shape[0] - top, -left : start.shape[1] - left] = start
    parts = np.unique(_together(board, rule, "dead", period, near=True, shift=shift)[board == 1])
    kind = f"xq{period}" if any(shift) else f"xp{period}" if period > 1 else f"xs{int(start.sum())}"
    return _Orbit(
        code=f"{kind}_{_shortest(phases[:-1])}",
        moves=any(shift),
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


def _objects(board: Cells, rule: Rule, boundary: str, max_period: int) -> tuple[int, list[Placed]]:
    """The board's period, and its objects in the order of their first cells."""
    if boundary not in ("dead", "torus"):
        raise ValueError(f'boundary {boundary!r} is neither "dead" nor "torus"')
    max_period = whole_number("max_period", max_period)
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
        found.append(Placed(row, column, np.ascontiguousarray(cells)))
    return period, found


def _together(
    board: Cells, rule: Rule, boundary: str, generations: int, *, near: bool = False, shift: tuple[int, int] = (0, 0)
) -> Labels:
    """A label for each live cell (H, W), int64, 0 for dead ones; equal where cells belong together.

    Every cell starts with a label of its own, and its offspring inherits it. Two labels become one where they touch,
    and where a cell is born that neither would bear alone, or each would, or is not born that one of them would bear.
    So labels that stay apart belong to patterns that live as if they were alone. With `near` two labels become one
    wherever a cell has both for neighbours, whatever comes of it. The board comes back after these generations, moved
    by `shift`; a label that has died out by then was a spark of what stands in its place.
    """
    start = np.zeros(board.shape, np.int64)
    start[board == 1] = np.arange(1, np.count_nonzero(board) + 1)
    groups = _Groups(int(start.max(initial=0)))
    labels = start
    for _ in range(generations):
        around = _neighbourhoods(labels, boundary)
        centre = around.max(axis=0) if near else labels
        touching = (around > 0) & (centre > 0)
        groups.join(around[touching], np.broadcast_to(centre, around.shape)[touching])
        around = groups.of[around]
        owner = around.max(axis=0)
        following = step(board, rule, boundary)
        # Now that neighbours are one, only at a dead cell can several labels meet: all is about births.
        several = ((around > 0) & (around != owner)).any(axis=0)
        met = around[:, several]
        counts = (met[:, None] == met[None]).sum(axis=1)
        bears = (met > 0) & (rule.birth >> counts & 1 == 1)
        first, last = np.where(bears, met, owner.max(initial=0) + 1).min(axis=0), np.where(bears, met, 0).max(axis=0)
        unlike = (bears.any(axis=0) != (following[several] == 1)) | (bears.any(axis=0) & (first != last))
        one, other = met[:, unlike], np.broadcast_to(owner[several][unlike], met[:, unlike].shape)
        groups.join(one[one > 0], other[one > 0])
        owner[several] = np.where(unlike, owner[several], last)
        board, labels = following, np.where(following == 1, groups.of[owner], 0)
    there = np.roll(labels, (-shift[0], -shift[1]), axis=(0, 1))
    gone = (start > 0) & ~np.isin(groups.of[start], groups.of[labels])
    groups.join(start[gone], there[gone])
    return groups.of[start]


class _Groups:
    """Labels 1 to n that become one another; `of[label]` is the smallest of its group, and of[0] is 0."""

    def __init__(self, count: int) -> None:
        self.of = np.arange(count + 1)

    def join(self, ones: Labels, others: Labels) -> None:
        """Make each label of the first array one with its counterpart in the second."""
        apart = self.of[ones] != self.of[others]
        if not apart.any():
            return
        for one, other in np.unique(np.stack([ones[apart], others[apart]], axis=1), axis=0).tolist():
            low, high = sorted((self._root(one), self._root(other)))
            self.of[high] = low
        while not np.array_equal(self.of, self.of[self.of]):
            self.of = self.of[self.of]

    def _root(self, label: int) -> int:
        while self.of[label] != label:
            label = int(self.of[label])
        return label


def _neighbourhoods(labels: Labels, boundary: str) -> Labels:
    """The labels around each cell and on it, (9, H, W)."""
    height, width = labels.shape
    padded = np.pad(labels, 1, mode="wrap" if boundary == "torus" else "constant")
    return np.stack([padded[row : row + height, column : column + width] for row in range(3) for column in range(3)])


def _unrolled(alone: Cells) -> Cells:
    """An object of a torus, moved so that the widest empty gap of rows, and of columns, comes last."""
    for axis in (0, 1):
        taken = np.flatnonzero(alone.any(axis=1 - axis))
        gaps = np.diff(taken, append=taken[0] + alone.shape[axis])
        alone = np.roll(alone, -taken[(np.argmax(gaps) + 1) % len(taken)], axis=axis)
    return alone
