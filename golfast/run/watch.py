"""Watching a run: TensorBoard, for those who have it."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golfast.errors import Failure

Watch = Callable[[str, dict[str, Any]], None]
"""Takes the name of what is trained ("train", "adversarial", "probes") and a record of it."""


def watch_nothing(stage: str, record: dict[str, Any]) -> None:
    """Pay no heed."""


@contextmanager
def tensorboard(folder: Path) -> Iterator[Watch]:
    """Write records to event files in `folder` for TensorBoard, a number to a curve, each element of a list to its own.

    The states of "accuracy" are named as they are counted, from state 2 on. A resumed run begins a file of its own, in
    which steps that were taken before are written again; TensorBoard shows the later ones.
    Failure if the package is not installed.
    """
    try:
        module = importlib.import_module("tensorboard.summary")
    except ImportError:
        raise Failure("tensorboard is not installed; install it with: pip install 'golfast[tensorboard]'") from None
    writer: Any = None

    def watch(stage: str, record: dict[str, Any]) -> None:
        nonlocal writer
        writer = writer or module.Writer(str(folder))  # not before the run has begun: its folder must be empty
        for name, value in record.items():
            if isinstance(value, list):
                for place, element in enumerate(value, 2):
                    writer.add_scalar(f"{stage}/{name}/state {place}", element, record["step"])
            elif isinstance(value, int | float) and name != "step":
                writer.add_scalar(f"{stage}/{name}", value, record["step"])

    try:
        yield watch
    finally:
        if writer:
            writer.close()
