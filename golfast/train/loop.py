"""The training loop of one network."""

import dataclasses
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from golfast.data import States, generate
from golfast.model import Network
from golfast.run.checkpoint import taken_up
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.accuracy import Judge, greys
from golfast.train.compiled import CompiledStep
from golfast.train.config import COMPILED, TrainConfig
from golfast.train.feed import Feed
from golfast.train.journal import Draw, Journal, Outcome, Record, draw_nothing
from golfast.train.optimise import Optimisers, rate_factor, seeded_network


def train(
    config: TrainConfig,
    folder: RunFolder,
    packed: States,
    *,
    compute: Compute,
    resume: bool = False,
    watch: Callable[[Record], None] = lambda record: None,
    draw: Draw = draw_nothing,
) -> Outcome:
    """Train a network and leave weights.safetensors, metrics.jsonl and snapshots in the run folder.

    packed: the training trajectories, (N, m, H, ceil(W/8)) uint8, in memory or mapped, of the recipe config.data.
    `resume` goes on from the folder's checkpoint, if there is one, to the weights that an uninterrupted run gives: bit
    for bit on a CPU. `watch` is called with every record that goes into metrics.jsonl; `draw`, just before, with the
    validation trajectory that changes most and what the network imagines of it.

    A training that diverges, or never predicts a living cell, ends and says so in its outcome. Raises Failure if the
    checkpoints are damaged or of another config.
    """
    if config.engine == "stacked":
        from golfast.train.stack import train_together

        member = config, folder, watch
        _, outcome = next(train_together([member], packed, compute=compute, resume=resume, draw=draw))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
    with torch_threads(1):
        return _Training(config, folder, packed, compute, watch, draw).run(resume)


class _Training:
    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        packed: States,
        compute: Compute,
        watch: Callable[[Record], None] = lambda record: None,
        draw: Draw = draw_nothing,
    ) -> None:
        assert packed.shape[1:] == config.data.shape[1:]
        self.config, self.compute = config, compute
        self.network = seeded_network(Network, config.model, seed=config.seed).to(compute.device)
        self.compiled = CompiledStep(self.network, config) if config.engine in COMPILED else None
        # torch's optimisers load its whole compiler, seconds of it: only where they are used.
        self.optimisers = None if self.compiled else Optimisers(self.network, config.optimiser, config.steps)
        self.feed = Feed(packed, config.data.width, batch=config.batch, seed=config.seed, device=compute.device)
        validation = generate(dataclasses.replace(config.data, split="validation"), 0, config.evaluate_on)
        self.judge = Judge(validation, config.data.width, compute)
        self.journal = Journal(config, folder, self.judge, watch, draw)

    def run(self, resume: bool) -> Outcome:
        journal = self.journal
        if state := journal.open(resume=resume):
            with taken_up(journal.folder.checkpoint):
                self.network.load_state_dict(state["network"])
                self._mover().load(state["optimisers"])
        began = time.perf_counter() - journal.seconds
        self._look(None)
        while not journal.ended:
            loss = torch.zeros((), device=self.compute.device)
            for _ in range(journal.ahead):
                loss = loss + self.step()
            journal.seconds = time.perf_counter() - began
            self._look(float(loss / journal.unseen))
            if journal.saves:
                journal.save({"network": self.network.state_dict(), "optimisers": self._mover().state()})
        return journal.close(self.network)

    def step(self) -> Tensor:
        """Train one step; its loss, on the device."""
        first, last = self.feed.batch(self.journal.step)
        if self.compiled:
            factor = rate_factor(self.config.optimiser, self.journal.step, self.config.steps)
            loss = self.compiled.step(first, last, self.journal.step, factor)
        else:
            loss = self.loss(first, last)
            assert self.optimisers is not None
            self.optimisers.step(loss, self.journal.step)
        self.journal.step += 1
        return loss.detach()

    def loss(self, first: Tensor, last: Tensor) -> Tensor:
        """The loss of a batch, by torch."""
        with self.compute.autocast():
            if self.config.autoencoder:
                predicted, recreated = self.network(first)
            else:
                predicted = self.network.decoder(self.network.hidden_states(first)[-1])
        loss = mse_loss(predicted.float(), last)
        return (loss + mse_loss(recreated.float(), first)) / 2 if self.config.autoencoder else loss

    def _mover(self) -> CompiledStep | Optimisers:
        """What moves the weights, and has a state of its own."""
        mover = self.compiled or self.optimisers
        assert mover is not None
        return mover

    def _look(self, loss: float | None) -> None:
        ours = self.compiled or self.network
        drawn = greys(self.judge.imagine(ours, self.judge.liveliest))
        self.journal.look(self.judge.look(ours), drawn[0], loss=loss)
