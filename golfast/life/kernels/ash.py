"""The objects on settled boards, taken apart as `golfast.life.apgcode.objects` does it, a board at a time, and counted.

Most boards hold what others held: an object is looked up by its cells in a hash table, and only what is there for the
first time is named later, by slower code. On a dead border its place may matter, but only as far as it can grow in its
board's period of P generations: P - 1 cells. So that far it belongs to what is looked up.
"""

from typing import Any

import numpy as np
from numba import uint64

from golfast.jit import inlined, kernel, part

HEADER = 6  # words of an entry before its cells: height, width, and free cells above, left, below and right of it
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@part
def _root(parent: Any, label: int) -> int:
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@inlined
def _join(parent: Any, one: int, other: int) -> None:
    one, other = _root(parent, one), _root(parent, other)
    parent[max(one, other)] = min(one, other)


@part
def _homes(height: int, width: int, torus: bool) -> Any:
    """For each place of a board with a margin, (height + 2) * (width + 2), whose cell it is; 0 if nobody's."""
    homes = np.zeros((height + 2) * (width + 2), np.int32)
    for row in range(height + 2):
        for column in range(width + 2):
            if torus or (0 < row <= height and 0 < column <= width):
                home = ((row - 1) % height + 1) * (width + 2) + (column - 1) % width + 1
                homes[row * (width + 2) + column] = home
    return homes


@part
def _wrap(labels: Any, homes: Any, margin: Any) -> None:
    """Opposite edges of a torus touch: the margin repeats what lies beyond the other edge."""
    for k in range(margin.shape[0]):
        labels[margin[k]] = labels[homes[margin[k]]]


@part
def _step(
    labels: Any, live: Any, count: int, following: Any, born: Any, parent: Any, birth: int, survival: int, homes: Any,
    margin: Any, around: Any, seen: Any, met: Any,
) -> int:  # fmt: skip
    """From labels, at the `count` places in `live`, to those of the next generation, joining what interacts.

    As `apgcode._together` has it: two labels become one where they touch, and where a cell is born that neither would
    bear alone, or each would, or is not born that one of them would bear. around: from a place to the nine around it.
    `seen` holds no `True`, and `following` only 0; so it is left, and `labels` too. Returns how many will live.
    """
    _wrap(labels, homes, margin)
    for k in range(count):
        for step in range(5, 9):  # the other four have this one among theirs
            there = labels[live[k] + around[step]]
            if there:
                _join(parent, labels[live[k]], there)
    for k in range(count):
        labels[live[k]] = _root(parent, labels[live[k]])
    _wrap(labels, homes, margin)
    many = 0
    for k in range(count):
        for step in range(9):
            at = homes[live[k] + around[step]]
            if at == 0 or seen[at]:
                continue
            seen[at] = True
            centre, living, owner, several = labels[at], 0, labels[at], False
            for other in range(9):
                label = labels[at + around[other]]
                if label:
                    living += 1
                    several = several or (owner != 0 and label != owner)
                    owner = label
            new = (survival >> (living - 1) if centre else birth >> living) & 1
            if several:  # only at a dead cell, now that neighbours are one
                owner = _meet(labels, at, around, parent, birth, new, met)
            if new:
                following[at] = owner
                born[many] = at
                many += 1
    for k in range(count):
        for step in range(9):
            seen[homes[live[k] + around[step]]] = False
    for k in range(count):
        labels[live[k]] = 0
    return many


@part
def _meet(labels: Any, at: int, around: Any, parent: Any, birth: int, new: int, met: Any) -> int:
    """Several labels have this dead cell for a neighbour; join them if need be, and say whose the cell will be."""
    count = 0
    for step in range(9):
        if labels[at + around[step]]:
            met[count] = labels[at + around[step]]
            count += 1
    bearer, one = 0, True
    for k in range(count):
        alone = 0
        for other in range(count):
            alone += met[other] == met[k]
        if birth >> alone & 1:
            one = one and (bearer == 0 or bearer == met[k])
            bearer = met[k]
    if (bearer != 0) != (new == 1) or not one:
        for k in range(1, count):
            _join(parent, met[0], met[k])
        return int(met[0])
    return int(bearer)


@part
def _first_row(label: int, next_label: Any, rows: Any, size: int, taken: Any) -> int:
    """The row (or column) of an object on a torus from which to count, so that the widest gap comes last."""
    taken[:] = False
    while label:
        taken[rows[label]] = True
        label = next_label[label]
    first = last = -1
    widest = begins = 0
    for row in range(size):
        if taken[row]:
            if first < 0:
                first = row
            elif row - last > widest:
                widest, begins = row - last, row
            last = row
    return first if first + size - last > widest else begins


@part
def _doubled(array: Any) -> Any:
    larger = np.zeros(2 * array.shape[0], array.dtype)
    larger[: array.shape[0]] = array
    return larger


@part
def _label(
    boards: Any, board: int, height: int, width: int, labels: Any, live: Any, parent: Any, rows: Any, columns: Any
) -> int:
    """Give every live cell of a board a label of its own, from 1 on, and say how many there are."""
    row_bytes, living = (width + 7) // 8, 0
    for row in range(height):
        for byte in range(row_bytes):
            bits = boards[(board * height + row) * row_bytes + byte]
            for column in range(8 * byte, 8 * byte + 8):
                if bits >> (7 - column % 8) & 1:
                    at = (row + 1) * (width + 2) + column + 1
                    live[living] = at
                    living += 1
                    labels[at] = parent[living] = living
                    rows[living], columns[living] = row, column
                if bits == 0:
                    break
    return living


@part
def _bury(labels: Any, living: int, parent: Any, rows: Any, columns: Any, width: int, there: Any, gone: Any) -> None:
    """A label that has died out within the period was a spark of what stands in its place."""
    there[: living + 1] = 0
    for label in range(1, living + 1):
        there[_root(parent, labels[(rows[label] + 1) * (width + 2) + columns[label] + 1])] = 1
    for label in range(1, living + 1):  # none may be joined before all have been asked
        gone[label] = there[_root(parent, label)] == 0
    for label in range(1, living + 1):
        if gone[label]:
            _join(parent, label, labels[(rows[label] + 1) * (width + 2) + columns[label] + 1])


@part
def _cut(
    first: int, next_label: Any, rows: Any, columns: Any, height: int, width: int, reach: int, torus: bool,
    taken: Any, entry: Any,
) -> int:  # fmt: skip
    """Write the entry of the object whose labels begin with `first`, and say how many words it has."""
    top, left, bottom, right = height, width, 0, 0
    if torus:
        top = _first_row(first, next_label, rows, height, taken)
        left = _first_row(first, next_label, columns, width, taken)
    else:
        label = first
        while label:
            top, left = min(top, rows[label]), min(left, columns[label])
            label = next_label[label]
    label = first
    while label:
        bottom = max(bottom, (rows[label] - top) % height + 1)
        right = max(right, (columns[label] - left) % width + 1)
        label = next_label[label]
    entry[:] = uint64(0)
    entry[0], entry[1] = bottom, right
    if not torus:
        entry[2], entry[3] = min(top, reach), min(left, reach)
        entry[4], entry[5] = min(height - top - bottom, reach), min(width - left - right, reach)
    label = first
    while label:
        place = (rows[label] - top) % height * right + (columns[label] - left) % width
        entry[HEADER + place // 64] |= uint64(1) << uint64(place % 64)
        label = next_label[label]
    return HEADER + (bottom * right + 63) // 64


@part
def _find(slots: Any, words: Any, begins: Any, entry: Any, size: int) -> int:
    """The slot of this entry, or the empty one where it belongs."""
    value = uint64(size)
    for k in range(size):
        value = (value ^ entry[k]) * _PRIME
        value ^= value >> uint64(29)
    at = np.int64(value & uint64(slots.shape[0] - 1))
    while slots[at]:
        begin = begins[slots[at] - 1]
        if begins[slots[at]] - begin == size:
            same = True
            for k in range(size):
                same = same and words[begin + k] == entry[k]
            if same:
                break
        at = (at + 1) % slots.shape[0]
    return int(at)


@kernel
def count_objects(
    boards: Any, periods: Any, height: int, width: int, birth: int, survival: int, torus: bool, start: int, stop: int
) -> Any:
    """The objects of settled boards start..stop, flat uint8 of (N, height, bytes), with their periods (N,) int64.

    Returns entries as uint64 words, where each begins, how often it was there, and the period of the first board that
    had it. An entry: HEADER words, then the box's cells row by row, the first lowest.
    """
    most, places = height * width, (height + 2) * (width + 2)
    labels, following = np.zeros(places, np.int32), np.zeros(places, np.int32)
    live, born = np.zeros(most, np.int32), np.zeros(most, np.int32)
    homes, seen = _homes(height, width, torus), np.zeros(places, np.bool_)
    everywhere = np.arange(places, dtype=np.int32)
    margin = everywhere[(homes != everywhere) & (homes != 0)]
    around = np.empty(9, np.int32)
    for step in range(9):
        around[step] = (step // 3 - 1) * (width + 2) + step % 3 - 1
    # By label: what it became, where its cell was, and the next label of its group, which begins at `head`.
    parent, rows, columns = np.zeros(most + 1, np.int32), np.zeros(most + 1, np.int32), np.zeros(most + 1, np.int32)
    next_label, head = np.zeros(most + 1, np.int32), np.zeros(most + 1, np.int32)
    gone = np.zeros(most + 1, np.bool_)
    met, taken = np.zeros(9, np.int32), np.zeros(max(height, width), np.bool_)
    entry = np.zeros(HEADER + (most + 63) // 64, np.uint64)
    slots, words = np.zeros(1 << 10, np.int64), np.zeros(1 << 12, np.uint64)
    begins, counts, firsts = np.zeros(1 << 8, np.int64), np.zeros(1 << 8, np.int64), np.zeros(1 << 8, np.int64)
    known = 0
    for board in range(start, stop):
        living = _label(boards, board, height, width, labels, live, parent, rows, columns)
        count = living
        for _ in range(periods[board]):
            count = _step(
                labels, live, count, following, born, parent, birth, survival, homes, margin, around, seen, met
            )
            labels, following, live, born = following, labels, born, live
        _bury(labels, living, parent, rows, columns, width, head, gone)
        for k in range(count):
            labels[live[k]] = 0
        head[: living + 1] = 0
        for label in range(living, 0, -1):
            root = _root(parent, label)
            next_label[label] = head[root]
            head[root] = label
        for root in range(1, living + 1):
            if head[root]:
                size = _cut(
                    head[root], next_label, rows, columns, height, width, periods[board] - 1, torus, taken, entry
                )
                at = _find(slots, words, begins, entry, size)
                if slots[at] == 0:
                    while begins[known] + size > words.shape[0]:
                        words = _doubled(words)
                    if known + 1 == begins.shape[0]:
                        begins, counts, firsts = _doubled(begins), _doubled(counts), _doubled(firsts)
                    words[begins[known] : begins[known] + size] = entry[:size]
                    begins[known + 1], firsts[known] = begins[known] + size, periods[board]
                    known += 1
                    slots[at] = known
                    counts[known - 1] = 0
                    if 2 * known > slots.shape[0]:
                        slots = np.zeros(4 * slots.shape[0], np.int64)
                        for one in range(known):
                            many = begins[one + 1] - begins[one]
                            slots[_find(slots, words, begins, words[begins[one] : begins[one + 1]], many)] = one + 1
                        at = _find(slots, words, begins, entry, size)
                counts[slots[at] - 1] += 1
    return words[: begins[known]], begins[: known + 1], counts[:known], firsts[:known]
