"""Run length encoded patterns, https://conwaylife.com/wiki/Run_Length_Encoded."""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import MAX_SIDE, Cells
from golfast.life.patterns.pattern import (
    LINE,
    RULE_DIGITS,
    Grid,
    Pattern,
    as_pattern,
    check_extent,
    check_tag,
    excerpt,
    number,
    read_rule,
    wrapped,
)
from golfast.life.rule import NAMED_RULES, Rule

# Matched against a line whose white space is collapsed to single spaces, so that no pattern can backtrack for long.
_HEADER_START = re.compile(r"x ?=", re.IGNORECASE)
HEADER = re.compile(r"x ?= ?([0-9]+)[ ,;]*y ?= ?([0-9]+)(.*)", re.IGNORECASE)
HEADER_LIKE = re.compile(r"(?<![a-z0-9])(?:[xy]|width|height) ?[=:] ?[0-9]", re.IGNORECASE)
_RULE_LINE = re.compile(r"rule ?[=:]", re.IGNORECASE)
_WORD = re.compile(r"rule ", re.IGNORECASE)
_PAIR = re.compile(r"([a-z]+) ?[=:] ?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+(?:[ ,;]+|$)", re.ASCII)
_RUNS = re.compile(r"[0-9bBoO.A$ ]+")
_POSITION = re.compile(r"\bpos ?= ?([+-]?[0-9]{1,9}) ?, ?([+-]?[0-9]{1,9})\b", re.IGNORECASE | re.ASCII)
_NOT_RUN = re.compile(r"[^0-9bBoO.A$]")
_LIVE = np.frombuffer(b"oOA", np.uint8)
_ITEMS = 1 << 14  # read at a time, and
_ROWS = 64  # written, so that what is known of them stays in a cache
_STATE = re.compile(r"[p-y]?[A-X]")  # Golly's names of the states 1 to 255
_NO_STATE = re.compile(r"[^0-9bo$.A-Xp-y]")
_BITS = re.compile(r"[01]{2,}")


def format_rle(pattern: Pattern | object) -> str:
    """A pattern, or bare cells (H, W), as RLE: no line longer than 70 characters, the last one ended.

    The header names the rule, Conway's if the pattern has none. Parsing gives the same cells, size included. Long
    names and comments go on in another line.
    """
    pattern = as_pattern(pattern)
    height, width = pattern.cells.shape
    grid = pattern.grid
    lines = [f"#N {part}" for part in wrapped(pattern.name)]
    lines += [f"#C {part}" for comment in pattern.comments for part in wrapped(comment)]
    if grid and (grid.row or grid.column):  # otherwise it lies in the grid's first corner
        lines.append(f"#CXRLE Pos={grid.column - grid.width // 2},{grid.row - grid.height // 2}")
    lines.append(f"x = {width}, y = {height}, rule = {pattern.rule or Rule.parse('B3/S23')}{grid or ''}")
    lines.append(_body(pattern.cells))
    return "\n".join(lines) + "\n"


def parse_rle(lines: list[str]) -> Pattern:
    """The pattern of these lines of RLE; what is forgiven and what is refused, `parse_pattern` says."""
    names: list[str] = []
    comments: list[str] = []
    header: _Header | None = None
    remarked: _Header | None = None
    place: tuple[int, int] | None = None
    body: list[str] = []
    ended = False
    quoted = ""
    for line in lines:
        plain = " ".join(line.split())
        if plain.startswith("#"):
            letter, remark = plain[1:2], plain[2:].strip()
            check_tag(plain, "BEIM")
            for text in (remark, plain[1:].strip()):
                quoted = quoted or (text if HEADER.fullmatch(text) else "")
            if letter == "N":
                names.append(remark)
            elif letter == "r":
                rule, grid, _ = read_rule(remark)
                remarked = _Header((0, 0), rule, grid)
            elif letter == "O" and remark:
                comments.append(f"Author: {remark}")  # as plaintext files write it
            elif letter in ("C", "c", "D") and remark.startswith("XRLE"):  # Golly's bookkeeping
                found = _POSITION.search(remark)
                place = (int(found[2]), int(found[1])) if found else place
            elif letter in ("C", "c", "D") and remark:
                comments.append(remark)
        elif not body and _HEADER_START.match(plain):
            if header is not None:
                raise ValueError("the pattern has two headers")
            header = _parse_header(plain)
        elif not body and header is not None and not header.rest and _RULE_LINE.match(plain):
            header = _parse_tail(plain, header.size, plain)
        elif not body and header is None and HEADER_LIKE.search(plain[:100]):
            raise _no_header(plain)
        elif plain:
            before, end, _ = plain.partition("!")
            body.append(before.replace(" ", ""))
            if ended := bool(end):
                break
    if header is None and quoted:  # its rule would be lost
        raise ValueError(f"the header {excerpt(quoted)!r} is in a comment; begin its line with 'x ='")
    header = header or _Header((0, 0), None, None)
    if header.rest:
        body, ended = _beside(header, body, ended)
    if header.size != (0, 0) and not body:
        raise ValueError("the pattern has a header and no cells: it is cut off")
    runs = "".join(body)
    check_runs(runs, ended=ended)
    cells = fill(runs, *header.size)
    rule, grid = (header if header.rule or remarked is None else remarked)[1:3]
    if grid is not None and place is not None:
        grid = replace(grid, row=place[0] + grid.height // 2, column=place[1] + grid.width // 2)
    return Pattern(cells, name=" ".join(names).strip(), rule=rule, comments=tuple(comments), grid=grid)


class _Header(NamedTuple):
    """What the line "x = 3, y = 3, rule = B3/S23" says."""

    size: tuple[int, int]
    """Height and width."""
    rule: Rule | None
    grid: Grid | None
    rest: str = ""
    """What comes after: cells, or words."""


def _parse_header(line: str) -> _Header:
    found = HEADER.fullmatch(line)
    if not found:
        raise _no_header(line)
    width, height = number(found[1]), number(found[2])
    if height and width:  # Golly writes 0 for a pattern without cells
        check_extent(height, width)
    return _parse_tail(found[3].lstrip(" ,;"), (height, width), line)


def _parse_tail(tail: str, size: tuple[int, int], line: str) -> _Header:
    """What comes after the size: a rule with or without its word, other keys with a number, cells."""
    at = 0
    while pair := _PAIR.match(tail, at):
        if pair[1].lower() == "rule":
            return _with_rule(tail[pair.end() :], size)
        value = _NUMBER.match(tail, pair.end())
        if not value:  # a rule behind a misspelt word would be lost
            raise _no_header(line)
        at = value.end()
    tail = tail[at:]
    if word := _WORD.match(tail):
        return _with_rule(tail[word.end() :], size)
    if RULE_DIGITS.match(tail) or tail.partition(",")[0].strip().lower() in NAMED_RULES:
        return _with_rule(tail, size)
    if not tail or _RUNS.fullmatch(tail.partition("!")[0]):
        return _Header(size, None, None, tail)
    raise _no_header(line)


def _with_rule(text: str, size: tuple[int, int]) -> _Header:
    rule, grid, rest = read_rule(text)
    rest = rest.strip(" ,;")
    return _Header(size, rule, grid, rest[1:].lstrip() if rest.startswith(". ") or rest == "." else rest)


def _no_header(line: str) -> ValueError:
    return ValueError(f"the header {excerpt(line)!r} is not of the form 'x = 3, y = 3, rule = B3/S23'")


def _beside(header: _Header, body: list[str], ended: bool) -> tuple[list[str], bool]:
    """The body of a pattern with something behind its header: cells go before it, words are left out."""
    before, end, _ = header.rest.partition("!")
    if not _RUNS.fullmatch(before):
        return body, ended
    runs = before.replace(" ", "")
    if not body:
        return [runs], bool(end)
    if "$" not in before:  # a word made of these letters, or the first row of the cells?
        raise ValueError(
            f"{excerpt(header.rest)!r} behind the header could be cells or a word; write the cells below it"
        )
    return ([runs], True) if end else ([runs, *body], ended)


def check_runs(runs: str, *, ended: bool) -> None:
    """ValueError unless these are runs of dead and live cells. ended: a `!` came after them."""
    if strange := _NOT_RUN.search(runs):
        _refuse_states(runs, strange.start())
    if "A" in runs or "." in runs:  # Golly's letters: there a capital B is the second state, not a dead cell
        for capital in "BO":
            if capital in runs:
                _refuse_states(runs, runs.index(capital))
    if _BITS.fullmatch(runs):
        raise ValueError(
            "rows of 0 and 1 are no format that golfast reads; write . for a dead cell and O for a live one"
        )
    if runs[-1:].isdigit() and not ended:
        raise ValueError("the pattern is cut off: it ends in a run count")


def _refuse_states(runs: str, position: int) -> None:
    if strange := _NO_STATE.search(runs):  # words, rather than states
        position = strange.start()
    state = _STATE.match(runs, position)
    if state:
        raise ValueError(f"the pattern has more than two states (it has {state[0]!r}); here a cell is dead or alive")
    raise ValueError(f"{runs[position]!r} is not part of a pattern: RLE is made of counts and of b, o, $ and !")


def fill(runs: str, height: int, width: int) -> Cells:
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
        if not counts.all():
            zero = int(np.argmin(counts))
            raise ValueError(f"the pattern has a run of none, '0{chr(tags[zero])}'; a run count is at least 1")
        line_end = tags == ord("$")
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
