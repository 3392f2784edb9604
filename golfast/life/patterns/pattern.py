"""What every pattern format shares: the pattern itself, the limits, and words for what cannot be read."""

import re
import textwrap
from dataclasses import dataclass

import numpy as np

from golfast.life.boards import MAX_SIDE, Cells, check_cells, check_size, shown
from golfast.life.rule import Rule

MAX_CELLS = 1 << 28  # 256 MiB: a few bytes of run lengths could ask for a terabyte
LINE = 70  # what the RLE definition allows; the other formats allow more

_BOARD = re.compile(r"Board: x = ([0-9]+), y = ([0-9]+)")


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """A pattern with what its file says about it.

    cells: (H, W) uint8 0/1; anything `check_cells` takes is converted, and a ValueError if it is not one board.
    rule: the rule it was made for, None where the file names none (by convention Conway's).
    """

    cells: Cells
    name: str = ""
    rule: Rule | None = None
    comments: tuple[str, ...] = ()

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


def life_like(text: str) -> Rule | None:
    """The rule, without the bounded grid that Golly adds after a colon."""
    plain = text.partition(":")[0].strip()
    if not plain:
        return None
    try:
        return Rule.parse(plain)
    except ValueError:
        raise ValueError(
            f"the pattern's rule {excerpt(plain)!r} is not Life-like: golfast runs two-state rules such as B3/S23"
        ) from None


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


def excerpt(text: str) -> str:
    """The text, or its beginning if it is too long to be quoted in a message."""
    return text if len(text) <= 40 else text[:39] + "…"


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
