"""Life 1.05, pictures in blocks, and Life 1.06, lists of coordinates: the .lif files of Alan Hensel's programs.

https://conwaylife.com/wiki/Life_1.05, https://conwaylife.com/wiki/Life_1.06. One parser reads both, line by line, as
Golly does: files exist that are headed by one version and written in the other.
"""

import re

import numpy as np

from golfast.life.boards import Cells
from golfast.life.patterns.pattern import (
    Grid,
    Pattern,
    as_pattern,
    board_line,
    check_extent,
    check_tag,
    excerpt,
    parse_board_line,
    read_rule,
    torus_alone,
    wrapped,
)
from golfast.life.rule import Rule

_WIDEST = 80  # characters of a line, says the definition of Life 1.05
_DIGITS = 18  # a pattern may lie far from the origin, but a coordinate is a machine integer
_XLIFE = "BEFIKLM"  # blocks, other files, runs and what is done with them
_LIFE = Rule.parse("B3/S23")

_PAIR = re.compile(r"([+-]?[0-9]+)(?: ,?|,) ?([+-]?[0-9]+)")
_ROW = re.compile(r"[.*oO]+")


def format_life105(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as Life 1.05: blocks at most 80 cells wide, around the origin.

    Dead cells are written too, so parsing gives the same cells, size included. A rule and its torus are kept (#N is
    Conway's); name and comments become #D lines.
    """
    pattern = as_pattern(pattern)
    height, width = pattern.cells.shape
    lines = ["#Life 1.05"]
    lines += [f"#D Name: {part}" for part in wrapped(pattern.name)]
    lines += [f"#D {part}" for comment in pattern.comments for part in wrapped(comment)]
    torus = pattern.grid if pattern.grid and pattern.grid.boundary == "torus" else ""
    if pattern.rule == _LIFE and not torus:
        lines.append("#N")
    elif pattern.rule is not None:
        birth, survival = str(pattern.rule).split("/")
        lines.append(f"#R {survival[1:]}/{birth[1:]}{torus}")
    letters = np.where(pattern.cells == 1, ord("*"), ord(".")).astype(np.uint8)
    for left in range(0, width, _WIDEST):
        lines.append(f"#P {left - width // 2} {-(height // 2)}")
        lines += [row[left : left + _WIDEST].tobytes().decode("ascii") for row in letters]
    return "\n".join(lines) + "\n"


def format_life106(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as Life 1.06: a line "x y" for each live cell, the first cell being 0 0.

    Parsing gives the same cells, size included: where the board is larger than the box around its live cells, a
    comment says how large, which the format does not know but its readers skip. Name, comments and rule are lost.
    """
    cells = as_pattern(pattern).cells
    rows, columns = np.nonzero(cells)
    lines = ["#Life 1.06"]
    corners = [(side.min(initial=1), side.max(initial=-1) + 1) for side in (rows, columns)]
    if corners != [(0, side) for side in cells.shape]:
        lines.append(f"#D {board_line(*cells.shape)}")
    lines += [f"{x} {y}" for x, y in zip(columns.tolist(), rows.tolist(), strict=True)]
    return "\n".join(lines) + "\n"


def parse_lif(lines: list[str]) -> Pattern:
    """The pattern of these lines of Life 1.05 or 1.06; what is forgiven and what is refused, `parse_pattern` says.

    Where its blocks and coordinates lie is kept among themselves only: the first row and column of the pattern are
    the first that any of them touches.
    """
    names: list[str] = []
    comments: list[str] = []
    rule: Rule | None = None
    grid: Grid | None = None
    size: tuple[int, int] | None = None
    rows: list[tuple[int, int, str]] = []
    points: list[tuple[int, int]] = []
    bare = False  # a list of coordinates, so that a comment may have to say how large the board is
    placed = False
    x = y = 0
    for line in lines:
        plain = " ".join(line.split())
        if plain.startswith("#"):
            letter, remark = plain[1:2], plain[2:].strip()
            check_tag(plain, _XLIFE)
            if letter in ("A", "a") and _PAIR.fullmatch(remark):  # where a list of coordinates begins; else an author
                check_tag(plain, "A")
            if plain[:5].lower() == "#life":
                bare = "1.06" in plain
            elif letter in ("P", "p"):
                x, y = _corner(remark, plain, first=not placed and not rows and not points)
                placed = True
            elif letter in ("R", "r"):
                rule, grid, _ = read_rule(remark)
            elif letter == "N" and not remark:
                rule, grid = _LIFE, None
            elif letter == "N":  # RLE's word for the name
                names.append(remark)
            elif letter == "O" and remark:
                comments.append(f"Author: {remark}")
            elif bare and size is None and letter == "D" and (found := parse_board_line(remark)):
                size = found
            elif letter in ("D", "C") and remark.lower().startswith("name:"):
                names.append(remark[5:].strip())
            elif letter in ("D", "d", "C", "c") and remark:
                comments.append(remark)
        elif _ROW.fullmatch(plain):
            rows.append((y, x, plain))
            y += 1
        elif plain:
            points.append(_pair(plain, plain))
    cells = _fill(rows, points, size)
    name, grid = " ".join(names).strip(), torus_alone(grid)
    return Pattern(cells, name=name, rule=rule, comments=tuple(comments), grid=grid)


def _corner(text: str, line: str, *, first: bool) -> tuple[int, int]:
    """The numbers of "#P -1 2"; the origin if there are none and nothing came before that could be meant."""
    if text and not _PAIR.fullmatch(text):
        raise ValueError(f"{excerpt(line)!r} does not say where its block lies: #P takes two numbers, such as #P -1 2")
    if not text and not first:
        raise ValueError(
            "a #P after the first block says not where its block lies; it takes two numbers, such as #P -1 2"
        )
    return _pair(text, line) if text else (0, 0)


def _pair(text: str, line: str) -> tuple[int, int]:
    found = _PAIR.fullmatch(text)
    if not found:
        raise ValueError(
            f"{excerpt(line)!r} is not part of a Life 1.05 or 1.06 pattern: it is made of rows of . and *, and of "
            "coordinates such as '-1 2'"
        )
    if max(len(digits.lstrip("+-")) for digits in found.groups()) > _DIGITS:
        raise ValueError(f"the coordinates {excerpt(text)!r} are too large")
    return int(found[1]), int(found[2])


def _fill(rows: list[tuple[int, int, str]], points: list[tuple[int, int]], size: tuple[int, int] | None) -> Cells:
    """The cells of all rows (y, x, letters) and points (x, y), on a board of at least `size` from the origin."""
    tops, lefts = [y for y, _, _ in rows], [x for _, x, _ in rows]
    bottoms, rights = [y + 1 for y in tops], [x + len(letters) for _, x, letters in rows]
    tops += [y for _, y in points]
    lefts += [x for x, _ in points]
    bottoms += [y + 1 for _, y in points]
    rights += [x + 1 for x, _ in points]
    if size is not None:
        tops, lefts = [*tops, 0], [*lefts, 0]
        bottoms, rights = [*bottoms, size[0]], [*rights, size[1]]
    if not tops:
        raise ValueError("the text holds no pattern")
    top, left = min(tops), min(lefts)
    height, width = max(bottoms) - top, max(rights) - left
    check_extent(height, width)
    cells = np.zeros((height, width), np.uint8)
    for y, x, letters in rows:  # blocks may overlap
        cells[y - top, x - left : x - left + len(letters)] |= np.frombuffer(letters.encode("ascii"), np.uint8) != ord(
            "."
        )
    if points:
        xs, ys = np.array(points, np.int64).T
        cells[ys - top, xs - left] = 1
    return cells
