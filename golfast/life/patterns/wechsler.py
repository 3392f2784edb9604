"""Extended Wechsler format, the part of an apgcode that holds the cells: https://conwaylife.com/wiki/Apgcode.

The pattern is cut into strips of five rows. A character of a strip is a column of five cells, 0-9 and a-v, the highest
cell counting 1; w and x are two and three empty columns, y and a character more are four and more; z ends a strip.
"""

import re

import numpy as np

from golfast.life.boards import MAX_SIDE, Cells
from golfast.life.patterns.pattern import Pattern, check_extent, check_text, excerpt

APGCODE = re.compile(r"x[spq][0-9]+_([0-9a-z]+)", re.IGNORECASE | re.ASCII)

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST = 39  # empty columns that one y and its character can count
_ITEM = re.compile(r"y[0-9a-z]?|[0-9a-xz]", re.ASCII)
_EMPTY = re.compile("0+")


def format_wechsler(cells: Cells) -> str:
    """Cells (H, W), uint8 0/1, in extended Wechsler format, as they lie: the caller cuts the margins off."""
    height, width = cells.shape
    strips = -(-height // 5)
    padded = np.zeros((5 * strips, width), np.uint8)
    padded[:height] = cells
    columns = np.tensordot(np.array([1, 2, 4, 8, 16], np.uint8), padded.reshape(strips, 5, width), axes=(0, 1))
    letters = np.frombuffer(_DIGITS.encode("ascii"), np.uint8)[columns]
    lines = (row.tobytes().decode("ascii").rstrip("0") for row in letters)
    return "z".join(_EMPTY.sub(lambda run: _empty(len(run[0])), line) for line in lines) or "0"


def _empty(columns: int) -> str:
    long, columns = divmod(columns - 1, _LONGEST)
    columns += 1  # 1 to 39, so that a run of 40 is yz0, as lifelib writes it
    return "yz" * long + ("", "0", "w", "x")[columns] if columns < 4 else "yz" * long + f"y{_DIGITS[columns - 4]}"


def parse_apgcode(code: str) -> Pattern:
    """The pattern that an apgcode spells, such as "xq4_153" for the glider; trimmed, and named after the code.

    Capital letters, a wrong population or period, and a code that is not the canonical one of its object do no harm.
    A code without live cells, "xs0_0", is one dead cell.

    Raises ValueError for codes without cells (those of guns, of objects too large and of chaos hold a hash), for
    patterns too large, and for any other text.
    """
    plain = check_text(code).strip().lower()
    found = APGCODE.fullmatch(plain)
    if not found:
        raise ValueError(f"{excerpt(code)!r} is not an apgcode that spells its cells, such as xq4_153")
    live: list[tuple[int, int, int]] = []
    strip = column = 0
    for item in _ITEM.findall(found[1]):
        value = _DIGITS.index(item[-1])
        if item == "z":
            strip, column = strip + 1, 0
        elif item == "y":
            raise ValueError(f"the apgcode {excerpt(plain)!r} is cut off: it ends in y")
        elif item[0] == "y":
            column += value + 4
        elif value > 31:
            column += value - 30
        else:
            if value:
                live.append((strip, column, value))
            column += 1
        if 5 * strip > MAX_SIDE or column > MAX_SIDE:
            raise ValueError(f"the pattern is larger than {MAX_SIDE} cells a side")
    if not live:
        return Pattern(np.zeros((1, 1), np.uint8), name=plain)
    first, left = min(strip for strip, _, _ in live), min(column for _, column, _ in live)
    strips, width = max(strip for strip, _, _ in live) + 1 - first, max(column for _, column, _ in live) + 1 - left
    check_extent(5 * strips, width)
    at = np.array(live)
    columns = np.zeros((strips, width), np.uint8)
    columns[at[:, 0] - first, at[:, 1] - left] = at[:, 2]
    cells = np.stack([columns >> bit & 1 for bit in range(5)], axis=1).reshape(5 * strips, width)
    rows = np.flatnonzero(cells.any(axis=1))
    return Pattern(cells[rows[0] : rows[-1] + 1], name=plain)
