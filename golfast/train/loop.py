"""The training loop."""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from golfast.data import States, generate
from golfast.model import Network, save_weights
from golfast.run.checkpoint import load_checkpoint, save_checkpoint
from golfast.run.config import fingerprint, to_toml
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.accuracy import Judge
from golfast.train.compiled import CompiledStep
from golfast.train.config import TrainConfig
from golfast.train.feed import Feed
from golfast.train.optimise import Optimisers, rate_factor, seeded_network

LEARNED = 0.98  # a state counts as learned from this accuracy on (section 3.2 of the paper)
NEAR = 0.9  # and is about to be from this one on
EXPLODED = 100.0  # times the loss of predicting empty boards
EMPTY = 0.01  # predicted living cells, as a share of the true ones, below which nothing is predicted
REACHED, NOT_REACHED, STUCK, DIVERGED = "reached", "not reached", "stuck", "diverged"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended."""

    network: Network
    steps: int
    seconds: float
    """Time in the loop, evaluations included, summed over resumes."""
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


def train(
    config: TrainConfig,
    folder: RunFolder,
    packed: States,
    *,
    compute: Compute,
    resume: bool = False,
    watch: Callable[[Record], None] = lambda record: None,
) -> Outcome:
    """Train a network and leave weights.safetensors, metrics.jsonl and snapshots in the run folder.

    packed: the training trajectories, (N, m, H, ceil(W/8)) uint8, in memory or mapped, of the recipe config.data.
    `resume` goes on from the folder's checkpoint, if there is one, to the weights that an uninterrupted run gives: bit
    for bit on a CPU. `watch` is called with every record that goes into metrics.jsonl.

    A training that diverges, or never predicts a living cell, ends and says so in its outcome. Raises Failure if the
    checkpoints are damaged or of another config.
    """
    with torch_threads(1):
        return _Training(config, folder, packed, compute).run(resume, watch)


class _Training:
    def __init__(self, config: TrainConfig, folder: RunFolder, packed: States, compute: Compute) -> None:
        assert packed.shape[1:] == config.data.shape[1:]
        self.config, self.folder, self.compute = config, folder, compute
        self.network = seeded_network(Network, config.model, seed=config.seed).to(compute.device)
        self.compiled = CompiledStep(self.network, config) if config.engine == "amx" else None
        # torch's optimisers load its whole compiler, seconds of it: only where they are used.
        self.optimisers = None if self.compiled else Optimisers(self.network, config.optimiser, config.steps)
        self.feed = Feed(packed, config.data.width, batch=config.batch, seed=config.seed, device=compute.device)
        validation = generate(dataclasses.replace(config.data, split="validation"), 0, config.evaluate_on)
        self.judge = Judge(validation, config.data.width, compute)
        cells = np.unpackbits(validation, axis=-1, count=config.data.width)
        changes = (cells[:, 1:] != cells[:, :-1]).sum(axis=(1, 2, 3))
        liveliest = int(changes.argmax())  # a settled board would show nothing
        self.liveliest = slice(liveliest, liveliest + 1)
        self.shown = cells[liveliest]
        self.step = 0
        self.seconds = 0.0
        self.learned: list[int | None] = [None] * config.data.generations
        self.loss = 0.0
        self.ended: str | None = None

    def run(self, resume: bool, watch: Callable[[Record], None]) -> Outcome:
        self.folder.start(to_toml(self.config))
        self.folder.keep_snapshot_truth(self.shown)
        if resume and (state := load_checkpoint(self.folder.checkpoint, config=fingerprint(self.config))):
            self._load(state)
        self.folder.rewind_log(self.step if self.step else -1)
        began = time.perf_counter() - self.seconds
        loss = torch.zeros((), device=self.compute.device)
        record = self._evaluate(None)
        if not self.step:
            self.folder.log(record)
        watch(record)
        self._snapshot()
        self.ended = self.ended or self._ends(record)
        while not self.ended:
            loss = loss + self._step()
            if self.step % self._interval(record) == 0 or self.step == self.config.steps:
                self.seconds = time.perf_counter() - began
                record = self._evaluate(loss / (self.step - record["step"]))
                self.folder.log(record)
                watch(record)
                loss = torch.zeros_like(loss)
                self.ended = self._ends(record)
                if self.step % self.config.evaluate_every == 0 or self.ended:
                    self._snapshot()
            if self.step % self.config.checkpoint_every == 0 or self.ended:
                self._save()
        with replacing(self.folder.weights) as temporary:
            save_weights(self.network, temporary)
        return Outcome(self.network, self.step, self.seconds, record["accuracy"], list(self.learned), self.ended)

    def _interval(self, record: Record) -> int:
        """Steps between evaluations: fewer while a state is about to be learned."""
        states = zip(record["accuracy"], self.learned, strict=True)
        near = any(accuracy >= NEAR and learned is None for accuracy, learned in states)
        every = self.config.evaluate_every
        return min(self.config.evaluate_near, every) if near else every

    def _ends(self, record: Record) -> str | None:
        """What the outcome is, if the training is over."""
        config, step = self.config, self.step
        if not self.loss <= EXPLODED * self.judge.living:
            return f"{DIVERGED}: the loss is {self.loss:.3g} at step {step}; lower the learning rates, or train in fp32"
        if record["accuracy"][-1] >= config.stop and (step % config.stop_every == 0 or step >= config.steps):
            return REACHED
        if step < config.steps and not 0 < config.patience <= step:
            return None
        if record["living"] < EMPTY:
            return f"{STUCK}: it predicts empty boards after {step} steps"
        return NOT_REACHED if step >= config.steps else None

    def _step(self) -> Tensor:
        first, last = self.feed.batch(self.step)
        if self.compiled:
            factor = rate_factor(self.config.optimiser, self.step, self.config.steps)
            loss = self.compiled.step(first, last, self.step, factor)
            self.step += 1
            return loss
        with self.compute.autocast():
            if self.config.autoencoder:
                predicted, recreated = self.network(first)
            else:
                predicted = self.network.decoder(self.network.hidden_states(first)[-1])
        loss = mse_loss(predicted.float(), last)
        if self.config.autoencoder:
            loss = (loss + mse_loss(recreated.float(), first)) / 2
        assert self.optimisers is not None
        self.optimisers.step(loss, self.step)
        self.step += 1
        return loss.detach()

    def _mover(self) -> CompiledStep | Optimisers:
        """What moves the weights, and has a state of its own."""
        mover = self.compiled or self.optimisers
        assert mover is not None
        return mover

    def _evaluate(self, mean_loss: Tensor | None) -> Record:
        accuracy, living = self.judge.look(self.compiled or self.network)
        for state, value in enumerate(accuracy):
            if value >= LEARNED and self.learned[state] is None:
                self.learned[state] = self.step
        loss = None
        if mean_loss is not None:
            self.loss = float(mean_loss)
            loss = self.loss if math.isfinite(self.loss) else None  # JSON has no word for it
        seconds = round(self.seconds, 3)
        return {"step": self.step, "loss": loss, "accuracy": accuracy, "living": living, "seconds": seconds}

    def _snapshot(self) -> None:
        """Keep what the liveliest validation trajectory looks like to the network by now, as greys 0..255."""
        drawn = self.judge.imagine(self.compiled or self.network, self.liveliest)
        drawn = drawn.clamp(0, 1).mul(255).round().to(torch.uint8)
        self.folder.keep_snapshot(self.step, drawn[0].cpu().numpy())

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "learned": self.learned,
            "ended": self.ended,
            "network": self.network.state_dict(),
            "optimisers": self._mover().state(),
        }
        save_checkpoint(self.folder.checkpoint, state, config=fingerprint(self.config))

    def _load(self, state: dict[str, Any]) -> None:
        self.step, self.seconds, self.learned = state["step"], state["seconds"], state["learned"]
        self.ended = state["ended"]
        self.network.load_state_dict(state["network"])
        self._mover().load(state["optimisers"])
