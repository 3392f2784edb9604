"""From the bytes of a file to lines of text, whatever they were copied from or packed with."""

import gzip
import io
import re
import zlib

MAX_BYTES = 1 << 27  # of a file
MAX_PACKED = 1 << 25  # of what a packed one holds: a few kilobytes could ask for a terabyte
MAX_LINES = 1 << 22  # a short line takes twenty times its length in memory

_LINE_END = re.compile(r"\r*\n|\r")  # and no other: form feeds and U+2028 stand in comments
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b"))  # what browsers and editors leave in a copy
_MARKS = (  # of a byte order; those of UTF-32 begin as those of UTF-16 do
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_PACKED = (
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_FRAME = re.compile(
    r"^[ \t]*(?:code: ?select all|select all|code:?[ \t]*$|```\w*|\[/?(?:code|rle|quote|spoiler)(?:[= ][^\]\n]*)?\])",
    re.IGNORECASE | re.MULTILINE,
)


def decode_text(data: bytes) -> str:
    """The text in the bytes of a file: UTF-8, or UTF-16 or UTF-32 as Windows writes them, perhaps packed by gzip.

    Bytes that are none of these are replaced. ValueError if the file is packed otherwise, damaged, or too large.
    """
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(MAX_PACKED + 1)
        except (OSError, EOFError, zlib.error):
            raise ValueError("the file is packed by gzip, and damaged or cut off") from None
        if len(data) > MAX_PACKED:
            raise ValueError(f"the file holds more than {MAX_PACKED >> 20} MiB of text; unpack it first to read it")
    for begin, program in _PACKED:
        if data.startswith(begin):
            raise ValueError(f"the file is packed by {program}; unpack it first (of packed files only .gz are read)")
    if len(data) > MAX_BYTES:
        raise ValueError(f"the file is too large for a pattern: at most {MAX_BYTES >> 20} MiB of text are read")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data[:64] and len(data) > 1:  # UTF-16 without a mark: the letters of a pattern are ASCII
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    return data.decode(errors="replace")


def split_lines(text: str) -> list[str]:
    """The lines of a text, without what a forum, a web page or an old system put around them.

    ValueError if they are too many.
    """
    text = text.rstrip("\x1a\0 \t\r\n")  # \x1a: the end of a file in DOS
    if not text.isascii():
        text = text.translate(_INVISIBLE)
    if "[" in text or "`" in text or "ode" in text or "elect" in text or "ODE" in text:
        text = _FRAME.sub("", text)
    if text.count("\n") + text.count("\r") > MAX_LINES:
        raise ValueError(f"the text has too many lines for a pattern: at most {MAX_LINES:,} are read")
    return _LINE_END.split(text) if "\r" in text else text.split("\n")
