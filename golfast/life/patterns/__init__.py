"""Patterns in and out of text: read as found in the wild, written as defined. A format is a file here."""

import os
import re
from dataclasses import replace
from pathlib import Path

from golfast.errors import meant
from golfast.life.builtin import PATTERNS
from golfast.life.patterns.lif import format_life105, format_life106, parse_lif
from golfast.life.patterns.macrocell import format_macrocell, parse_macrocell
from golfast.life.patterns.pattern import Pattern, check_text
from golfast.life.patterns.plaintext import format_plaintext, parse_plaintext
from golfast.life.patterns.rle import format_rle, parse_rle
from golfast.life.patterns.wechsler import APGCODE, parse_apgcode

__all__ = [
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

    Bytes that are not UTF-8, as in the comments of old files, are replaced. Raises OSError if the file cannot be read,
    and ValueError, beginning with the path, if it holds no pattern we can run.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
        raise ValueError(f"{path} is not a file, and so holds no pattern")
    text = path.read_bytes().decode(errors="replace")
    try:
        pattern = parse_pattern(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return pattern if pattern.name else replace(pattern, name=path.stem)


def parse_pattern(text: str) -> Pattern:
    """The pattern that `text` describes in RLE, plaintext, Life 1.05 or 1.06, Macrocell, or as an apgcode.

    Which of them it is shows in the text itself. All are read leniently, with any line ends and white space:

    RLE may come without its header or its final `!`, in upper or lower case; where cells lie beyond the size the
    header names, the pattern is as large as its cells need. The bounded grid of a rule such as B3/S23:T20,20 is left
    out: here the board decides. Plaintext rows may differ in length, and so may those of Life 1.05, whose blocks may
    overlap; their cells may be drawn with `*`, `O` or `o`, below lines that begin with `#` as well. Life 1.06 may hold
    commas. Macrocell may be a tree down to the single cell, as long as it has two states.

    Raises ValueError, in one sentence, for patterns of more than two states or of a rule that is not Life-like, for
    sizes that cannot be, and for any other text.
    """
    text = check_text(text).removeprefix("\ufeff")
    lines = text.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.lower().startswith("#life"):
        return parse_lif(lines)
    if first.lower().startswith("[m"):
        return parse_macrocell(lines)
    if APGCODE.fullmatch(text.strip()):
        return parse_apgcode(text)
    if first.startswith("!") or _PLAIN.fullmatch(text):
        return parse_plaintext(lines)
    body = "".join(line for line in lines if not line.lstrip().startswith("#"))
    if _PLAIN.fullmatch(body) and ("." in body or "*" in body):
        return parse_lif(lines)  # a picture below remarks, which no RLE can be: that has runs of b, or of . and A
    return parse_rle(lines)
