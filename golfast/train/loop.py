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
from golfast.errors import Failure
from golfast.model import Network, save_weights
from golfast.run.checkpoint import load_checkpoint, save_checkpoint
from golfast.run.config import fingerprint, to_toml
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.accuracy import Judge
from golfast.train.config import TrainConfig
from golfast.train.feed import Feed
from golfast.train.optimise import Optimisers, seeded_network

LEARNED = 0.98  # a state counts as learned from this accuracy on (section 3.2 of the paper)

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended."""

    network: Network
    steps: int
    seconds: float
    """Time in the loop, evaluations included, summed over resumes."""
    accuracy: list[float]
    """Of timesteps 1..T on validation data at the end."""
    steps_to_learn: list[int | None]
    """The first evaluated step at which timestep 1..T was at least 98% right; None if never."""
    reached: bool
    """Whether the last state came to the accuracy that was asked for."""


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

    Raises Failure if the loss stops being a number, or if the checkpoint is damaged or of another config.
    """
    with torch_threads(1):
        return _Training(config, folder, packed, compute).run(resume, watch)


class _Training:
    def __init__(self, config: TrainConfig, folder: RunFolder, packed: States, compute: Compute) -> None:
        assert packed.shape[1:] == config.data.shape[1:]
        self.config, self.folder, self.compute = config, folder, compute
        self.network = seeded_network(Network, config.model, seed=config.seed).to(compute.device)
        self.optimisers = Optimisers(self.network, config.optimiser, config.steps)
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
        self.learned: list[int | None] = [None] * config.model.timesteps

    def run(self, resume: bool, watch: Callable[[Record], None]) -> Outcome:
        self.folder.start(to_toml(self.config))
        self.folder.keep_snapshot_truth(self.shown)
        if resume and self.folder.checkpoint.exists():
            self._load()
        self.folder.rewind_log(self.step if self.step else -1)
        began = time.perf_counter() - self.seconds
        loss = torch.zeros((), device=self.compute.device)
        record = self._evaluate(None)
        if not self.step:
            self.folder.log(record)
        watch(record)
        while self.step < self.config.steps and not self._stops(record):
            loss = loss + self._step()
            if self.step % self.config.evaluate_every == 0 or self.step == self.config.steps:
                self.seconds = time.perf_counter() - began
                record = self._evaluate(loss / (self.step - record["step"]))
                self.folder.log(record)
                watch(record)
                loss = torch.zeros_like(loss)
            if self.step % self.config.checkpoint_every == 0:
                self._save()
        with replacing(self.folder.weights) as temporary:
            save_weights(self.network, temporary)
        return Outcome(
            self.network, self.step, self.seconds, record["accuracy"], list(self.learned), self._stops(record)
        )

    def _stops(self, record: Record) -> bool:
        return bool(record["accuracy"][-1] >= self.config.stop)

    def _step(self) -> Tensor:
        first, last = self.feed.batch(self.step)
        with self.compute.autocast():
            if self.config.autoencoder:
                predicted, recreated = self.network(first)
            else:
                predicted = self.network.decoder(self.network.hidden_states(first)[-1])
        loss = mse_loss(predicted.float(), last)
        if self.config.autoencoder:
            loss = (loss + mse_loss(recreated.float(), first)) / 2
        self.optimisers.step(loss, self.step)
        self.step += 1
        return loss.detach()

    def _evaluate(self, mean_loss: Tensor | None) -> Record:
        loss = None if mean_loss is None else float(mean_loss)
        if loss is not None and not math.isfinite(loss):
            raise Failure(
                f"training diverged: the loss is {loss} at step {self.step}; "
                "lower optimiser.lr and optimiser.adam_lr, or train in precision fp32"
            )
        accuracy = self.judge.accuracy(self.network)
        for timestep, value in enumerate(accuracy):
            if value >= LEARNED and self.learned[timestep] is None:
                self.learned[timestep] = self.step
        self._snapshot()
        return {"step": self.step, "loss": loss, "accuracy": accuracy, "seconds": round(self.seconds, 3)}

    def _snapshot(self) -> None:
        """Keep what the liveliest validation trajectory looks like to the network by now, as greys 0..255."""
        drawn = self.judge.imagine(self.network, self.liveliest).clamp(0, 1).mul(255).round().to(torch.uint8)
        self.folder.keep_snapshot(self.step, drawn[0].cpu().numpy())

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "learned": self.learned,
            "network": self.network.state_dict(),
            "optimisers": self.optimisers.state(),
        }
        save_checkpoint(self.folder.checkpoint, state, config=fingerprint(self.config))

    def _load(self) -> None:
        state = load_checkpoint(self.folder.checkpoint, config=fingerprint(self.config))
        self.step, self.seconds, self.learned = state["step"], state["seconds"], state["learned"]
        self.network.load_state_dict(state["network"])
        self.optimisers.load(state["optimisers"])
