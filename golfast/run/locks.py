"""Locks between jobs: who writes to a place keeps others out, as long as it lives, however it ends.

Some file systems know no locks (Lustre by default, some NFS, FUSE). There a job says so and ends, unless the user
promises that no other job writes to the same place: by `--no-lock`, or by GOLFAST_NO_LOCK=1, which worker processes
inherit.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from golfast.errors import Failure
from golfast.run.workers import leave_if_begun_again

VARIABLE = "GOLFAST_NO_LOCK"


def lock(file: int, path: Path, *, busy: str, wait: bool = False) -> bool:
    """Lock an open file until it is closed. False if it cannot be locked, and need not be by the user's promise.

    file: its handle. path: what to call it. busy: the sentence if another process has it; `wait` waits for it instead.
    A lock that works is heeded, whatever was promised.

    Raises Failure if another process has it, or if the file system has no locks and nothing was promised.
    """
    leave_if_begun_again()
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise Failure(busy) from None
    except OSError as error:
        if promised():
            return False
        raise Failure(no_locks(path, error.strerror)) from None
    return True


def no_locks(path: Path, reason: str | None) -> str:
    """The sentence for a file system that has none."""
    return (
        f"{path} cannot be locked: its file system has no locks ({reason}); give --no-lock (or {VARIABLE}=1) if no "
        "other job writes there, or use a folder on another disk"
    )


def promised() -> bool:
    """Whether the user said that no other job writes where this one does."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


@contextmanager
def unlocked(on: bool = True) -> Iterator[None]:
    """While this lasts, a file system without locks is good enough, here and in processes started now."""
    before = os.environ.get(VARIABLE)
    if on:
        os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        if on:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before


def check_lockable(folder: Path) -> None:
    """Failure if files in a folder, which is made if need be, cannot be locked and nothing was promised.

    For who would otherwise have made a file before it is told. OSError if no file can be made there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            lock(file.fileno(), folder, busy="")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


def open_lock(path: Path) -> int:
    """A handle of a file to lock, made if need be; its contents stay. OSError if it is a link, or cannot be opened."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
