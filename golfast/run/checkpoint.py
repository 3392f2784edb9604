"""Checkpoints: all a killed run needs to go on as if nothing had happened."""

import hashlib
import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from golfast.errors import Failure, printable
from golfast.run.files import CheckpointFiles, replacing
from golfast.run.untrusted import read_bytes

_HEAD = b"golfast checkpoint 2\n"
_DIGEST = 32
_MOST = 1 << 36
"""Bytes of a checkpoint; memory ends before."""
_LONGEST = 4096
"""Characters of a text in a checkpoint."""


def save_checkpoint(files: CheckpointFiles, state: dict[str, Any], *, config: str) -> None:
    """Write `state` (tensors and plain values) for the run whose config has this fingerprint; whole, or not at all.

    What was the latest checkpoint becomes the one before. A kill at any moment leaves at least one of the two.
    """
    buffer = io.BytesIO()
    torch.save({"config": config, "state": state}, buffer)
    body = buffer.getbuffer()
    with replacing(files.latest) as temporary:
        # Not torch's own writer, which calls a full disk an iostream error.
        temporary.write_bytes(b"".join((_HEAD, hashlib.sha256(body).digest(), body)))
        if files.latest.exists():
            files.latest.replace(files.before)


def load_checkpoint(files: CheckpointFiles, *, config: str) -> dict[str, Any] | None:
    """Read the latest whole checkpoint back, or None if there is none. Nothing in it is executed.

    Failure if both are damaged, or if it was written by a run of another config than the one with this fingerprint.
    """
    damage = None
    for path in (files.latest, files.before):
        if path.exists():
            try:
                return _read(path, config)
            except _DamageError as error:
                damage = damage or Failure(f"checkpoint {path} is damaged ({error}); remove it to train from the start")
    if damage:
        raise damage
    return None


@contextmanager
def taken_up(files: CheckpointFiles) -> Iterator[None]:
    """While a run takes up the state that was read. Failure if that is not what such a run leaves."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:  # whatever may come of values that are none of ours
        words = printable(" ".join(f"{type(error).__name__}: {error}".split()), most=100)
        raise Failure(
            f"checkpoint {files.latest} holds what this run cannot take up ({words}); remove it to train from the start"
        ) from error


class _DamageError(Exception):
    pass


def _check_names(body: bytes) -> None:
    """_DamageError for a text longer than any of ours: over a name of a megabyte torch's unpickler never ends."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith("/data.pkl"):
                if entry.file_size > len(body):
                    raise _DamageError("it holds more than it has bytes")
                for _, argument, _ in pickletools.genops(archive.read(entry)):
                    if isinstance(argument, str) and len(argument) > _LONGEST:
                        raise _DamageError("it holds a text longer than any of ours")


def _read(path: Path, config: str) -> dict[str, Any]:
    content = read_bytes(path, _MOST)
    start = len(_HEAD) + _DIGEST
    if content[: len(_HEAD)] != _HEAD:
        raise _DamageError("it does not begin as a checkpoint does")
    body = content[start:]
    if hashlib.sha256(body).digest() != content[len(_HEAD) : start]:
        raise _DamageError("its checksum is wrong")
    try:
        _check_names(body)
        saved = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
        owner, state = saved["config"], saved["state"]
    except (MemoryError, _DamageError):
        raise
    except Exception as error:  # an unpickler trips over foreign bytes in any way there is
        if "can't allocate memory" in str(error):
            raise MemoryError(f"checkpoint {path}") from None
        # torch's advice how to read a pickle that is more than tensors and plain values is not passed on.
        words = str(error).splitlines()[:1] if not isinstance(error, pickle.UnpicklingError | IndexError) else []
        raise _DamageError(printable("".join(words), most=200) or "it is no file of tensors") from None
    if owner != config:
        raise Failure(
            f"checkpoint {path} is of another config ({printable(str(owner), most=40)}, not {config}); "
            "resume with the config it was made with, or remove it"
        )
    if not isinstance(state, dict):
        raise _DamageError("it holds no state")
    return state
