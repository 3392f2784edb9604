"""What every pattern format shares: the pattern itself, the limits, and words for what cannot be read."""

import re
import textwrap
from dataclasses import dataclass

import numpy as np

from golfast.life.boards import MAX_SIDE, Cells, check_cells, check_size, shown
from golfast.life.rule import Rule

MAX_CELLS = 1 << 28  # 256 MiB: a few bytes of run lengths could ask for a terabyte
LINE = 70  # what the RLE definition allows; the other formats allow more

RULE_DIGITS = re.compile(
    r"b[0-8]* ?/? ?s[0-8]*|s[0-8]* ?/? ?b[0-8]*|[0-8]+ ?/ ?[0-8]*|[0-8]* ?/ ?[0-8]+", re.IGNORECASE | re.ASCII
)
_ENDS = re.compile(
    r" ?(?:$|[,;:]|\.(?: |$))| (?!/|-(?! )|[0-9]+(?:[ ,;]|$)|(?:history|super|[hvl])\b)", re.IGNORECASE | re.ASCII
)
_WORDS = re.compile(r"[^:,;]*")
_CELLS = re.compile(r" [0-9boA.]*[$!]")
_GRID = re.compile(r" ?: ?([tp])([0-9]{1,9})(?:,([0-9]{1,9}))?(?! ?,? ?[-+*0-9]|[a-z])", re.IGNORECASE | re.ASCII)
_LONGEST_RULE = 100
_BOARD = re.compile(r"Board: x = ([0-9]+), y = ([0-9]+)")


@dataclass(frozen=True, slots=True)
class Grid:
    """The board that a pattern was made for, where its rule names one: B3/S23:T30,20 a torus, :P30,20 a plane.

    boundary: "torus" or "dead", as the simulation's. row, column: where on it the pattern's first cell lies.
    """

    boundary: str
    height: int
    width: int
    row: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f":{'T' if self.boundary == 'torus' else 'P'}{self.width},{self.height}"


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """A pattern with what its file says about it.

    cells: (H, W) uint8 0/1; anything `check_cells` takes is converted, and a ValueError if it is not one board.
    rule: the rule it was made for, None where the file names none (by convention Conway's).
    grid: the board it was made for, None where the file names none (by convention an unbounded one).
    """

    cells: Cells
    name: str = ""
    rule: Rule | None = None
    comments: tuple[str, ...] = ()
    grid: Grid | None = None

    def __post_init__(self) -> None:
        cells = check_cells(self.cells)
        if cells.ndim != 2:
            raise ValueError(f"a pattern is one board of shape (height, width); got shape {cells.shape}")
        object.__setattr__(self, "cells", cells)

    def place(self, height: int, width: int, *, row: int | None = None, column: int | None = None) -> Cells:
        """An otherwise empty board (height, width), uint8, with this pattern's first cell at (row, column).

        A coordinate that is left out centres the pattern. Raises ValueError if the pattern does not fit there.
        """
        check_size(height, width)
        tall, wide = self.cells.shape
        row = (height - tall) // 2 if row is None else row
        column = (width - wide) // 2 if column is None else column
        if not (0 <= row <= height - tall and 0 <= column <= width - wide):
            raise ValueError(
                f"a pattern of {tall} × {wide} cells does not fit on a board of {height} × {width} "
                f"at row {row}, column {column}"
            )
        board = np.zeros((height, width), np.uint8)
        board[row : row + tall, column : column + wide] = self.cells
        return board


def read_rule(text: str) -> tuple[Rule | None, "Grid | None", str]:
    """The rule that a text with single spaces begins with, the bounded grid that Golly adds, and the rest of the text.

    A rule in digits ends with them, and one in words, such as HighLife, at a comma. ValueError if the rule is not
    Life-like or the grid is neither a torus nor a plane.
    """
    text = text.strip()
    found = RULE_DIGITS.match(text)
    if found:
        written, rest = found[0], text[found.end() :]
        if not _ENDS.match(rest):  # a third number, or a letter: B3/S23/4, B3/S23History, B3/S23H
            raise _not_life_like(text)
    else:
        written = _WORDS.match(text)[0]  # type: ignore[index]  # it matches anything
        if cells := _CELLS.search(written):
            written = written[: cells.start()]
        rest = text[len(written) :]
    grid, rest = _read_grid(text, rest)
    if not written.strip():
        return None, grid, rest
    try:
        if len(written) > _LONGEST_RULE:
            raise ValueError
        return Rule.parse(written), grid, rest
    except ValueError:
        raise _not_life_like(written.strip()) from None


def _not_life_like(text: str) -> ValueError:
    return ValueError(
        f"the pattern's rule {excerpt(text)!r} is not Life-like: golfast runs two-state rules such as B3/S23"
    )


def _read_grid(text: str, rest: str) -> tuple["Grid | None", str]:
    if not rest.lstrip().startswith(":"):
        return None, rest
    found = _GRID.match(rest)
    width, height = (int(found[2]), int(found[3] or found[2])) if found else (0, 0)
    if not (found and width and height):
        raise ValueError(
            f"the pattern's rule {excerpt(text)!r} has a bounded grid that golfast does not run: it runs a torus such "
            "as :T30,20 and a plane such as :P30,20 (width, height)"
        )
    check_extent(height, width)
    return Grid("torus" if found[1] in "tT" else "dead", height, width), rest[found.end() :]


def torus_alone(grid: Grid | None) -> Grid | None:
    """The grid of a format that does not say where on it the pattern lies, which on a torus does not matter."""
    if grid is not None and grid.boundary != "torus":
        raise ValueError(
            f"the pattern's rule has the bounded grid {grid}, and where on this plane the pattern lies is read from "
            "RLE and MCell only; leave the grid out to run it"
        )
    return grid


def number(digits: str) -> int:
    """The number that these decimal digits write; ValueError where it is far too large for any pattern."""
    if len(digits) > 9:
        raise ValueError(f"{excerpt(digits)} is too large a number for a pattern, at most {MAX_SIDE} cells a side")
    return int(digits)


def check_extent(height: int, width: int) -> None:
    """Raise ValueError unless a pattern of this size may be read; asked before anything is allocated."""
    check_size(height, width)
    if height * width > MAX_CELLS:
        raise ValueError(f"a pattern of {height} × {width} cells is too large: at most {MAX_CELLS} cells are read")


def check_text(text: object) -> str:
    """The text; ValueError if it is something else."""
    if not isinstance(text, str):
        raise ValueError(f"a pattern is text; got {shown(text)}")
    return text


def check_tag(line: str, letters: str) -> None:
    """ValueError for a line "#I other.lif 5 5" whose letter, one of these, changes the cells in XLife's formats.

    Words that begin with such a letter are remarks.
    """
    letter, after = line[1:2].upper(), line[2:3]
    if letter and letter in letters and after in ("", " "):
        raise ValueError(
            f"the line {excerpt(line)!r} is of XLife's formats and may change the cells, and golfast does not read it; "
            "take it out to run the rest"
        )


def excerpt(text: str) -> str:
    """The text, or its beginning if it is too long to be quoted (by !r) in a message."""
    if len(text) <= 40 and text.isprintable():
        return text
    kept = text[:39]
    while len(repr(kept)) > 120:  # control characters are quoted as several
        kept = kept[:-1]
    return text if kept == text else kept + "…"


def as_pattern(pattern: object) -> Pattern:
    """The pattern, or one around bare cells (H, W); ValueError if they are not one board."""
    return pattern if isinstance(pattern, Pattern) else Pattern(check_cells(pattern))


def wrapped(remark: str) -> list[str]:
    """A name or comment as lines that fit behind a tag such as "#C "; none of them is empty."""
    return textwrap.wrap(" ".join(remark.split()), LINE - len("#C "), break_on_hyphens=False)


def board_line(height: int, width: int) -> str:
    """A comment that keeps the size of the board, for formats whose cells alone do not show it."""
    return f"Board: x = {width}, y = {height}"


def parse_board_line(remark: str) -> tuple[int, int] | None:
    """(height, width) if this comment is a `board_line`, else None."""
    found = _BOARD.fullmatch(" ".join(remark.split()))
    return (number(found[2]), number(found[1])) if found else None
