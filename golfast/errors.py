"""The one exception of our own; everything a caller gets wrong is a `ValueError`."""

import difflib
from collections.abc import Iterable


class Failure(RuntimeError):  # noqa: N818 - it is not the caller's error
    """Something outside the caller's words went wrong: a damaged file, a full disk, a training that diverged.

    The message is one sentence a user can act on. The command line prints it and exits with 1, where a `ValueError`
    (words that make no sense) exits with 2.
    """


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
