"""What a run records, when it is looked at, and how it ends: the same whoever trains it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.model import Network, save_weights
from golfast.run.checkpoint import load_checkpoint, save_checkpoint, taken_up
from golfast.run.config import fingerprint, to_toml
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.train.accuracy import Judge, Score
from golfast.train.config import TrainConfig

LEARNED = 0.98  # a state counts as learned from this accuracy on (section 3.2 of the paper)
NEAR = 0.9  # and is about to be from this one on
EXPLODED = 100.0  # times the loss of predicting empty boards, or of 1 in a hundred cells being wrong
EMPTY = 0.01  # predicted living cells, as a share of the true ones, below which nothing is predicted
REACHED, NOT_REACHED, STUCK, DIVERGED = "reached", "not reached", "stuck", "diverged"

Record = dict[str, Any]
Draw = Callable[[NDArray[np.uint8], NDArray[np.uint8]], None]
"""Takes the trajectory that is looked at, (m, H, W) 0/1, and what is imagined of it, greys (T, H, W)."""


def draw_nothing(truth: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> None:
    """Pay no heed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended."""

    network: Network
    steps: int
    seconds: float
    """Time in the loop, evaluations included, summed over resumes; of networks trained as one, a share of it."""
    accuracy: list[float]
    """Of states s_2..s_m on validation data at the end, each drawn by the timestep that stands for it."""
    steps_to_learn: list[int | None]
    """The first evaluated step at which state s_2..s_m was at least 98% right; None if never."""
    outcome: str
    """"reached" the accuracy that was asked for, "not reached", "stuck: ..." or "diverged: ..."."""

    @property
    def reached(self) -> bool:
        """Whether the last state came to the accuracy that was asked for."""
        return self.outcome == REACHED

    @property
    def diverged(self) -> bool:
        """Whether the weights are of no use."""
        return self.outcome.startswith(DIVERGED)


class Journal:
    """The state of a run that is not weights, and its folder."""

    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        judge: Judge,
        watch: Callable[[Record], None],
        draw: Draw = draw_nothing,
    ) -> None:
        """watch: called with every record that goes into metrics.jsonl. draw: with what is imagined at each look."""
        self.config, self.folder = config, folder
        self.step = 0
        """Steps taken."""
        self.seconds = 0.0
        self.ended: str | None = None
        """The outcome, once the run has ended."""
        self._judge, self._watch, self._draw = judge, watch, draw
        self._learned: list[int | None] = [None] * config.data.generations
        self._accuracy: list[float] = []
        self._looked = self._next = 0
        self._loss = 0.0

    def open(self, *, resume: bool) -> dict[str, Any] | None:
        """Begin, or take up what was left: then what `save` was given. Failure as `load_checkpoint` and `start`."""
        self.folder.start(to_toml(self.config))
        self.folder.keep_snapshot_truth(self._judge.shown)
        state = load_checkpoint(self.folder.checkpoint, config=fingerprint(self.config)) if resume else None
        if state is not None:
            with taken_up(self.folder.checkpoint):
                self.step, self.seconds, learned = int(state["step"]), float(state["seconds"]), list(state["learned"])
                self._learned, self.ended, self._accuracy = learned, state["ended"], state.get("accuracy", [])
                if not self._plausible():
                    raise ValueError("its numbers are none of a training")
        self.folder.rewind_log(self.step if self.step else -1, (state or {}).get("log"))
        return state

    def _plausible(self) -> bool:
        return (
            0 <= self.step <= self.config.steps
            and 0 <= self.seconds < math.inf
            and len(self._learned) == self.config.data.generations
            and all(at is None or isinstance(at, int) for at in self._learned)
            and isinstance(self.ended, str | None)
            and all(isinstance(value, float) for value in self._accuracy)
        )

    @property
    def ahead(self) -> int:
        """Steps to take until the run is to be looked at."""
        return self._next - self.step

    @property
    def unseen(self) -> int:
        """Steps since the last look."""
        return self.step - self._looked

    @property
    def saves(self) -> bool:
        """Whether a checkpoint is due."""
        return self.ended is not None or self.step % self.config.checkpoint_every == 0

    def look(self, score: Score, drawn: NDArray[np.uint8], *, loss: float | None = None) -> None:
        """Record how good the network is at this step, and decide whether the run ends.

        drawn: what it imagines of the judge's liveliest trajectory, greys (T, H, W) uint8. loss: the mean since the
        last look; left out at the first one, when the run begins or is taken up.
        """
        for state, value in enumerate(score.accuracy):
            if value >= LEARNED and self._learned[state] is None:
                self._learned[state] = self.step
        if loss is not None:
            self._loss = loss
        told = None if loss is None or not math.isfinite(loss) else loss  # JSON has no word for it
        record = {"step": self.step, "loss": told, "accuracy": score.accuracy, "living": score.living}
        record["imagined"] = score.imagined
        record["seconds"] = round(self.seconds, 3)
        if loss is not None or not self.step:
            self.folder.log(record)
        self._draw(self._judge.shown, drawn)
        self._watch(record)
        self._accuracy, self._looked = score.accuracy, self.step
        every = self.config.evaluate_every
        if any(value >= NEAR and at is None for value, at in zip(score.accuracy, self._learned, strict=True)):
            every = min(self.config.evaluate_near, every)  # a state is about to be learned
        self._next = min(self.step + every - self.step % every, self.config.steps)
        self.ended = self.ended or self._ends(score)
        if loss is None or self.ended or self.step % self.config.evaluate_every == 0:
            self.folder.keep_snapshot(self.step, drawn)

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint: `state` beside what the journal itself has to keep."""
        ours = {"step": self.step, "seconds": self.seconds, "learned": self._learned, "ended": self.ended}
        ours |= {"accuracy": self._accuracy, "log": self.folder.log_digest()}
        save_checkpoint(self.folder.checkpoint, ours | state, config=fingerprint(self.config))

    def close(self, network: Network) -> Outcome:
        """Leave the weights, and say how it went."""
        assert self.ended is not None
        with replacing(self.folder.weights) as temporary:
            save_weights(network, temporary)
        return Outcome(network, self.step, self.seconds, self._accuracy, list(self._learned), self.ended)

    def _ends(self, score: Score) -> str | None:
        """What the outcome is, if the training is over."""
        config, step = self.config, self.step
        if not self._loss <= EXPLODED * max(self._judge.living, 0.01):
            words = "lower the learning rates, or train in fp32"
            return f"{DIVERGED}: the loss is {self._loss:.3g} at step {step}; {words}"
        if score.accuracy[-1] >= config.stop and (step % config.stop_every == 0 or step >= config.steps):
            return REACHED
        if step < config.steps and not 0 < config.patience <= step:
            return None
        if score.living < EMPTY and self._judge.living:
            return f"{STUCK}: it predicts empty boards after {step} steps"
        return NOT_REACHED if step >= config.steps else None
