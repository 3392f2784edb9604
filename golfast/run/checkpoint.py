"""Checkpoints: all a killed run needs to go on as if nothing had happened."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from golfast.errors import Failure
from golfast.run.files import replacing


def save_checkpoint(path: Path, state: dict[str, Any], *, config: str) -> None:
    """Write `state` (tensors and plain values) for the run whose config has this fingerprint; whole, or not at all."""
    buffer = io.BytesIO()
    torch.save({"config": config, "state": state}, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())  # not torch's own writer, which calls a full disk an iostream error


def load_checkpoint(path: Path, *, config: str) -> dict[str, Any]:
    """Read a checkpoint back. Nothing in it is executed.

    Failure if it is damaged, or was written by a run of another config than the one with this fingerprint.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        owner, state = saved["config"], saved["state"]
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Failure(f"checkpoint {path} is damaged ({reason}); remove it to train from the start") from None
    if owner != config:
        raise Failure(
            f"checkpoint {path} is of another config ({owner}, not {config}); "
            "resume with the config it was made with, or remove it"
        )
    assert isinstance(state, dict)
    return state
