"""The one exception of our own; everything a caller gets wrong is a `ValueError`."""


class Failure(RuntimeError):  # noqa: N818 - it is not the caller's error
    """Something outside the caller's words went wrong: a damaged file, a full disk, a training that diverged.

    The message is one sentence a user can act on. The command line prints it and exits with 1, where a `ValueError`
    (words that make no sense) exits with 2.
    """
