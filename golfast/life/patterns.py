"""Patterns in and out of text: RLE and plaintext (.cells), read as found in the wild, written as defined.

RLE: https://conwaylife.com/wiki/Run_Length_Encoded. Plaintext: https://conwaylife.com/wiki/Plaintext.
"""

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from golfast.life.boards import MAX_SIDE, Cells, check_cells, check_size
from golfast.life.builtin import PATTERNS
from golfast.life.rule import Rule

_MAX_CELLS = 1 << 28  # 256 MiB: a few bytes of run lengths could ask for a terabyte
_LINE = 70  # what the RLE definition allows

# Matched against a line whose white space is collapsed to single spaces, so that no pattern can backtrack for long.
_HEADER_START = re.compile(r"x ?=", re.IGNORECASE)
_HEADER = re.compile(r"x ?= ?([0-9]+)[ ,]*y ?= ?([0-9]+)(.*)", re.IGNORECASE)
_HEADER_RULE = re.compile(r"rule ?= ?(.*)", re.IGNORECASE)
_RUN = re.compile(r"([0-9]*)([bBoO.A$])")
_NOT_RUN = re.compile(r"[^0-9bBoO.A$]")
_STATE = re.compile(r"[p-y]?[A-X]")  # Golly's names of the states 1 to 255
_PLAIN = re.compile(r"[.oO*\s]*")
_NOT_PLAIN = re.compile(r"[^.oO*]")


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


def find_pattern(name_or_path: str | os.PathLike[str]) -> Pattern:
    """The built-in pattern of this name (a key of `PATTERNS`, in any case), or else the one in the file at this path.

    Raises ValueError, listing the names, if it is neither; otherwise as `read_pattern`.
    """
    builtin = PATTERNS.get(str(name_or_path).lower())
    if builtin is not None:
        return parse_pattern(builtin)
    try:
        return read_pattern(name_or_path)
    except FileNotFoundError:
        names = ", ".join(PATTERNS)
        raise ValueError(f"{str(name_or_path)!r} is neither a file nor a built-in pattern: {names}") from None


def read_pattern(path: str | os.PathLike[str]) -> Pattern:
    """The pattern in an RLE or plaintext file, named after the file if it does not name itself.

    Bytes that are not UTF-8, as in the comments of old files, are replaced. Raises OSError if the file cannot be read,
    and ValueError, beginning with the path, if it holds no pattern we can run.
    """
    path = Path(path)
    text = path.read_bytes().decode(errors="replace")
    try:
        pattern = parse_pattern(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return pattern if pattern.name else replace(pattern, name=path.stem)


def parse_pattern(text: str) -> Pattern:
    """The pattern that `text` describes in RLE or plaintext; which of them it is shows in the text itself.

    RLE may come without its header or its final `!`, with white space anywhere, in upper or lower case; where cells
    lie beyond the size the header names, the pattern is as large as its cells need. The bounded grid of a rule such as
    B3/S23:T20,20 is left out: here the board decides. Plaintext rows may differ in length.

    Raises ValueError, in one sentence, for patterns of more than two states or of a rule that is not Life-like, for
    sizes that cannot be, and for any other text.
    """
    text = text.removeprefix("\ufeff")
    lines = text.splitlines()
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if first.lower().startswith("#life"):
        raise ValueError("files of Life 1.05 and 1.06 are not read; save the pattern as RLE or plaintext")
    if first.startswith("!") or _PLAIN.fullmatch(text):
        return _parse_plaintext(lines)
    return _parse_rle(lines)


def format_rle(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as RLE: no line longer than 70 characters, the last one ended.

    The header names the rule, Conway's if the pattern has none. Parsing gives the same cells, size included. Long
    names and comments go on in another line.
    """
    pattern = _as_pattern(pattern)
    height, width = pattern.cells.shape
    lines = [f"#N {part}" for part in _wrapped(pattern.name)]
    lines += [f"#C {part}" for comment in pattern.comments for part in _wrapped(comment)]
    lines += [f"x = {width}, y = {height}, rule = {pattern.rule or Rule.parse('B3/S23')}", ""]
    for run in _runs(pattern.cells):
        if len(lines[-1]) + len(run) > _LINE:
            lines.append("")
        lines[-1] += run
    return "\n".join(lines) + "\n"


def format_plaintext(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as plaintext: a line a row, `.` dead, `O` alive, below `!` name and comments.

    Parsing gives the same cells. The rule is lost: the format has no word for it.
    """
    pattern = _as_pattern(pattern)
    name = " ".join(pattern.name.split())
    lines = [f"!Name: {name}"] if name else []
    lines += [f"!{line}" for comment in pattern.comments for line in comment.splitlines()]
    letters = np.where(pattern.cells == 1, ord("O"), ord(".")).astype(np.uint8)
    lines += [row.tobytes().decode("ascii") for row in letters]
    return "\n".join(lines) + "\n"


def _parse_rle(lines: list[str]) -> Pattern:
    names: list[str] = []
    comments: list[str] = []
    size, rule, rule_line = (0, 0), None, None
    body: list[str] = []
    ended = False
    for line in lines:
        plain = " ".join(line.split())
        if plain.startswith("#"):
            letter, remark = plain[1:2], plain[2:].strip()
            if letter == "N":
                names.append(remark)
            elif letter == "r":
                rule_line = _life_like(remark)
            elif letter == "O" and remark:
                comments.append(f"Author: {remark}")  # as plaintext files write it
            elif letter in ("C", "c", "D") and remark and not remark.startswith("XRLE"):  # XRLE: Golly's bookkeeping
                comments.append(remark)
        elif not body and _HEADER_START.match(plain):
            if size != (0, 0):
                raise ValueError("the pattern has two headers")
            size, rule = _parse_header(plain)
        elif plain:
            before, end, _ = plain.partition("!")
            body.append(before.replace(" ", ""))
            if ended := bool(end):
                break
    runs = "".join(body)
    if strange := _NOT_RUN.search(runs):
        _refuse_states(runs, strange.start())
    if "A" in runs or "." in runs:  # Golly's letters: there a capital B is the second state, not a dead cell
        for capital in "BO":
            if capital in runs:
                _refuse_states(runs, runs.index(capital))
    if runs[-1:].isdigit() and not ended:
        raise ValueError("the pattern is cut off: it ends in a run count")
    cells = _fill(runs, *size)
    return Pattern(cells, name=" ".join(names).strip(), rule=rule or rule_line, comments=tuple(comments))


def _parse_header(line: str) -> tuple[tuple[int, int], Rule | None]:
    """(height, width) and the rule of a line "x = 3, y = 3, rule = B3/S23"."""
    found = _HEADER.fullmatch(line)
    if not found:
        raise ValueError(f"the header {_excerpt(line)!r} is not of the form 'x = 3, y = 3, rule = B3/S23'")
    width, height = _number(found[1]), _number(found[2])
    if height and width:  # Golly writes 0 for a pattern without cells
        _check_extent(height, width)
    rule = _HEADER_RULE.search(found[3])
    return (height, width), _life_like(rule[1]) if rule else None


def _life_like(text: str) -> Rule | None:
    """The rule, without the bounded grid that Golly adds after a colon."""
    plain = text.partition(":")[0].strip()
    if not plain:
        return None
    try:
        return Rule.parse(plain)
    except ValueError:
        raise ValueError(
            f"the pattern's rule {_excerpt(plain)!r} is not Life-like: golfast runs two-state rules such as B3/S23"
        ) from None


def _refuse_states(runs: str, position: int) -> None:
    state = _STATE.match(runs, position)
    if state:
        raise ValueError(f"the pattern has more than two states (it has {state[0]!r}); here a cell is dead or alive")
    raise ValueError(f"{runs[position]!r} is not part of a pattern: RLE is made of counts and of b, o, $ and !")


def _fill(runs: str, height: int, width: int) -> Cells:
    """The cells of an RLE body, at least (height, width); all sizes are checked before anything is allocated."""
    live: list[tuple[int, int, int]] = []
    row = column = 0
    named = height > 0 and width > 0
    for digits, tag in _RUN.findall(runs):
        count = _number(digits) if digits else 1
        if tag == "$":
            row, column = row + count, 0
        else:
            start, column = column, column + count
            if tag in "oOA" and count:
                live.append((row, start, column))
                height, width = max(height, row + 1), max(width, column)
            elif count and not named:  # dead cells widen a pattern only where no header gives its size
                height, width = max(height, row + 1), max(width, column)
        if row > MAX_SIDE or column > MAX_SIDE:
            raise ValueError(f"the pattern is larger than {MAX_SIDE} cells a side")
    if not height or not width:
        raise ValueError("the text holds no pattern")
    _check_extent(height, width)
    cells = np.zeros((height, width), np.uint8)
    for row, start, stop in live:
        cells[row, start:stop] = 1
    return cells


def _parse_plaintext(lines: list[str]) -> Pattern:
    name = ""
    comments: list[str] = []
    rows: list[str] = []
    for line in lines:
        if line.lstrip().startswith("!"):
            remark = line.strip()[1:].strip()
            if remark.lower().startswith("name:") and not name:
                name = remark[5:].strip()
            elif remark:
                comments.append(remark)
        else:
            rows.append(line.rstrip())
    # An indented block is a block; within it a blank line is an empty row, around it only air.
    rows = textwrap.dedent("\n".join(rows).rstrip("\n").lstrip("\n")).split("\n")
    height, width = len(rows), max(map(len, rows))
    for row in rows:
        if strange := _NOT_PLAIN.search(row):
            raise ValueError(f"{strange[0]!r} is not part of a plaintext pattern: a cell is . or O")
    if not width:
        raise ValueError("the text holds no pattern")
    _check_extent(height, width)
    cells = np.zeros((height, width), np.uint8)
    for target, row in zip(cells, rows, strict=True):
        target[: len(row)] = np.frombuffer(row.encode("ascii"), np.uint8) != ord(".")
    return Pattern(cells, name=name, comments=tuple(comments))


def _number(digits: str) -> int:
    if len(digits) > 9:
        raise ValueError(f"{_excerpt(digits)} is too large a number for a pattern, at most {MAX_SIDE} cells a side")
    return int(digits)


def _check_extent(height: int, width: int) -> None:
    check_size(height, width)
    if height * width > _MAX_CELLS:
        raise ValueError(f"a pattern of {height} × {width} cells is too large: at most {_MAX_CELLS} cells are read")


def _excerpt(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _as_pattern(pattern: object) -> Pattern:
    return pattern if isinstance(pattern, Pattern) else Pattern(check_cells(pattern))


def _wrapped(remark: str) -> list[str]:
    return textwrap.wrap(" ".join(remark.split()), _LINE - len("#C "), break_on_hyphens=False)


def _runs(cells: Cells) -> Iterator[str]:
    """The items of an RLE body; dead cells at the end of a row, and empty rows at the end, need none."""
    line_ends = 0
    for row in cells:
        edges = np.flatnonzero(np.diff(row, prepend=0, append=0)).tolist()
        if edges and line_ends:
            yield _run(line_ends, "$")
            line_ends = 0
        column = 0
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if start > column:
                yield _run(start - column, "b")
            yield _run(stop - start, "o")
            column = stop
        line_ends += 1
    yield "!"


def _run(count: int, tag: str) -> str:
    return f"{count if count > 1 else ''}{tag}"
