"""Patterns in and out of text: read as found in the wild, written as defined. A format is a file here."""

import os
import re
from dataclasses import replace
from pathlib import Path

from golfast.errors import meant
from golfast.life.builtin import PATTERNS
from golfast.life.patterns.lif import format_life105, format_life106, parse_lif
from golfast.life.patterns.macrocell import format_macrocell, parse_macrocell
from golfast.life.patterns.mcell import parse_mcell
from golfast.life.patterns.pattern import Grid, Pattern, check_text, excerpt
from golfast.life.patterns.plaintext import format_plaintext, parse_plaintext
from golfast.life.patterns.rle import HEADER, HEADER_LIKE, format_rle, parse_rle
from golfast.life.patterns.text import MAX_BYTES, decode_text, split_lines
from golfast.life.patterns.wechsler import APGCODE, parse_apgcode

__all__ = [
    "Grid",
    "Pattern",
    "find_pattern",
    "format_life105",
    "format_life106",
    "format_macrocell",
    "format_plaintext",
    "format_rle",
    "parse_apgcode",
    "parse_pattern",
    "read_pattern",
]

_PLAIN = re.compile(r"[.oO*\s]*")
_MARKED = "#[xX!"
_MARK = re.compile(r"#life 1\.0|#mcell\b|\[m[0-9]|!name\b", re.IGNORECASE)  # of a header, beside that of RLE
_CELLS = re.compile(r"(?=.*[oOA*$])[0-9bBoO.A$!*\s]+")
_LONG = 200  # letters of a line that tell what it is
_NO_STATE = re.compile(r"[ac-nzYZ]")  # a letter that no RLE has, of however many states


def find_pattern(name_or_path: str | os.PathLike[str]) -> Pattern:
    """The built-in pattern of this name (a key of `PATTERNS`, in any case), or of this apgcode, or in this file.

    Raises ValueError, listing the names, if it is none of these; otherwise as `parse_apgcode` or `read_pattern`.
    """
    builtin = PATTERNS.get(str(name_or_path).lower())
    if builtin is not None:
        return parse_pattern(builtin)
    if APGCODE.fullmatch(str(name_or_path)):
        return parse_apgcode(str(name_or_path))
    try:
        return read_pattern(name_or_path)
    except FileNotFoundError:
        near = meant(str(name_or_path), PATTERNS)
        raise ValueError(f"{str(name_or_path)!r} is neither a file nor a built-in pattern; {near}") from None


def read_pattern(path: str | os.PathLike[str]) -> Pattern:
    """The pattern in a file of any format that `parse_pattern` knows, named after the file if it does not name itself.

    The file may be packed by gzip, and its text may be UTF-16. Bytes that are not UTF-8, as in the comments of old
    files, are replaced. Raises OSError if the file cannot be read, and ValueError, beginning with the path, if it holds
    no pattern we can run.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path} is not a file, and so holds no pattern")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        pattern = parse_pattern(decode_text(data))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return (
        pattern
        if pattern.name
        else replace(pattern, name=path.name.removesuffix(".gz").rpartition(".")[0] or path.stem)
    )


def parse_pattern(text: str) -> Pattern:
    """The pattern that `text` describes in RLE, plaintext, Life 1.05 or 1.06, Macrocell, MCell, or as an apgcode.

    Which of them it is shows in the text itself. All are read leniently, with any line ends and white space. Lines
    above the header that are no cells are comments, and so are words above bare cells; what forums put around a copy
    ("Code: Select all") is left out.

    RLE may come without its header or its final `!`, in upper or lower case, the header without the word `rule`, with
    words after the rule or with the cells on its line; where cells lie beyond the size the header names, the pattern is
    as large as its cells need. The bounded grid of a rule such as B3/S23:T20,20 is kept as the pattern's `grid`.
    Plaintext rows may differ in length, and so may those of Life 1.05, whose blocks may overlap, and of which the first
    may leave its place out; their cells may be drawn with `*`, `O` or `o`, below lines that begin with `#` as well.
    Life 1.06 may hold commas. Macrocell may be a tree down to the single cell, as long as it has two states.

    Raises ValueError, in one sentence, for patterns of more than two states, of a rule that is not Life-like or of a
    grid that is neither a torus nor a plane, for sizes that cannot be, and for any other text.
    """
    lines, mark = _below_title(split_lines(check_text(text)))
    first = mark or next((line.strip() for line in lines if line.strip()), "")
    start = first[:6].lower()
    if start[:5] == "#life":
        return parse_lif(lines)
    if start == "#mcell":
        return parse_mcell(lines)
    if start.startswith("[m"):
        return parse_macrocell(lines)
    if first.startswith("!"):
        below = _below_remarks(lines)
        return parse_plaintext(lines) if below is None else parse_rle(below)
    if mark:
        return parse_rle(lines)
    if APGCODE.fullmatch("".join(lines).strip()):
        return parse_apgcode("".join(lines))
    remarked = any(line.lstrip().startswith("!") for line in lines)
    lines = _below_words(lines)
    rows = [line for line in lines if not line.lstrip().startswith("!")]
    if all(map(_PLAIN.fullmatch, rows)):
        _check_plain(rows, remarked=remarked)
        return parse_plaintext(lines)
    if remarked or any("!" in row for row in rows):
        cut = [row.partition("!")[0] for row in rows]  # a remark behind a row
        picture = "".join(cut)
        if _PLAIN.fullmatch(picture) and ("*" in picture or ("." in picture and "o" in picture.lower())):
            return parse_plaintext(cut)
    body = "".join(line for line in lines if not line.lstrip().startswith("#"))
    if _PLAIN.fullmatch(body) and ("." in body or "*" in body):
        return parse_lif(lines)  # a picture below remarks, which no RLE can be: that has runs of b, or of . and A
    return parse_rle(lines)


def _below_title(lines: list[str]) -> tuple[list[str], str]:
    """The lines with any text above the header as comments, and the header, "" if there is none."""
    titles: list[int] = []
    remark = ""  # "!Name: Glider", which may stand above another header
    for at, line in enumerate(lines):
        begin = line.lstrip()[:1]
        if begin in _MARKED and begin:
            plain = " ".join(line.split())
            if begin == "!":
                remark = remark or (plain if _MARK.match(plain) else "")
            elif _MARK.match(plain) or HEADER.fullmatch(plain):
                break
        if remark and begin not in "!" and _PLAIN.fullmatch(line):
            plain = remark
            break
        if begin and begin != "#":
            titles.append(at)
    else:
        if not remark:
            return lines, ""
        plain = remark
    if plain.startswith("!"):
        first = next(at for at, line in enumerate(lines) if " ".join(line.split()) == plain)
        titles = [at for at in titles if at < first and not lines[at].lstrip().startswith("!")]
    for at in titles:
        if _CELLS.fullmatch(lines[at]) and not lines[at].lstrip().startswith("!"):
            raise ValueError(
                f"there are cells, {excerpt(lines[at])!r}, above the header {excerpt(plain)!r}; take either away"
            )
    if titles:
        lines = lines.copy()
        for at in titles:
            lines[at] = "!" + lines[at].strip() if plain.startswith("!") else _remark(lines[at])
    return lines, plain


def _remark(line: str) -> str:
    """A title, or a comment of plaintext, as the other formats write it."""
    text = line.strip().lstrip("!").strip()
    return f"#N {text[5:].strip()}" if text.lower().startswith("name:") else f"#C {text}"


def _below_remarks(lines: list[str]) -> list[str] | None:
    """The lines with plaintext's comments above the cells as those of RLE, if the cells are RLE; else None."""
    first = next((at for at, line in enumerate(lines) if line.strip() and line.lstrip()[0] not in "!#"), len(lines))
    body = "".join(lines[first:])
    begin = lines[first][:_LONG] if body else ""
    if not body or _PLAIN.fullmatch(begin) or not _CELLS.fullmatch(begin) or "$" not in body:
        return None
    return [_remark(line) if line.lstrip().startswith("!") else line for line in lines[:first]] + lines[first:]


def _below_words(lines: list[str]) -> list[str]:
    """The lines with words above the first cells as comments.

    A line of words has two letters that no RLE has, so that neither a damaged row nor a pattern of more states is
    taken for it, and lost.
    """
    titles: list[int] = []
    for at, line in enumerate(lines):
        if not line.strip() or line.lstrip()[0] in "#!":
            continue
        if _PLAIN.fullmatch(line[:_LONG]) or _CELLS.fullmatch(line[:_LONG]):
            break
        begin = line.partition("!")[0].split()[:1]  # a row, perhaps, with a remark or what damaged it behind
        row = not begin or begin[0][0] in ".*" or (_CELLS.fullmatch(begin[0]) and begin[0] not in ("A", "O", "o"))
        if row or "$" in line or HEADER_LIKE.search(line) or len(_NO_STATE.findall(line)) < 2:
            return lines
        titles.append(at)
    else:
        return lines
    if not titles:
        return lines
    rest = lines[titles[-1] + 1 :]
    plain = all(_PLAIN.fullmatch(line) for line in rest if not line.lstrip().startswith("!"))
    lines = lines.copy()
    for at in titles:
        lines[at] = f"!{lines[at].strip()}" if plain else _remark(lines[at])
    return lines


def _check_plain(rows: list[str], *, remarked: bool) -> None:
    """ValueError if this may be RLE in several lines as well, of live cells alone and ended by a `!`."""
    picture = "".join(rows)
    if remarked and not ("." in picture or "*" in picture) and sum(map(bool, rows)) > 1:
        raise ValueError("these rows of live cells with a ! below them could be plaintext or RLE; give RLE its header")
