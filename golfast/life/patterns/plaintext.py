"""Patterns as pictures in plain text (.cells), https://conwaylife.com/wiki/Plaintext."""

import re
import textwrap

import numpy as np

from golfast.life.patterns.pattern import Pattern, as_pattern, check_extent

_NOT_PLAIN = re.compile(r"[^.oO*]")


def format_plaintext(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as plaintext: a line a row, `.` dead, `O` alive, below `!` name and comments.

    Parsing gives the same cells. The rule is lost: the format has no word for it.
    """
    pattern = as_pattern(pattern)
    name = " ".join(pattern.name.split())
    lines = [f"!Name: {name}"] if name else []
    lines += [f"!{line}" for comment in pattern.comments for line in comment.splitlines()]
    letters = np.where(pattern.cells == 1, ord("O"), ord(".")).astype(np.uint8)
    lines += [row.tobytes().decode("ascii") for row in letters]
    return "\n".join(lines) + "\n"


def parse_plaintext(lines: list[str]) -> Pattern:
    """The pattern of these lines of plaintext; what is forgiven and what is refused, `parse_pattern` says."""
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
    check_extent(height, width)
    cells = np.zeros((height, width), np.uint8)
    for target, row in zip(cells, rows, strict=True):
        target[: len(row)] = np.frombuffer(row.encode("ascii"), np.uint8) != ord(".")
    return Pattern(cells, name=name, comments=tuple(comments))
