"""Files that are whole or absent, never half-written."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the place of `path` when the block ends well.

    If the block raises, or the process is killed, `path` is what it was before.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        temporary = Path(name)
        os.close(handle)
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
