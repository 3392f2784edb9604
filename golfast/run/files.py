"""Files that are whole or absent, never half-written."""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from golfast.errors import Failure

STANDARD_OUTPUT = Path("-")
_LINKS = 40  # that the system follows at most


@contextmanager
def result_file(path: Path) -> Iterator[Path]:
    """Where a result that is to go to `path` is to be written, as one who names a file on a command line means it.

    A link is followed: what is yielded is its target, so that the target is replaced and the link stays. To `-`
    (standard output), a pipe, a terminal or a character device such as /dev/null a result is written as a stream, when
    the block has ended well; what is yielded then is a file in a temporary folder.

    Raises ValueError, before anything is written, for what is neither a file nor a stream.
    """
    target = followed(path)
    if not is_stream(target):
        yield target
        return
    with tempfile.TemporaryDirectory(prefix="golfast-") as folder:
        yield (written := Path(folder) / ("result" + path.suffix))
        try:
            with written.open("rb") as source, _stream(target) as stream:
                shutil.copyfileobj(source, stream, 1 << 20)
                stream.flush()
        except BrokenPipeError:  # who reads it has enough
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def is_stream(path: Path) -> bool:
    """Whether a result is written to `path` as a stream. ValueError for what is neither a file nor a stream."""
    if path == STANDARD_OUTPUT or _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:  # not there, or not to be looked at: who writes it will say so
        return False
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        what = "a disk" if stat.S_ISBLK(mode) else "a socket"
        raise ValueError(f"{path} is {what}, where no result is written; give a file, or - for standard output")
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def followed(path: Path) -> Path:
    """What a link, and a link that it names, stand for in the end, there or not; `path` itself if it is no link.

    Open files of this process, such as /dev/stdout, stay what they are. OSError if links lead round in a circle.
    """
    here = path
    for _ in range(_LINKS):
        if path == STANDARD_OUTPUT or not here.is_symlink() or _descriptor(here) is not None:
            return here
        here = here.parent / here.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _descriptor(path: Path) -> int | None:
    """The number of an open file of this process, of which `path` is the name that Linux gives it, as /dev/fd/3."""
    name, folder = path.name, os.path.realpath(path.parent)
    return int(name) if name.isdecimal() and folder == f"/proc/{os.getpid()}/fd" else None


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    if path == STANDARD_OUTPUT:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    number = _descriptor(path)
    if number == 1:
        sys.stdout.flush()
    with path.open("wb") if number is None else os.fdopen(os.dup(number), "wb") as stream:
        yield stream


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the place of `path` when the block ends well.

    If the block raises, or the process is killed, `path` is what it was before. What a killed process leaves is called
    .<name>.<8 letters>.tmp<suffix>, and the next one that writes to `path` removes it. If `path` is a link, the link is
    replaced and not what it points to (`result_file` follows links). Failure if it is a device, a pipe or a socket.
    """
    temporary, handle = None, -1
    try:
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        temporary, handle = _temporary(path)
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private; a result is for its readers
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error  # the name that the user knows
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
            os.close(handle)


def _check_replaceable(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
            raise Failure(f"{path} is not a file but a device, a pipe or a socket, which a file does not replace")


def _temporary(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, and a handle with a lock on it until this process ends, however it does."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".tmp{path.suffix}", dir=path.parent)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # taken for stale before it was locked
        except OSError:
            return Path(name), handle  # no locks here: then nobody takes a file for stale
        if os.fstat(handle).st_nlink and Path(name).exists():
            return Path(name), handle
        os.close(handle)


def _remove_stale(path: Path) -> None:
    """Remove what killed processes left of this file: what nobody has a lock on."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.\w{{8}}\.tmp{re.escape(path.suffix)}")
    for left in path.parent.iterdir():
        if ours.fullmatch(left.name):
            with contextlib.suppress(OSError):  # locked, somebody else's, or gone meanwhile
                handle = os.open(left, os.O_RDWR)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink()
                finally:
                    os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file, or none."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as a whole JSON file, or none. NaN is refused: JSON has no word for it."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """Where a job keeps its two last checkpoints."""

    latest: Path

    @property
    def before(self) -> Path:
        """The one before the latest, for when the latest is damaged."""
        return self.latest.with_suffix(".before.pt")

    def exist(self) -> bool:
        """Whether there is one, whole or not."""
        return self.latest.exists() or self.before.exists()

    def remove(self) -> None:
        """Remove both."""
        self.latest.unlink(missing_ok=True)
        self.before.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)  # for a moment files of other threads are private, and not everybody's
    os.umask(mask)
    return mask
