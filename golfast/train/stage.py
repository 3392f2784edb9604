"""What is trained on top of a finished network: the loop that the adversarial decoder and the probes share."""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from golfast.run.checkpoint import load_checkpoint, save_checkpoint, taken_up
from golfast.run.files import CheckpointFiles
from golfast.run.untrusted import From, check_shape

WATCHED = 50  # steps between records
_SAVED = {"step": From(0, 2**63 - 1), "seconds": float, "loss": (float, None), "ended": (str, None)}
EXPLODED = 100.0  # loss: that of boards with every cell wrong is 1


class Stage(Protocol):
    """Something that is trained step by step; a step depends on what came before and on its number alone."""

    steps: int

    def step(self, step: int) -> Tensor:
        """Train one step, counted from 0, and return its loss, on the device."""

    def state(self) -> dict[str, Any]:
        """All that is not in the config, for a checkpoint."""

    def load(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """How a stage ended."""

    outcome: str
    """"trained", or "diverged: ..." with the reason."""
    steps: int
    seconds: float
    """Time in the loop, summed over resumes."""
    loss: float | None
    """Mean over the last steps; None if it is no number."""


def run_stage(
    stage: Stage,
    files: CheckpointFiles,
    *,
    config: str,
    every: int,
    device: torch.device,
    resume: bool,
    watch: Callable[[dict[str, Any]], None],
) -> StageOutcome:
    """Train a stage to its end.

    config: fingerprint of the run's config. every: steps between checkpoints. With `resume` it goes on from the last
    whole checkpoint, if there is one: on a CPU to the same bits. torch's own random state is left as it was. watch is
    called with {"step", "loss", "seconds"} every 50 steps.
    """
    step, before, loss = 0, 0.0, None
    ended = None
    if resume and (saved := load_checkpoint(files, config=config)):
        with taken_up(files):
            check_shape({name: value for name, value in saved.items() if name != "stage"}, _SAVED)
            stage.load(saved["stage"])
            step, before, loss, ended = saved["step"], saved["seconds"], saved["loss"], saved["ended"]
    began = time.perf_counter() - before
    summed, counted = torch.zeros((), device=device), 0
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        while ended is None:
            summed, counted, step = summed + stage.step(step), counted + 1, step + 1
            saves = step % every == 0 or step == stage.steps
            if saves or step % WATCHED == 0:
                loss = float(summed) / counted
                summed, counted = torch.zeros_like(summed), 0
                if not loss <= EXPLODED:
                    ended = f"diverged: the loss is {loss:.3g} at step {step}"
                    loss = loss if math.isfinite(loss) else None
                elif step == stage.steps:
                    ended = "trained"
                seconds = time.perf_counter() - began
                watch({"step": step, "loss": loss, "seconds": round(seconds, 3)})
                if saves or ended:
                    state = {"stage": stage.state(), "step": step, "seconds": seconds, "loss": loss, "ended": ended}
                    save_checkpoint(files, state, config=config)
    return StageOutcome(ended, step, time.perf_counter() - began, loss)


def draw_seed(seed: int, *names: object) -> int:
    """A seed for what `names` say, such as ("probes", 17): others, or another run's seed, give an unrelated one."""
    text = " ".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest())
