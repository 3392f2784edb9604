"""Files of somebody else: what is in them is looked at before it is believed.

One reader for each kind of file. It opens regular files only, reads no more than such a file can hold, and returns
plain values of bounded depth and size. A shape says what must be where:

    str, int, float, bool, None     a value of that type; a whole number is a number, too
    object                          any value
    (shape, shape)                  one of these
    [shape]                         a list of such values
    {"name": shape, "more?": shape} a table that has these keys, and may have more; "?" marks one that may be missing
    Each(shape)                     a table of whatever keys, with such values
    From(low, high)                 a whole number from low to high
"""

import json
import math
import os
import re
import stat
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from golfast.errors import Failure, printable, shown

JSON_BYTES = 1 << 26
TOML_BYTES = 1 << 23
TEXT_BYTES = 1 << 20
DEPTH = 32
"""Tables and lists within each other: what golfast writes has 6."""
_LARGEST, _GREATEST = 2**64, 1e100
"""Bounds of numbers: whole ones, and others. No figure is near."""

Shape = Any


@dataclass(frozen=True, slots=True)
class Each:
    """The shape of a table of whatever keys, with values of this shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class From:
    """The shape of a whole number within bounds."""

    low: int
    high: int


def check_regular(path: Path) -> None:
    """Failure unless `path` is a regular file: a pipe would be waited for, a device may never end.

    FileNotFoundError if nothing is there. For what others open; what we open ourselves, `read_bytes` looks at.
    """
    _refuse_others(path, path.stat().st_mode)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file. Failure if it is none, or has more than `most` bytes; OSError if not readable."""
    with open_regular(path) as file:
        content = b"" if os.fstat(file.fileno()).st_size > most else file.read()
        size = max(len(content), os.fstat(file.fileno()).st_size)
    if size > most:
        raise Failure(f"{path} has more than {most:,} bytes; golfast writes no such file")
    return content


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, opened to be read. Failure if it is none; OSError if it cannot be read."""
    check_regular(path)  # first, for opening a pipe or a device may already do something
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _refuse_others(path, os.fstat(file.fileno()).st_mode)  # again, for it may be another by now
    except BaseException:
        file.close()
        raise
    return file


def read_text(path: Path, most: int) -> str:
    """The text of a regular file in UTF-8. Failure if it is none; OSError if it cannot be read."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is no text in UTF-8: byte {error.start} does not fit") from None


def read_json(path: Path, shape: Shape = object) -> Any:
    """The value in a JSON file. Failure if it is not a regular file, not JSON or of another shape; OSError."""
    try:
        return parse_json(read_bytes(path, JSON_BYTES).decode("utf-8-sig"), shape)
    except ValueError as error:
        raise Failure(f"{path} is damaged: {error}") from None


def read_toml(path: Path, *, most: int = TOML_BYTES) -> dict[str, Any]:
    """The tables of a TOML file of at most `most` bytes. Failure, with the place, if it is not one; OSError."""
    try:
        return parse_toml(read_text(path, most))
    except ValueError as error:
        raise Failure(f"{path} is not valid TOML: {error}") from None


def parse_json(text: str, shape: Shape = object) -> Any:
    """The value that a JSON text holds. ValueError if it is not JSON, out of bounds, or of another shape."""
    try:
        found = _JSON.decode(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} deep") from None
    except ValueError as error:
        raise _in_our_words(error) from None
    if "\\u" in text and not _whole(text, found):
        raise ValueError("it holds half a character")
    check_bounds(found)
    check_shape(found, shape)
    return found


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text. ValueError, with the place, if it is not TOML or out of bounds."""
    if _DEEP_KEY.search(_LITERAL.sub("_", text)):  # before it is parsed: that takes the square of a key's parts
        raise ValueError(f"a key is nested more than {DEPTH} deep")
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} deep") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(printable(str(error), most=200)) from None
    except ValueError as error:
        raise _in_our_words(error) from None
    check_bounds(found, infinite=True)
    return found


def _in_our_words(error: ValueError) -> ValueError:
    """The error; or, for a whole number that Python does not read, what it is, without advice for programmers."""
    if "int_max_str_digits" in str(error):
        return ValueError("it holds a whole number of more digits than any of ours")
    return error


def decompress(content: bytes, most: int) -> bytes:
    """What zlib compressed, if that is no more than `most` bytes. ValueError if it is more, or damaged."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"it does not decompress ({error})") from None
    if not unpacking.eof:
        raise ValueError(f"it decompresses to more than {most:,} bytes, or its end is missing")
    return found


def check_bounds(value: Any, *, infinite: bool = False) -> None:
    """ValueError if plain values are nested too deeply, or a number is larger than any of ours."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for one in level:
            for member in one.values() if type(one) is dict else one if type(one) is list else (one,):
                kind = type(member)
                if kind is float:
                    if not -_GREATEST <= member <= _GREATEST and not (infinite and not math.isfinite(member)):
                        raise ValueError(f"it holds the number {member}; none of ours is so large")
                elif kind is int:
                    if not -_LARGEST < member < _LARGEST:
                        raise ValueError(f"it holds {shown(member)}; a whole number has at most 64 bits")
                elif kind is dict or kind is list:
                    below.append(member)
                elif kind is not str and kind is not bool and member is not None:
                    raise ValueError(f"it holds {shown(member)}, a {kind.__name__}; there is no use for one here")
        level, depth = below, depth + 1
        if depth > DEPTH:
            raise ValueError(f"it is nested more than {DEPTH} deep")


def check_shape(value: Any, shape: Shape, where: str = "") -> None:
    """ValueError, naming the place, if a plain value is not of this shape."""
    if shape is object:
        return
    if isinstance(shape, tuple):
        for one in shape:
            if _fits(value, one):
                return check_shape(value, one, where)
        raise ValueError(_misfit(value, shape, where))
    if not _fits(value, shape):
        raise ValueError(_misfit(value, shape, where))
    if isinstance(shape, list):
        for place, member in enumerate(value):
            check_shape(member, shape[0], f"{where}[{place}]")
    elif isinstance(shape, Each):
        for key, member in value.items():
            check_shape(member, shape.shape, f"{where}.{key}")
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            name = key.removesuffix("?")
            if name in value:
                check_shape(value[name], inner, f"{where}.{name}")
            elif name == key:
                raise ValueError(f"it has no {shown(f'{where}.{name}'.lstrip('.'))}")
    return None


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a value is of the kind that a shape is of, whatever is in it."""
    if shape is None or shape is object:
        return shape is object or value is None
    if isinstance(shape, From):
        return type(value) is int and shape.low <= value <= shape.high
    if isinstance(shape, list):
        return isinstance(value, list)
    if isinstance(shape, dict | Each):
        return isinstance(value, dict)
    return type(value) is shape or (shape is float and type(value) is int)


def _misfit(value: Any, shape: Shape, where: str) -> str:
    kinds = [_word(one) for one in (shape if isinstance(shape, tuple) else (shape,))]
    place = f"{shown(where.lstrip('.'))} is " if where else "it is "
    return f"{place}{shown(value)} where {' or '.join(kinds)} should be"


def _word(shape: Shape) -> str:
    if isinstance(shape, From):
        return f"a whole number from {shape.low} to {shape.high}"
    if isinstance(shape, list):
        return "a list"
    if isinstance(shape, dict | Each):
        return "a table"
    return {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}.get(shape, "nothing")


def _refuse_others(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kinds = {
            stat.S_IFDIR: "a folder",
            stat.S_IFIFO: "a named pipe",
            stat.S_IFSOCK: "a socket",
            stat.S_IFCHR: "a device",
            stat.S_IFBLK: "a device",
        }
        raise Failure(f"{path} is {kinds.get(stat.S_IFMT(mode), 'something else')} and not a file; give a regular file")


def _whole(text: str, found: Any) -> bool:
    """Whether all texts can be written: an escape may stand for half a character."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} deep") from None
    return True


def _no_number(word: str) -> Any:
    raise ValueError(f"it holds {word}, which JSON has no word for")


_JSON = json.JSONDecoder(parse_constant=_no_number)
# Whatever is not closed goes on to the end: it is not looked at again from each of its quotes.
_LITERAL = re.compile(
    r""""{3}(?:\\.|[^\\])*?(?:"{3,5}|\Z)|'{3}.*?(?:'{3,5}|\Z)"""
    r"""|"(?:\\[^\n]|[^"\\\n])*+"?|'[^'\n]*+'?|\#[^\n]*+""",
    re.DOTALL,
)
"""A string or a comment of TOML: the dots in it are no parts of a key."""
_DEEP_KEY = re.compile(rf"(?<![\w-])[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++){{{DEPTH},}}+")
