"""MCell (.mcl), the format of Mirek Wojtowicz's program: http://www.mirekw.com/ca/ca_files_formats.html.

#MCell 4.00
#GAME Life         two states; other games are other worlds
#RULE 23/3         survival first
#BOARD 20x20       width and height
#WRAP 1            the board is a torus; 0: a plane
#D remark
#L .A$..A$3A       cells, as RLE has them
"""

import re

import numpy as np

from golfast.life.patterns.pattern import Grid, Pattern, check_extent, excerpt, number, read_rule
from golfast.life.patterns.rle import check_runs, fill
from golfast.life.rule import Rule

_TAG = re.compile(r"#([a-z]+)(?: (.*))?", re.IGNORECASE)
_BOARD = re.compile(r"([0-9]+) ?x ?([0-9]+)", re.IGNORECASE)
_GAMES = ("life", "standard life")


def parse_mcell(lines: list[str]) -> Pattern:
    """The pattern of these lines of MCell; what is forgiven and what is refused, `parse_pattern` says."""
    comments: list[str] = []
    rule: Rule | None = None
    board: tuple[int, int] | None = None
    wrapped: bool | None = None
    body: list[str] = []
    for line in lines:
        plain = " ".join(line.split())
        found = _TAG.fullmatch(plain)
        if not found:
            if plain and not plain.startswith("#"):
                raise ValueError(
                    f"{excerpt(plain)!r} is not part of an MCell pattern: its lines begin with a # and a word"
                )
            continue
        tag, remark = found[1].upper(), found[2] or ""
        if tag == "L":
            body.append(remark.replace(" ", ""))
        elif tag == "GAME" and remark.lower() not in _GAMES:
            raise ValueError(f"the pattern is of MCell's game {excerpt(remark)!r}; golfast runs its game Life alone")
        elif tag in ("RULE", "GOLLY"):
            rule, grid, rest = read_rule(remark)
            if grid or rest.strip():
                raise ValueError(
                    f"the pattern's rule {excerpt(remark)!r} is not one of MCell's game Life, such as 23/3"
                )
        elif tag == "BOARD":
            board = _size(remark)
        elif tag == "WRAP":
            wrapped = remark.startswith("1")
        elif tag in ("D", "C", "N") and remark:
            comments.append(remark)
    runs = "".join(body)
    check_runs(runs, ended=False)
    cells = fill(runs, 0, 0)
    grid = None
    if board is not None and wrapped is not None:
        places = []
        for side, across in zip(board, (1, 0), strict=True):  # MCell puts the live cells into the middle
            alive = np.flatnonzero(cells.any(axis=across))
            first, last = (int(alive[0]), int(alive[-1])) if alive.size else (0, 0)
            places.append((side + 1 - (last - first + 1)) // 2 - first)
        grid = Grid("torus" if wrapped else "dead", *board, *places)
    return Pattern(cells, rule=rule, comments=tuple(comments), grid=grid)


def _size(text: str) -> tuple[int, int]:
    found = _BOARD.fullmatch(text)
    if not found:
        raise ValueError(f"the board {excerpt(text)!r} is not of the form 20x20 (width, height)")
    width, height = number(found[1]), number(found[2])
    check_extent(height, width)
    return height, width
