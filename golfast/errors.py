"""The one exception of our own, and how messages quote what came from outside."""

import difflib
import reprlib
from collections.abc import Iterable

_LONGEST = 2000
"""Characters of a message: the longest of our own list all config keys."""


class Failure(RuntimeError):  # noqa: N818 - it is not the caller's error
    """Something outside the caller's words went wrong: a damaged file, a full disk, a training that diverged.

    The message is one sentence a user can act on. The command line prints it and exits with 1, where a `ValueError`
    (words that make no sense) exits with 2.
    """


def shown(value: object) -> str:
    """A value in one short line, for messages: whatever it is, no more than about a hundred characters of it."""
    try:
        text = _SHORT.repr(value)
    except Exception:  # somebody else's __repr__, or a whole number of more digits than Python writes
        text = f"a value of type {type(value).__name__}"
    return printable(" ".join(text.split()), most=200)


def printable(text: str, most: int = _LONGEST) -> str:
    """`text` with what could steer a terminal escaped, and with its middle left out if it is longer than `most`."""
    if len(text) > most:
        text = f"{text[: most * 2 // 3]} ... {text[len(text) - most // 3 :]}"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _short() -> reprlib.Repr:
    made = reprlib.Repr()
    made.maxstring = made.maxother = 80
    return made


_SHORT = _short()


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the one given, in any case of letters; None if none is like it."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.5)
    return names[near[0]] if near else None


def meant(given: str, known: Iterable[str]) -> str:
    """What somebody who gave a name that does not exist may have meant: the nearest, or else all that are known."""
    names = list(known)
    near = nearest(given, names)
    return f"known are: {', '.join(names)}" if near is None else f"did you mean {near!r}?"
