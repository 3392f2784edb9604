"""Macrocell, the quadtree that Golly writes: https://golly.sourceforge.io/Help/formats.html#mc.

A line is a node, numbered from 1, after those it is made of. A node of level n is a square of 2^n cells a side: 8 × 8
cells drawn with `.`, `*` and `$` for the end of a row (level 3), or "n nw ne sw se" with the numbers of four nodes of
level n - 1, of which 0 is the empty one. The last node is the pattern, and its centre the origin.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import Cells
from golfast.life.patterns.pattern import (
    Grid,
    Pattern,
    as_pattern,
    board_line,
    check_extent,
    excerpt,
    parse_board_line,
    read_rule,
    torus_alone,
    wrapped,
)
from golfast.life.rule import Rule

_HIGHEST = 60  # 2^60 cells a side: coordinates are machine integers
_DIGITS = 12  # of a node's number
_STRIDE = 9  # leaves are drawn 512 × 512 cells at a time: their places take more memory than the cells themselves
_LEAF = re.compile(r"[.*$]+")
_NODE = re.compile(r"([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)")
_QUADRANTS = ((0, 0), (0, 1), (1, 0), (1, 1))

_Box = tuple[int, int, int, int]  # top, left, bottom, right of the live cells


def format_macrocell(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as Macrocell of two states, centred on the origin; equal squares are one node.

    Parsing gives the same cells, size included, which a comment keeps. Name (#N), rule and torus if there are, and
    comments are kept as well.
    """
    pattern = as_pattern(pattern)
    height, width = pattern.cells.shape
    lines = ["[M2] (golfast)"]
    if pattern.rule is not None:
        torus = pattern.grid if pattern.grid and pattern.grid.boundary == "torus" else ""
        lines.append(f"#R {pattern.rule}{torus}")
    lines += [f"#N {part}" for part in wrapped(pattern.name)]
    lines.append(f"#C {board_line(height, width)}")
    lines += [f"#C {part}" for comment in pattern.comments for part in wrapped(comment)]
    level = max(4, (max(height, width) - 1).bit_length())
    top, left = (1 << level - 1) - height // 2, (1 << level - 1) - width // 2
    # Only the squares that the board touches are made: a long thin board has few of them.
    around = [(start % 8, -(start + side) % 8) for start, side in ((top, height), (left, width))]
    cells = np.pad(pattern.cells, around)
    tall, wide = cells.shape[0] // 8, cells.shape[1] // 8
    leaves = np.packbits(cells.reshape(tall, 8, wide, 8).swapaxes(1, 2).reshape(-1, 64), axis=1)
    numbers, distinct = _numbered(leaves, 0)
    lines += [_draw_leaf(leaf) for leaf in distinct.tolist()]
    count = len(distinct)
    grid, top, left = numbers.reshape(tall, wide), top // 8, left // 8
    for high in range(4, level + 1):
        rows, columns = ((start % 2, (start + side) % 2) for start, side in zip((top, left), grid.shape, strict=True))
        grid = np.pad(grid, (rows, columns))
        quads = np.stack([grid[row::2, column::2] for row, column in _QUADRANTS], axis=-1)
        numbers, distinct = _numbered(quads.reshape(-1, 4), count)
        lines += [f"{high} {' '.join(map(str, quad))}" for quad in distinct.tolist()]
        count += len(distinct)
        grid, top, left = numbers.reshape(quads.shape[0], quads.shape[1]), top // 2, left // 2
    assert grid.shape == (1, 1)
    if not count:
        lines.append(f"{level} 0 0 0 0")
    return "\n".join(lines) + "\n"


def parse_macrocell(lines: list[str]) -> Pattern:
    """The pattern of these lines of Macrocell; what is forgiven and what is refused, `parse_pattern` says.

    It is as large as the box around its live cells, or as the board that `format_macrocell` remarked. Nodes are
    measured once each, however often they occur, so a pattern too large is refused before it is drawn.
    """
    names: list[str] = []
    comments: list[str] = []
    rule: Rule | None = None
    grid: Grid | None = None
    size: tuple[int, int] | None = None
    tree = _Tree()
    for line in lines:
        plain = " ".join(line.split())
        if plain.startswith("#"):
            letter, remark = plain[1:2], plain[2:].strip()
            if letter == "R":
                rule, grid, _ = read_rule(remark)
            elif letter == "N":
                names.append(remark)
            elif letter == "C" and size is None and (found := parse_board_line(remark)):
                size = found
            elif letter in ("C", "D") and remark and not remark.startswith("XRLE"):  # XRLE: Golly's bookkeeping
                comments.append(remark)
        elif _LEAF.fullmatch(plain):
            tree.add_leaf(plain)
        elif plain and not plain.startswith("["):  # the header
            tree.add_node(plain)
    cells, grid = tree.draw(size), torus_alone(grid)
    return Pattern(cells, name=" ".join(names).strip(), rule=rule, comments=tuple(comments), grid=grid)


@dataclass(slots=True)
class _Tree:
    """The nodes read so far; number 0 is the empty node, of whatever level."""

    levels: list[int] = field(default_factory=lambda: [0])
    boxes: list[_Box | None] = field(default_factory=lambda: [None])
    children: list[tuple[int, ...]] = field(default_factory=lambda: [(0, 0, 0, 0)])
    squares: dict[int, Cells] = field(default_factory=dict)  # the cells of nodes up to level 3

    def add_leaf(self, line: str) -> None:
        rows = line.split("$")
        if any(rows[8:]) or max(map(len, rows)) > 8:
            raise ValueError(f"the leaf {excerpt(line)!r} is larger than 8 × 8 cells")
        square = np.zeros((8, 8), np.uint8)
        for target, row in zip(square, rows, strict=False):
            target[: len(row)] = np.frombuffer(row.encode("ascii"), np.uint8) == ord("*")
        self._add_square(3, square)

    def add_node(self, line: str) -> None:
        found = _NODE.fullmatch(line)
        if not found:
            raise ValueError(f"{excerpt(line)!r} is not part of a Macrocell pattern: a node is 'level nw ne sw se'")
        if max(map(len, found.groups())) > _DIGITS:
            raise ValueError(f"the node {excerpt(line)!r} has too large a number")
        level, *parts = map(int, found.groups())
        if not 1 <= level <= _HIGHEST:
            raise ValueError(f"the node {excerpt(line)!r} is of level {level}; levels from 1 to {_HIGHEST} are read")
        if level == 1:  # Golly writes trees down to the single cell where cells have more states
            if max(parts) > 1:
                raise ValueError(
                    f"the pattern has more than two states (it has {max(parts)}); here a cell is dead or alive"
                )
            self._add_square(1, np.array(parts, np.uint8).reshape(2, 2))
            return
        for part in parts:
            if part >= len(self.levels):
                raise ValueError(f"the node {excerpt(line)!r} is made of nodes that do not come before it")
            if part and self.levels[part] != level - 1:
                raise ValueError(f"the node {excerpt(line)!r} is made of nodes that are not of level {level - 1}")
        if level <= 3:
            empty = np.zeros((1 << level - 1,) * 2, np.uint8)
            nw, ne, sw, se = (self.squares.get(part, empty) for part in parts)
            self._add_square(level, np.block([[nw, ne], [sw, se]]))
            return
        half = 1 << level - 1
        boxes = [
            (top + row * half, left + column * half, bottom + row * half, right + column * half)
            for part, (row, column) in zip(parts, _QUADRANTS, strict=True)
            for top, left, bottom, right in filter(None, [self.boxes[part]])
        ]
        self.levels.append(level)
        self.boxes.append(_around(boxes) if boxes else None)
        self.children.append(tuple(parts))

    def _add_square(self, level: int, square: Cells) -> None:
        rows, columns = np.nonzero(square)
        box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1) if rows.size else None
        self.squares[len(self.levels)] = square
        self.levels.append(level)
        self.boxes.append(box)
        self.children.append((0, 0, 0, 0))

    def draw(self, size: tuple[int, int] | None) -> Cells:
        """The cells of the last node: the box around the live ones, and around a board of `size` at the centre."""
        root, level, box = len(self.levels) - 1, self.levels[-1], self.boxes[-1]
        boxes = [box] if box else []
        if size is not None:
            top, left = ((1 << level >> 1) - side // 2 for side in size)
            boxes.append((top, left, top + size[0], left + size[1]))
        if not boxes:
            raise ValueError("the text holds no pattern")
        top, left, bottom, right = _around(boxes)
        height, width = bottom - top, right - left
        check_extent(height, width)
        if box is None:
            return np.zeros((height, width), np.uint8)
        # The canvas begins at a multiple of 8 in the tree, so that every leaf lies wholly on it.
        above, before = top % 8, left % 8
        canvas = np.zeros((-(-(above + height) // 8), 8, -(-(before + width) // 8), 8), np.uint8)
        leaves = np.zeros((len(self.squares), 8, 8), np.uint8)
        for leaf, square in zip(leaves, self.squares.values(), strict=True):
            leaf[: len(square), : len(square)] = square
        leaf_of = np.zeros(len(self.levels), np.int64)
        leaf_of[list(self.squares)] = np.arange(len(self.squares))
        children = np.array(self.children, np.int64)
        alive = np.array([box is not None for box in self.boxes])
        start = np.array([[root], [above - top], [before - left]], np.int64)
        middle = max(3, min(level, _STRIDE))
        for place in _descend(start, level, middle, children, alive).T:
            numbers, rows, columns = _descend(place[:, None], middle, 3, children, alive)
            canvas[rows // 8, :, columns // 8, :] = leaves[leaf_of[numbers]]
        whole = canvas.reshape(canvas.shape[0] * 8, canvas.shape[2] * 8)
        return whole[above : above + height, before : before + width]


def _descend(
    places: NDArray[np.int64], level: int, to: int, children: NDArray[np.int64], alive: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The live nodes of level `to` within these of `level`; both (3, n): their numbers, rows and columns."""
    while level > to:
        level -= 1
        numbers, rows, columns = places
        down, right = np.array(_QUADRANTS, np.int64).T << level
        places = np.stack([children[numbers], rows[:, None] + down, columns[:, None] + right]).reshape(3, -1)
        places = places[:, alive[places[0]]]
    return places


def _around(boxes: list[_Box]) -> _Box:
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


def _numbered(rows: NDArray[Any], count: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The number of each row, equal rows sharing one, from count + 1 on and 0 for zeros; and the distinct rows."""
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    some = distinct.any(axis=1)
    numbers = np.where(some, count + np.cumsum(some), 0)
    return numbers[inverse.reshape(-1)], distinct[some]


def _draw_leaf(rows: list[int]) -> str:
    """The line of a leaf whose eight rows are these bytes, first cell highest; dead ends are left out."""
    drawn = [f"{row:08b}".replace("0", ".").replace("1", "*").rstrip(".") for row in rows]
    return "$".join(drawn).rstrip("$") + "$"
