"""Files that are whole or absent, never half-written."""

import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golfast.errors import Failure


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the place of `path` when the block ends well.

    If the block raises, or the process is killed, `path` is what it was before. What a killed process leaves is called
    .<name>.<8 letters>.tmp<suffix>, and the next one that writes to `path` removes it.
    """
    temporary, handle = None, -1
    try:
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


def check_regular(path: Path, what: str) -> None:
    """Failure if there is something at `path` that is not a regular file, nor a link to one.

    A pipe would be waited for, and a device may never end. what: what the file should be, such as "a dataset".
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe, a socket or a device"
        raise Failure(f"{path} is {kind}, and so not {what}")


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
    mask = os.umask(0)
    os.umask(mask)
    return mask
