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
from golfast.life.patterns.rle import HEADER, format_rle, parse_rle
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
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
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
    above the header that are no cells are comments, and what forums put around a copy ("Code: Select all") is left out.

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
        return parse_plaintext(lines)
    if mark:
        return parse_rle(lines)
    if APGCODE.fullmatch("".join(lines).strip()):
        return parse_apgcode("".join(lines))
    rows = [line for line in lines if not line.lstrip().startswith("!")]
    if all(map(_PLAIN.fullmatch, rows)):
        _check_plain(rows, remarked=len(rows) < len(lines))
        return parse_plaintext(lines)
    body = "".join(line for line in lines if not line.lstrip().startswith("#"))
    if _PLAIN.fullmatch(body) and ("." in body or "*" in body):
        return parse_lif(lines)  # a picture below remarks, which no RLE can be: that has runs of b, or of . and A
    return parse_rle(lines)


def _below_title(lines: list[str]) -> tuple[list[str], str]:
    """The lines with any text above the header as comments, and the header, "" if there is none."""
    titles: list[int] = []
    for at, line in enumerate(lines):
        begin = line.lstrip()[:1]
        if begin in _MARKED and begin:
            plain = " ".join(line.split())
            if _MARK.match(plain) or HEADER.fullmatch(plain):
                break
        if begin and begin not in "#!":
            titles.append(at)
    else:
        return lines, ""
    for at in titles:
        if _CELLS.fullmatch(lines[at]):
            raise ValueError(
                f"there are cells, {excerpt(lines[at])!r}, above the header {excerpt(plain)!r}; take either away"
            )
    if titles:
        lines = lines.copy()
        for at in titles:
            lines[at] = ("!" if plain.startswith("!") else "#C ") + lines[at].strip()
    return lines, plain


def _check_plain(rows: list[str], *, remarked: bool) -> None:
    """ValueError if this may be RLE in several lines as well, of live cells alone and ended by a `!`."""
    picture = "".join(rows)
    if remarked and not ("." in picture or "*" in picture) and sum(map(bool, rows)) > 1:
        raise ValueError("these rows of live cells with a ! below them could be plaintext or RLE; give RLE its header")
