"""What is run: trials, and how they end. Nothing heavy is loaded here: a worker loads what its trials need."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from golfast.errors import Failure


class State(Enum):
    """What is known of a trial."""

    RUNNING = "running"
    COUNTED = "counted"
    UNCOUNTED = "uncounted"
    """It ended short of the accuracy that was asked for."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one config; the config, a frozen dataclass, holds the seed, and its hash is the trial's name."""

    name: str
    config: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that ended: with figures, or with the reason why not."""

    trial: Trial
    result: dict[str, Any] | None
    reason: str | None
    seconds: float
    worker: str


Work = Callable[[Trial], dict[str, Any]]
"""Runs a trial and returns its figures, plain values, "reached" among them; must be importable by a new process."""


def describe_error(error: BaseException) -> str:
    """Why a trial failed, in one line: what was raised and, unless the message speaks for itself, where."""
    words = " ".join(str(error).split())
    if isinstance(error, Failure | ValueError | OSError) and words:
        return words
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" at {os.path.basename(frame.filename)}:{frame.lineno}" for frame in last)  # noqa: PTH119
    return f"{type(error).__name__}: {words}{where}"
