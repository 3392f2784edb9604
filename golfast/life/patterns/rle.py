"""Run length encoded patterns, https://conwaylife.com/wiki/Run_Length_Encoded."""

import re

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import MAX_SIDE, Cells
from golfast.life.patterns.pattern import LINE, Pattern, as_pattern, check_extent, excerpt, life_like, number, wrapped
from golfast.life.rule import Rule

# Matched against a line whose white space is collapsed to single spaces, so that no pattern can backtrack for long.
_HEADER_START = re.compile(r"x ?=", re.IGNORECASE)
_HEADER = re.compile(r"x ?= ?([0-9]+)[ ,]*y ?= ?([0-9]+)(.*)", re.IGNORECASE)
_HEADER_RULE = re.compile(r"rule ?= ?(.*)", re.IGNORECASE)
_NOT_RUN = re.compile(r"[^0-9bBoO.A$]")
_LIVE = np.frombuffer(b"oOA", np.uint8)
_ITEMS = 1 << 14  # read at a time, and
_ROWS = 64  # written, so that what is known of them stays in a cache
_STATE = re.compile(r"[p-y]?[A-X]")  # Golly's names of the states 1 to 255


def format_rle(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as RLE: no line longer than 70 characters, the last one ended.

    The header names the rule, Conway's if the pattern has none. Parsing gives the same cells, size included. Long
    names and comments go on in another line.
    """
    pattern = as_pattern(pattern)
    height, width = pattern.cells.shape
    lines = [f"#N {part}" for part in wrapped(pattern.name)]
    lines += [f"#C {part}" for comment in pattern.comments for part in wrapped(comment)]
    lines += [f"x = {width}, y = {height}, rule = {pattern.rule or Rule.parse('B3/S23')}", _body(pattern.cells)]
    return "\n".join(lines) + "\n"


def parse_rle(lines: list[str]) -> Pattern:
    """The pattern of these lines of RLE; what is forgiven and what is refused, `parse_pattern` says."""
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
                rule_line = life_like(remark)
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
        raise ValueError(f"the header {excerpt(line)!r} is not of the form 'x = 3, y = 3, rule = B3/S23'")
    width, height = number(found[1]), number(found[2])
    if height and width:  # Golly writes 0 for a pattern without cells
        check_extent(height, width)
    rule = _HEADER_RULE.search(found[3])
    return (height, width), life_like(rule[1]) if rule else None


def _refuse_states(runs: str, position: int) -> None:
    state = _STATE.match(runs, position)
    if state:
        raise ValueError(f"the pattern has more than two states (it has {state[0]!r}); here a cell is dead or alive")
    raise ValueError(f"{runs[position]!r} is not part of a pattern: RLE is made of counts and of b, o, $ and !")


def _fill(runs: str, height: int, width: int) -> Cells:
    """The cells of an RLE body, at least (height, width); all sizes are checked before anything is allocated."""
    letters = np.frombuffer(runs.encode(), np.uint8)
    named = height > 0 and width > 0
    tags_at = np.flatnonzero(letters - ord("0") > 9)  # unsigned: what comes before "0" is large
    begun = np.concatenate([[-1], tags_at])  # where the item before ended
    row = column = 0
    live: list[NDArray[np.int64]] = []
    for first in range(0, len(tags_at), _ITEMS):
        at = tags_at[first : first + _ITEMS]
        tags, counts = letters[at], _counts(letters, at, begun[first : first + len(at)])
        line_end = (tags == ord("$")) & (counts > 0)
        rows = np.cumsum(np.where(line_end, counts, 0)) + row
        cells = np.where(tags == ord("$"), 0, counts)
        passed = np.cumsum(cells) + column  # cells since the row began in which the last part ended
        stops = passed - np.maximum.accumulate(np.where(line_end, passed, 0))
        row, column = int(rows[-1]), int(stops[-1])
        if row > MAX_SIDE or int(stops.max()) > MAX_SIDE:
            raise ValueError(f"the pattern is larger than {MAX_SIDE} cells a side")
        alive = (cells > 0) & np.isin(tags, _LIVE)
        held = alive if named else cells > 0  # dead cells widen a pattern only where no header gives its size
        if held.any():
            height, width = max(height, int(rows[held].max()) + 1), max(width, int(stops[held].max()))
        live.append(np.stack([rows[alive], (stops - cells)[alive], stops[alive]]))
    if not height or not width:
        raise ValueError("the text holds no pattern")
    check_extent(height, width)
    edges = np.zeros(height * width + 1, np.int8)
    for row_of, start, stop in live:
        edges[row_of * width + start] += 1  # one run's end may be the next one's start, but no two start alike
        edges[row_of * width + stop] -= 1
    return np.cumsum(edges, out=edges, dtype=np.int8)[:-1].view(np.uint8).reshape(height, width)


def _counts(letters: NDArray[np.uint8], ends: NDArray[np.int64], begun: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers whose digits lie between begun and ends; 1 where there are none."""
    digits = ends - begun - 1
    longest = int(digits.argmax())
    number(letters[begun[longest] + 1 : ends[longest]].tobytes().decode() or "1")  # a ValueError if it has too many
    counts: NDArray[np.int64] = (digits == 0).astype(np.int64)
    for digit in range(int(digits[longest])):
        shown = digits > digit
        counts[shown] += (letters[ends[shown] - 1 - digit] - ord("0")) * np.int64(10**digit)
    return counts


def _body(cells: Cells) -> str:
    """Runs, in lines; dead cells at the end of a row, and empty rows at the end, need none."""
    text, row, used = [], 0, 0  # the row of the last run, and the letters in the last line
    for first in range(0, len(cells), _ROWS):
        rows, edges = np.nonzero(np.diff(cells[first : first + _ROWS].astype(np.int8), axis=1, prepend=0, append=0))
        rows, starts, stops = rows[::2] + first, edges[::2], edges[1::2]  # of each run of live cells
        line_ends = np.diff(rows, prepend=row)
        before = np.where(line_ends > 0, 0, np.roll(stops, 1))
        before[:1] = 0
        counts = np.stack([line_ends, starts - before, stops - starts], axis=1).reshape(-1)
        tags = np.tile(np.frombuffer(b"$bo", np.uint8), len(rows))
        if len(rows):
            row = int(rows[-1])
            part, used = _in_lines(counts[counts > 0], tags[counts > 0], used)
            text.append(part)
    text.append("!" if used < LINE else "\n!")
    return "".join(text)


def _in_lines(counts: NDArray[np.int64], tags: NDArray[np.uint8], used: int) -> tuple[str, int]:
    """Items of a count (left out if it is 1) and a letter, as many in a line as it can hold.

    used: letters that are in the first line already. Returns the text, and how many there are in its last line.
    """
    digits = np.searchsorted(10 ** np.arange(1, 8), counts, side="right") + 1
    digits[counts == 1] = 0
    ends = np.cumsum(digits + 1)  # of the items, were they all in one line
    starts = ends - digits - 1
    next_line = np.searchsorted(ends, starts + LINE, side="right")  # its first item, if a line begins here
    first, line, began = int(np.searchsorted(ends, LINE - used, side="right")), np.zeros(len(counts), np.int64), -used
    while first < len(counts):
        line[first], began = 1, int(starts[first])
        first = int(next_line[first])
    used = int(ends[-1]) - began
    ends += np.cumsum(line)
    text = np.full(ends[-1], ord("\n"), np.uint8)
    text[ends - 1] = tags
    for digit in range(int(digits.max())):
        shown = digits > digit
        text[ends[shown] - 2 - digit] = ord("0") + counts[shown] // 10**digit % 10
    return text.tobytes().decode(), used
